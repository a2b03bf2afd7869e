"""Shingle sets against strings: same sets of strings, same sets of hashes."""

import hashlib
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup import shingling, text_folding
from gristmill.schemas.identity import ID_BYTES

WORDS = st.sampled_from(
    ["a", "b", "longer", "12", "٤9", "wordsofexactly8", "eightsix", "中", "é" * 9, "00"]
)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)
MASK = 2**64 - 1


def mix_slowly(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def hash_word(word: bytes) -> int:
    state = 0x9E3779B97F4A7C15
    for start in range(0, len(word) - 7, 8):
        state = (state ^ int.from_bytes(word[start : start + 8], "big")) * 0xFF51AFD7ED558CCD & MASK
        state ^= state >> 32
    rest = word[len(word) - len(word) % 8 :]
    return mix_slowly(state ^ (int.from_bytes(rest, "big") | (len(rest) + 1) << 56))


def shingle_slowly(normalized: str, size: int, max_chars: int, fold_digits: bool) -> set[int]:
    words = (re.sub("[0-9]", "0", normalized) if fold_digits else normalized).split()
    used = [
        word for i, word in enumerate(words) if not i or len(" ".join(words[: i + 1])) <= max_chars
    ]
    runs = [used[i : i + size] for i in range(len(used) - size + 1)] or [used] * bool(used)
    hashes = set()
    for run in runs:
        value = 0
        for word in run:
            value = (value * 0xD6E8FEB86659FD93 + hash_word(word.encode())) & MASK
        hashes.add(mix_slowly(value))
    return hashes


def read_normalized(texts: pa.Array) -> list[str]:
    result = text_folding.normalize_texts(texts)
    return [
        bytes(result.data[result.offsets[i] : result.offsets[i + 1]]).decode()
        for i in range(len(texts))
    ]


@given(st.lists(TEXTS, max_size=4), st.integers(1, 7), st.integers(1, 80), st.booleans())
@example(["", "a", "a b c d e"], 5, 500, True)
def test_sets_equal_the_reference(texts: list[str], size: int, max_chars: int, fold: bool) -> None:
    column = pa.array(texts, pa.string())
    found = shingling.shingle(column, size, max_chars, fold_digits=fold)
    expected = [shingle_slowly(text, size, max_chars, fold) for text in read_normalized(column)]
    assert [found.of(i).tolist() for i in range(len(found))] == [sorted(s) for s in expected]
    assert found.hashes.dtype == np.uint64 and found.offsets.dtype == np.int64


@given(TEXTS, TEXTS)
def test_hashes_are_shared_exactly_where_strings_are(left: str, right: str) -> None:
    sets = shingling.shingle(pa.array([left, right], pa.string()), 3)
    strings = []
    for text in read_normalized(pa.array([left, right], pa.string())):
        words = re.sub("[0-9]", "0", text).split()
        runs = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
        strings.append(set(runs or [tuple(words)] * bool(words)))
    assert len(set(sets.of(0)) & set(sets.of(1))) == len(strings[0] & strings[1])
    assert sets.counts.tolist() == [len(s) for s in strings]


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data())
def test_slices_are_alike(texts: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    column = pa.array(texts, pa.string())
    whole, part = shingling.shingle(column), shingling.shingle(column.slice(start))
    assert [part.of(i).tolist() for i in range(len(part))] == [
        whole.of(i).tolist() for i in range(start, len(texts))
    ]
    assert shingling.dedup_ids(column.slice(start)) == shingling.dedup_ids(column).slice(start)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_taking_selects_whole_sets(texts: list[str], data: st.DataObject) -> None:
    sets = shingling.shingle(pa.array(texts, pa.string()))
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8))
    taken = sets.take(np.array(rows, dtype=np.int64))
    assert [taken.of(i).tolist() for i in range(len(taken))] == [sets.of(r).tolist() for r in rows]


@given(st.lists(st.text(max_size=20), max_size=5))
def test_ids_are_equal_exactly_where_normalized_texts_are(texts: list[str]) -> None:
    column = pa.array(texts, pa.string())
    ids = shingling.dedup_ids(column)
    assert ids.type == pa.binary(ID_BYTES)
    assert ids.to_pylist() == [
        hashlib.blake2b(text.encode(), digest_size=ID_BYTES).digest()
        for text in read_normalized(column)
    ]


def test_case_and_punctuation_do_not_tell_texts_apart_and_numbers_do() -> None:
    texts = pa.array(
        [
            "Chapter 12: the café, again!",
            "chapter 12 the cafe -- AGAIN",
            "chapter 57 the cafe again",
        ]
    )
    first, second, third = shingling.dedup_ids(texts).to_pylist()
    assert first == second != third
    candidates = shingling.shingle(texts)
    assert candidates.of(0).tolist() == candidates.of(1).tolist() == candidates.of(2).tolist()
    verified = shingling.shingle(texts, fold_digits=False)
    assert verified.of(0).tolist() == verified.of(1).tolist() != verified.of(2).tolist()


def test_texts_without_spaces_get_shingles_of_characters() -> None:
    left = "自然语言处理是人工智能领域中的一个重要方向"
    sets = shingling.shingle(pa.array([left, left[:-1] + "面", "ภาษาไทยไม่มีช่องว่าง"]))
    assert sets.counts[0] == len(left) - 4
    assert len(np.intersect1d(sets.of(0), sets.of(1))) == len(left) - 5
    assert sets.counts[2] > 5


def test_words_beyond_the_cap_do_not_count() -> None:
    text = "one two three four five six seven"
    capped = shingling.shingle(pa.array([text]), 2, len("one two three"))
    assert (
        capped.hashes.tolist() == shingling.shingle(pa.array(["one two three"]), 2).hashes.tolist()
    )
    giant = shingling.shingle(pa.array(["x" * 100 + " two", "x" * 100]), 2, 10)
    assert giant.of(0).tolist() == giant.of(1).tolist() and giant.counts.tolist() == [1, 1]


@pytest.mark.parametrize(("size", "max_chars"), [(0, 5), (5, 0)])
def test_numbers_below_one_are_refused(size: int, max_chars: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        shingling.shingle(pa.array(["a"]), size, max_chars)


def test_swapped_words_differ() -> None:
    sets = shingling.shingle(pa.array(["a b c d e", "a b c e d", "b a c d e"]))
    assert len(set(sets.hashes.tolist())) == 3
