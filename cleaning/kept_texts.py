"""What the text of a kept document looks like: personal data redacted, lines dropped."""

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from gristmill.cleaning import pii
from gristmill.cleaning.line_rules import LINE_RULES, LineFacts, LineRule, judge_lines, read_facts
from gristmill.cleaning.policy import Policy, group_rows, read_column
from gristmill.cleaning.rule_registry import list_line_filters
from gristmill.schemas.errors import SchemaError

_CITATION: Final = re2.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")


def apply_policy(texts: pa.StringArray, signals: pa.RecordBatch, policy: Policy) -> pa.StringArray:
    """Redact personal data and drop lines, as the policy says.

    Args:
        texts: the texts of n documents, as they were measured; normally those that
            `gristmill.cleaning.policy.judge` keeps.
        signals: their n rows of signals.
        policy: gives the kinds to redact and the line rules.

    Returns:
        n texts; `texts` itself where nothing changes.

    Raises:
        SchemaError: texts and signals differ in rows or in lines, or a column is missing.
    """
    if len(texts) != signals.num_rows:
        raise SchemaError(f"{len(texts)} texts, but {signals.num_rows} rows of signals")
    redacted = _redact_texts(texts, signals, policy.redact)
    pieces: list[tuple[npt.NDArray[np.int64], pa.StringArray]] = []
    for rules, rows in group_rows(signals, policy):
        if rules.line_rule is None:
            continue
        where = pa.array(rows)
        if rules.line_rule in LINE_RULES:
            rule = LINE_RULES[rules.line_rule]
            left = _drop_lines(redacted.take(where), signals.take(where), rule)
        else:
            keep = list_line_filters()[rules.line_rule]
            left = pa.array([keep(text) for text in redacted.take(where).to_pylist()], pa.string())
        pieces.append((rows, left))
    return _put_back(redacted, pieces)


def _put_back(
    texts: pa.StringArray, pieces: list[tuple[npt.NDArray[np.int64], pa.StringArray]]
) -> pa.StringArray:
    if not pieces:
        return texts
    if len(pieces) == 1 and len(pieces[0][0]) == len(texts):
        return texts if pieces[0][1].equals(texts) else pieces[0][1]
    place = np.arange(len(texts))
    total = len(texts)
    for rows, left in pieces:
        place[rows] = np.arange(total, total + len(left))
        total += len(left)
    return pa.concat_arrays([texts, *(left for _, left in pieces)]).take(pa.array(place))


def _select_spans(signals: pa.RecordBatch, kinds: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Tell which rows hold a span of one of the kinds."""
    holds = np.zeros(signals.num_rows, np.bool_)
    if kinds:
        spans = read_column(signals, "pii_spans")
        wanted = pc.is_in(pc.struct_field(spans.flatten(), "kind"), pa.array(sorted(kinds)))
        parents = pc.list_parent_indices(spans)
        holds[parents.filter(wanted).to_numpy()] = True
    return holds


def _redact_texts(
    texts: pa.StringArray, signals: pa.RecordBatch, kinds: frozenset[str]
) -> pa.StringArray:
    changed = _select_spans(signals, kinds)
    rows = np.flatnonzero(changed)
    if rows.size == 0:
        return texts
    spans = signals.column("pii_spans")
    replaced = []
    for row, text in zip(rows, texts.take(pa.array(rows)).to_pylist(), strict=True):
        wanted = [span for span in spans[row].as_py() if span["kind"] in kinds]
        replaced.append(pii.redact(text, wanted))
    return pc.replace_with_mask(texts, pa.array(changed), pa.array(replaced, pa.string()))


def _drop_lines(texts: pa.StringArray, signals: pa.RecordBatch, rule: LineRule) -> pa.StringArray:
    """Drop lines by their facts: redaction adds and removes none."""
    facts = read_facts(signals)
    kept = judge_lines(facts, rule).kept
    changed = _find_changed(texts, facts, kept, rule)
    rows = np.flatnonzero(changed)
    if rows.size == 0:
        return texts
    replaced = [
        _rewrite(text, kept[facts.offsets[row] : facts.offsets[row + 1]], rule)
        for row, text in zip(rows, texts.take(pa.array(rows)).to_pylist(), strict=True)
    ]
    return pc.replace_with_mask(texts, pa.array(changed), pa.array(replaced, pa.string()))


def _rewrite(text: str, kept: npt.NDArray[np.bool_], rule: LineRule) -> str:
    """Drop the lines that a rule drops, and its citations."""
    lines = text.split("\n")
    if len(lines) != kept.size:
        raise SchemaError(f"text has {len(lines)} lines, its signals {kept.size}")
    text = "\n".join(itertools.compress(lines, kept))
    return _CITATION.sub("", text) if rule.removes_citations else text


def _find_changed(
    texts: pa.StringArray, facts: LineFacts, kept: npt.NDArray[np.bool_], rule: LineRule
) -> npt.NDArray[np.bool_]:
    """Tell which rows lose a line or may hold a citation."""
    dropped_before = np.concatenate([[0], np.cumsum(~kept)])
    changed: npt.NDArray[np.bool_] = np.diff(dropped_before[facts.offsets]) > 0
    if rule.removes_citations:
        changed = changed | pc.match_substring(texts, "[").to_numpy(zero_copy_only=False)
    return changed
