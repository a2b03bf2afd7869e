"""Text from a checkpoint, with the tokenizer of its dataset."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import derive_seed
from gristmill.tokenize.encoding import Encoder
from gristmill.training.checkpoint import TOKENIZER, read_state
from gristmill.training.devices import choose_device
from gristmill.training.model import compute_logits, load_model
from gristmill.training.row_tensors import stack_tokens
from gristmill.training.run_folder import find_checkpoint


def generate(
    checkpoint_dir: Path,
    prompt: str,
    *,
    max_new_tokens: int = 100,
    temperature: float = 0.8,
    top_k: int | None = 50,
    seed: int = 0,
    device: str = "auto",
) -> str:
    """Continue a prompt until the end-of-text token or a number of tokens.

    Args:
        checkpoint_dir: a checkpoint's folder, or a run's (its newest one then).
        prompt: text; special tokens in it are read as ordinary text.
        max_new_tokens: at most this many are added.
        temperature: 0 takes the likeliest token each time.
        top_k: sample among this many likeliest tokens; None: among all.
        seed: the same seed gives the same text on the same device.
        device: auto, cpu, cuda or mps.

    Returns:
        Prompt and continuation, without the end-of-text token.

    Raises:
        UsageError: the prompt is empty (no document's first token is ever
            predicted in training), or a number is out of range.
        CorruptFileError: a file of the checkpoint differs from its digest.
    """
    if not prompt:
        raise UsageError("the prompt is empty: give the model a first word to go on from")
    if temperature < 0 or max_new_tokens < 0 or (top_k is not None and top_k < 1):
        raise UsageError("temperature and max_new_tokens are at least 0, top_k at least 1")
    folder = find_checkpoint(checkpoint_dir)
    context = int(read_state(folder)["loader"]["sequence_length"])
    encoder = Encoder.from_json((folder / TOKENIZER).read_text(encoding="utf-8"))
    encoded = encoder.encode_batch(pa.array([prompt], type=pa.string())).ids
    tokens = [int(token) for token in encoded[:-1]]  # encode_batch ends a document with EOS
    place = choose_device(device)
    model = load_model(folder).to(place).eval()
    rng = torch.Generator().manual_seed(derive_seed(seed, "generate"))
    with torch.inference_mode():
        for _ in range(max_new_tokens):
            window = np.array(tokens[-context:], dtype=np.int64)
            logits = compute_logits(model, stack_tokens(window, place))[0, -1]
            token = sample_token(logits, temperature=temperature, top_k=top_k, rng=rng)
            if token == encoder.eos_id:
                break
            tokens.append(token)
    return encoder.decode(np.array(tokens, dtype=encoder.dtype))


def sample_token(
    logits: torch.Tensor, *, temperature: float, top_k: int | None, rng: torch.Generator
) -> int:
    """Draw a token id.

    Args:
        logits: shape (vocabulary,).
        temperature: divides logits; 0 takes the largest.
        top_k: keep only this many of the largest; None: all.
        rng: a generator on the CPU.
    """
    logits = logits.double().cpu()
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        values, indices = logits.topk(top_k)
    else:
        values, indices = logits, torch.arange(len(logits))
    # The difference first: divided by a tiny temperature, the logits themselves overflow.
    chances = torch.softmax((values - values.max()) / temperature, dim=0)
    return int(indices[torch.multinomial(chances, 1, generator=rng)])
