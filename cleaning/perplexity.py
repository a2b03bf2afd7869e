"""Perplexity of a text under an n-gram model, as cc_net computes it for its lines.

10 to the minus mean log10 probability of a text's words and line ends; low is like what
the model was trained on. A text without words has none: NaN.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.perplexity_arpa import BINARY_MAGIC, read_arpa
from gristmill.cleaning.perplexity_pieces import PieceModel
from gristmill.cleaning.perplexity_tables import score_lines
from gristmill.cleaning.perplexity_text import normalize_lines
from gristmill.cleaning.text_signals import read_buffers
from gristmill.schemas.errors import InputError

#: What exceeds every float32, and would be infinite there.
LARGEST: Final = 1e30


class PerplexityModel:
    """An n-gram model in ARPA format and how its words are cut; read-only once loaded.

    Args:
        path: ARPA text, plain or compressed.
        pieces: SentencePiece model that the words of the model are pieces of; None: words
            are what lies between ASCII spaces.
        normalize: bring lines into the form of cc_net's training text first.

    Raises:
        InputError: a file is missing or malformed, or the model is in KenLM's binary format.
    """

    def __init__(self, path: Path, pieces: Path | None = None, *, normalize: bool = True) -> None:
        _refuse_binary(path)
        self._table, self.order = read_arpa(path)
        self._pieces = None if pieces is None else PieceModel(pieces)
        self._normalize = normalize

    def sum_lines(self, texts: pa.StringArray) -> tuple[npt.NDArray[np.float64], ...]:
        """Add up the lines of each text.

        Args:
            texts: n texts, no nulls; may be a slice.

        Returns:
            (log10 probabilities (n,) float64, words and ends of lines (n,) int64).
        """
        if self._normalize or self._pieces is not None:
            texts = pa.array([self._cut(text) for text in texts.to_pylist()], pa.string())
        data, offsets = read_buffers(texts)
        log_probs, lengths = score_lines(data, offsets, self._table, self.order)
        return log_probs, lengths

    def measure(self, texts: pa.StringArray) -> npt.NDArray[np.float64]:
        """Compute the perplexity of each text.

        Args:
            texts: n texts, no nulls; may be a slice.

        Returns:
            (n,), at most `LARGEST`; NaN for a text without words.
        """
        log_probs, lengths = self.sum_lines(texts)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            perplexities = 10.0 ** (-log_probs / lengths)
        capped: npt.NDArray[np.float64] = np.minimum(perplexities, LARGEST)
        return capped

    def _cut(self, text: str) -> str:
        if self._normalize:
            text = normalize_lines(text)
        return text if self._pieces is None else self._pieces.cut_lines(text)


def _refuse_binary(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            head = stream.read(len(BINARY_MAGIC))
    except OSError as error:
        raise InputError(f"language model {path}: {error.strerror}") from error
    if head == BINARY_MAGIC:
        raise InputError(
            f"{path} is in KenLM's binary format, which only the machine and options that built "
            "it read safely: give the ARPA file that build_binary made it from"
        )
