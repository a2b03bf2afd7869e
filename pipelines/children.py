"""The child process: carries out units and leaves their folders whole.

This is one of the two places where every exception is caught (the other is
`cli.main`): whatever a document does to the code that reads it ends here, as a
loss that the supervisor turns into a quarantined document.
"""

import ctypes
import fcntl
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from gristmill.pipelines.compile_pauses import exempt_compiling
from gristmill.pipelines.units import RECORD_FILE, Unit
from gristmill.pipelines.watching import IDLE, Refusals, Watch, read_marker
from gristmill.schemas.atomic_files import (
    put_file,
    sha256_file,
    sync_file,
    sync_folder,
    write_whole,
)
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.ledger_records import PartFile, UnitRecord
from gristmill.schemas.places import Place, StorePath, find_place, is_remote

_PR_SET_PDEATHSIG = 1


@dataclass
class UnitContext:
    """What a work function is given. Files go into `folder`, which later gets its final name."""

    unit: Unit
    folder: Path
    watch: Watch


@dataclass
class UnitResult:
    """What a work function counts; see `UnitRecord` for the fields."""

    records_in: int
    kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    ids_in: int = 0
    ids_kept: int = 0
    bytes_in: int = 0
    facts: dict[str, int | float | str] = field(default_factory=dict)


def find_work(name: str) -> Callable[[UnitContext], UnitResult]:
    """Import the function that ``module:function`` names."""
    module, _, function = name.partition(":")
    found: Callable[[UnitContext], UnitResult] = getattr(import_module(module), function)
    return found


def carry_out(unit: Unit, watch: Watch) -> UnitRecord:
    """Run one unit; its folder appears whole, with the record inside.

    A folder that is already there came from another attempt with the same key,
    hence the same content: it stays.
    """
    if unit.record_path.exists():
        return UnitRecord.model_validate_json(unit.record_path.read_bytes())
    partial = unit.partial_folder(os.getpid())
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700 if is_remote(unit.folder) else 0o777)
    cpu_start = time.process_time()
    try:
        result = find_work(unit.work)(UnitContext(unit, partial, watch))
        watch.leave()
        record = _describe(unit, partial, result, time.process_time() - cpu_start)
        record.check_balance()
        if not _publish_folder(partial, find_place(unit.folder), record):
            record = UnitRecord.model_validate_json(unit.record_path.read_bytes())
        if "scratch" in unit.params:
            shutil.rmtree(unit.params["scratch"], ignore_errors=True)
        return record
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish_folder(partial: Path, final: Place, record: UnitRecord) -> bool:
    """Make a folder appear with its record; False if another attempt was first."""
    payload = record.model_dump_json(indent=1).encode("utf-8")
    if isinstance(final, StorePath):
        # Another attempt stores the same bytes under the same names. The record, which
        # makes the unit finished, comes last.
        for part in record.parts:
            put_file(partial / part.name, final / part.name)
        write_whole(final / RECORD_FILE, payload)
        return True
    for part in record.parts:
        sync_file(partial / part.name)
    write_whole(partial / RECORD_FILE, payload)
    try:
        os.rename(partial, final)
    except OSError:
        if not (final / RECORD_FILE).exists():
            raise
        return False
    sync_folder(final.parent)
    return True


def _describe(unit: Unit, folder: Path, result: UnitResult, cpu_seconds: float) -> UnitRecord:
    parts = tuple(
        PartFile(
            name=path.name,
            rows=int(result.facts.pop(f"rows:{path.name}", 0)),
            bytes=path.stat().st_size,
            sha256=sha256_file(path),
        )
        for path in sorted(folder.iterdir())
    )
    return UnitRecord(
        stage=unit.stage,
        unit_key=unit.key,
        title=unit.title,
        records_in=result.records_in,
        kept=result.kept,
        dropped=dict(sorted(result.dropped.items())),
        quarantined=dict(sorted(result.quarantined.items())),
        ids_in=result.ids_in,
        ids_kept=result.ids_kept,
        bytes_in=result.bytes_in,
        bytes_out=sum(part.bytes for part in parts),
        cpu_seconds=round(cpu_seconds, 3),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        parts=parts,
        facts=result.facts,
    )


def child_main(connection: Connection, marker: str) -> None:
    """Serve units until the supervisor hangs up. Messages are JSON."""
    _tie_to_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import pyarrow as pa

    pa.set_cpu_count(1)  # one core a child; more children, not more threads
    pa.set_io_thread_count(1)
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        connection.send_bytes(json.dumps(_answer(request, Path(marker))).encode("utf-8"))


def _answer(request: dict[str, object], marker: Path) -> dict[str, object]:
    unit = Unit(**request["unit"])  # type: ignore[arg-type]
    watch = Watch.open(marker, Refusals.from_json(request["refusals"]))  # type: ignore[arg-type]
    watch.leave()
    try:
        with exempt_compiling(watch):
            return {"record": carry_out(unit, watch).model_dump_json()}
    except (GristmillError, OSError, ImportError, SyntaxError) as error:
        # The last two are a broken installation's doing, never a document's.
        return {"error": f"{type(error).__name__}: {error}"}
    except MemoryError:
        return {"loss": "memory_limit", "where": "MemoryError"}
    except BaseException as error:  # a document's doing, or a bug: both are told apart by marker
        where = _locate(error)
        if read_marker(marker)[0] == IDLE:
            return {"error": f"{where}: {error}"}
        return {"loss": "worker_crash", "where": where}


def _locate(error: BaseException) -> str:
    """Where an exception was raised, without its message: that may quote a document."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    place = f" at {Path(last.filename).name}:{last.lineno}" if last else ""
    return f"{type(error).__name__}{place}"


def _tie_to_parent() -> None:
    """Have Linux end this process when the launcher or the fork server goes.

    A thread that waits for it would not do: a document can hold the interpreter. Nor
    does the fork server's own end suffice, which waits for its children to go first.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # The pipe that the launcher holds open. When it closes the kernel sends SIGIO,
        # which ends a process by default.
        pipe = parent.sentinel
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
