"""Portable engines: Spark, Flink and Prism, each behind a Beam job server that we start.

One job server serves all jobs of a run. Python work is done by this process
(``loopback``, for engines on this machine), by a worker pool on every node
(``external``) or by a program that the engine starts itself (``process``).
"""

import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions

from gristmill.pipelines.engines.failures import explain_failure, quiet_beam
from gristmill.pipelines.engines.graph import Crew, Job, build_graph
from gristmill.pipelines.engines.probes import build_probe
from gristmill.pipelines.engines.processes import ServerProcess
from gristmill.schemas.errors import EngineError
from gristmill.schemas.places import Place

POLL_SECONDS = 0.2
#: A worker that has not answered by then never will: its pool is down or starts no Python.
PROBE_SECONDS = 90.0


@dataclass(frozen=True)
class Environment:
    """Where an engine's Python workers come from, in Beam's words."""

    kind: str = "LOOPBACK"  # LOOPBACK | EXTERNAL | PROCESS
    config: str = ""  # EXTERNAL: host:port of a pool on each node; PROCESS: JSON with "command"

    def flags(self) -> list[str]:
        """Beam's options."""
        given = [f"--environment_type={self.kind}"]
        return [*given, f"--environment_config={self.config}"] if self.config else given


@dataclass(frozen=True)
class PortableEngine:
    """Runs jobs through a job server. Use as a context manager: it starts and stops the server."""

    title: str  # Spark, Flink, Prism
    server: ServerProcess
    crew: Crew
    shuffles: bool = True
    environment: Environment = Environment()
    flags: Sequence[str] = ()  # more Beam options of every job
    probe_folder: Place | None = None  # where workers must be able to read; None: no probe
    probe_seconds: float = PROBE_SECONDS

    def __enter__(self) -> "PortableEngine":
        self.server.start()
        threading.excepthook = _pass_over_hang_ups
        try:
            if self.probe_folder is not None:
                self.probe(self.probe_folder)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        threading.excepthook = threading.__excepthook__

    def options(self, name: str) -> PipelineOptions:
        """Pipeline options of a job."""
        return PipelineOptions(
            [
                "--runner=PortableRunner",
                f"--job_endpoint=localhost:{self.server.port}",
                f"--job_name=gristmill-{name.replace('.', '-')}",
                "--default_sdk_harness_log_level=ERROR",
                *self.environment.flags(),
                *self.flags,
            ]
        )

    def execute(self, unit_list: Place) -> None:
        """Run every unit of a list file and wait for the end.

        Raises:
            UnitFailedError: a unit failed for a reason that is not one document's.
            EngineError: the engine failed.
        """
        job = Job.read(unit_list)
        pipeline = beam.Pipeline(options=self.options(job.step))
        build_graph(pipeline, job, self.crew, shuffles=self.shuffles)
        self._run(pipeline, job.step)

    def probe(self, folder: Place) -> None:
        """Have workers prove that they start, run our code and see our files.

        Raises:
            EngineError: says which of the three fails.
        """
        pipeline = beam.Pipeline(options=self.options("probe"))
        build_probe(pipeline, folder, self.crew.runtime or {})
        self._run(pipeline, "probe", self.probe_seconds)

    def _run(self, pipeline: beam.Pipeline, name: str, seconds: float | None = None) -> None:
        with quiet_beam():
            try:
                result = pipeline.run()
                self._wait(result, seconds)
            except (RuntimeError, grpc.RpcError, grpc.FutureTimeoutError) as error:
                raise explain_failure(self.title, name, str(error), self.server.log) from None

    def _wait(self, result: Any, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        waiting = _wait_aside(result)
        try:
            while not waiting.done():
                if deadline is not None and time.monotonic() > deadline:
                    raise EngineError(self._describe_silence())
                futures.wait([waiting], timeout=POLL_SECONDS)
        except (KeyboardInterrupt, EngineError):
            with contextlib.suppress(RuntimeError, grpc.RpcError):
                result.cancel()
            raise
        waiting.result()

    def _describe_silence(self) -> str:
        what = f"{self.title}: no Python worker answered within {self.probe_seconds:.0f} s"
        if self.environment.kind == "EXTERNAL":
            return (
                f"{what}; start `gristmill engines workers` on every node, so that its executors "
                f"find a pool at {self.environment.config} (log: {self.server.log})"
            )
        return f"{what}; is the engine up and has it free cores? (log: {self.server.log})"


def _wait_aside(result: Any) -> "futures.Future[None]":
    """Wait for a job in a thread that no one has to wait for."""
    future: futures.Future[None] = futures.Future()

    def wait() -> None:
        try:
            result.wait_until_finish()
        except (RuntimeError, grpc.RpcError) as error:
            future.set_exception(error)
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            future.set_result(None)

    threading.Thread(target=wait, name="job", daemon=True).start()
    return future


def _pass_over_hang_ups(arguments: threading.ExceptHookArgs) -> None:
    # Beam's threads end with one when an engine closes their stream, as each does after a job.
    if not isinstance(arguments.exc_value, grpc.RpcError):
        threading.__excepthook__(arguments)
