"""fastText's model files, read: hostile ones too.

Each number that says how much follows is checked against what is left of the file before
anything is allocated. A dense matrix stays where it is: its pages are read from disk as its
rows are asked for.
"""

import mmap
import struct
from pathlib import Path
from typing import Final

import numba
import numpy as np

from gristmill.cleaning.fasttext_format import (
    CENTROIDS,
    COUNTS_BYTES,
    LOSSES,
    MAGIC,
    SETTINGS_BYTES,
    SUPERVISED,
    VERSION,
    Bytes,
    Dictionary,
    Floats,
    Ints,
    Matrix,
    ModelFile,
    ModelSettings,
    QuantizedMatrix,
)
from gristmill.cleaning.fasttext_outputs import UNSEEN_COUNT
from gristmill.schemas.errors import InputError

#: Before this version, supervised models had no character n-grams.
_FIRST_WITH_SUBWORDS: Final = 12
_ENTRY_BYTES: Final = 10  # of the shortest entry: NUL, count, type
_LARGEST_DIM: Final = 1 << 16
#: Pruned buckets take a bit each in memory, and nothing in the file.
_MOST_PRUNED_BUCKETS: Final = 1 << 28
_LARGEST_ORDER: Final = 1 << 10
#: Scoring restores a quantised matrix; one byte of a hostile file could stand for 256 kB.
_MOST_RESTORED_BYTES: Final = 8 << 30


class _Reader:
    """A file in memory, read from its start; every read is checked against its size."""

    def __init__(self, path: Path, data: Bytes) -> None:
        self.path = path
        self.data = data
        self.position = 0

    def refuse(self, what: str) -> InputError:
        return InputError(
            f"fastText model {self.path} is damaged at byte {self.position}: {what}; fetch it again"
        )

    def require(self, condition: bool, what: str) -> None:
        if not condition:
            raise self.refuse(what)

    def take(self, count: int, what: str) -> Bytes:
        left = self.data.size - self.position
        self.require(0 <= count <= left, f"{what} takes {count} bytes and {left} are left")
        self.position += count
        return self.data[self.position - count : self.position]

    def unpack(self, form: struct.Struct, what: str) -> tuple[int, ...]:
        return form.unpack(self.take(form.size, what).tobytes())

    def take_flag(self, what: str) -> bool:
        return bool(self.take(1, what)[0])

    def take_floats(self, count: int, what: str) -> Floats:
        # Bytes of a file start anywhere, so this view may not be aligned.
        return self.take(4 * count, what).view(np.dtype("<f4"))


def read_model(path: Path) -> ModelFile:
    """Read a fastText model.

    Dense matrices are views of the file, which is mapped and not read; they may be
    unaligned and cannot be written to.

    Args:
        path: a ``.bin`` or ``.ftz`` file; it must not change while the model is in use.

    Raises:
        InputError: the file is missing, no fastText model, damaged or cut off.
    """
    reader = _Reader(path, _map_file(path))
    magic, version = reader.unpack(struct.Struct("<ii"), "its head")
    if magic != MAGIC:
        raise InputError(f"{path} is not a fastText model: its first four bytes are others")
    reader.require(0 < version <= VERSION, f"its version is {version}, newer than {VERSION}")
    settings = _read_settings(reader, version)
    dictionary = _read_dictionary(reader)
    quantized = reader.take_flag("whether the input is quantised")
    reader.require(quantized or dictionary.kept is None, "pruned, and yet not quantised")
    source = _read_matrix(reader, quantized)
    quantized_output = reader.take_flag("whether the output is quantised")
    target = _read_matrix(reader, quantized and quantized_output)
    model = ModelFile(settings, dictionary, source, target)
    _check_shapes(reader, model)
    return model


def _map_file(path: Path) -> Bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            if stream.tell() == 0:
                raise InputError(f"fastText model {path} is empty: fetch it again")
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"fastText model {path} cannot be read: {error.strerror}") from error
    return np.frombuffer(mapped, np.uint8)


def _read_settings(reader: _Reader, version: int) -> ModelSettings:
    settings = ModelSettings(*reader.unpack(SETTINGS_BYTES, "its settings"))
    if settings.model == SUPERVISED and version < _FIRST_WITH_SUBWORDS:
        settings = settings._replace(max_n=0)
    reader.require(0 < settings.dim <= _LARGEST_DIM, f"{settings.dim} dimensions")
    reader.require(1 <= settings.loss <= len(LOSSES), f"loss number {settings.loss}")
    reader.require(settings.bucket >= 0, f"{settings.bucket} buckets")
    for name in ("min_n", "max_n", "word_ngrams"):
        value = getattr(settings, name)
        reader.require(0 <= value <= _LARGEST_ORDER, f"{name} is {value}")
    has_ngrams = settings.max_n > 0 or settings.word_ngrams > 1
    reader.require(settings.bucket > 0 or not has_ngrams, "it has n-grams and no buckets")
    return settings


@numba.njit(cache=True, nogil=True)
def _scan_entries(data: Bytes, start: int, ends: Ints, starts: Ints, types: Bytes) -> int:
    """Find the entries of a dictionary: NUL-ended bytes, a count and a type each.

    Returns:
        The byte after the last entry, or -1 where the data end before it does.
    """
    position = start
    for entry in range(starts.size):
        starts[entry] = position
        while position < data.size and data[position] != 0:
            position += 1
        if position + 10 > data.size:
            return -1
        ends[entry + 1] = ends[entry] + position - starts[entry]
        types[entry] = data[position + 9]
        position += 10
    return position


@numba.njit(cache=True, nogil=True)
def _copy_entries(data: Bytes, ends: Ints, starts: Ints, blob: Bytes, counts: Bytes) -> None:
    """Copy the words together, and the eight bytes of each count."""
    for entry in range(starts.size):
        length = ends[entry + 1] - ends[entry]
        for step in range(length):
            blob[ends[entry] + step] = data[starts[entry] + step]
        for step in range(8):
            counts[8 * entry + step] = data[starts[entry] + length + 1 + step]


def _read_dictionary(reader: _Reader) -> Dictionary:
    size, words, labels, tokens, pruned = reader.unpack(COUNTS_BYTES, "the size of its dictionary")
    left = reader.data.size - reader.position
    whole = min(size, words, labels) >= 0 and words + labels == size
    reader.require(whole, f"{words} words and {labels} labels are not {size} entries")
    reader.require(size <= left // _ENTRY_BYTES, f"{size} entries in {left} bytes")
    reader.require(pruned <= left // 8, f"{pruned} pruned n-grams in {left} bytes")
    ends, starts = np.zeros(size + 1, np.int64), np.zeros(size, np.int64)
    types, counts = np.zeros(size, np.uint8), np.zeros(8 * size, np.uint8)
    after = _scan_entries(reader.data, reader.position, ends, starts, types)
    reader.require(after >= 0, f"its dictionary of {size} entries is cut off")
    in_order = not types[:words].any() and bool((types[words:] == 1).all())
    reader.require(in_order, f"the first {words} entries are not its words")
    blob = np.empty(int(ends[-1]), np.uint8)
    _copy_entries(reader.data, ends, starts, blob, counts)
    reader.position = after
    kept = None
    if pruned >= 0:
        pairs = reader.take(8 * pruned, "its pruned n-grams")
        kept = np.frombuffer(pairs.tobytes(), "<i4").reshape(-1, 2)
    return Dictionary(blob, ends, counts.view("<i8"), words, tokens, kept)


def _read_matrix(reader: _Reader, quantized: bool) -> Matrix:
    if quantized:
        return _read_quantized(reader)
    rows, columns = reader.unpack(struct.Struct("<qq"), "the shape of a matrix")
    reader.require(rows >= 0 and columns > 0, f"a matrix of {rows} by {columns}")
    return reader.take_floats(rows * columns, "a matrix").reshape(rows, columns)


def _read_quantized(reader: _Reader) -> QuantizedMatrix:
    normed = reader.take_flag("whether its rows have norms")
    rows, columns, size = reader.unpack(struct.Struct("<qqi"), "the shape of a matrix")
    fits = rows >= 0 and columns > 0 and size >= 0
    reader.require(fits, f"a matrix of {rows} by {columns} in {size} codes")
    whole = 4 * rows * columns
    reader.require(whole <= _MOST_RESTORED_BYTES, f"a matrix of {whole} bytes in {size} codes")
    codes = reader.take(size, "the codes of a matrix")
    pieces, width, centroids = _read_quantizer(reader, columns)
    reader.require(rows * pieces == size, f"{size} codes for {rows} rows of {pieces}")
    norm_codes = norms = None
    if normed:
        norm_codes = reader.take(rows, "the norms of a matrix")
        _, _, norms = _read_quantizer(reader, 1)
    return QuantizedMatrix(
        codes.reshape(rows, pieces), centroids, columns, width, norm_codes, norms
    )


def _read_quantizer(reader: _Reader, columns: int) -> tuple[int, int, Floats]:
    dim, pieces, width, last = reader.unpack(struct.Struct("<4i"), "the shape of a quantiser")
    fits = (
        dim == columns and pieces > 0 and 0 < last <= width and (pieces - 1) * width + last == dim
    )
    reader.require(fits, f"{pieces} pieces of {width} and {last} are not {columns} columns")
    return pieces, width, reader.take_floats(CENTROIDS * dim, "its centroids").copy()


def _check_shapes(reader: _Reader, model: ModelFile) -> None:
    settings, dictionary = model.settings, model.dictionary
    buckets = settings.bucket if dictionary.kept is None else len(dictionary.kept)
    rows, columns = model.input.shape
    needed = dictionary.word_count + buckets
    # Models without n-grams have rows for buckets all the same, but nothing reads them.
    if settings.max_n == 0 and settings.word_ngrams <= 1:
        needed = dictionary.word_count
    reader.require(rows >= needed, f"its input has {rows} rows and needs {needed}")
    if dictionary.kept is not None:
        fits = settings.bucket <= _MOST_PRUNED_BUCKETS
        reader.require(fits, f"{settings.bucket} buckets, of which {len(dictionary.kept)} are kept")
    if dictionary.kept is not None and len(dictionary.kept):
        numbers = dictionary.kept[:, 1]
        inside = numbers.min() >= 0 and int(numbers.max()) + dictionary.word_count < rows
        reader.require(bool(inside), "a pruned n-gram has no row")
    reader.require(columns == settings.dim, f"its input has {columns} columns, not {settings.dim}")
    counts = dictionary.counts
    reader.require(int(counts.max(initial=0)) < UNSEEN_COUNT, "it counts beyond 10**15")
    supervised = settings.model == SUPERVISED
    classes = dictionary.label_count if supervised else dictionary.word_count
    shape = model.output.shape
    reader.require(shape == (classes, columns), f"its output is {shape}, not {(classes, columns)}")


# kernels of: af7afc168ab756ac
