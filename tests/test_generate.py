"""Generation: deterministic, bounded, stops at the end of text, and learns a text by heart."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_versions import build_version, encode_texts

from gristmill.schemas.errors import UsageError
from gristmill.schemas.train_config import TrainConfig
from gristmill.training import pretrain
from gristmill.training.generate import generate, sample_token

torch.set_num_threads(1)  # tests share the machine; spinning threads would fight

VERSE = "the mill turns the grain to flour and the flour to bread"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows one verse by heart."""
    folder = tmp_path_factory.mktemp("generate")
    splits, tokenizer = encode_texts({"train": [VERSE] * 30}, vocab_size=280)
    build_version(
        folder / "verse",
        splits,
        vocab_size=280,
        eos_id=int(splits["train"][0][-1]),
        tokenizer=tokenizer,
        sequence_length=64,
    )
    config = {
        "dataset": str(folder / "verse"),
        "output": str(folder / "run"),
        "steps": 60,
        "batch_sequences": 8,
        "model": {"layers": 2, "heads": 2, "width": 32},
        "optimizer": {"learning_rate": 1e-2},
        "schedule": {"warmup_steps": 5},
        "device": "cpu",
        "precision": "fp32",
    }
    pretrain.run(TrainConfig.model_validate(config))
    return folder / "run"


def test_a_verse_learnt_by_heart_is_said_to_its_end(run: Path) -> None:
    said = generate(run, "the mill", max_new_tokens=200, temperature=0, device="cpu")
    assert said == VERSE  # and stops there: no end-of-text token is shown


def test_the_same_seed_gives_the_same_text_and_another_another(run: Path) -> None:
    def say(seed: int) -> str:
        return generate(
            run, "bread", max_new_tokens=30, temperature=5.0, top_k=None, seed=seed, device="cpu"
        )

    assert say(1) == say(1)
    assert len({say(seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("count", [0, 1, 100])
def test_length_is_bounded_and_may_pass_the_context(run: Path, count: int) -> None:
    prompt = "flour " * 30  # longer than the 64 positions that the model knows
    said = generate(run, prompt, max_new_tokens=count, temperature=2.0, device="cpu")
    assert said.startswith(prompt)
    if count == 0:
        assert said == prompt


def test_special_tokens_in_a_prompt_are_ordinary_text(run: Path) -> None:
    prompt = "the<|endoftext|>mill"
    assert generate(run, prompt, max_new_tokens=3, device="cpu").startswith(prompt)


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": ""},
        {"temperature": -1.0},
        {"top_k": 0},
        {"max_new_tokens": -1},
    ],
)
def test_bad_requests_are_usage_errors(run: Path, options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        generate(run, **({"prompt": "the"} | options))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="neither a checkpoint nor a run"):
        generate(run.parent, "the")


logits_lists = st.lists(st.integers(-1000, 1000), min_size=1, max_size=20, unique=True)


@given(
    values=logits_lists,
    temperature=st.floats(0, 3),
    top_k=st.none() | st.integers(1, 25),
    seed=st.integers(0, 99),
)
def test_a_sampled_token_is_among_the_likeliest(
    values: list[int], temperature: float, top_k: int | None, seed: int
) -> None:
    logits = torch.tensor(values, dtype=torch.float32) / 100
    rng = torch.Generator().manual_seed(seed)
    token = sample_token(logits, temperature=temperature, top_k=top_k, rng=rng)
    allowed = sorted(range(len(values)), key=lambda i: -values[i])[: top_k or len(values)]
    assert token in (allowed[:1] if temperature == 0 else allowed)


def test_samples_follow_the_softmax() -> None:
    rng = torch.Generator().manual_seed(0)
    logits = torch.tensor([1.0, 2.0, 0.5])
    drawn = [sample_token(logits, temperature=0.7, top_k=2, rng=rng) for _ in range(4000)]
    expected = torch.softmax(torch.tensor([1.0, 2.0]) / 0.7, 0).tolist()
    shares = np.bincount(drawn, minlength=3) / len(drawn)
    assert shares.tolist() == pytest.approx([*expected, 0.0], abs=0.03)
