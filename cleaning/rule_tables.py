"""Published thresholds, transcribed: one table per paper, by name.

A plain name is gristmill's reference reading of the paper; a reading of another
implementation carries its name after ``@``. Which words and lines are counted is part
of a reading: see `gristmill.cleaning.segments` and the `*_signals` modules.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gristmill.cleaning.bounds import Bound

# Rae et al. 2021, arXiv:2112.11446, appendix A, "Quality Filtering". Hash and ellipsis
# ratios are bounded apart, and stop words must be distinct (as in datatrove).
_GOPHER_QUALITY: Final = (
    Bound("word_count", min=50, max=100_000),
    Bound("mean_word_length", min=3, max=10),
    Bound("hash_to_word_ratio", max=0.1),
    Bound("ellipsis_to_word_ratio", max=0.1),
    Bound("bullet_line_fraction", max=0.9),
    Bound("ellipsis_line_fraction", max=0.3),
    Bound("alphabetic_word_fraction", min=0.8),
    Bound("distinct_stop_words", min=2),
)

# Rae et al. 2021, arXiv:2112.11446, table A1.
_GOPHER_REPETITION: Final = (
    Bound("duplicate_line_fraction", max=0.30),
    Bound("duplicate_paragraph_fraction", max=0.30),
    Bound("duplicate_line_char_fraction", max=0.20),
    Bound("duplicate_paragraph_char_fraction", max=0.20),
    Bound("top_2gram_char_fraction", max=0.20),
    Bound("top_3gram_char_fraction", max=0.18),
    Bound("top_4gram_char_fraction", max=0.16),
    Bound("duplicate_5gram_char_fraction", max=0.15),
    Bound("duplicate_6gram_char_fraction", max=0.14),
    Bound("duplicate_7gram_char_fraction", max=0.13),
    Bound("duplicate_8gram_char_fraction", max=0.12),
    Bound("duplicate_9gram_char_fraction", max=0.11),
    Bound("duplicate_10gram_char_fraction", max=0.10),
)

#: Table A1's limits on n-grams, which every reading of it has.
GOPHER_NGRAMS: Final = tuple(bound for bound in _GOPHER_REPETITION if "gram_" in bound.metric)

# Penedo et al. 2024, arXiv:2406.17557, section 3.6; the newline ratio is in the code only.
_FINEWEB: Final = (
    Bound("punctuated_line_fraction", min=0.12),
    Bound("short_line_fraction", max=0.67),
    Bound("duplicate_line_char_fraction", max=0.1),
    Bound("newline_to_word_ratio", max=0.3),
)

# The same, with the value that the code ran with (appendix E.4, table 2).
_FINEWEB_CODE: Final = (
    Bound("punctuated_line_fraction", min=0.12),
    Bound("short_line_fraction", max=0.67),
    Bound("duplicate_line_char_fraction", max=0.01),
    Bound("newline_to_word_ratio", max=0.3),
)

# Penedo et al. 2025, arXiv:2506.20920: FineWeb2. Each language has limits of its own for
# most of these (preset `fineweb2`); paragraphs, short lines and C4's rules are left out.
_FINEWEB2: Final = (
    Bound("duplicate_line_fraction", max=0.30),
    *GOPHER_NGRAMS,
    Bound("punctuated_line_fraction", min=0.12),
    Bound("duplicate_line_char_fraction", max=0.1),
    Bound("newline_to_word_ratio", max=0.3),
    *(bound for bound in _GOPHER_QUALITY if bound.metric != "distinct_stop_words"),
)

TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "gopher_quality": _GOPHER_QUALITY,
        "gopher_repetition": _GOPHER_REPETITION,
        "fineweb": _FINEWEB,
        "fineweb@code": _FINEWEB_CODE,
        "fineweb2": _FINEWEB2,
    }
)

#: Where each table comes from.
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gopher_quality": "Rae et al. 2021, arXiv:2112.11446, appendix A",
        "gopher_repetition": "Rae et al. 2021, arXiv:2112.11446, table A1",
        "fineweb": "Penedo et al. 2024, arXiv:2406.17557, section 3.6",
        "fineweb@code": "Penedo et al. 2024, arXiv:2406.17557, appendix E.4, table 2",
        "fineweb2": "Penedo et al. 2025, arXiv:2506.20920; fineweb-2-pipeline.py",
    }
)
