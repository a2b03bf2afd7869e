"""End to end: gristmill, datatrove and the bare libraries on the same pages.

From WARC to tokens on disk: text extraction, language, Gopher, C4 and FineWeb
rules, MinHash, encoding. Every contender gets the same files, the same
tokenizer and the same number of workers; they take turns, and CPU seconds are
those of whole process trees.

    make bench NAME=end_to_end          # about five minutes on two cores
    FULL=1 make bench NAME=end_to_end   # datatrove, too, on every page

A default run gives datatrove a sample of the pages and extrapolates: its
start-up, measured apart, is charged once, its cost per page to every page.
ROUNDS, WORKERS and CONTENDERS (names with commas) change what is run.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import debian_pages
import figures
from contenders import Bench, Run, describe_machine, run_datatrove, run_floor, run_gristmill
from debian_pages import PageSet
from peer_environment import find_python
from tokenizer_training import train_tokenizer

OURS = "gristmill"
# Where datatrove runs resiliparse, it is compared with our recipe on resiliparse.
SAME_EXTRACTOR, OURS_SAME_EXTRACTOR = "datatrove_same_extractor", "gristmill_resiliparse"
SAMPLE_PAGES = 500
START_UP_PAGES = 25  # a run so small that it is nearly all start-up

CONTENDERS: Mapping[str, Callable[[Bench, PageSet, Path], Run]] = {
    OURS: run_gristmill,
    "floor": run_floor,
    "datatrove": partial(run_datatrove, extractor="trafilatura"),
    SAME_EXTRACTOR: partial(run_datatrove, extractor="resiliparse"),
    OURS_SAME_EXTRACTOR: partial(run_gristmill, extractor="resiliparse"),
}


def run_once(contender: str, bench: Bench, pages: PageSet) -> Run:
    """Run a contender in an empty folder, which is removed afterwards."""
    root = debian_pages.cache_folder() / "work"
    root.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{contender}-", dir=root))
    try:
        return CONTENDERS[contender](bench, pages, work)
    finally:
        shutil.rmtree(work)


def run_rounds(
    names: list[str], bench: Bench, sizes: Mapping[str, PageSet], small: PageSet, rounds: int
) -> dict[str, tuple[list[Run], list[Run]]]:
    """Let the contenders take turns, `rounds` times.

    Args:
        names: who takes part.
        bench: what all are given.
        sizes: the pages of each.
        small: the pages of the start-up runs.
        rounds: how often.

    Returns:
        For each contender its runs and its start-up runs, one a round.
    """
    runs: dict[str, tuple[list[Run], list[Run]]] = {name: ([], []) for name in names}
    if OURS in names:
        run_once(OURS, bench, small)  # compiles kernels, once per installation
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            runs[name][1].append(run_once(name, bench, small))
            runs[name][0].append(run_once(name, bench, sizes[name]))
    return runs


def compare_rates(rates: Mapping[str, float]) -> dict[str, float]:
    """Our rate over each peer's, like with like where the extractor is the same."""
    against = figures.compare_speeds(rates, OURS)
    against.pop(OURS_SAME_EXTRACTOR, None)
    against.pop(SAME_EXTRACTOR, None)
    if SAME_EXTRACTOR in rates and OURS_SAME_EXTRACTOR in rates:
        peer, ours = rates[SAME_EXTRACTOR], rates[OURS_SAME_EXTRACTOR]
        against[SAME_EXTRACTOR] = round(ours / peer, 3)
    return against


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    names = os.environ.get("CONTENDERS", ",".join(CONTENDERS)).split(",")
    unknown = sorted(set(names) - set(CONTENDERS))
    if unknown:
        sys.stderr.write(f"CONTENDERS: {unknown} not among {list(CONTENDERS)}\n")
        return 2
    workers = int(os.environ.get("WORKERS", len(os.sched_getaffinity(0))))
    rounds = int(os.environ.get("ROUNDS", "3"))
    full = os.environ.get("FULL", "0") == "1"
    machine = describe_machine()
    pages, sample, small = debian_pages.build_page_sets(
        [None, SAMPLE_PAGES, START_UP_PAGES], files=workers
    )
    peers = any(name.startswith("datatrove") for name in names)
    bench = Bench(
        tokenizer=train_tokenizer(sample),
        workers=workers,
        peers_python=find_python() if peers else None,
        assets=debian_pages.cache_folder() / "peer-assets",
    )
    sizes = {name: sample if name.startswith("datatrove") and not full else pages for name in names}
    runs = run_rounds(names, bench, sizes, small, rounds)
    summaries = {
        name: figures.summarize_rounds(large, little, pages.pages)
        for name, (large, little) in runs.items()
    }
    rates = {name: found["documents_per_second_per_core"] for name, found in summaries.items()}
    input_line = (
        f"{pages.pages:,} pages, {pages.html_bytes / pages.pages / 1000:.0f} kB each, "
        f"from {', '.join(pages.packages)}"
    )
    sys.stdout.write(f"{machine}; {workers} workers, {rounds} rounds\n{input_line}\n\n")
    sys.stdout.write(figures.format_table(summaries) + "\n")
    facts = {"machine": machine, "input": input_line, "workers": workers, "rounds": rounds}
    line = figures.format_line(facts | summaries, compare_rates(rates))
    sys.stdout.write("\n" + line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
