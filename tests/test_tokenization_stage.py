"""Tokenize: every curated document as tokens that decode to its text, packed by plan."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stage_samples
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import part_files
from gristmill.pipelines.children import UnitResult
from gristmill.pipelines.stages import applying, tokenization
from gristmill.schemas.errors import GristmillError, UsageError
from gristmill.schemas.identity import doc_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.tables import CURATED, TOKENS, require_schema
from gristmill.tokenize.bpe_training import train_bpe
from gristmill.tokenize.encoding import Encoder
from gristmill.tokenize.packing_plans import read_plan
from gristmill.tokenize.token_shards import TokenShard

EOS = "<|endoftext|>"
TEXTS = [stage_samples.write_prose(n, 6) for n in range(9)] + ["Grüße, 世界! 🌾", "x"]
TOKENIZER = train_bpe(TEXTS, vocab_size=300, eos=EOS)


def write_shard(path: Path, texts: list[str]) -> pa.Table:
    rows = [
        {
            "doc_id": doc_id("k", f"{n}"),
            "content_id": doc_id("c", text),
            "source": "ab"[n % 2],
            "split": "train",
            "language": "en",
            "language_score": 0.9,
            "word_count": 1,
            "cluster_size": 1,
            "text": text,
            "file": "f",
            "offset": 0,
            "length": 0,
        }
        for n, text in enumerate(texts)
    ]
    table = pa.Table.from_pylist(rows, schema=CURATED).sort_by("doc_id")
    applying.write_shard(path, table)
    return table


def encode(folder: Path, texts: list[str], **more: Any) -> tuple[UnitResult, pa.Table]:
    folder.mkdir(exist_ok=True)
    table = write_shard(folder / "curated.parquet", texts)
    (folder / "tokenizer.json").write_text(TOKENIZER, encoding="utf-8")
    context = stage_samples.make_context(
        folder / "unit",
        curated=str(folder / "curated.parquet"),
        tokenizer=str(folder / "tokenizer.json"),
        end_of_text=EOS,
        sources=["a", "b", "c"],
        sequence_length=16,
        strategy=more.pop("strategy", "bestfit_split"),
    )
    return tokenization.encode_shard(context), table


@pytest.mark.parametrize("strategy", ["bestfit_split", "concat"])
def test_tokens_decode_to_the_texts(tmp_path, strategy):
    result, table = encode(tmp_path, TEXTS, strategy=strategy)
    rows = pq.read_table(tmp_path / "unit" / "tokens.parquet")
    require_schema(rows.schema, TOKENS, "tokens")
    encoder = Encoder.from_json(TOKENIZER, eos=EOS)
    for row, document in zip(rows.to_pylist(), table.to_pylist(), strict=True):
        ids = np.frombuffer(row["tokens"], encoder.dtype)
        assert row["doc_id"] == document["doc_id"]
        assert ids[-1] == encoder.eos_id and encoder.eos_id not in ids[:-1]
        assert encoder.decode(ids[:-1]) == document["text"]
        assert row["n_tokens"] == len(ids)
        assert row["n_bytes"] == len(document["text"].encode())
        assert "abc"[row["source"]] == document["source"]
    ids = sum_ids(part_files.view_ids(table["doc_id"]))
    assert (result.records_in, result.kept) == (len(TEXTS), len(TEXTS))
    assert (result.ids_in, result.ids_kept) == (ids, ids)
    assert result.facts["tokens"] == sum(rows["n_tokens"].to_pylist())
    assert result.facts["text_bytes"] == sum(len(text.encode()) for text in TEXTS)
    assert result.bytes_in == result.facts["text_bytes"]


def test_index_and_plan_belong_to_the_shard(tmp_path):
    result, _ = encode(tmp_path, TEXTS)
    unit = tmp_path / "unit"
    index = pq.read_table(unit / "index.parquet")
    shard = TokenShard.open(unit / "tokens.parquet", index)
    shard.verify()
    assert sum(index["n_tokens"].to_pylist()) == result.facts["tokens"]
    assert result.facts["rows:index.parquet"] == index.num_rows
    plan, meta = read_plan(unit / "plan.arrow")
    assert meta.plan_id == result.facts["plan_id"]
    assert plan.n_rows == result.facts["rows:plan.arrow"]
    assert (meta.sequence_length, meta.strategy) == (16, "bestfit_split")


def test_an_empty_shard_is_encoded(tmp_path):
    result, _ = encode(tmp_path, [])
    assert (result.records_in, result.kept, result.facts["tokens"]) == (0, 0, 0)
    assert TokenShard.open(tmp_path / "unit" / "tokens.parquet").index().num_rows == 0


def test_encoding_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        encode(tmp_path / name, TEXTS)
    for part in ("tokens.parquet", "index.parquet", "plan.arrow"):
        one, other = (tmp_path / name / "unit" / part for name in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def make_tokenizer(folder: Path, **params: Any) -> UnitResult:
    defaults = {"path": None, "end_of_text": EOS, "vocab_size": 300, "train_bytes": 1 << 20}
    context = stage_samples.make_context(folder / "unit", **{**defaults, **params})
    return tokenization.make_tokenizer(context)


def test_a_tokenizer_is_trained_on_the_shards(tmp_path):
    write_shard(tmp_path / "0.parquet", TEXTS)
    shards = stage_samples.write_list(tmp_path, "shards", [str(tmp_path / "0.parquet")])
    result = make_tokenizer(tmp_path, curated=shards)
    text = (tmp_path / "unit" / "tokenizer.json").read_text(encoding="utf-8")
    encoder = Encoder.from_json(text, eos=EOS)
    assert result.facts["sha256"] == encoder.sha256
    assert result.facts["vocab_size"] == encoder.vocab_size <= 300
    assert result.facts["dtype"] == "uint16"
    assert result.facts["eos_id"] == encoder.eos_id


def test_a_given_tokenizer_is_copied(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(TOKENIZER, encoding="utf-8")
    make_tokenizer(tmp_path, path=str(path))
    copied = (tmp_path / "unit" / "tokenizer.json").read_text(encoding="utf-8")
    assert copied == TOKENIZER


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"model": {"type": "BPE"}}'])
def test_what_is_no_tokenizer_is_refused(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(GristmillError):
        make_tokenizer(tmp_path, path=str(path))


def test_a_tokenizer_without_the_closing_token_is_refused(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(TOKENIZER, encoding="utf-8")
    with pytest.raises(GristmillError, match="<end>"):
        make_tokenizer(tmp_path, path=str(path), end_of_text="<end>")


def test_a_tokenizer_that_is_not_there_is_named(tmp_path):
    stage_samples.write_inputs(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    changed = recipe.read_text().replace("{vocab_size: 300}", "{path: nowhere/tokenizer.json}")
    recipe.write_text(changed)
    with pytest.raises(UsageError, match=r"tokenizer\.path: .*nowhere/tokenizer\.json"):
        stage_samples.run_recipe(tmp_path)


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 120))
def test_training_reads_no_more_than_its_budget(tmp_path_factory, sizes, budget):
    folder = tmp_path_factory.mktemp("texts")
    half = len(sizes) // 2
    paths, expected = [], []
    for number, piece in enumerate((sizes[:half], sizes[half:])):
        paths.append(str(folder / f"{number}.parquet"))
        table = write_shard(Path(paths[-1]), [f"{n}".zfill(size) for n, size in enumerate(piece)])
        expected += table["text"].to_pylist()
    found = list(tokenization._read_texts(paths, budget))
    assert found == expected[: len(found)]
    spent = [len(text.encode()) for text in found]
    assert sum(spent[:-1], start=0) < budget or not found
    assert len(found) == len(expected) or sum(spent) >= budget


def test_rows_are_read_in_small_batches(tmp_path):
    write_shard(tmp_path / "0.parquet", [f"{n}" for n in range(2500)])
    batches: Iterator[pa.RecordBatch] = tokenization.iterate_rows(
        str(tmp_path / "0.parquet"), ["text", "doc_id"]
    )
    sizes = [batch.num_rows for batch in batches]
    assert sum(sizes) == 2500 and max(sizes) <= tokenization.READ_ROWS


def test_the_stage_encodes_every_shard_of_the_run():
    sample = stage_samples.finish_run()
    records = sample.run.records("tokenize.encode")
    shards = sample.run.records("decide.sort-curated")
    assert [record.title for record in records] == [record.title for record in shards]
    assert [record.records_in for record in records] == [record.kept for record in shards]
