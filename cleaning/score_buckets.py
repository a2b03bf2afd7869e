"""Scores to decisions: rounding, percentile edges, buckets and thresholds.

A score is stored rounded to a grid of decimals, and every limit that is made here lies
halfway between two points of that grid. So no noise in the last bits of a stored score,
no change between float32 and float64 and no order of adding up flips a decision.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.schemas.errors import SchemaError

Floats = npt.NDArray[np.floating]

#: A probability or log-ratio is rounded to this many decimals.
SCORE_DECIMALS: Final = 4
#: A perplexity is rounded to this many (cc_net, `perplexity.py`).
PERPLEXITY_DECIMALS: Final = 1
#: Nemotron-CC cuts the scores of its classifiers into this many buckets (arXiv:2412.02595).
BUCKETS: Final = 20


class Threshold(NamedTuple):
    """A limit on a score, and the share of the given scores that reach it."""

    value: float
    keep_rate: float


def round_scores(scores: Floats, decimals: int = SCORE_DECIMALS) -> npt.NDArray[np.float32]:
    """Round scores to the grid on which they are stored; NaN stays NaN."""
    return np.round(np.asarray(scores, np.float64), decimals).astype(np.float32)


def _grid(scores: Floats, decimals: int) -> npt.NDArray[np.float64]:
    """Number the grid points of scores, sorted; what is not finite is left out."""
    values = np.asarray(scores, np.float64)
    return np.sort(np.rint(values[np.isfinite(values)] * 10.0**decimals))


def _halfway(point: float, decimals: int) -> float:
    """Give the limit right below a grid point, as the shortest decimal."""
    return round((float(point) - 0.5) / 10.0**decimals, decimals + 1)


def choose_threshold(scores: Floats, keep_rate: float, decimals: int = SCORE_DECIMALS) -> Threshold:
    """Find the limit that the wanted share of scores reaches, as near as ties allow.

    Args:
        scores: (n,), n >= 1; rounded here.
        keep_rate: share wanted, between 0 and 1.
        decimals: of the grid.

    Returns:
        The limit, between two points of the grid, and the share at or above it. Of two
        limits that are equally near, the one that keeps more.

    Raises:
        SchemaError: the share is not between 0 and 1, or there is no finite score.
    """
    if not 0 < keep_rate < 1:
        raise SchemaError(f"keep rate {keep_rate} is not between 0 and 1")
    points = _grid(scores, decimals)
    if not points.size:
        raise SchemaError("a threshold needs at least one score that is a number")
    values, first = np.unique(points, return_index=True)
    kept = 1.0 - first / points.size
    best = int(np.argmin(np.abs(kept - keep_rate)))
    return Threshold(_halfway(values[best], decimals), float(kept[best]))


def percentile_edges(
    scores: Floats, buckets: int = BUCKETS, decimals: int = SCORE_DECIMALS
) -> tuple[float, ...]:
    """Cut scores into buckets of equal share.

    Returns:
        At most ``buckets - 1`` rising limits, each between two points of the grid. Where
        many scores are equal, limits fall together and are given once, so that a bucket
        may hold more than its share and there are fewer of them.

    Raises:
        SchemaError: there is no finite score.
    """
    points = _grid(scores, decimals)
    if not points.size:
        raise SchemaError("percentiles need at least one score that is a number")
    places = np.arange(1, buckets) * points.size // buckets
    edges = (_halfway(point, decimals) for point in np.unique(points[places]) if point > points[0])
    return tuple(edges)


def assign_buckets(scores: Floats, edges: Sequence[float]) -> npt.NDArray[np.uint8]:
    """Count the edges that each score reaches: bucket 0 lies below the first; NaN too.

    Args:
        scores: (n,), rounded.
        edges: rising, at most 255.
    """
    values = np.asarray(scores, np.float64)
    found = np.searchsorted(np.asarray(edges, np.float64), values, side="right")
    # NaN sorts above everything; a text that says nothing belongs to the lowest bucket.
    return np.where(np.isnan(values), 0, found).astype(np.uint8)
