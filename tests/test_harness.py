"""The Python worker that engines start: flags, environment, and a pool that starts it."""

import os
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    endpoints_pb2,
)
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.engines import harness, worker_pools
from gristmill.pipelines.engines.processes import pick_ports
from gristmill.schemas.errors import EngineError


class Provisions(beam_provision_api_pb2_grpc.ProvisionServiceServicer):
    """A runner that describes one job, and remembers who asked."""

    def __init__(self, **endpoints: str) -> None:
        self.asked: list[str] = []
        self.info = beam_provision_api_pb2.ProvisionInfo(runner_capabilities=["a", "b"])
        self.info.pipeline_options["beam:option:job_name:v1"] = "mill"
        for name, url in endpoints.items():
            getattr(self.info, f"{name}_endpoint").url = url

    def GetProvisionInfo(self, request, context):
        self.asked.append(dict(context.invocation_metadata())["worker_id"])
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=self.info)


@pytest.fixture
def serve():
    servers = []

    def start(provisions: Provisions) -> str:
        server = grpc.server(futures.ThreadPoolExecutor(2))
        beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(provisions, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(0).wait()


def test_the_runner_is_asked_under_the_workers_id(serve):
    provisions = Provisions(control="c:1", logging="l:2")
    info = harness.ask_provision(serve(provisions), "worker-7")
    assert provisions.asked == ["worker-7"]
    options = harness.read_arguments(["--id=worker-7", "--provision_endpoint=p:3"])
    found = harness.describe_worker(options, info, "/scratch")
    assert found == {
        "WORKER_ID": "worker-7",
        "SEMI_PERSISTENT_DIRECTORY": "/scratch",
        "PIPELINE_OPTIONS": '{"beam:option:job_name:v1": "mill"}',
        "RUNNER_CAPABILITIES": "a b",
        "CONTROL_API_SERVICE_DESCRIPTOR": 'url: "c:1"',
        "LOGGING_API_SERVICE_DESCRIPTOR": 'url: "l:2"',
    }


def test_flags_fill_in_what_provisioning_leaves_out(serve):
    info = harness.ask_provision(serve(Provisions()), "w")
    flags = ["--id=w", "--provision_endpoint=p", "--control_endpoint=c:9", "--logging_endpoint=l:8"]
    found = harness.describe_worker(harness.read_arguments(flags), info, "/s")
    assert found["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "c:9"'
    assert found["LOGGING_API_SERVICE_DESCRIPTOR"] == 'url: "l:8"'
    assert "STATUS_API_SERVICE_DESCRIPTOR" not in found


@given(st.text(st.characters(codec="ascii", exclude_characters="'", min_codepoint=33), min_size=1))
def test_an_id_comes_through_with_or_without_quotes(worker_id):
    for given_id in (worker_id, f"'{worker_id}'"):
        options = harness.read_arguments([f"--id={given_id}", "--provision_endpoint=p", "--new=1"])
        assert options.id == worker_id


def test_a_pool_starts_this_installations_harness(serve, tmp_path, monkeypatch):
    note = tmp_path / "started"
    script = tmp_path / "gristmill-harness"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(note)!r}, 'w').write(' '.join(sys.argv[1:]))\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(worker_pools, "find_harness", lambda: script)
    [port] = pick_ports(1)
    pool = worker_pools.start_pool(port)
    try:
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
            endpoint = endpoints_pb2.ApiServiceDescriptor(url="r:1")
            request = beam_fn_api_pb2.StartWorkerRequest(
                worker_id="w-1", provision_endpoint=endpoint
            )
            assert not stub.StartWorker(request, timeout=10).error
            deadline = time.monotonic() + 20
            while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert {"--id=w-1", "--provision_endpoint=r:1"} <= set(note.read_text().split())
            stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id="w-1"), timeout=20)
        with pytest.raises(EngineError, match="the port is taken"):
            worker_pools.start_pool(port)
    finally:
        pool.stop()


def test_the_harness_stands_beside_this_python():
    path = worker_pools.find_harness()
    assert path.parent == Path(sys.executable).parent
    done = subprocess.run([path, "--help"], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0 and "--provision_endpoint" in done.stdout


def test_a_missing_harness_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EngineError, match="install gristmill's wheel"):
        worker_pools.find_harness()


def test_a_harness_that_is_told_to_stop_leaves_nothing(serve, tmp_path):
    """Spark ends the workers that it started itself by SIGTERM."""
    provisions = Provisions(control="127.0.0.1:1", logging="127.0.0.1:1")
    command = [worker_pools.find_harness(), "--id=w", f"--provision_endpoint={serve(provisions)}"]
    process = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not provisions.asked and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(tmp_path.glob("gristmill-harness-*"))
        process.terminate()
        assert process.wait(20) == 0
        assert not list(tmp_path.iterdir())
    finally:
        process.kill()
