"""Perplexity: KenLM's own numbers, SentencePiece's own pieces, and hostile model files."""

import gzip
import hashlib
import math
import struct

import numpy as np
import pyarrow as pa
import pytest
from arpa_models import list_lines, make_arpa
from conftest import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.perplexity import LARGEST, PerplexityModel
from gristmill.cleaning.perplexity_arpa import BINARY_MAGIC, read_arpa
from gristmill.cleaning.perplexity_pieces import PieceModel
from gristmill.cleaning.perplexity_tables import hash_text
from gristmill.cleaning.perplexity_text import normalize_lines
from gristmill.schemas.errors import InputError

GOLDEN = REPOSITORY / "tests" / "cases" / "quality" / "kenlm.npz"
SMALL = make_arpa(["a b c a b", "b c d", "a a b d"], 3)


def digest(text):
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@pytest.fixture(scope="module")
def sets(shared_data):
    pieces = shared_data("tok-sentencepiece-data")
    novel = pieces / "data" / "wagahaiwa_nekodearu.txt"
    return pieces, *list_lines(shared_data("bench-wikitext2"), novel)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("arpa") / "small.arpa"
    path.write_text(SMALL)
    return PerplexityModel(path, normalize=False)


def score_slowly(line):
    """The definition: the longest n-gram there is, and a weight for each step back to it."""
    probs, backoffs, section = {}, {}, 0
    for row in SMALL.splitlines():
        if row.endswith("-grams:"):
            section += 1
        elif section and "\t" in row:
            log_prob, words, *rest = row.split("\t")
            probs[tuple(words.split())] = float(log_prob)
            backoffs[tuple(words.split())] = float(rest[0]) if rest else 0.0

    def look_up(context, word):
        if (*context, word) in probs:
            return probs[*context, word]
        return backoffs.get(context, 0.0) + look_up(context[1:], word)

    known = [word if (word,) in probs else "<unk>" for word in line.split()]
    words = ["<s>", *known, "</s>"]
    return sum(
        look_up(tuple(words[max(0, i - 2) : i]), words[i]) for i in range(1, len(words))
    ), len(words) - 1


def test_scores_are_those_of_kenlm(sets, tmp_path):
    _, training, lines = sets
    path = tmp_path / "model.arpa"
    path.write_text(make_arpa(training))
    golden = np.load(GOLDEN, allow_pickle=False)
    assert [digest(line) for line in lines] == golden["lines"].tolist()
    scores, _ = PerplexityModel(path, normalize=False).sum_lines(pa.array(lines, pa.string()))
    assert scores.astype(np.float32).tolist() == golden["scores"].tolist()


@pytest.mark.parametrize("name", ["test_model", "test_ja_model"])
def test_pieces_are_those_of_sentencepiece(sets, name):
    folder, _, lines = sets
    model = PieceModel(folder / "python" / "test" / f"{name}.model")
    cut = model.cut_lines("\n".join(lines)).split("\n")
    assert [digest(line) for line in cut] == np.load(GOLDEN)[name].tolist()


@given(
    st.lists(
        st.sampled_from(["a", "b", "c", "d", "e", "<s>", "</s>", "<unk>"]), min_size=1, max_size=12
    )
)
def test_a_line_scores_as_the_definition_says(small, words):
    line = " ".join(words)
    (score,), (length,) = small.sum_lines(pa.array([line], pa.string()))
    expected, count = score_slowly(line)
    assert length == count
    assert score == pytest.approx(expected, abs=1e-4)


@given(st.lists(st.text(alphabet=st.sampled_from("ab c\n\r\t \u00a0\u3000é1X"), max_size=30)))
def test_measuring_is_total_and_keeps_order(small, texts):
    column = pa.array(texts, pa.string())
    whole = small.measure(column)
    assert whole.tobytes() == small.measure(column).tobytes()
    alone = [float(small.measure(column.slice(row, 1))[0]) for row in range(len(texts))]
    assert np.array(alone).tobytes() == whole.tobytes()
    for text, value in zip(texts, whole, strict=True):
        has_words = bool(text.encode().split())
        assert math.isnan(value) != has_words
        assert not has_words or 1 <= value <= LARGEST


def test_lines_are_scored_apart(small):
    both, first, second = small.measure(pa.array(["a b\n\nc d", "a b", "c d"], pa.string()))
    # Two lines of three steps each: the mean of their logarithms.
    assert math.log10(both) == pytest.approx((math.log10(first) + math.log10(second)) / 2)


def test_a_compressed_model_is_the_same(tmp_path, small):
    path = tmp_path / "small.arpa.gz"
    path.write_bytes(gzip.compress(SMALL.encode()))
    texts = pa.array(["a b c", "d x"], pa.string())
    expected = small.measure(texts).tolist()
    assert PerplexityModel(path, normalize=False).measure(texts).tolist() == expected


def test_unknown_words_of_a_model_without_unk_are_as_improbable_as_in_kenlm(tmp_path):
    path = tmp_path / "no_unk.arpa"
    lines = [line for line in SMALL.splitlines() if "<unk>" not in line]
    path.write_text("\n".join(lines).replace("ngram 1=7", "ngram 1=6"))
    model = PerplexityModel(path, normalize=False)
    (with_unknown,), _ = model.sum_lines(pa.array(["a z"], pa.string()))
    assert with_unknown < -100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\\data\\", "data"), "header"),
        (("ngram 2=", "ngram 3="), "order 3 follows 1"),
        (("ngram 1=7", "ngram 1=8"), "1 of 8 1-grams are missing"),
        (("ngram 1=7", "ngram 1=6"), "more than the header counts"),
        (("ngram 1=7", "ngram 1=900000000000"), "counts"),
        (("\\2-grams:", "\\9-grams:"), "2-grams: is missing"),
        (("\\end\\", ""), "end\\\\ is missing"),
        (("\ta b\t", "\ta zz\t"), "has a first word or an ending"),
        (("\ta b\t", "\tzz b\t"), "has a first word or an ending"),
        (("\ta b\t", "\ta a\t"), "stands twice"),
        (("\ta b\t", "\ta\n"), "fewer words"),
        (("\t</s>", "\tEND"), "has a first word or an ending"),
        (("-99", "0.5"), "over 0"),
        (("-99", "nan"), "no number"),
        (("-99", "-"), "no number"),
        (("-99", "1e99999"), "no number"),
    ],
)
def test_a_malformed_model_is_refused_by_name_and_line(tmp_path, change, message):
    path = tmp_path / "bad.arpa"
    assert change[0] in SMALL
    path.write_text(SMALL.replace(change[0], change[1], 1))
    with pytest.raises(InputError, match=message) as caught:
        read_arpa(path)
    assert str(path) in str(caught.value)


def test_a_fault_names_its_line(tmp_path):
    path = tmp_path / "bad.arpa"
    path.write_text(SMALL.replace("\ta b\t", "\ta zz\t", 1))
    line = (
        path.read_text()
        .splitlines()
        .index(next(row for row in path.read_text().splitlines() if "\ta zz\t" in row))
    )
    with pytest.raises(InputError, match=f"line {line + 1}: the 2-gram"):
        read_arpa(path)


@given(st.binary(max_size=200), st.integers(0, len(SMALL) - 1))
def test_no_bytes_do_worse_than_an_error(tmp_path_factory, junk, place):
    path = tmp_path_factory.getbasetemp() / "fuzzed.arpa"
    data = SMALL.encode()
    path.write_bytes(data[:place] + junk + data[place + len(junk) :])
    try:
        table, order = read_arpa(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert 1 <= order <= 8
        assert table.keys.size >= 16


def test_binary_models_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(BINARY_MAGIC + b" version 5\n\0")
    with pytest.raises(InputError, match="binary format"):
        PerplexityModel(path)
    with pytest.raises(InputError, match="No such file"):
        PerplexityModel(tmp_path / "none.arpa")
    with pytest.raises(InputError, match="No such file"):
        PieceModel(tmp_path / "none.model")


def write_field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


def write_piece(text, kind):
    score = bytes([2 << 3 | 5]) + struct.pack("<f", -1.0)
    return write_field(1, write_field(1, text.encode()) + score + bytes([3 << 3, kind]))


PIECES = write_piece("<unk>", 2) + write_piece("\u2581a", 1) + write_piece("b", 1)


@given(st.integers(0, len(PIECES)), st.binary(max_size=8))
def test_a_damaged_piece_model_is_an_error_or_a_model(tmp_path_factory, place, junk):
    path = tmp_path_factory.getbasetemp() / "fuzzed.model"
    path.write_bytes(PIECES[:place] + junk + PIECES[place + len(junk) :])
    try:
        model = PieceModel(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert model.cut_lines("a b\n").count("\n") == 1


@given(places=st.lists(st.integers(0, 237_000), max_size=4), bits=st.integers(1, 255))
def test_a_damaged_normaliser_leads_nowhere(sets, tmp_path_factory, places, bits):
    # `tokenizers` believes the map, and ends the process's thread where it lies.
    data = bytearray((sets[0] / "python" / "test" / "test_model.model").read_bytes())
    for place in places:
        data[-240_000 + place] ^= bits
    path = tmp_path_factory.getbasetemp() / "normaliser.model"
    path.write_bytes(data)
    try:
        model = PieceModel(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert model.cut_lines("\uff28\u00bd \ufb01\u6f22 w\u00f6rld\n").count("\n") == 1


def test_pieces_that_cannot_be_told_apart_are_refused(tmp_path):
    path = tmp_path / "odd.model"
    for extra in (write_piece("x", 4), write_piece("<0x0A>", 6), write_field(2, b"\x18\x02")):
        path.write_bytes(PIECES + extra)
        with pytest.raises(InputError, match="no SentencePiece unigram model"):
            PieceModel(path)


def test_control_symbols_in_a_text_are_no_symbols(tmp_path):
    path = tmp_path / "control.model"
    path.write_bytes(PIECES + write_piece("<s>", 3))
    assert PieceModel(path).cut_lines("a<s>b") == "\u2581a <s> b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ça va?\nOUI", "ca va?\noui"),
        ("In 1984, ３ men", "in 0000, 0 men"),
        ("«Tout» – ‘non’ — oui…", '"tout" - ‘non\'  -  oui...'),
        ("a\tb\x00c\x85d\r\n", "a bcd\n"),
        ("漢字。（かな）", "漢字,(かな)"),
        ("", ""),
    ],
)
def test_lines_are_brought_into_the_form_of_the_training_text(text, expected):
    assert normalize_lines(text) == expected


@given(st.text())
def test_normalising_keeps_the_number_of_lines(text):
    assert normalize_lines(text).count("\n") == text.count("\n")


def test_both_spellings_of_unknown_are_one_word():
    assert hash_text("<UNK>") == hash_text("<unk>") != hash_text("<Unk>")
