"""Dolma 3's rules for web pages as datamap-rs counts them (`all_dressed_config.yaml`).

DCLM's rules in another language, and so with other numbers: lengths of words and repeated
parts are in bytes; a text of ASCII is counted in runs of letters and digits ("don't" is two
words), any other in UAX #29 segments; bullets count only at the very beginning of a line,
among all lines; a page of one token has no letters; lines and paragraphs are not stripped
before they are compared; the most frequent n-gram takes up the words that it covers.

The page's URL, its language (English >= 0.65) and the digest of its text are not signals of
the text and stand elsewhere. MADLAD's rules 2 and 5 look at what the line modifiers leave;
the shipped configuration also drops pages of fewer than five sentences, the filter's default
keeps them: these are two tables.
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
from gristmill.cleaning.dialects import dolma3_scan as scan
from gristmill.cleaning.dialects.dclm_characters import (
    decode_points,
    encode_points,
    trait_table,
)
from gristmill.cleaning.dialects.dclm_ngrams import (
    LONGEST_COVER,
    NGRAM_METRICS,
    write_ngrams,
)
from gristmill.cleaning.dialects.dclm_runs import collapse_newlines
from gristmill.cleaning.dialects.dclm_scan import count_newlines
from gristmill.cleaning.dialects.dolma3_lines import correct_lines
from gristmill.cleaning.dialects.madlad import write_sentences
from gristmill.cleaning.dialects.readings import bound_stem, make_batch, name_columns, read_bounds
from gristmill.cleaning.repetition_signals import new_table, new_words, reserve_table
from gristmill.cleaning.rule_tables import TABLES as REFERENCE
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers
from gristmill.cleaning.word_breaks import Points, Traits

NAME: Final = "dolma3"

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
    "sentence_count",
    "questionable_sentence_fraction",
)
SCHEMA: Final = pa.schema(name_columns(NAME, _STEMS))

_NGRAMS: Final = _STEMS.index(NGRAM_METRICS[0])
_NGRAMS_END: Final = _NGRAMS + len(NGRAM_METRICS)
_SENTENCE_METRICS: Final = 7

Row = npt.NDArray[np.float64]


_bound = functools.partial(bound_stem, NAME)


TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "page_length@dolma3": (_bound("char_count", 150),),
        "gopher_quality@dolma3": (
            _bound("word_count", 50, 100_000),
            _bound("mean_word_length", 3, 10),
            _bound("symbol_to_word_ratio", None, 0.1),
            _bound("bullet_line_fraction", None, 0.9),
            _bound("ellipsis_line_fraction", None, 0.3),
            _bound("non_alphabetic_word_fraction", None, 0.2),
            _bound("stop_word_count", 2),
        ),
        "gopher_repetition@dolma3": read_bounds(NAME, REFERENCE["gopher_repetition"]),
        "dolma3_lines": (_bound("removed_word_fraction", None, 0.05),),
        "madlad@dolma3": (Bound(metric="questionable_sentence_fraction@dolma3", below=0.2),),
        "madlad_length@dolma3": (_bound("sentence_count", 5),),
    }
)

_SOURCE: Final = "github.com/allenai/datamap-rs, configs/all_dressed/all_dressed_config.yaml"
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"Dolma 3; {_SOURCE} and src/map_fxn.rs" for name in TABLES}
)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _divide(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_quality(counts: scan.Counts, row: Row) -> None:
    """Turn counts of tokens and lines into metrics; a blank page fails what it can."""
    tokens = counts[scan.TOKENS]
    # Where ". . ." is read as one word, it replaces three.
    words = tokens - 2 * counts[scan.SPACED_ELLIPSES]
    row[2] = _divide(counts[scan.TOKEN_BYTES], tokens, 0.0)
    row[3] = counts[scan.SYMBOLS] / max(words, 1)
    row[4] = counts[scan.BULLET_LINES] / counts[scan.LINES]
    row[5] = _divide(counts[scan.ELLIPSIS_LINES], counts[scan.FILLED_LINES], 0.0)
    row[6] = 1.0 if tokens < 2 else counts[scan.PLAIN_TOKENS] / tokens
    row[7] = counts[scan.STOP_WORDS]


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_repetition(counts: scan.Counts, row: Row) -> None:
    """Turn counts of lines and paragraphs into metrics; a page of neither is all repetition."""
    line, paragraph = scan.LINE_PLACES, scan.PARAGRAPH_PLACES
    row[8] = _divide(counts[line[1]], counts[line[0]], 1.0)
    row[9] = _divide(counts[paragraph[1]], counts[paragraph[0]], 1.0)
    row[10] = _divide(counts[line[2] + 1], counts[line[2]], 1.0)
    row[11] = _divide(counts[paragraph[2] + 1], counts[paragraph[2]], 1.0)


@numba.njit(cache=True, nogil=True)
def _write_filter(
    points: Points, size: int, traits: Traits, words: int, bounds: Points, row: Row
) -> None:
    """Measure what the line modifiers leave of a text of so many words."""
    sentences = np.empty(_SENTENCE_METRICS)
    left, dropped = correct_lines(points, size, traits, bounds)
    row[_NGRAMS_END] = 1.0
    if left and words:
        if dropped < 0:
            dropped = words - scan.count_words(points, 0, left, traits, bounds)
        row[_NGRAMS_END] = dropped / words
    write_sentences(points, left, traits, bounds, sentences)
    row[_NGRAMS_END + 1] = sentences[0]
    row[_NGRAMS_END + 2] = sentences[6]


@numba.njit(cache=True, nogil=True)
def _measure_batch(data: Bytes, offsets: Offsets, traits: Traits) -> npt.NDArray[np.float64]:
    """Measure every document; returns shape (n, metrics)."""
    rows = np.zeros((offsets.size - 1, len(_STEMS)), np.float64)
    longest = 0
    for index in range(offsets.size - 1):
        longest = max(longest, offsets[index + 1] - offsets[index])
    points, bounds = np.empty(longest + 1, np.int32), np.empty(2 * longest, np.int32)
    counts = np.empty(len(scan.COUNTS), np.int64)
    words, table = new_words(longest + 1), new_table(1024)
    for index in range(offsets.size - 1):
        row = rows[index]
        size = decode_points(data, offsets[index], offsets[index + 1], points)
        counts[:] = 0
        row[0] = size
        plain_words = scan.count_plain_words(points, size, traits)
        scan.count_tokens(points, size, traits, counts)
        scan.count_symbols(points, size, counts)
        table = reserve_table(table, count_newlines(points, size) + 1)
        scan.count_lines(points, size, table, counts)
        _write_quality(counts, row)
        size = collapse_newlines(points, size)
        scan.count_paragraphs(points, size, table, counts)
        _write_repetition(counts, row)
        word_count = scan.split_words(points, size, traits, words, bounds)
        row[1] = word_count if plain_words < 0 else plain_words
        table = reserve_table(table, word_count)
        write_ngrams(words, word_count, table, LONGEST_COVER, row[_NGRAMS:_NGRAMS_END])
        _write_filter(points, size, traits, word_count, bounds, row)
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
    return make_batch(_measure_batch(data, offsets, trait_table()), SCHEMA)


def filter_lines(text: str) -> str:
    """Apply Dolma 3's line modifiers.

    Args:
        text: any text.

    Returns:
        What is left; empty where Dolma 3 drops the page.
    """
    points = np.frombuffer(text.encode("utf-32-le"), np.int32).copy()
    bounds = np.empty(2 * points.size, np.int32)
    return encode_points(points[: correct_lines(points, points.size, trait_table(), bounds)[0]])


LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({"dolma3": filter_lines})


def warm_up() -> None:
    """Compile or load every kernel, so that no document pays for it."""
    measure(pa.array(["Word word.\n\n[1] Read more...", ""], pa.string()))


# kernels of: 225f8bc7003c137f
