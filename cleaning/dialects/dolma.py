"""Rules as Dolma's toolkit counts them: its Gopher and C4 taggers, and the mixers' bounds.

Words are those of ``text.split()``, lines end at a newline, blank ones count. Values
are rounded to five decimals, as the tagger writes them and the mixer reads them: a
fraction of 0.200004 passes a bound of 0.2. What Dolma does, this does too:

* ``median_word_length`` is a median, where the paper has a mean;
* ``...`` is neither a symbol nor the end of an ellipsis line; ``…`` is both;
* all copies of a line count as duplicates, the first too, over the characters that are
  not white space: the fraction can exceed 1;
* the top n-gram counts where it occurs once, ties go to the first seen; numerator and
  denominator of duplicate n-grams both count overlaps;
* an n-gram measure of a text with fewer words than n is absent: NaN;
* ``gopher_v2`` splits lines at runs of newlines, so that only a newline at the very
  start or end of a text makes an empty line: columns with ``v2`` in their name.

Names follow the reference's where the thing measured is the same; Dolma's own are in
`gristmill.cleaning.dialects.dolma_metrics.ATTRIBUTES`. The bad-word tag of its C4 taggers is not here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects import dolma_scan as at
from gristmill.cleaning.dialects import space_words
from gristmill.cleaning.dialects.dolma_grams import write_ngrams
from gristmill.cleaning.dialects.dolma_metrics import METRICS, round_metrics, write_counts
from gristmill.cleaning.dialects.readings import make_batch, name_columns, read_bounds
from gristmill.cleaning.dialects.space_words import TraitTable
from gristmill.cleaning.repetition_signals import new_table, new_words, reserve_table
from gristmill.cleaning.rule_tables import GOPHER_NGRAMS
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import Offsets, read_buffers

NAME: Final = "dolma"

#: Columns of `measure`: one float64 per metric.
SCHEMA: Final = pa.schema(name_columns(NAME, METRICS))

_GOPHER_QUALITY: Final = (
    Bound("word_count@dolma", min=50, max=100_000),
    Bound("median_word_length@dolma", min=3, max=10),
    Bound("symbol_to_word_ratio@dolma", max=0.1),
    Bound("alphabetic_word_fraction@dolma", min=0.8),
    Bound("stop_word_count@dolma", min=2),
    Bound("bullet_line_fraction@dolma", max=0.9),
    Bound("ellipsis_line_fraction@dolma", max=0.3),
)
_GRAMS: Final = read_bounds(NAME, GOPHER_NGRAMS)

TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality@dolma": _GOPHER_QUALITY,
        "gopher_repetition@dolma": (
            Bound("duplicate_line_fraction@dolma", max=0.30),
            Bound("duplicate_line_char_fraction@dolma", max=0.20),
            *_GRAMS,
        ),
        # As they ran: the mixer's files say "most_common_2gram", the tagger writes
        # "most_common_2grams", so the three rules on top n-grams never fired.
        "gopher_repetition@dolma_v1_5": (
            Bound("duplicate_line_fraction@dolma", max=0.30),
            Bound("duplicate_line_char_fraction@dolma", max=0.30),
            *(bound for bound in _GRAMS if bound.metric.startswith("duplicate")),
        ),
        "c4@dolma": (
            Bound("has_curly_brace@dolma", max=0.5),
            Bound("has_lorem_ipsum@dolma", max=0.5),
            Bound("has_javascript@dolma", max=0.5),
        ),
        "c4_nopunc@dolma": (Bound("unpunctuated_line_fraction@dolma", max=0.5),),
    }
)

_REPOSITORY: Final = "github.com/allenai/dolma 1.2.1"
_MIXER: Final = f"{_REPOSITORY}, configs/dolma-v1_5/mixing/cc-head.yaml (v1.6: the same)"
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality@dolma": _MIXER,
        "gopher_repetition@dolma": f"{_MIXER}, with the limits of arXiv:2112.11446, table A1",
        "gopher_repetition@dolma_v1_5": _MIXER,
        "c4@dolma": f"{_REPOSITORY}, configs/c4-replication/mixer.yaml, less the bad words",
        "c4_nopunc@dolma": "Soldaini et al. 2024, arXiv:2402.00159, appendix N.4",
    }
)


def remove_tagged_lines(text: str) -> str:
    """Give what is left of a text when the lines that the C4 tagger tags are cut out.

    Those are lines that do not end in ``. ? ! "`` and lines of fewer than three words,
    blank ones too; each goes with its newline (configs/c4-replication/mixer.yaml).
    """
    lines = text.split("\n")
    kept = [
        line + "\n" * (index < len(lines) - 1)
        for index, line in enumerate(lines)
        if line.rstrip().endswith((".", "?", "!", '"')) and len(line.split()) >= 3
    ]
    return "".join(kept)


LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"c4@dolma": remove_tagged_lines}
)


@numba.njit(cache=True, nogil=True)
def _measure_batch(data: Bytes, offsets: Offsets, traits: TraitTable) -> npt.NDArray[np.float64]:
    """Measure every document; returns its metrics before rounding, shape (n, metrics)."""
    count = offsets.size - 1
    metrics = np.zeros((count, len(METRICS)), np.float64)
    # Words of one byte are a byte apart.
    words = new_words(space_words.longest_text(offsets) // 2 + 2)
    board = np.zeros(at.BOARD_SIZE, np.int64)
    table = new_table(1024)
    for row in range(count):
        start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        table = reserve_table(table, space_words.count_newlines(data, start, end) + 1)
        at.scan_document(data, start, end, traits, board, words, table)
        write_counts(data, start, end, board, words, metrics[row])
        table = reserve_table(table, board[at.WORDS])
        write_ngrams(words, board[at.WORDS], table, metrics[row])
    return metrics


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    """Measure a batch of documents as Dolma's taggers do.

    Args:
        texts: n texts, no nulls; may be a slice.

    Returns:
        n rows of `SCHEMA`. NaN for n-gram measures of texts with fewer words than n.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    metrics = round_metrics(_measure_batch(data, offsets, at.dolma_traits()))
    return make_batch(metrics, SCHEMA)


def warm_up() -> None:
    """Compile or load every kernel of `measure`, so that no document pays for it."""
    measure(pa.array(["Word word. {lorem ipsum}\n\n- javascript\u2026", ""], pa.string()))


# kernels of: bc4402db976bd062
