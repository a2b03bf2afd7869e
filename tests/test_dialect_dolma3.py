"""Dolma 3's reading: datamap-rs's own decisions on real texts, and the vectors that name it.

The recorded values are those of its filters, modifiers and annotator as
``all_dressed_config.yaml`` sets them (``tests/benchmarks/peer_rules_datamap.rs``), with
unicode-segmentation 1.12.0; 1.13 follows Unicode 17, to which U+00B8 is a letter. Every
decision and every text that is left is the same. Differences in the numbers:

=====================  =====  ==============================================================
defect of datamap-rs   texts  what it does
=====================  =====  ==============================================================
FxHash collides            2  it takes two lines, or n-grams, of one length for the same
ties of the top n-gram     4  of n-grams that are as frequent and as long, the order of a
                              hash map picks one, and overlaps tell them apart
=====================  =====  ==============================================================

What it does besides what it says, and so do we: the keys ``max_length`` and ``regex_string`` of
the configuration are not those that the code reads, so that phrases go from lines of any
length; a page of one token "has no letters"; the page's length in words follows another
rule in texts of ASCII than in others.
"""

import time
import zlib

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.dialects import dolma3

FRACTIONS = [bound.metric for bound in dolma3.TABLES["gopher_repetition@dolma3"]]
#: Number of texts on which each fraction differs, by the table above.
COLLISIONS = {
    "duplicate_line_fraction": 1, "duplicate_paragraph_fraction": 1,
    "duplicate_line_char_fraction": 1, "duplicate_paragraph_char_fraction": 1,
    "duplicate_6gram_char_fraction": 1,
}  # fmt: skip
TIES = {"top_2gram_char_fraction": 2, "top_3gram_char_fraction": 2}
PLAIN = "The old mill by the river grinds grain. "
#: Where a phrase was, and the letters that may be left beside it, no carriage return is.
LINES = st.lists(
    st.sampled_from(
        [
            "", " ", "12 likes", "12", "ABOUT US", "Menu", "3 items in cart", "items in cart", "Read more...",
            "the news Read moreabc", "Sign-in please now", "a plain line of words", "a b\r", "\u2028x y",
        ]
    )
)  # fmt: skip


def measure_one(text):
    (row,) = dolma3.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


def keeps(measured, bound: Bound):
    """Which rows a bound keeps."""
    values = measured[bound.metric].to_numpy()
    kept = np.ones(values.size, np.bool_)
    if bound.min is not None:
        kept &= ~(values < bound.min)
    if bound.max is not None:
        kept &= ~(values > bound.max)
    if bound.below is not None:
        kept &= ~(values >= bound.below)
    return kept


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("dolma3", "digests", "kept", "fractions", "word_counts", "lines")


@pytest.fixture(scope="module")
def measured(recorded):
    return dolma3.measure(recorded.texts)


@pytest.fixture(scope="module")
def left(recorded):
    return [dolma3.filter_lines(text) for text in recorded.texts.to_pylist()]


def test_every_decision_of_a_filter_is_dolmas(recorded, measured):
    tables = dolma3.TABLES
    filters = (*tables["page_length@dolma3"], *tables["gopher_quality@dolma3"])
    ours = [keeps(measured, bound) for bound in filters]
    ours.append(np.all([keeps(measured, b) for b in tables["gopher_repetition@dolma3"]], axis=0))
    ours += [keeps(measured, bound) for bound in tables["dolma3_lines"]]
    assert len(ours) == 10
    for column, kept in enumerate(ours):
        assert np.array_equal(kept, recorded.arrays["kept"][:, column]), column
        assert 0 < kept.sum() < kept.size


def test_every_decision_by_sentences_is_dolmas(recorded, measured, left):
    """On texts of which the line modifiers leave something; the others are dropped by then."""
    judged = np.array([text != "" for text in left])
    by_default = keeps(measured, *dolma3.TABLES["madlad@dolma3"])
    shipped = by_default & keeps(measured, *dolma3.TABLES["madlad_length@dolma3"])
    assert np.array_equal(by_default[judged], recorded.arrays["kept"][judged, 10])
    assert np.array_equal(shipped[judged], recorded.arrays["kept"][judged, 11])
    assert 0.1 < shipped[judged].mean() < by_default[judged].mean() < 1


def test_the_repetition_is_dolmas_but_for_its_hash_map(recorded, measured):
    for name, theirs in zip(FRACTIONS, recorded.arrays["fractions"].T, strict=True):
        ours = measured[name].to_numpy().astype(np.float32)
        stem = name.partition("@")[0]
        more, other = int((theirs > ours).sum()), int((theirs != ours).sum())
        assert other == COLLISIONS.get(stem, 0) + TIES.get(stem, 0), stem
        # A collision can only add copies.
        assert more >= COLLISIONS.get(stem, 0), stem


def test_line_modifiers_leave_what_dolma_leaves(recorded, left):
    digests = [zlib.crc32(text.encode()) for text in left]
    assert np.array_equal(np.array(digests, np.uint32), recorded.arrays["lines"])


@pytest.mark.parametrize(
    "path", list_cases(dolma3.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(dolma3, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("the the", "stop_word_count", 2),  # V1
        ("The To", "stop_word_count", 2),  # V2
        ("a line\nb line\na line", "duplicate_line_fraction", 2 / 3),  # V8
        ("a line\nb line\na line ", "duplicate_line_fraction", 0),
        ("It goes...\nIt goes\u2026\r\nand. . .\n\nno more", "ellipsis_line_fraction", 3 / 4),
        ("  - x\n* x\n\u25cf x\n", "bullet_line_fraction", 2 / 4),  # V15
        ("ab ab ab ab " + "x" * 32, "mean_word_length", 8),  # V16
        ("\u0436\u0436 ab", "mean_word_length", 3),
        ("one two three four", "duplicate_5gram_char_fraction", 0),  # V17
        ("It is so.\n\nIt is so.", "duplicate_paragraph_fraction", 1),  # V19
        ("don't foo_bar", "word_count", 4),
        ("don't foo_bar \u00e9", "word_count", 3),
        ("ab, ab ab. xyz", "top_2gram_char_fraction", 6 / 9),  # each word once
        ("word", "non_alphabetic_word_fraction", 1),
        ("a. . .b c", "symbol_to_word_ratio", 1 / 2),
        ("", "mean_word_length", 0),
        ("", "removed_word_fraction", 1),
        ("One is. Two are. Three go. Four.", "questionable_sentence_fraction", None),  # V21
        (PLAIN * 4 + "Episode one is here.", "questionable_sentence_fraction", 0.2),  # V22
        (PLAIN * 4 + "\u0436" * 300 + ".", "questionable_sentence_fraction", 0),  # V23: no rule 3
    ],
)
def test_vector(text, metric, value):
    found = measure_one(text)[metric]
    assert np.isnan(found) if value is None else found == value


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a b\n\n\n\nc d", "a b\n\nc d"),
        ("HOME NOW\na b\nMenu", "a b"),
        (" a b \n", " a b "),
        ("a b\r\r\nc d\r\r\ne f", "a b\nc d\ne f"),
        ("the 3 items in cart now", "the 3 now"),
        ("items in cart\na b", "a b"),
        ("Items in cart it is", "Items in cart it is"),
        (PLAIN.strip() + " Read more...", PLAIN.strip()),
        ("the news read more...", "the news read more..."),
        ("Sign-in to read\na b", "to read\na b"),
        (
            "\u041d\u041e\u0412\u042b\u0419 \u0413\u041e\u0414",
            "\u041d\u041e\u0412\u042b\u0419 \u0413\u041e\u0414",
        ),
        ("Menu", ""),
        ("\n\n", ""),
    ],
)
def test_line_modifiers(text, left):
    assert dolma3.filter_lines(text) == left


@given(lines=LINES)
def test_line_modifiers_take_words_away_and_add_none(lines):
    left = dolma3.filter_lines("\n".join(lines))
    assert "\n\n\n" not in left
    assert set(left.split()) <= set(" ".join(lines).split())


@pytest.mark.parametrize("piece", ["items in car", "1 ", "a\r\n", "\n", " Sign-i", "a-", ". . "])
def test_the_time_is_linear_in_the_text(piece):
    def spend(size):
        texts = pa.array([piece * (size // len(piece))], pa.string())
        started = time.process_time()
        dolma3.measure(texts)
        return time.process_time() - started

    spend(1000)
    shorter = min(spend(20_000) for _ in range(3))
    longer = min(spend(160_000) for _ in range(3))
    assert longer < 17 * max(shorter, 1e-3)


def test_every_table_drops_some_texts_and_not_all(measured):
    for table in dolma3.TABLES:
        kept = judge_with(dolma3, table, measured)["kept"].to_numpy(zero_copy_only=False)
        assert 0.02 < kept.mean() < 1, table
