"""What an engine leaves behind, told in one sentence."""

import pytest

from gristmill.pipelines.engines.failures import explain_failure
from gristmill.pipelines.engines.processes import find_complaint
from gristmill.schemas.errors import EngineError, UnitFailedError

JAVA = (
    "java.lang.RuntimeException: Error received from SDK harness for instruction 4: "
    "Traceback (most recent call last):\n"
    '  File "x.py", line 300, in _execute\n'
    "gristmill.schemas.errors.{0} [while running 'RunUnits-ptransform-5']\n"
    "\n\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.x(Client.java:180)\n"
)


def explain(tmp_path, text, log=""):
    path = tmp_path / "job-server.log"
    path.write_text(log)
    return explain_failure("Spark", "collect", text, path)


@pytest.mark.parametrize(
    ("kind", "name"), [(UnitFailedError, "UnitFailedError"), (EngineError, "EngineError")]
)
def test_our_own_errors_come_back_as_they_were_raised(tmp_path, kind, name):
    error = explain(tmp_path, JAVA.format(f"{name}: collect of a.warc.gz: OSError: gone"))
    assert type(error) is kind
    assert str(error) == "collect of a.warc.gz: OSError: gone"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ModuleNotFoundError: No module named 'gristmill'", "cannot import gristmill"),
        ("No module named 'apache_beam'", "cannot import apache_beam"),
        (
            "StandaloneAppClient: All masters are unresponsive! Giving up.",
            "no cluster master answers",
        ),
        (
            "UNAVAILABLE: io exception\nConnection refused: localhost/127.0.0.1:50000",
            "nothing listens at localhost/127.0.0.1:50000: start `gristmill engines workers`",
        ),
        (
            'java.io.IOException: Cannot run program "/opt/none": error=2',
            "workers cannot run /opt/none",
        ),
        ("java.lang.OutOfMemoryError: Java heap space", "ran out of memory .Java heap space."),
        ("java.io.IOException: No space left on device", "no space left"),
    ],
)
def test_known_failures_say_what_to_do(tmp_path, text, words):
    for error in (explain(tmp_path, text), explain(tmp_path, "FAILED", log=text)):
        assert isinstance(error, EngineError)
        assert words.replace(".Java", "(Java").replace("space.", "space)") in str(error)
        assert "\n" not in str(error)


def test_an_unknown_failure_names_its_last_complaint_and_the_log(tmp_path):
    log = "INFO fine\norg.x.StrangeException: the moon\n\tat org.x.Y(Z.java:3)\n"
    error = explain(tmp_path, "unknown error", log)
    assert "StrangeException: the moon" in str(error)
    assert str(tmp_path / "job-server.log") in str(error)


def test_a_complaint_is_found_between_stack_lines():
    assert (
        find_complaint("a\nfoo.BarError: x\nat b.c(d.java:3)\n... 12 more\n") == "foo.BarError: x"
    )
    assert find_complaint("only words\n") == "only words"
    assert find_complaint("") == "it wrote nothing"
