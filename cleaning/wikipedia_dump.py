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
from gristmill.cleaning.dump_scanner import (
    MAX_DUMP_BYTES,
    MAX_PAGE_BYTES,
    find_siteinfo,
    scan_elements,
)
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.wiki_sites import (
    Site,
    build_article_url,
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

#: Licence of Wikipedia's text since 7 June 2023; CC-BY-SA-3.0 before, set it in the recipe.
WIKIPEDIA_LICENCE: Final = "CC-BY-SA-4.0"

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

    `offset` and `length` count bytes of the decoded stream, as UTF-8 (a dump in UTF-16 is
    transcoded), and frame the page element. `index` is the ordinal of the page.
    """

    title: str
    namespace: int
    page_id: int
    revision_id: int
    timestamp: datetime.datetime | None
    model: str | None
    text: str
    redirect: bool
    index: int
    offset: int
    length: int


@dataclass(frozen=True, kw_only=True)
class ArticleSettings:
    """Which pages are documents.

    Attributes:
        namespaces: numbers of the namespaces to keep; 0 holds the articles.
        max_document_bytes: cap on the UTF-8 bytes of a page's wikitext.
        licence: SPDX id written to each document; None means the licence that the
            Wikipedias have now, and nothing for other wikis.
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
    payload = find_siteinfo(stream)
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


def _build_page(
    fields: PageFields, namespaces: dict[str, int], index: int, offset: int, length: int
) -> WikiPage:
    return WikiPage(
        title=fields.title,
        namespace=_find_namespace(fields, namespaces),
        page_id=_parse_int(fields.page_id) or 0,
        revision_id=_parse_int(fields.revision_id) or 0,
        timestamp=_parse_timestamp(fields.timestamp),
        model=fields.model.strip() or None,
        text=fields.text,
        redirect=fields.redirect or _REDIRECT.match(fields.text) is not None,
        index=index,
        offset=offset,
        length=length,
    )


def iterate(
    stream: BinaryIO,
    *,
    max_page_bytes: int = MAX_PAGE_BYTES,
    max_bytes: int = MAX_DUMP_BYTES,
    whole: bool = True,
) -> Iterator[WikiPage | Damaged]:
    """Yield the pages of a dump, and a `Damaged` wherever pages are lost.

    In bzip2 files one bad block costs the pages that it touches; in other containers
    everything after the fault is lost and one `Damaged` says so. Of several revisions
    of a page the last is taken.

    Args:
        stream: XML, plain or as bz2, gz, xz, lzma or zst; UTF-8, UTF-16 or Latin-1.
        max_page_bytes: cap on the XML of one page with one revision.
        max_bytes: cap on the decoded bytes of the stream.
        whole: False if the stream is a slice of a multistream dump, so that a missing
            end of the root element is no damage.

    Yields:
        Pages in file order.
    """
    index = 0
    namespaces = dict(wikitext.COMMON_NAMESPACES)
    for element in scan_elements(
        stream, max_page_bytes=max_page_bytes, max_bytes=max_bytes, whole=whole
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
            yield _build_page(fields, namespaces, index, element.offset, element.length)
        index += 1


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
    is_wikipedia = known.article_url is not None and ".wikipedia.org/" in known.article_url
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
        licence=settings.licence or (WIKIPEDIA_LICENCE if is_wikipedia else None),
    )
