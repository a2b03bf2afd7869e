"""What links and language variants of wikitext show."""

import re
from collections.abc import Set
from typing import Final

from gristmill.cleaning.wikitext_names import LANGUAGE_CODES

#: Longest name of a namespace.
_MAX_PREFIX_CHARS: Final = 40

# The name of a file, in a namespace that goes by a name that is not known.
_FILE_NAME: Final = re.compile(
    r"\.(?:jpe?g|png|svg|gif|tiff?|webp|og[agv]|webm|mp[34]|pdf|djvu|xcf|midi?|wav|flac)\s*\Z",
    re.IGNORECASE,
)

_VARIANT_KEY: Final = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8}){0,4}")

# Flags that let a variant be shown: as it is, raw, or with a description.
_SHOWING_FLAGS: Final = frozenset("ARD")


def is_hidden(target: str, dropped_prefixes: Set[str]) -> bool:
    """Tell whether a link shows no text: files, categories, other languages.

    Args:
        target: what stands before the link's first pipe.
        dropped_prefixes: lower-case namespace names.
    """
    prefix, colon, _ = target.partition(":")
    if not colon or len(prefix) > _MAX_PREFIX_CHARS:
        return False
    name = prefix.strip().replace("_", " ").lower()
    is_named = name in dropped_prefixes or name in LANGUAGE_CODES
    return is_named or (bool(name) and _FILE_NAME.search(target[-16:]) is not None)


def show_link(target: str, label: str | None) -> str:
    """Choose the text of a link: its label, or the target if there is none."""
    target = target.removeprefix(":")
    if label is None:
        return target.removeprefix("#")
    if label.strip():
        return label
    # The pipe trick: [[Help:Page (topic)|]] shows "Page".
    return target.rpartition(":")[2].partition(" (")[0].strip()


def show_variant(body: str) -> str:
    """Choose the first of the variants in ``-{ }-``, as in ``zh-hans:a; zh-hant:b``."""
    flags, bar, content = body.partition("|")
    if bar and len(flags) <= 8:
        if not _SHOWING_FLAGS & set(flags):
            return ""
        body = content
    key, colon, value = body.partition(";")[0].partition(":")
    return (value if colon and _VARIANT_KEY.fullmatch(key.strip()) else body).strip()
