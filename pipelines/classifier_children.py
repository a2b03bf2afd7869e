"""A Hugging Face classifier in a process of its own, fed with texts through pipes.

The parent imports neither torch nor anything of `gristmill.training`; what goes between
the two are Arrow streams. The child ends when its input does, so also when the parent is
killed.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.quality_models import check_digest, hash_model, list_columns, make_batch
from gristmill.schemas.errors import InputError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.score_models import ScoreModel

MODULE: Final = "gristmill.training.text_classifiers"
TEXTS: Final = pa.schema([pa.field("text", pa.string(), nullable=False)])
#: A classifier reads at most so much of a text unless told otherwise: 512 tokens and more.
LONGEST_CHARS: Final = 4096
#: Files of a model's folder that decide its scores.
_DECIDING: Final = ("*.json", "*.safetensors", "*.txt", "*.model")
_TAIL_BYTES: Final = 4096


def hash_folder(folder: Path) -> str:
    """Compute one digest of all files of a model's folder that decide its scores.

    Raises:
        InputError: there is no such folder, or no safetensors file in it.
    """
    if not folder.is_dir():
        raise InputError(f"model {folder} is no folder as `save_pretrained` of Hugging Face makes")
    names = sorted({path.name for pattern in _DECIDING for path in folder.glob(pattern)})
    if not any(name.endswith(".safetensors") for name in names):
        raise InputError(
            f"model {folder} has no .safetensors file; weights in other formats can hold code "
            "and are not read: save the model as safetensors"
        )
    parts = [part for name in names for part in (name, hash_model(folder / name))]
    return hash_parts("model folder", *parts, size=32).hex()


def check_label(folder: Path, label: str | None) -> None:
    """See that a model has the wanted output, before anything is started.

    Raises:
        InputError: there is no output of this name, or none is named and there are several.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
        names = sorted(map(str, config.get("id2label", {"0": "", "1": ""}).values()))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"model {folder} has no config.json that can be read") from error
    if label not in names if label is not None else len(names) > 2:
        raise InputError(f"model {folder} has no label {label!r}; it has {', '.join(names[:8])}")


class TransformersScorer:
    """A sequence classifier, started with the first texts; see `quality_models.Scorer`.

    Args:
        spec: of kind ``transformers``.
        folder: where relative paths start.

    Raises:
        InputError: there is no model with safetensors, it has another digest, or no such label.
    """

    def __init__(self, spec: ScoreModel, folder: Path = Path()) -> None:
        self.spec = spec
        self.path = folder / spec.path
        self.sha256 = hash_folder(self.path)
        check_digest(self.path, self.sha256, spec.sha256)
        check_label(self.path, spec.label)
        self._child: _Child | None = None

    @property
    def columns(self) -> pa.Schema:
        """See `quality_models.Scorer`."""
        return pa.schema(list_columns(self.spec))

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `quality_models.Scorer`."""
        return self.spec.content() | {"sha256": self.sha256}

    def score(self, texts: pa.StringArray) -> pa.RecordBatch:
        """See `quality_models.Scorer`; starts the child if it does not run.

        Raises:
            InputError: the child cannot load the model, or has died; says what it said.
        """
        if self._child is None:
            self._child = _Child(self.spec, self.path)
        try:
            scores = self._child.ask(texts)
        except InputError:
            self.close()
            raise
        return make_batch(self.spec, self.spec.edges, scores)

    def close(self) -> None:
        """End the child; the next texts start another."""
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """The running process and its two streams."""

    def __init__(self, spec: ScoreModel, path: Path) -> None:
        self._path = path
        self._said = tempfile.TemporaryFile()  # noqa: SIM115, closed by `end`
        command = [sys.executable, "-m", MODULE, str(path)]
        command += ["--device", spec.device, "--threads", str(spec.threads)]
        command += ["--longest-chars", str(spec.longest_chars or LONGEST_CHARS)]
        command += ["--label", spec.label] if spec.label is not None else []
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._writer = pa.ipc.new_stream(self._input, TEXTS)
        self._reader: pa.RecordBatchStreamReader | None = None

    def ask(self, texts: pa.StringArray) -> npt.NDArray[np.floating]:
        """Send texts and wait for their scores."""
        if not len(texts):
            return np.empty(0, np.float32)
        try:
            self._writer.write_batch(pa.RecordBatch.from_arrays([texts], schema=TEXTS))
            self._input.flush()
            if self._reader is None:
                self._reader = pa.ipc.open_stream(self._output)
            scores: npt.NDArray[np.floating] = self._reader.read_next_batch()[0].to_numpy()
        except (OSError, pa.ArrowException, StopIteration) as error:
            raise InputError(f"classifier {self._path}: {self._explain()}") from error
        return scores

    def _explain(self) -> str:
        """Give the last line of what the child said, or how it ended."""
        try:
            code: int | None = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            code = None
        self._said.seek(max(0, self._said.seek(0, 2) - _TAIL_BYTES))
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        ending = "its process hangs" if code is None else f"its process ended with status {code}"
        return lines[-1].removeprefix("gristmill: ") if lines else ending

    def end(self) -> None:
        """Close the streams; a child that does not end by itself is killed."""
        try:
            self._writer.close()
            self._input.close()
        except (OSError, pa.ArrowException):
            pass  # it is gone already
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._said.close()
