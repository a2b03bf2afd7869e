"""`frame_records` and `match_digest` on members made by hand."""

import base64
import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED, WHOLE
from gristmill.cleaning.record_framing import Framed, frame_records, match_digest
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged


def make(block: bytes, *fields: bytes, length: int | None = None) -> bytes:
    size = len(block) if length is None else length
    lines = [b"WARC/1.0", b"WARC-Record-ID: <id>", b"Content-Length: %d" % size, *fields, b"", b""]
    return b"\r\n".join(lines) + block + b"\r\n\r\n"


def frame(content: bytes, state: str = WHOLE) -> list[Framed | Damaged | Gap]:
    member = Member(100, 50, content, state)
    return list(frame_records(member, max_record_bytes=1000))


def blocks(items: list[Framed | Damaged | Gap]) -> list[bytes]:
    return [item.data[item.start : item.end] for item in items if isinstance(item, Framed)]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5), st.sampled_from([b"", b"\r\n\n"]))
def test_blocks_come_back(contents: list[bytes], between: bytes) -> None:
    records = [make(content) + between for content in contents]
    items = frame(b"".join(records))
    assert blocks(items) == contents
    assert len(items) == len(contents)
    if len(items) == 1:
        assert (items[0].offset, items[0].length) == (100, 50)
    else:
        assert [item.length for item in items] == [len(record) for record in records]
        assert items[1].offset == 100 + len(records[0])


def test_a_whole_member_proves_the_length_of_its_record() -> None:
    assert blocks(frame(make(b"0123456789", length=4))) == [b"0123456789"]
    assert blocks(frame(make(b"0123456789", length=4) + make(b"next"))) == [b"next"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [(BROKEN, "damaged_record"), (TRUNCATED, "truncated_record"), (BOMB, "too_large")],
)
def test_incomplete_member_gives_no_record(state: str, reason: str) -> None:
    for content in (b"", b"WARC/1.0\r\nWARC-Rec", make(b"x" * 50)[:-20], make(b"x" * 50)):
        (item,) = frame(content, state)
        assert isinstance(item, Damaged)
        assert (item.reason, item.offset, item.length) == (reason, 100, 50)


def test_incomplete_member_gives_the_records_before_its_end() -> None:
    assert blocks(frame(make(b"first") + make(b"second")[:-12], TRUNCATED)) == [b"first"]
    digest = b"WARC-Block-Digest: sha1:" + hashlib.sha1(b"first").hexdigest().encode()
    content = make(b"first", digest) + make(b"second") + make(b"third")[:-9]
    items = frame(content, BROKEN)
    assert blocks(items) == [b"first"]
    assert [type(item) for item in items] == [Framed, Damaged, Damaged]


def test_header_that_runs_into_the_next_record_costs_one() -> None:
    cut = make(b"lost")[:40]
    items = frame(make(b"a") + cut + b"\r\n" + make(b"b") + make(b"c"))
    assert blocks(items) == [b"a", b"b", b"c"]
    assert len(items) == 4


@pytest.mark.parametrize(
    "line", [b"WARC/1.0\r\nA: b\r\n", b"WARC/1.0\nContent-Length: 999\n\n", b"WARC/", b"\r\n"]
)
def test_hostile_members_take_linear_time(line: bytes) -> None:
    started = time.process_time()
    frame(line * (2_000_000 // len(line)))
    assert time.process_time() - started < 5


def test_bytes_between_records_are_a_gap() -> None:
    items = frame(make(b"a") + b"junk" + make(b"b"))
    assert blocks(items) == [b"a", b"b"]
    assert items[1] == Gap(100 + len(make(b"a")), 4)


def test_too_large_block_is_refused_by_name() -> None:
    items = frame(make(b"x" * 1001) + make(b"y"))
    assert blocks(items) == [b"y"]
    assert isinstance(items[0], Damaged)
    assert (items[0].reason, items[0].native_id) == ("too_large", "id")


@given(st.binary(max_size=100), st.sampled_from(["md5", "sha1", "sha256", "sha512"]))
def test_digest_matches_only_its_block(block: bytes, kind: str) -> None:
    digest = hashlib.new(kind, block).digest()
    for text in (digest.hex(), digest.hex().upper(), base64.b32encode(digest).decode()):
        fields = {"warc-block-digest": f"{kind}:{text}"}
        assert match_digest(fields, block) is True
        assert match_digest(fields, block + b"x") is False


@pytest.mark.parametrize("value", ["", "sha1", "sha1:", "crc32:abcd", "blake3:xy"])
def test_unknown_digest_says_nothing(value: str) -> None:
    assert match_digest({"warc-block-digest": value} if value else {}, b"x") is None
