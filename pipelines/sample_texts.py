"""Texts of a sample, for people who try rules: those of a file, or of a run's documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gristmill.cleaning.quality_texts import read_texts
from gristmill.pipelines.part_files import read_batches
from gristmill.pipelines.reporting import load_manifests
from gristmill.pipelines.steps import Workspace
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import load_recipe


class Sample(NamedTuple):
    """One text and what it is called: its doc_id, or its number in the file from 1 on."""

    name: str
    text: str


def read_sample(path: Path) -> Iterator[Sample]:
    """Read every text of a sample; a recipe stands for the documents that its run collected.

    Args:
        path: a recipe, or a file as `gristmill.cleaning.quality_texts.read_texts` reads it.

    Raises:
        UsageError: the file is of no known kind, or the run has collected nothing.
        InputError: the file is missing, or a row of it is damaged.
    """
    if path.suffix in (".yaml", ".yml"):
        yield from _read_run(path)
        return
    for number, text in enumerate(read_texts(path).texts, 1):
        yield Sample(str(number), text)


def _read_run(path: Path) -> Iterator[Sample]:
    recipe = load_recipe(path)
    workspace = Workspace(recipe.output_path / "work")
    manifest = load_manifests(workspace).get("collect")
    if manifest is None:
        raise UsageError(f"{recipe.output_path} holds no documents; run the recipe first")
    for part in workspace.part_paths(manifest, "documents"):
        for batch in read_batches(part, ["doc_id", "text"]):
            names, texts = batch["doc_id"].to_pylist(), batch["text"].to_pylist()
            yield from (Sample(name.hex(), text) for name, text in zip(names, texts, strict=True))
