"""A second opinion on archive files: simple, slow, whole in memory, no code of the reader's.

It takes a file apart by the book (member, header, declared length, what must follow)
and says of each record whether it is intact. The tests hold the reader to that.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

WARC_HEAD = re.compile(rb"WARC/[01]\.\d+[ \t]*\r?\n[A-Za-z-]+[ \t]*:", re.IGNORECASE)
#: URL, address, date, type and length; of the version line only its scheme is sure.
ARC_HEAD = re.compile(
    rb"(?:filedesc://[^\r\n]*|[A-Za-z][A-Za-z0-9+.-]*:[^\r\n]*"
    rb" (?:[0-9.]{7,15}|-|[0-9A-Fa-f:]{3,39}) (?:[^ \r\n]+ [^\r\n]*-?\d+|\d{14,18} [^\r\n]*))"
    rb"\r?\n"
)
GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
LZ4_MAGIC = b"\x04\x22\x4d\x18"
LONGEST_BYTES = 64 << 20


@dataclass(frozen=True)
class Part:
    """One member: what it decodes to and whether it is whole."""

    offset: int
    length: int
    content: bytes
    whole: bool


@dataclass(frozen=True)
class Seen:
    """One record; `block` is the start of it if it is not intact."""

    offset: int  # of the member
    position: int  # among the decoded bytes of the member
    record_type: str
    url: str
    block: bytes
    intact: bool

    @property
    def digest(self) -> str:
        """SHA-1 of the block, in hexadecimal."""
        return hashlib.sha1(self.block).hexdigest()


def scan_archive(raw: bytes) -> list[Seen]:
    """List the records of a WARC or ARC file, whatever it is packed in."""
    return [seen for part in split_members(raw) for seen in split_records(part)]


def split_members(raw: bytes) -> list[Part]:
    """Decode the members of a file; a file without compression is one."""
    for magic, decode in ((GZIP_MAGIC, _decode_gzip), (ZSTD_MAGIC, _decode_zstd)):
        if magic in raw[: 1 << 16] and not _heads(raw[:4096]):
            return _join_members(list(_split(raw, magic, decode)))
    if raw.startswith(LZ4_MAGIC):
        return list(_split(raw, LZ4_MAGIC, _decode_lz4))
    return [Part(0, len(raw), raw, True)]


def _split(raw: bytes, magic: bytes, decode) -> Iterator[Part]:  # type: ignore[no-untyped-def]
    offset = raw.find(magic)
    while offset >= 0:
        content, used = decode(raw[offset:])
        if used:
            yield Part(offset, used, content, True)
            following = raw.find(magic, offset + used)
        else:
            following = raw.find(magic, offset + 1)
            while following >= 0 and not _heads(decode(raw[following : following + (1 << 18)])[0]):
                following = raw.find(magic, following + 1)
            end = following if following >= 0 else len(raw)
            yield Part(offset, end - offset, content, False)
        offset = following


def _join_members(parts: list[Part]) -> list[Part]:
    """Put whole members together where the later ones start no record: they are one stream."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        starts = _heads(part.content.lstrip(b"\r\n")) or not part.content.strip(b"\r\n")
        if last is None or starts or not (part.whole and last.whole and _heads(last.content)):
            joined.append(part)
        else:
            joined[-1] = Part(
                last.offset, last.length + part.length, last.content + part.content, True
            )
    return joined


def _heads(content: bytes) -> bool:
    return WARC_HEAD.match(content) is not None or ARC_HEAD.match(content) is not None


def _decode_gzip(raw: bytes) -> tuple[bytes, int]:
    """What decodes, byte by byte near damage, and how long the member is (0: not whole)."""
    decoder = zlib.decompressobj(31)
    pieces = []
    for start in range(0, len(raw), 256):
        try:
            pieces.append(decoder.decompress(raw[start : start + 256]))
        except zlib.error:
            return b"".join(pieces), 0
        if decoder.eof:
            return b"".join(pieces), min(start + 256, len(raw)) - len(decoder.unused_data)
        if sum(map(len, pieces[-1:])) > LONGEST_BYTES:
            break
    return b"".join(pieces), 0


def _decode_zstd(raw: bytes) -> tuple[bytes, int]:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    pieces = []
    for start in range(0, len(raw), 256):
        try:
            pieces.append(decoder.decompress(raw[start : start + 256]))
        except zstandard.ZstdError:
            return b"".join(pieces), 0
        if decoder.eof:
            return b"".join(pieces), min(start + 256, len(raw)) - len(decoder.unused_data)
    return b"".join(pieces), 0


def _decode_lz4(raw: bytes) -> tuple[bytes, int]:
    """One frame; its checksums are stepped over."""
    flags = raw[4]
    place = 7 + (8 if flags & 8 else 0)
    out = bytearray()
    while True:
        size = int.from_bytes(raw[place : place + 4], "little")
        place += 4
        if size == 0:
            return bytes(out), place + (4 if flags & 4 else 0)
        block = raw[place : place + (size & 0x7FFFFFFF)]
        if len(block) != size & 0x7FFFFFFF:
            return bytes(out), 0
        if size >> 31:
            out += block
        else:
            _decode_lz4_block(block, out)
        place += len(block) + (4 if flags & 16 else 0)


def _decode_lz4_block(block: bytes, out: bytearray) -> None:
    place = 0

    def read_length(nibble: int) -> int:
        nonlocal place
        length = nibble
        while nibble == 15:
            more = block[place]
            place += 1
            length += more
            if more != 255:
                break
        return length

    while place < len(block):
        token = block[place]
        place += 1
        literals = read_length(token >> 4)
        out += block[place : place + literals]
        place += literals
        if place >= len(block):
            return
        distance = int.from_bytes(block[place : place + 2], "little")
        place += 2
        for _ in range(read_length(token & 15) + 4):
            out.append(out[-distance])


def split_records(part: Part) -> Iterator[Seen]:
    """Take the content of a member apart, trusting a length only if a record ends there."""
    content = part.content
    place = 0
    while place < len(content):
        place = _skip_line_ends(content, place)
        head = WARC_HEAD.match(content, place) or ARC_HEAD.match(content, place)
        if head is None:
            place = _find_head(content, place + 1)
            continue
        record_type, url, length, start = _read_head(content, place)
        if start < 0:
            yield Seen(part.offset, place, record_type, url, b"", False)
            place = _find_head(content, place + 1)
            continue
        end = start + length
        alone = part.whole and place == 0 and _find_head(content, 1) == len(content)
        is_file = part.length == len(content) and part.whole
        if length >= 0 and end <= len(content) and _ends_record(content, place, end):
            last = _skip_line_ends(content, end) == len(content)
            proof = _match_digest(content[place:start], content[start:end])
            # What no checksum of a member covers must have the digest that it declares.
            intact = (part.whole or not last) and (proof or (part.whole and not is_file))
            yield Seen(part.offset, place, record_type, url, content[start:end], intact)
            place = end
        elif alone and not is_file and end <= len(content):
            block = content[start:].rstrip(b"\r\n")
            yield Seen(part.offset, place, record_type, url, block, True)
            return
        else:
            yield Seen(part.offset, place, record_type, url, content[start:end], False)
            place = _find_head(content, start)


def _find_head(content: bytes, place: int) -> int:
    """Where the next line starts that starts a record; the end if there is none."""
    found = [
        match.start()
        for pattern in (WARC_HEAD, ARC_HEAD)
        if (match := re.compile(rb"(?m)^" + pattern.pattern, pattern.flags).search(content, place))
    ]
    return min(found, default=len(content))


def _skip_line_ends(content: bytes, place: int) -> int:
    while content[place : place + 1] in (b"\r", b"\n"):
        place += 1
    return place


def _ends_record(content: bytes, begin: int, end: int) -> bool:
    place = _skip_line_ends(content, end)
    if place == len(content) or _heads(content[place : place + 16384]):
        return True
    if WARC_HEAD.match(content, begin):
        following = content[place : place + 5].upper()
        return content[end : end + 4] == b"\r\n\r\n" or b"WARC/".startswith(following)
    # The next URL line is cut.
    rest = content[place:]
    return (
        place > end
        and len(rest) < 16384
        and re.fullmatch(rb"[a-z]+:?[^\r\n]*\r?", rest) is not None
    )


def _match_digest(head: bytes, block: bytes) -> bool:
    """Say whether a block has its WARC-Block-Digest, of SHA-1, if it declares one."""
    declared = re.search(rb"(?i)\nWARC-Block-Digest:\s*sha1:([A-Za-z0-9=+/]+)[ \t]*\r?\n", head)
    if declared is None:
        return True
    digest = hashlib.sha1(block).digest()
    spellings = (base64.b32encode(digest), base64.b64encode(digest), digest.hex().upper().encode())
    return declared[1] in spellings or declared[1].upper() in spellings


def _read_head(content: bytes, place: int) -> tuple[str, str, int, int]:
    """Type, URL, declared length (-1: none) and where the block starts (-1: nowhere)."""
    if WARC_HEAD.match(content, place) is None:
        end = content.find(b"\n", place) + 1
        line = content[place:end].decode("utf-8", "replace").rstrip()
        is_version = line.startswith("filedesc:")
        length = line.rpartition(" ")[2]
        record_type = "warcinfo" if is_version else "response"
        url = line.rsplit(" ", 4)[0]
        return record_type, url, int(length) if length.isdecimal() else -1, end
    blank = re.compile(rb"\r?\n\r?\n").search(content, place)
    if blank is None:
        return "", "", -1, -1
    fields = {}
    text = content[place : blank.start()].decode("utf-8", "replace")
    for line in re.sub(r"\r?\n[ \t]+", " ", text).splitlines()[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    length = fields.get("content-length", "")
    return (
        fields.get("warc-type", "").lower(),
        fields.get("warc-target-uri", "").strip("<>"),
        int(length) if length.isdecimal() else -1,
        blank.end(),
    )
