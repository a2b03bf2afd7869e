"""What the paths of a source name: files on this disk, objects, addresses, lists of them."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import is_url
from gristmill.pipelines.hub_files import list_hub_files
from gristmill.pipelines.index_picks import list_indexes
from gristmill.pipelines.path_lists import expand_list, is_path_list, read_list
from gristmill.pipelines.sources.text import list_folder
from gristmill.schemas.errors import UsageError
from gristmill.schemas.places import StorePath, StoreStat, find_place, is_remote, show_place
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.sources import CommonCrawl, HuggingFace, Source, TextFiles


class ListedFile(NamedTuple):
    """A file of a source, with what a store says of it where it lies in one."""

    source: Source
    name: str  # what locators say
    path: str  # on this machine, or an address
    stat: StoreStat | None = None


def list_files(
    recipe: Recipe, source: Source, fetching: Fetching, folder: Path | None = None
) -> list[ListedFile]:
    """Expand a source's paths: its files, sorted by name, each once.

    Of a source that selects by index these are the files of the index.

    Args:
        recipe: where relative paths start.
        source: one of its sources.
        fetching: how to fetch.
        folder: of work files, where the commit of a hub's branch is recorded; None asks the hub.

    Raises:
        UsageError: a path or glob matches nothing.
        InputError: a list of files cannot be read, or a server does not answer.
        StoreError: a store cannot be asked.
    """
    if isinstance(source, CommonCrawl) and source.selection is not None:
        return [ListedFile(source, path, path) for path in list_indexes(recipe, source, fetching)]
    if isinstance(source, HuggingFace):
        return [
            ListedFile(source, name, str(address))
            for name, address in list_hub_files(source, folder)
        ]
    found: dict[str, ListedFile] = {}
    for pattern in _expand_lists(recipe, source, fetching):
        if is_url(pattern):
            matches = [ListedFile(source, pattern, pattern)]
        elif is_remote(pattern):
            matches = _expand_remote(source, pattern)
        else:
            matches = _expand_local(recipe, source, pattern)
        found |= {match.name: match for match in matches}
    return [match for _, match in sorted(found.items())]


def _expand_lists(recipe: Recipe, source: Source, fetching: Fetching) -> Iterator[str]:
    """The source's paths, with the files that path lists name in place of the lists."""
    for pattern in source.paths:
        if isinstance(source, CommonCrawl) and is_path_list(pattern):
            payload = read_list(pattern, recipe.folder, fetching)
            yield from expand_list(payload, pattern, base=source.base, most=source.files_per_list)
        else:
            yield pattern


def _expand_remote(source: Source, pattern: str) -> list[ListedFile]:
    place = find_place(pattern)
    assert isinstance(place, StorePath)
    matches = place.expand()
    if not matches:
        raise UsageError(f"source {source.name!r}: {show_place(pattern)!r} matches no object")
    return [ListedFile(source, str(match), str(match), stat) for match, stat in matches.items()]


def _expand_local(recipe: Recipe, source: Source, pattern: str) -> list[ListedFile]:
    absolute = os.path.join(recipe.folder, os.path.expanduser(pattern))
    matches = [path for found in _match(source, absolute) for path in _open_folder(source, found)]
    if not matches:
        raise UsageError(
            f"source {source.name!r}: {pattern!r} matches no file (looked for {absolute})"
        )
    relative = not os.path.isabs(os.path.expanduser(pattern))
    return [
        ListedFile(source, os.path.relpath(path, recipe.folder) if relative else path, path)
        for path in matches
    ]


def _match(source: Source, pattern: str) -> list[str]:
    hidden = isinstance(source, TextFiles) and source.hidden
    return glob.glob(pattern, recursive=True, include_hidden=hidden)


def _open_folder(source: Source, path: str) -> list[str]:
    """The files that a match stands for: itself, or of a folder of texts all below it."""
    if isinstance(source, TextFiles) and os.path.isdir(path):
        return [str(file) for file in list_folder(Path(path), hidden=source.hidden)]
    return [path] if os.path.isfile(path) else []
