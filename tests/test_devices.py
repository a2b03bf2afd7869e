"""Devices: what is chosen, and peaks by name."""

import pytest
import torch

from gristmill.training.devices import (
    cast_automatically,
    choose_device,
    choose_precision,
    compute_deterministically,
    find_peak_flops,
    name_device,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("cpu", None),
    ],
)
def test_peak_by_device_name(name: str, teraflops: int | None) -> None:
    assert find_peak_flops(name, "bf16") == (teraflops and teraflops * 1e12)
    assert find_peak_flops(name, "fp32") is None


def test_named_choices_win_and_auto_is_something_that_is_there() -> None:
    assert choose_device("cpu") == CPU
    assert name_device(CPU) == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "fp32"),
        ({"avx512_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
    ],
)
def test_a_cpu_computes_in_bf16_only_where_it_has_the_instructions(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision("auto", CPU) == precision


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_autocast_covers_products(precision: str, dtype: torch.dtype) -> None:
    with cast_automatically(CPU, precision):  # type: ignore[arg-type]
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_determinism_lasts_as_long_as_its_context() -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(KeyError), compute_deterministically(CPU):
        assert torch.are_deterministic_algorithms_enabled()
        raise KeyError
    assert not torch.are_deterministic_algorithms_enabled()
