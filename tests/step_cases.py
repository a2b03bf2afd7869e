"""A map and a reduce step over small numbers, for the tests of steps and engines."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.exchange import gather_partition, write_exchange
from gristmill.pipelines.steps import read_list

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


def read_sorted(folder: Path) -> list[int]:
    """What `add_up` left in a unit's folder."""
    return json.loads((folder / "sorted.json").read_text())
