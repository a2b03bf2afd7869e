"""Scores of KenLM and pieces of SentencePiece, kept for `tests/test_perplexity.py`.

    .venv-quality/bin/python tests/benchmarks/peer_perplexity.py WIKITEXT SENTENCEPIECE OUT.npz

The folders are bench-wikitext2 and tok-sentencepiece-data, unpacked. The environment has
kenlm 0.3.0, sentencepiece 0.2.3 and numpy; the model is the one of `tests/arpa_models.py`.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from arpa_models import list_lines, make_arpa


def digest(text: str) -> int:
    """First 64 bits of a text's BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def main() -> None:
    """Score every line and cut it into pieces; numbers only are written."""
    import kenlm
    import sentencepiece

    wikitext, pieces, out = map(Path, sys.argv[1:4])
    training, lines = list_lines(wikitext, pieces / "data" / "wagahaiwa_nekodearu.txt")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.arpa"
        path.write_text(make_arpa(training), "utf-8")
        model = kenlm.Model(str(path))
        scores = np.array([model.score(line) for line in lines], np.float32)
    found = {}
    for name in ("test_model", "test_ja_model"):
        processor = sentencepiece.SentencePieceProcessor()
        processor.load(str(pieces / "python" / "test" / f"{name}.model"))
        cut = [" ".join(processor.encode_as_pieces(line)) for line in lines]
        found[name] = np.array([digest(line) for line in cut], np.uint64)
    known = np.array([digest(line) for line in lines], np.uint64)
    np.savez_compressed(out, lines=known, scores=scores, **found)


if __name__ == "__main__":
    main()
