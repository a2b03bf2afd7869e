"""Row digests against the definition in plain Python."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.publishing import row_digests
from gristmill.schemas.errors import PublishError

#: Few first bytes and many zero bytes: numpy strips trailing zeros from byte strings.
ID = st.binary(min_size=16, max_size=16) | st.lists(
    st.sampled_from([0, 1, 255]), min_size=16, max_size=16
).map(bytes)
ROWS = st.lists(st.tuples(ID, ID), max_size=40)


def to_arrays(rows):
    doc_ids = np.frombuffer(b"".join(row[0] for row in rows), dtype=np.uint8).reshape(-1, 16)
    content_ids = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8).reshape(-1, 16)
    return doc_ids, content_ids


def reference_digest(rows):
    buckets = {}
    for line in sorted(f"{doc_id.hex()} {content_id.hex()}\n" for doc_id, content_id in rows):
        buckets.setdefault(int(line[:2], 16), []).append(line)
    digests = [
        hashlib.sha256("".join(buckets.get(bucket, [])).encode()).digest() for bucket in range(256)
    ]
    return "sha256:" + hashlib.sha256(b"".join(digests)).hexdigest()


@given(ROWS)
def test_digest_is_the_definition(rows):
    assert row_digests.digest_rows(*to_arrays(rows)) == reference_digest(rows)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert row_digests.digest_rows(*to_arrays(rows)) == row_digests.digest_rows(
        *to_arrays(shuffled)
    )


@given(ROWS, st.lists(st.integers(0, 40), max_size=5))
def test_sorted_shards_add_up(rows, cuts):
    rows = sorted(rows)
    buckets = row_digests.Buckets()
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for start, end in itertools.pairwise(bounds):
        buckets.add(*to_arrays(rows[start:end]))
    assert buckets.digest() == reference_digest(rows)
    assert buckets.rows == len(rows)


@given(ROWS.filter(len), st.data())
def test_any_changed_row_changes_the_digest(rows, data):
    index = data.draw(st.integers(0, len(rows) - 1))
    byte = data.draw(st.integers(0, 31))
    pair = bytearray(rows[index][0] + rows[index][1])
    pair[byte] ^= data.draw(st.integers(1, 255))
    changed = [*rows[:index], (bytes(pair[:16]), bytes(pair[16:])), *rows[index + 1 :]]
    assert row_digests.digest_rows(*to_arrays(changed)) != reference_digest(rows)


def test_more_rows_than_one_step():
    random = np.random.default_rng(1)
    doc_ids = random.integers(0, 256, (200_000, 16), dtype=np.uint8)
    content_ids = random.integers(0, 256, (200_000, 16), dtype=np.uint8)
    rows = list(zip(map(bytes, doc_ids), map(bytes, content_ids), strict=True))
    assert row_digests.digest_rows(doc_ids, content_ids) == reference_digest(rows)


def test_golden_digests():
    """Frozen: these values are in published manifests."""
    none = np.empty((0, 16), dtype=np.uint8)
    assert row_digests.digest_rows(none, none) == (
        "sha256:" + hashlib.sha256(hashlib.sha256().digest() * 256).hexdigest()
    )
    doc_ids = np.arange(48, dtype=np.uint8).reshape(3, 16)
    assert row_digests.digest_rows(doc_ids, doc_ids[::-1]) == (
        "sha256:20803bd0170de78298ed35f09f776efdf8be83ede190c1589269267dd850147c"
    )
    assert row_digests.identify_dataset({"train": "sha256:aa", "test": "sha256:bb"}, "cc") == (
        "gristmill:sha256:364bf9c70687f221373aef081794e24d2399aa9f157d9faa0290ab9e3a8d9a5b"
    )


def test_unsorted_rows_are_refused():
    doc_ids = np.arange(48, dtype=np.uint8).reshape(3, 16)
    buckets = row_digests.Buckets()
    with pytest.raises(PublishError, match="sorted"):
        buckets.add(doc_ids[::-1], doc_ids)
    buckets.add(doc_ids[1:], doc_ids[1:])
    with pytest.raises(PublishError, match="sorted"):
        buckets.add(doc_ids[:1], doc_ids[:1])


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4), st.text(max_size=5))
def test_dataset_id_depends_on_splits_and_recipe_not_on_order(digests, recipe):
    found = row_digests.identify_dataset(digests, recipe)
    assert found.startswith("gristmill:sha256:")
    assert found == row_digests.identify_dataset(dict(reversed(digests.items())), recipe)
    assert found != row_digests.identify_dataset(digests, recipe + "x")
    assert found != row_digests.identify_dataset({**digests, "new split": "d"}, recipe)
