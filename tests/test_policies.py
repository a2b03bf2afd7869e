"""Policies: inheritance from presets and files, and languages that are like others."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.rule_tables import TABLES
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.policy_files import load_policy, load_policy_notes, load_rule
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.policies import (
    LONGEST_CHAIN,
    expand_policy,
    list_presets,
    merge_policies,
    read_policy,
)
from gristmill.schemas.recipe import Cleaning

PRESETS = ("c4", "dclm", "dolma3", "fineweb", "fineweb2", "gopher")
BOUNDS = st.lists(
    st.fixed_dictionaries(
        {
            "metric": st.sampled_from(["word_count", "char_count", "line_count"]),
            "max": st.integers(1, 9),
        }
    ),
    max_size=3,
    unique_by=lambda bound: bound["metric"],
)
LIMITS = st.dictionaries(
    st.sampled_from(["word_count", "line_count"]),
    st.one_of(st.none(), st.builds(lambda limit: {"min": limit}, st.integers(1, 9))),
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "line_rule": st.sampled_from(["c4", None]),
        "bounds": BOUNDS,
        "by_language": st.dictionaries(
            st.sampled_from(["de", "fr"]), st.fixed_dictionaries({}, optional={"limits": LIMITS})
        ),
    },
)


def write_policy(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_preset_is_listed():
    assert tuple(list_presets()) == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_loads_cites_its_sources_and_builds_a_policy(name):
    notes = load_policy_notes(name)
    assert notes["description"] and notes["sources"]
    policy = build_policy(load_policy(name))
    assert policy.list_rules()
    assert policy.languages


def test_what_a_policy_states_replaces_what_it_inherits(tmp_path):
    write_policy(
        tmp_path,
        "mine.yaml",
        "extends: gopher\nlanguages: {de: 0.5}\nbounds: [{metric: char_count, min: 10}]\n",
    )
    own = expand_policy(
        {"extends": "mine.yaml", "bounds": [{"metric": "char_count", "min": 20}]}, tmp_path
    )
    assert own["languages"] == {"de": 0.5}
    assert own["rule_tables"] == ["gopher_quality", "gopher_repetition"]
    assert own["bounds"] == [{"metric": "char_count", "min": 20}]
    assert not {"extends", "description", "sources"} & set(own)


def test_paths_start_at_the_file_that_names_them(tmp_path):
    (tmp_path / "inner").mkdir()
    write_policy(tmp_path / "inner", "base.yaml", "line_rule: c4\n")
    write_policy(tmp_path / "inner", "next.yaml", "extends: base.yaml\n")
    assert read_policy("inner/next.yaml", tmp_path) == {"line_rule": "c4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: nothing\n", "no preset or file 'nothing'"),
        ("extends: 3\n", "neither"),
        ("extends: me.yaml\n", "circle"),
        ("- a\n", "not a mapping"),
    ],
)
def test_a_wrong_ancestor_is_named(tmp_path, text, message):
    write_policy(tmp_path, "me.yaml", text)
    with pytest.raises(RecipeError, match=message):
        read_policy("me.yaml", tmp_path)


def test_a_chain_may_be_long_but_not_endless(tmp_path):
    for number in range(LONGEST_CHAIN - 1):
        write_policy(tmp_path, f"p{number}.yaml", f"extends: p{number + 1}.yaml\n")
    write_policy(tmp_path, f"p{LONGEST_CHAIN - 1}.yaml", "line_rule: null\n")
    assert read_policy("p0.yaml", tmp_path) == {"line_rule": None}


@given(POLICIES, POLICIES)
def test_merging_keeps_every_statement_of_the_child(base, own):
    merged = merge_policies(base, own)
    assert merge_policies({}, own) == own and merge_policies(own, {}) == own
    for name in ("line_rule",):
        if name in own:
            assert merged[name] == own[name]
    stated = {bound["metric"]: bound for bound in own.get("bounds", ())}
    found = {bound["metric"]: bound for bound in merged.get("bounds", ())}
    assert {metric: found[metric] for metric in stated} == stated
    for language, rules in own.get("by_language", {}).items():
        for metric, limits in rules.get("limits", {}).items():
            assert merged["by_language"][language]["limits"][metric] == limits


@given(POLICIES, POLICIES, POLICIES)
def test_merging_is_associative(first, second, third):
    left = merge_policies(merge_policies(first, second), third)
    right = merge_policies(first, merge_policies(second, third))
    assert Cleaning.model_validate(left) == Cleaning.model_validate(right)


def build(text):
    return build_policy(Cleaning.model_validate(yaml.safe_load(text)))


def read_limits(rules, metric):
    return [(bound.min, bound.max) for _, bound in rules.bounds if bound.metric == metric]


def test_a_language_changes_limits_and_inherits_from_another():
    policy = build(
        """
        rule_tables: [gopher_quality]
        line_rule: c4
        by_language:
          fr: {limits: {mean_word_length: {min: 2, max: 11}, distinct_stop_words: null}, line_rule: none}
          oc: {like: fr, limits: {word_count: {min: 20}}}
          ja: {rule_tables: [], limits: {char_count: {min: 100}}}
        """
    )
    french, occitan, japanese = (policy.by_language[code] for code in ("fr", "oc", "ja"))
    assert read_limits(policy.rules, "mean_word_length") == [(3, 10)]
    assert read_limits(french, "mean_word_length") == [(2, 11)]
    assert read_limits(occitan, "mean_word_length") == [(2, 11)]
    assert (
        read_limits(french, "distinct_stop_words")
        == read_limits(occitan, "distinct_stop_words")
        == []
    )
    assert read_limits(french, "word_count") == [(50, 100_000)]
    assert read_limits(occitan, "word_count") == [(20, None)]
    assert [table for table, _ in japanese.bounds] == ["custom"]
    assert policy.line_rule == japanese.line_rule == "c4"
    assert french.line_rule is occitan.line_rule is None


@pytest.mark.parametrize("like", ["xx", "fr", "de"])
def test_a_language_cannot_be_like_nothing_or_itself(like):
    rules = {"fr": {"like": like}, "de": {"like": "fr"}}
    with pytest.raises(ValueError, match="circle"):
        Cleaning.model_validate({"by_language": rules})


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ({}, "needs min"),
        ({"min": 3, "above": 1}, "two limits"),
        ({"max": 3, "below": 1}, "two limits"),
        ({"min": 4, "below": 3}, "over"),
    ],
)
def test_limits_must_make_sense(bound, message):
    with pytest.raises(ValueError, match=message):
        Cleaning.model_validate({"bounds": [{"metric": "word_count", **bound}]})


@pytest.mark.parametrize("name", ["gopher_quality", "c4_structured", "fineweb"])
def test_a_rule_alone_is_a_policy(name):
    policy = build_policy(load_rule(name))
    assert policy.languages is None and not policy.redact
    assert all(rule.startswith(f"{name}/") for rule in policy.list_rules())


def test_fineweb2_holds_each_language_to_its_own_limits():
    policy = build_policy(load_policy("fineweb2"))
    french = policy.by_language["fr"]
    assert french == policy.by_language["fra_Latn"]
    assert read_limits(french, "mean_word_length") == [(2, 11)]
    assert policy.languages["fr"] == 0.824
    assert len(french.bounds) == len(TABLES["fineweb2"])
