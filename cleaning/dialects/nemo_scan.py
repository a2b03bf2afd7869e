r"""One pass over a document as NeMo Curator's heuristics see it.

Words are those of ``split()``; lines that are not blank are its "sentences", compared
with the white space at their ends; paragraphs are what ``split("\n\n")`` gives, empty ones
too. What the scan knows stands on a board, one array of int64 (why: see
`gristmill.cleaning.scan_board`).
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects import nemo_traits, space_words
from gristmill.cleaning.dialects.nemo_phrases import (
    count_address_chars,
    find_phrase,
    matches_folded,
)
from gristmill.cleaning.dialects.space_words import TraitTable
from gristmill.cleaning.repetition_signals import CountTable, Words, count_key
from gristmill.cleaning.segments import Bytes, decode_character, extend_hash, start_hash

Board = npt.NDArray[np.int64]

# Counts of the document.
CHARS: Final = 0
WORDS: Final = 1
ALPHA_WORDS: Final = 2
SYMBOL_WORDS: Final = 3
STOP_WORDS: Final = 4
LONGEST_WORD: Final = 5
ADDRESS_CHARS: Final = 6
LINES: Final = 7  # that are not blank, as all that follow
LINE_CHARS: Final = 8
UNIQUE_LINES: Final = 9
UNIQUE_LINE_CHARS: Final = 10
BULLET_LINES: Final = 11
ELLIPSIS_LINES: Final = 12
UNPUNCTUATED_LINES: Final = 13
PARAGRAPHS: Final = 14
PARAGRAPH_CHARS: Final = 15
UNIQUE_PARAGRAPHS: Final = 16
UNIQUE_PARAGRAPH_CHARS: Final = 17
POLICY_PARAGRAPHS: Final = 18
LOREM_IPSUMS: Final = 19
# State of the current line and paragraph.
_LINE_START_BYTE: Final = 20
_LINE_START_CHAR: Final = 21
_LINE_HASH: Final = 22
_LINE_WORDS: Final = 23
_LAST_END_BYTE: Final = 24  # of the line's last word
_PARAGRAPH_START_CHAR: Final = 25
_PARAGRAPH_HASH: Final = 26
_HAS_POLICY: Final = 27
_AFTER_NEWLINE: Final = 28  # one newline waits: to be part of the paragraph, or to end it
BOARD_SIZE: Final = 29

_NEWLINE: Final = 10
_PARAGRAPH_SALT: Final = np.uint64(0x9E3779B97F4A7C15)
#: Words that are an ellipsis mark.
_ELLIPSES: Final = space_words.tabulate_words(
    ("...", "[...]", "\u2026", "(...)", "[\u2026]", "-\u00bb")
)
#: Ends of lines that are an ellipsis mark; the others end in one of these.
_DOTS, _BRACKETED = np.frombuffer(b"...", np.uint8), np.frombuffer(b"[...]", np.uint8)
_IN_PARENTHESES: Final = np.frombuffer(b"(...)", np.uint8)
_SIGN: Final = np.frombuffer("\u2026".encode(), np.uint8)
_BRACKETED_SIGN: Final = np.frombuffer("[\u2026]".encode(), np.uint8)
_ARROW: Final = np.frombuffer("-\u00bb".encode(), np.uint8)
_READ_MORE: Final = np.frombuffer(b"read more", np.uint8)
_READ_MORE_DOTS: Final = np.frombuffer(b"read more..", np.uint8)


class WordPlaces(NamedTuple):
    """Where each word begins and ends, in bytes: shape (w,) each, int64."""

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_hash_runs(data: Bytes, start: int, end: int) -> int:
    runs, inside = 0, False
    for position in range(start, end):
        is_hash = data[position] == ord("#")
        runs += is_hash and not inside
        inside = is_hash
    return runs


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_symbol(data: Bytes, start: int, end: int, facts: tuple[np.uint64, int, int]) -> bool:
    """Tell whether a word is an ellipsis mark, or has a run of # for less than two characters."""
    word_hash, chars, seen = facts
    found = False
    if seen & nemo_traits.HASH:
        found = 2 * _count_hash_runs(data, start, end) > chars
    return found or space_words.is_listed(word_hash, _ELLIPSES)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _extend(board: Board, place: int, value: np.uint64) -> None:
    board[place] = np.int64(extend_hash(np.uint64(board[place]), value))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _append(board: Board, value: np.uint64) -> None:
    """Add a word or a character other than a newline to the line and the paragraph."""
    if board[_AFTER_NEWLINE]:
        _extend(board, _PARAGRAPH_HASH, np.uint64(_NEWLINE))
        board[_AFTER_NEWLINE] = 0
    _extend(board, _LINE_HASH, value)
    _extend(board, _PARAGRAPH_HASH, value)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _open_line(board: Board, position: int) -> None:
    board[_LINE_START_BYTE] = position
    board[_LINE_START_CHAR] = board[CHARS]
    board[_LINE_WORDS] = 0
    board[_LINE_HASH] = np.int64(start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _open_paragraph(board: Board) -> None:
    board[_PARAGRAPH_START_CHAR] = board[CHARS]
    board[_PARAGRAPH_HASH] = np.int64(start_hash())
    board[_HAS_POLICY] = 0
    board[_AFTER_NEWLINE] = 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _ends_with(data: Bytes, start: int, end: int, mark: Bytes) -> bool:
    first = end - mark.size
    return first >= start and matches_folded(data, first, end, mark, mark.size) == end


@numba.njit(cache=True, nogil=True, _nrt=False)
def _ends_in_ellipsis(data: Bytes, start: int, end: int) -> bool:
    """Tell whether a line ends so; `end` is after its last word."""
    last, found = data[end - 1], False
    if last == ord("."):
        found = _ends_with(data, start, end, _DOTS) or _ends_with(data, start, end, _READ_MORE_DOTS)
    elif last == ord("]"):
        found = _ends_with(data, start, end, _BRACKETED) or _ends_with(
            data, start, end, _BRACKETED_SIGN
        )
    elif last == ord(")"):
        found = _ends_with(data, start, end, _IN_PARENTHESES)
    elif last == _SIGN[2]:
        found = _ends_with(data, start, end, _SIGN)
    elif last == _ARROW[2]:
        found = _ends_with(data, start, end, _ARROW)
    elif last | 32 == ord("e"):
        found = _ends_with(data, start, end, _READ_MORE)
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _close_line(data: Bytes, board: Board, table: CountTable) -> None:
    """Count the line that ends here, if it is not blank."""
    if board[_LINE_WORDS] == 0:
        return
    chars, end = board[CHARS] - board[_LINE_START_CHAR], board[_LAST_END_BYTE]
    last = data[end - 1]
    ended = last == ord(".") or last == ord("?") or last == ord("!")
    ended = ended or last == ord('"') or last == ord("'")
    _, before = count_key(table, np.uint64(board[_LINE_HASH]))
    board[LINES] += 1
    board[LINE_CHARS] += chars
    board[UNIQUE_LINES] += before == 0
    board[UNIQUE_LINE_CHARS] += chars if before == 0 else 0
    board[UNPUNCTUATED_LINES] += not ended
    board[ELLIPSIS_LINES] += _ends_in_ellipsis(data, board[_LINE_START_BYTE], end)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _close_paragraph(board: Board, table: CountTable) -> None:
    """Count the paragraph that ends here; a newline that waits is not part of it."""
    chars = board[CHARS] - board[_PARAGRAPH_START_CHAR] - board[_AFTER_NEWLINE]
    _, before = count_key(table, np.uint64(board[_PARAGRAPH_HASH]) ^ _PARAGRAPH_SALT)
    board[PARAGRAPHS] += 1
    board[PARAGRAPH_CHARS] += chars
    board[UNIQUE_PARAGRAPHS] += before == 0
    board[UNIQUE_PARAGRAPH_CHARS] += chars if before == 0 else 0
    board[POLICY_PARAGRAPHS] += board[_HAS_POLICY]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_word(
    data: Bytes,
    bounds: tuple[int, int, int],
    traits: TraitTable,
    board: Board,
    hashes: npt.NDArray[np.uint64],
    char_ends: npt.NDArray[np.int64],
) -> int:
    """Read the word at the middle of (start, position, end); returns the byte after it."""
    start, position, end = bounds
    after: int
    after, word_hash, chars, seen = space_words.scan_space_word(data, position, end, traits)
    count = board[WORDS]
    hashes[count] = word_hash
    char_ends[count + 1] = char_ends[count] + chars
    board[WORDS] = count + 1
    board[CHARS] += chars
    board[LONGEST_WORD] = max(board[LONGEST_WORD], chars)
    board[ALPHA_WORDS] += seen & nemo_traits.ALPHABETIC != 0
    board[SYMBOL_WORDS] += _is_symbol(data, position, after, (word_hash, chars, seen))
    board[STOP_WORDS] += space_words.is_stop_word(word_hash)
    if seen & nemo_traits.COLON:
        board[ADDRESS_CHARS] += count_address_chars(data, position, after)
    phrase = find_phrase(data, start, after, end)
    board[LOREM_IPSUMS] += phrase == 2
    board[_HAS_POLICY] |= phrase == 1
    _append(board, word_hash)
    board[_LINE_WORDS] += 1
    board[_LAST_END_BYTE] = after
    return after


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_newline(data: Bytes, position: int, board: Board, table: CountTable) -> None:
    """Read a newline: it ends a line, and with one right before it a paragraph."""
    _close_line(data, board, table)
    ends_paragraph = board[_AFTER_NEWLINE] != 0
    if ends_paragraph:
        _close_paragraph(board, table)
    board[CHARS] += 1
    _open_line(board, position + 1)
    if ends_paragraph:
        _open_paragraph(board)
    else:
        board[_AFTER_NEWLINE] = 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def scan_document(
    data: Bytes,
    bounds: tuple[int, int],
    traits: TraitTable,
    board: Board,
    words: Words,
    places: WordPlaces,
    table: CountTable,
) -> None:
    """Scan one document.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where the document begins and ends in `data`.
        traits: see `nemo_traits.nemo_traits`.
        board: shape (BOARD_SIZE,); gets the counts.
        words: gets the words.
        places: gets where they stand.
        table: emptied, with room for two keys per line.
    """
    start, end = bounds
    position, board[:] = start, 0
    hashes, char_ends = words.hashes, words.char_ends
    starts, ends = places.starts, places.ends
    _open_line(board, position)
    _open_paragraph(board)
    while position < end:
        code_point, width = decode_character(data, position, end)
        bits = space_words.look_up(traits, code_point)
        if bits & space_words.SPACE == 0:
            board[BULLET_LINES] += board[_LINE_WORDS] == 0 and bits & nemo_traits.BULLET != 0
            starts[board[WORDS]] = position
            position = _take_word(data, (start, position, end), traits, board, hashes, char_ends)
            ends[board[WORDS] - 1] = position
        elif code_point == _NEWLINE:
            _take_newline(data, position, board, table)
            position += 1
        else:
            _append(board, np.uint64(code_point))
            board[CHARS] += 1
            position += width
    _close_line(data, board, table)
    if board[_AFTER_NEWLINE]:
        _extend(board, _PARAGRAPH_HASH, np.uint64(_NEWLINE))
        board[_AFTER_NEWLINE] = 0
    _close_paragraph(board, table)


# kernels of: 6e23e0ff46ff9c45
