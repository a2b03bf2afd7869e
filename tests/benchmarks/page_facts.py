"""Title, author and date of publication: gristmill and trafilatura on pages with gold.

Of every answer it counts whether its words, or its day, are those of the gold: precision
is over the pages with an answer, recall over the pages with gold. CPU time is that of the
scan of the tags and the reading of the facts; trafilatura's is that of its metadata.

    make bench NAME=page_facts          # every fourth page
    FULL=1 make bench NAME=page_facts   # all 1,497
"""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

FIELDS = ("title", "author", "date")
GOLD = {"title": "title", "author": "author", "date": "publish_date"}
ROUNDS = 3
EVERY = 4
Answer = dict[str, str]


class GoldPage(NamedTuple):
    """A page and what people say of it; empty where they say nothing."""

    url: str
    html: bytes
    gold: Answer


def load_gold(full: bool) -> list[GoldPage]:
    """Read the labelled pages, in the order of their names."""
    import extraction_sets

    archive = extraction_sets.find_shared() / f"{extraction_sets.WCXB}.tar.zst"
    files = dict(extraction_sets._read_members(archive))
    names = sorted(Path(path).stem for path in files if path.startswith("dev/ground-truth/"))
    return [_read_page(files, name) for name in names[:: 1 if full else EVERY]]


def _read_page(files: Mapping[str, bytes], name: str) -> GoldPage:
    labels = json.loads(files[f"dev/ground-truth/{name}.json"])
    gold = {field: str(labels["ground_truth"].get(key) or "") for field, key in GOLD.items()}
    return GoldPage(labels.get("url", ""), files[f"dev/html/{name}.html"], gold)


def read_ours(pages: Sequence[GoldPage]) -> tuple[list[Answer], float]:
    """Gristmill's answers, and the CPU seconds they took."""
    from gristmill.cleaning.fact_scan import scan_page
    from gristmill.cleaning.page_facts import read_facts

    before = time.process_time()
    found = [read_facts(page.html, scan_page(page.html).places, page.url) for page in pages]
    seconds = time.process_time() - before
    answers = [
        {
            "title": facts.title or "",
            "author": facts.author or "",
            "date": facts.published.date().isoformat() if facts.published else "",
        }
        for facts in found
    ]
    return answers, seconds


def ask_peer(pages: Sequence[GoldPage]) -> tuple[list[Answer], float]:
    """Trafilatura's answers, from its own environment, and the CPU seconds they took."""
    import extraction_peer

    command = [str(extraction_peer.find_python()), __file__, "--peer"]
    sent = b"".join(b"%d\n" % len(page.html) + page.html for page in pages)
    answered = subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True)
    *lines, seconds = answered.stdout.splitlines()
    return [json.loads(line) for line in lines], float(seconds)


def answer_requests() -> None:
    """Run in the peer's environment: pages come in by a pipe, facts and the time go out."""
    import logging

    from trafilatura.metadata import extract_metadata

    logging.disable(logging.CRITICAL)
    pages = list(_read_requests())
    extract_metadata(pages[0])  # loads what it needs
    before = time.process_time()
    found = [extract_metadata(page) for page in pages]
    seconds = time.process_time() - before
    for facts in found:
        answer = {field: getattr(facts, field, None) or "" for field in FIELDS}
        sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.write(f"{seconds}\n")


def _read_requests() -> Iterator[bytes]:
    for size in iter(sys.stdin.buffer.readline, b""):
        yield sys.stdin.buffer.read(int(size))


def score_answers(pages: Sequence[GoldPage], answers: Sequence[Answer]) -> dict[str, Any]:
    """Count right answers by field; precision and recall of each."""
    scores = {}
    for field in FIELDS:
        counts: Counter[str] = Counter()
        for page, answer in zip(pages, answers, strict=True):
            given, gold = (
                re.findall(r"\w+", text.lower()) for text in (answer[field], page.gold[field])
            )
            counts["given"] += bool(given)
            counts["gold"] += bool(gold)
            counts["right"] += bool(given) and given == gold
        scores[field] = {
            **counts,
            "precision": round(counts["right"] / max(1, counts["given"]), 4),
            "recall": round(counts["right"] / max(1, counts["gold"]), 4),
        }
    return scores


def find_f1(score: Mapping[str, float]) -> float:
    """The harmonic mean of precision and recall."""
    return 2 * score["right"] / max(1, score["given"] + score["gold"])


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    import figures
    from contenders import describe_machine

    pages = load_gold(os.environ.get("FULL", "0") == "1")
    read_ours(pages[:1])  # loads compiled code
    contenders = {"gristmill": read_ours, "trafilatura": ask_peer}
    answers: dict[str, list[Answer]] = {}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, read in contenders.items():
            answers[name], seconds = read(pages)
            spent[name].append(1000 * seconds / len(pages))
    scores = {name: score_answers(pages, found) for name, found in answers.items()}
    times = {name: round(sorted(rounds)[ROUNDS // 2], 4) for name, rounds in spent.items()}
    size = sum(len(page.html) for page in pages) / len(pages) / 1000
    sys.stdout.write(f"{describe_machine()}; {len(pages)} pages of {size:.0f} kB\n\n")
    sys.stdout.write(format_table(scores, times) + "\n\n")
    facts = {"pages": len(pages), "scores": scores, "milliseconds_per_page": times}
    ours, peer = scores["gristmill"], scores["trafilatura"]
    against = {
        f"trafilatura_{field}_f1": round(find_f1(ours[field]) / find_f1(peer[field]), 4)
        for field in FIELDS
    }
    against["trafilatura_speed"] = round(times["trafilatura"] / times["gristmill"], 1)
    sys.stdout.write(figures.format_line(facts, against) + "\n")
    return 0


def format_table(scores: Mapping[str, Any], times: Mapping[str, float]) -> str:
    """A line per contender and field."""
    lines = [f"{'':<24}{'given':>8}{'right':>8}{'gold':>8}{'precision':>11}{'recall':>9}"]
    for name, found in scores.items():
        for field, score in found.items():
            counts = "".join(f"{score[key]:>8}" for key in ("given", "right", "gold"))
            lines.append(
                f"{name + ' ' + field:<24}{counts}{score['precision']:>11.3f}{score['recall']:>9.3f}"
            )
    lines += [f"{name + ' ms per page':<24}{spent:>8.2f}" for name, spent in times.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--peer"]:
        answer_requests()
    else:
        sys.exit(main())
