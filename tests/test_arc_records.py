"""`arc_records`: what a URL line can look like, and that no damage costs more than its record."""

import datetime
import gzip
import io
import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import warc_records, web_pages
from gristmill.cleaning.arc_lines import begins_line, find_line, opens_record, parse_line
from gristmill.cleaning.arc_records import index_records, is_arc, iterate
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.pipelines.sources import common_crawl
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged, Found
from gristmill.schemas.sources import CommonCrawl

WHEN = datetime.datetime(2008, 4, 30, 20, 48, 25, tzinfo=datetime.UTC)
VERSION = b"1 0 Maker\nURL IP-address Archive-date Content-type Archive-length\n"


def make_record(number: int, body: bytes, *, head: bytes = b"HTTP/1.1 200 OK\r\n") -> bytes:
    block = head + b"Content-Type: text/html\r\nX-Number: %d\r\n\r\n" % number + body
    return make_line(number, len(block)) + block + b"\n"


def make_line(number: int, length: int) -> bytes:
    return b"http://example.org/%d 192.0.2.1 20080430204825 text/html %d\n" % (number, length)


def make_version(name: bytes = b"x.arc") -> bytes:
    line = b"filedesc://%s 0.0.0.0 20080430204825 text/plain %d\n" % (name, len(VERSION))
    return line + VERSION + b"\n"


def make_body(number: int) -> bytes:
    """Text that compresses about as well as a page."""
    rng = random.Random(number)
    words = [b"<p>", b"mill", b"grist", b"</p>", b"%d" % number, b"stone", b"\n", b"\xc3\xa9"]
    return b" ".join(rng.choice(words) + b"%d" % rng.randrange(99) for _ in range(300))


BODIES = [make_body(number) for number in range(12)]
RECORDS = [make_record(number, body) for number, body in enumerate(BODIES)]
MEMBERS = [gzip.compress(record, mtime=0) for record in RECORDS]
EVERY_PAYLOAD = {f"http://example.org/{number}": body for number, body in enumerate(BODIES)}
PACKINGS = {
    "members": lambda parts: b"".join(gzip.compress(part, mtime=0) for part in parts),
    "one member": lambda parts: gzip.compress(b"".join(parts), mtime=0),
    "plain": b"".join,
}


def read(raw: bytes, **options: int) -> list[WarcRecord | Damaged]:
    return list(iterate(io.BytesIO(raw), **options))


def split(items: list[WarcRecord | Damaged]) -> tuple[dict[str, bytes], list[Damaged]]:
    """Payloads of the responses by URL, and what is damaged."""
    records = [item for item in items if isinstance(item, WarcRecord)]
    payloads = {str(item.url): item.payload for item in records if item.record_type == "response"}
    damaged = [item for item in items if isinstance(item, Damaged)]
    assert {item.reason for item in damaged} <= QUARANTINE_REASONS
    return payloads, damaged


@pytest.mark.parametrize("packing", PACKINGS)
def test_reads_every_packing(packing: str) -> None:
    raw = PACKINGS[packing]([make_version(), *RECORDS])
    items = read(raw)
    assert split(items) == (EVERY_PAYLOAD, [])
    version = items[0]
    assert isinstance(version, WarcRecord)
    assert (version.record_type, version.payload) == ("warcinfo", VERSION)
    assert is_arc(raw)


def test_takes_a_record_apart() -> None:
    (record,) = read(MEMBERS[3])
    assert isinstance(record, WarcRecord)
    assert record.record_type == "response"
    assert record.record_id is None
    assert (record.url, record.date) == ("http://example.org/3", WHEN)
    assert record.content_type == "text/html"
    assert record.http_headers == {"content-type": "text/html", "x-number": "3"}
    assert (record.http_status, record.payload) == (200, BODIES[3])
    assert (record.offset, record.length) == (0, len(MEMBERS[3]))
    assert web_pages.name_record(record) == "http://example.org/3 2008-04-30T20:48:25+00:00"


@pytest.mark.parametrize("packing", PACKINGS)
def test_offsets_find_the_record(packing: str) -> None:
    raw = PACKINGS[packing](RECORDS)
    text = raw if packing == "plain" else gzip.decompress(raw)
    for item, record, member in zip(read(raw), RECORDS, MEMBERS, strict=True):
        place = slice(item.offset, item.offset + item.length)
        assert raw[place] == member if packing == "members" else text[place] == record


V1 = ("http://a.org/", WHEN, "text/html", 680)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"http://a.org/ 192.0.2.1 20080430204825 text/html 680\n", V1),
        (b"http://a.org/ 192.0.2.1 20080430204825 text/html 680\r\n", V1),
        (b"http://a.org/ 2001:db8::1 20080430204825 text/html 680\n", V1),
        (b"http://a.org/ - 20080430204825 text/html 680\n", V1),
        (b"http://a.org/  20080430204825 text/html 680\n", V1),
        (b"http://a.org/ 20080430204825 text/html 680\n", V1),
        (b"http://a.org/ 192.0.2.1 20080430204825017 text/html 680\n", V1),
        (b"http://a.org/ 192.0.2.1 20080430204825 text/html 200 - - 1024 x.arc 680\n", V1),
        (b"http://a.org/ 192.0.2.1 20080430204825  680\n", (V1[0], WHEN, None, 680)),
        (b"http://a.org/ 192.0.2.1 20080430204825 no-type 680\n", (V1[0], WHEN, None, 680)),
        (
            b"http://a.org/ 192.0.2.1 20080430204825 text/html; charset=x 680\n",
            (V1[0], WHEN, "text/html; charset=x", 680),
        ),
        (
            b"http://a.org/b c?d e 192.0.2.1 20080430204825 text/html 680\n",
            ("http://a.org/b c?d e", WHEN, "text/html", 680),
        ),
        (
            b"http://a.org/ 192.0.2.1 200804302048 text/html 680\n",
            (V1[0], WHEN.replace(second=0), "text/html", 680),
        ),
        (b"http://a.org/ 192.0.2.1 2009-03-65 text/html 680\n", (V1[0], None, "text/html", 680)),
        (b"http://a.org/ 192.0.2.1 null text/html 680\n", (V1[0], None, "text/html", 680)),
        (b"http://a.org/ 192.0.2.1 20089930204825 text/html 680\n", (V1[0], None, *V1[2:])),
        (b"dns:a.org 192.0.2.1 20080430204825 text/dns 5\n", ("dns:a.org", WHEN, "text/dns", 5)),
        (b"filedesc:// - - - 76\n", ("filedesc://", None, None, 76)),
        (b"http://a.org/ 192.0.2.1 20080430204825 text/html -1\n", (*V1[:3], None)),
        (b"http://a.org/ 192.0.2.1 20080430204825 text/html abc\n", (*V1[:3], None)),
    ],
)
def test_url_lines(line: bytes, expected: tuple[object, ...]) -> None:
    assert opens_record(line, 0)
    assert tuple(parse_line(line)) == expected
    if expected[3] is not None:
        assert find_line(b"text\n" + line, 0)[0] == 5


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"Date: Wed, 30 Apr 2008 20:48:24 GMT\r\n",
        b"http://example.org/ is at 192.0.2.1\n",
        b"<a href='http://example.org/'>20080430204825</a>\n",
        b"\n",
        b"WARC/1.0\r\n",
    ],
)
def test_other_lines_open_no_record(line: bytes) -> None:
    assert not opens_record(line, 0)
    assert find_line(line, 0)[0] == -1


@given(st.integers(0, 8 * len(make_line(1234, 5678)) - 1))
def test_one_flipped_bit_does_not_hide_a_line(bit: int) -> None:
    line = bytearray(make_line(1234, 5678))
    line[bit // 8] ^= 1 << bit % 8
    assert opens_record(bytes(line) + b"HTTP/1.1 200 OK\r\n", 0)


@given(st.binary(max_size=300) | st.text("a:/ 0.9\n\r-\u0660", max_size=80).map(str.encode))
def test_any_line_is_parsed(raw: bytes) -> None:
    found = parse_line(raw)
    assert found.length is None or found.length >= 0
    index, again = find_line(raw, 0)
    assert -1 <= index <= len(raw) and 0 <= again <= len(raw)
    assert begins_line(raw + b"\n\n", 0) is False


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_damaged_length_costs_its_record_only(packing: str) -> None:
    wrong = RECORDS[5].replace(
        make_line(5, len(RECORDS[5]) - len(make_line(5, 1000)) - 1), make_line(5, 1000)
    )
    assert wrong != RECORDS[5]
    payloads, damaged = split(read(PACKINGS[packing]([*RECORDS[:5], wrong, *RECORDS[6:]])))
    if packing == "members":
        # The member's own checksum says how long the block is.
        assert (payloads, damaged) == (EVERY_PAYLOAD, [])
        return
    (item,) = damaged
    assert (item.reason, item.url) == ("damaged_record", "http://example.org/5")
    assert payloads == {url: EVERY_PAYLOAD[url] for url in EVERY_PAYLOAD if url[-2:] != "/5"}
    assert item.offset == sum(map(len, RECORDS[:5])) and item.length == len(wrong)


@pytest.mark.parametrize("packing", ["members", "plain"])
def test_truncation_at_every_byte(packing: str) -> None:
    parts = [make_version(), *(make_record(n, b"text %d" % n) for n in range(3))]
    if packing == "members":
        parts = [gzip.compress(part, mtime=0) for part in parts]
    raw = b"".join(parts)
    for cut in range(1, len(raw)):
        whole = 0
        while sum(map(len, parts[: whole + 1])) <= cut:
            whole += 1
        items = read(raw[:cut])
        left = cut - sum(map(len, parts[:whole]))
        kept = [item for item in items if isinstance(item, WarcRecord)]
        # All but the line end behind the last block may be there.
        extra = packing == "plain" and left == len(parts[whole]) - 1
        assert len(kept) == whole + extra, cut
        assert len(items) - len(kept) == (left > 0 and not extra), cut


@given(st.integers(0, len(MEMBERS) - 1), st.binary(max_size=400), st.sampled_from([0, 1]))
def test_garbage_between_records(number: int, garbage: bytes, packed: int) -> None:
    parts = list((RECORDS, MEMBERS)[packed])
    parts.insert(number, garbage if packed else garbage + b"\n")
    payloads, damaged = split(read(b"".join(parts)))
    lost = {url: body for url, body in EVERY_PAYLOAD.items() if payloads.get(url) != body}
    # Plain files have nothing but the next line to prove the record before.
    assert len(lost) <= (0 if packed else 2)
    if garbage.strip(b"\r\n"):
        assert damaged


@given(st.integers(0, 8 * sum(map(len, MEMBERS)) - 1))
def test_a_flip_costs_one_member(bit: int) -> None:
    raw = bytearray(b"".join(MEMBERS))
    raw[bit // 8] ^= 1 << bit % 8
    payloads, damaged = split(read(bytes(raw)))
    intact = {url: body for url, body in EVERY_PAYLOAD.items() if payloads.get(url) == body}
    assert len(intact) >= len(MEMBERS) - 1
    assert payloads == intact  # nothing that the checksum refuses is kept
    assert damaged or len(intact) == len(MEMBERS)
    for item in damaged:
        assert item.offset <= bit // 8 < item.offset + item.length


@pytest.mark.parametrize("packing", PACKINGS)
@given(data=st.data())
def test_ranges_give_together_what_the_file_gives(packing: str, data: st.DataObject) -> None:
    raw = bytearray(PACKINGS[packing]([make_version(), *RECORDS]))
    for _ in range(data.draw(st.integers(0, 3))):
        bit = data.draw(st.integers(0, 8 * len(raw) - 1))
        raw[bit // 8] ^= 1 << bit % 8
    damaged = bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
    every = data.draw(st.sampled_from([1, 1000, 5000]))
    cuts = index_records(io.BytesIO(damaged), every_bytes=every)
    assert cuts[0] == 0
    assert all(after - before >= every for before, after in itertools.pairwise(cuts))
    found = []
    for start, stop in zip(cuts, [*cuts[1:], None], strict=True):
        found += iterate(io.BytesIO(damaged), start=start, stop=stop)
    assert found == read(damaged)


def test_a_file_is_cut_where_records_are() -> None:
    parts = [make_version(), *RECORDS]
    for packing, count in (("members", len(parts)), ("one member", 1), ("plain", len(parts))):
        cuts = index_records(io.BytesIO(PACKINGS[packing](parts)), every_bytes=1)
        # The last records are not worth a range of their own.
        assert count - 1 <= len(cuts) <= count


def test_http_quirks() -> None:
    blocks = {
        b"HTTP/1.0 200 OK\nContent-Type: text/plain\n\nbody": (200, "text/plain", b"body"),
        b"<html>old": (None, None, b"<html>old"),  # HTTP/0.9
        b"http/1.1 404\r\n\r\n": (404, None, b""),
        b"HTTP/1.1 200 OK\r\nNo-End: 1": (200, None, b""),
    }
    raw = b"".join(make_line(1, len(block)) + block + b"\n" for block in blocks)
    for item, (status, content_type, payload) in zip(read(raw), blocks.values(), strict=True):
        assert isinstance(item, WarcRecord)
        assert (item.http_status, item.payload) == (status, payload)
        assert (item.http_headers or {}).get("content-type") == content_type


def test_a_page_without_a_status_line_becomes_a_document() -> None:
    block = b"<html><body><p>Stone ground flour, as it was.</p></body></html>"
    (item,) = read(make_line(1, len(block)) + block + b"\n")
    assert isinstance(item, WarcRecord)
    found = web_pages.extract_page(item, web_pages.PageSettings())
    assert isinstance(found, Found)
    assert found.text == "Stone ground flour, as it was."


def test_block_over_the_limit_is_refused() -> None:
    items = read(RECORDS[0] + make_record(1, b"x" * 20_000) + RECORDS[2], max_record_bytes=9_000)
    payloads, (item,) = split(items)
    assert (item.reason, item.url) == ("too_large", "http://example.org/1")
    assert set(payloads) == {"http://example.org/0", "http://example.org/2"}


def test_a_member_too_long_to_hold() -> None:
    raw = gzip.compress(b"".join(RECORDS) * 150)
    items = read(raw, max_record_bytes=4_000)
    assert len(items) == 150 * len(RECORDS)
    assert all(isinstance(item, WarcRecord) for item in items)


@pytest.mark.parametrize(
    "line",
    [
        make_line(1, 99999),
        b"http://a 1.2.3.4 20080430204825 \n",
        b"http: 1 ",
        b"a:\r",
        b"1.2.3.4 20080430204825 " * 40 + b"\n",
    ],
)
def test_hostile_files_take_linear_time(line: bytes) -> None:
    def spend(size: int) -> float:
        raw = line * (size // len(line))
        started = time.process_time()
        read(raw)
        return time.process_time() - started

    spend(1 << 16)
    assert spend(1 << 21) < 17 * max(spend(1 << 18), 0.02)


@given(st.binary(max_size=400))
def test_any_bytes_are_read(raw: bytes) -> None:
    items = read(raw)
    assert bool(items) == bool(raw)
    is_arc(raw)


def find_one(folder: Path, name: str) -> Path:
    (path,) = (path for path in folder.rglob(Path(name).name) if str(path).endswith(name))
    return path


@pytest.mark.parametrize("set_name", ["warc-aut", "warc-warcio", "warc-jwat", "warc-ia-warc-py"])
def test_form_is_told_by_content(set_name: str, shared_data: Callable[[str], Path]) -> None:
    seen = {True: 0, False: 0}
    for path in shared_data(set_name).rglob("*"):
        if path.is_file() and (".arc" in path.suffixes or ".warc" in path.suffixes):
            expected = ".arc" in path.suffixes
            assert is_arc(path.read_bytes()[: 1 << 20]) == expected, path.name
            seen[expected] += 1
    assert seen[True]


def test_a_run_reads_arc_files_whatever_they_are_called(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(PACKINGS["members"]([make_version(), *RECORDS]))
    source = CommonCrawl(kind="commoncrawl", name="web", paths=(str(path),))
    items = list(common_crawl.iterate_file(path, source, 1 << 20))
    assert split(items) == (EVERY_PAYLOAD, [])
    with path.open("rb") as stream:
        cuts = index_records(stream, every_bytes=1)
    assert len(cuts) >= len(RECORDS)
    ranges = zip(cuts, [*cuts[1:], None], strict=True)
    pieces = [
        list(common_crawl.iterate_file(path, source, 1 << 20, start=start, stop=stop))
        for start, stop in ranges
    ]
    assert [item for piece in pieces for item in piece] == items


def test_arc_and_warc_of_one_crawl_give_the_same_documents(
    shared_data: Callable[[str], Path],
) -> None:
    folder = shared_data("warc-aut")
    documents = {}
    for form, name, reader in (
        ("arc", "arc/example.arc.gz", iterate),
        ("warc", "warc/example.warc.gz", warc_records.iterate),
    ):
        with find_one(folder, name).open("rb") as stream:
            items = list(reader(stream))
        records = [item for item in items if isinstance(item, WarcRecord)]
        assert len(records) == len(items)
        assert sum(record.record_type == "response" for record in records) == 299
        fates = [web_pages.extract_page(r, web_pages.PageSettings()) for r in records]
        documents[form] = {(f.url, f.date, f.text) for f in fates if isinstance(f, Found)}
    assert len(documents["arc"]) > 120
    assert documents["arc"] == documents["warc"]
