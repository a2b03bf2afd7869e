"""A run: the stages one after the other, each skipped where its manifest stands."""

from gristmill.pipelines.inputs import find_inputs
from gristmill.pipelines.output_locks import lock_output
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Execute, Run
from gristmill.pipelines.stages import collect, measure
from gristmill.pipelines.stages.decide_steps import run_decide
from gristmill.pipelines.stages.deduplicate_steps import run_deduplicate
from gristmill.pipelines.stages.tokenize_steps import run_tokenize
from gristmill.schemas.atomic_files import remove_partials
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.recipe import Recipe

__all__ = ["lock_output", "run_stages"]


def run_stages(recipe: Recipe, execute: Execute, progress: Progress) -> Run:
    """Bring collect … tokenize to their ends.

    Raises:
        GristmillError: a stage failed; finished units stay and the same command goes on.
    """
    run = Run(recipe, execute, progress)
    run.workspace.root.mkdir(parents=True, exist_ok=True)
    remove_partials(recipe.output_path)  # the lock says that no one is writing
    run.inputs = find_inputs(recipe, run.workspace.root, progress)
    collected = run.close(collect.plan_collect(run))
    _warn_of_damage(run, collected)
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
