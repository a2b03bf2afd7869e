"""The sentence half of the scan: what sentences look like, by their characters.

The sentence rules of MADLAD-400 (Kudugunta et al. 2023, arXiv:2309.04662, appendix A) in
the reference definition: sentences are those that the scan counts, lengths are in
characters and not in bytes, and no rule depends on another. A sentence goes from its
first word, or from the first visible character of its line, to the last visible
character before the next sentence's first word.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning import character_classes as traits
from gristmill.cleaning import scan_board as at
from gristmill.cleaning import segments
from gristmill.cleaning.scan_board import Board

#: MADLAD-400: a sentence of other lengths is questionable. In characters.
_SHORTEST_SENTENCE: Final = 20
_LONGEST_SENTENCE: Final = 500
#: MADLAD-400: words that a sentence needs for its upper case to be looked at.
_LIST_WORDS: Final = 12
#: MADLAD-400: at most one character in five is one of ``0-9{}+/()>``.
_TECHNICAL_SHARE: Final = 5


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_technical(board: Board) -> np.int64:
    """Count the characters ``0-9{}+/()>`` so far."""
    found: np.int64 = (
        board[at.TALLY + traits.TALLY_ASCII_DIGIT]
        + board[at.TALLY + traits.TALLY_TECHNICAL_BRACKET]
        + board[at.TALLY + traits.TALLY_SLASH]
        + board[at.TALLY + traits.TALLY_TECHNICAL_SYMBOL]
    )
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def open_line(board: Board) -> None:
    """Stand at the start of a line, before its first sentence."""
    board[at.LINE_WORDS] = 0
    board[at.LINE_SENTENCES] = 0
    board[at.SENTENCE_BOUNDARY] = segments.INSIDE
    board[at.SENTENCE_WORDS] = 0
    board[at.SENTENCE_CAPITALS] = 0
    board[at.SENTENCE_START_TECHNICAL] = count_technical(board)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def close_sentence(board: Board, end_char: int) -> None:
    """Judge the sentence that ends before a character."""
    length = end_char - board[at.SENTENCE_START_CHAR]
    technical = count_technical(board)
    board[at.ODD_LENGTH_SENTENCES] += length < _SHORTEST_SENTENCE or length > _LONGEST_SENTENCE
    board[at.LIST_CASE_SENTENCES] += (
        board[at.SENTENCE_WORDS] >= _LIST_WORDS
        and 2 * board[at.SENTENCE_CAPITALS] > board[at.SENTENCE_WORDS]
    )
    board[at.TECHNICAL_SENTENCES] += (
        _TECHNICAL_SHARE * (technical - board[at.SENTENCE_START_TECHNICAL]) > length
    )
    board[at.SENTENCE_START_TECHNICAL] = technical
    board[at.SENTENCE_WORDS] = 0
    board[at.SENTENCE_CAPITALS] = 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def add_word(board: Board, start_char: int, last_char: int, first: int) -> None:
    """Add a word outside citations to its sentence, which it may open.

    Args:
        board: not yet with the word's characters in its tallies.
        start_char: where the word begins.
        last_char: where the last visible character before it on its line ends.
        first: bits of the word's first character.
    """
    if board[at.LINE_WORDS] == 0:
        board[at.LINE_SENTENCES] = 1
        board[at.SENTENCE_START_CHAR] = board[at.LINE_FIRST_CHAR]
    elif segments.opens_sentence(board[at.SENTENCE_BOUNDARY], first):
        close_sentence(board, last_char)
        board[at.LINE_SENTENCES] += 1
        board[at.SENTENCE_START_CHAR] = start_char
    board[at.SENTENCE_BOUNDARY] = segments.INSIDE
    board[at.LINE_WORDS] += 1
    board[at.SENTENCE_WORDS] += 1
    board[at.SENTENCE_CAPITALS] += first & traits.UPPER != 0


# kernels of: 087cc4e140fde320
