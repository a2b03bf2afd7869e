"""Train a byte-level BPE tokenizer with the split rule of GPT-2.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
section 2.2: BPE over bytes, never merging across the classes of the split rule.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from gristmill.schemas.errors import InputError

END_OF_TEXT: Final = "<|endoftext|>"

#: One end-of-text token and the 256 bytes.
SMALLEST_VOCABULARY: Final = 257

#: Largest vocabulary whose ids fit the uint32 of token shards, with room to spare.
LARGEST_VOCABULARY: Final = 1 << 24

#: Pair counts of `tokenizers` are 32 bits wide and wrapped in huggingface/tokenizers#437
#: ("the" was missing from the vocabulary); no count can exceed the number of bytes.
MAX_TRAINING_BYTES: Final = (1 << 31) - 1

#: Longer unbroken runs are cut while counting, in bytes. Training is quadratic in the
#: length of a run: 100 kB of one letter take 2.6 s uncut and 6 ms cut.
MAX_RUN_BYTES: Final = 256


def train_bpe(texts: Iterable[str], *, vocab_size: int, eos: str = END_OF_TEXT) -> str:
    """Train a tokenizer; the result depends on the texts only, not on the thread count.

    Args:
        texts: training sample, at most `MAX_TRAINING_BYTES` of UTF-8 in all. Its
            order does not matter. A `str` with lone surrogates is refused.
        vocab_size: number of ids wanted, `eos` and the 256 bytes among them. Fewer
            are learned when the texts run out of pairs that occur twice.
        eos: the only special token; it gets id 0.

    Returns:
        The text of a ``tokenizer.json``, readable by `tokenizers` and `transformers`.

    Raises:
        ValueError: `vocab_size` is out of range, or corpus text could learn `eos`.
        InputError: the texts are too large.
    """
    if not SMALLEST_VOCABULARY <= vocab_size <= LARGEST_VOCABULARY:
        raise ValueError(
            f"vocab_size={vocab_size} is not in {SMALLEST_VOCABULARY}..{LARGEST_VOCABULARY}"
        )
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    _refuse_learnable(eos, split)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.FixedLength(MAX_RUN_BYTES)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=[eos],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_count_bytes(texts), trainer)
    tokenizer.pre_tokenizer = split
    return str(tokenizer.to_str())


def _refuse_learnable(eos: str, split: pre_tokenizers.ByteLevel) -> None:
    if len(split.pre_tokenize_str(eos)) < 2:
        raise ValueError(
            f"eos={eos!r} is one unit of the split rule, so corpus text could merge into it; "
            f"use a spelling such as {END_OF_TEXT!r}"
        )


def _count_bytes(texts: Iterable[str]) -> Iterator[str]:
    total = 0
    for text in texts:
        total += len(text.encode("utf-8"))
        if total > MAX_TRAINING_BYTES:
            raise InputError(
                f"training texts exceed {MAX_TRAINING_BYTES} bytes, beyond which pair counts "
                "could overflow; train on a sample"
            )
        yield text
