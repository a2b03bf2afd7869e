"""Words between white space are those of `str.split`, by every character that Python knows."""

import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import dolma_scan, nemo_traits, space_words

TRAITS = space_words.trait_table({space_words.FIRST_FREE: "#\u2026"})
SPACES = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
TEXTS = st.text(
    st.sampled_from([*SPACES, *"ab#\u2026\u180e\u200b\ufeff\u4e2d\U0001f600\U000e0041"])
)


@given(TEXTS | st.text())
def test_words_are_those_of_split(text):
    assert space_words.split_space_words(text, TRAITS) == text.split()


def test_all_white_space_separates_and_nothing_else_does():
    text = "x".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    assert space_words.split_space_words(text, TRAITS) == text.split()
    assert len(SPACES) == 29


def test_letters_are_those_of_isalpha():
    letters = np.flatnonzero(TRAITS & space_words.ALPHA)
    assert letters.tolist() == [
        code for code in range(sys.maxunicode + 1) if chr(code).isalpha()
    ]  # none lies beyond the table


def test_traits_mark_their_characters_and_no_others():
    marked = np.flatnonzero(TRAITS & space_words.FIRST_FREE)
    assert marked.tolist() == [ord("#"), 0x2026]
    assert not TRAITS.flags.writeable
    assert not TRAITS[-1]


def test_tables_are_made_once():
    assert dolma_scan.dolma_traits() is dolma_scan.dolma_traits()
    alphabetic = nemo_traits.nemo_traits() & nemo_traits.ALPHABETIC != 0
    letters = TRAITS & space_words.ALPHA != 0
    assert alphabetic[letters].all()
    # A vowel sign, a circled letter, a letter-like number; not a digit.
    assert alphabetic[[0x093F, 0x24B6, 0x2160]].all()
    assert not alphabetic[[ord("1"), ord("_"), 0x0301]].any()
