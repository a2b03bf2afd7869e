r"""Bad words as scores: how many a text holds, how many of its words, how severe.

A score, never a cut by default. C4's blocklist dropped 42 % of the documents in African
American English and 6 % of those in White-aligned English (Dodge et al. 2021,
arXiv:2104.08758): a word says who speaks more often than whether they are hateful.

The reference reading compares in lower case, takes any white space or hyphens between the
words of a phrase, and knows where words end in every script. C4's reading is the regular
expression ``(?:\W|^)(entries)(?:\W|$)`` over the text in lower case, and the entries alone
in Japanese, Thai and Chinese; its defects stay as they are: an entry with a capital letter
is never found, and words of Indic scripts end at every vowel sign.

For toxicity by a classifier give any fastText model as a quality model: its score is a
column like these, and a bound on it is the policy's.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.word_borders import (
    BorderTable,
    c4_borders,
    open_borders,
    reference_borders,
)
from gristmill.cleaning.word_lists import (
    PLAIN_SEVERITY,
    WordEntries,
    list_c4_entries,
    list_datatrove_entries,
    merge_entries,
    read_word_lists,
)
from gristmill.cleaning.word_matcher import Matcher, compile_matcher
from gristmill.cleaning.word_scan import (
    COLUMNS,
    COUNT,
    COVERED_WORDS,
    DISTINCT,
    SEVERITY,
    WORDS,
    WORST,
    match_texts,
)
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.list_files import WordList

#: What `BadWords.measure` returns, float64; NaN where no list is of the text's language.
#: Matches; different entries; words of matches over all words; sum of the severities of
#: matches, and the highest; matches in the readings of C4 (TFDS) and of datatrove 0.10.1,
#: both of which drop at one.
BAD_WORDS: Final = pa.schema(
    [
        pa.field(name, pa.float64(), nullable=False)
        for name in (
            "bad_word_count",
            "bad_words_distinct",
            "bad_word_fraction",
            "bad_word_severity",
            "bad_word_worst_severity",
            "bad_word_count@c4",
            "bad_word_count@datatrove",
        )
    ]
)

#: Rule tables by name; none is in force unless a recipe names it.
TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "bad_words@c4": (Bound("bad_word_count@c4", max=0),),
        "bad_words@datatrove": (Bound("bad_word_count@datatrove", max=0),),
    }
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad_words@c4": "Raffel et al. 2020, arXiv:1910.10683, section 2.2; TFDS text/c4_utils.py",
        "bad_words@datatrove": "datatrove 0.10.1, pipeline/filters/c4_filters.py",
    }
)

#: Languages in which C4 asks for no border around an entry.
_C4_UNBROKEN: Final = frozenset({"ja", "th", "zh"})
#: What lower case makes of these depends on their neighbours, or is two characters.
_SPECIAL_CASING: Final = ("\u0130", "\u03a3")


class _Reading(NamedTuple):
    """A list as one reading has it."""

    borders: BorderTable
    matcher: Matcher
    loose: bool


class _Readings(NamedTuple):
    reference: _Reading
    c4: _Reading
    datatrove: _Reading | None  # None: the same as C4's


class BadWords:
    """Lists of bad words made ready; read-only.

    Args:
        lists: one or more; several of one language are joined.
        fallback: language whose list is used for texts in a language without one; None:
            nothing is said about those.

    Raises:
        InputError: a list is missing, not the one that was pinned, or empty.
        SchemaError: no list is of the fallback language.
    """

    def __init__(self, lists: Sequence[WordList], *, fallback: str | None = None) -> None:
        entries = read_word_lists(lists)
        self._readings = _make_readings(entries)
        if fallback is not None and fallback not in self._readings:
            raise SchemaError(
                f"no list is of the fallback language {fallback!r}; "
                f"there are lists of {sorted(self._readings)}"
            )
        self._fallback = fallback
        self._refused = tuple(found.refused for found in entries)

    @property
    def refused(self) -> tuple[int, ...]:
        """Lines of each list that could not be used."""
        return self._refused

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that have a list."""
        return tuple(sorted(self._readings))

    def measure(
        self, texts: pa.StringArray, languages: pa.StringArray | None = None
    ) -> pa.RecordBatch:
        """Count the bad words of each text.

        Args:
            texts: n texts, no nulls; may be a slice.
            languages: n codes, which may be null; None: all are of the fallback language,
                or else of the only one that has a list.

        Returns:
            n rows of `BAD_WORDS`.

        Raises:
            SchemaError: the texts are no strings, or there are more or fewer languages.
        """
        read_buffers(texts)
        texts = _settle_casing(texts)
        data, offsets = read_buffers(texts)
        by_column = np.full((len(BAD_WORDS), len(texts)), np.nan)
        for language, rows in self._group_rows(len(texts), languages).items():
            readings = self._readings[language]
            found = _match(readings.reference, data, offsets, rows)
            words = np.maximum(found[rows, WORDS], 1.0)  # matches alone can hold no word
            c4 = _match(readings.c4, data, offsets, rows)[rows, COUNT]
            by_column[:, rows] = (
                found[rows, COUNT],
                found[rows, DISTINCT],
                found[rows, COVERED_WORDS] / words,
                found[rows, SEVERITY],
                found[rows, WORST],
                c4,
                c4
                if readings.datatrove is None
                else _match(readings.datatrove, data, offsets, rows)[rows, COUNT],
            )
        return pa.RecordBatch.from_arrays(list(map(pa.array, by_column)), schema=BAD_WORDS)

    def _group_rows(
        self, count: int, languages: pa.StringArray | None
    ) -> Mapping[str, npt.NDArray[np.int64]]:
        """Give the rows that each list is for."""
        if languages is None:
            single = self._fallback or (self.languages[0] if len(self._readings) == 1 else None)
            return {} if single is None else {single: np.arange(count)}
        if len(languages) != count:
            raise SchemaError(f"there are {count} texts, but {len(languages)} languages")
        coded = languages.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        names = coded.dictionary.to_pylist()
        chosen = np.array(
            [name if name in self._readings else self._fallback or "" for name in names]
            + [self._fallback or ""],
            dtype=object,
        )[codes]
        groups = {name: np.flatnonzero(chosen == name) for name in self._readings}
        return {name: rows for name, rows in groups.items() if rows.size}


def _make_readings(lists: Sequence[WordEntries]) -> Mapping[str, _Readings]:
    c4, datatrove = list_c4_entries(lists), list_datatrove_entries(lists)
    return {
        language: _Readings(
            _Reading(reference_borders(), compile_matcher(words, reference_borders()), True),
            _read_as_c4(language, c4[language]),
            _read_as_c4(language, datatrove[language])
            if datatrove[language] != c4[language]
            else None,
        )
        for language, words in merge_entries(lists).items()
    }


def _read_as_c4(language: str, entries: Iterable[str]) -> _Reading:
    borders = open_borders() if language in _C4_UNBROKEN else c4_borders()
    weighted = [(entry, PLAIN_SEVERITY) for entry in sorted(entries)]
    return _Reading(borders, compile_matcher(weighted, borders), False)


def _settle_casing(texts: pa.StringArray) -> pa.StringArray:
    """Write in lower case the texts for which a table of characters cannot do it."""
    special = np.zeros(len(texts), np.bool_)
    for character in _SPECIAL_CASING:
        special |= pc.match_substring(texts, character).to_numpy(zero_copy_only=False)
    if not special.any():
        return texts
    mask = pa.array(special)
    lowered = pa.array([text.lower() for text in texts.filter(mask).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, mask, lowered)


def _match(
    reading: _Reading,
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    found = np.zeros((offsets.size - 1, COLUMNS))
    match_texts(data, offsets, rows, reading.borders, reading.matcher, reading.loose, found)
    return found


def warm_up() -> None:
    """Compile or load every kernel of `BadWords.measure`."""
    borders = reference_borders()
    reading = _Reading(borders, compile_matcher([("a b", 1.0), ("$", 1.0)], borders), True)
    data, offsets = read_buffers(pa.array(["a b $c"], pa.string()))
    _match(reading, data, offsets, np.arange(1))
