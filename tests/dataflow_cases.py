"""An engine that reaches nothing, its jobs, and what stands in for Dataflow in tests."""

import socket
from pathlib import Path

import pytest

from gristmill.pipelines.engines import dataflow, failures
from gristmill.pipelines.engines.dataflow_settings import DataflowSettings
from gristmill.pipelines.workers import ChildLimits

REPOSITORY = Path(__file__).parents[1]
SHIPPED = REPOSITORY / "pipelines" / "engines" / "dataflow_files"
OUTPUT = "gs://some-bucket/runs/demo"
SETTINGS = DataflowSettings(project="a-project", region="europe-west4", image="workers:1")

try:
    from google.cloud import dataflow_v1beta3
except ImportError:
    dataflow_v1beta3 = None
needs_gcp = pytest.mark.skipif(
    dataflow_v1beta3 is None, reason="needs Beam's Google Cloud parts: apache-beam[gcp]"
)


@pytest.fixture
def no_network(monkeypatch):
    connect = socket.socket.connect

    def refuse(*arguments, **_):
        raise AssertionError(f"asks the network: {arguments}")

    def connect_here(self, address):
        if self.family != socket.AF_UNIX:  # the fork server's
            refuse(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def make_engine(settings=SETTINGS, workers=1, output=OUTPUT, **choices):
    return dataflow.make_dataflow_engine(
        settings, workers, ChildLimits(), dataset="demo", output=output, **choices
    )


def build_proto(pipeline):
    with failures.quiet_beam():
        return pipeline.run().job.proto_pipeline


def job_of(step):
    from gristmill.pipelines.engines import dataflow_graphs

    return next(job for job in dataflow_graphs.list_jobs(OUTPUT) if job.step == step)


class FakeResult:
    def __init__(self, error=None):
        self.error = error
        self.cancelled = False

    def job_id(self):
        return "2026-11-24_job"

    def wait_until_finish(self):
        if self.error is not None:
            raise self.error

    def cancel(self):
        self.cancelled = True


def answer_with(monkeypatch, result):
    from apache_beam.options.pipeline_options import GoogleCloudOptions
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    submitted = []
    # Asks the store about the bucket of temporary files.
    monkeypatch.setattr(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None)

    def run_pipeline(runner, pipeline, options, **_):
        submitted.append(options.get_all_options())
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(DataflowRunner, "run_pipeline", run_pipeline)
    return submitted
