"""Patterns of object names, for stores, which cannot match them themselves."""

import re
from collections.abc import Iterable

_WILD = re.compile(r"[*?\[]")
_PIECE = re.compile(r"(\*|\?|\[!?[^\]]+\])")


def is_pattern(text: str) -> bool:
    """Whether a name, or a part of one, has wild cards."""
    return _WILD.search(text) is not None


def match_names(names: Iterable[str], pattern: str) -> list[str]:
    """Names that match a pattern, sorted: ``*``, ``?`` and ``[…]`` end at a slash, ``**`` not."""
    *folders, last = pattern.split("/")
    pieces = ["(?:[^/]+/)*" if part == "**" else _translate(part) + "/" for part in folders]
    pieces.append("(?:[^/]+/)+" if last == "**" else _translate(last) + "/")
    compiled = re.compile("".join(pieces))
    return sorted(name for name in names if compiled.fullmatch(name + "/"))


def _translate(part: str) -> str:
    """One part of a pattern as a regular expression."""
    return "".join(
        _translate_wild(piece) if index % 2 else re.escape(piece)
        for index, piece in enumerate(_PIECE.split(part))  # every other one is a wild card
    )


def _translate_wild(piece: str) -> str:
    if piece in "*?":
        return "[^/]" + "*" * (piece == "*")
    letters = piece[1:-1].removeprefix("!").replace("\\", "\\\\").replace("^", "\\^")
    letters = letters.replace("[", "\\[")
    return f"[^/{letters}]" if piece[1] == "!" else f"(?!/)[{letters}]"
