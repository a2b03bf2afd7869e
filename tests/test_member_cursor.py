"""`MemberCursor` over members whose records are single lines that begin with ``#``."""

import io

from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.member_cursor import Fault, MemberCursor, RecordForm
from gristmill.cleaning.member_streams import BROKEN, OPEN, WHOLE, MemberStream, Window
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged

BASE = 100


def find_mark(data: bytes | bytearray, start: int) -> tuple[int, int]:
    found = data.find(b"#", start)
    return found, found if found >= 0 else len(data)


FORM = RecordForm(find_mark, (b"\r\n", b"\n"), "no length", "said {}", "misled by {}")


def frame_mark(cursor: MemberCursor, begin: int) -> tuple[int, int] | Gap:
    """Take ``#`` for a record and all else for a gap."""
    if cursor.data[begin] != ord("#"):
        return cursor.skip_gap(cursor.find_next(begin + 1))
    cursor.index = begin + 1
    return cursor.locate()


def open_plain(content: bytes) -> Member:
    """A file that is not compressed, whose first record is at `BASE`."""
    stream = io.BytesIO(b"-" * BASE + content)
    stream.seek(BASE)
    return Member(BASE, 0, b"", OPEN, MemberStream(Window(stream), BASE, None))


def frame(member: Member, stop: int | None = None) -> list[tuple[int, int] | Gap | Damaged]:
    return list(MemberCursor(member, FORM, 10).frame_all(frame_mark, stop))


@given(st.text("#ab\r\n", max_size=60), st.integers(0, 70))
def test_items_of_a_plain_file_touch_and_ranges_give_what_the_whole_gives(
    text: str, cut: int
) -> None:
    content = text.encode()
    items = frame(open_plain(content))
    place = BASE + len(content) - len(content.lstrip(b"\r\n"))
    for offset, length in items:
        assert offset == place
        place += length
    assert not items or place == BASE + len(content)
    assert sum(not isinstance(item, Gap) for item in items) == content.count(b"#")
    assert frame(open_plain(content), BASE + cut) == [i for i in items if i[0] < BASE + cut]


def test_only_item_of_a_member_is_as_long_as_the_member() -> None:
    assert frame(Member(BASE, 50, b"\n#\r\n", WHOLE)) == [(BASE, 50)]
    assert frame(Member(BASE, 50, b"##\n", WHOLE)) == [(BASE, 1), (BASE + 1, 2)]


def test_member_of_which_nothing_decodes_is_damage() -> None:
    (item,) = frame(Member(BASE, 50, b"\r\n", BROKEN))
    assert isinstance(item, Damaged)
    assert (item.reason, item.offset, item.length) == ("damaged_record", BASE, 50)
    assert frame(Member(BASE, 50, b"\r\n", WHOLE)) == []


def test_block_ends_where_its_length_or_else_its_member_says() -> None:
    def measure(content: bytes, declared: int | None, closes: bool) -> tuple[int, Fault | None]:
        cursor = MemberCursor(Member(BASE, 50, content, WHOLE), FORM, 10)
        return cursor.measure_block(1, declared, lambda *_: closes)

    assert measure(b"#block\r\n", 3, True) == (4, None)
    assert measure(b"#block\r\n", 3, False) == (6, None)
    assert measure(b"#block\n", None, False) == (6, None)
    assert measure(b"#block\n#", 3, False) == (1, Fault("damaged_record", "misled by 3"))
    assert measure(b"#block\n#", None, False) == (1, Fault("damaged_record", "no length"))
    assert measure(b"#block", 9, True) == (
        1,
        Fault("truncated_record", "block has 5 bytes, said 9"),
    )
    assert measure(b"#" * 13, 11, True) == (
        1,
        Fault("too_large", "block of 11 bytes, limit 10"),
    )


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 120))
def test_reading_on_takes_no_more_members_than_needed(contents: list[bytes], index: int) -> None:
    members = [Member(BASE + i, 1, content, WHOLE) for i, content in enumerate(contents)]
    waiting = iter(members)
    cursor = MemberCursor(Member(BASE, 1, b"", WHOLE), FORM, 10, lambda: next(waiting, None))
    whole = b"".join(contents)
    assert cursor.hold_on(index) == (index <= len(whole))
    taken = len(members) - len(list(waiting))
    assert cursor.data == b"".join(contents[:taken])
    assert taken == len(members) or len(b"".join(contents[:taken])) >= index
    assert taken == 0 or len(b"".join(contents[: taken - 1])) < index
