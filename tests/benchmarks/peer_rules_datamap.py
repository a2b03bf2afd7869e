"""Make the recorded arrays of what datamap-rs says of texts (see ``peer_rules_datamap.rs``).

    python tests/benchmarks/peer_rules_datamap.py RECORD.jsonl dolma3.npz madlad.npz

The first holds `digests` (n,) uint64; `kept` (n, 12) bool, by filter; `fractions` (n, 13)
float32, of repetition; `word_counts` (n,) int32; `lines` (n,) uint32: CRC-32 of what the line
modifiers leave, 0 for nothing. The second `digests`; `counts` (n, 6) int32: sentences, those
questionable by rules 2 to 5, by any of them, all -1 where there are too few; `kept` (n,) bool.
"""

import json
import sys
from typing import Any

import numpy as np

RULES = (2, 3, 4, 5)


def count_sentences(page: dict[str, Any]) -> list[int]:
    """Count sentences and questionable ones of a page."""
    if page["status"] == "killed:too_short":
        return [-1] * (len(RULES) + 2)
    notes = page["madlad"]
    by_rule = [notes.get(f"rule.{rule}", []) for rule in RULES]
    return [notes["num_sentences"][0], *map(len, by_rule), len(set().union(*by_rule))]


def main(record: str, dolma3: str, madlad: str) -> None:
    """Read the record and write both files."""
    with open(record, encoding="utf-8") as lines:
        pages = [json.loads(line) for line in lines]
    digests = np.array([int(page["digest"], 16) for page in pages], np.uint64)
    np.savez_compressed(
        dolma3,
        digests=digests,
        kept=np.array([page["kept"] for page in pages], np.bool_),
        fractions=np.array([page["fractions"] for page in pages], np.float32),
        word_counts=np.array([page["word_count"] for page in pages], np.int32),
        lines=np.array([page["left"] for page in pages], np.uint32),
    )
    np.savez_compressed(
        madlad,
        digests=digests,
        counts=np.array([count_sentences(page) for page in pages], np.int32),
        kept=np.array([page["status"] == "survived" for page in pages], np.bool_),
    )


if __name__ == "__main__":
    main(*sys.argv[1:4])
