"""What a page and its response reserve: signals against the training of models.

Only what is already in the record is read; nothing is asked of any server. The
vocabulary is closed, and each value says where the signal stood:

- ``noai``, ``noimageai``: directives in ``X-Robots-Tag`` or ``<meta name="robots">``,
  for all crawlers or for one by name;
- ``tdm-reservation``: the reservation of text and data mining (TDMRep) is 1;
- ``tdm-policy``: a policy under which mining may be licensed;
- ``train-ai``: the ``Content-Usage`` header says n of train-ai, or of ai-train.

``noindex``, ``nofollow``, ``noarchive`` and ``nosnippet`` are none of these: they speak of
search results, stand on pages for reasons such as duplicates and paging, and would mark
a large part of the web.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import re2

SIGNALS: Final = frozenset(
    {
        *(f"{place}:{name}" for place in ("header", "meta") for name in ("noai", "noimageai")),
        *(f"{place}:tdm-{name}" for place in ("header", "meta") for name in ("policy", "reservation")),
        "header:train-ai",
    }
)  # fmt: skip
_MAX_CHARS: Final = 8192
_HEADERS: Final = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage")
_DIRECTIVE: Final = re2.compile(r"(?i)(?:^|[\s,;:])(noai|noimageai)(?:$|[\s,;:])")
_TRAINING: Final = re2.compile(
    r"(?i)(?:^|[\s,;])(?:train-ai|ai-train)\s*=\s*\"?(?:n|no|\?0)(?:$|[\s,;\"])"
)


def read_headers(headers: Mapping[str, str] | None) -> set[str]:
    """Find the signals in the headers of a response, whose names are in lower case."""
    found: set[str] = set()
    if not headers or not any(name in headers for name in _HEADERS):
        return found
    found |= read_directives(headers.get("x-robots-tag", ""), "header")
    if is_reserved(headers.get("tdm-reservation", "")):
        found.add("header:tdm-reservation")
    if headers.get("tdm-policy", "").strip():
        found.add("header:tdm-policy")
    if _TRAINING.search(headers.get("content-usage", "")[:_MAX_CHARS]):
        found.add("header:train-ai")
    return found


def read_directives(value: str, place: str) -> set[str]:
    """Find the signals among the directives for robots, such as ``gptbot: noindex, noai``.

    Args:
        value: of the header, joined by commas where repeated, or of the meta element.
        place: ``header`` or ``meta``.
    """
    # A separator may end one directive and begin the next, so each has its own.
    spread = value[:_MAX_CHARS].replace(",", ",,").replace(" ", "  ")
    return {f"{place}:{name.lower()}" for name in _DIRECTIVE.findall(spread)}


def is_reserved(value: str) -> bool:
    """Say whether the value of a TDM reservation is 1; a header may be repeated."""
    return "1" in (part.strip() for part in value[:_MAX_CHARS].split(","))


def sort_signals(signals: Iterable[str]) -> tuple[str, ...]:
    """Bring signals into the order of the column."""
    return tuple(sorted(set(signals)))
