"""Verified pairs against a comparison of all with all."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import (
    banding,
    candidate_pairs,
    minhash,
    set_similarity,
    shingling,
    verification,
)
from gristmill.schemas.identity import content_id
from gristmill.schemas.tables import ID

SETTINGS = minhash.MinHashSettings(min_similarity=0.5)
SETS = st.lists(st.frozensets(st.integers(0, 9), max_size=8), max_size=12)
MEASURES = st.sampled_from(["jaccard", "containment"])


def build_shingles(sets: list[frozenset[int]]) -> shingling.Shingles:
    """Small numbers, spread over 64 bits as shingle hashes are."""
    hashes = [sorted(value * 0x9E3779B97F4A7C15 % 2**64 for value in s) for s in sets]
    offsets = np.cumsum([0, *(len(h) for h in hashes)]).astype(np.int64)
    return shingling.Shingles(
        offsets, np.array([value for h in hashes for value in h], dtype=np.uint64)
    )


def identify_sets(sets: list[frozenset[int]]) -> pa.Array:
    return pa.array([content_id(repr(sorted(s))) for s in sets], ID)


def measure_slowly(earlier: frozenset[int], later: frozenset[int], measure: str) -> float:
    common = len(earlier & later)
    if measure == "containment":
        return common / min(len(earlier), len(later)) if len(later) <= len(earlier) else 0
    return common / len(earlier | later)


def verify_slowly(sets, clusters, order, measure):
    """All pairs of the first of each text, and each text with its first."""
    expected = {}
    firsts: dict[tuple, int] = {}
    for place, later in enumerate(order):
        key = (clusters[later], sets[later])
        if not sets[later]:
            continue
        if key in firsts:
            expected[firsts[key], later] = (1.0, True)
            continue
        firsts[key] = later
        for earlier in order[:place]:
            if earlier not in firsts.values() or clusters[earlier] != clusters[later]:
                continue
            similarity = measure_slowly(sets[earlier], sets[later], measure)
            if similarity >= SETTINGS.min_similarity:
                expected[earlier, later] = (similarity, False)
    return expected


@given(SETS, st.data(), MEASURES)
def test_pairs_equal_the_comparison_of_all_with_all(sets, data, measure) -> None:
    clusters = data.draw(st.lists(st.integers(0, 2), min_size=len(sets), max_size=len(sets)))
    order = data.draw(st.permutations(range(len(sets))))
    settings = dataclasses.replace(SETTINGS, similarity=measure)
    verified = verification.verify_clusters(
        np.array(clusters, dtype=np.int64),
        build_shingles(sets),
        identify_sets(sets),
        np.array(order, dtype=np.int64),
        settings,
    )
    found = {
        (a, b): (similarity, exact)
        for (a, b), similarity, exact in zip(
            verified.pairs.tolist(),
            verified.similarity.tolist(),
            verified.is_exact.tolist(),
            strict=True,
        )
    }
    assert found == verify_slowly(sets, clusters, list(order), measure)
    near = int((~verified.is_exact).sum())
    assert verified.compared - verified.rejected == near and verified.left_out == 0


def test_empty_partition() -> None:
    verified = verification.verify_clusters(
        np.empty(0, np.int64), build_shingles([]), pa.array([], ID), np.empty(0, np.int64), SETTINGS
    )
    assert verified.pairs.shape == (0, 2) and verified.compared == 0


def test_copies_cost_one_row_each() -> None:
    copies = 100_000
    offsets = np.arange(copies + 1, dtype=np.int64) * 2
    sets = shingling.Shingles(offsets, np.tile(np.array([1, 2], dtype=np.uint64), copies))
    ids = pa.array([b"x" * 16], ID).take(pa.array(np.zeros(copies, np.int64)))
    order = np.arange(copies, dtype=np.int64)[::-1].copy()
    verified = verification.verify_cluster(sets, ids, order, SETTINGS)
    assert verified.compared == 0 and verified.is_exact.all()
    assert (verified.pairs[:, 0] == copies - 1).all() and len(verified.pairs) == copies - 1


def build_families(families: int, members: int, seed: int) -> list[frozenset[int]]:
    """Families of sets with 95 of the 100 numbers of their first, and none of another's."""
    rng = np.random.default_rng(seed)
    sets = []
    for family in range(families):
        core = [family * 10_000 + i for i in range(100)]
        for member in range(members):
            dropped = set(rng.permutation(100)[: 5 if member else 0].tolist())
            sets.append(frozenset(v for i, v in enumerate(core) if i not in dropped))
    return sets


@pytest.mark.parametrize("measure", ["jaccard", "containment"])
def test_large_cluster_finds_a_winner_for_every_duplicate(measure) -> None:
    sets = build_families(families=20, members=14, seed=3)
    settings = minhash.MinHashSettings(similarity=measure, all_pairs_nodes=10)
    order = np.array(sorted(range(len(sets)), key=lambda i: (-len(sets[i]), i)), dtype=np.int64)
    verified = verification.verify_cluster(
        build_shingles(sets), identify_sets(sets), order, settings
    )
    firsts = set(range(0, 280, 14))
    assert {b for a, b in verified.pairs.tolist() if a in firsts} == set(range(280)) - firsts
    assert all(a // 14 == b // 14 for a, b in verified.pairs.tolist())
    assert verified.left_out == 0 and verified.spares_left_out > 0
    assert len(np.unique(verified.pairs, axis=0)) == len(verified.pairs)
    full = verification.verify_cluster(
        build_shingles(sets),
        identify_sets(sets),
        order,
        dataclasses.replace(settings, all_pairs_nodes=1000),
    )
    known = dict(zip(map(tuple, full.pairs.tolist()), full.similarity.tolist(), strict=True))
    for pair, similarity in zip(
        map(tuple, verified.pairs.tolist()), verified.similarity, strict=True
    ):
        assert known[pair] == similarity
    assert full.compared == 280 * 279 // 2


def test_caps_are_counted() -> None:
    # 30 texts that share a band (half of their shingles), but are no duplicates.
    sets = [frozenset(range(100)) | frozenset(range(i * 1000, i * 1000 + 60)) for i in range(1, 31)]
    settings = minhash.MinHashSettings(
        bands=40, rows_per_band=1, max_representatives=3, all_pairs_nodes=1
    )
    order = np.arange(len(sets), dtype=np.int64)
    verified = verification.verify_cluster(
        build_shingles(sets), identify_sets(sets), order, settings
    )
    assert len(verified.pairs) == 0 and verified.left_out > 0
    assert verified.compared == verified.rejected <= 3 * len(sets)


def match_banded_slowly(sets: shingling.Shingles, settings: minhash.MinHashSettings):
    """The walk of `match_banded`, with a list for each kind and band."""
    keys = banding.hash_bands(minhash.sign(sets, settings), settings)
    limits = (settings.max_representatives, candidate_pairs.SPARES)
    listed: dict[tuple, list[int]] = {}
    found, compared, left_out = {}, 0, [0, 0]
    for later in range(len(sets)):
        chosen: list[int] = []
        for kind in (0, 1):
            room = limits[kind]
            for key in keys[later].tolist():
                nodes = listed.get((kind, key), [])
                left_out[kind] += len(nodes[limits[kind] :])
                for node in nodes[: limits[kind]]:
                    if node not in chosen and room:
                        chosen.append(node)
                        room -= 1
                    elif node not in chosen:
                        left_out[kind] += 1
        compared += len(chosen)
        for earlier in chosen:
            similarity = set_similarity.jaccard(sets.of(earlier), sets.of(later))
            if similarity >= settings.min_similarity:
                found[earlier, later] = similarity
        is_matched = any(pair[1] == later for pair in found)
        for key in keys[later].tolist():
            listed.setdefault((int(is_matched), key), []).append(later)
    return found, [compared, compared - len(found), *left_out]


@given(st.lists(st.frozensets(st.integers(0, 7), min_size=1), max_size=14), st.integers(1, 3))
def test_walk_over_bands_equals_the_reference(sets, cap) -> None:
    settings = minhash.MinHashSettings(
        bands=4, rows_per_band=1, min_similarity=0.6, max_representatives=cap
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidate_pairs, "SPARES", 1)
        matched = candidate_pairs.match_banded(build_shingles(sets), settings)
        expected, counts = match_banded_slowly(build_shingles(sets), settings)
    pairs = [tuple(pair) for pair in matched.nodes.tolist()]
    assert len(pairs) == len(set(pairs))
    assert dict(zip(pairs, matched.similarity.tolist(), strict=True)) == expected
    assert matched.counts.tolist() == counts


def test_spares_stay_comparable_with_later_texts() -> None:
    sets = build_families(families=1, members=40, seed=4)
    settings = minhash.MinHashSettings(all_pairs_nodes=1)
    verified = verification.verify_cluster(
        build_shingles(sets), identify_sets(sets), np.arange(40, dtype=np.int64), settings
    )
    partners = {a for a, b in verified.pairs.tolist() if b == 39}
    assert 0 in partners and len(partners) > 1
    assert len(partners) <= 1 + candidate_pairs.SPARES


def test_wrong_members_are_refused() -> None:
    sets = [frozenset([1]), frozenset([2])]
    with pytest.raises(ValueError, match="not a permutation"):
        verification.verify_cluster(
            build_shingles(sets), identify_sets(sets), np.array([0, 0]), SETTINGS
        )
    with pytest.raises(ValueError, match="2 sets, 1 dedup_ids"):
        verification.verify_cluster(
            build_shingles(sets), identify_sets(sets[:1]), np.array([0, 1]), SETTINGS
        )
