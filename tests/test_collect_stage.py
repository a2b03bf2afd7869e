"""Collect: whatever a reader meets ends as one row of one table, or as one count."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stage_samples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gristmill.pipelines.children import UnitResult
from gristmill.pipelines.inputs import InputFile
from gristmill.pipelines.part_files import read_part, view_ids
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.sources.kinds import SOURCE_KINDS, SourceKind
from gristmill.pipelines.stages import collect
from gristmill.pipelines.stages.collect_steps import plan_collect
from gristmill.pipelines.watching import Refusals
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import (
    COLLECT_RULES,
    QUARANTINE_REASONS,
    Damaged,
    Found,
    Refused,
)
from gristmill.schemas.identity import content_id, doc_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import load_recipe
from gristmill.schemas.sources import Source
from gristmill.schemas.tables import DOCUMENTS, DROPPED, QUARANTINE, require_schema

TABLES = {"documents": DOCUMENTS, "dropped": DROPPED, "quarantine": QUARANTINE}
plain = st.text(st.characters(codec="utf-8"), max_size=12)
optional = st.none() | plain
place = st.integers(0, 1 << 40)
found = st.builds(Found, plain, plain, place, place, url=optional, title=optional)
refused = st.builds(
    Refused, st.sampled_from(sorted(COLLECT_RULES)), plain, place, place, optional, optional
)
damaged = st.builds(
    Damaged, st.sampled_from(sorted(QUARANTINE_REASONS)), plain, place, place, optional, optional
)


def name_source(kind: str, **fields: Any) -> dict[str, Any]:
    adapter: TypeAdapter[Source] = TypeAdapter(Source)
    more = {"repo": "org/data"} if kind == "huggingface" else {}
    source = adapter.validate_python(
        {"name": "src", "kind": kind, "paths": ["x"], **more, **fields}
    )
    return source.model_dump(mode="json")


def collect_path(
    folder: Path, path: Path, source: dict[str, Any], refusals: Refusals | None = None
) -> tuple[UnitResult, dict[str, pa.Table]]:
    context = stage_samples.make_context(
        folder,
        refusals,
        source=source,
        path=str(path),
        name="in/file",
        document_bytes=1 << 20,
        start=0,
        stop=None,
    )
    result = collect.collect_file(context)
    tables = {name: read_part(folder / f"{name}.parquet") for name in TABLES}
    for name, schema in TABLES.items():
        require_schema(tables[name].schema, schema, name)
        assert result.facts[f"rows:{name}.parquet"] == tables[name].num_rows
    return result, tables


def check_books(result: UnitResult, tables: dict[str, pa.Table]) -> None:
    lost = sum(result.dropped.values()) + sum(result.quarantined.values())
    assert result.records_in == result.kept + lost
    assert tables["documents"].num_rows == result.kept
    assert Counter(tables["quarantine"]["reason"].to_pylist()) == Counter(result.quarantined)
    listed = {rule: count for rule, count in result.dropped.items() if rule != "record_type"}
    assert Counter(tables["dropped"]["rule"].to_pylist()) == Counter(listed)
    assert result.ids_kept == sum_ids(view_ids(tables["documents"]["doc_id"]))
    texts = tables["documents"]["text"].to_pylist()
    assert result.facts["text_bytes"] == sum(len(text.encode()) for text in texts)
    assert set(result.dropped) <= COLLECT_RULES
    assert set(result.quarantined) <= QUARANTINE_REASONS


@given(st.lists(found | refused | damaged, max_size=30), st.integers(1, 5))
def test_every_fate_lands_in_one_table_or_count(tmp_path_factory, fates, batch_rows):
    folder = tmp_path_factory.mktemp("collect")
    path = folder / "input"
    path.write_bytes(b"12345")
    kind = SourceKind(lambda path, source, size: iter(fates), lambda item, source, size: item)
    with (
        mock.patch.object(collect, "SOURCE_KINDS", {"commoncrawl": kind}),
        mock.patch.object(collect, "BATCH_ROWS", batch_rows),
    ):
        result, tables = collect_path(folder / "unit", path, name_source("commoncrawl"))
    check_books(result, tables)
    assert result.records_in == len(fates) and result.bytes_in == 5
    kept = [fate for fate in fates if isinstance(fate, Found)]
    rows = tables["documents"].to_pylist()
    assert [row["text"] for row in rows] == [fate.text for fate in kept]
    assert [row["doc_id"] for row in rows] == [doc_id("commoncrawl", f.native_id) for f in kept]
    assert [row["content_id"] for row in rows] == [content_id(fate.text) for fate in kept]
    refusals = [f for f in fates if isinstance(f, Refused) and f.rule != "record_type"]
    losses = [fate for fate in fates if isinstance(fate, Damaged)]
    for listed, name in ((kept, "documents"), (refusals, "dropped"), (losses, "quarantine")):
        for column in ("offset", "length", "url", "native_id"):
            assert tables[name][column].to_pylist() == [getattr(fate, column) for fate in listed]
        assert set(tables[name]["file"].to_pylist()) <= {"in/file"}
    assert tables["quarantine"]["detail"].to_pylist() == [fate.detail for fate in losses]


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


ROWS = [{"key": f"k{n}", "text": f"text number {n}"} for n in range(6)]


def test_a_poisoned_document_is_set_aside_where_it_lies(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", ROWS)
    source = name_source("jsonl", id="key")
    _, whole = collect_path(tmp_path / "whole", path, source)
    refusals = Refusals(poisoned={2: "cpu_limit", 4: "worker_crash"})
    result, tables = collect_path(tmp_path / "unit", path, source, refusals)
    check_books(result, tables)
    assert result.quarantined == {"cpu_limit": 1, "worker_crash": 1}
    expected = whole["documents"].select(["offset", "length", "file"]).take([2, 4])
    assert tables["quarantine"].select(["offset", "length", "file"]).equals(expected)
    rest = whole["documents"].take([0, 1, 3, 5])
    assert tables["documents"].equals(rest)


@pytest.mark.parametrize("stop", range(7))
def test_a_file_that_kills_its_reader_ends_in_one_row(tmp_path, stop):
    path = write_lines(tmp_path / "rows.jsonl", ROWS)
    refusals = Refusals(stop_before=(stop, "memory_limit"))
    result, tables = collect_path(tmp_path / "unit", path, name_source("jsonl"), refusals)
    check_books(result, tables)
    assert result.kept == min(stop, 6)
    assert result.quarantined == ({"memory_limit": 1})
    assert tables["quarantine"]["detail"].to_pylist() == [
        f"nothing after record {stop} can be read"
    ]


def test_nothing_is_read_past_the_stop(tmp_path):
    def iterate(path: Path, source: Any, size: int) -> Any:
        yield Found("a", "text", 0, 1)
        raise AssertionError("read past the stop")

    path = write_lines(tmp_path / "x", [])
    kind = SourceKind(iterate, lambda item, source, size: item)
    with mock.patch.object(collect, "SOURCE_KINDS", {"commoncrawl": kind}):
        result, _ = collect_path(
            tmp_path / "unit",
            path,
            name_source("commoncrawl"),
            Refusals(poisoned={1: "worker_crash"}, stop_before=(1, "worker_crash")),
        )
    assert (result.kept, result.quarantined) == (1, {"worker_crash": 1})


def test_a_file_that_cannot_be_read_further_keeps_what_came_before(tmp_path):
    def iterate(path: Path, source: Any, size: int) -> Any:
        yield Found("a", "text", 0, 1)
        raise InputError(f"{path}: no end of central directory")

    path = write_lines(tmp_path / "x.zip", [])
    kind = SourceKind(iterate, lambda item, source, size: item)
    with mock.patch.object(collect, "SOURCE_KINDS", {"commoncrawl": kind}):
        result, tables = collect_path(tmp_path / "unit", path, name_source("commoncrawl"))
    assert (result.kept, result.quarantined) == (1, {"damaged_record": 1})
    assert tables["quarantine"]["detail"].to_pylist() == ["x.zip: no end of central directory"]


def test_what_is_in_flight_is_told_before_each_risk(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", ROWS)
    context = stage_samples.make_context(
        tmp_path / "unit",
        source=name_source("jsonl"),
        path=str(path),
        name="x",
        document_bytes=1 << 20,
        start=0,
        stop=None,
    )
    told: list[int] = []
    extracted: list[int] = []
    kind = SOURCE_KINDS["jsonl"]

    def extract(item: Any, source: Any, size: int) -> Any:
        extracted.append(told[-1])
        return kind.extract(item, source, size)

    context.watch.enter = lambda first, last=None: told.append(first)  # type: ignore[method-assign]
    with mock.patch.object(collect, "SOURCE_KINDS", {"jsonl": SourceKind(kind.iterate, extract)}):
        collect.collect_file(context)
    assert extracted == list(range(6))


def test_rows_are_named_by_source_and_file_or_by_their_own_id(tmp_path):
    path = write_lines(tmp_path / "rows.jsonl", ROWS[:2])
    _, named = collect_path(tmp_path / "a", path, name_source("jsonl", id="key"))
    _, placed = collect_path(tmp_path / "b", path, name_source("jsonl"))
    assert named["documents"]["native_id"].to_pylist() == ["src/k0", "src/k1"]
    assert placed["documents"]["native_id"].to_pylist() == [
        "src/in/file/line:0",
        "src/in/file/line:1",
    ]


lines = st.one_of(
    st.fixed_dictionaries({"text": plain, "key": plain}).map(json.dumps),
    st.fixed_dictionaries({"text": st.none() | st.integers()}).map(json.dumps),
    st.sampled_from(["{", "", "null", '"x"', "\\", '{"text": "\\ud800"}', "[" * 5000]),
)


@given(st.lists(lines, max_size=12))
def test_any_lines_balance(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("lines")
    path = folder / "rows.jsonl"
    path.write_text("\n".join(drawn))
    result, tables = collect_path(folder / "unit", path, name_source("jsonl", id="key"))
    check_books(result, tables)


@pytest.mark.parametrize("kind", sorted(SOURCE_KINDS))
@pytest.mark.parametrize(
    "payload", [b"", b"\0" * 100, b"\x1f\x8b\x08\x00half", b"PAR1PAR1", b"BZh9"]
)
def test_files_of_another_kind_balance(tmp_path, kind, payload):
    path = tmp_path / "urlsf_subset00-1_data.xz"
    path.write_bytes(payload)
    result, tables = collect_path(tmp_path / "unit", path, name_source(kind))
    check_books(result, tables)
    # Four letters and a digit are text.
    assert result.kept == (kind == "text" and payload == b"PAR1PAR1")


def test_parquet_rows_become_documents(tmp_path):
    pq.write_table(pa.table({"text": ["one", None, "three"], "n": [7, 8, 9]}), tmp_path / "x")
    source = name_source("parquet", id="n")
    result, tables = collect_path(tmp_path / "unit", tmp_path / "x", source)
    check_books(result, tables)
    assert tables["documents"]["native_id"].to_pylist() == ["src/7", "src/9"]
    assert result.quarantined == {"bad_row": 1}


REAL = [
    ("warc-warcio", "example.warc.gz", "commoncrawl"),
    ("warc-warcio", "example-trunc.warc", "commoncrawl"),
    ("warc-warcio", "example-wrong-chunks.warc.gz", "commoncrawl"),
    ("warc-cc-whirlwind", "whirlwind.warc.gz", "commoncrawl"),
    ("warc-cc-whirlwind", "whirlwind.warc.wet.gz", "commoncrawl"),
    ("wiki-gensim", "enwiki-table-markup.xml.bz2", "wikipedia"),
]


@pytest.mark.parametrize(("archive", "name", "kind"), REAL, ids=[name for _, name, _ in REAL])
def test_real_files_balance_and_lead_back(tmp_path, shared_data, archive, name, kind):
    path = shared_data(archive) / name
    result, tables = collect_path(tmp_path / "unit", path, name_source(kind))
    check_books(result, tables)
    assert result.records_in > 0
    ids = tables["documents"]["doc_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(text.strip() for text in tables["documents"]["text"].to_pylist())


def test_a_locator_leads_back_to_the_record(tmp_path, shared_data):
    path = shared_data("warc-cc-whirlwind") / "whirlwind.warc.gz"
    _, tables = collect_path(tmp_path / "unit", path, name_source("commoncrawl"))
    rows = tables["documents"].to_pylist()
    assert rows
    for row in rows:
        piece = path.read_bytes()[row["offset"] : row["offset"] + row["length"]]
        record = gzip.decompress(piece)
        assert record.startswith(b"WARC/1.") and row["native_id"].encode() in record


def plan_recipe(folder: Path, change: tuple[str, str] = ("", ""), **item: Any) -> list[str]:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(stage_samples.RECIPE.replace(*change))
    run = Run(
        load_recipe(folder / "recipe.yaml"), stage_samples.carry_out_list, stage_samples.QUIET
    )
    values = {"source": "notes", "name": "a", "path": "/a", "bytes": 1, "sha256": "0", **item}
    run.inputs = [InputFile(**values)]
    return [unit.key for unit in plan_collect(run, {}).units]


@pytest.mark.parametrize(
    ("change", "item"),
    [
        (("id: key", "id: other"), {}),
        (("url: url", "url: null"), {}),
        (("seed: 5", "limits: {document_bytes: 9999}"), {}),
        (("", ""), {"name": "b"}),
        (("", ""), {"sha256": "1"}),
    ],
)
def test_what_decides_a_files_documents_is_in_its_key(tmp_path, change, item):
    assert plan_recipe(tmp_path / "a") != plan_recipe(tmp_path / "b", change, **item)


@pytest.mark.parametrize(
    ("change", "item"),
    [
        (("seed: 5", "seed: 6"), {}),
        (("kind: jsonl", "kind: jsonl, priority: 3"), {}),
        (("vocab_size: 300", "vocab_size: 400"), {}),
        (("", ""), {"path": "/elsewhere/a"}),
    ],
)
def test_what_does_not_decide_them_is_not(tmp_path, change, item):
    assert plan_recipe(tmp_path / "a") == plan_recipe(tmp_path / "b", change, **item)


def test_a_file_named_twice_is_read_once(tmp_path):
    (tmp_path / "recipe.yaml").write_text(stage_samples.RECIPE)
    recipe = load_recipe(tmp_path / "recipe.yaml")
    run = Run(recipe, stage_samples.carry_out_list, stage_samples.QUIET)
    run.inputs = [InputFile("notes", "a", "/a", 1, "0")] * 2
    assert len(plan_collect(run, {}).units) == 1


def test_a_record_of_collect_balances_in_the_ledger(tmp_path):
    sample = stage_samples.finish_run()
    records = sample.run.records("collect")
    assert [record.title for record in records] == ["in/a.jsonl", "in/b.jsonl"]
    for record in records:
        record.check_balance()
    ids = np.concatenate(
        [
            view_ids(read_part(path, ["doc_id"])["doc_id"])
            for path in sample.run.workspace.part_paths(
                sample.run.manifests["collect"], "documents"
            )
        ]
    )
    assert sum_ids(ids) == sample.run.manifests["collect"].totals.ids_kept
