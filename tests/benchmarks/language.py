"""Language identification: gristmill, fastText, fasttext-langdetect and lingua.

    make bench NAME=language

Accuracy is of the first answer, over Tatoeba's sentences in 97 languages (lid.176 was
trained on some of them) and over paragraphs of declarations of human rights. lid.176
lacks some of these languages; they count. lingua, slower by two orders of magnitude, is
compared on a sample of the languages that it knows. Speed is documents per second of CPU
time on one core, over real texts cut at 2,000 characters, as medians of rounds in which
the contenders take turns.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fasttext
import figures
import numpy as np
import pyarrow as pa
import zstandard
from contenders import describe_machine
from peer_environment import find_python

sys.path.insert(0, str(Path(__file__).parents[1]))

import real_texts
from language_sets import (
    NOT_IN_BASELINE,
    LanguageSet,
    leave_out,
    load_declarations,
    load_tatoeba,
)

from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.language import LONGEST_TEXT, LanguageModel, find_model

ROUNDS = 3
LINGUA_TEXTS = 60  # of the timed ones, a round
LINGUA_EVERY = 80  # of Tatoeba's sentences
#: Languages of the sets that lid.176 lacks, and that a reader would miss.
LACKING = {"fo", "xh"}

Answers = list[str | None]


def unpack_set(folder: Path, name: str) -> Path:
    """Unpack one of the shared sets."""
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with (
        (real_texts.SHARED / f"{name}.tar.zst").open("rb") as packed,
        decoder.stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        members.extractall(folder / name, filter="data")
    return folder / name


class Peer:
    """A peer in its own environment, asked anew for every round."""

    def __init__(self, name: str, python: Path, folder: Path) -> None:
        self.name = name
        self._python = python
        self._folder = folder
        shutil.copyfile(find_model(), folder / "lid.176.ftz")

    def ask(self, texts: Sequence[str]) -> tuple[Answers, float]:
        """Languages of texts, and CPU seconds."""
        path = self._folder / "texts.jsonl"
        path.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        result = subprocess.run(
            [str(self._python), str(Path(__file__).with_name("peer_language.py")), self.name, path],
            env={**os.environ, "FTLANG_CACHE": str(self._folder)},
            check=True,
            capture_output=True,
            text=True,
        )
        answer = json.loads(result.stdout)
        return answer["languages"], float(answer["cpu_seconds"])


def ask_bare(model: FastTextModel, texts: Sequence[str]) -> Answers:
    """First labels of the model, as it gives them."""
    labels, _ = model.predict(pa.array(texts, pa.string()))
    return [model.labels[label] if label >= 0 else None for label in labels[:, 0]]


def ask_ours(model: LanguageModel, texts: Sequence[str]) -> Answers:
    """First languages."""
    found: Answers = model.identify(pa.array(texts, pa.string()))["language"].to_pylist()
    return found


def measure_accuracy(wanted: Sequence[str], found: Answers) -> dict[str, float]:
    """Micro: over all texts. Macro: mean over languages."""
    names = np.array(wanted)
    correct = names == np.array([answer or "" for answer in found])
    macro = np.mean([correct[names == name].mean() for name in sorted(set(wanted))])
    return {"micro": round(float(correct.mean()), 4), "macro": round(float(macro), 4)}


def measure_sets(sets: dict[str, LanguageSet]) -> dict[str, Any]:
    """Accuracy of the bare model and of gristmill."""
    bare, ours = FastTextModel(find_model()), LanguageModel()
    report: dict[str, Any] = {}
    for name, known in sets.items():
        report[name] = {
            "texts": len(known.texts),
            "languages": len(set(known.languages)),
            "lid.176": measure_accuracy(known.languages, ask_bare(bare, known.texts)),
            "gristmill": measure_accuracy(known.languages, ask_ours(ours, known.texts)),
        }
    return report


def compare_with_lingua(sentences: LanguageSet, lingua: Peer) -> dict[str, Any]:
    """Accuracy on a sample of the languages that lingua and lid.176 both name."""
    sample = slice(None, None, LINGUA_EVERY)
    texts, wanted = sentences.texts[sample], sentences.languages[sample]
    found, _ = lingua.ask(texts)
    # lingua calls Norwegian by its two written forms.
    found = ["no" if answer == "nb" else answer for answer in found]
    named = set(found) | {"no"}
    both = [row for row, name in enumerate(wanted) if name in named]
    ours = ask_ours(LanguageModel(), [texts[row] for row in both])
    names = [wanted[row] for row in both]
    return {
        "texts": len(both),
        "lingua": measure_accuracy(names, [found[row] for row in both]),
        "gristmill": measure_accuracy(names, ours),
    }


def time_call(call: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def measure_speed(texts: Sequence[str], peers: Sequence[Peer]) -> dict[str, float]:
    """Documents per second of CPU time."""
    scorer, ours = FastTextModel(find_model()), LanguageModel()
    theirs = fasttext.load_model(str(find_model())).f
    column = pa.array(texts, pa.string())
    scorer.predict(column[:8])
    ours.identify(column[:8])

    def predict_each() -> list[Any]:
        return [theirs.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict") for text in texts]

    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        times = {
            # A new model has seen no word yet.
            "model": time_call(lambda: FastTextModel(find_model()).predict(column)),
            "identify": time_call(lambda: ours.identify(column)),
            "fasttext-predict": time_call(predict_each),
        }
        for peer in peers:
            few = texts[:: len(texts) // LINGUA_TEXTS] if peer.name == "lingua" else texts
            times[peer.name] = peer.ask(few)[1] * len(texts) / len(few)
        for name, seconds in times.items():
            rates.setdefault(name, []).append(len(texts) / seconds)
    return {name: round(statistics.median(values), 1) for name, values in rates.items()}


def main() -> int:
    """Run the benchmark; print tables, then one line of JSON."""
    python = find_python("langid")
    with tempfile.TemporaryDirectory(prefix="gristmill-language-") as name:
        folder = Path(name)
        peers = [Peer(peer, python, folder) for peer in ("fasttext-langdetect", "lingua")]
        known = set(FastTextModel(find_model()).labels) | LACKING
        tatoeba = load_tatoeba(unpack_set(folder, "langid-tatoeba-laser"))
        sets = {
            "tatoeba": leave_out(tatoeba, NOT_IN_BASELINE),
            "tatoeba, 97 languages": tatoeba,
            "udhr": load_declarations(unpack_set(folder, "langid-udhr"), known),
        }
        accuracy = measure_sets(sets)
        sample = compare_with_lingua(sets["tatoeba"], peers[1])
        texts = [text[:LONGEST_TEXT] for text in real_texts.load_texts() if text.strip()]
        speed = measure_speed(texts, peers)
    machine = describe_machine()
    sys.stdout.write(f"{machine}; {len(texts)} texts timed\n\n")
    for name, row in {**accuracy, "sample": sample}.items():
        sys.stdout.write(f"{name:10} {json.dumps(row)}\n")
    for name, rate in speed.items():
        sys.stdout.write(f"{name:20} {rate:10,.0f} documents/s\n")
    baseline = accuracy["tatoeba"]
    against = {
        "fasttext-predict speed": speed["model"] / speed["fasttext-predict"],
        "fasttext-langdetect speed, all columns": speed["identify"] / speed["fasttext-langdetect"],
        "lingua speed, all columns": speed["identify"] / speed["lingua"],
        "lingua micro accuracy": sample["gristmill"]["micro"] / sample["lingua"]["micro"],
        "lid.176 micro accuracy": baseline["gristmill"]["micro"] / baseline["lid.176"]["micro"],
    }
    facts = {"machine": machine, "accuracy": accuracy, "sample": sample, "speed": speed}
    ratios = {name: round(ratio, 4) for name, ratio in against.items()}
    sys.stdout.write(figures.format_line(facts, ratios) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
