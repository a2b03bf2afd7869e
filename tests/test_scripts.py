"""Scripts of letters, and languages that are written in them."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import language
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.script_languages import list_scripts, match_scripts, sum_letters
from gristmill.cleaning.scripts import NO_SCRIPT, SCRIPTS, count_scripts, script_table
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.text_spans import span_texts

# Unicode's own assignment, as RE2 knows it, which has no property for pairs of scripts.
UNICODE = {
    "Arab": r"\p{Arabic}",
    "Armn": r"\p{Armenian}",
    "Beng": r"\p{Bengali}",
    "Cans": r"\p{Canadian_Aboriginal}",
    "Cher": r"\p{Cherokee}",
    "Cyrl": r"\p{Cyrillic}",
    "Deva": r"\p{Devanagari}",
    "Ethi": r"\p{Ethiopic}",
    "Geor": r"\p{Georgian}",
    "Grek": r"\p{Greek}",
    "Hang": r"\p{Hangul}",
    "Hani": r"\p{Han}",
    "Hebr": r"\p{Hebrew}",
    "Hrkt": r"[\p{Hiragana}\p{Katakana}]",
    "Khmr": r"\p{Khmer}",
    "Latn": r"\p{Latin}",
    "Mong": r"\p{Mongolian}",
    "Mymr": r"\p{Myanmar}",
    "Taml": r"\p{Tamil}",
    "Thai": r"\p{Thai}",
    "Tibt": r"\p{Tibetan}",
}


def count(texts):
    data, offsets = read_buffers(pa.array(texts, pa.string()))
    return count_scripts(data, span_texts(offsets))


def is_plain(character):
    """Superscripts and signs that are letters to Unicode are left out on purpose."""
    name = unicodedata.name(character, "MODIFIER")
    shared = ("MODIFIER", "INDICATOR", "SIGN", "MARK", "SUBSCRIPT", "TURNED ", "ROMAN")
    return "LATIN" in name or not any(word in name for word in shared)


@pytest.fixture(scope="module")
def letters():
    points = (point for point in range(0x32000) if not 0xD800 <= point < 0xE000)
    kinds = ("Lu", "Ll", "Lt", "Lo")
    found = "".join(chr(point) for point in points if unicodedata.category(chr(point)) in kinds)
    return "".join(filter(is_plain, found))


@pytest.mark.parametrize("script", UNICODE)
def test_letters_have_the_script_that_unicode_gives_them(script, letters):
    table = script_table()
    ours = {letter for letter in letters if SCRIPTS[table[ord(letter)]] == script}
    assert ours == set(re2.findall(UNICODE[script], letters))


@given(st.lists(st.text(max_size=40), max_size=5))
def test_counts_are_those_of_a_plain_loop(texts):
    counts = count(texts)
    assert counts.shape == (len(texts), len(SCRIPTS)) and not counts[:, 0].any()
    table = script_table()
    for row, text in enumerate(texts):
        wanted = np.zeros(len(SCRIPTS), np.int64)
        for character in text:
            if ord(character) < len(table):
                wanted[table[ord(character)]] += 1
        assert counts[row, 1:].tolist() == wanted[1:].tolist()


def test_marks_digits_and_signs_have_no_script():
    assert not count(["12 ١٢ , — ़ ी 🙂 ー ـ ª 𝐀"]).any()


@pytest.mark.parametrize(
    ("code", "scripts"),
    [
        ("en", {"Latn"}),
        ("sr", {"Latn", "Cyrl"}),
        ("ja", {"Hani", "Hrkt"}),
        ("srp_Cyrl", {"Cyrl"}),
        ("jpn_Jpan", {"Hani", "Hrkt"}),
        ("cmn_Hant", {"Hani", "Bopo"}),
        ("xx", set()),
        ("en_US", set()),
    ],
)
def test_a_language_has_its_scripts(code, scripts):
    assert list_scripts(code) == scripts


def test_every_language_of_the_embedded_model_is_known():
    labels = FastTextModel(language.find_model()).labels
    assert [label for label in labels if not list_scripts(label) & set(SCRIPTS)] == []


def test_unknown_languages_and_texts_without_letters_go_with_everything():
    fits = match_scripts(["en", "xx", "abc_Zzzz"])
    assert fits[0].tolist() == [script in (NO_SCRIPT, "Latn") for script in SCRIPTS]
    assert fits[1:].all()


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.integers(1, 3))
def test_letters_of_languages_are_summed_over_their_scripts(texts, places):
    counts, fits = count(texts), match_scripts(["sr", "ja", "xx"])
    asked = np.tile(np.arange(places, dtype=np.int32) - 1, (len(texts), 1))
    sums = sum_letters(counts, asked, fits)
    assert sums.tolist() == (counts[:, np.newaxis, 1:] * fits[asked][:, :, 1:]).sum(-1).tolist()
