"""From a run's folder to its report: what stands on disk, whether the run is finished or not."""

import json
from pathlib import Path

from gristmill.pipelines.report.collection import RunFacts, RunTables, collect_figures
from gristmill.pipelines.report.figures import LossPoint, RunFigures, TrainingFigures
from gristmill.pipelines.report.html import render_report
from gristmill.pipelines.stages.publish import FUNNEL, RECEIPT_FILE
from gristmill.pipelines.steps import MANIFEST_FILE, Workspace
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.errors import UsageError
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import StageManifest, VersionCore
from gristmill.schemas.places import Place, find_place
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.versions import open_version

REPORT_FILE = "report.html"
CURVE_POINTS = 200


def load_manifests(workspace: Workspace) -> dict[str, StageManifest]:
    """Manifests of every finished step of a run, by step."""
    found = {}
    for path in _list_manifests(workspace.root):
        manifest = StageManifest.model_validate_json(path.read_bytes())
        found[manifest.stage] = manifest
    return found


def _list_manifests(root: Place) -> list[Place]:
    if isinstance(root, Path):
        return [*sorted(root.glob(f"*/{MANIFEST_FILE}"))]
    # A pattern would list every object below.
    paths = [folder / MANIFEST_FILE for folder in root.list_folders()]
    return [path for path in paths if path.exists()]


def gather_figures(
    recipe: Recipe, training: Path | None = None, *, with_text: bool = False
) -> RunFigures:
    """Gather what the report of a run shows.

    Args:
        recipe: its output folder is read.
        training: output folder of a training run, to show what it came to.
        with_text: whether samples carry the beginning of their text.

    Raises:
        UsageError: nothing of this run has finished yet.
    """
    workspace = Workspace(recipe.output_path / "work")
    manifests = load_manifests(workspace)
    if not manifests:
        raise UsageError(f"{recipe.output_path} holds no finished stage; run the recipe first")
    core = read_core(recipe, workspace)
    facts = RunFacts(
        recipe=recipe.name,
        recipe_digest=recipe.digest(),
        dataset=recipe.publishing.dataset,
        version=core.version if core else None,
        dataset_id=core.dataset_id if core else None,
        stages=_list_totals(manifests),
        splits=core.splits if core else {},
        training=_read_training(training) if training else None,
    )
    tables = {
        "documents": ("collect", "documents"),
        "signals": ("measure", "signals"),
        "clusters": ("deduplicate.verify", "clusters"),
        "evidence": ("decide.resolve", "evidence"),
        "dropped": ("decide.sort-dropped", "dropped"),
        "curated": ("decide.sort-curated", "curated"),
    }
    parts = {
        name: tuple(find_place(path) for path in workspace.part_paths(manifests[step], table))
        for name, (step, table) in tables.items()
        if step in manifests
    }
    return collect_figures(facts, RunTables(**parts), with_text=with_text)


def write_report(recipe: Recipe, training: Path | None = None) -> Place:
    """Write the HTML report of a run into its output folder; returns its path.

    It shows the beginning of sample texts and is no part of the published version.
    """
    path = recipe.output_path / REPORT_FILE
    figures = gather_figures(recipe, training, with_text=True)
    write_whole(path, render_report(figures).encode("utf-8"))
    return path


def read_core(recipe: Recipe, workspace: Workspace) -> VersionCore | None:
    """What a run published; None if it has not yet."""
    receipt = workspace.step_folder("publish") / RECEIPT_FILE
    if not receipt.exists():
        return None
    folder = recipe.output_path / "store" / recipe.publishing.dataset
    return open_version(folder, json.loads(receipt.read_bytes())["version"]).manifest.core


def _list_totals(manifests: dict[str, StageManifest]) -> list[tuple[str, StageTotals]]:
    """Totals of each stage: counts of its main step, cost of all its steps."""
    totals = []
    for stage, main in FUNNEL.items():
        if main not in manifests:
            continue
        steps = [m.totals for name, m in manifests.items() if name.split(".")[0] == stage]
        merged = manifests[main].totals.model_copy(
            update={
                "cpu_seconds": round(sum(step.cpu_seconds for step in steps), 3),
                "bytes_out": sum(step.bytes_out for step in steps),
                "peak_memory_bytes": max(step.peak_memory_bytes for step in steps),
            }
        )
        totals.append((stage, merged))
    return totals


def _read_training(folder: Path) -> TrainingFigures:
    """What a training run left; half-finished runs show what they have."""
    result_path, metrics_path = folder / "result.json", folder / "metrics.jsonl"
    if not metrics_path.exists():
        raise UsageError(f"{folder} holds no training run")
    whole, _, _ = metrics_path.read_text().rpartition("\n")  # a killed run tears its last line
    lines = [json.loads(line) for line in whole.splitlines()]
    result = json.loads(result_path.read_bytes()) if result_path.exists() else {}
    step = max(1, len(lines) // CURVE_POINTS)
    return TrainingFigures(
        bits_per_byte_before=(result.get("before") or {}).get("bits_per_byte"),
        bits_per_byte_after=(result.get("after") or {}).get("bits_per_byte"),
        parameters=result.get("parameters"),
        points=tuple(LossPoint(step=line["step"], loss=line["loss"]) for line in lines[::step]),
    )
