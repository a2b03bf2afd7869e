"""Record what RedPajama-V2's own signals are on texts; runs where its requirements are installed.

    python -m venv .venv-rpv2
    .venv-rpv2/bin/pip install 'numpy<2' nltk==3.8.1 msgspec
    python tests/real_texts.py TEXTS.jsonl
    RPV2=/path/to/RedPajama-Data .venv-rpv2/bin/python tests/benchmarks/peer_rules_rpv2.py \\
        TEXTS.jsonl OUT.npz

`RPV2` is a checkout of github.com/togethercomputer/RedPajama-Data. NLTK is the release of its
time: later ones split words otherwise. OUT holds `digests` (n,) uint64 of the texts; `values`
(n, m) float64, NaN for none; `lines` (n,) uint32: CRC-32 of the values of all lines.
"""

import functools
import json
import multiprocessing
import os
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(os.environ["RPV2"]) / "app" / "src"
DOCUMENT_SIGNALS = (
    ("natural_language", "Word_Count"),
    ("natural_language", "Mean_Word_Length"),
    ("natural_language", "Frac_Unique_Words"),
    ("natural_language", "Unigram_Entropy"),
    *(("repetitions", f"Frac_Chars_Top_{order}gram") for order in (2, 3, 4)),
    *(("repetitions", f"Frac_Chars_Dupe_{order}Grams") for order in range(5, 11)),
    ("content", "Lorem_Ipsum"),
    ("content", "Curly_Bracket"),
    ("natural_language", "Symbol_To_Word_Ratio"),
    ("natural_language", "Frac_No_Alph_Words"),
    ("natural_language", "Frac_All_Caps_Words"),
    ("natural_language", "Num_Sentences"),
    ("natural_language", "Frac_Lines_End_With_Ellipsis"),
)
LINE_SIGNALS = (
    ("Ending_With_Terminal_Punctution_Mark", np.uint8),
    ("Javascript_Counts", np.uint16),
    ("Num_Words", np.uint16),
    ("Numerical_Chars_Fraction", np.float32),
    ("Start_With_Bulletpoint", np.uint8),
    ("Uppercase_Letter_Fraction", np.float32),
)


@functools.cache
def load_peer() -> tuple[Any, list[Any], list[Any]]:
    """Import RPv2's documents and signals, without the models that other signals need."""
    sys.path.insert(0, str(SOURCE))
    for name in ("core.quality_signals.utils.content", "core.quality_signals.utils.dsir"):
        stub = types.ModuleType(name)
        for function in ("load_bad_words", "load_bad_urls_index", "hash_feature"):
            setattr(stub, function, None)
        sys.modules[name] = stub
    from core.document import Document
    from core.quality_signals import content, lines, natural_language, repetitions

    modules = {"content": content, "natural_language": natural_language, "repetitions": repetitions}
    documents = [getattr(modules[place], f"RPS_Doc_{name}")() for place, name in DOCUMENT_SIGNALS]
    return Document, documents, [getattr(lines, f"RPS_Lines_{name}")() for name, _ in LINE_SIGNALS]


def measure(text: str) -> tuple[list[float], int]:
    """Measure one document: its values, NaN for none, and a digest of those of its lines."""
    make_document, document_signals, line_signals = load_peer()
    document = make_document(text, domain=None)
    values = []
    for signal in document_signals:
        value = signal(document)[0][2]
        values.append(float("nan") if value is None else float(value))
    digest = 0
    for signal, (_, kind) in zip(line_signals, LINE_SIGNALS, strict=True):
        numbers = [value for _, _, value in signal(document) if value is not None]
        digest = zlib.crc32(np.array(numbers, kind).tobytes(), digest)
    return values, digest


def main(documents: str, record: str) -> None:
    """Read documents, measure them in several processes, write the record."""
    with open(documents, encoding="utf-8") as lines:
        pages = [json.loads(line) for line in lines]
    with multiprocessing.Pool() as pool:
        rows = pool.map(measure, [page["text"] for page in pages], chunksize=16)
    np.savez_compressed(
        record,
        digests=np.array([int(page["digest"], 16) for page in pages], np.uint64),
        values=np.array([row[0] for row in rows], np.float64),
        lines=np.array([row[1] for row in rows], np.uint32),
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
