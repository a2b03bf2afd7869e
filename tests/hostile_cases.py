"""Every input made to hang, crash or fill a reader, each between two healthy neighbours.

Nothing here is anyone's text.
"""

from pathlib import Path

import stage_samples
from hostile_files import list_containers
from hostile_kit import Hostile
from hostile_web import list_pages, list_records
from mill_inputs import write_small_recipe

from gristmill.pipelines.inputs import InputFile
from gristmill.pipelines.part_files import read_part
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages.collect_steps import plan_collect
from gristmill.pipelines.workers import WorkerPool
from gristmill.schemas.ledger_records import UnitRecord
from gristmill.schemas.recipe import load_recipe

CASES = [*list_pages(), *list_records(), *list_containers()]


def collect(pool: WorkerPool, folder: Path, case: Hostile) -> tuple[UnitRecord, list[str]]:
    """Collect a case's file; returns the record and the texts of its documents."""
    folder.mkdir()
    path = folder / case.file
    path.write_bytes(case.make())
    recipe = load_recipe(write_small_recipe(folder, case.source.format(path)))
    run = Run(recipe, stage_samples.carry_out_list, stage_samples.QUIET)
    size = path.stat().st_size
    run.inputs = [InputFile(recipe.sources[0].name, case.file, str(path), size, "0")]
    (unit,) = plan_collect(run, {}).units
    Path(unit.folder).parent.mkdir(parents=True, exist_ok=True)
    record = pool.submit(unit).result(timeout=300)
    documents = read_part(Path(unit.folder) / "documents.parquet", ["text"])
    return record, documents["text"].to_pylist()
