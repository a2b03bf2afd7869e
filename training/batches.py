"""Batches of packed rows as numpy arrays, how ranks share them, and the thread that reads ahead."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

#: Label of a position that is no target; what PyTorch's cross entropy ignores.
IGNORED_LABEL: Final = -100


@dataclass(frozen=True)
class Batch:
    """Rows of one optimizer step, or one rank's share of them; b rows of T positions.

    `doc_ids` numbers the segments of a row from 1; 0 is padding. Attention is
    meant to stay within equal numbers.
    """

    input_ids: Ints  # (b, T)
    labels: Ints  # (b, T): the token after each position, or IGNORED_LABEL
    position_ids: Ints  # (b, T): from 0 at each segment's start
    doc_ids: Ints  # (b, T)
    n_tokens: Ints  # (b,): tokens of the row, the one after its last position included
    n_bytes: Ints  # (b,): UTF-8 bytes of the documents that start in the row
    rows: Ints  # (b,): row numbers in the plan, so that a step can be traced
    end_position: int  # order position after the global batch that this is a share of

    @property
    def target_count(self) -> int:
        """Positions with a label."""
        return int(np.count_nonzero(self.labels != IGNORED_LABEL))

    @property
    def token_count(self) -> int:
        """Tokens of all rows, without padding."""
        return int(self.n_tokens.sum())


class PackedRows(NamedTuple):
    """Rows as they are packed: tokens, and the pieces of documents that they are of."""

    tokens: Ints  # (b, T + 1): a row's segments one after the other, then anything
    row_ptr: Ints  # (b + 1,): row i holds segments row_ptr[i]:row_ptr[i + 1]
    lengths: Ints  # (s,): tokens of each segment, at most T + 1 a row
    n_bytes: Ints  # (b,): see `Batch`


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill_rows(
    tokens: Ints,
    row_ptr: Ints,
    lengths: Ints,
    input_ids: Ints,
    labels: Ints,
    position_ids: Ints,
    doc_ids: Ints,
) -> None:
    width = tokens.shape[1] - 1
    for row in range(row_ptr.shape[0] - 1):
        at = 0
        for segment in range(row_ptr[row], row_ptr[row + 1]):
            end = at + lengths[segment]
            inputs = min(end, width)  # a full row's last token is a label only
            number = segment - row_ptr[row] + 1
            for place in range(at, inputs):
                input_ids[row, place] = tokens[row, place]
                position_ids[row, place] = place - at
                doc_ids[row, place] = number
            for place in range(at, end - 1):
                labels[row, place] = tokens[row, place + 1]
            if end <= width and end > at:
                labels[row, end - 1] = IGNORED_LABEL
            at = end
        for place in range(at, width):
            input_ids[row, place] = 0
            position_ids[row, place] = 0
            doc_ids[row, place] = 0
            labels[row, place] = IGNORED_LABEL


def assemble_batch(packed: PackedRows, rows: Ints, end_position: int) -> Batch:
    """Turn rows of T + 1 tokens into inputs and labels.

    A position has a label only if the next token belongs to the same segment,
    so a segment's first token is never predicted from its neighbour
    (the default).

    Args:
        packed: b rows.
        rows: shape (b,): their numbers in the plan.
        end_position: see `Batch`.
    """
    shape = (packed.tokens.shape[0], packed.tokens.shape[1] - 1)
    input_ids, labels, position_ids, doc_ids = (np.empty(shape, dtype=np.int64) for _ in range(4))
    _fill_rows(*packed[:3], input_ids, labels, position_ids, doc_ids)
    laid = np.concatenate([[0], np.cumsum(packed.lengths)])
    n_tokens = np.diff(laid[packed.row_ptr]).astype(np.int64)
    return Batch(
        input_ids, labels, position_ids, doc_ids, n_tokens, packed.n_bytes, rows, end_position
    )


def split_batch(position: int, size: int, epoch_rows: int) -> tuple[int, int]:
    """Bounds of the global batch that starts at an order position.

    A batch never reaches over the end of an epoch: the last one of an epoch is
    shorter, and no row is dropped or seen twice.

    Args:
        position: rows delivered so far, over all epochs.
        size: rows of a full global batch.
        epoch_rows: rows of one epoch, at least 1.

    Returns:
        First position and the position after the last.
    """
    epoch_end = (position // epoch_rows + 1) * epoch_rows
    return position, min(position + size, epoch_end)


def share_batch(start: int, end: int, rank: int, world_size: int) -> Ints:
    """Order positions of one rank's slice of a global batch.

    Slices follow each other and differ by at most one row; with fewer rows
    than ranks some are empty.

    Raises:
        ValueError: rank is not in [0, world_size).
    """
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not in a world of {world_size}")
    count = end - start
    first = start + count * rank // world_size
    last = start + count * (rank + 1) // world_size
    return np.arange(first, last, dtype=np.int64)


def read_ahead(batches: Iterator[Batch], depth: int = 2) -> Iterator[Batch]:
    """Draw batches on one thread, at most `depth` ahead of the caller.

    An error in the thread is raised at the batch that it hit; closing this
    iterator ends the thread.
    """
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gristmill-read-ahead")
    try:
        pending = deque(reader.submit(next, batches, None) for _ in range(depth))
        while (batch := pending.popleft().result()) is not None:
            pending.append(reader.submit(next, batches, None))
            yield batch
    finally:
        reader.shutdown(wait=True, cancel_futures=True)
