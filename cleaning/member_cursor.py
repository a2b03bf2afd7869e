"""A place among the decoded bytes of a member, which moves from record to record.

It knows neither WARC nor ARC: it is given what finds the next record, and what frames
the one at hand.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED, WHOLE
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged

#: Why a record is refused, by the state of a member that is not whole.
REASONS: Final = {BROKEN: "damaged_record", BOMB: "too_large", TRUNCATED: "truncated_record"}
_TRIM_BYTES: Final = 1 << 20
_SKIP_BYTES: Final = 4096
_Item = TypeVar("_Item")


class Fault(NamedTuple):
    """Why a record is refused; the first two fields of `Damaged`."""

    reason: str
    detail: str


class RecordForm(NamedTuple):
    """How records of one form are found, and what to say of the lengths they declare."""

    find_record: Callable[[bytes | bytearray, int], tuple[int, int]]  # as in `Dialect`
    line_ends: tuple[bytes, ...]  # that may end the last record of a member
    no_length: str
    length_is: str  # this and the next are formatted with the length
    length_misleads: str


class MemberCursor:
    """Reads a member, and those that follow if asked to, no further than is looked at.

    Attributes:
        data: the bytes at hand; indices are those of its bytes.
        index: of the first byte that is not framed yet.
    """

    def __init__(
        self,
        member: Member,
        form: RecordForm,
        max_block_bytes: int,
        follow: Callable[[], Member | None] = lambda: None,
    ) -> None:
        """Stand at the start of a member.

        Args:
            member: as `warc_members.scan_members` yields it.
            form: of its records.
            max_block_bytes: longest block to hold.
            follow: takes the next member of the file, if a record may go on in it.
        """
        self._stream = member.stream
        self.data = bytearray(member.content) if member.stream is not None else member.content
        self.index = 0
        self._member = member
        self._form = form
        self._max_block_bytes = max_block_bytes
        self._follow = follow
        self._followed: Member | None = None
        self._position = 0  # of the start of `data` among the decoded bytes
        self._mark = 0  # where among them the item begins that is being framed
        self._framed_any = False

    @property
    def state(self) -> str:
        """State of the member, as far as it has been read."""
        if self._stream is not None:
            return self._stream.state
        return WHOLE if self._followed is not None else self._member.state

    @property
    def _is_held(self) -> bool:
        """Say whether `data` is all there is of one member that was decoded in one go."""
        return self._stream is None and self._followed is None

    @property
    def _is_plain(self) -> bool:
        return self._stream is not None and self._stream.is_plain

    @property
    def _member_length(self) -> int:
        """Compressed bytes of the member and those that follow, as far as it has been read."""
        last = self._followed or self._member
        end = last.offset + last.length if self._stream is None else self._stream.end
        return end - self._member.offset

    def frame_all(
        self, frame_next: Callable[["MemberCursor", int], _Item], stop: int | None
    ) -> Iterator[_Item | Damaged]:
        """Yield items up to the end of the member, and damage if it holds nothing.

        Args:
            frame_next: gives the item that begins at an index, that of neither CR nor LF,
                and steps behind it.
            stop: offset of the first record to leave out, in a file that is not compressed.
        """
        base = self._member.offset
        limit = stop if self._is_plain else None
        while self.skip_line_ends() and (
            limit is None or base + self._position + self.index < limit
        ):
            self._trim(self.index)
            self._mark = self._position + self.index
            yield frame_next(self, self.index)
            self._framed_any = True
        if not self._framed_any and self.state in REASONS:
            detail = f"a {self.state} member of which nothing decodes"
            yield Damaged(REASONS[self.state], detail, base, self._member_length)

    def skip_line_ends(self) -> bool:
        """Step over CR and LF; False if the member ends with them."""
        while self.hold(self.index + 1):
            piece = self.data[self.index : self.index + _SKIP_BYTES]
            left = len(piece.lstrip(b"\r\n"))
            self.index += len(piece) - left
            if left:
                return True
        return False

    def hold(self, index: int) -> bool:
        """Read on until `data` reaches an index; False if the member ends before."""
        while len(self.data) < index:
            piece = self._stream.read() if self._stream is not None else b""
            if not piece:
                return False
            self.data += piece
        return True

    def hold_on(self, index: int) -> bool:
        """Read on as `hold` does, and into the members that follow."""
        while not self.hold(index):
            following = self._follow() if self.state == WHOLE else None
            if following is None:
                return False
            self._followed = following
            self._stream = following.stream
            if not isinstance(self.data, bytearray):
                self.data = bytearray(self.data)
            self.data += following.content
        return True

    def measure_block(
        self,
        start: int,
        declared: int | None,
        closes_record: Callable[["MemberCursor", int], bool],
    ) -> tuple[int, Fault | None]:
        """Find the end of a block, or say why it cannot be told.

        Args:
            start: index of the block.
            declared: its length in bytes as the record gives it, if it does.
            closes_record: says whether a record can end at an index.
        """
        form = self._form
        fault: Fault | None = Fault("damaged_record", form.no_length)
        if declared is not None:
            fault = self._hold_block(start, declared)
            if fault is not None:
                return start, fault
            if closes_record(self, start + declared):
                return start + declared, None
            fault = Fault("damaged_record", form.length_misleads.format(declared))
        if self._is_held and self.state == WHOLE and form.find_record(self.data, start)[0] < 0:
            # The member's own checksum proves more than a number in a record does.
            tail = next((ends for ends in form.line_ends if self.data.endswith(ends)), b"")
            return max(start, len(self.data) - len(tail)), None
        return start, fault

    def doubt_block(
        self, end: int, match_digest: Callable[[], bool | None] = lambda: None
    ) -> Fault | None:
        """Step behind a block; say why it may not be what was written, if it may not.

        Args:
            end: index of the first byte behind the block.
            match_digest: says whether the block has its digest; None if it gives none.
        """
        self.index = end
        last = not self.skip_line_ends()
        state = self.state
        if state == WHOLE and self._stream is None:
            return None
        if state in (TRUNCATED, BOMB) and last:
            return Fault(REASONS[state], "the member is cut behind this block")
        proof = match_digest()
        if proof is False:
            return Fault("damaged_record", "the block differs from its WARC-Block-Digest")
        if state == BROKEN and not proof:
            return Fault("damaged_record", "the member is broken and no digest proves this block")
        return None

    def find_next(self, index: int) -> int:
        """Find the next record from an index on; the end of the member if there is none."""
        while True:
            found, index = self._form.find_record(self.data, index)
            if found >= 0:
                return found
            index -= self._trim(index)
            if not self.hold(len(self.data) + 1):
                return len(self.data)

    def locate(self) -> tuple[int, int]:
        """Give offset and length of what lies between the item's start and the current byte."""
        ended = not self.skip_line_ends()
        end = self._position + self.index
        if self._framed_any or self._is_plain:
            return self._member.offset + self._mark, end - self._mark
        return self._member.offset, self._member_length if ended else end

    def skip_gap(self, index: int) -> Gap:
        """Step to an index; what lies before it belongs to no record."""
        self.index = index
        return Gap(*self.locate())

    def refuse(
        self,
        fault: Fault,
        resume: int,
        *,
        record_id: str | None = None,
        url: str | None = None,
        is_framed: bool = False,
    ) -> Damaged:
        """Step to the next record and describe what lies before it.

        Args:
            fault: what is wrong.
            resume: index from which to look for the next record.
            record_id: of the record refused.
            url: of the record refused.
            is_framed: say that its end is known.
        """
        alone = self._stream is None and self.state != WHOLE and not self._framed_any
        # A cut or broken member mostly holds one record: all of it is that record's.
        self.index = len(self.data) if alone and not is_framed else self.find_next(resume)
        return Damaged(*fault, *self.locate(), record_id, url)

    def _trim(self, index: int) -> int:
        """Forget the bytes before an index if they are worth the copy; returns how many."""
        # What is held whole is no bytearray.
        if not isinstance(self.data, bytearray) or index < _TRIM_BYTES:
            return 0
        del self.data[:index]
        self._position += index
        self.index -= index
        return index

    def _hold_block(self, start: int, declared: int) -> Fault | None:
        """Read on to the end of a block, or say why it cannot be had."""
        limit = self._max_block_bytes
        held = len(self.data) - start
        if declared > limit and (
            not self._is_held or declared <= held or self.hold_on(len(self.data) + 1)
        ):
            return Fault("too_large", f"block of {declared} bytes, limit {limit}")
        if declared > limit or not self.hold_on(start + declared):
            held = len(self.data) - start
            reason = REASONS.get(self.state, "truncated_record")
            return Fault(reason, f"block has {held} bytes, {self._form.length_is.format(declared)}")
        return None
