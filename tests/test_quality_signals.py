"""Quality metrics: golden numbers and the laws of counts."""

import math

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
        ("漢字", "word_count", 1),
        ("我们在北京大学学习计算机科学。", "word_count", 8),
        ("ABC Def", "uppercase_letter_fraction", 4 / 7),
        ("a1٣½", "digit_fraction", 0.5),
        ("a\t\n b", "whitespace_fraction", 0.6),
        ("a.b, (c)_", "punctuation_char_fraction", 5 / 9),
        ("a+b=€☎", "symbol_char_fraction", 4 / 6),
        ("([{⟨x⟩}])", "parenthesis_fraction", 8 / 9),
        ("don't 5%\x07\u200b", "non_alphanumeric_char_fraction", 4 / 10),
        ("see https://a.b/c?d now", "url_char_fraction", 15 / 23),
        ("http://a.org/http://b.org\nHTTP://c ftp://d http:/e", "url_count", 2),
        ("a\x00\x07\t\n\x1c\x85b\x9f", "control_char_count", 3),
        ("a\ufffd\ufffd", "replacement_char_count", 2),
        ("☎ 😀 🇩🇪 © a", "emoji_count", 4),
        ("NASA A1 Nasa 42 a", "all_caps_word_fraction", 0.4),
        ("a b a A", "distinct_word_fraction", 0.75),
        ("a b c d", "unigram_entropy", math.log(4)),
        ("a a a a", "unigram_entropy", 0),
        ("The THE then of OF", "stop_word_count", 4),
        ("The cat", "stop_word_fraction", 0.5),
        ("# one... two… three four", "symbol_to_word_ratio", 0.75),
        ("x" * 1001 + " " + "y" * 1000, "long_word_count", 1),
        ("a\nb\n\n\nc", "paragraph_count", 2),
        ("a\n  four  \n", "longest_line_chars", 4),
        ("a\n  four  \n", "mean_line_length", 2.5),
        ("12/3\n٣\nx1\n--\n\n", "numeric_line_fraction", 0.5),
        ("a.\n\nb...\nc”\nd[1]", "terminal_line_fraction", 0.25),
        ("javascript javascript\nJavaScript\n\n", "javascript_line_count", 2),
        ("terms of use\ncookie policy\nterms", "policy_line_count", 2),
        ("Short. This sentence is long enough.", "short_or_long_sentence_fraction", 0.5),
        (
            "Aa Bb Cc Dd Ee Ff Gg hh ii jj kk ll. " + "And so " * 20,
            "list_case_sentence_fraction",
            0.5,
        ),
        ("A B C D E F g h i j k l.", "list_case_sentence_fraction", 0),
        ("Aa Bb Cc Dd Ee Ff Gg hh ii jj kk.", "list_case_sentence_fraction", 0),
        ("abcd1. Abcd12", "technical_char_sentence_fraction", 0.5),
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
