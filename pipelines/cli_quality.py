"""Flags of the verb that trains quality models; what it does is loaded when it is called."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

KINDS: Final = ("fasttext", "importance")
# As in `cleaning.fasttext_training`, which compiles kernels; a test holds them equal.
DIM: Final = 100
LEARNING_RATE: Final = 0.1
WORD_NGRAMS: Final = 2
NGRAM_BUCKETS: Final = 200_000
MIN_COUNT: Final = 1

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]
AddVerb = Callable[..., argparse.ArgumentParser]


def add_quality_verb(verbs: "Verbs", add_verb: AddVerb) -> None:
    """``gristmill quality``: train."""
    verb = add_verb(
        verbs,
        "quality",
        "train a model that scores documents",
        "gristmill quality train --positives good.jsonl.zst --negatives crawl.jsonl.zst "
        "--output models/quality",
    )
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = add_verb(
        actions,
        "train",
        "train on texts that are wanted against others, report what the model is worth",
        "gristmill quality train --positives good.jsonl.zst --negatives crawl.jsonl.zst "
        "--sample crawl-2.jsonl.zst --keep-rate 0.1 --output models/quality",
    )
    what = ".jsonl, .parquet, or .txt with a document a line"
    action.add_argument("--positives", nargs="+", required=True, metavar="FILE", help=what)
    action.add_argument("--negatives", nargs="+", required=True, metavar="FILE", help=what)
    action.add_argument(
        "--sample",
        nargs="+",
        default=[],
        metavar="FILE",
        help="of what is to be filtered: sets threshold and buckets; else the held-out texts",
    )
    action.add_argument("--output", required=True, metavar="FOLDER", help="folder to make")
    action.add_argument("--kind", choices=KINDS, default=KINDS[0], help="what is trained")
    action.add_argument("--keep-rate", type=float, default=0.1, help="share the threshold keeps")
    action.add_argument("--held-out", type=float, default=0.2, help="share no training sees")
    action.add_argument("--seed", type=int, default=0, help="of the splits and the training")
    action.add_argument("--field", default="text", help="that holds the text")
    _add_training_flags(action)


def _add_training_flags(action: argparse.ArgumentParser) -> None:
    # Of DCLM's classifier (arXiv:2406.11794): bigrams, and fastText's own defaults.
    group = action.add_argument_group("fastText")
    group.add_argument("--dim", type=int, default=DIM, help="columns of the matrices")
    group.add_argument(
        "--learning-rate", type=float, default=LEARNING_RATE, help="of the first step"
    )
    group.add_argument(
        "--epochs",
        type=int,
        help="readings of each text; by default 5 to 25, more if texts are few",
    )
    group.add_argument(
        "--word-ngrams", type=int, default=WORD_NGRAMS, help="longest chain of words"
    )
    group.add_argument(
        "--ngram-buckets", type=int, default=NGRAM_BUCKETS, help="rows that chains share"
    )
    group.add_argument("--min-count", type=int, default=MIN_COUNT, help="rarer words have no row")


def run_quality(options: Namespace) -> int:
    """Do what the flags say; see `gristmill.pipelines.quality_training`."""
    from gristmill.pipelines.quality_training import train_quality

    return train_quality(options)
