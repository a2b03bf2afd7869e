"""Decide, second half: verdicts applied to text, and curated shards in the order of ids."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.cleaning.kept_texts import apply_policy
from gristmill.cleaning.policy import Policy
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import (
    gather_partition,
    leading_hash,
    pick_partitions,
    write_exchange,
)
from gristmill.pipelines.lookups import find_rows
from gristmill.pipelines.part_files import (
    as_batch,
    complete_rows,
    read_batches,
    read_part,
    view_ids,
    write_part,
)
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.set_aside import quarantine_rows
from gristmill.pipelines.stages.judging import LOSERS, VERDICTS
from gristmill.pipelines.stages.splitting import SPLITS, assign_splits
from gristmill.pipelines.steps import read_list
from gristmill.schemas.identity import content_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import Cleaning, Splits
from gristmill.schemas.tables import CLUSTERS, CURATED, DROPPED, QUARANTINE

STAGE = "decide"
CLUSTER_SIZES = pa.schema([CLUSTERS.field("doc_id"), CLUSTERS.field("cluster_size")])
#: Row groups of published shards: large, so that content-defined chunking can find its chunks.
GROUP_BYTES = 64 << 20
GROUP_ROWS = 65_536


def apply_part(context: UnitContext) -> UnitResult:
    """Apply verdicts to a part: kept rows with their final text, dropped rows with their reason."""
    params = context.unit.params
    verdicts = read_part(params["verdicts"]).combine_chunks()
    ids = verdicts["doc_id"].combine_chunks()
    losers = find_rows(read_list(params["losers"]), ids, LOSERS)
    sizes = find_rows(read_list(params["clusters"]), ids, CLUSTER_SIZES)
    verdicts = merge_losers(verdicts, losers)
    signals = read_part(params["signals"]).combine_chunks()
    policy = build_policy(Cleaning.model_validate(params["cleaning"]))
    rows = _Rows()
    place = first = 0
    for batch in read_batches(params["documents"]):
        wanted = np.asarray(verdicts["row"].slice(place), np.int64)
        count = int(np.searchsorted(wanted, first + batch.num_rows))
        chosen = batch.take(pa.array(wanted[:count] - first))
        for part, reason in context.watch.slices(chosen, place) if count else ():
            if reason is not None:
                rows.quarantined.append(quarantine_rows(part, STAGE, reason))
            else:
                piece = verdicts.slice(place, part.num_rows).combine_chunks()
                judged = as_batch(signals.slice(place, part.num_rows))
                mask = piece["kept"].combine_chunks()
                lost = pc.invert(mask)
                part = part.set_column(  # with what robots.txt adds
                    part.schema.get_field_index("opt_outs"),
                    "opt_outs",
                    piece["opt_outs"].combine_chunks(),
                )
                rows.curated.append(
                    _curate_rows(part.filter(mask), judged.filter(mask), policy, sizes, params)
                )
                rows.dropped.append(
                    _drop_rows(part.filter(lost), judged.filter(lost), piece.filter(lost))
                )
            place += part.num_rows
        first += batch.num_rows
    return _write_rows(context, verdicts, rows)


@dataclass
class _Rows:
    """What becomes of a part's rows."""

    curated: list[pa.Table] = field(default_factory=lambda: [CURATED.empty_table()])
    dropped: list[pa.Table] = field(default_factory=lambda: [DROPPED.empty_table()])
    quarantined: list[pa.RecordBatch] = field(default_factory=list)


def merge_losers(verdicts: pa.Table, losers: pa.Table) -> pa.Table:
    """Turn kept verdicts of documents that lost to a duplicate into dropped ones."""
    found = pc.index_in(verdicts["doc_id"], value_set=losers["doc_id"].combine_chunks())
    lost = pc.and_(pc.is_valid(found), verdicts["kept"])
    columns = {
        "doc_id": verdicts["doc_id"],
        "row": verdicts["row"],
        "kept": pc.and_(verdicts["kept"], pc.invert(lost)),
        "opt_outs": verdicts["opt_outs"],
    }
    for name in ("rule", "value", "threshold"):
        columns[name] = pc.if_else(lost, losers[name].take(found), verdicts[name])
    # A duplicate goes because its similarity reaches the threshold.
    similar = pc.and_(lost, pc.is_valid(columns["value"]))
    columns["comparison"] = pc.if_else(similar, ">=", verdicts["comparison"])
    return (
        pa.table([columns[name] for name in VERDICTS.names], VERDICTS.names)
        .cast(VERDICTS)
        .combine_chunks()
    )


def _curate_rows(
    documents: pa.RecordBatch, signals: pa.RecordBatch, policy: Policy, sizes: pa.Table, params: Any
) -> pa.Table:
    texts = apply_policy(documents["text"], signals, policy)
    ids = view_ids(documents["doc_id"])
    splits = assign_splits(ids, Splits.model_validate(params["splits"]))
    place = pc.index_in(documents["doc_id"], value_set=sizes["doc_id"].combine_chunks())
    contents = [content_id(text) for text in texts.to_pylist()]
    given: dict[str, Any] = {
        "content_id": pa.array(contents, pa.binary(16)),
        "split": pa.array([SPLITS[code] for code in splits], pa.string()),
        "language": signals["language"],
        "language_score": signals["language_score"],
        "word_count": signals["word_count"].cast(pa.int64()),
        "cluster_size": pc.fill_null(sizes["cluster_size"].take(place), 1),
        "text": texts,
    }
    return complete_rows(CURATED, given, documents)


def _drop_rows(documents: pa.RecordBatch, signals: pa.RecordBatch, verdicts: pa.Table) -> pa.Table:
    rows = documents.num_rows
    given = {
        "stage": pa.array([STAGE] * rows, pa.string()),
        "language": signals["language"],
        "detail": pa.nulls(rows, pa.string()),
        **{name: verdicts[name] for name in ("rule", "value", "threshold", "comparison")},
    }
    return complete_rows(DROPPED, given, documents)


def _write_rows(context: UnitContext, verdicts: pa.Table, rows: _Rows) -> UnitResult:
    params = context.unit.params
    kept = pa.concat_tables(rows.curated).combine_chunks()
    lost = pa.concat_tables(rows.dropped).combine_chunks()
    aside = pa.Table.from_batches(rows.quarantined, QUARANTINE)
    write_part(context.folder / "quarantine.parquet", aside, QUARANTINE)
    write_exchange(
        context.folder / "exchange-curated.parquet", kept, place_rows(kept, params["counts"])
    )
    by_id = pick_partitions(leading_hash(view_ids(lost["doc_id"])), params["dropped_count"])
    write_exchange(context.folder / "exchange-dropped.parquet", lost, by_id)
    rules = Counter(lost["rule"].to_pylist())
    languages = Counter(kept["language"].to_pylist())
    sources = Counter(kept["source"].to_pylist())
    return UnitResult(
        records_in=verdicts.num_rows,
        kept=kept.num_rows,
        dropped=dict(rules),
        quarantined=dict(Counter(aside["reason"].to_pylist())),
        ids_in=sum_ids(view_ids(verdicts["doc_id"])),
        ids_kept=sum_ids(view_ids(kept["doc_id"])),
        facts={
            "rows:quarantine.parquet": aside.num_rows,
            **{f"language:{name}": count for name, count in languages.items()},
            **{f"source:{name}": count for name, count in sources.items()},
        },
    )


def place_rows(curated: pa.Table, counts: dict[str, int]) -> npt.NDArray[np.int64]:
    """Partition of each curated row: its split's shards, by range of doc_id.

    Args:
        curated: rows of `CURATED`.
        counts: shards of each split.
    """
    first = np.cumsum([0, *(counts[name] for name in SPLITS)])
    hashes = leading_hash(view_ids(curated["doc_id"]))
    codes = np.asarray(pc.index_in(curated["split"], value_set=pa.array(SPLITS)).cast(pa.int64()))
    partitions = np.zeros(len(hashes), np.int64)
    for code, name in enumerate(SPLITS):
        chosen = codes == code
        partitions[chosen] = first[code] + pick_partitions(hashes[chosen], counts[name])
    return partitions


def sort_partition(context: UnitContext) -> UnitResult:
    """Write one published shard: the rows of a partition, by ascending doc_id."""
    params = context.unit.params
    schema = {"curated": CURATED, "dropped": DROPPED}[params["table"]]
    table = gather_partition(
        read_list(params["exchanges"][params["table"]]), params["partition"], schema
    )
    if params["table"] == "dropped":
        keys = [(name, "ascending") for name in ("doc_id", "file", "offset")]
    else:
        keys = [("doc_id", "ascending")]
    table = table.sort_by(keys).combine_chunks()
    write_shard(context.folder / f"{params['table']}.parquet", table)
    ids = sum_ids(view_ids(table["doc_id"]))
    facts: dict[str, int | float | str] = {f"rows:{params['table']}.parquet": table.num_rows}
    if params["table"] == "curated":
        facts["text_bytes"] = pc.sum(pc.binary_length(table["text"])).as_py() or 0
    return UnitResult(
        records_in=table.num_rows, kept=table.num_rows, ids_in=ids, ids_kept=ids, facts=facts
    )


def write_shard(path: Any, table: pa.Table) -> None:
    """Write a shard as it is published: zstd-3, content-defined chunks, page index and checksums."""
    with pq.ParquetWriter(
        path,
        table.schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[
            name
            for name in ("source", "split", "language", "licence", "file", "rule", "stage")
            if name in table.schema.names
        ],
        write_page_index=True,
        write_page_checksum=True,
        use_content_defined_chunking=True,
    ) as writer:
        for start, rows in cut_groups(table):
            writer.write_table(table.slice(start, rows), row_group_size=rows)


def cut_groups(table: pa.Table) -> list[tuple[int, int]]:
    """Cut rows into row groups of at most `GROUP_BYTES` of text and `GROUP_ROWS` rows."""
    if "text" not in table.schema.names:
        return [
            (start, min(GROUP_ROWS, table.num_rows - start))
            for start in range(0, table.num_rows, GROUP_ROWS)
        ]
    ends = np.cumsum(np.asarray(pc.binary_length(table["text"]), np.int64))
    groups = []
    start = 0
    while start < table.num_rows:
        base = int(ends[start - 1]) if start else 0
        end = int(np.searchsorted(ends, base + GROUP_BYTES, side="right"))
        end = min(max(end, start + 1), start + GROUP_ROWS, table.num_rows)
        groups.append((start, end - start))
        start = end
    return groups
