"""Memory of a unit, and time to search and to open files: what no ledger tells.

Each probe runs a stage's own function in a process of its own, on two sizes, and
takes the slope: what a row adds, whatever the interpreter weighs.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gristmill.pipelines.children import UnitContext
from gristmill.pipelines.exchange import encode_chunk, gather_partition, read_chunks, write_exchange
from gristmill.pipelines.lookups import find_rows
from gristmill.pipelines.part_files import wrap_ids, write_part
from gristmill.pipelines.stages import applying, deduplicate, verifying
from gristmill.pipelines.units import Unit
from gristmill.pipelines.watching import Refusals, Watch
from gristmill.schemas.recipe import Deduplication

WORK: Mapping[str, Callable[[UnitContext], Any]] = {
    "connect": deduplicate.connect_edges,
    "link": deduplicate.link_partition,
    "verify": verifying.verify_partition,
    "sort": applying.sort_partition,
}
FIND_ROWS, UNIT_IDS = 1_000_000, 10_000
OPENED_CHUNKS = 1024
PROBE_BYTES = 30_000_000  # Arrow bytes of the smaller of two sizes: over the noise of libraries


def run_work(name: str, params: Mapping[str, Any]) -> dict[str, float]:
    """Run a stage's function in a fresh process; gives its peak memory and CPU seconds."""
    command = [sys.executable, __file__, name, json.dumps(params)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _carry_out(name: str, params: Mapping[str, Any]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        unit = Unit("probe", "key", "title", "work", folder, params)
        marker = Path(folder) / "marker"
        marker.write_bytes(bytes(64))
        watch = Watch.open(marker, Refusals())
        began = time.process_time()
        WORK[name](UnitContext(unit, Path(folder), watch))
        seconds = time.process_time() - began
    return {"memory": _read_peak(), "seconds": seconds}


def _read_peak() -> int:
    # Not ru_maxrss: Linux lets a new program inherit that of the process that started it.
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def _write_list(folder: Path, name: str, paths: Sequence[Path]) -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps([str(found) for found in paths]))
    return str(path)


def _draw_ids(rows: int, seed: int) -> pa.Array:
    return wrap_ids(np.random.default_rng(seed).integers(0, 256, (rows, 16), dtype=np.uint8))


def probe_connect(folder: Path, edges: int = 500_000) -> dict[str, float]:
    """Bytes and CPU seconds an edge."""
    costs = []
    for count in (edges, 3 * edges):
        ids = _draw_ids(count, count)
        ends = np.random.default_rng(1).integers(0, count, (2, count))
        table = pa.table(
            {"doc_id": ids.take(pa.array(ends[0])), "other_id": ids.take(pa.array(ends[1]))}
        )
        write_part(folder / "edges.parquet", table.cast(deduplicate.EDGES), deduplicate.EDGES)
        params = {"edges": _write_list(folder, "edges", [folder / "edges.parquet"])}
        costs.append(run_work("connect", params))
    return {
        "bytes_per_edge": (costs[1]["memory"] - costs[0]["memory"]) / (2 * edges),
        "seconds_per_edge": (costs[1]["seconds"] - costs[0]["seconds"]) / (2 * edges),
    }


def probe_exchange(
    name: str, folder: Path, exchanges: Mapping[str, Sequence[Path]], params: Mapping[str, Any]
) -> float:
    """Memory over the Arrow bytes of a unit's first exchange, by reading its files repeatedly.

    Repeated rows are rows like any other to a sort and to the linking of keys.
    """
    first = next(iter(exchanges.values()))
    sent = sum(len(encode_chunk(rows)) for path in first for _, rows in read_chunks(path, 0))
    once = max(1, PROBE_BYTES // sent)
    memory = []
    for times in (once, 3 * once):
        lists = {
            table: _write_list(folder, f"{name}-{table}-{times}", list(paths) * times)
            for table, paths in exchanges.items()
        }
        memory.append(run_work(name, {"partition": 0, "exchanges": lists, **params})["memory"])
    return (memory[1] - memory[0]) / (2 * once * sent)


def probe_verify(folder: Path, small: Sequence[Path], large: Sequence[Path]) -> float:
    """Memory over Arrow bytes of the verifier, from the partitions of two runs."""
    settings = Deduplication().model_dump(mode="json")
    memory, sent = [], []
    for number, paths in enumerate((small, large)):
        lists = {"shingles": _write_list(folder, f"shingles-{number}", paths)}
        params = {"partition": 0, "exchanges": lists, "deduplication": settings}
        memory.append(run_work("verify", params)["memory"])
        sent.append(sum(len(encode_chunk(r)) for path in paths for _, r in read_chunks(path, 0)))
    return (memory[1] - memory[0]) / (sent[1] - sent[0])


def probe_search(folder: Path) -> float:
    """CPU seconds to test one row of a table that every unit reads."""
    ids = _draw_ids(FIND_ROWS, 2)
    sizes = pa.array(np.ones(FIND_ROWS, np.int32))
    table = pa.table({"doc_id": ids, "cluster_id": ids, "cluster_size": sizes})
    path = folder / "components.parquet"
    write_part(path, table.cast(deduplicate.COMPONENTS), deduplicate.COMPONENTS)
    began = time.process_time()
    find_rows([str(path)], ids.slice(0, UNIT_IDS), deduplicate.COMPONENTS)
    return (time.process_time() - began) / FIND_ROWS


def probe_opening(folder: Path) -> dict[str, float]:
    """CPU seconds to open an exchange file, and for each column of each chunk in its footer."""
    rows = 15 * OPENED_CHUNKS
    keys = pa.array(np.arange(rows, dtype=np.uint64))
    table = pa.table({"key": keys, "doc_id": _draw_ids(rows, 3)}).cast(deduplicate.KEYS)
    seconds = []
    for chunks in (1, OPENED_CHUNKS):
        path = folder / f"opened-{chunks}.parquet"
        write_exchange(path, table, np.arange(rows, dtype=np.int64) % chunks)
        began = time.process_time()
        for _ in range(20):
            gather_partition([path], -1, deduplicate.KEYS)  # of a partition without rows
        seconds.append((time.process_time() - began) / 20)
    return {
        "open_seconds": seconds[0],
        "column_seconds": (seconds[1] - seconds[0]) / (OPENED_CHUNKS * 2),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_carry_out(sys.argv[1], json.loads(sys.argv[2]))) + "\n")
