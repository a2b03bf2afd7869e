"""Arrow columns of 16-byte ids as integers that NumPy can sort.

NumPy's own byte strings drop trailing zero bytes, so ids are compared as two
big-endian halves.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.identity import ID_BYTES
from gristmill.schemas.tables import ID


class RankedIds(NamedTuple):
    """Distinct ids and where they occur.

    Attributes:
        ids: Arrow `binary(16)`, ascending, distinct.
        ranks: shape (n,), int64: row of each input in `ids`, so ranks order as ids do.
    """

    ids: pa.Array
    ranks: npt.NDArray[np.int64]


def split_ids(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """View ids as big-endian halves.

    Args:
        ids: Arrow `binary(16)` without nulls; may be a slice.

    Returns:
        Shape (n, 2), uint64 in native byte order; rows order as the ids do.

    Raises:
        ValueError: for another type, or for nulls.
    """
    if ids.type != ID:
        raise ValueError(f"ids have type {ids.type}, not {ID}")
    if ids.null_count:
        raise ValueError(f"{ids.null_count} of {len(ids)} ids are null")
    if not len(ids):
        return np.empty((0, 2), dtype=np.uint64)
    data = np.frombuffer(ids.buffers()[1], dtype=np.uint8)[ids.offset * ID_BYTES :]
    halves = data[: len(ids) * ID_BYTES].view(">u8").reshape(-1, 2)
    return halves.astype(np.uint64)


def join_ids(halves: npt.NDArray[np.uint64]) -> pa.Array:
    """Turn halves, shape (n, 2), back into an Arrow `binary(16)` column."""
    data = np.ascontiguousarray(halves.astype(">u8"))
    return pa.FixedSizeBinaryArray.from_buffers(ID, len(halves), [None, pa.py_buffer(data)])


def rank_ids(ids: pa.Array) -> RankedIds:
    """Number ids densely in their byte order.

    Args:
        ids: Arrow `binary(16)` without nulls; may be a slice and may repeat.

    Raises:
        ValueError: for another type, or for nulls.
    """
    halves = split_ids(ids)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    ranks = np.empty(len(ordered), dtype=np.int64)
    ranks[order] = np.cumsum(is_new) - 1
    return RankedIds(join_ids(ordered[is_new]), ranks)
