"""Quality metrics: golden numbers and the laws of counts."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import text_signals
from gristmill.cleaning.quality_signals import STOP_WORDS_LIST

WORDS = st.lists(st.sampled_from(["the", "and", "word", "12", "with", "To", "é"]), max_size=30)


def measure_text(text):
    (row,) = text_signals.measure(pa.array([text], pa.string())).to_pylist()
    return row


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("one two three", "mean_word_length", 11 / 3),
        ("", "mean_word_length", 0),
        ("# # a b", "hash_to_word_ratio", 1),
        ("###", "hash_to_word_ratio", 3),
        ("a... b…", "ellipsis_to_word_ratio", 1),
        ("......", "ellipsis_to_word_ratio", 2),
        ("a 1 b2 3", "alphabetic_word_fraction", 0.5),
        ("the the The THE", "distinct_stop_words", 1),
        ("the be to of and that have with", "distinct_stop_words", 8),
        ("these bet tone offer hand", "distinct_stop_words", 0),
        ("{ {{", "curly_bracket_count", 3),
        ("Lorem ipsum, lorem Ipsum\nlorem\nipsum", "lorem_ipsum_count", 2),
        ("a\n\n\nb\nc d", "newline_to_word_ratio", 0.5),
        ("a\n\n\nb\nc d", "line_count", 3),
        ("héé 漢\n", "char_count", 6),
        ("漢字", "word_count", 2),
    ],
)
def test_golden_metrics(text, metric, value):
    assert measure_text(text)[metric] == pytest.approx(value)


@given(WORDS)
def test_stop_words_are_those_of_the_list(words):
    expected = len(set(words) & set(STOP_WORDS_LIST))
    assert measure_text(" ".join(words))["distinct_stop_words"] == expected


@given(WORDS, WORDS)
def test_counts_of_joined_texts_add_up(first, second):
    rows = [measure_text(" ".join(words)) for words in (first, second)]
    joined = measure_text(" ".join(first) + "\n" + " ".join(second))
    for metric in ("word_count", "line_count", "sentence_count"):
        assert joined[metric] == rows[0][metric] + rows[1][metric]
    assert joined["char_count"] == rows[0]["char_count"] + rows[1]["char_count"] + 1


@given(WORDS)
def test_the_order_of_words_does_not_matter(words):
    row, turned = measure_text(" ".join(words)), measure_text(" ".join(reversed(words)))
    for metric in ("word_count", "mean_word_length", "alphabetic_word_fraction"):
        assert row[metric] == turned[metric]
