r"""Rules as NeMo Curator 1.4 counts them: all heuristics of its English pipeline.

Words are those of ``text.split()``; "sentences" are lines that are not blank; paragraphs
are what ``text.split("\n\n")`` gives, empty ones too. What NeMo does, this does too:

* repetition of lines and paragraphs is written as a share of unique ones;
* n-gram measures are 1.0 for texts of fewer words than n, which drops them; the top
  n-gram counts where it occurs once, and is deleted as a string: inside other words
  too, but not where a newline parts its words;
* a word is a symbol if it is an ellipsis mark, or has more than half as many runs of
  ``#`` as characters: ``##`` is none.

Where NeMo is no function of the text or raises, a choice is made:

* of equally frequent n-grams NeMo takes whichever Python's randomised string hashes put
  first; here it is the first seen;
* what NeMo divides by nothing (measures of words and lines of a blank text) is NaN,
  which passes every bound; `word_count` still drops the text;
* NeMo stops counting stop words at two; here all count, and the rule says the same.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects import nemo_scan as at
from gristmill.cleaning.dialects import space_words
from gristmill.cleaning.dialects.nemo_grams import write_ngrams
from gristmill.cleaning.dialects.nemo_metrics import FIRST_GRAM, METRICS, write_counts
from gristmill.cleaning.dialects.nemo_scan import WordPlaces
from gristmill.cleaning.dialects.nemo_traits import nemo_traits
from gristmill.cleaning.dialects.readings import make_batch, name_columns, read_bounds
from gristmill.cleaning.dialects.space_words import TraitTable
from gristmill.cleaning.repetition_signals import new_table, new_words, reserve_table
from gristmill.cleaning.rule_tables import GOPHER_NGRAMS
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers

NAME: Final = "nemo"

#: Columns of `measure`: one float64 per metric.
SCHEMA: Final = pa.schema(name_columns(NAME, METRICS))

_WORD_COUNT: Final = Bound("word_count@nemo", min=50, max=100_000)
_WORD_LENGTH: Final = Bound("mean_word_length@nemo", min=3, max=10)
_SYMBOLS: Final = Bound("symbol_to_word_ratio@nemo", max=0.1)
_BULLETS: Final = Bound("bullet_line_fraction@nemo", max=0.9)
_ELLIPSES: Final = Bound("ellipsis_line_fraction@nemo", max=0.3)
_ALPHABETIC: Final = Bound("alphabetic_word_fraction@nemo", min=0.8)
_STOP_WORDS: Final = Bound("stop_word_count@nemo", min=2)
_UNIQUE: Final = (
    Bound("unique_line_fraction@nemo", min=0.7),
    Bound("unique_paragraph_fraction@nemo", min=0.7),
    Bound("unique_line_char_fraction@nemo", min=0.8),
    Bound("unique_paragraph_char_fraction@nemo", min=0.8),
)
_GRAMS: Final = read_bounds(NAME, GOPHER_NGRAMS)

TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality@nemo": (
            *(_WORD_COUNT, _WORD_LENGTH, _SYMBOLS, _BULLETS, _ELLIPSES, _ALPHABETIC, _STOP_WORDS),
        ),
        "gopher_repetition@nemo": (*_UNIQUE, *_GRAMS),
        # The whole pipeline, in its order.
        "nemo": (
            Bound("non_alphanumeric_fraction@nemo", max=0.25),
            _SYMBOLS,
            Bound("digit_fraction@nemo", max=0.15),
            Bound("url_char_fraction@nemo", max=0.2),
            Bound("white_space_fraction@nemo", max=0.25),
            Bound("parenthesis_fraction@nemo", max=0.1),
            Bound("boilerplate_paragraph_fraction@nemo", max=0.4),
            *_UNIQUE,
            _WORD_COUNT,
            Bound("unpunctuated_line_fraction@nemo", max=0.85),
            _ALPHABETIC,
            _STOP_WORDS,
            _WORD_LENGTH,
            Bound("longest_word@nemo", max=1000),
            _ELLIPSES,
            *_GRAMS,
            _BULLETS,
        ),
    }
)

_PIPELINE: Final = (
    "github.com/NVIDIA-NeMo/Curator 1.4.0, config/text/heuristic_filter_english_pipeline.yaml"
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality@nemo": f"{_PIPELINE}, the rules of arXiv:2112.11446, appendix A",
        "gopher_repetition@nemo": f"{_PIPELINE}, the rules of arXiv:2112.11446, table A1",
        "nemo": _PIPELINE,
    }
)

#: NeMo Curator's heuristics drop documents, never lines.
LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType({})


@numba.njit(cache=True, nogil=True)
def _measure_batch(data: Bytes, offsets: Offsets, traits: TraitTable) -> npt.NDArray[np.float64]:
    """Measure every document; returns its metrics, shape (n, metrics)."""
    count = offsets.size - 1
    metrics = np.zeros((count, len(METRICS)), np.float64)
    longest = space_words.longest_text(offsets)
    # Words of one byte are a byte apart.
    capacity = longest // 2 + 2
    words = new_words(capacity)
    places = WordPlaces(np.empty(capacity, np.int64), np.empty(capacity, np.int64))
    board = np.zeros(at.BOARD_SIZE, np.int64)
    table = new_table(1024)
    for row in range(count):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        table = reserve_table(table, 2 * space_words.count_newlines(data, start, end) + 2)
        at.scan_document(data, (start, end), traits, board, words, places, table)
        write_counts(data, start, end, board, words, metrics[row])
        table = reserve_table(table, board[at.WORDS])
        sizes = (board[at.WORDS], board[at.CHARS])
        grams = metrics[row, FIRST_GRAM : FIRST_GRAM + 9]
        write_ngrams(data, sizes, words, places, table, grams)
    return metrics


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    """Measure a batch of documents as NeMo Curator's heuristics do.

    Args:
        texts: n texts, no nulls; may be a slice.

    Returns:
        n rows of `SCHEMA`. NaN where NeMo divides by nothing.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    metrics = _measure_batch(data, offsets, nemo_traits())
    return make_batch(metrics, SCHEMA)


def warm_up() -> None:
    """Compile or load every kernel of `measure`, so that no document pays for it."""
    measure(pa.array(["Word http://a # terms of use\n\n\n- a a a a...", ""], pa.string()))


# kernels of: f528021d0414aee5
