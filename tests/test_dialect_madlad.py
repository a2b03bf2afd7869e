r"""MADLAD-400's sentence rules: datamap-rs's own counts on real texts, and the vectors.

The recorded values are those of its annotator with rules 2 to 5
(``tests/benchmarks/peer_rules_datamap.rs``). No difference is left on any text. Defects of
datamap-rs that are counted here too:

===========================  ==============================================================
defect                       what is compared
===========================  ==============================================================
lengths are bytes            rules 3 and 4: other scripts are longer and less technical
patterns taken literally     ``Vol\.`` and five more need the backslash in the text
strings taken as patterns    in " ... ... " a dot is any character but a newline
===========================  ==============================================================
"""

import math
import re
import time

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import madlad
from gristmill.cleaning.dialects.madlad_rules import CURSED

PLAIN = "The old mill by the river grinds grain. "
COUNTS = (
    "sentence_count", "list_case_sentence_count", "abnormal_length_sentence_count",
    "technical_sentence_count", "cursed_sentence_count",
)  # fmt: skip
#: What datamap-rs takes as patterns, for Python's `re`.
PATTERNS = (
    " ..." * 9, " ...." * 9, " [^ ]" * 9, ", ..,,? ..,,? ..,,? ..,,?",
)  # fmt: skip


def measure_one(text):
    (row,) = madlad.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("madlad", "digests", "counts", "kept")


@pytest.fixture(scope="module")
def measured(recorded):
    return madlad.measure(recorded.texts)


def test_every_count_is_datamaps(recorded, measured):
    counts = recorded.arrays["counts"]
    sentences = measured["sentence_count@madlad"].to_numpy()
    judged = sentences >= 5
    assert np.array_equal(judged, counts[:, 0] >= 0)
    for name, theirs in zip(COUNTS, counts.T[:-1], strict=True):
        assert np.array_equal(measured[f"{name}@madlad"].to_numpy()[judged], theirs[judged]), name
    doubtful = measured["questionable_sentence_fraction@madlad"].to_numpy()
    assert np.array_equal(doubtful[judged], counts[judged, -1] / counts[judged, 0])
    assert np.isnan(doubtful[~judged]).all()


def test_every_decision_is_datamaps(recorded, measured):
    kept = judge_with(madlad, "madlad", measured)["kept"].to_numpy(zero_copy_only=False)
    assert np.array_equal(kept, recorded.arrays["kept"])
    assert 0.02 < kept.mean() < 0.98


@pytest.mark.parametrize(
    "path", list_cases(madlad.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(madlad, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        (PLAIN * 4, "sentence_count", 4),  # V21
        (PLAIN * 4 + "Short.", "questionable_sentence_fraction", 0.2),  # V22
        (PLAIN * 4 + "\u0436" * 300 + ".", "abnormal_length_sentence_count", 1),  # V23
        (PLAIN * 4 + "z" * 300 + ".", "abnormal_length_sentence_count", 0),
        (PLAIN * 4 + "z" * 499 + ".", "abnormal_length_sentence_count", 0),
        (PLAIN * 4 + "z" * 500 + ".", "abnormal_length_sentence_count", 1),
        ("\u2026 no end! of?! it.", "sentence_count", 3),
        ("... a. \n. b", "sentence_count", 2),
        ("pages 1234567 (of) it all", "technical_sentence_count", 1),
        ("pages 123 of a book that", "technical_sentence_count", 0),
        ("A B C D E F g h i j k", "list_case_sentence_count", 0),  # eleven words
        ("A B C D E F g h i j k l", "list_case_sentence_count", 0),  # half of them
        ("A B C D E F G h i j k l", "list_case_sentence_count", 1),
        ("a Vol.", "cursed_sentence_count", 0),
        ("a Vol\\.", "cursed_sentence_count", 1),
        ("x, ab, cd,, ef, gh,", "cursed_sentence_count", 1),
        ("x, ab, cd,,, ef, gh,", "cursed_sentence_count", 0),
        ("", "sentence_count", 0),
    ],
)
def test_vector(text, metric, value):
    assert measure_one(text)[metric] == value


@pytest.mark.parametrize("string", CURSED)
def test_each_string_is_cursed(string):
    assert measure_one(f"x{string}x")["cursed_sentence_count"] >= 1
    assert measure_one(f"x{string[:-1]}")["cursed_sentence_count"] == 0


SENTENCES = st.text(st.sampled_from("ab ,1A.\u0436(")) | st.lists(
    st.sampled_from(
        [" a", " bc", " def", " ghij", " ...", " sex", " porn", "mp", "3", "Episode", " ", ",", "\n"]
    )
).map("".join)  # fmt: skip


@given(text=SENTENCES)
def test_cursed_sentences_are_those_of_the_patterns(text):
    sentences = [part for part in re.split(r"[.!?]+\s+", text) if part.strip()]
    cursed = sum(
        any(string in part for string in CURSED) or any(re.search(p, part) for p in PATTERNS)
        for part in sentences
    )
    row = measure_one(text)
    assert row["sentence_count"] == len(sentences)
    assert row["cursed_sentence_count"] == cursed


@given(text=SENTENCES)
def test_a_fraction_is_of_five_sentences_or_more(text):
    row = measure_one(text)
    worst = max(row[name] for name in COUNTS[1:])
    total = sum(row[name] for name in COUNTS[1:])
    fraction = row["questionable_sentence_fraction"]
    assert math.isnan(fraction) == (row["sentence_count"] < 5)
    if row["sentence_count"] >= 5:
        assert worst <= fraction * row["sentence_count"] + 1e-9 <= total + 2e-9


@pytest.mark.parametrize("piece", [" a", ".", ". ", ", ab", " sex", "....", "mp"])
def test_the_time_is_linear_in_the_text(piece):
    def spend(size):
        texts = pa.array([piece * (size // len(piece))], pa.string())
        started = time.process_time()
        madlad.measure(texts)
        return time.process_time() - started

    spend(1000)
    shorter = min(spend(20_000) for _ in range(3))
    longer = min(spend(160_000) for _ in range(3))
    assert longer < 17 * max(shorter, 1e-3)
