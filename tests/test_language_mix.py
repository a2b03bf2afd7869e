"""Pieces of texts, and the languages of lines summed up."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.language_mix import LANGUAGE_MIX, MOST_LANGUAGES, mix_languages
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.text_spans import cut_spans, find_lines, span_texts

NAMES = ("nl", "de", "fr", "en", "it", "es", "pt")
TEXTS = st.lists(st.text(alphabet="aé語🙂\n", max_size=30), max_size=5)


def read_spans(texts):
    data, offsets = read_buffers(pa.array(texts, pa.string()))
    return data, span_texts(offsets)


def spell(data, spans):
    raw = data.tobytes()
    return [raw[start:end].decode() for start, end in zip(spans.starts, spans.ends, strict=True)]


@given(TEXTS, st.integers(1, 12))
def test_heads_are_so_many_characters(texts, longest):
    data, spans = read_spans(texts)
    assert spell(data, cut_spans(data, spans, longest)) == [text[:longest] for text in texts]


@given(TEXTS, st.integers(1, 8))
def test_lines_are_those_of_split(texts, shortest):
    data, spans = read_spans(texts)
    lines, owners = find_lines(data, spans, shortest)
    wanted = [
        (line, number)
        for number, text in enumerate(texts)
        for line in text.split("\n")
        if len(line.encode()) >= shortest
    ]
    assert list(zip(spell(data, lines), owners.tolist(), strict=True)) == wanted


LINES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, len(NAMES) - 1), st.integers(1, 99)), max_size=30
)


@given(LINES)
def test_shares_are_those_of_a_plain_loop(lines):
    texts, labels, weights = np.array(lines, np.int64).reshape(-1, 3).T
    mix = mix_languages(labels, weights, texts, 4, NAMES)
    mix.validate(full=True)
    assert mix.type == LANGUAGE_MIX and len(mix) == 4
    for number, found in enumerate(mix.to_pylist()):
        sums = Counter()
        for owner, label, weight in lines:
            if owner == number:
                sums[NAMES[label]] += weight
        ranked = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_LANGUAGES]
        assert [part["language"] for part in found] == [name for name, _ in ranked]
        for part, (_, size) in zip(found, ranked, strict=True):
            assert part["share"] == np.float32(np.round(size / sums.total(), 4))
