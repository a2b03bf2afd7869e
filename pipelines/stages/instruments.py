"""What measure measures with: the models, lists and dialects that a recipe asks for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning import pii, text_signals
from gristmill.cleaning.bad_words import BAD_WORDS, BadWords
from gristmill.cleaning.language import MODEL_SHA256, LanguageModel
from gristmill.cleaning.licences import measure_licences
from gristmill.cleaning.rule_registry import load_dialect
from gristmill.cleaning.url_lists import URL_CATEGORIES, UrlLists
from gristmill.cleaning.url_words import URL_WORDS, UrlWords
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.stages.scoring import (
    close_scorers,
    load_scorers,
    open_scorers,
    score_batch,
    score_schema,
)
from gristmill.pipelines.units import trace_modules
from gristmill.schemas.places import join_place
from gristmill.schemas.recipe import Cleaning, Measuring
from gristmill.schemas.tables import SIGNALS

CLEANING: Final = "gristmill.cleaning"
#: Modules that measure, whatever the recipe asks for.
MODULES: Final = (
    "bad_words",
    "language",
    "licences",
    "pii",
    "quality_models",
    "rule_registry",
    "text_signals",
    "url_lists",
    "url_words",
)
#: What gives the scores of Hugging Face classifiers, and versions that these depend on.
CLASSIFIERS: Final = (
    "gristmill.pipelines.classifier_children",
    "gristmill.training.text_classifiers",
    "dist:torch",
    "dist:transformers",
)
#: On which lists of the recipe a document's address stands.
CATEGORIES: Final = pa.field("url_categories", URL_CATEGORIES)


def list_instruments(measuring: Measuring, cleaning: Cleaning, folder: Path) -> dict[str, Any]:
    """Say what a unit needs, as JSON values with absolute paths.

    Args:
        measuring: of the recipe.
        cleaning: of the recipe; the dialects of its rules are measured too.
        folder: where relative paths start.
    """
    found = measuring.model_dump(mode="json")
    found["dialects"] = sorted({*measuring.dialects, *build_policy(cleaning).list_dialects()})
    specs = [spec for name in LISTED for spec in found[name]]
    specs += [found["language_model"]] * (found["language_model"] is not None)
    for spec in specs:
        for key in {"path", "sentencepiece"} & set(spec):
            if spec[key] is not None:
                spec[key] = str(join_place(folder.absolute(), spec[key]))
    return found


#: Keys of `Measuring` that name files.
LISTED: Final = ("models", "word_lists", "url_lists", "url_words")


def describe_instruments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of `list_instruments` that decides signals, with the digests of all files.

    Raises:
        InputError: a model is missing, damaged or not the one that the recipe pins.
    """
    measuring = Measuring.model_validate(params)
    with open_scorers(measuring.models) as scorers:
        identities = [dict(scorer.identity) for scorer in scorers]
    return {"language_model": MODEL_SHA256} | measuring.content() | {"models": identities}


def list_code(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the modules that measure with these instruments."""
    dialects = [f"{CLEANING}.dialects.{name}" for name in params["dialects"]]
    own = trace_modules(CLEANING, *(f"{CLEANING}.{name}" for name in MODULES), *dialects)
    is_classified = any(model["kind"] == "transformers" for model in params["models"])
    return (*own, *(CLASSIFIERS if is_classified else ()))


class Instruments:
    """The instruments of one process; read-only once loaded, closed at the end.

    Args:
        params: what `list_instruments` gave.

    Raises:
        InputError: a model or a list is missing, or is not the one that the recipe pins.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        measuring = Measuring.model_validate(params)
        model = measuring.language_model
        self._language = (
            LanguageModel() if model is None else LanguageModel(Path(model.path), model.sha256)
        )
        self._dialects = [load_dialect(name) for name in measuring.dialects]
        self._bad_words = BadWords(measuring.word_lists) if measuring.word_lists else None
        self._url_lists = UrlLists(measuring.url_lists) if measuring.url_lists else None
        self._url_words = UrlWords(measuring.url_words) if measuring.url_words else None
        self._scorers = load_scorers(measuring.models)
        self.schema = pa.schema(
            [
                *SIGNALS,
                *(field for dialect in self._dialects for field in dialect.SCHEMA),
                *(BAD_WORDS if self._bad_words is not None else ()),
                *((CATEGORIES,) if self._url_lists is not None else ()),
                *(URL_WORDS if self._url_words is not None else ()),
                *score_schema(measuring.models),
            ]
        )

    def __enter__(self) -> "Instruments":
        return self

    def __exit__(self, *details: object) -> None:
        close_scorers(self._scorers)

    def measure_documents(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Measure documents: one row of `schema` each, in the same order."""
        columns = {"doc_id": documents["doc_id"], **self._measure(documents["text"])}
        licences = measure_licences(documents["licence"])
        columns |= dict(zip(licences.schema.names, licences.columns, strict=True))
        if self._url_lists is not None:
            columns[CATEGORIES.name] = self._url_lists.match(documents["url"])
        if self._url_words is not None:
            counts = self._url_words.measure(documents["url"])
            columns |= dict(zip(counts.schema.names, counts.columns, strict=True))
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in self.schema.names], schema=self.schema
        )

    def measure_texts(self, texts: pa.StringArray) -> pa.RecordBatch:
        """Measure texts alone: every column of `schema` but those of ids and addresses."""
        return pa.RecordBatch.from_pydict(self._measure(texts))

    def _measure(self, texts: pa.StringArray) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {
            "text_bytes": pc.binary_length(texts).cast(pa.int64()),
            "pii_spans": pii.find_spans(texts),
        }
        batches = [self._language.identify(texts), text_signals.measure(texts)]
        if self._bad_words is not None:
            batches.append(self._bad_words.measure(texts, batches[0]["language"]))
        batches += [dialect.measure(texts) for dialect in self._dialects]
        for batch in batches:
            columns |= dict(zip(batch.schema.names, batch.columns, strict=True))
        return columns | score_batch(texts, self._scorers)
