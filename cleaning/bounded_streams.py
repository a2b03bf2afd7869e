"""Decompress untrusted streams with caps; damage is always an error, never a short read.

gzip, bzip2, xz, lzma and zstd are told apart by their first bytes, anything else
passes through. Several members, one after another, are one stream. Every byte
that was decoded before a fault is delivered before the fault is raised.

::

    InputError
    └── StreamError            holds the compressed offset
        ├── TruncatedStreamError   the file ends inside a member
        ├── CorruptStreamError     the bytes are no valid member
        └── OversizeStreamError    over a cap: decoded bytes, ratio, window or memory
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from gristmill.cleaning.decompressors import CHUNK_BYTES, FORMATS, MAGIC_BYTES, detect_format
from gristmill.cleaning.inflation import InflateError
from gristmill.schemas.errors import InputError

#: Compressed bytes read at a time.
READ_BYTES: Final = 1 << 16

#: Caps against decompression bombs: text is about 5:1, bombs are 1,000:1 and more.
MAX_RATIO: Final = 1_000
RATIO_GRACE_BYTES: Final = 1 << 20
_UNREAD_FORMATS: Final = frozenset({"7z", "lz4"})


class StreamError(InputError):
    """A compressed stream cannot be read on.

    Attributes:
        offset: how far the bytes of the stream were read.
        reason: quarantine reason of what is lost.
    """

    reason = "damaged_record"

    def __init__(self, message: str, offset: int) -> None:
        self.offset = offset
        super().__init__(f"{message} (at byte {offset})")


class TruncatedStreamError(StreamError):
    """The stream ends inside a member: fetch the file again."""

    reason = "truncated_record"


class CorruptStreamError(StreamError):
    """The bytes are no valid member of the format that the stream began with."""


class OversizeStreamError(StreamError):
    """Decoding would go over a cap on bytes, ratio, window or memory."""

    reason = "too_large"


class Meter:
    """Bytes in, bytes out, and the caps on them; the reader keeps `read_bytes` up to date."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.read_bytes = 0
        self.decoded_bytes = 0

    def count(self, chunk: bytes) -> bytes:
        """Count a decoded chunk and return it; raises `OversizeStreamError` over a cap."""
        self.decoded_bytes += len(chunk)
        if self.decoded_bytes > self.max_bytes:
            raise OversizeStreamError(f"over {self.max_bytes} decoded bytes", self.read_bytes)
        over_grace = self.decoded_bytes > RATIO_GRACE_BYTES
        if over_grace and self.decoded_bytes > MAX_RATIO * self.read_bytes:
            raise OversizeStreamError(f"expands over {MAX_RATIO}:1", self.read_bytes)
        return chunk


class _Source:
    """The compressed stream, with bytes that a finished member did not use put back."""

    def __init__(self, stream: BinaryIO, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter
        self._returned = b""

    def put_back(self, data: bytes) -> None:
        self._returned = data + self._returned

    def read(self) -> bytes:
        if self._returned:
            data, self._returned = self._returned, b""
            return data
        data = self._stream.read(READ_BYTES) or b""
        self._meter.read_bytes += len(data)
        return data

    def read_head(self) -> bytes:
        """Read at least 13 bytes, or all that there are, and leave them in place."""
        head = self.read()
        while len(head) < MAGIC_BYTES and (more := self.read()):
            head += more
        self._returned = head
        return head

    def skip_zeros(self) -> bool:
        """Step over padding between members; False at the end of the stream."""
        while data := self.read():
            rest = data.lstrip(b"\x00")
            if rest:
                self.put_back(rest)
                return True
        return False


def _decode_member(format_name: str, source: _Source, meter: Meter) -> Iterator[bytes]:
    inflater = FORMATS[format_name]()
    data = memoryview(b"")
    while not inflater.finished:
        try:
            chunk, used = inflater.inflate(data)
        except InflateError as error:
            kind = OversizeStreamError if error.is_oversize else CorruptStreamError
            raise kind(f"{format_name} stream: {error}", meter.read_bytes) from error
        data = data[used:]
        for start in range(0, len(chunk), CHUNK_BYTES):
            yield meter.count(chunk[start : start + CHUNK_BYTES])
        if not chunk and not used and not inflater.finished:
            more = source.read()
            if not more:
                raise TruncatedStreamError(f"{format_name} stream ends too early", meter.read_bytes)
            data = memoryview(bytes(data) + more)
    source.put_back(bytes(data))


def decode_chunks(stream: BinaryIO, *, max_bytes: int) -> Iterator[bytes]:
    """Yield the decoded bytes of a stream in chunks.

    Args:
        stream: compressed or plain bytes, read once from where it stands.
        max_bytes: cap on the decoded bytes of the whole stream.

    Yields:
        Non-empty chunks of at most 256 KiB.

    Raises:
        TruncatedStreamError: the stream ends inside a member.
        CorruptStreamError: a checksum fails or the bytes are no valid member.
        OversizeStreamError: over `max_bytes`, over 1,000:1 after the first MiB of
            output, or a window over 128 MiB.
    """
    meter = Meter(max_bytes)
    source = _Source(stream, meter)
    format_name = detect_format(source.read_head())
    if format_name in _UNREAD_FORMATS:
        raise CorruptStreamError(f"{format_name} is not supported, repack as bz2, xz or zst", 0)
    if format_name == "plain":
        while chunk := source.read():
            yield meter.count(chunk)
        return
    while True:
        yield from _decode_member(format_name, source, meter)
        if not source.skip_zeros():
            return
        if detect_format(source.read_head()) != format_name:
            raise CorruptStreamError(
                f"bytes after a {format_name} member are no {format_name} member", meter.read_bytes
            )


class DecodedStream(io.BufferedIOBase):
    """Chunks as a file object; `read` is short only before a fault or at the end."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._position = 0
        self._fault: StreamError | None = None

    def readable(self) -> bool:
        """Tell that the stream can be read."""
        return True

    def _fill(self) -> bool:
        if self._position < len(self._chunk):
            return True
        if self._fault is not None:
            raise self._fault
        try:
            self._chunk, self._position = next(self._chunks, b""), 0
        except StreamError as fault:
            self._fault = fault
            raise
        return bool(self._chunk)

    def read1(self, size: int = -1, /) -> bytes:
        """Read what lies decoded already, at most `size` bytes; empty at the end."""
        if size == 0 or not self._fill():
            return b""
        end = len(self._chunk) if size < 0 else self._position + size
        piece = self._chunk[self._position : end]
        self._position += len(piece)
        return piece

    def read(self, size: int | None = -1, /) -> bytes:
        """Read `size` bytes, fewer at the end; a fault is raised once all before it is read."""
        wanted = -1 if size is None else size
        pieces: list[bytes] = []
        while wanted != 0:
            try:
                piece = self.read1(wanted)
            except StreamError:
                if not pieces:
                    raise
                break
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece) if wanted > 0 else 0
        return b"".join(pieces)


def open_decoded(stream: BinaryIO, *, max_bytes: int) -> BinaryIO:
    """Open a stream for reading its decoded bytes; see `decode_chunks` for caps and errors."""
    return cast(BinaryIO, DecodedStream(decode_chunks(stream, max_bytes=max_bytes)))
