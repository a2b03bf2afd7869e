"""Words in addresses, counted: the strict, hard and soft lists of FineWeb and DCLM.

RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix G.1) drops an address with one
strict word anywhere, one hard word, or two soft words. Here they are counted; a bound on
a column is the rule. No list comes with the package.

A word is a run of ASCII letters and digits, in any case. datatrove 0.10.1 brings its lists
into lower case but not the address, so it misses words with capitals; and an entry without
letters and digits becomes the empty word, which every address has that ends in a slash.
Its reading has columns of its own.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.character_classes import TABLE_SIZE
from gristmill.cleaning.pinned_lists import read_list, split_lines, strip_entries
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.word_borders import INSIDE_WORD, BorderTable, open_borders
from gristmill.cleaning.word_matcher import Matcher, compile_matcher
from gristmill.cleaning.word_scan import COLUMNS, DISTINCT, match_texts
from gristmill.schemas.list_files import UrlWordList

#: What `UrlWords.measure` returns, float64: how many different words of each kind of list
#: an address holds; NaN where there is no address or no such list.
URL_WORDS: Final = pa.schema(
    [
        pa.field(name, pa.float64(), nullable=False)
        for name in (
            "url_strict_words",
            "url_hard_words",
            "url_soft_words",
            "url_hard_words@datatrove",
            "url_soft_words@datatrove",
        )
    ]
)
#: Rule tables by name: no strict and no hard word, and at most one soft word.
TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "url_words": (
            Bound("url_strict_words", max=0),
            Bound("url_hard_words", max=0),
            Bound("url_soft_words", max=1),
        ),
        "url_words@datatrove": (
            Bound("url_hard_words@datatrove", max=0),
            Bound("url_soft_words@datatrove", max=1),
            Bound("url_strict_words", max=0),
        ),
    }
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "url_words": "Penedo et al. 2023 (RefinedWeb), arXiv:2306.01116, appendix G.1",
        "url_words@datatrove": "datatrove 0.10.1, pipeline/filters/url_filter.py",
    }
)

_WHOLE: Final = ("hard", "soft")
_BETWEEN_WORDS: Final = "[^a-zA-Z0-9]+"
_NOT_IN_WORDS: Final = re.compile(_BETWEEN_WORDS)
#: Where splitting at what stands between words leaves an empty word.
_EMPTY_WORD: Final = "^[^a-zA-Z0-9]|[^a-zA-Z0-9]$|^$"


def _make_borders(lower: bool) -> BorderTable:
    """Tabulate ASCII letters and digits as words, in lower case or as they are."""
    table = np.arange(TABLE_SIZE + 1, dtype=np.uint32)
    for code in range(128):
        if chr(code).isalnum():
            table[code] = np.uint32(ord(chr(code).lower()) if lower else code) | INSIDE_WORD
    table.flags.writeable = False
    return table


class UrlWords:
    """Lists of words made ready; read-only.

    Args:
        lists: any number; those of one kind are joined.

    Raises:
        InputError: see `pinned_lists.read_list`.
    """

    def __init__(self, lists: Sequence[UrlWordList]) -> None:
        words: dict[str, set[str]] = {}
        refused = []
        self._empty: set[str] = set()
        for spec in lists:
            found = read_url_words(spec)
            words.setdefault(spec.kind, set()).update(found.words)
            refused.append(found.refused)
            if found.has_empty:
                self._empty.add(spec.kind)
        self._refused = tuple(refused)
        self._borders = {True: _make_borders(True), False: _make_borders(False)}
        self._matchers: Mapping[str, Matcher] = MappingProxyType(
            {
                kind: compile_matcher(
                    [(word, 1.0) for word in sorted(entries)],
                    open_borders() if kind == "strict" else self._borders[True],
                )
                for kind, entries in words.items()
            }
        )

    @property
    def refused(self) -> tuple[int, ...]:
        """Lines of each list that could not be used."""
        return self._refused

    def measure(self, urls: pa.StringArray) -> pa.RecordBatch:
        """Count the words of each kind in each address.

        Args:
            urls: n addresses, which may be null.

        Returns:
            n rows of `URL_WORDS`. Of strict words that overlap one counts.
        """
        missing = pc.is_null(urls).to_numpy(zero_copy_only=False)
        filled = pc.fill_null(urls, "")
        columns = [self._count("strict", _join_words(filled), open_borders())]
        columns += [self._count(kind, filled, self._borders[True]) for kind in _WHOLE]
        for kind in _WHOLE:
            columns.append(self._count(kind, filled, self._borders[False]))
            if kind in self._empty:
                found = pc.match_substring_regex(filled, _EMPTY_WORD)
                columns[-1] = columns[-1] + found.to_numpy(zero_copy_only=False)
        arrays = [pa.array(np.where(missing, np.nan, column)) for column in columns]
        return pa.RecordBatch.from_arrays(arrays, schema=URL_WORDS)

    def _count(
        self, kind: str, urls: pa.StringArray, borders: BorderTable
    ) -> npt.NDArray[np.float64]:
        matcher = self._matchers.get(kind)
        if matcher is None:
            return np.full(len(urls), np.nan)
        data, offsets = read_buffers(urls)
        found = np.zeros((len(urls), COLUMNS))
        match_texts(data, offsets, np.arange(len(urls)), borders, matcher, False, found)
        return found[:, DISTINCT]


def _join_words(urls: pa.StringArray) -> pa.StringArray:
    """Take everything but ASCII letters and digits out of addresses."""
    return pc.ascii_lower(pc.replace_substring_regex(urls, _BETWEEN_WORDS, ""))


class UrlWordEntries(NamedTuple):
    """A list as read: its entries in lower case, letters and digits alone.

    `has_empty`: whether one has none of these. `refused`: lines without a usable entry.
    """

    words: tuple[str, ...]
    has_empty: bool
    refused: int


def read_url_words(spec: UrlWordList) -> UrlWordEntries:
    """Read a list whose bytes are those of its pin; lines that begin with ``#`` are comments.

    Raises:
        InputError: see `pinned_lists.read_list`.
    """
    lines, refused = strip_entries(split_lines(read_list(spec)))
    folded = [_NOT_IN_WORDS.sub("", line).lower() for line in lines if not line.startswith("#")]
    words = tuple(word for word in folded if word)
    return UrlWordEntries(words, "" in folded, refused + len(folded) - len(words))
