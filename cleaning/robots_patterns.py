"""Path patterns of robots.txt (RFC 9309, 2.2.2), matched in time linear in the path.

Patterns without wildcards are looked up by their length in a table; those with wildcards
are matched piece by piece from the left, which is exact for ``*`` and never backtracks.
So a file made to be slow is no slower than its size.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import re2

#: Patterns with wildcards that are kept for an agent; the first ones count.
MAX_WILDCARDS: Final = 1000
_MAX_PATH_CHARS: Final = 8192
_ESCAPE: Final = re2.compile(r"%[0-9a-fA-F]{2}|[^\x21-\x7e]")
_UNRESERVED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


class Patterns(NamedTuple):
    """The rules for one agent; of two of the same length, allow wins."""

    plain: dict[str, bool]  # path to whether it is allowed
    lengths: tuple[int, ...]  # of the paths in `plain`, longest first
    wildcards: tuple[tuple[str, bool], ...]  # patterns, longest first


def build_patterns(rules: Iterable[tuple[str, bool]]) -> Patterns:
    """Lay out the rules for an agent.

    Args:
        rules: paths with ``*`` and a final ``$``, and whether they are allowed; those
            without a path say nothing. A path that lacks its slash is given one, since
            what its author meant is plain.
    """
    plain: dict[str, bool] = {}
    wildcards: dict[str, bool] = {}
    for path, is_allowed in rules:
        pattern = normalize_path(path)
        if not pattern:
            continue
        if not pattern.startswith(("/", "*")):
            pattern = "/" + pattern
        table = wildcards if "*" in pattern or pattern.endswith("$") else plain
        if pattern in table or table is plain or len(table) < MAX_WILDCARDS:
            table[pattern] = table.get(pattern, False) or is_allowed
    return Patterns(
        plain,
        tuple(sorted({*map(len, plain)}, reverse=True)),
        tuple(sorted(wildcards.items(), key=lambda rule: (-len(rule[0]), not rule[1], rule[0]))),
    )


def allow_path(patterns: Patterns, path: str) -> bool:
    """Say whether a path is allowed: by the longest pattern that matches, or by none.

    Args:
        patterns: for the agent that asks.
        path: path and query of an address, from its first slash on.
    """
    path = normalize_path(path) or "/"
    if path == "/robots.txt":
        return True
    length, allowed = 0, True
    for size in patterns.lengths:
        known = patterns.plain.get(path[:size]) if size <= len(path) else None
        if known is not None:
            length, allowed = size, known
            break
    for pattern, verdict in patterns.wildcards:
        if len(pattern) < length:
            break
        if match_pattern(pattern, path):
            return verdict or (allowed and len(pattern) == length)
    return allowed


def normalize_path(path: str) -> str:
    """Bring a path or pattern into the form in which they are compared.

    What is not visible ASCII is percent-encoded as UTF-8; escapes of letters, digits and
    ``-._~`` are undone, the digits of the others are in upper case.
    """
    path = path[:_MAX_PATH_CHARS]
    if path.isascii() and "%" not in path and " " not in path and path.isprintable():
        return path
    return str(_ESCAPE.sub(lambda found: _replace_escape(found.group(0)), path))


def _replace_escape(found: str) -> str:
    if len(found) == 3:
        char = chr(int(found[1:], 16))
        return char if char in _UNRESERVED else found.upper()
    return "".join(f"%{byte:02X}" for byte in found.encode("utf-8", "replace"))


def match_pattern(pattern: str, path: str) -> bool:
    """Match a path with ``*`` for any characters and a final ``$`` for its end.

    Each piece is taken where it occurs first; if any choice matches, this one does.

    Args:
        pattern: normal, as is the path.
        path: which need not be matched to its end unless the pattern says so.
    """
    anchored = pattern.endswith("$")
    first, *pieces = (pattern[:-1] if anchored else pattern).split("*")
    if not path.startswith(first):
        return False
    if not pieces:
        return not anchored or len(path) == len(first)
    index = len(first)
    last = pieces.pop() if anchored else ""
    for piece in pieces:
        index = path.find(piece, index)
        if index < 0:
            return False
        index += len(piece)
    return not anchored or (len(path) - len(last) >= index and path.endswith(last))
