"""Measure: documents to signals. One unit a documents part; no threshold anywhere."""

from collections import Counter

import pyarrow as pa

from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.part_files import PartWriter, read_batches, view_ids
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.set_aside import quarantine_rows
from gristmill.pipelines.stages import collect
from gristmill.pipelines.stages.instruments import (
    Instruments,
    describe_instruments,
    list_code,
    list_instruments,
)
from gristmill.pipelines.stages.planning import Slot, Work, plan_units
from gristmill.pipelines.steps import Step
from gristmill.schemas.ledger_records import UINT64, sum_ids
from gristmill.schemas.tables import QUARANTINE

STAGE = "measure"
CODE = (
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.set_aside",
    "gristmill.pipelines.stages.instruments",
    "gristmill.pipelines.stages.measure",
    "gristmill.schemas.tables",
    "dist:google-re2",
    "dist:icu4py",
    "dist:phonenumberslite",
    "dist:publicsuffixlist",
    "dist:pyarrow",
)
COLUMNS = ("doc_id", "source", "native_id", "url", "licence", "text", "file", "offset", "length")


def plan_measure(run: Run) -> Step:
    """Plan one unit for each documents part."""
    recipe = run.recipe
    params = list_instruments(recipe.measuring, recipe.cleaning, recipe.folder)
    fragment = describe_instruments(params)
    slots = [
        Slot(record.title, [part.sha256], {"documents": path})
        for record, part, path in run.pair_parts(collect.STAGE, "documents")
    ]
    work = Work(STAGE, "measure:measure_part", fragment, (*CODE, *list_code(params)))
    return plan_units(run, work, slots, shared_params={"instruments": params})


def measure_part(context: UnitContext) -> UnitResult:
    """Measure every document of a part; writes signals and, if any, quarantined rows."""
    tools = Instruments(context.unit.params["instruments"])
    reasons: Counter[str] = Counter()
    records_in = ids_in = ids_kept = 0
    signals = PartWriter(context.folder / "signals.parquet", tools.schema)
    quarantine = PartWriter(context.folder / "quarantine.parquet", QUARANTINE)
    with tools, signals, quarantine:
        for batch in read_batches(context.unit.params["documents"], COLUMNS):
            measured, refused = [], []
            for rows, reason in context.watch.slices(batch, records_in):
                if reason is None:
                    measured.append(tools.measure_documents(rows))
                else:
                    reasons[reason] += rows.num_rows
                    refused.append(quarantine_rows(rows, STAGE, reason))
            records_in += batch.num_rows
            ids_in += sum_ids(view_ids(batch["doc_id"]))
            for writer, pieces in ((signals, measured), (quarantine, refused)):
                if pieces:
                    writer.write(pa.concat_batches(pieces))
            ids_kept += sum(sum_ids(view_ids(piece["doc_id"])) for piece in measured)
    return UnitResult(
        records_in=records_in,
        kept=signals.rows,
        quarantined=dict(reasons),
        ids_in=ids_in & UINT64,
        ids_kept=ids_kept & UINT64,
        facts={
            "rows:signals.parquet": signals.rows,
            "rows:quarantine.parquet": quarantine.rows,
        },
    )
