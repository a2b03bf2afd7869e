r"""What datatrove's C4 filter leaves of a text: the lines that stay, without citations.

For a text to keep, not for signals: `gristmill.cleaning.dialects.datatrove.measure`
says, for the page as a whole, what this loses. Blank lines and headings of one or two
words go, and indentation with them; lines are joined by ``\n``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import re2

from gristmill.cleaning.dialects.datatrove_c4 import FEWEST_WORDS, LONGEST_WORD

# As Python's ``\d`` in a pattern of characters: decimal digits of any script.
_CITATION: Final = re2.compile(r"\[\p{Nd}*\]|\[edit\]|\[citation needed\]")
_ENDS: Final = (".", "?", "!", '"', "'")
_POLICIES: Final = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)


def _filter_line(line: str, needs_end: bool) -> str | None:
    """Give what is left of a line; None if it goes."""
    words = line.split()
    if len(words) < FEWEST_WORDS or any(len(word) > LONGEST_WORD for word in words):
        return None
    left: str = _CITATION.sub("", line.strip())
    if needs_end and (not left.endswith(_ENDS) or left.endswith("...")):
        return None
    lowered = left.lower()
    if "javascript" in lowered or any(policy in lowered for policy in _POLICIES):
        return None
    return left


def filter_lines(text: str) -> str:
    """Give the lines that stay by the rules of C4, as datatrove reads them."""
    lines = (_filter_line(line, needs_end=True) for line in text.splitlines())
    return "\n".join(line for line in lines if line is not None).strip()


def filter_lines_loosely(text: str) -> str:
    """Give the lines that stay if they may end in anything: so FineWeb ran it."""
    lines = (_filter_line(line, needs_end=False) for line in text.splitlines())
    return "\n".join(line for line in lines if line is not None).strip()


LINE_FILTERS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"c4@datatrove": filter_lines_loosely, "c4_terminal@datatrove": filter_lines}
)
