"""Ids and seeds: everything that looks random is a function of names."""

import hashlib

ID_BYTES = 16


def hash_parts(*parts: str | bytes | int, size: int = ID_BYTES) -> bytes:
    """Hash a sequence of parts so that no two sequences run together.

    Each part is written as its type letter, its length as 8 little-endian bytes
    and its bytes; integers as signed 16-byte little-endian.

    Args:
        *parts: what names the thing.
        size: digest size in bytes, at most 64.

    Returns:
        BLAKE2b digest of `size` bytes.
    """
    digest = hashlib.blake2b(digest_size=size)
    for part in parts:
        if isinstance(part, bytes):
            kind, payload = b"b", part
        elif isinstance(part, str):
            kind, payload = b"s", part.encode("utf-8")
        else:
            kind, payload = b"i", int(part).to_bytes(16, "little", signed=True)
        digest.update(kind + len(payload).to_bytes(8, "little") + payload)
    return digest.digest()


def doc_id(kind: str, native_id: str) -> bytes:
    """Identify a document by what its source calls it, so that repackaging keeps the id.

    Args:
        kind: source kind, such as ``commoncrawl``.
        native_id: WARC-Record-ID, page and revision, archive member, row key.

    Returns:
        16 bytes.
    """
    return hash_parts("doc", kind, native_id)


def content_id(text: str) -> bytes:
    """Identify a stored text: 16-byte BLAKE2b of its UTF-8 bytes."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=ID_BYTES).digest()


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive an independent 63-bit seed from a base seed and the names of its use."""
    return int.from_bytes(hash_parts("seed", seed, *names, size=8), "little") >> 1
