"""Metrics of single characters: what share of a text is upper case, digits, marks and so on.

The character filters that NeMo Curator and the signals that RedPajama v2 publish, in
the reference definition: general categories of Unicode instead of lists of ASCII
characters, over all characters of the text. Fractions of an empty text are 0.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import character_classes as traits
from gristmill.cleaning import scan_board as at
from gristmill.cleaning.scan_board import Board
from gristmill.schemas.tables import DOCUMENT_METRICS


def _place(metric: str) -> int:
    return DOCUMENT_METRICS.index(metric)


_UPPERCASE: Final = _place("uppercase_letter_fraction")
_DIGIT: Final = _place("digit_fraction")
_WHITESPACE: Final = _place("whitespace_fraction")
_PUNCTUATION: Final = _place("punctuation_char_fraction")
_SYMBOL: Final = _place("symbol_char_fraction")
_PARENTHESIS: Final = _place("parenthesis_fraction")
_NON_ALPHANUMERIC: Final = _place("non_alphanumeric_char_fraction")
_CONTROL_COUNT: Final = _place("control_char_count")
_REPLACEMENT_COUNT: Final = _place("replacement_char_count")
_EMOJI_COUNT: Final = _place("emoji_count")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def write_characters(board: Board, row: npt.NDArray[np.float64]) -> None:
    """Turn the tallies of one document into metrics.

    Args:
        board: shape (BOARD_SIZE,).
        row: shape (len(DOCUMENT_METRICS),); upper case (Lu), decimal digits (Nd),
            whitespace, punctuation (P), symbols (S), the brackets ``()[]{}`` and U+27E8
            and U+27E9, and what is neither letter, digit, mark nor whitespace, each over
            all characters; and counts of control characters (Cc) that are no
            whitespace, of U+FFFD and of pictographs.
    """
    chars = max(board[at.CHARS], 1)
    tally = board[at.TALLY : at.TALLY + traits.TALLIES]
    digits = tally[traits.TALLY_ASCII_DIGIT] + tally[traits.TALLY_OTHER_DIGIT]
    brackets = tally[traits.TALLY_TECHNICAL_BRACKET] + tally[traits.TALLY_OTHER_BRACKET]
    punctuation = brackets + tally[traits.TALLY_PUNCTUATION] + tally[traits.TALLY_SLASH]
    symbols = (
        tally[traits.TALLY_TECHNICAL_SYMBOL]
        + tally[traits.TALLY_SYMBOL]
        + tally[traits.TALLY_EMOJI]
        + tally[traits.TALLY_REPLACEMENT]
    )
    others = tally[traits.TALLY_CONTROL] + tally[traits.TALLY_OTHER]
    row[_UPPERCASE] = tally[traits.TALLY_UPPER] / chars
    row[_DIGIT] = digits / chars
    row[_WHITESPACE] = board[at.WHITESPACE] / chars
    row[_PUNCTUATION] = punctuation / chars
    row[_SYMBOL] = symbols / chars
    row[_PARENTHESIS] = brackets / chars
    row[_NON_ALPHANUMERIC] = (punctuation + symbols + others) / chars
    row[_CONTROL_COUNT] = tally[traits.TALLY_CONTROL]
    row[_REPLACEMENT_COUNT] = tally[traits.TALLY_REPLACEMENT]
    row[_EMOJI_COUNT] = tally[traits.TALLY_EMOJI]


# kernels of: 3582fb24c794f3a3
