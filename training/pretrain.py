"""Pretraining: one call that trains, resumes, or sees that there is nothing left to do.

Importing this module does not import torch: a finished run is recognised in
well under a second.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.schemas.errors import StateMismatchError
from gristmill.schemas.train_config import TrainConfig
from gristmill.schemas.versions import Version, open_version
from gristmill.training.run_folder import (
    RESULT,
    clear_run,
    find_checkpoint,
    list_differences,
    lock_run,
    read_object,
)

#: Called after each optimizer step with its line of metrics.jsonl.
OnStep = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class PretrainResult:
    """What a run came to. Bits per byte are None if the version has no validation text."""

    output: Path
    checkpoint: Path
    steps: int
    parameters: int
    loss: float  # of the last step, nats per target
    before: float | None  # held-out bits per byte of the untrained model
    after: float | None  # and of the trained one
    resumed_from: int | None  # optimizer steps that were done already; None: from scratch
    already_trained: bool

    @property
    def message(self) -> str:
        """One line for people."""
        start = "already trained: " if self.already_trained else "trained: "
        line = f"{start}step {self.steps} of {self.steps}, loss {self.loss:.4f}"
        if self.before is not None and self.after is not None:
            line += f", held-out bits per byte {self.before:.4f} -> {self.after:.4f}"
        return line


def run(
    config: TrainConfig, *, resume: bool = True, on_step: OnStep | None = None
) -> PretrainResult:
    """Train a model on a published version, or go on where an earlier call stopped.

    On a CPU the loss curve of a run that was killed and resumed, any number of
    times, is bit for bit that of an uninterrupted one (same machine, same number
    of threads).

    Args:
        config: what to train.
        resume: false removes what the output folder holds of an earlier run.
        on_step: called after each step, for progress.

    Raises:
        UsageError: no such dataset or version, nothing to train on, or another
            process is training in the output folder.
        StateMismatchError: the output folder holds a run of another config or on
            other data; says what differs.
        CorruptFileError: a file of the version or of the checkpoint is damaged.
        GristmillError: the loss is no longer a number.
    """
    version = open_version(Path(config.dataset), config.version)
    output = Path(config.output)
    with lock_run(output):
        if not resume:
            clear_run(output)
        if (output / RESULT).exists():
            return read_result(config, version, resumed_from=config.steps, already_trained=True)
        # Only now: torch takes seconds to import.
        from gristmill.training.training_loop import train

        resumed_from = train(config, version, on_step=on_step)
        return read_result(config, version, resumed_from=resumed_from, already_trained=False)


def read_result(
    config: TrainConfig, version: Version, *, resumed_from: int | None, already_trained: bool
) -> PretrainResult:
    """Read result.json of a finished run.

    Raises:
        StateMismatchError: it is of another config or on other data.
    """
    output = Path(config.output)
    record = read_object(output / RESULT)
    differences = list_differences(
        {"config": record.get("config", {}), "dataset_id": record.get("dataset_id")},
        {"config": config.content(), "dataset_id": version.dataset_id},
    )
    if differences:
        raise StateMismatchError(
            f"{output} holds a finished run of another config (train into another output, "
            f"or start over): {'; '.join(differences)}"
        )
    scores = {key: record[key] and record[key]["bits_per_byte"] for key in ("before", "after")}
    return PretrainResult(
        output=output,
        checkpoint=find_checkpoint(output),
        steps=int(record["steps"]),
        parameters=int(record["parameters"]),
        loss=float(record["loss"]),
        before=scores["before"],
        after=scores["after"],
        resumed_from=resumed_from,
        already_trained=already_trained,
    )
