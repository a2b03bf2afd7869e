"""What the scan of a page has to know about HTML elements, laid out for lookup by hash."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

HASH_START: Final = np.uint64(14695981039346656037)  # FNV-1a, 64 bits
HASH_PRIME: Final = np.uint64(1099511628211)
SLOTS: Final = 1024
SLOT_MASK: Final = np.uint64(SLOTS - 1)

# What the scan has to know about elements; the others nest, and their text is markup.
RAW_TEXT: Final = 1  # their text is no markup (HTML standard, 13.2.5)
FLAT: Final = 2  # without content, or never nested without a container around
BARRIER: Final = 3  # an end tag inside does not reach across
_ELEMENTS: Final = {
    RAW_TEXT: "script style textarea title xmp iframe noembed noframes",
    FLAT: "area base br col embed hr img input link meta param source track wbr frame keygen"
    " tr td th option optgroup thead tbody tfoot colgroup html head body",
    BARRIER: "table template object marquee applet",
}


def hash_element(name: str) -> np.uint64:
    """Hash the name of an element, in lower case: FNV-1a, 64 bits."""
    value = int(HASH_START)
    for byte in name.encode("ascii"):
        value = (value ^ byte) * int(HASH_PRIME) % 2**64
    return np.uint64(value)


def tabulate_names(
    groups: Mapping[int, str],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """Lay names out by the low bits of their hashes; each has the next free slot.

    Args:
        groups: names by their kind, apart by spaces.

    Returns:
        Hashes and kinds, shape (`SLOTS`,), zeros where there is none.
    """
    names = np.zeros(SLOTS, np.uint64)
    kinds = np.zeros(SLOTS, np.uint8)
    for kind, group in groups.items():
        for name in map(hash_element, group.split()):
            slot = int(name) % SLOTS
            while names[slot] and names[slot] != name:
                slot = (slot + 1) % SLOTS
            names[slot], kinds[slot] = name, kind
    return names, kinds


NAMES, KINDS = tabulate_names(_ELEMENTS)
# Elements that the next of their kind closes: p, li, and dd, which stands for dt too.
P, LI, DD, DT = map(hash_element, ("p", "li", "dd", "dt"))
# Only inside these does a slash at the end of a tag close an element.
SVG, MATH = map(hash_element, ("svg", "math"))
