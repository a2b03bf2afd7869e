"""Line rules: the kernel against a slow reading of the rule, over random line facts."""

import dataclasses
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning import line_rules
from gristmill.cleaning.line_rules import HEADINGS_IN_A_ROW, LINE_RULES, LineFacts, judge_lines
from gristmill.schemas import tables
from gristmill.schemas.errors import SchemaError

FLAGS = st.one_of(
    st.sampled_from([0, tables.LINE_BLANK, tables.LINE_TERMINAL_MARK]), st.integers(0, 255)
)
LINES = st.lists(st.tuples(FLAGS, st.integers(0, 8), st.integers(0, 4)), min_size=1, max_size=20)
DOCUMENTS = st.lists(LINES, max_size=4)
SHORT, BODY, BLANK = (0, 1, 1), (tables.LINE_TERMINAL_MARK, 9, 1), (tables.LINE_BLANK, 0, 0)


def build_facts(documents):
    lines = [line for document in documents for line in document]
    ends = np.cumsum([0, *map(len, documents)]).astype(np.int32)
    table = np.array(lines, np.int64).reshape(-1, 3).T
    flags, words, sentences = (
        table[0].astype(np.uint8), table[1].astype(np.uint16), table[2].astype(np.uint16),
    )  # fmt: skip
    for array in (flags, words, sentences):
        array.flags.writeable = False
    return LineFacts(ends, flags, words, sentences)


def read_body(lines, rule):
    """Go through the steps of TFDS; returns kept lines and the two page counts."""
    kept, lorem_ipsum, curly_bracket = set(), 0, 0
    for place, (flags, words, _) in enumerate(lines):
        unmarked = rule.needs_terminal_mark and not flags & tables.LINE_TERMINAL_MARK
        if flags & (tables.LINE_BLANK | tables.LINE_LONG_WORD) or unmarked:
            continue
        if words < rule.min_words:
            continue
        lorem_ipsum += bool(flags & tables.LINE_LOREM_IPSUM)
        if flags & tables.LINE_JAVASCRIPT:
            continue
        curly_bracket += bool(flags & tables.LINE_CURLY_BRACKET)
        if not flags & tables.LINE_POLICY_PHRASE:
            kept.add(place)
    return kept, lorem_ipsum, curly_bracket


def is_heading(lines, place, body, rule):
    """Say whether only headings, few enough, stand between a short line and a kept one."""
    above = [place]
    for below in range(place + 1, len(lines)):
        if lines[below][0] & tables.LINE_BLANK:
            continue
        if below in body:
            return len(above) <= HEADINGS_IN_A_ROW
        above.append(below)
        if not is_short(lines[below], rule):
            return False
    return False


def is_short(line, rule):
    return line[1] < rule.min_words and not line[0] & (
        tables.LINE_BLANK | tables.LINE_LONG_WORD | tables.LINE_JAVASCRIPT
        | tables.LINE_POLICY_PHRASE | tables.LINE_LOREM_IPSUM | tables.LINE_CURLY_BRACKET
    )  # fmt: skip


def add_structure(lines, body, rule):
    """Add headings, then the first run of blank lines between two kept lines."""
    kept = body | {
        place
        for place in range(len(lines))
        if is_short(lines[place], rule) and is_heading(lines, place, body, rule)
    }
    solid = sorted(kept)
    for first, second in itertools.pairwise(solid):
        blank = [p for p in range(first + 1, second) if lines[p][0] & tables.LINE_BLANK]
        while blank:
            kept.add(blank[0])
            blank = blank[1:] if blank[1:2] == [blank[0] + 1] else []
    return kept


@given(DOCUMENTS, st.sampled_from(sorted(LINE_RULES)))
@example([[SHORT, SHORT, SHORT, BLANK, BODY]], "c4_structured")
@example([[BODY, (0, 0, 0), BLANK, BLANK, SHORT, BLANK, BODY, BLANK]], "c4_structured")
def test_lines_are_kept_as_the_slow_reader_keeps_them(documents, name):
    rule = LINE_RULES[name]
    facts = build_facts(documents)
    verdicts = judge_lines(facts, rule)
    for row, lines in enumerate(documents):
        body, lorem_ipsum, curly_bracket = read_body(lines, rule)
        kept = add_structure(lines, body, rule) if rule.keeps_structure else body
        span = slice(facts.offsets[row], facts.offsets[row + 1])
        assert set(np.flatnonzero(verdicts.kept[span])) == kept
        assert verdicts.kept_lines[row] == len(body)
        assert verdicts.sentences[row] == sum(lines[place][2] for place in body)
        assert verdicts.lorem_ipsum[row] == lorem_ipsum
        assert verdicts.curly_bracket[row] == curly_bracket


@given(DOCUMENTS)
def test_no_kept_text_opens_or_ends_with_a_blank_line(documents):
    facts = build_facts(documents)
    kept = judge_lines(facts, LINE_RULES["c4_structured"]).kept
    for start, end in zip(facts.offsets[:-1], facts.offsets[1:], strict=True):
        flags = facts.flags[start:end][kept[start:end]]
        if flags.size:
            assert not flags[0] & tables.LINE_BLANK
            assert not flags[-1] & tables.LINE_BLANK


@given(DOCUMENTS)
def test_a_stricter_word_minimum_keeps_no_more_lines(documents):
    facts = build_facts(documents)
    strict = LINE_RULES["c4"]
    loose = dataclasses.replace(strict, min_words=3)
    assert np.all(judge_lines(facts, loose).kept | ~judge_lines(facts, strict).kept)


def test_facts_of_a_slice_are_its_own():
    lists = {"line_flags": pa.uint8(), "line_words": pa.uint16(), "line_sentences": pa.uint16()}
    rows = [[1, 2], [], [3], [4, 5, 6]]
    batch = pa.record_batch({name: pa.array(rows, pa.list_(kind)) for name, kind in lists.items()})
    facts = line_rules.read_facts(batch.slice(1, 2))
    assert facts.offsets.tolist() == [0, 0, 1]
    assert facts.flags.tolist() == facts.words.tolist() == [3]
    assert line_rules.read_facts(batch.slice(0, 0)).offsets.tolist() == [0]


def test_facts_that_disagree_are_refused():
    batch = pa.record_batch(
        {
            "line_flags": pa.array([[1, 2]], pa.list_(pa.uint8())),
            "line_words": pa.array([[1]], pa.list_(pa.uint16())),
            "line_sentences": pa.array([[1, 2]], pa.list_(pa.uint16())),
        }
    )
    with pytest.raises(SchemaError, match="length"):
        line_rules.read_facts(batch)


def test_warm_up_leaves_nothing_to_compile():
    line_rules.warm_up()
    judge_lines(build_facts([[BODY]]), LINE_RULES["c4"])
    assert len(line_rules._judge_lines.signatures) == 1
