"""Ranges of a WARC file: whatever the cuts, together they give what one pass gives."""

import gzip
import io
import itertools
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import member_streams, warc_records
from gristmill.cleaning.warc_members import index_members
from gristmill.cleaning.warc_records import WarcRecord, index_records, iterate
from gristmill.schemas.fates import Damaged

LIMIT = 3000
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "plain": bytes,
}


def make_record(number: int, size: int) -> bytes:
    body = random.Random(number).randbytes(size // 3).hex().encode()
    block = b"HTTP/1.1 200 OK\r\nX: %d\r\n\r\n" % number + body
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <%d>\r\nContent-Length: %d\r\n\r\n"
    return head % (number, len(block)) + block + b"\r\n\r\n"


def read(raw: bytes, start: int = 0, stop: int | None = None) -> list[WarcRecord | Damaged]:
    return list(iterate(io.BytesIO(raw), max_record_bytes=LIMIT, start=start, stop=stop))


def find_cuts(raw: bytes, every_bytes: int = 1) -> list[int]:
    return index_records(io.BytesIO(raw), every_bytes=every_bytes, max_record_bytes=LIMIT)


def read_ranges(raw: bytes, cuts: list[int]) -> list[WarcRecord | Damaged]:
    ranges = itertools.pairwise([*cuts, None])
    return [item for start, stop in ranges for item in read(raw, start or 0, stop)]


def damage(raw: bytes, rng: random.Random) -> bytes:
    """Damage bytes in one of the ways that files are."""
    broken = bytearray(raw)
    place = rng.randrange(len(broken))
    action = rng.choice(["flip", "flip", "zero", "cut", "junk", "marks", "double"])
    if action == "flip":
        broken[place] ^= 1 << rng.randrange(8)
    elif action == "zero":
        broken[place : place + 64] = bytes(len(broken[place : place + 64]))
    elif action == "cut":
        del broken[place : place + rng.randrange(1, 200)]
    elif action == "junk":
        broken[place:place] = rng.randbytes(rng.randrange(1, 300))
    elif action == "marks":
        broken[place:place] = rng.choice([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\nWARC/1.0\n"])
    else:
        broken[place:place] = broken[place : place + rng.randrange(1, 500)]
    return bytes(broken)


def break_deflate(content: bytes) -> bytes:
    """A gzip member that breaks at one bit: what decodes before must not depend on the window."""
    packer = zlib.compressobj(wbits=31)
    half = packer.compress(content[: len(content) // 2]) + packer.flush(zlib.Z_FULL_FLUSH)
    return half + b"\x07" * 100  # blocks of a type that does not exist


members = st.lists(
    st.tuples(
        st.lists(st.integers(0, 900), min_size=0, max_size=3),  # sizes of its records
        st.sampled_from(["", "", "", "damage", "junk before", "huge", "no record", "split"]),
    ),
    max_size=8,
)


def build_file(
    plan: list[tuple[list[int], str]], pack: Callable[[bytes], bytes], rng: random.Random
) -> bytes:
    numbers = itertools.count()
    parts = []
    for sizes, action in plan:
        if action == "huge":
            sizes = [*sizes, LIMIT * 2]
        content = b"".join(make_record(next(numbers), size) for size in sizes)
        part = pack(content)
        if action == "damage" and part:
            part = damage(part, rng)
        elif action == "junk before":
            part = rng.randbytes(rng.randrange(1, 300)) + part
        elif action == "no record":
            part = pack(b"neither a record nor the rest of one\r\n")
        elif action == "split" and content:
            place = rng.randrange(len(content))
            part = pack(content[:place]) + pack(content[place:])
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("packing", PACKERS)
@given(plan=members, rng=st.randoms(use_true_random=False), data=st.data())
def test_ranges_give_what_one_pass_gives(
    packing: str, plan: list[tuple[list[int], str]], rng: random.Random, data: st.DataObject
) -> None:
    raw = build_file(plan, PACKERS[packing], rng)
    if rng.random() < 0.3 and raw:
        raw = raw[: rng.randrange(len(raw))]
    cuts = find_cuts(raw)
    assert cuts[0] == 0
    chosen = [cut for cut in cuts[1:] if data.draw(st.booleans())]
    assert read_ranges(raw, [0, *chosen]) == read(raw)
    assert read_ranges(raw, cuts) == read(raw)
    assert read_ranges(raw, sorted({*cuts, len(raw)})) == read(raw)


oddities = st.sampled_from(
    [
        (b"\r\n", b"\n"),
        (b"\r\nWARC-Type", b"\r\nWARC/1.0\r\nWARC-Type"),
        (b"Content-Length: ", b"Content-Length: 1"),
        (b"Content-Length: ", b"content-length:"),
        (b"Content-Length: ", b"X: "),
        (b"WARC/1.0", b"warc/0.18"),
        (b"WARC/1.0", b"\r\nWARC/1.0"),
        (b"\r\n\r\nHTTP", b"\n\nHTTP"),
        (b"\r\n\r\nHTTP", b"\n\r\nHTTP"),
        (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\nB: \xff\r\n\tfolded"),
        (b"response", b"request"),
        (b"WARC-Type: response", b"WARC-Type: metadata\r\nwarc-type: response"),
    ]
)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@given(
    records=st.lists(st.lists(oddities, max_size=2), min_size=1, max_size=5),
    cut=st.integers(-6, 6),
)
def test_the_fast_way_reads_what_the_careful_one_reads(
    packing: str, records: list[list[tuple[bytes, bytes]]], cut: int
) -> None:
    parts = []
    for number, changes in enumerate(records):
        record = make_record(number, 90)
        for old, new in changes:
            record = record.replace(old, new, 1)
        parts.append(PACKERS[packing](record[:cut] if cut < 0 else record + b"\r\n\r\nx "[:cut]))
    raw = b"".join(parts)
    found = read(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warc_records, "_read_alone", lambda member, limit: None)
        assert read(raw) == found


@pytest.mark.parametrize("packing", PACKERS)
def test_every_record_of_an_intact_file_can_begin_a_range(packing: str) -> None:
    parts = [PACKERS[packing](make_record(number, 100)) for number in range(9)]
    offsets = [0, *itertools.accumulate(map(len, parts))][:-1]
    raw = b"".join(parts)
    assert find_cuts(raw) == offsets
    for start, stop in itertools.combinations(range(10), 2):
        items = read(raw, [*offsets, len(raw)][start], [*offsets, len(raw)][stop])
        assert [
            item.native_id if isinstance(item, Damaged) else item.record_id for item in items
        ] == [str(number) for number in range(start, stop)]


@pytest.mark.parametrize("packing", PACKERS)
@given(every_bytes=st.integers(1, 3000))
def test_cuts_keep_their_distance(packing: str, every_bytes: int) -> None:
    raw = b"".join(PACKERS[packing](make_record(number, 100)) for number in range(20))
    cuts = find_cuts(raw, every_bytes)
    assert all(after - before >= every_bytes for before, after in itertools.pairwise(cuts))
    longest = max(map(len, map(PACKERS[packing], (make_record(n, 100) for n in range(20)))))
    for before, after in itertools.pairwise([*cuts, len(raw)]):
        assert after - before < every_bytes + longest


@pytest.mark.parametrize(
    "raw", [b"", b"x", gzip.compress(b"x" * 500, mtime=0), zlib.compress(b"y" * 99)]
)
def test_files_without_records_are_one_range(raw: bytes) -> None:
    assert find_cuts(raw) == [0]
    assert index_members(io.BytesIO(raw), every_bytes=1) == [0]
    assert read_ranges(raw, sorted({0, len(raw)})) == read(raw)


def test_members_of_several_records_are_cut_only_where_a_record_starts() -> None:
    content = b"".join(make_record(number, 700) for number in range(6))
    raw = b"".join(gzip.compress(content[k : k + 500]) for k in range(0, len(content), 500))
    items = read(raw)
    assert [item.record_id for item in items if isinstance(item, WarcRecord)] == list("012345")
    assert len(items) == 6
    assert find_cuts(raw) == [0]


@pytest.mark.parametrize("packing", PACKERS)
def test_reading_in_windows_changes_nothing(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    parts = [PACKERS[packing](make_record(n, 400_000 if n % 4 else 900)) for n in range(12)]
    raw = b"".join(damage(part, rng) if n % 2 else part for n, part in enumerate(parts))
    raw += break_deflate(b"".join(make_record(n, 400_000) for n in range(12, 32)))

    def read_long(start: int = 0) -> list[WarcRecord | Damaged]:
        return list(iterate(io.BytesIO(raw), max_record_bytes=1 << 20, start=start))

    whole = read_long()
    assert 6 <= sum(isinstance(item, WarcRecord) for item in whole) < len(whole)
    for read_bytes in (5_000, 70_001, 1 << 30):
        monkeypatch.setattr(member_streams, "READ_BYTES", read_bytes)
        assert read_long() == whole
        for cut in find_cuts(raw):
            assert read_long(cut) == whole[-len(read_long(cut)) :]


@pytest.mark.parametrize(
    "name", ["warc-cc-whirlwind", "warc-resiliparse", "warc-warcio", "warc-jwat"]
)
def test_real_files_in_ranges(name: str, shared_data: Callable[[str], Path]) -> None:
    rng = random.Random(name)
    paths = [path for path in shared_data(name).rglob("*") if path.is_file()]
    for path in paths:
        raw = path.read_bytes()[: 2 << 20]
        for damages in (0, 3):
            for _ in range(damages):
                raw = damage(raw, rng) if raw else raw
            cuts = find_cuts(raw)
            some = [cut for cut in cuts[1:] if rng.random() < 0.3][:40]
            assert read_ranges(raw, [0, *some]) == read(raw), path
