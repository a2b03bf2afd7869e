"""The model: attention stays in documents, fresh weights are a function of the seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas.train_config import ModelShape
from gristmill.training.batches import IGNORED_LABEL, PackedRows, assemble_batch
from gristmill.training.model import (
    build_model,
    compute_logits,
    count_parameters,
    estimate_flops_per_token,
    sum_loss,
)
from gristmill.training.row_tensors import Tensors, mask_documents, move_batch, split_rows

torch.set_num_threads(1)  # tests share the machine; spinning threads would fight

CPU = torch.device("cpu")
SHAPE = ModelShape(layers=2, heads=2, width=32)
VOCABULARY = 50
LENGTH = 16


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return build_model(
        SHAPE, vocab_size=VOCABULARY, eos_id=0, sequence_length=LENGTH, seed=3
    ).eval()


def pack_row(segments: list[list[int]], length: int = LENGTH) -> Tensors:
    flat = [token for segment in segments for token in segment]
    tokens = np.zeros((1, length + 1), dtype=np.int64)
    tokens[0, : len(flat)] = flat
    packed = PackedRows(
        tokens,
        np.array([0, len(segments)], dtype=np.int64),
        np.array([len(segment) for segment in segments], dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )
    return move_batch(assemble_batch(packed, np.zeros(1, dtype=np.int64), 0), CPU)


documents = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=5)


@given(before=documents, document=documents, after=documents, other=documents)
def test_a_document_is_scored_as_if_it_were_alone_in_its_row(
    model: torch.nn.Module,
    before: list[int],
    document: list[int],
    after: list[int],
    other: list[int],
) -> None:
    changed = (other * len(before))[: len(before)]
    place = slice(len(before), len(before) + len(document))
    with torch.inference_mode():
        packed = compute_logits(model, pack_row([before, document, after]))[0, place]
        neighbour = compute_logits(model, pack_row([changed, document, after]))[0, place]
        alone = compute_logits(model, pack_row([document]))[0, : len(document)]
    assert torch.equal(packed, neighbour)  # not one bit of a neighbour comes through
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-5)


def test_a_document_does_see_its_own_past_and_not_its_future(model: torch.nn.Module) -> None:
    with torch.inference_mode():
        found = compute_logits(model, pack_row([[5, 6, 7, 8]]))[0]
        past = compute_logits(model, pack_row([[9, 6, 7, 8]]))[0]
        future = compute_logits(model, pack_row([[5, 6, 7, 9]]))[0]
    assert not torch.equal(found[1:4], past[1:4])
    assert torch.equal(found[:3], future[:3])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10).map(sorted))
def test_mask_equals_its_definition(doc_ids: list[int]) -> None:
    found = mask_documents(torch.tensor([doc_ids]))[0, 0]
    for i, mine in enumerate(doc_ids):
        for j, its in enumerate(doc_ids):
            assert bool(found[i, j]) == (j <= i and mine == its)


def test_loss_is_the_sum_over_targets_alone(model: torch.nn.Module) -> None:
    tensors = pack_row([[1, 2, 3], [4, 5]])
    with torch.inference_mode():
        logits = compute_logits(model, tensors)[0].log_softmax(-1)
        expected = -(logits[0, 2] + logits[1, 3] + logits[3, 5])
        assert float(sum_loss(model, tensors)) == pytest.approx(float(expected), rel=1e-5)
        untrained = float(expected) / 3
    assert untrained == pytest.approx(math.log(VOCABULARY), rel=0.05)


def test_a_row_of_one_token_documents_has_no_loss_and_no_nan(model: torch.nn.Module) -> None:
    tensors = pack_row([[1], [2], [3]])
    assert (tensors.labels == IGNORED_LABEL).all()
    with torch.inference_mode():
        assert float(sum_loss(model, tensors)) == 0
        assert compute_logits(model, tensors).isfinite().all()


def test_weights_are_a_function_of_the_seed_and_leave_the_random_state_alone() -> None:
    def build(seed: int) -> torch.Tensor:
        built = build_model(
            SHAPE, vocab_size=VOCABULARY, eos_id=0, sequence_length=LENGTH, seed=seed
        )
        return torch.cat([parameter.flatten() for parameter in built.parameters()])

    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert torch.equal(build(5), build(5))
    assert not torch.equal(build(5), build(6))
    assert torch.equal(before, torch.get_rng_state())


def test_parameters_and_flops_by_hand(model: torch.nn.Module) -> None:
    width, layers = SHAPE.width, SHAPE.layers
    block = 12 * width**2 + 13 * width  # attention, MLP, their biases, two norms
    expected = VOCABULARY * width + LENGTH * width + layers * block + 2 * width
    assert count_parameters(model) == expected
    flops = estimate_flops_per_token(expected, SHAPE, LENGTH)
    assert flops == 6 * expected + 6 * layers * width * LENGTH


def test_flops_of_gpt2_are_the_published_figure() -> None:
    shape = ModelShape(layers=12, heads=12, width=768)
    # 0.80 GFLOP/token for GPT-2 124M at 1,024 tokens.
    assert estimate_flops_per_token(124_000_000, shape, 1024) / 1e9 == pytest.approx(
        0.80, abs=0.005
    )


@pytest.mark.parametrize(("rows", "sizes"), [(None, [5]), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_micro_batches_tile_a_batch(rows: int | None, sizes: list[int]) -> None:
    whole = Tensors(*(torch.arange(10).reshape(5, 2) + i for i in range(4)))
    pieces = split_rows(whole, rows)
    assert [len(piece.input_ids) for piece in pieces] == sizes
    for index, tensor in enumerate(whole):
        assert torch.equal(torch.cat([piece[index] for piece in pieces]), tensor)
