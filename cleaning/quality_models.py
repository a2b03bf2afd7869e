"""Scorers: a model and what it says of each text, as columns. Facts; no scorer drops a text.

`load_scorer` opens what `gristmill.schemas.score_models.ScoreModel` describes. The kind
``transformers`` runs in a process of its own: see `gristmill.pipelines.stages.scoring`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.importance_weights import measure_importance, read_weights
from gristmill.cleaning.perplexity import PerplexityModel
from gristmill.cleaning.score_buckets import (
    PERPLEXITY_DECIMALS,
    SCORE_DECIMALS,
    assign_buckets,
    round_scores,
)
from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import InputError
from gristmill.schemas.score_models import ScoreModel

#: What `gristmill quality train` names its files.
CARD_FILE: Final = "model.json"
MODEL_FILES: Final[Mapping[str, str]] = {"fasttext": "model.bin", "importance": "model.npy"}
_LARGEST_CARD: Final = 4 << 20

Floats = npt.NDArray[np.floating]


class Card(NamedTuple):
    """What the card beside a model says of reading it: its label and its edges, if any."""

    label: str | None
    edges: tuple[float, ...] | None
    sha256: str | None


class Scorer(Protocol):
    """A loaded model."""

    @property
    def columns(self) -> pa.Schema:
        """Columns that `score` gives."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that decides scores, digests of files too: part of a unit's key."""

    def score(self, texts: pa.StringArray) -> pa.RecordBatch:
        """Score n texts: n rows of `columns`, in order."""

    def close(self) -> None:
        """Let go of what the model holds beside memory."""


def list_columns(spec: ScoreModel) -> list[pa.Field]:
    """List the columns of a scorer without opening its model.

    Scores are float32, NaN where a model says nothing of a text; buckets uint8, null
    where there are no edges. A model of kind ``importance`` also gives
    ``importance@<name>``, the log-ratio of the whole text as RedPajama-V2 has it.
    """
    fields = [pa.field(spec.score_column, pa.float32(), nullable=False)]
    if spec.kind == "importance":
        fields.append(pa.field(f"importance@{spec.name}", pa.float32(), nullable=False))
    return [*fields, pa.field(spec.bucket_column, pa.uint8())]


def make_batch(
    spec: ScoreModel, edges: tuple[float, ...] | None, scores: Floats, *others: Floats
) -> pa.RecordBatch:
    """Put scores, further columns and buckets together, all rounded as they are stored."""
    decimals = PERPLEXITY_DECIMALS if spec.kind == "kenlm" else SCORE_DECIMALS
    rounded = round_scores(scores, decimals)
    arrays = [pa.array(rounded)]
    arrays += [pa.array(round_scores(column, decimals)) for column in others]
    if edges is None:
        arrays.append(pa.nulls(rounded.size, pa.uint8()))
    else:
        arrays.append(pa.array(assign_buckets(rounded, edges)))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(list_columns(spec)))


def check_digest(path: Path, found: str, wanted: str | None) -> None:
    """Refuse a file whose digest is not the wanted one.

    Raises:
        InputError: names both.
    """
    if wanted is not None and found != wanted:
        raise InputError(
            f"model {path} has sha256 {found}, not {wanted}; scores of another model do not compare"
        )


def hash_model(path: Path) -> str:
    """Compute the sha256 of a model file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(f"model {path}: {error.strerror}") from error


def find_model(spec: ScoreModel, folder: Path) -> Path:
    """Find the file of a model: the one named, or that of `quality train` in a folder."""
    path = folder / spec.path
    name = MODEL_FILES.get(spec.kind)
    return path / name if name is not None and path.is_dir() else path


def read_card(model: Path) -> Card:
    """Read ``model.json`` beside a model; one without says nothing.

    Raises:
        InputError: it is there and malformed.
    """
    path = model.parent / CARD_FILE
    if not path.is_file():
        return Card(None, None, None)
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise InputError(f"{path}: over {_LARGEST_CARD} bytes, so no model card")
        values = json.loads(path.read_bytes())
        label, edges, digest = values["label"], values["edges"], values["sha256"]
        if edges is not None:
            edges = tuple(float(edge) for edge in edges)
            if list(edges) != sorted(set(edges)) or len(edges) > 255:
                raise InputError(f"{path}: edges do not rise")
        kinds = (str, type(None))
        if not isinstance(label, kinds) or not isinstance(digest, kinds):
            raise InputError(f"{path}: label and sha256 are no strings")
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise InputError(f"{path} is no model card of `gristmill quality train`") from error
    return Card(label, edges, digest)


class _FileScorer:
    """What the scorers of single files share: where the file lies, its digest, its card."""

    def __init__(self, spec: ScoreModel, folder: Path) -> None:
        self.spec = spec
        self.path = find_model(spec, folder)
        self.sha256 = hash_model(self.path)
        check_digest(self.path, self.sha256, spec.sha256)
        card = read_card(self.path) if spec.kind in MODEL_FILES else Card(None, None, None)
        if card.sha256 not in (None, self.sha256):
            # A card of another model would give this one's scores that one's buckets.
            card = Card(None, None, None)
        self.label = spec.label or card.label
        self.edges = spec.edges or card.edges

    @property
    def columns(self) -> pa.Schema:
        """See `Scorer`."""
        return pa.schema(list_columns(self.spec))

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Scorer`."""
        return self.spec.content() | {
            "sha256": self.sha256,
            "label": self.label,
            "edges": list(self.edges) if self.edges else None,
        }

    def close(self) -> None:
        """See `Scorer`."""


class FastTextScorer(_FileScorer):
    """Probability of a label under a fastText classifier; newlines are spaces, as in DCLM."""

    def __init__(self, spec: ScoreModel, folder: Path) -> None:
        super().__init__(spec, folder)
        self._model = FastTextModel(self.path)
        if self.label is None:
            self.label = self._model.labels[0] if len(self._model.labels) == 1 else None
        if self.label not in self._model.labels:
            names = ", ".join(self._model.labels[:8])
            raise InputError(f"model {self.path} has no label {self.label!r}; it has {names}")

    def score(self, texts: pa.StringArray) -> pa.RecordBatch:
        """See `Scorer`."""
        scores = self._model.score(texts, str(self.label), self.spec.longest_chars)
        # fastText's softmax reaches 1.00001.
        return make_batch(self.spec, self.edges, np.clip(scores, 0.0, 1.0))


class ImportanceScorer(_FileScorer):
    """Log-ratio of two bags of hashed n-grams, per n-gram and of the whole text."""

    def __init__(self, spec: ScoreModel, folder: Path) -> None:
        super().__init__(spec, folder)
        self._weights = read_weights(self.path)

    def score(self, texts: pa.StringArray) -> pa.RecordBatch:
        """See `Scorer`."""
        whole, mean = measure_importance(texts, self._weights)
        return make_batch(self.spec, self.edges, mean, whole)


class PerplexityScorer(_FileScorer):
    """Perplexity under an n-gram model in ARPA format."""

    def __init__(self, spec: ScoreModel, folder: Path) -> None:
        super().__init__(spec, folder)
        pieces = None if spec.sentencepiece is None else folder / spec.sentencepiece
        self._pieces_sha256 = None if pieces is None else hash_model(pieces)
        if pieces is not None and self._pieces_sha256 is not None:
            check_digest(pieces, self._pieces_sha256, spec.sentencepiece_sha256)
        self._model = PerplexityModel(self.path, pieces, normalize=spec.normalize)

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Scorer`."""
        return {**super().identity, "sentencepiece_sha256": self._pieces_sha256}

    def score(self, texts: pa.StringArray) -> pa.RecordBatch:
        """See `Scorer`."""
        return make_batch(self.spec, self.edges, self._model.measure(texts))


def load_scorer(spec: ScoreModel, folder: Path = Path()) -> Scorer:
    """Open a model of kind ``fasttext``, ``importance`` or ``kenlm``.

    Args:
        spec: what a recipe says of it.
        folder: where relative paths start.

    Raises:
        InputError: a file is missing, damaged or has another digest, or the label is unknown.
    """
    if spec.kind == "fasttext":
        return FastTextScorer(spec, folder)
    if spec.kind == "importance":
        return ImportanceScorer(spec, folder)
    if spec.kind == "kenlm":
        return PerplexityScorer(spec, folder)
    raise InputError(f"model {spec.name!r} of kind {spec.kind} runs in a process of its own")
