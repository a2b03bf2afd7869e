"""The harness: starts Beam's Python worker the way every runner asks for one.

Runners of the PROCESS and EXTERNAL kind start an executable with ``--id`` and
``--provision_endpoint`` (Beam's container contract). Beam ships a Go program for
that inside its Docker image only; this is the same contract in Python, so that a
virtual environment is all that a node needs.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

from gristmill.pipelines.workers import close_pools

PROVISION_SECONDS = 60.0


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the contract's flags; a runner may pass more than are needed here."""
    parser = argparse.ArgumentParser(prog="gristmill-harness", description=__doc__)
    parser.add_argument("--id", required=True, help="id that the runner gave this worker")
    parser.add_argument("--provision_endpoint", required=True, help="where the job is described")
    for name in ("control_endpoint", "logging_endpoint", "artifact_endpoint"):
        parser.add_argument(f"--{name}", default="", help="used where provisioning names none")
    options = parser.parse_known_args(arguments)[0]
    options.id = options.id.strip("'")  # Prism passes its shell quotes along
    return options


def ask_provision(endpoint: str, worker_id: str) -> Any:
    """Ask the runner for pipeline options and endpoints.

    Returns:
        A ``ProvisionInfo`` message.
    """
    import grpc
    from apache_beam.portability.api import (
        beam_provision_api_pb2,
        beam_provision_api_pb2_grpc,
    )
    from apache_beam.runners.worker.worker_id_interceptor import WorkerIdInterceptor

    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(
            grpc.intercept_channel(channel, WorkerIdInterceptor(worker_id))
        )
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        return stub.GetProvisionInfo(request, timeout=PROVISION_SECONDS, wait_for_ready=True).info


def describe_worker(options: argparse.Namespace, info: Any, folder: str) -> Mapping[str, str]:
    """Environment variables that Beam's worker reads.

    Args:
        options: parsed flags.
        info: what the runner provisions.
        folder: scratch of this worker.
    """
    from google.protobuf import json_format

    def name_endpoint(provisioned: Any, given: str) -> str:
        return f'url: "{provisioned.url or given}"'

    variables = {
        "WORKER_ID": options.id,
        "SEMI_PERSISTENT_DIRECTORY": folder,
        "PIPELINE_OPTIONS": json.dumps(json_format.MessageToDict(info.pipeline_options)),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
        "CONTROL_API_SERVICE_DESCRIPTOR": name_endpoint(
            info.control_endpoint, options.control_endpoint
        ),
        "LOGGING_API_SERVICE_DESCRIPTOR": name_endpoint(
            info.logging_endpoint, options.logging_endpoint
        ),
    }
    if info.status_endpoint.url:
        variables["STATUS_API_SERVICE_DESCRIPTOR"] = f'url: "{info.status_endpoint.url}"'
    return variables


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve one runner's worker until it hangs up."""
    options = read_arguments(arguments)
    os.environ["WORKER_ID"] = options.id  # Beam's interceptor reads it when it is imported
    from apache_beam.runners.worker import sdk_worker_main

    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # who starts us may never read stdout
    # No artifact is staged here: gristmill is installed on the node, and the job says which.
    with tempfile.TemporaryDirectory(prefix="gristmill-harness-") as folder:
        signal.signal(signal.SIGTERM, _leave)
        try:
            info = ask_provision(options.provision_endpoint, options.id)
            os.environ.update(describe_worker(options, info, folder))
            sdk_worker_main.main(sys.argv[:1])
        finally:
            close_pools()  # kills children; waiting for their units would take minutes
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    # As an exception, so that folders are removed and children are not left behind.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
