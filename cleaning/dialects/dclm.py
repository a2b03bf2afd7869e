r"""DCLM-Baseline's rules (Li et al. 2024, arXiv:2406.11794) as its code counts them.

Four ways to split one text: `str.split` for lengths, letters, symbols and stop words;
fastText's tokenizer, of whose tokens those count as words that begin with a letter or digit;
UAX #29 segments that begin so for n-grams; lines and paragraphs stripped, blank ones left
out, for the rest. What DCLM does besides what it says:

* A page of one line or paragraph repeats nothing; a blank page is dropped by every rule.
* The dots of "Read more..." are not escaped: any three characters do.
* Lines of ten tokens or fewer that are blank are dropped by the steps that only delete.

URLs in the text are left alone: DCLM deletes them only from pages that begin with the name
of a top-level domain, and dotted quads from all. C4's sentences are the reference's; DCLM
counts them with a trained tokenizer.
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.character_classes import ClassTable, class_table
from gristmill.cleaning.dialects import dclm_scan as scan
from gristmill.cleaning.dialects.dclm_c4 import count_sentences, filter_c4
from gristmill.cleaning.dialects.dclm_characters import (
    decode_points,
    encode_points,
    trait_table,
)
from gristmill.cleaning.dialects.dclm_lines import correct_lines
from gristmill.cleaning.dialects.dclm_ngrams import (
    LONGEST_TIMES_COUNT,
    NGRAM_METRICS,
    write_ngrams,
)
from gristmill.cleaning.dialects.readings import bound_stem, make_batch, name_columns, read_bounds
from gristmill.cleaning.repetition_signals import new_table, new_words, reserve_table
from gristmill.cleaning.rule_tables import TABLES as REFERENCE
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers
from gristmill.cleaning.word_breaks import Points, Traits

NAME: Final = "dclm"

_STEMS: Final = (
    "char_count",
    "word_count",
    "mean_word_length",
    "symbol_to_word_ratio",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "non_alphabetic_word_fraction",
    "stop_word_count",
    "duplicate_line_fraction",
    "duplicate_paragraph_fraction",
    "duplicate_line_char_fraction",
    "duplicate_paragraph_char_fraction",
    *NGRAM_METRICS,
    "removed_word_fraction",
    "c4_char_count",
    "c4_lorem_ipsum_count",
    "c4_curly_bracket_count",
    "c4_sentence_count",
)
SCHEMA: Final = pa.schema(name_columns(NAME, _STEMS))

_NGRAMS: Final = _STEMS.index(NGRAM_METRICS[0])
_NGRAMS_END: Final = _NGRAMS + len(NGRAM_METRICS)

Row = npt.NDArray[np.float64]


_bound = functools.partial(bound_stem, NAME)


TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality@dclm": (
            _bound("word_count", 50, 100_000),
            _bound("mean_word_length", 3, 10),
            _bound("symbol_to_word_ratio", None, 0.1),
            _bound("bullet_line_fraction", None, 0.9),
            _bound("ellipsis_line_fraction", None, 0.3),
            _bound("non_alphabetic_word_fraction", None, 0.2),
            _bound("stop_word_count", 2),
        ),
        "gopher_repetition@dclm": read_bounds(NAME, REFERENCE["gopher_repetition"]),
        "dclm_lines": (_bound("removed_word_fraction", None, 0.05),),
        "c4@dclm": (
            _bound("char_count", None, 190_000),
            _bound("c4_lorem_ipsum_count", None, 0),
            _bound("c4_curly_bracket_count", None, 0),
            _bound("c4_char_count", 1),
            _bound("c4_sentence_count", 3),
        ),
    }
)

_REPOSITORY: Final = "Li et al. 2024, arXiv:2406.11794; github.com/mlfoundations/dclm at 361714b, "
_RULES: Final = "baselines/baselines_configs/dclm_baseline_refinedweb.yaml"
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality@dclm": _REPOSITORY + _RULES,
        "gopher_repetition@dclm": _REPOSITORY + "baselines/mappers/filters/content_filters.py",
        "dclm_lines": _REPOSITORY + _RULES,
        "c4@dclm": _REPOSITORY + "baselines/baselines_configs/c4.yaml",
    }
)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _divide(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_counts(counts: scan.Counts, row: Row) -> None:
    """Turn counts into the metrics before the n-grams; a blank page fails every rule."""
    tokens = counts[scan.TOKENS]
    row[1] = counts[scan.WORDS]
    row[2] = _divide(counts[scan.TOKEN_CHARS], tokens, 0.0)
    row[3] = _divide(counts[scan.SYMBOLS], tokens, np.inf)
    row[4] = _divide(counts[scan.BULLET_LINES], counts[scan.LINE_PLACES[0]], 0.0)
    row[5] = _divide(counts[scan.ELLIPSIS_LINES], counts[scan.LINE_PLACES[0]], 0.0)
    row[6] = _divide(counts[scan.PLAIN_TOKENS], tokens, 1.0)
    row[7] = counts[scan.STOP_WORDS]
    for first, (total, repeated, chars) in ((8, scan.LINE_PLACES), (9, scan.PARAGRAPH_PLACES)):
        row[first] = _divide(counts[repeated], counts[total], 1.0)
        row[first + 2] = _divide(counts[chars + 1], counts[chars], 1.0)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_filters(
    points: Points, spare: Points, size: int, traits: Traits, classes: ClassTable, row: Row
) -> None:
    """Measure what the line filters leave; `row[1]` holds the words before."""
    for position in range(size):
        spare[position] = points[position]
    left = correct_lines(spare, size, traits)
    words = row[1]
    row[_NGRAMS_END] = 1.0
    if left and words:
        row[_NGRAMS_END] = (words - scan.count_words(spare, left, traits)) / words
    left, lorem, brackets = filter_c4(points, size, traits)
    row[_NGRAMS_END + 1] = left
    row[_NGRAMS_END + 2] = lorem
    row[_NGRAMS_END + 3] = brackets
    row[_NGRAMS_END + 4] = count_sentences(points, left, classes)


@numba.njit(cache=True, nogil=True)
def _measure_batch(
    data: Bytes, offsets: Offsets, traits: Traits, classes: ClassTable
) -> npt.NDArray[np.float64]:
    """Measure every document; returns shape (n, metrics)."""
    rows = np.zeros((offsets.size - 1, len(_STEMS)), np.float64)
    longest = 0
    for index in range(offsets.size - 1):
        longest = max(longest, offsets[index + 1] - offsets[index])
    points, spare = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int32)
    bounds, counts = np.empty(2 * longest, np.int32), np.empty(len(scan.COUNTS), np.int64)
    words, table = new_words(longest + 1), new_table(1024)
    for index in range(offsets.size - 1):
        row = rows[index]
        size = decode_points(data, offsets[index], offsets[index + 1], points)
        counts[:] = 0
        row[0] = size
        scan.count_tokens(points, size, traits, counts)
        scan.count_symbols(points, size, counts)
        table = reserve_table(table, scan.count_newlines(points, size) + 1)
        scan.count_lines(points, size, traits, table, counts)
        scan.count_paragraphs(points, size, traits, table, counts)
        _write_counts(counts, row)
        word_count = scan.split_words(points, size, traits, words, bounds)
        table = reserve_table(table, word_count)
        write_ngrams(words, word_count, table, LONGEST_TIMES_COUNT, row[_NGRAMS:_NGRAMS_END])
        if size == 0:
            row[_NGRAMS:_NGRAMS_END] = 1.0
        _write_filters(points, spare, size, traits, classes, row)
    return rows


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    """Measure a batch of documents.

    Args:
        texts: n texts, no nulls; may be a slice.

    Returns:
        n rows of `SCHEMA`, float64.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    return make_batch(_measure_batch(data, offsets, trait_table(), class_table()), SCHEMA)


def _read_points(text: str) -> Points:
    return np.frombuffer(text.encode("utf-32-le"), np.int32).copy()


def filter_lines(text: str) -> str:
    """Apply DCLM's line correction.

    Args:
        text: any text.

    Returns:
        What is left; empty where DCLM drops the page.
    """
    points = _read_points(text)
    return encode_points(points[: correct_lines(points, points.size, trait_table())])


def filter_c4_lines(text: str) -> str:
    """Apply the line rules of DCLM's version of C4.

    Args:
        text: any text.

    Returns:
        What is left; empty where DCLM drops the page.
    """
    points = _read_points(text)
    size, lorem, brackets = filter_c4(points, points.size, trait_table())
    return "" if lorem or brackets else encode_points(points[:size])


LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"dclm": filter_lines, "c4@dclm": filter_c4_lines}
)


def warm_up() -> None:
    """Compile or load every kernel, so that no document pays for it."""
    measure(pa.array(["Word word.\n\n[1] Read more...", ""], pa.string()))


# kernels of: fe3537c15c190a2c
