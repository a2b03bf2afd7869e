"""Tables and bounds: transcribed right, closed, and loud about a misspelt name."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.policy import Policy
from gristmill.cleaning.rule_registry import find_table, name_bounds
from gristmill.cleaning.rule_tables import TABLES
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import DOCUMENT_METRICS


def limits(table):
    return {bound.metric: (bound.min, bound.max) for bound in TABLES[table]}


def test_gopher_quality_is_that_of_the_paper():
    found = limits("gopher_quality")
    assert found["word_count"] == (50, 100_000)
    assert found["mean_word_length"] == (3, 10)
    assert found["distinct_stop_words"] == (2, None)
    assert len(found) == 8


def test_gopher_repetition_has_all_thirteen_rows():
    found = limits("gopher_repetition")
    assert len(found) == 13
    ngrams = [found[f"duplicate_{n}gram_char_fraction"][1] for n in range(5, 11)]
    assert ngrams == [0.15, 0.14, 0.13, 0.12, 0.11, 0.10]
    tops = [found[f"top_{n}gram_char_fraction"][1] for n in (2, 3, 4)]
    assert tops == [0.20, 0.18, 0.16]
    # Dolma's mixer has 0.30 here.
    assert found["duplicate_line_char_fraction"] == (None, 0.20)


def test_fineweb_and_its_code_differ_in_one_number():
    paper, code = limits("fineweb"), limits("fineweb@code")
    assert paper.keys() == code.keys()
    differing = [metric for metric in paper if paper[metric] != code[metric]]
    assert differing == ["duplicate_line_char_fraction"]
    assert (paper[differing[0]], code[differing[0]]) == ((None, 0.1), (None, 0.01))


@pytest.mark.parametrize("table", TABLES)
def test_each_metric_is_known_and_bounded_once(table):
    metrics = [bound.metric for bound in TABLES[table]]
    assert set(metrics) <= set(DOCUMENT_METRICS)
    assert len(metrics) == len(set(metrics))


def test_tables_cannot_be_changed():
    with pytest.raises(TypeError):
        TABLES["mine"] = ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        TABLES["fineweb"][0].min = 1


def test_v27_a_misspelt_metric_is_an_error_and_names_the_right_one():
    with pytest.raises(SchemaError, match="top_2gram_char_fraction"):
        Policy(bounds=(("custom", Bound("top_2grams_char_fraction", max=0.2)),))
    with pytest.raises(SchemaError, match="top_2gram_char_fraction@dolma"):
        Policy(bounds=(("custom", Bound("top_2grams_char_fraction@dolma", max=0.2)),))


@pytest.mark.parametrize("name", ["gopher_qualty", "fineweb@paper", ""])
def test_an_unknown_table_is_an_error(name):
    with pytest.raises(SchemaError, match="did you mean"):
        find_table(name)


@given(
    st.one_of(st.none(), st.floats(allow_nan=True)), st.one_of(st.none(), st.floats(allow_nan=True))
)
def test_a_bound_bounds_something_or_is_refused(low, high):
    given_limits = [limit for limit in (low, high) if limit is not None]
    sound = bool(given_limits) and all(map(math.isfinite, given_limits))
    if sound and (len(given_limits) < 2 or low <= high):
        assert Bound("word_count", min=low, max=high).max == high
    else:
        with pytest.raises(SchemaError):
            Bound("word_count", min=low, max=high)


def test_bounds_carry_the_names_of_their_tables_in_order():
    named = name_bounds("fineweb", "gopher_quality")
    assert [name for name, _ in named] == ["fineweb"] * 4 + ["gopher_quality"] * 8
    assert tuple(bound for _, bound in named) == TABLES["fineweb"] + TABLES["gopher_quality"]
