"""The training loop: steps, metrics, evaluations and checkpoints of one run."""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from gristmill.schemas.atomic_files import sync_file
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.identity import derive_seed
from gristmill.schemas.train_config import TrainConfig
from gristmill.schemas.versions import Version
from gristmill.training.batches import Batch
from gristmill.training.checkpoint import (
    load_optimizer,
    read_state,
    require_config,
    save_checkpoint,
)
from gristmill.training.devices import (
    Precision,
    cast_automatically,
    choose_device,
    choose_precision,
    compute_deterministically,
    find_peak_flops,
    name_device,
)
from gristmill.training.evaluate import bits_per_byte
from gristmill.training.model import (
    build_model,
    count_parameters,
    estimate_flops_per_token,
    load_weights,
    sum_loss,
)
from gristmill.training.optimizer import build_optimizer, clip_gradients, set_rate
from gristmill.training.packed_dataset import PackedDataset
from gristmill.training.pretrain import OnStep
from gristmill.training.row_tensors import move_batch, split_rows
from gristmill.training.run_folder import (
    EVALUATIONS,
    METRICS,
    RESULT,
    append_line,
    find_checkpoint,
    list_checkpoints,
    read_lines,
    remove_leftovers,
    rewind_lines,
    write_object,
)
from gristmill.training.schedule import compute_rate


@dataclass
class _Run:
    """Everything that a step reads or changes."""

    config: TrainConfig
    version: Version
    device: torch.device
    precision: Precision
    rows: PackedDataset
    held_out: PackedDataset | None
    model: torch.nn.Module
    forward: torch.nn.Module  # the model, or its compiled twin
    optimizer: torch.optim.AdamW
    step: int = 0

    @property
    def output(self) -> Path:
        return Path(self.config.output)


def train(config: TrainConfig, version: Version, *, on_step: OnStep | None) -> int | None:
    """Train to the last step and write result.json; see `pretrain.run`.

    Returns:
        The step that the run resumed from, or None if it began here.
    """
    run = _open_run(config, version)
    resumed_from = _resume_run(run)
    with compute_deterministically(run.device):
        if run.step == 0:
            _evaluate_run(run)
        batches = run.rows.batches(config.batch_sequences)
        while run.step < config.steps:
            asked = time.perf_counter()
            batch = next(batches)
            record = _take_step(run, batch, asked)
            append_line(run.output / METRICS, record)
            if on_step is not None:
                on_step(record)
            last = run.step == config.steps
            if last or (config.evaluate_every and run.step % config.evaluate_every == 0):
                _evaluate_run(run)
            if last or run.step % config.checkpoint_every == 0:
                _save_run(run)
        _write_result(run)
    return resumed_from


def _open_run(config: TrainConfig, version: Version) -> _Run:
    facts = version.manifest.core.tokenizer
    length = config.sequence_length
    rows = PackedDataset.open(version, "train", sequence_length=length, seed=config.seed)
    held_out = None
    if "validation" in version.manifest.core.splits:
        held_out = PackedDataset.open(
            version, "validation", sequence_length=length, strategy="single_doc", seed=config.seed
        )
    device = choose_device(config.device)
    model = build_model(
        config.model,
        vocab_size=facts.vocab_size,
        eos_id=facts.eos_id,
        sequence_length=rows.sequence_length,
        seed=config.seed,
    ).to(device)
    forward = cast(torch.nn.Module, torch.compile(model)) if config.compile else model
    return _Run(
        config=config,
        version=version,
        device=device,
        precision=choose_precision(config.precision, device),
        rows=rows,
        held_out=held_out if held_out is not None and len(held_out) else None,
        model=model.train(),
        forward=forward,
        optimizer=build_optimizer(model, config.optimizer),
    )


def _resume_run(run: _Run) -> int | None:
    remove_leftovers(run.output)
    if not list_checkpoints(run.output):
        for name in (METRICS, EVALUATIONS):
            rewind_lines(run.output / name, -1)
        return None
    folder = find_checkpoint(run.output)
    state = read_state(folder)
    require_config(state, run.config, folder)
    run.rows.load_state_dict(state["loader"])
    load_weights(run.model, folder)
    load_optimizer(folder, run.model, run.optimizer)
    run.step = int(state["step"])
    for name in (METRICS, EVALUATIONS):
        rewind_lines(run.output / name, run.step)
    return run.step


def _take_step(run: _Run, batch: Batch, asked: float) -> dict[str, Any]:
    started = time.perf_counter()
    config = run.config
    rate = compute_rate(
        run.step,
        steps=config.steps,
        peak=config.optimizer.learning_rate,
        schedule=config.schedule,
    )
    set_rate(run.optimizer, rate)
    if config.model.dropout:
        # A seed of its own for each step: nothing of the random state has to be saved.
        torch.manual_seed(derive_seed(config.seed, "dropout", run.step))
    loss = _add_gradients(run, batch)
    if not math.isfinite(loss):
        raise GristmillError(
            f"step {run.step + 1}: the loss is {loss}; lower optimizer.learning_rate "
            f"(rows of this step: {batch.rows.tolist()})"
        )
    norm = clip_gradients(run.model, config.optimizer.clip_norm)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    run.rows.commit(batch)
    run.step += 1
    return {
        "step": run.step,
        "loss": loss,
        "learning_rate": rate,
        "gradient_norm": norm,
        "rows": len(batch.rows),
        "tokens": batch.token_count,
        "targets": batch.target_count,
        "position": run.rows.position,
        "timing": _measure_step(run, batch, asked, started),
    }


def _add_gradients(run: _Run, batch: Batch) -> float:
    """Backpropagate the mean over the targets of the whole global batch; returns it."""
    targets = max(batch.target_count, 1)
    total = 0.0
    for piece in split_rows(move_batch(batch, run.device), run.config.micro_batch_sequences):
        with cast_automatically(run.device, run.precision):
            loss = sum_loss(run.forward, piece) / targets
        torch.autograd.backward(loss)
        total += float(loss.detach())
    return total


def _measure_step(run: _Run, batch: Batch, asked: float, started: float) -> dict[str, Any]:
    seconds = time.perf_counter() - asked
    tokens_per_second = batch.token_count / seconds
    flops = estimate_flops_per_token(
        count_parameters(run.model), run.config.model, run.rows.sequence_length
    )
    peak = find_peak_flops(name_device(run.device), run.precision)
    return {
        "tokens_per_second": tokens_per_second,
        "data_wait_ms": 1000 * (started - asked),
        "step_ms": 1000 * seconds,
        "mfu": tokens_per_second * flops / peak if peak else None,
    }


def _evaluate_run(run: _Run) -> None:
    if run.held_out is None:
        return
    batches = run.config.evaluate_batches
    score = bits_per_byte(
        run.model,
        run.held_out,
        vocab_size=run.version.manifest.core.tokenizer.vocab_size,
        device=run.device,
        precision=run.precision,
        batch_sequences=run.config.micro_batch_sequences or run.config.batch_sequences,
        max_rows=batches and batches * run.config.batch_sequences,
    )
    append_line(run.output / EVALUATIONS, {"step": run.step, **dataclasses.asdict(score)})


def _save_run(run: _Run) -> None:
    # Before the checkpoint, so that it never stands without the lines that lead to it.
    for name in (METRICS, EVALUATIONS):
        if (run.output / name).exists():
            sync_file(run.output / name)
    core = run.version.manifest.core
    save_checkpoint(
        run.output,
        step=run.step,
        model=run.model,
        optimizer=run.optimizer,
        state={
            "config": run.config.content(),
            "loader": run.rows.state_dict(),
            "dataset": core.dataset,
            "version": core.version,
            "device": name_device(run.device),
            "precision": run.precision,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
        },
        tokenizer=run.version.local_file(core.tokenizer.path),
        keep=run.config.keep_checkpoints,
    )


def _write_result(run: _Run) -> None:
    core = run.version.manifest.core
    scores = {int(record["step"]): record for record in read_lines(run.output / EVALUATIONS)}
    write_object(
        run.output / RESULT,
        {
            "dataset": core.dataset,
            "version": core.version,
            "dataset_id": run.version.dataset_id,
            "config": run.config.content(),
            "steps": run.step,
            "parameters": count_parameters(run.model),
            "device": name_device(run.device),
            "precision": run.precision,
            "loss": read_lines(run.output / METRICS)[-1]["loss"],
            "before": scores.get(0),
            "after": scores.get(run.step),
        },
    )
