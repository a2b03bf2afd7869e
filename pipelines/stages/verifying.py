"""Deduplicate, second half: pairs inside each cluster, verified on their shingle sets.

Steps: shingle (a documents part each) | verify (a partition of clusters each).
Shingle hashes of clustered documents travel, texts never.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.dedup import minhash, shingling, verification
from gristmill.dedup.id_columns import rank_ids
from gristmill.dedup.keep_order import KeepColumns, sort_key
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import (
    gather_partition,
    pick_partitions,
    trailing_hash,
    write_exchange,
)
from gristmill.pipelines.lookups import find_rows
from gristmill.pipelines.part_files import read_batches, read_parts, view_ids, write_part
from gristmill.pipelines.stages.deduplicate import (
    COMPONENTS,
    KEYS,
    blank_texts,
    make_settings,
    name_scopes,
    read_repeats,
)
from gristmill.pipelines.steps import read_list
from gristmill.schemas.recipe import Deduplication
from gristmill.schemas.tables import CLUSTERS, ID, MATCHES, TIMESTAMP

#: What the verifier needs of a clustered document.
SHINGLED = pa.schema(
    [
        *COMPONENTS,
        pa.field("dedup_id", ID, nullable=False),
        pa.field("content_id", ID, nullable=False),
        pa.field("scope", pa.string(), nullable=False),
        pa.field("priority", pa.int32(), nullable=False),
        pa.field("date", TIMESTAMP),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("shingles", pa.large_list(pa.uint64()), nullable=False),
    ]
)
READ = ("doc_id", "content_id", "source", "text", "date")


def shingle_part(context: UnitContext) -> UnitResult:
    """Send the shingle hashes of a part's clustered documents to their cluster's partition.

    Repeats of an id are left out: what matches only a row that is given up matches nothing.
    """
    params = context.unit.params
    deduplication = Deduplication.model_validate(params["deduplication"])
    settings = make_settings(deduplication.near)
    ids = read_parts([params["documents"]], pa.schema([KEYS.field("doc_id")]))
    found = find_rows(read_list(params["components"]), ids["doc_id"].combine_chunks(), COMPONENTS)
    repeats = read_repeats(params["repeats"], params["unit_key"])
    pieces = [SHINGLED.empty_table()]
    rows = 0
    for batch in read_batches(params["documents"], READ) if found.num_rows else ():
        for part, reason in context.watch.slices(batch, rows):
            place = pc.index_in(part["doc_id"], value_set=found["doc_id"].combine_chunks())
            repeated = np.isin(np.arange(rows, rows + part.num_rows), repeats)
            mask = pc.and_(pc.is_valid(place), pa.array(~repeated))
            chosen = (blank_texts(part) if reason else part).filter(mask)
            if chosen.num_rows:
                members = found.take(place.filter(mask))
                pieces.append(_shingle_batch(chosen, members, deduplication, settings, params))
            rows += part.num_rows
    table = pa.concat_tables(pieces).combine_chunks()
    partitions = pick_partitions(trailing_hash(view_ids(table["cluster_id"])), params["count"])
    write_exchange(context.folder / "exchange-shingles.parquet", table, partitions)
    return UnitResult(records_in=table.num_rows, kept=table.num_rows)


def _shingle_batch(
    batch: pa.RecordBatch,
    members: pa.Table,
    deduplication: Deduplication,
    settings: minhash.MinHashSettings,
    params: Any,
) -> pa.Table:
    # Not the candidates' shingles: here digits count, or forms that differ in numbers would go.
    shingles = verification.shingle_texts(batch["text"], settings)
    sources = batch["source"].to_pylist()
    lists = pa.LargeListArray.from_arrays(pa.array(shingles.offsets), pa.array(shingles.hashes))
    return pa.table(
        {
            **{name: members[name] for name in COMPONENTS.names},
            "dedup_id": shingling.dedup_ids(batch["text"]),
            "content_id": batch["content_id"],
            "scope": pa.array(name_scopes(deduplication.near, sources), pa.string()),
            "priority": pa.array([params["priorities"][name] for name in sources], pa.int32()),
            "date": batch["date"],
            "length": pc.utf8_length(batch["text"]).cast(pa.int64()),
            "shingles": lists,
        }
    ).cast(SHINGLED)


def verify_partition(context: UnitContext) -> UnitResult:
    """Measure the pairs of each cluster on their shingle sets; keep those that match."""
    params = context.unit.params
    deduplication = Deduplication.model_validate(params["deduplication"])
    table = gather_partition(
        read_list(params["exchanges"]["shingles"]), params["partition"], SHINGLED
    )
    table = table.sort_by([("cluster_id", "ascending"), ("doc_id", "ascending")]).combine_chunks()
    context.watch.enter(0, max(0, table.num_rows - 1))
    matches, left_out = verify_members(table, deduplication)
    write_part(context.folder / "clusters.parquet", table.select(CLUSTERS.names), CLUSTERS)
    write_part(context.folder / "matches.parquet", matches, MATCHES)
    return UnitResult(
        records_in=table.num_rows,
        kept=table.num_rows,
        facts={
            "rows:clusters.parquet": table.num_rows,
            "rows:matches.parquet": matches.num_rows,
            "pairs_left_out": left_out,
        },
    )


def verify_members(table: pa.Table, deduplication: Deduplication) -> tuple[pa.Table, int]:
    """Verify whole clusters at once.

    Near pairs are sought inside one scope, equal texts in the whole cluster.

    Args:
        table: rows of `SHINGLED`, whole clusters.
        deduplication: what counts as a match.

    Returns:
        (rows of `MATCHES` sorted by cluster and ids, comparisons that caps left out).
    """
    clusters = _rank_values(table, ["cluster_id"])
    order = order_members(table, deduplication)
    equal = _link_equal(clusters, _rank_values(table, ["content_id"]), order)
    pieces = [_list_matches(table, equal, np.ones(len(equal)), np.ones(len(equal), bool))]
    left_out = 0
    if deduplication.near is not None and table.num_rows:
        verified = verification.verify_clusters(
            _rank_values(table, ["cluster_id", "scope"]),
            _read_shingles(table),
            table["dedup_id"].combine_chunks(),
            order,
            make_settings(deduplication.near),
        )
        left_out = verified.left_out
        pieces.append(_list_matches(table, verified.pairs, verified.similarity, verified.is_exact))
    merged = pa.concat_tables(pieces).group_by(["cluster_id", "doc_id", "other_id"])
    unique = merged.aggregate([("similarity", "max"), ("match", "min")])  # exact before near
    unique = unique.rename_columns(
        [name.removesuffix("_max").removesuffix("_min") for name in unique.column_names]
    )
    ranked = unique.sort_by([(name, "ascending") for name in ("cluster_id", "doc_id", "other_id")])
    return ranked.select(MATCHES.names).cast(MATCHES), left_out


def order_members(table: pa.Table, deduplication: Deduplication) -> npt.NDArray[np.int64]:
    """Keep order of documents, best first: what the recipe declares, then the smallest doc_id."""
    dates = table["date"].combine_chunks().to_numpy(zero_copy_only=False)
    columns = KeepColumns(
        doc_ids=table["doc_id"].combine_chunks(),
        priority=np.asarray(table["priority"], np.int64),
        date=dates.astype("datetime64[s]"),
        length=np.asarray(table["length"], np.int64),
    )
    return sort_key(columns, deduplication.keep_order)


def _rank_values(table: pa.Table, names: list[str]) -> npt.NDArray[np.int64]:
    """Number the distinct values of some columns; equal rows get equal numbers."""
    number = np.zeros(table.num_rows, np.int64)
    for name in names:
        codes = table[name].combine_chunks().dictionary_encode().indices
        column = np.asarray(codes, np.int64)
        number = number * (int(column.max(initial=0)) + 1) + column
    return number


def _link_equal(
    clusters: npt.NDArray[np.int64], contents: npt.NDArray[np.int64], order: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Link documents of a cluster with equal text to the first of them in keep order."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    ranked = np.lexsort((places, contents, clusters))
    same = np.zeros(len(ranked), bool)
    same[1:] = (clusters[ranked[1:]] == clusters[ranked[:-1]]) & (
        contents[ranked[1:]] == contents[ranked[:-1]]
    )
    heads = ranked[np.maximum.accumulate(np.where(same, 0, np.arange(len(ranked))))]
    return np.stack([heads[same], ranked[same]], axis=1)


def _list_matches(
    table: pa.Table,
    pairs: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float64],
    is_exact: npt.NDArray[np.bool_],
) -> pa.Table:
    """Rows of `MATCHES`; the pair is written with the smaller doc_id first."""
    ranks = rank_ids(table["doc_id"].combine_chunks()).ranks
    turned = ranks[pairs[:, 0]] > ranks[pairs[:, 1]]
    ordered = np.where(turned[:, None], pairs[:, ::-1], pairs)
    left, right = pa.array(ordered[:, 0]), pa.array(ordered[:, 1])
    return pa.table(
        {
            "cluster_id": table["cluster_id"].take(left),
            "doc_id": table["doc_id"].take(left),
            "other_id": table["doc_id"].take(right),
            "similarity": pa.array(similarity.astype(np.float32)),
            "match": pa.array(np.where(is_exact, "exact", "near").tolist(), pa.string()),
        }
    ).cast(MATCHES)


def _read_shingles(table: pa.Table) -> shingling.Shingles:
    lists = table["shingles"].combine_chunks()
    offsets = np.asarray(lists.offsets, np.int64)
    hashes = np.asarray(lists.flatten(), np.uint64)
    return shingling.Shingles(offsets - offsets[0], hashes)
