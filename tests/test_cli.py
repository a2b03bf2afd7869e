"""The command line is frozen: a verb or flag changes here first."""

import argparse
from pathlib import Path

import pytest

from gristmill.pipelines import cli, commands

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

FROZEN = {
    "init": {"path", "--from", "--files", "--base-url"},
    "plan": {"recipe", "--output", "--json"},
    "run": {
        "recipe",
        "--output",
        "--engine",
        "--workers",
        "--exchange",
        "--spark-master",
        "--flink-master",
        "--spark-submit",
        "--parallelism",
        "--executor-memory",
        "--worker-pool",
        "--worker-command",
        "--spark-conf",
        "--beam-option",
        "--dry-run",
        "--project",
        "--region",
        "--image",
        "--temp-location",
        "--staging-location",
        "--service-account",
        "--subnetwork",
        "--machine-type",
        "--max-machines",
        "--disk-gb",
        "--service-option",
    },
    "estimate": {
        "recipe",
        "--engine",
        "--documents",
        "--sample",
        "--workers",
        "--cores",
        "--price-per-core-hour",
        "--json",
    },
    "engines": {"action"},
    "engines install": {"name", "--released"},
    "engines list": set(),
    "engines check": {"name"},
    "engines files": {"name", "folder"},
    "engines guide": {"name"},
    "engines workers": {"--port", "--host"},
    "report": {"recipe", "--output", "--training", "--json"},
    "explain": {"recipe", "--output", "document"},
    "rules": {"action"},
    "rules list": {"--json"},
    "rules show": {"name", "--json"},
    "rules diff": {"first", "second", "--sample", "-n", "--rows", "--json"},
    "whatif": {"recipe", "--output", "--policy", "--json"},
    "quality": {"action"},
    "quality train": {
        "--positives",
        "--negatives",
        "--sample",
        "--output",
        "--kind",
        "--keep-rate",
        "--held-out",
        "--seed",
        "--field",
        "--dim",
        "--learning-rate",
        "--epochs",
        "--word-ngrams",
        "--ngram-buckets",
        "--min-count",
    },
    "show": {"dataset", "--version", "-n", "--rows", "--split", "--table"},
    "log": {"dataset"},
    "verify": {"dataset", "--version"},
    "export": {"dataset", "--version", "folder"},
    "train": {"kind"},
    "train pretrain": {"config", "--output"},
    "evaluate": {"config", "--split"},
    "generate": {"folder", "--prompt", "--tokens", "--temperature", "--top-k", "--seed"},
}


def list_verbs(
    parser: argparse.ArgumentParser, prefix: str = ""
) -> dict[str, argparse.ArgumentParser]:
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                found[f"{prefix}{name}"] = verb
                found |= list_verbs(verb, f"{prefix}{name} ")
    return found


VERBS = list_verbs(cli.build_parser())


def test_verbs_and_flags_are_frozen():
    found = {
        name: {
            flag
            for action in verb._actions
            if not isinstance(action, argparse._HelpAction)
            for flag in (action.option_strings or [action.dest])
        }
        for name, verb in VERBS.items()
    }
    assert found == FROZEN


def test_every_verb_has_a_command():
    assert set(commands.VERBS) == {name for name in VERBS if " " not in name}


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_help_and_an_example(name):
    verb = VERBS[name]
    assert verb.description
    assert verb.epilog is not None and verb.epilog.startswith(
        f"example: gristmill {name.split()[0]}"
    )


@pytest.mark.parametrize("name", sorted(commands.VERBS))
def test_every_verb_is_in_the_readme(name):
    assert f"gristmill {name}" in README


def test_wrong_usage_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["grind"])
    assert stop.value.code == 2


def test_a_missing_recipe_is_one_sentence(tmp_path, capsys):
    assert cli.main(["plan", str(tmp_path / "none.yaml")]) == 2
    assert "No such file" in capsys.readouterr().err
