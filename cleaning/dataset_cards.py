"""What the card of a dataset repository says: its configurations and the files of each."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import re2
import yaml

#: A card with its text; the metadata at its head are a few KB.
MAX_CARD_BYTES: Final = 4 << 20
_MAX_PATTERNS: Final = 10_000
_MAX_PATTERN_CHARS: Final = 1024

#: What the row and text readers read, plain or compressed.
READABLE: Final = (".parquet", ".jsonl", ".ndjson", ".json", ".txt")
_COMPRESSED: Final = (".gz", ".zst", ".bz2", ".xz")
#: Metadata that lie in many repositories and hold no document.
_METADATA: Final = frozenset(
    {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "license.txt",
     "licence.txt", "readme.txt", "requirements.txt", "checksum.txt", "checksums.txt"}
)  # fmt: skip


def find_suffix(name: str) -> str:
    """Tell a file's format by its name: one of `READABLE`, or empty."""
    path = PurePosixPath(name.lower())
    suffix = PurePosixPath(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix
    return suffix if suffix in READABLE else ""


def is_readable(name: str) -> bool:
    """Tell whether a file of a repository is likely to hold documents."""
    parts = name.lower().split("/")
    hidden = any(part.startswith(".") for part in parts)
    return bool(find_suffix(name)) and not hidden and parts[-1] not in _METADATA


def read_configs(card: bytes) -> dict[str, tuple[str, ...]]:
    """Read which files belong to which configuration.

    Args:
        card: ``README.md`` of the repository.

    Returns:
        Patterns of files by name of the configuration; empty if the card has no metadata,
        or none about files, or none that can be read.
    """
    lines = card[:MAX_CARD_BYTES].decode("utf-8", "replace").splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        return {}
    try:
        metadata = yaml.safe_load("\n".join(lines[1:end]))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    entries = metadata.get("configs") if isinstance(metadata, Mapping) else None
    configs = {}
    for entry in entries if isinstance(entries, Sequence) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("config_name"), str):
            patterns = _list_patterns(entry.get("data_files"), entry.get("data_dir"))
            if patterns:
                configs[entry["config_name"]] = patterns
    return configs


def _list_patterns(files: Any, folder: Any) -> tuple[str, ...]:
    """Flatten the ways to write files: a pattern, a list, splits with a path or a list each."""
    if isinstance(files, Mapping):
        files = [files] if "path" in files else list(files.values())
    found: list[str] = []
    for entry in [files] if isinstance(files, str) else files or ():
        path = entry.get("path") if isinstance(entry, Mapping) else entry
        found += [path] if isinstance(path, str) else path if isinstance(path, list) else []
    prefix = f"{folder.strip('/')}/" if isinstance(folder, str) and folder.strip("/") else ""
    if prefix and not found:
        found = ["**"]
    return tuple(
        prefix + pattern.removeprefix("./")
        for pattern in found[:_MAX_PATTERNS]
        if isinstance(pattern, str) and len(pattern) <= _MAX_PATTERN_CHARS
    )


def match_files(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Choose files by globs, sorted: ``*`` stays in a folder, ``**`` spans folders.

    Args:
        names: paths in the repository.
        patterns: globs; ``?`` is one sign, ``[ab]`` one of several, a folder all below it.
    """
    names = list(names)
    chosen: set[str] = set()
    for pattern in patterns:
        # In linear time whatever the pattern: a card is written by a stranger.
        compiled = re2.compile(_translate(pattern.strip("/")))
        chosen.update(name for name in names if compiled.fullmatch(name))
    return sorted(chosen)


def _translate(pattern: str) -> str:
    pieces = []
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        closing = pattern.find("]", place + 2) if sign == "[" else -1
        if pattern.startswith("**/", place):
            pieces.append("(?:.*/)?")
            place += 3
        elif pattern.startswith("**", place):
            pieces.append(".*")
            place += 2
        elif closing > 0:
            inner = pattern[place + 1 : closing]
            negated = "^" if inner[0] in "!^" else ""
            inner = inner[1:] if negated else inner
            ranged = "".join(char if char == "-" else re2.escape(char) for char in inner)
            pieces.append(f"[{negated}{ranged}]")
            place = closing + 1
        else:
            pieces.append({"*": "[^/]*", "?": "[^/]"}.get(sign) or re2.escape(sign))
            place += 1
    return "(?s:" + "".join(pieces) + "(?:/.*)?)"
