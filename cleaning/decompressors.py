"""Decompressors of one member, all with one interface, and how to tell their formats apart."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

#: Decoded bytes that one call of a decompressor may return.
CHUNK_BYTES: Final = 1 << 18

#: Window and dictionary cap. The largest that `zstd --long=27` and `xz -9` ask for.
MAX_WINDOW_BYTES: Final = 1 << 27

# A zstd block of 4 bytes may stand for 128 KiB, and the binding has no `max_length`:
# 1 KiB of input yields at most 32 MiB.
_ZSTD_SLICE_BYTES: Final = 1 << 10

#: Bytes that `detect_format` looks at.
MAGIC_BYTES: Final = 13
_SEVEN_ZIP: Final = b"7z\xbc\xaf\x27\x1c"

#: What decompressors raise on bytes that are no valid member.
FAULTS: Final = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    MemoryError,
)


class Decompressor(Protocol):
    """The part of `bz2.BZ2Decompressor` that all formats are brought to."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Bytes after the end of the member."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` can return nothing more without more data."""
        ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Add data and return at most about `max_length` decoded bytes."""
        ...


class _Gzip:
    """`zlib.decompressobj` with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.eof and not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = CHUNK_BYTES) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """One zstd frame, fed in slices so that a bomb cannot expand in a single call."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj()
        self._pending = b""
        self._position = 0

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._pending[self._position :]

    @property
    def needs_input(self) -> bool:
        return not self._inner.eof and self._position >= len(self._pending)

    def decompress(self, data: bytes, max_length: int = CHUNK_BYTES) -> bytes:
        if data:
            self._pending = self._pending[self._position :] + data
            self._position = 0
        pieces: list[bytes] = []
        size = 0
        while size < max_length and self._position < len(self._pending) and not self._inner.eof:
            end = self._position + _ZSTD_SLICE_BYTES
            piece = self._inner.decompress(self._pending[self._position : end])
            self._position = min(end, len(self._pending))
            size += len(piece)
            pieces.append(piece)
        return b"".join(pieces)


def _open_xz() -> Decompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=2 * MAX_WINDOW_BYTES)


def _open_lzma() -> Decompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_ALONE, memlimit=2 * MAX_WINDOW_BYTES)


#: A fresh decompressor for one member of each format.
FORMATS: Final[dict[str, Callable[[], Decompressor]]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": _open_xz,
    "lzma": _open_lzma,
    "zst": _Zstd,
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
        ``gz``, ``bz2``, ``xz``, ``lzma``, ``zst``, ``7z`` or ``plain``.
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
    if head.startswith(_SEVEN_ZIP):
        return "7z"
    return "lzma" if _is_lzma(head) else "plain"
