"""What a classifier is worth, from held-out scores: AUC with interval, precision, calibration.

Every number follows from scores, labels and a seed alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.score_buckets import choose_threshold
from gristmill.schemas.errors import SchemaError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]

#: Resamples of a bootstrap, and the share of them that an interval covers.
RESAMPLES: Final = 1000
COVERAGE: Final = 0.95
#: How far the kept share of another sample may lie from the wanted one.
KEEP_TOLERANCE: Final = 0.005
_THRESHOLDS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
_CALIBRATION_BINS: Final = 10


class Interval(NamedTuple):
    """A figure with the bounds of its interval."""

    value: float
    low: float
    high: float


def _sum_ranks(
    weights: Floats, positives: Labels, group_starts: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """AUC of weighted scores that lie sorted, equal ones a group; weights (..., n)."""
    ups = np.add.reduceat(weights * positives, group_starts, axis=-1)
    downs = np.add.reduceat(weights * ~positives, group_starts, axis=-1)
    below = np.cumsum(downs, axis=-1) - downs
    wins = (ups * (below + 0.5 * downs)).sum(axis=-1)
    total: npt.NDArray[np.float64] = wins / (ups.sum(axis=-1) * downs.sum(axis=-1))
    return total


def measure_auc(scores: Floats, positives: Labels, seed: int = 0) -> Interval:
    """Area under the ROC curve: how often a positive outscores a negative; ties are half.

    Args:
        scores: (n,) finite.
        positives: (n,), with at least one of each.
        seed: of the bootstrap.

    Returns:
        The area, with its 95 % interval by a bootstrap within positives and negatives.

    Raises:
        SchemaError: there are no positives or no negatives.
    """
    order = np.argsort(scores, kind="stable")
    found, ups = scores[order], positives[order]
    if ups.all() or not ups.any():
        raise SchemaError(f"an AUC needs positives and negatives; {int(ups.sum())} of {ups.size}")
    starts = np.flatnonzero(np.r_[True, found[1:] != found[:-1]])
    value = float(_sum_ranks(np.ones(found.size), ups, starts))
    rng = np.random.default_rng(seed)
    places = (np.flatnonzero(ups), np.flatnonzero(~ups))
    drawn = []
    for _ in range(RESAMPLES):
        weights = np.zeros(found.size)
        for place in places:
            chosen = rng.integers(0, place.size, place.size)
            weights[place] = np.bincount(chosen, minlength=place.size)
        drawn.append(float(_sum_ranks(weights, ups, starts)))
    low, high = np.quantile(drawn, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(value, float(low), float(high))


def tabulate_thresholds(
    scores: Floats, positives: Labels, thresholds: Sequence[float] = _THRESHOLDS
) -> list[dict[str, float]]:
    """Precision, recall and kept share at some thresholds; precision of nothing is 0."""
    rows = []
    for threshold in thresholds:
        kept = scores >= threshold
        hits = int((kept & positives).sum())
        rows.append(
            {
                "threshold": threshold,
                "precision": _round(hits / max(1, int(kept.sum()))),
                "recall": _round(hits / max(1, int(positives.sum()))),
                "kept": _round(float(kept.mean())),
            }
        )
    return rows


def tabulate_calibration(probabilities: Floats, positives: Labels) -> list[dict[str, float]]:
    """Compare the mean score of each tenth of the range with the share of positives in it."""
    bins = np.minimum((probabilities * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    rows = []
    for place in range(_CALIBRATION_BINS):
        inside = bins == place
        if inside.any():
            rows.append(
                {
                    "from": place / _CALIBRATION_BINS,
                    "documents": int(inside.sum()),
                    "mean_score": _round(float(probabilities[inside].mean())),
                    "positive_share": _round(float(positives[inside].mean())),
                }
            )
    return rows


def check_threshold(chosen: Floats, others: Floats, keep_rate: float) -> dict[str, Any]:
    """Choose a threshold on some scores, and see what it keeps of others.

    Args:
        chosen: scores on which the threshold is chosen.
        others: scores that had no part in that.
        keep_rate: share wanted.

    Returns:
        The threshold; its kept share on both; whether that on the others is within
        `KEEP_TOLERANCE` of the wanted one; and the standard error that the sizes of the
        two samples alone give that figure.
    """
    threshold = choose_threshold(chosen, keep_rate)
    kept = float((others >= threshold.value).mean()) if others.size else float("nan")
    spread = keep_rate * (1 - keep_rate) * (1 / chosen.size + 1 / max(1, others.size))
    return {
        "keep_rate": keep_rate,
        "threshold": threshold.value,
        "chosen_on": {"documents": int(chosen.size), "kept": _round(threshold.keep_rate)},
        "checked_on": {"documents": int(others.size), "kept": _round(kept)},
        "standard_error": _round(spread**0.5),
        "within_tolerance": bool(abs(kept - keep_rate) <= KEEP_TOLERANCE),
        "tolerance": KEEP_TOLERANCE,
    }


def compare_ranking(
    scores: Floats, lengths: Floats, positives: Labels, seed: int = 0
) -> Mapping[str, Any]:
    """AUC of the scores beside that of length in characters; a coin's is 0.5."""
    return {
        "model": _describe(measure_auc(scores, positives, seed)),
        "length": _describe(measure_auc(lengths, positives, seed)),
        "coin": 0.5,
    }


def _describe(interval: Interval) -> dict[str, float]:
    return {name: _round(value) for name, value in interval._asdict().items()}


def _round(value: float) -> float:
    return round(value, 4)
