"""The choice between extractors, and what happens where the first one finds nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import html_extraction, page_extraction
from gristmill.cleaning.html_extraction import ExtractionError
from gristmill.cleaning.page_extraction import Extracted, Extractor, Page, extract_text

PROSE = "The mill grinds slowly, and the miller waits for the water to rise again in spring. " * 4
HTML = f"""<!DOCTYPE html><html><title>Mill</title><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav><article><h1>Of mills</h1>
<p>{PROSE}</p><ul><li>wind</li><li>water</li></ul><p>{PROSE}</p></article></body></html>"""


def make(html: str) -> Page:
    return Page(html, html.encode())


@pytest.mark.parametrize("extractor", ["blocks", "resiliparse"])
def test_the_first_one_that_finds_text_gives_it(extractor: Extractor) -> None:
    found = extract_text(make(HTML), extractor=extractor)
    assert found.extractor == extractor
    assert found.text.count("The mill grinds") == 8
    assert "Shop" not in found.text
    everything = extract_text(make(HTML), extractor=extractor, main_content=False)
    assert everything.extractor == extractor
    assert "Shop" in everything.text


def test_structure_is_kept_on_request() -> None:
    text = extract_text(make(HTML), main_content=False, structure="markdown").text
    assert "# Of mills" in text
    assert "- wind\n- water" in text
    assert "#" not in extract_text(make(HTML), main_content=False).text


def test_the_other_one_is_asked_where_the_first_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = make(HTML)
    with monkeypatch.context() as patch:
        patch.setattr(page_extraction, "render_text", lambda *_, **__: " \n")
        found = extract_text(page)
    assert found == Extracted(html_extraction.extract(HTML), "blocks>resiliparse")

    def fail(html: str, *, main_content: bool) -> str:
        raise ExtractionError("PanicException")

    monkeypatch.setattr(html_extraction, "extract", fail)
    found = extract_text(page, extractor="resiliparse")
    assert found == Extracted(extract_text(page).text, "resiliparse>blocks")
    monkeypatch.setattr(page_extraction, "render_text", lambda *_, **__: "")
    assert extract_text(page, extractor="resiliparse") == Extracted("", "resiliparse>blocks")
    with pytest.raises(ExtractionError, match="PanicException"):
        extract_text(page)


@pytest.mark.parametrize("html", ["", "<p>", "<script>x</script>", "<title>only</title>"])
def test_pages_without_text_have_none(html: str) -> None:
    assert not extract_text(make(html)).text.strip()


@given(
    st.text(st.characters(codec="utf-8"), max_size=200),
    st.sampled_from(["blocks", "resiliparse"]),
    st.booleans(),
)
def test_any_page_has_a_text(html: str, extractor: Extractor, main_content: bool) -> None:
    found = extract_text(make(html), extractor=extractor, main_content=main_content)
    assert found.extractor.startswith(extractor)
    assert found == extract_text(make(html), extractor=extractor, main_content=main_content)
