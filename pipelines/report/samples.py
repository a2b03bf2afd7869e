"""Example documents: which ones, and their first characters without personal data.

A doc_id is a hash, so the rows with the smallest ids are a fair sample, and the same
one whatever the order of the parts. Texts are read only when asked for.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines.part_files import open_part
from gristmill.pipelines.report.figures import Sample, render_rule
from gristmill.pipelines.report.table_counts import Parts, read_batches

KEPT_SAMPLES: Final = 12
SAMPLES_PER_RULE: Final = 3
MAX_RULES: Final = 60  # bounds the report, whatever rules a recipe invents
TEXT_CHARACTERS: Final = 600
LINE_CHARACTERS: Final = 300  # of a URL, a title, a reason
_NO_ID: Final = b"\xff" * 17  # sorts after every id
_KEPT_COLUMNS: Final = ("doc_id", "source", "url", "title", "language")
_DROPPED_COLUMNS: Final = (
    *("doc_id", "stage", "source", "url", "language", "rule"),
    *("value", "threshold", "comparison", "detail"),
)


def _smallest(rows: Iterable[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return heapq.nsmallest(count, rows, key=lambda row: row["doc_id"] or _NO_ID)


def _take_smallest(batch: pa.RecordBatch, count: int) -> list[dict[str, Any]]:
    order = pc.sort_indices(batch.column("doc_id"))[:count]  # nulls at the end
    rows: list[dict[str, Any]] = batch.take(order).to_pylist()
    return rows


def choose_kept(curated: Parts) -> list[dict[str, Any]]:
    """Rows of the published documents with the smallest ids."""
    chosen: list[dict[str, Any]] = []
    for batch in read_batches(curated, _KEPT_COLUMNS):
        chosen = _smallest([*chosen, *_take_smallest(batch, KEPT_SAMPLES)], KEPT_SAMPLES)
    return chosen


def choose_dropped(dropped: Parts) -> list[dict[str, Any]]:
    """A few rows of each rule of each stage, in the order of stage and rule."""
    chosen: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for batch in read_batches(dropped, _DROPPED_COLUMNS):
        for rule in pc.unique(batch.column("rule")).to_pylist():
            of_rule = batch.filter(pc.equal(batch.column("rule"), rule))
            for stage in pc.unique(of_rule.column("stage")).to_pylist():
                rows = of_rule.filter(pc.equal(of_rule.column("stage"), stage))
                known = chosen.get((stage, rule), [])
                if not known and len(chosen) >= MAX_RULES:
                    continue
                found = [*known, *_take_smallest(rows, SAMPLES_PER_RULE)]
                chosen[stage, rule] = _smallest(found, SAMPLES_PER_RULE)
    return [row for _, rows in sorted(chosen.items()) for row in rows]


def _look_up(parts: Parts, doc_ids: Sequence[bytes], column: str) -> dict[bytes, Any]:
    """Values of a column for a few documents; row groups without any of them are not decoded."""
    found: dict[bytes, Any] = {}
    wanted = pa.array(sorted(set(doc_ids)), pa.binary(16))
    if len(wanted) == 0:
        return found
    for part in parts:
        with open_part(part, verify=False) as file:
            for number in range(file.num_row_groups):
                ids = file.read_row_group(number, columns=["doc_id"]).column(0)
                places = np.flatnonzero(pc.is_in(ids, wanted).to_numpy())
                if len(places) == 0:
                    continue
                values = file.read_row_group(number, columns=[column]).column(0).take(places)
                found.update(zip(ids.take(places).to_pylist(), values.to_pylist(), strict=True))
    return found


def redact_spans(text: str, spans: Sequence[Mapping[str, Any]]) -> str:
    """Replace spans of personal data by their kind in brackets.

    Args:
        text: the original text.
        spans: each with `kind`, `start` and `end` in code points of the text.
    """
    parts: list[str] = []
    last = 0
    for span in sorted(spans, key=lambda span: (span["start"], span["end"])):
        start, end = max(span["start"], last), max(span["end"], last)
        if start == end:
            continue
        parts += [text[last:start], f"[{span['kind']}]"]
        last = end
    return "".join(parts) + text[last:]


def _shorten(text: str | None, most: int = LINE_CHARACTERS) -> str | None:
    return text if text is None or len(text) <= most else text[:most] + "…"


def _describe_drop(row: Mapping[str, Any]) -> str:
    sentence = render_rule(row["rule"], row["value"], row["comparison"], row["threshold"])
    return f"{sentence} ({row['detail']})" if row["detail"] else sentence


def collect_samples(
    curated: Parts, dropped: Parts, documents: Parts, signals: Parts, *, with_text: bool
) -> tuple[Sample, ...]:
    """Choose example documents.

    Args:
        curated: parts of published documents; their text is redacted already.
        dropped: parts of dropped records.
        documents: parts with the text of dropped documents.
        signals: parts with the spans of personal data in that text.
        with_text: whether to show the first characters of the texts.

    Returns:
        Kept documents first, then dropped ones by stage and rule.
    """
    kept_rows, dropped_rows = choose_kept(curated), choose_dropped(dropped)
    kept_texts: dict[bytes, str] = {}
    dropped_texts: dict[bytes, str] = {}
    if with_text:
        kept_texts = _look_up(curated, [row["doc_id"] for row in kept_rows], "text")
        ids = [row["doc_id"] for row in dropped_rows if row["doc_id"] is not None]
        spans = _look_up(signals, ids, "pii_spans")
        dropped_texts = {
            doc_id: redact_spans(text, spans[doc_id] or ())
            for doc_id, text in _look_up(documents, ids, "text").items()
            if doc_id in spans  # a text that was never searched for personal data is not shown
        }
    kept = [_build_sample("kept", row, kept_texts) for row in kept_rows]
    return (*kept, *(_build_sample("dropped", row, dropped_texts) for row in dropped_rows))


def _build_sample(fate: str, row: Mapping[str, Any], texts: Mapping[bytes, str]) -> Sample:
    text = texts.get(row["doc_id"] or b"")
    return Sample(
        fate=fate,
        doc_id=row["doc_id"].hex() if row["doc_id"] is not None else None,
        source=row["source"],
        url=_shorten(row["url"]),
        title=_shorten(row.get("title")),
        language=row["language"],
        stage=row.get("stage"),
        rule=row.get("rule"),
        sentence=_shorten(_describe_drop(row)) if fate == "dropped" else None,
        text=_shorten(text, TEXT_CHARACTERS),
    )
