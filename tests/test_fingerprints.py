"""Fingerprints are what the single steps give; columns hold them whole."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import banding, fingerprints, minhash, shingling

SETTINGS = minhash.MinHashSettings(bands=3, rows_per_band=2, words_per_shingle=2)
TEXTS = st.lists(st.sampled_from(["", "a b c", "a b c d", "A, b! c", "中文", "..."]), max_size=6)


@given(TEXTS, st.booleans())
def test_fingerprints_equal_the_single_steps(texts: list[str], has_scope: bool) -> None:
    column = pa.array(texts, pa.string())
    scope = [b"en"] * len(texts) if has_scope else None
    found = fingerprints.fingerprint_texts(column, SETTINGS, scope)
    shingles = shingling.shingle(column, 2)
    signatures = minhash.sign(shingles, SETTINGS)
    assert found.dedup_ids == shingling.dedup_ids(column)
    assert found.shingle_counts.tolist() == shingles.counts.tolist()
    assert found.shingle_counts.dtype == np.int32
    assert found.signatures.tolist() == signatures.tolist()
    expected = banding.hash_bands(signatures, SETTINGS, scope)
    assert found.band_hashes.tolist() == expected.tolist()


@given(TEXTS, st.integers(0, 3))
def test_columns_hold_rows_whole(texts: list[str], start: int) -> None:
    found = fingerprints.fingerprint_texts(pa.array(texts, pa.string()), SETTINGS)
    signatures = fingerprints.pack_rows(found.signatures)
    bands = fingerprints.pack_rows(found.band_hashes)
    signatures.validate(full=True)
    assert signatures.type == pa.binary() and len(signatures) == len(texts)
    unpacked = fingerprints.unpack_signatures(signatures.slice(start), SETTINGS)
    assert unpacked.tolist() == found.signatures[start:].tolist()
    unpacked_bands = fingerprints.unpack_bands(bands.slice(start), SETTINGS)
    assert unpacked_bands.tolist() == found.band_hashes[start:].tolist()


def test_rows_are_little_endian() -> None:
    column = fingerprints.pack_rows(np.array([[1, 2]], dtype=np.uint32))
    assert column.to_pylist() == [b"\1\0\0\0\2\0\0\0"]


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="not 6 values of 4 bytes"):
        fingerprints.unpack_signatures(pa.array([b"1234"]), SETTINGS)
    with pytest.raises(ValueError, match="not binary"):
        fingerprints.unpack_bands(pa.array(["a"]), SETTINGS)
