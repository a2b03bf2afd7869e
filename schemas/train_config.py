"""The training config: one YAML file that says what to train on which version, and how."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from gristmill.schemas.yaml_files import Frozen, read_yaml, validate


class ModelShape(Frozen):
    """A GPT-2 architecture (Radford et al. 2019): pre-norm, learned positions, tied head."""

    layers: int = Field(default=6, ge=1, le=512)
    heads: int = Field(default=4, ge=1, le=512)
    width: int = Field(default=256, ge=1, le=1 << 16)  # of the residual stream
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _divide_heads(self) -> "ModelShape":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} does not divide into {self.heads} heads")
        return self


class OptimizerSettings(Frozen):
    """AdamW (Loshchilov & Hutter, arXiv:1711.05101); betas of GPT-3 (arXiv:2005.14165)."""

    learning_rate: float = Field(default=1e-3, gt=0)  # the peak
    weight_decay: float = Field(default=0.1, ge=0)  # on matrices only
    betas: tuple[float, float] = (0.9, 0.95)
    clip_norm: float | None = Field(default=1.0, gt=0)  # null: gradients are not clipped

    @model_validator(mode="after")
    def _bound_betas(self) -> "OptimizerSettings":
        for beta in self.betas:
            if not 0 <= beta < 1:
                raise ValueError(f"beta {beta:g} is not in [0, 1)")
        return self


class ScheduleSettings(Frozen):
    """Linear warmup, then WSD (arXiv:2404.06395) or cosine decay to a floor."""

    kind: Literal["wsd", "cosine"] = "wsd"
    warmup_steps: int = Field(default=20, ge=0)
    decay_fraction: float = Field(default=0.3, ge=0, le=1)  # of all steps; WSD only
    floor: float = Field(default=0.0, ge=0, le=1)  # share of the peak that decay aims at


class TrainConfig(Frozen):
    """A whole training run. Relative paths start at the current folder; see `load_train_config`."""

    dataset: str = Field(min_length=1)  # folder <store>/<dataset>
    version: str = Field(default="latest", min_length=1)
    output: str = Field(min_length=1)  # folder of checkpoints and metrics
    seed: int = Field(default=0, ge=0, lt=1 << 63)

    model: ModelShape = ModelShape()
    sequence_length: int | None = Field(default=None, ge=8, le=1 << 20)  # null: the version's
    batch_sequences: int = Field(default=8, ge=1)  # of one optimizer step, over all ranks
    micro_batch_sequences: int | None = Field(default=None, ge=1)  # null: the batch at once
    steps: int = Field(ge=1)

    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()

    evaluate_every: int | None = Field(default=None, ge=1)  # steps; null: before and after only
    evaluate_batches: int | None = Field(default=None, ge=1)  # null: the whole validation split
    checkpoint_every: int = Field(default=100, ge=1)  # steps
    keep_checkpoints: int = Field(default=2, ge=1)

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: bool = False

    @model_validator(mode="after")
    def _fit_schedule(self) -> "TrainConfig":
        if self.schedule.warmup_steps > self.steps:
            raise ValueError(
                f"schedule.warmup_steps {self.schedule.warmup_steps} is over steps {self.steps}"
            )
        return self

    def content(self) -> dict[str, Any]:
        """Everything that decides the loss curve: a checkpoint resumes under an equal one only.

        Where files lie, how often to look, and on what machine are left out.
        """
        free = {"dataset", "version", "output", "evaluate_every", "evaluate_batches"}
        free |= {"checkpoint_every", "keep_checkpoints", "device", "precision", "compile"}
        return self.model_dump(mode="json", exclude=free)


def load_train_config(path: Path, output: str | None = None) -> TrainConfig:
    """Read and validate a training config.

    Args:
        path: the YAML file; its relative paths start at its own folder.
        output: replaces the config's `output`; relative to the current folder.

    Raises:
        RecipeError: lists every mistake with its path in the file.
    """
    value = read_yaml(path)
    if isinstance(value, dict):
        folder = path.absolute().parent
        places = {key: value[key] for key in ("dataset", "output") if key in value}
        value = value | {
            key: str(folder / place) for key, place in places.items() if isinstance(place, str)
        }
        if output is not None:
            value["output"] = str(Path(output).absolute())
    return validate(TrainConfig, value, str(path))
