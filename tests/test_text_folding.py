"""Normalised texts against a reference that reads one character at a time."""

import itertools
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup import character_folding, text_folding

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("aAbB .,\n\t0123éÉñςΣİ中文字かナ한국ไทยก็ມษे\u0301\u00ad\u200b\u200d²½_-ﬁẞȺ"),
    ),
    max_size=60,
)


def normalize_slowly(text: str) -> str:
    """The rule over whole strings: lower, decompose, classify, split."""
    words: list[str] = []
    in_word = False
    for original in text:
        folded = unicodedata.normalize("NFD", original.lower())
        kinds = [unicodedata.category(part) for part in folded]
        kept = "".join(
            str(unicodedata.decimal(part)) if kind == "Nd" else part
            for part, kind in zip(folded, kinds, strict=True)
            if kind[0] in "LN" or kind == "Mc"
        ).replace("ς", "σ")
        if not kept:
            vanishes = all(
                kind in ("Mn", "Me") or (kind == "Cf" and part != "\u200b")
                for part, kind in zip(folded, kinds, strict=True)
            )
            in_word = in_word and vanishes
        elif character_folding.is_unspaced(ord(original)) and not kept.isdecimal():
            words.append(kept)
            in_word = False
        else:
            if in_word:
                words[-1] += kept
            else:
                words.append(kept)
            in_word = True
    return " ".join(words)


def normalize_list(texts: pa.Array) -> list[str]:
    result = text_folding.normalize_texts(texts)
    bounds = result.offsets.tolist()
    return [bytes(result.data[start:end]).decode() for start, end in itertools.pairwise(bounds)]


@given(st.lists(TEXTS, max_size=5))
@example(["", "", "a"])
@example(["각"])
def test_normalization_equals_the_reference(texts: list[str]) -> None:
    assert normalize_list(pa.array(texts, pa.string())) == [normalize_slowly(t) for t in texts]


@given(TEXTS)
def test_normalization_is_idempotent(text: str) -> None:
    once = normalize_list(pa.array([text], pa.string()))
    assert normalize_list(pa.array(once, pa.string())) == once


@given(TEXTS)
def test_composed_and_decomposed_texts_are_alike(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    composed, decomposed = normalize_list(pa.array(forms, pa.string()))
    assert composed == decomposed


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data())
def test_slices_and_large_strings_are_alike(texts: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    length = data.draw(st.integers(0, len(texts) - start))
    expected = [normalize_slowly(text) for text in texts[start : start + length]]
    for kind in (pa.string(), pa.large_string()):
        assert normalize_list(pa.array(texts, kind).slice(start, length)) == expected


@given(st.lists(st.binary(max_size=40), max_size=4))
@example([b"ab\xe4\xb8"])
@example([b"\xf5\x80\x80\x80\xf4\x90\x80\x80\xed\xa0\x80"])
def test_bytes_that_are_no_text_stay_within_bounds(values: list[bytes]) -> None:
    broken = pa.array(values, pa.binary()).view(pa.string())
    whole = [value for value in values if value.isascii()]
    result = text_folding.normalize_texts(broken)
    assert len(result.offsets) == len(values) + 1
    assert bytes(result.data).decode() or not result.data.size
    ascii_only = pa.array([value.decode() for value in whole], pa.string())
    assert normalize_list(ascii_only) == [normalize_slowly(value.decode()) for value in whole]


def test_no_character_reaches_into_the_next_text() -> None:
    broken = pa.array([b"a\xe4\xb8", b"\xad\xf0\x9f", b"b"], pa.binary()).view(pa.string())
    assert normalize_list(broken) == ["a", "", "b"]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("The  Quick, brown-fox!", "the quick brown fox"),
        ("naïve café №5 12.50", "naive cafe 5 12 50"),
        ("北京abc大学", "北 京 abc 大 学"),
        ("co\u00adoperate zero\u200bwidth", "cooperate zero width"),
        ("don't stop", "don t stop"),
        ("😀 --- ...", ""),
    ],
)
def test_case(text: str, normalized: str) -> None:
    [found] = normalize_list(pa.array([text]))
    assert unicodedata.normalize("NFC", found) == normalized


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="int64"):
        text_folding.normalize_texts(pa.array([1]))
    with pytest.raises(ValueError, match="1 of 2 texts are null"):
        text_folding.normalize_texts(pa.array(["a", None]))
