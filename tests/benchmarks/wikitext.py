"""Wikitext to prose: speed on real articles beside two parsers, and growth on hostile input.

The articles are those of the Wikipedia excerpt in the gensim wheel. Ours and the peers
render the same texts in turn, three rounds, CPU time of one core each; the peers do what
their documentation offers for plain text. The last line is one line of JSON.
"""

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peer_environment import find_python

from gristmill.cleaning.wikipedia_dump import WikiPage, iterate
from gristmill.cleaning.wikitext import to_prose
from gristmill.pipelines.demo import WIKIPEDIA_EXCERPT
from gristmill.schemas.atomic_files import write_whole

ROUNDS = 3
PEERS = ("mwparserfromhell", "wikitextparser")
#: Left open, each makes some parser take quadratic time or worse.
HOSTILE = (
    "{{{a|",
    "{{a|",
    "{{",
    "<ref>",
    "[[",
    "[[a|",
    "[[File:a|",
    "{|\n|a",
    "'''",
    "<!--",
    "-{",
    "{{quote|",
)
SHORT_BYTES = 20_000
STRETCH = 8  # three doublings
PEER_LIMIT_SECONDS = 20


def read_articles() -> list[str]:
    """Wikitext of the excerpt's articles."""
    import gensim

    path = Path(gensim.__file__).parent / WIKIPEDIA_EXCERPT
    with path.open("rb") as stream:
        return [
            page.text
            for page in iterate(stream)
            if isinstance(page, WikiPage) and not page.redirect and page.namespace == 0
        ]


def time_ours(texts: list[str]) -> float:
    """CPU seconds for all texts."""
    started = time.process_time()
    for text in texts:
        to_prose(text)
    return time.process_time() - started


def time_peer(peer: str, texts: list[str], folder: Path) -> float | None:
    """CPU seconds of a peer for all texts; None if it does not end in time."""
    path = folder / "texts.json"
    write_whole(path, json.dumps(texts).encode())
    command = [
        str(find_python()),
        str(Path(__file__).with_name("peer_wikitext.py")),
        peer,
        str(path),
    ]
    limit = PEER_LIMIT_SECONDS if len(texts) == 1 else None
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    return float(result.stdout.split()[-1])


def measure_growth() -> tuple[float, str]:
    """Worst growth for a doubling of hostile input, and what it was."""
    worst = (0.0, "")
    # The collector's time depends on what else is on the heap.
    gc.disable()
    for pattern in HOSTILE:
        short, long = (
            min(time_ours([pattern * (size // len(pattern))]) for _ in range(5))
            for size in (SHORT_BYTES, SHORT_BYTES * STRETCH)
        )
        worst = max(worst, ((long / short) ** (1 / 3), pattern))
        gc.collect()
    gc.enable()
    return worst


def main() -> None:
    """Measure, print a table for people, and one line of JSON."""
    texts = read_articles()
    size = sum(len(text.encode()) for text in texts) / 1e6
    time_ours(texts[:3])
    rounds: dict[str, list[float]] = {name: [] for name in ("gristmill", *PEERS)}
    hostile: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(ROUNDS):
            rounds["gristmill"].append(time_ours(texts))
            for peer in PEERS:
                rounds[peer].append(time_peer(peer, texts, folder) or float("inf"))
        long = ["{{{a|" * (SHORT_BYTES // 5)]
        hostile["gristmill"] = time_ours(long)
        for peer in PEERS:
            hostile[peer] = time_peer(peer, long, folder)
    seconds = {name: statistics.median(values) for name, values in rounds.items()}
    growth, pattern = measure_growth()
    print(f"{len(texts)} articles, {size:.1f} MB of wikitext, {ROUNDS} rounds\n")
    for name, value in seconds.items():
        spent = hostile[name]
        shown = f"{spent:.2f} s" if spent is not None else f"over {PEER_LIMIT_SECONDS} s"
        print(f"{name:18} {size / value:8.2f} MB/s   20 KB of {{{{{{a|  {shown}")
    print(f"\nworst growth for a doubling: {growth:.2f} ({pattern!r})")
    figures: dict[str, Any] = {
        "articles": len(texts),
        "mb_per_s": {name: round(size / value, 2) for name, value in seconds.items()},
        "hostile_20kb_seconds": hostile,
        "growth_of_doubling": round(growth, 2),
    }
    against = {peer: round(seconds[peer] / seconds["gristmill"], 2) for peer in PEERS}
    print(json.dumps({"figures": figures, "against": against}))


if __name__ == "__main__":
    sys.exit(main())
