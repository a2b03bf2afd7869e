"""Published versions small enough to build in a test, through the tokenize API alone."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.schemas.identity import hash_parts
from gristmill.schemas.manifests import (
    FileEntry,
    SplitFacts,
    TokenizerFacts,
    VersionCore,
    VersionManifest,
    digest_core,
)
from gristmill.schemas.tables import TOKENS
from gristmill.schemas.versions import Version, open_version
from gristmill.tokenize import packing_plans
from gristmill.tokenize.bpe_training import train_bpe
from gristmill.tokenize.encoding import Encoder
from gristmill.tokenize.token_shards import TokenShard, index_shard, write_token_shard

Documents = Sequence[npt.NDArray[np.int64]]  # token ids of each document, final EOS included

EOS_ID = 0


def random_documents(
    count: int, *, seed: int = 0, vocab_size: int = 61, longest: int = 40
) -> list[npt.NDArray[np.int64]]:
    """Documents of random tokens, each ending in EOS; some hold nothing else."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest, size=count)
    return [
        np.append(rng.integers(1, vocab_size, size=length), EOS_ID).astype(np.int64)
        for length in lengths
    ]


def encode_texts(
    texts: Mapping[str, Sequence[str]], *, vocab_size: int
) -> tuple[dict[str, Documents], str]:
    """Train a tokenizer on the train split and encode every split with it."""
    tokenizer = train_bpe(texts["train"], vocab_size=vocab_size)
    encoder = Encoder.from_json(tokenizer)
    splits: dict[str, Documents] = {}
    for split, documents in texts.items():
        batch = encoder.encode_batch(pa.array(documents, type=pa.string()))
        bounds = batch.offsets[1:-1]
        splits[split] = [ids.astype(np.int64) for ids in np.split(batch.ids, bounds)]
    return splits, tokenizer


def token_rows(
    split: str, first: int, documents: Documents, n_bytes: Sequence[int], vocab_size: int
) -> pa.RecordBatch:
    dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
    return pa.RecordBatch.from_arrays(
        [
            pa.array(
                [hash_parts(split, first + i) for i in range(len(documents))], type=pa.binary(16)
            ),
            pa.array(np.zeros(len(documents), dtype=np.int32)),
            pa.array(np.array([len(ids) for ids in documents], dtype=np.int32)),
            pa.array(np.array(n_bytes, dtype=np.int32)),
            pa.array([ids.astype(dtype).tobytes() for ids in documents], type=pa.binary()),
        ],
        schema=TOKENS,
    )


class VersionBuilder:
    """Writes the objects, the manifest and the pointers of one version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[FileEntry] = []

    def add_bytes(self, path: str, payload: bytes, rows: int = 0) -> None:
        digest = hashlib.sha256(payload).hexdigest()
        entry = FileEntry(path=path, bytes=len(payload), sha256=digest, rows=rows)
        target = self.folder / entry.object_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(payload)
        self.files.append(entry)

    def publish(self, core: VersionCore) -> Version:
        digest = digest_core(core)
        manifest = VersionManifest(core=core, core_digest=digest)
        for path, text in (
            (f"manifests/{digest.removeprefix('sha256:')}.json", manifest.model_dump_json()),
            (f"versions/{core.version}.json", json.dumps({"manifest": digest})),
            ("refs/latest.json", json.dumps({"version": core.version})),
        ):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        return open_version(self.folder)


def build_version(
    folder: Path,
    splits: Mapping[str, Documents],
    *,
    vocab_size: int = 61,
    eos_id: int = EOS_ID,
    tokenizer: str = "{}",
    n_bytes: Mapping[str, Sequence[int]] | None = None,
    sequence_length: int = 16,
    strategy: str = "bestfit_split",
    shards: int = 2,
    row_group_rows: int = 7,
    version: str = "1.0.0",
    dataset_id: str | None = None,
) -> Version:
    """Build and open a version.

    Args:
        folder: ``<store>/<dataset>``.
        splits: documents of each split.
        n_bytes: UTF-8 bytes of each document; default: four for each token but EOS.
    """
    builder = VersionBuilder(folder)
    tokenizer_sha256 = hashlib.sha256(tokenizer.encode()).hexdigest()
    builder.add_bytes("tokenizer/tokenizer.json", tokenizer.encode())
    scratch = folder / "scratch.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    indexes, plan_ids, facts = [], {}, {}
    for split, documents in splits.items():
        sizes = (n_bytes or {}).get(split) or [4 * (len(ids) - 1) for ids in documents]
        cuts = np.linspace(0, len(documents), shards + 1).astype(int)
        shard_plan_ids = []
        for number, (first, last) in enumerate(itertools.pairwise(cuts)):
            name = f"{split}-{number:05d}-of-{shards:05d}.parquet"
            batch = token_rows(split, first, documents[first:last], sizes[first:last], vocab_size)
            write_token_shard(
                scratch,
                [batch],
                vocab_size=vocab_size,
                eos_id=eos_id,
                tokenizer_sha256=tokenizer_sha256,
                row_group_rows=row_group_rows,
            )
            builder.add_bytes(f"tokens/{name}", scratch.read_bytes(), last - first)
            index = index_shard(scratch)
            path = pa.array([f"tokens/{name}"] * len(index), type=pa.string())
            indexes.append(index.add_column(0, "path", path))
            shard_plan_ids.append(_add_plan(builder, scratch, name, sequence_length, strategy))
        plan_ids[split] = packing_plans.combine_plan_ids(shard_plan_ids)
        facts[split] = SplitFacts(
            documents=len(documents),
            utf8_bytes=sum(sizes),
            tokens=sum(map(len, documents)),
            rows_digest="",
        )
    pq.write_table(pa.concat_tables(indexes), scratch)
    builder.add_bytes("tokens/index.parquet", scratch.read_bytes())
    scratch.unlink()
    content = hash_parts(*(ids.tobytes() for split in sorted(splits) for ids in splits[split]))
    core = VersionCore(
        dataset=folder.name,
        version=version,
        dataset_id=dataset_id or content.hex(),
        recipe={},
        recipe_digest="",
        splits=facts,
        tokenizer=TokenizerFacts(
            path="tokenizer/tokenizer.json",
            sha256=tokenizer_sha256,
            vocab_size=vocab_size,
            eos_id=eos_id,
            dtype="uint16" if vocab_size <= 1 << 16 else "uint32",
        ),
        packing={
            "sequence_length": sequence_length,
            "strategy": strategy,
            "plan_id": plan_ids,
        },
        files=tuple(builder.files),
        stages=(),
    )
    return builder.publish(core)


def _add_plan(
    builder: VersionBuilder, shard_path: Path, name: str, sequence_length: int, strategy: str
) -> str:
    shard = TokenShard.open(shard_path)
    asked = {"sequence_length": sequence_length, "strategy": strategy}
    plan = packing_plans.plan_shard(shard, **asked)  # type: ignore[arg-type]
    meta = packing_plans.describe_plan(shard, **asked)  # type: ignore[arg-type]
    scratch = shard_path.with_name("plan.scratch")
    packing_plans.write_plan(scratch, plan, meta)
    builder.add_bytes(f"plans/{name}", scratch.read_bytes(), plan.n_rows)
    scratch.unlink()
    return meta.plan_id
