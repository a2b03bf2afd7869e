"""fastText's model files: settings, dictionary and matrices, and how they are written.

A ``.bin`` file holds dense matrices, a ``.ftz`` file product-quantised ones. Both are
little-endian and have neither alignment nor lengths;
`gristmill.cleaning.fasttext_reading` reads them.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.schemas.atomic_files import appear_whole

MAGIC: Final = 793712314
VERSION: Final = 12
SUPERVISED: Final = 3
LOSSES: Final = ("hs", "ns", "softmax", "ova")  # numbered from 1
CENTROIDS: Final = 256  # per sub-quantiser: a code is a byte
END_OF_LINE: Final = b"</s>"
LABEL_PREFIX: Final = "__label__"

#: How the settings and the sizes of the dictionary are laid out.
SETTINGS_BYTES: Final = struct.Struct("<12id")
COUNTS_BYTES: Final = struct.Struct("<iiiqq")

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class ModelSettings(NamedTuple):
    """The arguments that a model was trained with, in the order of the file.

    `loss` is 1 + an index of `LOSSES`; `max_n` is 0 where words have no character
    n-grams; `sampling` is fastText's t.
    """

    dim: int
    window: int
    epoch: int
    min_count: int
    negatives: int
    word_ngrams: int
    loss: int
    model: int
    bucket: int
    min_n: int
    max_n: int
    lr_update_rate: int
    sampling: float


@dataclass(frozen=True)
class Dictionary:
    """The words of a model, then its labels.

    Attributes:
        blob: bytes of all entries, one after another, uint8.
        ends: (n + 1,) int64: entry i is ``blob[ends[i]:ends[i + 1]]``.
        counts: (n,) int64, occurrences in the training text.
        word_count: how many of the entries are words; the others are labels.
        token_count: tokens of the training text.
        kept: (m, 2) int32, the n-gram buckets that pruning kept and their new numbers;
            None for a dictionary that was not pruned.
    """

    blob: Bytes
    ends: Ints
    counts: Ints
    word_count: int
    token_count: int
    kept: npt.NDArray[np.int32] | None

    @property
    def label_count(self) -> int:
        """How many labels there are."""
        return len(self.counts) - self.word_count

    def read_entry(self, index: int) -> bytes:
        """Give the bytes of a word or label."""
        return self.blob[self.ends[index] : self.ends[index + 1]].tobytes()


@dataclass(frozen=True)
class QuantizedMatrix:
    """A matrix of bytes that stand for pieces of rows.

    Attributes:
        codes: (rows, pieces) uint8.
        centroids: (256 * columns,) float32 as in the file: piece after piece, all of them
            `width` wide but the last.
        columns: of the matrix that this stands for.
        width: columns of a piece.
        norm_codes: (rows,) uint8 into `norms`, or None where rows have no norms.
        norms: (256,) float32, or None.
    """

    codes: Bytes
    centroids: Floats
    columns: int
    width: int
    norm_codes: Bytes | None
    norms: Floats | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix that this stands for."""
        return len(self.codes), self.columns

    def restore(self) -> Floats:
        """Compute the dense matrix, float32, as fastText does row by row."""
        rows, columns = self.shape
        dense = np.empty((rows, columns), np.float32)
        for piece, start in enumerate(range(0, columns, self.width)):
            wide = min(self.width, columns - start)
            first = piece * CENTROIDS * self.width
            table = self.centroids[first : first + CENTROIDS * wide].reshape(CENTROIDS, wide)
            dense[:, start : start + wide] = table[self.codes[:, piece]]
        if self.norm_codes is not None and self.norms is not None:
            dense *= self.norms[self.norm_codes][:, np.newaxis]
        return dense


Matrix = Floats | QuantizedMatrix


@dataclass(frozen=True)
class ModelFile:
    """All that a model file says. `input` has a row per word and bucket, `output` one per label."""

    settings: ModelSettings
    dictionary: Dictionary
    input: Matrix
    output: Matrix


def build_dictionary(
    entries: Sequence[bytes], counts: Sequence[int], word_count: int, token_count: int
) -> Dictionary:
    """Make a dictionary that was not pruned, of words and then labels.

    Args:
        entries: n words and labels, none with a NUL.
        counts: n occurrences.
        word_count: how many of the entries are words.
        token_count: tokens of the training text.
    """
    ends = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(entry) for entry in entries], out=ends[1:])
    blob = np.frombuffer(b"".join(entries), np.uint8)
    return Dictionary(blob, ends, np.array(counts, np.int64), word_count, token_count, None)


def write_model(model: ModelFile, path: Path) -> None:
    """Write a model as fastText would; the file appears whole or not at all."""
    with appear_whole(path) as partial, partial.open("wb") as stream:
        stream.write(struct.pack("<ii", MAGIC, VERSION))
        stream.write(SETTINGS_BYTES.pack(*model.settings))
        _write_dictionary(stream, model.dictionary)
        quantized = isinstance(model.input, QuantizedMatrix)
        stream.write(struct.pack("<?", quantized))
        _write_matrix(stream, model.input)
        stream.write(struct.pack("<?", isinstance(model.output, QuantizedMatrix)))
        _write_matrix(stream, model.output)


def _write_dictionary(stream: BinaryIO, dictionary: Dictionary) -> None:
    size, kept = len(dictionary.counts), dictionary.kept
    pruned = -1 if kept is None else len(kept)
    words, labels = dictionary.word_count, dictionary.label_count
    stream.write(COUNTS_BYTES.pack(size, words, labels, dictionary.token_count, pruned))
    for entry in range(size):
        kind = int(entry >= words)
        stream.write(dictionary.read_entry(entry))
        stream.write(struct.pack("<bqb", 0, int(dictionary.counts[entry]), kind))
    if kept is not None:
        stream.write(kept.astype("<i4").tobytes())


def _write_matrix(stream: BinaryIO, matrix: Matrix) -> None:
    if isinstance(matrix, QuantizedMatrix):
        rows, columns = matrix.shape
        normed = matrix.norm_codes is not None
        stream.write(struct.pack("<?qqi", normed, rows, columns, matrix.codes.size))
        stream.write(matrix.codes.tobytes())
        _write_quantizer(stream, matrix.centroids, columns, matrix.width)
        if matrix.norm_codes is not None and matrix.norms is not None:
            stream.write(matrix.norm_codes.tobytes())
            _write_quantizer(stream, matrix.norms, 1, 1)
    else:
        stream.write(struct.pack("<qq", *matrix.shape))
        stream.write(np.ascontiguousarray(matrix, "<f4").data)


def _write_quantizer(stream: BinaryIO, centroids: Floats, columns: int, width: int) -> None:
    pieces = -(-columns // width)
    last = columns - (pieces - 1) * width
    stream.write(struct.pack("<4i", columns, pieces, width, last))
    stream.write(centroids.astype("<f4").tobytes())
