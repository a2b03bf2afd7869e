"""Deduplicate, first half: signatures, candidates, components.

Facts only: which documents share a cluster. Which pairs inside it verifiably match
is `verifying`'s part; who goes is decided later, among what the policy keeps.

Steps: sign (a documents part each) | link (a partition of band keys each) |
connect (one). Texts never leave their part: band keys do.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.dedup import banding, components, minhash
from gristmill.dedup.fingerprints import fingerprint_texts, pack_rows, unpack_bands
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import (
    gather_partition,
    leading_hash,
    pick_partitions,
    write_exchange,
)
from gristmill.pipelines.part_files import (
    PartWriter,
    complete_rows,
    read_batches,
    read_parts,
    view_ids,
    write_part,
)
from gristmill.pipelines.steps import read_list
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.ledger_records import UINT64, sum_ids
from gristmill.schemas.recipe import Deduplication, NearDuplicates
from gristmill.schemas.tables import ID, SIGNATURES

KEYS = pa.schema(
    [pa.field("key", pa.uint64(), nullable=False), pa.field("doc_id", ID, nullable=False)]
)
#: Where a doc_id occurs, to find those that occur twice.
PLACES = pa.schema(
    [
        pa.field("doc_id", ID, nullable=False),
        pa.field("content_id", ID, nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("unit_key", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)
REPEAT_ORDER = ("doc_id", "content_id", "file", "offset", "row", "unit_key")
REPEATS = pa.schema([PLACES.field("unit_key"), PLACES.field("row")])
EDGES = pa.schema(
    [pa.field("doc_id", ID, nullable=False), pa.field("other_id", ID, nullable=False)]
)
COMPONENTS = pa.schema(
    [
        pa.field("doc_id", ID, nullable=False),
        pa.field("cluster_id", ID, nullable=False),
        pa.field("cluster_size", pa.int32(), nullable=False),
    ]
)
READ = ("doc_id", "content_id", "source", "text", "file", "offset")


def make_settings(near: NearDuplicates | None) -> minhash.MinHashSettings:
    """MinHash settings of a recipe; the defaults where near duplicates are off."""
    near = near or NearDuplicates()
    return minhash.MinHashSettings(
        words_per_shingle=near.words_per_shingle,
        bands=near.bands,
        rows_per_band=near.rows_per_band,
        seed=near.seed,
        min_similarity=near.min_similarity,
        similarity=near.similarity,
    )


def name_scopes(near: NearDuplicates | None, sources: list[str]) -> list[str]:
    """Scope of each document: only documents of one scope are near duplicates."""
    return sources if near is not None and near.scope == "source" else [""] * len(sources)


def sign_part(context: UnitContext) -> UnitResult:
    """Sign every document of a part; send its band keys to their partitions."""
    params = context.unit.params
    deduplication = Deduplication.model_validate(params["deduplication"])
    settings = make_settings(deduplication.near)
    keys, places = [KEYS.empty_table()], [PLACES.empty_table()]
    rows = id_sum = 0
    with PartWriter(context.folder / "signatures.parquet", SIGNATURES) as writer:
        for batch in read_batches(params["documents"], READ):
            pieces = [
                sign_batch(blank_texts(part) if reason else part, deduplication, settings)
                for part, reason in context.watch.slices(batch, rows)
            ]
            signed = pa.concat_batches(pieces)
            writer.write(signed)
            keys.append(list_keys(signed, deduplication))
            places.append(_list_places(batch, params["unit_key"], rows))
            rows += batch.num_rows
            id_sum += sum_ids(view_ids(batch["doc_id"]))
    all_keys = pa.concat_tables(keys).combine_chunks()
    all_places = pa.concat_tables(places).combine_chunks()
    count = params["count"]
    by_key = pick_partitions(np.asarray(all_keys["key"], np.uint64), count)
    by_id = pick_partitions(leading_hash(view_ids(all_places["doc_id"])), count)
    write_exchange(context.folder / "exchange-keys.parquet", all_keys, by_key)
    write_exchange(context.folder / "exchange-places.parquet", all_places, by_id)
    return UnitResult(
        records_in=rows,
        kept=rows,
        ids_in=id_sum & UINT64,
        ids_kept=id_sum & UINT64,
        facts={"rows:signatures.parquet": rows},
    )


def sign_batch(
    batch: pa.RecordBatch, deduplication: Deduplication, settings: minhash.MinHashSettings
) -> pa.RecordBatch:
    """Sign documents: one row of `SIGNATURES` each, in the same order."""
    scopes = [
        name.encode() for name in name_scopes(deduplication.near, batch["source"].to_pylist())
    ]
    prints = fingerprint_texts(batch["text"], settings, scopes)
    columns = [
        batch["doc_id"],
        batch["content_id"],
        prints.dedup_ids,
        pa.array(prints.shingle_counts),
        pack_rows(prints.signatures),
        pack_rows(prints.band_hashes),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SIGNATURES)


def list_keys(signed: pa.RecordBatch, deduplication: Deduplication) -> pa.Table:
    """Keys under which documents meet: one a band, and one for equal text."""
    keys, ids = [], []
    if deduplication.near is not None:
        bands = unpack_bands(signed["band_hashes"], make_settings(deduplication.near))
        listed = banding.list_bands(bands)
        keys.append(listed.band_keys)
        ids.append(signed["doc_id"].take(pa.array(listed.rows)))
    if deduplication.exact:
        keys.append(_exact_keys(signed["content_id"]))
        ids.append(signed["doc_id"])
    if not keys:
        return KEYS.empty_table()
    return pa.table({"key": pa.array(np.concatenate(keys)), "doc_id": pa.concat_arrays(ids)}).cast(
        KEYS
    )


def _exact_keys(content_ids: pa.Array) -> npt.NDArray[np.uint64]:
    # Another constant than any band's, so that equal texts do not meet bands by chance.
    salt = np.uint64(int.from_bytes(hash_parts("exact key", size=8), "big"))
    return leading_hash(view_ids(content_ids)) ^ salt


def blank_texts(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Replace texts that have killed a child: they match no near duplicate, and go on."""
    texts = pa.array([""] * batch.num_rows, pa.string())
    return batch.set_column(batch.schema.get_field_index("text"), batch.schema.field("text"), texts)


def _list_places(batch: pa.RecordBatch, unit_key: str, first: int) -> pa.Table:
    given = {
        "unit_key": pa.array([unit_key] * batch.num_rows, pa.string()),
        "row": pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64)),
    }
    return complete_rows(PLACES, given, batch)


def link_partition(context: UnitContext) -> UnitResult:
    """Link the documents that meet under a key; find ids that occur twice."""
    params = context.unit.params
    partition = params["partition"]
    keys = gather_partition(read_list(params["exchanges"]["keys"]), partition, KEYS)
    left, right = banding.link_ids(
        np.asarray(keys["key"], np.uint64), keys["doc_id"].combine_chunks()
    )
    left, right = components.reduce_ids(left, right)
    edges = pa.table({"doc_id": left, "other_id": right})
    places = gather_partition(read_list(params["exchanges"]["places"]), partition, PLACES)
    repeats = find_repeats(places)
    write_part(context.folder / "edges.parquet", edges, EDGES)
    write_part(context.folder / "repeats.parquet", repeats, REPEATS)
    return UnitResult(
        records_in=keys.num_rows,
        kept=keys.num_rows,
        facts={"rows:edges.parquet": edges.num_rows, "rows:repeats.parquet": repeats.num_rows},
    )


def find_repeats(places: pa.Table) -> pa.Table:
    """Rows whose doc_id an earlier row has already: they are given up.

    Rows are ranked by content and place in the input, so which copy stays depends
    neither on the order of the inputs nor on the code that read them.
    """
    ranked = places.sort_by([(name, "ascending") for name in REPEAT_ORDER])
    ids = view_ids(ranked["doc_id"])
    repeated = np.zeros(len(ids), bool)
    repeated[1:] = (ids[1:] == ids[:-1]).all(axis=1)
    return ranked.filter(pa.array(repeated)).select(REPEATS.names)


def read_repeats(list_path: str, unit_key: str) -> npt.NDArray[np.int64]:
    """Rows of a documents part whose doc_id an earlier row of the run has already."""
    table = read_parts(read_list(list_path), REPEATS)
    mine = table.filter(pc.equal(table["unit_key"], unit_key))
    return np.asarray(mine["row"], np.int64)


def connect_edges(context: UnitContext) -> UnitResult:
    """Find the connected components of all edges: one process, numbers only."""
    edges = read_parts(read_list(context.unit.params["edges"]), EDGES).combine_chunks()
    labelled = components.label_ids(
        edges["doc_id"].combine_chunks(), edges["other_id"].combine_chunks()
    )
    counted = pc.value_counts(labelled.labels)
    sizes = counted.field("counts").take(pc.index_in(labelled.labels, counted.field("values")))
    columns = [labelled.ids, labelled.labels, sizes.cast(pa.int32())]
    table = pa.table(columns, schema=COMPONENTS)
    write_part(context.folder / "components.parquet", table, COMPONENTS)
    largest = pc.max(sizes).as_py() or 0
    return UnitResult(
        records_in=edges.num_rows,
        kept=edges.num_rows,
        facts={
            "rows:components.parquet": table.num_rows,
            "components": len(counted),
            "largest_component": largest,
        },
    )
