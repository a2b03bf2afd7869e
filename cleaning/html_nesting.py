"""The open elements of a page, counted as a parser would nest them.

Its tree rules follow the HTML standard closely enough not to count elements that close
themselves (``<p>``, ``<li>``, ``<br>``). Numba code; see `html_bytes`.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_bytes import Hashes, find_kind, inlined
from gristmill.cleaning.html_elements import (
    BARRIER,
    DD,
    DT,
    KINDS,
    LI,
    MATH,
    NAMES,
    SLOT_MASK,
    SLOTS,
    SVG,
    P,
)

MAX_DEPTH: Final = 2000  # 0.08 s in resiliparse, which is quadratic in it


class Nesting(NamedTuple):
    """The elements that are open.

    Attributes:
        stack: hashes of their names, the outermost first, shape (`MAX_DEPTH` + 2,).
        opened: how many of them hash to each slot, shape (`SLOTS`,); zeros at first.
    """

    stack: Hashes
    opened: npt.NDArray[np.int64]


def make_nesting() -> Nesting:
    """Make room for the open elements of one page."""
    return Nesting(np.empty(MAX_DEPTH + 2, np.uint64), np.zeros(SLOTS, np.int64))


@inlined
def is_foreign(nesting: Nesting) -> bool:
    """Say whether an SVG or MathML element is open."""
    return bool(nesting.opened[SVG & SLOT_MASK] + nesting.opened[MATH & SLOT_MASK] > 0)


@inlined
def open_element(nesting: Nesting, depth: int, name: np.uint64) -> int:
    """Push an element; p, li and dd take the place of the one before. Returns the depth."""
    stack, opened = nesting
    if name == DT:
        name = DD
    if name in (P, LI, DD):
        if depth and stack[depth - 1] == P:
            depth -= 1
            opened[P & SLOT_MASK] -= 1
        if depth and stack[depth - 1] == name:
            return depth
    stack[depth] = name
    opened[name & SLOT_MASK] += 1
    return depth + 1


@inlined
def close_element(nesting: Nesting, depth: int, name: np.uint64) -> int:
    """Pop up to the open element of a name, if one is open this side of a barrier."""
    stack, opened = nesting
    if name == DT:
        name = DD
    if not opened[name & SLOT_MASK]:
        return depth
    target = depth - 1
    is_barrier = find_kind(NAMES, KINDS, name) == BARRIER
    while target >= 0 and stack[target] != name:
        if not is_barrier and find_kind(NAMES, KINDS, stack[target]) == BARRIER:
            return depth
        target -= 1
    if target < 0:
        return depth
    for index in range(target, depth):
        opened[stack[index] & SLOT_MASK] -= 1
    return target
