"""Decoders of compressed bytes that give bounded pieces, whatever they are fed.

One shape for gzip, zlib, raw deflate, zstd and brotli: `inflate` takes some input
and returns some output, never more than a few MiB at once, so that a caller can
stop a decompression bomb before it has grown.
"""

import zlib
from typing import Final, Protocol

import brotli
import zstandard

#: Largest zstd window that is accepted (RFC 8878 recommends at least 8 MiB; `--long=27`).
MAX_WINDOW_BYTES: Final = 128 << 20
_PIECE_BYTES: Final = 1 << 20
# A zstd block of 4 bytes stands for up to 128 KiB: 512 bytes give at most 16 MiB.
_ZSTD_FEED_BYTES: Final = 512
# What zlib decoded before it met damage is lost with the call: small calls lose little.
_ZLIB_FEED_BYTES: Final = 2 << 10
_BROTLI_FEED_BYTES: Final = 64 << 10


class InflateError(ValueError):
    """The compressed bytes are damaged or not of this coding."""


class Inflater(Protocol):
    """Decodes one member of a compressed stream."""

    finished: bool  # the end of the member is reached and its checksum agrees

    def inflate(self, data: memoryview) -> tuple[bytes, int]:
        """Decode some of the input.

        Args:
            data: input from where the last call stopped. Empty input drains output that
                is held back.

        Returns:
            The decoded piece and how many bytes of `data` were used. No piece, nothing
            used and not `finished`: the decoder needs more input.

        Raises:
            InflateError: the bytes are damaged.
        """
        ...


class ZlibInflater:
    """Decodes gzip (`wbits` 31), zlib (15) or raw deflate (-15)."""

    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)
        self.finished = False

    def inflate(self, data: memoryview) -> tuple[bytes, int]:
        """See `Inflater.inflate`."""
        fed = data[:_ZLIB_FEED_BYTES]
        try:
            piece = self._decoder.decompress(fed, _PIECE_BYTES)
        except zlib.error as error:
            raise InflateError(str(error)) from error
        self.finished = self._decoder.eof
        unread = self._decoder.unused_data if self.finished else self._decoder.unconsumed_tail
        return piece, len(fed) - len(unread)


class ZstdInflater:
    """Decodes one zstd frame."""

    def __init__(self) -> None:
        decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._decoder = decoder.decompressobj()
        self.finished = False

    def inflate(self, data: memoryview) -> tuple[bytes, int]:
        """See `Inflater.inflate`."""
        fed = data[:_ZSTD_FEED_BYTES]
        try:
            piece = self._decoder.decompress(fed)
        except (zstandard.ZstdError, MemoryError) as error:
            raise InflateError(str(error)) from error
        self.finished = self._decoder.eof
        return piece, len(fed) - len(self._decoder.unused_data)


class BrotliInflater:
    """Decodes one brotli stream."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.finished = False

    def inflate(self, data: memoryview) -> tuple[bytes, int]:
        """See `Inflater.inflate`."""
        # A decoder whose output is not drained refuses input.
        fed = data[:_BROTLI_FEED_BYTES] if self._decoder.can_accept_more_data() else data[:0]
        try:
            piece = self._decoder.process(bytes(fed), output_buffer_limit=_PIECE_BYTES)
        except brotli.error as error:
            raise InflateError(str(error)) from error
        self.finished = self._decoder.is_finished()
        return piece, len(fed)
