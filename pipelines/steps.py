"""Steps: units planned, the missing ones run, the books closed, the manifest written last.

A stage is one or a few steps. A step whose manifest stands under the same key
and whose files are still there is not run again; otherwise only the units whose
folders are missing are.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.pipelines.progress import Progress
from gristmill.pipelines.units import RECORD_FILE, Unit, make_key
from gristmill.schemas.atomic_files import remove_partials, write_whole
from gristmill.schemas.errors import AccountingError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.ledger_records import StageTotals, UnitRecord, sum_records
from gristmill.schemas.manifests import StageManifest, StagePart
from gristmill.schemas.places import Place, StorePath, find_place, read_many

MANIFEST_FILE = "manifest.json"
UNITS_FILE = "units.jsonl"


@dataclass(frozen=True)
class Step:
    """Units of one kind; all of them run by the same work function."""

    name: str
    units: tuple[Unit, ...]

    @property
    def key(self) -> str:
        """Hash of the unit keys: order does not matter."""
        return hash_parts("step", self.name, *sorted(unit.key for unit in self.units)).hex()


class Workspace:
    """The folder where stages leave their parts: ``<output>/work/<step>/units/<key>/``."""

    def __init__(self, root: Place) -> None:
        self.root = root

    def step_folder(self, name: str) -> Place:
        """Folder of a step."""
        return self.root / name

    def make_unit(
        self,
        step: str,
        title: str,
        work: str,
        *,
        fragment: Any,
        code: str,
        inputs: Sequence[str],
        params: dict[str, Any],
    ) -> Unit:
        """Plan a unit: its key decides its folder."""
        key = make_key(step, fragment, code, inputs)
        folder = self.step_folder(step) / "units" / key
        return Unit(step, key, title, work, str(folder), params)

    def write_list(self, step: str, name: str, values: Any) -> str:
        """Leave a JSON list for units to read, instead of repeating it in every handle."""
        payload = json.dumps(values, sort_keys=True).encode("utf-8")
        digest = hash_parts("list", payload, size=8).hex()
        path = self.step_folder(step) / f"{name}-{digest}.json"
        if not path.exists():
            write_whole(path, payload)
        return str(path)

    def part_paths(self, manifest: StageManifest, table: str) -> list[str]:
        """Absolute paths of the parts of a table, in the manifest's order."""
        folder = self.step_folder(manifest.stage)
        return [str(folder / part.path) for part in manifest.of_table(table)]


def read_list(path: str) -> Any:
    """Read what `Workspace.write_list` left."""
    return json.loads(find_place(path).read_bytes())


def run_step(
    workspace: Workspace,
    step: Step,
    execute: Callable[[Place], None],
    progress: Progress,
    *,
    expected: StageTotals | None = None,
) -> StageManifest:
    """Bring a step to its end and close its books.

    Args:
        workspace: where the step's folder lies.
        step: the planned units.
        execute: runs every unit of a list file; see `engines.Engine.execute`.
        progress: told of every finished unit.
        expected: totals of the stage before, whose kept documents must be what
            this step takes in.

    Raises:
        AccountingError: counts or ids do not add up; no manifest is written.
        UnitFailedError: a unit failed.
    """
    folder = workspace.step_folder(step.name)
    standing = _find_standing(folder, step)
    if standing is not None:
        progress.skip(step.name, standing.totals)
        return standing
    folder.mkdir(parents=True, exist_ok=True)
    remove_partials(folder)
    sizes = measure_files(folder)
    pending = [unit for unit in step.units if not _is_finished(folder, unit, sizes)]
    with progress.follow(step.name, step.units):
        if pending:
            unit_list = folder / UNITS_FILE
            write_whole(unit_list, b"\n".join(unit.encode() for unit in pending))
            execute(unit_list)
    manifest = close_step(step, expected)
    write_whole(folder / MANIFEST_FILE, manifest.model_dump_json(indent=1).encode("utf-8"))
    return manifest


def close_step(step: Step, expected: StageTotals | None) -> StageManifest:
    """Read the records of every unit, check that they add up, list their parts by unit key."""
    records = sorted(read_records(step.units), key=lambda record: record.unit_key)
    totals = sum_records(records)
    if expected is not None and (
        totals.records_in != expected.kept or totals.ids_in != expected.ids_kept
    ):
        raise AccountingError(
            f"{step.name} took in {totals.records_in} documents (ids {totals.ids_in:016x}), but "
            f"the stage before kept {expected.kept} (ids {expected.ids_kept:016x})"
        )
    parts = tuple(
        StagePart(
            path=f"units/{record.unit_key}/{part.name}",
            table=part.name.partition(".")[0],
            unit_key=record.unit_key,
            rows=part.rows,
            bytes=part.bytes,
            sha256=part.sha256,
        )
        for record in records
        for part in record.parts
    )
    return StageManifest(stage=step.name, key=step.key, parts=parts, totals=totals)


def read_records(units: Sequence[Unit]) -> list[UnitRecord]:
    """Ledger records of finished units, in the order given."""
    payloads = read_many([unit.record_path for unit in units])
    return [UnitRecord.model_validate_json(payload) for payload in payloads]


def measure_files(folder: Place) -> Callable[[str], int | None]:
    """How to learn the size of a file of a step's folder; None is that of a missing one.

    On a disk each file is asked for when needed; the names in a store are listed once.
    """
    if isinstance(folder, StorePath):
        return folder.list_sizes().get

    def measure(name: str) -> int | None:
        try:
            return (folder / name).stat().st_size
        except FileNotFoundError:
            return None

    return measure


def _find_standing(folder: Place, step: Step) -> StageManifest | None:
    try:
        payload = (folder / MANIFEST_FILE).read_bytes()
    except FileNotFoundError:
        return None
    manifest = StageManifest.model_validate_json(payload)
    if manifest.key != step.key:
        return None
    sizes = measure_files(folder)
    whole = all(sizes(part.path) == part.bytes for part in manifest.parts)
    return manifest if whole else None


def _is_finished(folder: Place, unit: Unit, sizes: Callable[[str], int | None]) -> bool:
    place = f"units/{unit.key}"
    if sizes(f"{place}/{RECORD_FILE}") is None:
        return False
    [record] = read_records([unit])
    if all(sizes(f"{place}/{part.name}") == part.bytes for part in record.parts):
        return True
    _remove_folder(find_place(unit.folder))
    return False


def _remove_folder(folder: Place) -> None:
    # The record goes first: a folder without one is never taken for finished.
    (folder / RECORD_FILE).unlink(missing_ok=True)
    if isinstance(folder, Path):
        shutil.rmtree(folder)
