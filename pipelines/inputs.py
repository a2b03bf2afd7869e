"""Input files: named by a recipe, found on disk or elsewhere, identified by content."""

import glob
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gristmill.pipelines.downloads import download_url, identify_url, is_url
from gristmill.pipelines.progress import Progress
from gristmill.schemas.atomic_files import sha256_file, write_whole
from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import Place, StorePath, StoreStat, find_place, is_remote, show_place
from gristmill.schemas.recipe import Recipe, Source


@dataclass(frozen=True)
class InputFile:
    """One file of a source. `name` is what locators say; `path` is where it lies."""

    source: str
    name: str
    path: str  # on this machine; or an address, from which the unit fetches it
    bytes: int
    sha256: str  # of a file elsewhere, what its server says instead


class _DigestCache:
    """Remembers the sha256 of files by path, size and time of change."""

    def __init__(self, path: Place) -> None:
        self._path = path
        try:
            self._known = json.loads(path.read_bytes())
        except FileNotFoundError:
            self._known = {}

    def digest(self, path: Path) -> str:
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(str(path))
        if known is None or known[:2] != stamp:
            self._known[str(path)] = known = [*stamp, sha256_file(path)]
        return str(known[2])

    def save(self) -> None:
        write_whole(self._path, json.dumps(self._known, indent=0, sort_keys=True).encode())


def list_paths(recipe: Recipe, source: Source) -> Iterator[tuple[str, str]]:
    """Expand a source's paths: yields (name, path or address), sorted, each once.

    Raises:
        UsageError: a path or glob matches nothing.
        StoreError: a store cannot be asked.
    """
    yield from ((name, path) for name, path, _ in _list_source(recipe, source))


def _list_source(recipe: Recipe, source: Source) -> list[tuple[str, str, StoreStat | None]]:
    """As `list_paths`, with what a store says of each of its objects."""
    found: dict[str, tuple[str, StoreStat | None]] = {}
    for pattern in source.paths:
        if is_url(pattern):
            found[pattern] = (pattern, None)
        elif is_remote(pattern):
            found.update(_expand_remote(source, pattern))
        else:
            found.update(_expand_local(recipe, source, pattern))
    return [(name, path, stat) for name, (path, stat) in sorted(found.items())]


def _expand_remote(source: Source, pattern: str) -> dict[str, tuple[str, StoreStat | None]]:
    place = find_place(pattern)
    assert isinstance(place, StorePath)
    matches = place.expand()
    if not matches:
        raise UsageError(f"source {source.name!r}: {show_place(pattern)!r} matches no object")
    return {str(match): (str(match), stat) for match, stat in matches.items()}


def _expand_local(
    recipe: Recipe, source: Source, pattern: str
) -> dict[str, tuple[str, StoreStat | None]]:
    absolute = os.path.join(recipe.folder, os.path.expanduser(pattern))
    matches = [path for path in glob.glob(absolute, recursive=True) if os.path.isfile(path)]
    if not matches:
        raise UsageError(
            f"source {source.name!r}: {pattern!r} matches no file (looked for {absolute})"
        )
    relative = not os.path.isabs(os.path.expanduser(pattern))
    return {
        os.path.relpath(path, recipe.folder) if relative else path: (path, None) for path in matches
    }


def find_inputs(recipe: Recipe, cache_folder: Place, progress: Progress) -> list[InputFile]:
    """Find, download where needed, and identify every input file of a recipe.

    What lies in a store stays there, and so does what lies on a web server when the
    output is in a store: this machine's disk is then not one that the workers see.

    Raises:
        UsageError: a path or glob matches nothing.
        InputError: a web server refuses or does not answer.
        StoreError: a store cannot be asked.
    """
    cache = _DigestCache(cache_folder / "digests.json")
    inputs = []
    for source in recipe.sources:
        for name, path, stat in _list_source(recipe, source):
            if stat is not None:
                found = InputFile(source.name, name, path, stat.st_size, stat.identity)
            elif is_url(path) and isinstance(cache_folder, StorePath):
                found = InputFile(source.name, name, path, *identify_url(path))
            else:
                local = Path(path)
                if is_url(path):
                    assert isinstance(cache_folder, Path)
                    local = _fetch(path, cache_folder, progress)
                size, digest = local.stat().st_size, cache.digest(local)
                found = InputFile(source.name, name, str(local), size, digest)
            inputs.append(found)
    cache.save()
    return inputs


def _fetch(url: str, folder: Path, progress: Progress) -> Path:
    """Download once; the file appears whole, with as many bytes as the server promised."""
    name = Path(urlsplit(url).path).name or "index"
    local = folder / "downloads" / hash_parts("url", url, size=8).hex() / name
    if not local.exists():
        progress.say(f"downloading {show_place(url)}")
        download_url(url, local)
    return local
