"""Made-up web pages by the hundred thousand: WARC files that depend on a seed alone.

Where real pages are too few. The prose is drawn from Python's own reference
manual (``pydoc_data``), read at run time: chains in which every two neighbouring
words stand in the manual, so that words come as often as in English and no two
pages share a paragraph. Around it stand a menu, a script and a footer, 6 to 10
kilobytes of HTML a page. Of 100 pages 15 are near duplicates of an earlier page,
5 exact ones; 4 are short, 4 German. A tenth of the copies are of the first few
pages: licences and error pages, whose groups grow with the crawl.

Page ``n`` is a function of (seed, n): a larger set begins with the smaller one.
There is one response a page, without request and metadata records. The same
Python and numpy give the same bytes.

Run it alone: ``python tests/benchmarks/page_makers.py FOLDER PAGES [FILES]``.
"""

import multiprocessing
import os
import re
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PHRASES = 1 << 17  # so many that two pages share one phrase in ten pairs, not a shingle set
WORDS_PER_PHRASE = 6
PHRASES_PER_SENTENCE = 3
DRAWS = 512  # numbers that a page may draw
ORIGINAL, NEAR_COPY, EXACT_COPY = range(3)
NEAR_FRACTION, EXACT_FRACTION = 0.15, 0.05
SHORT_FRACTION, GERMAN_FRACTION = 0.04, 0.04
POPULAR_PAGES, POPULAR_FRACTION = 20, 0.1  # what a tenth of the copies are copies of
CHANGED_SENTENCES = 2  # in a near copy, of 20 to 60
FIRST_FETCH = datetime(2024, 1, 1, tzinfo=UTC)

GERMAN = (
    "Die alte Mühle am Fluss|Der Bauer aus dem Dorf|Eine lange Straße durch den Wald|Nach dem "
    "Sturm|Vor der Ernte im Herbst|Der neue Lehrer der Schule|Am frühen Morgen|Niemand aus der "
    "Stadt|Das Fenster zum Garten|In der kleinen Küche|Seit vielen Jahren|Hinter der Kirche",
    "stand wieder offen und|wurde von den Leuten gesehen und|blieb für lange Zeit allein, aber|"
    "kam mit dem Wagen zurück, weil|wollte nicht mehr warten und|sah die Brücke über das Tal, als|"
    "hatte keinen Namen mehr, doch|ging ohne ein Wort vorbei und|war so still wie immer, denn",
    "die Kinder sammelten das Holz.|alle sprachen über den Winter.|es gab nichts zu essen.|der "
    "Brief war schon geschrieben.|die Tür wurde leise geschlossen.|das Wasser stieg noch weiter.|"
    "man hörte die Glocken vom Berg.|die Geschichte war zu Ende.|er trug den Korb nach Hause.",
)


class Plan(NamedTuple):
    """What each page of a set is: arrays of one entry a page."""

    kinds: npt.NDArray[np.uint8]
    origins: npt.NDArray[np.int64]  # the page whose text it has; itself for an original


def draw_numbers(seed: int, page: int, count: int = DRAWS) -> npt.NDArray[np.uint64]:
    """Draw 64-bit numbers that depend on (seed, page) alone, by splitmix64.

    Our own, as numpy's generators may change what they draw from one version
    to the next, and take longer to set up than a page takes to write.
    """
    first = (seed * 0x9E3779B97F4A7C15 + page * 0xD1342543DE82EF95) % (1 << 64)
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = steps + np.uint64(first)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def plan_pages(pages: int, seed: int) -> Plan:
    """Draw what every page is and whose text it has.

    A copy of a copy has the text of the first, so that groups grow like
    those of a crawl: who has many copies gets the next one more likely.
    """
    lots = draw_numbers(seed, -1, 3 * pages).reshape(pages, 3)
    shares = lots[:, 0].astype(np.float64) / 2.0**64
    kinds = np.where(
        shares < NEAR_FRACTION,
        NEAR_COPY,
        np.where(shares < NEAR_FRACTION + EXACT_FRACTION, EXACT_COPY, ORIGINAL),
    ).astype(np.uint8)
    kinds[:POPULAR_PAGES] = ORIGINAL
    popular = lots[:, 1].astype(np.float64) / 2.0**64 < POPULAR_FRACTION
    ceilings = np.where(popular, POPULAR_PAGES, np.maximum(np.arange(pages), 1)).astype(np.uint64)
    targets = (lots[:, 2] % ceilings).astype(np.int64)
    origins = np.where(kinds == ORIGINAL, np.arange(pages), targets)
    while True:  # each round halves the way of the longest chain
        further = origins[origins]
        if np.array_equal(further, origins):
            return Plan(kinds, origins)
        origins = further


@lru_cache(maxsize=2)
def chain_phrases(seed: int) -> list[str]:
    """Chain words of the manual into phrases, every two neighbours a pair that stands in it."""
    text = " ".join(topics[name] for name in sorted(topics))
    words = re.findall(r"[A-Za-z][a-z]+|a|I", text.replace("\n", " "))
    names, spelled = np.unique(np.array([word.lower() for word in words]), return_inverse=True)
    order = np.argsort(spelled, kind="stable")
    starts = np.searchsorted(spelled[order], np.arange(len(names) + 1))
    lots = draw_numbers(seed, -2, PHRASES * WORDS_PER_PHRASE).reshape(WORDS_PER_PHRASE, PHRASES)
    places = (lots[0] % np.uint64(len(words) - 1)).astype(np.int64)
    columns = [spelled[places]]
    for lot in lots[1:]:
        following = spelled[(places + 1) % len(words)]
        # Go on from any place where that word stands: the chain leaves the manual's own sentences.
        first, beyond = starts[following], starts[following + 1]
        places = order[first + (lot % (beyond - first).astype(np.uint64)).astype(np.int64)]
        columns.append(following)
    return [" ".join(row) for row in names[np.stack(columns, axis=1)].tolist()]


def write_english(phrases: list[str], draws: list[int], sentences: int) -> list[str]:
    """Write sentences of three phrases each."""
    count = len(phrases)
    chosen = [phrases[draw % count] for draw in draws[: sentences * PHRASES_PER_SENTENCE]]
    heads, middles, tails = (chosen[place::PHRASES_PER_SENTENCE] for place in range(3))
    return [
        f"{head.capitalize()} {middle}, {tail}."
        for head, middle, tail in zip(heads, middles, tails, strict=True)
    ]


def write_german(draws: list[int], sentences: int) -> list[str]:
    """Write sentences of a subject, a verb and a clause each."""
    parts = [part.split("|") for part in GERMAN]
    return [
        " ".join(
            part[draw % len(part)]
            for part, draw in zip(parts, draws[number * 3 : number * 3 + 3], strict=True)
        )
        for number in range(sentences)
    ]


def write_page(plan: Plan, page: int, seed: int) -> str:
    """Write the HTML of a page: its origin's sentences in surroundings of its own."""
    phrases = chain_phrases(seed)
    origin = int(plan.origins[page])
    draws = draw_numbers(seed, origin).tolist()
    around = draws if origin == page else draw_numbers(seed, page).tolist()
    lot = draws[-1] / 2.0**64
    if lot < SHORT_FRACTION:
        sentences = write_english(phrases, draws, 1 + draws[-2] % 2)
    elif lot < SHORT_FRACTION + GERMAN_FRACTION:
        sentences = write_german(draws, 20 + draws[-2] % 20)
    else:
        sentences = write_english(phrases, draws, 20 + draws[-2] % 41)
    if plan.kinds[page] == NEAR_COPY:
        changed = write_english(phrases, around, CHANGED_SENTENCES)
        for number, sentence in enumerate(changed):
            sentences[around[number] % len(sentences)] = sentence
    size = 3 + draws[-3] % 3
    paragraphs = [" ".join(sentences[at : at + size]) for at in range(0, len(sentences), size)]
    title = sentences[0][:60]
    if plan.kinds[page] == EXACT_COPY:
        around = draws
    links = [phrases[draw % len(phrases)] for draw in around[-60:-30]]
    menu = "\n".join(
        f'<li class="nav-item"><a href="/topic/{text.replace(" ", "-")}" title="{text}">'
        f"{text[:24]}</a></li>"
        for text in links[:20]
    )
    related = "\n".join(f'<a class="card" href="/p/{text[:9]}">{text}</a>' for text in links[20:])
    body = '</p>\n<p class="text-body">'.join(paragraphs)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        f'<meta name="description" content="{title}">\n'
        '<link rel="stylesheet" href="/static/css/site.min.css?v=20240101">\n'
        "<script>window.dataLayer=window.dataLayer||[];function note(){dataLayer.push(arguments);}"
        f'note("page",{page});</script>\n</head>\n<body class="page-{page % 7}">\n'
        f'<header><nav class="menu"><ul>\n{menu}\n</ul></nav></header>\n'
        f"<main><article>\n<h1>{title}</h1>\n"
        f'<p class="text-body">{body}</p>\n</article></main>\n'
        f'<aside class="related">\n{related}\n</aside>\n'
        '<footer><p>Contact | Privacy | Terms of use</p><div class="legal">All rights reserved.'
        "</div></footer>\n</body>\n</html>\n"
    )


def write_capture(page: int, seed: int, html: str) -> bytes:
    """Write the WARC record of a page, before compression."""
    high, low = draw_numbers(seed, page, 2).tolist()
    digits = f"{high:016x}{low:016x}"
    native_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    date = (FIRST_FETCH + timedelta(seconds=page)).strftime("%Y-%m-%dT%H:%M:%SZ")
    payload = html.encode()
    http = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    ).encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{native_id}>\r\n"
        f"WARC-Date: {date}\r\nWARC-Target-URI: https://site-{high % 5000}.example/{page}.html\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http) + len(payload)}\r\n\r\n"
    ).encode()
    return head + http + payload + b"\r\n\r\n"


def _write_file(path: Path, plan: Plan, seed: int, first: int, beyond: int) -> Path:
    with path.open("wb") as stream:
        for page in range(first, beyond):
            deflate = zlib.compressobj(1, zlib.DEFLATED, 31)  # one gzip member a record
            stream.write(deflate.compress(write_capture(page, seed, write_page(plan, page, seed))))
            stream.write(deflate.flush())
    return path


def _list_shares(folder: Path, pages: int, files: int) -> Iterator[tuple[Path, int, int]]:
    for number in range(files):
        path = folder / f"made-{number:05d}.warc.gz"
        yield path, pages * number // files, pages * (number + 1) // files


def make_pages(
    folder: Path, pages: int, *, files: int, seed: int = 7, processes: int | None = None
) -> list[Path]:
    """Write `pages` pages into `files` WARC files of contiguous, nearly equal shares.

    Args:
        folder: made if it is missing; files of the same names are replaced.
        pages: how many.
        files: how many.
        seed: of everything that is drawn.
        processes: how many write at once; None is one a core, 1 is this one.

    Returns:
        The files, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = plan_pages(pages, seed)
    chain_phrases(seed)  # before the fork, so that no process chains them again
    work = [
        (path, plan, seed, first, beyond)
        for path, first, beyond in _list_shares(folder, pages, files)
    ]
    workers = min(processes or len(os.sched_getaffinity(0)), files)
    if workers == 1:
        return [_write_file(*item) for item in work]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        return pool.starmap(_write_file, work, chunksize=1)


if __name__ == "__main__":
    began = time.perf_counter()
    asked = int(sys.argv[2])
    made = make_pages(Path(sys.argv[1]), asked, files=int(sys.argv[3]) if sys.argv[3:] else 8)
    spent = time.perf_counter() - began
    size = sum(path.stat().st_size for path in made)
    sys.stdout.write(f"{asked:,} pages, {size:,} bytes, {asked / spent:,.0f} pages a second\n")
