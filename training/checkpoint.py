"""Checkpoints: folders that appear whole, of safetensors and JSON only, with digests.

A folder holds ``config.json`` and ``model.safetensors`` (as `transformers`
reads them), ``optimizer.safetensors``, the dataset's ``tokenizer.json`` and
``state.json``: step, config, loader state and the sha256 of every other file.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file

from gristmill.schemas.atomic_files import PARTIAL_SUFFIX, sha256_file, sync_file, sync_folder
from gristmill.schemas.errors import CorruptFileError, StateMismatchError
from gristmill.schemas.manifests import canonical_json
from gristmill.schemas.train_config import TrainConfig
from gristmill.training.model import save_model
from gristmill.training.optimizer import export_state, import_state
from gristmill.training.run_folder import (
    CHECKPOINTS,
    LATEST,
    STATE,
    list_checkpoints,
    list_differences,
    name_checkpoint,
    read_object,
    write_object,
)
from gristmill.training.schedule import compute_rate

FORMAT: Final = "gristmill.checkpoint/1"
OPTIMIZER: Final = "optimizer.safetensors"
TOKENIZER: Final = "tokenizer.json"


def save_checkpoint(
    output: Path,
    *,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
    tokenizer: Path,
    keep: int,
) -> Path:
    """Write a checkpoint, point `latest.json` at it, remove the oldest ones.

    Args:
        output: the run's folder.
        step: optimizer steps done.
        model: weights are written as they are, in float32.
        optimizer: its state is written beside them.
        state: goes into state.json next to step, format and digests.
        tokenizer: tokenizer.json, copied.
        keep: how many checkpoints stay, this one included.

    Returns:
        The checkpoint's folder.
    """
    folder = output / CHECKPOINTS / name_checkpoint(step)
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    save_model(model, partial)
    save_file(export_state(model, optimizer), partial / OPTIMIZER)
    shutil.copyfile(tokenizer, partial / TOKENIZER)
    digests = {path.name: sha256_file(path) for path in sorted(partial.iterdir())}
    whole = {"format": FORMAT, "step": step, **state, "sha256": digests}
    write_object(partial / STATE, whole | {"state_sha256": _digest_state(whole)})
    for path in partial.iterdir():
        sync_file(path)
    sync_folder(partial)
    _remove_folder(folder)  # of a run that was killed before it could point there
    os.rename(partial, folder)
    sync_folder(folder.parent)
    write_object(folder.parent / LATEST, {"checkpoint": folder.name})
    for old in list_checkpoints(output)[:-keep]:
        _remove_folder(old)
    return folder


def _remove_folder(folder: Path) -> None:
    if not folder.exists():
        return
    doomed = folder.with_name(f"{folder.name}.old{PARTIAL_SUFFIX}")
    os.rename(folder, doomed)  # first out of sight: half a checkpoint must not look whole
    shutil.rmtree(doomed)


def read_state(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's state.json and check the digests of its files.

    Raises:
        CorruptFileError: a file is missing or differs; names it.
    """
    path = folder / STATE
    state = read_object(path)
    if state.get("format") != FORMAT:
        raise CorruptFileError(f"{path} has format {state.get('format')!r}, not {FORMAT!r}")
    said = state.pop("state_sha256", None)
    if said != _digest_state(state):
        raise CorruptFileError(f"{path} differs from the digest in it")
    for name, expected in state["sha256"].items():
        path = folder / name
        found = sha256_file(path) if path.exists() else "no such file"
        if found != expected:
            raise CorruptFileError(
                f"{path}: sha256 is {found}, {STATE} says {expected}; without the folder "
                f"{folder.name} the run goes on from the checkpoint before it"
            )
    return state


def _digest_state(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(state)).hexdigest()


def require_config(state: Mapping[str, Any], config: TrainConfig, folder: Path) -> None:
    """Refuse to go on from a checkpoint of a run that would have gone otherwise.

    Another number of steps is accepted if no step taken so far would have had
    another learning rate: a WSD run can be given another end in its stable part.

    Raises:
        StateMismatchError: says what differs.
    """
    differences = list_differences(state["config"], config.content())
    if not differences:
        return
    before = int(state["config"]["steps"])
    if [difference.split(":")[0] for difference in differences] == ["steps"]:
        done = int(state["step"])
        if done <= config.steps and _list_rates(config, before, done) == _list_rates(
            config, config.steps, done
        ):
            return
    raise StateMismatchError(
        f"{folder} belongs to a run of another config (train into another output, "
        f"or start over): {'; '.join(differences)}"
    )


def _list_rates(config: TrainConfig, steps: int, done: int) -> list[float]:
    peak, schedule = config.optimizer.learning_rate, config.schedule
    return [compute_rate(step, steps=steps, peak=peak, schedule=schedule) for step in range(done)]


def load_optimizer(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Restore the optimizer's state of a checkpoint.

    Raises:
        StateMismatchError: it belongs to another model.
    """
    import_state(model, optimizer, load_file(folder / OPTIMIZER))
