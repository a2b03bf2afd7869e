"""The estimate: a few input files run through every stage, and scaled to all of them.

The sampled files go through the same code as a run's, into a folder of their own;
the scale model takes its constants from what they leave.
"""

import contextlib
import glob
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.pipelines.inputs import list_paths
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Execute, Run
from gristmill.pipelines.runs import run_stages
from gristmill.pipelines.scaling.constants import Constants, read_constants
from gristmill.pipelines.scaling.costs import PROFILES, EngineCost, Prices, price_steps
from gristmill.pipelines.scaling.limits import Limit, find_limits
from gristmill.pipelines.scaling.model import Settings, StepLoad, Workload, predict_steps
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Recipe, Source
from gristmill.schemas.yaml_files import Frozen

SAMPLE_UNITS = 3
#: Text that a sample trains its tokenizer on, at most: training is not what an estimate is for.
TRAIN_BYTES = 8 << 20
#: Sampled bytes from which on the sample itself is worth a warning.
LARGE_SAMPLE_BYTES = 2 << 30


class SampledFile(Frozen):
    """An input file that was run: its size and the documents that it held."""

    source: str
    name: str
    bytes: int
    documents: int


class Estimate(Frozen):
    """What a run of a recipe comes to.

    Attributes:
        recipe: its name.
        files, input_bytes: all inputs; sizes of those not yet downloaded by the sampled ones.
        sampled: what was run.
        documents: that collect would keep; low and high by the sparsest and the densest
            sampled file of each source.
        steps: with exchange files, as ``--engine local`` has it.
        costs: on each engine asked for.
        limits: that the present code has, the lowest first.
        notes: what the figures do not say.
    """

    recipe: str
    files: int
    input_bytes: int
    sampled: tuple[SampledFile, ...]
    documents_low: int
    documents: int
    documents_high: int
    steps: tuple[StepLoad, ...]
    costs: tuple[EngineCost, ...]
    limits: tuple[Limit, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Forecast:
    """What is asked for beyond the recipe's own inputs.

    Attributes:
        documents: a number to scale to instead of all inputs.
        engines: names in `PROFILES`.
        workers: cores that are paid for.
        prices: what replaces the assumed ones.
    """

    documents: int | None = None
    engines: Sequence[str] = tuple(PROFILES)
    workers: int = 1
    prices: Prices = field(default_factory=Prices)


def estimate_recipe(
    recipe: Recipe,
    *,
    execute: Execute,
    progress: Progress,
    sample_units: int = SAMPLE_UNITS,
    forecast: Forecast | None = None,
    scratch: Path | None = None,
) -> Estimate:
    """Run a few input files through every stage and scale what they cost.

    Args:
        recipe: what would be run; its output folder is not touched.
        execute: runs a list of units, see `run_stages`.
        progress: told of each step.
        sample_units: input files to run, spread evenly over each source's names; at least
            one of every source.
        forecast: what to scale to.
        scratch: folder of the sample's work; None is a temporary one.

    Raises:
        UsageError: the request makes no sense, or the sample holds no document.
        GristmillError: a stage failed.
    """
    forecast = forecast or Forecast()
    _check_request(sample_units, forecast)
    listed = {source.name: list(list_paths(recipe, source)) for source in recipe.sources}
    chosen = choose_files(listed, sample_units)
    with _open_scratch(scratch) as folder:
        run = run_stages(_cut_recipe(recipe, chosen, folder), execute, progress)
        constants = read_constants(run)
        sampled = _list_sampled(run)
    if sum(file.bytes for file in sampled) > LARGE_SAMPLE_BYTES:
        progress.warn("the sampled files are large; name fewer with --sample")
    totals = {name: _sum_bytes(listed[name], name, sampled) for name in listed}
    return scale_sample(recipe, constants, sampled, totals, listed, forecast)


def _check_request(sample_units: int, forecast: Forecast) -> None:
    if sample_units < 1:
        raise UsageError(f"--sample must be at least 1, not {sample_units}")
    if forecast.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {forecast.workers}")
    if forecast.documents is not None and forecast.documents < 1:
        raise UsageError(f"--documents must be at least 1, not {forecast.documents}")


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
        places = [(2 * number + 1) * len(files) // (2 * count) for number in range(count)]
        chosen[source] = [files[place] for place in places]
    return chosen


@contextlib.contextmanager
def _open_scratch(scratch: Path | None) -> Iterator[Path]:
    if scratch is not None:
        yield scratch
        return
    with tempfile.TemporaryDirectory(prefix="gristmill-estimate-") as folder:
        yield Path(folder)


def _cut_recipe(
    recipe: Recipe, chosen: Mapping[str, Sequence[tuple[str, str]]], folder: Path
) -> Recipe:
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
        update={"sources": sources, "tokenizer": tokenizer, "output": str(folder.absolute())}
    )


def _list_sampled(run: Run) -> tuple[SampledFile, ...]:
    return tuple(
        SampledFile(
            source=str(record.facts["source"]),
            name=record.title,
            bytes=record.bytes_in,
            documents=record.kept,
        )
        for record in run.records("collect")
    )


def _sum_bytes(
    files: Sequence[tuple[str, str]], source: str, sampled: Sequence[SampledFile]
) -> int:
    """Bytes of a source's files; those that lie elsewhere are as large as the sampled ones."""
    known = [Path(place).stat().st_size for _, place in files if "://" not in place]
    seen = [file.bytes for file in sampled if file.source == source]
    mean = sum(seen) / len(seen) if seen else 0.0
    return round(sum(known) + mean * (len(files) - len(known)))


def scale_sample(
    recipe: Recipe,
    constants: Constants,
    sampled: Sequence[SampledFile],
    totals: Mapping[str, int],
    listed: Mapping[str, Sequence[tuple[str, str]]],
    forecast: Forecast,
) -> Estimate:
    """Scale what the sample cost to all inputs, or to the number of documents asked for.

    Args:
        recipe: what would be run.
        constants: of the sample's run.
        sampled: its files.
        totals: bytes of all files, by source.
        listed: all files, by source.
        forecast: what to scale to.
    """
    files = sum(len(found) for found in listed.values())
    low, middle, high = _scale_documents(sampled, totals)
    documents = forecast.documents or middle
    units = files
    if forecast.documents is not None:
        units = max(1, round(files * forecast.documents / max(1, middle)))
        low = round(low * documents / max(1, middle))
        high = round(high * documents / max(1, middle))
    settings = Settings.of(recipe)
    workload = Workload(documents=max(1, documents), files=units)
    costs = []
    for name in forecast.engines:
        profile = PROFILES[name]
        size = workload.model_copy(update={"shuffles": profile.shuffles})
        steps = predict_steps(constants, settings, size)
        costs.append(price_steps(steps, profile, forecast.workers, forecast.prices))
    return Estimate(
        recipe=recipe.name,
        files=units,
        input_bytes=round(sum(totals.values()) * units / files),
        sampled=tuple(sampled),
        documents_low=low,
        documents=documents,
        documents_high=high,
        steps=predict_steps(constants, settings, workload),
        costs=tuple(costs),
        limits=find_limits(constants, settings, workload),
        notes=_list_notes(recipe, len(sampled), files),
    )


def _scale_documents(
    sampled: Sequence[SampledFile], totals: Mapping[str, int]
) -> tuple[int, int, int]:
    """Documents of all inputs: by the sparsest file of each source, by all, by the densest."""
    sums = [0.0, 0.0, 0.0]
    for source, total in totals.items():
        files = [file for file in sampled if file.source == source and file.bytes]
        if not files:
            continue
        rates = [file.documents / file.bytes for file in files]
        mean = sum(file.documents for file in files) / sum(file.bytes for file in files)
        for number, rate in enumerate((min(rates), mean, max(rates))):
            sums[number] += total * rate
    return round(sums[0]), round(sums[1]), round(sums[2])


def _list_notes(recipe: Recipe, sampled: int, files: int) -> tuple[str, ...]:
    notes = ["prices are assumed list prices; replace them by those you pay"]
    if sampled < files:
        notes.append(
            "duplicates among files that were not sampled are not seen: more documents will go, "
            "and clusters will be more and larger than here"
        )
    if len(recipe.sources) > 1:
        notes.append("costs a document are those of the sampled mixture of sources")
    if sampled < 3:
        notes.append("fewer than three files were sampled: low and high mean little")
    return tuple(notes)
