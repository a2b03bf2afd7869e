"""Walk the members of a tar stream without ever writing one to disk (threat S3).

Reads ustar, GNU long names and pax headers. Links, devices, sparse files and the rest are
reported and skipped; names are labels and never paths. The standard library's `tarfile`
reads header blocks of any declared size into memory and keeps a list of all members.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.bounded_streams import (
    CorruptStreamError,
    StreamError,
    TruncatedStreamError,
)

_BLOCK_BYTES: Final = 512
_SKIP_BYTES: Final = 1 << 16

#: PATH_MAX of Linux: a longer name is never one of ours.
MAX_NAME_BYTES: Final = 4096

#: A pax header holds a few short lines.
_MAX_PAX_BYTES: Final = 1 << 16

_KINDS: Final = {
    b"0": "file",
    b"\x00": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "device",
    b"4": "device",
    b"5": "folder",
    b"6": "pipe",
    b"S": "sparse file",
}
_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _SPARSE = b"L", b"K", b"x", b"g", b"S"


class TarMember(NamedTuple):
    """A member's header; `offset` is where its data begin, in bytes of the tar stream.

    `name` is empty if it is longer than `MAX_NAME_BYTES`. `kind` is ``file`` or says what
    else the member is.
    """

    name: str
    kind: str
    offset: int
    size: int


class _Extension(NamedTuple):
    """What a long-name or pax header says about the member after it."""

    name: bytes | None = None
    size: int | None = None


def _parse_number(digits: bytes) -> int | None:
    """Parse an octal field, or GNU's base-256; None if it is neither or negative."""
    if digits[0] == 0x80:
        return int.from_bytes(digits[1:], "big")
    digits = digits.strip(b" \x00")
    if not digits:
        return 0
    return int(digits, 8) if all(48 <= digit < 56 for digit in digits) else None


def _has_right_checksum(header: bytes) -> bool:
    stored = _parse_number(header[148:156])
    total = sum(header) - sum(header[148:156]) + 8 * 32
    return stored == total


def _parse_pax(payload: bytes) -> _Extension:
    """Read path and size out of ``length key=value`` lines; the rest is ignored."""
    name, size = None, None
    position = 0
    while position < len(payload):
        space = payload.find(b" ", position, position + 12)
        digits = payload[position:space] if space > position else b""
        if not digits.isdigit() or int(digits) <= len(digits) + 1:
            break
        end = position + int(digits)
        key, _, value = payload[space + 1 : end - 1].partition(b"=")
        if key == b"path":
            name = value
        elif key == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        elif key.startswith(b"GNU.sparse"):
            name = b""
        position = end
    return _Extension(name, size)


class TarReader:
    """Iterates over the members of a tar stream; `read` gives the current one's data.

    Attributes:
        fault: what ended the tar itself, to tell it from faults of what lies in it.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.fault: StreamError | None = None
        self._stream = stream
        self._position = 0
        self._data_end = 0
        self._next_header = 0

    def _read_some(self, count: int) -> bytes:
        try:
            piece = self._stream.read(count) or b""
        except StreamError as fault:
            self.fault = fault
            raise
        self._position += len(piece)
        return piece

    def _break_off(self, message: str) -> StreamError:
        self.fault = TruncatedStreamError(message, self._position)
        return self.fault

    def _take(self, count: int) -> bytes:
        pieces = []
        missing = count
        while missing:
            piece = self._read_some(missing)
            if not piece:
                raise self._break_off("tar ends inside a member")
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _skip_to(self, position: int) -> None:
        while self._position < position:
            self._take(min(position - self._position, _SKIP_BYTES))

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes of the current member's data; empty at its end only."""
        wanted = min(size, self._data_end - self._position)
        piece = self._read_some(wanted) if wanted else b""
        if wanted and not piece:
            raise self._break_off("tar ends inside a member")
        return piece

    def read_all(self) -> bytes:
        """Read the rest of the current member's data; its size is the caller's to bound."""
        return self._take(self._data_end - self._position)

    def _read_header(self) -> bytes | None:
        """Read the next header block; None at the end of the stream, zero blocks skipped."""
        ended = False
        while True:
            first = self._read_some(1)
            if not first and ended:
                return None
            if not first:
                raise self._break_off("tar without an end mark")
            header = first + self._take(_BLOCK_BYTES - 1)
            if header.strip(b"\x00"):
                return header
            ended = True

    def _skip_sparse_map(self, header: bytes) -> None:
        # GNU's old sparse format: blocks that the size does not count follow the header.
        extended = header[482]
        while extended:
            extended = self._take(_BLOCK_BYTES)[504]

    def _read_extension(self, kind: bytes, size: int, so_far: _Extension) -> _Extension:
        limit = _MAX_PAX_BYTES if kind == _PAX else MAX_NAME_BYTES + 1
        wanted = min(size, limit) if kind in (_PAX, _LONG_NAME) else 0
        payload = self._take(wanted)
        if kind == _LONG_NAME:
            name = payload.rstrip(b"\x00") if size <= limit else b""
            return so_far._replace(name=name)
        if kind == _PAX and size > limit:
            self.fault = CorruptStreamError(f"pax header of {size} bytes", self._position)
            raise self.fault
        return _parse_pax(payload) if kind == _PAX else so_far

    def _begin_data(self, size: int) -> None:
        self._data_end = self._position + size
        self._next_header = self._position + -(-size // _BLOCK_BYTES) * _BLOCK_BYTES

    def __iter__(self) -> Iterator[TarMember]:
        """Yield members in file order; what is not read of one is skipped.

        Raises:
            TruncatedStreamError: the stream ends inside a member or without an end mark.
            CorruptStreamError: a header's checksum or number is wrong.
        """
        extension = _Extension()
        while True:
            self._skip_to(self._next_header)
            header = self._read_header()
            if header is None:
                return
            kind = header[156:157]
            size = _parse_number(header[124:136])
            if size is None or not _has_right_checksum(header):
                self.fault = CorruptStreamError("tar header", self._position - _BLOCK_BYTES)
                raise self.fault
            if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
                self._begin_data(size)
                extension = self._read_extension(kind, size, extension)
                continue
            if kind == _SPARSE:
                self._skip_sparse_map(header)
            is_data = kind not in b"123456" or not kind
            self._begin_data((extension.size or size) if is_data else 0)
            yield self._build_member(header, kind, extension.name)
            extension = _Extension()

    def _build_member(self, header: bytes, kind: bytes, name: bytes | None) -> TarMember:
        if name is None:
            name = header[:100].rstrip(b"\x00")
            prefix = header[345:500].split(b"\x00")[0] if header[257:262] == b"ustar" else b""
            if prefix and header[257:265] != b"ustar  \x00":
                name = prefix + b"/" + name
        shown = name.split(b"\x00")[0].decode("utf-8", "backslashreplace")
        size = self._data_end - self._position
        return TarMember(shown, _KINDS.get(kind, "unknown member"), self._position, size)
