"""The contenders of the end-to-end benchmark: each does the same work on a set of pages."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from debian_pages import PageSet
from floor import find_language_model
from process_cost import Cost, measure_commands

HERE = Path(__file__).parent
OUR_PACKAGES = ("gristmill", "apache-beam", "isal", "resiliparse", "numba", "pyarrow")


@dataclass(frozen=True)
class Stage:
    """What one stage of a contender did.

    `seconds` are CPU seconds, but for datatrove, whose blocks report wall
    seconds summed over its tasks.
    """

    name: str
    documents_in: int
    documents_out: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """One run of a contender over a set of pages."""

    pages: int
    cost: Cost
    stages: tuple[Stage, ...]
    documents_kept: int
    tokens: int
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What every contender is given.

    Attributes:
        tokenizer: path of the one tokenizer.json.
        workers: processes that may work at once.
        peers_python: interpreter that has datatrove, or None when it is not asked for.
        assets: folder for the peers' downloads, filled by us.
    """

    tokenizer: Path
    workers: int
    peers_python: Path | None
    assets: Path


def run_floor(bench: Bench, pages: PageSet, work: Path) -> Run:
    """Run the bare loop, one process per worker, each on its share of the files."""
    del work  # it writes nothing
    shares = [pages.files[k :: bench.workers] for k in range(min(bench.workers, len(pages.files)))]
    command = [sys.executable, str(HERE / "floor.py"), "--tokenizer", str(bench.tokenizer)]
    cost = measure_commands(
        [[*command, *map(str, share)] for share in shares],
        environment={"TOKENIZERS_PARALLELISM": "false"},
    )
    total = {
        key: sum(output[key] for output in cost.outputs)
        for key in cost.outputs[0]
        if key != "versions"
    }
    stages = tuple(
        Stage(step, total["pages"], total["pages"], total[f"{step}_seconds"])
        for step in ("read", "extract", "language", "encode")
    )
    versions = cost.outputs[0]["versions"]
    return Run(total["pages"], cost, stages, total["pages"], total["tokens"], versions)


def run_datatrove(bench: Bench, pages: PageSet, work: Path, *, extractor: str) -> Run:
    """Run datatrove's recipe with Trafilatura (its own) or with resiliparse, which we have, too."""
    cost = measure_commands(
        [
            [
                *(str(bench.peers_python), str(HERE / "peer_datatrove.py")),
                *("--pages", str(pages.folder), "--output", str(work)),
                *("--tokenizer", str(bench.tokenizer), "--extractor", extractor),
                *("--language-model", str(find_language_model())),
                *("--workers", str(bench.workers)),
            ]
        ],
        environment={"HF_ASSETS_CACHE": str(bench.assets), "HF_HUB_OFFLINE": "1"},
    )
    blocks = cost.outputs[0]["blocks"]
    stages = read_datatrove_stages(blocks)
    kept = next(stage.documents_out for stage in stages if "MinHash stage 4" in stage.name)
    tokens = sum(int(block["tokens"]) for block in blocks)
    return Run(pages.pages, cost, stages, kept, tokens, cost.outputs[0]["versions"])


def read_datatrove_stages(blocks: Sequence[Mapping[str, Any]]) -> tuple[Stage, ...]:
    """One stage a block; a block that counts nothing has what the one before passed on."""
    stages = []
    passed = 0
    for block in blocks:
        came = passed if block["documents_in"] is None else int(block["documents_in"])
        passed = came if block["documents_out"] is None else int(block["documents_out"])
        stages.append(Stage(f"{block['job']}: {block['block']}", came, passed, block["seconds"]))
    return tuple(stages)


def write_recipe(bench: Bench, pages: PageSet, work: Path, extractor: str) -> Path:
    """Write our recipe of the same steps: FineWeb's rules, MinHash 14 x 8 on 5-grams.

    As in datatrove's recipe, C4's rules are those without terminal punctuation
    and nothing is redacted. Ours also verifies each near duplicate, splits off
    held-out sets and publishes a version with checksums.
    """
    recipe = {
        "name": "end-to-end",
        "sources": [
            {
                "name": "pages",
                "kind": "commoncrawl",
                "paths": [str(f) for f in pages.files],
                "extractor": extractor,
            }
        ],
        "cleaning": {
            "languages": {"en": 0.65},
            "rule_tables": ["gopher_repetition", "gopher_quality", "fineweb"],
            "line_rule": "c4_structured",
            "redact": [],
        },
        "deduplication": {"near": {"words_per_shingle": 5, "bands": 14, "rows_per_band": 8}},
        "tokenizer": {"path": str(bench.tokenizer)},
        "publishing": {"dataset": "end-to-end"},
        "output": str(work / "output"),
    }
    path = work / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return path


def run_gristmill(bench: Bench, pages: PageSet, work: Path, *, extractor: str = "blocks") -> Run:
    """Run ``gristmill run`` on the recipe; the stages come from ``gristmill report --json``."""
    program = str(Path(sys.executable).with_name("gristmill"))
    recipe = write_recipe(bench, pages, work, extractor)
    run = [program, "run", str(recipe), "--workers", str(bench.workers)]
    # stdout is not read: it is for people and need not end in JSON
    cost = measure_commands([["sh", "-c", 'exec "$@" >/dev/null', "run", *run]])
    report = subprocess.run(
        [program, "report", str(recipe), "--json"], capture_output=True, text=True, check=True
    )
    return _read_report(report.stdout, pages, cost)


def _read_report(text: str, pages: PageSet, cost: Cost) -> Run:
    report: dict[str, Any] = json.loads(text)
    stages = tuple(
        Stage(stage["stage"], stage["records_in"], stage["kept"], stage["cpu_seconds"])
        for stage in report["stages"]
    )
    kept = next(s.documents_out for s in stages if s.name in ("decide", "decide.apply"))
    versions = {package: version(package) for package in OUR_PACKAGES}
    tokens = sum(split["tokens"] for split in report["splits"])
    return Run(pages.pages, cost, stages, kept, tokens, versions)


def describe_machine() -> str:
    """Processor, cores, Python and load, on one line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{names[0] if names else 'unknown processor'}, {cores} cores, Python {python}, load {load:.1f} at the start"
