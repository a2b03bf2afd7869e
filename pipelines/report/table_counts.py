"""Counts, histograms and clusters from table parts, one batch in memory at a time."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines.part_files import stream_part
from gristmill.pipelines.report.figures import (
    Bin,
    ClusterFigures,
    DuplicateFigures,
    EvidenceFigures,
    Histogram,
    SizeCount,
)
from gristmill.schemas.places import Place

Parts = Sequence[Place]

BATCH_ROWS: Final = 1 << 16
UNKNOWN: Final = "not known"
#: 1-2-5 steps: readable edges that are nearly even on a log scale.
WORD_COUNT_EDGES: Final = (
    *(0.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0),
    *(10_000.0, 20_000.0, 50_000.0, 100_000.0),
)
LANGUAGE_SCORE_EDGES: Final = tuple(step / 20 for step in range(20))
LARGEST_CLUSTERS: Final = 10
DOCUMENTS_PER_CLUSTER: Final = 5
EVIDENCE_ROWS: Final = 12


def read_batches(parts: Parts, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream chosen columns of the parts."""
    for part in parts:
        yield from stream_part(part, columns, BATCH_ROWS, verify=False)


def count_values(parts: Parts, column: str) -> dict[Any, int]:
    """Count the rows of each value of a column; null counts as `UNKNOWN`."""
    counts: dict[Any, int] = {}
    for batch in read_batches(parts, [column]):
        for pair in pc.value_counts(batch.column(0)).to_pylist():
            value = UNKNOWN if pair["values"] is None else pair["values"]
            counts[value] = counts.get(value, 0) + pair["counts"]
    return counts


def count_bins(parts: Parts, column: str, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    """Count values by bin: edges[i] <= value < edges[i + 1]; the last bin is open.

    Args:
        parts: tables with the column, any number type.
        column: its name.
        edges: ascending lower edges, n of them; smaller values fall into the first bin.

    Returns:
        int64, shape (n,). NaN is in no bin.
    """
    counts = np.zeros(len(edges), dtype=np.int64)
    for batch in read_batches(parts, [column]):
        values = batch.column(0).cast(pa.float64()).to_numpy(zero_copy_only=False)
        values = values[~np.isnan(values)]
        places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, None)
        counts += np.bincount(places, minlength=len(edges))
    return counts


def build_histogram(name: str, edges: Sequence[float], measured: Parts, kept: Parts) -> Histogram:
    """Bin a column of `signals` parts and of `curated` parts by the same edges."""
    all_counts = count_bins(measured, name, edges)
    kept_counts = count_bins(kept, name, edges)
    uppers: list[float | None] = [*edges[1:], None]
    bins = tuple(
        Bin(lower=lower, upper=upper, measured=int(total), kept=int(good))
        for lower, upper, total, good in zip(edges, uppers, all_counts, kept_counts, strict=True)
    )
    return Histogram(name=name, bins=bins)


def _find_largest(parts: Parts, least: int) -> list[tuple[int, bytes]]:
    """The largest clusters of at least that size: (size, cluster_id), ties by id."""
    largest: set[tuple[int, bytes]] = set()
    for batch in read_batches(parts, ["cluster_size", "cluster_id"]):
        big = batch.filter(pc.greater_equal(batch.column(0), least))
        table = pa.Table.from_batches([big]).group_by(["cluster_size", "cluster_id"]).aggregate([])
        table = table.sort_by([("cluster_size", "descending"), ("cluster_id", "ascending")])
        for row in table.slice(0, LARGEST_CLUSTERS).to_pylist():
            largest.add((-row["cluster_size"], row["cluster_id"]))
        largest = set(sorted(largest)[:LARGEST_CLUSTERS])
    return [(-size, cluster_id) for size, cluster_id in sorted(largest)]


def _list_members(parts: Parts, wanted: Sequence[bytes]) -> dict[bytes, list[str]]:
    """The first few documents of each wanted cluster, smallest id first."""
    members: dict[bytes, list[str]] = {cluster_id: [] for cluster_id in wanted}
    for batch in read_batches(parts, ["cluster_id", "doc_id"]):
        chosen = batch.filter(pc.is_in(batch.column(0), pa.array(wanted, pa.binary(16))))
        for cluster_id, doc_id in zip(*(column.to_pylist() for column in chosen), strict=True):
            known = members[cluster_id]
            known.append(doc_id.hex())
            if len(known) > 64 * DOCUMENTS_PER_CLUSTER:  # bounds memory, not the result
                members[cluster_id] = sorted(known)[:DOCUMENTS_PER_CLUSTER]
    return {key: sorted(known)[:DOCUMENTS_PER_CLUSTER] for key, known in members.items()}


def _sample_evidence(parts: Parts) -> list[EvidenceFigures]:
    """The removals with the smallest doc_ids: ids are hashes, so this is a fair sample."""
    chosen: list[dict[str, Any]] = []
    for batch in read_batches(parts, ["doc_id", "winner_id", "similarity", "rule"]):
        order = pc.sort_indices(batch.column(0))[:EVIDENCE_ROWS]
        chosen += batch.take(order).to_pylist()
        chosen = sorted(chosen, key=lambda row: row["doc_id"])[:EVIDENCE_ROWS]
    return [
        EvidenceFigures(
            doc_id=row["doc_id"].hex(),
            winner_id=row["winner_id"].hex(),
            similarity=row["similarity"],
            rule=row["rule"],
        )
        for row in chosen
    ]


def summarise_duplicates(clusters: Parts, evidence: Parts) -> DuplicateFigures:
    """Sizes of clusters, the largest ones, and a sample of removals.

    Args:
        clusters: parts with the columns of CLUSTERS; each document of a cluster is a row.
        evidence: parts with the columns of EVIDENCE.
    """
    rows_by_size = count_values(clusters, "cluster_size")
    clusters_by_size = {
        size: rows // size for size, rows in sorted(rows_by_size.items()) if size > 0
    }
    # The size of the tenth largest cluster bounds what has to be looked at again.
    running = itertools.accumulate(reversed(clusters_by_size.values()))
    sizes = [*reversed(clusters_by_size)]
    enough = [size for size, total in zip(sizes, running, strict=True) if total >= LARGEST_CLUSTERS]
    largest = _find_largest(clusters, enough[0] if enough else 1)
    members = _list_members(clusters, [cluster_id for _, cluster_id in largest])
    return DuplicateFigures(
        clusters=sum(clusters_by_size.values()),
        documents=sum(rows_by_size.values()),
        removed=sum(count_values(evidence, "rule").values()),
        sizes=tuple(
            SizeCount(size=size, clusters=count) for size, count in clusters_by_size.items()
        ),
        largest=tuple(
            ClusterFigures(
                cluster_id=cluster_id.hex(), size=size, doc_ids=tuple(members[cluster_id])
            )
            for size, cluster_id in largest
        ),
        evidence=tuple(_sample_evidence(evidence)),
    )
