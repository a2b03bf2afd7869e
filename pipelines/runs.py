"""A run: the stages one after the other, each skipped where its manifest stands."""

from gristmill.cleaning.openwebtext_archive import explain_shortfall
from gristmill.pipelines.inputs import find_inputs
from gristmill.pipelines.output_locks import lock_output
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Execute, Run
from gristmill.pipelines.stages import measure
from gristmill.pipelines.stages.collect_steps import Choose, run_collect
from gristmill.pipelines.stages.decide_steps import run_decide
from gristmill.pipelines.stages.deduplicate_steps import run_deduplicate
from gristmill.pipelines.stages.tokenize_steps import run_tokenize
from gristmill.schemas.atomic_files import remove_partials
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.sources import OpenWebText

__all__ = ["lock_output", "run_stages"]


def run_stages(
    recipe: Recipe, execute: Execute, progress: Progress, *, choose: Choose | None = None
) -> Run:
    """Bring collect … tokenize to their ends.

    Args:
        recipe: what to run.
        execute: runs a list of units.
        progress: told of each step.
        choose: which of the units of collect to run, for a sample; None: all.

    Raises:
        GristmillError: a stage failed; finished units stay and the same command goes on.
    """
    run = Run(recipe, execute, progress)
    run.workspace.root.mkdir(parents=True, exist_ok=True)
    remove_partials(recipe.output_path)  # the lock says that no one is writing
    run.inputs = find_inputs(recipe, run.workspace.root, progress)
    collected = run_collect(run, choose)
    _warn_of_damage(run, collected)
    _warn_of_shortfall(run, collected)
    run.close(measure.plan_measure(run), collected.totals)
    run_deduplicate(run)
    run_decide(run)
    run_tokenize(run)
    return run


def _warn_of_damage(run: Run, collected: StageManifest) -> None:
    for record in run.records(collected.stage):
        if record.quarantined:
            counts = ", ".join(f"{count} {name}" for name, count in record.quarantined.items())
            run.progress.warn(f"{record.title}: quarantined {counts}")


def _warn_of_shortfall(run: Run, collected: StageManifest) -> None:
    """Say where an OpenWebText source holds fewer documents than its recipe expects."""
    for source in run.recipe.sources:
        if not isinstance(source, OpenWebText) or source.expected_documents is None:
            continue
        met = sum(
            record.records_in - record.dropped.get("stray_member", 0)
            for record in run.records(collected.stage)
            if record.facts["source"] == source.name
        )
        warning = explain_shortfall(source.name, met, source.expected_documents)
        if warning is not None:
            run.progress.warn(warning)
