"""Scale: how CPU and memory grow with the pages, and what that says of a whole crawl.

Made-up pages in growing numbers go through every step. The ledger tells CPU
seconds and peak memory; the model takes its constants from the largest size but one
and foretells the largest; then it is asked for a dump of Common Crawl, 3 * 10^9 pages
in 90,000 files, on each engine.

    make bench NAME=scale          # 1,000, 4,000 and 16,000 pages, three rounds
    FULL=1 make bench NAME=scale   # up to 256,000 pages, one round

`growth_exponent` is that of CPU seconds over pages, through all sizes, beyond what a
run of 50 pages costs to start: 1 is linear. `prediction` is CPU foretold / measured,
of the largest size. SIZES (numbers with commas), ROUNDS and WORKERS change what is run.
"""

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import page_makers
import scale_probes
from contenders import describe_machine
from debian_pages import cache_folder
from figures import format_line

from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.pipelines.engines.graph import Crew
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.runs import run_stages
from gristmill.pipelines.scaling.constants import Constants, read_constants
from gristmill.pipelines.scaling.costs import PROFILES, Prices, price_steps
from gristmill.pipelines.scaling.limits import find_limits
from gristmill.pipelines.scaling.model import Settings, Workload, predict_steps, sum_cpu
from gristmill.pipelines.scaling.tables import render_costs, render_limits, render_steps
from gristmill.pipelines.workers import close_pools
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.recipe import load_recipe

PAGES_PER_FILE = 500
START_UP_PAGES = 50  # a run so small that it is nearly all start-up
CRAWL_DOCUMENTS, CRAWL_FILES, CRAWL_WORKERS = 3_000_000_000, 90_000, 1_000
RECIPE = """\
name: scale
sources: [{name: made, kind: commoncrawl, paths: ["in/*.warc.gz"]}]
cleaning: {languages: {en: 0.65}}
tokenizer: {vocab_size: 1024, train_bytes: 1000000}
publishing: {dataset: scale}
output: out
"""


@dataclass(frozen=True)
class Size:
    """What runs of one number of pages came to: the last run, and totals of each round."""

    pages: int
    run: Run
    rounds: tuple[Mapping[str, StageTotals], ...]

    def cpu(self, step: str) -> float:
        """Median CPU seconds of a step."""
        return statistics.median(totals[step].cpu_seconds for totals in self.rounds)

    @property
    def total(self) -> float:
        """Median CPU seconds of all steps."""
        return statistics.median(
            sum(step.cpu_seconds for step in totals.values()) for totals in self.rounds
        )

    @property
    def peak(self) -> int:
        """Largest memory of a child."""
        return max(step.peak_memory_bytes for totals in self.rounds for step in totals.values())


def run_pages(root: Path, pages: int, workers: int, rounds: int) -> Size:
    """Run the stages over made-up pages, from nothing in each round."""
    folder = root / str(pages)
    page_makers.make_pages(folder / "in", pages, files=max(2, pages // PAGES_PER_FILE))
    (folder / "scale.yaml").write_text(RECIPE)
    recipe = load_recipe(folder / "scale.yaml")
    totals = []
    for number in range(rounds):
        sys.stderr.write(f"{pages:,} pages, round {number + 1} of {rounds}\n")
        shutil.rmtree(folder / "out", ignore_errors=True)
        try:
            run = run_stages(recipe, EmbeddedEngine(Crew(workers)).execute, Progress(quiet=True))
        finally:
            close_pools()  # so that a peak is of this run's children
        totals.append({step: manifest.totals for step, manifest in run.manifests.items()})
    return Size(pages, run, tuple(totals))


def fit_growth(sizes: Sequence[Size], fixed: float) -> float:
    """Slope of log CPU over log pages, through all sizes, without what any run costs."""
    pages = np.log([size.pages for size in sizes])
    grown = [max(0.01, size.total - fixed) for size in sizes]
    return float(np.polyfit(pages, np.log(grown), 1)[0])


def compare_steps(sizes: Sequence[Size], constants: Constants) -> tuple[list[str], float]:
    """A line a step: CPU by size, foretold for the largest, peak memory; and the whole ratio."""
    largest = sizes[-1]
    files = largest.run.manifests["collect"].totals.units
    workload = Workload(documents=largest.run.manifests["collect"].totals.kept, files=files)
    loads = {
        load.step: load
        for load in predict_steps(constants, Settings.of(largest.run.recipe), workload)
    }
    heads = "".join(f"{size.pages:>10,}" for size in sizes)
    lines = [f"{'CPU seconds':<22}{heads}{'foretold':>11}{'peak memory':>14}"]
    for step, totals in largest.rounds[-1].items():
        seconds = "".join(f"{size.cpu(step):>10.2f}" for size in sizes)
        lines.append(
            f"{step:<22}{seconds}{loads[step].cpu_seconds.middle:>11.2f}"
            f"{totals.peak_memory_bytes / 1e6:>11.0f} MB"
        )
    foretold = sum_cpu(tuple(load for step, load in loads.items() if step != "publish"))
    seconds = "".join(f"{size.total:>10.2f}" for size in sizes)
    lines.append(f"{'all':<22}{seconds}{foretold:>11.2f}{largest.peak / 1e6:>11.0f} MB")
    return lines, foretold / largest.total


def probe_constants(folder: Path, small: Run, large: Run) -> dict[str, Any]:
    """Measure what no ledger tells; `scaling.model` has these as its constants."""

    def find(run: Run, step: str, table: str) -> list[Path]:
        return [Path(path) for _, _, path in run.pair_parts(step, f"exchange-{table}")]

    signed = {table: find(large, "deduplicate.sign", table) for table in ("keys", "places")}
    curated = {"curated": find(large, "decide.apply", "curated")}
    shingles = [find(run, "deduplicate.shingle", "shingles") for run in (small, large)]
    found: dict[str, Any] = {
        **scale_probes.probe_connect(folder),
        **scale_probes.probe_opening(folder),
        "find_seconds": scale_probes.probe_search(folder),
        "link_factor": scale_probes.probe_exchange("link", folder, signed, {}),
        "sort_factor": scale_probes.probe_exchange("sort", folder, curated, {"table": "curated"}),
        "verify_factor": scale_probes.probe_verify(folder, *shingles),
    }
    return {name: float(f"{value:.3g}") for name, value in found.items()}


def forecast_crawl(constants: Constants, settings: Settings) -> list[str]:
    """Tables of a whole dump: steps, engines, limits."""
    workload = Workload(documents=CRAWL_DOCUMENTS, files=CRAWL_FILES)
    costs = []
    for profile in PROFILES.values():
        size = workload.model_copy(update={"shuffles": profile.shuffles})
        steps = predict_steps(constants, settings, size)
        costs.append(price_steps(steps, profile, CRAWL_WORKERS, Prices()))
    limits = find_limits(constants, settings, workload)
    return [
        f"{CRAWL_DOCUMENTS:,} documents in {CRAWL_FILES:,} files, as pages like these would cost",
        *render_steps(predict_steps(constants, settings, workload)),
        "",
        *render_costs(costs),
        "",
        *render_limits(limits, CRAWL_DOCUMENTS),
    ]


def main() -> int:
    """Run the benchmark; print tables, then one line of JSON."""
    full = os.environ.get("FULL", "0") == "1"
    listed = os.environ.get("SIZES", "4000,16000,64000,256000" if full else "1000,4000,16000")
    pages = sorted(int(number) for number in listed.split(","))
    if len(pages) < 2:
        sys.stderr.write(f"SIZES: needs at least two numbers of pages, not {listed!r}\n")
        return 2
    rounds = int(os.environ.get("ROUNDS", "1" if full else "3"))
    workers = int(os.environ.get("WORKERS", len(os.sched_getaffinity(0))))
    machine = describe_machine()
    root = cache_folder() / "work"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=root))
    try:
        run_pages(folder, START_UP_PAGES, workers, 1)  # compiles kernels, once per installation
        fixed = run_pages(folder, START_UP_PAGES, workers, rounds).total
        sizes = [run_pages(folder, count, workers, rounds) for count in pages]
        constants = [read_constants(size.run) for size in sizes]
        compared, ratio = compare_steps(sizes, constants[-2])
        probed = probe_constants(folder, sizes[-2].run, sizes[-1].run)
    finally:
        shutil.rmtree(folder)
    crawl = forecast_crawl(constants[-1], Settings.of(sizes[-1].run.recipe))
    exponent = fit_growth(sizes, fixed)
    report = [
        f"{machine}; {workers} workers, {rounds} rounds",
        "",
        *compared,
        f"start-up {fixed:.2f} s, exponent of the rest: {exponent:.3f}, foretold / measured: {ratio:.2f}",
        "",
        "memory and time of single rows: " + ", ".join(f"{k} {v:g}" for k, v in probed.items()),
        "",
        *crawl,
    ]
    sys.stdout.write("\n".join(report) + "\n\n")
    found = {
        "machine": machine,
        "workers": workers,
        "rounds": rounds,
        "growth_exponent": round(exponent, 3),
        "prediction": round(ratio, 3),
        "start_up_seconds": round(fixed, 2),
        "cpu_seconds": {str(size.pages): round(size.total, 2) for size in sizes},
        "peak_memory_bytes": {str(size.pages): size.peak for size in sizes},
        "constants": probed,
    }
    sys.stdout.write(format_line(found, {}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
