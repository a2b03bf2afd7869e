"""Selection by index: which records of which files a run reads, found once and kept.

Each index file is read once; what was picked from it lies below the output under a key
of the file's identity and the selection, so that a run that was killed goes on with the
next file. The picks of all of them, in order, are cut into ranges, one unit each::

    index files  ->  picks-<key>.parquet each  ->  picks-<key of all>.parquet  ->  ranges
"""

import glob
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.cleaning.index_rows import (
    PICKS,
    RowFilter,
    draw_picks,
    number_files,
    order_picks,
)
from gristmill.pipelines.downloads import identify_url
from gristmill.pipelines.fetching import Fetching, work_side_by_side
from gristmill.pipelines.http_requests import is_url
from gristmill.pipelines.index_files import check_count, select_index
from gristmill.pipelines.path_lists import (
    expand_list,
    find_base,
    is_path_list,
    join_name,
    read_list,
)
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.units import hash_code
from gristmill.schemas.atomic_files import appear_whole, sha256_file
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import Place, StorePath, find_place, is_remote, show_place
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.sources import CommonCrawl

PICKS_FOLDER: Final = "picks"
#: A unit's records and their bytes, as they lie in their file, at most.
UNIT_ROWS: Final = 1000
UNIT_BYTES: Final = 128 << 20
_GROUP_ROWS: Final = 16 * UNIT_ROWS
_INDEX_ENDINGS: Final = (".parquet", ".gz", ".zst", ".bz2", ".cdx", ".cdxj")
_CODE: Final = ("gristmill.cleaning.index_rows", "gristmill.cleaning.cdx_lines")


@dataclass(frozen=True)
class PickedRange:
    """Picks of one file that a unit reads: rows of a file of picks."""

    name: str  # of the file, as the index says it
    path: str  # of the file, on this machine or elsewhere
    picks: str  # path of the file of picks
    first: int
    rows: int
    bytes: int  # of the records, as they lie in the file
    offset: int  # of the first record
    identity: str  # of what was picked


def list_indexes(recipe: Recipe, source: CommonCrawl, fetching: Fetching) -> list[str]:
    """Paths and addresses of the index files of a selection, sorted, each once.

    Raises:
        UsageError: one matches nothing.
        InputError: a list of index files cannot be read.
        StoreError: a store cannot be asked.
    """
    assert source.selection is not None
    found: set[str] = set()
    for entry in source.selection.index:
        if is_path_list(entry):
            payload = read_list(entry, recipe.folder, fetching)
            listed = expand_list(payload, entry, base=source.base, most=None)
            found.update(_keep_indexes(listed, recipe))
        else:
            found.update(_expand_entry(recipe, source, entry))
    return sorted(found)


def _keep_indexes(listed: list[str], recipe: Recipe) -> Iterator[str]:
    """Of the files in a crawl's list of index files, those that index its WARC files."""
    in_parts = any("/subset=" in path for path in listed)
    for path in listed:
        wanted = "/subset=warc/" in path if in_parts else path.endswith(_INDEX_ENDINGS)
        if wanted:
            yield path if is_url(path) or is_remote(path) else os.path.join(recipe.folder, path)


def _expand_entry(recipe: Recipe, source: CommonCrawl, entry: str) -> list[str]:
    if is_url(entry):
        return [entry]
    if is_remote(entry):
        place = find_place(entry)
        assert isinstance(place, StorePath)
        found = [str(match) for match in place.expand()]
    else:
        absolute = os.path.join(recipe.folder, os.path.expanduser(entry))
        found = [path for path in glob.glob(absolute, recursive=True) if os.path.isfile(path)]
    if not found:
        raise UsageError(f"source {source.name!r}: index {show_place(entry)!r} matches nothing")
    return found


def find_picks(
    recipe: Recipe,
    source: CommonCrawl,
    folder: Place,
    fetching: Fetching,
    progress: Progress,
    digest: Callable[[Path], str] = sha256_file,
) -> list[PickedRange]:
    """Read the index files of a source's selection, where that is not done, and plan its units.

    Args:
        recipe: where relative paths start.
        source: one with a selection.
        folder: where picks are kept: the output's work folder.
        fetching: how to fetch.
        progress: told of each index file that is read.
        digest: computes the sha256 of a local file, or remembers it.

    Raises:
        UsageError: an index file is missing, nothing says where its names start, or over
            ten million records are picked.
        InputError: an index file cannot be read, or nothing in it was picked.
        StoreError: a store cannot be asked.
    """
    selection = source.selection
    assert selection is not None
    indexes = list_indexes(recipe, source, fetching)
    bases = {path: find_base(path, source.base) for path in indexes}
    finder = _Finder(source, folder / PICKS_FOLDER, fetching, progress, digest)
    files = dict(zip(indexes, work_side_by_side(fetching, finder.find, indexes), strict=True))
    ranges: list[PickedRange] = []
    for base in sorted(set(bases.values())):
        merged = finder.merge([files[path] for path in indexes if bases[path] == base])
        ranges += _cut_ranges(merged, base, recipe)
    if not ranges:
        raise InputError(f"source {source.name!r}: its selection matches no record of its index")
    return ranges


class _Finder:
    def __init__(
        self,
        source: CommonCrawl,
        folder: Place,
        fetching: Fetching,
        progress: Progress,
        digest: Callable[[Path], str],
    ) -> None:
        selection = source.selection
        assert selection is not None
        self._limit = selection.limit
        self._name = source.name
        self._folder = folder
        self._fetching = fetching
        self._progress = progress
        self._digest = digest
        self._wanted = RowFilter(
            status=selection.status,
            languages=selection.languages,
            mime_types=selection.mime_types,
            hosts=selection.hosts,
            domains=selection.domains,
            truncated=selection.truncated,
        )
        self._choice = hash_parts(
            "selection", selection.model_dump_json(exclude={"index"}), hash_code(*_CODE)
        )

    def find(self, path: str) -> Place:
        """Picks of one index file; returns the file that they are in."""
        kept = self._place("index", self._identify(path))
        if not kept.exists():
            self._progress.say(f"reading index {show_place(path)}")
            found = select_index(path, self._wanted, self._limit, self._fetching)
            self._progress.say(
                f"{self._name}: {found.picks.num_rows:,} records of {found.rows:,} rows of "
                f"{show_place(path)}"
            )
            if found.odd_lines:
                self._progress.warn(f"{show_place(path)}: {found.odd_lines:,} lines are no rows")
            _write_picks(kept, found.picks)
        return kept

    def merge(self, files: list[Place]) -> Place:
        """Picks of several files, in order, in one file."""
        if len(files) == 1:
            return files[0]
        kept = self._place("all", *(file.name for file in files))
        if not kept.exists():
            parts = [read_all(file) for file in files]
            if self._limit is None:
                check_count(sum(part.num_rows for part in parts))
            picks = order_picks(pa.concat_tables(parts))
            _write_picks(kept, picks if self._limit is None else draw_picks(picks, self._limit))
        return kept

    def _identify(self, path: str) -> str:
        if is_url(path):
            return identify_url(path, self._fetching)[1]
        place = find_place(path)
        if isinstance(place, StorePath):
            return place.stat().identity
        return self._digest(place)

    def _place(self, kind: str, *names: str) -> Place:
        return self._folder / f"picks-{hash_parts(kind, self._choice, *names).hex()}.parquet"


def _write_picks(place: Place, picks: pa.Table) -> None:
    with appear_whole(place) as partial:
        pq.write_table(picks, partial, row_group_size=_GROUP_ROWS, compression="zstd")


def read_all(place: Place) -> pa.Table:
    """All rows of a file of picks."""
    with place.open("rb") as stream:
        return pq.read_table(stream, schema=PICKS, use_threads=False)


def _cut_ranges(place: Place, base: str, recipe: Recipe) -> list[PickedRange]:
    picks = read_all(place).combine_chunks()
    if not picks.num_rows:
        return []
    lengths, offsets = picks["length"].to_numpy(), picks["offset"].to_numpy()
    cuts = cut_rows(number_files(picks), lengths)
    local = not (is_url(base) or is_remote(base))
    ranges = []
    for first, last in itertools.pairwise(cuts):
        rows = picks.slice(first, last - first)
        name = rows["filename"][0].as_py()
        path = join_name(base, name)
        ranges.append(
            PickedRange(
                name=name,
                path=os.path.join(recipe.folder, path) if local else path,
                picks=str(place),
                first=first,
                rows=last - first,
                bytes=int(lengths[first:last].sum()),
                offset=int(offsets[first]),
                identity=_identify_rows(rows),
            )
        )
    return ranges


def cut_rows(
    files: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    *,
    unit_rows: int = UNIT_ROWS,
    unit_bytes: int = UNIT_BYTES,
) -> list[int]:
    """Cut ordered picks into units: of one file each, and not too large.

    Args:
        files: number of each pick's file; int64, (picks,), picks of one file together.
        lengths: bytes of each pick; int64, (picks,).
        unit_rows: picks of a unit at most.
        unit_bytes: bytes of a unit at most, but for a single pick.

    Returns:
        The first pick of each unit, and the number of picks.
    """
    starts = [0, *(np.flatnonzero(files[1:] != files[:-1]) + 1).tolist(), len(files)]
    total = np.concatenate(([0], np.cumsum(lengths)))
    cuts = [0]
    for start, end in itertools.pairwise(starts):
        while start < end:
            fitting = int(np.searchsorted(total, total[start] + unit_bytes, "right")) - 1
            start = min(end, start + unit_rows, max(fitting, start + 1))
            cuts.append(start)
    return cuts


def _identify_rows(rows: pa.Table) -> str:
    """Name what was picked: with the digests of the index, the content of the records."""
    columns = [rows[name].combine_chunks() for name in ("offset", "length")]
    packed = b"".join(column.to_numpy().astype("<i8").tobytes() for column in columns)
    digests = "\n".join(digest or "" for digest in rows["digest"].to_pylist())
    return hash_parts("picks", rows["filename"][0].as_py(), packed, digests).hex()
