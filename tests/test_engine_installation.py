"""Installing engines: with a Maven and a Java that are scripts, and with what is really here."""

import json
import os
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from importlib import resources

import apache_beam as beam
import grpc
import pytest
from fake_machines import (
    make_machine,
    read_calls,
    release_server,
    say_nothing,
    write_script,
)
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import cli
from gristmill.pipelines.engines import homes, installation, maven_builds
from gristmill.pipelines.engines.installation import (
    EngineError,
    EngineHome,
    check_engine,
    find_engine,
    find_java,
    find_maven,
    install_engine,
    java_flags,
)
from gristmill.schemas.errors import GristmillError

BEAM = beam.__version__


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return make_machine(tmp_path, monkeypatch)


def test_install_appears_whole(machine):
    lines: list[str] = []
    home = install_engine("spark", lines.append)
    assert home.folder == machine / "engines" / "spark-2.62.0"
    assert [jar.name for jar in home.class_path] == ["runner.jar", "core-1.jar", "other-2.jar"]
    assert home.staged_jars == (home.folder / "runner.jar",) == (home.submit_jar,)
    assert (home.engine_version, home.beam_version) == ("3.5.0", "2.62.0")
    assert home == find_engine("spark")
    assert check_engine(home) == []
    visible = [path.name for path in (machine / "engines").iterdir() if path.is_dir()]
    assert visible == ["spark-2.62.0"]
    assert lines[-1].startswith("Spark 3.5.0 installed in ")


def test_versions_reach_maven(machine):
    install_engine("flink", say_nothing)
    fetched, built = read_calls(machine)
    assert "-Dengine.version=1.19.0" in fetched
    assert "-Drunner.artifact=beam-runners-flink-1.19" in built
    assert "-Dbeam.version=2.62.0" in built


def test_leftovers_of_a_killed_install_go(machine):
    left = machine / "engines" / ".spark-killed"
    left.mkdir(parents=True)
    (left / "half.jar").write_text("half")
    install_engine("spark", say_nothing)
    assert not left.exists()


def test_second_install_runs_no_maven(machine):
    first = install_engine("spark", say_nothing)
    lines: list[str] = []
    assert install_engine("spark", lines.append) == first
    assert len(read_calls(machine)) == 2
    assert lines == [f"Spark 3.5.0 is installed in {first.folder}"]


def test_two_installs_at_once_do_not_clash(machine):
    homes: list[EngineHome] = []
    threads = [
        threading.Thread(target=lambda: homes.append(install_engine("spark", say_nothing)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(homes) == 3 and len(set(homes)) == 1
    assert len(read_calls(machine)) == 2


def test_unknown_engine(machine):
    with pytest.raises(EngineError, match="no engine is called 'dask': choose flink or spark"):
        install_engine("dask", say_nothing)
    assert issubclass(EngineError, GristmillError)


def test_no_maven(machine, monkeypatch):
    (machine / "bin" / "mvn").unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    with pytest.raises(EngineError, match="Maven is not installed: install Apache Maven"):
        find_maven()
    with pytest.raises(EngineError, match="Maven is not installed"):
        install_engine("spark", say_nothing)


MISSING = (
    "[ERROR] Failed to execute goal on project runner: Could not find artifact "
    "org.apache.beam:beam-runners-spark-3:jar:2.62.0 in house (https://me:secret@repo.house/m2)"
    " -> [Help 1]"
)


def test_maven_failure_is_one_sentence(machine):
    body = (
        f"echo '[INFO] Scanning'\ncat <<'X'\n{MISSING}\n[ERROR] \n[ERROR] Re-run Maven\nX\nexit 1\n"
    )
    write_script(machine / "bin" / "mvn", "#!/bin/sh\n" + body)
    with pytest.raises(EngineError) as caught:
        install_engine("spark", say_nothing)
    text = str(caught.value)
    assert "Could not find artifact org.apache.beam:beam-runners-spark-3:jar:2.62.0" in text
    assert "secret" not in text and "Help" not in text and "\n" not in text
    left = [path.name for path in (machine / "engines").iterdir() if path.is_dir()]
    assert left == []  # nothing half-made


@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_released_job_server(machine, engine):
    release_server(machine, engine)
    home = install_engine(engine, say_nothing, released=True)
    (call,) = read_calls(machine)
    assert f"-Dserver.artifact={installation.ENGINES[engine].server_artifact}" in call
    assert f"-Dbeam.version={BEAM}" in call
    jar = home.folder / "job-server.jar"
    assert home.folder == machine / "engines" / f"{engine}-{BEAM}-released"
    assert (home.class_path, home.staged_jars, home.submit_jar) == ((jar,), (jar,), jar)
    assert home.beam_version == BEAM
    manifest = json.loads((home.folder / "manifest.json").read_text())
    assert (manifest["form"], manifest["beam_version"]) == ("released", BEAM)
    assert find_engine(engine) == home and check_engine(home) == []
    assert install_engine(engine, say_nothing, released=True) == home
    assert len(read_calls(machine)) == 1


CACHED = "\033[31mX was not found in https://house/m2 during a previous attempt.\033[0m"


@pytest.mark.parametrize(
    "words", ["Could not find artifact X in house", "Failure to find X", CACHED]
)
def test_no_released_job_server_is_one_sentence(machine, monkeypatch, capsys, words):
    jar = f"org.apache.beam:beam-runners-spark-3-job-server:jar:{BEAM}"
    maven = (machine / "bin" / "mvn").read_text()
    said = f"[ERROR] Failed: {words.replace('X', jar)}"
    failing = "case \"$*\" in *server.artifact*) cat <<'X'\n" + said + "\nX\nexit 1 ;; esac\n"
    write_script(machine / "bin" / "mvn", maven.replace("for word", f"{failing}for word"))
    assert cli.main(["engines", "install", "spark", "--released"]) == 0
    home = find_engine("spark")
    assert home.folder == machine / "engines" / "spark-2.62.0" and home.form == "parts"
    assert json.loads((home.folder / "manifest.json").read_text())["form"] == "parts"
    told = capsys.readouterr()
    assert told.out == f"{home.folder}\n"
    assert [line for line in told.err.splitlines() if "no Maven" in line] == [
        f"no Maven repository in use has {jar.replace(':jar:', ':')}: "
        "taking the tested parts of Beam 2.62.0 instead"
    ]


def test_other_failures_do_not_fall_back(machine):
    write_script(machine / "bin" / "mvn", "#!/bin/sh\necho '[ERROR] Connection refused'\nexit 1\n")
    with pytest.raises(EngineError, match="needs: Connection refused"):
        install_engine("spark", say_nothing, released=True)


@pytest.mark.parametrize("whole", [True, False])
def test_released_jar_must_hold_a_job_server(machine, whole):
    parts = install_engine("spark", say_nothing)
    jar = release_server(machine, "flink").rename(
        machine / "servers" / "beam-runners-spark-3-job-server.jar"
    )
    if not whole:
        jar.write_text("<html>Sign in</html>")
    with pytest.raises(EngineError, match=r"no job server of Spark .* without --released"):
        install_engine("spark", say_nothing, released=True)
    assert find_engine("spark") == parts
    visible = [path.name for path in (machine / "engines").iterdir() if path.is_dir()]
    assert visible == ["spark-2.62.0"]


def test_maven_that_leaves_nothing(machine):
    write_script(machine / "bin" / "mvn", "#!/bin/sh\nexit 0\n")
    with pytest.raises(EngineError, match="left no jars of Spark"):
        install_engine("spark", say_nothing)


@given(st.text(max_size=2000))
def test_picked_line_is_one_short_line(text):
    picked = maven_builds._pick_line(text)
    assert len(picked.splitlines()) <= 1
    assert len(picked) <= maven_builds._LONGEST_LINE + 4


def test_poms_are_ours_and_name_no_host():
    folder = resources.files("gristmill.pipelines.engines") / "maven"
    for name in ("released", "runner", *installation.ENGINES):
        text = (folder / f"{name}.xml").read_text()
        ElementTree.fromstring(text)
        assert "<repository>" not in text and "<url>" not in text


JOB = """
import sys, apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
options = PipelineOptions([f"--job_endpoint=localhost:{sys.argv[1]}", "--runner=PortableRunner",
                           "--environment_type=LOOPBACK"])
def write(pair, out=sys.argv[2]):
    open(f"{out}/{pair[0]}", "w").write(str(sum(pair[1])))
with beam.Pipeline(options=options) as pipeline:
    (pipeline | beam.Create(range(100)) | beam.Reshuffle() | beam.Map(lambda n: (n % 3, n))
     | beam.GroupByKey() | beam.Map(write))
"""


@pytest.fixture
def open_parts(need_engine: Callable[[str], None]) -> Callable[[str], EngineHome]:
    """The home that is tested here, even where a released jar was installed last."""

    def open_home(engine: str) -> EngineHome:
        need_engine(engine)
        home = homes.name_home(engine, homes.PARTS)
        if not home.exists():
            install_engine(engine, lambda message: None)
        return homes.open_home(engine, home)

    return open_home


@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_real_runner_jar_is_clean(engine, open_parts):
    home = open_parts(engine)
    assert check_engine(home) == []
    with zipfile.ZipFile(home.staged_jars[0]) as jar:
        names = jar.namelist()
        registrars = jar.read(
            "META-INF/services/org.apache.beam.sdk.options.PipelineOptionsRegistrar"
        )
    foreign = ("com/google/common/", "com/fasterxml/", "org/joda/", "io/grpc/", "org/slf4j/")
    own = ("org/apache/spark/", "org/apache/flink/", "scala/")
    assert [name for name in names if name.startswith((*foreign, *own))] == []
    assert f".runners.{engine}.".encode() in registrars
    assert b"org.apache.beam.sdk.options." in registrars  # files of several jars are merged
    assert not [name for name in names if name.endswith((".SF", ".RSA", ".DSA"))]


@pytest.mark.parametrize(
    ("engine", "flags"),
    [("spark", ["--spark-master-url=local[1]"]), ("flink", ["--flink-master=[local]"])],
)
def test_real_job_server_counts_right(engine, flags, tmp_path, open_parts):
    home = open_parts(engine)
    java = find_java()
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    names = ("job", "artifact", "expansion")
    flags = [*flags, "--job-host=localhost"]
    flags += [f"--{name}-port={port}" for name, port in zip(names, ports, strict=True)]
    class_path = os.pathsep.join(map(str, home.class_path))
    command = [str(java.path), *java_flags(java), "-cp", class_path, home.main_class, *flags]
    log = tmp_path / "server.log"
    with log.open("wb") as sink:
        server = subprocess.Popen(command, stdout=sink, stderr=sink, cwd=tmp_path)
    try:
        # Spark's default logging says nothing of the start, so the port is asked.
        with grpc.insecure_channel(f"localhost:{ports[0]}") as channel:
            grpc.channel_ready_future(channel).result(timeout=40)
        out = tmp_path / "out"
        out.mkdir()
        script = tmp_path / "job.py"
        script.write_text(JOB)
        done = subprocess.run(
            [sys.executable, str(script), str(ports[0]), str(out)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    finally:
        server.kill()
        server.wait()
    found = {path.name: int(path.read_text()) for path in out.iterdir()}
    assert found == {str(k): sum(range(k, 100, 3)) for k in range(3)}
    assert "NoSuchMethodError" not in log.read_text()
