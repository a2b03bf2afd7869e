"""n-grams as Dolma counts them: top ones with copies of one, all occurrences, overlaps too."""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.dolma_metrics import FIRST_GRAM
from gristmill.cleaning.dialects.space_ngrams import find_top, lengthen_grams, number_words
from gristmill.cleaning.repetition_signals import CountTable, Row, Words

_TOP_ORDERS: Final = 4
_LAST_ORDER: Final = 10


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_fraction(words: Words, repeated: int, order: int, total: int, table: CountTable) -> float:
    """Characters of the top n-gram times its occurrences, over those of all words."""
    place, count = find_top(words, repeated, table)
    size = int(words.char_ends[place + order] - words.char_ends[place])
    return int(count) * size / max(total, 1)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _duplicate_fraction(words: Words, word_count: int, repeated: int, order: int) -> float:
    """Characters of all occurrences of repeated n-grams, over those of all n-grams."""
    duplicated, total = 0, 0
    for index in range(repeated):
        place = words.places[index]
        duplicated += words.char_ends[place + order] - words.char_ends[place]
    if duplicated > 0:
        for place in range(word_count - order + 1):
            total += words.char_ends[place + order] - words.char_ends[place]
    return duplicated / max(total, 1)


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_ngrams(words: Words, word_count: int, table: CountTable, row: Row) -> None:
    """Measure the n-grams of one document.

    Args:
        words: its words; the scratch columns are overwritten.
        word_count: w.
        table: room for w keys; emptied here.
        row: shape (len(METRICS),); the nine n-gram measures are written, NaN where w < n.
    """
    total = words.char_ends[word_count]
    repeated = number_words(words, word_count, table)
    for order in range(2, _LAST_ORDER + 1):
        repeated = lengthen_grams(words, repeated, order, table)
        if word_count < order:
            value = np.nan
        elif order <= _TOP_ORDERS:
            value = _top_fraction(words, repeated, order, total, table)
        else:
            value = _duplicate_fraction(words, word_count, repeated, order)
        row[FIRST_GRAM + order - 2] = value


# kernels of: c0f10760b13d4ccf
