"""Decoders of compressed bytes that give bounded pieces, whatever they are fed.

One shape for every coding: `inflate` takes some input and returns some output, never
more than a few MiB at once, so that a caller can stop a decompression bomb before it
has grown. What a coding decoded before it met damage is returned before the damage is
raised, up to the slice of input that holds it.
"""

import bz2
import lzma
from typing import Final, Protocol, cast

import brotli
import zstandard
from isal import isal_zlib
from isal.igzip_lib import IsalError

#: Largest window or dictionary that is accepted: what `zstd --long=27` and `xz -9` ask for.
MAX_WINDOW_BYTES: Final = 128 << 20
#: Decoded bytes at which a call returns.
PIECE_BYTES: Final = 1 << 18
#: Most input that one call looks at. With this much at hand, or all that is left, the
#: pieces of a damaged member depend on nothing but the member.
FEED_BYTES: Final = 64 << 10
# What a decoder gave before it met damage is lost with the call: small slices lose little.
_SLICE_BYTES: Final = 2 << 10
# A zstd block of 4 bytes stands for up to 128 KiB: 512 bytes give at most 16 MiB.
_ZSTD_SLICE_BYTES: Final = 512
# Bytes behind a member that were fed with it are copied: few enough not to matter.
_QUICK_BYTES: Final = 32 << 10
_TINY_BYTES: Final = 600
# The type stub has the class as an instance of Exception.
_ISAL_ERROR: Final = cast(type[Exception], IsalError)
_GZIP_MAGIC: Final = b"\x1f\x8b\x08"


class InflateError(ValueError):
    """The compressed bytes are damaged or not of this coding.

    Attributes:
        is_oversize: they ask for more memory than is allowed.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.is_oversize = "emory" in message


class Inflater(Protocol):
    """Decodes one member of a compressed stream."""

    @property
    def finished(self) -> bool:
        """Whether the end of the member is reached and its checksum agrees."""
        ...

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


class _Sliced:
    """Feeds a decoder in slices; the codings differ in the step that decodes one."""

    _errors: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, MemoryError)
    _slice_bytes = _SLICE_BYTES

    def __init__(self) -> None:
        self.finished = False
        self._fault: InflateError | None = None

    def _step(self, data: memoryview) -> tuple[bytes, int]:
        raise NotImplementedError

    def inflate(self, data: memoryview) -> tuple[bytes, int]:
        """See `Inflater.inflate`."""
        if self._fault is not None:
            raise self._fault
        pieces: list[bytes] = []
        size = used = 0
        limit = min(FEED_BYTES, len(data))
        while size < PIECE_BYTES and not self.finished:
            try:
                piece, taken = self._step(data[used : min(used + self._slice_bytes, limit)])
            except self._errors as error:
                self._fault = InflateError(str(error))
                if not pieces:
                    raise self._fault from error
                break
            if not piece and not taken:
                break
            pieces.append(piece)
            size += len(piece)
            used += taken
        return (pieces[0] if len(pieces) == 1 else b"".join(pieces)), used


class ZlibInflater(_Sliced):
    """Decodes gzip (`wbits` 31), zlib (15) or raw deflate (-15)."""

    _errors = (_ISAL_ERROR, *_Sliced._errors)

    def __init__(self, wbits: int) -> None:
        super().__init__()
        self._decoder = isal_zlib.decompressobj(wbits)

    def _step(self, data: memoryview) -> tuple[bytes, int]:
        piece = self._decoder.decompress(data, PIECE_BYTES)
        self.finished = self._decoder.eof
        unread = self._decoder.unused_data if self.finished else self._decoder.unconsumed_tail
        return piece, len(data) - len(unread)


class ZstdInflater(_Sliced):
    """Decodes one zstd frame."""

    _errors = (zstandard.ZstdError, *_Sliced._errors)
    _slice_bytes = _ZSTD_SLICE_BYTES

    def __init__(self) -> None:
        super().__init__()
        decoder = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._decoder = decoder.decompressobj()

    def _step(self, data: memoryview) -> tuple[bytes, int]:
        piece = self._decoder.decompress(data)
        self.finished = self._decoder.eof
        return piece, len(data) - len(self._decoder.unused_data)


class BrotliInflater(_Sliced):
    """Decodes one brotli stream."""

    _errors = (brotli.error, *_Sliced._errors)

    def __init__(self) -> None:
        super().__init__()
        self._decoder = brotli.Decompressor()

    def _step(self, data: memoryview) -> tuple[bytes, int]:
        # A decoder whose output is not drained refuses input.
        fed = bytes(data) if self._decoder.can_accept_more_data() else b""
        piece = self._decoder.process(fed, output_buffer_limit=PIECE_BYTES)
        self.finished = self._decoder.is_finished()
        return piece, len(fed)


class HoldingInflater(_Sliced):
    """Decodes bzip2, xz or lzma, whose decoders hold input back until it is decoded."""

    _errors = (lzma.LZMAError, *_Sliced._errors)
    _slice_bytes = FEED_BYTES

    def __init__(self, decoder: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        super().__init__()
        self._decoder = decoder
        self._held = 0  # bytes that the decoder has but that were not called used yet

    def _step(self, data: memoryview) -> tuple[bytes, int]:
        decoder = self._decoder
        fed = data if decoder.needs_input else data[:0]
        self._held += len(fed)
        piece = decoder.decompress(fed, PIECE_BYTES)
        self.finished = decoder.eof
        if not self.finished and not decoder.needs_input:
            return piece, 0
        used = self._held - (len(decoder.unused_data) if self.finished else 0)
        self._held = 0
        return piece, used


def inflate_gzip(data: bytes, start: int, limit: int) -> tuple[bytes, int] | None:
    """Decode an intact gzip member in one go: the fast way for short members.

    Args:
        data: holds the member and whatever follows it.
        start: where the member begins.
        limit: most decoded bytes.

    Returns:
        The content and the index behind the member; None if more of it is needed.

    Raises:
        InflateError: it is damaged or longer than the limit.
    """
    view = memoryview(data)
    # Half of the records of a crawl are tiny, and looking for their end is no search.
    end = data.find(_GZIP_MAGIC, start + 1, start + _TINY_BYTES)
    end = end if end >= 0 else min(start + _QUICK_BYTES, len(data))
    decoder = isal_zlib.decompressobj(31)
    try:
        content = decoder.decompress(view[start:end], limit)
        if not decoder.eof:
            pieces = [content]
            left = limit - len(content)
            while end < len(data) and left > 0 and not decoder.eof:
                piece = decoder.decompress(view[end : end + _QUICK_BYTES], left)
                pieces.append(piece)
                end = min(end + _QUICK_BYTES, len(data))
                left -= len(piece)
            content = b"".join(pieces)
    except _ISAL_ERROR as error:
        raise InflateError(str(error)) from error
    if decoder.eof:
        return content, end - len(decoder.unused_data)
    if len(content) >= limit:
        raise InflateError(f"more than {limit} bytes")
    return None
