"""A small crawl in Common Crawl's layout, and a server on loopback that may be in trouble.

What goes wrong is drawn from a seed, the path, the range and the number of the try, so
that it is the same whatever order requests come in.
"""

import contextlib
import email.utils
import gzip
import hashlib
import http.server
import io
import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from mill_inputs import Capture, make_page, write_prose

from gristmill.cleaning import warc_records

CRAWL = "CC-MAIN-2024-22"
LANGUAGES = ("eng", "deu", "eng,deu", "fra")
TYPES = ("text/html", "text/html", "application/xhtml+xml", "text/plain")
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


def make_member(name: str, kind: str = "response") -> bytes:
    page = make_page(write_prose(name)).encode()
    return gzip.compress(Capture(name, page if kind == "response" else b"", kind=kind).encode(), 6)


def make_crawl(files: int = 4, pages: int = 12) -> dict[str, bytes]:
    """Files of a crawl by path: WARC, WET, WAT and robots.txt captures, lists and indexes."""
    crawl: dict[str, bytes] = {}
    rows = []
    for number in range(files):
        name = f"crawl-data/{CRAWL}/segments/171/warc/CC-MAIN-2024-{number:05d}.warc.gz"
        content = bytearray(make_member(f"{number}/info", "warcinfo"))
        for page in range(pages):
            content += make_member(f"{number}/{page}/request", "request")
            member = make_member(f"{number}/{page}")
            rows.append(describe_page(number * pages + page, name, len(content), member))
            content += member
        crawl[name] = bytes(content)
    for kind, folder in (("wet", "wet"), ("wat", "wat"), ("robotstxt", "robotstxt")):
        name = f"crawl-data/{CRAWL}/segments/171/{folder}/CC-MAIN-2024-00000.warc.{kind}.gz"
        crawl[name] = make_member(f"{kind}/0")
    news = "crawl-data/CC-NEWS/2024/05/CC-NEWS-20240501003513-01567.warc.gz"
    crawl[news] = make_member("news/0")
    crawl["crawl-data/CC-NEWS/2024/05/warc.paths.gz"] = pack_list([news])
    for kind in ("warc", "wet", "wat", "robotstxt"):
        named = sorted(path for path in crawl if f"{CRAWL}/" in path and f"/{kind}/" in path)
        crawl[f"crawl-data/{CRAWL}/{kind}.paths.gz"] = pack_list(named)
    crawl.update(make_indexes(rows))
    return crawl


def pack_list(names: list[str]) -> bytes:
    return gzip.compress("".join(f"{name}\n" for name in names).encode(), mtime=0)


def describe_page(number: int, name: str, offset: int, member: bytes) -> dict[str, object]:
    """A row of the columnar index."""
    [record] = warc_records.iterate(io.BytesIO(member))
    assert isinstance(record, warc_records.WarcRecord)
    host = f"www.site{number % 5}.example.org" if number % 3 else f"site{number % 5}.example.com"
    labels = host.removeprefix("www.").split(".")
    return {
        "url_surtkey": f"{','.join(reversed(labels))})/{number:05d}",
        "url": f"https://{host}/{number:05d}",
        "url_host_name": host,
        "url_host_registered_domain": ".".join(labels[-2:]),
        "fetch_status": 200 if number % 7 else 404,
        "content_digest": hash_payload(record.payload),
        "content_mime_type": "text/html",
        "content_mime_detected": TYPES[number % len(TYPES)],
        "content_languages": LANGUAGES[number % len(LANGUAGES)],
        "content_truncated": "length" if number % 11 == 0 else None,
        "warc_filename": name,
        "warc_record_offset": offset,
        "warc_record_length": len(member),
    }


def hash_payload(payload: bytes) -> str:
    import base64

    return base64.b32encode(hashlib.sha1(payload).digest()).decode()


def make_indexes(rows: list[dict[str, object]]) -> dict[str, bytes]:
    """The rows as a table in two parts and as text, with their lists."""
    rows = sorted(rows, key=lambda row: str(row["url_surtkey"]))
    folder = f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=warc"
    files = {}
    half = len(rows) // 2
    for part, held in enumerate((rows[:half], rows[half:])):
        table = pa.Table.from_pylist(held)
        for name, kind in (
            ("fetch_status", pa.int16()),
            ("warc_record_offset", pa.int32()),
            ("warc_record_length", pa.int32()),
        ):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table[name].cast(kind))
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=5)
        files[f"{folder}/part-{part:05d}.gz.parquet"] = sink.getvalue()
    keys = {
        "url": "url",
        "mime": "content_mime_type",
        "mime-detected": "content_mime_detected",
        "status": "fetch_status",
        "digest": "content_digest",
        "length": "warc_record_length",
        "offset": "warc_record_offset",
        "filename": "warc_filename",
        "languages": "content_languages",
        "truncated": "content_truncated",
    }
    lines = []
    for row in rows:
        values = {key: str(row[name]) for key, name in keys.items() if row[name] is not None}
        lines.append(f"{row['url_surtkey']} 20240518010203 {json.dumps(values)}\n".encode())
    blocks = [b"".join(lines[start : start + 7]) for start in range(0, len(lines), 7)]
    text = f"cc-index/collections/{CRAWL}/indexes/cdx-00000.gz"
    files[text] = b"".join(gzip.compress(block, mtime=0) for block in blocks)
    other = f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset=robotstxt/part-0.gz.parquet"
    tables = [*(name for name in files if name.endswith(".parquet")), other]
    files[f"crawl-data/{CRAWL}/cc-index-table.paths.gz"] = pack_list(tables)
    texts = [text, f"cc-index/collections/{CRAWL}/indexes/cluster.idx"]
    files[f"crawl-data/{CRAWL}/cc-index.paths.gz"] = pack_list(texts)
    return files


@dataclass(frozen=True)
class Trouble:
    """How often what goes wrong: shares of all requests, which add up to less than 1."""

    seed: int
    busy: float = 0.2  # 503; a third says when to come again, as seconds or as a date
    reset: float = 0.05
    stall: float = 0.03
    short: float = 0.07

    def draw(self, request: str, attempt: int) -> str | None:
        drawn = random.Random(f"{self.seed} {request} {attempt}").random()
        for kind in ("busy", "reset", "stall", "short"):
            drawn -= getattr(self, kind)
            if drawn < 0:
                return kind
        return None


class Draws(Protocol):
    """What goes wrong with a request, if anything does."""

    def draw(self, request: str, attempt: int) -> str | None: ...


@dataclass
class CrawlServer:
    """What the tests see of a running server."""

    base_url: str
    trouble: Draws | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, range
    sent_bytes: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    def get_into_trouble(self, trouble: Draws) -> None:
        """From here on; what was counted is forgotten."""
        self.trouble = trouble
        self.asked.clear()
        self.attempts.clear()


class _Handler(http.server.BaseHTTPRequestHandler):
    crawl: CrawlServer
    files: Mapping[str, bytes]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        asked = self.headers.get("range", "")
        request = f"{self.command} {self.path} {asked}"
        with self.crawl.lock:
            self.crawl.asked.append((self.command, self.path, asked))
            self.crawl.attempts[request] += 1
            found = self.crawl.trouble and self.crawl.trouble.draw(
                request, self.crawl.attempts[request]
            )
            if found:
                self.crawl.troubles[found] += 1
        if found == "busy":
            self._say_busy(request)
        else:
            self._send_file(asked, found)

    do_HEAD = do_GET

    def _say_busy(self, request: str) -> None:
        later = {0: "0", 1: email.utils.formatdate(time.time() - 1, usegmt=True)}
        self.send_response(503)
        if (value := later.get(self.crawl.attempts[request] % 3)) is not None:
            self.send_header("Retry-After", value)
        self.send_header("Content-Length", "9")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"slow down")

    def _send_file(self, asked: str, found: str | None) -> None:
        content = self.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        start, end, status = 0, len(content), 200
        match = _RANGE.fullmatch(asked)
        if match and self.headers.get("if-range", tag) == tag:
            start, status = int(match[1]), 206
            end = min(end, int(match[2]) + 1) if match[2] else end
        if start >= len(content):
            status, start, end = 416, 0, 0
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if self.command == "GET":
            self._send_body(memoryview(content)[start:end], found)
        elif found:
            self.close_connection = True

    def _send_body(self, body: memoryview, found: str | None) -> None:
        if found:
            body = body[: len(body) // 2]
            self.close_connection = True
        with self.crawl.lock:
            self.crawl.sent_bytes += len(body)
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            if found == "reset":  # closing without lingering sends RST
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.connection.close()
            elif found == "stall":
                self.crawl.closing.wait(3)

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up."""


@contextlib.contextmanager
def serve_crawl(files: Mapping[str, bytes], trouble: Draws | None = None) -> Iterator[CrawlServer]:
    """Serve files by path, with ranges and tags, as a public mirror does."""
    running = CrawlServer("", trouble)
    members = {"crawl": running, "files": files}
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), members))
    running.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
