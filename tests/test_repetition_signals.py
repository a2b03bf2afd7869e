"""Repetition: the vectors of the reference definition, and laws of n-grams."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import text_signals

NGRAMS = [f"top_{n}gram_char_fraction" for n in (2, 3, 4)]
NGRAMS += [f"duplicate_{n}gram_char_fraction" for n in range(5, 11)]
WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "d", "ee"]), max_size=40)


def measure_text(text):
    (row,) = text_signals.measure(pa.array([text], pa.string())).to_pylist()
    return row


@pytest.mark.parametrize("count", range(40))
def test_v06_unique_words_repeat_nothing(count):
    row = measure_text(" ".join(f"{number:07d}" for number in range(count)))
    assert [row[name] for name in NGRAMS] == [0] * 9


def test_v07_words_are_not_joined_before_they_are_compared():
    row = measure_text("ab c x a bc x")
    assert [row[name] for name in NGRAMS] == [0] * 9
    assert measure_text("ab c x ab c x")["top_3gram_char_fraction"] == 1


def test_v08_one_line_of_three_is_a_copy():
    row = measure_text("a line\nb line\na line")
    assert row["duplicate_line_fraction"] == pytest.approx(1 / 3)
    assert row["duplicate_line_char_fraction"] == pytest.approx(6 / 18)


def test_v17_a_document_shorter_than_n_words_repeats_no_ngram():
    row = measure_text("one one one one")
    assert [row[f"duplicate_{n}gram_char_fraction"] for n in range(5, 11)] == [0] * 6


def test_v19_copies_after_the_first_count():
    row = measure_text("Same here.\n\nSame here.")
    assert row["duplicate_paragraph_fraction"] == 0.5
    assert row["duplicate_paragraph_char_fraction"] == 0.5


def test_lines_are_compared_without_surrounding_space():
    assert measure_text("a b\n  a b \na  b")["duplicate_line_fraction"] == pytest.approx(1 / 3)


def test_a_paragraph_is_its_lines_in_order():
    row = measure_text("x\ny\n\ny\nx\n\nx\ny\n\nxy")
    assert row["duplicate_paragraph_fraction"] == 0.25


def test_second_copies_are_counted_without_the_first():
    sentence = "alpha bravo charlie delta echo foxtrot golf hotel india juliett"
    row = measure_text(f"{sentence} zulu {sentence}")
    chars = len(sentence.replace(" ", ""))
    for n in range(5, 11):
        assert row[f"duplicate_{n}gram_char_fraction"] == pytest.approx(chars / (2 * chars + 4))


def test_overlapping_occurrences_count_each_word_once():
    row = measure_text("a a a a a a a a a a a a")
    assert [row[name] for name in NGRAMS[:3]] == [1, 1, 1]
    assert row["duplicate_5gram_char_fraction"] == pytest.approx(11 / 12)


def test_ties_for_the_top_ngram_go_to_the_longest():
    row = measure_text("a b x1 a b y1 ccc ddd z1 ccc ddd")
    assert row["top_2gram_char_fraction"] == pytest.approx(12 / 22)


@given(WORDS)
def test_longer_ngrams_cover_no_more(words):
    row = measure_text(" ".join(words))
    shares = [row[f"duplicate_{n}gram_char_fraction"] for n in range(5, 11)]
    assert shares == sorted(shares, reverse=True)


@given(WORDS)
def test_punctuation_and_lines_do_not_matter_to_ngrams(words):
    plain, marked = measure_text(" ".join(words)), measure_text(" -\n".join(words))
    assert [plain[name] for name in NGRAMS] == [marked[name] for name in NGRAMS]
