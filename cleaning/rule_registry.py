"""Every published rule by name: gristmill's own reading, and those of the dialects.

A plain name (``gopher_quality``) is the reference definition; ``@`` and a name mean
another reading (``gopher_quality@dolma``), which has signals of its own. A name that
nothing answers to is refused wherever a policy is built, never skipped.
"""

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, cast

import pyarrow as pa

from gristmill.cleaning import bad_words, rule_tables, url_words
from gristmill.cleaning.bounds import Bound, require_known
from gristmill.cleaning.line_rules import LINE_RULES
from gristmill.schemas.tables import DOCUMENT_METRICS

#: Modules of `gristmill.cleaning.dialects`.
DIALECTS: Final = ("dclm", "dolma", "dolma3", "datatrove", "madlad", "nemo", "rpv2")
#: Metrics of models and lists that a recipe names: ``score@<model>`` and its like.
MODEL_METRICS: Final = ("score", "bucket", "perplexity", "importance")
#: Metrics of documents that no text pass measures; lists of words are a recipe's own.
OTHER_METRICS: Final = (
    "language_score",
    "licence_open",
    "script_share",
    "text_bytes",
    "bad_word_count",
    "bad_word_fraction",
    "bad_words_distinct",
    "bad_word_severity",
    "bad_word_worst_severity",
    "bad_word_count@c4",
    "bad_word_count@datatrove",
    "url_strict_words",
    "url_hard_words",
    "url_soft_words",
    "url_hard_words@datatrove",
    "url_soft_words@datatrove",
)


_OWN_TABLES: Final[Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {**rule_tables.TABLES, **bad_words.TABLES, **url_words.TABLES}
)


class Dialect(Protocol):
    """What a module of `gristmill.cleaning.dialects` offers."""

    NAME: str
    SCHEMA: pa.Schema
    TABLES: Mapping[str, tuple[Bound, ...]]
    SOURCES: Mapping[str, str]
    LINE_FILTERS: Mapping[str, Callable[[str], str]]

    def measure(self, texts: pa.StringArray) -> pa.RecordBatch:
        """Measure n texts: n rows of `SCHEMA`."""

    def warm_up(self) -> None:
        """Compile or load every kernel of `measure`."""


def load_dialect(name: str) -> Dialect:
    """Import a dialect.

    Raises:
        SchemaError: there is no such dialect.
    """
    require_known("dialect", name, DIALECTS)
    return cast(Dialect, importlib.import_module(f"gristmill.cleaning.dialects.{name}"))


def _gather(attribute: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in DIALECTS:
        found |= getattr(load_dialect(name), attribute)
    return found


@functools.cache
def list_tables() -> Mapping[str, tuple[Bound, ...]]:
    """List every table of bounds, those of dialects too."""
    own = cast("dict[str, tuple[Bound, ...]]", _gather("TABLES"))
    return MappingProxyType({**_OWN_TABLES, **own})


@functools.cache
def list_sources() -> Mapping[str, str]:
    """List where each table comes from: a paper, or code and its version."""
    own = cast("dict[str, str]", _gather("SOURCES"))
    listed = (rule_tables.SOURCES, bad_words.SOURCES, url_words.SOURCES)
    return MappingProxyType(
        {name: source for one in (*listed, own) for name, source in one.items()}
    )


@functools.cache
def list_line_filters() -> Mapping[str, Callable[[str], str]]:
    """List the line filters of dialects: what is left of a text, by name."""
    own = cast("dict[str, Callable[[str], str]]", _gather("LINE_FILTERS"))
    return MappingProxyType(own)


def list_line_rules() -> tuple[str, ...]:
    """List every name that a policy may give as line rule."""
    return (*LINE_RULES, *(name for name in list_line_filters() if name not in LINE_RULES))


@functools.cache
def list_metrics() -> frozenset[str]:
    """List every metric that a text pass measures, those of dialects too."""
    own = {metric for name in DIALECTS for metric in list_numbers(load_dialect(name))}
    return frozenset({*DOCUMENT_METRICS, *OTHER_METRICS, *own})


def list_numbers(dialect: Dialect) -> list[str]:
    """List the metrics of a dialect that a bound can be put on: not its facts of lines."""
    return [field.name for field in dialect.SCHEMA if field.type == pa.float64()]


def require_metric(metric: str) -> None:
    """Refuse a metric that nothing measures.

    Raises:
        SchemaError: the metric is unknown; lists the closest known ones.
    """
    stem, _, suffix = metric.partition("@")
    if metric in (*DOCUMENT_METRICS, *OTHER_METRICS) or stem in MODEL_METRICS:
        return
    known = list_numbers(load_dialect(suffix)) if suffix in DIALECTS else list_metrics()
    require_known("metric", metric, known)


def require_line_rule(name: str) -> None:
    """Refuse a line rule that nothing answers to.

    Raises:
        SchemaError: the name is unknown; lists the closest known ones.
    """
    if name not in LINE_RULES:  # spares the import of the dialects
        require_known("line rule", name, list_line_rules())


def find_table(name: str) -> tuple[Bound, ...]:
    """Look up a table by name.

    Raises:
        SchemaError: there is no such table; lists the closest names.
    """
    if name in _OWN_TABLES:  # spares the import of the dialects
        return _OWN_TABLES[name]
    suffix = name.rpartition("@")[2].partition("_")[0]
    if suffix in DIALECTS and name in load_dialect(suffix).TABLES:
        return load_dialect(suffix).TABLES[name]
    require_known("rule table", name, list_tables())
    return list_tables()[name]


def name_bounds(*tables: str) -> tuple[tuple[str, Bound], ...]:
    """List the bounds of some tables in order, each with its table's name.

    This is the form in which `gristmill.cleaning.policy.Policy` takes them.

    Raises:
        SchemaError: there is no such table.
    """
    return tuple((name, bound) for name in tables for bound in find_table(name))


def find_dialects(metrics: Iterable[str]) -> frozenset[str]:
    """Find the dialects that measure these metrics."""
    suffixes = {metric.partition("@")[2] for metric in set(metrics) - set(OTHER_METRICS)}
    return frozenset(suffixes & set(DIALECTS))
