"""The steps of collect: where large files may be cut, the reading itself, and who objects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gristmill.pipelines.exchange import count_partitions
from gristmill.pipelines.inputs import InputFile, find_inputs
from gristmill.pipelines.part_files import read_part
from gristmill.pipelines.pins import PINS_FOLDER
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.sources.kinds import SOURCE_KINDS
from gristmill.pipelines.stages.collect import STAGE
from gristmill.pipelines.stages.consents import TRAINING_AGENTS
from gristmill.pipelines.stages.planning import (
    ROWS_PER_PARTITION,
    Slot,
    Work,
    name_partitions,
    plan_reduce,
    plan_units,
)
from gristmill.pipelines.steps import Step
from gristmill.pipelines.units import Unit
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.sources import CommonCrawl, Source

INDEX, CONSENTS = "collect.index", "collect.consents"
CODE = (
    "gristmill.cleaning",
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.sources",
    "gristmill.pipelines.stages.collect",
    "gristmill.schemas.fates",
    "gristmill.schemas.identity",
    "gristmill.schemas.tables",
    "dist:isal",
    "dist:resiliparse",
    "dist:pyarrow",
)
CONSENT_CODE = (*CODE, "gristmill.pipelines.exchange", "gristmill.pipelines.stages.consents")
Ranges = Sequence[tuple[int, int | None]]
WHOLE: Ranges = ((0, None),)
Choose = Callable[[Sequence[Unit]], Sequence[Unit]]


def run_collect(run: Run, choose: Choose | None = None) -> StageManifest:
    """Read every input to its end, or those units of it that are chosen."""
    step = plan_collect(run, cut_inputs(run))
    if choose is not None:
        step = Step(step.name, tuple(choose(step.units)))
    collected = run.close(step)
    _find_consents(run)
    return collected


def cut_inputs(run: Run) -> Mapping[tuple[str, str], Ranges]:
    """Find the ranges in which large inputs are read, by source and name of the file.

    A cut never parts a record, and what a range holds does not depend on the others.
    """
    sources = {source.name: source for source in run.recipe.sources}
    large = [item for item in run.inputs if _is_large(run, sources[item.source], item)]
    if not large:
        return {}
    limits = {
        "split_bytes": run.recipe.units.split_bytes,
        "document_bytes": run.recipe.limits.document_bytes,
    }
    slots = [
        Slot(
            f"{item.source}/{item.name}",
            [item.sha256],
            {**_hold(run, item), "kind": sources[item.source].kind, **limits},
        )
        for item in large
    ]
    run.close(plan_units(run, Work(INDEX, "collect:index_file", limits, CODE), slots))
    ranges = {}
    for item, (_, _, path) in zip(large, run.pair_parts(INDEX, "cuts"), strict=True):
        starts = read_part(path)["offset"].to_pylist()
        ranges[item.source, item.name] = list(zip(starts, [*starts[1:], None], strict=True))
    return ranges


def _is_large(run: Run, source: Source, item: InputFile) -> bool:
    # What lies elsewhere would be fetched whole for each of its ranges.
    is_here = "://" not in item.path and item.picks is None
    return is_here and SOURCE_KINDS[source.kind].is_split(item.bytes, run.recipe.units.split_bytes)


def _hold(run: Run, item: InputFile) -> dict[str, Any]:
    """What `hold_file` needs to know of an input; decides no key."""
    return {
        "path": item.path,
        "bytes": item.bytes,
        "identity": item.sha256,
        "picks": item.picks,
        "transfer": run.recipe.transfer.model_dump(mode="json"),
        "pins": str(run.workspace.root / PINS_FOLDER),
    }


def plan_collect(run: Run, ranges: Mapping[tuple[str, str], Ranges]) -> Step:
    """Plan one unit for each input file, or for each range of a large one."""
    sources = {source.name: source for source in run.recipe.sources}
    limits = run.recipe.limits
    units: dict[str, Unit] = {}
    for item in run.inputs:
        source = sources[item.source]
        fragment = {
            "source": source.fragment(),
            "limits": limits.model_dump(mode="json"),
            "name": item.name,
        }
        params = {
            "source": _describe_source(source, item.name),
            "document_bytes": limits.document_bytes,
            "name": item.name,
            **_hold(run, item),
        }
        slots = [
            Slot(
                item.title or _name_range(item.name, start, stop),
                [item.sha256],
                {**params, "start": start, "stop": stop},
            )
            for start, stop in ranges.get((item.source, item.name), WHOLE)
        ]
        work = Work(STAGE, "collect:collect_file", fragment, CODE)
        units |= {unit.key: unit for unit in plan_units(run, work, slots).units}
    return Step(STAGE, tuple(units.values()))


def _describe_source(source: Source, name: str) -> dict[str, Any]:
    """A source as one unit needs it: a crawl's list of files is not repeated in every handle."""
    described = source.model_dump(mode="json") | {"paths": [name]}
    for key in ("robots", "selection"):
        described.pop(key, None)
    return described


def _name_range(name: str, start: int, stop: int | None) -> str:
    if start == 0 and stop is None:
        return name
    return f"{name} from byte {start}" + ("" if stop is None else f" to {stop}")


def _find_consents(run: Run) -> None:
    """Match documents with their hosts' robots.txt, where a source names captures of it."""
    asking = {
        source.name: source
        for source in run.recipe.sources
        if isinstance(source, CommonCrawl) and source.robots
    }
    if not asking:
        return
    agents = {
        name: list(source.robots_agents or TRAINING_AGENTS) for name, source in asking.items()
    }
    kept = run.manifests[STAGE].totals.kept
    count = count_partitions(kept, ROWS_PER_PARTITION)
    captures = run.close(_plan_robots(run, asking, count))
    pages = run.close(_plan_pages(run, asking, count))
    slots = [Slot(slot.title, (), {"agents": agents}) for slot in name_partitions(count)]
    work = Work(CONSENTS, "consents:find_objections", agents, CONSENT_CODE)
    run.close(plan_reduce(run, work, {"rules": captures, "pages": pages}, slots))


def _plan_robots(
    run: Run,
    asking: Mapping[str, CommonCrawl],
    count: int,
) -> Step:
    sources = tuple(
        source.model_copy(
            update={"paths": source.robots, "selection": None, "files_per_list": None}
        )
        for source in asking.values()
    )
    recipe = run.recipe.model_copy(update={"sources": sources})
    slots = [
        Slot(
            f"{item.source}/{item.name}",
            [item.sha256],
            {**_hold(run, item), "source": item.source},
        )
        for item in find_inputs(recipe, run.workspace.root, run.progress)
    ]
    work = Work("collect.robots", "consents:read_robots", count, CONSENT_CODE)
    return plan_units(run, work, slots, shared_params={"count": count})


def _plan_pages(run: Run, asking: Mapping[str, CommonCrawl], count: int) -> Step:
    slots = [
        Slot(
            record.title,
            [part.sha256, part.unit_key],
            {"documents": path, "source": str(record.facts["source"])},
        )
        for record, part, path in run.pair_parts(STAGE, "documents")
        if record.facts["source"] in asking
    ]
    work = Work("collect.pages", "consents:list_pages", count, CONSENT_CODE)
    return plan_units(run, work, slots, shared_params={"count": count})
