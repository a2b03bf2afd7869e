"""Kernels that copy many token segments out of a mapped shard."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def find_stray(
    documents: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    n_tokens: npt.NDArray[np.int32],
    places: int,
) -> int:
    """Find the first segment that leaves its document or the `places` of the output, or -1."""
    for s in range(documents.size):
        document, start, length = documents[s], starts[s], lengths[s]
        if document < 0 or document >= n_tokens.size or start < 0 or length < 0:
            return s
        # Written so that no sum can overflow.
        if start > n_tokens[document] or length > n_tokens[document] - start:
            return s
        if positions[s] < 0 or positions[s] > places or length > places - positions[s]:
            return s
    return -1


# Values lie at odd offsets in half of the pages, hence bytes; LLVM merges the byte loads.
@numba.njit(cache=True, nogil=True)
def copy_uint16(
    data: npt.NDArray[np.uint8],
    value_offsets: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
) -> None:
    """Widen little-endian 16-bit values; `find_stray` must have found nothing."""
    for s in range(documents.size):
        source = data[value_offsets[documents[s]] + 2 * starts[s] :]
        target = out[positions[s] :]
        for i in range(lengths[s]):
            target[i] = np.int64(source[2 * i]) | (np.int64(source[2 * i + 1]) << 8)


@numba.njit(cache=True, nogil=True)
def copy_uint32(
    data: npt.NDArray[np.uint8],
    value_offsets: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    out: npt.NDArray[np.int64],
) -> None:
    """Widen little-endian 32-bit values; `find_stray` must have found nothing."""
    for s in range(documents.size):
        source = data[value_offsets[documents[s]] + 4 * starts[s] :]
        target = out[positions[s] :]
        for i in range(lengths[s]):
            target[i] = (
                np.int64(source[4 * i])
                | (np.int64(source[4 * i + 1]) << 8)
                | (np.int64(source[4 * i + 2]) << 16)
                | (np.int64(source[4 * i + 3]) << 24)
            )
