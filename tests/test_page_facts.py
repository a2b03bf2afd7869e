"""`read_facts`: who says what, what only looks like a statement, and real pages with gold."""

import datetime
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import page_facts
from gristmill.cleaning.fact_scan import scan_page
from gristmill.cleaning.opt_outs import SIGNALS
from gristmill.cleaning.page_facts import MAX_VALUE_CHARS, PageFacts, resolve_link

URL = "https://example.org/a/page"
PAGE = """<!DOCTYPE html><html lang="en-GB"><head>
<!-- <title>no</title><meta name=author content=Nobody><meta name=robots content=noai> -->
<script>"<title>no</title><meta name='author' content='Nobody'>"</script>
<TITLE>Of mills &amp; men |
 The Mill</TITLE><link href="../mill" rel="alternate canonical">
<meta content='A. Miller' NAME=Author><meta property="article:published_time" content="2020-01-02">
<meta property="article:modified_time" content="2020-01-03T04:05:06+01:00">
<meta name="GPTBot" content="noindex, noai"><meta name=tdm-reservation content=1>
</head><body><h1>Of mills &amp; men</h1><footer><a rel="nofollow license" href="/by">l</a></footer>"""


def read_facts(html: bytes, url: str | None, fetched: datetime.datetime | None = None) -> PageFacts:
    return page_facts.read_facts(html, scan_page(html).places, url, fetched)


def read(html: str, url: str | None = URL) -> PageFacts:
    return read_facts(html.encode(), url)


def test_reads_all_that_a_page_says() -> None:
    assert read(PAGE) == PageFacts(
        title="Of mills & men",
        author="A. Miller",
        published=datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
        modified=datetime.datetime(2020, 1, 3, 3, 5, 6, tzinfo=datetime.UTC),
        canonical_url="https://example.org/mill",
        language="en-GB",
        licence="https://example.org/by",
        opt_outs=("meta:noai", "meta:tdm-reservation"),
    )
    assert read("<p>bare") == read("") == PageFacts()


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title> A\n title </title>", "A title"),
        ("<title>A &lt;b&gt; title</title><h1>Other</h1>", "A <b> title"),
        ("<title>Mill</title><meta property='og:title' content='Of mills'>", "Of mills"),
        ("<title>Of mills - The Mill</title><h1><b>Of</b> mills</h1>", "Of mills"),
        ("<title>The Mill: Of mills</title><h1>of mills</h1>", "of mills"),
        ("<title>Of mills | Mill</title><meta property=og:site_name content=Mill>", "Of mills"),
        ("<title>Mill</title><meta property=og:site_name content=Mill>", "Mill"),
        ("<title>Windmills</title><h1>Wind</h1>", "Windmills"),
        ("<svg><title>Menu</title></svg><h1>Of mills</h1>", "Of mills"),
        ("<title></title><h1>Of mills</h1>", "Of mills"),
        ("<title>cut", "cut"),
        ("<h1>open <p>text", "open text"),
    ],
)
def test_title(html: str, title: str) -> None:
    assert read(html).title == title


@pytest.mark.parametrize(
    ("html", "author"),
    [
        ("<meta name=author content='By A. Miller '>", "A. Miller"),
        ("<meta name=author content=A><meta name=author content=B><meta name=author content=A>", "A, B"),
        ("<meta name=author content=admin><a rel=author href=/m> A. Miller</a>", "A. Miller"),
        ("<meta property=article:author content='https://social.example/miller'>", None),
        ("<meta name=author content=miller@example.org>", None),
        ("<meta name=twitter:creator content=@miller>", None),
        ("<span itemprop=author><a itemprop=url><b itemprop=name>A. Miller</b></a> etc</span>", "A. Miller"),
        ("<div itemprop=author><meta itemprop=name content='A. Miller'>bio</div>", "A. Miller"),
        ("<div itemprop='author creator'>A. <i>Miller</i></div>", "A. Miller"),
        ("<a rel=author>A</a><a rel=author>B</a>", "A"),
        ("<link rel=author href=/humans.txt>", None),
        ("<input name=author value=x>", None),
        ("<p itemprop=name>Mill</p>", None),
        ("by <a class=x href='https://h/author/am'><b>A.</b> Miller</a> on", "A. Miller"),
        ("<a href=/authors/am>more by the same author</a><a href=/authors/am>A. M.</a>", "A. M."),
        ("<!-- <a href=/author/am>A. Miller</a> -->/author/ <b>x</b>", None),
        ("<a href=/author/am>Top 10 Mills</a><a href=/authored>A. Miller</a>", None),
        ("<a href=/author/am>A. Miller</a><meta name=author content=B>", "B"),
        ('<script type="application/ld+json">{"@type":"Article","author":{"name":"J&eacute;"}}</script>'
         "<meta name=author content=B>", "Jé"),
    ],
)  # fmt: skip
def test_author(html: str, author: str | None) -> None:
    assert read(html).author == author


@pytest.mark.parametrize(
    ("html", "day"),
    [
        ("<time datetime=2020-01-02>x</time>", "2020-01-02"),
        ("<time>2 January 2020</time>", "2020-01-02"),
        ("<time datetime=2001-01-01></time><meta name=dc.date content=2020-01-02>", "2020-01-02"),
        ("<time datetime=2001-01-01></time><time itemprop=datePublished datetime=2020-01-02>", "2020-01-02"),
        ("<time pubdate datetime='no date'></time><time datetime=2020-01-02>", "2020-01-02"),
        ("<abbr itemprop='dateCreated datePublished' content=2020-01-02>", "2020-01-02"),
        ('<script type="application/ld+json; charset=utf-8">{"@type":"BlogPosting",'
         '"datePublished":"2020-01-02"}</script><time datetime=2001-01-01>', "2020-01-02"),
        ("<script type=text/x>{'datePublished':'2020-01-02'}</script>", None),
        ("<meta name=date content=03/04/2020>", None),
        ("<meta name=date content=2124-01-01>", None),
    ],
)  # fmt: skip
def test_published(html: str, day: str | None) -> None:
    fetched = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    published = read_facts(html.encode(), URL, fetched).published
    assert (published and published.date().isoformat()) == day


@pytest.mark.parametrize(
    ("html", "licence"),
    [
        ("<link rel=license href=https://l.example/by>", "https://l.example/by"),
        ("<a rel='cc:license' href=//l.example/by>", "https://l.example/by"),
        ("<a property=cc:license content=x href=/by>", "https://example.org/a/x"),
        ("<a itemprop=license href=/by>", "https://example.org/by"),
        ("<meta name=dcterms.rights content='https://l.example/by'>", "https://l.example/by"),
        ("<meta name=dc.rights content='All rights reserved'>", None),
        ("<a rel=license href='javascript:x'>", None),
        ("<a rel=license>", None),
    ],
)
def test_licence(html: str, licence: str | None) -> None:
    assert read(html).licence == licence


@pytest.mark.parametrize(
    ("html", "signals"),
    [
        ("<meta name=robots content='noai, noimageai'>", ("meta:noai", "meta:noimageai")),
        ("<meta name=ROBOTS content='index'><meta name=CCBot content=NOAI>", ("meta:noai",)),
        ("<meta name=google-extended content=noai>", ("meta:noai",)),
        ("<meta http-equiv=X-Robots-Tag content=noai>", ("meta:noai",)),
        ("<meta name=description content='noai'>", ()),
        ("<meta name=robots content='noindex,nofollow,noarchive'>", ()),
        ("<meta name=tdm-policy content=/p.json>", ("meta:tdm-policy",)),
        ("<meta name=tdm-reservation content=0>", ()),
        ("<p title='<meta name=robots content=noai>'>", ()),
        ("<textarea><meta name=robots content=noai></textarea>", ()),
        ("<noscript><meta name=robots content=noai></noscript>", ("meta:noai",)),
    ],
)
def test_opt_outs(html: str, signals: tuple[str, ...]) -> None:
    assert read(html).opt_outs == signals
    assert set(signals) <= SIGNALS


@pytest.mark.parametrize(
    ("link", "url", "expected"),
    [
        ("/x", URL, "https://example.org/x"),
        ("x", URL, "https://example.org/a/x"),
        ("//h/x", URL, "https://h/x"),
        ("https://h/x?a#b", None, "https://h/x?a#b"),
        ("/x", None, None),
        ("#top", URL, None),
        ("", URL, None),
        ("mailto:a@b", URL, None),
        ("ftp://h/x", URL, None),
        ("http://[bad", URL, None),
        ("http:///x", None, None),
        ("https://h/a b", URL, None),
        ("https://h/" + "a" * MAX_VALUE_CHARS, URL, None),
    ],
)
def test_links(link: str, url: str | None, expected: str | None) -> None:
    assert resolve_link(link, url) == expected


tags = st.sampled_from(
    [
        "<meta ",
        "<link ",
        "<title>",
        "<h1>",
        "<time ",
        "<a ",
        "<svg>",
        "</svg>",
        "<html ",
        "<!--",
        "-->",
        "<script type=application/ld+json>",
        "</script>",
        "</title>",
        "</h1>",
        "</a>",
        "</",
        "<",
    ]
)
attributes = st.sampled_from(
    [
        "name=author ",
        "content='x' ",
        "rel=license ",
        "href=/x ",
        "property=og:title ",
        "lang=a ",
        "itemprop='author name' ",
        "datetime=2020-01-01 ",
        'content="',
        "'",
        "=",
        "/",
        ">",
        " rel =",
    ]
)


@given(st.lists(tags | attributes | st.text(max_size=8), max_size=30).map("".join))
def test_any_soup_has_facts(html: str) -> None:
    facts = read(html)
    for value in (facts.title, facts.author, facts.language):
        assert value is None or (
            value == " ".join(value.split()) and 0 < len(value) <= MAX_VALUE_CHARS
        )
    for link in (facts.canonical_url, facts.licence):
        assert link is None or link.startswith(("https://", "http://"))
    commented = read(f"<!--{html.replace('>', '')}-->")
    assert commented == PageFacts()


@given(st.binary(max_size=200))
def test_any_bytes_have_facts(raw: bytes) -> None:
    assert set(read_facts(b"<meta name=robots content=" + raw, URL).opt_outs) <= SIGNALS


@pytest.mark.parametrize(
    "piece",
    [
        "<meta",
        "<meta ",
        "<meta name=author content='x' ",
        "<meta name=author content=x>",
        "<a rel=author>",
        "<title>",
        "<h1>",
        "<!--",
        "<svg>",
        "<script type=application/ld+json>{",
        "&#",
        "<a rel='",
        "<meta name='author author author author' content=",
        "<time>",
        "<p itemprop=author>",
    ],
)
def test_time_is_linear(piece: str) -> None:
    times = []
    for size in (1 << 20, 8 << 20):
        html = (piece * (size // len(piece))).encode()
        read_facts(html, URL)
        started = time.process_time()
        read_facts(html, URL)
        times.append(time.process_time() - started)
    assert times[1] < 17 * max(times[0], 0.01)


def words(text: str | None) -> list[str]:
    return re.findall(r"\w+", (text or "").lower())


def test_real_pages_say_what_people_read(shared_data: Callable[[str], Path]) -> None:
    """Over every third page; in comments what was measured over all."""
    counts: Counter[str] = Counter()
    for path in sorted(shared_data("extract-wcxb-dev").rglob("ground-truth/*.json"))[::3]:
        gold = json.loads(path.read_bytes())["ground_truth"]
        facts = read_facts((path.parents[1] / "html" / f"{path.stem}.html").read_bytes(), URL)
        counts["title"] += words(facts.title) == words(gold["title"])
        counts["pages"] += 1
        if gold["author"] and facts.author:
            counts["authors"] += 1
            counts["author"] += words(facts.author) == words(gold["author"])
        if gold["publish_date"] and facts.published:
            counts["dates"] += 1
            counts["date"] += facts.published.date().isoformat() == gold["publish_date"]
    assert counts["title"] > 0.63 * counts["pages"]  # 0.68
    assert counts["author"] > 0.85 * counts["authors"] > 160 * 0.85  # 0.89 of 572
    assert counts["date"] > 0.83 * counts["dates"] > 180 * 0.83  # 0.87 of 616
