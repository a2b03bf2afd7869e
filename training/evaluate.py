"""Bits per byte on a held-out split: comparable whatever the tokenizer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import StateMismatchError, UsageError
from gristmill.schemas.versions import Version
from gristmill.training.batches import Batch
from gristmill.training.checkpoint import TOKENIZER, read_state
from gristmill.training.devices import (
    Precision,
    cast_automatically,
    choose_device,
    choose_precision,
)
from gristmill.training.model import load_model, sum_loss
from gristmill.training.packed_dataset import PackedDataset
from gristmill.training.row_tensors import move_batch
from gristmill.training.run_folder import find_checkpoint


@dataclass(frozen=True)
class HeldOut:
    """Scores of a model on whole documents that it was not trained on.

    `bits_per_byte` is the length in bits of a code of the documents, divided by
    their UTF-8 bytes: every token counts, those that no context predicts (the
    first of each row) at the uniform code's ln(vocabulary) nats.
    """

    bits_per_byte: float
    loss: float  # nats per token that a context predicts
    documents: int
    n_bytes: int
    predicted_tokens: int
    unpredicted_tokens: int


def bits_per_byte(
    model: torch.nn.Module,
    dataset: PackedDataset,
    *,
    vocab_size: int,
    device: torch.device,
    precision: Precision = "fp32",
    batch_sequences: int = 16,
    max_rows: int | None = None,
) -> HeldOut:
    """Score a model: total nats / ln 2 / total UTF-8 bytes of the scored documents.

    Rows are read in the order of the plan and only whole documents are scored,
    so the same documents are scored each time, whatever the batch size.

    Args:
        model: on `device`; its mode (training or not) is restored.
        dataset: opened with strategy ``single_doc``.
        vocab_size: of its tokenizer.
        device: where to compute.
        precision: of matrix products; sums are in float64.
        batch_sequences: rows at a time.
        max_rows: score about this many rows, up to the end of a document; None
            scores the whole split.

    Raises:
        UsageError: the dataset packs several documents in a row, or has no rows.
    """
    if dataset.identity["strategy"] != "single_doc":
        raise UsageError("bits per byte needs a dataset opened with strategy 'single_doc'")
    nats, predicted, tokens, documents, n_bytes = 0.0, 0, 0, 0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in _read_whole_documents(dataset, batch_sequences, max_rows):
                with cast_automatically(device, precision):
                    nats += float(sum_loss(model, move_batch(batch, device)))
                predicted += batch.target_count
                tokens += batch.token_count
                documents += int(np.count_nonzero(batch.n_bytes))
                n_bytes += int(batch.n_bytes.sum())
    finally:
        model.train(was_training)
    if not n_bytes:
        raise UsageError(f"split {dataset.identity['split']!r} has no text to score")
    total = nats + (tokens - predicted) * math.log(vocab_size)
    return HeldOut(
        bits_per_byte=total / math.log(2) / n_bytes,
        loss=nats / max(predicted, 1),
        documents=documents,
        n_bytes=n_bytes,
        predicted_tokens=predicted,
        unpredicted_tokens=tokens - predicted,
    )


def _read_whole_documents(
    dataset: PackedDataset, batch_sequences: int, max_rows: int | None
) -> Iterator[Batch]:
    wanted = len(dataset) if max_rows is None else min(max_rows, len(dataset))
    end = dataset.end_document(wanted)
    for start in range(0, end, batch_sequences):
        yield dataset.gather_rows(
            np.arange(start, min(start + batch_sequences, end), dtype=np.int64)
        )


def run(
    checkpoint: Path,
    version: Version,
    *,
    split: str = "validation",
    batch_sequences: int = 16,
    max_rows: int | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> HeldOut:
    """Score a checkpoint on a split of a version, with the context it was trained with.

    Args:
        checkpoint: a checkpoint's folder, or a run's (its newest one then).
        version: any version with the same tokenizer.
        split: which to score.
        batch_sequences: rows at a time.
        max_rows: see `bits_per_byte`.
        device: auto, cpu, cuda or mps.
        precision: auto, bf16 or fp32.

    Raises:
        UsageError: no such checkpoint or split, or nothing to score.
        StateMismatchError: the model was trained with another tokenizer.
        CorruptFileError: a file of the checkpoint differs from its digest.
    """
    folder = find_checkpoint(checkpoint)
    state = read_state(folder)
    facts = version.manifest.core.tokenizer
    if sha256_file(folder / TOKENIZER) != facts.sha256:
        raise StateMismatchError(
            f"{folder} was trained with another tokenizer than version "
            f"{version.manifest.core.version} of {version.manifest.core.dataset}"
        )
    dataset = PackedDataset.open(
        version,
        split,
        sequence_length=int(state["loader"]["sequence_length"]),
        strategy="single_doc",
        seed=0,  # rows are read in plan order
    )
    place = choose_device(device)
    return bits_per_byte(
        load_model(folder).to(place),
        dataset,
        vocab_size=facts.vocab_size,
        device=place,
        precision=choose_precision(precision, place),
        batch_sequences=batch_sequences,
        max_rows=max_rows,
    )
