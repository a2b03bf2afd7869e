"""Locality-sensitive hashing: documents that agree on a whole band become candidates.

Two documents of Jaccard similarity s share at least one of b bands of r rows with
probability ``1 - (1 - s**r)**b`` (Leskovec, Rajaraman, Ullman: *Mining of Massive
Datasets*, 3.4). Candidates are only proposed here; `gristmill.dedup.verification`
decides.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.id_columns import rank_ids
from gristmill.dedup.minhash import EMPTY_SLOT, MinHashSettings
from gristmill.dedup.shingling import mix_bits
from gristmill.schemas.identity import hash_parts

#: Stands in every band of a document without shingles, and nowhere else.
NO_BAND: Final = np.uint64(0)


class BandRows(NamedTuple):
    """What is exchanged between workers: one row per document and band.

    Attributes:
        band_keys: shape (m,), uint64.
        rows: shape (m,), int64: row of the document in the batch.
    """

    band_keys: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]


def match_probability(similarity: float, settings: MinHashSettings) -> float:
    """Compute how likely a pair of a given Jaccard similarity is to become candidates."""
    return float(1 - (1 - similarity**settings.rows_per_band) ** settings.bands)


@numba.njit(cache=True, nogil=True)
def _hash_bands(
    signatures: npt.NDArray[np.uint32],
    scopes: npt.NDArray[np.uint64],
    bands: int,
    rows_per_band: int,
) -> npt.NDArray[np.uint64]:
    documents = len(signatures)
    keys = np.zeros((documents, bands), dtype=np.uint64)
    for row in range(documents):
        is_empty = True
        for slot in range(signatures.shape[1]):
            is_empty = is_empty and signatures[row, slot] == EMPTY_SLOT
        if is_empty:
            continue
        for band in range(bands):
            key = mix_bits(scopes[row] + np.uint64(band + 1))
            for slot in range(band * rows_per_band, (band + 1) * rows_per_band):
                key = mix_bits(key ^ np.uint64(signatures[row, slot]))
            keys[row, band] = max(key, np.uint64(1))
    return keys


def _hash_scopes(scope: Sequence[bytes], documents: int) -> npt.NDArray[np.uint64]:
    if len(scope) != documents:
        raise ValueError(f"{len(scope)} scopes for {documents} documents")
    hashed = {
        name: int.from_bytes(hash_parts("scope", name, size=8), "little") for name in set(scope)
    }
    return np.fromiter((hashed[name] for name in scope), dtype=np.uint64, count=documents)


def hash_bands(
    signatures: npt.NDArray[np.uint32],
    settings: MinHashSettings,
    scope: Sequence[bytes] | None = None,
) -> npt.NDArray[np.uint64]:
    """Hash each band of each signature to eight bytes.

    The number of the band and the scope are part of the hash: other bands and other
    scopes do not meet.

    Args:
        signatures: shape (n, bands * rows_per_band), uint32.
        settings: gives the number of bands and rows.
        scope: for each document the name of what it is compared within, such as its
            dump or language; None compares all with all.

    Returns:
        Shape (n, bands), uint64; a row of `NO_BAND` for a document without shingles.

    Raises:
        ValueError: for signatures of another width, or another number of scopes.
    """
    if signatures.ndim != 2 or signatures.shape[1] != settings.slots:
        raise ValueError(f"signatures of shape {signatures.shape}, not (n, {settings.slots})")
    if scope is None:
        scopes = np.zeros(len(signatures), dtype=np.uint64)
    else:
        scopes = _hash_scopes(scope, len(signatures))
    keys: npt.NDArray[np.uint64] = _hash_bands(
        np.ascontiguousarray(signatures), scopes, settings.bands, settings.rows_per_band
    )
    return keys


def list_bands(band_hashes: npt.NDArray[np.uint64]) -> BandRows:
    """List (band, document) rows for the exchange, without documents that have no shingle.

    Args:
        band_hashes: shape (n, bands), uint64, from `hash_bands`.
    """
    rows, bands = np.nonzero(band_hashes != NO_BAND)
    return BandRows(band_hashes[rows, bands], rows.astype(np.int64))


def link_groups(
    band_keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Link the documents of each band to the smallest of them.

    A band that n documents share gives n - 1 edges, never n**2, so a text that occurs a
    million times costs as much as a million pairs.

    Args:
        band_keys: shape (m,), uint64; in any order.
        rows: shape (m,), int64: number of the document, for instance a rank of its id.

    Returns:
        Shape (k, 2), int64: (smallest, other), ascending, each edge once although two
        documents share several bands. The same for any order of the input.

    Raises:
        ValueError: if the lengths differ.
    """
    if len(band_keys) != len(rows):
        raise ValueError(f"{len(band_keys)} band keys for {len(rows)} rows")
    if not len(rows):
        return np.empty((0, 2), dtype=np.int64)
    order = np.argsort(band_keys)
    keys, members = band_keys[order], rows[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    smallest = np.repeat(
        np.minimum.reduceat(members, starts), np.diff(np.append(starts, len(keys)))
    )
    is_edge = members != smallest
    edges = np.stack([smallest[is_edge], members[is_edge]], axis=1)
    return sort_edges(edges)


def sort_edges(edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sort edges, shape (k, 2), and drop repeats."""
    ordered = edges[np.lexsort((edges[:, 1], edges[:, 0]))]
    is_new = np.ones(len(ordered), dtype=bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[is_new]


def link_ids(band_keys: npt.NDArray[np.uint64], ids: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Link the documents of each band to the one of the smallest id; see `link_groups`.

    Args:
        band_keys: shape (m,), uint64; in any order.
        ids: Arrow `binary(16)`, m ids of documents.

    Returns:
        Two `binary(16)` columns: smallest id, other id.

    Raises:
        ValueError: if the lengths differ, or for ids of another type.
    """
    ranked = rank_ids(ids)
    edges = link_groups(band_keys, ranked.ranks)
    return ranked.ids.take(pa.array(edges[:, 0])), ranked.ids.take(pa.array(edges[:, 1]))


# kernels of: 7240f949a6bcc1c5
