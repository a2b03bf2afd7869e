"""Sample texts, work contexts without a pool, and one small run brought to its published end."""

import functools
import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.pipelines.children import UnitContext, carry_out
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.publishing.store import CommitOutcome
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.runs import run_stages
from gristmill.pipelines.stages.instruments import Instruments, list_instruments
from gristmill.pipelines.stages.publish import publish_run
from gristmill.pipelines.units import Unit
from gristmill.pipelines.watching import Refusals, Watch
from gristmill.schemas.identity import content_id, doc_id
from gristmill.schemas.recipe import Cleaning, Measuring, load_recipe
from gristmill.schemas.tables import DOCUMENTS

QUIET = Progress(quiet=True)
_TEXT = (
    "the of and to in that have for not with you this but his from they say her she will "
    "one all would there their what out about who get which when make can like time just "
    "him know take people into year your good some could them see other than then now look "
    "only come its over think also back after use two how our work first well way even new "
    "want because any these give day most river house letter winter garden market history "
    "country village bridge teacher music doctor window summer engine paper question "
    "answer family school mountain station island council"
)
WORDS = _TEXT.split()

RECIPE = """
name: sample
seed: 5
sources:
  - {name: notes, kind: jsonl, paths: ["in/*.jsonl"], id: key, url: url}
cleaning: {languages: {en: 0.3}, rule_tables: [gopher_quality], line_rule: null, redact: [email]}
deduplication: {near: {scope: recipe}}
splits: {validation: 0.1, test: 0.1}
tokenizer: {vocab_size: 300}
packing: {sequence_length: 64}
publishing: {dataset: sample, licence: CC0-1.0, description: A sample.}
output: run
"""


def write_prose(seed: int, sentences: int = 12) -> str:
    """English-looking sentences that the quality rules keep; other seeds share no shingle."""
    rng = random.Random(seed)
    made = []
    for _ in range(sentences):
        words = rng.choices(WORDS, k=rng.randint(8, 14))
        made.append(" ".join(words).capitalize() + ".")
    return "\n".join(" ".join(made[start : start + 4]) for start in range(0, sentences, 4))


def make_documents(
    texts: list[str], *, source: str = "s", ids: list[str] | None = None
) -> pa.Table:
    """Rows of `DOCUMENTS`; ids are named by text unless given."""
    names = ids if ids is not None else texts
    rows = [
        {
            "doc_id": doc_id("jsonl", name),
            "content_id": content_id(text),
            "source": source,
            "kind": "jsonl",
            "native_id": name,
            "url": f"https://example.org/{number}",
            "text": text,
            "file": f"{source}.jsonl",
            "offset": 10 * number,
            "length": 10,
        }
        for number, (name, text) in enumerate(zip(names, texts, strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=DOCUMENTS)


def make_context(folder: Path, refusals: Refusals | None = None, **params: Any) -> UnitContext:
    """A work function's context without a child or a pool."""
    folder.mkdir(parents=True, exist_ok=True)
    unit = Unit("test", "0" * 24, "a unit", "nothing:at_all", str(folder), params)
    return UnitContext(unit, folder, Watch(refusals=refusals))


def write_list(folder: Path, name: str, values: Any) -> str:
    """Leave a JSON list as `Workspace.write_list` does."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(values))
    return str(path)


def carry_out_list(unit_list: Path) -> None:
    """Execute a list of units one after the other in this process."""
    for handle in unit_list.read_bytes().splitlines():
        carry_out(Unit.decode(handle), Watch())


@dataclass(frozen=True)
class FinishedRun:
    """A run whose version is published, and what went into it."""

    folder: Path
    run: Run
    outcome: CommitOutcome
    texts: dict[str, str]  # by native id

    @property
    def output(self) -> Path:
        """Its output folder."""
        return self.run.recipe.output_path


def list_rows() -> list[dict[str, Any]]:
    """Forty documents, an exact and a near duplicate, two that rules drop, two broken rows."""
    rows = [{"key": f"k{n}", "text": write_prose(n)} for n in range(40)]
    rows.append({"key": "copy", "text": write_prose(3)})
    rows.append({"key": "near", "text": write_prose(4, 40)})
    rows.append({"key": "nearer", "text": write_prose(4, 40) + " One more sentence than before."})
    rows.append({"key": "short", "text": "Too short."})
    rows.append({"key": "french", "text": "Le chat est assis sur la table de la cuisine. " * 12})
    rows.append({"key": "mail", "text": write_prose(77) + " Write to someone@example.org today."})
    rows.append({"key": "textless"})
    for number, row in enumerate(rows):
        row["url"] = f"https://example.org/{number}"
    return rows


def write_inputs(folder: Path) -> dict[str, str]:
    """Write the recipe and two input files; returns the texts by native id."""
    (folder / "in").mkdir(parents=True)
    rows = list_rows()
    half = len(rows) // 2
    for name, piece in (("a", rows[:half]), ("b", rows[half:])):
        lines = "".join(json.dumps(row) + "\n" for row in piece)
        (folder / "in" / f"{name}.jsonl").write_text(lines + "{broken\n" * (name == "b"))
    (folder / "recipe.yaml").write_text(RECIPE)
    return {f"notes/{row['key']}": row["text"] for row in rows if "text" in row}


def run_recipe(folder: Path, output: str | None = None) -> Run:
    """Bring the recipe of a folder to the end of tokenize, in this process."""
    recipe = load_recipe(folder / "recipe.yaml", output=output)
    return run_stages(recipe, carry_out_list, QUIET)


_kept: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def finish_run() -> FinishedRun:
    """Publish the sample once a session; tests copy what they change."""
    _kept.append(tempfile.TemporaryDirectory(prefix="gristmill-sample-"))
    folder = Path(_kept[0].name)
    texts = write_inputs(folder)
    run = run_recipe(folder)
    outcome = publish_run(run, "local")
    assert outcome is not None
    return FinishedRun(folder, run, outcome, texts)


def list_plain_instruments() -> dict[str, Any]:
    """What measures where a recipe asks for nothing more."""
    return list_instruments(Measuring(), Cleaning(rule_tables=(), line_rule=None), Path())


def measure_batch(documents: pa.RecordBatch) -> pa.RecordBatch:
    """Signals of documents, as measure writes them where a recipe asks for nothing more."""
    return Instruments(list_plain_instruments()).measure_documents(documents)
