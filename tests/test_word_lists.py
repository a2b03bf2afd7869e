"""Lists of bad words: pinned, read line by line, hostile lines counted."""

import gzip
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_files import name_words, write_list

from gristmill.cleaning import word_lists
from gristmill.cleaning.pinned_lists import MAX_LINE_CHARS, read_list, split_lines, strip_entries
from gristmill.cleaning.word_lists import (
    C4_ALLOWED,
    WordEntries,
    fold_entry,
    list_c4_entries,
    list_datatrove_entries,
    merge_entries,
    read_word_list,
)
from gristmill.schemas.errors import InputError


def test_entries_are_lines(tmp_path):
    path = tmp_path / "en"
    path.write_bytes(
        "\ufeffone\r\ntwo words \rthree\n\n\u2028\x85\n".encode() + b"br\xffken\nx\0y\n"
    )
    found = read_word_list(name_words(path))
    assert found.entries == (("one", 1.0), ("two words", 1.0), ("three", 1.0))
    assert found.refused == 2


def test_a_compressed_list_is_pinned_as_it_lies(tmp_path):
    path = tmp_path / "en.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [entry for entry, _ in read_word_list(name_words(path)).entries] == ["one", "two"]


def test_another_file_is_refused_with_both_hashes(tmp_path):
    path = write_list(tmp_path / "en", "one")
    spec = name_words(path)
    write_list(path, "two")
    with pytest.raises(InputError) as caught:
        read_list(spec)
    found = name_words(path).sha256
    assert all(part in str(caught.value) for part in (str(path), spec.sha256, found))


def test_missing_damaged_and_empty_lists_are_refused(tmp_path):
    path = write_list(tmp_path / "en", "one")
    spec = name_words(path)
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        read_word_list(spec)
    path.write_bytes(gzip.compress(b"one\n" * 1000)[:-9])
    with pytest.raises(InputError, match="cannot be decoded"):
        read_word_list(name_words(path))
    write_list(path, "", " ")
    with pytest.raises(InputError, match="no entry"):
        read_word_list(name_words(path))


def test_a_bomb_is_refused(tmp_path):
    path = tmp_path / "en.gz"
    path.write_bytes(gzip.compress(bytes(1 << 25)))
    with pytest.raises(InputError, match="cannot be decoded"):
        read_word_list(name_words(path))


def test_severities(tmp_path):
    path = write_list(
        tmp_path / "list.csv",
        "text,canonical_form_1,severity_rating",
        "damn,,1.2",
        '"a, b",,2',
        "no number,,x",
        "negative,,-1",
        "infinite,,inf",
        ",,1",
        "short",
        '"open,,1',
    )
    found = read_word_list(name_words(path, kind="severity"))
    assert found.entries == (("damn", 1.2), ("a, b", 2.0))
    assert found.refused == 6


def test_a_table_without_its_columns_is_refused(tmp_path):
    path = write_list(tmp_path / "list.csv", "word,weight", "damn,1")
    with pytest.raises(InputError, match="severity_rating"):
        read_word_list(name_words(path, kind="severity"))


def test_the_real_lists_are_read_whole(shared_data):
    folder = shared_data("tox-ldnoobw")
    for path in sorted(folder.iterdir()):
        if path.name != "LICENSE":
            assert read_word_list(name_words(path, path.name)).refused == 0
    surge = shared_data("tox-surge-profanity") / "profanity_en.csv"
    found = read_word_list(name_words(surge, kind="severity"))
    assert len(found.entries) + found.refused == 1598
    assert found.refused <= 2
    assert all(0 < severity <= 3 for _, severity in found.entries)


@given(st.text())
def test_folding_is_idempotent_and_leaves_single_spaces(entry):
    folded = fold_entry(entry)
    assert fold_entry(folded) == folded
    assert "  " not in folded and "-" not in folded and folded == folded.strip()


def test_lists_of_one_language_are_joined_and_the_higher_severity_stands():
    lists = [
        WordEntries("en", (("Ball-Gag", 1.0), ("x", 2.0)), 0),
        WordEntries("en", (("ball  gag", 3.0), ("-", 1.0), ("x", 1.0)), 0),
        WordEntries("de", (("x", 1.0),), 0),
    ]
    assert merge_entries(lists) == {"en": (("ball gag", 3.0), ("x", 2.0)), "de": (("x", 1.0),)}


def test_c4_allows_by_language_and_datatrove_everywhere():
    words = tuple((entry, 1.0) for entry in ("sm", "\u6027", "Other"))
    lists = [WordEntries(language, words, 0) for language in ("ja", "zh", "en")]
    assert list_c4_entries(lists) == {
        "ja": {"\u6027", "Other"},
        "zh": {"sm", "Other"},
        "en": {"sm", "\u6027", "Other"},
    }
    assert list_datatrove_entries(lists) == {key: {"Other"} for key in ("ja", "zh", "en")}
    assert set(C4_ALLOWED) == {"ja", "zh"}


@given(st.lists(st.text(max_size=20)))
def test_lines_are_counted_or_refused(lines):
    entries, refused = strip_entries(lines)
    assert len(entries) + refused == sum(bool(line.strip()) for line in lines)
    assert strip_entries(entries) == (entries, 0)


@given(st.text())
def test_lines_hold_no_line_ends(text):
    assert not any("\n" in line or "\r" in line for line in split_lines(text))


def test_long_lines_are_refused():
    assert strip_entries(["x" * MAX_LINE_CHARS, "x" * (MAX_LINE_CHARS + 1)])[1] == 1
    assert word_lists._read_number("nan") is None and math.isclose(
        word_lists._read_number("1e-3") or 0, 0.001
    )
