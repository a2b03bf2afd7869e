"""Bits per byte: by hand, independent of batching, and on checkpoints."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_versions import build_version, random_documents

from gristmill.schemas.errors import StateMismatchError, UsageError
from gristmill.schemas.train_config import ModelShape, TrainConfig
from gristmill.schemas.versions import Version
from gristmill.training import evaluate, pretrain
from gristmill.training.evaluate import HeldOut, bits_per_byte
from gristmill.training.model import build_model
from gristmill.training.packed_dataset import PackedDataset

torch.set_num_threads(1)  # tests share the machine; spinning threads would fight

CPU = torch.device("cpu")
VOCABULARY = 61
DOCUMENTS = random_documents(15, seed=4)
N_BYTES = [3 * len(document) + 1 for document in DOCUMENTS]
TRAIN = random_documents(40, seed=5)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    return build_version(
        tmp_path_factory.mktemp("store") / "web",
        {"train": TRAIN, "validation": DOCUMENTS, "test": []},
        n_bytes={"validation": N_BYTES},
    )


@pytest.fixture(scope="module")
def held_out(version: Version) -> PackedDataset:
    return PackedDataset.open(version, "validation", strategy="single_doc", seed=0)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    shape = ModelShape(layers=2, heads=2, width=32)
    return build_model(shape, vocab_size=VOCABULARY, eos_id=0, sequence_length=16, seed=1).train()


def score(model: torch.nn.Module, dataset: PackedDataset, **options: int | None) -> HeldOut:
    return bits_per_byte(model, dataset, vocab_size=VOCABULARY, device=CPU, **options)  # type: ignore[arg-type]


def code_length(model: torch.nn.Module, documents: list[int]) -> tuple[float, float, int]:
    """Nats of documents, token by token: (of predicted ones, of all, how many predicted)."""
    predicted, first_tokens, count = 0.0, 0, 0
    model.eval()
    for number in documents:
        ids = torch.from_numpy(DOCUMENTS[number])
        for start in range(0, len(ids), 17):
            row = ids[start : start + 17]
            first_tokens += 1
            for place in range(1, len(row)):
                with torch.inference_mode():
                    logits = model(input_ids=row[None, :place]).logits[0, -1]
                predicted -= float(logits.double().log_softmax(-1)[row[place]])
                count += 1
    model.train()
    return predicted, predicted + first_tokens * math.log(VOCABULARY), count


def test_whole_split_equals_a_token_by_token_reference(
    model: torch.nn.Module, held_out: PackedDataset
) -> None:
    predicted, total, count = code_length(model, list(range(len(DOCUMENTS))))
    found = score(model, held_out)
    assert found.bits_per_byte == pytest.approx(total / math.log(2) / sum(N_BYTES), rel=1e-5)
    assert found.loss == pytest.approx(predicted / count, rel=1e-5)
    assert (found.documents, found.n_bytes) == (len(DOCUMENTS), sum(N_BYTES))
    assert found.predicted_tokens == count
    assert found.predicted_tokens + found.unpredicted_tokens == sum(map(len, DOCUMENTS))
    assert model.training  # as it was


@settings(max_examples=15)
@given(batch=st.integers(1, 50), max_rows=st.none() | st.integers(1, 40))
def test_batch_size_does_not_matter_and_documents_are_scored_whole(
    model: torch.nn.Module, held_out: PackedDataset, batch: int, max_rows: int | None
) -> None:
    found = score(model, held_out, batch_sequences=batch, max_rows=max_rows)
    whole = score(model, held_out, batch_sequences=1, max_rows=max_rows)
    assert found.bits_per_byte == pytest.approx(whole.bits_per_byte, rel=1e-5)
    assert (found.documents, found.n_bytes) == (whole.documents, whole.n_bytes)
    assert found.n_bytes == sum(N_BYTES[: found.documents])
    tokens = sum(map(len, DOCUMENTS[: found.documents]))
    assert found.predicted_tokens + found.unpredicted_tokens == tokens


def test_a_uniform_model_needs_log2_vocabulary_bits_for_each_token(
    held_out: PackedDataset,
) -> None:
    shape = ModelShape(layers=1, heads=1, width=8)
    uniform = build_model(shape, vocab_size=VOCABULARY, eos_id=0, sequence_length=16, seed=0)
    with torch.no_grad():
        for parameter in uniform.parameters():
            parameter.zero_()
    tokens = sum(map(len, DOCUMENTS))
    expected = tokens * math.log2(VOCABULARY) / sum(N_BYTES)
    assert score(uniform, held_out).bits_per_byte == pytest.approx(expected, rel=1e-6)


def test_packed_rows_and_empty_splits_are_refused(model: torch.nn.Module, version: Version) -> None:
    with pytest.raises(UsageError, match="single_doc"):
        score(model, PackedDataset.open(version, "validation", seed=0))
    with pytest.raises(UsageError, match="'test' has no text"):
        score(model, PackedDataset.open(version, "test", strategy="single_doc", seed=0))


def test_a_checkpoint_scores_as_it_did_in_training(version: Version, tmp_path: Path) -> None:
    result = pretrain.run(
        TrainConfig.model_validate(
            {
                "dataset": str(version.folder),
                "output": str(tmp_path),
                "steps": 6,
                "model": {"layers": 1, "heads": 2, "width": 16},
                "schedule": {"warmup_steps": 1},
                "device": "cpu",
                "precision": "fp32",
            }
        )
    )
    for folder in (tmp_path, result.checkpoint):
        found = evaluate.run(folder, version, device="cpu", precision="fp32", batch_sequences=8)
        assert found.bits_per_byte == result.after
    on_train = evaluate.run(tmp_path, version, split="train", device="cpu", precision="fp32")
    assert on_train.documents == sum(len(document) > 1 for document in TRAIN)
    other = build_version(tmp_path / "web", {"validation": DOCUMENTS}, tokenizer='{"a": 1}')
    with pytest.raises(StateMismatchError, match="another tokenizer"):
        evaluate.run(tmp_path, other)
    with pytest.raises(UsageError, match="neither a checkpoint nor a run"):
        evaluate.run(tmp_path / "nothing", version)
