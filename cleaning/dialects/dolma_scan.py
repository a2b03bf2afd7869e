"""One pass over a document as Dolma's taggers see it: words of ``split()``, raw lines.

Everything that the scan knows stands on a board, one array of int64 (why: see
`gristmill.cleaning.scan_board`). Lines are split at a newline alone and compared as
they stand; blank ones count.
"""

import functools
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects import space_words
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
LINES: Final = 5
BULLET_LINES: Final = 6
ELLIPSIS_LINES: Final = 7
DUPLICATE_LINES: Final = 8
DUPLICATE_LINE_CHARS: Final = 9
FILLED_LINES: Final = 10  # lines of one character or more, be it a space
DUPLICATE_FILLED_LINES: Final = 11
UNPUNCTUATED_LINES: Final = 12
FEW_WORD_LINES: Final = 13
GOOD_LINES: Final = 14  # lines with an end mark and words enough
GOOD_CHARS: Final = 15
CURLY_WORDS: Final = 16
LOREM_IPSUMS: Final = 17
JAVASCRIPT_WORDS: Final = 18
JAVASCRIPTS: Final = 19  # words that contain it
# State of the current line.
_LINE_START_BYTE: Final = 20
_LINE_START_CHAR: Final = 21
_LINE_WORDS: Final = 22
_LAST_BYTE: Final = 23  # of the line's last word
_LINE_HASH: Final = 24
#: How many words have each length; the last of these places stands for all longer ones.
LENGTHS: Final = 25
LONGEST_LENGTH: Final = 64
BOARD_SIZE: Final = LENGTHS + LONGEST_LENGTH + 1

_SYMBOL: Final = space_words.FIRST_FREE
_CURLY: Final = space_words.FIRST_FREE << 1
_LETTER_J: Final = space_words.FIRST_FREE << 2
_NEWLINE, _BLANK = ord("\n"), ord(" ")
_JAVASCRIPT: Final = np.frombuffer(b"javascript", np.uint8)
_LOREM: Final = np.frombuffer(b"lorem", np.uint8)
_IPSUM: Final = np.frombuffer(b" ipsum", np.uint8)
#: Dolma's copy of C4's rule: lines with fewer words are tagged.
_FEWEST_WORDS: Final = 3


@functools.cache
def dolma_traits() -> TraitTable:
    """Tabulate the characters that Dolma's taggers look for; see `space_words.trait_table`."""
    return space_words.trait_table({_SYMBOL: "#\u2026", _CURLY: "{", _LETTER_J: "jJ"})


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _matches(data: Bytes, start: int, end: int, phrase: Bytes) -> bool:
    """Compare ``data[start:end]`` with a phrase of lower case, ignoring ASCII case."""
    same, offset = end - start >= phrase.size, 0
    while same and offset < phrase.size:
        byte = data[start + offset]
        upper = ord("A") <= byte <= ord("Z")
        same = (byte | 32 if upper else byte) == phrase[offset]
        offset += 1
    return same


@numba.njit(cache=True, nogil=True, _nrt=False)
def _note_javascript(data: Bytes, start: int, end: int, board: Board) -> None:
    """Note a word that is "javascript" or contains it."""
    found = False
    for position in range(start, end - _JAVASCRIPT.size + 1):
        found |= _matches(data, position, end, _JAVASCRIPT)
    board[JAVASCRIPTS] += found
    board[JAVASCRIPT_WORDS] += found and end - start == _JAVASCRIPT.size


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_lorem_ipsum(data: Bytes, start: int, after: int, end: int, board: Board) -> None:
    """Note "lorem ipsum" where the word at ``[start, after)`` ends in "lorem"."""
    middle = after - _LOREM.size
    found = middle >= start and after < end and data[after] == _BLANK
    if found:
        found = data[after - 1] | 32 == ord("m") and _matches(data, middle, after, _LOREM)
    if found:
        found = _matches(data, after, end, _IPSUM)
    board[LOREM_IPSUMS] += found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_word(
    data: Bytes,
    position: int,
    end: int,
    traits: TraitTable,
    board: Board,
    hashes: npt.NDArray[np.uint64],
    char_ends: npt.NDArray[np.int64],
) -> int:
    """Read the word at `position`; returns the byte after it."""
    after: int
    after, word_hash, chars, seen = space_words.scan_space_word(data, position, end, traits)
    count = board[WORDS]
    hashes[count] = word_hash
    char_ends[count + 1] = char_ends[count] + chars
    board[WORDS] = count + 1
    board[CHARS] += chars
    board[LENGTHS + min(chars, LONGEST_LENGTH)] += 1
    board[ALPHA_WORDS] += seen & space_words.ALPHA != 0
    board[SYMBOL_WORDS] += seen & _SYMBOL != 0
    board[CURLY_WORDS] += seen & _CURLY != 0
    board[STOP_WORDS] += space_words.is_stop_word(word_hash)
    board[_LINE_WORDS] += 1
    board[_LAST_BYTE] = data[after - 1]
    board[_LINE_HASH] = np.int64(extend_hash(np.uint64(board[_LINE_HASH]), word_hash))
    if seen & _LETTER_J:
        _note_javascript(data, position, after, board)
    _note_lorem_ipsum(data, position, after, end, board)
    return after


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _open_line(board: Board, position: int) -> None:
    board[_LINE_START_BYTE] = position
    board[_LINE_START_CHAR] = board[CHARS]
    board[_LINE_WORDS] = 0
    board[_LAST_BYTE] = 0
    board[_LINE_HASH] = np.int64(start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _judge_line(board: Board, with_newline: bool) -> None:
    """Tag the line as the C4 tagger does; count what its removal would leave."""
    mark = board[_LAST_BYTE]
    ended = mark == ord(".") or mark == ord("?") or mark == ord("!") or mark == ord('"')
    few = board[_LINE_WORDS] < _FEWEST_WORDS
    board[UNPUNCTUATED_LINES] += not ended
    board[FEW_WORD_LINES] += few
    if ended and not few:
        board[GOOD_LINES] += 1
        board[GOOD_CHARS] += board[CHARS] - board[_LINE_START_CHAR] + with_newline


@numba.njit(cache=True, nogil=True, _nrt=False)
def _close_line(data: Bytes, end: int, with_newline: bool, board: Board, table: CountTable) -> None:
    """Count the line that ends before byte `end`."""
    start = board[_LINE_START_BYTE]
    chars = board[CHARS] - board[_LINE_START_CHAR]
    filled = end > start
    if filled:
        board[BULLET_LINES] += data[start] == ord("*") or data[start] == ord("-")
    if end - start >= 3:
        board[ELLIPSIS_LINES] += (
            data[end - 3] == 0xE2 and data[end - 2] == 0x80 and data[end - 1] == 0xA6
        )
    _judge_line(board, with_newline)
    _, before = count_key(table, np.uint64(board[_LINE_HASH]))
    # All copies count: with the second, the first does too.
    copies = 2 if before == 1 else np.int64(before > 1)
    board[LINES] += 1
    board[FILLED_LINES] += filled
    board[DUPLICATE_LINES] += copies
    board[DUPLICATE_LINE_CHARS] += copies * chars
    board[DUPLICATE_FILLED_LINES] += copies if filled else 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def scan_document(
    data: Bytes,
    start: int,
    end: int,
    traits: TraitTable,
    board: Board,
    words: Words,
    table: CountTable,
) -> None:
    """Scan one document.

    Args:
        data: UTF-8 bytes of the batch.
        start: where the document begins in `data`.
        end: where it ends.
        traits: see `dolma_traits`.
        board: shape (BOARD_SIZE,); gets the counts. `CHARS` includes white space.
        words: gets the words.
        table: emptied, with room for every line.
    """
    position, board[:] = start, 0
    hashes, char_ends = words.hashes, words.char_ends
    _open_line(board, position)
    while position < end:
        code_point, width = decode_character(data, position, end)
        if space_words.look_up(traits, code_point) & space_words.SPACE == 0:
            position = _take_word(data, position, end, traits, board, hashes, char_ends)
        elif code_point == _NEWLINE:
            _close_line(data, position, True, board, table)
            board[CHARS] += 1
            position += 1
            _open_line(board, position)
        else:
            board[_LINE_HASH] = np.int64(
                extend_hash(np.uint64(board[_LINE_HASH]), np.uint64(code_point))
            )
            board[CHARS] += 1
            position += width
    _close_line(data, end, False, board, table)


# kernels of: 50c2e3036e1fb62b
