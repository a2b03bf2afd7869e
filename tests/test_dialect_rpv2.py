"""RedPajama-V2's reading: its own signals on real texts, and the vectors that name it.

The recorded values are those of github.com/togethercomputer/RedPajama-Data with NLTK 3.8.1
(``tests/benchmarks/peer_rules_rpv2.py``). No difference is left on any text. From 3.10 on
NLTK compiles its patterns with another library, to which marks are letters: raw words are
then other ones on 481 of 7,431 texts.
"""

import math
import unicodedata
import zlib

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import differ, judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import rpv2
from gristmill.cleaning.dialects.rpv2_normal import normal_forms, normalize_points

LINE_COLUMNS = [name for name in rpv2.SCHEMA.names if name.startswith("line_")]
#: RPv2 has no signal of bullets for a whole document: ours is made of its lines.
OURS = "bullet_line_fraction@rpv2"
CASED = st.text(
    st.sampled_from(
        "aA\u03a3\u03c3\u0130\u0345\u0301\u0323\u00c9\ud55c\u1e9b\u1fb4\u02b0.'\u00b7 \n\u212a\u2126\u0958\u2000"
    )
)


def measure_one(text):
    (row,) = rpv2.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("rpv2", "digests", "values", "lines")


@pytest.fixture(scope="module")
def measured(recorded):
    return rpv2.measure(recorded.texts)


def test_every_value_is_rpv2s(recorded, measured):
    names = [name for name in rpv2.SCHEMA.names if name not in (*LINE_COLUMNS, OURS)]
    for name, theirs in zip(names, recorded.arrays["values"].T, strict=True):
        rows = differ(measured[name].to_numpy(), theirs)
        assert not rows.size, f"{name} differs on texts {rows[:5]}"


def test_every_value_of_a_line_is_rpv2s(recorded, measured):
    columns = [measured[name] for name in LINE_COLUMNS]
    for row, theirs in enumerate(recorded.arrays["lines"]):
        digest = 0
        for column in columns:
            digest = zlib.crc32(column[row].values.to_numpy().tobytes(), digest)
        assert digest == theirs, f"lines of text {row}"


def test_every_table_drops_some_texts_and_not_all(measured):
    for table in rpv2.TABLES:
        kept = judge_with(rpv2, table, measured)["kept"].to_numpy(zero_copy_only=False)
        assert 0.02 < kept.mean() < 0.98, table


@pytest.mark.parametrize(
    "path", list_cases(rpv2.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(rpv2, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("one two three four", "duplicate_5gram_char_fraction", 0),  # V17
        ("It ends.\u201d", "line_ending_with_terminal_punctution_mark", [1]),  # V18
        ('It ends."', "line_ending_with_terminal_punctution_mark", [0]),
        ("a!\n b? \nc\n", "line_ending_with_terminal_punctution_mark", [1, 1, 0]),
        ("and/or", "word_count", 1),
        ("it's\u00a0so", "mean_word_length", 2.5),
        ("\u00e9\u00e9", "mean_word_length", 4),
        ("a b a", "frac_unique_words", 0.66666667),
        ("a b", "unigram_entropy", round(math.log(2), 8)),
        ("Lorem, IPSUM!", "lorem_ipsum", round(1 / 11, 8)),
        ("lorem \u0131psum", "lorem_ipsum", 0),
        ("{a}b", "curly_bracket", 0.5),
        ("# a ... \u2026", "symbol_to_word_ratio", 0.75),
        ("AB cd -- 12", "frac_all_caps_words", 0.25),
        ("AB cd -- 12", "frac_no_alph_words", 0.5),
        ("One. Two! ... three", "sentence_count", 3),
        ("a...\nb\u2026 \nc\n\n", "ellipsis_line_fraction", 0.5),
        (" \u2022 a\n- b", "bullet_line_fraction", 0.5),
        ("JavaScript javascripts\nJavaScript!", "line_javascript_counts", [1, 1]),
        ("a, b\n...\n\nc-d", "line_num_words", [2, 0, 0, 1]),
        ("AB c\n", "line_uppercase_letter_fraction", [float(np.float32(0.4))]),
        ("12 \u00bd", "line_numerical_chars_fraction", [0.75]),
    ],
)
def test_vector(text, metric, value):
    assert measure_one(text)[metric] == value


def test_a_text_without_words_has_numbers_where_rpv2_has_none():
    row = measure_one("")
    missing = {
        name for name, value in row.items() if isinstance(value, float) and math.isnan(value)
    }
    assert missing == {
        "mean_word_length", "frac_unique_words", "unigram_entropy", "symbol_to_word_ratio",
        "frac_no_alph_words", "frac_all_caps_words", "ellipsis_line_fraction", "bullet_line_fraction",
    }  # fmt: skip


@given(text=CASED | st.text(st.characters(exclude_categories=["Cs"])))
def test_normal_form_is_pythons(text):
    points = np.frombuffer(text.encode("utf-32-le"), np.int32)
    out = np.empty(4 * points.size + 1, np.int32)
    size = normalize_points(points, points.size, normal_forms(), out)
    found = out[:size].astype("<i4").tobytes().decode("utf-32-le")
    assert found == unicodedata.normalize("NFD", text.lower())


@given(text=st.text(st.sampled_from("ab .\n\u2022")))
def test_lines_are_those_between_newlines(text):
    row = measure_one(text)
    assert {len(row[name.partition("@")[0]]) for name in LINE_COLUMNS} == {
        len(text.removesuffix("\n").split("\n")) if text else 0
    }
    assert sum(row["line_num_words"]) == row["word_count"]
