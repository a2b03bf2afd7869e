"""The bytes of one compressed member, decoded piece by piece from a file."""

from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.inflation import (
    FEED_BYTES,
    InflateError,
    Inflater,
    ZlibInflater,
    ZstdInflater,
)

WHOLE: Final = "whole"  # decoded to its end; checksum and length agree
BROKEN: Final = "broken"  # the decoder or a checksum refused it
TRUNCATED: Final = "truncated"  # the file ends first
BOMB: Final = "bomb"  # expands more than `MAX_RATIO`
OPEN: Final = "open"  # not at its end yet: read on from `stream`

#: Decoded bytes per compressed byte that a member may reach once it has given 1 MiB;
#: deflate itself ends at 1,032. Pages stay under 100.
MAX_RATIO: Final = 1000
RATIO_FREE_BYTES: Final = 1 << 20
#: Bytes read from the file at a time.
READ_BYTES: Final = 1 << 20


class Window:
    """The bytes of a file from offset `base` on, as far as they have been needed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.base = stream.tell()
        self.data = b""
        self._needed = self.base  # offset of the first byte that is wanted still

    def load(self, offset: int) -> bool:
        """Read until the byte at a file offset is held; False if the file ends before."""
        missing = offset + 1 - self.base - len(self.data)
        if missing <= 0:
            return True
        unneeded = self._needed - self.base
        chunks: list[bytes | memoryview] = [memoryview(self.data)[unneeded:]]
        self.base += unneeded
        while missing > 0 and (chunk := self._stream.read(READ_BYTES)):
            chunks.append(chunk)
            missing -= len(chunk)
        self.data = b"".join(chunks)
        return missing <= 0

    def trim(self, offset: int) -> None:
        """Forget the bytes before a file offset that was held, when more are read."""
        self._needed = max(self._needed, min(offset, self.base + len(self.data)))

    def view(self, offset: int) -> memoryview:
        """Show the bytes held from a file offset on; empty if there are none."""
        return memoryview(self.data)[offset - self.base :]

    def find(self, pattern: bytes, offset: int) -> int:
        """Find a byte string among the bytes held; its file offset, -1 if not there."""
        found = self.data.find(pattern, offset - self.base)
        return -1 if found < 0 else self.base + found


class Codec(NamedTuple):
    """How the members of a file are compressed."""

    magic: bytes
    start: Callable[[], Inflater]
    probe_bytes: int  # compressed bytes that surely decode to the first few


GZIP: Final = Codec(b"\x1f\x8b\x08", lambda: ZlibInflater(31), 1 << 10)
# A zstd block decodes once it is there in full: at most 128 KiB (RFC 8878, 3.1.1.2.4).
ZSTD: Final = Codec(b"\x28\xb5\x2f\xfd", ZstdInflater, (128 << 10) + 64)


class MemberStream:
    """The decoded bytes of a member that begins at `end` and ends nobody knows where yet."""

    def __init__(
        self,
        window: Window,
        offset: int,
        inflater: Inflater | None,
        find_next: Callable[[int], int] | None = None,
    ) -> None:
        self._window = window
        self._find_next = find_next  # the next member from an offset on, after damage
        self._inflater = inflater
        self._offset = offset
        self._given = 0
        self.end = offset  # file offset up to which the member has been read
        self.state = OPEN

    @property
    def is_plain(self) -> bool:
        """Say whether the bytes are not compressed."""
        return self._inflater is None

    def read(self, *, keep: bool = False) -> bytes:
        """Read the next piece, at most a few MiB.

        Args:
            keep: leave the compressed bytes in the window.

        Returns:
            Decoded bytes; empty once `state` is no longer `OPEN`.
        """
        while self.state == OPEN:
            if not keep:
                self._window.trim(self.end)
            piece = self._read_raw() if self._inflater is None else self._inflate(self._inflater)
            if self.state in (BROKEN, BOMB) and not keep and self._find_next is not None:
                self.end = self._find_next(self.end)
            if piece:
                return piece
        return b""

    def _read_raw(self) -> bytes:
        if not self._window.load(self.end):
            self.state = WHOLE
        piece = bytes(self._window.view(self.end))
        self.end += len(piece)
        return piece

    def _inflate(self, inflater: Inflater) -> bytes:
        # With all that one call may look at, what it gives does not depend on the window.
        self._window.load(self.end + FEED_BYTES - 1)
        try:
            piece, used = inflater.inflate(self._window.view(self.end))
        except InflateError:
            self.state = BROKEN
            return b""
        self.end += used
        self._given += len(piece)
        if inflater.finished:
            self.state = WHOLE
        elif self._given > RATIO_FREE_BYTES + MAX_RATIO * (self.end - self._offset):
            self.state = BOMB
        elif not piece and not used:
            self.state = TRUNCATED
        return piece
