"""Chooses the blocks of a page that are its main content, by a learned model of trees."""

import dataclasses
import functools
import hashlib
import io
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning.page_blocks import PageBlocks
from gristmill.cleaning.page_feature_rows import FEATURES, Features
from gristmill.cleaning.page_features import compute_features
from gristmill.cleaning.page_sums import compiled
from gristmill.cleaning.page_trees import Trees, lay_out_trees, sum_leaves
from gristmill.schemas.errors import CorruptFileError

WEIGHTS: Final = "models/main_content.npz"
#: Digest of that file. New weights so change this module, and what was extracted with it.
WEIGHTS_SHA256: Final = "838621a48279c7b6647de1f2ff19a099ad99293f13c3f84e5ed9af5480042f41"
#: Where no block has this share, there is no main content; chosen on the tuning half.
_LEAST_BEST: Final = 0.1
#: At once: 12 MB of features. Not a power of two, which would put all rows of features in
#: the same few places of the processor's cache: several times as slow.
_MOST_BLOCKS: Final = 10_000
#: An article has so many words of running text outside comments, and not next to all in them.
_ARTICLE_WORDS: Final = 30
_ALL_COMMENTS: Final = 0.97
_NEAR: Final = 2  # keyword in a part of the page, not only around all of it
_IS_ARTICLE: Final = [FEATURES.index(name) for name in ("page_og_article", "page_says_article")]
_IS_FORUM: Final = FEATURES.index("page_says_forum")
_COMMENT: Final = FEATURES.index("class_comment")
_UNCOMMENTED: Final = FEATURES.index("big_uncommented")
_COMMENTED_SHARE: Final = FEATURES.index("page_big_commented_share")
_WORDS: Final = at.COLUMNS["words"]


@functools.cache
def load_trees() -> Trees:
    """Read the trees that are shipped with gristmill.

    Raises:
        CorruptFileError: the file is not the one that this module was made with, or its
            trees want other features than `FEATURES`; only a broken installation gives that.
    """
    file = resources.files("gristmill.cleaning").joinpath(WEIGHTS)
    stored = file.read_bytes()
    if hashlib.sha256(stored).hexdigest() != WEIGHTS_SHA256:
        raise CorruptFileError(f"{file} is not the file that gristmill ships: install it anew")
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        if tuple(arrays["names"].tolist()) != FEATURES:
            raise CorruptFileError(f"{file} is of another version of gristmill: install it anew")
        return lay_out_trees(arrays["sizes"], arrays["features"], arrays["values"])


def predict_content(features: Features, trees: Trees | None = None) -> npt.NDArray[np.float32]:
    """Predict the share of each block's words that is main content.

    Args:
        features: see `compute_features`, shape (features, n).
        trees: those that are shipped, unless given.

    Returns:
        Shape (n,), from 0 to 1.
    """
    sums = sum_leaves(trees or load_trees(), features)
    # In double precision: exp of float32 differs in its last bit from processor to processor.
    return np.asarray(1 / (1 + np.exp(-sums.astype(np.float64))), np.float32)


def find_comments(features: Features) -> npt.NDArray[np.bool_]:
    """Find the blocks that are readers' comments on an article, shape (n,).

    Only of pages that call themselves articles, and not forums, and that have running
    text outside what their class names call comments.
    """
    if not features.shape[1]:
        return np.zeros(0, np.bool_)
    page = features[:, -1]
    is_article = page[_IS_ARTICLE].any() and not page[_IS_FORUM]
    has_text = page[_UNCOMMENTED] >= _ARTICLE_WORDS and page[_COMMENTED_SHARE] < _ALL_COMMENTS
    near: npt.NDArray[np.bool_] = features[_COMMENT] >= _NEAR
    return near if is_article and has_text else np.zeros(len(near), np.bool_)


@compiled
def _keep_best(shares: npt.NDArray[np.float32], words: npt.NDArray[np.int64]) -> Any:
    """Keep the blocks with the highest shares, as many as make the expected F1 highest."""
    keep = np.zeros(len(shares), np.bool_)
    order = np.argsort(-shares, kind="mergesort")
    wanted = 0.0
    for block in order:
        wanted += shares[block] * max(1, words[block])
    found = kept = best = 0.0
    count = 0
    for index in range(len(order)):
        size = max(1, words[order[index]])
        found += shares[order[index]] * size
        kept += size
        if found / (kept + wanted) > best:
            best = found / (kept + wanted)
            count = index + 1
    for block in order[:count]:
        keep[block] = True
    return keep


def choose_blocks(
    blocks: PageBlocks, kinds: int = 0, trees: Trees | None = None
) -> npt.NDArray[np.bool_]:
    """Choose the blocks that are the main content of a page.

    Those are kept that make the expected F1 over words highest, if the model's shares
    are taken at their word: a page that the model is sure of loses what is doubtful,
    and of a page where all is doubtful more is kept.

    Args:
        blocks: of one page.
        kinds: what the page calls itself, see `page_kinds.find_kinds`; 0 for nothing known.
        trees: those that are shipped, unless given.

    Returns:
        True for the blocks to keep, shape (n,). All False where nothing looks like content.
    """
    if len(blocks) > _MOST_BLOCKS:
        parts = range(0, len(blocks), _MOST_BLOCKS)
        tables = [blocks.table[first : first + _MOST_BLOCKS] for first in parts]
        pages = [dataclasses.replace(blocks, table=table) for table in tables]
        return np.concatenate([choose_blocks(page, kinds, trees) for page in pages])
    features = compute_features(blocks, kinds)
    shares = predict_content(features, trees)
    shares[find_comments(features)] = 0
    if not len(shares) or shares.max() < _LEAST_BEST:
        return np.zeros(len(shares), np.bool_)
    keep: npt.NDArray[np.bool_] = _keep_best(shares, blocks.column("words"))
    return keep


# kernels of: 7eb2cc95e76bd90c
