"""Splits by hash of doc_id: a document never moves, whatever else is added or removed."""

import numpy as np
import numpy.typing as npt

from gristmill.schemas.recipe import Splits

SPLITS = ("train", "validation", "test")


def assign_splits(ids: npt.NDArray[np.uint8], splits: Splits) -> npt.NDArray[np.int8]:
    """Assign each document to a split by the second half of its id.

    The first half decides the published order, so the two are independent.

    Args:
        ids: doc_ids, shape (n, 16).
        splits: shares held out.

    Returns:
        Shape (n,), index into `SPLITS`.
    """
    tail = np.ascontiguousarray(ids[:, 8:]).view(">u8").ravel()
    place = (tail >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    assigned = np.zeros(len(ids), np.int8)
    assigned[place < splits.validation + splits.test] = 2
    assigned[place < splits.validation] = 1
    return assigned
