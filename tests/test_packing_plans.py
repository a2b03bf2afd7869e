"""Plan files: round trip, identity, damage."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.schemas.errors import CorruptFileError
from gristmill.schemas.tables import TOKENS
from gristmill.tokenize.packing import Plan, plan_bestfit_split
from gristmill.tokenize.packing_plans import (
    STRATEGIES,
    PlanMeta,
    combine_plan_ids,
    describe_plan,
    plan_shard,
    read_plan,
    write_plan,
)
from gristmill.tokenize.token_shards import TokenShard, write_token_shard

META = PlanMeta(
    tokens_sha256="t" * 64, lengths_sha256="l" * 64, sequence_length=9, strategy="concat"
)
COLUMNS = ("row_ptr", "documents", "starts", "lengths")


def make_shard(path: Path, lengths: list[int], row_group_rows: int = 4096) -> TokenShard:
    tokens = [np.array([1] * (length - 1) + [0], np.uint16).tobytes() for length in lengths]
    columns = [
        [i.to_bytes(16, "big") for i in range(len(lengths))],
        [0] * len(lengths), lengths, lengths, tokens,
    ]  # fmt: skip
    arrays = [pa.array(c, f.type) for c, f in zip(columns, TOKENS, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=TOKENS)
    write_token_shard(
        path, [batch], vocab_size=9, eos_id=0, tokenizer_sha256="", row_group_rows=row_group_rows
    )
    return TokenShard.open(path)


def same(left: Plan, right: Plan) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in COLUMNS)


@settings(max_examples=25)
@given(lengths=st.lists(st.integers(0, 50), max_size=40), capacity=st.integers(1, 60))
def test_round_trip_and_equal_bytes(tmp_path_factory, lengths: list[int], capacity: int) -> None:
    folder = tmp_path_factory.mktemp("plans")
    plan = plan_bestfit_split(np.array(lengths, np.int32), capacity)
    assert write_plan(folder / "a.arrow", plan, META) == META.plan_id
    write_plan(folder / "b.arrow", plan, META)
    assert (folder / "a.arrow").read_bytes() == (folder / "b.arrow").read_bytes()
    found, meta = read_plan(folder / "a.arrow")
    assert meta == META
    assert same(found, plan)
    for name in COLUMNS:
        array = getattr(found, name)
        assert array.flags.aligned
        assert array.dtype == getattr(plan, name).dtype
    assert not list(folder.glob("*.partial"))


def test_other_programs_read_plans(tmp_path: Path) -> None:
    write_plan(tmp_path / "p.arrow", plan_bestfit_split([3, 10, 25, 7, 1, 4, 6], 10), META)
    rows = pa.ipc.open_file(tmp_path / "p.arrow").read_all().column("segments").to_pylist()
    assert rows[3] == [
        {"document": 3, "start": 0, "length": 7},
        {"document": 0, "start": 0, "length": 3},
    ]


def test_any_flipped_byte_is_found_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "p.arrow"
    plan = plan_bestfit_split([3, 10, 25, 7, 1, 4, 6], 10)
    write_plan(path, plan, META)
    whole = path.read_bytes()
    found = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            read, meta = read_plan(path)
        except CorruptFileError as error:
            assert str(path) in str(error)
            found += 1
        else:
            assert same(read, plan), position
            assert meta == META, position
    assert found > 0.3 * len(whole)  # the rest is alignment padding and the unused copy of schema


@pytest.mark.parametrize("size", [0, 1, 8, 100, 500, -1, -8, -100])
def test_truncated_plans_are_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "p.arrow"
    write_plan(path, plan_bestfit_split([3, 10, 25], 10), META)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CorruptFileError):
        read_plan(path)


def test_missing_file_is_not_called_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_plan(tmp_path / "absent")


def test_rows_stay_inside_row_groups(tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 100).tolist()
    shard = make_shard(tmp_path / "s", lengths, row_group_rows=16)
    for strategy in STRATEGIES:
        plan = plan_shard(shard, sequence_length=15, strategy=strategy)
        groups = plan.documents // 16
        for a, b in zip(plan.row_ptr[:-1], plan.row_ptr[1:], strict=True):
            assert len(set(groups[a:b].tolist())) == 1
        assert plan.row_lengths().max() == 16
        counts = np.bincount(plan.documents, weights=plan.lengths, minlength=100)
        assert counts.tolist() == lengths


def test_empty_shard_has_an_empty_plan(tmp_path: Path) -> None:
    plan = plan_shard(make_shard(tmp_path / "s", []), sequence_length=8, strategy="concat")
    assert plan.row_ptr.tolist() == [0]
    assert len(plan.documents) == 0


def test_plan_id_covers_everything_a_plan_depends_on(tmp_path: Path) -> None:
    changes = [{"tokens_sha256": "u"}, {"lengths_sha256": "u"}, {"sequence_length": 10}]
    changes += [{"strategy": "bestfit_split"}, {"version": 2}]
    ids = {META.plan_id, *(dataclasses.replace(META, **change).plan_id for change in changes)}
    assert len(ids) == 6
    assert META.plan_id == "4edfc079017fc8d2cda72d5646b370274bb96f0070813f712dd95f16ee79ef1a"
    assert META.capacity == 10
    wide = describe_plan(make_shard(tmp_path / "a", [3, 4]), sequence_length=9, strategy="concat")
    narrow = describe_plan(
        make_shard(tmp_path / "b", [3, 4], row_group_rows=1), sequence_length=9, strategy="concat"
    )
    assert wide.tokens_sha256 == narrow.tokens_sha256
    assert wide.plan_id != narrow.plan_id


def test_combined_ids_depend_on_order_and_number() -> None:
    ids = [combine_plan_ids(parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a"], [])]
    assert len(set(ids)) == 5


def test_unknown_strategy(tmp_path: Path) -> None:
    shard = make_shard(tmp_path / "s", [3])
    for function in (plan_shard, describe_plan):
        with pytest.raises(ValueError, match="'worst_fit' is none of"):
            function(shard, sequence_length=8, strategy="worst_fit")
