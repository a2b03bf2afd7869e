"""From flags to a set-up engine: defaults that fit, and one sentence where flags do not."""

import argparse
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import cli, cli_engines
from gristmill.pipelines.engine_commands import choose_engine
from gristmill.pipelines.engines import homes, selection, worker_pools
from gristmill.pipelines.engines.selection import EngineChoice, is_local, open_engine
from gristmill.pipelines.scaling.costs import PROFILES
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.errors import EngineError, UsageError


def parse(*flags: str) -> EngineChoice:
    return choose_engine(cli.build_parser().parse_args(["run", "recipe.yaml", *flags]))


def test_the_command_line_names_the_engines_there_are():
    assert cli_engines.ENGINES == selection.ENGINES
    assert cli_engines.DEFAULT_PORT == worker_pools.DEFAULT_PORT
    assert tuple(homes.ENGINES) == cli_engines.INSTALLABLE
    assert tuple(PROFILES) == cli_engines.PRICED
    assert parse().executor_memory == selection.EXECUTOR_MEMORY


def test_the_default_is_the_embedded_engine_with_partition_files():
    choice = parse().resolve()
    assert (choice.name, choice.exchange, choice.environment().kind) == (
        "local",
        "files",
        "LOOPBACK",
    )


def test_local_masters_are_worked_for_by_the_launcher():
    choice = parse("--engine", "spark", "--workers", "3").resolve()
    assert choice.master == "local[3]"
    assert choice.exchange == "group_by_key"
    assert choice.parallelism == 3 * selection.TASKS_PER_CORE
    assert choice.environment().kind == "LOOPBACK"


def test_clusters_are_worked_for_by_pools_on_their_nodes():
    choice = parse("--engine", "spark", "--spark-master", "spark://10.0.0.1:7077").resolve()
    environment = choice.environment()
    assert (environment.kind, environment.config) == ("EXTERNAL", "localhost:50000")
    assert choice.parallelism == selection.CLUSTER_TASKS


def test_the_engine_may_start_our_harness_itself():
    flags = ("--engine", "flink", "--flink-master", "h:8081", "--worker-command", "harness")
    environment = parse(*flags).resolve().environment()
    assert environment.kind == "PROCESS"
    command = json.loads(environment.config)["command"]
    assert command.endswith(f"/bin/{worker_pools.HARNESS}")
    assert f"--environment_config={environment.config}" in environment.flags()


def test_exchange_can_be_chosen_for_every_engine():
    assert parse("--exchange", "group_by_key").resolve().exchange == "group_by_key"
    assert parse("--engine", "spark", "--exchange", "files").resolve().exchange == "files"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--workers", "0"), "--workers must be at least 1"),
        (("--worker-pool", "h:1"), "--worker-pool is for --engine spark or flink, not local"),
        (("--engine", "prism", "--parallelism", "3"), "--parallelism is for"),
        (
            ("--engine", "spark", "--worker-pool", "h:1", "--worker-command", "x"),
            "two ways: give one",
        ),
        (("--engine", "flink", "--spark-conf", "a=b"), "for --engine spark"),
        (("--engine", "spark", "--spark-conf", "verbose"), "'verbose': write NAME=VALUE"),
        (("--spark-master", "local[2]"), "--spark-master is for --engine spark"),
    ],
)
def test_flags_that_do_not_fit_are_one_sentence(flags, sentence):
    with pytest.raises(UsageError, match=sentence.replace("[", r"\[")) as failure:
        parse(*flags).resolve()
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        ("local", True),
        ("local[2]", True),
        ("local[*]", True),
        ("local[2,4]", True),
        ("[local]", True),
        ("spark://localhost:7077", False),
        ("localhost:8081", False),
        ("yarn", False),
    ],
)
def test_local_masters_are_known(master, expected):
    assert is_local(master) is expected


@given(
    st.sampled_from(["spark", "flink"]),
    st.integers(1, 64),
    st.sampled_from([None, "spark://h:7077"]),
)
def test_resolving_twice_changes_nothing(name, workers, master):
    choice = EngineChoice(name=name, workers=workers, master=master).resolve()
    assert choice.resolve() == choice
    assert (choice.parallelism is not None and choice.parallelism >= workers) or master


def test_an_engine_without_its_parts_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("GRISTMILL_ENGINES", str(tmp_path / "none"))
    monkeypatch.setenv("GRISTMILL_PRISM", str(tmp_path / "none"))
    for name, words in (("spark", "engines install spark"), ("prism", "go install")):
        with (
            pytest.raises(EngineError, match=words),
            open_engine(EngineChoice(name), ChildLimits(), tmp_path, str),
        ):
            raise AssertionError("opened")


def test_help_of_run_tells_every_engine_flag():
    parser = argparse.ArgumentParser()
    cli_engines.add_engine_flags(parser)
    assert all(action.help for action in parser._actions)
