"""Main content: gristmill, trafilatura and resiliparse on pages with known text.

F1 over bags of words, as means over the pages of the half that gristmill's model was not
trained on (by domain, see `extraction_sets`), and CPU time per page. The contenders take
turns on every page and are all given the decoded text.

    make bench NAME=extraction          # a fixed sample
    FULL=1 make bench NAME=extraction   # every held-out page

Speed is taken over the labelled pages and over pages of documentation of about 131 kB
each; `against` has the smaller ratio of the two, as it has the smaller F1 ratio of the
two labelled sets.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import debian_pages
import extraction_peer
import figures
import numpy as np
from contenders import describe_machine
from extraction_sets import SETS, WCXB, LabelledPage, average_scores, load_pages, score_text
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.cleaning.charset import decode
from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_kinds import find_kinds
from gristmill.cleaning.page_model import choose_blocks
from gristmill.cleaning.page_text import render_text

OURS = "gristmill"
SAMPLE_EVERY = 4  # of the large set's held-out pages, in a default run
TIMED_PAGES = 50  # of each kind, in a default run
ROUNDS = 3
RESAMPLES = 2000  # of the pages, for an interval
DOCUMENTATION_BYTES = (105_000, 160_000)

Extract = Callable[[str], tuple[str, float]]  # text, CPU seconds


@dataclass(frozen=True)
class Attempt:
    """What a contender made of a labelled page."""

    page: LabelledPage
    text: str


def extract_ours(html: str) -> tuple[str, float]:
    """Cut, choose, render."""
    before = time.process_time()
    raw = html.encode("utf-8", "replace")
    blocks = cut_blocks(raw)
    text = render_text(blocks, choose_blocks(blocks, find_kinds(raw)))
    return text, time.process_time() - before


def extract_resiliparse(html: str) -> tuple[str, float]:
    """Parse, and take the main content without comments and alternative texts."""
    before = time.process_time()
    text = extract_plain_text(
        HTMLTree.parse(html),
        preserve_formatting=True,
        main_content=True,
        alt_texts=False,
        comments=False,
    )
    return text, time.process_time() - before


def decode_page(raw: bytes) -> str:
    """The text of a page, empty if it is not decodable."""
    decoded = decode(raw, None)
    return decoded.text if decoded else ""


def choose_pages(full: bool) -> list[LabelledPage]:
    """The held-out pages of both sets; of the large one a fixed sample."""
    chosen = []
    for name in SETS:
        pages = [page for page in load_pages(name) if page.held_out]
        chosen += pages[:: 1 if full or name != WCXB else SAMPLE_EVERY]
    return chosen


def load_documentation(limit: int) -> list[str]:
    """Pages of documentation of about 131 kB, the first in the order of the set."""
    (pages,) = debian_pages.build_page_sets([None], files=len(os.sched_getaffinity(0)))
    found: list[str] = []
    for path in pages.files:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                low, high = DOCUMENTATION_BYTES
                raw = record.reader.read()
                if low <= len(raw) <= high and len(found) < limit:
                    found.append(decode_page(raw))
    return found


def try_pages(
    pages: Sequence[LabelledPage], contenders: Mapping[str, Extract]
) -> dict[str, list[Attempt]]:
    """Every contender's text of every page."""
    attempts: dict[str, list[Attempt]] = {name: [] for name in contenders}
    for page in pages:
        html = decode_page(page.html)
        for name, extract in contenders.items():
            attempts[name].append(Attempt(page, extract(html)[0] if html else ""))
    return attempts


def time_pages(pages: Sequence[str], contenders: Mapping[str, Extract]) -> dict[str, float]:
    """Milliseconds per page of every contender: the mean over pages of medians over rounds."""
    spent: dict[str, float] = dict.fromkeys(contenders, 0.0)
    for html in pages:
        rounds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, extract in contenders.items():
                rounds[name].append(extract(html)[1])
        for name in contenders:
            spent[name] += statistics.median(rounds[name])
    return {name: 1000 * seconds / max(1, len(pages)) for name, seconds in spent.items()}


def summarize_quality(attempts: Mapping[str, Sequence[Attempt]]) -> dict[str, dict[str, Any]]:
    """F1, precision and recall by set and by set and kind of page, for each contender."""
    found: dict[str, dict[str, Any]] = {}
    for name, tried in attempts.items():
        groups: dict[str, list[Attempt]] = {}
        for attempt in tried:
            groups.setdefault(attempt.page.set_name, []).append(attempt)
            groups.setdefault(f"{attempt.page.set_name}, {attempt.page.kind}", []).append(attempt)
        for group, members in groups.items():
            score = average_scores([score_text(item.text, item.page.gold) for item in members])
            found.setdefault(group, {"pages": len(members)})[name] = {
                "f1": round(score.f1, 4),
                "precision": round(score.precision, 4),
                "recall": round(score.recall, 4),
            }
    return dict(sorted(found.items()))


def measure_leads(attempts: Mapping[str, Sequence[Attempt]], peer: str) -> dict[str, list[float]]:
    """By how much our mean F1 is above a peer's, by set, with a 95 % interval: low, mean, high.

    The interval is over samples of the same pages with replacement; both contenders are
    scored on the same sample.
    """
    leads: dict[str, list[float]] = {}
    for name in SETS:
        ours, theirs = (
            np.array(
                [
                    score_text(attempt.text, attempt.page.gold).f1
                    for attempt in attempts[contender]
                    if attempt.page.set_name == name
                ]
            )
            for contender in (OURS, peer)
        )
        lead = ours - theirs
        draws = np.random.default_rng(0).integers(0, len(lead), (RESAMPLES, len(lead)))
        low, high = np.percentile(lead[draws].mean(axis=1), (2.5, 97.5))
        leads[name] = [round(float(value), 4) for value in (low, lead.mean(), high)]
    return leads


def compare_contenders(
    quality: Mapping[str, Mapping[str, Any]], times: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The smaller ratios of F1 and of speed; above 1 we are ahead."""
    against = {}
    for peer in ("trafilatura", "resiliparse"):
        ratios = [quality[name][OURS]["f1"] / quality[name][peer]["f1"] for name in SETS]
        speeds = [found[peer] / found[OURS] for found in times.values()]
        against[f"{peer}_f1"] = round(min(ratios), 4)
        against[f"{peer}_speed"] = round(min(speeds), 2)
    return against


def format_table(
    quality: Mapping[str, Mapping[str, Any]],
    leads: Mapping[str, Sequence[float]],
    times: Mapping[str, Mapping[str, float]],
) -> str:
    """F1, its lead over trafilatura's, and milliseconds per page, a line each."""
    names = list(next(iter(times.values())))
    lines = [f"{'F1':<42}{'pages':>6}" + "".join(f"{name:>14}" for name in names)]
    for group, found in quality.items():
        scores = "".join(f"{found[name]['f1']:>14.3f}" for name in names)
        lines.append(f"{group:<42}{found['pages']:>6}" + scores)
    for name, (low, lead, high) in leads.items():
        lines.append(
            f"{name}: {lead:+.3f} over trafilatura, 95 % interval {low:+.3f} to {high:+.3f}"
        )
    lines.append("CPU milliseconds per page")
    for group, spent in times.items():
        lines.append(f"{group:<48}" + "".join(f"{spent[name]:>14.2f}" for name in names))
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    full = os.environ.get("FULL", "0") == "1"
    peer = extraction_peer.Trafilatura(extraction_peer.find_python())
    contenders: dict[str, Extract] = {
        OURS: extract_ours,
        "resiliparse": extract_resiliparse,
        "trafilatura": peer.extract,
    }
    pages = choose_pages(full)
    for extract in contenders.values():
        extract(decode_page(pages[0].html))  # loads and compiles what it needs
    attempts = try_pages(pages, contenders)
    quality, leads = summarize_quality(attempts), measure_leads(attempts, "trafilatura")
    limit = 4 * TIMED_PAGES if full else TIMED_PAGES
    large = [page for page in pages if page.set_name == WCXB]
    labelled = [decode_page(page.html) for page in large[:: max(1, len(large) // limit)][:limit]]
    documentation = load_documentation(limit)
    times = {}
    for name, htmls in ((WCXB, labelled), ("documentation", documentation)):
        size = sum(map(len, htmls)) / len(htmls) / 1000
        times[f"{name}, {size:.0f} kB"] = time_pages(htmls, contenders)
    peer.close()
    machine = describe_machine()
    sys.stdout.write(f"{machine}; {len(pages)} held-out pages, trafilatura {peer.version}\n\n")
    sys.stdout.write(format_table(quality, leads, times) + "\n\n")
    facts = {
        "machine": machine,
        "quality": quality,
        "f1_over_trafilatura": leads,
        "milliseconds_per_page": times,
    }
    sys.stdout.write(figures.format_line(facts, compare_contenders(quality, times)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
