"""Reading: gristmill, FastWARC and warcio over the same WARC file, in one process, in turns.

Each does the same work: every record in order, of each the type, id, URL, date, content
type, truncation, and the payload as bytes; of each response the parsed HTTP header, its
status and the three fields by which a body is decoded. gristmill checks CRC-32 and length
of every member besides. The file is like a crawl's: a gzip member a record; request,
response and metadata of each page; bodies of 5 kB to 1 MB, 130 kB on average, made of the
real pages of `debian_pages`; the header fields that Common Crawl writes.

    make bench NAME=sources           # about a minute
    ROUNDS=9 make bench NAME=sources  # medians of nine

Further figures: the pages of `debian_pages` one by one (32 kB each, three records a page);
FastWARC when none of a record's fields is read; reading and decoding bodies that are
gzipped in chunks (FastWARC 2.0.1 stops at the first of them); the cost of comparing digests, and of finding where ranges may begin.
"""

import base64
import gzip
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import debian_pages
import numpy as np
from contenders import describe_machine
from fastwarc.warc import ArchiveIterator, WarcRecordType
from figures import format_line
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from gristmill.cleaning import warc_records
from gristmill.cleaning.http_payload import decode_body
from gristmill.cleaning.record_checks import check_digest
from gristmill.schemas.fates import Damaged

PAGES = 1_000
MEAN_BYTES = 131_000  # of a page of Common Crawl, measured over its files
SPREAD = 0.9  # of the logarithm of sizes
LEAST_BYTES, MOST_BYTES = 5_000, 1 << 20
DECODING = ("content-type", "content-encoding", "transfer-encoding")

#: Records, responses, bytes of their payloads, characters of all fields that were read.
Tally = tuple[int, int, int, int]


def draw_bodies(pages: Iterator[bytes], count: int) -> list[bytes]:
    """Join real pages to bodies whose sizes are spread as those of a crawl."""
    rng = np.random.default_rng(7)
    centre = np.log(MEAN_BYTES) - SPREAD**2 / 2
    bodies = []
    for size in np.clip(rng.lognormal(centre, SPREAD, count), LEAST_BYTES, MOST_BYTES).astype(int):
        body = b""
        while len(body) < size:
            body += next(pages)
        bodies.append(body[:size])
    return bodies


def read_pages(paths: list[Path]) -> Iterator[bytes]:
    """The payloads of all responses, again and again."""
    while True:
        for path in paths:
            for record in ArchiveIterator(str(path), record_types=WarcRecordType.response):
                yield record.reader.read()


def pack_record(kind: str, number: int, block: bytes, payload: bytes) -> bytes:
    """One record in a gzip member of its own, with the header that Common Crawl writes."""
    digests = [base64.b32encode(hashlib.sha1(part).digest()).decode() for part in (payload, block)]
    names = [f"<urn:uuid:{number:08x}-7a3c-44a4-a0cb-{k:012x}>" for k in range(3)]
    content_type = {
        "request": "application/http; msgtype=request",
        "response": "application/http; msgtype=response",
        "metadata": "application/warc-fields",
    }[kind]
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        "WARC-Date: 2024-05-18T01:58:10Z",
        f"WARC-Record-ID: {names[('request', 'response', 'metadata').index(kind)]}",
        f"Content-Length: {len(block)}",
        f"Content-Type: {content_type}",
        "WARC-Warcinfo-ID: <urn:uuid:0af4b2ce-4a92-4d79-a8a5-0b5d9c12be08>",
        f"WARC-Concurrent-To: {names[0]}",
        "WARC-IP-Address: 93.184.216.34",
        f"WARC-Target-URI: https://site-{number % 97}.example/folder/page-{number}.html",
        f"WARC-Payload-Digest: sha1:{digests[0]}",
        f"WARC-Block-Digest: sha1:{digests[1]}",
        "WARC-Identified-Payload-Type: text/html",
    ]
    return gzip.compress("\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n", 6)


def write_crawl(path: Path, bodies: list[bytes], *, coded: bool) -> int:
    """Write request, response and metadata of each body; returns the bytes of the records."""
    request = (
        b"GET /folder/page.html HTTP/1.1\r\nUser-Agent: CCBot/2.0 (https://crawl.example/)\r\n"
        b"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.5\r\nAccept-Encoding: br,gzip\r\n"
        b"Accept-Language: en-US,en;q=0.5\r\nHost: site.example\r\nConnection: Keep-Alive\r\n\r\n"
    )
    metadata = b"fetchTimeMs: 231\r\ncharset-detected: UTF-8\r\nlanguages-cld2: {}\r\n"
    total = 0
    with path.open("wb") as stream:
        for number, body in enumerate(bodies):
            head = (
                "HTTP/1.1 200 OK\r\nDate: Sat, 18 May 2024 01:58:10 GMT\r\nServer: nginx\r\n"
                "Content-Type: text/html; charset=UTF-8\r\nX-Crawler-Content-Encoding: gzip\r\n"
                "Vary: Accept-Encoding\r\nCache-Control: max-age=0, must-revalidate\r\n"
                "Expires: Sat, 18 May 2024 01:58:10 GMT\r\nX-Powered-By: PHP/8.2.18\r\n"
                'Link: <https://site.example/wp-json/>; rel="https://api.w.org/"\r\n'
                "X-Crawler-Content-Length: 18312\r\nStrict-Transport-Security: max-age=31536000\r\n"
            )
            if coded:
                packed = gzip.compress(body, 6)
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
                head += "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            else:
                head += f"Content-Length: {len(body)}\r\n\r\n"
            response = head.encode() + body
            for kind, block, payload in (
                ("request", request, b""),
                ("response", response, body),
                ("metadata", metadata, metadata),
            ):
                stream.write(pack_record(kind, number, block, payload))
                total += len(block)
    return total


def read_ours(path: Path, *, decode: bool = False, digests: bool = False) -> Tally:
    """Read with gristmill."""
    records = responses = payload_bytes = characters = 0
    with path.open("rb") as stream:
        for record in warc_records.iterate(stream):
            if isinstance(record, Damaged):
                raise ValueError(f"{path} is damaged at byte {record.offset}: {record.detail}")
            records += 1
            facts = [record.record_id, record.url, record.content_type, record.truncated]
            characters += sum(len(fact) for fact in facts if fact)
            characters += record.date is not None
            payload = record.payload
            if digests and check_digest(record) != "match":
                raise ValueError(f"digest of {record.record_id} does not match")
            if record.record_type == "response":
                responses += 1
                headers = record.http_headers or {}
                characters += (record.http_status or 0) + sum(
                    len(headers.get(name) or "") for name in DECODING
                )
                if decode:
                    payload = decode_body(payload, headers)
                payload_bytes += len(payload)
    return records, responses, payload_bytes, characters


def read_fastwarc(path: Path, *, fields: bool = True) -> Tally:
    """Read with FastWARC, which opens the file itself: its fastest way."""
    records = responses = payload_bytes = characters = 0
    for record in ArchiveIterator(str(path)):
        records += 1
        kind = record.record_type
        if fields:
            headers = record.headers
            facts = [
                record.record_id.strip("<>"),
                headers.get("WARC-Target-URI"),
                headers.get("Content-Type"),
                headers.get("WARC-Truncated"),
            ]
            characters += sum(len(fact) for fact in facts if fact)
            characters += record.record_date is not None
        payload = record.reader.read()
        if kind == WarcRecordType.response:
            responses += 1
            if fields:
                http = record.http_headers
                characters += http.status_code + sum(len(http.get(name) or "") for name in DECODING)
            payload_bytes += len(payload)
    return records, responses, payload_bytes, characters


def read_warcio(path: Path, *, decode: bool = False) -> Tally:
    """Read with warcio; its date is a string, and it stays one."""
    records = responses = payload_bytes = characters = 0
    with path.open("rb") as stream:
        for record in WarcioIterator(stream):
            records += 1
            headers = record.rec_headers
            facts = [
                headers.get_header("WARC-Record-ID").strip("<>"),
                headers.get_header("WARC-Target-URI"),
                headers.get_header("Content-Type"),
                headers.get_header("WARC-Truncated"),
            ]
            characters += sum(len(fact) for fact in facts if fact)
            characters += headers.get_header("WARC-Date") is not None
            payload = (record.content_stream() if decode else record.raw_stream).read()
            if record.rec_type == "response":
                responses += 1
                http = record.http_headers
                characters += int(http.get_statuscode()) + sum(
                    len(http.get_header(name) or "") for name in DECODING
                )
                payload_bytes += len(payload)
    return records, responses, payload_bytes, characters


def take_turns(
    contenders: dict[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, float], dict[str, object]]:
    """Median CPU seconds of each, and what each returned; the order turns round every round."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results = {name: run() for name, run in contenders.items()}  # warm
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            begin = time.process_time()
            contenders[name]()
            seconds[name].append(time.process_time() - begin)
    return {name: statistics.median(found) for name, found in seconds.items()}, results


def main() -> int:
    """Run everything; print a table, then one line of JSON."""
    rounds = int(os.environ.get("ROUNDS", "5"))
    sys.stdout.write(describe_machine() + "\n")
    (pages,) = debian_pages.build_page_sets([None], files=len(os.sched_getaffinity(0)))
    bodies = draw_bodies(read_pages(pages.files), PAGES)
    with tempfile.TemporaryDirectory(prefix="gristmill-sources-") as name:
        crawl, coded = Path(name) / "crawl.warc.gz", Path(name) / "coded.warc.gz"
        raw_bytes = write_crawl(crawl, bodies, coded=False)
        write_crawl(coded, bodies, coded=True)
        small = pages.files[0]
        seconds, results = take_turns(
            {
                "gristmill": lambda: read_ours(crawl),
                "fastwarc": lambda: read_fastwarc(crawl),
                "warcio": lambda: read_warcio(crawl),
                "fastwarc, no field read": lambda: read_fastwarc(crawl, fields=False),
                "gristmill, digests compared": lambda: read_ours(crawl, digests=True),
                "gristmill, index": lambda: index_file(crawl),
                "gristmill, bodies decoded": lambda: read_ours(coded, decode=True),
                "warcio, bodies decoded": lambda: read_warcio(coded, decode=True),
                "gristmill, small pages": lambda: read_ours(small),
                "fastwarc, small pages": lambda: read_fastwarc(small),
            },
            rounds,
        )
    check_results(results)
    for contender, found in seconds.items():
        sys.stdout.write(f"{contender:<30}{found:8.3f} CPU s\n")
    ours = seconds["gristmill"]
    figures = {
        "raw_mb": round(raw_bytes / 1e6, 1),
        "pages": PAGES,
        "raw_mb_per_second": round(raw_bytes / 1e6 / ours),
        "fastwarc_no_field_read": round(seconds["fastwarc, no field read"] / ours, 3),
        "small_pages_fastwarc": ratio(seconds, "fastwarc", "small pages"),
        "decoded_mb_per_second": round(
            sum(map(len, bodies)) / 1e6 / seconds["gristmill, bodies decoded"]
        ),
        "decoded_warcio": ratio(seconds, "warcio", "bodies decoded"),
        "digest_ms_per_mb": round(
            (seconds["gristmill, digests compared"] - ours) * 1e9 / raw_bytes, 3
        ),
        "index_share": round(seconds["gristmill, index"] / ours, 3),
    }
    against = {peer: round(seconds[peer] / ours, 3) for peer in ("fastwarc", "warcio")}
    sys.stdout.write(format_line(figures, against) + "\n")
    return 0


def index_file(path: Path) -> list[int]:
    """Find where ranges of 1 MB may begin."""
    with path.open("rb") as stream:
        return warc_records.index_records(stream, every_bytes=1 << 20)


def ratio(seconds: dict[str, float], peer: str, work: str) -> float:
    """A peer's time over ours."""
    return round(seconds[f"{peer}, {work}"] / seconds[f"gristmill, {work}"], 3)


def check_results(results: dict[str, object]) -> None:
    """Raise ValueError unless all contenders found the same."""
    for group in (
        ["gristmill", "fastwarc", "warcio", "gristmill, digests compared"],
        [f"{peer}, bodies decoded" for peer in ("gristmill", "warcio")],
        ["gristmill, small pages", "fastwarc, small pages"],
    ):
        if len({json.dumps(results[name]) for name in group}) != 1:
            raise ValueError(f"results differ: { {name: results[name] for name in group} }")


if __name__ == "__main__":
    sys.exit(main())
