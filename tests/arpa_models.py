"""Small n-gram models for tests: absolute discounting over a few lines, as ARPA text."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

DISCOUNT = 0.5
TRAINING_LINES = 400
ORDER = 4

Ngram = tuple[str, ...]


def make_arpa(lines: Sequence[str], order: int = ORDER) -> str:
    """A model of lines of words, with every n-gram up to an order."""
    counts: list[Counter[Ngram]] = [Counter() for _ in range(order)]
    for line in lines:
        words = ("<s>", *line.split(), "</s>")
        for size in range(1, order + 1):
            counts[size - 1].update(zip(*(words[start:] for start in range(size)), strict=False))
    total = sum(counts[0].values())
    probs = {words: (count - DISCOUNT) / total for words, count in counts[0].items()}
    probs["<unk>",] = DISCOUNT * len(counts[0]) / total
    backoffs: dict[Ngram, float] = {}
    for size in range(2, order + 1):
        followers = defaultdict(list)
        for words, count in counts[size - 1].items():
            followers[words[:-1]].append((words[-1], count))
        for context, found in followers.items():
            whole = sum(count for _, count in found)
            shorter = sum(probs[(*context[1:], word)] for word, _ in found)
            backoffs[context] = DISCOUNT * len(found) / whole / max(1e-6, 1 - shorter)
            probs |= {(*context, word): (count - DISCOUNT) / whole for word, count in found}
    return render_arpa(probs, backoffs, order)


def render_arpa(probs: Mapping[Ngram, float], backoffs: Mapping[Ngram, float], order: int) -> str:
    """ARPA text of probabilities and backoff weights."""
    by_order = [sorted(words for words in probs if len(words) == n) for n in range(1, order + 1)]
    parts = ["\\data\\", *(f"ngram {n}={len(found)}" for n, found in enumerate(by_order, 1))]
    for n, found in enumerate(by_order, 1):
        parts.append(f"\n\\{n}-grams:")
        for words in found:
            log_prob = -99 if words == ("<s>",) else math.log10(probs[words])
            line = f"{log_prob:.7g}\t{' '.join(words)}"
            more = backoffs.get(words)
            parts.append(line if more is None else f"{line}\t{math.log10(more):.7g}")
    return "\n".join([*parts, "\n\\end\\", ""])


def list_lines(wikitext: Path, novel: Path) -> tuple[list[str], list[str]]:
    """Lines to train on and lines to score: English of WikiText-2, Japanese of a novel."""

    def read(path: Path) -> list[str]:
        return [line for line in path.read_text("utf-8").split("\n") if line.split()]

    training = read(wikitext / "valid.txt")[:TRAINING_LINES]
    return training, read(wikitext / "test.txt") + read(novel)[:500]
