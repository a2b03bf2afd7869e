"""All steps of near-duplicate removal, one after the other, on generated and real texts."""

import csv
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import (
    banding,
    components,
    fingerprints,
    keep_order,
    minhash,
    set_similarity,
    shingling,
    star_removal,
    verification,
)
from gristmill.schemas.identity import doc_id
from gristmill.schemas.tables import ID

SETTINGS = minhash.MinHashSettings()


def find_duplicates(
    names: list[str], texts: list[str], settings: minhash.MinHashSettings = SETTINGS
) -> dict[str, str]:
    """Run every step as the stages do; returns the winner's name by loser's."""
    column = pa.array(texts, pa.string())
    ids = pa.array([doc_id("test", name) for name in names], ID)
    prints = fingerprints.fingerprint_texts(column, settings)
    listed = banding.list_bands(prints.band_hashes)
    edges = banding.link_groups(listed.band_keys, listed.rows)
    labels = components.union(edges, len(names))
    order = keep_order.sort_key(
        keep_order.KeepColumns(ids, length=np.array([len(text) for text in texts], dtype=np.int64))
    )
    shingles = verification.shingle_texts(column, settings)
    verified = verification.verify_clusters(labels, shingles, prints.dedup_ids, order, settings)
    resolved = star_removal.resolve_cluster(
        order,
        np.ones(len(names), dtype=bool),
        verified.pairs,
        verified.similarity,
        verified.is_exact,
        one_way=settings.similarity == "containment",
    )
    return {
        names[loser]: names[winner]
        for loser, winner in enumerate(resolved.winners.tolist())
        if winner != star_removal.NO_WINNER
    }


WORDS = st.lists(st.sampled_from("abcdefghij"), max_size=8).map(" ".join)
TEXTS = st.lists(
    st.tuples(WORDS, st.integers(0, 2)).map(lambda pair: pair[0] + " tail" * pair[1]), max_size=12
)


@given(TEXTS, st.integers(0, 2**32))
def test_input_order_does_not_change_winners(texts: list[str], seed: int) -> None:
    settings = minhash.MinHashSettings(words_per_shingle=2, min_similarity=0.5)
    names = [f"document {i}" for i in range(len(texts))]
    expected = find_duplicates(names, texts, settings)
    shuffled = list(range(len(texts)))
    random.Random(seed).shuffle(shuffled)
    again = find_duplicates([names[i] for i in shuffled], [texts[i] for i in shuffled], settings)
    assert again == expected


@given(TEXTS, st.sampled_from(["jaccard", "containment"]))
def test_every_loser_is_as_similar_to_its_winner_as_required(texts, measure) -> None:
    settings = minhash.MinHashSettings(
        words_per_shingle=2, min_similarity=0.6, similarity=measure, bands=40, rows_per_band=1
    )
    names = [str(i) for i in range(len(texts))]
    losers = find_duplicates(names, texts, settings)
    sets = verification.shingle_texts(pa.array(texts, pa.string()), settings)
    measured = getattr(set_similarity, measure)
    for loser, winner in losers.items():
        assert winner not in losers
        assert measured(sets.of(int(loser)), sets.of(int(winner))) >= 0.6
        if measure == "containment":
            assert sets.counts[int(loser)] <= sets.counts[int(winner)]


def test_no_duplicates_at_all_and_no_documents_at_all() -> None:
    assert find_duplicates(["a", "b", "c"], ["one two three", "four five six", ""]) == {}
    assert find_duplicates([], []) == {}


def test_documents_without_words_are_kept() -> None:
    assert find_duplicates(["a", "b", "c"], ["", "", "...!"]) == {}


def test_short_texts_are_duplicates_too() -> None:
    # Peers never compare texts of fewer words than a shingle has.
    assert len(find_duplicates(["a", "b"], ["Page not found", "page, not found!"])) == 1


def build_lookalikes(count: int) -> list[str]:
    """Texts that share everything but what matters: numbers, names, operands."""
    rng = random.Random(7)
    texts = []
    for i in range(count):
        call = {"name": "get_weather", "arguments": {"station": 10_000 + i, "days": i % 7}}
        texts.append(json.dumps(call))
        texts.append(
            "\n".join(f"| {year} | {rng.randrange(10**5)} |" for year in range(1990, 2020))
        )
        texts.append(
            "define i32 @f(i32 %0, i32 %1) {\n"
            + "\n".join(
                f"  %{n} = {rng.choice(['add', 'sub', 'mul', 'xor'])} i32 %{rng.randrange(n)}, %1"
                for n in range(2, 40)
            )
            + "\n  ret i32 %39\n}"
        )
    return texts


def test_similar_but_different_documents_survive() -> None:
    texts = build_lookalikes(200)
    names = [str(i) for i in range(len(texts))]
    assert len(set(texts)) == len(texts)
    keys = fingerprints.fingerprint_texts(pa.array(texts), SETTINGS).band_hashes
    assert len(np.unique(keys[::3, 0])) == 1  # all function calls are candidates of each other
    assert find_duplicates(names, texts) == {}


@pytest.fixture(scope="module")
def revisions(shared_data: Callable[[str], Path]) -> tuple[list[str], list[str], np.ndarray]:
    """Real document revisions: names, texts, rows of the labelled pairs."""
    folder = shared_data("dedup-rust-book-revisions")
    with lzma.open(folder / "docs.jsonl.xz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    rows = {document["doc_id"]: row for row, document in enumerate(documents)}
    with (folder / "pairs.tsv").open(encoding="utf-8") as lines:
        pairs = [
            (rows[p["doc_a"]], rows[p["doc_b"]]) for p in csv.DictReader(lines, delimiter="\t")
        ]
    return list(rows), [document["text"] for document in documents], np.array(pairs)


def test_candidate_recall_is_what_theory_says(revisions) -> None:
    _, texts, pairs = revisions
    column = pa.array(texts)
    shingles = shingling.shingle(column)
    similarity = np.array(
        [set_similarity.jaccard(shingles.of(a), shingles.of(b)) for a, b in pairs]
    )
    keys = fingerprints.fingerprint_texts(column, SETTINGS).band_hashes
    shared = (keys[pairs[:, 0]] == keys[pairs[:, 1]]).any(axis=1)
    expected = np.array([banding.match_probability(s, SETTINGS) for s in similarity])
    deciles = np.minimum((similarity * 10).astype(int), 9)
    assert len(pairs) == 2449 and np.bincount(deciles).min() > 100
    for decile in range(10):
        chosen = deciles == decile
        hits, mean = int(shared[chosen].sum()), expected[chosen].sum()
        deviation = np.sqrt((expected[chosen] * (1 - expected[chosen])).sum())
        # 2.576 standard deviations hold 99 % of a normal distribution; half a hit is rounding.
        assert abs(hits - mean) <= 2.576 * deviation + 0.5, (decile, hits, mean)


def test_no_revision_goes_that_differs(revisions) -> None:
    names, texts, _ = revisions
    losers = find_duplicates(names, texts)
    shingles = verification.shingle_texts(pa.array(texts), SETTINGS)
    rows = {name: row for row, name in enumerate(names)}
    below = [
        (loser, winner)
        for loser, winner in losers.items()
        if set_similarity.jaccard(shingles.of(rows[loser]), shingles.of(rows[winner])) < 0.8
    ]
    assert below == [] and len(losers) > 200
    assert not set(losers.values()) & set(losers)


@pytest.mark.parametrize(("size", "planted"), [(100, 5), (1000, 10)])
def test_planted_articles_are_found(
    shared_data: Callable[[str], Path], size: int, planted: int
) -> None:
    folder = shared_data("dedup-minhash-articles-1000")
    lines = (folder / f"articles_{size}.train").read_text(encoding="utf-8").splitlines()
    articles = dict(line.split(" ", 1) for line in lines)
    truth = (folder / f"articles_{size}.truth").read_text(encoding="utf-8").splitlines()
    losers = find_duplicates(list(articles), list(articles.values()))
    found = {frozenset(pair) for pair in losers.items()}
    assert found == {frozenset(line.split()) for line in truth} and len(found) == planted
