"""Word boundaries of UAX #29: the standard's own examples, and laws over any text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import word_breaks
from gristmill.cleaning.word_breaks import split_segments

ALPHABET = (
    "aB1 _.,:;'\"\n\r\u00ad\u0301\u200d\u200b\u00a9\u231a\u05d0\u05d1\u30a2\u30a4\u3042\u4e00\u0e01\u0660"
    "\u2019\u24b6\u3000\u202f\U0001f1e6\U0001f3fb\U0001f468\U000e0101"
)
TEXTS = st.text(max_size=60) | st.text(st.sampled_from(ALPHABET), max_size=30)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", []),
        ("can't stop", ["can't", " ", "stop"]),
        ("The quick (\u201cbrown\u201d) fox", ["The", " ", "quick", " ", "(", "“", "brown", "”", ")", " ", "fox"]),
        ("32.3 feet, right?", ["32.3", " ", "feet", ",", " ", "right", "?"]),
        ("1,000 a,b", ["1,000", " ", "a", ",", "b"]),
        ("3a.b:c d.1", ["3a.b:c", " ", "d", ".", "1"]),
        ("_x y_ z__", ["_x", " ", "y_", " ", "z__"]),
        ("a\r\nb\n\u0301c", ["a", "\r\n", "b", "\n", "\u0301", "c"]),
        ("a\u0301\u00adb \u0301c", ["a\u0301\u00adb", " \u0301", "c"]),
        ("\u05d0\"\u05d1 \u05d0' \u05d0\" a'", ['\u05d0"\u05d1', " ", "\u05d0'", " ", "\u05d0", '"', " ", "a", "'"]),
        ("\u30a2\u30a4\u30fc\u3042\u4e00\u4e01", ["\u30a2\u30a4\u30fc", "\u3042", "\u4e00", "\u4e01"]),
        ("x\u200d\u231ay", ["x\u200d\u231a", "y"]),
        ("  a   b", ["  ", "a", "   ", "b"]),
        ("a\u202fb", ["a\u202fb"]),
    ],
)  # fmt: skip
def test_segments_are_the_standards(text, segments):
    assert split_segments(text) == segments


@given(text=TEXTS)
def test_segments_make_up_the_text(text):
    segments = split_segments(text)
    assert "".join(segments) == text
    assert all(segments)


@given(text=TEXTS)
def test_a_segment_is_a_segment_by_itself(text):
    for segment in split_segments(text):
        assert split_segments(segment) == [segment]


@given(left=TEXTS, right=TEXTS)
def test_a_newline_parts_all(left, right):
    # A carriage return before it belongs to it.
    first = split_segments(left + "\n")
    assert split_segments(left + "\n" + right) == first + split_segments(right)


def test_every_character_has_a_class():
    table = word_breaks.break_table()
    assert table.shape == (word_breaks.TABLE_SIZE + 1,)
    assert not table.flags.writeable
    assert int((table & word_breaks.BREAK_MASK).max()) == word_breaks.REGIONAL
    assert (
        table[-1] & word_breaks.BREAK_MASK == word_breaks.OTHER or table[-1] == word_breaks.EXTEND
    )


def test_the_time_is_linear_in_the_text():
    def spend(size):
        text = "a." * (size // 2)
        split_segments(text)
        started = time.process_time()
        for _ in range(3):
            split_segments(text)
        return time.process_time() - started

    spend(1000)
    shorter, longer = (min(spend(size) for _ in range(3)) for size in (10_000, 80_000))
    assert longer < 17 * max(shorter, 1e-3)
