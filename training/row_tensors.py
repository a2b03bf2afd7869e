"""Batches as tensors: on a device, with the attention mask, or row by row for any trainer."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from gristmill.training.batches import Batch, Ints

if TYPE_CHECKING:
    from gristmill.training.packed_dataset import PackedDataset


class Tensors(NamedTuple):
    """A batch on a device; b rows of T positions, int64."""

    input_ids: torch.Tensor  # (b, T)
    labels: torch.Tensor  # (b, T)
    position_ids: torch.Tensor  # (b, T)
    doc_ids: torch.Tensor  # (b, T)


class RowTensors(Dataset[dict[str, torch.Tensor]]):
    """Map-style dataset of the rows in plan order; shuffle it with any sampler.

    Keys are those that models of `transformers` take, and `doc_ids`; labels
    already stand at the position that predicts them.
    """

    def __init__(self, packed: "PackedDataset") -> None:
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        batch = self.packed.gather_rows(np.array([index], dtype=np.int64))
        arrays = (batch.input_ids, batch.labels, batch.position_ids, batch.doc_ids)
        return {
            name: torch.from_numpy(array[0])
            for name, array in zip(Tensors._fields, arrays, strict=True)
        }


def move_batch(batch: Batch, device: torch.device) -> Tensors:
    """Put a batch on a device; from pinned memory and without waiting on CUDA."""
    tensors = []
    for array in (batch.input_ids, batch.labels, batch.position_ids, batch.doc_ids):
        tensor = torch.from_numpy(array)
        if device.type == "cuda":
            tensor = tensor.pin_memory()
        tensors.append(tensor.to(device, non_blocking=True))
    return Tensors(*tensors)


def split_rows(tensors: Tensors, rows: int | None) -> list[Tensors]:
    """Cut a batch into pieces of at most `rows` rows; None leaves it whole."""
    count = tensors.input_ids.shape[0]
    step = rows or max(count, 1)
    return [
        Tensors(*(tensor[start : start + step] for tensor in tensors))
        for start in range(0, count, step)
    ]


def mask_documents(doc_ids: torch.Tensor) -> torch.Tensor:
    """Block-diagonal causal mask: a position attends to earlier ones of its own document.

    Padding attends to earlier padding, so that no row of the softmax is empty.

    Args:
        doc_ids: shape (b, T).

    Returns:
        Shape (b, 1, T, T), bool, true where attention is allowed; the head
        dimension is broadcast.
    """
    length = doc_ids.shape[1]
    same = doc_ids[:, :, None] == doc_ids[:, None, :]
    causal = torch.ones(length, length, dtype=torch.bool, device=doc_ids.device).tril()
    return (same & causal)[:, None]


def stack_tokens(tokens: Ints, device: torch.device) -> Tensors:
    """One unpacked document as a batch of one row, for generation.

    Args:
        tokens: shape (T,).
        device: where to put it.
    """
    input_ids = torch.from_numpy(tokens)[None].to(device)
    position_ids = torch.arange(len(tokens), device=device)[None]
    return Tensors(input_ids, input_ids, position_ids, torch.ones_like(input_ids))
