"""Checks of a recipe that need more than its own file: tables, metrics and line rules by name."""

import difflib
from collections.abc import Collection, Iterator
from pathlib import Path

from gristmill.cleaning.line_rules import LINE_RULES
from gristmill.cleaning.rule_tables import TABLES
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe import Recipe, load_recipe
from gristmill.schemas.tables import DOCUMENT_METRICS


def load_checked(path: Path, *, output: str | None = None) -> Recipe:
    """Load a recipe and check every name in it.

    Raises:
        RecipeError: lists every mistake with its path in the file.
    """
    recipe = load_recipe(path, output=output)
    mistakes = list(find_unknown_names(recipe))
    if mistakes:
        raise RecipeError(str(path), mistakes)
    return recipe


def find_unknown_names(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield (path, message) for each name that nothing answers to."""
    cleaning = recipe.cleaning
    for index, name in enumerate(cleaning.rule_tables):
        if name not in TABLES:
            yield f"cleaning.rule_tables.{index}", _suggest("rule table", name, TABLES)
    for index, bound in enumerate(cleaning.bounds):
        if bound.metric not in DOCUMENT_METRICS:
            message = _suggest("metric", bound.metric, DOCUMENT_METRICS)
            yield f"cleaning.bounds.{index}.metric", message
    if cleaning.line_rule is not None and cleaning.line_rule not in LINE_RULES:
        yield "cleaning.line_rule", _suggest("line rule", cleaning.line_rule, LINE_RULES)


def _suggest(what: str, name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    listed = ", ".join(close or sorted(known))
    return f"no {what} {name!r}; {'did you mean' if close else 'there are'} {listed}"
