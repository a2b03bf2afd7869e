"""Which words of a page's blocks are in its gold: alignment of two sequences of words."""

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from extraction_sets import split_words

#: Cost of a run of matching words; nearly a match, so that lone matches hardly pay.
OPENING = 0.95
#: Cells of the alignment's table, at most; of longer pages the end is not aligned.
MAX_CELLS = 6e8

Ids = npt.NDArray[np.int32]


def label_blocks(texts: Sequence[str], gold: str) -> npt.NDArray[np.float64]:
    """Share of each block's words that the gold has, in its order; shape (blocks,).

    Words that match out of order are found in a second pass over what is left.
    """
    numbers: dict[str, int] = {}
    by_block = [split_words(text) for text in texts]
    lengths = np.array([len(words) for words in by_block], np.int64)
    page = _number_words([word for words in by_block for word in words], numbers)
    wanted = _number_words(split_words(gold), numbers)
    found = _match_words(page, wanted)
    ends = np.cumsum(lengths)
    before = np.concatenate([[0], np.cumsum(found)])
    hits = before[ends] - before[ends - lengths]
    return np.asarray(hits / np.maximum(1, lengths))


def _number_words(words: Sequence[str], numbers: dict[str, int]) -> Ids:
    return np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int32)


def _match_words(page: Ids, gold: Ids) -> npt.NDArray[np.bool_]:
    found, used = np.zeros(len(page), bool), np.zeros(len(gold), bool)
    for _ in range(2):
        left, wanted = np.flatnonzero(~found), np.flatnonzero(~used)
        left = left[np.isin(page[left], gold[wanted])]
        wanted = wanted[np.isin(gold[wanted], page[left])]
        if not len(left) or not len(wanted):
            break
        left = left[: max(1, int(MAX_CELLS // len(wanted)))]
        matches = align_words(page[left], gold[wanted])
        found[left[matches >= 0]] = True
        used[wanted[matches[matches >= 0]]] = True
    return found


@numba.njit(cache=True)
def align_words(page: Ids, gold: Ids) -> Any:
    """Align two sequences for the most matches, where each run of matches costs `OPENING`.

    Gotoh's scheme with two states, in a run and between runs, over a table of
    len(page) * len(gold) bytes.

    Returns:
        For each word of the page, its place in the gold or -1.
    """
    width = len(gold) + 1
    in_run = np.full(width, -1e9, np.float32)
    between = np.zeros(width, np.float32)
    steps = np.zeros((len(page) + 1, width), np.uint8)
    for i in range(1, len(page) + 1):
        run_before, between_before = in_run[0], between[0]
        for j in range(1, width):
            run_above, between_above = in_run[j], between[j]
            step = 0
            run = np.float32(-1e9)
            if page[i - 1] == gold[j - 1]:
                opened = between_before + np.float32(1 - OPENING)
                run = max(run_before + 1, opened)
                step = run_before + 1 >= opened
            best, source = between_above, 0
            for score, kind in ((between[j - 1], 1), (run_above, 2), (in_run[j - 1], 3)):
                if score > best:
                    best, source = score, kind
            in_run[j], between[j] = run, best
            steps[i, j] = step | source << 1
            run_before, between_before = run_above, between_above
    return _trace_back(steps, in_run[-1] > between[-1])


@numba.njit(cache=True)
def _trace_back(steps: npt.NDArray[np.uint8], in_run: bool) -> Any:
    i, j = steps.shape[0] - 1, steps.shape[1] - 1
    matches = np.full(i, -1, np.int32)
    while i > 0 and j > 0:
        step = steps[i, j]
        if in_run:
            matches[i - 1] = j - 1
            in_run = step & 1 == 1
            i -= 1
            j -= 1
            continue
        source = step >> 1
        in_run = source >= 2
        if source in (0, 2):
            i -= 1
        else:
            j -= 1
    return matches
