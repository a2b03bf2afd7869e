"""Tokenize: one tokenizer for the dataset, one token shard and packing plan a curated shard."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.part_files import stream_part, view_ids
from gristmill.pipelines.steps import read_list
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.ledger_records import UINT64, sum_ids
from gristmill.schemas.places import find_place
from gristmill.tokenize.bpe_training import train_bpe
from gristmill.tokenize.encoding import Encoder, encode_documents
from gristmill.tokenize.packing_plans import describe_plan, plan_shard, write_plan
from gristmill.tokenize.token_shards import TokenShard, index_shard, write_token_shard

READ_ROWS = 1024
CAREFUL_ROWS = 16  # with the slow reference, so that no batch takes long


def make_tokenizer(context: UnitContext) -> UnitResult:
    """Train a tokenizer on the first training documents, or check and copy the recipe's."""
    params = context.unit.params
    if params["path"] is not None:
        text = find_place(params["path"]).read_text(encoding="utf-8")
    else:
        shards = read_list(params["curated"])
        text = train_bpe(
            _read_texts(shards, params["train_bytes"]),
            vocab_size=params["vocab_size"],
            eos=params["end_of_text"],
        )
    encoder = Encoder.from_json(text, eos=params["end_of_text"])
    write_whole(context.folder / "tokenizer.json", text.encode("utf-8"))
    return UnitResult(
        records_in=0,
        kept=0,
        facts={
            "sha256": encoder.sha256,
            "vocab_size": encoder.vocab_size,
            "eos_id": encoder.eos_id,
            "dtype": np.dtype(encoder.dtype).name,
            "backend": encoder.backend,
        },
    )


def _read_texts(shards: list[str], budget_bytes: int) -> Iterator[str]:
    """Texts in the order of ids, which are hashes: a fair sample, whatever the budget."""
    left = budget_bytes
    for shard in shards:
        for batch in iterate_rows(shard, ["text"]):
            for text in batch["text"].to_pylist():
                if left <= 0:
                    return
                left -= len(text.encode("utf-8"))
                yield text


def iterate_rows(
    path: str, columns: list[str], batch_rows: int = READ_ROWS
) -> Iterator[pa.RecordBatch]:
    """Read a published shard in small batches, whatever its row groups."""
    yield from stream_part(path, columns, batch_rows)


def encode_shard(context: UnitContext) -> UnitResult:
    """Encode one curated shard: token shard, index of its row groups, packing plan."""
    params = context.unit.params
    text = find_place(params["tokenizer"]).read_text(encoding="utf-8")
    # A text that killed the fast backend is encoded by the reference: the same ids, slower.
    fast = not context.watch.refusals.has_losses
    encoder = Encoder.from_json(text, eos=params["end_of_text"], fast=fast)
    tokens = context.folder / "tokens.parquet"
    counts = {"documents": 0, "ids": 0, "text_bytes": 0}
    info = write_token_shard(
        tokens,
        _encode_rows(context, encoder, counts),
        vocab_size=encoder.vocab_size,
        eos_id=encoder.eos_id,
        tokenizer_sha256=encoder.sha256,
    )
    index = index_shard(tokens)
    pq.write_table(index, context.folder / "index.parquet", write_page_checksum=True)
    shard = TokenShard.open(tokens, index)
    choices = {"sequence_length": params["sequence_length"], "strategy": params["strategy"]}
    plan = plan_shard(shard, **choices)
    plan_id = write_plan(context.folder / "plan.arrow", plan, describe_plan(shard, **choices))
    return UnitResult(
        records_in=counts["documents"],
        kept=info.rows,
        ids_in=counts["ids"] & UINT64,
        ids_kept=sum_ids(shard.doc_ids()),
        bytes_in=counts["text_bytes"],
        facts={
            "rows:tokens.parquet": info.rows,
            "rows:index.parquet": index.num_rows,
            "rows:plan.arrow": plan.n_rows,
            "tokens": info.tokens,
            "text_bytes": counts["text_bytes"],
            "plan_id": plan_id,
        },
    )


def _encode_rows(
    context: UnitContext, encoder: Encoder, counts: dict[str, int]
) -> Iterator[pa.RecordBatch]:
    params = context.unit.params
    sources = pa.array(params["sources"])
    batch_rows = CAREFUL_ROWS if context.watch.refusals.has_losses else READ_ROWS
    for batch in iterate_rows(params["curated"], ["doc_id", "source", "text"], batch_rows):
        first = counts["documents"]
        context.watch.enter(first, first + batch.num_rows - 1)
        counts["documents"] += batch.num_rows
        counts["ids"] += sum_ids(view_ids(batch["doc_id"]))
        counts["text_bytes"] += pc.sum(pc.binary_length(batch["text"])).as_py() or 0
        codes = pc.index_in(batch["source"], value_set=sources).cast(pa.int32())
        yield encode_documents(encoder, batch["doc_id"], codes, batch["text"])
