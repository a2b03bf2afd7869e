"""Read MediaWiki XML dumps: stream to pages, page to document.

A scanner finds ``<page>`` elements in the decoded bytes and expat parses each on its
own: `<` cannot stand in XML text, so the scan is exact, memory is bounded by one
revision, and damage costs the pages that it touches. Any export schema will do, with or
without a root element. A document type declaration refuses the file (threat S2).
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from gristmill.cleaning import wikitext
from gristmill.cleaning.dump_pages import PageFields, parse_page, parse_site
from gristmill.cleaning.dump_scanner import MAX_PAGE_BYTES, Element, scan_elements
from gristmill.cleaning.dump_streams import MAX_DUMP_BYTES, find_siteinfo
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.wiki_sites import (
    Site,
    build_article_url,
    find_licence,
    guess_database_name,
    name_site,
)
from gristmill.schemas.fates import Damaged, Found, Refused

__all__ = [
    "ArticleSettings",
    "Site",
    "WikiPage",
    "extract_article",
    "iterate",
    "name_site",
    "read_site",
]

#: Twenty times MediaWiki's own limit on an article (`$wgMaxArticleSize`, 2 MiB), rounded down.
MAX_DOCUMENT_BYTES: Final = 20 << 20

# The word that makes a page a redirect, for dumps before schema 0.6, which have no
# <redirect/>. From MediaWiki's message files; REDIRECT holds in every language.
_REDIRECT_WORDS: Final = (
    "redirect redirection weiterleitung rinvia rinvio redirección redireccion doorverwijzing "
    "patrz przekieruj tam redirecionamento перенаправление перенапр перенаправлення пренасочване "
    "виж 重定向 転送 リダイレクト 넘겨주기 تحويل تغییر_مسیر تغییرمسیر ohjaus uudelleenohjaus "
    "omdirigering omdiriger yönlendirme yönlendi̇r átirányítás přesměruj alih đổi alidirektu adkas "
    "redirecció ailgyfeirio ail-cyfeirio ανακατευθυνση birzuzendu suuna הפניה अनुप्रेषित "
    "preusmjeri tilvísun redirecteaza presmeruj preusmeritev ridrejto преусмери เปลี่ยนทาง "
    "пренасочување ყვანა გადამისამართება វែង yönləndi̇rmə перанакіраваньне"
)
_REDIRECT: Final = re.compile(
    r"\s{0,20}#(?:"
    + "|".join(map(re.escape, _REDIRECT_WORDS.split()))
    + r")\s{0,20}:?\s{0,20}\[\[",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class WikiPage:
    """A page of a dump with its last revision; `page_id` and `revision_id` are 0 if not given.

    `position` and `length` frame the page element in decoded bytes, as UTF-8 (a dump in
    UTF-16 is transcoded). In a file of several bz2 streams `offset` is where in the file the
    stream begins that holds the page's first byte, as in the index of a multistream dump,
    and `position` counts from the start of that stream; in its first stream, and in all
    other files, `offset` is `position`.
    """

    title: str
    namespace: int
    page_id: int
    revision_id: int
    timestamp: datetime.datetime | None
    model: str | None
    text: str
    redirect: bool
    offset: int
    position: int
    length: int


@dataclass(frozen=True, kw_only=True)
class ArticleSettings:
    """Which pages are documents.

    Attributes:
        namespaces: numbers of the namespaces to keep; 0 holds the articles.
        max_document_bytes: cap on the UTF-8 bytes of a page's wikitext.
        licence: SPDX id written to each document; None means what follows from the wiki
            and the date of the revision (`wiki_sites.find_licence`).
    """

    namespaces: tuple[int, ...] = (0,)
    max_document_bytes: int = MAX_DOCUMENT_BYTES
    licence: str | None = None


def read_site(stream: BinaryIO) -> Site | None:
    """Read the ``<siteinfo>`` at the head of a dump.

    Args:
        stream: the dump from its start, in any container that `iterate` reads.

    Returns:
        None if the first MiB holds no whole ``<siteinfo>``. `name` is empty if the
        dump gives neither a database name nor a Wikimedia address.
    """
    payload, _ = find_siteinfo(stream)
    fields = parse_site(payload) if payload is not None else None
    if fields is None:
        return None
    name = fields.database_name or guess_database_name(fields.base)
    return name_site(name)._replace(namespaces=fields.namespaces)


def _parse_timestamp(value: str) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(value.strip())
        return moment.astimezone(datetime.UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _parse_int(value: str) -> int | None:
    value = value.strip()
    return (
        int(value)
        if value.isascii() and value.lstrip("-").isdecimal() and len(value) < 19
        else None
    )


def _find_namespace(fields: PageFields, namespaces: dict[str, int]) -> int:
    declared = _parse_int(fields.namespace)
    if declared is not None:
        return declared
    # Before schema 0.6 the namespace stands in the title only.
    prefix, colon, _ = fields.title.partition(":")
    return namespaces.get(prefix.strip().lower(), 0) if colon else 0


def _build_page(fields: PageFields, namespaces: dict[str, int], element: Element) -> WikiPage:
    return WikiPage(
        title=fields.title,
        namespace=_find_namespace(fields, namespaces),
        page_id=_parse_int(fields.page_id) or 0,
        revision_id=_parse_int(fields.revision_id) or 0,
        timestamp=_parse_timestamp(fields.timestamp),
        model=fields.model.strip() or None,
        text=fields.text,
        redirect=fields.redirect or _REDIRECT.match(fields.text) is not None,
        offset=element.offset,
        position=element.position,
        length=element.length,
    )


def iterate(
    stream: BinaryIO,
    *,
    max_page_bytes: int = MAX_PAGE_BYTES,
    max_bytes: int = MAX_DUMP_BYTES,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[WikiPage | Damaged]:
    """Yield the pages of a dump, and a `Damaged` wherever pages are lost.

    In bzip2 files one bad block costs the pages that it touches; in other containers
    everything after the fault is lost and one `Damaged` says so. Of several revisions
    of a page the last is taken. The ranges of a multistream dump, one after another, give
    what the whole file gives (`dump_ranges`).

    Args:
        stream: XML, plain or as bz2, gz, xz, lzma or zst; UTF-8, UTF-16 or Latin-1. With
            a `start` it is seekable and stands anywhere.
        max_page_bytes: cap on the XML of one page with one revision.
        max_bytes: cap on the decoded bytes of the range.
        start: where the first bz2 stream of the range begins in the file; 0 for its head.
        stop: where the first bz2 stream after the range begins; None for the file's end.

    Yields:
        Pages in file order.
    """
    namespaces = dict(wikitext.COMMON_NAMESPACES)
    root_open = False
    if start:
        stream.seek(0)
        payload, root_open = find_siteinfo(stream)
        site = parse_site(payload) if payload is not None else None
        namespaces |= site.namespaces if site is not None else {}
        stream.seek(start)
    for element in scan_elements(
        stream,
        max_page_bytes=max_page_bytes,
        max_bytes=max_bytes,
        start=start,
        stop=stop,
        root_open=root_open,
    ):
        if isinstance(element, Damaged):
            yield element
            continue
        if element.is_site:
            site = parse_site(element.payload)
            namespaces |= site.namespaces if site is not None else {}
            continue
        fields = parse_page(element.payload)
        if isinstance(fields, str):
            yield Damaged("damaged_record", fields, element.offset, element.length)
        else:
            yield _build_page(fields, namespaces, element)


def _find_refusal(page: WikiPage, settings: ArticleSettings) -> tuple[str, str] | None:
    if page.redirect:
        return "redirect", "redirect"
    if page.namespace not in settings.namespaces:
        return "namespace", str(page.namespace)
    if page.model not in (None, "wikitext"):
        return "content_model", ascii(page.model)[1:101]
    if not page.text or page.text.isspace():
        return "empty_text", "no revision" if page.revision_id == 0 else "no wikitext"
    return None


def extract_article(
    page: WikiPage, settings: ArticleSettings, *, site: Site | str
) -> Found | Refused | Damaged:
    """Turn a page into a document.

    Args:
        page: from `iterate`.
        settings: which pages to keep.
        site: from `read_site`, or a database name such as ``enwiki``. A site with
            namespaces knows how the wiki calls files and categories.

    Returns:
        `Found` with id ``site:page:revision``; `Refused` by the rule ``redirect``,
        ``namespace``, ``content_model`` or ``empty_text``, in this order; `Damaged` if the
        page is too large or has no id.
    """
    known = name_site(site) if isinstance(site, str) else site
    native_id = f"{known.name}:{page.page_id}:{page.revision_id}"
    url = build_article_url(known, page.title)
    place: tuple[int, int, str, str | None] = (page.offset, page.length, native_id, url)
    if page.page_id == 0:
        return Damaged("damaged_record", "page without id", *place)
    refusal = _find_refusal(page, settings)
    if refusal is not None:
        return Refused(refusal[0], refusal[1], *place)
    text_bytes = len(page.text.encode("utf-8"))
    if text_bytes > settings.max_document_bytes:
        return Damaged("too_large", f"{text_bytes} > {settings.max_document_bytes}", *place)
    text = normalize_text(wikitext.to_prose(page.text, file_prefixes=known.link_prefixes))
    if not text:
        return Refused("empty_text", "no prose", *place)
    return Found(
        native_id,
        text,
        page.offset,
        page.length,
        url=url,
        title=page.title,
        date=page.timestamp,
        declared_language=known.language,
        extraction="wikitext",
        licence=settings.licence or find_licence(known, page.timestamp),
    )
