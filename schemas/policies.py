"""Policies: what a recipe's `cleaning` says, in files that inherit from each other.

A policy is a mapping with the keys of a recipe's `cleaning`. With ``extends`` it starts
from another one: the name of a preset that gristmill ships, or a file. What it states
replaces what it inherits, key by key; bounds replace those on the same metric, and
`by_language` merges language by language.
"""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.yaml_files import read_yaml

#: A chain of files that is longer than this goes in a circle.
LONGEST_CHAIN: Final = 16
#: Keys of a policy file that say where it comes from and decide nothing.
NOTES: Final = ("description", "sources")

Policy = Mapping[str, Any]


def list_presets() -> dict[str, Path]:
    """List the policies that gristmill ships: name to file."""
    folder = Path(str(importlib.resources.files("gristmill.schemas"))) / "presets"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_policy(name: str, folder: Path) -> Path:
    """Find the file of a policy: a preset's name, else a path from `folder`.

    Raises:
        RecipeError: there is neither.
    """
    presets = list_presets()
    if name in presets:
        return presets[name]
    path = folder / name
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    listed = ", ".join(presets)
    raise RecipeError(str(folder), [("extends", f"no preset or file {name!r}; there are {listed}")])


def read_policy(name: str, folder: Path) -> dict[str, Any]:
    """Read a policy by name or path, with all that it inherits, and without its notes.

    Raises:
        RecipeError: a file is missing, no mapping, or part of a circle.
    """
    return expand_policy({"extends": name}, folder)


def expand_policy(policy: Policy, folder: Path, depth: int = 0) -> dict[str, Any]:
    """Replace ``extends`` by what it names.

    Args:
        policy: keys of `cleaning`; not validated yet.
        folder: where relative paths start.
        depth: how many policies led here.

    Raises:
        RecipeError: as `read_policy`.
    """
    own = {name: value for name, value in policy.items() if name not in (*NOTES, "extends")}
    name = policy.get("extends")
    if name is None:
        return own
    if not isinstance(name, str):
        raise RecipeError(str(folder), [("extends", "is neither a preset's name nor a path")])
    if depth >= LONGEST_CHAIN:
        raise RecipeError(str(folder), [("extends", f"{name!r} extends itself in a circle")])
    path = find_policy(name, folder)
    base = read_yaml(path)
    if not isinstance(base, dict):
        raise RecipeError(str(path), [("file", "is not a mapping of keys to values")])
    return merge_policies(expand_policy(base, path.parent, depth + 1), own)


def merge_policies(base: Policy, own: Policy) -> dict[str, Any]:
    """Lay one policy over another; see the module's description."""
    merged = dict(base) | dict(own)
    if _are_lists(base.get("bounds"), own.get("bounds")):
        merged["bounds"] = _merge_bounds(base["bounds"], own["bounds"])
    if _are_mappings(base.get("by_language"), own.get("by_language")):
        merged["by_language"] = dict(base["by_language"])
        for language, rules in own["by_language"].items():
            before = base["by_language"].get(language)
            together = _are_mappings(before, rules)
            merged["by_language"][language] = _merge_language(before, rules) if together else rules
    return merged


def _merge_language(base: Policy, own: Policy) -> dict[str, Any]:
    merged = dict(base) | dict(own)
    if _are_mappings(base.get("limits"), own.get("limits")):
        merged["limits"] = dict(base["limits"]) | dict(own["limits"])
    return merged


def _merge_bounds(base: list[Any], own: list[Any]) -> list[Any]:
    stated = {bound.get("metric") for bound in own if isinstance(bound, dict)}
    kept = [one for one in base if not isinstance(one, dict) or one.get("metric") not in stated]
    return [*kept, *own]


def _are_mappings(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, list) for value in values)
