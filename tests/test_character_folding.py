"""The folding table says for every code point what the rules say for it."""

import unicodedata

import numpy as np
import pytest

from gristmill.dedup import character_folding as folding
from gristmill.dedup.text_folding import GROWTH


def unfold_action(table: folding.FoldingTable, code_point: int) -> str | None:
    action = int(table.actions[code_point])
    if action == folding.SEPARATOR:
        return None
    if action == folding.REMOVED:
        return ""
    low = action & folding.CODE_POINT_MASK
    if action & folding.EXPANDED_FLAG:
        return "".join(chr(part) for part in table.expansions[low] if part)
    return chr(low)


def test_table_says_what_the_rules_say_of_every_code_point() -> None:
    table = folding.build_table()
    skipped = set(range(0xD800, 0xE000))  # surrogates: no text holds them
    wrong = [
        hex(code_point)
        for code_point in range(0x40000)
        if code_point not in skipped
        and unfold_action(table, code_point) != folding.fold_character(chr(code_point))
    ]
    assert wrong == []


def test_nothing_beyond_the_table_is_a_letter() -> None:
    table = folding.build_table()
    assert not table.actions[0xD800:0xE000].any()
    kinds = {unicodedata.category(chr(c)) for c in range(0x40000, 0x110000, 7)}
    assert kinds <= {"Cn", "Co", "Cf", "Mn"}
    assert set(np.unique(table.actions[0x40000:])) <= {folding.SEPARATOR, folding.REMOVED}


@pytest.mark.parametrize(
    ("character", "folded"),
    [
        ("A", "a"),
        ("É", "e"),
        ("ς", "σ"),
        ("Σ", "σ"),
        ("İ", "i"),
        ("7", "7"),
        ("٣", "3"),  # Arabic-Indic three
        ("²", "²"),  # a number, but no digit of a numeral system
        ("\u0301", ""),
        ("\u00ad", ""),  # soft hyphen
        ("\u200b", None),  # zero width space
        ("_", None),
        ("😀", None),
        ("$", None),
        ("한", "\u1112\u1161\u11ab"),
        ("K", "k"),  # KELVIN SIGN
    ],
)
def test_character_folds(character: str, folded: str | None) -> None:
    assert folding.fold_character(character) == folded


def test_folding_never_outgrows_its_bound() -> None:
    table = folding.build_table()
    for code_point in np.flatnonzero(table.actions).tolist():
        folded = unfold_action(table, code_point) or ""
        unspaced = int(table.actions[code_point]) & folding.UNSPACED_FLAG
        room = GROWTH * len(chr(code_point).encode())
        assert len(folded.encode()) + (1 if unspaced else 0) <= room, hex(code_point)


def test_digits_of_unspaced_scripts_form_words() -> None:
    table = folding.build_table()
    assert table.actions[ord("๕")] == ord("5")  # Thai five
    assert table.actions[ord("ก")] & folding.UNSPACED_FLAG
    assert folding.is_unspaced(ord("中")) and not folding.is_unspaced(ord("한"))
