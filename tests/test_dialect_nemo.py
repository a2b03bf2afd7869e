"""NeMo Curator's reading: its own scores and decisions, and the vectors that name it.

The recorded values are those of NeMo Curator 1.4.0 on CPU (see
``tests/benchmarks/peer_rules_nemo.py``). No difference is left on any text; where NeMo
is no function of the text, or raises, this is what is compared:

=======================  ==================================================================
defect of NeMo           what is compared
=======================  ==================================================================
ties of the top n-gram   NeMo's code with sets that keep their order; with Python's own it
go to the order of       gives another score on a third to a half of the texts, by
string hashes            PYTHONHASHSEED
blank texts raise        our NaN with NaN: a blank text stops NeMo's pipeline
ZeroDivisionError        (`word_count` drops it here)
stop words are counted   the scores of ``stop_at_false=False``, the decisions of the
up to two                configuration's filter
texts shorter than n     nothing: the dialect scores them 1.0 as well, and drops them
=======================  ==================================================================
"""

import itertools
import math
import time

import numpy as np
import pyarrow as pa
import pytest
from dialect_cases import differ, judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import nemo, nemo_phrases
from gristmill.cleaning.dialects.nemo_metrics import FILTERS

PHRASES = st.sampled_from(
    [
        "privacy policy", "Privacy  policy", "misuse cookies", "use of\ncookies", "\u212aookie policy",
        "coo\u212aie policy", "uses coo\u212aies", "lorem ipsum", "LOREM IPSUM", "lorem", "ipsum",
        "terms of use", "privacy & cookies policy", "privacy and cookies", "necessary cookies are",
        "\n\n", "\n", " ", "any cookies that", "if you continue to browse", "privacy overview",
    ]
)  # fmt: skip
SHORT_PHRASES = (
    "terms of use", "privacy policy", "cookie policy", "uses cookies", "privacy overview",
    "use of cookies", "use cookies", "privacy & cookies policy", "privacy and cookies policy",
)  # fmt: skip


def measure_one(text):
    (row,) = nemo.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("nemo", "digests", "values", "kept", "unstable")


@pytest.fixture(scope="module")
def measured(recorded):
    return nemo.measure(recorded.texts)


def test_every_score_is_nemos(recorded, measured):
    theirs = dict(zip(recorded.arrays["names"], recorded.arrays["values"].T, strict=True))
    assert set(theirs) == set(FILTERS.values())
    for metric, name in FILTERS.items():
        rows = differ(measured[f"{metric}@nemo"].to_numpy(), theirs[name])
        assert not rows.size, f"{metric} differs on texts {rows[:5]}"


def test_every_decision_is_nemos(recorded, measured):
    """Each filter's, and in the order of its configuration, that of all together."""
    names = recorded.arrays["names"].tolist()
    bounds = nemo.TABLES["nemo"]
    assert [FILTERS[bound.metric.partition("@")[0]] for bound in bounds] == names
    for column, bound in enumerate(bounds):
        ours = measured[bound.metric].to_numpy()
        dropped = np.zeros(ours.size, np.bool_)
        if bound.min is not None:
            dropped |= ours < bound.min
        if bound.max is not None:
            dropped |= ours > bound.max
        raised = np.isnan(recorded.arrays["values"][:, column])
        assert np.array_equal(~dropped & ~raised, recorded.arrays["kept"][:, column])
    kept = judge_with(nemo, "nemo", measured)["kept"].to_numpy(zero_copy_only=False)
    assert np.array_equal(kept, recorded.arrays["kept"].all(axis=1))


def test_only_ties_of_the_top_n_gram_depend_on_the_hash_seed(recorded):
    unstable = dict(zip(recorded.arrays["names"], recorded.arrays["unstable"].T, strict=True))
    shaken = {name for name, column in unstable.items() if column.any()}
    assert shaken == {f"RepeatingTopNGramsFilter({order})" for order in (2, 3, 4)}
    assert all(0.3 < unstable[name].mean() < 0.6 for name in shaken)


def test_only_blank_texts_make_nemo_raise(recorded):
    values = recorded.arrays["values"]
    blank = np.array([not text.strip() for text in recorded.texts.to_pylist()])
    assert np.array_equal(np.isnan(values).any(axis=1), blank)


def test_long_phrases_are_nemos(recorded):
    """They stand in the code as lengths and digests; NeMo's own list was digested alike."""
    theirs = {(int(length), int(digest)) for length, digest in recorded.arrays["phrases"]}
    ours = {(length, int(digest)) for length, digest in nemo_phrases.LONG_PHRASES}
    short = {(len(text), int(nemo_phrases.hash_characters(text))) for text in SHORT_PHRASES}
    assert short | ours <= theirs
    # The other two begin with "this website uses cookies" and "this site uses cookies".
    assert {length for length, _ in theirs - short - ours} == {159, 571}


@pytest.mark.parametrize(
    "path", list_cases(nemo.TABLES), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    assert read_verdict(nemo, path.parent.name, text) == expected


@pytest.mark.parametrize(
    ("text", "count"), [("the the", 2), ("The To", 0), ("the to", 2), ("the of", 2)]
)
def test_v01_to_v03_stop_words_count_by_occurrence_and_case(text, count):
    assert measure_one(text)["stop_word_count"] == count


def test_v05_a_word_that_is_an_ellipsis_is_a_symbol():
    words = "... [...] \u2026 (...) [\u2026] -\u00bb # #a# ## #ab [..] ...."
    assert measure_one(words)["symbol_to_word_ratio"] == 8 / 12


def test_v08_lines_are_unique_or_not():
    found = measure_one("a line\nb line\na line")
    assert found["unique_line_fraction"] == 2 / 3
    assert found["unique_line_char_fraction"] == 12 / 18


def test_v11_both_ellipses_end_a_line():
    text = "a...\nb\u2026\nc [...]\nd\nREAD More\nread more..\nmore"
    assert measure_one(text)["ellipsis_line_fraction"] == 5 / 7


@pytest.mark.parametrize(
    ("line", "bullet"), [("  - x", 0), ("* x", 0), ("\u25cf x", 1), ("  \u2022 x", 1)]
)
def test_v15_bullets_are_a_list_of_signs(line, bullet):
    assert measure_one(line)["bullet_line_fraction"] == bullet


def test_v17_too_short_for_an_n_gram_scores_one():
    found = measure_one("one two three four")
    assert found["top_4gram_char_fraction"] == 1
    assert found["duplicate_5gram_char_fraction"] == 1
    assert measure_one("")["top_2gram_char_fraction"] == 1


def test_v19_two_identical_paragraphs_are_half_unique():
    found = measure_one("same words here\n\nsame words here")
    assert found["unique_paragraph_fraction"] == 0.5
    assert found["unique_paragraph_char_fraction"] == 0.5


def test_the_top_n_gram_is_deleted_as_a_string():
    # "so it" stands in "also item" too, but not where a newline parts the words.
    text = "so it\nso it also item so\nit"
    assert measure_one(text)["top_2gram_char_fraction"] == 3 * 5 / len(text)


def test_addresses_count_up_to_what_no_address_has():
    text = "http://a.b/c%20d<http://x https:// httpss://y http://http://z%2g"
    expected = len("http://a.b/c%20d") + len("http://x") + len("http://http://z")
    assert measure_one(text)["url_char_fraction"] == expected / len(text)


def test_deleting_takes_linear_time():
    """Eight times the text takes less than 17 times as long, on the worst text for searching."""

    def run(size):
        texts = pa.array(["a" * size + " " + "a" * size + " " + "a" * 8 * size], pa.string())
        times = []
        for _ in range(3):
            started = time.process_time()
            nemo.measure(texts)
            times.append(time.process_time() - started)
        return max(min(times), 0.01)

    nemo.warm_up()
    assert run(800_000) < 17 * run(100_000)


@given(st.lists(PHRASES, max_size=8))
def test_boilerplate_is_found_as_python_finds_it(pieces):
    text = "".join(pieces)
    paragraphs = [paragraph.strip().lower() for paragraph in text.split("\n\n")]
    count = sum(any(phrase in paragraph for phrase in SHORT_PHRASES) for paragraph in paragraphs)
    lorem = any("lorem ipsum" in paragraph for paragraph in paragraphs)
    expected = 1.0 if lorem else count / len(paragraphs)
    assert measure_one(text)["boilerplate_paragraph_fraction"] == expected


@given(st.text(st.sampled_from("ab \n"), max_size=40))
def test_the_top_2gram_is_replaced_as_python_replaces_it(text):
    words = text.split()
    pairs = list(itertools.pairwise(words))
    found = measure_one(text)["top_2gram_char_fraction"]
    if not pairs:
        assert found == 1.0
        return
    top = max(dict.fromkeys(pairs), key=pairs.count)
    left = text.replace(" ".join(top), "")
    assert found == (len(text) - len(left)) / len(text)


@given(st.text(st.sampled_from("a\n "), max_size=30))
def test_paragraphs_are_split_as_python_splits_them(text):
    paragraphs = text.split("\n\n")
    found = measure_one(text)
    assert found["unique_paragraph_fraction"] == len(set(paragraphs)) / len(paragraphs)
    total = sum(map(len, paragraphs))
    if total:
        assert found["unique_paragraph_char_fraction"] == sum(map(len, set(paragraphs))) / total
    else:
        assert math.isnan(found["unique_paragraph_char_fraction"])
