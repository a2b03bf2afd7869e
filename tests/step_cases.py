"""A map and a reduce step over small numbers, for the tests of steps and engines."""

import json

import numpy as np
import pyarrow as pa

from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import gather_partition, write_exchange
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Execute
from gristmill.pipelines.steps import Step, Workspace, read_list, run_step
from gristmill.schemas.places import Place, find_place

COUNT = 4
UNITS = [list(range(0, 50)), [3, 3, 3], [], list(range(7, 90, 5))]
NUMBERS = pa.schema([("number", pa.int64())])


def spread(context: UnitContext) -> UnitResult:
    """Send each number to the partition of its remainder."""
    numbers = context.unit.params["numbers"]
    table = pa.table({"number": numbers}).cast(NUMBERS)
    places = np.array(numbers, np.int64) % context.unit.params["count"]
    write_exchange(context.folder / "exchange-numbers.parquet", table, places)
    return UnitResult(len(numbers), len(numbers))


def add_up(context: UnitContext) -> UnitResult:
    """Write the sorted numbers of a partition."""
    params = context.unit.params
    paths = read_list(params["exchanges"]["numbers"])
    rows = gather_partition(paths, params["partition"], NUMBERS)
    numbers = sorted(rows["number"].to_pylist())
    (context.folder / "sorted.json").write_text(json.dumps(numbers))
    return UnitResult(len(numbers), len(numbers))


def read_sorted(folder: Place) -> list[int]:
    """What `add_up` left in a unit's folder."""
    return json.loads((folder / "sorted.json").read_bytes())


def plan_map(workspace: Workspace, numbers=UNITS) -> Step:
    return Step(
        "map",
        tuple(
            workspace.make_unit(
                "map",
                f"unit {n}",
                "step_cases:spread",
                fragment=None,
                code="1",
                inputs=[str(values), str(n)],
                params={"numbers": values, "count": COUNT},
            )
            for n, values in enumerate(numbers)
        ),
    )


def plan_reduce(workspace: Workspace, manifest) -> Step:
    paths = workspace.part_paths(manifest, "exchange-numbers")
    listed = workspace.write_list("reduce", "numbers", paths)
    digests = sorted(part.sha256 for part in manifest.parts)
    return Step(
        "reduce",
        tuple(
            workspace.make_unit(
                "reduce",
                f"partition {n}",
                "step_cases:add_up",
                fragment=n,
                code="1",
                inputs=digests,
                params={"exchanges": {"numbers": listed}, "partition": n},
            )
            for n in range(COUNT)
        ),
    )


def run_both(root: Place, execute: Execute) -> list[list[int]]:
    """Run both steps; the numbers that each partition has in the end."""
    workspace = Workspace(root)
    progress = Progress(quiet=True)
    mapped = run_step(workspace, plan_map(workspace), execute, progress)
    reduced = plan_reduce(workspace, mapped)
    run_step(workspace, reduced, execute, progress)
    return [read_sorted(find_place(unit.folder)) for unit in reduced.units]


def expect_both() -> list[list[int]]:
    """What `run_both` gives where no row is lost or doubled."""
    everything = sorted(number for unit in UNITS for number in unit)
    return [[n for n in everything if n % COUNT == p] for p in range(COUNT)]
