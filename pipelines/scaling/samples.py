"""The sample of an estimate: which files, and which ranges of large ones, are run."""

import contextlib
import glob
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gristmill.pipelines.run_state import Run
from gristmill.pipelines.sources.kinds import SOURCE_KINDS
from gristmill.pipelines.units import Unit
from gristmill.schemas.recipe import Recipe, Units
from gristmill.schemas.sources import Source
from gristmill.schemas.yaml_files import Frozen

#: Text that a sample trains its tokenizer on, at most: training is not what an estimate is for.
TRAIN_BYTES = 8 << 20
#: Of a file that can be cut, a range of about so many bytes is run instead of the whole.
RANGE_BYTES = 32 << 20


class SampledFile(Frozen):
    """An input file, or a range of one, that was run: its size and the documents it held."""

    source: str
    name: str
    bytes: int
    documents: int


def choose_files(
    listed: Mapping[str, Sequence[tuple[str, str]]], units: int
) -> dict[str, list[tuple[str, str]]]:
    """Choose files evenly spaced by name, as many of each source as its share of all files.

    Never the first ones: the head of a crawl is of other sites or times than the rest.

    Args:
        listed: (name, place) of each source's files, sorted.
        units: how many in all; at least one of every source.
    """
    total = sum(len(files) for files in listed.values())
    chosen = {}
    for source, files in listed.items():
        count = min(len(files), max(1, round(units * len(files) / total)))
        chosen[source] = [files[place] for place in _space_evenly(len(files), count)]
    return chosen


def _space_evenly(length: int, count: int) -> list[int]:
    return [(2 * number + 1) * length // (2 * count) for number in range(count)]


def choose_units(units: Sequence[Unit], shares: Mapping[str, int]) -> list[Unit]:
    """Choose units of collect evenly spaced in the order planned.

    Args:
        units: of the chosen files, ranges of large ones.
        shares: how many of each source, by its name.
    """
    chosen = []
    for source, share in shares.items():
        mine = [unit for unit in units if unit.params["source"]["name"] == source]
        places = _space_evenly(len(mine), min(share, len(mine)))
        chosen += [mine[place] for place in places]
    return chosen


@contextlib.contextmanager
def open_scratch(scratch: Path | None) -> Iterator[Path]:
    """Give a folder for the sample's work: the one named, or one that is gone afterwards."""
    if scratch is not None:
        yield scratch
        return
    with tempfile.TemporaryDirectory(prefix="gristmill-estimate-") as folder:
        yield Path(folder)


def cut_recipe(
    recipe: Recipe, chosen: Mapping[str, Sequence[tuple[str, str]]], folder: Path
) -> Recipe:
    """Name only the chosen files in a recipe, read in small ranges, with its output elsewhere."""

    def cut(source: Source) -> Source:
        # Listed names are no patterns any more, whatever characters they have.
        paths = tuple(
            place if "://" in place else glob.escape(place) for _, place in chosen[source.name]
        )
        return source.model_copy(update={"paths": paths})

    tokenizer = recipe.tokenizer.model_copy(
        update={"train_bytes": min(recipe.tokenizer.train_bytes, TRAIN_BYTES)}
    )
    sources = tuple(cut(source) for source in recipe.sources)
    return recipe.model_copy(
        update={
            "sources": sources,
            "tokenizer": tokenizer,
            "units": Units(split_bytes=min(recipe.units.split_bytes, RANGE_BYTES)),
            "output": str(folder.absolute()),
        }
    )


def list_sampled(run: Run) -> tuple[SampledFile, ...]:
    """What a sample's run read."""
    return tuple(
        SampledFile(
            source=str(record.facts["source"]),
            name=record.title,
            bytes=record.bytes_in,
            documents=record.kept,
        )
        for record in run.records("collect")
    )


def list_fetched(run: Run, source: str) -> list[int]:
    """Sizes of the files of a source that a sample's run had at hand."""
    return [item.bytes for item in run.inputs if item.source == source]


def list_sizes(files: Sequence[tuple[str, str]], fetched: Sequence[int]) -> list[int]:
    """Sizes of a source's files; those that lie elsewhere are as large as the sampled ones."""
    mean = round(sum(fetched) / max(1, len(fetched)))
    return [mean if "://" in place else Path(place).stat().st_size for _, place in files]


def count_units(recipe: Recipe, sizes: Mapping[str, Sequence[int]]) -> int:
    """Units that collect reads a recipe's files in, by the files' sizes and source."""
    kinds = {source.name: SOURCE_KINDS[source.kind] for source in recipe.sources}
    return sum(
        kinds[name].count_units(size, recipe.units.split_bytes)
        for name, found in sizes.items()
        for size in found
    )
