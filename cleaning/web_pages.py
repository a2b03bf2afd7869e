"""A record of a crawl to a document, or to the reason why it is none."""

import dataclasses
from typing import Final

from gristmill.cleaning import charset, html_guard, media_types, opt_outs
from gristmill.cleaning.charset import Decoded
from gristmill.cleaning.fact_scan import scan_page
from gristmill.cleaning.html_extraction import ExtractionError
from gristmill.cleaning.http_payload import MAX_BODY_BYTES, PayloadError, decode_body
from gristmill.cleaning.media_types import MediaType
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.page_extraction import Extractor, Page, extract_text
from gristmill.cleaning.page_facts import PageFacts, read_facts
from gristmill.cleaning.page_text import Structure
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.schemas.fates import Damaged, Found, Refused

_NO_FACTS: Final = PageFacts()
_HTTP_BLOCK: Final = "application/http"
_PAGE_TYPES: Final = frozenset({"response", "resource"})


@dataclasses.dataclass(frozen=True)
class PageSettings:
    """How pages become documents.

    Attributes:
        main_content: leave out navigation, headers, footers and the like.
        extractor: asked first; the other one where it gives no text.
        structure: ``markdown`` marks headings, lists, tables and code.
        max_document_bytes: longest body, decoded, that is looked at.
    """

    main_content: bool = True
    extractor: Extractor = "blocks"
    structure: Structure = "plain"
    max_document_bytes: int = MAX_BODY_BYTES


def extract_page(record: WarcRecord, settings: PageSettings) -> Found | Refused | Damaged:
    """Turn a record into a document.

    Responses and resources with HTML or plain text give text; WET conversion records
    are text already. Total: no record makes it raise, and no detail holds page text.

    Args:
        record: what `warc_records.iterate` yields.
        settings: how to extract.

    Returns:
        `Found` with normalised text that is not empty; `Refused` by the rules
        record_type, http_status, mime_type or empty_text; `Damaged` as bad_encoding,
        too_large, undecodable, too_complex or extraction_failed.
    """
    if record.record_type == "conversion":
        return _extract_wet(record, settings)
    if record.record_type not in _PAGE_TYPES:
        return _refuse(record, "record_type", record.record_type[:100])
    declared = media_types.parse_type(record.content_type)
    if record.http_headers is not None or declared.name == _HTTP_BLOCK:
        if record.http_status != 200:
            return _refuse(record, "http_status", str(record.http_status or "none"))
        declared = media_types.parse_type((record.http_headers or {}).get("content-type"))
    if not media_types.is_promising(declared.name):
        return _refuse(record, "mime_type", declared.name)
    try:
        body = decode_body(
            record.payload, record.http_headers, max_bytes=settings.max_document_bytes
        )
    except PayloadError as error:
        return _reject(record, error.reason, str(error))
    return _extract_body(record, body, declared, settings)


def _extract_wet(record: WarcRecord, settings: PageSettings) -> Found | Refused | Damaged:
    if len(record.payload) > settings.max_document_bytes:
        return _reject(record, "too_large", f"text of {len(record.payload)} bytes")
    decoded = charset.decode(record.payload, "utf-8")
    if decoded is None:
        return _reject(record, "undecodable", f"{len(record.payload)} bytes")
    return _found(record, normalize_text(decoded.text), decoded, "wet")


def _extract_body(
    record: WarcRecord, body: bytes, declared: MediaType, settings: PageSettings
) -> Found | Refused | Damaged:
    kind = media_types.sniff_type(body, declared.name)
    if kind not in (media_types.HTML, media_types.PLAIN):
        return _refuse(record, "mime_type", kind)
    decoded = charset.decode(body, declared.charset)
    if decoded is None:
        return _reject(record, "undecodable", f"{len(body)} bytes, declared {declared.charset}")
    if kind == media_types.PLAIN:
        return _found(record, normalize_text(decoded.text), decoded, "plain")
    if len(body) > html_guard.MAX_HTML_BYTES:
        return _reject(record, "too_complex", f"size over {html_guard.MAX_HTML_BYTES} bytes")
    is_utf8 = decoded.method == "utf8"
    html = charset.drop_cut(body) if is_utf8 else decoded.text.encode("utf-8", "replace")
    scan = scan_page(html)
    excess = html_guard.judge_markup(scan.markup)
    if excess:
        return _reject(record, "too_complex", excess)
    try:
        extracted = extract_text(
            Page(decoded.text, html),
            main_content=settings.main_content,
            extractor=settings.extractor,
            structure=settings.structure,
        )
    except ExtractionError as error:
        return _reject(record, "extraction_failed", str(error))
    facts = read_facts(html, scan.places, record.url, record.date)
    return _found(record, normalize_text(extracted.text), decoded, extracted.extractor, facts)


def _found(
    record: WarcRecord,
    text: str,
    decoded: Decoded,
    extraction: str,
    facts: PageFacts = _NO_FACTS,
) -> Found | Refused:
    """Make a document of a text, with what its page, if there is one, says about itself."""
    if not text:
        return _refuse(record, "empty_text", "0")
    headers = record.http_headers or {}
    language = facts.language or headers.get("content-language")
    return Found(
        native_id=name_record(record),
        text=text,
        offset=record.offset,
        length=record.length,
        url=record.url,
        title=_normalize_value(facts.title),
        date=record.date,
        published=facts.published,
        modified=facts.modified,
        author=_normalize_value(facts.author),
        canonical_url=_normalize_value(facts.canonical_url),
        declared_language=_normalize_value(language),
        charset=decoded.charset,
        charset_method=decoded.method,
        charset_confidence=round(decoded.confidence, 6),
        extraction=extraction,
        licence=_normalize_value(facts.licence),
        opt_outs=opt_outs.sort_signals(opt_outs.read_headers(headers).union(facts.opt_outs)),
        truncated=record.truncated,
    )


def _normalize_value(value: str | None) -> str | None:
    """Normalise what a page says of itself; None if nothing is left."""
    return normalize_text(value) or None if value else None


def name_record(record: WarcRecord) -> str:
    """Name a record: WARC-Record-ID, or what else says which capture it is."""
    if record.record_id is not None:
        return record.record_id
    date = record.date.isoformat() if record.date is not None else f"offset {record.offset}"
    return f"{record.url or 'no url'} {date}"


def _refuse(record: WarcRecord, rule: str, detail: str) -> Refused:
    return Refused(rule, detail, record.offset, record.length, name_record(record), record.url)


def _reject(record: WarcRecord, reason: str, detail: str) -> Damaged:
    return Damaged(reason, detail, record.offset, record.length, name_record(record), record.url)
