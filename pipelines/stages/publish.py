"""Publish: the parts of a run become one immutable version, in the launcher, commit last."""

import datetime
import json
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.part_files import read_part, read_parts, view_ids
from gristmill.pipelines.publishing.card import render_card
from gristmill.pipelines.publishing.objects import put_object
from gristmill.pipelines.publishing.row_digests import Buckets, identify_dataset
from gristmill.pipelines.publishing.store import (
    CommitOutcome,
    commit,
    find_published,
)
from gristmill.pipelines.publishing.versioning import next_version
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages.splitting import SPLITS
from gristmill.schemas.atomic_files import appear_whole, write_whole
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.ledger_records import sum_counts
from gristmill.schemas.manifests import (
    FileEntry,
    SplitFacts,
    StageFacts,
    StageManifest,
    TokenizerFacts,
    VersionCore,
    VersionManifest,
    digest_core,
    read_split,
)
from gristmill.schemas.places import Place, find_place
from gristmill.schemas.tables import QUARANTINE
from gristmill.schemas.versions import Version, list_versions, open_version
from gristmill.tokenize.packing_plans import combine_plan_ids

#: The step whose totals stand for each stage of the funnel.
FUNNEL = {
    "collect": "collect",
    "measure": "measure",
    "deduplicate": "deduplicate.sign",
    "decide": "decide.apply",
    "tokenize": "tokenize.encode",
}
RECEIPT_FILE = "receipt.json"
TOOLS = ("apache-beam", "isal", "numpy", "pyarrow", "resiliparse", "tokenizers")


def dataset_folder(run: Run) -> Place:
    """Where the store keeps this dataset."""
    return run.recipe.output_path / "store" / run.recipe.publishing.dataset


def publish_run(run: Run, engine: str) -> CommitOutcome | None:
    """Publish what a finished run holds.

    Returns:
        How the commit ended; None if this very content was published by an earlier
        run of the same output folder and stands.

    Raises:
        PublishError: another publisher was faster, or the files do not hold together.
    """
    folder = dataset_folder(run)
    receipt = run.workspace.step_folder("publish") / RECEIPT_FILE
    keys = sorted(manifest.key for manifest in run.manifests.values())
    key = hash_parts("publish", run.recipe.digest(), *keys).hex()
    if _stands(folder, receipt, key):
        run.progress.say(f"{'publish':<24} stands")
        return None
    objects = _Objects(folder)
    splits = _put_shards(run, objects)
    digests = {split: facts.rows_digest for split, facts in splits.items()}
    # A run that was killed between the commit and its receipt finds its own version here.
    outcome = find_published(folder, identify_dataset(digests, run.recipe.digest()))
    if outcome is None:
        outcome = _commit_version(run, objects, splits, engine)
    written = {"key": key, "version": outcome.version}
    write_whole(receipt, json.dumps(written).encode("utf-8"))
    return outcome


def _commit_version(
    run: Run, objects: "_Objects", splits: dict[str, SplitFacts], engine: str
) -> CommitOutcome:
    _put_side_tables(run, objects)
    core = _describe_core(run, objects, splits)
    card = run.workspace.step_folder("publish") / "README.md"
    write_whole(card, render_card(core).encode("utf-8"))
    core = core.model_copy(update={"files": objects.add("README.md", card)})
    manifest = VersionManifest(
        core=core, core_digest=digest_core(core), envelope=_describe_envelope(run, engine)
    )
    return commit(dataset_folder(run), manifest)


def open_published(run: Run) -> Version:
    """The version that this run published last."""
    receipt = run.workspace.step_folder("publish") / RECEIPT_FILE
    return open_version(dataset_folder(run), json.loads(receipt.read_bytes())["version"])


def _stands(folder: Place, receipt: Place, key: str) -> bool:
    if not receipt.exists():
        return False
    known = json.loads(receipt.read_bytes())
    return bool(known["key"] == key and known["version"] in list_versions(folder))


class _Objects:
    """Puts files into the store and keeps the list of their entries."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder
        self._entries: dict[str, FileEntry] = {}

    def add(
        self, path: str, source: Place | str, rows: int = 0, known: str | None = None
    ) -> tuple[FileEntry, ...]:
        """Store a file under a logical path; returns all entries so far, sorted."""
        place = find_place(source) if isinstance(source, str) else source
        sha256, size = put_object(self._folder, place, Path(path).suffix, known)
        self._entries[path] = FileEntry(path=path, bytes=size, sha256=sha256, rows=rows)
        return self.entries

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        return tuple(self._entries[path] for path in sorted(self._entries))


def _unit_paths(run: Run, step: str, table: str) -> list[tuple[str, str, int]]:
    """(title, path, rows) of a table's part of each unit, in the order they were planned."""
    return [(record.title, path, part.rows) for record, part, path in run.pair_parts(step, table)]


def _put_shards(run: Run, objects: _Objects) -> dict[str, SplitFacts]:
    buckets = {split: Buckets() for split in SPLITS}
    sizes = {split: {"documents": 0, "utf8_bytes": 0, "tokens": 0} for split in SPLITS}
    for title, path, rows in _unit_paths(run, "decide.sort-curated", "curated"):
        split = read_split(title)
        objects.add(f"data/{title}.parquet", path, rows)
        ids = read_part(path, ["doc_id", "content_id"])
        buckets[split].add(view_ids(ids["doc_id"]), view_ids(ids["content_id"]))
        sizes[split]["documents"] += rows
    indexes = []
    for record in run.records("tokenize.encode"):
        split = read_split(record.title)
        sizes[split]["tokens"] += int(record.facts["tokens"])
        sizes[split]["utf8_bytes"] += int(record.facts["text_bytes"])
    for title, path, rows in _unit_paths(run, "tokenize.encode", "tokens"):
        objects.add(f"tokens/{title}.parquet", path, rows)
    for title, path, rows in _unit_paths(run, "tokenize.encode", "plan"):
        objects.add(f"plans/{title}.arrow", path, rows)
    for title, path, _ in _unit_paths(run, "tokenize.encode", "index"):
        index = read_part(path)
        names = pa.array([f"tokens/{title}.parquet"] * index.num_rows, pa.string())
        indexes.append(index.append_column("path", names))
    _put_table(run, objects, "tokens/index.parquet", pa.concat_tables(indexes))
    [(_, tokenizer, _)] = _unit_paths(run, "tokenize.tokenizer", "tokenizer")
    objects.add("tokenizer/tokenizer.json", tokenizer)
    return {
        split: SplitFacts(**sizes[split], rows_digest=buckets[split].digest()) for split in SPLITS
    }


def _put_table(run: Run, objects: _Objects, path: str, table: pa.Table) -> None:
    local = run.workspace.step_folder("publish") / path.replace("/", "-")
    with (
        appear_whole(local) as partial,  # a stored object may share its bytes: never in place
        pq.ParquetWriter(
            partial, table.schema, compression="zstd", write_page_checksum=True
        ) as writer,
    ):
        if table.num_rows:  # readers trip over an empty row group
            writer.write_table(table)
    objects.add(path, local, table.num_rows)


def _put_side_tables(run: Run, objects: _Objects) -> None:
    """Clusters, evidence, drops, quarantine, signatures: what explains every document."""
    for step, table in (
        ("deduplicate.verify", "clusters"),
        ("decide.resolve", "evidence"),
        ("decide.sort-dropped", "dropped"),
    ):
        parts = [(path, rows) for _, path, rows in _unit_paths(run, step, table)]
        _put_numbered(objects, f"{table}/part", parts)
    for step, table, name in (
        ("collect", "dropped", "dropped/collect"),
        ("deduplicate.sign", "signatures", "signatures/part"),
    ):
        # By content, not by name or order of the inputs: equal runs number them equally.
        manifest = run.manifests[step]
        folder = run.workspace.step_folder(step)
        ranked = sorted(manifest.of_table(table), key=lambda part: part.sha256)
        filled = [(str(folder / part.path), part.rows) for part in ranked if part.rows]
        _put_numbered(objects, name, filled)
    quarantine = read_parts(
        [
            path
            for step in ("collect", "measure", "decide.apply")
            for _, path, rows in _unit_paths(run, step, "quarantine")
            if rows
        ],
        QUARANTINE,
    )
    ranked_rows = quarantine.sort_by(
        [(name, "ascending") for name in ("source", "file", "offset", "reason")]
    )
    _put_table(run, objects, "quarantine/part-00000-of-00001.parquet", ranked_rows)


def _put_numbered(objects: _Objects, name: str, parts: Iterable[tuple[str, int]]) -> None:
    listed = list(parts)
    for index, (path, rows) in enumerate(listed):
        objects.add(f"{name}-{index:05d}-of-{len(listed):05d}.parquet", path, rows)


def list_stages(manifests: Mapping[str, StageManifest]) -> tuple[StageFacts, ...]:
    """The funnel: one line a stage."""
    return tuple(
        StageFacts(
            stage=stage,
            records_in=manifests[step].totals.records_in,
            kept=manifests[step].totals.kept,
            dropped=manifests[step].totals.dropped,
            quarantined=manifests[step].totals.quarantined,
        )
        for stage, step in FUNNEL.items()
        if step in manifests
    )


def count_by(run: Run, group: str) -> dict[str, int]:
    """Published documents by ``language`` or ``source``."""
    prefix = f"{group}:"
    return sum_counts(
        {
            name.removeprefix(prefix): int(count)
            for name, count in record.facts.items()
            if name.startswith(prefix)
        }
        for record in run.records("decide.apply")
    )


def _describe_core(run: Run, objects: _Objects, splits: dict[str, SplitFacts]) -> VersionCore:
    recipe = run.recipe
    facts = run.records("tokenize.tokenizer")[0].facts
    plans: dict[str, list[str]] = {split: [] for split in SPLITS}
    for record in run.records("tokenize.encode"):
        plans[read_split(record.title)].append(str(record.facts["plan_id"]))
    digests = {split: facts.rows_digest for split, facts in splits.items()}
    files = {
        split: [
            find_place(path)
            for title, path, _ in _unit_paths(run, "decide.sort-curated", "curated")
            if read_split(title) == split
        ]
        for split in SPLITS
    }
    version, parents = next_version(dataset_folder(run), files, digests)
    return VersionCore(
        dataset=recipe.publishing.dataset,
        version=version,
        dataset_id=identify_dataset(digests, recipe.digest()),
        parents=parents,
        recipe=recipe.content(),
        recipe_digest=recipe.digest(),
        splits=splits,
        tokenizer=TokenizerFacts(
            path="tokenizer/tokenizer.json",
            sha256=str(facts["sha256"]),
            vocab_size=int(facts["vocab_size"]),
            eos_id=int(facts["eos_id"]),
            dtype=str(facts["dtype"]),
        ),
        packing={
            "sequence_length": recipe.packing.sequence_length,
            "strategy": recipe.packing.strategy,
            "plan_id": {split: combine_plan_ids(ids) for split, ids in plans.items()},
        },
        files=objects.entries,
        stages=list_stages(run.manifests),
        counts_by={group: count_by(run, group) for group in ("language", "source")},
        models={"language": _language_model_sha256()},
    )


def _language_model_sha256() -> str:
    from gristmill.cleaning.language import LanguageModel

    return LanguageModel().sha256


def _describe_envelope(run: Run, engine: str) -> dict[str, Any]:
    """When, where and at what cost: nothing here is covered by the version's digest."""
    return {
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "engine": engine,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in TOOLS},
        "stages": [
            {
                "stage": step,
                "cpu_seconds": manifest.totals.cpu_seconds,
                "records_in": manifest.totals.records_in,
                "bytes_in": manifest.totals.bytes_in,
                "bytes_out": manifest.totals.bytes_out,
            }
            for step, manifest in run.manifests.items()
        ],
    }
