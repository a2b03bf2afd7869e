"""From a recipe's `cleaning` to the policy that judges documents."""

from collections.abc import Iterable

from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.policy import CUSTOM_TABLE, Bounds, Policy, Rules
from gristmill.cleaning.rule_registry import name_bounds
from gristmill.schemas.recipe import Cleaning, LanguageRules, Range

NO_LINE_RULE = "none"


def build_policy(cleaning: Cleaning) -> Policy:
    """Build the policy that a recipe describes: its tables in order, then its own bounds.

    Raises:
        SchemaError: a table, metric, line rule or kind of personal data is unknown.
    """
    return Policy(
        languages=cleaning.languages,
        bounds=_list_bounds(cleaning.rule_tables, cleaning),
        line_rule=cleaning.line_rule,
        redact=cleaning.redact,
        by_language={
            language: _build_rules(language, cleaning) for language in cleaning.by_language
        },
    )


def _list_bounds(tables: Iterable[str], cleaning: Cleaning) -> Bounds:
    own = [(CUSTOM_TABLE, _make_bound(bound.metric, bound)) for bound in cleaning.bounds]
    return (*name_bounds(*tables), *own)


def _make_bound(metric: str, limits: Range) -> Bound:
    return Bound(metric, min=limits.min, max=limits.max, above=limits.above, below=limits.below)


def _list_chain(language: str, cleaning: Cleaning) -> list[LanguageRules]:
    """The rules that a language is like, the most distant first."""
    chain = [cleaning.by_language[language]]
    while (like := chain[0].like) is not None:
        chain.insert(0, cleaning.by_language[like])
    return chain


def _build_rules(language: str, cleaning: Cleaning) -> Rules:
    tables, line_rule = cleaning.rule_tables, cleaning.line_rule
    limits: dict[str, Range | None] = {}
    for rules in _list_chain(language, cleaning):
        tables = rules.rule_tables if rules.rule_tables is not None else tables
        line_rule = rules.line_rule if rules.line_rule is not None else line_rule
        limits |= rules.limits
    bounds = []
    for table, bound in _list_bounds(tables, cleaning):
        if bound.metric not in limits:
            bounds.append((table, bound))
        elif (own := limits[bound.metric]) is not None:
            bounds.append((table, _make_bound(bound.metric, own)))
    stated = {bound.metric for _, bound in bounds}
    bounds += [
        (CUSTOM_TABLE, _make_bound(metric, own))
        for metric, own in limits.items()
        if own is not None and metric not in stated
    ]
    return Rules(tuple(bounds), None if line_rule == NO_LINE_RULE else line_rule)
