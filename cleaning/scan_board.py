"""The board: one array of int64 that holds all that the scan of a document knows.

First the counts of the document, then the state of the current line and paragraph,
then running hashes (uint64 by their bits). One plain array instead of a record of
several, because numba counts references to every array of a tuple at every call:
that took three quarters of the time. Positions are in characters unless they say bytes.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Board = npt.NDArray[np.int64]

# Counts of the document.
CHARS: Final = 0
WORDS: Final = 1
LETTER_WORDS: Final = 2
STOP_WORDS: Final = 3  # one bit per stop word
HASHES: Final = 4
ELLIPSES: Final = 5
SENTENCES: Final = 6
LINES: Final = 7
LINE_CHARS: Final = 8
BULLET_LINES: Final = 9
ELLIPSIS_LINES: Final = 10
PUNCTUATED_LINES: Final = 11
SHORT_LINES: Final = 12
DUPLICATE_LINES: Final = 13
DUPLICATE_LINE_CHARS: Final = 14
PARAGRAPHS: Final = 15
DUPLICATE_PARAGRAPHS: Final = 16
DUPLICATE_PARAGRAPH_CHARS: Final = 17
LOREM_IPSUMS: Final = 18
CURLY_BRACKETS: Final = 19

# State of the current line and paragraph.
LINE_START_BYTE: Final = 20
LINE_START_CHAR: Final = 21
LINE_FIRST_BYTE: Final = 22  # first visible character; -1 while the line is blank
LINE_FIRST_CHAR: Final = 23
LINE_LAST_CHAR: Final = 24  # after the last visible character
TOKEN_START_CHAR: Final = 25  # where the current run without whitespace begins
LINE_FLAGS: Final = 26
LINE_WORDS: Final = 27
LINE_SENTENCES: Final = 28
SENTENCE_BOUNDARY: Final = 29
AFTER_INITIAL: Final = 30
CITATION_END_BYTE: Final = 31  # end of the last citation
ELLIPSIS_END_BYTE: Final = 32  # end of the last "..."
PARAGRAPH_CHARS: Final = 33
PARAGRAPH_LINES: Final = 34
LINE_INDEX: Final = 35
HAS_LETTER_J: Final = 36
HAS_ENDING: Final = 37  # a word that may open a phrase

# Running hashes.
LINE_HASH: Final = 38
STRIPPED_HASH: Final = 39  # of the line up to its last visible character
PARAGRAPH_HASH: Final = 40

BOARD_SIZE: Final = 41
