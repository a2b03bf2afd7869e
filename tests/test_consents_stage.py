"""Consents: robots.txt of the crawl and its pages meet by host, whatever lies where."""

from pathlib import Path

import pyarrow as pa
import pytest
import stage_samples
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import part_files
from gristmill.pipelines.exchange import read_chunks
from gristmill.pipelines.stages import consents
from gristmill.schemas.tables import CONSENTS

AGENTS = {"web": ["GPTBot", "CCBot"]}


def make_rules(*rows: tuple[str, int, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"source": "web", "host": host, "date": date, "body": body} for host, date, body in rows],
        schema=consents.RULES,
    )


def make_pages(*urls: str, source: str = "web") -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"source": source, "host": url.split("/")[2], "doc_id": bytes([n] * 16), "url": url}
            for n, url in enumerate(urls)
        ],
        schema=consents.PAGES,
    )


def match(rules: pa.Table, pages: pa.Table) -> dict[int, list[str]]:
    found = consents.match_pages(rules, pages, AGENTS | {"other": ["GPTBot"]})
    assert found.schema.equals(CONSENTS)
    return {row["doc_id"][0]: row["opt_outs"] for row in found.to_pylist()}


NO_GPT = "User-agent: GPTBot\nDisallow: /\n"
NO_PRIVATE = "User-agent: *\nDisallow: /private\n"


def test_a_page_is_kept_from_whom_its_host_names():
    pages = make_pages("http://a.org/x", "http://b.org/private/y", "http://b.org/z", "http://c.org")
    found = match(make_rules(("a.org", 1, NO_GPT), ("b.org", 1, NO_PRIVATE)), pages)
    assert found == {0: ["robots.txt:gptbot"], 1: ["robots.txt:ccbot", "robots.txt:gptbot"]}


def test_the_last_capture_counts_and_none_refuses_nothing():
    pages = make_pages("http://a.org/x", "http://b.org/x")
    rules = make_rules(
        ("a.org", 2, NO_GPT), ("a.org", 1, None), ("b.org", 2, None), ("b.org", 1, NO_GPT)
    )
    assert match(rules, pages) == {0: ["robots.txt:gptbot"]}


def test_a_host_that_fails_later_keeps_its_rules(tmp_path):
    path = tmp_path / "robots.warc"
    path.write_bytes(
        capture("https://a.org/robots.txt", 200, NO_GPT.encode())
        + capture("https://a.org/robots.txt", 503, b"busy")
    )
    context = stage_samples.make_context(tmp_path / "unit", path=str(path), source="web", count=1)
    assert consents.read_robots(context).kept == 1


def test_another_source_s_captures_say_nothing():
    assert (
        match(make_rules(("a.org", 1, NO_GPT)), make_pages("http://a.org/x", source="other")) == {}
    )


@given(st.permutations(range(6)))
def test_the_order_of_arrival_does_not_matter(order):
    rules = make_rules(*((f"h{n % 3}.org", n, [NO_GPT, None, NO_PRIVATE][n % 3]) for n in range(6)))
    pages = make_pages(*(f"http://h{n % 3}.org/private/{n}" for n in range(6)))
    shuffled = pa.array(order)
    assert match(rules.take(shuffled), pages.take(shuffled)) == match(rules, pages)


def capture(url: str, status: int, body: bytes) -> bytes:
    http = b"HTTP/1.1 %d x\r\nContent-Type: text/plain\r\n\r\n" % status + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: 2024-05-18T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:{url}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.fixture
def captures(tmp_path: Path) -> Path:
    path = tmp_path / "robots.warc"
    path.write_bytes(
        capture("https://a.org/robots.txt", 200, NO_GPT.encode())
        + capture("https://b.org/robots.txt", 404, b"nothing here")
        + capture("https://b.org/index.html", 200, b"<p>a page</p>")
        + b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 99999\r\n\r\ncut"
    )
    return path


def test_a_file_of_captures_balances(tmp_path, captures):
    context = stage_samples.make_context(
        tmp_path / "unit", path=str(captures), source="web", count=2
    )
    result = consents.read_robots(context)
    assert (result.records_in, result.kept) == (4, 2)
    assert result.dropped == {"record_type": 1}
    assert result.quarantined == {"truncated_record": 1}
    chunks = read_chunks(tmp_path / "unit" / "exchange-rules.parquet")
    rows = [row for _, table in chunks for row in table.to_pylist()]
    assert {row["host"]: row["body"] for row in rows} == {"a.org": NO_GPT, "b.org": None}


def test_pages_and_captures_of_a_host_meet_in_one_partition(tmp_path, captures):
    read = stage_samples.make_context(tmp_path / "r", path=str(captures), source="web", count=16)
    consents.read_robots(read)
    documents = stage_samples.make_documents(["one", "two", "three"])
    urls = pa.array(["https://a.org/1", None, "https://B.org:443/2"])
    documents = documents.set_column(documents.schema.get_field_index("url"), "url", urls)
    part_files.write_part(tmp_path / "documents.parquet", documents, documents.schema)
    listed = stage_samples.make_context(
        tmp_path / "p", documents=str(tmp_path / "documents.parquet"), source="web", count=16
    )
    assert consents.list_pages(listed).kept == 2
    places = [
        {
            row["host"]: partition
            for partition, table in read_chunks(tmp_path / folder / f"exchange-{name}.parquet")
            for row in table.to_pylist()
        }
        for folder, name in (("r", "rules"), ("p", "pages"))
    ]
    assert places[0] == places[1]
