"""``gristmill quality train``: labelled texts in, a scorer with a report and a card out."""

import dataclasses
import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.fasttext_format import write_model
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.importance_weights import fit_weights, write_weights
from gristmill.cleaning.quality_cards import render_card
from gristmill.cleaning.quality_models import CARD_FILE, MODEL_FILES, load_scorer
from gristmill.cleaning.quality_report import (
    check_threshold,
    compare_ranking,
    tabulate_calibration,
    tabulate_thresholds,
)
from gristmill.cleaning.quality_texts import (
    FileTexts,
    LabelledTexts,
    halve_sample,
    read_texts,
    split_texts,
)
from gristmill.cleaning.score_buckets import BUCKETS, percentile_edges
from gristmill.pipelines.progress import Progress
from gristmill.schemas.atomic_files import appear_whole, sha256_file, write_whole
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.identity import derive_seed
from gristmill.schemas.score_models import ScoreModel

POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
MARKDOWN_FILE: Final = "MODEL_CARD.md"
#: Fewest held-out texts of a side of which a report says anything.
FEWEST: Final = 10
#: fastText reads each text five times. Few texts are then too few steps for scores to leave
#: 0.5: up to so many readings are made where they are needed for so many steps.
MOST_EPOCHS: Final = 25
STEPS: Final = 100_000
#: A text is scored with so many bytes of others.
_BATCH_BYTES: Final = 32 << 20


class _Plan(NamedTuple):
    """What the flags ask for."""

    kind: str
    output: Path
    keep_rate: float
    held_out: float
    seed: int
    settings: TrainingSettings


def train_quality(options: Namespace) -> int:
    """Train; prints the folder, the AUC and the threshold.

    Args:
        options: the flags of `gristmill.pipelines.cli_quality`.

    Raises:
        InputError: a file is missing, damaged, or a row of it has no text.
        UsageError: a flag is out of range, the folder holds a model, or texts are too few.
    """
    plan = _read_plan(options)
    progress = Progress(quiet=options.quiet)
    inputs = {
        role: [(Path(name), read_texts(Path(name), options.field)) for name in names]
        for role, names in (
            ("positives", options.positives),
            ("negatives", options.negatives),
            ("sample", options.sample),
        )
    }
    texts = split_texts(
        _join(inputs["positives"]), _join(inputs["negatives"]), plan.held_out, plan.seed
    )
    _require_enough(texts)
    progress.say(
        f"training on {len(texts.training[0])} positives and {len(texts.training[1])} negatives"
    )
    plan.output.mkdir(parents=True, exist_ok=True)
    plan = plan._replace(settings=_settle_epochs(plan.settings, options.epochs, texts))
    path = _train_model(plan, texts)
    card = _describe_model(plan, path, texts, inputs)
    write_whole(plan.output / MARKDOWN_FILE, render_card(card).encode("utf-8"))
    # Last: a folder with this file in it is whole.
    payload = json.dumps(card, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_whole(plan.output / CARD_FILE, payload.encode("utf-8"))
    auc, keeping = card["report"]["auc"]["model"], card["report"]["threshold"]
    if not keeping["within_tolerance"]:
        progress.warn(
            f"the threshold keeps {keeping['checked_on']['kept']:.2%} of texts it was not chosen "
            f"on, not {plan.keep_rate:.2%}: give a larger --sample, or train for fewer --epochs "
            "where many scores are equal"
        )
    print(
        f"{plan.output}\tAUC {auc['value']:.4f} [{auc['low']:.4f}, {auc['high']:.4f}]"
        f"\tthreshold {keeping['threshold']} keeps {keeping['checked_on']['kept']:.4f}"
    )
    return 0


def _read_plan(options: Namespace) -> _Plan:
    for name in ("keep_rate", "held_out"):
        if not 0 < getattr(options, name) < 1:
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} {getattr(options, name)} is not between 0 and 1")
    output = Path(options.output)
    if (output / CARD_FILE).exists():
        raise UsageError(f"{output} holds a model already; it is not overwritten")
    settings = TrainingSettings(
        dim=options.dim,
        lr=options.learning_rate,
        epoch=options.epochs if options.epochs is not None else MOST_EPOCHS,
        word_ngrams=options.word_ngrams,
        bucket=options.ngram_buckets,
        min_count=options.min_count,
        seed=derive_seed(options.seed, "quality"),
    )
    return _Plan(options.kind, output, options.keep_rate, options.held_out, options.seed, settings)


def _join(files: Sequence[tuple[Path, FileTexts]]) -> list[str]:
    return [text for _, found in files for text in found.texts]


def _require_enough(texts: LabelledTexts) -> None:
    for side, name in enumerate(("positives", "negatives")):
        counts = len(texts.training[side]), len(texts.held_out[side])
        if min(counts) < FEWEST:
            raise UsageError(
                f"{counts[0]} {name} to train on and {counts[1]} held out: a report needs "
                f"{FEWEST} of each; give more, each once"
            )


def _settle_epochs(
    settings: TrainingSettings, asked: int | None, texts: LabelledTexts
) -> TrainingSettings:
    if asked is not None:
        return settings
    wanted = -(-STEPS // sum(map(len, texts.training)))
    epochs = min(MOST_EPOCHS, max(TrainingSettings().epoch, wanted))
    return dataclasses.replace(settings, epoch=epochs)


def _train_model(plan: _Plan, texts: LabelledTexts) -> Path:
    """Train and write the model's file; returns its path."""
    path = plan.output / MODEL_FILES[plan.kind]
    wanted, others = texts.training
    if plan.kind == "importance":
        weights = fit_weights(*(pa.array(side, pa.string()) for side in texts.training))
        with appear_whole(path) as partial:
            write_weights(weights, partial)
        return path
    labels = [POSITIVE] * len(wanted) + [NEGATIVE] * len(others)
    write_model(train_classifier([*wanted, *others], labels, plan.settings), path)
    return path


def _score_texts(path: Path, kind: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Score texts with a model's file as a run would: rounded, in batches."""
    label = POSITIVE if kind == "fasttext" else None
    spec = ScoreModel(name="trained", kind=kind, path=path.name, label=label)  # type: ignore[arg-type]
    scorer = load_scorer(spec, path.parent)
    scores, batch, size = [np.empty(0)], list[str](), 0
    for place, text in enumerate(texts):
        batch.append(text)
        size += len(text)
        if size > _BATCH_BYTES or place + 1 == len(texts):
            scored = scorer.score(pa.array(batch, pa.string()))
            scores.append(scored[spec.score_column].to_numpy().astype(np.float64))
            batch, size = [], 0
    # A text without words says nothing; it ranks with the lowest.
    return np.nan_to_num(np.concatenate(scores), nan=-1e30)


def _describe_model(
    plan: _Plan,
    path: Path,
    texts: LabelledTexts,
    inputs: dict[str, list[tuple[Path, FileTexts]]],
) -> dict[str, Any]:
    """Put together ``model.json``: everything that is known of the model, no clock and no path."""
    held_out = [*texts.held_out[0], *texts.held_out[1]]
    scores = _score_texts(path, plan.kind, held_out)
    positives = np.arange(len(held_out)) < len(texts.held_out[0])
    lengths = np.array([len(text) for text in held_out], np.float64)
    sample = _join(inputs["sample"])
    halves = halve_sample(sample or held_out, texts.training, plan.seed)
    if min(map(len, halves)) == 0:
        raise InputError(
            "the sample has no text besides those trained on: give documents of what is to be "
            "filtered"
        )
    chosen, others = (_score_texts(path, plan.kind, half) for half in halves)
    report = {
        "auc": compare_ranking(scores, lengths, positives, plan.seed),
        "held_out": {"positives": len(texts.held_out[0]), "negatives": len(texts.held_out[1])},
        "thresholds": tabulate_thresholds(scores, positives, _pick_thresholds(plan.kind, scores)),
        "threshold": check_threshold(chosen, others, plan.keep_rate),
        "threshold_from": "sample" if sample else "held-out texts",
    }
    if plan.kind == "fasttext":
        report["calibration"] = tabulate_calibration(scores, positives)
    return {
        "format": 1,
        "kind": plan.kind,
        "label": POSITIVE if plan.kind == "fasttext" else None,
        "sha256": sha256_file(path),
        "edges": list(percentile_edges(chosen, BUCKETS)) or None,
        "settings": dataclasses.asdict(plan.settings) if plan.kind == "fasttext" else {},
        "seed": plan.seed,
        "held_out_share": plan.held_out,
        "inputs": [
            {
                "role": role,
                "file": file.name,
                "sha256": sha256_file(file),
                "documents": len(found.texts),
                "empty": found.empty,
            }
            for role, files in inputs.items()
            for file, found in files
        ],
        "training": {
            "positives": len(texts.training[0]),
            "negatives": len(texts.training[1]),
            "duplicates": texts.duplicates,
            "on_both_sides": texts.on_both_sides,
        },
        "report": report,
    }


def _pick_thresholds(kind: str, scores: npt.NDArray[np.float64]) -> tuple[float, ...]:
    if kind == "fasttext":
        return (0.1, 0.25, 0.5, 0.75, 0.9)
    return tuple(float(edge) for edge in percentile_edges(scores, 10))
