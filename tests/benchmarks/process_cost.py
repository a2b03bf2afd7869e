"""What a command costs: CPU seconds of its whole process tree, and wall time.

``RUSAGE_CHILDREN`` misses processes whose parent never waited for them. Both
`multiprocessing`'s forkserver (which outlives the program that started it) and
its workers are such. So the commands run below a process of ours that adopts
orphans (``PR_SET_CHILD_SUBREAPER``) and waits for every one of them.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
SAMPLE_SECONDS = 0.5
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ORPHAN_SECONDS = 60.0  # how long an orphan may go on after the commands ended


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of commands that ran at the same time.

    Attributes:
        cpu_seconds: user and system time of every process they started.
        wall_seconds: from the first start to the last end.
        peak_bytes: most resident memory of all of them at one time, sampled; pages that
            processes share count for each.
        peak_by_name: the same of the largest process of each name.
        outputs: the last line of each command's stdout, as JSON (None if empty).
    """

    cpu_seconds: float
    wall_seconds: float
    outputs: tuple[Any, ...]
    peak_bytes: int = 0
    peak_by_name: Mapping[str, int] = field(default_factory=dict)


def measure_commands(
    commands: Sequence[Sequence[str]], *, environment: Mapping[str, str] | None = None
) -> Cost:
    """Run commands at the same time and add up what they cost.

    Args:
        commands: argument lists; all start at once.
        environment: variables added to ours.

    Raises:
        RuntimeError: one of them failed; the message has the end of its stderr.
    """
    with tempfile.TemporaryDirectory(prefix="gristmill-bench-") as name:
        folder = Path(name)
        (folder / "commands.json").write_text(json.dumps([list(line) for line in commands]))
        result = subprocess.run(
            [sys.executable, __file__, str(folder)], env=os.environ | dict(environment or {})
        )
        if result.returncode != 0:
            logs = [path.read_text(errors="replace")[-4000:] for path in folder.glob("stderr-*")]
            raise RuntimeError(f"{[line[:4] for line in commands]} failed:\n" + "\n".join(logs))
        found = json.loads((folder / "cost.json").read_text())
        outputs = tuple(_last_line(folder / f"stdout-{k}") for k in range(len(commands)))
    return Cost(outputs=outputs, **found)


def _last_line(path: Path) -> Any:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return json.loads(lines[-1]) if lines else None


def _supervise(folder: Path) -> int:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    begin = time.perf_counter()
    processes = []
    for number, command in enumerate(json.loads((folder / "commands.json").read_text())):
        with (
            (folder / f"stdout-{number}").open("wb") as out,
            (folder / f"stderr-{number}").open("wb") as err,
        ):
            processes.append(
                subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
            )
    with _MemorySampler() as memory:
        codes = [process.wait() for process in processes]
    wall_seconds = time.perf_counter() - begin
    patience = 0.0 if any(codes) else ORPHAN_SECONDS
    try:
        _await_orphans(time.monotonic() + patience)
    except TimeoutError:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if not any(codes):
            raise
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "wall_seconds": wall_seconds,
        "peak_bytes": memory.peak_bytes,
        "peak_by_name": memory.peak_by_name,
    }
    (folder / "cost.json").write_text(json.dumps(cost))
    return max(abs(code) for code in codes)


class _MemorySampler:
    """Samples the resident memory of this process's descendants until its block ends."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.peak_by_name: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_MemorySampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            sizes = _list_descendants()
            self.peak_bytes = max(self.peak_bytes, sum(size for _, size in sizes))
            for name, size in sizes:
                self.peak_by_name[name] = max(self.peak_by_name.get(name, 0), size)


def _list_descendants() -> list[tuple[str, int]]:
    """Name and resident bytes of every process below this one."""
    parents: dict[int, int] = {}
    found: dict[int, tuple[str, int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            head, _, tail = (entry / "stat").read_text().rpartition(")")
            pages = int((entry / "statm").read_text().split()[1])
            parents[int(entry.name)] = int(tail.split()[1])
            found[int(entry.name)] = (head.partition("(")[2], pages * PAGE_BYTES)
    below = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            return [found[pid] for pid in below - {os.getpid()}]
        below |= more


def _await_orphans(deadline: float) -> None:
    while time.monotonic() < deadline:
        try:
            found, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if found == 0:
            time.sleep(0.05)
    raise TimeoutError("a process started by the commands does not end")


if __name__ == "__main__":
    sys.exit(_supervise(Path(sys.argv[1])))
