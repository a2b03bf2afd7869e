"""What NeMo Curator itself says of some texts: scores and decisions of its English heuristics.

Runs in an environment of its own, with NeMo Curator and not with gristmill:

    python -m venv .venv-nemo
    .venv-nemo/bin/pip install --no-deps -r tests/benchmarks/requirements-nemo.txt
    python tests/real_texts.py TEXTS.jsonl
    PYTHONHASHSEED=0 .venv-nemo/bin/python tests/benchmarks/peer_rules_nemo.py TEXTS.jsonl OUT.npz

OUT holds numbers only: `digests` (n,) uint64; `names` (m,) of filters, as its
configuration lists them; `values` (n, m) float64, NaN where the filter raises; `kept`
(n, m) bool; `unstable` (n, m) bool: the score is another one with Python's own sets,
whose order depends on PYTHONHASHSEED. `values` are with sets that keep their order.
`phrases` (p, 2) uint64: length and FNV-1a digest of NeMo's policy phrases.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import nemo_curator
import numpy as np
import numpy.typing as npt
import yaml
from nemo_curator.stages.text.filters.heuristic.repetition import repetition
from nemo_curator.stages.text.filters.heuristic.string import CommonEnglishWordsFilter
from nemo_curator.stages.text.utils.constants import policy_substrings

_CONFIGURATION: Final = "config/text/heuristic_filter_english_pipeline.yaml"


def load_filters() -> dict[str, Any]:
    """Make the filters of NeMo's own configuration, by name, in its order."""
    path = Path(nemo_curator.__file__).parent / _CONFIGURATION
    filters = {}
    for stage in yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]:
        if "filter_obj" in stage:
            options = dict(stage["filter_obj"])
            module, _, name = options.pop("_target_").rpartition(".")
            order = f"({options['n']})" if "n" in options else ""
            filters[name + order] = getattr(importlib.import_module(module), name)(**options)
    return filters


def score_text(rule: Any, text: str) -> float:
    """Score one text; NaN where the filter divides by nothing or has no word to look at."""
    try:
        return float(rule.score_document(text))
    except (ZeroDivisionError, ValueError):
        return float("nan")


def score_all(rule: Any, texts: list[str]) -> npt.NDArray[np.float64]:
    """Score all texts with one filter: shape (n,)."""
    return np.array([score_text(rule, text) for text in texts])


def digest_phrase(phrase: str) -> int:
    """FNV-1a, 64 bits, over characters."""
    state = 0xCBF29CE484222325
    for character in phrase:
        state = (state ^ ord(character)) * 0x100000001B3 % 2**64
    return state


def main(source: str, target: str) -> None:
    """Score and record."""
    with Path(source).open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    texts = [record["text"] for record in records]
    filters = load_filters()
    started = time.perf_counter()
    plain = {name: score_all(rule, texts) for name, rule in filters.items()}
    seconds = time.perf_counter() - started
    # A dict in place of a set keeps the order in which n-grams are first seen.
    repetition.set = dict.fromkeys
    ordered = {
        name: score_all(rule, texts) if "TopNGrams" in name else plain[name]
        for name, rule in filters.items()
    }
    kept = [
        [not np.isnan(score) and bool(rule.keep_document(score)) for score in ordered[name]]
        for name, rule in filters.items()
    ]
    # The one of the configuration stops at two.
    ordered["CommonEnglishWordsFilter"] = score_all(
        CommonEnglishWordsFilter(stop_at_false=False), texts
    )
    unstable = [
        ordered[name] != scores if "TopNGrams" in name else np.zeros(len(texts), np.bool_)
        for name, scores in plain.items()
    ]
    np.savez_compressed(
        target,
        digests=np.array([int(record["digest"], 16) for record in records], np.uint64),
        names=np.array(list(filters)),
        values=np.array(list(ordered.values())).T,
        kept=np.array(kept).T,
        unstable=np.array(unstable).T,
        phrases=np.array(
            [(len(text), digest_phrase(text)) for text in policy_substrings], np.uint64
        ),
    )
    size = sum(len(text.encode()) for text in texts)
    figures = {"documents": len(texts), "scoring_mb_per_second": size / seconds / 1e6}
    print(json.dumps({"figures": figures, "against": {}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
