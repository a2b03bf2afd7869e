"""A record of a crawl to a document, or to the reason why it is none."""

import dataclasses
from typing import Final

from gristmill.cleaning import charset, html_guard, media_types
from gristmill.cleaning.charset import Decoded
from gristmill.cleaning.html_extraction import ExtractionError, extract
from gristmill.cleaning.http_payload import MAX_BODY_BYTES, PayloadError, decode_body
from gristmill.cleaning.media_types import MediaType
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.schemas.fates import Damaged, Found, Refused

_HTTP_BLOCK: Final = "application/http"
_PAGE_TYPES: Final = frozenset({"response", "resource"})


@dataclasses.dataclass(frozen=True)
class PageSettings:
    """How pages become documents.

    Attributes:
        main_content: leave out navigation, headers, footers and the like.
        max_document_bytes: longest body, decoded, that is looked at.
    """

    main_content: bool = True
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
    markup = html_guard.measure_markup(body if decoded.method == "utf8" else decoded.text)
    excess = html_guard.judge_markup(markup)
    if excess:
        return _reject(record, "too_complex", excess)
    try:
        page = extract(
            decoded.text, main_content=settings.main_content, find_licence=markup.has_licence
        )
    except ExtractionError as error:
        return _reject(record, "extraction_failed", str(error))
    found = _found(
        record, normalize_text(page.text), decoded, "main" if settings.main_content else "all"
    )
    if isinstance(found, Refused):
        return found
    return found._replace(
        title=normalize_text(page.title) or None if page.title else None,
        declared_language=page.language or (record.http_headers or {}).get("content-language"),
        licence=page.licence,
    )


def _found(record: WarcRecord, text: str, decoded: Decoded, extraction: str) -> Found | Refused:
    if not text:
        return _refuse(record, "empty_text", "0")
    return Found(
        native_id=name_record(record),
        text=text,
        offset=record.offset,
        length=record.length,
        url=record.url,
        date=record.date,
        charset=decoded.charset,
        charset_method=decoded.method,
        extraction=extraction,
    )


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
