"""A small but whole dataset version, written through the store, for the publishing tests."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.publishing import card, objects, row_digests, store, versioning
from gristmill.schemas import tables
from gristmill.schemas.identity import content_id, doc_id, hash_parts
from gristmill.schemas.manifests import (
    FileEntry,
    SplitFacts,
    StageFacts,
    TokenizerFacts,
    VersionCore,
    VersionManifest,
    digest_core,
)

RECIPE: dict[str, Any] = {
    "name": "sample",
    "sources": [{"name": "pages", "kind": "commoncrawl"}],
    "cleaning": {"redact": ["email"]},
    "deduplication": {
        "exact": True,
        "near": {
            "words_per_shingle": 5,
            "bands": 14,
            "rows_per_band": 8,
            "scope": "source",
            "similarity": "jaccard",
            "min_similarity": 0.8,
        },
    },
    "publishing": {"dataset": "demo", "licence": "CC-BY-SA-4.0", "description": "A <b>demo</b>."},
}
TEXTS: dict[str, list[str]] = {
    "train": [f"document {number} says something of its own" for number in range(40)],
    "validation": ["held out one", "held out two"],
    "test": ["held out three"],
}


@dataclass
class Draft:
    """What the next version is made of; change a field, then `publish`."""

    folder: Path  # <store>/<dataset>
    work: Path
    texts: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(TEXTS))
    recipe: dict[str, Any] = field(default_factory=lambda: dict(RECIPE))
    shards: int = 2
    compression: str = "zstd"
    shift_tokens: int = 0

    @property
    def splits(self) -> dict[str, SplitFacts]:
        return {split: _describe_split(split, texts) for split, texts in self.texts.items()}

    @property
    def recipe_digest(self) -> str:
        return hash_parts("recipe", json.dumps(self.recipe, sort_keys=True)).hex()

    @property
    def dataset_id(self) -> str:
        digests = {split: facts.rows_digest for split, facts in self.splits.items()}
        return row_digests.identify_dataset(digests, self.recipe_digest)

    def write_files(self) -> tuple[list[FileEntry], dict[str, list[Path]]]:
        """Write every file of the version below `work` and store it."""
        self.work.mkdir(parents=True, exist_ok=True)
        entries: list[FileEntry] = []
        text_files: dict[str, list[Path]] = {}
        for split, texts in self.texts.items():
            rows = sorted(_make_rows(split, texts), key=lambda row: row["doc_id"])
            text_files[split] = []
            for number in range(self.shards):
                part = rows[
                    number * len(rows) // self.shards : (number + 1) * len(rows) // self.shards
                ]
                name = f"{split}-{number:05d}-of-{self.shards:05d}.parquet"
                text_files[split].append(self._write("data", name, part, tables.CURATED, entries))
                tokens = [_make_tokens(row, self.shift_tokens) for row in part]
                self._write("tokens", name, tokens, tables.TOKENS, entries)
        for folder, schema in (("dropped", tables.DROPPED), ("clusters", tables.CLUSTERS)):
            rows = DROPPED_ROWS if folder == "dropped" else CLUSTER_ROWS
            self._write(folder, "part-00000-of-00001.parquet", rows, schema, entries)
        tokenizer = self.work / "tokenizer.json"
        tokenizer.unlink(missing_ok=True)
        tokenizer.write_text(json.dumps({"bytes": 256, "shift": self.shift_tokens}))
        self._store("tokenizer/tokenizer.json", tokenizer, 0, entries)
        return entries, text_files

    def _write(
        self,
        folder: str,
        name: str,
        rows: Sequence[Mapping[str, Any]],
        schema: pa.Schema,
        entries: list[FileEntry],
    ) -> Path:
        path = self.work / f"{folder}-{name}"
        path.unlink(missing_ok=True)
        table = pa.Table.from_pylist(list(rows), schema=schema)
        with pq.ParquetWriter(
            path, schema, compression=self.compression, write_page_checksum=True
        ) as writer:
            if len(table):  # `datasets` refuses a row group without rows
                writer.write_table(table)
        self._store(f"{folder}/{name}", path, len(rows), entries)
        return path

    def _store(self, logical: str, path: Path, rows: int, entries: list[FileEntry]) -> None:
        sha256, size = objects.put_object(self.folder, path, path.suffix)
        entries.append(FileEntry(path=logical, bytes=size, sha256=sha256, rows=rows))

    def build(self, version: str | None = None) -> VersionManifest:
        """Store every file and describe the version."""
        entries, text_files = self.write_files()
        digests = {split: facts.rows_digest for split, facts in self.splits.items()}
        number, parents = versioning.next_version(self.folder, text_files, digests)
        core = VersionCore(
            dataset="demo",
            version=version or number,
            dataset_id=self.dataset_id,
            parents=parents,
            recipe=self.recipe,
            recipe_digest=self.recipe_digest,
            splits=self.splits,
            tokenizer=TokenizerFacts(
                path="tokenizer/tokenizer.json",
                sha256=entries[-1].sha256,
                vocab_size=300,
                eos_id=256,
                dtype="uint16",
            ),
            packing={"strategy": "bestfit_split", "sequence_length": 1024},
            files=tuple(entries),
            stages=(
                StageFacts(
                    stage="decide",
                    records_in=max(50, sum(map(len, self.texts.values()))),
                    kept=sum(len(texts) for texts in self.texts.values()),
                    dropped={"word_count": max(0, 50 - sum(map(len, self.texts.values())))},
                    quarantined={},
                ),
            ),
            counts_by={"language": {"en": 40, "de": 3}, "source": {"pages": 43}},
            models={"language": "ab" * 32},
        )
        return self._add_card(core)

    def _add_card(self, core: VersionCore) -> VersionManifest:
        path = self.work / "README.md"
        path.unlink(missing_ok=True)
        path.write_text(card.render_card(core), encoding="utf-8")
        entries = list(core.files)
        self._store("README.md", path, 0, entries)
        core = core.model_copy(update={"files": tuple(entries)})
        return VersionManifest(
            core=core, core_digest=digest_core(core), envelope={"created_at": "2026-01-01"}
        )

    def publish(self, version: str | None = None) -> store.CommitOutcome:
        """Build and commit, unless a version has this content."""
        published = store.find_published(self.folder, self.dataset_id)
        if published is not None:
            return published
        return store.commit(self.folder, self.build(version))


def _make_rows(split: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "doc_id": doc_id("test", f"{split} {number}"),
            "content_id": content_id(text),
            "source": "pages",
            "split": split,
            "url": f"https://example.org/{number}",
            "language": "en",
            "language_score": 0.9,
            "word_count": len(text.split()),
            "cluster_size": 1,
            "text": text,
            "file": "a.warc.gz",
            "offset": number,
            "length": 1,
        }
        for number, text in enumerate(texts)
    ]


def _make_tokens(row: Mapping[str, Any], shift: int) -> dict[str, Any]:
    payload = row["text"].encode("utf-8")
    letters = np.frombuffer(payload, dtype=np.uint8).astype(np.int64)
    ids = np.append((letters + shift) % 256, 256)
    return {
        "doc_id": row["doc_id"],
        "source": 0,
        "n_tokens": len(ids),
        "n_bytes": len(payload),
        "tokens": ids.astype("<u2").tobytes(),
    }


def _describe_split(split: str, texts: Sequence[str]) -> SplitFacts:
    """The facts, by the definition of the specification, in plain Python."""
    lines = sorted(
        f"{doc_id('test', f'{split} {number}').hex()} {content_id(text).hex()}\n"
        for number, text in enumerate(texts)
    )
    buckets = [hashlib.sha256() for _ in range(256)]
    for line in lines:
        buckets[int(line[:2], 16)].update(line.encode("ascii"))
    whole = hashlib.sha256(b"".join(bucket.digest() for bucket in buckets))
    utf8_bytes = sum(len(text.encode("utf-8")) for text in texts)
    return SplitFacts(
        documents=len(texts),
        utf8_bytes=utf8_bytes,
        tokens=utf8_bytes + len(texts),
        rows_digest="sha256:" + whole.hexdigest(),
    )


DROPPED_ROWS: list[dict[str, Any]] = [
    {
        "doc_id": doc_id("test", f"dropped {number}"),
        "stage": "decide",
        "source": "pages",
        "rule": "word_count",
        "value": 3.0,
        "threshold": 50.0,
        "comparison": "<",
        "file": "a.warc.gz",
        "offset": 0,
        "length": 1,
    }
    for number in range(3)
]
CLUSTER_ROWS: list[dict[str, Any]] = []
