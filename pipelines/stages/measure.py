"""Measure: documents to signals. One unit a documents part; no threshold anywhere."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning import language, pii, text_signals
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.part_files import PartWriter, read_batches, view_ids
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.set_aside import quarantine_rows
from gristmill.pipelines.stages import collect
from gristmill.pipelines.stages.planning import Slot, Work, plan_units
from gristmill.pipelines.steps import Step
from gristmill.schemas.ledger_records import UINT64, sum_ids
from gristmill.schemas.tables import QUARANTINE, SIGNALS

STAGE = "measure"
CODE = (
    "gristmill.cleaning.bounds",
    "gristmill.cleaning.character_classes",
    "gristmill.cleaning.language",
    "gristmill.cleaning.line_facts",
    "gristmill.cleaning.line_scan",
    "gristmill.cleaning.pii",
    "gristmill.cleaning.quality_signals",
    "gristmill.cleaning.repetition_signals",
    "gristmill.cleaning.scan_board",
    "gristmill.cleaning.segments",
    "gristmill.cleaning.text_scan",
    "gristmill.cleaning.text_signals",
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.set_aside",
    "gristmill.pipelines.stages.measure",
    "gristmill.schemas.tables",
    "dist:pyarrow",
)
COLUMNS = ("doc_id", "source", "native_id", "url", "text", "file", "offset", "length")


def plan_measure(run: Run) -> Step:
    """Plan one unit for each documents part."""
    fragment = {"language_model": language.LanguageModel().sha256}
    slots = [
        Slot(record.title, [part.sha256], {"documents": path})
        for record, part, path in run.pair_parts(collect.STAGE, "documents")
    ]
    return plan_units(run, Work(STAGE, "measure:measure_part", fragment, CODE), slots)


def measure_part(context: UnitContext) -> UnitResult:
    """Measure every document of a part; writes signals and, if any, quarantined rows."""
    model = language.LanguageModel()
    reasons: Counter[str] = Counter()
    records_in = ids_in = ids_kept = 0
    signals = PartWriter(context.folder / "signals.parquet", SIGNALS)
    quarantine = PartWriter(context.folder / "quarantine.parquet", QUARANTINE)
    with signals, quarantine:
        for batch in read_batches(context.unit.params["documents"], COLUMNS):
            measured, refused = [], []
            for rows, reason in context.watch.slices(batch, records_in):
                if reason is None:
                    measured.append(measure_batch(rows, model))
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


def measure_batch(documents: pa.RecordBatch, model: language.LanguageModel) -> pa.RecordBatch:
    """Measure documents: one row of `SIGNALS` each, in the same order."""
    texts = documents["text"]
    columns: dict[str, Any] = {
        "doc_id": documents["doc_id"],
        "text_bytes": pc.binary_length(texts).cast(pa.int64()),
        "pii_spans": pii.find_spans(texts),
    }
    for measured in (model.identify(texts), text_signals.measure(texts)):
        columns |= dict(zip(measured.schema.names, measured.columns, strict=True))
    return pa.RecordBatch.from_arrays([columns[name] for name in SIGNALS.names], schema=SIGNALS)
