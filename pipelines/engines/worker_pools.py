"""Worker pools: one on every node of a cluster starts Python workers for its executors.

Beam's own pool starts plain ``python`` from PATH, listens on every interface, and
knows workers by ids that two executors of a node may share, so that one stops the
other's. This one starts `harness` of the installation that it is itself part of,
listens on loopback unless told otherwise (whoever can reach it can run code), and
leaves stopping to the workers: each ends when its executor hangs up.
"""

import subprocess
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from gristmill.schemas.errors import EngineError

DEFAULT_PORT = 50_000
HARNESS = "gristmill-harness"
STOP_SECONDS = 10.0
_REQUESTS = 16  # start and stop requests at once
_ENDPOINTS = ("provision", "control", "logging", "artifact")


def find_harness() -> Path:
    """The harness script of this installation.

    Raises:
        EngineError: it is not beside this Python.
    """
    path = Path(sys.executable).parent / HARNESS
    if not path.exists():
        raise EngineError(
            f"{path} does not exist: install gristmill's wheel with the Python of this node's pool"
        )
    return path


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts a harness for every request; ends those that are left when it is stopped."""

    def __init__(self, server: grpc.Server, harness: Path) -> None:
        self._server = server
        self._harness = harness
        self._processes: list[subprocess.Popen[bytes]] = []

    def StartWorker(self, request: Any, context: Any) -> Any:
        """Start a harness for an executor; the name is Beam's, as are the messages."""
        endpoints = {name: getattr(request, f"{name}_endpoint").url for name in _ENDPOINTS}
        command = [
            str(self._harness),
            f"--id={request.worker_id}",
            *(f"--{name}_endpoint={url}" for name, url in endpoints.items() if url),
        ]
        self._processes = [process for process in self._processes if process.poll() is None]
        try:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        except OSError as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=f"{self._harness}: {error.strerror}")
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, context: Any) -> Any:
        """Do nothing: the id may be another executor's, too."""
        return beam_fn_api_pb2.StopWorkerResponse()

    def stop(self) -> None:
        """Take no more requests and end every worker."""
        self._server.stop(grace=0.5).wait()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start_pool(port: int, host: str = "localhost") -> WorkerPool:
    """Start serving; the caller waits and stops it.

    Raises:
        EngineError: the port cannot be had.
    """
    # Without the option a second pool on the port would silently share its requests.
    options = [("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(_REQUESTS), options=options)
    pool = WorkerPool(server, find_harness())
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError:
        bound = 0
    if bound == 0:
        raise EngineError(f"no worker pool on {host}:{port}: the port is taken or not ours to use")
    server.start()
    return pool
