"""Read plain text files: one document a file, a paragraph or a line, in any encoding."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, NamedTuple

from gristmill.cleaning import charset
from gristmill.cleaning.bounded_streams import StreamError, decode_chunks
from gristmill.cleaning.charset import Decoded
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.text_lines import TextLine, split_lines
from gristmill.schemas.fates import Damaged, Found, Refused

#: Cap on one document (threat S1).
MAX_DOCUMENT_BYTES: Final = 20 << 20

#: Cap on a decoded file.
MAX_FILE_BYTES: Final = 1 << 42

#: Bytes by which the encoding of a file is told that is cut into documents.
_HEAD_BYTES: Final = 1 << 16

_WIDE: Final = ("utf-16", "utf-32")

Split = Literal["file", "paragraph", "line"]


class TextPiece(NamedTuple):
    """A document as it lies in a file.

    Attributes:
        payload: its bytes; UTF-8 of a file in UTF-16 or UTF-32 that was cut.
        name: empty for a whole file, else ``line:`` and the number of its first line from 0.
        offset: where in the decoded file it begins.
        length: bytes of it.
        charset: encoding of the file that it is cut from; None for a whole file.
        charset_method: how that was found.
    """

    payload: bytes
    name: str
    offset: int
    length: int
    charset: str | None = None
    charset_method: str | None = None


@dataclass(frozen=True, kw_only=True)
class TextSettings:
    """Limits on a document.

    Attributes:
        max_document_bytes: cap on its bytes.
        licence: SPDX id written to each document.
    """

    max_document_bytes: int = MAX_DOCUMENT_BYTES
    licence: str | None = None


def iterate(
    stream: BinaryIO,
    *,
    split: Split = "file",
    max_document_bytes: int = MAX_DOCUMENT_BYTES,
    max_bytes: int = MAX_FILE_BYTES,
) -> Iterator[TextPiece | Damaged]:
    """Yield the documents of a file.

    Args:
        stream: text, plain or as gz, bz2, xz, lzma or zst.
        split: what one document is: the file, a run of lines that are not blank, or a
            line that is not blank.
        max_document_bytes: cap on one document; a longer one is damaged, and the next follows.
        max_bytes: cap on the decoded file.

    Yields:
        Documents; a last `Damaged` where the stream breaks off.
    """
    chunks = decode_chunks(stream, max_bytes=max_bytes)
    if split == "file":
        yield _read_whole(chunks, max_document_bytes)
        return
    head, fault = _read_head(chunks)
    if fault is not None and not head:
        yield Damaged(fault.reason, str(fault), 0, 0, "line:0")
        return
    known = charset.decode(head, None)
    name, method = (known.charset, known.method) if known is not None else (None, None)
    if name is not None and name.startswith(_WIDE):
        chunks = _transcode(_chain(head, chunks, fault), name)
    else:
        chunks = _chain(head, chunks, fault)
    for item in _cut_pieces(chunks, split, max_document_bytes):
        if isinstance(item, TextPiece):
            yield item._replace(charset=name, charset_method=method)
        else:
            yield item


def _read_whole(chunks: Iterator[bytes], max_document_bytes: int) -> TextPiece | Damaged:
    pieces: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > max_document_bytes:
                return Damaged("too_large", f"file of over {max_document_bytes} bytes", 0, size, "")
            pieces.append(chunk)
    except StreamError as fault:
        return Damaged(fault.reason, str(fault), 0, size, "")
    return TextPiece(b"".join(pieces), "", 0, size)


def _read_head(chunks: Iterator[bytes]) -> tuple[bytes, StreamError | None]:
    head = b""
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= _HEAD_BYTES:
                break
    except StreamError as fault:
        return head, fault
    return head, None


def _chain(head: bytes, chunks: Iterator[bytes], fault: StreamError | None) -> Iterator[bytes]:
    yield head
    if fault is not None:
        raise fault
    yield from chunks


def _transcode(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Bring a file to UTF-8, so that a line feed is a byte."""
    decoder = codecs.getincrementaldecoder(name)(errors="replace")
    for chunk in chunks:
        yield decoder.decode(chunk).removeprefix("\ufeff").encode("utf-8", "replace")
    yield decoder.decode(b"", True).encode("utf-8", "replace")


def _cut_pieces(
    chunks: Iterator[bytes], split: Split, max_document_bytes: int
) -> Iterator[TextPiece | Damaged]:
    paragraph = _Paragraph(max_document_bytes)
    for line in split_lines(chunks, max_line_bytes=max_document_bytes):
        if isinstance(line, Damaged):
            yield from paragraph.finish()
            yield line
        elif not line.raw.strip():
            yield from paragraph.finish()
        elif split == "line":
            yield TextPiece(line.raw, f"line:{line.ordinal}", line.offset, line.length)
        else:
            paragraph.add(line)
    yield from paragraph.finish()


class _Paragraph:
    """Collects lines up to the next blank one."""

    def __init__(self, max_document_bytes: int) -> None:
        self._max_document_bytes = max_document_bytes
        self._lines: list[bytes] = []
        self._name = ""
        self._offset = self._size = 0

    def add(self, line: TextLine) -> None:
        if not self._size:
            self._name, self._offset = f"line:{line.ordinal}", line.offset
        self._size += line.length
        if self._size <= self._max_document_bytes:
            self._lines.append(line.raw)
        else:
            self._lines.clear()

    def finish(self) -> Iterator[TextPiece | Damaged]:
        if self._size > self._max_document_bytes:
            detail = f"paragraph of {self._size} bytes > {self._max_document_bytes}"
            yield Damaged("too_large", detail, self._offset, self._size, self._name)
        elif self._size:
            yield TextPiece(b"".join(self._lines), self._name, self._offset, self._size)
        self._lines.clear()
        self._size = 0


def _decode_piece(piece: TextPiece) -> Decoded | None:
    """Decode with the encoding of the file, or, where that does not fit, with the piece's own."""
    if piece.charset is not None and piece.charset_method is not None:
        # What was in UTF-16 was transcoded.
        name = "utf-8" if piece.charset.startswith(_WIDE) else piece.charset
        try:
            text = piece.payload.decode(name).removeprefix("\ufeff")
            return Decoded(text, piece.charset, piece.charset_method, 1.0)
        except UnicodeDecodeError:
            pass
    return charset.decode(piece.payload, None)


def extract_piece(piece: TextPiece, settings: TextSettings) -> Found | Refused | Damaged:
    """Turn a piece of a file into a document.

    Args:
        piece: from `iterate`.
        settings: limits.

    Returns:
        `Damaged` ``undecodable`` if no encoding fits, ``too_large`` over the cap; `Refused`
        ``empty_text`` if nothing is left. The id is the piece's name: empty for a whole file.
    """
    place = (piece.offset, piece.length, piece.name)
    if piece.length > settings.max_document_bytes:
        return Damaged("too_large", f"{piece.length} > {settings.max_document_bytes}", *place)
    decoded = _decode_piece(piece)
    if decoded is None:
        return Damaged("undecodable", f"{piece.length} bytes", *place)
    text = normalize_text(decoded.text)
    if not text:
        return Refused("empty_text", "no text", *place)
    return Found(
        piece.name,
        text,
        piece.offset,
        piece.length,
        charset=decoded.charset,
        charset_method=decoded.method,
        charset_confidence=decoded.confidence,
        extraction="plain",
        licence=settings.licence,
    )
