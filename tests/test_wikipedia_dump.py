"""Dumps: exact counts on real ones, damage that costs what it touches, hostile XML."""

import bisect
import bz2
import dataclasses
import datetime
import gzip
import io
import itertools
import lzma
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.wiki_sites import (
    build_article_url,
    guess_database_name,
    name_site,
)
from gristmill.cleaning.wikipedia_dump import (
    ArticleSettings,
    Site,
    WikiPage,
    extract_article,
    iterate,
    read_site,
)
from gristmill.schemas.fates import COLLECT_RULES, QUARANTINE_REASONS, Damaged, Found, Refused

SITEINFO = """<siteinfo><sitename>W</sitename><dbname>lvwiki</dbname>
<base>https://lv.wikipedia.org/wiki/S%C4%81kumlapa</base>
<namespaces><namespace key="-2">Media</namespace><namespace key="0" />
<namespace key="6" case="first-letter">Attēls</namespace>
<namespace key="14">Kategorija</namespace></namespaces></siteinfo>"""
HEAD = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">{SITEINFO}'
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "bz2": bz2.compress,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def make_page(page_id: int, title: str = "T", text: str = "text", extra: str = "") -> str:
    return (
        f"<page><title>{escape(title)}</title><ns>0</ns><id>{page_id}</id>{extra}<revision>"
        f"<id>{page_id + 100}</id><timestamp>2024-05-06T07:08:09Z</timestamp>"
        f"<contributor><username>U</username><id>9</id></contributor><model>wikitext</model>"
        f'<text bytes="1" xml:space="preserve">{escape(text)}</text></revision></page>\n'
    )


def make_dump(*pages: str) -> bytes:
    return (HEAD + "".join(pages) + "</mediawiki>").encode()


def read_all(data: bytes, **options: int | bool) -> list[WikiPage | Damaged]:
    return list(iterate(io.BytesIO(data), **options))  # type: ignore[arg-type]


def page_of(**changes: object) -> WikiPage:
    values: dict[str, object] = {
        "title": "A b/c?", "namespace": 0, "page_id": 7, "revision_id": 8,
        "timestamp": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC), "model": "wikitext",
        "text": "'''Word''' [[Attēls:x.jpg|thumb]]", "redirect": False, "offset": 5, "position": 5, "length": 6,
    }  # fmt: skip
    return WikiPage(**(values | changes))  # type: ignore[arg-type]


# Real dumps


def test_whole_latgalian_wikipedia(shared_data: Callable[[str], Path]) -> None:
    path = next(shared_data("wiki-ltgwiki-full").rglob("smallwiki*.xml"))
    with path.open("rb") as stream:
        pages = list(iterate(stream))
    assert all(isinstance(page, WikiPage) for page in pages)
    kept = [page for page in pages if isinstance(page, WikiPage)]
    assert len(kept) == 2004
    assert sum(page.redirect for page in kept) == 195
    assert sum(page.namespace == 0 for page in kept) == 1050
    whole = path.read_bytes()
    for page in kept[::97]:
        element = whole[page.offset : page.offset + page.length]
        assert element.startswith(b"<page>") and element.endswith(b"</page>")
        assert f"<id>{page.page_id}</id>".encode() in element
    with path.open("rb") as stream:
        site = read_site(stream)
    assert site is not None
    assert (site.name, site.language) == ("ltgwiki", "ltg")
    assert {"fails", "kategoreja"} <= site.link_prefixes
    fates = [extract_article(page, ArticleSettings(), site=site) for page in kept]
    rules = Counter(fate.rule for fate in fates if isinstance(fate, Refused))
    assert rules["redirect"] == 195
    assert sum(isinstance(fate, Found) for fate in fates) + rules.total() == 2004
    assert len({fate.native_id for fate in fates}) == 2004


@pytest.mark.parametrize("name", ["bz2", "multistream", "gz", "xz", "zst"])
def test_containers_agree(name: str, shared_data: Callable[[str], Path]) -> None:
    data = next(shared_data("wiki-ltgwiki-full").rglob("smallwiki*.xml")).read_bytes()
    plain = read_all(data)
    if name != "multistream":
        assert read_all(CODECS[name](data)) == plain
        return
    cuts = [0, 3000, len(data) // 2, len(data)]
    packed = [bz2.compress(data[a:b]) for a, b in itertools.pairwise(cuts)]
    heads = [0, len(packed[0]), len(packed[0] + packed[1])]
    pages = read_all(b"".join(packed))
    for page, expected in zip(pages, plain, strict=True):
        assert isinstance(page, WikiPage) and isinstance(expected, WikiPage)
        stream = bisect.bisect_right(cuts, expected.offset) - 1
        assert page.position == expected.position - cuts[stream]
        assert page.offset == (heads[stream] or page.position)
        assert dataclasses.replace(expected, offset=page.offset, position=page.position) == page


def test_english_excerpt(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("wiki-gensim")
    path = next(folder.rglob("enwiki-latest-pages-articles1*.bz2"))
    with path.open("rb") as stream:
        pages = [page for page in iterate(stream) if isinstance(page, WikiPage)]
    assert len(pages) == 206
    assert sum(page.redirect for page in pages) == 100
    fates = [extract_article(page, ArticleSettings(), site="enwiki") for page in pages]
    found = [fate for fate in fates if isinstance(fate, Found)]
    assert len(found) == 106
    anarchism = found[0]
    assert anarchism.url == "https://en.wikipedia.org/wiki/Anarchism"
    assert anarchism.native_id.startswith("enwiki:12:")
    assert anarchism.licence == "CC-BY-SA-3.0"  # revised in 2016
    assert anarchism.declared_language == "en"


def test_every_mini_dump(shared_data: Callable[[str], Path]) -> None:
    files = sorted(shared_data("wiki-dbpedia-minidumps-A").rglob("*.bz2"))
    assert len(files) == 66
    fates: Counter[str] = Counter()
    empty = 0
    for path in files:
        with path.open("rb") as stream:
            site = read_site(stream)
        with path.open("rb") as stream:
            items = list(iterate(stream))
        empty += not items
        for item in items:
            assert isinstance(item, WikiPage), path
            fate = extract_article(item, ArticleSettings(), site=site or "xxwiki")
            fates[fate.rule if isinstance(fate, Refused) else type(fate).__name__] += 1
    assert empty == 1  # wikidata.org holds a header and no page
    assert fates["Found"] >= 90
    assert set(fates) <= {"Found", *COLLECT_RULES}
    assert fates["content_model"] > 0  # wikidata


def test_single_page_exports(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("wiki-wikiclean")
    for path in sorted(folder.rglob("*.xml")):
        with path.open("rb") as stream:
            (page,) = iterate(stream)
        assert isinstance(page, WikiPage)
        fate = extract_article(page, ArticleSettings(), site="xxwiki")
        assert isinstance(fate, Found) and len(fate.text) > 500, path
    with next(folder.rglob("article-stubs*")).open("rb") as stream:
        stubs = list(iterate(stream))
    fates = [
        extract_article(stub, ArticleSettings(), site="x")
        for stub in stubs
        if isinstance(stub, WikiPage)
    ]
    assert [(fate.rule, fate.detail) for fate in fates if isinstance(fate, Refused)] == [
        ("empty_text", "no revision")
    ] * 5


def test_full_history_exports(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("wiki-pywikibot-xml")
    containers = [
        "article-pyrus.xml", "article-pyrus.xml.bz2", "article-pyrus.xml.gz", "article-pyrus.xml.xz",
        "article-pyrus.xml.lzma", "article-pyrus-utf16.xml", "article-pyrus-utf16.xml.bz2",
    ]  # fmt: skip
    seen = set()
    for name in containers:
        with next(folder.rglob(name)).open("rb") as stream:
            (page,) = iterate(stream)
        assert isinstance(page, WikiPage), name
        seen.add((page.title, page.revision_id, page.text, page.redirect))
    assert len(seen) == 1
    with next(folder.rglob("article-pear-0.10.xml")).open("rb") as stream:
        (pear,) = iterate(stream)
    assert isinstance(pear, WikiPage)
    text = next(folder.rglob("article-pear-0.10.xml")).read_text("utf-8")
    assert f"<id>{pear.revision_id}</id>" in text[text.rindex("<revision>") :]
    with next(folder.rglob("article-pear.xml")).open("rb") as stream:
        site = read_site(stream)
    assert site is not None and site.name == "enwiki"  # schema 0.3 has no dbname
    for name in ("article-pyrus.xml.7z", "article-pyrus.xml_invalid.7z"):
        with next(folder.rglob(name)).open("rb") as stream:
            (damaged,) = iterate(stream)
        assert isinstance(damaged, Damaged) and damaged.reason == "damaged_record"


# Reading


xml_text = st.text(
    alphabet=st.characters(
        codec="utf-8", exclude_characters="\r￾￿", exclude_categories=["Cc", "Cn"]
    ),
    max_size=60,
)


class Trickle(io.RawIOBase):
    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._inner = io.BytesIO(data)
        self._sizes = sizes
        self._turn = 0

    def read(self, size: int = -1) -> bytes:
        self._turn += 1
        return self._inner.read(self._sizes[self._turn % len(self._sizes)])


@given(
    pages=st.lists(st.tuples(xml_text, xml_text), max_size=6),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5),
    name=st.sampled_from(["plain", "bz2", "gz", "utf-16"]),
)
def test_pages_come_back(pages: list[tuple[str, str]], sizes: list[int], name: str) -> None:
    data = make_dump(*(make_page(i + 1, title, text) for i, (title, text) in enumerate(pages)))
    packed = data.decode().encode("utf-16") if name == "utf-16" else CODECS[name](data)
    read = list(iterate(Trickle(packed, sizes)))  # type: ignore[arg-type]
    assert [
        (page.title, page.text, page.page_id) for page in read if isinstance(page, WikiPage)
    ] == [(title, text, i + 1) for i, (title, text) in enumerate(pages)]
    assert len(read) == len(pages)
    for page in read:
        element = data[page.offset : page.offset + page.length]
        assert element.startswith(b"<page>") and element.endswith(b"</page>")


def test_fields() -> None:
    (page,) = read_all(make_dump(make_page(1, "A & B", "x < y", '<redirect title="C" />')))
    assert page == WikiPage(
        "A & B", 0, 1, 101, datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC), "wikitext",
        "x < y", True, page.offset, page.position, page.length,
    )  # fmt: skip


def test_last_revision_is_taken() -> None:
    revisions = "".join(
        f"<revision><id>{i}</id>{'<model>json</model>' if i == 1 else ''}<text>t{i}</text></revision>"
        for i in (5, 1, 3)
    )
    (page,) = read_all(f"<page><title>T</title><id>2</id>{revisions}</page>".encode())
    assert isinstance(page, WikiPage)
    assert (page.page_id, page.revision_id, page.text, page.model) == (2, 3, "t3", None)


def test_namespace_from_title_in_old_dumps() -> None:
    dump = HEAD + "".join(
        f"<page><title>{title}</title><id>1</id><revision><text>t</text></revision></page>"
        for title in ("Attēls:A", "User:B", "Star Trek: C", "D")
    )
    pages = read_all((dump + "</mediawiki>").encode())
    assert [page.namespace for page in pages if isinstance(page, WikiPage)] == [6, 2, 0, 0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#REDIRECT [[A]]", True), ("#redirect: [[A]]", True), ("  #WEITERLEITUNG [[A]]", True),
        ("#перенаправление[[A]]", True), ("#重定向 [[A]]", True), ("#YÖNLENDİRME [[A]]", True),
        ("# see [[A]]", False), ("#REDIRECT A", False), ("text #REDIRECT [[A]]", False), ("", False),
    ],
)  # fmt: skip
def test_redirects_without_an_element(text: str, expected: bool) -> None:
    (page,) = read_all(make_dump(make_page(1, text=text)))
    assert isinstance(page, WikiPage) and page.redirect is expected


# Damage


@pytest.mark.parametrize("name", CODECS)
def test_truncation_at_every_byte(name: str) -> None:
    pages = [make_page(1, "A", "one"), make_page(2, "B", "two")]
    whole = CODECS[name](make_dump(*pages))
    intact = read_all(whole)
    assert len(intact) == 2
    for cut in range(len(whole)):
        read = read_all(whole[:cut])
        assert read[:-1] == intact[: len(read) - 1], cut
        last = read[-1]
        assert isinstance(last, Damaged), cut
        assert last.reason in ("truncated_record", "damaged_record")


def test_slices_of_a_multistream_dump() -> None:
    pages = "".join(make_page(i) for i in range(1, 4))
    assert len(read_all(bz2.compress(pages.encode()))) == 3
    head = (HEAD + make_page(1)).encode()
    assert [type(item) for item in read_all(head)] == [WikiPage, Damaged]


def test_one_bad_bzip2_block_costs_its_pages() -> None:
    pages = [
        make_page(i, f"T{i}", "".join(chr(97 + (i * k * k) % 26) for k in range(3000)))
        for i in range(1, 201)
    ]
    data = make_dump(*pages)
    packed = bytearray(bz2.compress(data, 1))
    packed[len(packed) // 2] ^= 1
    read = read_all(bytes(packed))
    ids = [page.page_id for page in read if isinstance(page, WikiPage)]
    damaged = [item for item in read if isinstance(item, Damaged)]
    assert [item.reason for item in damaged] == ["damaged_record"]
    lost = set(range(1, 201)) - set(ids)
    assert 0 < len(lost) <= 100_000 // 3000 + 3
    assert lost == set(range(min(lost), max(lost) + 1))
    assert ids[-1] == 200


def test_broken_page_costs_itself() -> None:
    bad = [
        "<page><title>T</title><id>2</id><revision><text>cut</text>",
        "<page><title>T</title><id>2</id><revision><text>&nope;</text></revision></page>",
        "<page><title>T</title><id>2<b></id></page>",
        "<page>" + "<a>" * 50 + "</a>" * 50 + "</page>",
    ]
    for page in bad:
        read = read_all(make_dump(make_page(1), page, make_page(3)))
        assert [type(item) for item in read] == [WikiPage, Damaged, WikiPage], page
        assert isinstance(read[2], WikiPage) and read[2].page_id == 3


def test_invalid_utf8_costs_a_page() -> None:
    data = make_dump(make_page(1), make_page(2, text="BAD"), make_page(3)).replace(
        b"BAD", b"\xff\xfe"
    )
    assert [type(item) for item in read_all(data)] == [WikiPage, Damaged, WikiPage]


def test_unclosed_siteinfo_costs_no_page() -> None:
    data = make_dump(make_page(1), make_page(2)).replace(b"</siteinfo>", b"")
    assert [type(item) for item in read_all(data)] == [WikiPage, WikiPage]
    assert read_site(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    "data", [b"", b"no xml", b"<html><body>Not found</body></html>", b"BZh9", b"\x1f"]
)
def test_files_that_are_no_dump(data: bytes) -> None:
    """WikiExtractor issue 61: 0 articles, exit status 0."""
    assert [type(item) for item in read_all(data)] == [Damaged]
    assert read_site(io.BytesIO(data)) is None


def test_empty_dump_is_no_damage() -> None:
    assert read_all(make_dump()) == []


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_any_bytes_are_an_answer(noise: bytes, place: int) -> None:
    data = make_dump(make_page(1), make_page(2), make_page(3))
    place %= len(data)
    for item in read_all(data[:place] + noise + data[place + len(noise) :]):
        assert isinstance(item, WikiPage) or item.reason in QUARANTINE_REASONS


# Hostile input


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(10))


@pytest.mark.parametrize(
    "head",
    [
        f"<!DOCTYPE lolz [{LAUGHS}]>",
        '<!DOCTYPE m SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE m [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]>',
        '<!DOCTYPE m [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
        f'<!DOCTYPE m [<!ENTITY q "{"q" * 50_000}">]>',
        '<!ENTITY l "x">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declarations_refuse_the_file(head: str, encoding: str) -> None:
    dump = f'<?xml version="1.0"?>{head}{HEAD}{make_page(1, text="x")}</mediawiki>'
    started = time.process_time()
    (damaged,) = read_all(dump.replace("<text", "<comment>&l9;</comment><text").encode(encoding))
    assert isinstance(damaged, Damaged)
    assert (damaged.reason, damaged.detail) == ("damaged_record", "document type declaration")
    assert read_site(io.BytesIO(dump.encode(encoding))) is None
    assert time.process_time() - started < 1


def test_entities_are_not_resolved_in_a_page() -> None:
    page = '<page><!DOCTYPE p [<!ENTITY a "b">]><title>&a;</title></page>'
    assert [type(item) for item in read_all(make_dump(page, make_page(2)))] == [Damaged, WikiPage]


@pytest.mark.parametrize(
    "token", ['<text a="{}">t</text>', "<!--{}--><text>t</text>", "<{}/><text>t</text>"]
)
def test_giant_tokens_are_linear(token: str) -> None:
    """CVE-2023-52425: expat 2.5 takes 6.7 s for an attribute of 8 MB that comes in pieces."""
    page = f"<page><title>T</title><id>1</id><revision>{token.format('x' * (8 << 20))}</revision></page>"
    started = time.process_time()
    (item,) = read_all(make_dump(page))
    assert isinstance(item, WikiPage) and item.text == "t"
    assert time.process_time() - started < 2


def test_many_attributes_are_linear() -> None:
    attributes = " ".join(f'a{i}="b"' for i in range(100_000))
    started = time.process_time()
    assert len(read_all(make_dump(f"<page><id>1</id><x {attributes}/></page>", make_page(2)))) == 2
    assert time.process_time() - started < 2


def test_page_over_the_cap() -> None:
    data = make_dump(make_page(1), make_page(2, text="x" * 500_000), make_page(3))
    read = read_all(data, max_page_bytes=100_000)
    assert [type(item) for item in read] == [WikiPage, Damaged, WikiPage]
    assert isinstance(read[1], Damaged) and read[1].reason == "too_large"
    element = data[read[2].offset : read[2].offset + read[2].length]
    assert element == make_page(3).strip().encode()


@pytest.mark.parametrize("name", ["bz2", "gz", "xz", "zst"])
def test_bombs(name: str) -> None:
    data = (HEAD + "<page><title>").encode() + b"a" * (1 << 27)
    started = time.process_time()
    read = read_all(CODECS[name](data))
    assert {item.reason for item in read if isinstance(item, Damaged)} == {"too_large"}
    assert len(read) <= 2  # the page, and the stream after it
    assert time.process_time() - started < 10


class Generated(io.RawIOBase):
    """A stream of any size that lies nowhere."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def _peak_bytes(pieces: Iterator[bytes]) -> tuple[int, int]:
    count = 0
    tracemalloc.start()
    for item in iterate(Generated(pieces)):  # type: ignore[arg-type]
        assert isinstance(item, WikiPage)
        count += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, peak


def test_memory_is_flat_over_pages() -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield HEAD.encode()
        for i in range(count):
            yield make_page(i + 1, text="x" * 2000).encode()
        yield b"</mediawiki>"

    small, large = _peak_bytes(pieces(200)), _peak_bytes(pieces(8000))
    assert (small[0], large[0]) == (200, 8000)
    assert large[1] < small[1] + (1 << 20)


def test_memory_is_flat_over_revisions() -> None:
    """A page of 64 MB in 4,000 revisions, as in a dump with full history."""

    def pieces() -> Iterator[bytes]:
        yield b"<page><title>T</title><id>1</id>"
        for i in range(4000):
            yield f"<revision><id>{i}</id><text>{'y' * 16_000}</text></revision>".encode()
        yield b"</page>"

    count, peak = _peak_bytes(pieces())
    assert count == 1
    assert peak < 24 << 20
    (page,) = iterate(Generated(pieces()))  # type: ignore[arg-type]
    assert isinstance(page, WikiPage) and page.revision_id == 3999
    assert page.length == sum(map(len, pieces()))


# Pages to documents


def test_found() -> None:
    site = read_site(io.BytesIO(make_dump()))
    assert site is not None
    assert extract_article(page_of(), ArticleSettings(), site=site) == Found(
        native_id="lvwiki:7:8",
        text="Word",
        offset=5,
        length=6,
        url="https://lv.wikipedia.org/wiki/A_b/c%3F",
        title="A b/c?",
        date=datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        declared_language="lv",
        extraction="wikitext",
        licence="CC-BY-SA-4.0",
    )


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"redirect": True, "namespace": 4, "model": "json", "text": ""}, "redirect"),
        ({"namespace": 4, "model": "json", "text": ""}, "namespace"),
        ({"model": "json", "text": ""}, "content_model"),
        ({"text": ""}, "empty_text"),
        ({"text": " \n"}, "empty_text"),
        ({"text": "{{stub}}\n[[Category:X]]"}, "empty_text"),
        ({"text": "", "revision_id": 0}, "empty_text"),
    ],
)
def test_refused(changes: dict[str, object], rule: str) -> None:
    fate = extract_article(page_of(**changes), ArticleSettings(), site="enwiki")
    assert isinstance(fate, Refused) and fate.rule == rule
    assert fate.rule in COLLECT_RULES
    assert fate.native_id is not None and fate.native_id.startswith("enwiki:7:")


def test_damaged_pages() -> None:
    settings = ArticleSettings(max_document_bytes=10)
    large = extract_article(page_of(text="é" * 6), settings, site="enwiki")
    assert isinstance(large, Damaged) and (large.reason, large.detail) == ("too_large", "12 > 10")
    nameless = extract_article(page_of(page_id=0), ArticleSettings(), site="enwiki")
    assert isinstance(nameless, Damaged) and nameless.reason == "damaged_record"


def test_settings() -> None:
    talk = page_of(namespace=1)
    settings = ArticleSettings(namespaces=(0, 1), licence="CC-BY-SA-3.0")
    fate = extract_article(talk, settings, site="enwiki")
    assert isinstance(fate, Found) and fate.licence == "CC-BY-SA-3.0"
    other = extract_article(talk, ArticleSettings(namespaces=(1,)), site="mywiki2")
    assert isinstance(other, Found)
    assert (other.url, other.licence, other.declared_language) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "url", "language"),
    [
        ("enwiki", "https://en.wikipedia.org/wiki/", "en"),
        ("zh_min_nanwiki", "https://zh-min-nan.wikipedia.org/wiki/", "zh-min-nan"),
        ("simplewiki", "https://simple.wikipedia.org/wiki/", "en"),
        ("frwiktionary", "https://fr.wiktionary.org/wiki/", "fr"),
        ("commonswiki", None, None),
        ("wikidatawiki", None, None),
        ("wiki", None, None),
        ("a/b.evil.comwiki", None, None),
        ("", None, None),
    ],
)
def test_site_names(name: str, url: str | None, language: str | None) -> None:
    assert name_site(name) == Site(name, url, language, {})


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("https://en.wikipedia.org/wiki/Main_Page", "enwiki"),
        ("http://zh-min-nan.wikipedia.org/", "zh_min_nanwiki"),
        ("https://fr.wiktionary.org/wiki/A", "frwiktionary"),
        ("https://example.org/wiki", ""),
        ("https://[bad/", ""),
        ("", ""),
    ],
)
def test_database_name_from_address(base: str, name: str) -> None:
    assert guess_database_name(base) == name


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_article_url_is_ascii(title: str) -> None:
    url = build_article_url(name_site("enwiki"), title)
    assert url is not None and url.isascii() and " " not in url
