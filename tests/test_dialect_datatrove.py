"""datatrove's reading: its own values and decisions, its words, and the vectors that name it.

The recorded values are those of datatrove 0.10.1 with spaCy 3.8 (see
``tests/benchmarks/peer_rules_datatrove.py``). No difference is left on any text. What
datatrove does and no paper asks for, and the dialect does too:

=========================  ================================================================
defect of datatrove        what the dialect does
=========================  ================================================================
ZeroDivisionError for a    NaN, which passes every bound; by default datatrove has dropped
text without words         such a text before, and so do the tables
a top n-gram counts once   counts it
"ab c" equals "a bc"       joins the words of duplicated n-grams without a space
a newline at either end    counts the empty piece before and behind it, as equal lines
blank lines and headings   `filter_lines` drops them
"IS_ALPHA" breaks spaCy    not followed: datatrove deletes the word where spaCy fails on it,
                           which depends on the texts that it has seen before
=========================  ================================================================
"""

import math
import time

import numpy as np
import pyarrow as pa
import pytest
import real_texts
from dialect_cases import differ, judge_with, list_cases, load_recorded, read_case, read_verdict
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.dialects import datatrove, datatrove_words
from gristmill.cleaning.dialects.datatrove_exceptions import list_exceptions
from gristmill.cleaning.dialects.datatrove_filters import filter_lines, filter_lines_loosely

FILLER = (
    "amber basil cedar daisy ember fable glade hazel inlet jasper kettle lagoon marble nectar "
    "orchid pebble quartz ripple saffron timber umber velvet willow yarrow zephyr anchor beacon "
    "copper dolphin echo falcon garnet harbor indigo jungle kernel lantern meadow needle ocean "
    "parcel quiver ribbon silver thistle upland violet walnut yonder zenith almond bramble "
)
FOLDERS = list(datatrove.TABLES)
TEXTS = st.text(
    st.sampled_from(
        "aBs 1.,'-\u2019()/:@!\n\t\u00a0\u2028{}[]#\u2026\u4e2d\u0e01\U0001f600\u212a\u0130\u00b0C"
    ),
    max_size=60,
)
PAGE = (
    "Title\n\nFirst paragraph has several words here. It has two sentences. And three.\n\n"
    "Setup\n\nSecond paragraph also has words. More text follows here. Third one is here."
)


def measure_one(text):
    (row,) = datatrove.measure(pa.array([text], pa.string())).to_pylist()
    return {name.partition("@")[0]: value for name, value in row.items()}


@pytest.fixture(scope="module")
def recorded():
    return load_recorded("datatrove", "digests", "values", "left", "kept")


@pytest.fixture(scope="module")
def measured(recorded):
    return datatrove.measure(recorded.texts)


def test_every_value_is_datatroves(recorded, measured):
    names = recorded.arrays["names"].tolist()
    flags = {f"{rule}_has_{what}" for rule in ("c4", "c4_terminal")
             for what in ("lorem_ipsum", "curly_bracket")}  # fmt: skip
    assert flags < set(names)
    for name, theirs in zip(names, recorded.arrays["values"].T, strict=True):
        if name in flags:
            column = f"{name.replace('_has', '')}_lines@datatrove"
            ours = (measured[column].to_numpy() > 0).astype(np.float64)
        else:
            ours = measured[f"{name}@datatrove"].to_numpy()
        rows = differ(ours, theirs)
        assert not rows.size, f"{name} differs on texts {rows[:5]}"


@pytest.mark.parametrize("table", datatrove.TABLES)
def test_every_decision_is_datatroves(recorded, measured, table):
    column = recorded.arrays["tables"].tolist().index(table)
    kept = judge_with(datatrove, table, measured)["kept"].to_numpy(zero_copy_only=False)
    assert np.array_equal(kept, recorded.arrays["kept"][:, column])
    assert 0.1 < kept.mean() < 0.95  # a rule that decides nothing would prove nothing


@pytest.mark.parametrize("name", datatrove.LINE_FILTERS)
def test_what_is_left_is_datatroves(recorded, name):
    column = recorded.arrays["filters"].tolist().index(name)
    left = [datatrove.LINE_FILTERS[name](text) for text in recorded.texts.to_pylist()]
    assert np.array_equal(real_texts.digest_texts(left), recorded.arrays["left"][:, column])


@pytest.mark.parametrize(
    "path", list_cases(FOLDERS), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_golden_verdict(path):
    text, expected = read_case(path)
    verdict, _, becomes = expected.partition("\n--- becomes ---\n")
    assert read_verdict(datatrove, path.parent.name, text) == verdict
    if becomes:
        assert datatrove.LINE_FILTERS[path.parent.name](text) == becomes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, (world)!", "Hello , ( world ) !"),
        ("I can't; she'll've gone", "I ca n't ; she 'll 've gone"),
        ("U.S.A. e.g. Mr. etc.", "U.S.A. e.g. Mr. etc ."),
        ("at 10am, 5km\u00b2 20\u00b0C. US$5 5$", "at 10 am , 5 km\u00b2 20 \u00b0 C . US$ 5 5 $"),
        ("rock-n-roll him/her a=b 1-2 -3", "rock - n - roll him / her a = b 1 - 2 -3"),
        ("http://a.bc/d-e?f=g. me@x.org, www.y.com/", "http://a.bc/d-e?f=g . me@x.org , www.y.com/"),
        ("10.0.0.1/a-b 8.8.8.8/a-b", "10.0.0.1 / a - b 8.8.8.8/a-b"),
        ("wait... what\u2026\u2026 end.Next", "wait ... what \u2026\u2026 end . Next"),
        (":-) (:-)) him/and/or/her", ":-) ( :-)) him / and/or / her"),
        ("a : - ) b", "a : - ) b"),
        ("C++ '' \u2019s don\u2019t", "C++ '' \u2019s do n\u2019t"),
        ("\u4f60\u597d\u3002\u4e16\u754c", "\u4f60\u597d\u3002\u4e16\u754c"),
    ],
)  # fmt: skip
def test_words_are_spacys(text, words):
    assert datatrove_words.split_words(text) == words.split()


def test_every_exception_is_cut_as_it_is_known():
    for run, tokens in list_exceptions().items():
        assert datatrove_words.split_words(run) == list(tokens)
        assert "".join(tokens) == run


@given(TEXTS)
def test_words_are_the_text_without_its_white_space(text):
    words = datatrove_words.split_words(text)
    assert "".join(words) == "".join(text.split())
    assert all(words)
    assert [
        word for line in text.split("\n") for word in datatrove_words.split_words(line)
    ] == words


@given(TEXTS, TEXTS)
def test_newlines_keep_words_apart(first, second):
    cut = datatrove_words.split_words
    assert cut(f"{first}\n{second}") == cut(first) + cut(second)


@pytest.mark.parametrize(
    ("ending", "count"), [("the the", 1), ("The To", 0), ("the to", 2), ("the of", 2)]
)
def test_v01_to_v03_stop_words_are_distinct_and_of_small_letters(ending, count):
    assert measure_one(FILLER + ending)["distinct_stop_words"] == count


def test_v04_an_empty_text_has_values():
    found = measure_one("")
    assert found["word_count"] == 0
    assert math.isnan(found["hash_to_word_ratio"])
    assert read_verdict(datatrove, "gopher_repetition@datatrove", "") == (
        "char_count@datatrove=0 < 1"
    )


def test_v05_three_dots_are_one_word_and_an_ellipsis():
    assert measure_one("...")["ellipsis_to_word_ratio"] == 1


@pytest.mark.parametrize("count", range(1, 40))
def test_v06_unique_words_are_repetition(count):
    text = " ".join(f"word{number:03d}" for number in range(count))
    verdict = read_verdict(datatrove, "gopher_repetition@datatrove", text)
    order = 2 if count < 10 else 3 if count < 17 else 4
    dropped = 1 < count < 25
    assert verdict.startswith(f"top_{order}gram_char_fraction@datatrove=" if dropped else "kept")


def test_v07_words_are_joined_without_a_space():
    text = "abab cd x1 y2 z3 aba bcd x1 y2 z3"
    assert measure_one(text)["duplicate_5gram_char_fraction"] == 12 / len(text)


def test_v08_copies_after_the_first_count():
    found = measure_one("a line\nb line\na line")
    assert found["duplicate_line_fraction"] == 1 / 3
    assert found["duplicate_line_char_fraction"] == 6 / 20


def test_v09_headings_and_paragraphs_go():
    left = filter_lines_loosely(PAGE)
    assert left.split("\n") == [line for line in PAGE.split("\n") if len(line) > 6]
    assert read_verdict(datatrove, "c4@datatrove", PAGE) == "kept"


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("One two three.", True), ("One two.", False), ("It ends so...", False),
        ("It ends so'", True), ("It ends so [1].", True), ("It ends so. [1]", False),
        ("{ x", False), ("No end here", False), ("Use javascript so.", False),
    ],
)  # fmt: skip
def test_v11_to_v13_lines_that_stay(line, stays):
    page = "A first line is here. It has two of them."
    found = measure_one(f"{page}\n{line}")
    assert filter_lines(line) == (line.replace("[1]", "") if stays else "")
    assert found["c4_terminal_sentence_count"] == (3 if stays else 2)
    assert found["c4_terminal_curly_bracket_lines"] == 0


@pytest.mark.parametrize(("count", "verdict"), [(5, "kept"), (4, "dropped"), (3, "dropped")])
def test_v14_five_sentences_are_enough(count, verdict):
    text = " ".join(["Here is one more."] * count)
    found = read_verdict(datatrove, "c4@datatrove", text)
    assert found == ("kept" if verdict == "kept" else f"c4_sentence_count@datatrove={count} < 5")


@pytest.mark.parametrize(
    ("line", "bullet"), [("  - x", 1), ("- x", 1), ("* x", 0), ("\u25cf x", 0), ("\u2022 x", 1)]
)
def test_v15_bullets_may_be_indented(line, bullet):
    assert measure_one(line)["bullet_line_fraction"] == bullet


def test_v17_too_short_for_an_n_gram():
    found = measure_one("one two three four")
    assert found["top_4gram_char_fraction"] == 1
    assert found["duplicate_5gram_char_fraction"] == 0
    assert math.isnan(measure_one("one")["top_2gram_char_fraction"])


def test_v20_thirty_characters_are_short():
    assert measure_one("x" * 30)["short_line_fraction"] == 1
    assert measure_one("x" * 31)["short_line_fraction"] == 0


def test_time_is_linear_in_hostile_runs():
    def spend(text):
        texts = pa.array([text], pa.string())
        spent = []
        for _ in range(3):
            started = time.process_time()
            datatrove.measure(texts)
            spent.append(time.process_time() - started)
        return min(spent)

    for piece in ("(", ".", ":", "@", "a@", "a.b@", "a-", "'s", "[", ": ) ", "://", "1."):
        assert spend(piece * 160_000) < 17 * max(spend(piece * 20_000), 0.002), piece
