"""One pass over the UTF-8 bytes of a document: words, lines and counts.

The scan moves by words and by single characters between words. All that it must know
stands in one array of int64, the *board*: first the counts of the document, as
`gristmill.cleaning.quality_signals` names them, then the state of the current line and
the running hashes. One plain array, because numba counts references to every array of
a tuple at every call: with tuples, that took three quarters of the time.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import line_facts, segments
from gristmill.cleaning.quality_signals import (
    BULLET_LINES,
    CHARS,
    CURLY_BRACKETS,
    DUPLICATE_LINE_CHARS,
    DUPLICATE_LINES,
    DUPLICATE_PARAGRAPH_CHARS,
    DUPLICATE_PARAGRAPHS,
    ELLIPSES,
    ELLIPSIS_LINES,
    HASHES,
    LETTER_WORDS,
    LINE_CHARS,
    LINES,
    LOREM_IPSUMS,
    PARAGRAPHS,
    PUNCTUATED_LINES,
    SENTENCES,
    SHORT_LINES,
    STOP_WORDS,
    TALLY_SIZE,
    WORDS,
    find_stop_word,
)
from gristmill.cleaning.repetition_signals import CountTable, Words, count_key
from gristmill.cleaning.segments import Bytes, ClassTable
from gristmill.schemas.tables import (
    LINE_BLANK,
    LINE_CURLY_BRACKET,
    LINE_ELLIPSIS,
    LINE_LONG_WORD,
    LINE_LOREM_IPSUM,
)

Board = npt.NDArray[np.int64]

# State of the current line. Positions in characters unless they say bytes.
_START_BYTE: Final = TALLY_SIZE + 0
_START_CHAR: Final = TALLY_SIZE + 1
_FIRST_BYTE: Final = TALLY_SIZE + 2  # first visible character; -1 while the line is blank
_FIRST_CHAR: Final = TALLY_SIZE + 3
_LAST_CHAR: Final = TALLY_SIZE + 4  # after the last visible character
_TOKEN_CHAR: Final = TALLY_SIZE + 5  # where the current run without whitespace begins
_FLAGS: Final = TALLY_SIZE + 6
_LINE_WORDS: Final = TALLY_SIZE + 7
_LINE_SENTENCES: Final = TALLY_SIZE + 8
_BOUNDARY: Final = TALLY_SIZE + 9
_AFTER_INITIAL: Final = TALLY_SIZE + 10
_CITATION_BYTE: Final = TALLY_SIZE + 11  # end of the last citation
_ELLIPSIS_BYTE: Final = TALLY_SIZE + 12  # end of the last "..."
_PARAGRAPH_CHARS: Final = TALLY_SIZE + 13
_PARAGRAPH_LINES: Final = TALLY_SIZE + 14
_LINE_INDEX: Final = TALLY_SIZE + 15
# Running hashes, uint64 by their bits.
_LINE_HASH: Final = TALLY_SIZE + 16
_STRIPPED_HASH: Final = TALLY_SIZE + 17  # of the line up to its last visible character
_PARAGRAPH_HASH: Final = TALLY_SIZE + 18
BOARD_SIZE: Final = TALLY_SIZE + 19

#: C4 (TFDS): a longer word drops its line. In characters.
_LONGEST_WORD: Final = 1000
#: FineWeb: lines up to this length are short. In characters.
_SHORT_LINE: Final = 30
_LARGEST_COUNT: Final = 0xFFFF
_PARAGRAPH_SALT: Final = np.uint64(0x9E3779B97F4A7C15)
_ELLIPSIS: Final = 0x2026


class LineColumns(NamedTuple):
    """Facts of every line of a batch, shape (lines,) each."""

    flags: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint16]
    sentences: npt.NDArray[np.uint16]


@numba.njit(cache=True, nogil=True)
def _append(board: Board, place: int, value: int) -> None:
    """Append a value to one of the running hashes."""
    state = segments.extend_hash(np.uint64(board[place]), np.uint64(value))
    board[place] = np.int64(state)


@numba.njit(cache=True, nogil=True)
def _open_line(board: Board, position: int) -> None:
    chars = board[CHARS]
    board[_START_BYTE] = position
    board[_START_CHAR] = chars
    board[_FIRST_BYTE] = -1
    board[_TOKEN_CHAR] = chars
    board[_FLAGS] = 0
    board[_LINE_WORDS] = 0
    board[_LINE_SENTENCES] = 0
    board[_BOUNDARY] = segments.INSIDE
    board[_AFTER_INITIAL] = 0
    board[_LINE_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True)
def _open_paragraph(board: Board) -> None:
    board[_PARAGRAPH_CHARS] = 0
    board[_PARAGRAPH_LINES] = 0
    board[_PARAGRAPH_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True)
def _add_visible(board: Board, position: int, value: int, chars: int) -> None:
    """Add a word or a visible character to the line."""
    if board[_FIRST_BYTE] < 0:
        board[_FIRST_BYTE] = position
        board[_FIRST_CHAR] = board[CHARS]
        board[_LINE_HASH] = np.int64(segments.start_hash())
    _append(board, _LINE_HASH, value)
    board[_STRIPPED_HASH] = board[_LINE_HASH]
    board[CHARS] += chars
    board[_LAST_CHAR] = board[CHARS]


@numba.njit(cache=True, nogil=True)
def _check_token(board: Board) -> None:
    """Note a run without whitespace that is too long; it ends here."""
    if board[CHARS] - board[_TOKEN_CHAR] > _LONGEST_WORD:
        board[_FLAGS] |= LINE_LONG_WORD


@numba.njit(cache=True, nogil=True)
def _close_paragraph(board: Board, table: CountTable) -> None:
    if board[_PARAGRAPH_LINES] > 0:
        board[PARAGRAPHS] += 1
        key = np.uint64(board[_PARAGRAPH_HASH]) ^ _PARAGRAPH_SALT
        if count_key(table, key)[1] > 0:
            board[DUPLICATE_PARAGRAPHS] += 1
            board[DUPLICATE_PARAGRAPH_CHARS] += board[_PARAGRAPH_CHARS]
        _open_paragraph(board)


@numba.njit(cache=True, nogil=True)
def _count_line(
    data: Bytes, end: int, classes: ClassTable, board: Board, table: CountTable
) -> None:
    """Add a line that is not blank to the counts and to its paragraph."""
    start, chars = board[_START_BYTE], board[_LAST_CHAR] - board[_FIRST_CHAR]
    board[_FLAGS] |= line_facts.judge_line_end(data, start, end, classes)
    board[LINES] += 1
    board[LINE_CHARS] += chars
    board[SENTENCES] += board[_LINE_SENTENCES]
    board[ELLIPSIS_LINES] += board[_FLAGS] & LINE_ELLIPSIS != 0
    board[BULLET_LINES] += line_facts.opens_with_bullet(data, board[_FIRST_BYTE], end)
    board[PUNCTUATED_LINES] += line_facts.ends_punctuated(data, start, end, classes)
    length = board[CHARS] - board[_START_CHAR]
    board[SHORT_LINES] += length <= _SHORT_LINE
    stripped = board[_STRIPPED_HASH]
    _, before = count_key(table, np.uint64(stripped))
    if before > 0:
        board[DUPLICATE_LINES] += 1
        board[DUPLICATE_LINE_CHARS] += chars
    board[_PARAGRAPH_LINES] += 1
    board[_PARAGRAPH_CHARS] += chars
    _append(board, _PARAGRAPH_HASH, stripped)


@numba.njit(cache=True, nogil=True)
def _close_line(
    data: Bytes,
    end: int,
    classes: ClassTable,
    board: Board,
    table: CountTable,
    columns: LineColumns,
) -> None:
    _check_token(board)
    if board[_FIRST_BYTE] < 0:
        board[_FLAGS] |= LINE_BLANK
        _close_paragraph(board, table)
    else:
        _count_line(data, end, classes, board, table)
    index = board[_LINE_INDEX]
    columns.flags[index] = board[_FLAGS]
    columns.words[index] = min(board[_LINE_WORDS], _LARGEST_COUNT)
    columns.sentences[index] = min(board[_LINE_SENTENCES], _LARGEST_COUNT)
    board[_LINE_INDEX] += 1


@numba.njit(cache=True, nogil=True)
def _add_word(data: Bytes, start: int, end: int, board: Board, first: int, seen: int) -> None:
    """Count the word at ``[start, end)``; `first` and `seen` are bits of its characters."""
    board[WORDS] += 1
    board[LETTER_WORDS] += seen & segments.LETTER != 0
    board[STOP_WORDS] |= find_stop_word(data, start, end)
    if start >= board[_CITATION_BYTE]:
        if board[_LINE_WORDS] == 0 or segments.opens_sentence(board[_BOUNDARY], first):
            board[_LINE_SENTENCES] += 1
        board[_BOUNDARY] = segments.INSIDE
        board[_LINE_WORDS] += 1
    if seen & segments.LETTER_J:
        board[_FLAGS] |= line_facts.find_javascript(data, start, end)


@numba.njit(cache=True, nogil=True)
def _note_phrase(data: Bytes, middle: int, end: int, board: Board) -> None:
    """Note the phrase whose first word ends at `middle`, if one does."""
    if line_facts.may_end_phrase(data[middle - 2], data[middle - 1]):
        found = line_facts.find_phrase(data, board[_START_BYTE], middle, end)
        board[_FLAGS] |= found
        board[LOREM_IPSUMS] += found == LINE_LOREM_IPSUM


@numba.njit(cache=True, nogil=True)
def _take_segment(
    data: Bytes,
    position: int,
    end: int,
    classes: ClassTable,
    board: Board,
    hashes: npt.NDArray[np.uint64],
    char_ends: npt.NDArray[np.int64],
) -> int:
    """Read the segment at `position`; returns the byte after it."""
    after, word_hash, chars, seen = segments.scan_word(data, position, end, classes)
    _add_visible(board, position, np.int64(word_hash), chars)
    board[_AFTER_INITIAL] = chars == 1 and seen & segments.LETTER != 0
    if seen & segments.ALNUM:
        count = board[WORDS]
        hashes[count] = word_hash
        char_ends[count + 1] = char_ends[count] + chars
        first, _ = segments.decode_character(data, position, end)
        _add_word(data, position, after, board, segments.classify_character(classes, first), seen)
        # No first word of a phrase is shorter than three bytes.
        if after - position > 2 and after < end and data[after] == ord(" "):
            _note_phrase(data, after, end, board)
    else:
        board[_BOUNDARY] = segments.next_boundary(board[_BOUNDARY], segments.KIND_JOINER, False)
    return after


@numba.njit(cache=True, nogil=True)
def _note_symbol(data: Bytes, position: int, end: int, code_point: int, board: Board) -> None:
    """Count the symbols that some rule looks at."""
    if code_point == ord("#"):
        board[HASHES] += 1
    elif code_point == ord("{"):
        board[CURLY_BRACKETS] += 1
        board[_FLAGS] |= LINE_CURLY_BRACKET
    elif code_point == ord("["):
        after = line_facts.citation_end(data, position, end)
        board[_CITATION_BYTE] = max(board[_CITATION_BYTE], after)
    elif code_point == _ELLIPSIS:
        board[ELLIPSES] += 1
    elif (
        code_point == ord(".")
        and position >= board[_ELLIPSIS_BYTE]
        and position + 2 < end
        and data[position + 1] == ord(".")
        and data[position + 2] == ord(".")
    ):
        board[ELLIPSES] += 1
        board[_ELLIPSIS_BYTE] = position + 3


@numba.njit(cache=True, nogil=True)
def _take_character(
    data: Bytes, position: int, end: int, code_point: int, bits: int, board: Board
) -> None:
    """Read one character that is part of no word and does not end the line."""
    if bits & segments.SPACE:
        _check_token(board)
        board[CHARS] += 1
        board[_TOKEN_CHAR] = board[CHARS]
        _append(board, _LINE_HASH, code_point)
    else:
        _add_visible(board, position, code_point, 1)
        if bits & segments.SYMBOL:
            _note_symbol(data, position, end, code_point, board)
    if position >= board[_CITATION_BYTE]:
        board[_BOUNDARY] = segments.next_boundary(
            board[_BOUNDARY], bits, board[_AFTER_INITIAL] != 0
        )
    board[_AFTER_INITIAL] = 0


@numba.njit(cache=True, nogil=True)
def scan_document(
    data: Bytes,
    bounds: tuple[int, int, int],
    classes: ClassTable,
    board: Board,
    words: Words,
    table: CountTable,
    columns: LineColumns,
) -> None:
    """Scan one document.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where the document begins and ends in `data`, and its first line's index.
        classes: see `gristmill.cleaning.segments.class_table`.
        board: shape (BOARD_SIZE,); gets the counts.
        words: gets the words.
        table: emptied, with room for two keys per line.
        columns: gets the facts of each line.
    """
    position, end, board[:] = bounds[0], bounds[1], 0
    board[_LINE_INDEX] = bounds[2]
    hashes, char_ends = words.hashes, words.char_ends
    _open_paragraph(board)
    _open_line(board, position)
    while position < end:
        code_point, width = segments.decode_character(data, position, end)
        bits = segments.classify_character(classes, code_point)
        kind = bits & segments.KIND_MASK
        if segments.KIND_LETTER <= kind <= segments.KIND_SINGLE:
            position = _take_segment(data, position, end, classes, board, hashes, char_ends)
        elif code_point == segments.NEWLINE:
            _close_line(data, position, classes, board, table, columns)
            board[CHARS] += 1
            position += 1
            _open_line(board, position)
        else:
            _take_character(data, position, end, code_point, bits, board)
            position += width
    _close_line(data, end, classes, board, table, columns)
    _close_paragraph(board, table)
