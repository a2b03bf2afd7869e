"""RedPajama-V2's quality signals (Weber et al. 2024, arXiv:2411.12372) as its code counts them.

Those of the 46 that need no model and no list. Left out: what CCNet computes, importance
weights and classifiers, the lists of bad words and domains, and the share of stop words, whose
list depends on the language. Values are rounded to eight places as RPv2 rounds them; where it
gives none, a value is NaN. RPv2 has no thresholds; the tables are Gopher's on its signals.

What it does besides what its names say: normalising deletes punctuation and so joins words
("and/or" is one); a straight quotation mark is no terminal punctuation; the first copy of a
repeated n-gram counts; a line holds its newline.
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
from gristmill.cleaning.dialects import rpv2_scan as scan
from gristmill.cleaning.dialects.dclm_characters import NEWLINE, decode_points
from gristmill.cleaning.dialects.dclm_ngrams import NGRAM_METRICS
from gristmill.cleaning.dialects.readings import bound_stem, name_columns, read_bounds
from gristmill.cleaning.dialects.rpv2_grams import FIRST_GRAM, write_grams
from gristmill.cleaning.dialects.rpv2_normal import NormalForms, normal_forms
from gristmill.cleaning.dialects.rpv2_scan import LineSignals, rpv2_traits
from gristmill.cleaning.dialects.rpv2_words import split_words
from gristmill.cleaning.repetition_signals import Row, new_table, new_words, reserve_table
from gristmill.cleaning.rule_tables import GOPHER_NGRAMS
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers
from gristmill.cleaning.word_breaks import Traits

NAME: Final = "rpv2"

_STEMS: Final = (
    "word_count",
    "mean_word_length",
    "frac_unique_words",
    "unigram_entropy",
    *NGRAM_METRICS,
    "lorem_ipsum",
    "curly_bracket",
    "symbol_to_word_ratio",
    "frac_no_alph_words",
    "frac_all_caps_words",
    "sentence_count",
    "ellipsis_line_fraction",
    "bullet_line_fraction",
)
_LINE_STEMS: Final[Mapping[str, tuple[pa.DataType, npt.DTypeLike]]] = MappingProxyType(
    {
        "line_ending_with_terminal_punctution_mark": (pa.uint8(), np.uint8),
        "line_javascript_counts": (pa.uint16(), np.uint16),
        "line_num_words": (pa.uint16(), np.uint16),
        "line_numerical_chars_fraction": (pa.float32(), np.float32),
        "line_start_with_bulletpoint": (pa.uint8(), np.uint8),
        "line_uppercase_letter_fraction": (pa.float32(), np.float32),
    }
)
SCHEMA: Final = pa.schema(
    name_columns(NAME, _STEMS)
    + [
        pa.field(f"{stem}@{NAME}", pa.list_(kind), nullable=False)
        for stem, (kind, _) in _LINE_STEMS.items()
    ]
)

_NGRAMS_END: Final = FIRST_GRAM + len(NGRAM_METRICS)
_PLACES: Final = 8
#: So close to a half a scaled value can have been moved across it: far more than an ulp.
_HALF_WIDTH: Final = 1e-6
_PRECISION: Final = 1e-14
#: Decomposition makes at most four characters of one.
_GROWTH: Final = 4
_BLANK: Final = ord(" ")


_bound = functools.partial(bound_stem, NAME)


TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality@rpv2": (
            _bound("word_count", 50, 100_000),
            _bound("mean_word_length", 3, 10),
            _bound("symbol_to_word_ratio", None, 0.1),
            _bound("bullet_line_fraction", None, 0.9),
            _bound("ellipsis_line_fraction", None, 0.3),
            _bound("frac_no_alph_words", None, 0.2),
        ),
        "gopher_repetition@rpv2": read_bounds(NAME, GOPHER_NGRAMS),
    }
)

_SOURCE: Final = (
    "Gopher's thresholds (Rae et al. 2021, arXiv:2112.11446) on RPv2's signals: "
    "github.com/togethercomputer/RedPajama-Data, app/src/core/quality_signals/"
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality@rpv2": _SOURCE + "natural_language.py",
        "gopher_repetition@rpv2": _SOURCE + "repetitions.py",
    }
)
LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({})


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _divide(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_counts(counts: scan.Counts, size: int, length: int, row: Row) -> None:
    """Turn counts into the metrics after the n-grams.

    Args:
        counts: of the document.
        size: characters of the raw text.
        length: characters of the normalised one, each run of whitespace being one.
        row: its metrics.
    """
    raw_words, lines = counts[scan.RAW_WORDS], counts[scan.LINES]
    lorem = counts[scan.LOREM_IPSUMS] if counts[scan.EXACT_LOREM_IPSUMS] else 0
    row[_NGRAMS_END] = _divide(lorem, length, 0.0)
    row[_NGRAMS_END + 1] = _divide(counts[scan.BRACKETS], size, 0.0)
    row[_NGRAMS_END + 2] = _divide(counts[scan.SYMBOLS], raw_words, np.nan)
    row[_NGRAMS_END + 3] = 1.0 - _divide(counts[scan.LATIN_WORDS], raw_words, np.nan)
    row[_NGRAMS_END + 4] = _divide(counts[scan.CAPITAL_WORDS], raw_words, np.nan)
    row[_NGRAMS_END + 5] = counts[scan.SENTENCES]
    row[_NGRAMS_END + 6] = _divide(counts[scan.ELLIPSIS_LINES], lines, np.nan)
    row[_NGRAMS_END + 7] = _divide(counts[scan.BULLET_LINES], lines, np.nan)


@numba.njit(cache=True, nogil=True)
def _count_lines(data: Bytes, offsets: Offsets) -> Offsets:
    """Give the offsets of each document's lines; no line follows a final newline."""
    line_offsets = np.zeros(offsets.size, np.int32)
    for row in range(offsets.size - 1):
        start, end = offsets[row], offsets[row + 1]
        lines = int(end > start and data[end - 1] != NEWLINE)
        for position in range(start, end):
            lines += data[position] == NEWLINE
        line_offsets[row + 1] = line_offsets[row] + lines
    return line_offsets


@numba.njit(cache=True, nogil=True)
def _measure_batch(
    data: Bytes,
    offsets: Offsets,
    line_offsets: Offsets,
    tables: tuple[Traits, NormalForms],
    signals: LineSignals,
) -> npt.NDArray[np.float64]:
    """Measure every document; returns shape (n, metrics), not rounded."""
    rows = np.zeros((offsets.size - 1, len(_STEMS)), np.float64)
    longest = 0
    for index in range(offsets.size - 1):
        longest = max(longest, offsets[index + 1] - offsets[index])
    points, normal = np.empty(longest + 1, np.int32), np.empty(_GROWTH * longest + 1, np.int32)
    counts = np.empty(len(scan.COUNTS), np.int64)
    words, table = new_words(longest + 1), new_table(1024)
    for index in range(offsets.size - 1):
        row = rows[index]
        lines = (line_offsets[index], line_offsets[index + 1])
        size = decode_points(data, offsets[index], offsets[index + 1], points)
        points[size], counts[:] = _BLANK, 0
        scan.scan_points(points, size, tables[0], lines[0], signals, counts)
        split_words((points, normal), size, tables, words, lines, signals, counts)
        count = counts[scan.WORDS]
        table = reserve_table(table, count)
        write_grams(words, count, table, row)
        _write_counts(counts, size, words.char_ends[count] + max(count - 1, 0), row)
    return rows


def _round_column(column: npt.NDArray[np.float64]) -> pa.Array:
    """Round as RPv2 does: to the nearest decimal.

    Scaling may move a value across a half: those that come close are rounded one by one.
    """
    scaled = column * 10.0**_PLACES
    whole = column == np.floor(column)
    rounded = np.where(whole, column, np.rint(scaled) / 10.0**_PLACES)
    close = np.abs(scaled - np.floor(scaled) - 0.5) < _HALF_WIDTH + np.abs(scaled) * _PRECISION
    for place in np.flatnonzero(close & ~whole):
        rounded[place] = round(float(column[place]), _PLACES)
    return pa.array(rounded)


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    """Measure a batch of documents.

    Args:
        texts: n texts, no nulls; may be a slice.

    Returns:
        n rows of `SCHEMA`: metrics float64; per line, counts of words uint16 (65,535
        standing for more), marks uint8, shares float32.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    line_offsets = _count_lines(data, offsets)
    signals = LineSignals(
        *(np.empty(int(line_offsets[-1]), kind) for _, kind in _LINE_STEMS.values())
    )
    tables = (rpv2_traits(), normal_forms())
    rows = _measure_batch(data, offsets, line_offsets, tables, signals)
    ends = pa.array(line_offsets)
    arrays = [_round_column(column) for column in rows.T]
    arrays += [pa.ListArray.from_arrays(ends, pa.array(column)) for column in signals]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def warm_up() -> None:
    """Compile or load every kernel, so that no document pays for it."""
    measure(pa.array(["Word word.\n\n\u00c9t\u00e9 javascript", ""], pa.string()))


# kernels of: 8c77a0189b1630e4
