"""Quality models: what `gristmill quality train` is worth on people's votes, and how fast.

Trained on main texts of the pages of extract-wcxb-dev: articles and documentation against
product pages, collections, listings, services and forums; none of the 246 documents on
which people voted (quality-dclm-human) is in them. The kinds of page and the number of
readings were settled without a look at the votes. The same texts go to fastText's own
trainer, with the same settings and one thread, and the same n-gram model to KenLM; ours and
theirs in turn, three rounds, CPU time. The last line is one line of JSON.

    make bench NAME=quality
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from figures import format_line
from peer_environment import REPOSITORY, find_python

from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.perplexity import PerplexityModel
from gristmill.cleaning.quality_models import load_scorer
from gristmill.cleaning.quality_report import RESAMPLES, measure_auc
from gristmill.pipelines.cli_quality import add_quality_verb, run_quality
from gristmill.schemas.score_models import ScoreModel

sys.path.insert(0, str(REPOSITORY / "tests"))

from arpa_models import make_arpa
from quality_sets import OTHER_KINDS, WANTED_KINDS, load_pages, load_votes, write_lines

DATA = Path(os.environ.get("GRISTMILL_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
ROUNDS = 3
TIMED_EPOCHS = 3
Floats = npt.NDArray[np.float64]


def train_model(folder: Path, kind: str, sides: Sequence[Path]) -> dict[str, Any]:
    """Run the command with its defaults; its card."""
    parser = ArgumentParser()
    parser.add_argument("--quiet", action="store_true")

    def add_verb(verbs: Any, name: str, text: str, example: str) -> ArgumentParser:
        made: ArgumentParser = verbs.add_parser(name, help=text)
        return made

    add_quality_verb(parser.add_subparsers(dest="verb"), add_verb)
    output = folder / kind
    arguments = ["--positives", sides[0], "--negatives", sides[1], "--output", output]
    words = ["--quiet", "quality", "train", "--kind", kind, *map(str, arguments)]
    run_quality(parser.parse_args(words))
    card: dict[str, Any] = json.loads((output / "model.json").read_bytes())
    return card


def score_texts(folder: Path, kind: str, texts: Sequence[str]) -> Floats:
    """Scores of a trained model."""
    spec = ScoreModel.model_validate({"name": "m", "kind": kind, "path": kind})
    scored = load_scorer(spec, folder).score(pa.array(texts, pa.string()))
    return scored["score@m"].to_numpy().astype(np.float64)


def compare_paired(ours: Floats, other: Floats, good: npt.NDArray[np.bool_]) -> dict[str, float]:
    """How much more AUC, with its 95 % interval: the same resamples for both."""
    rng = np.random.default_rng(0)
    places = (np.flatnonzero(good), np.flatnonzero(~good))
    found = []
    for _ in range(RESAMPLES):
        ups, downs = (rng.choice(place, place.size) for place in places)
        pair = [
            (scores[ups][:, None] > scores[downs]).mean()
            + 0.5 * (scores[ups][:, None] == scores[downs]).mean()
            for scores in (ours, other)
        ]
        found.append(pair[0] - pair[1])
    low, high = np.quantile(found, [0.025, 0.975])
    return {"low": round(float(low), 4), "high": round(float(high), 4)}


def describe(scores: Floats, good: npt.NDArray[np.bool_]) -> dict[str, float]:
    """AUC with interval, rounded."""
    return {name: round(value, 4) for name, value in measure_auc(scores, good)._asdict().items()}


def call_peer(name: str, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let a peer do a job in its environment."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(job))
    command = [str(find_python("quality")), str(Path(__file__).with_name("peer_quality.py"))]
    result = subprocess.run(
        [*command, name, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def take_time(work: Callable[[], Any]) -> float:
    """CPU seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def compare_training(
    wanted: Sequence[str], others: Sequence[str], folder: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    """CPU seconds of ours and of fastText's trainer over the same texts, in turn."""
    texts = [*wanted, *others]
    labels = ["positive"] * len(wanted) + ["negative"] * len(others)
    lines = folder / "lines.txt"
    lines.write_text(
        "".join(
            f"__label__{label} {' '.join(text.split())}\n"
            for label, text in zip(labels, texts, strict=True)
        )
    )
    settings = TrainingSettings(epoch=TIMED_EPOCHS)
    job: dict[str, Any] = {
        "lines": str(lines),
        "texts": [],
        "settings": {"wordNgrams": 2, "bucket": settings.bucket, "epoch": TIMED_EPOCHS},
    }
    train_classifier(texts[:50], labels[:50], settings)  # kernels are compiled
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(take_time(lambda: train_classifier(texts, labels, settings)))
        theirs.append(call_peer("fasttext", job, folder)["seconds"])
    return {"ours": statistics.median(ours), "fasttext": statistics.median(theirs)}, job


def compare_perplexity(texts: Sequence[str], folder: Path) -> dict[str, float]:
    """CPU seconds of ours and of KenLM over the same texts, whose perplexities are equal."""
    path = folder / "model.arpa"
    lines = [line for text in texts[:300] for line in text.split("\n")][:2000]
    path.write_text(make_arpa(lines, 4))
    model = PerplexityModel(path, normalize=False)
    column = pa.array(texts, pa.string())
    model.measure(column.slice(0, 2))
    ours, theirs, found = [], [], {}
    for _ in range(ROUNDS):
        ours.append(take_time(lambda: model.measure(column)))
        found = call_peer("kenlm", {"arpa": str(path), "texts": list(texts)}, folder)
        theirs.append(found["seconds"])
    largest = np.nanmax(np.abs(model.measure(column) / np.array(found["scores"]) - 1))
    return {
        "ours": statistics.median(ours),
        "kenlm": statistics.median(theirs),
        "largest_relative_difference": float(largest),
    }


def main() -> None:
    """Train, test on the votes, time, print."""
    pages = load_pages(DATA / "extract-wcxb-dev.tar.zst")
    votes = load_votes(DATA / "quality-dclm-human.tar.zst")
    texts = [text for text, _, _ in votes]
    good, sure = (np.array([row[place] for row in votes]) for place in (1, 2))
    lengths = np.array([len(text) for text in texts], np.float64)
    wanted = [text for kind in WANTED_KINDS for text in pages[kind]]
    others = [text for kind in OTHER_KINDS for text in pages[kind]]
    figures: dict[str, Any] = {
        "coin": {"auc": 0.5},
        "length": {
            "auc": describe(lengths, good),
            "unanimous": describe(lengths[sure], good[sure]),
        },
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sides = (
            write_lines(folder / "wanted.jsonl", wanted),
            write_lines(folder / "others.jsonl", others),
        )
        for kind in ("fasttext", "importance"):
            card = train_model(folder, kind, sides)
            scores = score_texts(folder, kind, texts)
            figures[kind] = {
                "auc": describe(scores, good),
                "unanimous": describe(scores[sure], good[sure]),
                "over_length": compare_paired(scores, lengths, good),
                "held_out_pages": card["report"]["auc"]["model"],
                "epochs": card["settings"].get("epoch"),
            }
        training, job = compare_training(wanted, others, folder)
        job["settings"]["epoch"] = figures["fasttext"]["epochs"]
        theirs = np.array(call_peer("fasttext", job | {"texts": texts}, folder)["scores"])
        figures["fasttext 0.9.3"] = {"auc": describe(theirs, good)}
        figures["training_cpu_seconds"] = training
        figures["perplexity_cpu_seconds"] = compare_perplexity([*wanted, *texts], folder)
    for name, found in figures.items():
        print(f"{name:<24}{json.dumps(found)}")
    perplexity = figures["perplexity_cpu_seconds"]
    against = {
        "fasttext 0.9.3, training": round(training["fasttext"] / training["ours"], 3),
        "kenlm 0.3.0, perplexity": round(perplexity["kenlm"] / perplexity["ours"], 3),
    }
    print(format_line(figures, against))


if __name__ == "__main__":
    main()
