"""State of a run: the recipe, and the manifests of the steps that stand."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gristmill.pipelines.inputs import InputFile
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.steps import Step, Workspace, read_records, run_step
from gristmill.schemas.ledger_records import StageTotals, UnitRecord
from gristmill.schemas.manifests import StageManifest, StagePart
from gristmill.schemas.places import Place
from gristmill.schemas.recipe import Recipe

Execute = Callable[[Place], None]


@dataclass
class Run:
    """State of a run: the recipe, and the manifests of the steps that stand."""

    recipe: Recipe
    execute: Execute
    progress: Progress
    inputs: list[InputFile] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    manifests: dict[str, StageManifest] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        """Where the run's parts lie."""
        return Workspace(self.recipe.output_path / "work")

    def close(self, step: Step, expected: StageTotals | None = None) -> StageManifest:
        """Run a step to its end and remember it."""
        manifest = run_step(self.workspace, step, self.execute, self.progress, expected=expected)
        self.steps[step.name] = step
        self.manifests[step.name] = manifest
        return manifest

    def records(self, step: str) -> list[UnitRecord]:
        """Ledger records of a finished step, in the order its units were planned."""
        return read_records(self.steps[step].units)

    def pair_parts(self, step: str, table: str) -> list[tuple[UnitRecord, StagePart, str]]:
        """Each unit's record, its part of a table and that part's path, in the order planned."""
        parts = {part.unit_key: part for part in self.manifests[step].of_table(table)}
        folder = self.workspace.step_folder(step)
        return [
            (record, parts[record.unit_key], str(folder / parts[record.unit_key].path))
            for record in self.records(step)
        ]
