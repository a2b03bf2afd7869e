"""`gristmill explain`: what was measured and decided about one document of a run."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.policy import group_rows, list_checks, render_reason
from gristmill.pipelines.part_files import read_batches
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.reporting import load_manifests
from gristmill.pipelines.steps import Workspace
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Cleaning, Recipe

#: Where each kind of fact about a document lies, in the order a reader wants it.
FACTS = (
    ("collect", "documents"),
    ("collect", "dropped"),
    ("collect", "quarantine"),
    ("collect.consents", "consents"),
    ("measure", "signals"),
    ("measure", "quarantine"),
    ("deduplicate.verify", "clusters"),
    ("decide.resolve", "evidence"),
    ("decide.apply", "quarantine"),
    ("decide.sort-dropped", "dropped"),
    ("decide.sort-curated", "curated"),
)
HIDDEN = frozenset(
    {"text", "signature", "band_hashes", "line_flags", "line_words", "line_sentences"}
)


def explain_document(recipe: Recipe, wanted: str) -> dict[str, Any]:
    """Gather the rows of every table that concern one document.

    Args:
        recipe: of the run.
        wanted: doc_id in hex, the beginning of one, or the document's URL.

    Raises:
        UsageError: no document, or more than one, is meant.
    """
    workspace = Workspace(recipe.output_path / "work")
    manifests = load_manifests(workspace)
    found: dict[str, Any] = {}
    ids: set[bytes] = set()
    for step, table in FACTS:
        if step not in manifests:
            continue
        batches = [
            batch
            for path in workspace.part_paths(manifests[step], table)
            for batch in _find_rows(path, wanted, ids)
        ]
        rows = [row for batch in batches for row in batch.to_pylist()]
        if rows:
            ids.update(row["doc_id"] for row in rows if row.get("doc_id"))
            found[f"{step.split('.')[0]}: {table}"] = [_render_row(row) for row in rows]
        if rows and table == "signals":
            found["policy: checks"] = _explain_checks(batches[0].slice(0, 1), recipe.cleaning)
    if not found:
        raise UsageError(f"no document {wanted!r} in {recipe.output_path}")
    if len(ids) > 1:
        listed = ", ".join(sorted(doc_id.hex() for doc_id in ids)[:5])
        raise UsageError(f"{wanted!r} means {len(ids)} documents: {listed} …")
    return {"doc_id": next((doc_id.hex() for doc_id in ids), None), **found}


def _explain_checks(signals: pa.RecordBatch, cleaning: Cleaning) -> list[dict[str, Any]]:
    """Every check of the recipe's policy on one document, in order: not only what dropped it."""
    policy = build_policy(cleaning)
    [(rules, _)] = group_rows(signals, policy)
    checks = []
    for check in list_checks(signals, rules, policy.languages):
        value = None if check.values is None else float(check.values[0])
        limit = None if check.threshold is None else float(np.atleast_1d(check.threshold)[0])
        checks.append(
            {
                "rule": check.rule,
                "value": None if value is None or math.isnan(value) else value,
                "drops_if": None if limit is None else f"{check.comparison} {limit:g}",
                "fails": bool(check.failed[0]),
            }
        )
    return checks


def _find_rows(path: str, wanted: str, ids: set[bytes]) -> Iterator[pa.RecordBatch]:
    for batch in read_batches(path):
        rows = batch.filter(_match(batch, wanted, ids))
        if rows.num_rows:
            yield rows


def _match(batch: pa.RecordBatch, wanted: str, ids: set[bytes]) -> pa.Array:
    mask = pa.array([False] * batch.num_rows)
    if ids:
        known = pa.array(sorted(ids), pa.binary(16))
        mask = pc.is_in(batch["doc_id"], value_set=known)
    elif _is_hex(wanted):
        prefix = wanted.lower()
        mask = pa.array([(v or b"").hex().startswith(prefix) for v in batch["doc_id"].to_pylist()])
    if "url" in batch.schema.names and not _is_hex(wanted):
        mask = pc.or_(mask, pc.fill_null(pc.equal(batch["url"], wanted), False))
    return mask


def _is_hex(wanted: str) -> bool:
    return 4 <= len(wanted) <= 32 and all(letter in "0123456789abcdefABCDEF" for letter in wanted)


def _render_row(row: dict[str, Any]) -> dict[str, Any]:
    shown = {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in row.items()
        if name not in HIDDEN
    }
    if row.get("rule") and "comparison" in row:
        shown["reason"] = render_reason(
            row["rule"], row["value"], row["threshold"], row["comparison"]
        )
    return shown
