"""Personal data: what is found in labelled sentences and on real pages, how fast, beside peers.

Labelled sentences are those of Presidio's research set; real pages are those of WCXB and
Readability's tests with all their text, menus and footers too, as Common Crawl's WET
files have it. On pages nothing is labelled: `--show KIND` prints a seeded sample of the
hits of a kind, to be read; `READ` says what came of that. Ours and the peers find in turn, three
rounds, CPU time of one core each. The last line is one line of JSON.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard
from peer_environment import REPOSITORY, find_python
from resiliparse.extract.html2text import extract_plain_text

from gristmill.cleaning import pii

SHARED = Path(os.environ.get("GRISTMILL_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
ROUNDS = 3
PEERS = ("datatrove", "dolma")
#: Which kinds a label of the sentences is.
LABELS = {
    "EMAIL_ADDRESS": ("email",),
    "IP_ADDRESS": ("ipv4", "ipv6"),
    "PHONE_NUMBER": ("phone",),
    "CREDIT_CARD": ("card",),
    "IBAN_CODE": ("iban",),
    "US_SSN": ("national_id",),
    "US_DRIVER_LICENSE": ("national_id",),
}
#: Hits read by a person, and how many are of their kind. Of the e-mail addresses, two are
#: examples in manuals; the one that is none is the name of a service.
READ = {"phone": (50, 50), "email": (50, 49), "ipv4": (4, 4)}
SAMPLE = 50
#: Each is begun again and again and never ends as anything. The first three are those on which
#: peers take quadratic time.
HOSTILE = (
    "a-", "@", " ", "a@", "1.", "1.1.1.1.", "2001::", "5 ", "(5", "+5", "212-555-01234 ",
    "4111111111111112 ", "GB82 WEST 1234 ", "AB 12 34 56 ", "eyJ", "sk-", "AKIA", "secret=",
    "-----BEGIN ", "bc1q",
)  # fmt: skip
PEER_HOSTILE_BYTES = 20_000
PEER_LIMIT_SECONDS = 15


def read_members(name: str, ending: str) -> Iterator[bytes]:
    """Read the files of a set whose names end so."""
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with (
        (SHARED / f"{name}.tar.zst").open("rb") as packed,
        decoder.stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        for member in members:
            content = members.extractfile(member) if member.name.endswith(ending) else None
            if content is not None:
                yield content.read()


def read_pages() -> list[str]:
    """All the visible text of real pages."""
    sets = (("extract-wcxb-dev", ".html"), ("extract-readability", "source.html"))
    return [
        extract_plain_text(html.decode("utf-8", "replace"), main_content=False, alt_texts=False)
        for name, ending in sets
        for html in read_members(name, ending)
    ]


def read_sentences() -> list[dict[str, Any]]:
    """The labelled sentences: `full_text` and `spans`."""
    (content,) = read_members("pii-presidio-research", "synth_dataset_v2.json")
    sentences: list[dict[str, Any]] = json.loads(content)
    return sentences


def find_ours(texts: Sequence[str]) -> tuple[float, list[list[tuple[str, int, int]]]]:
    """CPU seconds, and the spans of each text."""
    array = pa.array(texts, pa.string())
    started = time.process_time()
    spans = pii.find_spans(array)
    seconds = time.process_time() - started
    return seconds, [
        [(span["kind"], span["start"], span["end"]) for span in row] for row in spans.to_pylist()
    ]


def find_interpreter(peer: str) -> Path:
    """Where a peer is installed. Dolma's environment is made by hand: see `peer_rules_dolma`."""
    if peer == "datatrove":
        return find_python()
    default = REPOSITORY / ".venv-dolma" / "bin" / "python"
    python = Path(os.environ.get("GRISTMILL_DOLMA_PYTHON", default))
    if not python.exists():
        raise RuntimeError(f"no {python}: make it as peer_rules_dolma.py says, or name another")
    return python


def find_peers(
    peer: str, texts: Sequence[str], folder: Path, limit: float | None = None
) -> tuple[float | None, list[list[tuple[str, int, int]]]]:
    """The same of a peer; no seconds if it does not end in time."""
    paths = folder / "texts.json", folder / "spans.json"
    paths[0].write_text(json.dumps(texts), encoding="utf-8")
    script = str(Path(__file__).with_name("pii_peer.py"))
    command = [str(find_interpreter(peer)), script, peer, *map(str, paths)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None, []
    return float(result.stdout.split()[-1]), json.loads(paths[1].read_text(encoding="utf-8"))


def score_labels(
    sentences: Sequence[Mapping[str, Any]], found: Sequence[Sequence[Sequence[Any]]]
) -> dict[str, dict[str, float | int | None]]:
    """Precision and recall of each label; a span counts if it overlaps one of its kind."""
    scores: dict[str, dict[str, float | int | None]] = {}
    for label, kinds in LABELS.items():
        counts: Counter[str] = Counter()
        for sentence, spans in zip(sentences, found, strict=True):
            ours = [(start, end) for kind, start, end in spans if kind in kinds]
            theirs = [
                (span["start_position"], span["end_position"])
                for span in sentence["spans"]
                if kinds == LABELS.get(span["entity_type"])
            ]
            wanted = [
                (span["start_position"], span["end_position"])
                for span in sentence["spans"]
                if span["entity_type"] == label
            ]
            counts["labelled"] += len(wanted)
            counts["recalled"] += sum(_overlaps_any(span, ours) for span in wanted)
            counts["found"] += len(ours)
            counts["right"] += sum(_overlaps_any(span, theirs) for span in ours)
        scores[label] = {
            "labelled": counts["labelled"],
            "recall": round(counts["recalled"] / counts["labelled"], 3),
            "precision": round(counts["right"] / counts["found"], 3) if counts["found"] else None,
        }
    return scores


def _overlaps_any(span: tuple[int, int], others: Sequence[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def measure_hostile(folder: Path) -> dict[str, Any]:
    """Worst time and growth of ours at 1 MB, and times of the peers at 20 kB."""
    growth, times = 0.0, {}
    for unit in HOSTILE:
        short, long = (
            min(find_ours([unit * (size // len(unit))])[0] for _ in range(3))
            for size in (100_000, 1_000_000)
        )
        times[unit], growth = long, max(growth, long / max(short, 1e-3))
    peers: dict[str, Any] = {}
    for peer in PEERS:
        for unit in HOSTILE[:3]:
            text = unit * (PEER_HOSTILE_BYTES // len(unit))
            seconds, _ = find_peers(peer, [text], folder, PEER_LIMIT_SECONDS)
            peers[f"{peer} {unit!r}"] = "over 15" if seconds is None else round(seconds, 3)
    return {
        "ms_per_mb": {unit: round(1000 * seconds, 1) for unit, seconds in times.items()},
        "growth_for_ten_times": round(growth, 1),
        "peer_seconds_at_20_kb": peers,
    }


def show_sample(pages: Sequence[str], wanted: str) -> None:
    """Print a seeded sample of the hits of a kind with their surroundings."""
    _, found = find_ours(pages)
    hits = [
        (page, start, end)
        for page, spans in zip(pages, found, strict=True)
        for kind, start, end in spans
        if kind == wanted
    ]
    random.Random(7).shuffle(hits)
    for page, start, end in hits[:SAMPLE]:
        parts = page[max(0, start - 40) : start], page[start:end], page[end : end + 20]
        print(repr("{}⟦{}⟧{}".format(*parts)))


def main() -> None:
    """Measure, print a table for people, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", metavar="KIND", choices=sorted(pii.PLACEHOLDERS))
    wanted = parser.parse_args().show
    pages = read_pages()
    if wanted:
        show_sample(pages, wanted)
        return
    sentences = read_sentences()
    labelled = [sentence["full_text"] for sentence in sentences]
    size = sum(len(page.encode()) for page in pages) / 1e6
    find_ours([*labelled, *pages[:20]])
    rounds: dict[str, list[float]] = {name: [] for name in ("gristmill", *PEERS)}
    on_pages: dict[str, Counter[str]] = {}
    scores = {"gristmill": score_labels(sentences, find_ours(labelled)[1])}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(ROUNDS):
            for who in rounds:
                found = find_ours(pages) if who == "gristmill" else find_peers(who, pages, folder)
                rounds[who].append(found[0] or float("inf"))
                on_pages[who] = Counter(span[0] for spans in found[1] for span in spans)
        for peer in PEERS:
            scores[peer] = score_labels(sentences, find_peers(peer, labelled, folder)[1])
        hostile = measure_hostile(folder)
    rates = {who: round(size / statistics.median(rounds[who]), 2) for who in rounds}
    _print_tables(scores, on_pages, rates, len(pages), size)
    print(f"hostile: {json.dumps(hostile)}")
    figures = {
        "mb_per_s_per_core": rates,
        "labelled_sentences": scores,
        "hits_per_1000_pages": {
            who: {kind: round(1000 * count / len(pages), 2) for kind, count in counts.items()}
            for who, counts in on_pages.items()
        },
        "read": READ,
        "hostile": hostile,
    }
    against = {peer: round(rates["gristmill"] / rates[peer], 2) for peer in PEERS}
    print(json.dumps({"figures": figures, "against": against}))


def _print_tables(
    scores: Mapping[str, Mapping[str, Mapping[str, Any]]],
    on_pages: Mapping[str, Counter[str]],
    rates: Mapping[str, float],
    pages: int,
    size: float,
) -> None:
    print(f"{'label':20}{'spans':>6}" + "".join(f"{who + ' P / R':>24}" for who in scores))
    for label in LABELS:
        cells = (scores[who][label] for who in scores)
        shown = "".join(f"{cell['precision'] or '-':>14} / {cell['recall']:<7}" for cell in cells)
        print(f"{label:20}{scores['gristmill'][label]['labelled']:>6}{shown}")
    print(f"\n{pages} pages, {size:.1f} MB; spans of a kind per 1,000 pages")
    for kind in pii.PLACEHOLDERS:
        shown = "".join(f"{1000 * on_pages[who][kind] / pages:>24.1f}" for who in on_pages)
        print(f"{kind:26}{shown}")
    print(f"{'MB/s and core':26}" + "".join(f"{rates[who]:>24}" for who in on_pages))


if __name__ == "__main__":
    sys.exit(main())
