"""Documents to signals: every metric and every line fact of a batch, in one pass.

Facts only, no threshold. The kernels read the Arrow buffer in place; words are
hashed once and all n-grams are made from those hashes.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.character_classes import ClassTable, class_table
from gristmill.cleaning.line_scan import LineColumns
from gristmill.cleaning.quality_signals import write_quality
from gristmill.cleaning.repetition_signals import (
    new_table,
    new_words,
    reserve_table,
    write_ngrams,
)
from gristmill.cleaning.scan_board import BOARD_SIZE, WORDS
from gristmill.cleaning.segments import NEWLINE, Bytes
from gristmill.cleaning.text_scan import Lookups, scan_document
from gristmill.cleaning.word_boundaries import Places, find_word_ends
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import DOCUMENT_METRICS, SIGNALS

Offsets = npt.NDArray[np.int32]

_LINE_COLUMNS: Final = ("line_flags", "line_words", "line_sentences")
#: What `measure` returns: the columns of `SIGNALS` that follow from the text alone.
TEXT_SIGNALS: Final = pa.schema(
    [SIGNALS.field(name) for name in (*DOCUMENT_METRICS, *_LINE_COLUMNS)]
)


def read_buffers(texts: pa.StringArray) -> tuple[Bytes, Offsets]:
    """View the bytes and offsets of an Arrow string array, without a copy.

    Args:
        texts: no nulls; may be a slice.

    Returns:
        (data, offsets): text i is ``data[offsets[i]:offsets[i + 1]]``. Read-only.

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    if texts.type != pa.string() or texts.null_count:
        raise SchemaError(f"texts are {texts.type} with {texts.null_count} nulls, not string")
    try:
        # Neither Parquet nor IPC readers check this, and the kernels rely on it.
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        raise SchemaError(f"texts are damaged: {error}") from error
    _, offset_buffer, data_buffer = texts.buffers()
    data = np.frombuffer(data_buffer or b"", np.uint8)
    if offset_buffer is None or offset_buffer.size == 0:
        offsets = np.zeros(1, np.int32)
    else:
        offsets = np.frombuffer(offset_buffer, np.int32)
        offsets = offsets[texts.offset : texts.offset + len(texts) + 1]
    # numba compiles once for read-only arrays; a buffer may be writable.
    data.flags.writeable = False
    offsets.flags.writeable = False
    return data, offsets


@numba.njit(cache=True, nogil=True)
def _count_lines(data: Bytes, offsets: Offsets) -> Offsets:
    """Give the offsets of each document's lines: one more than its newlines."""
    line_offsets = np.zeros(offsets.size, np.int32)
    for row in range(offsets.size - 1):
        newlines = 0
        for position in range(offsets[row], offsets[row + 1]):
            newlines += data[position] == NEWLINE
        line_offsets[row + 1] = line_offsets[row] + newlines + 1
    return line_offsets


@numba.njit(cache=True, nogil=True)
def _measure_batch(
    data: Bytes,
    offsets: Offsets,
    line_offsets: Offsets,
    classes: ClassTable,
    columns: LineColumns,
    word_ends: Places,
) -> npt.NDArray[np.float64]:
    """Measure every document; returns its metrics, shape (n, metrics)."""
    count = offsets.size - 1
    metrics = np.zeros((count, len(DOCUMENT_METRICS)), np.float64)
    longest = 0
    for row in range(count):
        longest = max(longest, offsets[row + 1] - offsets[row])
    # Words of one byte are a byte apart; words that touch take two bytes or more.
    words = new_words(longest // 2 + 2)
    lookups = Lookups(classes, word_ends)
    board = np.zeros(BOARD_SIZE, np.int64)
    table = new_table(1024)
    for row in range(count):
        table = reserve_table(table, 2 * (line_offsets[row + 1] - line_offsets[row]))
        bounds = (np.int64(offsets[row]), np.int64(offsets[row + 1]), np.int64(line_offsets[row]))
        scan_document(data, bounds, lookups, board, words, table, columns)
        word_count = board[WORDS]
        write_quality(board, words.char_ends[word_count], metrics[row])
        table = reserve_table(table, word_count)
        write_ngrams(words, word_count, table, metrics[row])
    return metrics


def measure(texts: pa.StringArray) -> pa.RecordBatch:
    r"""Measure a batch of documents.

    Args:
        texts: n texts, no nulls; may be a slice. Lines are split at ``\n`` alone, so a
            text has one line more than newlines.

    Returns:
        n rows of `TEXT_SIGNALS`: metrics float64; per line its flags (uint8), its
        words without citations and its sentences (uint16, 65,535 standing for more).

    Raises:
        SchemaError: the array is not of type string, holds nulls or is not UTF-8.
    """
    data, offsets = read_buffers(texts)
    line_offsets = _count_lines(data, offsets)
    line_count = int(line_offsets[-1])
    columns = LineColumns(
        np.empty(line_count, np.uint8),
        np.empty(line_count, np.uint16),
        np.empty(line_count, np.uint16),
    )
    word_ends = find_word_ends(data, offsets)
    metrics = _measure_batch(data, offsets, line_offsets, class_table(), columns, word_ends)
    by_metric = np.ascontiguousarray(metrics.T)
    ends = pa.array(line_offsets)
    arrays = [pa.array(column) for column in by_metric]
    arrays += [pa.ListArray.from_arrays(ends, pa.array(column)) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=TEXT_SIGNALS)


def warm_up() -> None:
    """Compile or load every kernel of `measure`, so that no document pays for it."""
    measure(pa.array(["Word word. {lorem ipsum}\n\n[1] http://x 漢字", ""], pa.string()))


# kernels of: 2284a1d2af82b534
