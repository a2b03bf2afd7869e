"""Installing engines: with a Maven and a Java that are scripts, and with what is really here."""

import json
import os
import socket
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
import zipfile
from importlib import resources
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.engines import installation, job_jars, maven_builds
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

FAKE_MAVEN = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
*shade:shade*) mkdir target; echo runner > target/runner-1.jar ;;
*) mkdir jars; echo core > jars/core-1.jar; echo other > jars/other-2.jar ;;
esac
"""


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def write_java(path: Path, version: str) -> Path:
    return write_script(path, f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose PATH has a fake java 17, a fake mvn, and the shell's own tools."""
    tools = tmp_path / "bin"
    write_java(tools / "java", "17.0.9")
    write_script(tools / "mvn", FAKE_MAVEN)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("GRISTMILL_ENGINES", str(tmp_path / "engines"))
    return tmp_path


def hide_tools(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = machine / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


def say_nothing(line: str) -> None:
    """Takes a line of progress."""


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
    fetched, built = (machine / "calls").read_text().splitlines()
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
    assert len((machine / "calls").read_text().splitlines()) == 2
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
    assert len((machine / "calls").read_text().splitlines()) == 2


def test_truncated_jar_is_noticed_and_mended(machine):
    home = install_engine("spark", say_nothing)
    home.class_path[1].write_text("c")
    with pytest.raises(
        EngineError, match=r"is damaged \(engine/core-1.jar .* engines install spark"
    ):
        find_engine("spark")
    assert check_engine(install_engine("spark", say_nothing)) == []


def test_changed_byte_is_noticed_and_mended(machine):
    home = install_engine("spark", say_nothing)
    home.class_path[1].write_text("cure\n")
    assert find_engine("spark") == home  # sizes are right
    (fault,) = check_engine(home)
    assert "core-1.jar is damaged: run gristmill engines install spark" in fault
    home.class_path[1].unlink()
    (fault,) = check_engine(home)
    assert "core-1.jar is missing" in fault
    assert check_engine(install_engine("spark", say_nothing)) == []


def test_missing_engine(machine):
    with pytest.raises(
        EngineError, match=r"^Spark is not installed: run gristmill engines install spark$"
    ):
        find_engine("spark")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"engine_version": "3.4.1"}, "holds Spark 3.4.1 with Beam 2.62.0, but this gristmill"),
        ({"beam_version": "2.50.0"}, "holds Spark 3.5.0 with Beam 2.50.0, but this gristmill"),
        ({"format": 99}, "is of another gristmill"),
    ],
)
def test_other_version_is_named(machine, change, sentence):
    path = install_engine("spark", say_nothing).folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(EngineError, match=sentence):
        find_engine("spark")


def test_broken_manifest(machine):
    path = install_engine("spark", say_nothing).folder / "manifest.json"
    path.write_text("{")
    with pytest.raises(EngineError, match="cannot be read: run gristmill engines install spark"):
        find_engine("spark")


def test_unknown_engine(machine):
    with pytest.raises(EngineError, match="no engine is called 'dask': choose flink or spark"):
        install_engine("dask", say_nothing)
    assert issubclass(EngineError, GristmillError)


def test_no_java(machine, monkeypatch):
    hide_tools(machine, monkeypatch)
    with pytest.raises(EngineError, match="no Java is installed: install Java 11 or 17"):
        install_engine("spark", say_nothing)


def test_no_maven(machine, monkeypatch):
    (machine / "bin" / "mvn").unlink()
    monkeypatch.setenv("PATH", str(machine / "bin"))
    with pytest.raises(EngineError, match="Maven is not installed: install Apache Maven"):
        find_maven()
    with pytest.raises(EngineError, match="Maven is not installed"):
        install_engine("spark", say_nothing)


@pytest.mark.parametrize(
    ("text", "version"), [("17.0.9", 17), ("11.0.20", 11), ("17", 17), ("17-ea", 17)]
)
def test_java_version_is_read(machine, text, version):
    write_java(machine / "bin" / "java", text)
    java = find_java()
    assert (java.path, java.version) == (machine / "bin" / "java", version)
    assert ("--add-opens=java.base/java.nio=ALL-UNNAMED" in java_flags(java)) == (version == 17)


@pytest.mark.parametrize(("text", "age"), [("1.8.0_392", "8, too old"), ("21.0.1", "21, too new")])
def test_unsupported_java(machine, text, age):
    write_java(machine / "bin" / "java", text)
    with pytest.raises(EngineError, match=f"is Java {age} for Spark and Flink: install Java 11"):
        find_java()


def test_java_home_comes_first(machine, monkeypatch):
    write_java(machine / "jdk" / "bin" / "java", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
    assert find_java().version == 11
    monkeypatch.setenv("JAVA_HOME", str(machine / "nothing"))
    with pytest.raises(EngineError, match=r"nothing, which has no bin/java: correct or unset it"):
        find_java()


def test_broken_java(machine):
    write_script(machine / "bin" / "java", "#!/bin/sh\nexit 3\n")
    with pytest.raises(EngineError, match="failed with exit code 3: install Java again"):
        find_java()


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
    for name in ("runner", *installation.ENGINES):
        text = (folder / f"{name}.xml").read_text()
        ElementTree.fromstring(text)
        assert "<repository>" not in text and "<url>" not in text


def test_packed_job(machine):
    home = install_engine("spark", say_nothing)
    with zipfile.ZipFile(home.folder / "runner.jar", "w") as jar:
        jar.writestr("org/Runner.class", b"code")
    options = PipelineOptions(
        ["--environment_type=EXTERNAL", "--environment_config=localhost:50000"]
    )
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | "numbers" >> beam.Create([1, 2])
    out = job_jars.pack_job(pipeline, home, machine / "jobs" / "job.jar")
    with zipfile.ZipFile(out) as jar:
        assert jar.read("org/Runner.class") == b"code"
        manifest = json.loads(jar.read("BEAM-PIPELINE/pipeline-manifest.json"))
        assert manifest == {"defaultJobName": "pipeline"}
        proto = json.loads(jar.read("BEAM-PIPELINE/pipeline/pipeline.json"))
        chosen = json.loads(jar.read("BEAM-PIPELINE/pipeline/pipeline-options.json"))
    environments = proto["components"]["environments"].values()
    assert "beam:env:external:v1" in {environment["urn"] for environment in environments}
    assert not any(environment.get("dependencies") for environment in environments)
    assert chosen["beam:option:environment_type:v1"] == "EXTERNAL"
    assert "beam:option:runner:v1" not in chosen
    assert [path.name for path in out.parent.iterdir()] == ["job.jar"]


def test_packed_job_needs_workers_elsewhere(machine):
    home = install_engine("spark", say_nothing)
    pipeline = beam.Pipeline(options=PipelineOptions(["--environment_type=LOOPBACK"]))
    with pytest.raises(EngineError, match="set environment_type to EXTERNAL"):
        job_jars.pack_job(pipeline, home, machine / "job.jar")


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


def require_engine(engine: str) -> EngineHome:
    try:
        find_java()
        return find_engine(engine)
    except EngineError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("engine", ["spark", "flink"])
def test_real_runner_jar_is_clean(engine):
    home = require_engine(engine)
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
def test_real_job_server_counts_right(engine, flags, tmp_path):
    home = require_engine(engine)
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
