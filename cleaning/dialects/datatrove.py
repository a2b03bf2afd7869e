"""datatrove 0.10.1: Gopher's, C4's and FineWeb's rules as its English filters count them.

Words are spaCy's English tokens, marks included; see `datatrove_tokens`. A value is
NaN where datatrove compares nothing: the top n-gram of a text with too few words, any
ratio to words where there is none (datatrove raises ZeroDivisionError there, or has
dropped the text before).

What it does though it reads like a mistake is done here too: the most frequent n-gram
board if it occurs once, so that every text of 2 to 24 unique words is repetitive;
duplicated n-grams are joined without a space, so that "ab c" equals "a bc"; a newline
that opens a text and one that ends it are two equal lines; ``filter_no_terminal_punct``
aside, C4's line rule deletes blank lines and headings of one or two words.

The tables bound the text as it is. FineWeb ran its own rules on what C4's left.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects.datatrove_filters import LINE_FILTERS
from gristmill.cleaning.dialects.datatrove_lines import count_lines
from gristmill.cleaning.dialects.datatrove_ngrams import write_ngrams
from gristmill.cleaning.dialects.datatrove_runs import new_tape
from gristmill.cleaning.dialects.datatrove_scan import scan_document
from gristmill.cleaning.dialects.datatrove_tokens import Rules, new_tokens
from gristmill.cleaning.dialects.datatrove_values import METRICS, NGRAMS, count_words, write_values
from gristmill.cleaning.dialects.datatrove_words import load_rules
from gristmill.cleaning.dialects.readings import make_batch, name_columns, read_bounds
from gristmill.cleaning.repetition_signals import new_table, reserve_table
from gristmill.cleaning.rule_tables import GOPHER_NGRAMS
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers

__all__ = ["LINE_FILTERS", "NAME", "SCHEMA", "SOURCES", "TABLES", "measure", "warm_up"]

NAME: Final = "datatrove"
#: One column for each metric, float64, without nulls; NaN where datatrove compares nothing.
SCHEMA: Final = pa.schema(name_columns(NAME, METRICS))


def _bound(
    metric: str,
    *,
    min: float | None = None,
    max: float | None = None,
) -> Bound:
    return Bound(f"{metric}@{NAME}", min=min, max=max)


_GOPHER_QUALITY: Final = (
    _bound("word_count", min=50, max=100_000),
    _bound("mean_word_length", min=3, max=10),
    _bound("hash_to_word_ratio", max=0.1),
    _bound("ellipsis_to_word_ratio", max=0.1),
    _bound("bullet_line_fraction", max=0.9),
    _bound("ellipsis_line_fraction", max=0.3),
    _bound("alphabetic_word_fraction", min=0.8),
    _bound("distinct_stop_words", min=2),
)
_GOPHER_REPETITION: Final = (
    _bound("char_count", min=1),
    _bound("duplicate_paragraph_fraction", max=0.3),
    _bound("duplicate_paragraph_char_fraction", max=0.2),
    _bound("duplicate_line_fraction", max=0.3),
    _bound("duplicate_line_char_fraction", max=0.2),
    *read_bounds(NAME, GOPHER_NGRAMS),
)
_FINEWEB: Final = (
    _bound("line_count", min=1),
    _bound("punctuated_line_fraction", min=0.12),
    _bound("short_line_fraction", max=0.67),
    _bound("fineweb_duplicate_line_char_fraction", max=0.01),
    _bound("newline_to_word_ratio", max=0.3),
)


def _c4_bounds(prefix: str) -> tuple[Bound, ...]:
    return (
        _bound(f"{prefix}_lorem_ipsum_lines", max=0),
        _bound(f"{prefix}_curly_bracket_lines", max=0),
        _bound(f"{prefix}_sentence_count", min=5),
    )


TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality@datatrove": _GOPHER_QUALITY,
        "gopher_repetition@datatrove": _GOPHER_REPETITION,
        "c4@datatrove": _c4_bounds("c4"),
        "c4_terminal@datatrove": _c4_bounds("c4_terminal"),
        "c4_paragraphs@datatrove": (_bound("third_longest_line_length", min=200),),
        "fineweb@datatrove": _FINEWEB,
    }
)
_FILTERS: Final = "datatrove 0.10.1, pipeline/filters/"
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality@datatrove": _FILTERS + "gopher_quality_filter.py",
        "gopher_repetition@datatrove": _FILTERS + "gopher_repetition_filter.py",
        "c4@datatrove": _FILTERS + "c4_filters.py with filter_no_terminal_punct=False, as FineWeb",
        "c4_terminal@datatrove": _FILTERS + "c4_filters.py, C4QualityFilter by default",
        "c4_paragraphs@datatrove": _FILTERS + "c4_filters.py, C4ParagraphFilter",
        "fineweb@datatrove": _FILTERS + "fineweb_quality_filter.py",
    }
)


@numba.njit(cache=True, nogil=True)
def _measure_batch(data: Bytes, offsets: Offsets, rules: Rules) -> npt.NDArray[np.float64]:
    """Measure every document; returns its metrics, shape (n, metrics)."""
    documents, longest = offsets.size - 1, 1
    for row in range(documents):
        longest = max(longest, offsets[row + 1] - offsets[row])
    metrics = np.zeros((documents, len(METRICS)), np.float64)
    tape, tokens, table = new_tape(longest), new_tokens(longest), new_table(1024)
    board = np.zeros(at.BOARD_SIZE, np.int64)
    for row in range(documents):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        board[:] = 0
        words = scan_document(data, start, end, rules, tape, tokens, board)
        count_words(tape, tokens, words, board)
        table = reserve_table(table, max(_count_newlines(data, start, end) + 1, words))
        count_lines(data, start, end, rules.classes, table, board)
        write_values(board, metrics[row])
        if board[at.CHARS] > 0:
            ngrams = metrics[row, NGRAMS : NGRAMS + 9]
            write_ngrams(tape, tokens, words, board[at.CHARS], table, ngrams)
    return metrics


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_newlines(data: Bytes, start: int, end: int) -> int:
    newlines = 0
    for position in range(start, end):
        newlines += data[position] == ord("\n")
    return newlines


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    """Measure a batch of documents.

    Args:
        texts: n texts, no nulls; may be a slice.

    Returns:
        n rows of `SCHEMA`.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    metrics = _measure_batch(data, offsets, load_rules())
    return make_batch(metrics, SCHEMA)


def warm_up() -> None:
    """Compile or load every kernel of `measure`, so that no document pays for it."""
    measure(pa.array(["Word word. {lorem ipsum}\n\n[1] javascript", ""], pa.string()))


# kernels of: 4371d162d59eb225
