"""Signals and a policy to verdicts, and what a kept text looks like afterwards.

`judge` is a pure function of signals: it never reads a text, so another policy can be
tried on stored signals. `apply` changes the texts of the documents that are kept.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from gristmill.cleaning import pii
from gristmill.cleaning.bounds import Bound, require_known
from gristmill.cleaning.language import SCORE_DECIMALS
from gristmill.cleaning.line_rules import LINE_RULES, LineFacts, LineRule, judge_lines, read_facts
from gristmill.cleaning.rule_tables import TABLES
from gristmill.schemas.errors import SchemaError

#: The table name of bounds that a recipe states itself.
CUSTOM_TABLE: Final = "custom"
LANGUAGE_RULE: Final = "language"

#: One row per document. `comparison` is "<" or ">": the condition that dropped it.
VERDICTS: Final = pa.schema(
    [
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("comparison", pa.string()),
    ]
)

_CITATION: Final = re2.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")

Numbers = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """What is kept. Rules are tried in the order of the attributes; the first that fails wins.

    Attributes:
        languages: language to smallest score kept; documents in others are dropped. None
            keeps all languages.
        bounds: (table name, bound) in order; see `rule_tables.name_bounds`. Own bounds
            go under `CUSTOM_TABLE`.
        line_rule: a name in `LINE_RULES`, or None.
        redact: kinds of personal data that `apply` replaces.

    Raises:
        SchemaError: a table, line rule or kind is unknown, or a score is outside 0..1.
    """

    languages: Mapping[str, float] | None = None
    bounds: tuple[tuple[str, Bound], ...] = ()
    line_rule: str | None = None
    redact: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for table, _ in self.bounds:
            require_known("rule table", table, {*TABLES, CUSTOM_TABLE})
        if self.line_rule is not None:
            require_known("line rule", self.line_rule, LINE_RULES)
        for kind in self.redact:
            require_known("kind of personal data", kind, pii.PLACEHOLDERS)
        for language, score in (self.languages or {}).items():
            if not 0 <= score <= 1:
                raise SchemaError(f"smallest score of language {language!r} is {score}, not 0..1")
        if self.languages is not None:
            frozen = MappingProxyType(dict(self.languages))
            object.__setattr__(self, "languages", frozen)

    def __reduce__(self) -> tuple[type["Policy"], tuple[Any, ...]]:
        """Pickle by value: a mapping proxy does not pickle."""
        languages = None if self.languages is None else dict(self.languages)
        return Policy, (languages, self.bounds, self.line_rule, self.redact)


class _Check(NamedTuple):
    """One condition on n documents. `values` and `threshold` are None where there is no number."""

    rule: str
    failed: npt.NDArray[np.bool_]
    values: Numbers | None
    threshold: Numbers | float | None
    comparison: str | None


def _read_column(signals: pa.RecordBatch, name: str) -> pa.Array:
    if name not in signals.schema.names:
        raise SchemaError(f"signals lack column {name!r}; found {signals.schema.names}")
    return signals.column(name)


def _check_languages(signals: pa.RecordBatch, languages: Mapping[str, float]) -> Iterator[_Check]:
    names = list(languages)
    place = pc.index_in(_read_column(signals, "language"), pa.array(names, pa.string()))
    places = pc.fill_null(place, -1).to_numpy()
    yield _Check(LANGUAGE_RULE, places < 0, None, None, None)
    # Stored as float32: 0.65 must not read as 0.6499999.
    scores = _read_column(signals, "language_score").to_numpy().astype(np.float64)
    scores = np.round(scores, SCORE_DECIMALS)
    smallest = np.array([*languages.values(), 0.0])[places]
    yield _Check(LANGUAGE_RULE, scores < smallest, scores, smallest, "<")


def _check_bound(signals: pa.RecordBatch, table: str, bound: Bound) -> Iterator[_Check]:
    values = _read_column(signals, bound.metric).to_numpy()
    rule = f"{table}/{bound.metric}"
    if bound.min is not None:
        yield _Check(rule, values < bound.min, values, bound.min, "<")
    if bound.max is not None:
        yield _Check(rule, values > bound.max, values, bound.max, ">")


def _check_lines(signals: pa.RecordBatch, name: str, rule: LineRule) -> Iterator[_Check]:
    verdicts = judge_lines(read_facts(signals), rule)
    for metric in ("lorem_ipsum", "curly_bracket"):
        counts = getattr(verdicts, metric).astype(np.float64)
        yield _Check(f"{name}/{metric}", counts > 0, counts, 0.0, ">")
    lines = verdicts.kept_lines.astype(np.float64)
    yield _Check(f"{name}/kept_lines", lines < 1, lines, 1.0, "<")
    sentences = verdicts.sentences.astype(np.float64)
    failed = sentences < rule.min_sentences
    yield _Check(f"{name}/sentence_count", failed, sentences, float(rule.min_sentences), "<")


def _list_checks(signals: pa.RecordBatch, policy: Policy) -> Iterator[_Check]:
    """List the conditions of a policy in order."""
    if policy.languages is not None:
        yield from _check_languages(signals, policy.languages)
    for table, bound in policy.bounds:
        yield from _check_bound(signals, table, bound)
    if policy.line_rule is not None:
        yield from _check_lines(signals, policy.line_rule, LINE_RULES[policy.line_rule])


def judge(signals: pa.RecordBatch, policy: Policy) -> pa.RecordBatch:
    """Decide which documents are kept, from their signals alone.

    Args:
        signals: n rows with the columns of `SIGNALS` that the policy reads.
        policy: the rules.

    Returns:
        n rows of `VERDICTS`. Rule ids are "language", "<table>/<metric>" and, for line
        rules, "<line rule>/lorem_ipsum", "/curly_bracket", "/kept_lines" and
        "/sentence_count". Kept documents have nulls.

    Raises:
        SchemaError: a column is missing.
    """
    count = signals.num_rows
    rules: list[str] = []
    comparisons: list[str | None] = []
    winner = np.full(count, -1, np.int64)
    value, threshold = np.full(count, np.nan), np.full(count, np.nan)
    for index, check in enumerate(_list_checks(signals, policy)):
        rules.append(check.rule)
        comparisons.append(check.comparison)
        rows = np.flatnonzero(check.failed & (winner < 0))
        winner[rows] = index
        if check.values is not None:
            value[rows] = check.values[rows]
            threshold[rows] = np.broadcast_to(np.asarray(check.threshold), count)[rows]
    chosen = pa.array(winner, mask=winner < 0)
    columns = [
        pa.array(winner < 0),
        pa.array(rules, pa.string()).take(chosen),
        pa.array(value, from_pandas=True),
        pa.array(threshold, from_pandas=True),
        pa.array(comparisons, pa.string()).take(chosen),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=VERDICTS)


def _format_number(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.6g}"


def render_reason(
    rule: str, value: float | None, threshold: float | None, comparison: str | None
) -> str:
    """Say why a document was dropped: ``word_count=2 < 50``.

    A rule without a number is its own reason.
    """
    metric = rule.rpartition("/")[2]
    if value is None or threshold is None or comparison is None:
        return metric
    return f"{metric}={_format_number(value)} {comparison} {_format_number(threshold)}"


def _select_spans(signals: pa.RecordBatch, kinds: frozenset[str]) -> npt.NDArray[np.bool_]:
    """Tell which rows hold a span of one of the kinds."""
    holds = np.zeros(signals.num_rows, np.bool_)
    if kinds:
        spans = _read_column(signals, "pii_spans")
        wanted = pc.is_in(pc.struct_field(spans.flatten(), "kind"), pa.array(sorted(kinds)))
        parents = pc.list_parent_indices(spans)
        holds[parents.filter(wanted).to_numpy()] = True
    return holds


def _rewrite(text: str, kept: npt.NDArray[np.bool_], rule: LineRule | None) -> str:
    """Drop the lines that a rule drops, and its citations."""
    lines = text.split("\n")
    if len(lines) != kept.size:
        raise SchemaError(f"text has {len(lines)} lines, its signals {kept.size}")
    text = "\n".join(itertools.compress(lines, kept))
    if rule is not None and rule.removes_citations:
        text = _CITATION.sub("", text)
    return text


def _find_changed(
    texts: pa.StringArray, facts: LineFacts, kept: npt.NDArray[np.bool_], rule: LineRule
) -> npt.NDArray[np.bool_]:
    """Tell which rows lose a line or may hold a citation."""
    dropped_before = np.concatenate([[0], np.cumsum(~kept)])
    changed: npt.NDArray[np.bool_] = np.diff(dropped_before[facts.offsets]) > 0
    if rule.removes_citations:
        changed = changed | pc.match_substring(texts, "[").to_numpy(zero_copy_only=False)
    return changed


def apply(texts: pa.StringArray, signals: pa.RecordBatch, policy: Policy) -> pa.StringArray:
    """Redact personal data and drop lines, as the policy says.

    Args:
        texts: the texts of n documents, as they were measured; normally those that
            `judge` keeps.
        signals: their n rows of signals.
        policy: gives the kinds to redact and the line rule.

    Returns:
        n texts; `texts` itself where nothing changes.

    Raises:
        SchemaError: texts and signals differ in rows or in lines, or a column is missing.
    """
    if len(texts) != signals.num_rows:
        raise SchemaError(f"{len(texts)} texts, but {signals.num_rows} rows of signals")
    redacted = _select_spans(signals, policy.redact)
    changed = redacted
    rule = None if policy.line_rule is None else LINE_RULES[policy.line_rule]
    if rule is not None:
        facts = read_facts(signals)
        kept = judge_lines(facts, rule).kept
        changed = redacted | _find_changed(texts, facts, kept, rule)
    rows = np.flatnonzero(changed)
    if rows.size == 0:
        return texts
    spans = signals.column("pii_spans") if policy.redact else None
    replaced = []
    for row, text in zip(rows, texts.take(pa.array(rows)).to_pylist(), strict=True):
        if spans is not None and redacted[row]:
            wanted = [span for span in spans[row].as_py() if span["kind"] in policy.redact]
            text = pii.redact(text, wanted)
        if rule is not None:
            text = _rewrite(text, kept[facts.offsets[row] : facts.offsets[row + 1]], rule)
        replaced.append(text)
    return pc.replace_with_mask(texts, pa.array(changed), pa.array(replaced, pa.string()))
