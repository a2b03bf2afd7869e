"""What to compute on, in which precision, and how fast that device is on paper."""

import contextlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import torch

Precision = Literal["bf16", "fp32"]

#: Dense bf16 peak in FLOP/s by a part of the device's name; first match wins.
#: Source: NVIDIA data sheets, figures without sparsity.
PEAK_FLOPS = MappingProxyType(
    {
        "H200": 989e12,
        "H100 PCIe": 756e12,
        "H100 NVL": 835e12,
        "H100": 989e12,
        "A100": 312e12,
        "L40S": 362e12,
        "L4": 121e12,
    }
)


def choose_device(name: str = "auto") -> torch.device:
    """Pick a device: the named one, or the first of cuda, mps and cpu that is there."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def choose_precision(name: str, device: torch.device) -> Precision:
    """Pick a precision: the named one, or bf16 where the device has bf16 arithmetic."""
    if name == "bf16" or name == "fp32":
        return "bf16" if name == "bf16" else "fp32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        # Absent before torch 2.11; without it the answer is the slower, safe one.
        capabilities: Mapping[str, bool | int | str] = getattr(
            torch.cpu, "get_capabilities", dict
        )()
        native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
        return "bf16" if native else "fp32"
    return "fp32"


def name_device(device: torch.device) -> str:
    """Name of the hardware, as its driver gives it; `cpu` for a CPU."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return device.type


def find_peak_flops(device_name: str, precision: Precision) -> float | None:
    """Peak FLOP/s of a device; None where unknown or not in bf16."""
    if precision != "bf16":
        return None
    for part, peak in PEAK_FLOPS.items():
        if part in device_name:
            return peak
    return None


def cast_automatically(device: torch.device, precision: Precision) -> torch.autocast:
    """Context in which matrix products run in bf16; does nothing for fp32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextlib.contextmanager
def compute_deterministically(device: torch.device) -> Iterator[None]:
    """Refuse nondeterministic algorithms on a CPU while the context lasts.

    On CUDA determinism needs environment variables set before the process
    starts, so there it is left as the caller has it.
    """
    before = torch.are_deterministic_algorithms_enabled()
    try:
        if device.type == "cpu":
            torch.use_deterministic_algorithms(True)
        yield
    finally:
        torch.use_deterministic_algorithms(before)
