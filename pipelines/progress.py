"""Progress on stderr, fed by the ledger records that units leave; stdout stays data."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from gristmill.pipelines.units import RECORD_FILE, Unit
from gristmill.schemas.ledger_records import StageTotals, UnitRecord
from gristmill.schemas.places import StorePath, find_place, is_remote, read_many

POLL_SECONDS = 0.3
STORE_POLL_SECONDS = 5.0  # a store bills every listing


class Progress:
    """Follows steps: bars on a terminal, one line a step elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=sys.stderr, quiet=quiet, highlight=False)

    def say(self, message: str) -> None:
        """Print one line."""
        self._console.print(message, markup=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Print one warning line."""
        line = f"warning: {message}"
        self._console.print(line, style="yellow", markup=False, soft_wrap=True)

    def skip(self, step: str, totals: StageTotals) -> None:
        """Say that a step stands."""
        self.say(f"{step:<24} stands   {_render(totals.records_in, totals.kept)}")

    def show_step(self, line: Mapping[str, Any]) -> None:
        """Print a training step now and then: ten times in a run's first hundred, then less."""
        step = int(line["step"])
        if step % (10 if step <= 100 else 50) == 0 or step == 1:
            self.say(f"step {step:>6}  loss {line['loss']:.4f}")

    @contextlib.contextmanager
    def follow(self, step: str, units: Sequence[Unit]) -> Iterator[None]:
        """Watch for the units' records until the block ends."""
        stop = threading.Event()
        counts = _Counts()
        started = time.monotonic()
        bars = Bars(
            TextColumn(f"{step:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with bars:
            task = bars.add_task(step, total=len(units), detail="")
            watcher = threading.Thread(
                target=_poll_records, args=(units, stop, counts, bars, task), daemon=True
            )
            watcher.start()
            try:
                yield
            finally:
                stop.set()
                watcher.join()
        seconds = time.monotonic() - started
        self.say(f"{step:<24} {seconds:6.1f} s {_render(counts.records_in, counts.kept)}")


class _Counts:
    def __init__(self) -> None:
        self.records_in = 0
        self.kept = 0
        self.units = 0

    def add(self, record: UnitRecord) -> None:
        self.records_in += record.records_in
        self.kept += record.kept
        self.units += 1


def _poll_records(
    units: Sequence[Unit], stop: threading.Event, counts: _Counts, bars: Bars, task: object
) -> None:
    waiting = list(units)
    last_round = False
    far = bool(waiting) and is_remote(waiting[0].folder)
    while True:
        finished = _list_finished(waiting)
        for payload in read_many([unit.record_path for unit in finished]):
            counts.add(UnitRecord.model_validate_json(payload))
        known = {unit.key for unit in finished}
        waiting = [unit for unit in waiting if unit.key not in known]
        detail = _render(counts.records_in, counts.kept)
        bars.update(task, completed=counts.units, detail=detail)  # type: ignore[arg-type]
        if last_round or not waiting:
            return
        last_round = stop.wait(STORE_POLL_SECONDS if far else POLL_SECONDS)


def _list_finished(units: Sequence[Unit]) -> list[Unit]:
    """Those whose records are there; a store is asked once for all of them."""
    if not units:
        return []
    folder = find_place(units[0].folder).parent
    if not isinstance(folder, StorePath):
        return [unit for unit in units if unit.record_path.exists()]
    there = folder.list_sizes()
    return [unit for unit in units if f"{unit.key}/{RECORD_FILE}" in there]


def _render(records_in: int, kept: int) -> str:
    return f"{records_in:>10,} in {kept:>10,} kept"
