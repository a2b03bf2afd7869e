"""Decide alone: verdicts on stored signals of a million documents after a changed threshold.

Rows are synthetic, seeded, and spread so that every kind of rule drops some. What is
timed is the judge step's own work function, part after part in one fresh process, as
one worker runs it: reading signals, judging, writing verdicts. There is no text to read.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gristmill.cleaning import line_rules
from gristmill.pipelines import part_files
from gristmill.pipelines.children import UnitContext
from gristmill.pipelines.stages import judging
from gristmill.pipelines.stages.deduplicate import REPEATS
from gristmill.pipelines.units import Unit
from gristmill.pipelines.watching import Watch
from gristmill.schemas.recipe import Cleaning, Splits
from gristmill.schemas.tables import CLUSTERS, CONSENTS, DOCUMENTS, SIGNALS

PARTS, ROWS, LINES, ROUNDS = 20, 50_000, 12, 3
LIMIT_SECONDS, LIMIT_BYTES = 5.0, 1 << 30
#: Of metrics that are no fraction: about what web pages have.
LARGEST = {"char_count": 20_000, "word_count": 4_000, "sentence_count": 200}
RARENESS = 24
NEAR_ONE = ("alphabetic_word_fraction", "punctuated_line_fraction", "language_score")
EMPTY_TABLES = {"clusters": CLUSTERS, "repeats": REPEATS, "consents": CONSENTS}


def fill_column(field: pa.Field, rows: int, random: np.random.Generator) -> pa.Array:
    """Values of one column of signals."""
    kind = field.type
    if field.name == "language":
        return pa.array(random.choice(["en", "de", "fr", "zh"], rows, p=[0.7, 0.1, 0.1, 0.1]), kind)
    if pa.types.is_list(kind) and pa.types.is_integer(kind.value_type):
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * LINES)
        largest = 4 if field.name == "line_flags" else 30
        values = random.integers(0, largest, rows * LINES)
        return pa.ListArray.from_arrays(offsets, pa.array(values, kind.value_type))
    if pa.types.is_list(kind):
        return pa.array([[]] * rows, kind)
    if pa.types.is_string(kind):
        return pa.array(["Latn"] * rows, kind)
    if pa.types.is_boolean(kind):
        return pa.array(np.ones(rows, np.bool_))
    if pa.types.is_integer(kind):
        return pa.array(random.integers(0, 20_000, rows), kind)
    return pa.array(fill_numbers(field.name, rows, random), kind)


def fill_numbers(name: str, rows: int, random: np.random.Generator) -> Any:
    """Values of a metric: most fractions far from their bounds."""
    if name == "distinct_stop_words":
        return random.integers(1, 9, rows).astype(np.float64)
    if name.endswith("_count"):
        return np.floor(random.random(rows) * LARGEST.get(name, 3))
    if name == "mean_word_length":
        return 2.9 + 7.2 * random.random(rows)
    small = random.random(rows) ** RARENESS
    return 1 - small if name in NEAR_ONE else small


def write_parts(folder: Path) -> dict[str, Any]:
    """Write the parts of documents (without text) and signals; returns what units share."""
    random = np.random.default_rng(6)
    for part in range(PARTS):
        ids = part_files.wrap_ids(random.integers(0, 256, (ROWS, 16), dtype=np.uint8))
        columns = [fill_column(field, ROWS, random) for field in SIGNALS if field.name != "doc_id"]
        signals = pa.table([ids, *columns], schema=SIGNALS)
        part_files.write_part(folder / f"signals-{part}.parquet", signals, SIGNALS)
        names = ["doc_id", "source", "date", "opt_outs"]
        nothing = [pa.nulls(ROWS, DOCUMENTS.field(name).type) for name in names[2:]]
        documents = pa.table([ids, pa.array(["web"] * ROWS), *nothing], names=names)
        part_files.write_part(folder / f"documents-{part}.parquet", documents, documents.schema)
    lists = {}
    for name, schema in EMPTY_TABLES.items():
        part_files.write_part(folder / f"{name}.parquet", schema.empty_table(), schema)
        (folder / f"{name}.json").write_text(json.dumps([str(folder / f"{name}.parquet")]))
        lists[name] = str(folder / f"{name}.json")
    return lists


def judge_parts(folder: Path, shared: dict[str, Any], words: int) -> dict[str, float]:
    """Judge every part under a policy with another least number of words."""
    bound = {"metric": "word_count", "min": words}
    cleaning = Cleaning.model_validate({"languages": {"en": 0.2, "de": 0.2}, "bounds": [bound]})
    line_rules.warm_up()
    started, cpu, kept = time.perf_counter(), time.process_time(), 0
    for part in range(PARTS):
        params = shared | {
            "documents": str(folder / f"documents-{part}.parquet"),
            "signals": str(folder / f"signals-{part}.parquet"),
            "unit_key": "mine",
            "cleaning": cleaning.model_dump(mode="json"),
            "splits": Splits().model_dump(mode="json"),
            "priorities": {"web": 0},
            "count": 1,
        }
        place = folder / f"unit-{part}"
        place.mkdir(exist_ok=True)
        unit = Unit("decide.judge", "0" * 24, "part", "none:none", str(place), params)
        judging.judge_part(UnitContext(unit, place, Watch()))
        verdicts = part_files.read_part(place / "verdicts.parquet", ["kept"])
        kept += verdicts["kept"].to_numpy().sum()
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "kept": int(kept),
    }


def main() -> None:
    """Time the rounds, each in a process of its own, and print figures."""
    with tempfile.TemporaryDirectory(prefix="gristmill-decide-") as scratch:
        folder = Path(scratch)
        shared = write_parts(folder)
        rounds = []
        for number in range(ROUNDS):
            command = [sys.executable, __file__, scratch, json.dumps(shared), str(50 + number)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rounds.append(json.loads(done.stdout.splitlines()[-1]))
            print(rounds[-1])
    wall = statistics.median(one["wall_seconds"] for one in rounds)
    peak = max(one["peak_bytes"] for one in rounds)
    figures = {
        "rows": PARTS * ROWS,
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(statistics.median(one["cpu_seconds"] for one in rounds), 2),
        "peak_mib": round(peak / 2**20),
        "kept": [one["kept"] for one in rounds],
    }
    against = {"five_seconds": LIMIT_SECONDS / wall, "one_gib": LIMIT_BYTES / peak}
    print(json.dumps({"figures": figures, "against": {k: round(v, 2) for k, v in against.items()}}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(judge_parts(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
