"""Pretraining: killed and resumed runs, other configs, finished runs, what is recorded."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_versions import build_version, random_documents

from gristmill.schemas.errors import (
    CorruptFileError,
    GristmillError,
    StateMismatchError,
    UsageError,
)
from gristmill.schemas.train_config import TrainConfig
from gristmill.schemas.versions import open_version
from gristmill.training import pretrain
from gristmill.training.packed_dataset import PackedDataset
from gristmill.training.run_folder import list_checkpoints, read_lines

torch.set_num_threads(1)  # tests share the machine; spinning threads would fight

SPLITS = {"train": random_documents(60, seed=1), "validation": random_documents(9, seed=2)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "web"
    build_version(folder, SPLITS)
    return folder


def configure(dataset: Path, output: Path, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "dataset": str(dataset),
        "output": str(output),
        "steps": 24,
        "batch_sequences": 8,
        "model": {"layers": 2, "heads": 2, "width": 32, "dropout": 0.1},
        "schedule": {"warmup_steps": 4},
        "optimizer": {"learning_rate": 1e-2},
        "evaluate_every": 7,
        "checkpoint_every": 5,
        "device": "cpu",
        "precision": "fp32",
    }
    return TrainConfig.model_validate(values | changes)


def read_curve(output: Path) -> list[dict[str, Any]]:
    """The deterministic part of every line."""
    lines = read_lines(output / "metrics.jsonl")
    return [{key: value for key, value in line.items() if key != "timing"} for line in lines]


def read_scores(output: Path) -> list[dict[str, Any]]:
    return read_lines(output / "evaluations.jsonl")


@pytest.fixture(scope="module")
def straight(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> pretrain.PretrainResult:
    """An uninterrupted run."""
    return pretrain.run(configure(dataset, tmp_path_factory.mktemp("straight")))


class Stop(Exception):
    """Raised in the middle of a run."""


def stop_after(step: int) -> pretrain.OnStep:
    def on_step(record: Mapping[str, Any]) -> None:
        if record["step"] == step:
            raise Stop

    return on_step


def test_a_run_learns_and_records_every_step(straight: pretrain.PretrainResult) -> None:
    curve = read_curve(straight.output)
    assert [line["step"] for line in curve] == list(range(1, 25))
    assert curve[0]["loss"] == pytest.approx(math.log(61), rel=0.05)
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert straight.loss == curve[-1]["loss"]
    assert curve[0].keys() == {
        "step",
        "loss",
        "learning_rate",
        "gradient_norm",
        "rows",
        "tokens",
        "targets",
        "position",
    }
    timing = read_lines(straight.output / "metrics.jsonl")[0]["timing"]
    assert timing.keys() == {"tokens_per_second", "data_wait_ms", "step_ms", "mfu"}
    assert timing["mfu"] is None  # nobody tells a CPU's peak by its name
    scores = read_scores(straight.output)
    assert [score["step"] for score in scores] == [0, 7, 14, 21, 24]
    assert (straight.before, straight.after) == (
        scores[0]["bits_per_byte"],
        scores[-1]["bits_per_byte"],
    )
    assert not straight.already_trained
    assert straight.resumed_from is None


def test_every_row_is_trained_on_once_an_epoch(
    dataset: Path, straight: pretrain.PretrainResult
) -> None:
    curve = read_curve(straight.output)
    rows = len(PackedDataset.open(open_version(dataset), "train", seed=0))
    position = 0
    for line in curve:
        assert line["rows"] == min(8, rows - position % rows)
        position += line["rows"]
        assert line["position"] == position
    assert position > 2 * rows
    epoch_tokens = sum(map(len, SPLITS["train"]))
    full_epochs = [line for line in curve if line["position"] <= 2 * rows]
    assert sum(line["tokens"] for line in full_epochs) == 2 * epoch_tokens


def test_the_loss_is_the_mean_over_targets_of_the_whole_batch(
    dataset: Path, tmp_path: Path, straight: pretrain.PretrainResult
) -> None:
    """Micro-batches of unequal token counts give the same curve but for rounding."""
    config = configure(
        dataset,
        tmp_path,
        steps=24,
        micro_batch_sequences=3,
        model={"layers": 2, "heads": 2, "width": 32},
    )
    whole = configure(dataset, tmp_path / "whole", model=config.model.model_dump())
    pieces = [line["loss"] for line in _train(config)]
    at_once = [line["loss"] for line in _train(whole)]
    assert pieces == pytest.approx(at_once, rel=1e-4)
    assert pieces != at_once  # or micro-batches were never used


def _train(config: TrainConfig) -> list[dict[str, Any]]:
    pretrain.run(config)
    return read_curve(Path(config.output))


@pytest.mark.parametrize("stops", [[1], [5], [6, 10, 11], [23], [24], [3, 5, 9, 15, 16, 22]])
def test_a_run_stopped_and_resumed_equals_a_straight_one(
    dataset: Path, tmp_path: Path, straight: pretrain.PretrainResult, stops: list[int]
) -> None:
    config = configure(dataset, tmp_path)
    for stop in stops:
        with pytest.raises(Stop):
            pretrain.run(config, on_step=stop_after(stop))
    result = pretrain.run(config)
    before_stop = (stops[-1] - 1) // 5 * 5  # the step that raised had not been saved
    assert result.resumed_from == (before_stop or None)
    assert read_curve(tmp_path) == read_curve(straight.output)
    assert read_scores(tmp_path) == read_scores(straight.output)
    assert _weights(result) == _weights(straight)


def test_bf16_resumes_bit_for_bit_too(dataset: Path, tmp_path: Path) -> None:
    whole = configure(dataset, tmp_path / "whole", steps=12, precision="bf16")
    pretrain.run(whole)
    parts = configure(dataset, tmp_path / "parts", steps=12, precision="bf16")
    with pytest.raises(Stop):
        pretrain.run(parts, on_step=stop_after(8))
    pretrain.run(parts)
    assert read_curve(tmp_path / "parts") == read_curve(tmp_path / "whole")
    assert read_scores(tmp_path / "parts") == read_scores(tmp_path / "whole")


def _weights(result: pretrain.PretrainResult) -> bytes:
    return (result.checkpoint / "model.safetensors").read_bytes()


CHILD = """
import sys
import torch
torch.set_num_threads(1)
from pathlib import Path
from gristmill.schemas.train_config import TrainConfig
from gristmill.schemas.versions import open_version
from gristmill.training import pretrain
config = TrainConfig.model_validate_json(Path(sys.argv[1]).read_bytes())
pretrain.run(config, on_step=lambda record: print(record["step"], flush=True))
"""


def test_kill_9_at_random_steps_and_resume_gives_the_same_bits(
    dataset: Path, tmp_path: Path, straight: pretrain.PretrainResult
) -> None:
    output = tmp_path / "run"
    config = tmp_path / "config.json"
    config.write_text(configure(dataset, output).model_dump_json())
    rng = np.random.default_rng(time.time_ns())  # where it dies must not matter
    killed = []
    for share in (0.4, 1.0):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(config)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        victim = int(rng.integers(1, max(2, int(24 * share))))
        for line in child.stdout:
            if int(line) >= victim:
                time.sleep(float(rng.uniform(0, 0.02)))
                os.kill(child.pid, signal.SIGKILL)
                break
        child.wait()
        child.stdout.close()
        killed.append((victim, child.returncode))
    assert killed[0][1] == -signal.SIGKILL  # or this test tests nothing
    pretrain.run(configure(dataset, output))
    assert read_curve(output) == read_curve(straight.output), f"killed at {killed}"
    assert read_scores(output) == read_scores(straight.output), f"killed at {killed}"


def test_a_finished_run_is_recognised_without_importing_torch(
    dataset: Path, straight: pretrain.PretrainResult, tmp_path: Path
) -> None:
    again = pretrain.run(configure(dataset, straight.output))
    assert again.already_trained
    assert dataclasses.replace(again, already_trained=False, resumed_from=None) == straight
    assert again.message.startswith("already trained: step 24 of 24, loss ")
    assert f"bits per byte {straight.before:.4f} -> {straight.after:.4f}" in again.message
    config = tmp_path / "config.json"
    config.write_text(configure(dataset, straight.output).model_dump_json())
    code = CHILD.replace("import torch\ntorch.set_num_threads(1)\n", "")
    code += "assert 'torch' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", code, str(config)], check=True)


def test_starting_over_removes_the_old_run_and_nothing_else(
    dataset: Path, tmp_path: Path, straight: pretrain.PretrainResult
) -> None:
    with pytest.raises(Stop):
        pretrain.run(configure(dataset, tmp_path, seed=3), on_step=stop_after(12))
    (tmp_path / "notes.txt").write_text("mine")
    result = pretrain.run(configure(dataset, tmp_path), resume=False)
    assert result.resumed_from is None
    assert read_curve(tmp_path) == read_curve(straight.output)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list_checkpoints(tmp_path)) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed: the run has 0, the config 1"),
        ({"batch_sequences": 4}, "batch_sequences: the run has 8, the config 4"),
        ({"steps": 25}, "steps: the run has 24, the config 25"),
        ({"optimizer": {"learning_rate": 0.5}}, "optimizer.learning_rate: the run has 0.01"),
    ],
)
def test_another_config_is_refused_whether_finished_or_not(
    dataset: Path,
    tmp_path: Path,
    straight: pretrain.PretrainResult,
    changes: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(StateMismatchError, match=message):
        pretrain.run(configure(dataset, straight.output, **changes))
    with pytest.raises(StateMismatchError, match=message):
        unfinished = configure(dataset, tmp_path)
        with pytest.raises(Stop):
            pretrain.run(unfinished, on_step=stop_after(23))
        pretrain.run(configure(dataset, tmp_path, **changes))


def test_a_wsd_run_can_be_given_another_end_in_its_stable_part(
    dataset: Path, tmp_path: Path
) -> None:
    longer = configure(dataset, tmp_path / "longer", steps=36)
    pretrain.run(longer)
    with pytest.raises(Stop):
        pretrain.run(configure(dataset, tmp_path / "short"), on_step=stop_after(11))
    result = pretrain.run(configure(dataset, tmp_path / "short", steps=36))
    assert result.resumed_from == 10
    assert read_curve(tmp_path / "short") == read_curve(tmp_path / "longer")


def test_other_data_is_refused(dataset: Path, tmp_path: Path) -> None:
    build_version(tmp_path / "web", SPLITS)
    config = configure(tmp_path / "web", tmp_path / "out")
    with pytest.raises(Stop):
        pretrain.run(config, on_step=stop_after(8))
    build_version(
        tmp_path / "web", SPLITS | {"train": random_documents(60, seed=8)}, version="1.1.0"
    )
    with pytest.raises(StateMismatchError, match="dataset_id: state has"):
        pretrain.run(config)
    resumed = pretrain.run(config.model_copy(update={"version": "1.0.0"}))
    assert resumed.resumed_from == 5
    with pytest.raises(StateMismatchError, match="dataset_id: the run has"):
        pretrain.run(config)


def test_a_damaged_checkpoint_stops_the_run_and_the_one_before_it_serves(
    dataset: Path, tmp_path: Path, straight: pretrain.PretrainResult
) -> None:
    config = configure(dataset, tmp_path)
    with pytest.raises(Stop):
        pretrain.run(config, on_step=stop_after(12))
    older, newest = list_checkpoints(tmp_path)
    weights = bytearray((newest / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (newest / "model.safetensors").write_bytes(bytes(weights))
    with pytest.raises(CorruptFileError, match=f"without the folder {newest.name}"):
        pretrain.run(config)
    newest.rename(tmp_path / "damaged")
    result = pretrain.run(config)
    assert result.resumed_from == int(older.name.removeprefix("step-"))
    assert read_curve(tmp_path) == read_curve(straight.output)


def test_a_version_without_validation_text_trains_without_scores(tmp_path: Path) -> None:
    for name, splits in (
        ("none", {"train": SPLITS["train"]}),
        ("empty", {"train": SPLITS["train"], "validation": []}),
    ):
        build_version(tmp_path / name, splits)
        result = pretrain.run(configure(tmp_path / name, tmp_path / f"{name}-out", steps=5))
        assert (result.before, result.after) == (None, None)
        assert read_scores(tmp_path / f"{name}-out") == []
        assert "bits per byte" not in result.message


def test_nothing_to_train_on_is_a_usage_error(tmp_path: Path) -> None:
    build_version(tmp_path / "web", {"train": [], "validation": SPLITS["validation"]})
    with pytest.raises(UsageError, match="'train' has no rows"):
        pretrain.run(configure(tmp_path / "web", tmp_path / "out"))
    with pytest.raises(UsageError, match="no published version"):
        pretrain.run(configure(tmp_path / "nothing", tmp_path / "out"))


def test_a_loss_that_is_no_number_stops_the_run_with_its_rows(
    dataset: Path, tmp_path: Path
) -> None:
    config = configure(dataset, tmp_path, optimizer={"learning_rate": 1e30, "clip_norm": None})
    with pytest.raises(GristmillError, match=r"step \d+: the loss is (nan|inf).*rows of this step"):
        pretrain.run(config)
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} in metrics"))


def test_documents_of_one_token_are_survived(tmp_path: Path) -> None:
    """Rows without any target: the loss is 0 and nothing becomes NaN."""
    only_eos = [np.zeros(1, dtype=np.int64)] * 30
    build_version(tmp_path / "web", {"train": only_eos})
    result = pretrain.run(configure(tmp_path / "web", tmp_path / "out", steps=5))
    assert result.loss == 0


def test_another_sequence_length_is_planned_on_the_fly(dataset: Path, tmp_path: Path) -> None:
    result = pretrain.run(configure(dataset, tmp_path, steps=5, sequence_length=40))
    config = json.loads((result.checkpoint / "config.json").read_bytes())
    assert config["n_positions"] == 40
