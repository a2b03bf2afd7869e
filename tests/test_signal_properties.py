"""A property for every signal: its range, its reference, and what must not change it."""

import itertools
import math
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from signal_reference import measure_text

from gristmill.cleaning import text_signals
from gristmill.cleaning.text_signals import TEXT_SIGNALS

PIECES = (
    "the", "The", "of", "OF", "NASA", "word", "Another", "It", "J.", "e.g.", "don't", "3.14", "12",
    "٣", "snake_case", "Straße", "e\u0301", "한국어", "漢字", "日本語の文章。", "ภาษาไทย", "ພາສາລາວ",
    "ភាសាខ្មែរ", "မြန်မာ", " ", " ", " ", " ", "\n", "\n\n", "\t", "\u00a0", "\u3000", ". ", "! ", "? ",
    "...", "…", "。", "”", '"', "'", "(", ")", "[1]", "[edit]", "[citation needed]", "{", "}", "<", ">",
    "+", "/", "=", "€", "#", "##", "- ", "• ", "javascript", "JavaScript", "lorem ipsum",
    "Privacy Policy", "use cookies", "http://a.b/c?d=e", "HTTPS://x", "www.x.y", ":", "://", "\ufffd",
    "\x00", "\x07", "\u200b", "\u200d", "\u0301", "☎", "😀", "🇩🇪", "𠀀", "\U000e0041", "\U0010ffff",
)  # fmt: skip
HOSTILE = (
    "", " ", "\n", "\n" * 500, "\n \n\t\n", "a", "漢", "\u0301" * 200, "\U0010ffff" * 50, "x" * 3000,
    "a " * 2000, "漢" * 2000, "ก" * 2000, "word\n" * 500, "same line.\n\n" * 200, "#" * 500,
    "." * 1000, "[" * 500, "http://" * 300, "{}()" * 300, "A" * 1001 + " " + "b" * 1000,
    "ก" * 23_000, "か" + "\u3099" * 50_000 + "か", "Aa " * 30 + ". " + "Bb " * 30,
    "the of and " * 100, "\x00" * 100, "12\n" * 100,
)  # fmt: skip

#: What a column's values can be: its largest value, and whether all are whole numbers.
RANGES = {
    name: (1.0, False) if name.endswith("_fraction") else (math.inf, name.endswith("_count"))
    for name in TEXT_SIGNALS.names
} | {
    "distinct_stop_words": (8.0, True),
    "longest_line_chars": (math.inf, True),
    "line_flags": (255.0, True),
    "line_words": (65_535.0, True),
    "line_sentences": (65_535.0, True),
}
#: Logarithms are rounded before they are added.
TOLERANCES = {"unigram_entropy": 1e-8}


def measure(texts):
    return text_signals.measure(pa.array(texts, pa.string()))


def write_texts():
    """Texts of pieces, seeded, and arbitrary characters, and what tries an edge."""
    rng = random.Random(20)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(80))) for _ in range(250)]
    for _ in range(100):
        points = (rng.choice((0x80, 0x800, 0x3100, 0x10000, 0x110000)) for _ in range(40))
        codes = (rng.randrange(point) for point in points)
        texts.append("".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000))
    return [*HOSTILE, *texts]


@pytest.fixture(scope="module")
def texts():
    return write_texts()


@pytest.fixture(scope="module")
def batch(texts):
    return measure(texts)


@pytest.fixture(scope="module")
def expected(texts):
    return [measure_text(text) for text in texts]


def flatten(column):
    return column.flatten() if pa.types.is_list(column.type) else column


@pytest.mark.parametrize("name", TEXT_SIGNALS.names)
def test_a_signal_is_total_and_in_its_range(batch, name):
    largest, whole = RANGES[name]
    column = batch[name]
    assert column.null_count == 0
    values = flatten(column).to_numpy()
    assert np.all(np.isfinite(values))
    assert np.all((values >= 0) & (values <= largest))
    assert not whole or np.all(values == np.floor(values))
    assert np.unique(values).size > 1, "these texts say nothing about it"


@pytest.mark.parametrize("name", TEXT_SIGNALS.names)
def test_a_signal_is_that_of_the_slow_reference(batch, expected, name):
    for found, row in zip(batch[name].to_pylist(), expected, strict=True):
        assert found == pytest.approx(row[name], rel=1e-12, abs=TOLERANCES.get(name, 0))


@pytest.fixture(scope="module")
def turned(texts):
    return measure(texts[::-1])


@pytest.fixture(scope="module")
def pieces(texts):
    whole = pa.array(["padding {", *texts, "漢字"], pa.string())
    cuts = [0, 1, 2, 7, 60, 61, 200, len(texts)]
    return [
        text_signals.measure(whole.slice(1 + first, last - first))
        for first, last in itertools.pairwise(cuts)
    ]


@pytest.mark.parametrize("name", TEXT_SIGNALS.names)
def test_a_signal_does_not_depend_on_the_batch(batch, turned, pieces, name):
    column = batch[name].to_pylist()
    assert turned[name].to_pylist()[::-1] == column
    assert [value for piece in pieces for value in piece[name].to_pylist()] == column


@pytest.fixture(scope="module")
def again(texts):
    return measure(texts)


@pytest.mark.parametrize("name", TEXT_SIGNALS.names)
def test_a_signal_is_deterministic(batch, again, name):
    # As bytes: equality of numbers would let -0.0 pass for 0.0.
    assert flatten(batch[name]).to_numpy().tobytes() == flatten(again[name]).to_numpy().tobytes()


@given(st.text(max_size=200))
@example("\ufffd\x00\u2028\u0085\u001c")
def test_every_signal_is_total_on_any_text(text):
    row = measure([text]).to_pylist()[0]
    assert set(row) == set(RANGES)
    for name, (largest, _) in RANGES.items():
        values = row[name] if isinstance(row[name], list) else [row[name]]
        assert all(0 <= value <= largest for value in values), name


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_count_of_lines_and_words(pieces, rng):
    lines = "".join(pieces).split("\n")
    row = measure(["\n".join(lines)]).to_pylist()[0]
    rng.shuffle(lines)
    shuffled = measure(["\n".join(lines)]).to_pylist()[0]
    moving = ("gram_char_fraction", "paragraph_fraction", "paragraph_char_fraction")
    for name in TEXT_SIGNALS.names[:-3]:
        if not name.endswith(moving) and name != "paragraph_count":
            assert shuffled[name] == row[name], name


@given(st.lists(st.sampled_from(["a", "bb", "ccc", "dddd"]), min_size=1, max_size=60))
def test_entropy_lies_between_none_and_that_of_equal_shares(words):
    row = measure([" ".join(words)]).to_pylist()[0]
    assert 0 <= row["unigram_entropy"] <= math.log(len(set(words))) + 1e-8
    assert (row["unigram_entropy"] == 0) == (len(set(words)) == 1)
