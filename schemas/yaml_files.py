"""YAML read the safe way: 1.2 booleans, no aliases, no duplicate keys, bounded size."""

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from gristmill.schemas.errors import RecipeError

MAX_BYTES = 1 << 20

Model = TypeVar("Model", bound=pydantic.BaseModel)


class Frozen(pydantic.BaseModel):
    """A closed, immutable part of a configuration file: an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=False)


class _PlainLoader(yaml.SafeLoader):
    """Safe loader without YAML 1.1's surprises (`no`, `on`, `12:30:45`) and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(
                None, None, "aliases are not allowed", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


# Resolvers are keyed by first letter; these keep YAML 1.2's core schema and drop the rest.
_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
):
    _PlainLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def read_yaml(path: Path) -> Any:
    """Read one YAML document.

    Raises:
        RecipeError: the file is missing, too large or not valid YAML; says where.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise RecipeError(str(path), [("file", error.strerror or str(error))]) from error
    if len(payload) > MAX_BYTES:
        raise RecipeError(str(path), [("file", f"{len(payload)} bytes is over {MAX_BYTES}")])
    try:
        return yaml.load(payload, Loader=_PlainLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(str(path), [("yaml", str(error).replace("\n", " "))]) from error


def validate(model: type[Model], value: Any, origin: str) -> Model:
    """Validate a value against a model and report every mistake at once.

    Raises:
        RecipeError: lists each mistake with its path.
    """
    if not isinstance(value, dict):
        raise RecipeError(origin, [("file", "is not a mapping of keys to values")])
    try:
        return model.model_validate(value)
    except pydantic.ValidationError as error:
        raise RecipeError(origin, _list_mistakes(error, value)) from None


def _list_mistakes(error: pydantic.ValidationError, value: Any) -> list[tuple[str, str]]:
    items = error.errors()
    places = [item["loc"] for item in items]
    mistakes = []
    for item in items:
        place = item["loc"]
        echoes = (other[: len(place)] == place and other != place for other in places)
        if item["type"] == "too_short" and any(echoes):
            continue  # a list is only too short because its members were refused
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "unknown key"
        mistakes.append((_render_path(place, value, item["type"] == "missing") or "file", message))
    return mistakes


def _render_path(place: tuple[int | str, ...], value: Any, is_missing: bool) -> str:
    """Render an error's place by the keys of the file: pydantic adds the tags of unions."""
    parts: list[str] = []
    for depth, part in enumerate(place):
        if isinstance(value, Mapping):
            if part not in value and not (is_missing and depth + 1 == len(place)):
                continue
            value = value.get(part)
        elif isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
            value = value[part]
        parts.append(str(part))
    return ".".join(parts)
