"""The archive files of the public sets, read as a run reads them, one line of facts a file."""

import base64
import gzip
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard
from archive_scanner import Seen, scan_archive

from gristmill.cleaning import arc_records, warc_records
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.schemas.fates import Damaged

#: Every public set that holds archive files.
SETS = (
    "warc-anserini-samples",
    "warc-aut",
    "warc-cc-ia-web-commons",
    "warc-cc-whirlwind",
    "warc-cc2015-webis",
    "warc-cc2017-wet-small",
    "warc-cc_net-wet",
    "warc-daft",
    "warc-dolma-sample0",
    "warc-ia-gowarc",
    "warc-ia-warc-py",
    "warc-jwarc",
    "warc-jwat",
    "warc-resiliparse",
    "warc-toimik",
    "warc-warcio",
)
GOLDEN = Path(__file__).with_name("cases") / "archive_files.json"
_OTHER_FILES = ("README.md", "_en.out", "_ja.out", ".json.gz")


def list_archives(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of each archive file of an unpacked set, in order of name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(_OTHER_FILES):
            yield f"{name}/{path.relative_to(folder).as_posix()}", path


def read_archive(raw: bytes) -> list[WarcRecord | Damaged]:
    """Read a file with the reader that its content asks for."""
    reader: Callable[..., Iterator[WarcRecord | Damaged]] = warc_records.iterate
    if arc_records.is_arc(raw[: arc_records.HEAD_BYTES]):
        reader = arc_records.iterate
    return list(reader(io.BytesIO(raw)))


def split_items(
    items: list[WarcRecord | Damaged],
) -> tuple[list[WarcRecord], list[Damaged]]:
    """Records, and what is damaged."""
    records = [item for item in items if isinstance(item, WarcRecord)]
    return records, [item for item in items if isinstance(item, Damaged)]


def survey_file(raw: bytes) -> dict[str, Any]:
    """Facts of one file: what the scanner saw, what the reader kept and what it refused."""
    seen = scan_archive(raw)
    records, damaged = split_items(read_archive(raw))
    return {
        "records": len(seen),
        "intact": sum(record.intact for record in seen),
        "kept": len(records),
        "damaged": [[item.reason, item.offset, item.length] for item in damaged],
    }


def count_stray_bytes(items: list[WarcRecord | Damaged]) -> int:
    """Bytes of a file that belong to no record."""
    details = ("belong to no record", "record found")
    return sum(
        item.length for item in items if isinstance(item, Damaged) and item.detail.endswith(details)
    )


def matches_record(seen: Seen, record: WarcRecord) -> bool:
    """Say whether scanner and reader found the same record; the payload has no HTTP header."""
    return (
        (seen.record_type, seen.url.strip()) == (record.record_type, record.url or "")
        and seen.block.endswith(record.payload)
        and (record.http_headers is not None or seen.block == record.payload)
    )


def load_golden() -> dict[str, dict[str, Any]]:
    """What is known of each file."""
    golden: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())
    return golden


def write_golden(files: dict[str, dict[str, Any]]) -> None:
    """Write what is known of each file, one a line, for a person to read."""
    lines = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in sorted(files.items())]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def make_archives(records: int = 6) -> dict[str, bytes]:
    """Small archives of every packing, by name; the same pages in each."""
    bodies = [_make_body(number) for number in range(records)]
    warc = [_make_warc_record(number, body) for number, body in enumerate(bodies)]
    arc = [_make_arc_record(number, body) for number, body in enumerate(bodies)]
    zstd = zstandard.ZstdCompressor(write_checksum=True).compress
    return {
        "made/members.warc.gz": b"".join(gzip.compress(record, mtime=0) for record in warc),
        "made/members.warc.zst": b"".join(map(zstd, warc)),
        "made/plain.warc": b"".join(warc),
        "made/one-member.warc.gz": gzip.compress(b"".join(warc), mtime=0),
        "made/one-member.warc.zst": zstd(b"".join(warc)),
        "made/members.arc.gz": b"".join(gzip.compress(record, mtime=0) for record in arc),
        "made/plain.arc": b"".join(arc),
    }


def _make_body(number: int) -> bytes:
    """A page that compresses about as well as pages do."""
    rng = random.Random(number)
    words = [b"<p>", b"mill", b"</p>", b"stone", b"wheel\n", b"\xc3\xa9"]
    return b" ".join(rng.choice(words) + b"%d" % rng.randrange(99) for _ in range(60))


def _make_block(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body


def _make_warc_record(number: int, body: bytes) -> bytes:
    block = _make_block(body)
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{number:08d}>\r\nWARC-Date: 2024-05-06T07:08:09Z\r\n"
        f"WARC-Target-URI: http://example.org/{number}\r\n"
        f"WARC-Block-Digest: sha1:{base64.b32encode(hashlib.sha1(block).digest()).decode()}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def _make_arc_record(number: int, body: bytes) -> bytes:
    block = _make_block(body)
    line = f"http://example.org/{number} 192.0.2.1 20080430204825 text/html {len(block)}\n"
    return line.encode() + block + b"\n"
