"""From texts to everything that near-duplicate search needs, in one pass over a batch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.banding import hash_bands
from gristmill.dedup.minhash import MinHashSettings, sign
from gristmill.dedup.shingling import identify_normalized, shingle_normalized
from gristmill.dedup.text_folding import normalize_texts


class Fingerprints(NamedTuple):
    """Fingerprints of n documents.

    Attributes:
        dedup_ids: Arrow `binary(16)`: equal for equal normalised words.
        shingle_counts: shape (n,), int32: distinct shingles, digits folded.
        signatures: shape (n, bands * rows_per_band), uint32.
        band_hashes: shape (n, bands), uint64.
    """

    dedup_ids: pa.Array
    shingle_counts: npt.NDArray[np.int32]
    signatures: npt.NDArray[np.uint32]
    band_hashes: npt.NDArray[np.uint64]


def fingerprint_texts(
    texts: pa.Array, settings: MinHashSettings, scope: Sequence[bytes] | None = None
) -> Fingerprints:
    """Compute the fingerprints of a batch of texts; each text is normalised once.

    Args:
        texts: Arrow `string` or `large_string` without nulls; may be a slice.
        settings: shingles, signature and bands.
        scope: see `gristmill.dedup.banding.hash_bands`.

    Raises:
        ValueError: for nulls, another type, or another number of scopes.
    """
    normalized = normalize_texts(texts)
    shingles = shingle_normalized(
        normalized, settings.words_per_shingle, settings.max_shingle_text_chars
    )
    signatures = sign(shingles, settings)
    return Fingerprints(
        identify_normalized(normalized),
        shingles.counts.astype(np.int32),
        signatures,
        hash_bands(signatures, settings, scope),
    )


def pack_rows(rows: npt.NDArray[np.uint32] | npt.NDArray[np.uint64]) -> pa.Array:
    """Pack each row of a matrix into bytes, little-endian, as the signatures table holds them.

    Args:
        rows: shape (n, w), uint32 or uint64.

    Returns:
        Arrow `binary`, n values.

    Raises:
        ValueError: if n rows hold 2 GiB or more, the limit of an Arrow `binary` column.
    """
    if rows.nbytes > np.iinfo(np.int32).max:
        raise ValueError(f"{len(rows)} rows hold {rows.nbytes} bytes, 2 GiB or more")
    row_bytes = rows.shape[1] * rows.itemsize
    data = np.ascontiguousarray(rows.astype(rows.dtype.newbyteorder("<")))
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(row_bytes)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(rows), buffers)


def _unpack(column: pa.Array, width: int, item_bytes: int) -> npt.NDArray[np.uint8]:
    if column.type != pa.binary() or column.null_count:
        raise ValueError(f"column is {column.type} with {column.null_count} nulls, not binary")
    expected = len(column) * width * item_bytes
    if not len(column):
        return np.empty(0, dtype=np.uint8)
    _, offsets_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[column.offset :][: len(column) + 1]
    if (np.diff(offsets) != width * item_bytes).any():
        raise ValueError(f"some rows are not {width} values of {item_bytes} bytes")
    return np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[0] + expected]


def unpack_signatures(column: pa.Array, settings: MinHashSettings) -> npt.NDArray[np.uint32]:
    """Unpack the `signature` column into shape (n, slots), uint32.

    Raises:
        ValueError: for another type, nulls, or rows of another length.
    """
    data = _unpack(column, settings.slots, 4)
    return data.view("<u4").astype(np.uint32).reshape(len(column), settings.slots)


def unpack_bands(column: pa.Array, settings: MinHashSettings) -> npt.NDArray[np.uint64]:
    """Unpack the `band_hashes` column into shape (n, bands), uint64.

    Raises:
        ValueError: for another type, nulls, or rows of another length.
    """
    data = _unpack(column, settings.bands, 8)
    return data.view("<u8").astype(np.uint64).reshape(len(column), settings.bands)
