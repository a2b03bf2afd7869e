"""DCLM's reading: its own numbers on real texts, and the vectors that name it.

The recorded values are what the filters of github.com/mlfoundations/dclm at 361714b compared
with their thresholds (``tests/benchmarks/peer_rules_dclm.py``), with uniseg 0.10.1. No
difference is left on any text. What its code does besides what it says, and so do we:

========================  =================================================================
defect of DCLM            what is compared
========================  =================================================================
"words" are fastText's    `word_count` counts tokens whose first character is a letter or
tokens, not uniseg's      digit: "(so" is none; the n-grams are uniseg's all the same
dots are not escaped      "Read more" and any three characters are deleted at a line's end
blank lines of up to ten  they go in the steps that say they delete a phrase
tokens
the page is stripped      digits alone with a space before them are a line of digits only
after each step           at the page's beginning
URLs are looked for only  nothing: URLs are left in the text (see the module)
where a page begins with
a top-level domain's name
C4 counts sentences with  `c4_sentence_count` is the reference's; all other numbers and the
a trained tokenizer       lines that are left are DCLM's
========================  =================================================================
"""

import time
import zlib

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import differ, judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import dclm

#: Of the metrics, those that stand in the record, in its order.
RECORDED = [name for name in dclm.SCHEMA.names if not name.startswith("c4_")]
LINES = st.lists(
    st.sampled_from(
        [
            "", " ", "12 likes", "\u00a03,000k  Views!", " 12", "12 ", "ABOUT US", "Menu", "items in cart",
            "3 \u0131tems in cart now", "Read more...", "the news read moreabc", "Sign-in please now",
            "sign-in", "a plain line of words", "words of another line here.", "\t", "\u2028x y",
        ]
    )
)  # fmt: skip


def measure_one(text):
    (row,) = dclm.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("dclm", "digests", "values", "lines", "c4_lines")


@pytest.fixture(scope="module")
def measured(recorded):
    return dclm.measure(recorded.texts)


def test_every_value_is_dclms(recorded, measured):
    assert recorded.arrays["values"].shape[1] == len(RECORDED)
    for name, theirs in zip(RECORDED, recorded.arrays["values"].T, strict=True):
        rows = differ(measured[name].to_numpy(), theirs)
        assert not rows.size, f"{name} differs on texts {rows[:5]}"


def test_every_recorded_table_drops_some_texts_and_not_all(measured):
    for table in dclm.TABLES:
        kept = judge_with(dclm, table, measured)["kept"].to_numpy(zero_copy_only=False)
        assert 0.02 < kept.mean() < 0.98, table


@pytest.mark.parametrize(("name", "array"), [("dclm", "lines"), ("c4@dclm", "c4_lines")])
def test_line_filters_leave_what_dclm_leaves(recorded, name, array):
    digests = recorded.arrays[array]
    wrong = [
        row
        for row, text in enumerate(recorded.texts.to_pylist())
        if zlib.crc32(dclm.LINE_FILTERS[name](text).encode()) != digests[row]
    ]
    assert not wrong


@pytest.mark.parametrize(
    "path", list_cases(dclm.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(dclm, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("the the", "stop_word_count", 2),  # V1
        ("The To", "stop_word_count", 2),  # V2
        ("to of the.", "stop_word_count", 2),  # V3: "the." is none
        ("a line\nb line\na line", "duplicate_line_fraction", 2 / 3),  # V8
        ("It goes...\nIt goes\u2026\nand. . .\nno more", "ellipsis_line_fraction", 3 / 4),  # V11
        ("one two three.", "c4_char_count", 0),  # V13
        ("one two three four.", "c4_char_count", 0),
        ("one two three four five.", "c4_char_count", 24),
        ("He ran off again. She sat still. It was late.", "c4_sentence_count", 3),  # V14
        ("  - x\n* x\n\u25cf x\n\u2022 x\nx", "bullet_line_fraction", 4 / 5),  # V15
        ("ab ab ab ab " + "x" * 32, "mean_word_length", 8),  # V16: the median is 2
        ("one two three four", "duplicate_5gram_char_fraction", 0),  # V17
        ("a a a a", "duplicate_5gram_char_fraction", 0),
        ('He said "it is all over"', "c4_char_count", 24),  # V18
        ("He said \u201cit is all over\u201d", "c4_char_count", 0),
        ("It is so.\n\nIt is so.", "duplicate_paragraph_fraction", 1),  # V19
        ("It is so.\n\n\n It is so.", "duplicate_paragraph_char_fraction", 1),
        ("one line.", "duplicate_line_fraction", 0),
        ("\n \n", "duplicate_line_fraction", 1),
        ("ab cd ab cd", "top_2gram_char_fraction", 1),
        ("ab, ab ab. xyz", "top_2gram_char_fraction", 8 / 9),  # it overlaps itself
        ("", "word_count", 0),
        ("(so it goes", "word_count", 2),
        ("\u0661\u0662 \u00e9t\u00e9 _x -", "word_count", 2),
    ],
)
def test_vector(text, metric, value):
    assert measure_one(text)[metric] == value


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a b\n\n\n\nc d", "a b\n\nc d"),
        ("HOME NOW\na b\nMenu", "a b"),
        ("  12\na b", "a b"),
        ("12 likes\na b\n\u2022 3,400.5K  Followers \u2022", "a b"),
        ("12 likes it\na b", "12 likes it\na b"),
        ("the 3 items in cart\nitems in cart", "the 3"),
        ("the news read more!!!", "the news"),
        ("Sign-in to read\na b", "to read\na b"),
        ("one two three four five six seven eight nine ten Read more...", None),
        ("Menu", ""),
    ],
)
def test_line_correction(text, left):
    assert dclm.filter_lines(text) == (text if left is None else left)


@given(lines=LINES)
def test_line_correction_drops_lines_and_shortens_them(lines):
    left = dclm.filter_lines("\n".join(lines))
    assert "\n\n\n" not in left or "\n\n\n" not in "\n".join(lines)
    assert len(left.split()) <= len(" ".join(lines).split())
    assert left == left.strip()


@given(lines=LINES)
def test_the_removed_share_is_of_what_the_line_filter_leaves(lines):
    text = "\n".join(lines)
    before, left = measure_one(text), dclm.filter_lines(text)
    words = before["word_count"]
    expected = (words - measure_one(left)["word_count"]) / words if words and left else 1.0
    assert before["removed_word_fraction"] == expected


def test_a_page_with_a_bracket_leaves_no_line_of_c4():
    page = "It was a {dark} night here."
    assert dclm.filter_c4_lines(page) == ""
    assert dclm.filter_c4_lines(page.replace("{", "")) == "It was a dark} night here."


@pytest.mark.parametrize("piece", ["read mor ", "items in car", "1 ", "[1", "\n", " sign", "a-"])
def test_the_time_is_linear_in_the_text(piece):
    def spend(size):
        texts = pa.array([piece * (size // len(piece))], pa.string())
        started = time.process_time()
        dclm.measure(texts)
        return time.process_time() - started

    spend(1000)
    shorter = min(spend(20_000) for _ in range(3))
    longer = min(spend(160_000) for _ in range(3))
    assert longer < 17 * max(shorter, 1e-3)


def test_numbers_that_are_none_drop_the_page():
    row = measure_one(" \n\t")
    assert row["symbol_to_word_ratio"] == np.inf
    assert row["non_alphabetic_word_fraction"] == 1.0
