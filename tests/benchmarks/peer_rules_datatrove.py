"""datatrove's own values for documents: what each of its filters compared, and what it decided.

Runs in the peers' environment, not in gristmill's:

    python tests/real_texts.py TEXTS.jsonl
    .venv-peers/bin/python tests/benchmarks/peer_rules_datatrove.py TEXTS.jsonl OUT.npz

OUT holds numbers only: `digests` (n,) uint64; `names` (m,) and `values` (n, m) float64;
`filters` (2,) and `left` (n, 2) uint64: digests of what C4's line rules leave of a text;
`tables` (t,) and `kept` (n, t) bool: what each filter decides as it is by default. With
``--time`` the CPU seconds of each filter are written instead, as one line of JSON.

No number is computed here: each filter is given thresholds that note what they are
compared with and let everything pass, so that the filter's own code runs to its end.
A value that it did not reach, because it skipped the rule or raised, is NaN.
"""

import argparse
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.c4_filters import C4ParagraphFilter


class Probe:
    """A threshold that notes the value it is compared with, and lets it pass."""

    __array_ufunc__ = None  # numpy's scalars then leave the comparison to this class

    def __init__(self) -> None:
        self.value = math.nan

    def note(self, value: Any) -> bool:
        """Keep the value; no value is beyond this threshold."""
        self.value = float(value)
        return False

    __lt__ = __gt__ = note

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def take(self) -> float:
        """Give the value and forget it."""
        value, self.value = self.value, math.nan
        return value


QUALITY = {
    "min_doc_words": "word_count",
    "min_avg_word_length": "mean_word_length",
    "max_symbol_word_ratio": "",  # compared twice: see `measure_quality`
    "max_bullet_lines_ratio": "bullet_line_fraction",
    "max_ellipsis_lines_ratio": "ellipsis_line_fraction",
    "max_non_alpha_words_ratio": "alphabetic_word_fraction",
    "min_stop_words": "distinct_stop_words",
}
REPETITION = {
    "dup_line_frac": "duplicate_line_fraction",
    "dup_para_frac": "duplicate_paragraph_fraction",
    "dup_line_char_frac": "duplicate_line_char_fraction",
    "dup_para_char_frac": "duplicate_paragraph_char_fraction",
}
FINEWEB = {
    "line_punct_thr": "punctuated_line_fraction",
    "short_line_thr": "short_line_fraction",
    "char_duplicates_ratio": "fineweb_duplicate_line_char_fraction",
    "new_line_ratio": "newline_to_word_ratio",
}


class Symbols(Probe):
    """The threshold that hashes and ellipses share: notes both values in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def note(self, value: Any) -> bool:
        """Keep the value after the others."""
        self.values.append(float(value))
        return False

    __lt__ = __gt__ = note


def call_filter(block: Any, text: str) -> tuple[float, str]:
    """Run a filter on a text; returns (1 if kept, 0 if dropped, NaN if it raised, text left)."""
    document = Document(text=text, id="0")
    try:
        verdict = block.filter(document)
    except ZeroDivisionError:
        return math.nan, text
    return float(verdict is True), document.text


class Measurer:
    """All filters with noting thresholds, and as they are by default."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.probes = {name: Probe() for name in (*QUALITY, *REPETITION, *FINEWEB)}
        self.sentences = Probe()
        self.grams = [(n, Probe()) for n in range(2, 11)]
        chosen = {name: self.probes[name] for name in QUALITY if QUALITY[name]}
        self.quality = GopherQualityFilter(
            **chosen, max_symbol_word_ratio=self.symbols, max_doc_words=None,
            max_avg_word_length=None,
        )  # fmt: skip
        self.repetition = GopherRepetitionFilter(
            **{name: self.probes[name] for name in REPETITION},
            top_n_grams=self.grams[:3], dup_n_grams=self.grams[3:],
        )  # fmt: skip
        self.fineweb = FineWebQualityFilter(**{name: self.probes[name] for name in FINEWEB})
        self.fineweb.short_line_threshold = self.probes["short_line_thr"]
        self.defaults = {
            "gopher_quality": GopherQualityFilter(),
            "gopher_repetition": GopherRepetitionFilter(),
            "c4": C4QualityFilter(filter_no_terminal_punct=False),
            "c4_terminal": C4QualityFilter(),
            "fineweb": FineWebQualityFilter(),
            "c4_paragraphs": C4ParagraphFilter(),
        }

    def measure_quality(self, text: str) -> dict[str, float]:
        """Values that the Gopher filters and FineWeb's compare."""
        values: dict[str, float] = {}
        self.symbols.values = []
        for block in (self.quality, self.repetition, self.fineweb):
            call_filter(block, text)
        for name, metric in {**QUALITY, **REPETITION, **FINEWEB}.items():
            if metric:
                values[metric] = self.probes[name].take()
        noted = [*self.symbols.values, math.nan, math.nan]
        values["hash_to_word_ratio"], values["ellipsis_to_word_ratio"] = noted[:2]
        for n, probe in self.grams:
            kind = "top" if n <= 4 else "duplicate"
            values[f"{kind}_{n}gram_char_fraction"] = probe.take()
        return values

    def measure_lines(self, text: str, prefix: str, terminal: bool) -> dict[str, Any]:
        """What C4's filter leaves of a text, its sentences, and which page rule fires."""
        off = {"filter_lorem_ipsum": False, "filter_curly_bracket": False}
        common = {"filter_no_terminal_punct": terminal}
        call_filter(C4QualityFilter(**common, **off, min_num_sentences=self.sentences), text)
        _, left = call_filter(C4QualityFilter(**common, **off, min_num_sentences=-1), text)
        values: dict[str, Any] = {
            f"{prefix}_sentence_count": self.sentences.take(),
            f"{prefix}_left": int(hashlib.blake2b(left.encode(), digest_size=8).hexdigest(), 16),
        }
        for rule in off:
            block = C4QualityFilter(**common, **{**off, rule: True}, min_num_sentences=-1)
            name = rule.removeprefix("filter_")
            values[f"{prefix}_has_{name}"] = 1 - call_filter(block, text)[0]
        return values

    def measure_text(self, text: str) -> dict[str, Any]:
        """Every value and every default decision for one text."""
        values: dict[str, Any] = self.measure_quality(text)
        values |= self.measure_lines(text, "c4_terminal", True)
        values |= self.measure_lines(text, "c4", False)
        for name, block in self.defaults.items():
            values[f"{name}@datatrove"] = call_filter(block, text)[0]
        return values


def read_records(path: Path) -> list[dict[str, str]]:
    """Read the lines of the texts' file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_values(records: list[dict[str, str]], path: Path) -> None:
    """Measure all texts and write the arrays."""
    measurer = Measurer()
    rows = [measurer.measure_text(record["text"]) for record in records]
    digests = [int(record["digest"], 16) for record in records]
    filters = [name for name in rows[0] if name.endswith("_left")]
    tables = [name for name in rows[0] if "@" in name]
    names = [name for name in rows[0] if name not in (*filters, *tables)]
    np.savez_compressed(
        path,
        digests=np.array(digests, np.uint64),
        names=np.array(names),
        # Column by column the file is smaller.
        values=np.asfortranarray([[row[name] for name in names] for row in rows]),
        filters=np.array([name.removesuffix("_left") + "@datatrove" for name in filters]),
        left=np.array([[row[name] for name in filters] for row in rows], np.uint64),
        tables=np.array(tables),
        kept=np.array([[row[name] == 1 for name in tables] for row in rows]),
    )


def time_filters(records: list[dict[str, str]]) -> dict[str, float]:
    """CPU seconds that each filter takes for all texts, each asked about every text.

    Words are cut once per text, in the first filter that needs them, and kept for the
    others by datatrove's own cache: so it is in its pipelines.
    """
    filters = Measurer().defaults
    chosen = {
        name: filters[name] for name in ("gopher_repetition", "gopher_quality", "c4", "fineweb")
    }
    for block in chosen.values():
        call_filter(block, "It loads what it needs. It does so now.")
    seconds = dict.fromkeys(chosen, 0.0)
    for record in records:
        for name, block in chosen.items():
            started = time.process_time()
            call_filter(block, record["text"])
            seconds[name] += time.process_time() - started
    return seconds


def main() -> None:
    """Measure all texts of a file, or time the filters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--time", action="store_true")
    arguments = parser.parse_args()
    records = read_records(arguments.texts)
    if arguments.time:
        arguments.out.write_text(json.dumps(time_filters(records)) + "\n", encoding="utf-8")
    else:
        write_values(records, arguments.out)


if __name__ == "__main__":
    main()
