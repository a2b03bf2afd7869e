"""All signals of a batch against the slow reference, and the laws they must keep."""

import json
import lzma

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from signal_reference import measure_text

from gristmill.cleaning import text_signals
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import DOCUMENT_METRICS, SIGNALS

FRAGMENTS = st.sampled_from(
    [
        "the", "of", "The", "a", "b", "word", "another", "It", "e.g.", "J.", "don't", "3.14", "漢字",
        " ", " ", " ", "\n", "\n", "\n\n", ". ", ".", "...", "…", "! ", "? ", "。", "!", '"', "'", ")",
        "(", "”", "[1]", "[12] ", "[edit]", "[citation needed]", "[Edit]", "[", "]", "{", "#", "- ",
        "•", "* ", "● ", "javascript", "JavaScript", "myjavascripts", "lorem ipsum", "Lorem Ipsum",
        "lorem", " ipsum", "privacy policy", "Privacy Policy ", "terms of use", "use cookies",
        "uses cookies", "cookie policy", "use of cookies", "cookies", "_", "__", "😀", "\u00a0", "\t",
        "UPPER", "Title", "http://a.b/c", "HTTPS://x", "http:", "://", "12", "٣", "\ufffd", "\x07",
        "🇩🇪", "☎", "<", "+", "/", "}", ">", "⟨", "日本語の文章", "ภาษาไทย", "\u0e31", "か\u3099", "𠀀",
        "x" * 1000, "y" * 1001, "é", "e\u0301",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(FRAGMENTS, max_size=60).map("".join), st.text(max_size=60))
REPEATS = st.lists(st.sampled_from(["a", "bb", "ccc", "dddd"]), max_size=60).map(" ".join)


#: Logarithms are rounded before they are added.
TOLERANCES = {"unigram_entropy": 1e-8}


def measure_rows(texts):
    return text_signals.measure(pa.array(texts, pa.string())).to_pylist()


def assert_agrees(text):
    (row,) = measure_rows([text])
    expected = measure_text(text)
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-12, abs=TOLERANCES.get(name, 0)), name


@given(TEXTS)
@example("")
@example("...")
@example("\n")
@example("Foo bar.[1] Baz.[2][3] ")
@example("a[edit] b. [citation needed] C")
@example("______ ____ _")
def test_signals_agree_with_the_slow_reference(text):
    assert_agrees(text)


@given(REPEATS)
@example("a a a a a a a a a a a a")
@example("a bb a bb a bb a bb a bb a bb")
@example("ccc a bb dddd x a bb dddd ccc")
def test_repetition_agrees_with_the_slow_reference(text):
    assert_agrees(text)


def test_real_documents_agree_with_the_slow_reference(shared_data):
    path = shared_data("dedup-rust-book-revisions")
    (documents,) = path.rglob("docs.jsonl.xz")
    with lzma.open(documents, "rt") as lines:
        texts = [json.loads(next(lines))["text"] for _ in range(12)]
    for text in texts:
        assert_agrees(text[:6000])


@given(st.lists(TEXTS, max_size=6), st.integers(0, 3), st.integers(0, 3))
def test_a_document_measures_the_same_alone_in_a_batch_and_in_a_slice(texts, before, after):
    padded = ["", "wörd. {"] * before + texts + ["the end"] * after
    sliced = pa.array(padded, pa.string()).slice(2 * before, len(texts))
    batch = text_signals.measure(sliced)
    assert batch.to_pylist() == [row for text in texts for row in measure_rows([text])]


@given(st.lists(TEXTS, max_size=4))
def test_schema_is_that_of_the_signals_table(texts):
    batch = text_signals.measure(pa.array(texts, pa.string()))
    batch.validate(full=True)
    assert batch.num_rows == len(texts)
    for name in (*DOCUMENT_METRICS, "line_flags", "line_words", "line_sentences"):
        assert batch.schema.field(name) == SIGNALS.field(name)


@given(TEXTS)
def test_fractions_are_between_zero_and_one(text):
    (row,) = measure_rows([text])
    for name in DOCUMENT_METRICS:
        assert np.isfinite(row[name])
        if name.endswith("_fraction"):
            assert 0 <= row[name] <= 1, name


@given(TEXTS)
def test_there_is_one_line_more_than_newlines(text):
    (row,) = measure_rows([text])
    assert len(row["line_flags"]) == text.count("\n") + 1


def test_measuring_the_measured_kept_text_changes_no_count():
    texts = ["The cat sat on the mat. It purred.\n\nThe end of it."] * 3
    first, second, third = measure_rows(texts)
    assert first == second == third


def test_counts_saturate():
    (row,) = measure_rows(["a " * 70_000])
    assert row["line_words"] == [65_535]
    assert row["word_count"] == 70_000


def test_large_documents_take_linear_time():
    texts = [
        "漢" * 400_000,
        "a\n" * 300_000,
        "[" * 500_000,
        "_" * 500_000,
        "a " * 300_000,
        "." * 9**6,
    ]
    for row, text in zip(measure_rows(texts), texts, strict=True):
        assert row["char_count"] == len(text)


@pytest.mark.parametrize("texts", [pa.array([1, 2]), pa.array(["a", None])])
def test_other_arrays_are_refused(texts):
    with pytest.raises(SchemaError):
        text_signals.measure(texts)


def test_bytes_that_are_not_utf8_are_refused():
    offsets, data = np.array([0, 2], np.int32), b"\xe0\n"
    texts = pa.StringArray.from_buffers(1, pa.py_buffer(offsets), pa.py_buffer(data))
    with pytest.raises(SchemaError, match="damaged"):
        text_signals.measure(texts)


def test_warm_up_leaves_nothing_to_compile():
    text_signals.warm_up()
    compiled = len(text_signals._measure_batch.signatures)
    text_signals.measure(pa.array([], pa.string()))
    text_signals.measure(pa.array(["Some text.", ""]).slice(1))
    assert len(text_signals._measure_batch.signatures) == compiled == 1
