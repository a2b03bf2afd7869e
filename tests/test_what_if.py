"""What if: another policy on a finished run's signals, and its counts."""

import json
from collections import Counter

import pytest
import stage_samples

from gristmill.pipelines import cli
from gristmill.pipelines.policy_files import load_policy
from gristmill.pipelines.reporting import load_manifests
from gristmill.pipelines.steps import Workspace
from gristmill.pipelines.what_if import GROUPS, try_policy
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Cleaning


@pytest.fixture(scope="module")
def recipe():
    return stage_samples.finish_run().run.recipe


def count_measured(recipe):
    return load_manifests(Workspace(recipe.output_path / "work"))["measure"].totals.kept


def test_the_same_policy_changes_nothing(recipe):
    found = try_policy(recipe, recipe.cleaning)
    assert found.total.documents.total() == count_measured(recipe) > 0
    assert found.total.kept(0) == found.total.kept(1)
    assert found.total.dropped(0) == found.total.dropped(1)
    assert found.total.kept(0) + found.total.dropped(0).total() == found.total.documents.total()


def test_now_is_what_the_run_decided(recipe):
    totals = load_manifests(Workspace(recipe.output_path / "work"))["decide.apply"].totals
    found = try_policy(recipe, Cleaning(languages=None, rule_tables=(), line_rule=None))
    judged = {rule: n for rule, n in totals.dropped.items() if "/" in rule or rule == "language"}
    assert dict(found.total.dropped(0)) == judged
    assert found.total.kept(1) == found.total.documents.total()
    assert not found.total.dropped(1)


def test_groups_add_up(recipe):
    found = try_policy(recipe, load_policy("gopher"))
    for kind in GROUPS:
        tallies = found.groups[kind].values()
        if kind != "script":
            assert sum(one.documents.total() for one in tallies) == found.total.documents.total()
            assert sum(one.bytes.total() for one in tallies) == found.total.bytes.total()
            assert sum((one.documents for one in tallies), Counter()) == found.total.documents
    assert set(found.groups["domain"]) >= {"example.org"}
    assert found.unused_rules
    described = found.describe()
    kept_bytes = found.total.kept(1, found.total.bytes)
    assert described["total"]["tokens_then"] == round(kept_bytes * found.tokens_per_byte)
    losses = {(row["group"], row["rule"]): row for row in described["losses"]["language"]}
    assert losses["en", "*"]["dropped"] == found.groups["language"]["en"].dropped(1).total()
    json.dumps(described)


def test_a_signal_that_was_not_measured_is_named(recipe):
    other = Cleaning(rule_tables=("gopher_quality@dolma",), line_rule=None)
    with pytest.raises(UsageError, match=r"did not measure .*@dolma.*measuring"):
        try_policy(recipe, other)


def test_a_run_without_signals_is_said(tmp_path):
    stage_samples.write_inputs(tmp_path)
    recipe = stage_samples.load_recipe(tmp_path / "recipe.yaml")
    with pytest.raises(UsageError, match="no signals"):
        try_policy(recipe, Cleaning())


def test_the_command_prints_a_table_and_json(recipe, tmp_path, capsys):
    path = tmp_path / "strict.yaml"
    path.write_text("extends: gopher\nbounds: [{metric: word_count, min: 1000000}]\n")
    run = ["whatif", str(recipe.folder / "recipe.yaml"), "--policy", str(path)]
    run += ["--output", str(recipe.output_path)]
    assert cli.main(run) == 0
    table = capsys.readouterr().out
    assert "kept then" in table and "by language" in table and "custom/word_count" in table
    assert cli.main([*run, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["kept_then"] == 0
    assert found["groups"]["source"]


def test_a_misspelt_policy_is_refused(recipe, tmp_path, capsys):
    path = tmp_path / "wrong.yaml"
    path.write_text("bounds: [{metric: word_cuont, min: 3}]\n")
    run = ["whatif", str(recipe.folder / "recipe.yaml"), "--policy", str(path)]
    assert cli.main(run) == 2
    assert "word_count" in capsys.readouterr().err
