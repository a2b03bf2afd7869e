"""The recipe: one YAML file that says what to collect, measure, drop, tokenise and publish."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_serializer, field_validator, model_validator

from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.list_files import UrlList, UrlWordList, WordList
from gristmill.schemas.places import Place, find_place, join_place
from gristmill.schemas.policies import expand_policy
from gristmill.schemas.score_models import ScoreModel
from gristmill.schemas.sources import NAME_PATTERN, Source
from gristmill.schemas.transfers import Transfer
from gristmill.schemas.yaml_files import Frozen, read_yaml, validate


class Limits(Frozen):
    """What one document may cost before it is quarantined and its neighbours go on."""

    document_cpu_seconds: float = Field(default=20.0, gt=0)
    child_memory_bytes: int = Field(default=4 << 30, ge=256 << 20)
    document_bytes: int = Field(default=20 << 20, ge=1024)


class Units(Frozen):
    """How input is cut into units of work. Decides no row of a dataset."""

    # Files over twice as large are read in ranges of about this many bytes.
    split_bytes: int = Field(default=1 << 30, ge=1 << 12)


class Range(Frozen):
    """Limits of a metric: `min` and `max` are kept, what `above` and `below` name is not."""

    min: float | None = None
    max: float | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _check_sides(self) -> Self:
        lower = [limit for limit in (self.min, self.above) if limit is not None]
        upper = [limit for limit in (self.max, self.below) if limit is not None]
        if not lower and not upper:
            raise ValueError("needs min, max, above or below")
        if len(lower) > 1 or len(upper) > 1:
            raise ValueError("has two limits on one side")
        if lower and upper and lower[0] > upper[0]:
            raise ValueError(f"lower limit {lower[0]:g} is over the upper one, {upper[0]:g}")
        return self


class Bound(Range):
    """One more bound on a metric, checked after the tables."""

    metric: str


class LanguageRules(Frozen):
    """What differs for the documents of one language."""

    like: str | None = None  # another language of the same mapping: start from its rules
    rule_tables: tuple[str, ...] | None = None  # instead of the policy's own
    limits: Mapping[str, Range | None] = {}  # by metric, in every table; null switches it off
    line_rule: str | None = None  # instead of the policy's own; "none" for no rule


class Cleaning(Frozen):
    """Which measured documents are kept. Tables are checked in the order given."""

    languages: Mapping[str, float] | None = None  # least score by language; null: all languages
    rule_tables: tuple[str, ...] = ("gopher_quality", "gopher_repetition", "fineweb")
    bounds: tuple[Bound, ...] = ()
    line_rule: str | None = "c4_structured"
    by_language: Mapping[str, LanguageRules] = {}
    # Reservations that drop a document, as its column opt_outs has them; * stands for anything.
    opt_outs: tuple[str, ...] = ()
    # Categories of measuring.url_lists that drop a document.
    url_categories: tuple[str, ...] = ()
    redact: frozenset[str] = frozenset({"email", "ipv4", "ipv6"})

    @field_validator("languages")
    @classmethod
    def _check_scores(cls, languages: Mapping[str, float] | None) -> Mapping[str, float] | None:
        for code, score in (languages or {}).items():
            if not 0 <= score <= 1:
                raise ValueError(f"score {score:g} of {code!r} is not between 0 and 1")
        return languages

    @field_validator("by_language")
    @classmethod
    def _check_likeness(cls, rules: Mapping[str, LanguageRules]) -> Mapping[str, LanguageRules]:
        for code, own in rules.items():
            seen = {code}
            while own.like is not None:
                if own.like not in rules or own.like in seen:
                    raise ValueError(
                        f"{code!r} is like {own.like!r}, which is not there or a circle"
                    )
                seen.add(own.like)
                own = rules[own.like]
        return rules

    @field_serializer("redact")
    def _sort_kinds(self, kinds: frozenset[str]) -> list[str]:
        # A set's own order changes from process to process, and unit keys with it.
        return sorted(kinds)


class LanguageModelFile(Frozen):
    """A fastText model that identifies languages, instead of the embedded lid.176."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Measuring(Frozen):
    """What is measured beyond what `cleaning` needs; `gristmill whatif` tries what is measured."""

    dialects: tuple[str, ...] = ()  # of other tools; those of cleaning's rules need no mention
    language_model: LanguageModelFile | None = None  # null: lid.176, embedded
    models: tuple[ScoreModel, ...] = ()
    word_lists: tuple[WordList, ...] = ()
    url_lists: tuple[UrlList, ...] = ()
    url_words: tuple[UrlWordList, ...] = ()

    @field_validator("models")
    @classmethod
    def _check_names(cls, models: tuple[ScoreModel, ...]) -> tuple[ScoreModel, ...]:
        names = [model.name for model in models]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"model name {name!r} stands twice")
        return models

    def content(self) -> dict[str, Any]:
        """Everything that decides signals: not where models and lists lie."""
        content = self.model_dump(mode="json", include={"dialects"})
        if self.language_model is not None:
            content["language_model"] = self.language_model.sha256
        content["models"] = [model.content() for model in self.models]
        for name in ("word_lists", "url_lists", "url_words"):
            content[name] = [one.fragment() for one in getattr(self, name)]
        return content


class NearDuplicates(Frozen):
    """MinHash settings; defaults follow FineWeb (arXiv:2406.17557), plus verification."""

    words_per_shingle: int = Field(default=5, ge=1, le=32)
    bands: int = Field(default=14, ge=1, le=128)
    rows_per_band: int = Field(default=8, ge=1, le=64)
    seed: int = Field(default=1, ge=0)  # of the hash family; kept, so that signatures compare
    min_similarity: float = Field(default=0.8, gt=0, le=1)
    similarity: Literal["jaccard", "containment"] = "jaccard"
    scope: Literal["source", "recipe"] = "source"  # source: each dump on its own, as FineWeb


class Deduplication(Frozen):
    """Exact and near duplicates; a document goes only if it matches a kept winner."""

    exact: bool = True
    near: NearDuplicates | None = NearDuplicates()
    keep_order: tuple[Literal["priority", "newest", "longest"], ...] = (
        "priority",
        "newest",
        "longest",
    )


class Splits(Frozen):
    """Shares held out, by hash of doc_id, so that no document ever moves."""

    validation: float = Field(default=0.005, ge=0, lt=1)
    test: float = Field(default=0.005, ge=0, lt=1)

    @model_validator(mode="after")
    def _leave_some(self) -> "Splits":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on")
        return self


class Tokenizer(Frozen):
    """Train a byte-level BPE on the curated text, or load a tokenizer.json."""

    path: str | None = None  # tokenizer.json; null: train one
    end_of_text: str = Field(default="<|endoftext|>", min_length=1)  # closes every document
    vocab_size: int = Field(default=32_768, ge=257, le=1 << 24)  # of a trained one
    train_bytes: int = Field(default=200 << 20, ge=1 << 16)  # text read to train it


class Packing(Frozen):
    """How documents share rows of a fixed number of tokens."""

    sequence_length: int = Field(default=1024, ge=8)
    strategy: Literal["bestfit_split", "concat", "single_doc"] = "bestfit_split"


class Publishing(Frozen):
    """Where the version goes and what its card says."""

    dataset: str = Field(pattern=NAME_PATTERN)
    licence: str = "unknown"  # SPDX id of the collection
    description: str = ""
    shard_bytes: int = Field(default=256 << 20, ge=1 << 20)


class Recipe(Frozen):
    """A whole run. `folder` is where relative paths start: the recipe file's own folder."""

    name: str = Field(pattern=NAME_PATTERN)
    seed: int = Field(default=0, ge=0)
    sources: tuple[Source, ...] = Field(min_length=1)
    limits: Limits = Limits()
    units: Units = Units()
    transfer: Transfer = Transfer()
    measuring: Measuring = Measuring()
    cleaning: Cleaning = Cleaning()
    deduplication: Deduplication = Deduplication()
    splits: Splits = Splits()
    tokenizer: Tokenizer = Tokenizer()
    packing: Packing = Packing()
    publishing: Publishing
    output: str  # folder of work files, store and report; or s3://bucket/…, gs://bucket/…
    # Set by `load_recipe` alone: under this alias, `folder` in a file is an unknown key.
    folder: Path = Field(default=Path(), exclude=True, validation_alias="\0folder")

    @field_validator("sources")
    @classmethod
    def _check_names(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"source name {name!r} stands twice")
        return sources

    @field_validator("output")
    @classmethod
    def _check_output(cls, output: str) -> str:
        try:
            find_place(output)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return output

    @property
    def output_path(self) -> Place:
        """The output folder, absolute: on a disk or in an object store."""
        return join_place(self.folder, self.output).absolute()

    def content(self) -> dict[str, Any]:
        """Everything that decides the dataset's content: not where input or output lies."""
        places = {"output", "sources", "units", "transfer", "measuring"}
        content = self.model_dump(mode="json", exclude=places)
        content["measuring"] = self.measuring.content()
        content["sources"] = sorted(
            (source.fragment() | {"priority": source.priority} for source in self.sources),
            key=lambda fragment: str(fragment["name"]),
        )
        return content

    def digest(self) -> str:
        """Hex digest of `content`; part of the dataset id."""
        return hash_parts("recipe", json.dumps(self.content(), sort_keys=True)).hex()


def load_recipe(path: Path, *, output: str | None = None) -> Recipe:
    """Read and validate a recipe.

    Args:
        path: the YAML file.
        output: replaces the recipe's `output`; a path is relative to the current folder.

    Raises:
        RecipeError: lists every mistake with its path in the file.
    """
    value = read_yaml(path)
    if output is not None and isinstance(value, dict):
        value = value | {"output": str(find_place(output).absolute())}
    if isinstance(value, dict) and isinstance(value.get("cleaning"), dict):
        value = value | {"cleaning": expand_policy(value["cleaning"], path.absolute().parent)}
    recipe = validate(Recipe, value, str(path))
    return recipe.model_copy(update={"folder": path.absolute().parent})
