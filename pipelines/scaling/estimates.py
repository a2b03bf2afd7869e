"""The estimate: a few input files run through every stage, and scaled to all of them.

The sampled files go through the same code as a run's, into a folder of their own;
the scale model takes its constants from what they leave.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gristmill.pipelines.inputs import list_paths
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Execute
from gristmill.pipelines.runs import run_stages
from gristmill.pipelines.scaling.constants import Constants, read_constants
from gristmill.pipelines.scaling.costs import PROFILES, EngineCost, Prices, price_steps
from gristmill.pipelines.scaling.limits import Limit, find_limits
from gristmill.pipelines.scaling.model import Settings, StepLoad, Workload, predict_steps
from gristmill.pipelines.scaling.samples import (
    SampledFile,
    choose_files,
    choose_units,
    count_units,
    cut_recipe,
    list_fetched,
    list_sampled,
    list_sizes,
    open_scratch,
)
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.yaml_files import Frozen

SAMPLE_UNITS = 3
#: Sampled bytes from which on the sample itself is worth a warning.
LARGE_SAMPLE_BYTES = 2 << 30


class Band(Frozen):
    """A figure and how far off it may be."""

    low: float
    middle: float
    high: float


class StageLoad(Frozen):
    """What a stage comes to.

    Attributes:
        stage: name.
        bytes_in: read by its units, what is read again and again counted each time.
        bytes_out: written by them.
        core_hours: on the embedded engine, its own work apart.
    """

    stage: str
    bytes_in: Band
    bytes_out: Band
    core_hours: Band


class Estimate(Frozen):
    """What a run of a recipe comes to.

    Attributes:
        recipe: its name.
        files, input_bytes: all inputs; sizes of those not yet downloaded by the sampled ones.
        sampled: what was run.
        documents: that collect would keep; low and high by the sparsest and the densest
            sampled file of each source.
        stages: what each reads, writes and costs: low and high by the documents above, and by
            the cheapest and dearest tenth of its units.
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
    stages: tuple[StageLoad, ...]
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
        sample_units: input files, or ranges of large ones, to run; spread evenly over each
            source's names and bytes, at least one of every source.
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
    with open_scratch(scratch) as folder:
        cut = cut_recipe(recipe, chosen, folder)
        shares = {source: len(files) for source, files in chosen.items()}
        run = run_stages(cut, execute, progress, choose=lambda units: choose_units(units, shares))
        constants = read_constants(run)
        sampled = list_sampled(run)
        fetched = {name: list_fetched(run, name) for name in listed}
    if sum(file.bytes for file in sampled) > LARGE_SAMPLE_BYTES:
        progress.warn("the sampled files are large; name fewer with --sample")
    sizes = {name: list_sizes(files, fetched[name]) for name, files in listed.items()}
    return scale_sample(recipe, constants, sampled, sizes, forecast)


def _check_request(sample_units: int, forecast: Forecast) -> None:
    if sample_units < 1:
        raise UsageError(f"--sample must be at least 1, not {sample_units}")
    if forecast.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {forecast.workers}")
    if forecast.documents is not None and forecast.documents < 1:
        raise UsageError(f"--documents must be at least 1, not {forecast.documents}")


def scale_sample(
    recipe: Recipe,
    constants: Constants,
    sampled: Sequence[SampledFile],
    sizes: Mapping[str, Sequence[int]],
    forecast: Forecast,
) -> Estimate:
    """Scale what the sample cost to all inputs, or to the number of documents asked for.

    Args:
        recipe: what would be run.
        constants: of the sample's run.
        sampled: its files.
        sizes: bytes of each of a source's files, by its name.
        forecast: what to scale to.
    """
    files = sum(len(found) for found in sizes.values())
    totals = {source: sum(found) for source, found in sizes.items()}
    low, middle, high = _scale_documents(sampled, totals)
    documents = forecast.documents or middle
    scale = documents / max(1, middle)
    low, high = round(low * scale), round(high * scale)
    units = max(1, round(count_units(recipe, sizes) * scale))
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
        files=max(1, round(files * scale)),
        input_bytes=round(sum(totals.values()) * scale),
        sampled=tuple(sampled),
        documents_low=low,
        documents=documents,
        documents_high=high,
        stages=_sum_stages(
            *(
                predict_steps(
                    constants, settings, workload.model_copy(update={"documents": max(1, size)})
                )
                for size in (low, documents, high)
            )
        ),
        steps=predict_steps(constants, settings, workload),
        costs=tuple(costs),
        limits=find_limits(constants, settings, workload),
        notes=_list_notes(recipe, len(sampled), files),
    )


def _sum_stages(
    low: Sequence[StepLoad], middle: Sequence[StepLoad], high: Sequence[StepLoad]
) -> tuple[StageLoad, ...]:
    """Add the steps of each stage up, at the low, expected and high number of documents."""
    names = dict.fromkeys(step.step.partition(".")[0] for step in middle)

    def add(stage: str, measure: Callable[[StepLoad, str], float]) -> Band:
        sums = {
            end: sum(measure(s, end) for s in steps if s.step.partition(".")[0] == stage)
            for end, steps in (("low", low), ("middle", middle), ("high", high))
        }
        return Band(**sums)

    return tuple(
        StageLoad(
            stage=name,
            bytes_in=add(name, lambda step, _: step.bytes_read + step.bytes_repeated),
            bytes_out=add(name, lambda step, _: step.bytes_written),
            core_hours=add(name, lambda step, end: getattr(step.cpu_seconds, end) / 3600),
        )
        for name in names
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
