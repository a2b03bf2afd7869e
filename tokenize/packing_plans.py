"""Packing plans as files: one Arrow IPC file for each shard, sequence length and strategy.

Each row of the file is a packed row, a list of (document, start, length). Arrow
stores lists as offsets and flat columns, so a plan is mapped, not read.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.atomic_files import appear_whole
from gristmill.schemas.errors import CorruptFileError
from gristmill.tokenize.packing import (
    PACKING_VERSION,
    Plan,
    join_plans,
    plan_bestfit_split,
    plan_concat,
    plan_single_doc,
)
from gristmill.tokenize.token_shards import TokenShard

#: Packing strategies by name; each maps (lengths, capacity) to a plan.
STRATEGIES: Final[Mapping[str, Callable[[npt.ArrayLike, int], Plan]]] = MappingProxyType(
    {
        "bestfit_split": plan_bestfit_split,
        "concat": plan_concat,
        "single_doc": plan_single_doc,
    }
)

_COLUMNS: Final = ("document", "start", "length")
_SEGMENT: Final = pa.struct([pa.field(name, pa.uint32(), nullable=False) for name in _COLUMNS])
_ITEM: Final = pa.field("item", _SEGMENT, nullable=False)
_SEGMENTS: Final = pa.field("segments", pa.large_list(_ITEM), nullable=False)
_META_KEY: Final = b"gristmill.plan"
_DIGEST_KEY: Final = b"gristmill.plan_sha256"


@dataclass(frozen=True)
class PlanMeta:
    """What a plan was made from; equal metas mean equal plans.

    Attributes:
        tokens_sha256: content of the shard.
        lengths_sha256: where its documents and row groups end, which `tokens_sha256`
            does not cover.
        sequence_length: tokens that a model sees; rows hold one more.
        strategy: a name in `STRATEGIES`.
        version: `PACKING_VERSION` of the code that planned.
    """

    tokens_sha256: str
    lengths_sha256: str
    sequence_length: int
    strategy: str
    version: int = PACKING_VERSION

    @property
    def capacity(self) -> int:
        """Places of a row: each of the sequence's inputs has the next token as label."""
        return self.sequence_length + 1

    @property
    def plan_id(self) -> str:
        """Hex sha256 of the canonical JSON of the fields."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def describe_plan(shard: TokenShard, *, sequence_length: int, strategy: str) -> PlanMeta:
    """Name the plan of a shard without making it.

    Raises:
        ValueError: there is no such strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is none of {sorted(STRATEGIES)}")
    lengths = hashlib.sha256(shard.row_group_starts.astype("<i8").tobytes())
    lengths.update(shard.n_tokens.astype("<i4").tobytes())
    return PlanMeta(
        tokens_sha256=shard.header.tokens_sha256,
        lengths_sha256=lengths.hexdigest(),
        sequence_length=sequence_length,
        strategy=strategy,
    )


def plan_shard(shard: TokenShard, *, sequence_length: int, strategy: str) -> Plan:
    """Plan the rows of a shard, row group by row group.

    Args:
        shard: gives the token counts and row groups.
        sequence_length: rows hold this many tokens and one more, 0..2**24-1.
        strategy: a name in `STRATEGIES`.

    Returns:
        A plan with documents counted from the start of the shard. No row spans two
        row groups, so a row costs one ranged read at most.

    Raises:
        ValueError: there is no such strategy or the length is out of range.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is none of {sorted(STRATEGIES)}")
    plan_rows = STRATEGIES[strategy]
    starts = shard.row_group_starts
    groups = np.split(shard.n_tokens, starts[1:-1]) if len(starts) > 1 else []
    plans = [plan_rows(group, sequence_length + 1) for group in groups]
    return join_plans(plans, starts[:-1])


def combine_plan_ids(plan_ids: Sequence[str]) -> str:
    """Name the plan of a dataset from the plan ids of its shards, in order."""
    return hashlib.sha256("\n".join(["plans", *plan_ids]).encode("utf-8")).hexdigest()


def write_plan(path: Path, plan: Plan, meta: PlanMeta) -> str:
    """Write a plan; the file appears whole, and equal plans give equal bytes.

    Args:
        path: file to create or replace; Arrow IPC, so `.arrow` is its suffix.
        plan: rows to write.
        meta: what the plan was made from, see `describe_plan`.

    Returns:
        The plan id.
    """
    columns = [plan.documents, plan.starts, plan.lengths]
    segments = pa.StructArray.from_arrays(
        [pa.array(column) for column in columns], fields=list(_SEGMENT)
    )
    offsets = pa.array(plan.row_ptr, pa.int64())
    rows = pa.LargeListArray.from_arrays(offsets, segments).cast(_SEGMENTS.type)
    metadata = {
        _META_KEY: json.dumps(asdict(meta), sort_keys=True).encode("utf-8"),
        _DIGEST_KEY: _digest_plan(plan, meta).encode("ascii"),
    }
    schema = pa.schema([_SEGMENTS], metadata=metadata)
    batch = pa.RecordBatch.from_arrays([rows], schema=schema)
    with (
        appear_whole(path) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        writer.write_batch(batch)
    return meta.plan_id


def read_plan(path: Path, *, verify: bool = True) -> tuple[Plan, PlanMeta]:
    """Map a plan.

    Args:
        path: the file; it must not change while the plan is in use.
        verify: whether its digest is compared, which reads all of it.

    Returns:
        The plan, read-only arrays over the mapped file, and what it was made from.

    Raises:
        CorruptFileError: the file is no plan or damaged.
    """
    try:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            found = reader.schema.metadata or {}
            meta = _parse_meta(found[_META_KEY])
            if reader.schema.field(0).type != _SEGMENTS.type or reader.num_record_batches != 1:
                raise ValueError(f"schema is {reader.schema.names}")
            rows = reader.get_batch(0).column(0)
            rows.validate(full=True)
        plan = _view_plan(rows)
        if verify and _digest_plan(plan, meta).encode("ascii") != found[_DIGEST_KEY]:
            raise ValueError("its content differs from its digest")
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CorruptFileError(f"{path}: not a readable packing plan: {error!r}") from error
    return plan, meta


def _parse_meta(payload: bytes) -> PlanMeta:
    values: dict[str, Any] = json.loads(payload)
    meta = PlanMeta(**values)
    for name, kind in PlanMeta.__annotations__.items():
        if type(values[name]) is not kind:
            raise ValueError(f"{name} is {values[name]!r}")
    return meta


def _view_plan(rows: pa.Array) -> Plan:
    if rows.offset or rows.null_count:
        raise ValueError("rows are sliced or null")
    segments = rows.values
    row_ptr = np.frombuffer(rows.buffers()[1], dtype=np.int64)[: len(rows) + 1]
    documents, starts, lengths = (segments.field(name).to_numpy() for name in _COLUMNS)
    if len(row_ptr) and (row_ptr[0] != 0 or row_ptr[-1] != len(documents)):
        raise ValueError("segments lie outside the rows")
    return Plan(row_ptr, documents, starts, lengths)


def _digest_plan(plan: Plan, meta: PlanMeta) -> str:
    digest = hashlib.sha256(meta.plan_id.encode("ascii"))
    digest.update(np.ascontiguousarray(plan.row_ptr, dtype="<i8").data)
    for column in (plan.documents, plan.starts, plan.lengths):
        digest.update(np.ascontiguousarray(column, dtype="<u4").data)
    return digest.hexdigest()
