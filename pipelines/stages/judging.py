"""Decide, first half: verdicts of the policy, and who wins among duplicates.

Nothing here reads text: a new threshold reruns this on stored signals alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.policy import Policy, judge
from gristmill.dedup.star_removal import resolve_cluster
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import (
    gather_partition,
    pick_partitions,
    trailing_hash,
    write_exchange,
)
from gristmill.pipelines.lookups import align_rows, find_rows
from gristmill.pipelines.part_files import (
    locate_ids,
    read_part,
    read_parts,
    view_ids,
    write_part,
)
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.stages.deduplicate import read_repeats
from gristmill.pipelines.stages.opt_outs import match_opt_outs, merge_opt_outs
from gristmill.pipelines.stages.splitting import SPLITS, assign_splits
from gristmill.pipelines.stages.verifying import order_members
from gristmill.pipelines.steps import read_list
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import Cleaning, Deduplication, Splits
from gristmill.schemas.tables import CONSENTS, EVIDENCE, ID, MATCHES, OPT_OUTS, TIMESTAMP

VERDICTS = pa.schema(
    [
        pa.field("doc_id", ID, nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # in the documents part
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("comparison", pa.string()),
        pa.field("opt_outs", OPT_OUTS),
    ]
)
#: What the resolver needs to know of a document that shares a cluster.
MEMBERS = pa.schema(
    [
        pa.field("cluster_id", ID, nullable=False),
        pa.field("doc_id", ID, nullable=False),
        pa.field("eligible", pa.bool_(), nullable=False),
        pa.field("priority", pa.int32(), nullable=False),
        pa.field("date", TIMESTAMP),
        pa.field("length", pa.int64(), nullable=False),  # code points
        pa.field("split", pa.int8(), nullable=False),
    ]
)
#: Documents that the resolver removes.
LOSERS = pa.schema(
    [
        pa.field("doc_id", ID, nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
    ]
)
CLUSTER_OF = pa.schema(
    [pa.field("doc_id", ID, nullable=False), pa.field("cluster_id", ID, nullable=False)]
)
#: Signals that are read whatever the policy asks for.
COLUMNS = ("doc_id", "char_count", "text_bytes")
REPEATED = "repeated_id"
OPT_OUT = "opt_out"
URL_LIST = "url_list"
SPLIT_LEAK = "split_leak"


def judge_part(context: UnitContext) -> UnitResult:
    """Judge a part by its signals; send its clustered documents to their cluster's partition."""
    params = context.unit.params
    cleaning = Cleaning.model_validate(params["cleaning"])
    documents = read_part(params["documents"], ["doc_id", "source", "date", "opt_outs"])
    policy = build_policy(cleaning)
    columns = {
        *COLUMNS,
        *policy.list_columns(),
        *(["url_categories"] * bool(cleaning.url_categories)),
    }
    signals = read_part(params["signals"], sorted(columns)).combine_chunks()
    rows = align_rows(view_ids(documents["doc_id"]), view_ids(signals["doc_id"]))
    judged = _judge_table(signals, policy)
    opt_outs = _gather_opt_outs(params, documents.take(pa.array(rows)))
    overruled = {
        OPT_OUT: match_opt_outs(opt_outs, cleaning.opt_outs),
        URL_LIST: _match_categories(signals, cleaning.url_categories),
        REPEATED: np.isin(rows, read_repeats(params["repeats"], params["unit_key"])),
    }
    repeated = overruled[REPEATED]
    verdicts = _write_verdicts(signals["doc_id"], rows, judged, overruled, opt_outs)
    write_part(context.folder / "verdicts.parquet", verdicts, VERDICTS)
    kept = np.asarray(verdicts["kept"])
    members = _describe_members(params, documents.take(pa.array(rows)), signals, kept, repeated)
    partitions = pick_partitions(trailing_hash(view_ids(members["cluster_id"])), params["count"])
    write_exchange(context.folder / "exchange-members.parquet", members, partitions)
    ids = view_ids(signals["doc_id"])
    return UnitResult(
        records_in=len(rows),
        kept=len(rows),
        ids_in=sum_ids(ids),
        ids_kept=sum_ids(ids),
        facts={
            "rows:verdicts.parquet": len(rows),
            "rows:exchange-members.parquet": members.num_rows,
            "kept_text_bytes": int(np.asarray(signals["text_bytes"])[kept].sum()),
        },
    )


def _judge_table(signals: pa.Table, policy: Policy) -> pa.Table:
    batches = [judge(batch, policy) for batch in signals.to_batches() if batch.num_rows]
    if not batches:
        return VERDICTS.empty_table().drop_columns(["doc_id", "row"])
    return pa.Table.from_batches(batches)


def _match_categories(signals: pa.Table, categories: Collection[str]) -> npt.NDArray[np.bool_]:
    """Tell which documents' addresses stand on a list of these categories."""
    found = np.zeros(signals.num_rows, np.bool_)
    if categories:
        lists = signals["url_categories"].combine_chunks()
        wanted = pc.is_in(lists.flatten(), pa.array(sorted(categories), pa.string()))
        found[np.asarray(pc.list_parent_indices(lists).filter(wanted))] = True
    return found


def _gather_opt_outs(params: Any, documents: pa.Table) -> pa.Array:
    ids, own = (documents[name].combine_chunks() for name in ("doc_id", "opt_outs"))
    return merge_opt_outs(ids, own, find_rows(read_list(params["consents"]), ids, CONSENTS))


def _write_verdicts(
    ids: pa.ChunkedArray,
    rows: npt.NDArray[np.int64],
    judged: pa.Table,
    overruled: Mapping[str, npt.NDArray[np.bool_]],
    opt_outs: pa.Array,
) -> pa.Table:
    columns = {
        "doc_id": ids,
        "row": pa.array(rows),
        **{name: judged[name] for name in ("kept", "rule", "value", "threshold", "comparison")},
        "opt_outs": opt_outs,
    }
    for rule, mask in overruled.items():
        hit = pa.array(mask)
        columns["kept"] = pc.and_(columns["kept"], pc.invert(hit))
        columns["rule"] = pc.if_else(hit, rule, columns["rule"])
        for name in ("value", "threshold", "comparison"):
            kind = VERDICTS.field(name).type
            columns[name] = pc.if_else(hit, pa.scalar(None, kind), columns[name].cast(kind))
    return pa.table(columns).cast(VERDICTS)


def _describe_members(
    params: Any,
    documents: pa.Table,
    signals: pa.Table,
    kept: npt.NDArray[np.bool_],
    repeated: npt.NDArray[np.bool_],
) -> pa.Table:
    clusters = find_rows(
        read_list(params["clusters"]), signals["doc_id"].combine_chunks(), CLUSTER_OF
    )
    found = pc.index_in(signals["doc_id"], value_set=clusters["doc_id"].combine_chunks())
    mask = pc.and_(pc.is_valid(found), pa.array(~repeated))
    where = pa.array(np.flatnonzero(np.asarray(mask)))
    ids = signals["doc_id"].take(where)
    priorities = [
        params["priorities"][name] for name in documents["source"].take(where).to_pylist()
    ]
    splits = assign_splits(view_ids(ids), Splits.model_validate(params["splits"]))
    return (
        pa.table(
            {
                "cluster_id": clusters["cluster_id"].take(found.take(where)),
                "doc_id": ids,
                "eligible": pa.array(kept).take(where),
                "priority": pa.array(priorities, pa.int32()),
                "date": documents["date"].take(where),
                "length": signals["char_count"].take(where),
                "split": pa.array(splits),
            }
        )
        .cast(MEMBERS)
        .combine_chunks()
    )


def resolve_partition(context: UnitContext) -> UnitResult:
    """Remove duplicates of kept winners, cluster by cluster, and say which winner each matches."""
    params = context.unit.params
    members = gather_partition(
        read_list(params["exchanges"]["members"]), params["partition"], MEMBERS
    )
    matches = read_parts([params["matches"]], MATCHES)
    losers, evidence = resolve_members(members, matches, params)
    write_part(context.folder / "losers.parquet", losers, LOSERS)
    write_part(context.folder / "evidence.parquet", evidence, EVIDENCE)
    return UnitResult(
        records_in=members.num_rows,
        kept=members.num_rows,
        facts={
            "rows:losers.parquet": losers.num_rows,
            "rows:evidence.parquet": evidence.num_rows,
        },
    )


def resolve_members(members: pa.Table, matches: pa.Table, params: Any) -> tuple[pa.Table, pa.Table]:
    """Resolve whole clusters at once.

    Args:
        members: rows of `MEMBERS`, whole clusters, in any order.
        matches: rows of `MATCHES` of at least these clusters.
        params: deduplication (as in the recipe), rule_version.

    Returns:
        (rows of `LOSERS`, rows of `EVIDENCE`), sorted by doc_id.
    """
    members = members.sort_by("doc_id").combine_chunks()
    deduplication = Deduplication.model_validate(params["deduplication"])
    ids = members["doc_id"].combine_chunks()
    left, right = (
        locate_ids(matches[name].combine_chunks(), ids) for name in ("doc_id", "other_id")
    )
    known = (left >= 0) & (right >= 0)
    near = deduplication.near
    eligible = np.asarray(members["eligible"], bool)
    found = resolve_cluster(
        order_members(members, deduplication),
        eligible,
        np.stack([left[known], right[known]], axis=1),
        np.asarray(matches["similarity"], np.float64)[known],
        np.asarray(pc.equal(matches["match"], "exact"), bool)[known],
        one_way=near is not None and near.similarity == "containment",
    )
    lost = np.flatnonzero(found.winners >= 0)
    rules = np.where(found.is_exact[lost], "exact_duplicate", "near_duplicate")
    least = near.min_similarity if near is not None else 1.0
    losers = pa.table(
        {
            "doc_id": ids.take(pa.array(lost)),
            "rule": pa.array(rules.tolist(), pa.string()),
            "value": pa.array(found.similarity[lost]),
            "threshold": pa.array(np.where(found.is_exact[lost], 1.0, least)),
        }
    ).cast(LOSERS)
    evidence = pa.table(
        {
            "doc_id": losers["doc_id"],
            "winner_id": ids.take(pa.array(found.winners[lost])),
            "cluster_id": members["cluster_id"].take(pa.array(lost)),
            "similarity": pa.array(found.similarity[lost].astype(np.float32)),
            "rule": pa.array([f"{rule} {params['rule_version']}" for rule in rules], pa.string()),
            "winner_version": pa.array(["this"] * len(lost), pa.string()),
        }
    ).cast(EVIDENCE)
    leaks = _find_leaks(members, eligible & (found.winners < 0))
    leaked = pa.table({"doc_id": ids.take(pa.array(leaks))})
    leaked = leaked.append_column("rule", pa.array([SPLIT_LEAK] * len(leaks), pa.string()))
    for name in ("value", "threshold"):
        leaked = leaked.append_column(name, pa.nulls(len(leaks), pa.float64()))
    return pa.concat_tables([losers, leaked.cast(LOSERS)]).sort_by("doc_id"), evidence


def _find_leaks(members: pa.Table, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Kept training documents whose cluster also has a kept document that is held out."""
    clusters = np.asarray(members["cluster_id"].combine_chunks().dictionary_encode().indices)
    training = np.asarray(members["split"]) == SPLITS.index("train")
    held_out = np.unique(clusters[kept & ~training])
    return np.flatnonzero(kept & training & np.isin(clusters, held_out))
