"""Policies: which documents are kept, and why the others are not.

`judge` is a pure function of signals: it never reads a text, so another policy can be
tried on stored signals.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning import pii
from gristmill.cleaning.bounds import Bound, require_known
from gristmill.cleaning.language import SCORE_DECIMALS
from gristmill.cleaning.line_rules import LINE_RULES, LineRule, judge_lines, read_facts
from gristmill.cleaning.rule_registry import (
    find_dialects,
    find_table,
    list_tables,
    require_line_rule,
    require_metric,
)
from gristmill.schemas.errors import SchemaError

#: The table name of bounds that a recipe states itself.
CUSTOM_TABLE: Final = "custom"
LANGUAGE_RULE: Final = "language"

#: One row per document. `comparison` is the condition that dropped it: < > <= or >=.
VERDICTS: Final = pa.schema(
    [
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("rule", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("comparison", pa.string()),
    ]
)

Numbers = npt.NDArray[np.float64]
Bounds = tuple[tuple[str, Bound], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Rules:
    """Bounds in order and a line rule: what one language's documents are held to.

    Attributes:
        bounds: (table name, bound); see `rule_registry.name_bounds`. Own bounds go
            under `CUSTOM_TABLE`.
        line_rule: a name in `rule_registry.list_line_rules`, or None.

    Raises:
        SchemaError: a table, a metric or the line rule is unknown.
    """

    bounds: Bounds = ()
    line_rule: str | None = None

    def __post_init__(self) -> None:
        for table in {table for table, _ in self.bounds} - {CUSTOM_TABLE}:
            find_table(table)
        for _, bound in self.bounds:
            require_metric(bound.metric)
        if self.line_rule is not None:
            require_line_rule(self.line_rule)

    def list_bounds(self) -> Bounds:
        """List all bounds: those of a dialect's line filter stand in a table of its name."""
        if self.line_rule is None or self.line_rule in LINE_RULES:
            return self.bounds
        own = list_tables().get(self.line_rule, ())
        return (*self.bounds, *((self.line_rule, bound) for bound in own))

    def list_rules(self) -> tuple[str, ...]:
        """List the ids of all rules, in the order of their checks."""
        named = [f"{table}/{bound.metric}" for table, bound in self.list_bounds()]
        if self.line_rule in LINE_RULES:
            named += [f"{self.line_rule}/{name}" for name in LINE_CHECKS]
        return tuple(dict.fromkeys(named))


#: What a line rule says about the page, in the order of its checks.
LINE_CHECKS: Final = ("lorem_ipsum", "curly_bracket", "kept_lines", "sentence_count")


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """What is kept: languages first, then bounds, then the line rule; the first failure wins.

    Attributes:
        languages: language to smallest score kept; documents in others are dropped. None
            keeps all languages.
        bounds: as in `Rules`.
        line_rule: as in `Rules`.
        redact: kinds of personal data that are replaced in what is kept.
        by_language: rules of single languages, instead of `bounds` and `line_rule`.

    Raises:
        SchemaError: a table, metric, line rule or kind is unknown, or a score is outside 0..1.
    """

    languages: Mapping[str, float] | None = None
    bounds: Bounds = ()
    line_rule: str | None = None
    redact: frozenset[str] = frozenset()
    by_language: Mapping[str, Rules] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        Rules(self.bounds, self.line_rule)
        for kind in self.redact:
            require_known("kind of personal data", kind, pii.PLACEHOLDERS)
        for language, score in (self.languages or {}).items():
            if not 0 <= score <= 1:
                raise SchemaError(f"smallest score of language {language!r} is {score}, not 0..1")
        if self.languages is not None:
            frozen = MappingProxyType(dict(self.languages))
            object.__setattr__(self, "languages", frozen)
        object.__setattr__(self, "by_language", MappingProxyType(dict(self.by_language)))

    def __reduce__(self) -> tuple[type["Policy"], tuple[Any, ...]]:
        """Pickle by value: a mapping proxy does not pickle."""
        languages = None if self.languages is None else dict(self.languages)
        return Policy, (
            languages, self.bounds, self.line_rule, self.redact, dict(self.by_language),
        )  # fmt: skip

    @property
    def rules(self) -> Rules:
        """The rules of every language that has none of its own."""
        return Rules(self.bounds, self.line_rule)

    def list_rules(self) -> tuple[str, ...]:
        """List the ids of all rules that can drop a document."""
        first = () if self.languages is None else (LANGUAGE_RULE,)
        named = [rule for rules in self._all_rules() for rule in rules.list_rules()]
        return tuple(dict.fromkeys((*first, *named)))

    def list_metrics(self) -> frozenset[str]:
        """List the metrics that some bound reads."""
        return frozenset(
            bound.metric for rules in self._all_rules() for _, bound in rules.list_bounds()
        )

    def list_dialects(self) -> frozenset[str]:
        """List the dialects whose signals some bound reads."""
        return find_dialects(self.list_metrics())

    def list_columns(self) -> frozenset[str]:
        """List the columns of signals that `judge` reads."""
        columns = set(self.list_metrics())
        if self.languages is not None or self.by_language:
            columns |= {"language", "language_score"}
        if any(rules.line_rule in LINE_RULES for rules in self._all_rules()):
            columns |= {"line_flags", "line_words", "line_sentences"}
        return frozenset(columns)

    def _all_rules(self) -> tuple[Rules, ...]:
        return (self.rules, *self.by_language.values())


class Check(NamedTuple):
    """One condition on n documents. `values` and `threshold` are None where there is no number."""

    rule: str
    failed: npt.NDArray[np.bool_]
    values: Numbers | None
    threshold: Numbers | float | None
    comparison: str | None


def read_column(signals: pa.RecordBatch, name: str) -> pa.Array:
    """Take a column of signals.

    Raises:
        SchemaError: it was not measured.
    """
    if name not in signals.schema.names:
        raise SchemaError(f"signals lack column {name!r}; found {signals.schema.names}")
    return signals.column(name)


def _check_languages(signals: pa.RecordBatch, languages: Mapping[str, float]) -> Iterator[Check]:
    names = list(languages)
    place = pc.index_in(read_column(signals, "language"), pa.array(names, pa.string()))
    places = pc.fill_null(place, -1).to_numpy()
    yield Check(LANGUAGE_RULE, places < 0, None, None, None)
    # Stored as float32: 0.65 must not read as 0.6499999.
    scores = read_column(signals, "language_score").to_numpy().astype(np.float64)
    scores = np.round(scores, SCORE_DECIMALS)
    smallest = np.array([*languages.values(), 0.0])[places]
    yield Check(LANGUAGE_RULE, scores < smallest, scores, smallest, "<")


def _read_values(signals: pa.RecordBatch, metric: str) -> Numbers:
    stored = read_column(signals, metric).to_numpy(zero_copy_only=False)  # nulls become NaN
    values: Numbers = stored.astype(np.float64, copy=False)
    return np.round(values, SCORE_DECIMALS) if stored.dtype == np.float32 else values


def _check_bound(signals: pa.RecordBatch, table: str, bound: Bound) -> Iterator[Check]:
    values = _read_values(signals, bound.metric)
    rule = f"{table}/{bound.metric}"
    if bound.min is not None:
        yield Check(rule, values < bound.min, values, bound.min, "<")
    if bound.above is not None:
        yield Check(rule, values <= bound.above, values, bound.above, "<=")
    if bound.max is not None:
        yield Check(rule, values > bound.max, values, bound.max, ">")
    if bound.below is not None:
        yield Check(rule, values >= bound.below, values, bound.below, ">=")


def _check_lines(signals: pa.RecordBatch, name: str, rule: LineRule) -> Iterator[Check]:
    verdicts = judge_lines(read_facts(signals), rule)
    for metric in ("lorem_ipsum", "curly_bracket"):
        counts = getattr(verdicts, metric).astype(np.float64)
        yield Check(f"{name}/{metric}", counts > 0, counts, 0.0, ">")
    lines = verdicts.kept_lines.astype(np.float64)
    yield Check(f"{name}/kept_lines", lines < 1, lines, 1.0, "<")
    sentences = verdicts.sentences.astype(np.float64)
    failed = sentences < rule.min_sentences
    yield Check(f"{name}/sentence_count", failed, sentences, float(rule.min_sentences), "<")


def list_checks(
    signals: pa.RecordBatch, rules: Rules, languages: Mapping[str, float] | None
) -> Iterator[Check]:
    """Evaluate every condition on n documents, in order; not only the first that fails.

    Raises:
        SchemaError: a column is missing.
    """
    if languages is not None:
        yield from _check_languages(signals, languages)
    for table, bound in rules.list_bounds():
        yield from _check_bound(signals, table, bound)
    if rules.line_rule in LINE_RULES:
        yield from _check_lines(signals, str(rules.line_rule), LINE_RULES[str(rules.line_rule)])


def group_rows(
    signals: pa.RecordBatch, policy: Policy
) -> Iterator[tuple[Rules, npt.NDArray[np.int64]]]:
    """Yield each set of rules with the rows that it concerns, ascending."""
    if not policy.by_language:
        yield policy.rules, np.arange(signals.num_rows)
        return
    languages = list(policy.by_language)
    place = pc.index_in(read_column(signals, "language"), pa.array(languages, pa.string()))
    places = pc.fill_null(place, -1).to_numpy()
    for index, rules in enumerate((policy.rules, *policy.by_language.values()), -1):
        rows = np.flatnonzero(places == index)
        if rows.size:
            yield rules, rows


def judge(signals: pa.RecordBatch, policy: Policy) -> pa.RecordBatch:
    """Decide which documents are kept, from their signals alone.

    Args:
        signals: n rows with the columns of `Policy.list_columns`.
        policy: the rules.

    Returns:
        n rows of `VERDICTS`. Rule ids are "language", "<table>/<metric>" and, for line
        rules, "<line rule>/lorem_ipsum", "/curly_bracket", "/kept_lines" and
        "/sentence_count". Kept documents have nulls.

    Raises:
        SchemaError: a column is missing.
    """
    groups = list(group_rows(signals, policy))
    if len(groups) == 1:
        return _judge_rows(signals, groups[0][0], policy.languages)
    judged = [
        _judge_rows(signals.take(pa.array(rows)), rules, policy.languages) for rules, rows in groups
    ]
    order = np.concatenate([np.zeros(0, np.int64), *(rows for _, rows in groups)])
    table = pa.Table.from_batches(judged, VERDICTS).take(pa.array(np.argsort(order)))
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], VERDICTS)


def _judge_rows(
    signals: pa.RecordBatch, rules: Rules, languages: Mapping[str, float] | None
) -> pa.RecordBatch:
    count = signals.num_rows
    names: list[str] = []
    comparisons: list[str | None] = []
    winner = np.full(count, -1, np.int64)
    value, threshold = np.full(count, np.nan), np.full(count, np.nan)
    for index, check in enumerate(list_checks(signals, rules, languages)):
        names.append(check.rule)
        comparisons.append(check.comparison)
        rows = np.flatnonzero(check.failed & (winner < 0))
        winner[rows] = index
        if check.values is not None:
            value[rows] = check.values[rows]
            threshold[rows] = np.broadcast_to(np.asarray(check.threshold), count)[rows]
    chosen = pa.array(winner, mask=winner < 0)
    columns = [
        pa.array(winner < 0),
        pa.array(names, pa.string()).take(chosen),
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
