"""The whole mill on Spark beside the embedded engine: the same pages, the same dataset id.

``make bench NAME=spark``: 2,000 and 16,000 made-up pages, Spark ``local[2]`` with 4 GB
of executor memory against ``--engine local``, two children each. ``FULL=1``: 500,000
pages (an hour on two cores). ``PAGES=n`` sets the larger number.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml
from contenders import describe_machine
from page_makers import make_pages
from process_cost import Cost, measure_commands

WORKERS = 2
EXECUTOR_MEMORY = "4g"
PAGES_PER_FILE = 2000
FULL_PAGES = 500_000
ENGINES = {
    "local": (),
    "spark": ("--engine", "spark", "--executor-memory", EXECUTOR_MEMORY),
}


@dataclass(frozen=True)
class Run:
    """One engine over one set of pages."""

    engine: str
    pages: int
    cost: Cost
    dataset_id: str
    largest_unit_bytes: int  # memory of the child that needed most

    @property
    def rate(self) -> float:
        """Pages per second and core."""
        return self.pages / self.cost.cpu_seconds


def run_engine(engine: str, pages: int, files: list[Path], folder: Path) -> Run:
    """Run the mill, collect to publish, and measure its whole process tree."""
    recipe = folder / f"{engine}-{pages}.yaml"
    output = folder / f"{engine}-{pages}"
    described = {
        "name": "spark-bench",
        "sources": [
            {"name": "pages", "kind": "commoncrawl", "paths": [str(path) for path in files]}
        ],
        "publishing": {"dataset": "spark-bench"},
        "output": str(output),
    }
    recipe.write_text(yaml.safe_dump(described), encoding="utf-8")
    program = str(Path(sys.executable).with_name("gristmill"))
    command = [program, "run", str(recipe), "--workers", str(WORKERS), *ENGINES[engine]]
    cost = measure_commands([["sh", "-c", 'exec "$@" >/dev/null', "run", *command]])
    again = subprocess.run(command, capture_output=True, text=True, check=True)  # all of it stands
    records = [json.loads(path.read_bytes()) for path in output.glob("work/*/units/*/record.json")]
    largest = max(record["peak_memory_bytes"] for record in records)
    return Run(engine, pages, cost, again.stdout.split()[-1], largest)


def print_table(runs: list[Run]) -> None:
    """One line a run."""
    print(
        f"{'engine':<8}{'pages':>9}{'CPU s':>9}{'wall s':>9}{'pages/s/core':>14}{'GB':>7}  largest processes"
    )
    for run in runs:
        named = sorted(run.cost.peak_by_name.items(), key=lambda item: -item[1])[:3]
        largest = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in named)
        print(
            f"{run.engine:<8}{run.pages:>9,}{run.cost.cpu_seconds:>9.1f}"
            f"{run.cost.wall_seconds:>9.1f}{run.rate:>14.1f}{run.cost.peak_bytes / 1e9:>7.2f}"
            f"  {largest}; largest unit {run.largest_unit_bytes / 1e9:.2f}"
        )


def main() -> None:
    """Run both engines on both sizes, print the table and the line of JSON."""
    large = int(os.environ.get("PAGES", FULL_PAGES if os.environ.get("FULL") else 16_000))
    small = max(1000, large // 8)
    print(describe_machine())
    runs: dict[tuple[str, int], Run] = {}
    with tempfile.TemporaryDirectory(prefix="gristmill-spark-") as name:
        folder = Path(name)
        for pages in (small, large):
            files = make_pages(
                folder / f"pages-{pages}", pages, files=max(WORKERS, pages // PAGES_PER_FILE)
            )
            for engine in ENGINES:
                runs[engine, pages] = run_engine(engine, pages, files, folder)
                print_table([runs[engine, pages]])
    if len({run.dataset_id for run in runs.values() if run.pages == large}) != 1:
        raise SystemExit("the engines published different datasets")
    print_table(list(runs.values()))
    spark, local = runs["spark", large], runs["local", large]
    growth = math.log(spark.cost.cpu_seconds / runs["spark", small].cost.cpu_seconds)
    figures = {
        "pages": large,
        "growth_exponent": round(growth / math.log(large / small), 3),
        **{
            f"{run.engine}_{figure}": round(value, 2)
            for run in (spark, local)
            for figure, value in (
                ("pages_per_second_per_core", run.rate),
                ("wall_seconds", run.cost.wall_seconds),
                ("peak_gb", run.cost.peak_bytes / 1e9),
                ("java_peak_gb", run.cost.peak_by_name.get("java", 0) / 1e9),
                ("largest_unit_gb", run.largest_unit_bytes / 1e9),
            )
        },
    }
    print(json.dumps({"figures": figures, "against": {"local": round(spark.rate / local.rate, 3)}}))


if __name__ == "__main__":
    main()
