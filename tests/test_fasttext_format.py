"""Model files: read and written unchanged, and refused where they lie about themselves."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import language
from gristmill.cleaning.fasttext_format import (
    LOSSES,
    SUPERVISED,
    ModelFile,
    ModelSettings,
    QuantizedMatrix,
    build_dictionary,
    write_model,
)
from gristmill.cleaning.fasttext_reading import read_model
from gristmill.schemas.errors import InputError


def make_settings(**changes):
    settings = ModelSettings(
        dim=4,
        window=5,
        epoch=5,
        min_count=1,
        negatives=5,
        word_ngrams=2,
        loss=1 + LOSSES.index("softmax"),
        model=SUPERVISED,
        bucket=8,
        min_n=0,
        max_n=0,
        lr_update_rate=100,
        sampling=1e-4,
    )
    return settings._replace(**changes)


def make_model(**changes):
    entries = [b"</s>", "wört".encode(), b"word", b"__label__a", b"__label__b"]
    dictionary = build_dictionary(entries, [9, 5, 4, 6, 3], 3, 20)
    random = np.random.default_rng(1)
    return ModelFile(
        make_settings(**changes),
        dictionary,
        random.normal(size=(11, 4)).astype(np.float32),
        random.normal(size=(2, 4)).astype(np.float32),
    )


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.bin"
    write_model(make_model(), path)
    return path


def test_the_embedded_model_is_written_as_it_was_read(tmp_path):
    """Quantised with norms, pruned, with a dense output: all that fastText writes."""
    path = language.find_model()
    model = read_model(path)
    assert model.settings.dim == 16 and model.dictionary.label_count == 176
    assert isinstance(model.input, QuantizedMatrix) and model.input.norms is not None
    assert model.dictionary.kept is not None
    copy = tmp_path / "copy.ftz"
    write_model(model, copy)
    assert copy.read_bytes() == path.read_bytes()


def test_a_dense_model_comes_back(small):
    model, read = make_model(), read_model(small)
    assert read.settings == model.settings
    assert [read.dictionary.read_entry(i) for i in range(5)] == [
        model.dictionary.read_entry(i) for i in range(5)
    ]
    assert read.dictionary.counts.tolist() == [9, 5, 4, 6, 3]
    assert (read.dictionary.word_count, read.dictionary.token_count) == (3, 20)
    assert np.array_equal(read.input, model.input) and np.array_equal(read.output, model.output)


def test_a_file_that_ends_early_is_refused(small, tmp_path):
    payload = small.read_bytes()
    for size in range(len(payload)):
        short = tmp_path / "short.bin"
        short.write_bytes(payload[:size])
        with pytest.raises(InputError, match=r"short\.bin"):
            read_model(short)


@pytest.mark.parametrize("embedded", [False, True])
def test_damaged_files_are_refused_or_read(small, tmp_path, embedded):
    """No number of a file leads to any other error, or to memory that the file cannot fill."""
    payload = language.find_model().read_bytes() if embedded else small.read_bytes()
    path = tmp_path / "damaged.bin"
    refused = 0

    @given(st.integers(0, min(len(payload), 400) - 1), st.binary(min_size=1, max_size=8))
    def damage(position, garbage):
        nonlocal refused
        changed = payload[:position] + garbage + payload[position + len(garbage) :]
        path.write_bytes(changed)
        try:
            read_model(path)
        except InputError:
            refused += 1

    damage()
    assert refused > 0


@pytest.mark.parametrize(
    ("position", "form", "value", "message"),
    [
        (0, "<i", 7, "not a fastText model"),
        (4, "<i", 13, "version is 13"),
        (8, "<i", -1, "-1 dimensions"),
        (32, "<i", 9, "loss number 9"),
        (40, "<i", -5, "-5 buckets"),
        (40, "<i", 0, "no buckets"),
        (28, "<i", 1 << 20, "word_ngrams"),
        (64, "<i", 1 << 30, "entries"),
        (68, "<i", 4, "4 words and 2 labels"),
        (84, "<q", 1 << 60, "pruned n-grams"),
    ],
)
def test_the_fault_is_named(small, position, form, value, message):
    payload = bytearray(small.read_bytes())
    struct.pack_into(form, payload, position, value)
    small.write_bytes(payload)
    with pytest.raises(InputError, match=message):
        read_model(small)


def test_a_matrix_larger_than_its_file_is_refused_before_it_is_allocated(small):
    payload = bytearray(small.read_bytes())
    shape = struct.pack("<qq", 11, 4)
    struct.pack_into("<qq", payload, payload.index(shape), 1 << 50, 4)
    small.write_bytes(payload)
    with pytest.raises(InputError, match="a matrix takes"):
        read_model(small)


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_model(tmp_path / "absent.bin")
    (tmp_path / "empty.bin").touch()
    with pytest.raises(InputError, match="is empty"):
        read_model(tmp_path / "empty.bin")


def test_old_supervised_models_have_no_character_ngrams(small):
    payload = bytearray(small.read_bytes())
    struct.pack_into("<i", payload, 4, 11)
    struct.pack_into("<i", payload, 48, 3)
    small.write_bytes(payload)
    assert read_model(small).settings.max_n == 0


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 30), st.booleans())
def test_a_quantised_matrix_is_restored_piece_by_piece(columns, width, rows, normed):
    random = np.random.default_rng(columns * 100 + width)
    width = min(width, columns)
    pieces = -(-columns // width)
    matrix = QuantizedMatrix(
        random.integers(0, 256, (rows, pieces)).astype(np.uint8),
        random.normal(size=256 * columns).astype(np.float32),
        columns,
        width,
        random.integers(0, 256, rows).astype(np.uint8) if normed else None,
        random.normal(size=256).astype(np.float32) if normed else None,
    )
    dense = matrix.restore()
    assert dense.shape == matrix.shape == (rows, columns)
    for row in range(min(rows, 3)):
        for column in range(columns):
            piece, place = divmod(column, width)
            wide = min(width, columns - piece * width)
            first = piece * 256 * width + int(matrix.codes[row, piece]) * wide
            wanted = matrix.centroids[first + place]
            if normed:
                wanted = wanted * matrix.norms[matrix.norm_codes[row]]
            assert dense[row, column] == wanted
