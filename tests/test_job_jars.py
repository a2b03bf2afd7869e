"""Jobs packed into an engine's jar."""

import json
import zipfile

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from fake_machines import make_machine, release_server, say_nothing

from gristmill.pipelines.engines import job_jars
from gristmill.pipelines.engines.installation import install_engine
from gristmill.schemas.errors import EngineError


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return make_machine(tmp_path, monkeypatch)


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


def test_released_jar_takes_a_job(machine):
    release_server(machine, "spark")
    home = install_engine("spark", say_nothing, released=True)
    options = PipelineOptions(["--environment_type=EXTERNAL", "--environment_config=localhost:1"])
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | beam.Create([1])
    server = f"{home.main_class.replace('.', '/')}.class"
    with zipfile.ZipFile(job_jars.pack_job(pipeline, home, machine / "job.jar")) as jar:
        assert {server, "BEAM-PIPELINE/pipeline-manifest.json"} <= set(jar.namelist())
    with zipfile.ZipFile(home.folder / "job-server.jar") as jar:
        assert jar.namelist() == [server]
