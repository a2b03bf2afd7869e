"""One pass over the UTF-8 bytes of a document: words, lines and counts.

The scan moves by words and by single characters between words; what it knows stands
on the board (`gristmill.cleaning.scan_board`).
"""

from typing import Final, NamedTuple

import numba
import numpy as np

from gristmill.cleaning import character_classes as traits
from gristmill.cleaning import line_facts, line_scan, segments, sentence_scan
from gristmill.cleaning import scan_board as at
from gristmill.cleaning.character_classes import ClassTable
from gristmill.cleaning.line_scan import LineColumns
from gristmill.cleaning.quality_signals import add_stop_word
from gristmill.cleaning.repetition_signals import CountTable, Words
from gristmill.cleaning.scan_board import Board
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.word_boundaries import Places
from gristmill.schemas.tables import LINE_CURLY_BRACKET

_ELLIPSIS: Final = 0x2026


class Lookups(NamedTuple):
    """What the scan of a batch looks up.

    `classes` see `gristmill.cleaning.character_classes.class_table`; `word_ends` see
    `gristmill.cleaning.word_boundaries.find_word_ends`.
    """

    classes: ClassTable
    word_ends: Places


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _add_tally(board: Board, bits: int) -> None:
    """Count a character as what it is counted as."""
    board[at.TALLY + (bits >> traits.TALLY_SHIFT & traits.TALLY_MASK)] += 1


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _tally_span(data: Bytes, start: int, end: int, classes: ClassTable, board: Board) -> None:
    """Count the characters of a segment that has some to count."""
    position = start
    while position < end:
        code_point, width = segments.decode_character(data, position, end)
        _add_tally(board, segments.classify_character(classes, code_point))
        position += width


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _add_word(board: Board, seen: int) -> None:
    """Count a word; `seen` is the union of the bits of its characters."""
    board[at.WORDS] += 1
    board[at.LETTER_WORDS] += seen & traits.LETTER != 0
    board[at.ALL_CAPS_WORDS] += seen & (traits.UPPER | traits.LOWER) == traits.UPPER
    board[at.LINE_TRAITS] |= seen


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _known_end(board: Board, bits: int, word_ends: Places) -> int:
    """Give the end of the word that begins with a character, if a dictionary knows it; or 0.

    The words of a dictionary come in order, so that the next end is always theirs.
    """
    known_end = 0
    if bits & traits.DICTIONARY:
        known_end = word_ends[board[at.WORD_END_INDEX]]
        board[at.WORD_END_INDEX] += 1
    return known_end


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_segment(
    data: Bytes,
    position: int,
    end: int,
    lookups: Lookups,
    board: Board,
    words: Words,
) -> int:
    """Read the segment at `position`; returns the byte after it."""
    classes = lookups.classes
    first_point, _ = segments.decode_character(data, position, end)
    first = segments.classify_character(classes, first_point)
    known_end = _known_end(board, first, lookups.word_ends)
    after: int
    after, word_hash, chars, seen = segments.scan_segment(data, position, end, classes, known_end)
    start_char, last_char = board[at.CHARS], board[at.LINE_LAST_CHAR]
    line_scan.add_visible(board, position, np.int64(word_hash), chars)
    board[at.AFTER_INITIAL] = chars == 1 and seen & traits.LETTER != 0
    add_stop_word(data, position, after, board)
    board[at.HAS_ENDING] |= line_facts.is_phrase_ending(data, after)
    # A run of joiners writes a word too; the next word overwrites it.
    count = board[at.WORDS]
    words.hashes[count] = word_hash
    words.char_ends[count + 1] = words.char_ends[count] + chars
    if seen & traits.ALNUM:
        _add_word(board, seen)
        if position >= board[at.CITATION_END_BYTE]:
            sentence_scan.add_word(board, start_char, last_char, first)
    else:
        board[at.SENTENCE_BOUNDARY] = segments.next_boundary(
            board[at.SENTENCE_BOUNDARY], traits.KIND_JOINER, False
        )
    if seen & traits.TALLIED:
        _tally_span(data, position, after, classes, board)
    return after


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_symbol(data: Bytes, position: int, end: int, code_point: int, board: Board) -> None:
    """Count the symbols that some rule looks at."""
    if code_point == ord("#"):
        board[at.HASHES] += 1
    elif code_point == ord("{"):
        board[at.CURLY_BRACKETS] += 1
        board[at.LINE_FLAGS] |= LINE_CURLY_BRACKET
    elif code_point == ord("["):
        after = line_facts.citation_end(data, position, end)
        board[at.CITATION_END_BYTE] = max(board[at.CITATION_END_BYTE], after)
    elif code_point == _ELLIPSIS:
        board[at.ELLIPSES] += 1
    elif code_point == ord(":"):
        line_scan.open_url(data, position, end, board)
    elif (
        code_point == ord(".")
        and position >= board[at.ELLIPSIS_END_BYTE]
        and position + 2 < end
        and data[position + 1] == ord(".")
        and data[position + 2] == ord(".")
    ):
        board[at.ELLIPSES] += 1
        board[at.ELLIPSIS_END_BYTE] = position + 3


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_character(
    data: Bytes, position: int, end: int, code_point: int, bits: int, board: Board
) -> None:
    """Read one character that is part of no word and does not end the line."""
    if bits & traits.SPACE:
        line_scan.close_token(board)
        board[at.WHITESPACE] += 1
        board[at.CHARS] += 1
        board[at.TOKEN_START_CHAR] = board[at.CHARS]
        line_scan.append(board, at.LINE_HASH, code_point)
    else:
        line_scan.add_visible(board, position, code_point, 1)
        _add_tally(board, bits)
        if bits & traits.SYMBOL:
            _note_symbol(data, position, end, code_point, board)
    if position >= board[at.CITATION_END_BYTE]:
        board[at.SENTENCE_BOUNDARY] = segments.next_boundary(
            board[at.SENTENCE_BOUNDARY], bits, board[at.AFTER_INITIAL] != 0
        )
    board[at.AFTER_INITIAL] = 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def scan_document(
    data: Bytes,
    bounds: tuple[int, int, int],
    lookups: Lookups,
    board: Board,
    words: Words,
    table: CountTable,
    columns: LineColumns,
) -> None:
    """Scan one document.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where the document begins and ends in `data`, and its first line's index.
        lookups: of the batch.
        board: shape (BOARD_SIZE,); gets the counts.
        words: gets the words.
        table: emptied, with room for two keys per line.
        columns: gets the facts of each line.
    """
    position, end, board[:] = bounds[0], bounds[1], 0
    board[at.LINE_INDEX] = bounds[2]
    board[at.WORD_END_INDEX] = np.searchsorted(lookups.word_ends, position, "right")
    classes = lookups.classes
    line_scan.open_paragraph(board)
    line_scan.open_line(board, position)
    while position < end:
        code_point, width = segments.decode_character(data, position, end)
        bits = segments.classify_character(classes, code_point)
        kind = bits & traits.KIND_MASK
        if traits.KIND_LETTER <= kind <= traits.KIND_SINGLE:
            position = _take_segment(data, position, end, lookups, board, words)
        elif code_point == segments.NEWLINE:
            line_scan.close_line(data, position, classes, board, table, columns)
            board[at.WHITESPACE] += 1
            board[at.CHARS] += 1
            position += 1
            line_scan.open_line(board, position)
        else:
            _take_character(data, position, end, code_point, bits, board)
            position += width
    line_scan.close_line(data, end, classes, board, table, columns)
    line_scan.close_paragraph(board, table)


# kernels of: 05947bc551183e19
