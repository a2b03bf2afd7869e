"""The text that cc_net's language models were trained on: lower case, no accents, digits 0.

Facts of `text_normalizer.py` in cc_net (Wenzek et al. 2020, arXiv:1911.00359), which a
model of theirs needs at scoring as it had them in training. Two differences are meant:
lines are normalised one by one (cc_net deletes the line ends of a document and joins the
words on both sides), and a tab is a space (there it is deleted).
"""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import re2

#: What stands for what, by replacement.
_PUNCTUATION: Final[Mapping[str, str]] = MappingProxyType(
    {
        '"': "„”“«»」「《》",
        "'": "´’",
        "-": "–━►",
        " - ": "—",
        ",": "，。、",
        ". ": "．",
        ":": "∶：",
        "?": "？",
        "!": "！",
        "(": "（",
        ")": "）",
        ";": "；",
        "~": "～",
        "...": "…",
        "<": "〈",
        ">": "〉",
        "[": "【",
        "]": "】",
        "%": "％",
    }
)
_CONTROLS: Final = (*range(9), *range(11, 32), *range(127, 160))
_TRANSLATION: Final = MappingProxyType(
    {ord(mark): plain for plain, marks in _PUNCTUATION.items() for mark in marks}
    | dict.fromkeys(_CONTROLS)
    | {ord("\t"): " "}
)
_MARKS: Final = re2.compile(r"\p{Mn}+")
_DIGITS: Final = re2.compile(r"\p{Nd}")


def normalize_lines(text: str) -> str:
    r"""Normalise every line of a text.

    Args:
        text: lines end at ``\n`` alone.

    Returns:
        As many lines, each without space at its ends.
    """
    text = _MARKS.sub("", unicodedata.normalize("NFD", text.lower()))
    text = _DIGITS.sub("0", text).translate(_TRANSLATION)
    return "\n".join(line.strip() for line in text.split("\n"))
