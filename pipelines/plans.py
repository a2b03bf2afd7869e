"""The plan of a run: which files it reads, how large they are, into how many units they are cut."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import is_url
from gristmill.pipelines.input_lists import list_files
from gristmill.pipelines.range_requests import describe_url
from gristmill.pipelines.sources.kinds import SOURCE_KINDS
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe import Recipe

#: Files elsewhere whose server is asked for their size: a plan is for looking, not for waiting.
ASKED_FILES = 100


@dataclass(frozen=True)
class PlannedFile:
    """A file that a run would read.

    Attributes:
        source: name of its source.
        kind: of the source.
        file: its name, as locators will say it.
        bytes: size; None where its server was not asked or does not say.
        units: of work that it is read in; None where its size is not known.
    """

    source: str
    kind: str
    file: str
    bytes: int | None
    units: int | None


def plan_files(recipe: Recipe) -> Iterator[PlannedFile]:
    """List the files of a recipe. Of a source that selects by index these are the index's.

    Raises:
        UsageError: a path matches nothing.
        InputError: a list of files cannot be read.
        StoreError: a store cannot be asked.
    """
    fetching = Fetching(recipe.transfer)
    left = ASKED_FILES
    for source in recipe.sources:
        kind = SOURCE_KINDS[source.kind]
        for file in list_files(recipe, source, fetching):
            size = None
            if file.stat is not None:
                size = file.stat.st_size
            elif "://" not in file.path:
                size = Path(file.path).stat().st_size
            elif is_url(file.path) and left:
                left -= 1
                size = _ask_size(file.path, fetching)
            units = None if size is None else kind.count_units(size, recipe.units.split_bytes)
            yield PlannedFile(source.name, source.kind, file.name, size, units)


def _ask_size(url: str, fetching: Fetching) -> int | None:
    try:
        return describe_url(url, fetching).bytes
    except InputError:
        return None  # the run will say what is wrong with it


def render_plan(files: list[PlannedFile]) -> Iterator[str]:
    """Render a plan for people: a line a file, then the sum."""
    for file in files:
        size = "?" if file.bytes is None else f"{file.bytes:,}"
        units = "?" if file.units is None else f"{file.units:,}"
        yield f"  {file.source:<16} {file.kind:<12} {size:>18} {units:>6}  {file.file}"
    known = [file for file in files if file.bytes is not None]
    total = f"{len(files):,} files, {sum(file.bytes or 0 for file in known):,} bytes"
    if len(known) < len(files):
        total += f" in the {len(known):,} whose size is known"
    yield f"{total}; {sum(file.units or 1 for file in files):,} units"
