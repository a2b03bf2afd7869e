"""How alike two shingle sets are, counted exactly on sorted hashes."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def count_common(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], least: int) -> int:
    """Count the hashes that two ascending, distinct sets share.

    Args:
        left: one set.
        right: the other set.
        least: stop, with a smaller count, once this many are out of reach.
    """
    spare_left, spare_right = len(left) - least, len(right) - least
    i = j = common = 0
    while i < len(left) and j < len(right):
        # Three sums instead of three branches: which set advances is unpredictable.
        a, b = left[i], right[j]
        common += a == b
        i += a <= b
        j += b <= a
        if i - common > spare_left or j - common > spare_right:
            break
    return common


@numba.njit(cache=True, nogil=True)
def divide_common(common: int, left: int, right: int, is_containment: bool) -> float:
    """Turn set sizes into Jaccard similarity or containment; 0 where nothing is shared."""
    whole = min(left, right) if is_containment else left + right - common
    return common / whole if whole else 0.0


def jaccard(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> float:
    """Compute ``|A ∩ B| / |A ∪ B|`` of two ascending, distinct sets; 0 if both are empty."""
    return float(divide_common(count_common(left, right, 0), len(left), len(right), False))


def containment(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> float:
    """Compute ``|A ∩ B| / min(|A|, |B|)`` of two ascending, distinct sets; 0 if one is empty."""
    return float(divide_common(count_common(left, right, 0), len(left), len(right), True))


@numba.njit(cache=True, nogil=True)
def match_sets(
    earlier: npt.NDArray[np.uint64],
    later: npt.NDArray[np.uint64],
    is_containment: bool,
    min_similarity: float,
) -> float:
    """Measure whether the later document of a pair may go in favour of the earlier one.

    Args:
        earlier: set of the document that comes first in keep order.
        later: set of the other one.
        is_containment: containment instead of Jaccard; then the later set must not be
            larger, or text would be lost.
        min_similarity: what is required.

    Returns:
        The similarity, or 0 where it is below what is required.
    """
    if is_containment and len(later) > len(earlier):
        return 0.0
    # What the sets must share at least; one less leaves the rounding to the division.
    if is_containment:
        least = int(min_similarity * len(later)) - 1
    else:
        least = int(min_similarity / (1 + min_similarity) * (len(earlier) + len(later))) - 1
    if least > len(later) or least > len(earlier):
        return 0.0
    common = count_common(earlier, later, least)
    similarity = divide_common(common, len(earlier), len(later), is_containment)
    return similarity if similarity >= min_similarity else 0.0
