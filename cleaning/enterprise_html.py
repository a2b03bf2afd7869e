"""Read Wikimedia Enterprise HTML dumps: NDJSON members in a tar, an article a line.

::

    enwiki-NS0-20240601-ENTERPRISE-HTML.json.tar.gz
    └── enwiki_0.ndjson    {"name": …, "identifier": …, "article_body": {"html": …}, …}

All is streamed; nothing is written, and no name is used as a path.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple, cast

from gristmill.cleaning import wikitext
from gristmill.cleaning.bounded_streams import READ_BYTES, StreamError, open_decoded
from gristmill.cleaning.html_extraction import ExtractionError
from gristmill.cleaning.html_guard import refuse_reason
from gristmill.cleaning.json_lines import JsonRow, look_up, parse_row, read_date, read_short
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.tar_members import TarReader
from gristmill.cleaning.text_lines import split_lines
from gristmill.cleaning.wiki_html import render_article
from gristmill.cleaning.wikipedia_dump import ArticleSettings
from gristmill.schemas.fates import Damaged, Found, Refused

#: Cap on one line: an article as HTML and as wikitext, every sign escaped.
MAX_LINE_BYTES: Final = 256 << 20

#: Cap on a decoded dump. English Wikipedia's is about 1 TB.
MAX_DUMP_BYTES: Final = 1 << 44

_MEMBER: Final = re.compile(r"[\w.-]{1,200}\.(?:ndjson|json)")
_LICENCE: Final = re.compile(r"[A-Za-z0-9.+-]{2,60}")
_MAX_SHOWN_CHARS: Final = 120
_TAR_MAGIC: Final = b"ustar"
_TAR_MAGIC_PLACE: Final = 257

Render = Callable[[str], str]


class EnterpriseRow(NamedTuple):
    """A line of a member: the row, whose place is counted in bytes of the decoded tar."""

    row: JsonRow
    member: str
    offset: int
    length: int


def is_enterprise(head: bytes) -> bool:
    """Tell by its first 512 decoded bytes whether a file is a tar, or lines of JSON."""
    is_tar = head[_TAR_MAGIC_PLACE:].startswith(_TAR_MAGIC)
    return is_tar or head.lstrip(b" \t\r\n").startswith(b'{"')


def iterate(
    stream: BinaryIO, *, max_line_bytes: int = MAX_LINE_BYTES, max_bytes: int = MAX_DUMP_BYTES
) -> Iterator[EnterpriseRow | Damaged | Refused]:
    """Yield the lines of a dump in file order.

    Args:
        stream: the tar, or one of its members alone; in any compression.
        max_line_bytes: cap on one line; a longer one is damaged, and the next follows.
        max_bytes: cap on the decoded stream.

    Yields:
        Lines, not parsed; `Refused` by the rule ``stray_member`` for members that are no
        NDJSON; a last `Damaged` where the stream breaks off.
    """
    decoded = open_decoded(stream, max_bytes=max_bytes)
    try:
        head = decoded.read(512)
    except StreamError as fault:
        yield Damaged(fault.reason, str(fault), 0, 0)
        return
    whole = cast(BinaryIO, _Prefixed(head, decoded))
    if not head[_TAR_MAGIC_PLACE:].startswith(_TAR_MAGIC):
        yield from _split_member(_read_chunks(whole), "", 0, max_line_bytes)
        return
    tar = TarReader(whole)
    try:
        for member in tar:
            name = member.name.rpartition("/")[2]
            if member.kind == "file" and _MEMBER.fullmatch(name):
                chunks = _read_chunks(cast(BinaryIO, tar))
                yield from _split_member(chunks, name, member.offset, max_line_bytes)
            elif member.kind != "folder":
                shown = ascii(member.name[:_MAX_SHOWN_CHARS])[1:-1]
                detail = f"{member.kind}: {shown or 'name too long'}"
                yield Refused("stray_member", detail, member.offset, member.size)
            if tar.fault is not None:
                return
    except StreamError as fault:
        yield Damaged(fault.reason, str(fault), fault.offset, 0)


class _Prefixed:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._stream.read(size)


def _read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(READ_BYTES):
        yield chunk


def _split_member(
    chunks: Iterator[bytes], name: str, start: int, max_line_bytes: int
) -> Iterator[EnterpriseRow | Damaged]:
    for line in split_lines(chunks, max_line_bytes=max_line_bytes):
        offset = start + line.offset
        if isinstance(line, Damaged):
            yield line._replace(offset=offset, native_id=f"{name}:{line.native_id}")
        elif raw := line.raw.strip():
            row = JsonRow(line.ordinal, raw, offset, line.length)
            yield EnterpriseRow(row, name, offset, line.length)


def extract_article(
    item: EnterpriseRow, settings: ArticleSettings, *, render: Render = render_article
) -> Found | Refused | Damaged:
    """Turn a line into a document.

    Args:
        item: from `iterate`.
        settings: which pages to keep.
        render: makes text of an article's HTML; may raise `ExtractionError`.

    Returns:
        `Found` with the id ``site:page:revision`` that the same page has in an XML dump;
        `Refused` by the rule ``namespace`` or ``empty_text``; `Damaged` if the line is no
        article, or its HTML is too large, too complex or cannot be extracted.
    """
    article = parse_row(item.row)
    if isinstance(article, Damaged):
        return article._replace(native_id=f"{item.member}:{article.native_id}")
    native_id = _name_article(article)
    url = read_short(article, "url")
    if native_id is None:
        name = f"{item.member}:line:{item.row.ordinal}"
        return Damaged("bad_row", "no identifier", item.offset, item.length, name, url)
    place: tuple[int, int, str, str | None] = (item.offset, item.length, native_id, url)
    namespace = look_up(article, "namespace.identifier")
    if isinstance(namespace, int) and namespace not in settings.namespaces:
        return Refused("namespace", str(namespace), *place)
    text = _find_text(article, settings, render)
    if isinstance(text, Damaged):
        return Damaged(text.reason, text.detail, *place)
    if not text:
        return Refused("empty_text", "no prose", *place)
    return Found(
        native_id,
        text,
        item.offset,
        item.length,
        url=url,
        title=read_short(article, "name"),
        date=read_date(article, "date_modified"),
        declared_language=read_short(article, "in_language.identifier"),
        extraction="wiki_html",
        licence=settings.licence or _find_licence(article),
    )


def _name_article(article: Mapping[str, Any]) -> str | None:
    page, revision = look_up(article, "identifier"), look_up(article, "version.identifier")
    for number in (page, revision):
        if not isinstance(number, int) or isinstance(number, bool) or number.bit_length() > 63:
            return None
    return f"{read_short(article, 'is_part_of.identifier') or 'wiki'}:{page}:{revision}"


def _find_text(
    article: Mapping[str, Any], settings: ArticleSettings, render: Render
) -> str | Damaged:
    """Render the HTML of an article, or its wikitext where it has no HTML."""
    body = look_up(article, "article_body.html")
    source = look_up(article, "article_body.wikitext")
    chosen = body if isinstance(body, str) and body.strip() else source
    if not isinstance(chosen, str):
        return Damaged("bad_row", "no article_body", 0, 0)
    size = len(chosen.encode("utf-8", "replace"))
    if size > settings.max_document_bytes:
        return Damaged("too_large", f"{size} > {settings.max_document_bytes}", 0, 0)
    if chosen is source:
        return normalize_text(wikitext.to_prose(source))
    excess = refuse_reason(chosen)
    if excess:
        return Damaged("too_complex", excess, 0, 0)
    try:
        return normalize_text(render(chosen))
    except ExtractionError as error:
        return Damaged("extraction_failed", str(error), 0, 0)


def _find_licence(article: Mapping[str, Any]) -> str | None:
    licences = look_up(article, "license")
    for entry in licences if isinstance(licences, list) else ():
        name = read_short(entry, "identifier") if isinstance(entry, Mapping) else None
        if name and _LICENCE.fullmatch(name):
            return name
    return None
