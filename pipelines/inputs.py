"""Input files: named by a recipe, found on disk or elsewhere, identified by content."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.pipelines.downloads import download_url, identify_url, name_copy
from gristmill.pipelines.dump_checks import (
    NO_SUMS,
    ReadBeside,
    check_dump,
    read_beside_file,
    read_beside_url,
)
from gristmill.pipelines.fetching import Fetching, work_side_by_side
from gristmill.pipelines.http_requests import is_url
from gristmill.pipelines.hub_files import fetch_hub_file, is_hub_address, parse_address
from gristmill.pipelines.index_picks import PickedRange, find_picks
from gristmill.pipelines.input_lists import ListedFile, list_files
from gristmill.pipelines.pins import PINS_FOLDER, Pins
from gristmill.pipelines.progress import Progress
from gristmill.schemas.atomic_files import sha256_file, write_whole
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import Place, StorePath, show_place
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.sources import CommonCrawl, Source, Wikipedia

DOWNLOADS_FOLDER = "downloads"


@dataclass(frozen=True)
class InputFile:
    """One file of a source. `name` is what locators say; `path` is where it lies."""

    source: str
    name: str
    path: str  # on this machine; or an address, from which the unit fetches it
    bytes: int
    sha256: str  # of a file elsewhere, what its server says instead; of picks, what was picked
    picks: tuple[str, int, int] | None = None  # file of picks, first row, rows: read only these
    title: str = ""  # of its unit; empty: the name


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

    def learn(self, path: Path, digest: str) -> None:
        """Take over a digest that has just been computed."""
        stat = path.stat()
        self._known[str(path)] = [stat.st_size, stat.st_mtime_ns, digest]

    def is_checked(self, path: Path) -> bool:
        """Whether a file as it is now was compared with what its publisher says of it."""
        stat = path.stat()
        return bool(self._known.get(f"checked {path}") == [stat.st_size, stat.st_mtime_ns])

    def note_check(self, path: Path) -> None:
        """Remember that a file was compared with what its publisher says of it."""
        stat = path.stat()
        self._known[f"checked {path}"] = [stat.st_size, stat.st_mtime_ns]

    def save(self) -> None:
        write_whole(self._path, json.dumps(self._known, indent=0, sort_keys=True).encode())


def list_paths(recipe: Recipe, source: Source) -> Iterator[tuple[str, str]]:
    """Expand a source's paths: yields (name, path or address), sorted, each once.

    Of a source that selects by index these are the files of the index.

    Raises:
        UsageError: a path or glob matches nothing.
        InputError: a list of files cannot be read.
        StoreError: a store cannot be asked.
    """
    fetching = Fetching(recipe.transfer)
    yield from ((file.name, file.path) for file in list_files(recipe, source, fetching))


def find_inputs(recipe: Recipe, cache_folder: Place, progress: Progress) -> list[InputFile]:
    """Find, download where needed, and identify every input file of a recipe.

    What lies in a store stays there, and so does what lies on a web server when the
    output is in a store (this machine's disk is then not one that the workers see) or
    when the recipe keeps no downloads.

    Of a source that selects by index the inputs are ranges of picked records: the index is
    read here, the records by their units.

    Raises:
        UsageError: a path or glob matches nothing.
        InputError: a web server refuses or does not answer, or a file that came before
            has been replaced.
        StoreError: a store cannot be asked.
    """
    fetching = Fetching(recipe.transfer)
    cache = _DigestCache(cache_folder / "digests.json")
    finder = _Finder(cache_folder, cache, fetching, progress)
    local_folder = cache_folder if isinstance(cache_folder, Path) else None
    inputs: list[InputFile] = []
    try:
        for source in recipe.sources:
            if isinstance(source, CommonCrawl) and source.selection is not None:
                ranges = find_picks(recipe, source, cache_folder, fetching, progress, cache.digest)
                inputs += [_describe_range(source, found) for found in ranges]
            else:
                listed = list_files(recipe, source, fetching, local_folder)
                inputs += work_side_by_side(fetching, finder.find, listed)
        return inputs
    finally:
        cache.save()


def _describe_range(source: Source, found: PickedRange) -> InputFile:
    return InputFile(
        source.name,
        found.name,
        found.path,
        found.bytes,
        found.identity,
        picks=(found.picks, found.first, found.rows),
        title=f"{found.rows} of {found.name} from byte {found.offset}",
    )


class _Finder:
    """Identifies one input file after another; several threads may ask at once."""

    def __init__(
        self, folder: Place, cache: _DigestCache, fetching: Fetching, progress: Progress
    ) -> None:
        self._folder = folder
        self._cache = cache
        self._fetching = fetching
        self._progress = progress
        self._pins = Pins(folder / PINS_FOLDER)

    def find(self, file: ListedFile) -> InputFile:
        source, name, path, stat = file
        if stat is not None:
            return InputFile(source.name, name, path, stat.st_size, stat.identity)
        if is_hub_address(path):
            local = fetch_hub_file(parse_address(path), self._need_disk(source))
        elif not is_url(path):
            local = Path(path)
            self._check_dump(file, local, read_beside_file(local))
        elif isinstance(self._folder, StorePath) or not self._fetching.transfer.keep:
            return InputFile(source.name, name, path, *identify_url(path, self._fetching))
        else:
            local = self._fetch(path, self._folder)
            self._check_copy(path, local)
            self._check_dump(file, local, read_beside_url(path, self._fetching))
        digest = self._cache.digest(local)
        return InputFile(source.name, name, str(local), local.stat().st_size, digest)

    def _need_disk(self, source: Source) -> Path:
        if isinstance(self._folder, StorePath):
            raise UsageError(
                f"source {source.name!r}: files of the hub are downloaded first; "
                "give the run an output on a local disk"
            )
        return self._folder

    def _check_dump(self, file: ListedFile, local: Path, read_beside: ReadBeside) -> None:
        """Compare a dump with its published sums, where there are any; once for each version."""
        if not isinstance(file.source, Wikipedia) or not file.source.check_sums:
            return
        if self._cache.is_checked(local):
            return
        name = file.path.partition("?")[0].rpartition("/")[2]
        said = check_dump(local, name, read_beside)
        if said != NO_SUMS:
            self._progress.say(f"{show_place(file.name)}: checked against {said}")
            self._cache.note_check(local)

    def _fetch(self, url: str, folder: Path) -> Path:
        """Download once, and see that it is what it was if it came before."""
        name = name_copy(url)
        local = folder / DOWNLOADS_FOLDER / hash_parts("url", url, size=8).hex() / name
        if not local.exists():
            self._progress.say(f"downloading {show_place(url)}")
            arriving = local.with_name(f"{name}.arrived")
            tag = download_url(url, arriving, self._fetching)
            digest = sha256_file(arriving)
            # Under its own name only once it is pinned: a kill between the two asks again.
            self._pins.keep_pin(url, arriving.stat().st_size, digest, tag)
            os.replace(arriving, local)
            self._cache.learn(local, digest)
        return local

    def _check_copy(self, url: str, local: Path) -> None:
        pin, digest = self._pins.find_pin(url), self._cache.digest(local)
        if pin is not None and pin.sha256 != digest:
            raise InputError(
                f"{local} is not what came from {show_place(url)}: its sha256 is {digest}, but was "
                f"{pin.sha256}; delete it, and it is downloaded again"
            )
