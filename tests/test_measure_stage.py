"""Measure: one row of signals a document, whatever the batches, and the lost ones named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import stage_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines import part_files
from gristmill.pipelines.children import UnitResult
from gristmill.pipelines.set_aside import quarantine_rows
from gristmill.pipelines.stages import measure
from gristmill.pipelines.watching import Refusals
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.tables import DOCUMENTS, QUARANTINE, SIGNALS, require_schema

TEXTS = [
    "",
    "One line.",
    "The house is on the hill and the river runs below it.\nWrite to a.b@example.org now.",
    "Le chat est assis sur la table de la cuisine.",
    "1 2 3",
    "- a\n- b\n\n- c …",
    "日本語の文章です。これは短い。",
]
plain = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60)
texts = st.lists(st.sampled_from(TEXTS) | plain, max_size=8)


def measure_texts(
    folder: Path, drawn: list[str], refusals: Refusals | None = None, batch_rows: int = 3
) -> tuple[UnitResult, pa.Table, pa.Table]:
    path = folder / "documents.parquet"
    documents = stage_samples.make_documents(drawn, ids=[f"n{n}" for n in range(len(drawn))])
    with part_files.PartWriter(path, DOCUMENTS) as writer:
        for start in range(0, len(drawn), batch_rows):
            writer.write(part_files.as_batch(documents.slice(start, batch_rows)))
    context = stage_samples.make_context(
        folder / "unit",
        refusals,
        documents=str(path),
        instruments=stage_samples.list_plain_instruments(),
    )
    result = measure.measure_part(context)
    signals = part_files.read_part(folder / "unit" / "signals.parquet")
    quarantine = part_files.read_part(folder / "unit" / "quarantine.parquet")
    require_schema(signals.schema, SIGNALS, "signals")
    require_schema(quarantine.schema, QUARANTINE, "quarantine")
    return result, signals, quarantine


@given(texts, st.dictionaries(st.integers(0, 7), st.sampled_from(["cpu_limit", "worker_crash"])))
@settings(max_examples=25)
def test_every_document_is_measured_or_quarantined(tmp_path_factory, drawn, poisoned):
    folder = tmp_path_factory.mktemp("measure")
    result, signals, quarantine = measure_texts(folder, drawn, Refusals(poisoned=dict(poisoned)))
    documents = stage_samples.make_documents(drawn, ids=[f"n{n}" for n in range(len(drawn))])
    ids = documents["doc_id"].to_pylist()
    lost = [n for n in range(len(drawn)) if n in poisoned]
    kept = [n for n in range(len(drawn)) if n not in poisoned]
    assert signals["doc_id"].to_pylist() == [ids[n] for n in kept]
    assert quarantine["doc_id"].to_pylist() == [ids[n] for n in lost]
    assert quarantine["reason"].to_pylist() == [poisoned[n] for n in lost]
    assert quarantine["offset"].to_pylist() == [10 * n for n in lost]
    assert result.records_in == len(drawn) == result.kept + sum(result.quarantined.values())
    assert result.ids_in == sum_ids(part_files.view_ids(documents["doc_id"]))
    assert result.ids_kept == sum_ids(part_files.view_ids(signals["doc_id"]))
    assert result.facts["rows:signals.parquet"] == len(kept)
    assert result.facts["rows:quarantine.parquet"] == len(lost)


@given(texts, st.integers(1, 8), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7))))
@settings(max_examples=25)
def test_signals_do_not_depend_on_batches(tmp_path_factory, drawn, batch_rows, careful):
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    _, whole, _ = measure_texts(one, drawn, batch_rows=99)
    ranges = [(min(pair), max(pair)) for pair in careful]
    _, cut, _ = measure_texts(other, drawn, Refusals(careful=ranges), batch_rows)
    assert cut.equals(whole)


def test_each_measure_is_of_its_own_row():
    batch = part_files.as_batch(stage_samples.make_documents(TEXTS))
    together = stage_samples.measure_batch(batch)
    assert together.schema.equals(SIGNALS)
    for row in range(len(TEXTS)):
        alone = stage_samples.measure_batch(batch.slice(row, 1))
        assert alone.to_pylist() == [together.to_pylist()[row]]
    assert together["char_count"].to_pylist() == [len(text) for text in TEXTS]
    assert together["language"].to_pylist()[2:4] == ["en", "fr"]
    [span] = together["pii_spans"].to_pylist()[2]
    assert TEXTS[2][span["start"] : span["end"]] == "a.b@example.org"


def test_signals_hold_no_text_and_no_verdict():
    assert not {"text", "kept", "rule", "threshold"} & set(SIGNALS.names)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_quarantined_rows_say_where_they_came_from(rows):
    documents = part_files.as_batch(stage_samples.make_documents(TEXTS[:rows]))
    found = quarantine_rows(documents, "measure", "memory_limit")
    assert found.schema.equals(QUARANTINE) and found.num_rows == rows
    for name in ("doc_id", "source", "native_id", "url", "file", "offset", "length"):
        assert found[name].equals(documents[name])
    assert set(found["stage"].to_pylist()) <= {"measure"}


def test_measured_numbers_are_total():
    batch = part_files.as_batch(stage_samples.make_documents([*TEXTS, "\u200b", "\n" * 50]))
    signals = stage_samples.measure_batch(batch)
    for field in SIGNALS:
        if field.nullable:
            continue  # what a page states, not what is measured
        assert signals[field.name].null_count == 0
        if pa.types.is_floating(field.type):
            assert np.isfinite(signals[field.name].to_numpy()).all(), field.name
