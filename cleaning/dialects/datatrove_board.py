"""What is known of one document, by place on one array: its counts, and its current line.

One array of int64, as `gristmill.cleaning.scan_board` explains. Characters are code points.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Board = npt.NDArray[np.int64]

# Of the text.
CHARS: Final = 0
NEWLINES: Final = 1
HASHES: Final = 2
ELLIPSES: Final = 3
# Of the lines that `str.splitlines` gives: Gopher's.
SPLIT_LINES: Final = 4
BULLET_LINES: Final = 5
ELLIPSIS_LINES: Final = 6
# Of the pieces between newlines; those that are not blank are FineWeb's lines.
PIECES: Final = 7
DUPLICATE_PIECES: Final = 8
DUPLICATE_PIECE_CHARS: Final = 9
LINES: Final = 10
PUNCTUATED_LINES: Final = 11
SHORT_LINES: Final = 12
DUPLICATE_LINE_CHARS: Final = 13
PARAGRAPHS: Final = 14
DUPLICATE_PARAGRAPHS: Final = 15
DUPLICATE_PARAGRAPH_CHARS: Final = 16
LONGEST_LINES: Final = 17  # the three longest of ``text.split("\n")``, longest first
# Of C4's lines: with a terminal mark, then with any end.
STRICT: Final = 20
LOOSE: Final = 23
SENTENCES: Final = 0  # in the lines that stay
LOREM_LINES: Final = 1
BRACKET_LINES: Final = 2
# Of the words.
WORDS: Final = 26
NAMED_WORDS: Final = 27  # those that are not symbols alone
NAMED_CHARS: Final = 28
LETTER_WORDS: Final = 29
STOP_WORDS: Final = 30  # one bit per stop word

# What has been cut so far.
TAPE_CHARS: Final = 31  # characters on the tape
TOKENS: Final = 32
# Of the current line; `RUNS` to `LINE_BITS` and the two after them are set anew for each.
FIRST_TOKEN: Final = 33  # tokens before it
RUNS: Final = 34
LONGEST_RUN: Final = 35
LAST_RUN: Final = 36  # where the last run begins on the tape
FIRST_BYTE: Final = 37  # of what is not white space
LAST_BYTE: Final = 38  # after it
LINE_BITS: Final = 39  # union of the bits of its characters
HAS_PHRASE: Final = 40  # whether an exception stands among the tokens of the row
HAS_ENDING: Final = 41  # whether a run may open one of C4's phrases
ENDS_APART: Final = 42  # whether white space that is a token ends it
ROW: Final = 43  # first token after the last white space that is a token

BOARD_SIZE: Final = 44
