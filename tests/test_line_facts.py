"""What single lines show: golden cases of the flags (V11, V12, V15, V18, V20)."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import text_signals
from gristmill.schemas import tables
from gristmill.schemas.tables import (
    LINE_BLANK,
    LINE_CURLY_BRACKET,
    LINE_ELLIPSIS,
    LINE_JAVASCRIPT,
    LINE_LONG_WORD,
    LINE_LOREM_IPSUM,
    LINE_POLICY_PHRASE,
    LINE_TERMINAL_MARK,
)


def measure_line(line):
    (row,) = text_signals.measure(pa.array([line], pa.string())).to_pylist()
    return row


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("", LINE_BLANK),
        (" \t\u3000", LINE_BLANK),
        ("It ends.", LINE_TERMINAL_MARK),
        ("Does it end? ", LINE_TERMINAL_MARK),
        ('He said "yes"', LINE_TERMINAL_MARK),
        ("He said “yes”", 0),  # V18
        ("He said 'yes'", 0),  # V12
        ("It goes on...", LINE_ELLIPSIS),  # V11
        ("It goes on…", LINE_ELLIPSIS),
        ("It goes on.. .", LINE_TERMINAL_MARK),
        ("Cited.[1]", LINE_TERMINAL_MARK),
        ("Cited.[1][22] [edit][citation needed] ", LINE_TERMINAL_MARK),
        ("Cited...[3]", 0),
        ("No citation.[x]", 0),
        ("[1]", 0),
        ("Enable JavaScript", LINE_JAVASCRIPT),
        ("nojavascripthere.", LINE_JAVASCRIPT | LINE_TERMINAL_MARK),
        ("java script", 0),
        ("LOREM IPSUM", LINE_LOREM_IPSUM),
        ("lorem  ipsum", 0),
        ("our Privacy Policy", LINE_POLICY_PHRASE),
        ("Terms of Use", LINE_POLICY_PHRASE),
        ("it uses cookies", LINE_POLICY_PHRASE),
        ("the use of cookies", LINE_POLICY_PHRASE),
        ("we use cookies", LINE_POLICY_PHRASE),
        ("a cookie policy", LINE_POLICY_PHRASE),
        ("reuse cookies", LINE_POLICY_PHRASE),
        ("cookies are sweet", 0),
        ("if (x) {", LINE_CURLY_BRACKET),
        ("x" * 1000, 0),
        ("x" * 1001, LINE_LONG_WORD),
        ("ü" * 1001 + " end", LINE_LONG_WORD),
    ],
)
def test_golden_flags(line, flags):
    assert measure_line(line)["line_flags"] == [flags]


@pytest.mark.parametrize(
    ("line", "words", "sentences"),
    [
        ("One sentence here", 3, 1),
        ("One. Two. Three.", 3, 3),
        ("He met J. Smith, e.g. here. Then he left.", 9, 2),
        ('"Stop!" he said. "No." She went on.', 7, 3),
        ("Version 3.14 is out. 2 more follow.", 7, 2),
        ("wait... what? Yes", 3, 2),
        ("一句。两句！三句？", 4, 3),
        ("Cited.[1] Next[2] one.", 3, 2),
        ("No.Space", 1, 1),
        ("Fin! next", 2, 1),
        ("...", 0, 0),
    ],
)
def test_golden_words_and_sentences(line, words, sentences):
    row = measure_line(line)
    assert (row["line_words"], row["line_sentences"]) == ([words], [sentences])


@pytest.mark.parametrize("mark", ["-", "*", "•", "●"])
@pytest.mark.parametrize("indent", ["", "  ", "\t"])
def test_v15_bullets_are_seen_after_indentation(mark, indent):
    assert measure_line(f"{indent}{mark} item")["bullet_line_fraction"] == 1


@pytest.mark.parametrize("line", ["1. item", "— item", "item - x", "+ item"])
def test_other_lines_are_no_bullets(line):
    assert measure_line(line)["bullet_line_fraction"] == 0


@pytest.mark.parametrize(("length", "short"), [(29, 1), (30, 1), (31, 0)])
def test_v20_thirty_characters_are_short(length, short):
    assert measure_line("ü" * length)["short_line_fraction"] == short


@pytest.mark.parametrize(
    ("line", "punctuated"),
    [("a.", 1), ("a。", 1), ("a?", 1), ("a…", 1), ("a”", 1), ("a'", 1), ("नमस्ते।", 1),
     ("a", 0), ("a,", 0), ("a:", 0), ("a. ", 0), ("a)", 0)],
)  # fmt: skip
def test_punctuated_lines(line, punctuated):
    assert measure_line(line)["punctuated_line_fraction"] == punctuated


@given(st.text().map(lambda text: text.replace("\n", " ")))
def test_flags_of_a_line_do_not_depend_on_its_neighbours(line):
    (alone,) = measure_line(line)["line_flags"]
    assert measure_line(f"Before lorem.\n{line}\n ipsum after {{")["line_flags"][1] == alone


def test_flags_fit_a_byte_and_are_distinct():
    flags = [getattr(tables, name) for name in dir(tables) if name.startswith("LINE_")]
    assert sum(flags) == 255
