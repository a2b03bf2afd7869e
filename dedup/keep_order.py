"""Which copy of a text stays: an order that the recipe declares.

"Keep the longest" alone picks worse copies (Marin PR 8114: 36 of 37 sampled removals
kept the worse, longer document), and "keep the first seen" depends on the run. Here the
recipe lists criteria; the smallest doc_id settles what they leave open, so that any
order of the input gives the same winners.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.id_columns import split_ids

#: Default order: source priority, quality, newest, longest, smallest doc_id.
DEFAULT_CRITERIA: Final = ("priority", "quality", "newest", "longest")

#: Quality scores are compared in these steps, so that noise in the last bits of a float
#: (another processor, another library) does not change winners.
QUALITY_STEPS: Final = 1000

_MISSING: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class KeepColumns:
    """What documents are ordered by, one row each.

    Attributes:
        doc_ids: Arrow `binary(16)`, distinct.
        priority: int64, of the source; the lower one stays. None: all alike.
        quality: float64; the higher one stays, NaN is the lowest. None: all alike.
        date: datetime64[s]; the newer one stays, NaT is the oldest. None: all alike.
        length: int64, in characters or words; the longer one stays. None: all alike.
    """

    doc_ids: pa.Array
    priority: npt.NDArray[np.int64] | None = None
    quality: npt.NDArray[np.float64] | None = None
    date: npt.NDArray[np.datetime64] | None = None
    length: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name in ("priority", "quality", "date", "length"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.doc_ids):
                raise ValueError(f"{name} has {len(column)} rows, doc_ids {len(self.doc_ids)}")


def _descend(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Reverse an order; unlike the negative, the complement cannot overflow."""
    return ~values


def _rank_priority(columns: KeepColumns) -> npt.NDArray[np.int64] | None:
    return None if columns.priority is None else columns.priority.astype(np.int64)


def _rank_quality(columns: KeepColumns) -> npt.NDArray[np.int64] | None:
    if columns.quality is None:
        return None
    known = ~np.isnan(columns.quality)
    # Beyond these bounds, infinities included, scores are equal: int64 holds them.
    bounded = np.clip(np.where(known, columns.quality, 0), -1e12, 1e12)
    steps = np.rint(bounded * QUALITY_STEPS).astype(np.int64)
    return _descend(np.where(known, steps, _MISSING))


def _rank_newest(columns: KeepColumns) -> npt.NDArray[np.int64] | None:
    if columns.date is None:
        return None
    # NaT is the smallest int64, hence the oldest.
    return _descend(columns.date.astype("datetime64[s]").astype(np.int64))


def _rank_longest(columns: KeepColumns) -> npt.NDArray[np.int64] | None:
    return None if columns.length is None else _descend(columns.length.astype(np.int64))


#: Criteria by the name that recipes use; each gives a column to sort ascending by.
CRITERIA: Final[Mapping[str, Callable[[KeepColumns], npt.NDArray[np.int64] | None]]] = (
    MappingProxyType(
        {
            "priority": _rank_priority,
            "quality": _rank_quality,
            "newest": _rank_newest,
            "longest": _rank_longest,
        }
    )
)


def sort_key(
    columns: KeepColumns, criteria: Sequence[str] = DEFAULT_CRITERIA
) -> npt.NDArray[np.int64]:
    """Order documents from the one to keep first to the one to give up first.

    Args:
        columns: what is known of n documents.
        criteria: names in `CRITERIA`, the most important first; doc_id always comes last.

    Returns:
        Shape (n,), int64: rows in keep order.

    Raises:
        ValueError: for a criterion that does not exist.
    """
    unknown = [name for name in criteria if name not in CRITERIA]
    if unknown:
        raise ValueError(f"no criterion {unknown[0]!r}; there are {', '.join(CRITERIA)}")
    halves = split_ids(columns.doc_ids)
    ranked = [CRITERIA[name](columns) for name in criteria]
    keys = [*(key for key in ranked if key is not None), halves[:, 0], halves[:, 1]]
    return np.lexsort(keys[::-1]).astype(np.int64)
