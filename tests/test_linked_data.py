"""`read_statements`: the node that speaks of the page, among those that do not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.linked_data import MAX_SCRIPT_BYTES, Statements, read_statements

ARTICLE = {
    "@type": "NewsArticle",
    "headline": "Of mills",
    "author": {"@type": "Person", "name": "A. Miller"},
    "datePublished": "2020-01-02",
    "dateModified": "2020-01-03",
    "license": "https://example.org/by",
}
EXPECTED = Statements("A. Miller", "2020-01-02", "2020-01-03", "https://example.org/by", "Of mills")


def read(value: Any) -> Statements:
    return read_statements(json.dumps(value).encode())


@pytest.mark.parametrize(
    "value",
    [
        ARTICLE,
        [ARTICLE],
        [{"@type": "Organization", "name": "Mill & Co"}, ARTICLE],
        {"@graph": [{"@type": "WebPage", "datePublished": "2001-01-01"}, ARTICLE]},
        {"@type": "WebPage", "datePublished": "2001-01-01", "mainEntity": ARTICLE},
        {"@type": "WebSite", "mainEntity": [ARTICLE]},
        {**ARTICLE, "@type": ["Thing", "BlogPosting"]},
        {**ARTICLE, "comment": [{"@type": "Comment", "author": {"name": "Troll"}}]},
        {**ARTICLE, "author": ["A. Miller"]},
        {**ARTICLE, "author": "A. Miller"},
        {**ARTICLE, "author": {"name": ["A. Miller", "x"]}},
        {**ARTICLE, "license": {"@type": "CreativeWork", "url": "https://example.org/by"}},
        {"@graph": [{**ARTICLE, "author": {"@id": "#1"}}, {"@id": "#1", "name": "A. Miller"}]},
    ],
)
def test_the_article_speaks(value: Any) -> None:
    assert read(value) == EXPECTED


@pytest.mark.parametrize(
    "value",
    [
        {**ARTICLE, "@type": "Comment"},
        {**ARTICLE, "@type": "Product"},
        {"@type": "ItemList", "itemListElement": [ARTICLE]},
        [],
        "author datePublished",
        {"@type": 7, "author": 8, "datePublished": []},
        {"@type": "Article", "author": None, "datePublished": {"a": 1}},
    ],
)
def test_others_do_not(value: Any) -> None:
    assert read(value)[:4] == (None, None, None, None)


def test_several_authors_are_joined() -> None:
    authors = [{"name": "A"}, {"name": "B"}, "C", {"name": "A"}, {"name": " "}, {}, 5]
    assert read({**ARTICLE, "author": authors}).author == "A, B, C"


def test_what_browsers_forgive() -> None:
    raw = json.dumps(ARTICLE).encode()
    assert read_statements(b"\n" + raw.replace(b"mills", b"mi\nlls") + b" ").author == "A. Miller"
    for start, end in ((b"<![CDATA[", b"]]>"), (b"// <![CDATA[\n", b"//]]>"), (b"<!--", b"-->")):
        assert read_statements(start + raw + end).author == "A. Miller"
    assert read_statements(raw + b";").author == "A. Miller"
    assert read_statements(b"var x = " + raw) == Statements()
    assert read_statements(raw[:-1]) == Statements()


def test_hostile_scripts_cost_little() -> None:
    key = b'{"author":'
    assert read_statements(key * (MAX_SCRIPT_BYTES // len(key))) == Statements()
    assert read_statements(b'"author"' + b"[" * 60_000) == Statements()
    assert read_statements(json.dumps([ARTICLE] * 1000).encode()) == Statements()  # too long
    nested: Any = ARTICLE
    for _ in range(200):
        nested = {"@graph": [nested] * 2} if len(json.dumps(nested)) < 20_000 else [nested]
    assert read(nested).author == "A. Miller"


values = st.recursive(
    st.none() | st.text(max_size=5) | st.sampled_from(["Article", "WebPage", "#1"]) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@type", "@id", "@graph", "author", "name", "datePublished", "license"]
            ),
            inner,
            max_size=5,
        )
    ),
)


@given(values)
def test_any_json_is_read(value: Any) -> None:
    for statement in read({"@type": "Article", "author": value, "@graph": value}):
        assert statement is None or isinstance(statement, str)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert len(read_statements(b'"author"' + raw)) == 5
