"""Trains the model that finds main content, on the tuning half of the labelled sets.

``python tests/benchmarks/extraction_training.py`` writes cleaning/models/main_content.npz,
and its digest into cleaning/page_model.py. It needs LightGBM, which gristmill itself does
not: ``pip install lightgbm==4.7.0``. Of the held-out half (see `extraction_sets`) only the
names of the sites are read, so that what `extraction.py` reports is true of pages that the
model has not seen. What Readability finds in the pages of a third set, less those sites,
is added to the lessons. One thread and fixed seeds: the same sets and the same LightGBM
give the same file.
``--folds`` instead reports how models fare that were trained without the fifth of the
domains they are tried on.
"""

import argparse
import hashlib
import json
import re
import sys
import zipfile
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from extraction_labels import label_blocks
from extraction_sets import (
    SCRAPINGHUB,
    SETS,
    LabelledPage,
    load_pages,
    load_readability,
    score_text,
    split_words,
)

from gristmill.cleaning import page_model
from gristmill.cleaning.charset import decode
from gristmill.cleaning.page_blocks import PageBlocks, cut_blocks
from gristmill.cleaning.page_feature_rows import FEATURES
from gristmill.cleaning.page_features import compute_features
from gristmill.cleaning.page_kinds import find_kinds
from gristmill.cleaning.page_trees import LEAF, Trees, lay_out_trees

OUTPUT = Path(page_model.__file__).parent / page_model.WEIGHTS
FOLDS = 5
ROUNDS = 270
SEEDS = (1, 2)  # models that differ in their samples vary less in the mean
LEAST_AGREEMENT = 0.9  # F1 of whole blocks and the gold of an extra page
LEAST_GOLD = 300  # characters of it
#: The small set has 94 pages in the tuning half, the large one 750.
SET_WEIGHTS = {SCRAPINGHUB: 4.0}
PARAMETERS: Mapping[str, Any] = {
    "objective": "cross_entropy",
    "learning_rate": 0.07,
    "num_leaves": 31,
    "max_depth": 8,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}


class StoredTrees(NamedTuple):
    """Trees as the file has them; see `page_trees.lay_out_trees`."""

    sizes: npt.NDArray[np.int32]
    features: npt.NDArray[np.int16]
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """A page cut into blocks, with what they are and what they should be.

    Attributes:
        page: the page.
        blocks: its blocks.
        kinds: what it calls itself.
        texts: their texts.
        features: see `compute_features`, one row per block; shape (n, features).
        shares: share of each block's words that the gold has, shape (n,).
        weights: of the blocks; those of a page sum up to about 1; shape (n,).
    """

    page: LabelledPage
    blocks: PageBlocks
    kinds: int
    texts: list[str]
    features: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @property
    def fold(self) -> int:
        """Which fold the page's domain is in."""
        return self.page.draw("fold") % FOLDS


def prepare_lesson(page: LabelledPage) -> Lesson:
    """Cut a page, compute its features and align it with its gold."""
    decoded = decode(page.html, None)
    html = decoded.text.encode("utf-8", "replace") if decoded else b""
    blocks, kinds = cut_blocks(html), find_kinds(html)
    texts = blocks.texts()
    words = blocks.column("words").astype(np.float64)
    # Every page counts alike, as in the mean of F1; 20 words keep tiny pages from shouting.
    weights = words / (0.5 * words.sum() + 0.5 * len(split_words(page.gold)) + 20)
    return Lesson(
        page,
        blocks,
        kinds,
        texts,
        np.ascontiguousarray(compute_features(blocks, kinds).T),
        label_blocks(texts, page.gold),
        weights * SET_WEIGHTS.get(page.set_name, 1.0),
    )


def load_lessons() -> list[Lesson]:
    """Lessons of the tuning half of both sets."""
    return [prepare_lesson(page) for name in SETS for page in load_pages(name) if not page.held_out]


def load_extra_lessons() -> list[Lesson]:
    """Lessons of Readability's pages, but for those of sites in the held-out half."""
    pages = [page for name in SETS for page in load_pages(name) if page.held_out]
    domains = {page.domain for page in pages}
    names = {domain.partition(".")[0] for domain in domains}
    lessons = []
    for page, expected in load_readability():
        site = page.name.rstrip("0123456789").rstrip("-")  # pages are called nytimes-1 ...
        if (page.url and page.domain in domains) or site in names:
            continue
        gold = "\n".join(cut_blocks(expected).texts())
        lesson = prepare_lesson(replace(page, gold=gold))
        kept = [t for t, share in zip(lesson.texts, lesson.shares, strict=True) if share > 0.5]
        # What can hardly be made of whole blocks teaches little about blocks.
        if score_text("\n".join(kept), gold).f1 >= LEAST_AGREEMENT and len(gold) >= LEAST_GOLD:
            lessons.append(lesson)
    return lessons


def train_trees(lessons: Sequence[Lesson]) -> StoredTrees:
    """Train one model per seed on lessons, and add them up.

    Raises:
        SystemExit: LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError:
        raise SystemExit("training needs LightGBM: pip install lightgbm==4.7.0") from None
    weights = np.concatenate([lesson.weights for lesson in lessons])
    features = np.concatenate([lesson.features for lesson in lessons])
    shares = np.concatenate([lesson.shares for lesson in lessons])
    found = []
    for seed in SEEDS:
        data = lightgbm.Dataset(features, shares, weight=weights / weights.mean())
        model = lightgbm.train({**PARAMETERS, "seed": seed}, data, ROUNDS)
        found += [tree["tree_structure"] for tree in model.dump_model()["tree_info"]]
    trees = flatten_trees(found)
    # The mean of the models: each leaf counts for its share.
    values = np.where(trees.features == LEAF, trees.values / len(SEEDS), trees.values)
    return trees._replace(values=values.astype(np.float32))


def flatten_trees(structures: Sequence[Mapping[str, Any]]) -> StoredTrees:
    """Lay trees out as arrays, level by level, the two nodes below another side by side."""
    sizes: list[int] = []
    nodes: list[tuple[int, float]] = []
    for structure in structures:
        first = len(nodes)
        waiting = deque([structure])
        while waiting:
            node = waiting.popleft()
            if "leaf_value" in node:
                nodes.append((LEAF, node["leaf_value"]))
                continue
            nodes.append((node["split_feature"], _round_down(node["threshold"])))
            waiting += [node["left_child"], node["right_child"]]
        sizes.append(len(nodes) - first)
    features, values = zip(*nodes, strict=True)
    return StoredTrees(
        np.array(sizes, np.int32), np.array(features, np.int16), np.array(values, np.float32)
    )


def _round_down(threshold: float) -> float:
    """The largest float32 at most `threshold`: the same float32 features are at or below it."""
    rounded = np.float32(threshold)
    if float(rounded) > threshold:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    return float(rounded)


def write_trees(trees: StoredTrees, path: Path) -> None:
    """Write a model so that equal models are equal files: fixed dates in the archive."""
    path.parent.mkdir(exist_ok=True)
    arrays = trees._asdict() | {"names": np.array(FEATURES)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def pin_weights(weights: Path, module: Path) -> str:
    """Write the digest of a model into the source of the module that reads it.

    Returns:
        The line that was written.

    Raises:
        ValueError: the module has no line for it.
    """
    line = f'WEIGHTS_SHA256: Final = "{hashlib.sha256(weights.read_bytes()).hexdigest()}"'
    source, found = re.subn(r"^WEIGHTS_SHA256: Final = .*$", line, module.read_text(), flags=re.M)
    if found != 1:
        raise ValueError(f"{module} has {found} lines that start with WEIGHTS_SHA256")
    module.write_text(source)
    return line


def score_lesson(lesson: Lesson, trees: Trees) -> float:
    """F1 of what a model keeps of a page."""
    keep = page_model.choose_blocks(lesson.blocks, lesson.kinds, trees)
    kept = (text for text, is_kept in zip(lesson.texts, keep, strict=True) if is_kept)
    return score_text("\n".join(kept), lesson.page.gold).f1


def try_folds(lessons: Sequence[Lesson], extra: Sequence[Lesson]) -> dict[str, float]:
    """Mean F1 per set over models that have not seen the page's domain."""
    scores: dict[str, list[float]] = {name: [] for name in SETS}
    for fold in range(FOLDS):
        others = [lesson for lesson in lessons if lesson.fold != fold]
        trees = lay_out_trees(*train_trees([*others, *extra]))
        for lesson in lessons:
            if lesson.fold == fold:
                scores[lesson.page.set_name].append(score_lesson(lesson, trees))
    return {name: sum(found) / len(found) for name, found in scores.items()}


def main() -> None:
    """Train and write the model, or try it in folds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folds", action="store_true", help="report F1 over folds by domain")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file to write")
    arguments = parser.parse_args()
    lessons, extra = load_lessons(), load_extra_lessons()
    counts = Counter(lesson.page.set_name for lesson in [*lessons, *extra])
    sys.stderr.write(f"{len(FEATURES)} features; pages: {dict(counts)}\n")
    if arguments.folds:
        sys.stdout.write(json.dumps(try_folds(lessons, extra)) + "\n")
        return
    write_trees(train_trees([*lessons, *extra]), arguments.output)
    sys.stdout.write(f"{arguments.output}: {arguments.output.stat().st_size:,} bytes\n")
    if arguments.output == OUTPUT:
        sys.stdout.write(pin_weights(OUTPUT, Path(page_model.__file__)) + "\n")


if __name__ == "__main__":
    main()
