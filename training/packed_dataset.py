"""Rows of packed documents of one split of a published version, in an order that is a function.

The whole state of the loader is one integer, the order position, and the ids
that guard it: nothing depends on ranks, threads or how far anyone has read ahead.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.schemas.errors import StateMismatchError, UsageError
from gristmill.schemas.versions import Version
from gristmill.tokenize import sample_order
from gristmill.training.batches import (
    Batch,
    Ints,
    PackedRows,
    assemble_batch,
    read_ahead,
    share_batch,
    split_batch,
)
from gristmill.training.packed_shards import PackedShard, open_shards

if TYPE_CHECKING:
    from gristmill.training.row_tensors import RowTensors

STATE_FORMAT: Final = 1


@dataclass
class PackedDataset:
    """Rows of T + 1 tokens; row k of the training order is found without visiting the others."""

    identity: Mapping[str, str | int]  # what a state must agree with; see `state_dict`
    shards: tuple[PackedShard, ...]
    sequence_length: int
    position: int = field(default=0, init=False)  # rows that optimizer steps have consumed

    @classmethod
    def open(
        cls,
        version: Version,
        split: str,
        *,
        sequence_length: int | None = None,
        strategy: str | None = None,
        seed: int,
        verify: bool = True,
    ) -> "PackedDataset":
        """Open a split; tokens stay on disk, memory-mapped.

        Args:
            version: the published version.
            split: one of its splits.
            sequence_length: tokens of a row's input; None: as published. Another
                one than the published is planned on the fly.
            strategy: packing strategy; None: as published.
            seed: of the order of rows.
            verify: check digests of plans now and page checksums at first touch.

        Raises:
            UsageError: the version has no such split.
            CorruptFileError: a file differs from what the manifest says.
        """
        core = version.manifest.core
        if split not in core.splits:
            raise UsageError(
                f"version {core.version} has splits {sorted(core.splits)}, no {split!r}"
            )
        packing = core.packing
        sequence_length = sequence_length or int(packing["sequence_length"])
        strategy = strategy or str(packing["strategy"])
        plan_id, shards = open_shards(
            version, split, sequence_length=sequence_length, strategy=strategy, verify=verify
        )
        identity: dict[str, str | int] = {
            "format": STATE_FORMAT,
            "dataset_id": version.dataset_id,
            "split": split,
            "sequence_length": sequence_length,
            "strategy": strategy,
            "plan_id": plan_id,
            "order_version": sample_order.ORDER_VERSION,
            "seed": seed,
            "rows": sum(shard.row_count for shard in shards),
        }
        return cls(identity, shards, sequence_length)

    def __len__(self) -> int:
        """Rows of one epoch, over all ranks."""
        return int(self.identity["rows"])

    def order_rows(self, positions: Ints) -> Ints:
        """Row numbers at positions of the training order, which runs on over epochs.

        Args:
            positions: any shape (n,), each at least 0.

        Returns:
            Shape (n,): row numbers in [0, len(self)). Each epoch of len(self)
            consecutive positions holds every row once, in an order of its own.
        """
        rows = np.empty(len(positions), dtype=np.int64)
        epochs = positions // max(len(self), 1)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            key = sample_order.order_key(
                str(self.identity["dataset_id"]),
                str(self.identity["plan_id"]),
                int(self.identity["seed"]),
                int(epoch),
                len(self),
            )
            within = positions[chosen] - epoch * len(self)
            rows[chosen] = sample_order.permute(within, len(self), key)
        return rows

    def rows(self, positions: npt.ArrayLike, *, end_position: int | None = None) -> Batch:
        """Read the rows at positions of the training order.

        Args:
            positions: shape (b,), over epochs; see `order_rows`.
            end_position: of the global batch; None: the largest position + 1.
        """
        wanted = np.asarray(positions, dtype=np.int64)
        if len(wanted) and int(wanted.min()) < 0:
            raise IndexError(f"order position {int(wanted.min())} is below 0")
        if end_position is None:
            end_position = int(wanted.max()) + 1 if len(wanted) else self.position
        return self.gather_rows(self.order_rows(wanted), end_position=end_position)

    def gather_rows(self, rows: Ints, *, end_position: int = 0) -> Batch:
        """Read rows by their number in the plan; the order of `rows` is kept.

        Raises:
            IndexError: a row number is not in [0, len(self)).
            CorruptFileError: a page touched for the first time has another checksum.
        """
        if len(rows) and not (int(rows.min()) >= 0 and int(rows.max()) < len(self)):
            raise IndexError(f"rows {int(rows.min())}..{int(rows.max())} are not all in the split")
        capacity = self.sequence_length + 1
        tokens = np.zeros((len(rows), capacity), dtype=np.int64)
        n_bytes = np.zeros(len(rows), dtype=np.int64)
        counts = np.zeros(len(rows), dtype=np.int64)
        pieces: list[tuple[Ints, Ints]] = []  # batch rows and lengths of segments, by shard
        first = 0
        for shard in self.shards:
            places = np.flatnonzero((rows >= first) & (rows < first + shard.row_count))
            if len(places):
                taken = shard.gather(rows[places] - first, places, tokens)
                counts[places], n_bytes[places] = taken.counts, taken.n_bytes
                pieces.append((np.repeat(places, taken.counts), taken.lengths))
            first += shard.row_count
        row_ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        packed = PackedRows(tokens, row_ptr, _order_lengths(pieces), n_bytes)
        return assemble_batch(packed, rows, end_position)

    def batches(
        self, size: int, *, rank: int = 0, world_size: int = 1, read_ahead_batches: int = 2
    ) -> Iterator[Batch]:
        """Read global batches from `position` on, epoch after epoch, on one thread ahead.

        Which rows batch t holds depends on `position` and `size` alone; a rank
        gets its slice of them. Call `commit` after a batch has been used.

        Args:
            size: rows of a global batch; the last one of an epoch may be shorter.
            rank: of this process.
            world_size: processes; may change whenever a run resumes.
            read_ahead_batches: batches drawn before they are asked for; 0: none.

        Raises:
            UsageError: the split has no rows.
        """
        if not len(self):
            raise UsageError(f"split {self.identity['split']!r} has no rows")
        drawn = self._draw_batches(self.position, size, rank, world_size)
        return read_ahead(drawn, read_ahead_batches) if read_ahead_batches else drawn

    def _draw_batches(
        self, position: int, size: int, rank: int, world_size: int
    ) -> Iterator[Batch]:
        while True:
            start, position = split_batch(position, size, len(self))
            share = share_batch(start, position, rank, world_size)
            yield self.rows(share, end_position=position)

    def commit(self, batch: Batch) -> None:
        """Count a batch as used: the state now points behind it."""
        self.position = batch.end_position

    def state_dict(self) -> dict[str, str | int]:
        """The loader's whole state: the position and the ids that guard it."""
        return {**self.identity, "position": self.position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where a state points.

        Raises:
            StateMismatchError: the state belongs to other data, another plan,
                seed or order version, or is no state; says what differs.
        """
        differences = [
            f"{name}: state has {state.get(name)!r}, dataset has {value!r}"
            for name, value in self.identity.items()
            if state.get(name) != value
        ]
        differences += [
            f"{name}: unknown" for name in sorted(state.keys() - {*self.identity, "position"})
        ]
        position = state.get("position")
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            differences.append(f"position: {position!r} is not a count of rows")
        if differences:
            raise StateMismatchError("loader state does not fit: " + "; ".join(differences))
        self.position = int(state["position"])

    def end_document(self, row: int) -> int:
        """The first row at or after `row` that begins with a document's start, or the end."""
        first = 0
        for shard in self.shards:
            if row < first + shard.row_count:
                opening = np.flatnonzero(shard.opens_document()[row - first :])
                if len(opening):
                    return row + int(opening[0])
                row = first + shard.row_count
            first += shard.row_count
        return first

    def trace_row(self, row: int) -> list[tuple[str, int, int]]:
        """Documents of a row: (hex doc_id, first token, tokens) of each segment, in order."""
        for shard in self.shards:
            if row < shard.row_count:
                return shard.trace_row(row)
            row -= shard.row_count
        raise IndexError(f"row {row} is not in the split")

    def torch_dataset(self) -> "RowTensors":
        """A map-style `torch.utils.data.Dataset` of the rows, in the order of the plan."""
        from gristmill.training.row_tensors import RowTensors  # only here: imports torch

        return RowTensors(self)


def _order_lengths(pieces: list[tuple[Ints, Ints]]) -> Ints:
    if not pieces:
        return np.zeros(0, dtype=np.int64)
    owners = np.concatenate([owner for owner, _ in pieces])
    lengths = np.concatenate([length for _, length in pieces])
    return lengths[np.argsort(owners, kind="stable")]
