"""The command line: one program, thin verbs. stdout is data, stderr is progress.

Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 130 interrupted, 143 terminated.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from gristmill.pipelines import commands
from gristmill.pipelines.cli_engines import add_engine_flags, add_engines_verb, add_estimate_verb
from gristmill.pipelines.cli_quality import add_quality_verb
from gristmill.pipelines.rule_commands import add_rule_verbs
from gristmill.schemas.errors import GristmillError

DESCRIPTION = "Mill crawls into versioned, training-ready corpora, and train on them."


def build_parser() -> argparse.ArgumentParser:
    """Every verb and flag; a test freezes them."""
    parser = argparse.ArgumentParser(prog="gristmill", description=DESCRIPTION)
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_recipe_verbs(verbs)
    add_estimate_verb(verbs, _add_verb)
    add_engines_verb(verbs, _add_verb)
    add_rule_verbs(verbs, _add_verb)
    add_quality_verb(verbs, _add_verb)
    _add_version_verbs(verbs)
    _add_training_verbs(verbs)
    return parser


def _add_verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return verb


def _add_recipe_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = _add_verb(
        verbs,
        "init",
        "write a commented recipe",
        "gristmill init --from commoncrawl CC-MAIN-2024-22 crawl.yaml",
    )
    verb.add_argument("path", nargs="?", default="-", help="file to write; - for stdout")
    verb.add_argument(
        "--from",
        dest="origin",
        nargs="+",
        metavar=("KIND", "RELEASE"),
        default=["commoncrawl"],
        help="shipped recipe, and the crawl or wiki to name in it",
    )
    verb.add_argument("--files", type=int, default=1, help="WARC files of the crawl to name")
    verb.add_argument("--base-url", help="where the releases lie, instead of their publisher")

    verb = _add_verb(
        verbs,
        "plan",
        "validate a recipe, list its files, bytes and units",
        "gristmill plan demo.yaml",
    )
    _add_recipe(verb)
    verb.add_argument("--json", action="store_true", help="print JSON")

    verb = _add_verb(
        verbs,
        "run",
        "run a recipe to its published version, or go on where a run stopped",
        "gristmill run demo.yaml --workers 2",
    )
    _add_recipe(verb)
    add_engine_flags(verb)

    verb = _add_verb(
        verbs, "report", "write the report of a run, print where", "gristmill report demo.yaml"
    )
    _add_recipe(verb)
    verb.add_argument("--training", help="folder of a training run to show in it")
    verb.add_argument("--json", action="store_true", help="print the figures as JSON instead")

    verb = _add_verb(
        verbs,
        "explain",
        "every measurement and the fate of one document",
        "gristmill explain demo.yaml 00a4f3…",
    )
    _add_recipe(verb)
    verb.add_argument("document", help="doc_id in hex, its beginning, or a URL")


def _add_version_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verb = _add_verb(
        verbs,
        "show",
        "documents of a version as JSON lines",
        "gristmill show out/demo/run/store/demo -n 3",
    )
    _add_dataset(verb)
    verb.add_argument("-n", "--rows", type=int, default=10, help="how many")
    verb.add_argument("--split", default="train", help="train, validation or test")
    verb.add_argument(
        "--table", default="data", help="data, dropped, quarantine, evidence, clusters"
    )

    verb = _add_verb(verbs, "log", "versions of a dataset", "gristmill log out/demo/run/store/demo")
    verb.add_argument("dataset", help="folder <store>/<dataset>")

    verb = _add_verb(
        verbs,
        "verify",
        "check every byte and count of a version",
        "gristmill verify out/demo/run/store/demo",
    )
    _add_dataset(verb)

    verb = _add_verb(
        verbs,
        "export",
        "lay a version out as plain folders",
        "gristmill export out/demo/run/store/demo demo-1.0.0",
    )
    _add_dataset(verb)
    verb.add_argument("folder", help="folder to make")


def _add_training_verbs(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = _add_verb(
        verbs,
        "train",
        "train a model on a published version",
        "gristmill train pretrain train.yaml",
    )
    kinds = train.add_subparsers(dest="kind", required=True, metavar="KIND")
    verb = _add_verb(
        kinds,
        "pretrain",
        "pretrain a GPT, or go on where a run stopped",
        "gristmill train pretrain train.yaml",
    )
    verb.add_argument("config", help="training config, YAML")
    verb.add_argument("--output", help="replaces the config's output folder")

    verb = _add_verb(
        verbs,
        "evaluate",
        "held-out bits per byte of a trained model",
        "gristmill evaluate out/demo/train.yaml --split test",
    )
    verb.add_argument("config", help="training config, YAML")
    verb.add_argument("--split", default="test", help="validation or test")

    verb = _add_verb(
        verbs,
        "generate",
        "text from a trained model",
        'gristmill generate out/demo/training --prompt "The history of"',
    )
    verb.add_argument("folder", help="output folder of a training run")
    verb.add_argument("--prompt", default="", help="text to go on from")
    verb.add_argument("--tokens", type=int, default=100, help="tokens to generate at most")
    verb.add_argument("--temperature", type=float, default=0.8)
    verb.add_argument("--top-k", type=int, default=50)
    verb.add_argument("--seed", type=int, default=0)


def _add_recipe(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("recipe", help="recipe, YAML")
    verb.add_argument("--output", help="replaces the recipe's output folder")


def _add_dataset(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("dataset", help="folder <store>/<dataset>")
    verb.add_argument("--version", default="latest", help="such as 1.0.0")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run the verb, turn errors into one message and an exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)  # Beam greets with warnings about what is not there
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return commands.VERBS[options.verb](options)
    except GristmillError as error:
        print(f"gristmill: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print("gristmill: interrupted; the same command goes on from here", file=sys.stderr)
        name = str(error).partition(" ")[0]  # Beam appends the step that was running
        return 128 + signal.Signals.__members__.get(name, signal.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:  # a full or read-only disk is no bug: a sentence, not a trace
        print(f"gristmill: {error}", file=sys.stderr)
        return 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # With a message: Beam appends its step to that, and turns a bare exception into another one.
    raise KeyboardInterrupt(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
