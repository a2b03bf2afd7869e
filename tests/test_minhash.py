"""Signatures: the formula, the laws, and what they estimate."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import minhash, shingling
from gristmill.schemas.identity import hash_parts

HASH_SETS = st.sets(st.integers(0, 2**64 - 1), max_size=40)
FAMILIES = st.sampled_from(["multiply_shift", "affine32"])


def build_shingles(*sets: set[int]) -> shingling.Shingles:
    offsets = np.cumsum([0, *(len(s) for s in sets)]).astype(np.int64)
    hashes = [np.array(sorted(s), dtype=np.uint64) for s in sets]
    return shingling.Shingles(offsets, np.concatenate([np.empty(0, np.uint64), *hashes]))


def sign_slowly(hashes: set[int], settings: minhash.MinHashSettings) -> list[int]:
    signature = []
    for slot in range(settings.slots):
        digest = hash_parts("minhash", "multiply_shift", settings.seed, slot)
        a, b = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        values = [((a * (value >> 32) + b) % 2**64) >> 32 for value in hashes]
        signature.append(min(values, default=2**32 - 1))
    return signature


@given(st.lists(HASH_SETS, max_size=4), st.integers(0, 3))
def test_signature_is_the_formula(sets: list[set[int]], seed: int) -> None:
    settings = minhash.MinHashSettings(seed=seed, bands=3, rows_per_band=2)
    found = minhash.sign(build_shingles(*sets), settings)
    assert found.dtype == np.uint32 and found.shape == (len(sets), 6)
    assert found.tolist() == [sign_slowly(s, settings) for s in sets]


@given(HASH_SETS, HASH_SETS, FAMILIES)
def test_signature_of_union_is_slotwise_minimum(
    left: set[int], right: set[int], family: str
) -> None:
    settings = minhash.MinHashSettings(family=family)
    a, b, both = minhash.sign(build_shingles(left, right, left | right), settings)
    assert both.tolist() == np.minimum(a, b).tolist()


def test_affine32_equals_datasketch() -> None:
    # datasketch 2.0.0: MinHash(num_perm=8, seed=s, scheme="affine32", hashfunc=int), updated
    # with the four values below.
    expected = {
        1: "404119057 594951281 1119733286 274675658 1328930451 753320377 2519654638 172414575",
        7: "570436246 517944122 520740179 508301442 423092567 921401274 758311304 18363396",
    }
    hashes = {value << 32 for value in (1, 2, 3, 0xFFFFFFFF)}
    for seed, values in expected.items():
        settings = minhash.MinHashSettings(seed=seed, bands=4, rows_per_band=2, family="affine32")
        assert minhash.sign(build_shingles(hashes), settings)[0].tolist() == [
            *map(int, values.split())
        ]


@pytest.mark.parametrize("family", ["multiply_shift", "affine32"])
@pytest.mark.parametrize("similarity", [0.1, 0.5, 0.8, 0.95])
def test_estimate_is_near_the_truth(family: str, similarity: float) -> None:
    rng = np.random.default_rng(5)
    settings = minhash.MinHashSettings(family=family)
    pairs, size = 200, 1000
    common = round(size * similarity)
    sets = []
    for _ in range(pairs):
        pool = rng.integers(0, 2**64, size, dtype=np.uint64).tolist()
        cut = common + (size - common) // 2
        sets += [set(pool[:cut]), set(pool[:common] + pool[cut:])]
    signatures = minhash.sign(build_shingles(*sets), settings)
    errors = minhash.estimate_jaccard(signatures[::2], signatures[1::2]) - similarity
    deviation = np.sqrt(similarity * (1 - similarity) / settings.slots)
    assert abs(errors.mean()) < 3 * deviation / np.sqrt(pairs)
    assert np.sqrt((errors**2).mean()) < 1.25 * deviation


@given(HASH_SETS, FAMILIES)
def test_estimate_of_equal_and_of_empty(hashes: set[int], family: str) -> None:
    signatures = minhash.sign(build_shingles(hashes, set()), minhash.MinHashSettings(family=family))
    itself = minhash.estimate_jaccard(signatures[0], signatures[0])
    assert itself == (1.0 if hashes else 0.0)
    assert minhash.estimate_jaccard(signatures[0], signatures[1]) == 0
    assert (signatures[1] == minhash.EMPTY_SLOT).all()


def test_more_slots_keep_the_first_ones() -> None:
    short = minhash.draw_functions("multiply_shift", 1, 4)
    long: npt.NDArray[np.uint64] = minhash.draw_functions("multiply_shift", 1, 9).multipliers
    assert long[:4].tolist() == short.multipliers.tolist()


def test_signatures_never_change() -> None:
    """Published signature tables must stay comparable: change `version` with these."""
    shingles = shingling.shingle(pa.array(["the quick brown fox jumps over the lazy dog"]))
    signature = minhash.sign(shingles, minhash.MinHashSettings())[0]
    assert signature[:4].tolist() == [1406465556, 101405717, 1099784426, 272337072]
    affine = minhash.sign(shingles, minhash.MinHashSettings(family="affine32"))[0]
    assert affine[:4].tolist() == [83730853, 995444133, 611338229, 1346208192]


def test_version_names_every_setting() -> None:
    default = minhash.MinHashSettings()
    others = {
        "words_per_shingle": 6,
        "bands": 13,
        "rows_per_band": 7,
        "seed": 2,
        "min_similarity": 0.7,
        "similarity": "containment",
        "family": "affine32",
        "max_shingle_text_chars": 10,
        "max_representatives": 3,
        "all_pairs_nodes": 5,
    }
    assert set(others) == {field.name for field in dataclasses.fields(default)}
    versions = {dataclasses.replace(default, **{k: v}).version for k, v in others.items()}
    assert len(versions | {default.version}) == len(others) + 1
    assert default.version.startswith(default.signature_version)


def test_wrong_settings_are_refused_together() -> None:
    with pytest.raises(ValueError, match=r"bands=0 < 1; .*seed=-1.*min_similarity=1.5.*'cosine'"):
        minhash.MinHashSettings(
            bands=0,
            seed=-1,
            min_similarity=1.5,
            similarity="cosine",  # type: ignore[arg-type]
        )
    with pytest.raises(ValueError, match="sha1"):
        minhash.MinHashSettings(family="sha1")  # type: ignore[arg-type]
