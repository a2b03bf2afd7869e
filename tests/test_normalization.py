"""`normalize_text` against a slow reference, its laws, and cases one can read."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning.normalization import MAX_COMBINING_RUN, normalize_text

EMBEDDINGS = "\u202a\u202b\u202d\u202e"
ISOLATES = "\u2066\u2067\u2068"
LINE_ENDS = "\n\v\f\r\x85\u2028\u2029"

pieces = st.sampled_from(
    [
        *"ab \t\n\r\x00\x0b\x85\xa0\u3000\u2000\u2028\u200c\u200d\ufeff\u200e",
        *EMBEDDINGS,
        *ISOLATES,
        *"\u202c\u2069\U000e0041\U000e007f\U000e0080\ud800\udfff",
        *"e\u0301\u0316\u0344\u0f73\u0338<=\uac00\u1100\u1161\ufb2c\u212b中\U0001f469\U0002f800",
        "\r\n",
        "\n\n\n",
        "\u0316\u0301" * 12,
    ]
)
texts = st.lists(pieces, max_size=40).map("".join) | st.text(
    st.characters(codec=None, exclude_categories=()), max_size=60
)


def _pair_bidi(line: str) -> str:
    """Drop the controls without a partner, by explicit search for the partner."""
    keep = [character not in EMBEDDINGS + ISOLATES + "\u202c\u2069" for character in line]
    opened: list[int] = []
    for index, character in enumerate(line):
        if character in EMBEDDINGS + ISOLATES:
            opened.append(index)
        elif character == "\u202c" and opened and line[opened[-1]] in EMBEDDINGS:
            keep[opened.pop()] = keep[index] = True
        elif character == "\u2069" and any(line[i] in ISOLATES for i in opened):
            while line[opened[-1]] in EMBEDDINGS:
                opened.pop()
            keep[opened.pop()] = keep[index] = True
    return "".join(character for character, kept in zip(line, keep, strict=True) if kept)


def _cut_runs(text: str) -> str:
    out = []
    run = 0
    for character in text:
        classes = [unicodedata.combining(c) for c in unicodedata.normalize("NFD", character)]
        if all(classes):
            if run + len(classes) > MAX_COMBINING_RUN:
                continue
            run += len(classes)
        else:
            run = len(classes) - 1 - max(i for i, found in enumerate(classes) if not found)
        out.append(character)
    return "".join(out)


def _reference(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\u00a0", " ")
    for line_end in LINE_ENDS:
        text = text.replace(line_end, "\n")
    text = "\n".join(_pair_bidi(line) for line in text.split("\n"))
    kept = []
    for character in text:
        if 0xD800 <= ord(character) <= 0xDFFF:
            character = "\ufffd"
        is_control = unicodedata.category(character) == "Cc" and character not in "\t\n"
        if not (is_control or character == "\ufeff" or 0xE0000 <= ord(character) <= 0xE007F):
            kept.append(character)
    text = unicodedata.normalize("NFC", _cut_runs("".join(kept)))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip()


@given(texts)
@example("a\n\n  \n b")
@example("\r\x00\n")
@example("x\u2066\u202a\u2069\u202c y")
def test_equals_the_reference(text: str) -> None:
    assert normalize_text(text) == _reference(text)


@given(texts)
def test_twice_equals_once(text: str) -> None:
    once = normalize_text(text)
    assert normalize_text(once) == once


@given(texts)
def test_result_is_clean(text: str) -> None:
    clean = normalize_text(text)
    clean.encode("utf-8")
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip()
    assert "\n\n\n" not in clean
    assert "\r" not in clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("no\u00a0break\u00a0", "no break"),
        ("10\u202f000\u3000字", "10\u202f000\u3000字"),
        (" \n\t ", ""),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\u2029b\u2028c\x0cd\x85e", "a\nb\nc\nd\ne"),
        ("a  \nb\t\n\n\n\nc", "a\nb\n\nc"),
        ("    indent stays\n    here", "indent stays\n    here"),
        ("be\x07ll\x9f \x1b[31m", "bell [31m"),
        ("\ufeffbom", "bom"),
        ("e\u0301", "é"),
        ("\u0041\u030a\u212b", "ÅÅ"),
        ("\ud83dx", "\ufffdx"),
        ("vis\U000e0049\U000e0067ible", "visible"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u202eb\u202cc", "a\u202eb\u202cc"),
        ("a\u2067b\nc\u2069", "ab\nc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("x\u200e\u200fy", "x\u200e\u200fy"),
        ("o" + "\u0301" * 40, "ó" + "\u0301" * 29),
    ],
)
def test_case(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


@pytest.mark.parametrize(
    "attack",
    ["a" + "\u0301\u0316" * 100_000, "\u2066" * 200_000, "\u202a\u2069" * 100_000, " \n" * 100_000],
    ids=["marks", "isolates", "pairs", "blank lines"],
)
def test_hostile_text_takes_linear_time(attack: str) -> None:
    normalize_text("warm é")
    started = time.process_time()
    normalize_text(attack)
    # Unbounded NFC takes minutes here; a linear pass takes milliseconds.
    assert time.process_time() - started < 2.0
