"""Figures against counting in plain Python, on tables of generated and of real documents."""

import collections
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.report import collection, figures, samples, table_counts
from gristmill.pipelines.report.html import render_report
from gristmill.schemas import tables
from gristmill.schemas.identity import content_id, doc_id
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import SplitFacts


def write(folder, name, rows, schema, cuts=2):
    """Write rows as several parts with small row groups; returns the parts."""
    parts = []
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(cuts):
        part = rows[number * len(rows) // cuts : (number + 1) * len(rows) // cuts]
        path = folder / f"{name}-{number}.parquet"
        pq.write_table(pa.Table.from_pylist(part, schema=schema), path, row_group_size=7)
        parts.append(path)
    return parts


def document(number, text, **changes):
    return {
        "doc_id": doc_id("test", str(number)),
        "content_id": content_id(text),
        "source": "pages",
        "kind": "commoncrawl",
        "native_id": str(number),
        "url": f"https://example.org/{number}",
        "text": text,
        "file": "a.warc",
        "offset": number,
        "length": 1,
        **changes,
    }


def signals(number, words, spans=()):
    row = {name: 0.0 for name in tables.DOCUMENT_METRICS}
    return {
        **row,
        "doc_id": doc_id("test", str(number)),
        "text_bytes": 6 * words,
        "language": "en",
        "language_score": min(1.0, number / 50),
        "second_language": "de",
        "second_language_score": 0.0,
        "script": "Latn",
        "script_share": 1.0,
        "language_agrees": True,
        "language_mix": [],
        "word_count": float(words),
        "line_flags": [],
        "line_words": [],
        "line_sentences": [],
        "pii_spans": list(spans),
    }


def curated(number, text, words, language="en"):
    return {
        "doc_id": doc_id("test", str(number)),
        "content_id": content_id(text),
        "source": "pages",
        "split": "train",
        "url": f"https://example.org/{number}",
        "title": f"title {number}",
        "language": language,
        "language_score": 0.9,
        "word_count": words,
        "cluster_size": 1,
        "text": text,
        "file": "a.warc",
        "offset": number,
        "length": 1,
    }


def drop(number, rule="word_count", language="en", **changes):
    return {
        "doc_id": doc_id("test", str(number)),
        "stage": "decide",
        "source": "pages",
        "url": f"https://example.org/{number}",
        "language": language,
        "rule": rule,
        "value": 2.0,
        "threshold": 50.0,
        "comparison": "<",
        "file": "a.warc",
        "offset": number,
        "length": 1,
        **changes,
    }


EMAIL = {"kind": "email", "start": 8, "end": 25}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    texts = [f"write to someone@else.test please, says number {n} " * 30 for n in range(60)]
    kept, gone = range(40), range(40, 60)
    stage = StageTotals(
        units=2,
        records_in=63,
        kept=40,
        dropped={"word_count": 15, "language": 5, "never": 0},
        quarantined={"undecodable": 3},
        cpu_seconds=2.0,
        bytes_in=100,
        bytes_out=50,
    )
    rows = [drop(n, "word_count" if n < 55 else "language") for n in gone]
    rows[-1] |= {"doc_id": None, "language": None, "value": None, "detail": "no text"}
    facts = collection.RunFacts(
        recipe="demo",
        stages=[("decide", stage)],
        splits={"train": SplitFacts(documents=40, utf8_bytes=9, tokens=3, rows_digest="sha256:0")},
    )
    found = collection.RunTables(
        documents=write(
            folder, "documents", [document(n, texts[n]) for n in range(60)], tables.DOCUMENTS
        ),
        signals=write(
            folder, "signals", [signals(n, n, [EMAIL]) for n in range(58)], tables.SIGNALS
        ),
        curated=write(folder, "curated", [curated(n, texts[n], n) for n in kept], tables.CURATED),
        dropped=write(folder, "dropped", rows, tables.DROPPED),
    )
    return facts, found


def test_a_run_is_summarised(run):
    facts, found = run
    report = collection.collect_figures(facts, found, with_text=True)
    assert figures.check_balances(report) == []
    assert [(row.reason, row.records) for row in report.drops] == [
        ("word_count", 15),
        ("language", 5),
    ]
    assert [(row.reason, row.records) for row in report.quarantine] == [("undecodable", 3)]
    assert report.stages[0].records_per_cpu_second == 31.5
    assert [(group.name, group.kept, group.dropped) for group in report.languages] == [
        ("en", 40, 19),
        (table_counts.UNKNOWN, 0, 1),
    ]
    words = report.histograms[0]
    assert [(b.measured, b.kept) for b in words.bins[:4]] == [(10, 10), (10, 10), (30, 20), (8, 0)]
    assert sum(b.kept for b in report.histograms[1].bins) == 40
    assert render_report(report).count("<details") == 12 + 6


def test_samples_are_the_smallest_ids_with_texts_on_request(run):
    facts, found = run
    report = collection.collect_figures(facts, found, with_text=True)
    kept = [sample for sample in report.samples if sample.fate == "kept"]
    ids = sorted(doc_id("test", str(n)).hex() for n in range(40))
    assert [sample.doc_id for sample in kept] == ids[: samples.KEPT_SAMPLES]
    assert all(sample.text is not None and len(sample.text) == 601 for sample in kept)
    dropped = [sample for sample in report.samples if sample.fate == "dropped"]
    assert collections.Counter(sample.rule for sample in dropped) == {
        "word_count": 3,
        "language": 3,
    }
    assert {sample.sentence for sample in dropped if sample.rule == "word_count"} == {
        "word_count=2 < 50"
    }
    for sample in dropped:
        if sample.text is not None:
            assert sample.text.startswith("write to[email]t please")
    bare = collection.collect_figures(facts, found, with_text=False)
    assert all(sample.text is None for sample in bare.samples)
    assert "someone" not in bare.to_json()


def test_a_text_that_was_not_searched_for_personal_data_is_not_shown(run):
    _, found = run
    rows = samples.collect_samples(
        (), found.dropped, found.documents, found.signals, with_text=True
    )
    unmeasured = {doc_id("test", str(n)).hex() for n in (58, 59)}
    assert all(
        (row.text is None) == (row.doc_id in unmeasured or row.doc_id is None) for row in rows
    )


def test_part_order_does_not_matter(run):
    facts, found = run
    turned = collection.RunTables(
        **{name: list(reversed(parts)) for name, parts in vars(found).items()}
    )
    assert collection.collect_figures(facts, found, with_text=True) == collection.collect_figures(
        facts, turned, with_text=True
    )


def test_an_empty_run_has_figures(tmp_path):
    nothing = collection.RunTables(
        clusters=write(tmp_path, "clusters", [], tables.CLUSTERS),
        evidence=write(tmp_path, "evidence", [], tables.EVIDENCE),
        dropped=write(tmp_path, "dropped", [], tables.DROPPED),
        curated=write(tmp_path, "curated", [], tables.CURATED),
        signals=write(tmp_path, "signals", [], tables.SIGNALS),
        documents=write(tmp_path, "documents", [], tables.DOCUMENTS),
    )
    facts = collection.RunFacts(recipe="empty", stages=[("collect", StageTotals())])
    for found in (nothing, collection.RunTables()):
        report = collection.collect_figures(facts, found, with_text=True)
        assert report.samples == ()
        assert report.duplicates == figures.DuplicateFigures()
        assert report.stages[0].records_per_cpu_second is None
        assert "0 in = 0 kept" in render_report(report)


def test_one_document(tmp_path):
    found = collection.RunTables(
        curated=write(tmp_path, "curated", [curated(1, "one", 1)], tables.CURATED, cuts=1)
    )
    report = collection.collect_figures(collection.RunFacts(recipe="one"), found, with_text=True)
    assert [sample.text for sample in report.samples] == ["one"]
    assert "title 1" in render_report(report)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 6), max_size=30), st.integers(1, 3), st.randoms())
def test_clusters_are_counted(tmp_path_factory, sizes, cuts, shuffle):
    rows = [
        {
            "doc_id": doc_id("member", f"{number} {member}"),
            "cluster_id": doc_id("cluster", str(number)),
            "cluster_size": size,
            "dedup_id": b"\0" * 16,
        }
        for number, size in enumerate(sizes)
        for member in range(size)
    ]
    shuffle.shuffle(rows)
    parts = write(tmp_path_factory.mktemp("c"), "clusters", rows, tables.CLUSTERS, cuts)
    found = table_counts.summarise_duplicates(parts, ())
    assert found.clusters == len(sizes)
    assert found.documents == sum(sizes)
    assert {row.size: row.clusters for row in found.sizes} == collections.Counter(sizes)
    ranked = sorted((-size, doc_id("cluster", str(n)).hex()) for n, size in enumerate(sizes))
    assert [(-row.size, row.cluster_id) for row in found.largest] == ranked[:10]
    for row in found.largest:
        members = sorted(r["doc_id"].hex() for r in rows if r["cluster_id"].hex() == row.cluster_id)
        assert list(row.doc_ids) == members[:5]


def test_evidence_is_sampled(tmp_path):
    rows = [
        {
            "doc_id": doc_id("loser", str(number)),
            "winner_id": doc_id("winner", str(number)),
            "cluster_id": b"\0" * 16,
            "similarity": 0.9,
            "rule": "near_duplicate",
            "winner_version": "",
        }
        for number in range(100)
    ]
    found = table_counts.summarise_duplicates(
        (), write(tmp_path, "evidence", rows, tables.EVIDENCE, 3)
    )
    assert found.removed == 100
    ids = sorted(row["doc_id"].hex() for row in rows)
    assert [row.doc_id for row in found.evidence] == ids[: table_counts.EVIDENCE_ROWS]


NUMBERS = st.floats(-10, 200_000, width=32) | st.just(float("nan"))


@given(st.lists(NUMBERS, max_size=60))
def test_bins_are_counted(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("bins") / "a.parquet"
    pq.write_table(pa.table({"x": pa.array(values, pa.float32())}), path)
    edges = table_counts.WORD_COUNT_EDGES
    expected = [0] * len(edges)
    for value in np.array(values, dtype=np.float32):
        if not np.isnan(value):
            expected[max([k for k, edge in enumerate(edges) if edge <= value], default=0)] += 1
    assert table_counts.count_bins([path], "x", edges).tolist() == expected


SPANS = st.lists(
    st.tuples(st.integers(0, 25), st.integers(0, 25)).map(
        lambda pair: {"kind": "email", "start": min(pair), "end": max(pair)}
    ),
    max_size=4,
)


@given(st.text(alphabet="ab é😀", max_size=25), SPANS)
def test_redacted_text_holds_nothing_of_a_span(text, spans):
    spans = [span for span in spans if span["end"] <= len(text)]
    covered = {k for span in spans for k in range(span["start"], span["end"])}
    left = "".join(char for k, char in enumerate(text) if k not in covered)
    assert samples.redact_spans(text, spans).replace("[email]", "") == left


def test_groups_beyond_the_limit_are_folded():
    kept = {f"l{n}": n for n in range(50)}
    groups = figures.merge_groups(kept, {"l0": 1}, 10)
    assert len(groups) == 11
    assert groups[-1].name == "other (40)"
    assert sum(group.kept for group in groups) == sum(kept.values())
    assert sum(group.dropped for group in groups) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("word_count", 2.0, "<", 50.0), "word_count=2 < 50"),
        (("hash_to_word_ratio", 0.23255814, ">", 0.1), "hash_to_word_ratio=0.232558 > 0.1"),
        (("http_status", None, None, None), "http_status"),
        (("x", 1.5, None, None), "x=1.5"),
    ],
)
def test_rules_are_sentences(arguments, sentence):
    assert figures.render_rule(*arguments) == sentence


def test_long_names_and_texts_are_cut(tmp_path):
    row = curated(1, "é" * 10**6, 1) | {"url": "u" * 10**5, "title": "t" * 10**5}
    gone = drop(2, detail="d" * 10**5, url="u" * 10**5)
    found = collection.RunTables(
        curated=write(tmp_path, "curated", [row], tables.CURATED, cuts=1),
        dropped=write(tmp_path, "dropped", [gone], tables.DROPPED, cuts=1),
    )
    report = collection.collect_figures(collection.RunFacts(recipe="x"), found, with_text=True)
    assert len(report.to_json()) < 20_000
    assert len(render_report(report)) < 20_000


def test_rules_are_bounded(tmp_path):
    rows = [drop(n, f"rule{n:04d}") for n in range(300)]
    random.Random(1).shuffle(rows)
    parts = write(tmp_path, "dropped", rows, tables.DROPPED)
    assert len(samples.choose_dropped(parts)) == samples.MAX_RULES
