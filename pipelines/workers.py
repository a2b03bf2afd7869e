"""The supervised pool: killable children, one unit at a time each.

A child that overruns its CPU time, grows over its memory or dies is killed and
its unit tried again, with what was in flight handled alone or not at all. A
broken pool, a hang or an orphan is not a state that this module has.
"""

import atexit
import contextlib
import functools
import json
import multiprocessing
import os
import queue
import shutil
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from gristmill.pipelines.children import child_main
from gristmill.pipelines.units import Unit
from gristmill.pipelines.watching import IDLE, Refusals, read_marker, write_idle
from gristmill.schemas.errors import UnitFailedError
from gristmill.schemas.ledger_records import UnitRecord
from gristmill.schemas.recipe import Recipe

POLL_SECONDS = 0.05
WALL_PER_CPU = 10  # a sleeper is killed after ten times the CPU limit on the clock
RECYCLE_CPU_SECONDS = 1200  # extractors leak a little; a child does not live for days
MAX_POISONED = 500  # in one unit; more means that the code, not the documents, is at fault
MAX_IDLE_LOSSES = 2
SOCKET_FOLDER_BYTES = 60  # multiprocessing adds up to 40
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class ChildLimits:
    """What one document may cost a child."""

    document_cpu_seconds: float = 20.0
    child_memory_bytes: int = 4 << 30

    @staticmethod
    def of(recipe: Recipe) -> "ChildLimits":
        """The limits of a recipe."""
        limits = recipe.limits
        return ChildLimits(limits.document_cpu_seconds, limits.child_memory_bytes)


@dataclass(frozen=True)
class _Loss:
    reason: str
    where: str
    first: int
    last: int


def _read_usage(pid: int) -> tuple[float, int]:
    """CPU seconds and resident bytes of a process; (0, 0) where /proc is missing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0, 0
    return (int(stat[11]) + int(stat[12])) / _CLOCK_TICKS, resident * _PAGE_BYTES


@functools.cache
def _shorten_socket_path() -> None:
    """Keep the fork server's socket out of a long TMPDIR: its path may have 107 bytes."""
    if len(os.fsencode(tempfile.gettempdir())) <= SOCKET_FOLDER_BYTES:
        return
    folder = tempfile.TemporaryDirectory(prefix="gristmill-", dir="/tmp")
    atexit.register(folder.cleanup)
    # multiprocessing has no public way to say where its sockets go.
    multiprocessing.current_process()._config["tempdir"] = folder.name  # type: ignore[attr-defined]


class _Supervisor:
    """Owns one child, starts it when needed, and never outlives its patience."""

    def __init__(self, limits: ChildLimits, folder: Path, number: int) -> None:
        self._limits = limits
        self._marker = folder / f"child-{number}"
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._stopped = False

    def run(self, unit: Unit) -> UnitRecord:
        refusals = Refusals()
        idle_losses = 0
        while not self._stopped:
            outcome = self._attempt(unit, refusals)
            if isinstance(outcome, UnitRecord):
                return outcome
            if outcome.first == IDLE:
                idle_losses += 1
            if idle_losses > MAX_IDLE_LOSSES or not _learn(refusals, outcome):
                raise UnitFailedError(
                    f"{unit.stage} of {unit.title}: child lost ({outcome.reason}, "
                    f"{outcome.where}) with {len(refusals.poisoned)} documents set aside"
                )
        raise UnitFailedError(f"{unit.stage} of {unit.title}: stopped")

    def stop(self) -> None:
        """Have the thread that runs a unit here kill its child and give up."""
        self._stopped = True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.join(timeout=0.2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._process = self._connection = None

    def _start(self) -> None:
        _shorten_socket_path()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["gristmill.pipelines.children", "pyarrow.parquet"])
        write_idle(self._marker)
        ours, theirs = context.Pipe()
        process = context.Process(
            target=child_main, args=(theirs, str(self._marker)), daemon=True, name="gristmill"
        )
        process.start()
        theirs.close()
        self._process, self._connection = process, ours

    def _attempt(self, unit: Unit, refusals: Refusals) -> UnitRecord | _Loss:
        if self._process is None or not self._process.is_alive():
            self.close()
            self._start()
        assert self._connection is not None and self._process is not None
        request = {"unit": asdict(unit), "refusals": refusals.to_json()}
        try:
            self._connection.send_bytes(json.dumps(request).encode("utf-8"))
            overrun = self._wait()
            answer = None if overrun else json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            answer, overrun = None, "worker_crash"
        if answer is None:
            return self._bury(unit, str(overrun))
        if "error" in answer:
            raise UnitFailedError(f"{unit.stage} of {unit.title}: {answer['error']}")
        if "loss" in answer:
            first, last, _ = read_marker(self._marker)
            loss = _Loss(answer["loss"], answer["where"], first, last)
            self.close()
            return loss
        self._recycle_if_old()
        return UnitRecord.model_validate_json(answer["record"])

    def _bury(self, unit: Unit, reason: str) -> _Loss:
        """Kill the child, read what it had in flight, remove what it left half-written."""
        assert self._process is not None
        self._process.kill()
        self._process.join()
        shutil.rmtree(unit.partial_folder(self._process.pid or 0), ignore_errors=True)
        first, last, _ = read_marker(self._marker)
        where = f"exit code {self._process.exitcode}"
        self.close()
        return _Loss(reason, where, first, last)

    def _wait(self) -> str | None:
        """Wait for an answer; returns the reason if the child must be killed instead."""
        assert self._connection is not None and self._process is not None
        pid = self._process.pid or 0
        seen = (IDLE, IDLE, -1.0)
        since = time.monotonic()
        limit = self._limits.document_cpu_seconds
        while not self._connection.poll(POLL_SECONDS):
            if self._stopped:
                return "stopped"
            cpu_seconds, resident = _read_usage(pid)
            marker = read_marker(self._marker)
            if marker != seen:
                seen, since = marker, time.monotonic()
            if resident > self._limits.child_memory_bytes:
                return "memory_limit"
            if marker[0] == IDLE:
                continue
            overran_clock = time.monotonic() - since > limit * WALL_PER_CPU
            if cpu_seconds - marker[2] > limit or overran_clock:
                return "cpu_limit"
        return None

    def _recycle_if_old(self) -> None:
        assert self._process is not None
        cpu_seconds, resident = _read_usage(self._process.pid or 0)
        if cpu_seconds > RECYCLE_CPU_SECONDS or resident > self._limits.child_memory_bytes // 2:
            self.close()


def _learn(refusals: Refusals, loss: _Loss) -> bool:
    """Note what a loss teaches for the next try; False when there is nothing new to learn."""
    if loss.first == IDLE:
        return True
    if loss.first != loss.last:
        if (loss.first, loss.last) in refusals.careful:
            return False
        refusals.careful.append((loss.first, loss.last))
        return True
    if loss.first in refusals.poisoned:
        # Even reading past it kills: give up the rest of the file, not the run.
        if refusals.stop_before is not None:
            return False
        refusals.stop_before = (loss.first, loss.reason)
        return True
    refusals.poisoned[loss.first] = loss.reason
    return len(refusals.poisoned) <= MAX_POISONED


class WorkerPool:
    """As many supervised children as asked for; `submit` gives a future of a record."""

    def __init__(self, size: int, limits: ChildLimits) -> None:
        self.size = size
        self._folder = tempfile.TemporaryDirectory(prefix="gristmill-pool-")
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="supervisor")
        self._idle: queue.SimpleQueue[_Supervisor] = queue.SimpleQueue()
        self._all = [_Supervisor(limits, Path(self._folder.name), number) for number in range(size)]
        for supervisor in self._all:
            self._idle.put(supervisor)

    def submit(self, unit: Unit) -> "Future[UnitRecord]":
        """Carry out a unit in the next free child."""
        return self._threads.submit(self._run, unit)

    def _run(self, unit: Unit) -> UnitRecord:
        supervisor = self._idle.get()
        try:
            return supervisor.run(unit)
        finally:
            self._idle.put(supervisor)

    def close(self) -> None:
        """Stop every child; units in flight are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for supervisor in self._all:
            supervisor.stop()
        self._threads.shutdown(wait=True)
        for supervisor in self._all:
            supervisor.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()


_pools: dict[tuple[int, ChildLimits], WorkerPool] = {}


def share_pool(size: int, limits: ChildLimits) -> WorkerPool:
    """The process's pool of this size: children outlive a stage, so imports are paid once."""
    key = (size, limits)
    if key not in _pools:
        _pools[key] = WorkerPool(size, limits)
    return _pools[key]


@atexit.register
def close_pools() -> None:
    """Stop the children of every shared pool."""
    while _pools:
        _, pool = _pools.popitem()
        pool.close()
