"""`extract_page`: the fate of every kind of record, on made and on real crawls."""

import datetime
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.page_extraction import Extractor
from gristmill.cleaning.warc_records import WarcRecord, iterate
from gristmill.cleaning.web_pages import PageSettings, extract_page, name_record
from gristmill.schemas.fates import COLLECT_RULES, QUARANTINE_REASONS, Damaged, Found, Refused

SETTINGS = PageSettings()
DATE = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
PROSE = "The mill grinds slowly, and the miller waits for the water to rise again. " * 6
PAGE = f"<!DOCTYPE html><html lang=en><title>Of mills</title><article><p>{PROSE}</article></html>"
CANARY = "canary-7f3a"


def make(
    payload: bytes | str = PAGE,
    *,
    record_type: str = "response",
    status: int | None = 200,
    mime: str | None = "text/html; charset=utf-8",
    **headers: str,
) -> WarcRecord:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if mime is not None:
        fields["content-type"] = mime
    is_http = record_type in ("response", "revisit")
    return WarcRecord(
        record_type=record_type,
        record_id="urn:uuid:1",
        url="http://example.org/",
        date=DATE,
        content_type="application/http; msgtype=response" if is_http else mime,
        http_headers=fields if is_http else None,
        http_status=status if is_http else None,
        payload=payload.encode() if isinstance(payload, str) else payload,
        offset=10,
        length=20,
        truncated=None,
    )


def test_page_is_found_with_all_it_says() -> None:
    said = (
        "<meta name=author content='A. Miller'><meta name=robots content=noai>"
        "<link rel=canonical href=/mill>"
    )
    page = PAGE.replace("</title>", "</title>" + said)
    page = page.replace("</article>", "<a rel=license href=http://l/></a></article>")
    record = make(page, x_robots_tag="otherbot: noimageai, noindex")._replace(truncated="length")
    assert extract_page(record, SETTINGS) == Found(
        native_id="urn:uuid:1",
        text=PROSE.strip(),
        offset=10,
        length=20,
        url="http://example.org/",
        title="Of mills",
        date=DATE,
        author="A. Miller",
        canonical_url="http://example.org/mill",
        declared_language="en",
        charset="utf-8",
        charset_method="utf8",
        charset_confidence=1.0,
        extraction=SETTINGS.extractor,
        licence="http://l/",
        opt_outs=("header:noimageai", "meta:noai"),
        truncated="length",
    )


@pytest.mark.parametrize(
    ("record", "rule", "detail"),
    [
        (make(record_type="request"), "record_type", "request"),
        (make(record_type="revisit"), "record_type", "revisit"),
        (make(record_type="metadata"), "record_type", "metadata"),
        (make(record_type=""), "record_type", ""),
        (make(status=404), "http_status", "404"),
        (make(status=None), "http_status", "none"),
        (make(mime="image/png"), "mime_type", "image/png"),
        (make(mime="application/json"), "mime_type", "application/json"),
        (make(b"%PDF-1.5 " + b"x" * 99), "mime_type", "application/pdf"),
        (make(b"%PDF-1.5 x", mime=None), "mime_type", "application/pdf"),
        (make("some words", mime=None), "mime_type", "unknown"),
        (make("1.2.3.4", record_type="resource", mime="text/dns"), "mime_type", "text/dns"),
        (make(""), "empty_text", "0"),
        (make("<title>only a title</title>"), "empty_text", "0"),
        (make(" \n ", mime="text/plain"), "empty_text", "0"),
        (make("\n", record_type="conversion"), "empty_text", "0"),
    ],
)
def test_refusals(record: WarcRecord, rule: str, detail: str) -> None:
    fate = extract_page(record, SETTINGS)
    assert fate == Refused(rule, detail, 10, 20, "urn:uuid:1", "http://example.org/")
    assert rule in COLLECT_RULES


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (make(gzip.compress(PAGE.encode())[:-20], content_encoding="gzip"), "bad_encoding"),
        (make(b"5\r\nhel", transfer_encoding="chunked"), "bad_encoding"),
        (make(gzip.compress(bytes(30 << 20)), content_encoding="gzip"), "too_large"),
        (make("x" * 5000), "too_large"),
        (make("x" * 5000, record_type="conversion"), "too_large"),
        (make(b"<html>" + bytes(range(1, 32)) * 100), "undecodable"),
        (make("<div>" * 3000), "too_complex"),
    ],
)
def test_quarantine(record: WarcRecord, reason: str) -> None:
    limit = 4000 if record.payload.startswith(b"x") else SETTINGS.max_document_bytes
    fate = extract_page(record, PageSettings(max_document_bytes=limit))
    assert isinstance(fate, Damaged)
    assert fate[:1] + fate[2:] == (reason, 10, 20, "urn:uuid:1", "http://example.org/")
    assert reason in QUARANTINE_REASONS


def test_every_way_of_extraction() -> None:
    found = [
        extract_page(make(), SETTINGS),
        extract_page(make(), PageSettings(main_content=False)),
        extract_page(make(PROSE, mime="text/plain"), SETTINGS),
        extract_page(make(PROSE, record_type="conversion", mime="text/plain"), SETTINGS),
        extract_page(make(record_type="resource"), SETTINGS),
        extract_page(make(mime=None), SETTINGS),
        extract_page(make(mime="application/octet-stream"), SETTINGS),
        extract_page(make(mime="text/plain"), SETTINGS),
    ]
    ways = [fate.extraction for fate in found if isinstance(fate, Found)]
    first = SETTINGS.extractor
    assert ways == [first, first, "plain", "wet", first, first, first, first]
    assert all(PROSE.strip() in fate.text for fate in found if isinstance(fate, Found))


@pytest.mark.parametrize("extractor", ["blocks", "resiliparse"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_page_cut_inside_a_character_ends_before_it(extractor: Extractor, cut: int) -> None:
    page = "<article>" + "<p>The mill grinds corn for the bread of all the village.</p>" * 8
    body = f"{page}<p>What is cut here is a dash –".encode()[:-cut]
    fate = extract_page(make(body), PageSettings(extractor=extractor))
    assert isinstance(fate, Found) and fate.text.endswith("What is cut here is a dash")


def test_codings_and_charsets_are_undone() -> None:
    page = f"<html><p>Съешь же ещё этих мягких французских булок. {PROSE}</p>"
    raw = gzip.compress(page.encode("koi8-r"))
    record = make(raw, mime="text/html; charset=koi8-r", content_encoding="gzip")
    fate = extract_page(record, SETTINGS)
    assert isinstance(fate, Found)
    assert (fate.charset, fate.charset_method) == ("koi8-r", "http")
    assert fate.text.startswith("Съешь же")


def test_content_language_stands_in_for_a_missing_attribute() -> None:
    record = make(PAGE.replace(" lang=en", ""), content_language="fr")
    fate = extract_page(record, SETTINGS)
    assert isinstance(fate, Found)
    assert fate.declared_language == "fr"


def test_text_is_normal() -> None:
    fate = extract_page(make(f"<p>e\u0301te\u0301 \U000e0041\u202e{PROSE}"), SETTINGS)
    assert isinstance(fate, Found)
    assert fate.text.startswith("été The mill")
    assert normalize_text(fate.text) == fate.text


def test_records_without_an_id_have_a_name() -> None:
    record = make()._replace(record_id=None)
    assert name_record(record) == "http://example.org/ 2024-05-06T07:08:09+00:00"
    assert name_record(record._replace(date=None, url=None)) == "no url offset 10"


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(["response", "resource", "conversion", "revisit"]),
    st.sampled_from([None, "text/html", "text/plain", "text/html; charset=utf-16", "image/gif"]),
    st.sampled_from(["", "gzip", "br", "deflate"]),
    st.sampled_from(["", "<html><p>", "<!DOCTYPE html>"]),
)
def test_total_and_silent(
    body: bytes, record_type: str, mime: str | None, coding: str, start: str
) -> None:
    payload = start.encode() + CANARY.encode() + body
    record = make(payload, record_type=record_type, mime=mime, content_encoding=coding)
    fate = extract_page(record, SETTINGS)
    if isinstance(fate, Found):
        assert fate.text
        fate.text.encode("utf-8")
    else:
        assert CANARY not in fate.detail
        assert (fate.offset, fate.length) == (10, 20)


# warcio leaves the temporary files of its digests to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_wide_crawl_written_as_a_warc(shared_data: Callable[[str], Path]) -> None:
    (path,) = shared_data("warc-hplt-wide100").rglob("wide.zst")
    with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        rows = [json.loads(line) for line in io.TextIOWrapper(stream, "utf-8")]
    assert len(rows) == 100
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    for row in rows:
        headers = StatusAndHeaders("200 OK", [("Content-Type", row["c"])], protocol="HTTP/1.1")
        payload = io.BytesIO(row["h"].encode("utf-8", "replace"))
        writer.write_record(
            writer.create_warc_record(row["u"], "response", payload=payload, http_headers=headers)
        )
        writer.write_record(
            writer.create_warc_record(row["u"], "metadata", payload=io.BytesIO(b"fetchTimeMs: 1"))
        )
    out.seek(0)
    records = list(iterate(out))
    assert [type(record) for record in records] == [WarcRecord] * 200
    fates = [extract_page(record, SETTINGS) for record in records if isinstance(record, WarcRecord)]
    found = [fate for fate in fates if isinstance(fate, Found)]
    assert Counter(fate.rule for fate in fates if isinstance(fate, Refused))["record_type"] == 100
    assert not any(isinstance(fate, Damaged) for fate in fates)
    assert len(found) >= 90
    assert {fate.url for fate in found} <= {row["u"] for row in rows}


def fates_of(paths: list[Path]) -> Iterator[Found | Refused | Damaged]:
    for path in paths:
        with path.open("rb") as stream:
            for item in iterate(stream):
                yield item if isinstance(item, Damaged) else extract_page(item, SETTINGS)


def test_common_crawl_triple_agrees(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("warc-cc-whirlwind")
    (warc,) = [f for f in fates_of([*folder.rglob("whirlwind.warc.gz")]) if isinstance(f, Found)]
    (wet,) = [f for f in fates_of([*folder.rglob("whirlwind.warc.wet.gz")]) if isinstance(f, Found)]
    assert warc.url == wet.url
    assert wet.extraction == "wet"
    assert warc.declared_language == "an"
    assert warc.licence == "https://creativecommons.org/licenses/by-sa/4.0/deed.an"
    assert (warc.canonical_url or "").startswith("https://an.wikipedia.org/wiki/")
    words = Counter(warc.text.split())
    assert (words & Counter(wet.text.split())).total() > 0.9 * words.total()


@pytest.mark.parametrize(
    ("set_name", "found", "responses"),
    [("warc-cc2015-webis", 15, 22), ("warc-aut", 129, 345), ("warc-dolma-sample0", 10, 22)],
)
def test_real_crawls(
    set_name: str, found: int, responses: int, shared_data: Callable[[str], Path]
) -> None:
    paths = sorted(shared_data(set_name).rglob("*.warc.gz"))
    fates = list(fates_of(paths))
    counts = Counter(type(fate).__name__ for fate in fates)
    assert counts["Found"] >= found
    assert counts["Damaged"] == 0
    for fate in fates:
        if isinstance(fate, Found):
            assert normalize_text(fate.text) == fate.text
    others = [f for f in fates if not (isinstance(f, Refused) and f.rule == "record_type")]
    assert len(others) >= responses


HEADS = {
    "no reason": (b"HTTP/1.1 200\r\nContent-Type: text/html\r\n", 200),
    "HTTP/2": (b"HTTP/2 200 OK\r\ncontent-type: text/html\r\n", 200),
    "lower case": (b"http/1.0 200 ok\r\nCONTENT-TYPE: TEXT/HTML\r\n", 200),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Type: text/html\n", 200),
    "folded": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html;\r\n\tcharset=koi8-r\r\n", 200),
    "twice": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: text/plain\r\n", 200),
    "list": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html, application/xml\r\n", 200),
    "no type": (b"HTTP/1.1 200 OK\r\nServer: x\r\n", 200),
    "no fields": (b"HTTP/1.1 200 OK\r\n", 200),
    "no semicolon": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html charset=utf-8\r\n", 200),
    "no colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Type : text/html\r\n", 200),
    "odd bytes": (b"HTTP/1.1 200 \xff\r\nX-\xff: \xfe\r\nContent-Type: text/html\r\n", 200),
    "unknown coding": (b"HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\n", 200),
    "bad status": (b"HTTP/1.1 OK\r\nContent-Type: text/html\r\n", None),
}


@pytest.mark.parametrize("name", HEADS)
def test_odd_heads_of_responses(name: str) -> None:
    head, status = HEADS[name]
    block = head + (b"\n" if name == "bare line feeds" else b"\r\n") + PAGE.encode()
    fields = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {len(block)}\r\n"
    raw = f"{fields}Content-Type: application/http\r\nWARC-Target-URI: http://h/\r\n\r\n".encode()
    (record,) = iterate(io.BytesIO(raw + block + b"\r\n\r\n"))
    assert isinstance(record, WarcRecord)
    fate = extract_page(record, SETTINGS)
    if status is None:
        assert isinstance(fate, Refused)
        assert (fate.rule, fate.detail) == ("http_status", "none")
    else:
        assert isinstance(fate, Found)
        assert fate.text == PROSE.strip()


def test_signals_of_repeated_headers_are_all_seen() -> None:
    block = (
        b"HTTP/1.1 200 OK\r\nX-Robots-Tag: googlebot: nofollow\r\nx-robots-tag: noindex,\r\n noai\r\n"
        b"TDM-Reservation: 1\r\nTDM-Policy: https://h/p.json\r\n\r\n" + PAGE.encode()
    )
    fields = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {len(block)}\r\n\r\n"
    (record,) = iterate(io.BytesIO(fields.encode() + block + b"\r\n\r\n"))
    assert isinstance(record, WarcRecord)
    fate = extract_page(record, SETTINGS)
    assert isinstance(fate, Found)
    assert fate.opt_outs == ("header:noai", "header:tdm-policy", "header:tdm-reservation")
