"""Server processes that an engine needs: started here, watched, and gone when we go."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.schemas.errors import EngineError

START_SECONDS = 60.0
STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


def pick_ports(count: int) -> list[int]:
    """Ports of the loopback interface that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def answers(host: str, port: int, seconds: float = 1.0) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except OSError:
        return False
    return True


@dataclass
class ServerProcess:
    """A server that listens on a loopback port, and its log. Use as a context manager."""

    title: str  # as messages name it
    command: Sequence[str]
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            EngineError: it ended, or did not listen within `START_SECONDS`.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,  # an interrupt is ours to handle, then we stop it
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not answers("127.0.0.1", self.port):
            if self._process.poll() is not None:
                raise EngineError(f"{self.title} did not start: {self.last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise EngineError(
                    f"{self.title} does not listen after {START_SECONDS:.0f} s; its log: {self.log}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, kindly first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._process is None else self._process.pid

    def last_words(self) -> str:
        """The line of its log that most likely says what went wrong."""
        return find_complaint(self.log.read_text(encoding="utf-8", errors="replace")) + (
            f" (log: {self.log})"
        )

    def __enter__(self) -> "ServerProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def find_complaint(text: str) -> str:
    """The last line that names an error, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if not line.startswith(("at ", "...", "\tat"))
        and any(word in line for word in ("Error", "Exception", "ERROR", "error:", "FATAL"))
    ]
    return (telling or lines or ["it wrote nothing"])[-1][:500]


def _die_with_parent() -> None:
    # Linux only; elsewhere a killed launcher leaves the server to its own idle time-out.
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
