"""Checks of a recipe that need more than its own file: every name in it answers to something."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from gristmill.cleaning import pii
from gristmill.cleaning.bounds import require_known
from gristmill.cleaning.rule_registry import (
    DIALECTS,
    MODEL_METRICS,
    find_table,
    require_line_rule,
    require_metric,
)
from gristmill.pipelines.policies import NO_LINE_RULE
from gristmill.schemas.errors import RecipeError, SchemaError
from gristmill.schemas.recipe import Cleaning, Recipe, load_recipe

Mistake = tuple[str, str]


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


def find_unknown_names(recipe: Recipe) -> Iterator[Mistake]:
    """Yield (path, message) for each name that nothing answers to."""
    yield from check_cleaning(recipe.cleaning)
    for index, name in enumerate(recipe.measuring.dialects):
        yield from _try(
            f"measuring.dialects.{index}",
            functools.partial(require_known, "dialect", name, DIALECTS),
        )
    yield from _check_models(recipe)


def check_cleaning(cleaning: Cleaning) -> Iterator[Mistake]:
    """Yield (path, message) for each name of a policy that nothing answers to."""
    yield from _check_tables("cleaning.rule_tables", cleaning.rule_tables)
    for index, bound in enumerate(cleaning.bounds):
        place = f"cleaning.bounds.{index}.metric"
        yield from _try(place, functools.partial(require_metric, bound.metric))
    yield from _check_line_rule("cleaning.line_rule", cleaning.line_rule)
    for kind in sorted(cleaning.redact):
        check = functools.partial(require_known, "kind of personal data", kind, pii.PLACEHOLDERS)
        yield from _try("cleaning.redact", check)
    for language, rules in cleaning.by_language.items():
        place = f"cleaning.by_language.{language}"
        yield from _check_tables(f"{place}.rule_tables", rules.rule_tables or ())
        for metric in rules.limits:
            yield from _try(f"{place}.limits", functools.partial(require_metric, metric))
        yield from _check_line_rule(f"{place}.line_rule", rules.line_rule)


def _check_tables(place: str, names: tuple[str, ...]) -> Iterator[Mistake]:
    for index, name in enumerate(names):
        yield from _try(f"{place}.{index}", functools.partial(find_table, name))


def _check_line_rule(place: str, name: str | None) -> Iterator[Mistake]:
    if name is not None and name != NO_LINE_RULE:
        yield from _try(place, functools.partial(require_line_rule, name))


def _check_models(recipe: Recipe) -> Iterator[Mistake]:
    """Bounds on scores must name a model that the recipe measures with."""
    measured = {
        f"{metric}@{model.name}" for model in recipe.measuring.models for metric in MODEL_METRICS
    }
    for index, bound in enumerate(recipe.cleaning.bounds):
        if bound.metric.partition("@")[0] in MODEL_METRICS and bound.metric not in measured:
            yield (
                f"cleaning.bounds.{index}.metric",
                f"no model of measuring.models gives {bound.metric!r}",
            )
    listed = {one.category for one in recipe.measuring.url_lists}
    for category in recipe.cleaning.url_categories:
        if category not in listed:
            yield "cleaning.url_categories", f"no list of measuring.url_lists is {category!r}"


def _try(place: str, check: Callable[[], object]) -> Iterator[Mistake]:
    try:
        check()
    except SchemaError as error:
        yield place, str(error)
