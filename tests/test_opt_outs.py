"""Signals against training in headers and directives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.opt_outs import SIGNALS, is_reserved, read_directives, read_headers


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, set()),
        ({}, set()),
        ({"content-type": "text/html"}, set()),
        ({"x-robots-tag": "noai"}, {"header:noai"}),
        ({"x-robots-tag": "noindex, NoAI,noimageai"}, {"header:noai", "header:noimageai"}),
        ({"x-robots-tag": "gptbot: noai"}, {"header:noai"}),
        ({"x-robots-tag": "googlebot: nofollow, otherbot: noindex, noai"}, {"header:noai"}),
        ({"x-robots-tag": "noindex, nofollow, noarchive, nosnippet"}, set()),
        ({"x-robots-tag": "noaim, xnoai, no-ai, unavailable_after: 25 Jun 2010"}, set()),
        ({"tdm-reservation": "1"}, {"header:tdm-reservation"}),
        ({"tdm-reservation": "0, 1"}, {"header:tdm-reservation"}),
        ({"tdm-reservation": "0"}, set()),
        ({"tdm-policy": "https://example.org/p"}, {"header:tdm-policy"}),
        ({"tdm-policy": " "}, set()),
        ({"content-usage": "train-ai=n"}, {"header:train-ai"}),
        ({"content-usage": "search=y, train-ai=n"}, {"header:train-ai"}),
        ({"content-usage": "train-ai=y, search=n"}, set()),
    ],
)
def test_headers(headers: dict[str, str] | None, expected: set[str]) -> None:
    assert read_headers(headers) == expected
    assert expected <= SIGNALS


@given(st.lists(st.sampled_from(["noai", "noimageai", "noindex", "none", "gptbot: noai"])))
def test_directives_are_found_wherever_they_stand(parts: list[str]) -> None:
    found = read_directives(", ".join(parts), "meta")
    assert found == {
        f"meta:{part.removeprefix('gptbot: ')}" for part in parts if part.endswith("ai")
    }


@given(
    st.dictionaries(
        st.sampled_from(["x-robots-tag", "tdm-reservation", "content-usage"]), st.text()
    )
)
def test_any_headers_give_known_signals(headers: dict[str, str]) -> None:
    assert read_headers(headers) <= SIGNALS
    assert is_reserved(headers.get("tdm-reservation", "")) in (True, False)
