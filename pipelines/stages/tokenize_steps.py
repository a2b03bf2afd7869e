"""The steps of tokenize: the tokenizer, then every curated shard."""

from typing import Any

from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages.planning import Slot, Work, plan_units
from gristmill.pipelines.steps import Step
from gristmill.schemas.errors import UsageError
from gristmill.schemas.places import join_place

CODE = (
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.stages.tokenization",
    "gristmill.schemas.identity",
    "gristmill.tokenize",
    "dist:fastokens",
    "dist:pyarrow",
    "dist:tokenizers",
)
CURATED = ("decide.sort-curated", "curated")


def run_tokenize(run: Run) -> None:
    """Train or load the tokenizer, then encode every curated shard."""
    run.close(_plan_tokenizer(run))
    run.close(_plan_encode(run), run.manifests["decide.sort-curated"].totals)


def _plan_tokenizer(run: Run) -> Step:
    settings = run.recipe.tokenizer
    params: dict[str, Any] = settings.model_dump(mode="json")
    if settings.path is None:
        train = [item for item in run.pair_parts(*CURATED) if item[0].title.startswith("train-")]
        paths = [path for _, _, path in train]
        params["curated"] = run.workspace.write_list("tokenize.tokenizer", "curated", paths)
        inputs = [part.sha256 for _, part, _ in train]
        fragment: Any = settings.model_dump(mode="json")
    else:
        path = join_place(run.recipe.folder, settings.path)
        if not path.exists():
            raise UsageError(f"tokenizer.path: {path} does not exist")
        params["path"] = str(path.absolute())
        inputs, fragment = [path.read_text(encoding="utf-8")], settings.end_of_text
    work = Work("tokenize.tokenizer", "tokenization:make_tokenizer", fragment, CODE)
    return plan_units(run, work, [Slot("tokenizer", inputs, params)])


def _plan_encode(run: Run) -> Step:
    [(_, tokenizer, tokenizer_path)] = run.pair_parts("tokenize.tokenizer", "tokenizer")
    packing = run.recipe.packing
    sources = sorted(source.name for source in run.recipe.sources)
    params = {
        "tokenizer": tokenizer_path,
        "sequence_length": packing.sequence_length,
        "strategy": packing.strategy,
        "sources": sources,
        "end_of_text": run.recipe.tokenizer.end_of_text,
    }
    slots = [
        Slot(record.title, [part.sha256], {"curated": path})
        for record, part, path in run.pair_parts(*CURATED)
    ]
    fragment = [packing.model_dump(mode="json"), sources, run.recipe.tokenizer.end_of_text]
    work = Work("tokenize.encode", "tokenization:encode_shard", fragment, CODE)
    return plan_units(run, work, slots, shared_inputs=[tokenizer.sha256], shared_params=params)
