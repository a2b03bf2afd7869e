"""Digests of logical rows: independent of shards, row groups, compression and order.

The definition, so that anyone can recompute it with `sort` and `sha256sum`: a row
is the line ``<doc_id> <content_id>`` in lower-case hex, newline included; a bucket is the first byte
of `doc_id`; a bucket's digest is the sha256 of its sorted lines; the digest of the
rows is the sha256 of the 256 bucket digests, one after the other.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.schemas.errors import PublishError
from gristmill.schemas.identity import ID_BYTES
from gristmill.schemas.manifests import canonical_json

Ids = npt.NDArray[np.uint8]  # shape (n, 16)

BUCKETS: Final = 256
DATASET_FORMAT: Final = "gristmill.dataset/1"
DATASET_ID_PREFIX: Final = "gristmill:sha256:"
_LINE_BYTES: Final = 4 * ID_BYTES + 2
_ROWS_PER_STEP: Final = 1 << 16  # 4 MiB of lines at a time
_HEX: Final = np.frombuffer(
    "".join(f"{value:02x}" for value in range(256)).encode("ascii"), dtype=np.uint8
).reshape(256, 2)


def join_ids(doc_ids: Ids, content_ids: Ids) -> npt.NDArray[np.bytes_]:
    """Glue both ids of each row into one comparable key.

    Args:
        doc_ids: uint8, shape (n, 16).
        content_ids: uint8, shape (n, 16).

    Returns:
        dtype S32, shape (n,); compares as the 32 bytes do.
    """
    pairs = np.concatenate([doc_ids, content_ids], axis=1)
    return np.ascontiguousarray(pairs).view(f"S{2 * ID_BYTES}").reshape(len(pairs))


def split_keys(keys: npt.NDArray[np.bytes_]) -> tuple[Ids, Ids]:
    """Undo `join_ids`: doc_ids and content_ids, both uint8 of shape (n, 16)."""
    pairs = np.ascontiguousarray(keys).view(np.uint8).reshape(len(keys), 2 * ID_BYTES)
    return pairs[:, :ID_BYTES], pairs[:, ID_BYTES:]


def _write_lines(doc_ids: Ids, content_ids: Ids) -> npt.NDArray[np.uint8]:
    lines = np.empty((len(doc_ids), _LINE_BYTES), dtype=np.uint8)
    lines[:, : 2 * ID_BYTES] = _HEX[doc_ids].reshape(len(doc_ids), 2 * ID_BYTES)
    lines[:, 2 * ID_BYTES] = ord(" ")
    lines[:, 2 * ID_BYTES + 1 : -1] = _HEX[content_ids].reshape(len(doc_ids), 2 * ID_BYTES)
    lines[:, -1] = ord("\n")
    return lines


class Buckets:
    """Accumulates the digest of rows that arrive sorted, over any number of shards."""

    def __init__(self) -> None:
        self.rows = 0
        self._buckets = [hashlib.sha256() for _ in range(BUCKETS)]
        self._last: np.bytes_ | None = None

    def add(self, doc_ids: Ids, content_ids: Ids) -> None:
        """Add rows in ascending order of (doc_id, content_id).

        Args:
            doc_ids: uint8, shape (n, 16).
            content_ids: uint8, shape (n, 16).

        Raises:
            PublishError: a row is smaller than the one before it.
        """
        keys = join_ids(doc_ids, content_ids)
        if len(keys) == 0:
            return
        if bool((keys[1:] < keys[:-1]).any()) or (self._last is not None and keys[0] < self._last):
            raise PublishError("rows are not sorted by doc_id")
        self._last = keys[-1]
        self.rows += len(keys)
        for start in range(0, len(keys), _ROWS_PER_STEP):
            step = slice(start, start + _ROWS_PER_STEP)
            self._add_sorted(doc_ids[step], content_ids[step])

    def _add_sorted(self, doc_ids: Ids, content_ids: Ids) -> None:
        lines = _write_lines(doc_ids, content_ids)
        first_bytes = np.ascontiguousarray(doc_ids[:, 0])
        ends = np.searchsorted(first_bytes, np.arange(BUCKETS), side="right")
        start = 0
        for bucket in np.flatnonzero(np.diff(ends, prepend=0)):
            self._buckets[bucket].update(lines[start : ends[bucket]].data)
            start = int(ends[bucket])

    def digest(self) -> str:
        """The digest of all rows so far, as ``sha256:<hex>``."""
        whole = hashlib.sha256(b"".join(bucket.digest() for bucket in self._buckets))
        return "sha256:" + whole.hexdigest()


def digest_rows(doc_ids: Ids, content_ids: Ids) -> str:
    """Digest rows in any order.

    Args:
        doc_ids: uint8, shape (n, 16).
        content_ids: uint8, shape (n, 16).

    Returns:
        ``sha256:<hex>``.
    """
    buckets = Buckets()
    keys = np.sort(join_ids(doc_ids, content_ids), kind="stable")
    buckets.add(*split_keys(keys))
    return buckets.digest()


def identify_dataset(split_digests: Mapping[str, str], recipe_digest: str) -> str:
    """Name a dataset by its logical content.

    Args:
        split_digests: rows digest of each split, by its name.
        recipe_digest: hex digest of the recipe's content.

    Returns:
        ``gristmill:sha256:<hex>``.
    """
    content = {
        "format": DATASET_FORMAT,
        "recipe": recipe_digest,
        "splits": dict(sorted(split_digests.items())),
    }
    return DATASET_ID_PREFIX + hashlib.sha256(canonical_json(content)).hexdigest()
