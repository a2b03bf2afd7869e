"""What is known of each block of a page, as numbers for the model that finds the content."""

from typing import Final

import numpy as np

from gristmill.cleaning import page_sums as total
from gristmill.cleaning.page_blocks import PageBlocks
from gristmill.cleaning.page_contexts import (
    fill_groups,
    fill_jumps,
    fill_landmarks,
    fill_page,
    fill_windows,
)
from gristmill.cleaning.page_feature_rows import FEATURES, Features
from gristmill.cleaning.page_sums import Places
from gristmill.cleaning.page_surroundings import (
    fill_ancestry,
    fill_neighbours,
    fill_own,
    fill_places,
)

#: A part of a page is the topmost container with at most this share of the words.
_LARGE_PART: Final = 0.6
_SMALL_PART: Final = 0.2


def _number_texts(blocks: PageBlocks) -> tuple[Places, Places]:
    looks = total.number_groups(total.hash_looks(blocks.table, blocks.containers))
    texts = total.number_groups(total.hash_texts(blocks.table, blocks.text))
    return looks, texts


def compute_features(blocks: PageBlocks, kinds: int) -> Features:
    """Compute the features of every block.

    Args:
        blocks: of one page.
        kinds: what the page calls itself, see `page_kinds.find_kinds`.

    Returns:
        One row per feature, in the order of `FEATURES`; shape (features, n).
    """
    table, containers = blocks.table, blocks.containers
    out = np.empty((len(FEATURES), len(table)), np.float32)
    if not len(table):
        return out
    linked = total.count_linked(table)
    sums = total.sum_containers(table, containers, linked)
    words = float(sums[0, total.WORDS])
    parts = (
        total.find_parts(containers, sums, _LARGE_PART * words),
        total.find_parts(containers, sums, _SMALL_PART * words),
    )
    local = total.gather_bits(containers, sums, _LARGE_PART * words)
    fill_own(table, containers, blocks.text, blocks.size, linked, out)
    fill_ancestry(table, containers, local, out)
    fill_places(table, containers, blocks.same, sums, parts, out)
    fill_neighbours(table, linked, out)
    fill_jumps(table, containers, out)
    fill_windows(table, linked, out)
    fill_landmarks(table, linked, out)
    fill_groups(table, containers, parts, _number_texts(blocks), linked, out)
    fill_page(table, containers, (blocks.size, blocks.page_bits, kinds), sums, linked, out)
    return out
