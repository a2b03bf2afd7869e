"""A fastText model at work: labels and scores of whole batches of texts.

The kernels read the Arrow buffers in place. Every sum has a fixed order, so a text has one
score, whatever batch it is in.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.fasttext_features import FeatureTables, build_tables
from gristmill.cleaning.fasttext_format import (
    LABEL_PREFIX,
    SUPERVISED,
    Bytes,
    Floats,
    ModelFile,
    QuantizedMatrix,
)
from gristmill.cleaning.fasttext_outputs import (
    Best,
    OutputTables,
    build_outputs,
    choose_labels,
    score_label,
)
from gristmill.cleaning.fasttext_reading import read_model
from gristmill.cleaning.fasttext_sums import WordCache, average_text, new_cache, new_scratch
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.text_spans import Spans, cut_spans, span_texts
from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import InputError, UsageError

#: Cost is linear in text; for languages, 2,000 characters decide as well as all.
LONGEST_CHARS: Final = 2000


class _Parts(NamedTuple):
    """A model: what it reads, a row (float32) per feature, what it answers."""

    tables: FeatureTables
    matrix: Floats
    outputs: OutputTables


@numba.njit(cache=True, nogil=True)
def _predict_batch(
    data: Bytes,
    spans: Spans,
    parts: _Parts,
    cache: WordCache,
    found: Best,
) -> None:
    """Fill `found`, of which both arrays are (n, k)."""
    tables, matrix, outputs = parts
    scratch = new_scratch(spans, matrix.shape[1], tables.limits)
    scores = np.empty(outputs.weights.shape[0] + 1, np.float32)
    for row in range(spans.starts.size):
        bounds = (spans.starts[row], spans.ends[row])
        best = Best(found.labels[row], found.logs[row])
        if average_text(tables, matrix, data, bounds, scratch, cache):
            choose_labels(outputs, scratch.hidden, best, scores)
        else:
            best.labels[:] = -1
            best.logs[:] = 0


@numba.njit(cache=True, nogil=True)
def _score_batch(
    data: Bytes,
    spans: Spans,
    parts: _Parts,
    cache: WordCache,
    label: int,
) -> Floats:
    """Score one label, (n,)."""
    tables, matrix, outputs = parts
    scratch = new_scratch(spans, matrix.shape[1], tables.limits)
    scores = np.empty(outputs.weights.shape[0], np.float32)
    found = np.zeros(spans.starts.size, np.float32)
    for row in range(spans.starts.size):
        bounds = (spans.starts[row], spans.ends[row])
        if average_text(tables, matrix, data, bounds, scratch, cache):
            found[row] = score_label(outputs, scratch.hidden, label, scores)
    return found


class FastTextModel:
    """A classifier that fastText or `gristmill.cleaning.fasttext_training` made.

    Read-only once loaded, and safe to share between threads.

    Args:
        path: a ``.bin`` or ``.ftz`` file; it must not change while the model is in use.
        sha256: what the file must have, in hex; None takes any.

    Raises:
        InputError: the file is missing, damaged, no classifier, or has another sha256.
    """

    def __init__(self, path: Path, sha256: str | None = None) -> None:
        # Before anything of the file is believed.
        self._sha256 = _check_digest(path, sha256)
        model = read_model(path)
        if model.settings.model != SUPERVISED or model.dictionary.label_count == 0:
            raise InputError(f"fastText model {path} has no labels: give one made by `supervised`")
        self._labels = _read_labels(model)
        counts = model.dictionary.counts[model.dictionary.word_count :]
        self._parts = _Parts(
            build_tables(model.dictionary, model.settings),
            _densify(model.input),
            build_outputs(_densify(model.output), counts, model.settings.loss),
        )
        self._spare: list[WordCache] = []

    @property
    def sha256(self) -> str:
        """Hex sha256 of the model file."""
        return self._sha256

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, without ``__label__``, in the order of the model."""
        return self._labels

    def predict(
        self, texts: pa.StringArray, k: int = 1, longest_chars: int | None = LONGEST_CHARS
    ) -> tuple[npt.NDArray[np.int32], Floats]:
        """Find the k likeliest labels of each text.

        Args:
            texts: n texts, no nulls; may be a slice. Newlines are spaces.
            k: from 1.
            longest_chars: only so many characters of a text are read; None reads all.

        Returns:
            (labels, scores), each (n, k), likeliest first: indices into `labels` and
            fastText's own scores. -1 and 0 where there are no more labels, or where the
            model knows nothing of a text.

        Raises:
            SchemaError: the texts are not an array of strings without nulls.
            UsageError: `k` or `longest_chars` is below 1.
        """
        data, offsets = read_buffers(texts)
        return self.predict_spans(data, _cut_texts(data, offsets, longest_chars), k)

    def predict_spans(
        self, data: Bytes, spans: Spans, k: int = 1
    ) -> tuple[npt.NDArray[np.int32], Floats]:
        """Find the k likeliest labels of pieces of a buffer; see `predict`.

        Args:
            data: UTF-8 bytes, read-only.
            spans: n pieces.
            k: from 1.

        Raises:
            UsageError: `k` is below 1.
        """
        if k < 1:
            raise UsageError(f"k is {k}: ask for at least one label")
        shape = (len(spans.starts), min(k, len(self._labels)))
        found = Best(np.empty(shape, np.int32), np.empty(shape, np.float32))
        cache = self._take_cache()
        _predict_batch(data, spans, self._parts, cache, found)
        self._spare.append(cache)
        missing = ((0, 0), (0, k - shape[1]))
        return np.pad(found.labels, missing, constant_values=-1), np.pad(found.logs, missing)

    def score(
        self, texts: pa.StringArray, label: str, longest_chars: int | None = LONGEST_CHARS
    ) -> Floats:
        """Compute the score of one label for each text.

        Args:
            texts: n texts, no nulls; may be a slice. Newlines are spaces.
            label: one of `labels`.
            longest_chars: only so many characters of a text are read; None reads all.

        Returns:
            (n,) float32; 0 where the model knows nothing of a text.

        Raises:
            SchemaError: the texts are not an array of strings without nulls.
            UsageError: the model has no such label, or `longest_chars` is below 1.
        """
        if label not in self._labels:
            known = ", ".join(self._labels[:8])
            raise UsageError(f"the model has no label {label!r}; it has {known}")
        data, offsets = read_buffers(texts)
        index = self._labels.index(label)
        spans = _cut_texts(data, offsets, longest_chars)
        cache = self._take_cache()
        scores: Floats = _score_batch(data, spans, self._parts, cache, index)
        self._spare.append(cache)
        return scores

    def _take_cache(self) -> WordCache:
        try:
            return self._spare.pop()
        except IndexError:  # another thread has it
            return new_cache(self._parts.matrix.shape[1])


def _check_digest(path: Path, sha256: str | None) -> str:
    if not path.is_file():
        raise InputError(f"fastText model {path} is missing")
    found = sha256_file(path)
    if sha256 is not None and sha256 != found:
        raise InputError(
            f"fastText model {path} has sha256 {found}, not {sha256}; "
            "scores of another model do not compare"
        )
    return found


def _cut_texts(data: Bytes, offsets: npt.NDArray[np.int32], longest: int | None) -> Spans:
    spans = span_texts(offsets)
    if longest is None:
        return spans
    if longest < 1:
        raise UsageError(f"longest_chars is {longest}: read at least one character")
    return cut_spans(data, spans, longest)


def _read_labels(model: ModelFile) -> tuple[str, ...]:
    words = model.dictionary.word_count
    entries = (model.dictionary.read_entry(words + i) for i in range(model.dictionary.label_count))
    return tuple(entry.decode("utf-8", "replace").removeprefix(LABEL_PREFIX) for entry in entries)


def _densify(matrix: Floats | QuantizedMatrix) -> Floats:
    dense = matrix.restore() if isinstance(matrix, QuantizedMatrix) else matrix
    # numba compiles once for read-only arrays.
    dense.flags.writeable = False
    return dense


# kernels of: a4cce2a6c2f485ed
