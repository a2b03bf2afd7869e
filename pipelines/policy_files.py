"""Policies by name or file, for verbs that try one on what a run has measured."""

from pathlib import Path
from typing import Any, Final

from gristmill.cleaning.line_rules import LINE_RULES
from gristmill.cleaning.rule_registry import list_line_filters, list_tables
from gristmill.pipelines.recipe_checks import check_cleaning
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.policies import NOTES, expand_policy, find_policy, read_policy
from gristmill.schemas.recipe import Cleaning
from gristmill.schemas.yaml_files import read_yaml, validate

#: What a policy of one rule says of all others.
_NOTHING: Final[dict[str, Any]] = {
    "languages": None,
    "rule_tables": [],
    "line_rule": None,
    "redact": [],
}


def load_policy(name: str) -> Cleaning:
    """Load a policy: a preset, a policy's file or the cleaning of a recipe.

    Raises:
        RecipeError: there is no such policy, or it holds a mistake.
    """
    folder = Path()
    path = find_policy(name, folder)
    value = read_yaml(path)
    if isinstance(value, dict) and isinstance(value.get("cleaning"), dict):
        policy = expand_policy(value["cleaning"], path.absolute().parent)
    else:
        policy = read_policy(name, folder)
    return _check(policy, str(path))


def load_rule(name: str) -> Cleaning:
    """Load a policy that is one table or one line rule alone; else as `load_policy`.

    Raises:
        RecipeError: nothing has this name.
    """
    if name in list_tables():
        return _check(_NOTHING | {"rule_tables": [name]}, name)
    if name in LINE_RULES or name in list_line_filters():
        return _check(_NOTHING | {"line_rule": name}, name)
    return load_policy(name)


def load_policy_notes(name: str) -> dict[str, Any]:
    """Read a policy with its description and sources, and all that it inherits.

    Raises:
        RecipeError: there is no such policy; lists the presets.
    """
    policy = read_policy(name, Path())
    value = read_yaml(find_policy(name, Path()))
    return {key: value[key] for key in NOTES if key in value} | policy


def _check(policy: dict[str, Any], origin: str) -> Cleaning:
    cleaning = validate(Cleaning, policy, origin)
    mistakes = list(check_cleaning(cleaning))
    if mistakes:
        raise RecipeError(origin, mistakes)
    return cleaning
