"""Record what DCLM's own filters say of texts; runs where DCLM's requirements are installed.

    python -m venv .venv-dclm
    .venv-dclm/bin/pip install 'numpy<2' uniseg==0.10.1 fasttext-wheel==0.9.2 nltk==3.8.1 \\
        retrie justext lxml_html_clean beautifulsoup4 unidecode
    python tests/real_texts.py TEXTS.jsonl
    DCLM=/path/to/dclm .venv-dclm/bin/python tests/benchmarks/peer_rules_dclm.py TEXTS.jsonl OUT.npz

`DCLM` is a checkout of github.com/mlfoundations/dclm. Its filters only answer yes or no: a
threshold that notes what it is compared with tells the number. OUT holds `digests` (n,) uint64
of the texts; `values` (n, m) float64; CRC-32 of what the two line filters leave: `lines` and
`c4_lines` (n,) uint32.
"""

import functools
import importlib.util
import json
import multiprocessing
import os
import sys
import types
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(os.environ["DCLM"])
FILTERS = (
    ("page_length_filter", {"length_type": "word", "ignore_punctuation": True}, "min_length", 0.0),
    ("word_length_filter", {}, "min_length", 0.0),
    ("symbol_ratio_filter", {}, "max_symbol_to_word_ratio", float("inf")),
    ("bullet_count_filter", {}, "max_bullet_start_ratio", 0.0),
    ("ellipsis_count_filter", {}, "max_ellipsis_end_ratio", 0.0),
    ("alphabetic_word_ratio_filter", {}, "max_ratio", 1.0),
    ("stop_word_filter", {"count_unique": False}, "min_stop_word", 0.0),
)
CORRECTION = (
    ("uppercase_ratio_line_modifier", {"max_ratio": 0.5}),
    ("numeric_ratio_line_modifier", {"max_ratio": 0.999999}),
    ("counter_line_modifier", None),
    ("line_length_modifier", {"min_length": 2}),
    ("substring_line_modifier",
     {"banlist": "items in cart", "max_length": 10, "remove_substring_only": True}),
    ("substring_line_modifier",
     {"banlist": "Read more...", "max_length": 10, "location": "suffix",
      "remove_substring_only": True}),
    ("substring_line_modifier",
     {"banlist": "Sign-in", "max_length": 10, "location": "prefix",
      "remove_substring_only": True}),
)  # fmt: skip
POLICY = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
          "use cookies"]  # fmt: skip
C4 = (
    ("word_length_modifier", {"max_length": 1000, "model": "split"}),
    ("citation_removal_modifier", None),
    ("punctuation_line_modifier", {"remove_ellipses": True}),
    ("line_length_modifier", {"min_length": 5}),
    ("substring_filter", {"banlist": ["lorem ipsum"]}),
    ("substring_line_modifier", {"banlist": ["javascript"]}),
    ("substring_filter", {"banlist": ["{"]}),
    ("substring_line_modifier", {"banlist": POLICY}),
)
FACTORIES = {
    "counter_line_modifier", "substring_line_modifier", "citation_removal_modifier",
    "punctuation_line_modifier", "substring_filter",
}  # fmt: skip


class Probe(float):
    """A threshold that notes what it is compared with, and never drops."""

    noted: float | None = None
    whole: int = 1

    def __mul__(self, whole: Any) -> "Probe":
        self.whole = whole
        return self

    def __lt__(self, value: Any) -> bool:
        self.noted = value
        return False

    __gt__ = __le__ = __lt__

    def __ge__(self, value: Any) -> bool:
        self.noted = value
        return True


@functools.cache
def load_peer() -> tuple[types.ModuleType, types.ModuleType, Callable[..., Any]]:
    """Import DCLM's filters, modifiers and word counter without its model code."""
    for name in ("baselines", "baselines.mappers", "baselines.mappers.filters", "core"):
        # Their own __init__ files import every model that DCLM uses.
        package = types.ModuleType(name)
        folder = name if name.startswith("baselines") else f"baselines.{name}"
        package.__path__ = [str(REPOSITORY.joinpath(*folder.split(".")))]
        sys.modules[name] = package
    if importlib.util.find_spec("transformers") is None:
        stub = types.ModuleType("transformers")
        stub.AutoTokenizer = None  # type: ignore[attr-defined]
        sys.modules["transformers"] = stub
    from baselines.mappers import core_utils, modifiers
    from baselines.mappers.filters import content_filters

    return content_filters, modifiers, core_utils.split_words


def build(module: types.ModuleType, name: str, settings: dict[str, Any] | None) -> Any:
    """Make a step that takes a page: DCLM's factories give one, its functions are one."""
    function = getattr(module, name)
    if name in FACTORIES:
        return function(**(settings or {}))
    return functools.partial(function, **(settings or {}))


def run_steps(steps: list[Any], text: str) -> str:
    """Apply steps to a page; gives what is left, empty if the page is dropped."""
    pages = [{"text": text}]
    for step in steps:
        pages = step(pages[0]) if pages else []
    return pages[0]["text"] if pages else ""


@functools.cache
def make_steps(kind: str) -> tuple[list[Any], Any]:
    """Build the steps of a line filter once."""
    filters, modifiers, _ = load_peer()
    steps = []
    for name, settings in CORRECTION if kind == "lines" else C4:
        module = filters if name == "substring_filter" else modifiers
        steps.append(build(module, name, settings))
    newlines = modifiers.newline_removal_modifier(max_consecutive=2)
    return steps, newlines


def measure_filters(filters: types.ModuleType, page: dict[str, str]) -> Iterator[float]:
    """Give the value behind each of the quality filters."""
    for name, settings, threshold, otherwise in FILTERS:
        if name == "stop_word_filter":
            yield count_stop_words(filters, page)
            continue
        probe = Probe(0.0)
        kept = getattr(filters, name)(dict(page), **settings, **{threshold: probe})
        if probe.noted is None:
            assert not kept
            yield otherwise
        else:
            yield probe.noted / probe.whole if probe.whole else 0.0


def count_stop_words(filters: types.ModuleType, page: dict[str, str]) -> float:
    """Find how many stop words DCLM counts: the largest minimum that it still keeps."""
    noted: list[float] = []

    class Minimum(float):
        def __le__(self, value: Any) -> bool:
            noted.append(value)
            return False

    filters.stop_word_filter(dict(page), min_stop_word=Minimum(1e9))
    return max(noted, default=0.0)


def measure_repetition(filters: types.ModuleType, page: dict[str, str]) -> Iterator[float]:
    """Give the value behind each of the repetition filters, 0 where one lets the page pass."""
    cache: dict[str, Any] = {}
    parts: tuple[tuple[Any, bool], ...] = (
        ("line", False), ("paragraph", False), ("line", True), ("paragraph", True),
        *((order, True) for order in range(2, 11)),
    )  # fmt: skip
    for part, by_characters in parts:
        probe = Probe(0.0)
        kept = filters.repetition_filter(
            dict(page), part, probe, count_characters=by_characters, cache=cache
        )
        yield probe.noted if probe.noted is not None else (0.0 if kept else 1.0)


def measure(text: str) -> tuple[list[float], int, int]:
    """Measure one document: its values, digests of what the two line filters leave."""
    filters, _, split_words = load_peer()
    steps, newlines = make_steps("lines")
    page = newlines({"text": text})[0]
    values = [float(len(text)), *measure_filters(filters, page)]
    values += measure_repetition(filters, page)
    before = len(split_words(page["text"], ignore_punctuation=True))
    left = run_steps(steps, page["text"])
    removed = Probe(0.0)
    if left:
        filters.word_removal_ratio_filter({"text": left, "n": before}, "n", None, removed)
    values.append(1.0 if removed.noted is None else removed.noted)
    after_c4 = run_steps(make_steps("c4")[0], text)
    return values, zlib.crc32(left.encode()), zlib.crc32(after_c4.encode())


def main(documents: str, record: str) -> None:
    """Read documents, measure them in several processes, write the record."""
    with open(documents, encoding="utf-8") as lines:
        pages = [json.loads(line) for line in lines]
    with multiprocessing.Pool() as pool:
        rows = pool.map(measure, [page["text"] for page in pages], chunksize=16)
    np.savez_compressed(
        record,
        digests=np.array([int(page["digest"], 16) for page in pages], np.uint64),
        values=np.array([row[0] for row in rows], np.float64),
        lines=np.array([row[1] for row in rows], np.uint32),
        c4_lines=np.array([row[2] for row in rows], np.uint32),
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
