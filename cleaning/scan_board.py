"""The board: one array of int64 that holds all that the scan of a document knows.

First the counts of the document, then the state of the current line, sentence and
paragraph, then running hashes (uint64 by their bits), then characters by what they are
counted as. Positions are in characters unless they say bytes.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import TALLIES

Board = npt.NDArray[np.int64]

# Counts of the document.
CHARS: Final = 0
WORDS: Final = 1
LETTER_WORDS: Final = 2
STOP_WORDS: Final = 3  # one bit per stop word
STOP_WORD_COUNT: Final = 4  # in any ASCII case
ALL_CAPS_WORDS: Final = 5
HASHES: Final = 6
ELLIPSES: Final = 7
URLS: Final = 8
URL_CHARS: Final = 9
WHITESPACE: Final = 10
LONG_WORDS: Final = 11
SENTENCES: Final = 12
ODD_LENGTH_SENTENCES: Final = 13  # short or long
LIST_CASE_SENTENCES: Final = 14
TECHNICAL_SENTENCES: Final = 15
LINES: Final = 16
LINE_CHARS: Final = 17
LONGEST_LINE: Final = 18
BULLET_LINES: Final = 19
ELLIPSIS_LINES: Final = 20
PUNCTUATED_LINES: Final = 21
TERMINAL_LINES: Final = 22
NUMERIC_LINES: Final = 23
JAVASCRIPT_LINES: Final = 24
POLICY_LINES: Final = 25
SHORT_LINES: Final = 26
DUPLICATE_LINES: Final = 27
DUPLICATE_LINE_CHARS: Final = 28
PARAGRAPHS: Final = 29
DUPLICATE_PARAGRAPHS: Final = 30
DUPLICATE_PARAGRAPH_CHARS: Final = 31
LOREM_IPSUMS: Final = 32
CURLY_BRACKETS: Final = 33

# State of the current line, sentence and paragraph.
LINE_START_BYTE: Final = 34
LINE_START_CHAR: Final = 35
LINE_FIRST_BYTE: Final = 36  # first visible character; -1 while the line is blank
LINE_FIRST_CHAR: Final = 37
LINE_LAST_CHAR: Final = 38  # after the last visible character
LINE_START_DIGITS: Final = 39  # digits before the line
LINE_TRAITS: Final = 40  # union of the bits of its words
TOKEN_START_CHAR: Final = 41  # where the current run without whitespace begins
URL_START_CHAR: Final = 42  # -1 outside a URL
LINE_FLAGS: Final = 43
LINE_WORDS: Final = 44
LINE_SENTENCES: Final = 45
SENTENCE_BOUNDARY: Final = 46
SENTENCE_START_CHAR: Final = 47
SENTENCE_START_TECHNICAL: Final = 48  # technical characters before the sentence
SENTENCE_WORDS: Final = 49
SENTENCE_CAPITALS: Final = 50  # words that open in upper case
AFTER_INITIAL: Final = 51
CITATION_END_BYTE: Final = 52  # end of the last citation
ELLIPSIS_END_BYTE: Final = 53  # end of the last "..."
PARAGRAPH_CHARS: Final = 54
PARAGRAPH_LINES: Final = 55
LINE_INDEX: Final = 56
HAS_ENDING: Final = 57  # a word that may open a phrase
WORD_END_INDEX: Final = 58  # of the next word that a dictionary ends

# Running hashes.
LINE_HASH: Final = 59
STRIPPED_HASH: Final = 60  # of the line up to its last visible character
PARAGRAPH_HASH: Final = 61

# Characters by tally: see `gristmill.cleaning.character_classes`.
TALLY: Final = 62

BOARD_SIZE: Final = TALLY + TALLIES
