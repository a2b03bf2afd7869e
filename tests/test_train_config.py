"""The training config: defaults, mistakes, paths, and what decides the loss curve."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas.errors import RecipeError
from gristmill.schemas.train_config import TrainConfig, load_train_config

MINIMAL = "dataset: store/web\noutput: out\nsteps: 50\n"


def write_config(folder: Path, text: str) -> Path:
    path = folder / "train.yaml"
    path.write_text(text)
    return path


def test_minimal_config_has_defaults_and_paths_from_its_own_folder(tmp_path: Path) -> None:
    config = load_train_config(write_config(tmp_path, MINIMAL))
    assert config.dataset == str(tmp_path / "store/web")
    assert config.output == str(tmp_path / "out")
    assert config.version == "latest"
    assert config.sequence_length is None
    assert (config.device, config.precision, config.compile) == ("auto", "auto", False)


def test_absolute_paths_and_the_output_argument_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_config(tmp_path, MINIMAL.replace("store/web", "/data/web"))
    config = load_train_config(path, output="elsewhere")
    assert config.dataset == "/data/web"
    assert config.output == str(tmp_path / "elsewhere")


def test_every_mistake_is_listed_with_its_path(tmp_path: Path) -> None:
    text = """
dataset: store/web
output: out
steps: 0
folder: /tmp
model: {layers: 2, heads: 3, width: 32, depth: 5}
optimizer: {betas: [0.9, 1.5]}
schedule: {kind: linear}
precision: fp8
"""
    with pytest.raises(RecipeError) as raised:
        load_train_config(write_config(tmp_path, text))
    paths = {path for path, _ in raised.value.mistakes}
    assert paths == {
        "steps",
        "folder",
        "model.depth",
        "optimizer",
        "schedule.kind",
        "precision",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("model: {heads: 3, width: 32}", "width 32 does not divide into 3 heads"),
        ("schedule: {warmup_steps: 51}", "schedule.warmup_steps 51 is over steps 50"),
        ("seed: -1", "greater than or equal to 0"),
        ("sequence_length: 4", "greater than or equal to 8"),
        ("optimizer: {clip_norm: 0}", "greater than 0"),
        ("model: {dropout: 1}", "less than 1"),
    ],
)
def test_out_of_range_values_are_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_train_config(write_config(tmp_path, MINIMAL + line + "\n"))


@pytest.mark.parametrize("text", ["", "- 1\n", "dataset: [store]\noutput: out\nsteps: 5\n"])
def test_other_shapes_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError):
        load_train_config(write_config(tmp_path, text))


CURVE_FIELDS = {
    "seed": 7,
    "sequence_length": 64,
    "batch_sequences": 3,
    "micro_batch_sequences": 1,
    "steps": 60,
    "model": {"layers": 3},
    "optimizer": {"learning_rate": 0.5},
    "schedule": {"kind": "cosine"},
}
FREE_FIELDS = {
    "dataset": "b",
    "version": "1.2.3",
    "output": "c",
    "evaluate_every": 7,
    "evaluate_batches": 7,
    "checkpoint_every": 7,
    "keep_checkpoints": 7,
    "device": "cuda",
    "precision": "bf16",
    "compile": True,
}


def test_every_field_either_decides_the_curve_or_is_free() -> None:
    assert CURVE_FIELDS.keys() | FREE_FIELDS.keys() == TrainConfig.model_fields.keys()


@given(changed=st.sampled_from(sorted(CURVE_FIELDS | FREE_FIELDS)))
def test_content_changes_with_exactly_the_fields_that_decide_the_curve(changed: str) -> None:
    before = {"dataset": "a", "output": "a", "steps": 50}
    after = before | {changed: (CURVE_FIELDS | FREE_FIELDS)[changed]}
    same = (
        TrainConfig.model_validate(before).content() == TrainConfig.model_validate(after).content()
    )
    assert same == (changed in FREE_FIELDS)
