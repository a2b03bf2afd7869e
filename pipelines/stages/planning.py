"""Planning the units of map and reduce steps: their keys, inputs and parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipelines.run_state import Run
from gristmill.pipelines.steps import Step
from gristmill.pipelines.units import hash_code
from gristmill.schemas.manifests import StageManifest

STAGES = "gristmill.pipelines.stages"
#: Rows of one partition of documents' facts: about 100 MB of band keys.
ROWS_PER_PARTITION = 200_000


@dataclass(frozen=True)
class Work:
    """What the units of a step do: function, the choices that matter to it, its code."""

    step: str
    function: str  # below gristmill.pipelines.stages
    fragment: Any
    code: Sequence[str]

    @property
    def path(self) -> str:
        """As `Unit.work` wants it."""
        return f"{STAGES}.{self.function}"


@dataclass(frozen=True)
class Slot:
    """What is particular to one unit of a step."""

    title: str
    inputs: Sequence[str] = ()  # digests, besides the step's shared ones
    params: Mapping[str, Any] = field(default_factory=dict)


def list_priorities(run: Run) -> dict[str, int]:
    """Keep-order priority of each source."""
    return {source.name: source.priority for source in run.recipe.sources}


def list_digests(manifest: StageManifest, table: str) -> list[str]:
    """Content digests of a table's parts, sorted."""
    return sorted(part.sha256 for part in manifest.of_table(table))


def list_parts(run: Run, step: str, manifest: StageManifest, table: str) -> str:
    """Leave a list of a table's paths for the units of a step; returns the list's path."""
    return run.workspace.write_list(step, table, run.workspace.part_paths(manifest, table))


def plan_units(
    run: Run,
    work: Work,
    slots: Sequence[Slot],
    *,
    shared_inputs: Sequence[str] = (),
    shared_params: Mapping[str, Any] | None = None,
) -> Step:
    """Plan one unit a slot.

    The title is part of the key: parts of the same bytes, such as two empty shards, are
    still two units, for the record of each is found by its title.
    """
    code = hash_code(*work.code)
    units = [
        run.workspace.make_unit(
            work.step,
            slot.title,
            work.path,
            fragment=work.fragment,
            code=code,
            inputs=[slot.title, *slot.inputs, *shared_inputs],
            params={**(shared_params or {}), **slot.params},
        )
        for slot in slots
    ]
    return Step(work.step, tuple(units))


def plan_reduce(
    run: Run, work: Work, exchanges: Mapping[str, StageManifest], slots: Sequence[Slot]
) -> Step:
    """Plan one unit a partition of one or more exchanges; slot number is partition number."""
    lists = {
        name: list_parts(run, work.step, manifest, f"exchange-{name}")
        for name, manifest in exchanges.items()
    }
    digests = [
        digest
        for name, manifest in sorted(exchanges.items())
        for digest in list_digests(manifest, f"exchange-{name}")
    ]
    numbered = [
        Slot(
            slot.title,
            [f"partition {number} of {len(slots)}", *slot.inputs],
            {"exchanges": lists, "partition": number, **slot.params},
        )
        for number, slot in enumerate(slots)
    ]
    return plan_units(run, work, numbered, shared_inputs=digests)


def name_partitions(count: int) -> list[Slot]:
    """Slots without parameters of their own."""
    return [Slot(f"part-{number:05d}-of-{count:05d}") for number in range(count)]
