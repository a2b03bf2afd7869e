"""The global order: golden values, bijection, inverse, statistics, naming of keys."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tokenize import sample_order
from gristmill.tokenize.sample_order import (
    find_position,
    invert,
    locate,
    locate_span,
    order_key,
    permute,
)

KEY = b"('seed', 0, 'epoch', 0)"
NAMES = {"dataset_id": "d" * 64, "plan_id": "p" * 64, "seed": 7}

# n: first outputs, output at n-1, position of sample 0
GOLDEN = {
    1: ([0], 0, 0),
    2: ([0, 1], 1, 0),
    3: ([0, 2, 1], 1, 0),
    10: ([4, 6, 2, 5, 0, 3, 9, 7, 8, 1], 1, 4),
    4_096: ([1943, 649, 2477, 1266, 962, 1923, 80, 1884], 4089, 2580),
    65_536: ([18483, 65205, 29487, 5264, 21722, 33060, 64999, 7559], 777, 48496),
    65_537: ([35819, 49315, 8352, 51813, 38719, 39437, 61664, 57423], 13769, 10184),
    262_145: ([119609, 224055, 143435, 45557, 144968, 109292, 128362, 125488], 2893, 34962),
    1_000_003: ([483722, 224055, 143435, 295011, 324315, 109292, 826596, 677599], 766844, 930950),
    10**9: (
        [540906015, 683888000, 144313357, 901948757, 815630517, 724155886, 206276364, 16263151],
        513086616,
        522654550,
    ),
    2**32: (
        [
            2211669116,
            2644668168,
            3472924505,
            1803887957,
            3630911191,
            1936199671,
            2785717411,
            3904401225,
        ],
        3799674179,
        1045304150,
    ),
    10**12: (
        [
            700317734945,
            779851227994,
            559033904069,
            924213098332,
            940353087651,
            46726820327,
            540428852920,
            781908893897,
        ],
        808246519442,
        944503134878,
    ),
    2**40 + 1: (
        [
            174103600901,
            309343032627,
            701419356126,
            50615122459,
            868749559982,
            181643366599,
            82224580245,
            412103487277,
        ],
        366562121842,
        560486133368,
    ),
    2**62: (
        [
            2656382717360583237,
            3357972032914937587,
            4037968451517292988,
            3110629827045651930,
            544783725330999200,
            2529580614637644890,
            1155996393283614657,
            1726211327432787826,
        ],
        2999273632696018792,
        2438699237452006439,
    ),
}


def permute_slowly(position: int, n: int, key: bytes, rounds: int) -> int:
    """The definition, in unbounded integers."""
    width = max(1, -(-(n - 1).bit_length() // 2))
    mask = (1 << width) - 1
    digest = hashlib.blake2b(key, digest_size=8 * rounds).digest()
    keys = [int.from_bytes(digest[8 * i : 8 * i + 8], "little") for i in range(rounds)]
    while True:
        left, right = position >> width, position & mask
        for k in keys:
            x = right ^ k
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
            left, right = right, left ^ ((x ^ (x >> 31)) & mask)
        position = (left << width) | right
        if position < n:
            return position


@pytest.mark.parametrize("n", GOLDEN)
def test_golden_values(n: int) -> None:
    first, last, origin = GOLDEN[n]
    assert permute(np.arange(len(first)), n, KEY).tolist() == first
    assert permute([n - 1], n, KEY).tolist() == [last]
    assert invert([0], n, KEY).tolist() == [origin]


@pytest.mark.parametrize(
    ("n", "digest"),
    [
        (10, "940019abe83089fb241882ae6c81f046698498ae8183fb0fafcb66757865eab5"),
        (4_096, "14468119d56d7522b18a63c19c4f487386713ae31aafca999ee955d490937ba9"),
        (65_537, "ccd3a4a3244ff60265eecd19e3004afc8392625b27c683a59fec8b576af78b93"),
        (1_000_003, "2609e701b5c9da800381b1f85538423e5a717b9645181fc6659506696ce8c8d0"),
    ],
)
def test_golden_whole_permutation(n: int, digest: str) -> None:
    whole = permute(np.arange(n), n, KEY)
    assert hashlib.sha256(whole.astype("<i8").tobytes()).hexdigest() == digest
    assert np.array_equal(np.sort(whole), np.arange(n))
    assert np.array_equal(invert(whole, n, KEY), np.arange(n))


@pytest.mark.parametrize(
    ("n", "first"),
    [
        (3, [0, 1, 2]),
        (10, [1, 3, 4, 6, 2, 7, 0, 9]),
        (65_537, [43449, 21670, 21245, 18957, 5914, 5707, 17972, 52066]),
        (1_000_003, [793615, 488611, 567143, 921562, 916314, 635053, 972788, 178612]),
        (10**12, [920248067148, 894026468565, 265974563773, 18475720717, 983426163685]),
    ],
)
def test_golden_four_rounds(n: int, first: list[int]) -> None:
    assert permute(np.arange(len(first)), n, KEY, rounds=4).tolist() == first


def test_golden_round_keys_and_mixer() -> None:
    words = [f"{int(word):016x}" for word in sample_order._round_keys(KEY, 6)]
    assert " ".join(words) == (
        "3b2630dd0f30783e 75b94d615610c223 94c52b9cc8cf75f1 "
        "b54bf01ec0d2b249 35edb3c4a5a6e421 1bb4db2edc44e650"
    )
    mixed = {0: 0, 1: 0x5692161D100B05E5, 2: 0xDBD238973A2B148A, 2**64 - 1: 0xB4D055FCF2CBBD7B}
    assert {x: int(sample_order._mix(np.uint64(x))) for x in mixed} == mixed


def test_golden_seed_plus_epoch() -> None:
    """Seed 42, epoch 1 and seed 43, epoch 0 are different orders."""
    one = permute(np.arange(4), 1_000_003, b"('seed', 42, 'epoch', 1)")
    two = permute(np.arange(4), 1_000_003, b"('seed', 43, 'epoch', 0)")
    assert one.tolist() == [926106, 32880, 465204, 64308]
    assert two.tolist() == [286522, 57381, 446260, 168691]


@given(st.integers(1, 3000), st.binary(max_size=40), st.integers(1, 8))
def test_is_a_bijection(n: int, key: bytes, rounds: int) -> None:
    whole = permute(np.arange(n), n, key, rounds)
    assert np.array_equal(np.sort(whole), np.arange(n))
    assert np.array_equal(invert(whole, n, key, rounds), np.arange(n))


@given(st.data(), st.integers(1, 2**62), st.binary(max_size=40), st.integers(1, 8))
def test_equals_the_definition(data: st.DataObject, n: int, key: bytes, rounds: int) -> None:
    positions = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5))
    expected = [permute_slowly(position, n, key, rounds) for position in positions]
    assert permute(positions, n, key, rounds).tolist() == expected
    assert invert(expected, n, key, rounds).tolist() == positions


def test_keeps_shape_and_reads_any_integer_type() -> None:
    grid = np.arange(12, dtype=np.int32).reshape(3, 4)
    assert permute(grid, 100, KEY).shape == (3, 4)
    assert np.array_equal(permute(grid.T, 100, KEY), permute(grid, 100, KEY).T)
    assert permute([], 100, KEY).shape == (0,)


@pytest.mark.parametrize(
    ("positions", "n", "rounds"),
    [
        ([0], 0, 6),
        ([0], 2**62 + 1, 6),
        ([5], 5, 6),
        ([-1], 5, 6),
        ([0], 5, 0),
        ([0], 5, 9),
        ([0.5], 5, 6),
        ([True], 5, 6),
    ],
)
def test_refuses(positions: list[int], n: int, rounds: int) -> None:
    for function in (permute, invert):
        with pytest.raises(ValueError, match=r"positions|rounds|n="):
            function(positions, n, KEY, rounds)


@pytest.mark.parametrize("n", [10**6, 10**9])
def test_looks_random(n: int) -> None:
    """Lag-1 correlation, low bits and spread: what Grain's and Levanter's orders fail."""
    outputs = permute(np.arange(n // 3, n // 3 + 100_000), n, b"statistics")
    assert abs(np.corrcoef(outputs[:-1], outputs[1:])[0, 1]) < 0.015
    low = np.packbits((outputs & 1).astype(np.uint8))
    counts = np.bincount(low, minlength=256)
    expected = len(low) / 256
    assert 0.7 < ((counts - expected) ** 2 / expected).sum() / 255 < 1.35
    hit = [len(set((outputs[i : i + 500] // (n // 1000)).tolist())) for i in range(0, 100_000, 500)]
    assert 390 < np.mean(hit) < 397  # 393.6 expected


def test_order_key_is_frozen_and_depends_on_every_part() -> None:
    base = ("data", "plan", 1, 2, 10)
    assert order_key(*base).hex() == (
        "da887427f908601982cadf7125f40f018946838821a26cbeef04c6c14e8f165c"
    )
    others = [("dat", "aplan", 1, 2, 10), ("data", "plan", 2, 1, 10), ("data", "plan", 1, 2, 11)]
    others += [("data", "plan", 0, 3, 10), ("data", "other", 1, 2, 10), ("x", "plan", 1, 2, 10)]
    keys = {order_key(*parts) for parts in [base, *others]}
    assert len(keys) == len(others) + 1
    assert order_key("data", "plan", np.int64(1), np.int32(2), np.int64(10)) == order_key(*base)


@given(st.integers(1, 50), st.integers(0, 200), st.integers(0, 60))
def test_span_delivers_each_sample_once_an_epoch(n: int, start: int, length: int) -> None:
    epochs, samples = locate_span(start, start + length, n, **NAMES)
    one_by_one = [locate(position, n, **NAMES) for position in range(start, start + length)]
    assert list(zip(epochs.tolist(), samples.tolist(), strict=True)) == one_by_one
    assert len(set(one_by_one)) == length
    for position, (epoch, sample) in enumerate(one_by_one, start):
        assert epoch == position // n
        assert find_position(sample, epoch, n, **NAMES) == position


def test_epochs_differ_and_far_positions_cost_nothing() -> None:
    n = 10**12
    epochs, samples = locate_span(5 * n - 2, 5 * n + 2, n, **NAMES)
    assert epochs.tolist() == [4, 4, 5, 5]
    assert len(set(samples.tolist())) == 4
    with pytest.raises(ValueError, match="span"):
        locate_span(5, 4, n, **NAMES)
