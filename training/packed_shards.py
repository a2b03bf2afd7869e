"""The token shards of a split and their packing plans, opened from a published version."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import CorruptFileError
from gristmill.schemas.versions import Version
from gristmill.tokenize import packing_plans
from gristmill.tokenize.packing import Plan
from gristmill.tokenize.token_shards import TokenShard
from gristmill.training.batches import Ints

INDEX_PATH = "tokens/index.parquet"


class TakenRows(NamedTuple):
    """What `PackedShard.gather` found: per row, and per segment in row order."""

    counts: Ints  # segments of each row
    n_bytes: Ints  # UTF-8 bytes of the documents that start in each row
    lengths: Ints  # tokens of each segment


@dataclass(frozen=True)
class PackedShard:
    """Rows of one shard."""

    tokens: TokenShard
    plan: Plan

    @property
    def row_count(self) -> int:
        """Rows of the plan."""
        return len(self.plan.row_ptr) - 1

    def gather(self, rows: Ints, places: Ints, out: Ints) -> TakenRows:
        """Copy rows into a batch.

        Args:
            rows: shape (n,): rows of this shard.
            places: shape (n,): rows of `out` that they go to.
            out: shape (b, T + 1), C-contiguous; segments are laid from the left.
        """
        plan = self.plan
        counts = plan.row_ptr[rows + 1] - plan.row_ptr[rows]
        segments = np.empty((4, int(counts.sum())), dtype=np.int64)
        n_bytes = np.zeros(len(rows), dtype=np.int64)
        columns = (plan.row_ptr, plan.documents, plan.starts, plan.lengths)
        longest = _lay_segments(
            columns, self.tokens.n_bytes, rows, places, out.shape[1], segments, n_bytes
        )
        if longest > out.shape[1]:
            raise CorruptFileError(
                f"plan of {self.tokens.path} has a row of {longest} tokens, over {out.shape[1]}"
            )
        documents, starts, lengths, targets = segments
        self.tokens.gather(documents, starts, lengths, out.reshape(-1), targets)
        return TakenRows(counts, n_bytes, lengths)

    def opens_document(self) -> npt.NDArray[np.bool_]:
        """Whether each row begins with a document's first token; shape (row_count,)."""
        first_segments = np.asarray(self.plan.row_ptr)[:-1]
        return np.asarray(np.asarray(self.plan.starts)[first_segments] == 0)

    def trace_row(self, row: int) -> list[tuple[str, int, int]]:
        """Documents of a row: (hex doc_id, first token, tokens) of each segment."""
        chosen = slice(int(self.plan.row_ptr[row]), int(self.plan.row_ptr[row + 1]))
        ids = self.tokens.doc_ids()
        return [
            (bytes(ids[document]).hex(), int(start), int(length))
            for document, start, length in zip(
                self.plan.documents[chosen],
                self.plan.starts[chosen],
                self.plan.lengths[chosen],
                strict=True,
            )
        ]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lay_segments(
    columns: tuple[Ints, npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]],
    document_bytes: npt.NDArray[np.int32],
    rows: Ints,
    places: Ints,
    width: int,
    segments: Ints,
    n_bytes: Ints,
) -> int:
    """List the segments of rows as (document, start, length, target); returns the longest row."""
    row_ptr, documents, starts, lengths = columns
    count = 0
    longest = 0
    for i in range(rows.size):
        laid = 0
        for segment in range(row_ptr[rows[i]], row_ptr[rows[i] + 1]):
            document = int(documents[segment])
            segments[0, count] = document
            segments[1, count] = starts[segment]
            segments[2, count] = lengths[segment]
            segments[3, count] = places[i] * width + laid
            laid += int(lengths[segment])
            # A document that is not there is refused by the copy that follows.
            if starts[segment] == 0 and document < document_bytes.size:
                n_bytes[i] += document_bytes[document]
            count += 1
        longest = max(longest, laid)
    return longest


def open_shards(
    version: Version, split: str, *, sequence_length: int, strategy: str, verify: bool
) -> tuple[str, tuple[PackedShard, ...]]:
    """Open every shard of a split with its plan.

    Published plans are used where they are of this length and strategy; others
    are made here, from the token counts alone.

    Args:
        version: the published version.
        split: one of its splits.
        sequence_length: tokens of a row's input.
        strategy: packing strategy.
        verify: check digests of index and plans now, page checksums at first touch.

    Returns:
        Plan id of the split, and its shards in the order of their names.

    Raises:
        CorruptFileError: a file is missing, damaged or not of this version.
    """
    entries = version.files(f"tokens/{split}-")
    if not entries:
        return packing_plans.combine_plan_ids([]), ()
    index = _read_index(version, verify=verify)
    plan_ids, shards = [], []
    for entry in entries:
        rows = index.filter(pc.equal(index.column("path"), entry.path)).drop_columns("path")
        tokens = TokenShard.open(version.local_file(entry.path), rows, verify=verify)
        _require_tokenizer(version, tokens, entry.path)
        meta = packing_plans.describe_plan(
            tokens, sequence_length=sequence_length, strategy=strategy
        )
        plan = _find_plan(version, PurePosixPath(entry.path).stem, meta, verify=verify)
        if plan is None:
            plan = packing_plans.plan_shard(
                tokens, sequence_length=sequence_length, strategy=strategy
            )
        plan_ids.append(meta.plan_id)
        shards.append(PackedShard(tokens, plan))
    return packing_plans.combine_plan_ids(plan_ids), tuple(shards)


def _read_index(version: Version, *, verify: bool) -> pa.Table:
    path = version.local_file(INDEX_PATH)
    if verify and sha256_file(path) != version.manifest.find(INDEX_PATH).sha256:
        raise CorruptFileError(f"{path} ({INDEX_PATH}) differs from its digest")
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise CorruptFileError(f"{path} ({INDEX_PATH}) is not readable: {error}") from error


def _require_tokenizer(version: Version, tokens: TokenShard, path: str) -> None:
    facts = version.manifest.core.tokenizer
    header = tokens.header
    found = (header.vocab_size, header.eos_id, header.tokenizer_sha256)
    expected = (facts.vocab_size, facts.eos_id, facts.sha256)
    if found != expected:
        raise CorruptFileError(
            f"{path}: (vocabulary, EOS, tokenizer) is {found}, the manifest says {expected}"
        )


def _find_plan(
    version: Version, stem: str, meta: packing_plans.PlanMeta, *, verify: bool
) -> Plan | None:
    packing = version.manifest.core.packing
    published = (packing["sequence_length"], packing["strategy"])
    if published != (meta.sequence_length, meta.strategy):
        return None
    entries = version.files(f"plans/{stem}.")
    if len(entries) != 1:
        raise CorruptFileError(f"version {version.manifest.core.version} has no plan of {stem}")
    plan, found = packing_plans.read_plan(version.local_file(entries[0].path), verify=verify)
    if found != meta:
        raise CorruptFileError(f"{entries[0].path} is of {found}, its shard needs {meta}")
    return plan


# kernels of: cbc4cef986bf807f
