"""Rules on lines: which lines of a text stay, and what that says about the page.

They read line facts, never text, so that another rule can be tried on stored signals.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import (
    LINE_BLANK,
    LINE_CURLY_BRACKET,
    LINE_JAVASCRIPT,
    LINE_LONG_WORD,
    LINE_LOREM_IPSUM,
    LINE_POLICY_PHRASE,
    LINE_TERMINAL_MARK,
)

#: So many short lines in a row may stand above a kept line: a title and a subtitle, no menu.
HEADINGS_IN_A_ROW: Final = 2

_NO_HEADING: Final = (
    LINE_LONG_WORD | LINE_JAVASCRIPT | LINE_POLICY_PHRASE | LINE_LOREM_IPSUM | LINE_CURLY_BRACKET
)


@dataclasses.dataclass(frozen=True, slots=True)
class LineRule:
    """One reading of the line rules of C4.

    A line goes if it has a word of more than 1,000 characters, lacks a terminal mark
    where one is needed, has too few words, or mentions JavaScript or a policy. The page
    goes if one of its other lines holds "lorem ipsum" or ``{``, if no line stays, or if
    those that stay have too few sentences.

    Attributes:
        min_words: fewest words of a line, in reference words outside citations.
        min_sentences: fewest sentences of all lines that stay, headings not counted.
        needs_terminal_mark: whether a line must end in ``. ? ! "`` and not in ``...``
        keeps_structure: whether headings (lines with too few words, right above a line
            that stays) and blank lines between lines that stay are kept.
        removes_citations: whether ``[1]``, ``[edit]`` and ``[citation needed]`` are deleted.
    """

    min_words: int
    min_sentences: int
    needs_terminal_mark: bool
    keeps_structure: bool
    removes_citations: bool


#: By name. Raffel et al. 2020, arXiv:1910.10683, section 2.2, in the order of TFDS `c4_utils.py`.
LINE_RULES: Final[Mapping[str, LineRule]] = MappingProxyType(
    {
        "c4": LineRule(
            min_words=5,
            min_sentences=3,
            needs_terminal_mark=True,
            keeps_structure=False,
            removes_citations=True,
        ),
        # The default: same numbers, no terminal mark, nothing flattened.
        "c4_structured": LineRule(
            min_words=5,
            min_sentences=3,
            needs_terminal_mark=False,
            keeps_structure=True,
            removes_citations=False,
        ),
    }
)


class LineFacts(NamedTuple):
    """Facts of the lines of n texts: text i has lines ``offsets[i]:offsets[i + 1]``."""

    offsets: npt.NDArray[np.int32]
    flags: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint16]
    sentences: npt.NDArray[np.uint16]


class LineVerdicts(NamedTuple):
    """What a line rule says.

    `kept` (lines,) bool; per text, (n,) int64: `kept_lines` without headings and blank
    lines, their `sentences`, and how many lines hold "lorem ipsum" or ``{``.
    """

    kept: npt.NDArray[np.bool_]
    kept_lines: npt.NDArray[np.int64]
    sentences: npt.NDArray[np.int64]
    lorem_ipsum: npt.NDArray[np.int64]
    curly_bracket: npt.NDArray[np.int64]


def read_facts(signals: pa.RecordBatch) -> LineFacts:
    """Take the line facts out of a batch of signals; it may be a slice.

    Raises:
        SchemaError: a column is missing, or the columns disagree on the number of lines.
    """
    names = ("line_flags", "line_words", "line_sentences")
    missing = set(names) - set(signals.schema.names)
    if missing:
        raise SchemaError(f"signals lack {sorted(missing)}; found {signals.schema.names}")
    columns = [signals.column(name) for name in names]
    offsets = [column.offsets.to_numpy() for column in columns]
    offsets = [ends - ends[0] if ends.size else np.zeros(1, np.int32) for ends in offsets]
    if not all(np.array_equal(offsets[0], other) for other in offsets):
        raise SchemaError("line_flags, line_words and line_sentences differ in length")
    flags, words, sentences = (_read_values(column) for column in columns)
    return LineFacts(offsets[0], flags, words, sentences)


def _read_values(column: pa.ListArray) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.flatten().to_numpy()
    # numba compiles once for read-only arrays; an empty one is writable.
    values.flags.writeable = False
    return values


@numba.njit(cache=True, nogil=True)
def _keep_headings(
    flags: npt.NDArray[np.uint8], kept: npt.NDArray[np.bool_], short: npt.NDArray[np.bool_]
) -> None:
    """Keep short lines right above kept lines, blank lines aside."""
    allowed = 0
    for line in range(flags.size - 1, -1, -1):
        if kept[line]:
            allowed = HEADINGS_IN_A_ROW
        elif not flags[line] & LINE_BLANK:
            heading = short[line] and allowed > 0 and not flags[line] & _NO_HEADING
            kept[line] = heading
            allowed = allowed - 1 if heading else 0


@numba.njit(cache=True, nogil=True)
def _keep_blanks(flags: npt.NDArray[np.uint8], kept: npt.NDArray[np.bool_]) -> None:
    """Keep the first run of blank lines between each two kept lines."""
    opened, run_start, run_end = False, -1, -1
    for line in range(flags.size):
        if kept[line]:
            if opened and run_start >= 0:
                kept[run_start:run_end] = True
            opened, run_start = True, -1
        elif flags[line] & LINE_BLANK:
            if run_start < 0:
                run_start, run_end = line, line + 1
            elif run_end == line:
                run_end = line + 1


@numba.njit(cache=True, nogil=True)
def _judge_lines(
    facts: LineFacts, min_words: int, drop_flags: int, structured: bool
) -> LineVerdicts:
    count = facts.offsets.size - 1
    kept = np.zeros(facts.flags.size, np.bool_)
    short = np.zeros(facts.flags.size, np.bool_)
    kept_lines, sentences = np.zeros(count, np.int64), np.zeros(count, np.int64)
    lorem_ipsum, curly_bracket = np.zeros(count, np.int64), np.zeros(count, np.int64)
    # A missing terminal mark is one more flag that drops a line.
    for row in range(count):
        start, end = facts.offsets[row], facts.offsets[row + 1]
        for line in range(start, end):
            flags = facts.flags[line] ^ LINE_TERMINAL_MARK
            short[line] = facts.words[line] < min_words
            if short[line] or flags & drop_flags:
                continue
            lorem_ipsum[row] += flags & LINE_LOREM_IPSUM != 0
            if flags & LINE_JAVASCRIPT:
                continue
            curly_bracket[row] += flags & LINE_CURLY_BRACKET != 0
            if not flags & LINE_POLICY_PHRASE:
                kept[line] = True
                kept_lines[row] += 1
                sentences[row] += facts.sentences[line]
        if structured:
            _keep_headings(facts.flags[start:end], kept[start:end], short[start:end])
            _keep_blanks(facts.flags[start:end], kept[start:end])
    return LineVerdicts(kept, kept_lines, sentences, lorem_ipsum, curly_bracket)


def judge_lines(facts: LineFacts, rule: LineRule) -> LineVerdicts:
    """Apply a line rule to the facts of n texts.

    ``{`` and "lorem ipsum" count on lines that the checks before them let pass, in the
    order of TFDS: long word, terminal mark, number of words, "lorem ipsum", JavaScript,
    ``{``, policy phrase.
    """
    terminal = LINE_TERMINAL_MARK if rule.needs_terminal_mark else 0
    drop_flags = LINE_BLANK | LINE_LONG_WORD | terminal
    verdicts: LineVerdicts = _judge_lines(facts, rule.min_words, drop_flags, rule.keeps_structure)
    return verdicts


def warm_up() -> None:
    """Compile or load the kernels of `judge_lines`."""
    no_lines = np.zeros(0, np.uint16)
    no_lines.flags.writeable = False
    flags = no_lines.astype(np.uint8)
    flags.flags.writeable = False
    judge_lines(
        LineFacts(np.zeros(1, np.int32), flags, no_lines, no_lines), LINE_RULES["c4_structured"]
    )


# kernels of: 723ba96ba7e97962
