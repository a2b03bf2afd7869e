"""`scan_members`: members and gaps tile the file, and each state means what it says."""

import gzip
import io
import random
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import member_streams
from gristmill.cleaning.warc_members import Gap, Member, scan_members

LIMIT = 1 << 20
CONTENTS = [b"WARC/1.0\r\nWARC-Type: x\r\n\r\n" + random.Random(n).randbytes(400) for n in range(6)]
GZIP = [gzip.compress(content, mtime=0) for content in CONTENTS]
ZSTD = [zstandard.compress(content) for content in CONTENTS]


def scan(raw: bytes, limit: int = LIMIT) -> list[Member | Gap]:
    """Scan, reading open members to their end; their content and state become final."""
    items: list[Member | Gap] = []
    for item in scan_members(io.BytesIO(raw), max_member_bytes=limit):
        if isinstance(item, Member) and item.stream is not None:
            content = b"".join([item.content, *iter(item.stream.read, b"")])
            length = item.stream.end - item.offset
            item = item._replace(content=content, state=item.stream.state, length=length)
        items.append(item)
    return items


@pytest.mark.parametrize("members", [GZIP, ZSTD], ids=["gzip", "zstd"])
def test_whole_members(members: list[bytes]) -> None:
    items = scan(b"".join(members))
    assert [item.content for item in items if isinstance(item, Member)] == CONTENTS
    assert {item.state for item in items if isinstance(item, Member)} == {member_streams.WHOLE}


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["keep", "cut", "flip", "junk"])), max_size=6
    ),
    st.sampled_from([GZIP, ZSTD]),
    st.randoms(use_true_random=False),
)
def test_members_and_gaps_tile_the_file(
    plan: list[tuple[int, str]], members: list[bytes], rng: random.Random
) -> None:
    parts = []
    for number, action in plan:
        part = bytearray(members[number])
        place = rng.randrange(4, len(part))
        if action == "cut":
            del part[place:]
        elif action == "flip":
            part[place] ^= 1 << rng.randrange(8)
        elif action == "junk":
            part += rng.randbytes(rng.randrange(1, 300))
        parts.append(bytes(part))
    raw = b"".join([members[0], *parts])
    end = 0
    for item in scan(raw):
        assert item.offset == end
        end += item.length
    assert end == len(raw)


def test_every_cut_of_the_last_member_is_seen() -> None:
    for members in (GZIP[:2], ZSTD[:2]):
        raw = b"".join(members)
        for cut in range(len(members[0]) + 1, len(raw)):
            first, last = scan(raw[:cut])
            assert isinstance(first, Member)
            assert isinstance(last, Member)
            assert (first.state, first.content) == (member_streams.WHOLE, CONTENTS[0])
            assert last.state == member_streams.TRUNCATED
            assert CONTENTS[1].startswith(last.content)


def test_checksum_and_length_of_a_member_are_checked() -> None:
    for place in (-1, -4, -5, -8):
        broken = bytearray(GZIP[1])
        broken[place] ^= 1
        items = scan(GZIP[0] + bytes(broken) + GZIP[2])
        states = [item.state for item in items if isinstance(item, Member)]
        assert states == [member_streams.WHOLE, member_streams.BROKEN, member_streams.WHOLE]


def test_magic_number_inside_a_member_does_not_end_it() -> None:
    content = b"WARC/1.0\r\n" + b"\x1f\x8b\x08\x00" * 50 + random.Random(0).randbytes(500)
    stored = gzip.compress(content, compresslevel=0)
    items = scan(stored + GZIP[1])
    assert [item.content for item in items if isinstance(item, Member)] == [content, CONTENTS[1]]


def test_long_member_is_open_and_then_whole() -> None:
    content = CONTENTS[0] * 500
    (item, after) = scan(gzip.compress(content) + GZIP[1], limit=10_000)
    assert isinstance(item, Member)
    assert (item.content, item.state) == (content, member_streams.WHOLE)
    assert isinstance(after, Member)
    assert after.content == CONTENTS[1]


def test_plain_file_is_one_open_member() -> None:
    (item,) = scan(CONTENTS[0])
    assert isinstance(item, Member)
    assert (item.offset, item.length, item.content) == (0, len(CONTENTS[0]), CONTENTS[0])
    assert item.stream is not None
    assert item.stream.is_plain


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_bomb_stops_early(compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(CONTENTS[0] + bytes(64 << 20))
    first, item, last = scan(compress(CONTENTS[0]) + bomb + compress(CONTENTS[1]))
    assert isinstance(item, Member)
    assert item.state == member_streams.BOMB
    assert len(item.content) < 64 << 20
    assert isinstance(first, Member)
    assert isinstance(last, Member)
    assert last.content == CONTENTS[1]


@pytest.mark.parametrize("limit", [LIMIT, 64 << 10])
def test_a_bomb_reaches_to_the_next_member(limit: int) -> None:
    bomb = gzip.compress(CONTENTS[0] + bytes(300 << 20), 9)
    raw = GZIP[0] + bomb + GZIP[1]
    items = scan(raw, limit)
    assert [(item.offset, item.length) for item in items] == [
        (0, len(GZIP[0])),
        (len(GZIP[0]), len(bomb)),
        (len(GZIP[0]) + len(bomb), len(GZIP[1])),
    ]


def test_skippable_zstd_frame_is_passed_over() -> None:
    frame = b"\x5d\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"ignored"
    items = scan(frame + ZSTD[0])
    assert [item.content for item in items if isinstance(item, Member)] == [b"", CONTENTS[0]]
