"""Wikimedia Enterprise dumps: the documented layout, damage, and what an article leaves out."""

import gzip
import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.enterprise_html import (
    EnterpriseRow,
    extract_article,
    is_enterprise,
    iterate,
)
from gristmill.cleaning.html_extraction import ExtractionError
from gristmill.cleaning.wiki_html import render_article
from gristmill.cleaning.wikipedia_dump import ArticleSettings
from gristmill.pipelines.sources import wikipedia
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import Wikipedia

Fate = Found | Refused | Damaged
BODY = """<!DOCTYPE html><html><head><title>Mill</title></head><body lang="en">
<section data-mw-section-id="0"><div class="shortdescription">Grinder</div>
<div role="note" class="hatnote">For others, see X</div>
<table class="infobox vcard"><tbody><tr><th>Type</th><td>box</td></tr></tbody></table>
<p>A <b>mill</b> is a <a href="./Machine">machine</a>.<sup class="mw-ref reference">[1]</sup></p>
<p>It has <span class="mwe-math-element"><math><semantics><mi>x</mi>
<annotation encoding="application/x-tex">{\\displaystyle x^{2}}</annotation></semantics></math>
<img alt="x"></span> stones.</p></section>
<section><h2>History<span class="mw-editsection">[edit]</span></h2><p>Old.</p>
<ul><li>one<ul><li>two</li></ul></li></ul>
<table class="wikitable"><caption>Mills</caption><tbody><tr><th>Name</th><th>Place</th></tr>
<tr><td>A</td><td>B <i>c</i></td></tr></tbody></table>
<figure typeof="mw:File/Thumb"><img><figcaption>A caption</figcaption></figure></section>
<section><h2>References</h2><div class="mw-references-wrap"><ol class="references">
<li>a book</li></ol></div></section>
<div role="navigation" class="navbox">others</div></body></html>"""
TEXT = (
    "A mill is a machine.\n\nIt has x^{2} stones.\n\n## History\n\nOld.\n\n- one\n- two\nMills\n"
    "Name | Place\nA | B c"
)


def make_article(number: int = 7, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Mill",
        "identifier": number,
        "date_modified": "2024-06-01T10:00:00Z",
        "version": {"identifier": 99, "comment": "c", "editor": {"name": "E"}},
        "url": "https://en.wikipedia.org/wiki/Mill",
        "namespace": {"identifier": 0, "name": "Article"},
        "in_language": {"identifier": "en", "name": "English"},
        "is_part_of": {"identifier": "enwiki", "name": "Wikipedia"},
        "article_body": {"html": BODY, "wikitext": "A '''mill'''."},
        "license": [
            {"name": "Creative Commons", "identifier": "CC-BY-SA-4.0", "url": "https://l.example"}
        ],
        "redirects": [{"name": "Mills", "url": "https://en.wikipedia.org/wiki/Mills"}],
        **changes,
    }


def make_dump(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, payload in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return buffer.getvalue()


def lines_of(*articles: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(article).encode() + b"\n" for article in articles)


def read_all(data: bytes, **settings: Any) -> list[Fate]:
    return [
        extract_article(item, ArticleSettings(**settings))
        if isinstance(item, EnterpriseRow)
        else item
        for item in iterate(io.BytesIO(data))
    ]


def test_found() -> None:
    (fate,) = read_all(make_dump({"enwiki_0.ndjson": lines_of(make_article())}))
    assert isinstance(fate, Found)
    assert fate.text == TEXT
    assert (fate.native_id, fate.title, fate.url) == (
        "enwiki:7:99", "Mill", "https://en.wikipedia.org/wiki/Mill",
    )  # fmt: skip
    assert (fate.declared_language, fate.licence) == ("en", "CC-BY-SA-4.0")
    assert fate.date is not None and fate.date.isoformat() == "2024-06-01T10:00:00+00:00"


def test_lines_are_located_in_the_tar() -> None:
    members = {
        "enwiki_0.ndjson": lines_of(make_article(1), make_article(2)),
        "enwiki_1.ndjson": lines_of(make_article(3)),
    }
    data = make_dump(members)
    tar = gzip.decompress(data)
    items = list(iterate(io.BytesIO(data)))
    for number, item in enumerate(items, 1):
        assert isinstance(item, EnterpriseRow)
        line = json.loads(tar[item.offset : item.offset + item.length])
        assert line["identifier"] == number
    alone = list(iterate(io.BytesIO(gzip.compress(members["enwiki_0.ndjson"]))))
    assert [item.row.raw for item in alone if isinstance(item, EnterpriseRow)] == [
        item.row.raw for item in items[:2] if isinstance(item, EnterpriseRow)
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"namespace": {"identifier": 14}}, ("namespace", "14")),
        ({"article_body": {"html": "<p> </p>"}}, ("empty_text", "no prose")),
        ({"article_body": {}}, ("bad_row", "no article_body")),
        ({"article_body": None}, ("bad_row", "no article_body")),
        ({"identifier": "7"}, ("bad_row", "no identifier")),
        ({"version": {}}, ("bad_row", "no identifier")),
        ({"identifier": 1 << 80}, ("bad_row", "no identifier")),
        ({"article_body": {"html": "<div>" * 100_000}}, ("too_complex", "depth over 2000")),
        ({"article_body": {"html": "x" * 200_000}}, ("too_large", "200000 > 150000")),
    ],
)
def test_other_fates(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    data = make_dump(
        {"a.ndjson": lines_of(make_article(), make_article(**changes), make_article())}
    )
    if expected[0] == "too_complex":
        fates = read_all(data)
    else:
        fates = read_all(data, max_document_bytes=150_000)
    assert [type(fates[0]), type(fates[2])] == [Found, Found]
    assert fates[1][:2] == expected


def test_wikitext_where_there_is_no_html() -> None:
    article = make_article(article_body={"wikitext": "A '''mill'''.{{x}}"}, license=None, url=5)
    (fate,) = read_all(lines_of(article))
    assert isinstance(fate, Found)
    assert (fate.text, fate.licence, fate.url) == ("A mill.", None, None)


def test_bad_lines_cost_themselves() -> None:
    good = lines_of(make_article())
    bad = [b"{", b"[1]", b'{"a": "\xff"}', b"[" * 100_000, b'{"identifier": NaN}', b"null"]
    for line in bad:
        fates = read_all(make_dump({"a.ndjson": good + line + b"\n" + good}))
        assert [type(fate) for fate in fates] == [Found, Damaged, Found], line[:20]
        assert fates[1].native_id is not None and fates[1].native_id.startswith("a.ndjson:line:1")


def test_stray_members_are_counted() -> None:
    members = {"README.md": b"x", "a.ndjson": lines_of(make_article()), "../evil.sh": b"x"}
    fates = read_all(make_dump(members))
    assert [type(fate) for fate in fates] == [Refused, Found, Refused]
    assert fates[2][:2] == ("stray_member", "file: ../evil.sh")


def test_truncation_is_damage() -> None:
    articles = [
        make_article(n, article_body={"html": f"<p>word {n * n * 7919}</p>"}) for n in range(99)
    ]
    data = make_dump({"a.ndjson": lines_of(*articles[:50]), "b.ndjson": lines_of(*articles[50:])})
    whole = read_all(data)
    assert all(isinstance(fate, Found) for fate in whole)
    for cut in range(1, len(data), 97):
        fates = read_all(data[:cut])
        assert isinstance(fates[-1], Damaged), cut
        assert fates[: len(fates) - 1] == whole[: len(fates) - 1]


def test_callable_renders() -> None:
    def fail(html: str) -> str:
        raise ExtractionError("Name")

    item = next(iterate(io.BytesIO(lines_of(make_article()))))
    assert isinstance(item, EnterpriseRow)
    found = extract_article(item, ArticleSettings(), render=lambda html: str(len(html)))
    assert isinstance(found, Found) and found.text == str(len(BODY))
    failed = extract_article(item, ArticleSettings(), render=fail)
    assert isinstance(failed, Damaged) and failed[:2] == ("extraction_failed", "Name")


def test_source_tells_the_format(tmp_path: Path) -> None:
    source = Wikipedia(name="en", kind="wikipedia", paths=("x",))
    path = tmp_path / "enwiki-NS0-20240601-ENTERPRISE-HTML.json.tar.gz"
    path.write_bytes(make_dump({"enwiki_0.ndjson": lines_of(make_article())}))
    (item,) = wikipedia.iterate_file(path, source, 1 << 20)
    assert not isinstance(item, Damaged | Refused)
    fate = wikipedia.extract_item(item, source, 1 << 20)
    assert isinstance(fate, Found) and fate.text == TEXT
    assert wikipedia.cut_file(path, 100, 1 << 20) == [0]
    assert is_enterprise(b'{"name"') and not is_enterprise(b"<mediawiki>")


MARKUP = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<table>", "<tr>", "<td>", "</table>", "<h2>", "</h2>", "<ul>", "<li>", "a",
         " b ", '<div class="navbox">', '<div class="infobox reference">', "</div>", "<math>", "<svg>",
         '<span class="mwe-math-element">', '<annotation encoding="application/x-tex">', "<template>",
         "\x1e", "\x01", "<figure>", "</figure>", "<pre>", "&amp;", "<!--", "-->", "</body>"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(MARKUP)
def test_rendering_is_total(html: str) -> None:
    text = render_article(html)
    assert "\x1e" not in text and "\x01" not in text
    assert text == text.strip() and "\n\n\n" not in text
    assert text == render_article(html)


def test_rendering_is_linear() -> None:
    def measure(count: int) -> float:
        rows = "".join(
            "<tr><td>a</td><td>b<sup class=reference>1</sup></td></tr>" for _ in range(count)
        )
        html = f"<h2>T</h2><table>{rows}</table>" + "<p>word <i>x</i></p>" * count
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            assert "a | b" in render_article(html)
            best = min(best, time.process_time() - started)
        return best

    assert measure(8000) / measure(1000) < 17
