"""Formats of compressed files: how to tell them apart, and a decoder for each."""

import bz2
import lzma
from collections.abc import Callable
from typing import Final

from gristmill.cleaning.inflation import (
    MAX_WINDOW_BYTES,
    PIECE_BYTES,
    HoldingInflater,
    Inflater,
    ZlibInflater,
    ZstdInflater,
)

#: Decoded bytes of which chunks consist at most.
CHUNK_BYTES: Final = PIECE_BYTES
#: Bytes that `detect_format` looks at.
MAGIC_BYTES: Final = 13
_SEVEN_ZIP: Final = b"7z\xbc\xaf\x27\x1c"


def _open_gzip() -> Inflater:
    return ZlibInflater(31)


def _open_bz2() -> Inflater:
    return HoldingInflater(bz2.BZ2Decompressor())


def _open_xz() -> Inflater:
    limit = 2 * MAX_WINDOW_BYTES
    return HoldingInflater(lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=limit))


def _open_lzma() -> Inflater:
    limit = 2 * MAX_WINDOW_BYTES
    return HoldingInflater(lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=limit))


#: A fresh decoder for one member of each format.
FORMATS: Final[dict[str, Callable[[], Inflater]]] = {
    "gz": _open_gzip,
    "bz2": _open_bz2,
    "xz": _open_xz,
    "lzma": _open_lzma,
    "zst": ZstdInflater,
}


def _is_lzma(head: bytes) -> bool:
    # .lzma has no magic: its usual properties byte, a power-of-two dictionary and an
    # unknown or believable size tell it from text.
    if len(head) < MAGIC_BYTES or head[0] != 0x5D:
        return False
    dictionary = int.from_bytes(head[1:5], "little")
    size = int.from_bytes(head[5:13], "little")
    return dictionary.bit_count() == 1 and (size == (1 << 64) - 1 or size < 1 << 40)


def detect_format(head: bytes) -> str:
    """Tell a compression format by the first 13 bytes of a file.

    Returns:
        ``gz``, ``bz2``, ``xz``, ``lzma``, ``zst``, ``lz4``, ``7z`` or ``plain``.
    """
    if head.startswith(b"\x1f\x8b"):
        return "gz"
    if head.startswith(b"BZh") and head[3:4] in b"123456789" and len(head) > 3:
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zst"
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        return "zst"  # a skippable frame, as pzstd and seekable files begin
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "lz4"
    if head.startswith(_SEVEN_ZIP):
        return "7z"
    return "lzma" if _is_lzma(head) else "plain"
