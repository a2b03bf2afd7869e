"""Dolma's reading: its own values and its mixer's decisions, and the vectors that name it.

The recorded values are those of Dolma 1.2.1 (see ``tests/benchmarks/peer_rules_dolma.py``).
No difference is left on any text; what looks like one elsewhere is Dolma's own:

=====================  ====================================================================
defect of Dolma        what the dialect does
=====================  ====================================================================
mixer names three      `gopher_repetition@dolma_v1_5` leaves them out, as they ran;
attributes wrongly     `gopher_repetition@dolma` has them
scores are rounded     rounds as well: limits hold for the rounded values
duplicates exceed 1    `duplicate_line_char_fraction` divides by characters without spaces
c4_v2 measures spans   not followed: line tags are those of c4_v1, which measures the text
in lower-case text     itself
=====================  ====================================================================
"""

import math
import statistics

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import differ, judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects import dolma, dolma_metrics
from gristmill.cleaning.dialects.dolma_metrics import ATTRIBUTES
from gristmill.cleaning.policy import Policy
from gristmill.schemas.errors import SchemaError

FILLER = (
    "amber basil cedar daisy ember fable glade hazel inlet jasper kettle lagoon marble nectar "
    "orchid pebble quartz ripple saffron timber umber velvet willow yarrow zephyr anchor beacon "
    "copper dolphin echo falcon garnet harbor indigo jungle kernel lantern meadow needle ocean "
    "parcel quiver ribbon silver thistle upland violet walnut yonder zenith almond bramble "
)
TEXTS = st.text(
    st.sampled_from('aB #\u2026.-*\n\r\t\u00a0\u2028{}?!"jJé\u4e2d\U0001f600\u212a\u0130'),
    max_size=60,
)


def measure_one(text):
    (row,) = dolma.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("dolma", "digests", "values", "kept")


@pytest.fixture(scope="module")
def measured(recorded):
    return dolma.measure(recorded.texts)


def test_every_value_is_dolmas(recorded, measured):
    theirs = dict(zip(recorded.arrays["names"], recorded.arrays["values"].T, strict=True))
    for metric, attribute in ATTRIBUTES.items():
        if attribute is not None:
            rows = differ(measured[f"{metric}@dolma"].to_numpy(), theirs[attribute])
            assert not rows.size, f"{metric} differs on texts {rows[:5]}"


def test_line_tags_are_dolmas(recorded, measured):
    theirs = dict(zip(recorded.arrays["names"], recorded.arrays["values"].T, strict=True))
    ours = {name.partition("@")[0]: measured[name].to_numpy() for name in measured.schema.names}
    lines = theirs["c4_v1__line_count"]
    for metric, tag in (
        ("unpunctuated_line_fraction", "lines_with_no_ending_punctuation"),
        ("few_word_line_fraction", "lines_with_too_few_words"),
    ):
        expected = dolma_metrics.round_metrics(theirs[f"c4_v1__{tag}"] / lines)
        assert not differ(ours[metric], expected).size
    left = theirs["gopher_v1__character_count"] - theirs["characters_cut"]
    assert not differ(ours["c4_line_count"], theirs["lines_left"]).size
    assert not differ(ours["c4_char_count"], left).size
    texts = recorded.texts.to_pylist()
    assert [len(dolma.remove_tagged_lines(text)) for text in texts] == left.tolist()


@pytest.mark.parametrize(
    "table",
    ["gopher_quality@dolma", "gopher_repetition@dolma", "gopher_repetition@dolma_v1_5", "c4@dolma"],
)
def test_every_decision_is_the_mixers(recorded, measured, table):
    column = recorded.arrays["tables"].tolist().index(table)
    kept = judge_with(dolma, table, measured)["kept"].to_numpy(zero_copy_only=False)
    assert np.array_equal(kept, recorded.arrays["kept"][:, column])
    assert 0.1 < kept.mean() < 0.95  # a rule that decides nothing would prove nothing


@pytest.mark.parametrize(
    "path", list_cases(dolma.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(dolma, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("ending", "count"), [("the the", 2), ("The To", 0), ("the to", 2), ("the of", 2)]
)
def test_v01_to_v03_stop_words_count_by_occurrence_and_case(ending, count):
    assert measure_one(FILLER + ending)["stop_word_count"] == count


def test_v05_three_dots_are_no_symbol():
    assert measure_one("...")["symbol_to_word_ratio"] == 0
    assert measure_one("\u2026")["symbol_to_word_ratio"] == 1


def test_v08_all_copies_of_a_line_count():
    found = measure_one("a line\nb line\na line")
    assert found["duplicate_line_fraction"] == round(2 / 3, 5)
    assert found["duplicate_line_char_fraction"] == 12 / 15


def test_v10_a_curly_bracket_on_a_short_line_marks_the_page():
    assert measure_one("A line that is long enough.\n{ x")["has_curly_brace"] == 1


def test_v11_only_the_sign_ends_an_ellipsis_line():
    assert measure_one("one two...")["ellipsis_line_fraction"] == 0
    assert measure_one("one two\u2026")["ellipsis_line_fraction"] == 1


def test_v13_three_words_are_enough():
    text = "One two three.\nOne two three four.\nOne two."
    assert dolma.remove_tagged_lines(text) == "One two three.\nOne two three four.\n"
    assert measure_one(text)["c4_line_count"] == 2


@pytest.mark.parametrize(
    ("line", "bullet"), [("  - x", 0), ("- x", 1), ("* x", 1), ("\u25cf x", 0), ("\u2022 x", 0)]
)
def test_v15_bullets_stand_at_the_start(line, bullet):
    assert measure_one(line)["bullet_line_fraction"] == bullet


def test_v16_the_median_is_not_the_mean():
    text = "ab " * 60 + "x" * 600
    assert measure_one(text)["median_word_length"] == 2
    assert (2 * 60 + 600) / 61 > 10


def test_v17_too_short_for_an_n_gram_says_nothing():
    found = measure_one("one two three four")
    assert found["top_4gram_char_fraction"] == 1
    assert math.isnan(found["duplicate_5gram_char_fraction"])
    assert read_verdict(dolma, "gopher_repetition@dolma_v1_5", "one two three four") == "kept"


def test_v19_two_identical_lines_are_both_copies():
    text = "the same words\nthe same words"
    assert measure_one(text)["duplicate_line_fraction"] == 1
    assert measure_one("\n\n".join(text.split("\n")))["duplicate_line_fraction_v2"] == 1


def test_v27_a_misspelt_signal_is_refused():
    wrong = Bound("fraction_of_characters_in_most_common_2gram@dolma", max=0.2)
    with pytest.raises(SchemaError, match="fraction_of_characters_in_most_common_2gram@dolma"):
        Policy(bounds=(("custom", wrong),))
    with pytest.raises(SchemaError, match="top_2gram_char_fraction@dolma"):
        Policy(bounds=(("custom", Bound("top_2grams_char_fraction@dolma", max=0.2)),))


def test_the_three_rules_that_never_fired_are_left_out_of_what_ran():
    ran = {bound.metric: bound.max for bound in dolma.TABLES["gopher_repetition@dolma_v1_5"]}
    meant = {bound.metric: bound.max for bound in dolma.TABLES["gopher_repetition@dolma"]}
    assert meant.keys() - ran.keys() == {f"top_{n}gram_char_fraction@dolma" for n in (2, 3, 4)}
    changed = {metric for metric in ran if ran[metric] != meant[metric]}
    assert changed == {"duplicate_line_char_fraction@dolma"}


@given(st.lists(st.floats(0, 2) | st.integers(0, 200_000).map(lambda n: (n + 0.5) / 1e5)))
def test_rounding_is_pythons(values):
    rounded = dolma_metrics.round_metrics(np.array(values, np.float64))
    assert rounded.tolist() == [round(value, 5) for value in values]


@given(st.lists(st.integers(1, 90), min_size=1, max_size=30))
def test_the_median_is_that_of_the_statistics_module(lengths):
    text = " ".join("x" * length for length in lengths)
    assert measure_one(text)["median_word_length"] == statistics.median(lengths)


@given(TEXTS)
def test_a_text_without_its_tagged_lines_has_none(text):
    left = dolma.remove_tagged_lines(text)
    assert len(left) == measure_one(text)["c4_char_count"]
    assert dolma.remove_tagged_lines(left) == left
    kept = left.split("\n")[: left.count("\n") + (not left.endswith("\n"))]
    assert all(line in text.split("\n") for line in kept if left)
