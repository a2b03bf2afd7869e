"""Applying: every judged document comes out once, and shards depend on their rows alone."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stage_samples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.pipelines import part_files
from gristmill.pipelines.children import UnitResult
from gristmill.pipelines.exchange import read_chunks, write_exchange
from gristmill.pipelines.stages import applying
from gristmill.pipelines.stages.judging import LOSERS, VERDICTS
from gristmill.pipelines.stages.splitting import SPLITS, assign_splits
from gristmill.pipelines.watching import Refusals
from gristmill.schemas.identity import content_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import Cleaning, Splits
from gristmill.schemas.tables import CLUSTERS, CURATED, DOCUMENTS, DROPPED, SIGNALS

HALVES = Splits(validation=0.25, test=0.25)
CLEANING = Cleaning(languages=None, rule_tables=(), line_rule=None, redact=frozenset({"email"}))
COUNTS = {"train": 4, "validation": 1, "test": 2}
few_ids = st.sampled_from([bytes([number]) * 16 for number in range(8)])


# Verdicts and losers.


@st.composite
def verdict_rows(draw) -> dict[str, Any]:
    kept = draw(st.booleans())
    return {
        "doc_id": draw(few_ids),
        "row": draw(st.integers(0, 99)),
        "kept": kept,
        "rule": None if kept else "gopher_quality/word_count",
        "value": None if kept else 3.0,
        "threshold": None if kept else 50.0,
        "comparison": None if kept else "<",
        "opt_outs": draw(st.none() | st.just(["meta:noai"])),
    }


loser_rows = st.one_of(
    st.fixed_dictionaries(
        {"rule": st.just("near_duplicate"), "value": st.just(0.9), "threshold": st.just(0.8)}
    ),
    st.fixed_dictionaries(
        {"rule": st.just("split_leak"), "value": st.none(), "threshold": st.none()}
    ),
)


@given(st.lists(verdict_rows(), max_size=10), st.dictionaries(few_ids, loser_rows, max_size=5))
def test_losers_are_dropped_and_nothing_else_changes(rows, losers):
    verdicts = pa.Table.from_pylist(rows, schema=VERDICTS)
    table = pa.Table.from_pylist(
        [{"doc_id": doc_id, **row} for doc_id, row in losers.items()], schema=LOSERS
    )
    found = applying.merge_losers(verdicts, table)
    assert found.schema.equals(VERDICTS)
    for before, after in zip(rows, found.to_pylist(), strict=True):
        loser = losers.get(before["doc_id"])
        if before["kept"] and loser is not None:
            comparison = ">=" if loser["value"] is not None else None
            assert after == {**before, **loser, "kept": False, "comparison": comparison}
        else:
            assert after == before


# Places of curated rows.


def curate(ids: list[bytes], splits: list[str], texts: list[str] | None = None) -> pa.Table:
    texts = texts or [f"text {n}" for n in range(len(ids))]
    rows = [
        {
            "doc_id": doc_id,
            "content_id": content_id(text),
            "source": "s",
            "split": split,
            "language": "en",
            "language_score": 0.5,
            "word_count": 2,
            "cluster_size": 1,
            "text": text,
            "file": "f",
            "offset": 0,
            "length": 1,
        }
        for doc_id, split, text in zip(ids, splits, texts, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=CURATED)


any_ids = st.lists(st.binary(min_size=16, max_size=16), max_size=30, unique=True)


@given(any_ids, st.data())
def test_rows_go_to_their_split_and_range(ids, data):
    splits = [data.draw(st.sampled_from(SPLITS)) for _ in ids]
    counts = {name: 1 << data.draw(st.integers(0, 3)) for name in SPLITS}
    places = applying.place_rows(curate(ids, splits), counts)
    first = {"train": 0, "validation": counts["train"]}
    first["test"] = counts["train"] + counts["validation"]
    for doc_id, split, place in zip(ids, splits, places, strict=True):
        share = int.from_bytes(doc_id[:8], "big") * counts[split] >> 64
        assert place == first[split] + share


@given(any_ids)
def test_partitions_of_a_split_are_in_the_order_of_ids(ids):
    places = applying.place_rows(curate(sorted(ids), ["train"] * len(ids)), COUNTS)
    assert (np.diff(places) >= 0).all()


# Row groups and bytes of a shard.


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 60), st.integers(1, 10))
@example([1] * 20, 60, 3)
@example([9, 50, 50, 1], 10, 3)
def test_groups_cover_every_row_within_their_bounds(sizes, group_bytes, group_rows):
    table = pa.table({"text": pa.array(["x" * size for size in sizes], pa.string())})
    with (
        mock.patch.object(applying, "GROUP_BYTES", group_bytes),
        mock.patch.object(applying, "GROUP_ROWS", group_rows),
    ):
        groups = applying.cut_groups(table)
        assert applying.cut_groups(table.rename_columns(["x"])) == [
            (start, min(group_rows, len(sizes) - start))
            for start in range(0, len(sizes), group_rows)
        ]
    covered = [row for start, rows in groups for row in range(start, start + rows)]
    assert covered == list(range(len(sizes)))
    for start, rows in groups:
        assert 1 <= rows <= group_rows
        assert rows == 1 or sum(sizes[start : start + rows]) <= group_bytes
        after = start + rows
        if rows < group_rows and after < len(sizes):  # no group could have taken one more
            assert sum(sizes[start : after + 1]) > group_bytes


def test_bytes_are_counted_not_characters():
    table = pa.table({"text": ["ü" * 10] * 4})
    with mock.patch.object(applying, "GROUP_BYTES", 40):
        assert applying.cut_groups(table) == [(0, 2), (2, 2)]


def sort_rows(folder: Path, pieces: list[pa.Table], partition: int = 0, **more: Any) -> UnitResult:
    """Sort what map units sent to a partition; the rest of their files is for another."""
    folder.mkdir(parents=True)
    paths = []
    for number, piece in enumerate(pieces):
        paths.append(str(folder / f"sent-{number}.parquet"))
        write_exchange(Path(paths[-1]), piece, np.full(piece.num_rows, partition, np.int64))
    name = more.get("table", "curated")
    context = stage_samples.make_context(
        folder / "unit",
        exchanges={name: stage_samples.write_list(folder, "list", paths)},
        partition=0,
        table=name,
    )
    return applying.sort_partition(context)


@given(any_ids.filter(bool), st.data())
@settings(max_examples=25)
def test_a_shard_depends_on_its_rows_alone(tmp_path_factory, ids, data):
    rows = curate(
        ids, ["train"] * len(ids), [stage_samples.write_prose(n, 2) for n, _ in enumerate(ids)]
    )
    digests = set()
    for _ in range(2):
        order = data.draw(st.permutations(range(len(ids))))
        cut = data.draw(st.integers(0, len(ids)))
        shuffled = rows.take(pa.array(order))
        folder = tmp_path_factory.mktemp("sort") / "unit"
        result = sort_rows(folder, [shuffled.slice(0, cut), shuffled.slice(cut)])
        shard = folder / "unit" / "curated.parquet"
        digests.add(hashlib.sha256(shard.read_bytes()).hexdigest())
    assert len(digests) == 1
    found = pq.read_table(shard)
    assert found.equals(rows.sort_by("doc_id"))
    assert found.schema.equals(CURATED)
    assert result.records_in == result.kept == len(ids)
    assert result.ids_in == result.ids_kept == sum_ids(part_files.view_ids(rows["doc_id"]))
    assert result.facts["rows:curated.parquet"] == len(ids)
    texts = rows["text"].to_pylist()
    assert result.facts["text_bytes"] == sum(len(text.encode()) for text in texts)


def test_rows_of_other_partitions_stay_out(tmp_path):
    rows = curate([bytes(16)], ["train"])
    result = sort_rows(tmp_path / "a", [rows], partition=1)
    assert result.records_in == 0 and result.facts["text_bytes"] == 0
    found = pq.ParquetFile(tmp_path / "a" / "unit" / "curated.parquet")
    assert found.metadata.num_rows == 0 and found.num_row_groups == 0


def test_shards_are_read_with_checks_and_statistics(tmp_path):
    rows = curate([bytes([n]) * 16 for n in range(50)], ["train"] * 50)
    sort_rows(tmp_path / "a", [rows])
    path = tmp_path / "a" / "unit" / "curated.parquet"
    with pq.ParquetFile(path, page_checksum_verification=True) as part:
        assert part.read().num_rows == 50
        statistics = part.metadata.row_group(0).column(0).statistics
        assert (statistics.min, statistics.max) == (bytes(16), bytes([49]) * 16)


def test_dropped_rows_are_sorted_by_id_and_place(tmp_path):
    rows = [
        {"doc_id": doc_id, "stage": "decide", "source": "s", "rule": "r", "file": file, "offset": o}
        | {"length": 1}
        for doc_id, file, o in [
            (b"b" * 16, "f", 2),
            (b"a" * 16, "g", 1),
            (b"b" * 16, "f", 1),
            (b"a" * 16, "f", 9),
        ]
    ]
    table = pa.Table.from_pylist(rows, schema=DROPPED)
    result = sort_rows(tmp_path / "a", [table.slice(0, 3), table.slice(3)], table="dropped")
    found = pq.read_table(tmp_path / "a" / "unit" / "dropped.parquet").to_pylist()
    keys = [(row["doc_id"][:1], row["file"], row["offset"]) for row in found]
    assert keys == [(b"a", "f", 9), (b"a", "g", 1), (b"b", "f", 1), (b"b", "f", 2)]
    assert "text_bytes" not in result.facts


# A part from verdicts to rows.


def apply_texts(
    folder: Path,
    texts: list[str],
    kept: list[bool],
    *,
    measured: list[int] | None = None,
    losers: dict[int, str] | None = None,
    clusters: dict[int, int] | None = None,
    batch_rows: int = 3,
    refusals: Refusals | None = None,
) -> tuple[UnitResult, pa.Table, pa.Table, pa.Table]:
    """Apply verdicts to a part; `kept` has one for each measured row."""
    folder.mkdir(exist_ok=True)
    documents = stage_samples.make_documents(texts, ids=[f"n{n}" for n in range(len(texts))])
    with part_files.PartWriter(folder / "documents.parquet", DOCUMENTS) as writer:
        for start in range(0, len(texts), batch_rows):
            writer.write(part_files.as_batch(documents.slice(start, batch_rows)))
    rows = list(range(len(texts))) if measured is None else measured
    chosen = documents.take(pa.array(rows, pa.int64()))
    signals = pa.Table.from_batches([stage_samples.measure_batch(part_files.as_batch(chosen))])
    ids = documents["doc_id"].to_pylist()
    tables = {
        "signals": (signals, SIGNALS),
        "verdicts": (
            pa.Table.from_pylist(
                [
                    {"doc_id": ids[row], "row": row, "kept": keep}
                    | ({} if keep else {"rule": "x/word_count", "value": 1.0, "threshold": 2.0})
                    | ({} if keep else {"comparison": "<"})
                    for row, keep in zip(rows, kept, strict=True)
                ],
                schema=VERDICTS,
            ),
            VERDICTS,
        ),
        "losers": (
            pa.Table.from_pylist(
                [
                    {"doc_id": ids[row], "rule": rule, "value": 0.9, "threshold": 0.8}
                    for row, rule in (losers or {}).items()
                ],
                schema=LOSERS,
            ),
            LOSERS,
        ),
        "clusters": (
            pa.Table.from_pylist(
                [
                    {"doc_id": ids[row], "cluster_id": ids[0], "cluster_size": size}
                    | {"dedup_id": ids[row]}
                    for row, size in (clusters or {}).items()
                ],
                schema=CLUSTERS,
            ),
            CLUSTERS,
        ),
    }
    params: dict[str, Any] = {"documents": str(folder / "documents.parquet")}
    for name, (table, schema) in tables.items():
        path = str(folder / f"{name}.parquet")
        part_files.write_part(Path(path), table, schema)
        is_list = name in ("losers", "clusters")
        params[name] = stage_samples.write_list(folder, name, [path]) if is_list else path
    context = stage_samples.make_context(
        folder / "unit",
        refusals,
        **params,
        cleaning=CLEANING.model_dump(mode="json"),
        splits=HALVES.model_dump(mode="json"),
        counts=COUNTS,
        dropped_count=2,
    )
    result = applying.apply_part(context)
    sent = {}
    for name, schema in (("curated", CURATED), ("dropped", DROPPED)):
        chunks = [rows for _, rows in read_chunks(folder / "unit" / f"exchange-{name}.parquet")]
        sent[name] = pa.concat_tables([schema.empty_table(), *chunks])
    return result, documents, sent["curated"], sent["dropped"]


TEXTS = [
    "One text about a house.",
    "Write to someone@example.org about it.",
    "Another text.",
    "A fourth one.\nWith two lines.",
    "The fifth.",
]


@given(st.data())
@settings(max_examples=25)
def test_every_judged_document_comes_out_once(tmp_path_factory, data):
    measured = data.draw(st.lists(st.sampled_from(range(5)), unique=True).map(sorted))
    kept = [data.draw(st.booleans()) for _ in measured]
    losers = {row: "near_duplicate" for row in data.draw(st.sets(st.integers(0, 4)))}
    result, documents, curated, dropped = apply_texts(
        tmp_path_factory.mktemp("apply"),
        TEXTS,
        kept,
        measured=measured,
        losers=losers,
        batch_rows=data.draw(st.integers(1, 5)),
    )
    ids = documents["doc_id"].to_pylist()
    stays = {
        ids[row] for row, keep in zip(measured, kept, strict=True) if keep and row not in losers
    }
    goes = {ids[row] for row in measured} - stays
    assert sorted(curated["doc_id"].to_pylist()) == sorted(stays)
    assert sorted(dropped["doc_id"].to_pylist()) == sorted(goes)
    assert (result.records_in, result.kept) == (len(measured), len(stays))
    assert Counter(dropped["rule"].to_pylist()) == Counter(result.dropped)
    assert result.ids_kept == sum_ids(part_files.view_ids(curated["doc_id"]))
    judged = documents.take(pa.array(measured, pa.int64()))
    assert result.ids_in == sum_ids(part_files.view_ids(judged["doc_id"]))


def test_curated_rows_carry_the_final_text_and_its_facts(tmp_path):
    result, documents, curated, _ = apply_texts(tmp_path, TEXTS, [True] * 5, clusters={1: 3, 2: 3})
    by_id = {row["doc_id"]: row for row in curated.to_pylist()}
    splits = assign_splits(part_files.view_ids(documents["doc_id"]), HALVES)
    for number, row in enumerate(documents.to_pylist()):
        found = by_id[row["doc_id"]]
        for name in ("source", "url", "file", "offset", "length"):
            assert found[name] == row[name]
        assert found["split"] == SPLITS[splits[number]]
        assert found["cluster_size"] == (3 if number in (1, 2) else 1)
        assert found["content_id"] == content_id(found["text"])
        if number != 1:
            assert found["text"] == row["text"]
    redacted = by_id[documents["doc_id"][1].as_py()]["text"]
    assert "someone@example.org" not in redacted and redacted.endswith(" about it.")
    assert result.facts["source:s"] == 5
    languages = {name: n for name, n in result.facts.items() if name.startswith("language:")}
    assert sum(languages.values()) == 5


def test_dropped_rows_say_why_and_where(tmp_path):
    kept = [True, False, True, True, True]
    _, documents, _, dropped = apply_texts(tmp_path, TEXTS, kept, losers={3: "exact_duplicate"})
    rows = {row["doc_id"]: row for row in dropped.to_pylist()}
    policy, duplicate = (rows[documents["doc_id"][number].as_py()] for number in (1, 3))
    reason = ("rule", "value", "threshold", "comparison")
    assert [policy[name] for name in reason] == ["x/word_count", 1.0, 2.0, "<"]
    assert [duplicate[name] for name in reason] == ["exact_duplicate", 0.9, 0.8, ">="]
    assert (policy["stage"], policy["offset"], duplicate["offset"]) == ("decide", 10, 30)
    assert policy["native_id"] == "n1" and policy["url"] == "https://example.org/1"


@pytest.mark.parametrize("texts", [[], ["only one."]])
def test_small_parts(tmp_path, texts):
    result, _, curated, dropped = apply_texts(tmp_path, texts, [True] * len(texts))
    assert (curated.num_rows, dropped.num_rows, result.dropped) == (len(texts), 0, {})


# The whole stage, on the sample run.


def test_the_dropped_table_and_the_shards_hold_every_document_once():
    sample = stage_samples.finish_run()
    run = sample.run

    def read(step: str, table: str) -> pa.Table:
        paths = run.workspace.part_paths(run.manifests[step], table)
        return pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])

    documents = read("collect", "documents")
    curated = read("decide.sort-curated", "curated")
    dropped = read("decide.sort-dropped", "dropped")
    out = curated["doc_id"].to_pylist() + dropped["doc_id"].to_pylist()
    assert sorted(out) == sorted(documents["doc_id"].to_pylist())
    assert Counter(dropped["rule"].to_pylist()) == {
        "exact_duplicate": 1,
        "near_duplicate": 1,
        "language": 1,
        "gopher_quality/word_count": 1,
    }
    texts = dict(zip(documents["doc_id"].to_pylist(), documents["text"].to_pylist(), strict=True))
    changed = [row for row in curated.to_pylist() if row["text"] != texts[row["doc_id"]]]
    assert len(changed) == 1 and "someone@example.org" in texts[changed[0]["doc_id"]]


def test_a_document_that_killed_a_child_is_quarantined_and_its_neighbours_are_not(tmp_path):
    refusals = Refusals(poisoned={3: "cpu_limit"})
    result, documents, curated, dropped = apply_texts(
        tmp_path, TEXTS, [True, False, True, True, True], refusals=refusals
    )
    ids = documents["doc_id"].to_pylist()
    assert (result.records_in, result.kept, result.quarantined) == (5, 3, {"cpu_limit": 1})
    assert sorted(curated["doc_id"].to_pylist()) == sorted(ids[n] for n in (0, 2, 4))
    assert dropped["doc_id"].to_pylist() == [ids[1]]
    [aside] = part_files.read_part(tmp_path / "unit" / "quarantine.parquet").to_pylist()
    assert (aside["doc_id"], aside["stage"], aside["reason"]) == (ids[3], "decide", "cpu_limit")
    assert aside["offset"] == 30
