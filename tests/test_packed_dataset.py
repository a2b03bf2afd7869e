"""The loader: rows against a slow reference, order, resume, elasticity, damage."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_versions import build_version, random_documents

from gristmill.schemas.errors import CorruptFileError, StateMismatchError, UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.versions import Version
from gristmill.training.batches import IGNORED_LABEL, Batch
from gristmill.training.packed_dataset import PackedDataset

DOCUMENTS = random_documents(60, seed=1)
BY_ID = {hash_parts("train", i).hex(): document for i, document in enumerate(DOCUMENTS)}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    splits = {"train": DOCUMENTS, "validation": random_documents(9, seed=2), "test": []}
    return build_version(tmp_path_factory.mktemp("store") / "web", splits, shards=3)


@pytest.fixture(scope="module")
def dataset(version: Version) -> PackedDataset:
    return PackedDataset.open(version, "train", seed=5)


def take(batches: Iterator[Batch], count: int) -> list[list[int]]:
    return [batch.rows.tolist() for batch in itertools.islice(batches, count)]


def reopen(version: Version, position: int = 0, seed: int = 5) -> PackedDataset:
    dataset = PackedDataset.open(version, "train", seed=seed)
    dataset.position = position
    return dataset


def test_rows_hold_every_token_of_every_document_once(dataset: PackedDataset) -> None:
    batch = dataset.gather_rows(np.arange(len(dataset), dtype=np.int64))
    assert batch.token_count == sum(map(len, DOCUMENTS))
    found = []
    for row in range(len(dataset)):
        place = 0
        for doc_id, start, length in dataset.trace_row(row):
            found += [(doc_id, start + i) for i in range(length)]
            inputs = batch.input_ids[row, place : place + length]
            document = BY_ID[doc_id]
            assert inputs.tolist() == document[start : start + len(inputs)].tolist()
            targets = batch.labels[row, place : place + length - 1]
            assert targets.tolist() == document[start + 1 : start + length].tolist()
            assert (batch.labels[row, place + length - 1 : place + length] == IGNORED_LABEL).all()
            positions = batch.position_ids[row, place : place + length]
            assert positions.tolist() == list(range(len(positions)))
            place += length
        assert not batch.doc_ids[row, place:].any()
    assert len(found) == len(set(found)) == sum(map(len, DOCUMENTS))


def test_bytes_of_all_rows_are_the_bytes_of_the_split(dataset: PackedDataset) -> None:
    batch = dataset.gather_rows(np.arange(len(dataset), dtype=np.int64))
    assert batch.n_bytes.sum() == sum(4 * (len(document) - 1) for document in DOCUMENTS)


@given(st.lists(st.integers(0, 76), max_size=12))
def test_gathering_rows_together_equals_one_by_one(
    dataset: PackedDataset, numbers: list[int]
) -> None:
    rows = np.array(numbers, dtype=np.int64)
    together = dataset.gather_rows(rows)
    for place, row in enumerate(numbers):
        alone = dataset.gather_rows(np.array([row], dtype=np.int64))
        for name in ("input_ids", "labels", "position_ids", "doc_ids", "n_tokens", "n_bytes"):
            assert np.array_equal(getattr(together, name)[place], getattr(alone, name)[0]), name


@pytest.mark.parametrize("rows", [[-1], [77], [0, 77]])
def test_rows_outside_the_split_are_refused(dataset: PackedDataset, rows: list[int]) -> None:
    with pytest.raises(IndexError):
        dataset.gather_rows(np.array(rows, dtype=np.int64))
    with pytest.raises(IndexError):
        dataset.rows([-1])


def test_every_epoch_holds_every_row_once_in_an_order_of_its_own(dataset: PackedDataset) -> None:
    rows = len(dataset)
    order = dataset.order_rows(np.arange(3 * rows, dtype=np.int64)).reshape(3, rows)
    assert all(sorted(epoch) == list(range(rows)) for epoch in order.tolist())
    assert len({tuple(epoch) for epoch in order.tolist()}) == 3


@given(position=st.integers(0, 10**12), count=st.integers(1, 20))
def test_order_is_a_function_of_the_position(
    dataset: PackedDataset, position: int, count: int
) -> None:
    span = np.arange(position, position + count, dtype=np.int64)
    straight = dataset.order_rows(span)
    assert straight.tolist() == [int(dataset.order_rows(span[i : i + 1])[0]) for i in range(count)]


def test_seeds_and_datasets_have_orders_of_their_own(tmp_path: Path, version: Version) -> None:
    other = build_version(tmp_path / "web", {"train": DOCUMENTS}, shards=3, dataset_id="other")
    orders = {
        tuple(PackedDataset.open(v, "train", seed=seed).order_rows(np.arange(77)).tolist())
        for v, seed in ((version, 0), (version, 1), (other, 0))
    }
    assert len(orders) == 3


@settings(max_examples=20)
@given(
    size=st.integers(1, 100),
    worlds=st.lists(st.sampled_from([1, 2, 3, 4, 8]), min_size=1, max_size=5),
    steps=st.integers(1, 6),
    ahead=st.sampled_from([0, 1, 2]),
)
def test_global_batches_do_not_depend_on_ranks_or_reading_ahead(
    version: Version, dataset: PackedDataset, size: int, worlds: list[int], steps: int, ahead: int
) -> None:
    straight = reopen(version).batches(size, read_ahead_batches=0)
    expected = take(straight, steps * len(worlds))
    found, state = [], dataset.state_dict() | {"position": 0}
    for world_size in worlds:  # the world changes at each resume
        ranks = [reopen(version) for _ in range(world_size)]
        for rank in ranks:
            rank.load_state_dict(state)
        streams = [
            one.batches(size, rank=rank, world_size=world_size, read_ahead_batches=ahead)
            for rank, one in enumerate(ranks)
        ]
        for _ in range(steps):
            shares = [next(stream) for stream in streams]
            found.append([row for share in shares for row in share.rows.tolist()])
            for one, share in zip(ranks, shares, strict=True):
                one.commit(share)
        for stream in streams:
            stream.close()  # type: ignore[attr-defined]
        states = [one.state_dict() for one in ranks]
        assert all(one == states[0] for one in states)
        state = states[0]
    assert found == expected


@settings(max_examples=20)
@given(size=st.integers(1, 90), stops=st.lists(st.integers(0, 6), max_size=10))
def test_resuming_any_number_of_times_changes_nothing(
    version: Version, size: int, stops: list[int]
) -> None:
    steps = sum(stops) + 5
    expected = take(reopen(version).batches(size, read_ahead_batches=0), steps)
    found, state = [], reopen(version).state_dict()
    for count in [*stops, 5]:
        resumed = reopen(version)
        resumed.load_state_dict(state)
        batches = resumed.batches(size, read_ahead_batches=0)
        for batch in itertools.islice(batches, count):
            found.append(batch.rows.tolist())
            resumed.commit(batch)
        state = resumed.state_dict()
    assert found == expected


def test_a_batch_that_was_read_but_not_committed_comes_again(version: Version) -> None:
    dataset = reopen(version)
    batches = dataset.batches(4)
    dataset.commit(next(batches))
    uncommitted = next(batches)
    resumed = reopen(version)
    resumed.load_state_dict(dataset.state_dict())
    assert next(resumed.batches(4)).rows.tolist() == uncommitted.rows.tolist()


@pytest.mark.parametrize("rows_more", [-1, 0, 1])
def test_worlds_larger_than_a_batch_get_empty_shares(version: Version, rows_more: int) -> None:
    world_size, size = 8, 8 + rows_more
    shares = [
        next(reopen(version).batches(size, rank=rank, world_size=world_size, read_ahead_batches=0))
        for rank in range(world_size)
    ]
    assert sum(len(share.rows) for share in shares) == size
    assert {share.end_position for share in shares} == {size}
    assert all(share.input_ids.shape == (len(share.rows), 16) for share in shares)


def test_a_split_without_rows_opens_and_refuses_to_deal_batches(version: Version) -> None:
    empty = PackedDataset.open(version, "test", seed=0)
    assert len(empty) == 0
    with pytest.raises(UsageError, match="'test' has no rows"):
        empty.batches(4)


def test_an_unknown_split_is_refused_with_those_that_exist(version: Version) -> None:
    with pytest.raises(UsageError, match=r"\['test', 'train', 'validation'\], no 'trian'"):
        PackedDataset.open(version, "trian", seed=0)


def test_a_published_plan_and_the_same_one_made_here_give_the_same_order(
    tmp_path: Path, version: Version
) -> None:
    asked = build_version(tmp_path / "web", {"train": DOCUMENTS}, shards=3, sequence_length=32)
    planned = PackedDataset.open(asked, "train", sequence_length=16, seed=5)
    published = PackedDataset.open(version, "train", seed=5)
    assert planned.identity["plan_id"] == published.identity["plan_id"]
    rows = np.arange(len(published), dtype=np.int64)
    assert np.array_equal(planned.gather_rows(rows).labels, published.gather_rows(rows).labels)


@pytest.mark.parametrize("sequence_length", [8, 16, 100])
@pytest.mark.parametrize("strategy", ["bestfit_split", "concat", "single_doc"])
def test_any_length_and_strategy_loses_no_token(
    version: Version, sequence_length: int, strategy: str
) -> None:
    dataset = PackedDataset.open(
        version, "train", sequence_length=sequence_length, strategy=strategy, seed=0
    )
    batch = dataset.gather_rows(np.arange(len(dataset), dtype=np.int64))
    assert batch.input_ids.shape == (len(dataset), sequence_length)
    assert batch.token_count == sum(map(len, DOCUMENTS))
    if strategy == "single_doc":
        assert int(batch.doc_ids.max()) == 1


@given(row=st.integers(0, 60))
def test_end_document_finds_the_next_start(version: Version, row: int) -> None:
    dataset = PackedDataset.open(
        version, "validation", sequence_length=8, strategy="single_doc", seed=0
    )
    starts = [r for r in range(len(dataset)) if dataset.trace_row(r)[0][1] == 0]
    expected = next((start for start in starts if start >= row), len(dataset))
    assert dataset.end_document(row) == expected


def test_a_state_of_something_else_is_refused_with_a_diff(
    tmp_path: Path, version: Version, dataset: PackedDataset
) -> None:
    good = dataset.state_dict()
    other = build_version(tmp_path / "web", {"train": DOCUMENTS}, shards=3, dataset_id="other")
    foreign = {
        "dataset_id": PackedDataset.open(other, "train", seed=5),
        "seed": PackedDataset.open(version, "train", seed=6),
        "plan_id": PackedDataset.open(version, "train", sequence_length=8, seed=5),
        "split": PackedDataset.open(version, "validation", seed=5),
    }
    for name, one in foreign.items():
        with pytest.raises(StateMismatchError, match=f"{name}: state has"):
            dataset.load_state_dict(one.state_dict())
    for broken in (
        good | {"order_version": 2},
        good | {"format": 2},
        good | {"position": -1},
        good | {"position": 1.5},
        good | {"position": True},
        good | {"world_size": 4},
        {key: value for key, value in good.items() if key != "position"},
        {key: value for key, value in good.items() if key != "plan_id"},
        {},
    ):
        with pytest.raises(StateMismatchError):
            dataset.load_state_dict(broken)
    assert dataset.state_dict() == good


@pytest.mark.parametrize(
    "prefix", ["tokens/train-00000", "tokens/train-00002", "tokens/index", "plans/train-00001"]
)
def test_damage_is_found_before_any_row_is_given(tmp_path: Path, prefix: str) -> None:
    version = build_version(tmp_path / "web", {"train": DOCUMENTS}, shards=3)
    (entry,) = version.files(prefix)
    path = version.file(entry.path)
    healthy = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(healthy), size=25).tolist():
        damaged = bytearray(healthy)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged))
        try:
            dataset = PackedDataset.open(version, "train", seed=0)
            batch = dataset.gather_rows(np.arange(len(dataset), dtype=np.int64))
        except CorruptFileError:
            continue
        # A byte that no reader interprets may change; nothing that is read may.
        assert batch.token_count == sum(map(len, DOCUMENTS))
        path.write_bytes(healthy)
        expected = PackedDataset.open(version, "train", seed=0).gather_rows(batch.rows)
        assert np.array_equal(batch.input_ids, expected.input_ids)
        assert np.array_equal(batch.labels, expected.labels)
    path.write_bytes(healthy[: len(healthy) // 2])
    with pytest.raises(CorruptFileError):
        dataset = PackedDataset.open(version, "train", seed=0)
        dataset.gather_rows(np.arange(len(dataset), dtype=np.int64))


def test_torch_dataset_gives_the_rows_as_tensors(dataset: PackedDataset) -> None:
    rows = dataset.torch_dataset()
    batch = dataset.gather_rows(np.array([3], dtype=np.int64))
    assert len(rows) == len(dataset)
    assert rows[3].keys() == {"input_ids", "labels", "position_ids", "doc_ids"}
    for name, tensor in rows[3].items():
        assert np.array_equal(tensor.numpy(), getattr(batch, name)[0])
