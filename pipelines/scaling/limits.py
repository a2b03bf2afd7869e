"""Where the present code gives out: the size at which each step asks for too much.

A limit is no failure of the model but its main finding. Each says which step breaks,
at how many documents, why, and what would help.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gristmill.pipelines.exchange import count_partitions
from gristmill.pipelines.scaling.constants import Constants
from gristmill.pipelines.scaling.model import Settings, StepLoad, Workload, predict_steps
from gristmill.pipelines.scaling.shapes import SHAPES
from gristmill.schemas.yaml_files import Frozen

#: Seconds that one process may take while all others wait for it: a day.
ALONE_ALLOWED = 86_400.0
MOST_DOCUMENTS = 10**11
SCAN_FACTOR = 1.25
MOST_PARTITIONS = count_partitions(1 << 62, 1)


class Limit(Frozen):
    """A step that gives out.

    Attributes:
        step: name.
        kind: `memory`: it stops; `repeats`: what it reads again and again is more than the
            whole run reads once; `alone`: one process works for more than a day.
        breaks_at: documents, to two digits.
        reason: what grows beyond what.
        remedy: what to do, or that the code has to change.
    """

    step: str
    kind: Literal["memory", "repeats", "alone"]
    breaks_at: int
    reason: str
    remedy: str


@dataclass(frozen=True)
class _Rule:
    """Something that a step must not ask for, and what to say if it does."""

    kind: Literal["memory", "repeats", "alone"]
    exceeds: Callable[[StepLoad, "_Bounds"], bool]
    explain: Callable[[StepLoad, "_Bounds"], tuple[str, str]]


@dataclass(frozen=True)
class _Bounds:
    """What steps are held against: a child's memory, and what the whole run reads once."""

    child_memory_bytes: int
    run_bytes_read: float


def find_limits(constants: Constants, settings: Settings, workload: Workload) -> tuple[Limit, ...]:
    """Find the limits of every step, the lowest first.

    Input files grow with the documents, as many to a file as the workload has.

    Args:
        constants: of a finished run.
        settings: of the recipe.
        workload: what was asked for; limits far above it are found as well.
    """
    per_file = workload.documents / workload.files
    waiting = [(step, rule) for step in (*SHAPES, "publish") for rule in _RULES]
    found = []
    documents = 1_000.0
    while documents < MOST_DOCUMENTS and waiting:
        files = max(1, round(documents / per_file))
        size = workload.model_copy(update={"documents": round(documents), "files": files})
        loads = {load.step: load for load in predict_steps(constants, settings, size)}
        read = sum(load.bytes_read for load in loads.values())
        bounds = _Bounds(settings.child_memory_bytes, read)
        broken = [(step, rule) for step, rule in waiting if rule.exceeds(loads[step], bounds)]
        for step, rule in broken:
            reason, remedy = rule.explain(loads[step], bounds)
            at = round_down(documents)
            found.append(
                Limit(step=step, kind=rule.kind, breaks_at=at, reason=reason, remedy=remedy)
            )
            waiting.remove((step, rule))
        documents *= SCAN_FACTOR
    return tuple(sorted(found, key=lambda limit: (limit.breaks_at, limit.step)))


def round_down(number: float) -> int:
    """Keep two digits of a number."""
    whole = int(number)
    scale = int(10 ** max(0, len(str(whole)) - 2))
    return whole // scale * scale


def _explain_memory(load: StepLoad, bounds: _Bounds) -> tuple[str, str]:
    held = f"its largest unit of {load.largest_rows:,} rows needs {load.memory_bytes / 1e9:.1f} GB"
    allowed = f"limits.child_memory_bytes allows {bounds.child_memory_bytes / 1e9:.1f} GB"
    if load.units == 1:
        why = "one process holds all edges"
        remedy = (
            "raise limits.child_memory_bytes; beyond one machine, edges need contraction rounds"
        )
    elif load.units >= MOST_PARTITIONS:
        why = f"partitions are at their cap of {MOST_PARTITIONS:,}"
        remedy = "raise limits.child_memory_bytes; the cap on partitions has to rise"
    else:
        why = "one key or cluster is not cut"
        remedy = "raise limits.child_memory_bytes"
    return f"{held}, {allowed}, and {why}", remedy


def _explain_repeats(load: StepLoad, bounds: _Bounds) -> tuple[str, str]:
    times = load.bytes_repeated / bounds.run_bytes_read
    shape = SHAPES[load.step]
    if shape.all_parts:
        tables = " and ".join(table for _, table in shape.all_parts)
        return (
            f"each of {load.units:,} units reads every part of {tables}: {times:.1f} times what the "
            "whole run reads once, growing with the square of the documents",
            "use fewer, larger input files; the tables have to be cut by unit",
        )
    return (
        f"each of {load.units:,} partitions opens every map unit's exchange file, {load.opens:,} "
        f"times in all, and reads its footer: {times:.1f} times what the whole run reads once",
        "use fewer, larger input files, or --exchange group_by_key on an engine with a shuffle",
    )


def _explain_alone(load: StepLoad, bounds: _Bounds) -> tuple[str, str]:
    del bounds
    return (
        f"one process works {load.sequential_seconds / 3600:.0f} hours while all others wait",
        "the step has to be cut into units",
    )


_RULES = (
    _Rule("alone", lambda load, _: load.sequential_seconds > ALONE_ALLOWED, _explain_alone),
    _Rule(
        "memory",
        lambda load, bounds: load.memory_bytes > bounds.child_memory_bytes,
        _explain_memory,
    ),
    _Rule(
        "repeats",
        lambda load, bounds: load.bytes_repeated > bounds.run_bytes_read,
        _explain_repeats,
    ),
)
