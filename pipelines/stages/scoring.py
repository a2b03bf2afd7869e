"""Scores of a documents batch: the scorers that a recipe names, and their columns."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from gristmill.cleaning import quality_models
from gristmill.cleaning.quality_models import Scorer
from gristmill.pipelines.classifier_children import TransformersScorer
from gristmill.schemas.score_models import ScoreModel


def load_scorers(specs: Sequence[ScoreModel], folder: Path = Path()) -> list[Scorer]:
    """Open every model that a recipe names.

    Args:
        specs: what the recipe says of them.
        folder: where its relative paths start.

    Raises:
        InputError: a file is missing, damaged or has another digest, or a label is unknown.
    """
    scorers: list[Scorer] = []
    try:
        for spec in specs:
            if spec.kind == "transformers":
                scorers.append(TransformersScorer(spec, folder))
            else:
                scorers.append(quality_models.load_scorer(spec, folder))
    except BaseException:
        close_scorers(scorers)
        raise
    return scorers


def close_scorers(scorers: Sequence[Scorer]) -> None:
    """Let go of processes that scorers started."""
    for scorer in scorers:
        scorer.close()


@contextlib.contextmanager
def open_scorers(specs: Sequence[ScoreModel], folder: Path = Path()) -> Iterator[list[Scorer]]:
    """Open scorers for a block; see `load_scorers`."""
    scorers = load_scorers(specs, folder)
    try:
        yield scorers
    finally:
        close_scorers(scorers)


def score_schema(specs: Sequence[ScoreModel]) -> list[pa.Field]:
    """List the columns that scorers add to signals, in order, without opening a model."""
    return [field for spec in specs for field in quality_models.list_columns(spec)]


def score_batch(texts: pa.StringArray, scorers: Sequence[Scorer]) -> dict[str, pa.Array]:
    """Score texts with every scorer.

    Args:
        texts: n texts, no nulls; may be a slice.
        scorers: from `load_scorers`.

    Returns:
        The columns of `score_schema`, n rows each.
    """
    columns: dict[str, pa.Array] = {}
    for scorer in scorers:
        scored = scorer.score(texts)
        columns |= dict(zip(scored.schema.names, scored.columns, strict=True))
    return columns
