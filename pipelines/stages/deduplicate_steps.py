"""The steps of deduplicate: sign, link, connect, shingle, verify."""

from typing import Any

from gristmill.pipelines.exchange import count_partitions
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages import collect
from gristmill.pipelines.stages.planning import (
    ROWS_PER_PARTITION,
    Slot,
    Work,
    list_digests,
    list_parts,
    list_priorities,
    name_partitions,
    plan_reduce,
    plan_units,
)
from gristmill.pipelines.steps import Step
from gristmill.schemas.manifests import StageManifest

CODE = (
    "gristmill.dedup",
    "gristmill.pipelines.exchange",
    "gristmill.pipelines.lookups",
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.stages.deduplicate",
    "gristmill.pipelines.stages.verifying",
    "gristmill.schemas.identity",
    "gristmill.schemas.tables",
    "dist:pyarrow",
)
#: A component that holds more of all documents than this is warned of.
GIANT_SHARE = 0.1
GIANT_LEAST = 1000


def run_deduplicate(run: Run) -> None:
    """Bring every step of deduplicate to its end."""
    collected = run.manifests[collect.STAGE]
    count = count_partitions(collected.totals.kept, ROWS_PER_PARTITION)
    settings = run.recipe.deduplication.model_dump(mode="json")
    signed = run.close(_plan_sign(run, settings, count), collected.totals)
    linked = run.close(
        plan_reduce(
            run,
            Work("deduplicate.link", "deduplicate:link_partition", None, CODE),
            {"keys": signed, "places": signed},
            name_partitions(count),
        )
    )
    connected = run.close(_plan_connect(run, linked))
    _warn_of_giant(run, collected.totals.kept)
    shingled = run.close(_plan_shingle(run, settings, count, linked, connected))
    slots = [Slot(slot.title, (), {"deduplication": settings}) for slot in name_partitions(count)]
    work = Work("deduplicate.verify", "verifying:verify_partition", settings, CODE)
    run.close(plan_reduce(run, work, {"shingles": shingled}, slots))


def _list_documents(run: Run) -> list[Slot]:
    # The unit key of a documents part names its rows, so it decides what is sent out.
    return [
        Slot(
            record.title,
            [part.sha256, part.unit_key],
            {"documents": path, "unit_key": part.unit_key},
        )
        for record, part, path in run.pair_parts(collect.STAGE, "documents")
    ]


def _plan_sign(run: Run, settings: Any, count: int) -> Step:
    work = Work("deduplicate.sign", "deduplicate:sign_part", [settings, count], CODE)
    params = {"deduplication": settings, "count": count}
    return plan_units(run, work, _list_documents(run), shared_params=params)


def _plan_connect(run: Run, linked: StageManifest) -> Step:
    work = Work("deduplicate.connect", "deduplicate:connect_edges", None, CODE)
    params = {"edges": list_parts(run, work.step, linked, "edges")}
    return plan_units(
        run, work, [Slot("components", list_digests(linked, "edges"))], shared_params=params
    )


def _plan_shingle(
    run: Run, settings: Any, count: int, linked: StageManifest, connected: StageManifest
) -> Step:
    priorities = list_priorities(run)
    fragment = [settings, priorities, count]
    work = Work("deduplicate.shingle", "verifying:shingle_part", fragment, CODE)
    params = {
        "deduplication": settings,
        "priorities": priorities,
        "count": count,
        "components": list_parts(run, work.step, connected, "components"),
        "repeats": list_parts(run, work.step, linked, "repeats"),
    }
    return plan_units(
        run,
        work,
        _list_documents(run),
        shared_inputs=[
            *list_digests(connected, "components"),
            *list_digests(linked, "repeats"),
        ],
        shared_params=params,
    )


def _warn_of_giant(run: Run, documents: int) -> None:
    largest = int(run.records("deduplicate.connect")[0].facts["largest_component"])
    if documents >= GIANT_LEAST and largest > GIANT_SHARE * documents:
        run.progress.warn(
            f"one component holds {largest:,} of {documents:,} documents; removal is still "
            "verified pair by pair, but look at the largest clusters of the report"
        )
