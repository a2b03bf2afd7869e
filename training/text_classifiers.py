"""Score texts with a Hugging Face sequence classifier, as a process between two pipes.

``python -m gristmill.training.text_classifiers FOLDER`` reads batches of texts from stdin
and writes batches of scores to stdout, both as Arrow IPC streams, until stdin ends. Weights
are read from safetensors alone, nothing is fetched, and no code of a model's is run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
import transformers
from safetensors import SafetensorError

from gristmill.schemas.errors import GristmillError, InputError
from gristmill.training.devices import cast_automatically, choose_device, choose_precision

SCORES: Final = pa.schema([pa.field("score", pa.float32(), nullable=False)])
#: Tokens of a padded batch: bounds memory, whatever the lengths.
BATCH_TOKENS: Final = 1 << 14
#: Longest input in tokens where neither model nor tokenizer says.
LONGEST_TOKENS: Final = 512

_LARGEST_LENGTH: Final = 1 << 20


class TextClassifier:
    """A classifier, its tokenizer and what of its outputs is the score.

    Args:
        folder: as `save_pretrained` writes it, with safetensors and a fast tokenizer.
        label: name of the output whose probability is the score; None takes the only
            output as it is, or the second of two.
        device: auto, cpu or cuda.
        precision: auto, bf16 or fp32; auto is fp32 on a CPU, for the same scores everywhere.
        longest_chars: of a text that are tokenised.

    Raises:
        InputError: the folder holds no such model, or it has no such label.
    """

    def __init__(
        self,
        folder: Path,
        *,
        label: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        longest_chars: int = 4096,
    ) -> None:
        self._device = choose_device(device)
        is_cpu = self._device.type == "cpu"
        wanted = "fp32" if precision == "auto" and is_cpu else precision
        self._precision = choose_precision(wanted, self._device)
        self._longest_chars = longest_chars
        self._model, self._tokenizer = _load(folder)
        self._model.to(self._device).eval()
        self._longest_tokens = _find_longest(self._model.config, self._tokenizer)
        self._label = _find_label(self._model.config, label, folder)
        self._sigmoid = self._model.config.problem_type == "multi_label_classification"

    def score(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Score texts; those of like length share a batch, and each comes back in its place.

        Args:
            texts: n of them.

        Returns:
            (n,) float32: a probability, or the output itself of a model that has only one.
        """
        heads = [text[: self._longest_chars] for text in texts]
        scores = np.empty(len(heads), np.float32)
        if not heads:
            return scores
        encoded = self._tokenizer(heads, truncation=True, max_length=self._longest_tokens)
        lengths = np.array([len(ids) for ids in encoded["input_ids"]], np.int64)
        for places in cut_batches(lengths, BATCH_TOKENS):
            rows = {name: [encoded[name][place] for place in places] for name in encoded}
            scores[places] = self._compute(rows)
        return scores

    def _compute(self, rows: dict[str, Any]) -> npt.NDArray[np.float32]:
        padded = self._tokenizer.pad(rows, return_tensors="pt").to(self._device)
        with torch.inference_mode(), cast_automatically(self._device, self._precision):
            logits = self._model(**padded).logits.float()
        if logits.shape[1] == 1:
            chosen = logits[:, 0]
        elif self._sigmoid:
            chosen = torch.sigmoid(logits)[:, self._label]
        else:
            chosen = torch.softmax(logits, dim=1)[:, self._label]
        found: npt.NDArray[np.float32] = chosen.cpu().numpy()
        return found


def cut_batches(lengths: npt.NDArray[np.int64], batch_tokens: int) -> list[npt.NDArray[np.int64]]:
    """Cut texts, by length, into batches that pad to at most so many tokens each.

    Args:
        lengths: (n,) tokens of each text.
        batch_tokens: of a batch with its padding; a longer text is a batch of its own.

    Returns:
        Places of the texts of each batch; longest first, so that memory runs out at once
        or not at all.
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < order.size:
        rows = max(1, batch_tokens // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def _load(folder: Path) -> tuple[Any, Any]:
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"{folder} has no .safetensors file; other weights are not read")
    try:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_fast=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{folder} is no sequence classifier: {reason}") from error
    return model, tokenizer


def _find_longest(config: Any, tokenizer: Any) -> int:
    lengths = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)]
    # A tokenizer that knows no limit says 10 to the 30.
    known = [int(length) for length in lengths if length and 0 < length < _LARGEST_LENGTH]
    return min([*known, LONGEST_TOKENS])


def _find_label(config: Any, label: str | None, folder: Path) -> int:
    names = [str(config.id2label[place]) for place in sorted(config.id2label)]
    if label is None and len(names) <= 2:
        return len(names) - 1
    if label not in names:
        raise InputError(f"{folder} has no label {label!r}; it has {', '.join(names[:8])}")
    return names.index(label)


def serve(classifier: TextClassifier, texts: BinaryIO, scores: BinaryIO) -> None:
    """Answer every batch of texts with a batch of scores until the texts end."""
    with pa.ipc.open_stream(texts) as reader, pa.ipc.new_stream(scores, SCORES) as writer:
        for batch in reader:
            found = classifier.score(batch[0].to_pylist())
            writer.write_batch(pa.RecordBatch.from_arrays([pa.array(found)], schema=SCORES))
            scores.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the model and serve; an error is one line on stderr and status 1."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name if __spec__ else __name__}")
    parser.add_argument("folder", type=Path, help="folder of the model")
    parser.add_argument("--label", help="output whose probability is the score")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--precision", default="auto", help="auto, bf16 or fp32")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument("--longest-chars", type=int, default=4096, help="of a text that are read")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        classifier = TextClassifier(
            options.folder,
            label=options.label,
            device=options.device,
            precision=options.precision,
            longest_chars=options.longest_chars,
        )
        serve(classifier, sys.stdin.buffer, sys.stdout.buffer)
    except GristmillError as error:
        print(f"gristmill: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
