"""Main content of held-out pages: F1 does not fall below what was measured."""

import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from extraction import OURS, Attempt, decode_page, extract_ours, measure_leads
from extraction_sets import (
    SCRAPINGHUB,
    SETS,
    WCXB,
    LabelledPage,
    average_scores,
    load_pages,
    score_text,
)

#: Every so many of the held-out pages are tried, and the mean F1 must be so high.
FLOORS = {SCRAPINGHUB: (1, 0.965), WCXB: (4, 0.83)}


@pytest.mark.parametrize("name", FLOORS)
def test_f1_on_held_out_pages(shared_file, name):
    every, floor = FLOORS[name]
    shared = shared_file(f"{name}.tar.zst").parent
    pages = [page for page in load_pages(name, shared) if page.held_out][::every]
    assert len(pages) > 80
    texts = [extract_ours(decode_page(page.html))[0] for page in pages]
    scores = [score_text(text, page.gold) for text, page in zip(texts, pages, strict=True)]
    assert average_scores(scores).f1 >= floor


def test_texts_are_the_same_every_time(shared_file):
    pages = load_pages(SCRAPINGHUB, shared_file(f"{SCRAPINGHUB}.tar.zst").parent)[:20]

    def digest() -> str:
        texts = [extract_ours(decode_page(page.html))[0] for page in pages]
        return hashlib.sha256("\x00".join(texts).encode()).hexdigest()

    assert digest() == digest()


def test_a_lead_is_the_mean_difference_inside_its_interval():
    golds = ["one two", "one two three four", "one"]
    pages = [LabelledPage(name, "", "", "", b"", gold) for name in SETS for gold in golds]
    attempts = {
        OURS: [Attempt(page, page.gold) for page in pages],
        "peer": [Attempt(page, "one") for page in pages],
    }
    for low, lead, high in measure_leads(attempts, "peer").values():
        assert lead == pytest.approx((1 / 3 + 3 / 5) / 3, abs=1e-4)
        assert 0 <= low < lead < high < 1
