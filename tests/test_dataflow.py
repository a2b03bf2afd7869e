"""Submitting jobs to a stand-in for Dataflow, and what its failures are called."""

import pytest
from dataflow_cases import (
    FakeResult,
    answer_with,
    make_engine,
    needs_gcp,
)
from dataflow_cases import (
    no_network as no_network,
)

from gristmill.pipelines.engines import dataflow
from gristmill.pipelines.engines.dataflow_failures import explain_dataflow_failure
from gristmill.pipelines.engines.graph import Job
from gristmill.pipelines.units import Unit
from gristmill.schemas.errors import EngineError, UnitFailedError

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture
def unit_list(tmp_path):
    unit = Unit("collect", "ab", "a unit", "module:function", str(tmp_path / "u"), {})
    path = tmp_path / "units.jsonl"
    path.write_bytes(unit.encode())
    return path


@needs_gcp
def test_a_step_is_submitted_under_its_name_and_waited_for(monkeypatch, unit_list):
    submitted = answer_with(monkeypatch, FakeResult())
    heard = []
    engine = make_engine(say=heard.append)
    engine.execute(unit_list)
    [options] = submitted
    assert options["job_name"] == engine.name(Job.read(unit_list))
    assert options["temp_location"] == "gs://some-bucket/gristmill-temp"
    assert "2026-11-24_job of a-project, europe-west4" in heard[-1]


@needs_gcp
def test_an_interrupt_cancels_the_job(monkeypatch, unit_list):
    result = FakeResult(KeyboardInterrupt("SIGINT"))
    answer_with(monkeypatch, result)
    with pytest.raises(KeyboardInterrupt):
        make_engine().execute(unit_list)
    assert result.cancelled


@needs_gcp
def test_failures_of_beam_are_sentences(monkeypatch, unit_list):
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRuntimeException
    from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
    from google.api_core.exceptions import Forbidden
    from google.auth.exceptions import DefaultCredentialsError

    said = "Traceback …\ngristmill.schemas.errors.UnitFailedError: a.warc: too much [while running"
    failed = DataflowRuntimeException(f"Dataflow pipeline failed. State: FAILED, Error:\n{said}", 0)
    answer_with(monkeypatch, FakeResult(failed))
    with pytest.raises(UnitFailedError, match=r"^a\.warc: too much$"):
        make_engine().execute(unit_list)
    for error, words in (
        (DataflowJobAlreadyExistsError("There is already active job named x-1 with id: 7"), "x-1"),
        (Forbidden("no"), "roles/dataflow.developer"),
        (DefaultCredentialsError("Your default credentials were not found."), "gcloud auth"),
        (ConnectionResetError("Connection reset by peer"), "cannot be reached"),
    ):
        answer_with(monkeypatch, error)
        with pytest.raises(EngineError, match=words) as caught:
            make_engine().execute(unit_list)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Startup of the worker pool failed: QUOTA_EXCEEDED: Quota 'CPUS' exceeded", "quota"),
        ("ZONE_RESOURCE_POOL_EXHAUSTED: no n2-highmem-4", "another --region"),
        ("Error syncing pod 9f, skipping: ImagePullBackOff", "--image"),
        ("The worker lost contact with the service.", "for lack of memory"),
        ("OSError: [Errno 28] No space left on device", "--disk-gb"),
        ("Dataflow API has not been used in project 7 before", "gcloud services enable"),
        ("Current user cannot act as service account: iam.serviceAccounts.actAs", "act as"),
        ("Subnetwork regions/x/y does not exist", "--subnetwork"),
        ("404 The specified bucket does not exist.", "does not exist: make it"),
        ("ModuleNotFoundError: No module named 'gristmill'", "holds no gristmill"),
        ("Dataflow pipeline failed. State: CANCELLED, Error:\nNone", "was cancelled"),
        ("SomeError: odd", "could not run collect: SomeError: odd"),
        ("", "it wrote nothing"),
    ],
)
def test_what_dataflow_says_is_translated(text, words):
    error = explain_dataflow_failure("collect", text, "job 7 of p")
    assert words in str(error)
    assert "\n" not in str(error) and str(error).endswith("(job 7 of p)")


def test_the_extra_is_named_when_it_is_missing(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(dataflow.importlib, "import_module", refuse)
    with pytest.raises(EngineError, match=r"pip install 'gristmill\[gcp\]'"):
        make_engine().prepare()


@needs_gcp
def test_missing_credentials_are_noticed_before_the_first_job(monkeypatch, tmp_path):
    for name in ("HOME", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(EngineError, match="gcloud auth application-default login"):
        make_engine().prepare()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "no-such.json"))
    with pytest.raises(EngineError):
        make_engine().prepare()
