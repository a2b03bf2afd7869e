"""Which members of a cluster go, each in favour of a winner that it verifiably matches.

No removal by transitivity: in a chain A ~ B ~ C where A and C differ, C stays although B
goes. Members are walked in keep order; a member goes only if it matches a member that
stays already, so a cluster may keep several winners.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.dedup.components import union
from gristmill.dedup.verification import rank_order

#: Stands for "no winner".
NO_WINNER = -1


class Resolution(NamedTuple):
    """What becomes of members.

    Attributes:
        winners: shape (n,), int64: the row that a loser goes for, else `NO_WINNER`.
        similarity: shape (n,), float64: of a loser with its winner, else 0.
        is_exact: shape (n,), bool: the loser's text equals its winner's.
    """

    winners: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    is_exact: npt.NDArray[np.bool_]


@numba.njit(cache=True, nogil=True)
def _pick_winner(
    start: int,
    end: int,
    targets: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float64],
    kept: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> int:
    """Pick the edge to the most similar kept text; of equals the earlier in keep order."""
    best = NO_WINNER
    for edge in range(start, end):
        row = kept[targets[edge]]
        if row == NO_WINNER:
            continue
        if best == NO_WINNER or similarities[edge] > similarities[best]:
            best = edge
        elif similarities[edge] < similarities[best]:
            continue
        elif places[row] < places[kept[targets[best]]]:
            best = edge
    return best


@numba.njit(cache=True, nogil=True)
def _walk_members(
    order: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    eligible: npt.NDArray[np.bool_],
    texts: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    targets: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    winners = np.full(len(order), NO_WINNER)
    found = np.zeros(len(order), dtype=np.float64)
    is_exact = np.zeros(len(order), dtype=np.bool_)
    kept = np.full(len(order), NO_WINNER)  # by text: the member that stays
    for member in order:
        if not eligible[member]:
            continue
        text = texts[member]
        if kept[text] != NO_WINNER:
            winners[member], found[member], is_exact[member] = kept[text], 1.0, True
            continue
        edge = _pick_winner(starts[text], starts[text + 1], targets, similarities, kept, places)
        if edge == NO_WINNER:
            kept[text] = member
        else:
            winners[member], found[member] = kept[targets[edge]], similarities[edge]
    return winners, found, is_exact


def _direct_pairs(
    pairs: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    texts: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    one_way: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Turn near pairs into edges from the text that may go; edges of text t are a run.

    Returns:
        Bounds of the runs, shape (n + 1,); texts that the edges lead to; similarities.
    """
    is_turned = places[pairs[:, 0]] > places[pairs[:, 1]]
    earlier = texts[np.where(is_turned, pairs[:, 1], pairs[:, 0])]
    later = texts[np.where(is_turned, pairs[:, 0], pairs[:, 1])]
    sources, targets, measured = later, earlier, similarity.astype(np.float64)
    if not one_way:
        sources, targets = np.concatenate([later, earlier]), np.concatenate([earlier, later])
        measured = np.concatenate([measured, measured])
    by_source = np.argsort(sources, kind="stable")
    starts = np.searchsorted(sources[by_source], np.arange(len(places) + 1))
    return starts.astype(np.int64), targets[by_source], measured[by_source]


def resolve_cluster(
    order: npt.NDArray[np.int64],
    eligible: npt.NDArray[np.bool_],
    pairs: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    is_exact: npt.NDArray[np.bool_],
    *,
    one_way: bool = False,
) -> Resolution:
    """Decide who goes for whom, in one cluster or in many at once.

    Members with equal texts share their matches: what is verified of one of them holds
    for all, also when policy drops that one.

    Args:
        order: shape (n,), int64: members in keep order.
        eligible: shape (n,), bool: members that policy keeps. The others neither win nor
            lose.
        pairs: shape (k, 2), int64: verified pairs, see
            `gristmill.dedup.verification.VerifiedPairs`.
        similarity: shape (k,), float64.
        is_exact: shape (k,), bool.
        one_way: only the member that is later in keep order may go; for containment.
            `order` must then be the one that the pairs were verified with.

    Raises:
        ValueError: if lengths differ or `order` is no permutation.
    """
    if len(eligible) != len(order) or not len(pairs) == len(similarity) == len(is_exact):
        raise ValueError(
            f"order of {len(order)} and {len(eligible)} members; {len(pairs)} pairs, "
            f"{len(similarity)} similarities, {len(is_exact)} marks"
        )
    places = rank_order(order)
    texts = union(pairs[is_exact], len(order))
    near = ~is_exact
    edges = _direct_pairs(pairs[near], similarity[near], texts, places, one_way)
    return Resolution(*_walk_members(order, places, eligible, texts, *edges))


# kernels of: c790d132ffebbfe4
