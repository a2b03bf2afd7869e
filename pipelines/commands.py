"""What each verb does; `cli` parses, this runs."""

import importlib.util
import json
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gristmill.pipelines import starting_recipes
from gristmill.pipelines.cli_quality import run_quality
from gristmill.pipelines.engine_commands import choose_engine, engines, estimate, print_dry_run
from gristmill.pipelines.part_files import stream_part
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.rule_commands import rules, what_if
from gristmill.schemas.atomic_files import create_once
from gristmill.schemas.errors import GristmillError, UsageError
from gristmill.schemas.places import find_place
from gristmill.schemas.recipe import Recipe
from gristmill.schemas.versions import list_versions, open_version


def _load(options: Namespace) -> Recipe:
    from gristmill.pipelines.recipe_checks import load_checked

    return load_checked(Path(options.recipe), output=options.output)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, sort_keys=False, default=str))


def init(options: Namespace) -> int:
    """Write a shipped recipe, filled in for a crawl or wiki if one is named."""
    kind, *rest = options.origin
    if len(rest) > 1:
        raise UsageError(f"--from takes a kind and at most one release, not {options.origin}")
    text = starting_recipes.write_recipe(
        kind, rest[0] if rest else None, base_url=options.base_url, files=options.files
    )
    if options.path == "-":
        sys.stdout.write(text)
    elif not create_once(Path(options.path), text.encode("utf-8")):
        raise UsageError(f"{options.path} exists; it is not overwritten")
    return 0


def plan(options: Namespace) -> int:
    """Validate a recipe and list what a run of it would read: files, bytes, units."""
    from gristmill.pipelines.plans import plan_files, render_plan

    recipe = _load(options)
    files = list(plan_files(recipe))
    if options.json:
        inputs = [asdict(file) for file in files]
        _print_json({"recipe": recipe.content(), "digest": recipe.digest(), "inputs": inputs})
        return 0
    print(f"recipe {recipe.name}, digest {recipe.digest()}, output {recipe.output_path}")
    print(f"  {'source':<16} {'kind':<12} {'bytes':>18} {'units':>6}  file")
    for line in render_plan(files):
        print(line)
    print("stages: collect, measure, deduplicate, decide, tokenize, publish")
    return 0


def run(options: Namespace) -> int:
    """Run a recipe; finished work is skipped, so the same command also resumes."""
    from gristmill.pipelines.engines.selection import open_engine
    from gristmill.pipelines.reporting import write_report
    from gristmill.pipelines.runs import lock_output, run_stages
    from gristmill.pipelines.stages.publish import open_published, publish_run
    from gristmill.pipelines.workers import ChildLimits, close_pools

    choice = choose_engine(options).resolve()
    recipe = _load(options)
    if options.dry_run:
        return print_dry_run(recipe, choice)
    progress = Progress(quiet=options.quiet)
    limits = ChildLimits.of(recipe)
    try:
        with lock_output(recipe.output_path):
            with open_engine(
                choice,
                limits,
                recipe.output_path,
                progress.say,
                dataset=recipe.publishing.dataset,
            ) as execute:
                finished = run_stages(recipe, execute, progress)
            publish_run(finished, options.engine)
            version = open_published(finished)
            report = write_report(recipe)
    finally:
        close_pools()
    core = version.manifest.core
    progress.say(f"report: {report}")
    print(f"{core.dataset} {core.version} {core.dataset_id}")
    return 0


def report(options: Namespace) -> int:
    """Write the report of what a run has done so far, and print where it is."""
    from gristmill.pipelines.reporting import gather_figures, write_report

    recipe = _load(options)
    training = Path(options.training) if options.training else None
    if options.json:
        print(gather_figures(recipe, training).model_dump_json(indent=2))
    else:
        print(write_report(recipe, training))
    return 0


def explain(options: Namespace) -> int:
    """Everything that was measured and decided about one document."""
    from gristmill.pipelines.explanations import explain_document

    _print_json(explain_document(_load(options), options.document))
    return 0


def show(options: Namespace) -> int:
    """Rows of a version's table as JSON lines."""
    version = open_version(find_place(options.dataset), options.version)
    prefix = f"{options.table}/{options.split}-" if options.table == "data" else f"{options.table}/"
    entries = version.files(prefix)
    if not entries:
        raise UsageError(f"version {version.manifest.core.version} has no files {prefix}*")
    left = options.rows
    for entry in entries:
        for batch in stream_part(version.file(entry.path), None, 256, verify=False):
            for row in batch.to_pylist()[:left]:
                print(json.dumps(row, default=_render_value, ensure_ascii=False))
            left -= min(left, batch.num_rows)
            if left == 0:
                return 0
    return 0


def _render_value(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def log(options: Namespace) -> int:
    """Versions of a dataset, oldest first."""
    folder = find_place(options.dataset)
    for name in list_versions(folder):
        core = open_version(folder, name).manifest.core
        documents = sum(split.documents for split in core.splits.values())
        tokens = sum(split.tokens for split in core.splits.values())
        print(f"{name}\t{documents} documents\t{tokens} tokens\t{core.dataset_id}")
    return 0


def verify(options: Namespace) -> int:
    """Check a version; print its faults."""
    from gristmill.pipelines.publishing.verification import verify_folder

    faults = verify_folder(find_place(options.dataset), options.version)
    for fault in faults:
        print(fault)
    if not faults:
        core = open_version(find_place(options.dataset), options.version).manifest.core
        print(f"{core.dataset} {core.version}: {len(core.files)} files as published")
    return 1 if faults else 0


def export(options: Namespace) -> int:
    """Lay a version out as plain folders."""
    from gristmill.pipelines.publishing.export import export_version

    version = open_version(find_place(options.dataset), options.version)
    print(export_version(version, Path(options.folder)).folder)
    return 0


def _need_torch() -> None:
    # Looked for, not imported: a finished run is recognised without it, in well under a second.
    if importlib.util.find_spec("torch") is None:
        raise GristmillError("training needs torch: pip install 'gristmill[train]'")


def train(options: Namespace) -> int:
    """Pretrain, or go on from the last checkpoint."""
    _need_torch()
    from gristmill.schemas.train_config import load_train_config
    from gristmill.training import pretrain

    config = load_train_config(Path(options.config), output=options.output)
    result = pretrain.run(config, on_step=Progress(quiet=options.quiet).show_step)
    print(result.message)
    return 0


def evaluate(options: Namespace) -> int:
    """Held-out bits per byte of a trained model."""
    _need_torch()
    from gristmill.schemas.train_config import load_train_config
    from gristmill.training import evaluate as evaluation
    from gristmill.training.run_folder import find_checkpoint

    config = load_train_config(Path(options.config))
    version = open_version(Path(config.dataset), config.version)
    scores = evaluation.run(find_checkpoint(Path(config.output)), version, split=options.split)
    _print_json(asdict(scores))
    return 0


def generate(options: Namespace) -> int:
    """Print text that a trained model makes."""
    _need_torch()
    from gristmill.training import generate as generation

    text = generation.generate(
        Path(options.folder),
        options.prompt,
        max_new_tokens=options.tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        seed=options.seed,
    )
    print(text)
    return 0


VERBS: Mapping[str, Callable[[Namespace], int]] = MappingProxyType(
    {
        "init": init,
        "plan": plan,
        "run": run,
        "engines": engines,
        "estimate": estimate,
        "report": report,
        "explain": explain,
        "rules": rules,
        "whatif": what_if,
        "quality": run_quality,
        "show": show,
        "log": log,
        "verify": verify,
        "export": export,
        "train": train,
        "evaluate": evaluate,
        "generate": generate,
    }
)
