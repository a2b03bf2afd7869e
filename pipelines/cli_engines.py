"""Flags that choose and set up an engine, and the verb that prepares them."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from gristmill.pipelines.engines.dataflow_settings import add_dataflow_flags

#: As in `engines.selection`, which imports Beam; a test holds them equal.
ENGINES = ("local", "prism", "spark", "flink", "dataflow")
INSTALLABLE = ("spark", "flink")
PRICED = ("local", "spark", "flink", "dataflow")  # as in `scaling.costs`
GUIDES = (
    "dataflow",
    "flink",
    "object-stores",
    "prism",
    "spark-cluster",
    "spark-local",
    "spark-submit",
)
DEFAULT_PORT = 50_000

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]
AddVerb = Callable[..., argparse.ArgumentParser]


def add_engine_flags(verb: argparse.ArgumentParser) -> None:
    """Flags of every verb that runs stages."""
    verb.add_argument("--engine", choices=ENGINES, default="local", help="what runs it")
    verb.add_argument(
        "--workers", type=int, default=1, help="child processes of each Python worker"
    )
    verb.add_argument(
        "--exchange",
        choices=("files", "group_by_key"),
        help="how rows cross units: partition files, or the engine's own shuffle",
    )
    group = verb.add_argument_group("Spark and Flink")
    group.add_argument("--spark-master", metavar="URL", help="local[N] or spark://host:port")
    group.add_argument("--flink-master", metavar="URL", help="[local] or host:port")
    group.add_argument(
        "--spark-submit", metavar="COMMAND", help="hand each job's jar to this command instead"
    )
    group.add_argument("--parallelism", type=int, help="tasks of a shuffle")
    group.add_argument("--executor-memory", default="2g", help="JVM memory of an executor")
    group.add_argument(
        "--worker-pool", metavar="HOST:PORT", help="pool of Python workers, as each node sees it"
    )
    group.add_argument(
        "--worker-command",
        metavar="COMMAND",
        help="program that the engine starts as Python worker; harness: gristmill's own",
    )
    group.add_argument(
        "--spark-conf", metavar="NAME=VALUE", action="append", default=[], help="Spark property"
    )
    verb.add_argument(
        "--beam-option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="pipeline option of Beam",
    )
    add_dataflow_flags(verb)


def add_estimate_verb(verbs: "Verbs", add_verb: AddVerb) -> None:
    """``gristmill estimate``."""
    verb = add_verb(
        verbs,
        "estimate",
        "core-hours, bytes and price of a run, from a few of its input files",
        "gristmill estimate crawl.yaml --engine dataflow --cores 500",
    )
    verb.add_argument("recipe", help="recipe, YAML")
    verb.add_argument("--engine", choices=PRICED, help="what to price; default: each")
    verb.add_argument("--documents", type=int, help="scale to this many instead of all inputs")
    verb.add_argument("--sample", type=int, default=3, metavar="FILES", help="input files to run")
    verb.add_argument("--workers", type=int, default=1, help="child processes for the sample")
    verb.add_argument("--cores", type=int, default=1, help="cores that the run would have")
    verb.add_argument("--price-per-core-hour", type=float, help="instead of the assumed price")
    verb.add_argument("--json", action="store_true", help="print JSON")


def add_engines_verb(verbs: "Verbs", add_verb: AddVerb) -> None:
    """``gristmill engines``: install, list, check, workers."""
    verb = add_verb(
        verbs,
        "engines",
        "install and check what runs recipes",
        "gristmill engines install spark",
    )
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = add_verb(
        actions,
        "install",
        "fetch an engine's parts by Maven, once",
        "gristmill engines install spark",
    )
    action.add_argument("name", choices=INSTALLABLE)
    action.add_argument(
        "--released",
        action="store_true",
        help="Beam's released job server instead of the tested parts, where a repository has it",
    )
    add_verb(actions, "list", "engines, and what each still needs", "gristmill engines list")
    action = add_verb(
        actions, "check", "hash an installed engine's files", "gristmill engines check spark"
    )
    action.add_argument("name", choices=INSTALLABLE)
    action = add_verb(
        actions,
        "files",
        "write what an image of workers is built from",
        "gristmill engines files dataflow image",
    )
    action.add_argument("name", choices=("dataflow",))
    action.add_argument("folder", help="folder to write into")
    action = add_verb(
        actions, "guide", "print how an engine is set up", "gristmill engines guide spark-cluster"
    )
    action.add_argument("name", choices=GUIDES)
    action = add_verb(
        actions,
        "workers",
        "serve Python workers to this node's executors until interrupted",
        f"gristmill engines workers --port {DEFAULT_PORT}",
    )
    action.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on")
    action.add_argument(
        "--host", default="localhost", help="interface; whoever reaches it can run code here"
    )
