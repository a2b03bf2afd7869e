"""Lists of bad words: their files read, their entries in the two readings that are counted.

No list comes with the package. LDNOOBW's are what C4 used; Surge AI's gives a severity to
each entry.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from gristmill.cleaning.pinned_lists import MAX_LINE_CHARS, read_list, split_lines, strip_entries
from gristmill.schemas.errors import InputError
from gristmill.schemas.list_files import WordList

#: What an entry weighs in a list without severities.
PLAIN_SEVERITY: Final = 1.0

#: Entries that mC4 leaves out since they are common within words (Xue et al. 2021,
#: arXiv:2010.11934; TFDS `c4.py`): each alone would drop over 10 % of its language.
C4_ALLOWED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "ja": frozenset({"sm", "\u30b0\u30ed", "\u5973\u306e\u5b50"}),
        "zh": frozenset({"\u6027"}),
    }
)

_TEXT: Final = "text"
_SEVERITY: Final = "severity_rating"
_SPACING: Final = re.compile(r"[\s\-\u2010\u2011]+")

Weighted = tuple[tuple[str, float], ...]


class WordEntries(NamedTuple):
    """A list as read: its entries as they are written, each with a severity.

    `refused`: lines that hold no entry, by reason of `pinned_lists.strip_entries`, or no
    severity that is a finite number from 0 on.
    """

    language: str
    entries: Weighted
    refused: int


def read_word_list(spec: WordList) -> WordEntries:
    """Read a list whose bytes are those of its pin.

    Raises:
        InputError: see `pinned_lists.read_list`; or a CSV lacks its columns, or no entry
            is left.
    """
    text = read_list(spec)
    if spec.kind == "entries":
        lines, refused = strip_entries(split_lines(text))
        entries = tuple((line, PLAIN_SEVERITY) for line in lines)
    else:
        entries, refused = _read_severities(text, spec.path)
    if not entries:
        raise InputError(f"list {spec.path} has no entry that can be used ({refused} refused)")
    return WordEntries(spec.language, entries, refused)


def _read_severities(text: str, path: str) -> tuple[Weighted, int]:
    """Read a CSV of words and their severities."""
    # No field of an entry spans lines, so a stray quotation mark costs its own line alone.
    rows = (_read_row(line) for line in split_lines(text) if line.strip())
    header = next(rows, [])
    if _TEXT not in header or _SEVERITY not in header:
        raise InputError(
            f"list {path} begins with {header[:8]}, not with the names of its columns, of "
            f"which it needs {_TEXT} and {_SEVERITY}; a plain list is of kind: entries"
        )
    places = header.index(_TEXT), header.index(_SEVERITY)
    entries: list[tuple[str, float]] = []
    refused = 0
    for row in rows:
        fields = [row[place] if place < len(row) else "" for place in places]
        stripped, _ = strip_entries(fields[:1])
        severity = _read_number(fields[1])
        if stripped and severity is not None:
            entries.append((stripped[0], severity))
        else:
            refused += 1
    return tuple(entries), refused


def _read_row(line: str) -> list[str]:
    if len(line) > 4 * MAX_LINE_CHARS:
        return []
    try:
        return next(csv.reader(io.StringIO(line)), [])
    except csv.Error:
        return []


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def fold_entry(entry: str) -> str:
    """Bring an entry into the form that is looked for: lower case, each spacing one space."""
    return _SPACING.sub(" ", entry.lower()).strip()


def merge_entries(lists: Iterable[WordEntries]) -> Mapping[str, Weighted]:
    """Join lists of one language and fold their entries; the higher severity stands.

    Returns:
        By language, entries in order, each once. One of spacing alone is left out.
    """
    merged: dict[str, dict[str, float]] = {}
    for found in lists:
        words = merged.setdefault(found.language, {})
        for entry, severity in found.entries:
            folded = fold_entry(entry)
            if folded:
                words[folded] = max(severity, words.get(folded, 0.0))
    return {language: tuple(sorted(words.items())) for language, words in merged.items()}


def list_c4_entries(lists: Iterable[WordEntries]) -> Mapping[str, frozenset[str]]:
    """Give the entries as C4 reads them, by language: as written, without those it allows."""
    return _take_allowed(lists, C4_ALLOWED)


def list_datatrove_entries(lists: Iterable[WordEntries]) -> Mapping[str, frozenset[str]]:
    """Give the entries as datatrove 0.10.1 reads them, by language.

    It takes what C4 allows in one language out of the lists of all: a defect, which can
    only keep documents that C4 drops.
    """
    lists = tuple(lists)
    everything = frozenset().union(*C4_ALLOWED.values())
    return _take_allowed(lists, {found.language: everything for found in lists})


def _take_allowed(
    lists: Iterable[WordEntries], allowed: Mapping[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    written: dict[str, frozenset[str]] = {}
    for found in lists:
        words = written.get(found.language, frozenset())
        written[found.language] = words | {entry for entry, _ in found.entries}
    return {
        language: words - allowed.get(language, frozenset()) for language, words in written.items()
    }


def read_word_lists(specs: Sequence[WordList]) -> tuple[WordEntries, ...]:
    """Read several lists, in their order; see `read_word_list`."""
    return tuple(read_word_list(spec) for spec in specs)
