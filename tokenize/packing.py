"""Pack documents into rows of a fixed capacity.

A plan says which segments of which documents make up each row; tokens stay where
they are, so one token shard serves any sequence length and strategy.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.tokenize.bestfit import cut_documents, fit_segments, group_by_row, sort_segments

#: Rises whenever any strategy would give another plan for the same lengths.
PACKING_VERSION: Final = 1

#: Longest row; best fit keeps 8 bytes for each place of one.
MAX_CAPACITY: Final = 1 << 24

Lengths = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Plan:
    """r rows made of s segments.

    Attributes:
        row_ptr: int64, shape (r + 1,); row i holds segments row_ptr[i]..row_ptr[i + 1] - 1.
        documents: uint32, shape (s,): document of each segment.
        starts: uint32, shape (s,): its first token in the document.
        lengths: uint32, shape (s,): its tokens, at least one.
    """

    row_ptr: npt.NDArray[np.int64]
    documents: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.uint32]
    lengths: npt.NDArray[np.uint32]

    @property
    def n_rows(self) -> int:
        """Number of rows r."""
        return len(self.row_ptr) - 1

    def row_lengths(self) -> npt.NDArray[np.int64]:
        """Count the tokens of each row, shape (r,)."""
        before = np.zeros(len(self.lengths) + 1, dtype=np.int64)
        np.cumsum(self.lengths, dtype=np.int64, out=before[1:])
        return np.diff(before[self.row_ptr])


@dataclass(frozen=True)
class PlanSummary:
    """How well a plan packs.

    Attributes:
        rows: number of rows.
        tokens: tokens in them.
        padding_fraction: share of the rows' places that hold no token.
        split_documents: documents in more than one segment.
        avoidable_splits: those that would have fitted in one row.
        segments_per_row: mean.
    """

    rows: int
    tokens: int
    padding_fraction: float
    split_documents: int
    avoidable_splits: int
    segments_per_row: float


def plan_bestfit_split(lengths: npt.ArrayLike, capacity: int) -> Plan:
    """Pack by best fit, losing no token and splitting only documents longer than a row.

    Ding et al. 2024 (arXiv:2404.10830), with the pieces of long documents kept:

    1. Document i is cut at 0, C, 2C, … into segments of `capacity` C and a remainder.
    2. Segments are sorted by (length, document, start), all descending.
    3. Each goes to the open row with the smallest free capacity that holds it, the
       last pushed among equals, or opens a row.

    Rows keep the order of opening, segments the order of being placed.

    Args:
        lengths: tokens of each document, shape (n,), 0..2**31-1. Empty ones get no segment.
        capacity: places of a row, 1..2**24.

    Raises:
        ValueError: an argument is out of range.
    """
    checked = _require_lengths(lengths, capacity)
    documents, starts, sizes = cut_documents(checked, capacity)
    order = sort_segments(sizes, capacity)
    rows, n_rows = fit_segments(sizes[order], capacity)
    by_row, row_ptr = group_by_row(rows, n_rows)
    chosen = order[by_row]
    return _make_plan(row_ptr, documents[chosen], starts[chosen], sizes[chosen])


def plan_concat(lengths: npt.ArrayLike, capacity: int) -> Plan:
    """Concatenate all documents in order and cut every `capacity` tokens.

    Args:
        lengths: as in `plan_bestfit_split`.
        capacity: as in `plan_bestfit_split`.

    Returns:
        A plan whose rows are full, but for the last.

    Raises:
        ValueError: an argument is out of range.
    """
    checked = _require_lengths(lengths, capacity)
    ends = np.cumsum(checked, dtype=np.int64)
    total = int(ends[-1]) if ends.size else 0
    cuts = np.union1d(ends - checked, np.arange(0, total, capacity, dtype=np.int64))
    cuts = cuts[cuts < total]
    documents = np.searchsorted(ends, cuts, side="right")
    sizes = np.diff(cuts, append=total)
    row_ptr = np.searchsorted(cuts, np.arange(0, total, capacity, dtype=np.int64))
    starts = cuts - (ends - checked)[documents]
    return _make_plan(np.append(row_ptr, len(cuts)), documents, starts, sizes)


def plan_single_doc(lengths: npt.ArrayLike, capacity: int) -> Plan:
    """Give each document rows of its own, cut at 0, C, 2C, …: for evaluation.

    Args:
        lengths: as in `plan_bestfit_split`.
        capacity: as in `plan_bestfit_split`.

    Raises:
        ValueError: an argument is out of range.
    """
    documents, starts, sizes = cut_documents(_require_lengths(lengths, capacity), capacity)
    return _make_plan(np.arange(len(sizes) + 1, dtype=np.int64), documents, starts, sizes)


def join_plans(plans: list[Plan], first_documents: npt.ArrayLike) -> Plan:
    """Put plans one after another, counting documents on.

    Args:
        plans: p plans, each with documents counted from 0.
        first_documents: shape (p,): ordinal that document 0 of each plan gets.
    """
    firsts = np.asarray(first_documents, dtype=np.int64)
    pointers, documents, base = [np.zeros(1, dtype=np.int64)], [], 0
    for plan, first in zip(plans, firsts.tolist(), strict=True):
        pointers.append(plan.row_ptr[1:] + base)
        documents.append(plan.documents.astype(np.int64) + first)
        base += len(plan.documents)
    empty = [np.empty(0, dtype=np.int64)]
    return _make_plan(
        np.concatenate(pointers),
        np.concatenate([*empty, *documents]),
        np.concatenate([*empty, *(plan.starts for plan in plans)]),
        np.concatenate([*empty, *(plan.lengths for plan in plans)]),
    )


def summarise_plan(plan: Plan, lengths: npt.ArrayLike, capacity: int) -> PlanSummary:
    """Measure a plan.

    Args:
        plan: to measure.
        lengths: tokens of each document, shape (n,).
        capacity: places of a row.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    pieces = np.bincount(plan.documents, minlength=len(sizes))
    tokens = int(plan.lengths.sum(dtype=np.int64))
    places = plan.n_rows * capacity
    return PlanSummary(
        rows=plan.n_rows,
        tokens=tokens,
        padding_fraction=1 - tokens / places if places else 0.0,
        split_documents=int((pieces > 1).sum()),
        avoidable_splits=int(((pieces > 1) & (sizes <= capacity)).sum()),
        segments_per_row=len(plan.documents) / plan.n_rows if plan.n_rows else 0.0,
    )


def _require_lengths(lengths: npt.ArrayLike, capacity: int) -> Lengths:
    array = np.asarray(lengths)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"lengths must be integers of one dimension, not {array.dtype}")
    if not 1 <= capacity <= MAX_CAPACITY:
        raise ValueError(f"capacity={capacity} is not in 1..{MAX_CAPACITY}")
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < 1 << 31:
        raise ValueError(f"lengths {array.min()}..{array.max()} are not in 0..2**31-1")
    return np.ascontiguousarray(array, dtype=np.int32)


def _make_plan(
    row_ptr: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> Plan:
    if documents.size and int(documents.max()) >= 1 << 32:
        raise ValueError(f"document {documents.max()} does not fit 32 bits")
    return Plan(
        np.asarray(row_ptr, dtype=np.int64),
        documents.astype(np.uint32),
        starts.astype(np.uint32),
        sizes.astype(np.uint32),
    )
