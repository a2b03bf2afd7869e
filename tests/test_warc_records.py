"""`iterate`: every intact record comes back, every damaged one is named, nothing else."""

import base64
import datetime
import gzip
import hashlib
import io
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.warc_records import WarcRecord, iterate
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged

PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "plain": bytes,
}


def make_record(
    number: int,
    body: bytes,
    *,
    record_type: str = "response",
    length: int | str | None = None,
    digest: bool = False,
    line_end: bytes = b"\r\n",
) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Number: %d\r\n\r\n" % number + body
    if record_type != "response":
        block = body
    fields = [
        b"WARC/1.0",
        b"WARC-Type: " + record_type.encode(),
        b"WARC-Record-ID: <urn:uuid:%08d>" % number,
        b"WARC-Date: 2024-05-06T07:08:09Z",
        b"WARC-Target-URI: <http://example.org/%d>" % number,
        b"Content-Type: application/http; msgtype=response",
    ]
    if digest:
        sha1 = base64.b32encode(hashlib.sha1(block).digest())
        fields.append(b"WARC-Block-Digest: sha1:" + sha1)
    if length is None:
        fields.append(b"Content-Length: %d" % len(block))
    elif length != "":
        fields.append(f"Content-Length: {length}".encode())
    return line_end.join([*fields, b"", b""]) + block + b"\r\n\r\n"


def make_body(number: int) -> bytes:
    """Text that compresses about as well as a page."""
    rng = random.Random(number)
    words = [b"<p>", b"mill", b"grist", b"</p>", b"%d" % number, b"stone", b"\n", b"\xc3\xa9"]
    return b" ".join(rng.choice(words) + b"%d" % rng.randrange(99) for _ in range(300))


BODIES = [make_body(number) for number in range(20)]
RECORDS = [make_record(number, body) for number, body in enumerate(BODIES)]


def read(raw: bytes, **options: int) -> list[WarcRecord | Damaged]:
    return list(iterate(io.BytesIO(raw), **options))


def split(items: list[WarcRecord | Damaged]) -> tuple[dict[str, bytes], list[Damaged]]:
    """Payloads by record id, and what is damaged."""
    records = [item for item in items if isinstance(item, WarcRecord)]
    payloads = {str(record.record_id): record.payload for record in records}
    assert len(payloads) == len(records)
    damaged = [item for item in items if isinstance(item, Damaged)]
    assert {item.reason for item in damaged} <= QUARANTINE_REASONS
    return payloads, damaged


def name(number: int) -> str:
    return f"urn:uuid:{number:08d}"


MEMBERS = [gzip.compress(record, mtime=0) for record in RECORDS]
EVERY_PAYLOAD = {name(number): body for number, body in enumerate(BODIES)}


@pytest.mark.parametrize("packing", PACKERS)
def test_reads_a_member_per_record(packing: str) -> None:
    members = [PACKERS[packing](record) for record in RECORDS]
    items = read(b"".join(members))
    assert split(items) == (EVERY_PAYLOAD, [])
    offset = 0
    for member, item in zip(members, items, strict=True):
        assert (item.offset, item.length) == (offset, len(member))
        offset += len(member)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_reads_one_member_for_all(packing: str) -> None:
    whole = b"".join(RECORDS)
    items = read(PACKERS[packing](whole))
    assert split(items) == (EVERY_PAYLOAD, [])
    for record, item in zip(RECORDS, items, strict=True):
        assert whole[item.offset : item.offset + item.length] == record


def test_reads_one_member_that_is_too_long_to_hold() -> None:
    whole = b"".join(RECORDS) * 80
    assert len(whole) > 3 << 20  # over the 10 kB of a record and two header blocks of 1 MiB
    items = read(gzip.compress(whole), max_record_bytes=10_000)
    assert len(items) == 1600
    assert all(isinstance(item, WarcRecord) for item in items)
    assert [whole[item.offset : item.offset + item.length] for item in items] == RECORDS * 80


def test_takes_a_record_apart() -> None:
    (record,) = read(gzip.compress(RECORDS[3]))
    assert record == WarcRecord(
        record_type="response",
        record_id="urn:uuid:00000003",
        url="http://example.org/3",
        date=datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC),
        content_type="application/http; msgtype=response",
        http_headers={"content-type": "text/html", "x-number": "3"},
        http_status=200,
        payload=BODIES[3],
        offset=0,
        length=len(gzip.compress(RECORDS[3])),
        truncated=None,
        fields={
            "warc-type": "response",
            "warc-record-id": "<urn:uuid:00000003>",
            "warc-date": "2024-05-06T07:08:09Z",
            "warc-target-uri": "<http://example.org/3>",
            "content-type": "application/http; msgtype=response",
            "content-length": str(57 + len(BODIES[3])),
        },
        http_head=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Number: 3\r\n\r\n",
    )


def test_offset_counts_from_the_start_of_the_file() -> None:
    members = [gzip.compress(record) for record in RECORDS[:3]]
    stream = io.BytesIO(b"".join(members))
    stream.seek(len(members[0]))
    assert [item.offset for item in iterate(stream)] == [
        len(members[0]),
        len(members[0]) + len(members[1]),
    ]


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, bytes]:
    """A damaged member of twenty: its number and its new bytes."""
    number = draw(st.integers(0, len(MEMBERS) - 1))
    raw = bytearray(MEMBERS[number])
    position = draw(st.integers(0, len(raw) - 1))
    kind = draw(st.sampled_from(["flip", "zero", "cut", "insert", "repeat"]))
    if kind == "flip":
        raw[position] ^= 1 << draw(st.integers(0, 7))
    elif kind == "zero":
        raw[position : position + 64] = bytes(len(raw[position : position + 64]))
    elif kind == "cut":
        del raw[position:]
    elif kind == "insert":
        raw[position:position] = draw(st.binary(min_size=1, max_size=200))
    else:
        raw[position:position] = raw[position : position + 100]
    return number, bytes(raw)


@given(damages())
def test_damage_costs_one_record(damage: tuple[int, bytes]) -> None:
    number, broken = damage
    packed = b"".join([*MEMBERS[:number], broken, *MEMBERS[number + 1 :]])
    payloads, damaged = split(read(packed))
    expected = dict(EVERY_PAYLOAD)
    if name(number) not in payloads:
        del expected[name(number)]
        # Nothing is left to be damaged if the cut took the whole member.
        assert damaged or not broken
    assert payloads == expected
    begin = sum(map(len, MEMBERS[:number]))
    for item in damaged:
        assert begin <= item.offset
        assert item.offset + item.length <= begin + len(broken)


@given(st.integers(0, len(RECORDS)), st.binary(min_size=1, max_size=3000))
def test_garbage_between_members_costs_nothing(place: int, garbage: bytes) -> None:
    payloads, damaged = split(read(b"".join([*MEMBERS[:place], garbage, *MEMBERS[place:]])))
    assert payloads == EVERY_PAYLOAD
    assert sum(item.length for item in damaged) == len(garbage)


@pytest.mark.parametrize("packing", ["gzip", "zstd", "plain", "one gzip", "one zstd"])
def test_cut_at_every_byte(packing: str) -> None:
    small = [make_record(number, b"body %d " % number * 9) for number in range(3)]
    if packing.startswith("one "):
        members = [PACKERS[packing[4:]](b"".join(small))]
    else:
        members = [PACKERS[packing](record) for record in small]
    packed = b"".join(members)
    full = {name(number): b"body %d " % number * 9 for number in range(3)}
    for cut in range(1, len(packed)):
        items = read(packed[:cut])
        payloads, damaged = split(items)
        assert payloads.items() <= full.items()
        if packing in ("gzip", "zstd"):
            whole = sum(sum(map(len, members[: n + 1])) <= cut for n in range(3))
            assert len(payloads) == whole
            assert bool(damaged) == (cut not in (len(members[0]), len(members[0] + members[1])))
        else:
            assert damaged or packing == "plain"


@pytest.mark.parametrize("packing", ["gzip", "plain"])
@pytest.mark.parametrize("length", ["-5", "99999999999999", "10000000000", "x", "", "1e3"])
def test_absurd_content_length_costs_one_record(packing: str, length: str) -> None:
    raw = [*RECORDS[:5], make_record(5, BODIES[5], length=length), *RECORDS[6:]]
    payloads, damaged = split(read(b"".join(map(PACKERS[packing], raw))))
    expected = {key: body for key, body in EVERY_PAYLOAD.items() if key != name(5)}
    if name(5) in payloads:  # the member proves where the block ends
        assert packing == "gzip"
        assert payloads.pop(name(5)) == BODIES[5]
    else:
        assert [item.native_id for item in damaged] == [name(5)]
    assert payloads == expected


@pytest.mark.parametrize("packing", ["gzip", "plain", "one"])
@pytest.mark.parametrize("change", [-900, -2, 2, 30, 5000])
def test_wrong_content_length_costs_one_record(packing: str, change: int) -> None:
    block_bytes = len(RECORDS[5]) - RECORDS[5].index(b"HTTP/1.1") - 4
    raw = [*RECORDS[:5], make_record(5, BODIES[5], length=block_bytes + change), *RECORDS[6:]]
    if packing == "one":
        packed = gzip.compress(b"".join(raw))
    else:
        packed = b"".join(map(PACKERS[packing], raw))
    payloads, damaged = split(read(packed))
    # Two bytes more reach into the line ends that close the record: harmless.
    assert payloads.pop(name(5), BODIES[5]).rstrip(b"\r\n") == BODIES[5]
    assert payloads == {key: body for key, body in EVERY_PAYLOAD.items() if key != name(5)}
    assert all(item.native_id == name(5) for item in damaged)


def test_cut_record_in_a_whole_member_is_damaged() -> None:
    cut = RECORDS[1][:-700]
    items = read(b"".join(map(gzip.compress, [RECORDS[0], cut, RECORDS[2]])))
    assert [type(item) for item in items] == [WarcRecord, Damaged, WarcRecord]
    damaged = items[1]
    assert isinstance(damaged, Damaged)
    assert damaged.reason == "truncated_record"
    assert damaged.native_id == name(1)
    assert damaged.url == "http://example.org/1"
    assert damaged.offset == len(gzip.compress(RECORDS[0]))
    assert damaged.length == len(gzip.compress(cut))


@pytest.mark.parametrize("packing", PACKERS)
def test_line_feeds_alone_end_header_lines(packing: str) -> None:
    raw = [make_record(n, body, line_end=b"\n") for n, body in enumerate(BODIES)]
    assert split(read(b"".join(map(PACKERS[packing], raw)))) == (EVERY_PAYLOAD, [])


def test_digest_guards_what_no_checksum_covers() -> None:
    raw = b"".join(make_record(n, body, digest=True) for n, body in enumerate(BODIES))
    assert split(read(raw)) == (EVERY_PAYLOAD, [])
    place = raw.index(b"stone", 5 * len(raw) // 10)
    flipped = raw[:place] + b"stome" + raw[place + 5 :]
    payloads, damaged = split(read(flipped))
    assert len(damaged) == 1
    assert damaged[0].reason == "damaged_record"
    assert payloads == {k: v for k, v in EVERY_PAYLOAD.items() if k != damaged[0].native_id}


def test_broken_single_member_gives_only_what_a_digest_proves() -> None:
    with_digest = [make_record(n, body, digest=True) for n, body in enumerate(BODIES)]
    packed = bytearray(gzip.compress(b"".join(with_digest)))
    packed[len(packed) // 2] ^= 16
    payloads, damaged = split(read(bytes(packed)))
    assert len(payloads) >= 8
    assert payloads.items() <= EVERY_PAYLOAD.items()
    assert damaged
    without = bytearray(gzip.compress(b"".join(RECORDS)))
    without[len(without) // 2] ^= 16
    payloads, damaged = split(read(bytes(without)))
    assert not payloads
    assert len(damaged) >= 8


def test_record_over_the_limit_is_too_large() -> None:
    big = make_record(7, b"x" * 300_000)
    for pack in (gzip.compress, bytes):
        packed = b"".join(map(pack, [RECORDS[0], big, RECORDS[1]]))
        payloads, damaged = split(read(packed, max_record_bytes=100_000))
        assert payloads == {name(0): BODIES[0], name(1): BODIES[1]}
        assert [(item.reason, item.native_id) for item in damaged] == [("too_large", name(7))]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(level=19).compress])
def test_bomb_is_refused_and_its_neighbours_kept(pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(make_record(7, bytes(200 << 20)))
    packed = b"".join([pack(RECORDS[0]), bomb, pack(RECORDS[1])])
    payloads, damaged = split(read(packed))
    assert payloads == {name(0): BODIES[0], name(1): BODIES[1]}
    assert [item.reason for item in damaged] == ["too_large"]
    assert damaged[0].offset == len(pack(RECORDS[0]))


def test_many_empty_members_are_nothing() -> None:
    packed = gzip.compress(RECORDS[0]) + gzip.compress(b"") * 20_000 + gzip.compress(RECORDS[1])
    assert split(read(packed)) == ({name(0): BODIES[0], name(1): BODIES[1]}, [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>404 not found</html>",
        gzip.compress(b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain 5\nbody\n") * 30,
        gzip.compress(b""),
        bytes(100_000),
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        zlib.compress(RECORDS[0]),
    ],
    ids=["empty", "html", "arc", "nothing", "zeros", "gzip magic", "zstd magic", "zlib"],
)
def test_file_without_a_record_gives_one_damaged(raw: bytes) -> None:
    (item,) = read(raw)
    assert isinstance(item, Damaged)
    assert (item.offset, item.length) == (0, len(raw))


@pytest.mark.parametrize(
    ("magic", "name"),
    [(b"BZh91AY&SY", "bz2"), (b"\xfd7zXZ\x00", "xz"), (b"\x04\x22\x4d\x18", "lz4")],
)
def test_compression_that_is_not_read_is_named(magic: bytes, name: str) -> None:
    (item,) = read(magic + bytes(99))
    assert isinstance(item, Damaged)
    assert item.detail.startswith(f"{name} is not read here")
    assert (item.offset, item.length) == (0, len(magic) + 99)


@pytest.mark.parametrize("size", [100, 1000, 65_280])
@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_records_over_members_cut_at_any_length(packing: str, size: int) -> None:
    whole = b"".join(RECORDS)
    raw = b"".join(PACKERS[packing](whole[k : k + size]) for k in range(0, len(whole), size))
    assert split(read(raw)) == (EVERY_PAYLOAD, [])


def test_record_behind_line_ends_is_found_after_damage() -> None:
    members = [gzip.compress(b"\r\n\r\n" + record[:-4]) for record in RECORDS[:3]]
    broken = bytearray(members[1])
    broken[40] ^= 1
    payloads, damaged = split(read(members[0] + bytes(broken) + members[2]))
    assert payloads == {name(0): BODIES[0], name(2): BODIES[2]}
    assert len(damaged) == 1


def test_revisit_keeps_what_it_refers_to() -> None:
    record = make_record(1, b"", record_type="revisit").replace(
        b"WARC-Type: revisit\r\n",
        b"WARC-Type: revisit\r\nWARC-Refers-To-Target-URI: http://a/\r\nWARC-Truncated: length\r\n",
    )
    (item,) = read(gzip.compress(record))
    assert isinstance(item, WarcRecord)
    assert item.fields["warc-refers-to-target-uri"] == "http://a/"
    assert item.truncated == "length"


def test_wet_records_come_through() -> None:
    record = make_record(1, b"plain text", record_type="conversion")
    (item,) = read(gzip.compress(record))
    assert isinstance(item, WarcRecord)
    assert (item.record_type, item.payload, item.http_status) == ("conversion", b"plain text", None)


@given(st.binary(max_size=2000), st.sampled_from([b"", b"WARC/1.0\r\n", b"\x1f\x8b\x08\x00"]))
def test_any_bytes_end_in_records_or_damaged(raw: bytes, start: bytes) -> None:
    items = read(start + raw)
    assert items
    assert sum(item.length for item in items) <= len(start + raw)


REAL_SETS = [
    "warc-anserini-samples", "warc-aut", "warc-cc-ia-web-commons", "warc-cc-whirlwind",
    "warc-cc2015-webis", "warc-cc2017-wet-small", "warc-cc_net-wet", "warc-daft",
    "warc-dolma-sample0", "warc-ia-gowarc", "warc-ia-warc-py", "warc-jwarc", "warc-jwat",
    "warc-resiliparse", "warc-toimik", "warc-warcio",
]  # fmt: skip


@pytest.mark.parametrize("set_name", REAL_SETS)
def test_every_real_file_ends_in_records_or_damaged(
    set_name: str, shared_data: Callable[[str], Path]
) -> None:
    paths = [path for path in shared_data(set_name).rglob("*") if path.is_file()]
    assert paths
    for path in paths:
        with path.open("rb") as stream:
            items = list(iterate(stream))
        assert items, path
        split_reasons = {item.reason for item in items if isinstance(item, Damaged)}
        assert split_reasons <= QUARANTINE_REASONS, path


def count_types(path: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    with path.open("rb") as stream:
        for item in iterate(stream):
            kind = item.record_type if isinstance(item, WarcRecord) else item.reason
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def find_one(folder: Path, pattern: str) -> Path:
    (path,) = folder.rglob(pattern)
    return path


def test_common_crawl_slices_in_one_member(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("warc-cc2015-webis")
    counts = [count_types(path) for path in sorted(folder.rglob("*.warc.gz"))]
    assert sorted(sum(found.values()) for found in counts) == [14, 56]
    assert sum(found["response"] for found in counts) == 22
    assert not any("damaged_record" in found or "truncated_record" in found for found in counts)


def test_heritrix_crawl(shared_data: Callable[[str], Path]) -> None:
    counts = count_types(find_one(shared_data("warc-aut"), "warc/example.warc.gz"))
    assert sum(counts.values()) == 822
    assert counts["response"] == 299


def test_clipped_file_keeps_nothing_of_the_cut_record(shared_data: Callable[[str], Path]) -> None:
    counts = count_types(find_one(shared_data("warc-resiliparse"), "clipped.warc.gz"))
    assert counts == {"truncated_record": 1}


def test_wet_slice_that_starts_and_ends_inside_a_record(
    shared_data: Callable[[str], Path],
) -> None:
    counts = count_types(find_one(shared_data("warc-cc2017-wet-small"), "test1.in.gz"))
    assert counts == {"damaged_record": 1, "conversion": 8, "truncated_record": 1}


def test_odd_spellings_of_headers(shared_data: Callable[[str], Path]) -> None:
    # FastWARC stops after three of these five records, warcio misreads folded lines.
    path = find_one(shared_data("warc-jwat"), "valid-warcfile-upper-lower-case.warc")
    assert sum(count_types(path).values()) == 5
    path = find_one(shared_data("warc-jwarc"), "gzip_extra_sl.warc.gz")
    assert sum(count_types(path).values()) == 1
