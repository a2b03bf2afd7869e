"""What a recipe says of a model that scores documents: which file, how it is read, its edges."""

from typing import Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from gristmill.schemas.sources import NAME_PATTERN
from gristmill.schemas.yaml_files import Frozen

#: Most edges of buckets: a bucket is stored in a byte.
MAX_EDGES: Final = 255


class ScoreModel(Frozen):
    """A model that gives each document a score; decides columns, and drops nothing.

    The columns are ``score@<name>`` (float32; ``perplexity@<name>`` of a KenLM model)
    and ``bucket@<name>`` (uint8: how many edges the score reaches).

    Attributes:
        name: what the columns are called after.
        kind: ``fasttext``: probability of a label. ``importance``: log-ratio of two bags
            of hashed 1- and 2-grams, per n-gram, as `gristmill quality train` makes it.
            ``kenlm``: perplexity under an n-gram model in ARPA format. ``transformers``:
            a Hugging Face sequence classifier, safetensors only.
        path: model file, or the folder that `quality train` or Hugging Face wrote; starts
            at the recipe's folder.
        sha256: digest of the model; another file is refused. Null takes what is there, and
            the run pins it.
        label: whose probability the score is. Null: the one that the model's own card
            names; of a transformers model with one output, that output as it is.
        edges: rising limits between buckets, lowest first. Null: the model card's, or no
            buckets. Of cc_net: the 30th and 60th percentiles of perplexity (head, middle,
            tail are 0, 1, 2).
        longest_chars: what of a text is scored; null: all of it, 4,096 characters by a
            transformers model.
        sentencepiece: SentencePiece model that cuts lines into the pieces that a KenLM
            model was trained on; null: words between spaces.
        sentencepiece_sha256: its digest.
        normalize: lower-case, strip accents, digits to 0, punctuation to ASCII before
            pieces are cut, as the models of cc_net want; KenLM only.
        device: where a transformers model computes.
        threads: of a transformers model on a CPU.
    """

    name: str = Field(pattern=NAME_PATTERN)
    kind: Literal["fasttext", "importance", "kenlm", "transformers"]
    path: str = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    label: str | None = Field(default=None, min_length=1)
    edges: tuple[float, ...] | None = Field(default=None, min_length=1, max_length=MAX_EDGES)
    longest_chars: int | None = Field(default=None, ge=1)
    sentencepiece: str | None = None
    sentencepiece_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    normalize: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=1, ge=1, le=256)

    @field_validator("edges")
    @classmethod
    def _require_rising(cls, edges: tuple[float, ...] | None) -> tuple[float, ...] | None:
        pairs = zip(edges or (), (edges or ())[1:], strict=False)
        if not all(low < high for low, high in pairs):
            raise ValueError("edges do not rise")
        return edges

    @model_validator(mode="after")
    def _refuse_strangers(self) -> "ScoreModel":
        if self.kind != "kenlm" and (self.sentencepiece or self.sentencepiece_sha256):
            raise ValueError(f"sentencepiece is for kind kenlm, not {self.kind}")
        if self.kind in ("kenlm", "importance") and self.label is not None:
            raise ValueError(f"a model of kind {self.kind} has no labels")
        return self

    @property
    def score_column(self) -> str:
        """Name of the column of scores."""
        return f"{'perplexity' if self.kind == 'kenlm' else 'score'}@{self.name}"

    @property
    def bucket_column(self) -> str:
        """Name of the column of buckets."""
        return f"bucket@{self.name}"

    def content(self) -> dict[str, Any]:
        """Everything that decides scores, but for the bytes of the files: not where they lie."""
        places = {"path", "sentencepiece", "device", "threads"}
        return self.model_dump(mode="json", exclude=places)
