"""From a text's vector to its labels: softmax, independent labels, hierarchical softmax.

Scores are fastText's own: the logarithm of a probability is taken of the probability and
0.00001, so that a certain label scores 1.00001.
"""

import math
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.fasttext_format import LOSSES, Floats, Ints

HIERARCHICAL: Final = 1 + LOSSES.index("hs")
SOFTMAX: Final = 1 + LOSSES.index("softmax")

_FLOOR: Final = 1e-5  # fastText's std_log
#: The count of a node of the tree that has none yet: no label may have as many.
UNSEEN_COUNT: Final = 10**15
_TABLE_STEPS: Final = 512
_TABLE_EDGE: Final = 8.0
_LEAST_LOG: Final = np.float32(math.log(_FLOOR))  # below, fastText leaves the tree
_NOTHING: Final = np.float32(-np.inf)


class OutputTables(NamedTuple):
    """The output matrix and, for hierarchical softmax, the tree over the labels.

    `weights` (labels, dim) float32; `columns` its transpose; `children` (nodes, 2) and
    `parents` (nodes,) int32, -1 for none: labels are the first nodes, the root the last.
    `sigmoids`: fastText's table for independent labels. `loss` (1,): its number.
    """

    weights: Floats
    columns: Floats
    children: npt.NDArray[np.int32]
    parents: npt.NDArray[np.int32]
    sigmoids: Floats
    loss: Ints


class Best(NamedTuple):
    """The likeliest labels so far, likeliest first: `labels` (k,) int32, `logs` (k,) float32."""

    labels: npt.NDArray[np.int32]
    logs: Floats


def build_outputs(weights: Floats, counts: Ints, loss: int) -> OutputTables:
    """Prepare an output matrix.

    Args:
        weights: (labels, dim), at least one label.
        counts: (labels,) occurrences below `UNSEEN_COUNT`, of which the tree is made.
        loss: number of the loss.
    """
    aligned = np.array(weights, np.float32, order="C")
    nodes = 2 * len(counts) - 1 if loss == HIERARCHICAL else 0
    children, parents = np.full((nodes, 2), -1, np.int32), np.full(nodes, -1, np.int32)
    if nodes:
        _grow_tree(counts, children, parents)
    return OutputTables(
        aligned,
        np.ascontiguousarray(aligned.T),
        children,
        parents,
        build_sigmoids(),
        np.array([loss], np.int64),
    )


def build_sigmoids() -> Floats:
    """Tabulate the logistic function from -8 to 8 in 512 steps, as fastText does."""
    edges = np.arange(_TABLE_STEPS + 1) * (2 * _TABLE_EDGE) / _TABLE_STEPS - _TABLE_EDGE
    edges = edges.astype(np.float32)
    return np.array([1.0 / (1.0 + math.exp(-edge)) for edge in edges.tolist()], np.float32)


def _grow_tree(
    counts: Ints, children: npt.NDArray[np.int32], parents: npt.NDArray[np.int32]
) -> None:
    """Join the two rarest nodes again and again (Huffman); labels come by falling count."""
    labels = len(counts)
    sums = [*(int(count) for count in counts), *[UNSEEN_COUNT] * (labels - 1)]
    leaf, node = labels - 1, labels
    for joined in range(labels, 2 * labels - 1):
        for side in (0, 1):
            if leaf >= 0 and sums[leaf] < sums[node]:
                child, leaf = leaf, leaf - 1
            else:
                child, node = node, node + 1
            children[joined, side] = child
            parents[child] = joined
        sums[joined] = sum(sums[child] for child in children[joined])


@numba.njit(cache=True, nogil=True, forceinline=True)
def look_up_sigmoid(sigmoids: Floats, value: float) -> np.float32:
    """Compute the logistic function as coarsely as fastText does."""
    if not value >= -_TABLE_EDGE:  # NaN, too
        return np.float32(0.0)
    if value > _TABLE_EDGE:
        return np.float32(1.0)
    step = np.int64((value + _TABLE_EDGE) * _TABLE_STEPS / _TABLE_EDGE / 2)
    return np.float32(sigmoids[step])


@numba.njit(cache=True, nogil=True)
def write_outputs(outputs: OutputTables, hidden: Floats, scores: Floats) -> None:
    """Compute the probability of each label; not for hierarchical softmax.

    Sums run over the dimensions in order, for all labels at once.
    """
    scores[:] = 0
    for dimension in range(hidden.size):
        weight = hidden[dimension]
        for label in range(scores.size):
            scores[label] += weight * outputs.columns[dimension, label]
    if outputs.loss[0] != SOFTMAX:
        for label in range(scores.size):
            scores[label] = look_up_sigmoid(outputs.sigmoids, scores[label])
        return
    largest = scores[0]
    for label in range(scores.size):
        largest = max(largest, scores[label])
    total = np.float32(0.0)
    for label in range(scores.size):
        scores[label] = np.float32(math.exp(np.float64(scores[label] - largest)))
        total += scores[label]
    for label in range(scores.size):
        scores[label] /= total


@numba.njit(cache=True, nogil=True, forceinline=True)
def floor_log(probability: float) -> np.float32:
    """Compute a logarithm that stays finite at zero."""
    return np.float32(math.log(probability + _FLOOR))


@numba.njit(cache=True, nogil=True)
def _enter_label(best: Best, label: int, log: np.float32) -> None:
    """Enter a label; one that came before stays ahead of its equals."""
    last = best.logs.size - 1
    if best.labels[last] >= 0 and not log > best.logs[last]:
        return
    place = last
    while place > 0 and (best.labels[place - 1] < 0 or log > best.logs[place - 1]):
        best.labels[place] = best.labels[place - 1]
        best.logs[place] = best.logs[place - 1]
        place -= 1
    best.labels[place] = label
    best.logs[place] = log


@numba.njit(cache=True, nogil=True, forceinline=True)
def _branch_right(outputs: OutputTables, hidden: Floats, node: int) -> np.float32:
    """Compute the probability of the right branch of an inner node."""
    row = node - outputs.weights.shape[0]
    total = np.float32(0.0)
    for dimension in range(hidden.size):
        total += hidden[dimension] * outputs.weights[row, dimension]
    return np.float32(1.0 / (1.0 + np.float64(np.float32(math.exp(-np.float64(total))))))


@numba.njit(cache=True, nogil=True)
def _descend_tree(
    outputs: OutputTables,
    hidden: Floats,
    best: Best,
    nodes: npt.NDArray[np.int32],
    logs: Floats,
) -> None:
    """Visit the branches that can still hold one of the k likeliest labels, left first."""
    labels, last = outputs.weights.shape[0], best.logs.size - 1
    nodes[0], logs[0] = 2 * labels - 2, 0.0
    depth = 1
    while depth > 0:
        depth -= 1
        node, log = nodes[depth], logs[depth]
        if log < _LEAST_LOG or (best.labels[last] >= 0 and log < best.logs[last]):
            continue
        if node < labels:
            _enter_label(best, node, log)
            continue
        right = _branch_right(outputs, hidden, node)
        nodes[depth] = outputs.children[node, 1]
        logs[depth] = log + floor_log(np.float64(right))
        nodes[depth + 1] = outputs.children[node, 0]
        logs[depth + 1] = log + floor_log(1.0 - np.float64(right))
        depth += 2


@numba.njit(cache=True, nogil=True)
def choose_labels(outputs: OutputTables, hidden: Floats, best: Best, scores: Floats) -> None:
    """Find the k likeliest labels of a text.

    Args:
        outputs: of the model.
        hidden: (dim,) vector of the text.
        best: is overwritten; -1 and 0 stay where there are fewer labels than k, or, in
            hierarchical softmax, fewer that score 0.00001. `logs` become probabilities.
        scores: (labels + 1,) scratch.
    """
    best.labels[:] = -1
    best.logs[:] = _NOTHING
    labels = outputs.weights.shape[0]
    if outputs.loss[0] == HIERARCHICAL:
        nodes = np.empty(labels + 1, np.int32)
        _descend_tree(outputs, hidden, best, nodes, scores)
    else:
        write_outputs(outputs, hidden, scores[:labels])
        for label in range(labels):
            _enter_label(best, label, floor_log(np.float64(scores[label])))
    for place in range(best.logs.size):
        best.logs[place] = np.float32(math.exp(np.float64(best.logs[place])))


@numba.njit(cache=True, nogil=True)
def score_label(outputs: OutputTables, hidden: Floats, label: int, scores: Floats) -> np.float32:
    """Compute the score of one label; `scores` (labels,) is scratch."""
    if outputs.loss[0] != HIERARCHICAL:
        write_outputs(outputs, hidden, scores)
        return np.float32(math.exp(np.float64(floor_log(np.float64(scores[label])))))
    log, node = np.float32(0.0), label
    while outputs.parents[node] >= 0:
        parent = outputs.parents[node]
        right = np.float64(_branch_right(outputs, hidden, parent))
        chosen = right if outputs.children[parent, 1] == node else 1.0 - right
        log += floor_log(chosen)
        node = parent
    return np.float32(math.exp(np.float64(log)))


# kernels of: ba63fce1a1e9a83b
