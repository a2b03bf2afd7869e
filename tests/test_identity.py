"""Ids and seeds: equal only for equal names, the same in every process and version."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas import identity

text = st.text(max_size=30).filter(lambda value: value.isprintable() or value.isascii())
part = st.one_of(text, st.binary(max_size=30), st.integers(-(2**127), 2**127 - 1))
parts = st.lists(part, max_size=5)


def hash_slowly(values: list[str | bytes | int], size: int) -> bytes:
    framed = b""
    for value in values:
        if isinstance(value, bytes):
            framed += b"b" + struct.pack("<Q", len(value)) + value
        elif isinstance(value, str):
            framed += b"s" + struct.pack("<Q", len(value.encode())) + value.encode()
        else:
            low, high = value & (2**64 - 1), value >> 64
            framed += b"i" + struct.pack("<Q", 16) + struct.pack("<Qq", low, high)
    return hashlib.blake2b(framed, digest_size=size).digest()


@given(parts, st.integers(1, 64))
def test_parts_are_framed_by_type_and_length(values, size):
    assert identity.hash_parts(*values, size=size) == hash_slowly(values, size)


@given(parts, parts)
def test_no_two_sequences_run_together(left, right):
    # 1 and True are equal to Python, but no bool is drawn.
    assert (identity.hash_parts(*left) == identity.hash_parts(*right)) == (left == right)


@given(text, text)
def test_moving_a_border_changes_the_hash(left, right):
    if left:
        assert identity.hash_parts(left, right) != identity.hash_parts(left + right)
        assert identity.hash_parts(left, right) != identity.hash_parts("", left + right)


def test_an_integer_too_large_is_refused():
    with pytest.raises(OverflowError):
        identity.hash_parts(2**127)


def test_ids_never_change():
    assert identity.hash_parts().hex() == hashlib.blake2b(digest_size=16).hexdigest()
    assert identity.doc_id("commoncrawl", "urn:uuid:1").hex() == "486b42c9f8d9caf6d067ada205953e11"
    assert identity.content_id("grüße").hex() == "63b23eae40771eb4f3b009505a434daf"
    assert identity.derive_seed(1, "split", 2) == 2456551519503175783


@given(text, text)
def test_doc_id_tells_kinds_and_names_apart(kind, native_id):
    found = identity.doc_id(kind, native_id)
    assert len(found) == identity.ID_BYTES
    assert found == identity.hash_parts("doc", kind, native_id)
    assert found != identity.doc_id(kind + "x", native_id)
    assert found != identity.doc_id(kind, native_id + "x")


@given(text)
def test_content_id_is_of_the_text_alone(value):
    expected = hashlib.blake2b(value.encode(), digest_size=16).digest()
    assert identity.content_id(value) == expected


@given(st.integers(0, 2**63 - 1), st.lists(st.one_of(text, st.integers(0, 100)), max_size=3))
def test_seeds_fit_63_bits_and_differ_by_name(seed, names):
    derived = identity.derive_seed(seed, *names)
    assert 0 <= derived < 2**63
    assert derived == identity.derive_seed(seed, *names)
    assert derived != identity.derive_seed(seed, *names, "more")


def test_seeds_use_every_bit():
    seeds = [identity.derive_seed(0, n) for n in range(2000)]
    for bit in range(63):
        ones = sum(seed >> bit & 1 for seed in seeds)
        assert 800 < ones < 1200
