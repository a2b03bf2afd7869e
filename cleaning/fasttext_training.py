"""Training a fastText classifier: one thread, one seed, the same bytes every time.

The method is fastText's (Joulin et al. 2016, arXiv:1607.01759): the mean of the rows of a
text's features, one linear layer, plain gradient steps, a rate that falls to zero with the
tokens read. Unlike there, texts are read in another order in every epoch: a training set
sorted by label would otherwise teach its last label. Numbers in the file are those of
fastText's ``supervised``, which reads and scores it as one of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from gristmill.cleaning.fasttext_features import build_tables
from gristmill.cleaning.fasttext_format import (
    LOSSES,
    SUPERVISED,
    Bytes,
    Ints,
    ModelFile,
    ModelSettings,
)
from gristmill.cleaning.fasttext_outputs import SOFTMAX, build_sigmoids
from gristmill.cleaning.fasttext_steps import (
    LR_UPDATE_TOKENS,
    Weights,
    fill_uniform,
    train_epochs,
)
from gristmill.cleaning.fasttext_vocabulary import count_vocabulary
from gristmill.cleaning.segments import mix_hash
from gristmill.schemas.errors import InputError, UsageError

#: Losses that can be trained.
TRAINED_LOSSES: Final = ("softmax", "ova")


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained; defaults are fastText's where not said otherwise.

    Attributes:
        dim: columns of the matrices.
        lr: rate of the first step; it falls in a line to zero.
        epoch: how often each text is read.
        word_ngrams: longest chain of words that is a feature (fastText: 1).
        min_n: shortest character n-gram.
        max_n: longest one; 0 for none.
        bucket: rows that n-grams share (fastText: 2,000,000); the file has 4 * dim bytes
            for each of them.
        min_count: words that occur less often are left to their n-grams.
        seed: of the first matrix and of the order of texts.
        loss: ``softmax`` where labels exclude each other, ``ova`` where they do not.
    """

    dim: int = 100
    lr: float = 0.1
    epoch: int = 5
    word_ngrams: int = 2
    min_n: int = 0
    max_n: int = 0
    bucket: int = 200_000
    min_count: int = 1
    seed: int = 0
    loss: str = "softmax"

    def __post_init__(self) -> None:
        if self.loss not in TRAINED_LOSSES:
            raise UsageError(f"loss {self.loss!r} cannot be trained: take one of {TRAINED_LOSSES}")
        smallest = {"dim": 1, "epoch": 1, "word_ngrams": 1, "min_n": 0, "min_count": 1, "seed": 0}
        for name, least in smallest.items():
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}: give {least} or more")
        if not (0 < self.lr < math.inf):
            raise UsageError(f"lr is {self.lr}: give a number above 0")
        if self.max_n and not max(self.min_n, 1) <= self.max_n <= 1024:
            raise UsageError(f"max_n is {self.max_n}: give 0, or {self.min_n} to 1024")
        if self.has_ngrams and not 1 <= self.bucket < 1 << 31:
            raise UsageError(f"bucket is {self.bucket}: give 1 or more")

    @property
    def has_ngrams(self) -> bool:
        """Whether there are features that share buckets."""
        return self.word_ngrams > 1 or self.max_n > 0


def train_classifier(
    texts: Sequence[str], labels: Sequence[str], settings: TrainingSettings | None = None
) -> ModelFile:
    """Train a classifier; `gristmill.cleaning.fasttext_format.write_model` keeps it.

    The same arguments give the same bytes on machines of one kind. In texts, newlines are
    spaces, a word that begins with ``__label__`` is skipped, and nothing is read after
    ``</s>``.

    Args:
        texts: n of them, at least one.
        labels: one for each text, without ``__label__`` and without spaces.
        settings: defaults to `TrainingSettings()`.

    Raises:
        InputError: a text is not Unicode, which lone surrogates are not.
        UsageError: there are no texts, other than n labels, or an impossible label.
    """
    settings = TrainingSettings() if settings is None else settings
    if not texts or len(texts) != len(labels):
        raise UsageError(f"{len(texts)} texts have {len(labels)} labels: give each text its label")
    data, offsets = _join_texts(texts)
    dictionary, targets = count_vocabulary(data, offsets, labels, settings.min_count)
    written = _write_settings(settings)
    tables = build_tables(dictionary, written)
    rows = dictionary.word_count + written.bucket
    weights = Weights(
        np.empty((rows, settings.dim), np.float32),
        np.zeros((dictionary.label_count, settings.dim), np.float32),
    )
    seed = np.uint64(settings.seed & 0xFFFFFFFFFFFFFFFF)
    fill_uniform(weights.source, seed)
    plan = (
        settings.lr,
        settings.epoch,
        np.uint64(mix_hash(seed)),
        dictionary.token_count,
        written.loss == SOFTMAX,
    )
    train_epochs(data, offsets, targets, tables, weights, build_sigmoids(), plan)
    return ModelFile(written, dictionary, weights.source, weights.target)


def _join_texts(texts: Sequence[str]) -> tuple[Bytes, Ints]:
    try:
        column = pa.array(texts, pa.large_string())
    except UnicodeEncodeError as error:
        raise InputError(f"a training text is not Unicode: {error.reason}") from error
    _, ends, payload = column.buffers()
    return np.frombuffer(payload or b"", np.uint8), np.frombuffer(ends, np.int64)[: len(texts) + 1]


def _write_settings(settings: TrainingSettings) -> ModelSettings:
    return ModelSettings(
        dim=settings.dim,
        window=5,
        epoch=settings.epoch,
        min_count=settings.min_count,
        negatives=5,
        word_ngrams=settings.word_ngrams,
        loss=1 + LOSSES.index(settings.loss),
        model=SUPERVISED,
        bucket=settings.bucket if settings.has_ngrams else 0,
        min_n=settings.min_n,
        max_n=settings.max_n,
        lr_update_rate=LR_UPDATE_TOKENS,
        sampling=1e-4,
    )
