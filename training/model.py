"""A GPT-2 language model built from a config alone, and its loss on packed rows."""

from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from gristmill.schemas.errors import CorruptFileError
from gristmill.schemas.identity import derive_seed
from gristmill.schemas.train_config import ModelShape
from gristmill.training.batches import IGNORED_LABEL
from gristmill.training.row_tensors import Tensors, mask_documents

WEIGHTS: Final = "model.safetensors"


def build_model(
    shape: ModelShape, *, vocab_size: int, eos_id: int, sequence_length: int, seed: int
) -> torch.nn.Module:
    """Build a model with fresh weights; nothing is downloaded.

    Args:
        shape: layers, heads, width, dropout.
        vocab_size: of the dataset's tokenizer; the model's is equal, not padded.
        eos_id: recorded in the model's config.
        sequence_length: positions that the model knows.
        seed: of the weights; the process's random state is left as it was.
    """
    config = GPT2Config(
        vocab_size=vocab_size,
        n_positions=sequence_length,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        resid_pdrop=shape.dropout,
        embd_pdrop=shape.dropout,
        attn_pdrop=shape.dropout,
        bos_token_id=None,
        eos_token_id=eos_id,
        use_cache=False,
        attn_implementation="sdpa",  # takes the 4-D mask as it is
    )
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "model"))
        model: torch.nn.Module = GPT2LMHeadModel(config)
    return model


def load_model(folder: Path) -> torch.nn.Module:
    """Load a model from a checkpoint folder: JSON and safetensors, never pickle, no network.

    Raises:
        CorruptFileError: the weights are not those of the model's config.
    """
    config = GPT2Config.from_pretrained(folder, local_files_only=True, attn_implementation="sdpa")
    with torch.random.fork_rng():
        model: torch.nn.Module = GPT2LMHeadModel(config)
    load_weights(model, folder)
    return model


def load_weights(model: torch.nn.Module, folder: Path) -> None:
    """Copy the weights of a checkpoint folder into a model.

    Raises:
        CorruptFileError: they are not of this model's shape.
    """
    tensors = load_file(folder / WEIGHTS)
    parameters = dict(model.named_parameters())
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != {name: parameter.shape for name, parameter in parameters.items()}:
        raise CorruptFileError(f"{folder / WEIGHTS} holds the weights of another model")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


def save_model(model: torch.nn.Module, folder: Path) -> None:
    """Write config.json and model.safetensors, as `transformers` reads them.

    Tied weights are written once, under the name of the embedding.
    """
    described: Any = model
    described.config.save_pretrained(folder)
    tensors = {
        name: parameter.detach().cpu().contiguous() for name, parameter in model.named_parameters()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def compute_logits(model: torch.nn.Module, tensors: Tensors) -> torch.Tensor:
    """Run the model with attention inside documents only.

    Returns:
        Shape (b, T, vocabulary), of the dtype that autocast gives.
    """
    logits: torch.Tensor = model(
        input_ids=tensors.input_ids,
        attention_mask=mask_documents(tensors.doc_ids),
        position_ids=tensors.position_ids,
        use_cache=False,
    ).logits
    return logits


def sum_loss(model: torch.nn.Module, tensors: Tensors) -> torch.Tensor:
    """Cross entropy summed over targets, in nats, computed in float32; shape ()."""
    logits = compute_logits(model, tensors)
    return functional.cross_entropy(
        logits.float().flatten(0, 1),
        tensors.labels.flatten(),
        ignore_index=IGNORED_LABEL,
        reduction="sum",
    )


def count_parameters(model: torch.nn.Module) -> int:
    """Parameters of a model, tied ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def estimate_flops_per_token(parameters: int, shape: ModelShape, sequence_length: int) -> int:
    """FLOP of one trained token: ``6 N + 6 layers width T``.

    The second term counts the causal half of attention.
    """
    return 6 * parameters + 6 * shape.layers * shape.width * sequence_length
