"""`frame_records` on members made by hand."""

import hashlib
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED, WHOLE
from gristmill.cleaning.record_framing import Framed, frame_records
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


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.data())
def test_records_go_on_in_the_members_that_follow(
    contents: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(map(make, contents))
    cuts = sorted(data.draw(st.lists(st.integers(1, len(whole) - 5), max_size=6)))
    pieces = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
    found: list[Framed | Damaged | Gap] = []

    def take() -> Member | None:
        if not pieces or pieces[0].startswith(b"WARC/"):
            return None
        return Member(150, 50, pieces.pop(0), WHOLE)

    while pieces:
        member = Member(100, 50, pieces.pop(0), WHOLE)
        found += frame_records(member, max_record_bytes=1000, follow=take)
    assert blocks(found) == contents
    assert len(found) == len(contents)


def test_only_a_record_that_wants_more_follows() -> None:
    asked: list[bytes] = []

    def take() -> Member | None:
        asked.append(b"")
        return None

    for content in (make(b"a"), make(b"a")[:-4], make(b"a") + b"junk", b"junk"):
        list(frame_records(Member(0, 9, content, WHOLE), max_record_bytes=99, follow=take))
    for state in (BROKEN, TRUNCATED, BOMB):
        list(
            frame_records(Member(0, 9, make(b"abc")[:-6], state), max_record_bytes=99, follow=take)
        )
    assert not asked
    list(frame_records(Member(0, 9, make(b"abc")[:-6], WHOLE), max_record_bytes=99, follow=take))
    assert asked


def test_header_over_many_tiny_members_takes_linear_time() -> None:
    def measure(count: int) -> float:
        members = itertools.repeat(Member(9, 9, b"a: b", WHOLE), count)
        started = time.process_time()
        list(
            frame_records(
                Member(0, 9, b"WARC/1.0\r\n", WHOLE),
                max_record_bytes=99,
                follow=lambda: next(members, None),
            )
        )
        return time.process_time() - started

    measure(1000)
    assert measure(160_000) < 17 * max(measure(20_000), 0.02)


def test_cut_at_the_first_letters_of_a_record_is_its_cut() -> None:
    for content in (b"W", b"WAR", b"warc"):
        (item,) = frame(content, TRUNCATED)
        assert isinstance(item, Damaged)
        assert item.reason == "truncated_record"
    assert frame(b"WAR") == [Gap(100, 50)]


@pytest.mark.parametrize("letters", [b"W", b"wa", b"WARC"])
def test_first_letters_of_the_next_record_close_one(letters: bytes) -> None:
    items = frame(make(b"a")[:-2] + letters)
    assert blocks(items) == [b"a"]
    assert isinstance(items[1], Gap)
    assert blocks(frame(make(b"a")[:-4] + letters)) != [b"a"]


def test_a_field_given_twice_counts_once() -> None:
    (item,) = frame(make(b"block", b"WARC-Type: response", b"WARC-Type: response"))
    assert isinstance(item, Framed)
    assert item.fields["warc-type"] == "response"
