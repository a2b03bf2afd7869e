"""Engines behind a job server: what fails is one sentence, and what is started is stopped."""

import os
import signal
import subprocess
import sys
import time
from concurrent import futures
from pathlib import Path

import apache_beam as beam
import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from mill_inputs import make_golden
from mill_runs import run_command
from step_cases import expect_both, run_both

from gristmill.pipelines.engines import probes
from gristmill.pipelines.engines.graph import Crew
from gristmill.pipelines.engines.portable import Environment, PortableEngine
from gristmill.pipelines.engines.runtimes import check_runtime, describe_runtime
from gristmill.pipelines.engines.selection import EngineChoice, open_engine
from gristmill.pipelines.engines.servers import make_prism_server
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.steps import Step, Workspace, run_step
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.errors import EngineError, UnitFailedError

pytestmark = pytest.mark.usefixtures("stop_children")


def test_steps_run_one_after_the_other_on_one_server(prism, tmp_path):
    for exchange in ("files", "group_by_key"):
        choice = EngineChoice("prism", exchange=exchange)
        with open_engine(choice, ChildLimits(), tmp_path / exchange, str) as execute:
            assert run_both(tmp_path / exchange / "work", execute) == expect_both()


def test_a_failed_unit_is_its_own_sentence(prism, tmp_path):
    workspace = Workspace(tmp_path / "work")
    unit = workspace.make_unit(
        "bad", "a file", "worker_cases:refuse", fragment=None, code="", inputs=[], params={}
    )
    with (
        open_engine(EngineChoice("prism"), ChildLimits(), tmp_path, str) as execute,
        pytest.raises(UnitFailedError, match=r"^bad of a file: OSError") as failure,
    ):
        run_step(workspace, Step("bad", (unit,)), execute, Progress(quiet=True))
    assert "\n" not in str(failure.value) and "Traceback" not in str(failure.value)


class SilentPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Says that it starts workers, and starts none."""

    def StartWorker(self, request, context):
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request, context):
        return beam_fn_api_pb2.StopWorkerResponse()


def test_workers_that_never_come_up_are_given_up(prism, tmp_path):
    pool = grpc.server(futures.ThreadPoolExecutor(2))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(SilentPool(), pool)
    port = pool.add_insecure_port("127.0.0.1:0")
    pool.start()
    engine = PortableEngine(
        "Prism",
        make_prism_server(tmp_path / "logs"),
        Crew(runtime=dict(describe_runtime())),
        environment=Environment("EXTERNAL", f"localhost:{port}"),
        probe_folder=tmp_path / "work",
        probe_seconds=3.0,
    )
    started = time.monotonic()
    try:
        with pytest.raises(EngineError, match="no Python worker answered within 3 s") as failure:
            engine.__enter__()
        assert f"find a pool at localhost:{port}" in str(failure.value)
        assert time.monotonic() - started < 30
        assert engine.server.pid is None
    finally:
        pool.stop(0).wait()


def test_an_interrupted_run_stops_its_server_and_goes_on_later(prism, tmp_path):
    golden = make_golden(tmp_path)
    straight = run_command("--quiet", "run", golden.recipe, "--output", tmp_path / "straight")
    output = tmp_path / "out"
    flags = ["run", str(golden.recipe), "--output", str(output), "--engine", "prism"]
    command = [sys.executable, "-m", "gristmill.pipelines.cli", "--quiet", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (output / "work" / "measure").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip() == "gristmill: interrupted; the same command goes on from here"
    assert not [entry for entry in list_commands() if str(prism) in entry]
    done = run_command(*flags)
    assert (done.code, done.out) == (0, straight.out)


def list_commands() -> list[str]:
    """Command lines of this user's processes that are not defunct."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.stat().st_uid == os.getuid():
                found.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


# Probes


def test_a_probe_passes_where_workers_see_the_folder_and_run_our_code(tmp_path):
    with BeamPipeline(runner="FnApiRunner") as pipeline:
        probes.build_probe(pipeline, tmp_path, describe_runtime())
    assert (tmp_path / probes.PROBE_FILE).exists()


def test_a_probe_fails_where_workers_run_other_code(tmp_path):
    other = {**describe_runtime(), "gristmill": "0.0.1, code 0123"}
    pipeline = beam.Pipeline(runner="FnApiRunner")
    probes.build_probe(pipeline, tmp_path, other)
    with pytest.raises(EngineError, match=r"instead of 0\.0\.1, code 0123"):
        pipeline.run()


def test_a_worker_that_sees_another_disk_says_so(tmp_path):
    (tmp_path / "word").write_text("ours")
    probes.read_word(str(tmp_path / "word"), "ours")
    for path, word in ((tmp_path / "word", "theirs"), (tmp_path / "missing", "ours")):
        with pytest.raises(EngineError, match="on storage that all workers share"):
            probes.read_word(str(path), word)


def test_every_difference_of_a_worker_is_named():
    check_runtime(describe_runtime())
    with pytest.raises(EngineError) as failure:
        check_runtime({"python": "2.7", "pyarrow": "0.1"})
    assert "python 3" in str(failure.value) and "instead of 2.7" in str(failure.value)
    assert "instead of 0.1" in str(failure.value)
