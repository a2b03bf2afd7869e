"""Words of spaced scripts: golden cases of the reference definition, and a slow reader."""

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning.character_classes import TABLE_SIZE, class_table
from gristmill.cleaning.segments import decode_character
from gristmill.cleaning.word_boundaries import split_words

MID_LETTER = ":\u00b7\u2027"
MID_DIGIT = ",;"
MID_ANY = ".'\u2018\u2019"
ALPHABET = st.sampled_from("abZé1٣_.,:;'’-[]… \u00a0\n\u0301\u00ad\u200b한²Ⅷ😀")
TEXTS = st.one_of(st.text(ALPHABET, max_size=40), st.text(max_size=40))


def kind(character: str) -> str:
    """Say what a character does in a word, from its name instead of from ranges."""
    category = unicodedata.category(character)
    if character in MID_LETTER + MID_DIGIT + MID_ANY:
        return "mid"
    if category[0] == "M" or (category == "Cf" and character != "\u200b"):
        return "mark"
    if category[0] == "L" or category == "Nl":
        return "letter"
    if category[0] == "N":
        return "digit"
    return "joiner" if category == "Pc" else "other"


def joins(mark: str, before: str, after: str) -> bool:
    """Say whether a mid-word mark stands between two letters or two digits."""
    allowed = {"letter": MID_LETTER + MID_ANY, "digit": MID_DIGIT + MID_ANY}
    return before == after and mark in allowed.get(before, "")


def reference_words(text: str) -> list[str]:
    """Split by the definition, one character at a time."""
    words, word, last = [], "", ""
    for place, character in enumerate(text):
        found = kind(character)
        following = kind(text[place + 1]) if place + 1 < len(text) else "other"
        if (word and found == "mid" and joins(character, last, following)) or (
            word and found == "mark"
        ):
            word += character
        elif found in ("letter", "digit", "joiner"):
            word, last = word + character, found
        else:
            words.append(word)
            word, last = "", ""
    words.append(word)
    return [word for word in words if any(unicodedata.category(c)[0] in "LN" for c in word)]


@given(TEXTS.filter(lambda text: all(ord(c) < 0xE00 or c in "한’‘…😀\u200bⅧ" for c in text)))
@example("a'b.c")
@example("1.a.1,2")
@example("_a_ __ _")
@example("e\u0301'\u0301a")
def test_words_agree_with_the_slow_reader(text):
    assert split_words(text) == reference_words(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("don't can’t wor.ld's", ["don't", "can’t", "wor.ld's"]),
        ("3.14,5; a.3 3.a", ["3.14,5", "a", "3", "3", "a"]),
        ("well-known and/or", ["well", "known", "and", "or"]),
        ("snake_case __init__ ____", ["snake_case", "__init__"]),
        ("漢字カナ", ["漢字", "カナ"]),
        ("ᥐᥑ", ["ᥐ", "ᥑ"]),  # Tai Le, which no dictionary knows
        ("A漢B", ["A", "漢", "B"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("*** ... — 😀", []),
        ("zero\u200bwidth soft\u00adhyphen", ["zero", "width", "soft\u00adhyphen"]),
        ("10\u202f000", ["10", "000"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_golden_words(text, words):
    assert split_words(text) == words


@given(st.text())
def test_words_come_in_order_and_hold_a_letter_or_digit(text):
    place = 0
    for word in split_words(text):
        place = text.index(word, place) + len(word)
        assert any(unicodedata.category(c)[0] in "LN" for c in word)


@given(st.text(min_size=1))
def test_decoding_agrees_with_python(text):
    data = np.frombuffer(text.encode(), np.uint8)
    code_points, position = [], 0
    while position < data.size:
        code_point, width = decode_character(data, position, data.size)
        code_points.append(code_point)
        position += width
    assert code_points == [ord(character) for character in text]


@given(st.binary(min_size=1, max_size=8))
def test_decoding_never_reads_past_the_end(payload):
    data = np.frombuffer(payload, np.uint8)
    position = 0
    while position < data.size:
        _, width = decode_character(data, position, data.size)
        assert width >= 1
        position += width
    assert position == data.size


def test_class_table_is_read_only_and_complete():
    table = class_table()
    assert table.shape == (TABLE_SIZE + 1,)
    assert not table.flags.writeable
