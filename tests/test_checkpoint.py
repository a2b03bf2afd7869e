"""Checkpoints: exact round trips, whole or absent, digests, and what `transformers` reads."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.schemas.errors import CorruptFileError, StateMismatchError, UsageError
from gristmill.schemas.train_config import ModelShape, OptimizerSettings
from gristmill.training import checkpoint, run_folder
from gristmill.training.model import build_model, compute_logits, load_model, load_weights
from gristmill.training.optimizer import (
    build_optimizer,
    clip_gradients,
    export_state,
    import_state,
    set_rate,
)
from gristmill.training.row_tensors import stack_tokens

torch.set_num_threads(1)  # tests share the machine; spinning threads would fight

CPU = torch.device("cpu")
SHAPE = ModelShape(layers=1, heads=2, width=16)
SETTINGS = OptimizerSettings()


def build(seed: int = 0, width: int = 16) -> tuple[torch.nn.Module, torch.optim.AdamW]:
    shape = ModelShape(layers=1, heads=2, width=width)
    model = build_model(shape, vocab_size=20, eos_id=0, sequence_length=8, seed=seed)
    return model, build_optimizer(model, SETTINGS)


def take_steps(model: torch.nn.Module, optimizer: torch.optim.AdamW, count: int) -> None:
    tokens = np.arange(8, dtype=np.int64)
    for _ in range(count):
        loss = compute_logits(model, stack_tokens(tokens, CPU)).logsumexp(-1).sum()
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()


def weigh(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text("{}")
    model, optimizer = build()
    take_steps(model, optimizer, 2)

    def save_step(step: int, keep: int = 2) -> Path:
        return checkpoint.save_checkpoint(
            tmp_path / "run",
            step=step,
            model=model,
            optimizer=optimizer,
            state={"loader": {"position": step}, "config": {"rate": 0.1}},
            tokenizer=tokenizer,
            keep=keep,
        )

    return save_step


def test_training_goes_on_bit_for_bit_from_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    model, optimizer = build()
    take_steps(model, optimizer, 3)
    folder = checkpoint.save_checkpoint(
        tmp_path / "run",
        step=3,
        model=model,
        optimizer=optimizer,
        state={},
        tokenizer=tmp_path / "tokenizer.json",
        keep=1,
    )
    again, its_optimizer = build(seed=9)
    assert not torch.equal(weigh(model), weigh(again))
    load_weights(again, folder)
    checkpoint.load_optimizer(folder, again, its_optimizer)
    assert torch.equal(weigh(model), weigh(again))
    take_steps(model, optimizer, 3)
    take_steps(again, its_optimizer, 3)
    assert torch.equal(weigh(model), weigh(again))


def test_state_and_pointer_name_the_newest(save: Callable[..., Path], tmp_path: Path) -> None:
    for step in (1, 2, 3):
        folder = save(step)
    run = tmp_path / "run"
    assert [path.name for path in run_folder.list_checkpoints(run)] == [
        "step-00000002",
        "step-00000003",
    ]
    assert run_folder.find_checkpoint(run) == run_folder.find_checkpoint(folder) == folder
    pointer = json.loads((run / "checkpoints/latest.json").read_bytes())
    assert pointer == {"checkpoint": "step-00000003"}
    state = checkpoint.read_state(folder)
    assert (state["step"], state["loader"], state["config"]) == (3, {"position": 3}, {"rate": 0.1})


def test_files_are_safetensors_and_json_only(save: Callable[..., Path]) -> None:
    assert {path.name for path in save(1).iterdir()} == {
        "config.json",
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
        "tokenizer.json",
    }


def test_transformers_reads_the_folder(save: Callable[..., Path]) -> None:
    from transformers import AutoModelForCausalLM

    folder = save(1)
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    ours = load_model(folder).eval()
    tokens = torch.arange(8)[None]
    with torch.inference_mode():
        expected = theirs(input_ids=tokens).logits
        found = compute_logits(ours, stack_tokens(np.arange(8, dtype=np.int64), CPU))
    torch.testing.assert_close(found, expected)


def test_saving_a_step_again_replaces_it(save: Callable[..., Path]) -> None:
    folder = save(1)
    (folder / "stray").write_text("x")
    assert save(1) == folder
    assert not (folder / "stray").exists()


@pytest.mark.parametrize("stop_at", ["rename", "write_object", "sha256_file"])
def test_a_writer_that_dies_leaves_the_old_checkpoint_and_nothing_that_looks_whole(
    save: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str
) -> None:
    save(1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    target = os if stop_at == "rename" else checkpoint
    with monkeypatch.context() as patched:
        patched.setattr(target, stop_at, die)
        with pytest.raises(KeyboardInterrupt):
            save(2)
    run = tmp_path / "run"
    assert [path.name for path in run_folder.list_checkpoints(run)] == ["step-00000001"]
    assert list(run.glob("checkpoints/*.partial"))
    run_folder.remove_leftovers(run)
    assert not list(run.glob("checkpoints/*.partial"))
    assert checkpoint.read_state(save(2))["step"] == 2


@settings(max_examples=30)
@given(data=st.data())
def test_any_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = _intact_checkpoint(tmp_path_factory)
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    healthy = path.read_bytes()
    place = data.draw(st.integers(0, len(healthy) - 1))
    damaged = bytearray(healthy)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(damaged))
    try:
        try:
            found = checkpoint.read_state(folder)
        except CorruptFileError:
            return
        # JSON has more than one spelling of a value; the value itself must be the same.
        assert path.name == "state.json"
        path.write_bytes(healthy)
        assert checkpoint.read_state(folder) == found
    finally:
        path.write_bytes(healthy)


_made: list[Path] = []


def _intact_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not _made:
        root = tmp_path_factory.mktemp("flips")
        (root / "tokenizer.json").write_text("{}")
        model, optimizer = build()
        take_steps(model, optimizer, 1)
        _made.append(
            checkpoint.save_checkpoint(
                root,
                step=1,
                model=model,
                optimizer=optimizer,
                state={"loader": {}, "config": {}},
                tokenizer=root / "tokenizer.json",
                keep=1,
            )
        )
    return _made[0]


def test_a_missing_file_is_found(save: Callable[..., Path]) -> None:
    folder = save(1)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CorruptFileError, match=r"model\.safetensors: sha256 is no such file"):
        checkpoint.read_state(folder)


def test_no_checkpoint_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a checkpoint nor a run"):
        run_folder.find_checkpoint(tmp_path)


def test_weights_and_optimizer_of_another_shape_are_refused(save: Callable[..., Path]) -> None:
    folder = save(1)
    wider, its_optimizer = build(width=32)
    with pytest.raises(CorruptFileError, match="another model"):
        load_weights(wider, folder)
    with pytest.raises(StateMismatchError, match="does not fit"):
        checkpoint.load_optimizer(folder, wider, its_optimizer)
    model, optimizer = build()
    with pytest.raises(StateMismatchError, match="'nobody/step' does not fit"):
        import_state(model, optimizer, {"nobody/step": torch.tensor(1.0)})


def test_only_matrices_decay() -> None:
    model, optimizer = build()
    decaying, plain = optimizer.param_groups
    assert (decaying["weight_decay"], plain["weight_decay"]) == (SETTINGS.weight_decay, 0.0)
    assert all(parameter.dim() >= 2 for parameter in decaying["params"])
    assert all(parameter.dim() < 2 for parameter in plain["params"])
    grouped = len(decaying["params"]) + len(plain["params"])
    assert grouped == len(list(model.parameters()))
    set_rate(optimizer, 0.25)
    assert {group["lr"] for group in optimizer.param_groups} == {0.25}


def test_exported_state_has_the_names_of_the_parameters() -> None:
    model, optimizer = build()
    assert export_state(model, optimizer) == {}
    take_steps(model, optimizer, 1)
    names = {name for name, _ in model.named_parameters()}
    exported = export_state(model, optimizer)
    assert {key.rpartition("/")[0] for key in exported} == names
    assert {key.rpartition("/")[2] for key in exported} == {"step", "exp_avg", "exp_avg_sq"}


@pytest.mark.parametrize(("clip_norm", "norm_after"), [(None, 5.0), (1.0, 1.0), (9.0, 5.0)])
def test_clipping_bounds_the_norm_and_reports_it_before(
    clip_norm: float | None, norm_after: float
) -> None:
    layer = torch.nn.Linear(2, 1, bias=False)
    layer.weight.grad = torch.tensor([[3.0, 4.0]])
    assert clip_gradients(layer, clip_norm) == pytest.approx(5.0)
    assert float(layer.weight.grad.norm()) == pytest.approx(norm_after, rel=1e-4)


@given(
    lines=st.lists(st.integers(0, 20), max_size=10),
    cut=st.integers(0, 30),
    last=st.integers(-1, 20),
)
def test_rewinding_keeps_whole_lines_up_to_the_step(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int], cut: int, last: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    for step in lines:
        run_folder.append_line(path, {"step": step, "loss": step / 3})
    if path.exists():
        payload = path.read_bytes()
        path.write_bytes(payload[: max(len(payload) - cut, 0)])  # a line half written
        whole = path.read_bytes().count(b"\n")
    else:
        whole = 0
    run_folder.rewind_lines(path, last)
    expected = [{"step": s, "loss": s / 3} for s in lines[:whole] if s <= last]
    assert run_folder.read_lines(path) == expected


@pytest.mark.parametrize("tail", [b"\0\0\0\0\n", b'{"step": 2', b"\xff\xfe\n"])
def test_what_a_power_cut_left_is_no_line(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + tail)
    assert run_folder.read_lines(path) == [{"step": 1}]


def test_a_folder_is_locked_for_others_until_it_is_left(tmp_path: Path) -> None:
    with (
        run_folder.lock_run(tmp_path),
        pytest.raises(UsageError, match="another process"),
        run_folder.lock_run(tmp_path),
    ):
        pass
    with run_folder.lock_run(tmp_path):
        pass


def test_differences_are_dotted_and_sorted() -> None:
    found = run_folder.list_differences({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 5, "d": 3}})
    assert found == ["a: the run has 1, the config None", "b.c: the run has 2, the config 5"]
