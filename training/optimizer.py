"""AdamW over two groups of parameters, and its state as named tensors."""

from collections.abc import Mapping

import torch

from gristmill.schemas.errors import StateMismatchError
from gristmill.schemas.train_config import OptimizerSettings


def build_optimizer(model: torch.nn.Module, settings: OptimizerSettings) -> torch.optim.AdamW:
    """Build AdamW; matrices decay, vectors (norms, biases) do not."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in parameters if parameter.dim() >= 2],
            "weight_decay": settings.weight_decay,
        },
        {
            "params": [parameter for parameter in parameters if parameter.dim() < 2],
            "weight_decay": 0.0,
        },
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(model: torch.nn.Module, clip_norm: float | None) -> float:
    """Scale gradients down to a norm, if one is given; returns the norm before."""
    limit = float("inf") if clip_norm is None else clip_norm
    return float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))


def export_state(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Optimizer state as ``<parameter name>/<state name>`` tensors on the CPU.

    Learning rates are not in it: they are a function of the step.
    """
    return {
        f"{name}/{key}": value.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def import_state(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    tensors: Mapping[str, torch.Tensor],
) -> None:
    """Restore what `export_state` gave.

    Raises:
        StateMismatchError: a tensor belongs to no parameter or has another shape.
    """
    parameters = dict(model.named_parameters())
    for full_name, tensor in tensors.items():
        name, _, key = full_name.rpartition("/")
        parameter = parameters.get(name)
        if parameter is None or (tensor.dim() and tensor.shape != parameter.shape):
            raise StateMismatchError(f"optimizer state {full_name!r} does not fit the model")
        # The step count stays where the optimizer's kernel reads it: fused on its device.
        fused = optimizer.defaults.get("fused")
        device = parameter.device if tensor.dim() or fused else torch.device("cpu")
        optimizer.state[parameter][key] = tensor.to(device, copy=True)
