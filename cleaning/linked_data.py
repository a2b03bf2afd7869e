"""Author, dates and licence from the JSON-LD that a page describes itself with."""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import re2

#: Longest script that is read, and how many nodes of one are looked at; search engines
#: get by with a few kilobytes, and longer scripts are lists of products.
MAX_SCRIPT_BYTES: Final = 64 << 10
_MAX_NODES: Final = 500
_MAX_AUTHORS: Final = 8
_DECODER: Final = json.JSONDecoder(strict=False)
#: What hides a script from older browsers and XML parsers.
_WRAPPER: Final = re2.compile(r"^\s*(?:(?://|/\*)?\s*(?:<!\[CDATA\[|<!--)\s*(?:\*/)?\s*)?")
_KEYS: Final = (b'"author"', b'"datePublished"', b'"license"')
#: What a page is about, best first; other types (a comment, a product in a list, the
#: site) describe parts of it or their surroundings.
_WORKS: Final = ("article", "posting", "report", "recipe", "qapage", "howto", "book", "course")
_PAGES: Final = ("webpage", "creativework", "webcontent", "videoobject", "page")
#: Where the nodes of a document are; other values are nodes of something else.
_PATHS: Final = ("@graph", "mainEntity", "mainEntityOfPage", "itemReviewed", "hasPart")


class Statements(NamedTuple):
    """What the best node of a script says, as written."""

    author: str | None = None
    published: str | None = None
    modified: str | None = None
    licence: str | None = None
    headline: str | None = None


def read_statements(raw: bytes) -> Statements:
    """Read one script of JSON-LD; total.

    The node that counts is the first article or the like; the page itself where there
    is none. What it lacks, a later one does not add, but for authors given by ``@id``.
    """
    if len(raw) > MAX_SCRIPT_BYTES or not any(key in raw for key in _KEYS):
        return Statements()
    text = raw.decode("utf-8", "replace")
    wrapped = _WRAPPER.match(text)
    try:
        root, _ = _DECODER.raw_decode(text, wrapped.end() if wrapped else 0)
    except (ValueError, RecursionError):
        return Statements()
    nodes = list(_walk_nodes(root))
    best = min(nodes, key=_rank_node, default=None)
    if best is None or _rank_node(best) > 1:
        return Statements()
    names = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    return Statements(
        ", ".join(_name_authors(best.get("author"), names)) or None,
        _read_text(best.get("datePublished")) or _read_text(best.get("dateCreated")),
        _read_text(best.get("dateModified")),
        _read_link(best.get("license")),
        _read_text(best.get("headline")),
    )


def _walk_nodes(root: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes that describe the document, in its order, without recursion."""
    queue = [root]
    seen = 0
    while queue and seen < _MAX_NODES:
        node = queue.pop(0)
        seen += 1
        if isinstance(node, list):
            queue[:0] = node[:_MAX_NODES]
        elif isinstance(node, dict):
            yield node
            queue[:0] = [node[path] for path in _PATHS if isinstance(node.get(path), dict | list)]


def _rank_node(node: dict[str, Any]) -> int:
    kinds = node.get("@type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        name = kind.lower() if isinstance(kind, str) else ""
        if name.endswith(_WORKS):
            return 0
        if name.endswith(_PAGES):
            return 1
    return 2


def _name_authors(value: Any, nodes: dict[str, dict[str, Any]]) -> list[str]:
    """Name the authors of a work: text, nodes with a name, or lists of either."""
    authors: list[str] = []
    for author in value[:_MAX_AUTHORS] if isinstance(value, list) else [value]:
        if isinstance(author, dict):
            identity = author.get("@id")
            if "name" not in author and isinstance(identity, str):
                author = nodes.get(identity, author)
            author = author.get("name")
        if isinstance(author, list) and author:
            author = author[0]
        if isinstance(author, str) and author.strip() and author not in authors:
            authors.append(author)
    return authors


def _read_text(value: Any) -> str | None:
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else None


def _read_link(value: Any) -> str | None:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("url") or value.get("@id")
    return value if isinstance(value, str) else None
