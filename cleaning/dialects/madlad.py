r"""MADLAD-400's sentence rules (Kudugunta et al. 2023, arXiv:2309.04662), as datamap-rs reads them.

Sentences stand between ``[.!?]+\s+``. One is questionable if it is a list in title case
(rule 2), shorter than 20 or longer than 500 bytes (3), more than a fifth technical characters
by bytes (4), or holds a cursed string (5). Rule 1, a sentence in another language than its
page, needs a language model for each sentence and is left out. A page of fewer than five
sentences is too short to be judged: its fractions are NaN.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects.dclm_characters import WHITE_SPACE, decode_points, trait_table
from gristmill.cleaning.dialects.madlad_rules import (
    is_cursed,
    is_list_case,
    judge_counts,
    read_sentence,
)
from gristmill.cleaning.dialects.readings import make_batch, name_columns
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

NAME: Final = "madlad"

_STEMS: Final = (
    "sentence_count",
    "list_case_sentence_count",
    "abnormal_length_sentence_count",
    "technical_sentence_count",
    "cursed_sentence_count",
    "questionable_sentence_fraction",  # by rules 2 to 5
    "questionable_2_5_sentence_fraction",  # by rules 2 and 5
)
SCHEMA: Final = pa.schema(name_columns(NAME, _STEMS))
_MIN_SENTENCES: Final = 5

Row = npt.NDArray[np.float64]

TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "madlad": (
            Bound(metric="sentence_count@madlad", min=_MIN_SENTENCES),
            Bound(metric="questionable_sentence_fraction@madlad", max=0.2),
        ),
    }
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "madlad": "Kudugunta et al. 2023, arXiv:2309.04662, section 2.3; "
        "github.com/allenai/datamap-rs, src/map_fxn.rs, Madlad400SentenceAnnotator",
    }
)
LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({})


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_visible(points: Points, start: int, end: int, traits: Traits) -> bool:
    position = start
    while position < end and trait_of(traits, points[position]) & WHITE_SPACE:
        position += 1
    return position < end


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_sentences(points: Points, size: int, traits: Traits, bounds: Points, row: Row) -> None:
    """Measure the sentences of one document.

    Args:
        points: code points.
        size: how many.
        traits: table of characters.
        bounds: room for twice as many places as there are characters.
        row: shape (7,), one place for each metric; overwritten.
    """
    row[:] = 0.0
    position, doubtful, doubtful_2_5 = 0, 0, 0
    while position < size:
        end, after, length, technical_chars, upper = read_sentence(points, position, size, traits)
        if _is_visible(points, position, end, traits):
            abnormal, technical, listed = judge_counts(length, technical_chars, upper)
            if listed:
                listed = is_list_case(points, position, end, traits, bounds)
            cursed = is_cursed(points, position, end)
            row[0] += 1
            row[1] += listed
            row[2] += abnormal
            row[3] += technical
            row[4] += cursed
            doubtful += listed or abnormal or technical or cursed
            doubtful_2_5 += listed or cursed
        position = after
    row[5:7] = np.nan
    if row[0] >= _MIN_SENTENCES:
        row[5] = doubtful / row[0]
        row[6] = doubtful_2_5 / row[0]


@numba.njit(cache=True, nogil=True)
def _measure_batch(data: Bytes, offsets: Offsets, traits: Traits) -> npt.NDArray[np.float64]:
    """Measure every document; returns shape (n, metrics)."""
    rows = np.zeros((offsets.size - 1, len(_STEMS)), np.float64)
    longest = 0
    for index in range(offsets.size - 1):
        longest = max(longest, offsets[index + 1] - offsets[index])
    points, bounds = np.empty(longest + 1, np.int32), np.empty(2 * longest, np.int32)
    for index in range(offsets.size - 1):
        size = decode_points(data, offsets[index], offsets[index + 1], points)
        write_sentences(points, size, traits, bounds, rows[index])
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


def warm_up() -> None:
    """Compile or load every kernel, so that no document pays for it."""
    measure(pa.array(["Word word. Download. Other, words?", ""], pa.string()))


# kernels of: 81c015bf3c20b7ee
