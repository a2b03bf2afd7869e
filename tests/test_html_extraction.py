"""`extract` keeps what readers see, drops what is hidden, and fails in one known way."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import html_extraction
from gristmill.cleaning.html_extraction import ExtractionError, extract

PROSE = "The mill grinds slowly, and the miller waits for the water to rise again in spring. " * 4
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> The
 mill </title><link rel="canonical" href="https://example.org/mill"></head><body>
<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>
<article><h1>Of mills</h1><p>{PROSE}</p><p>{PROSE}</p>
<pre>stone 1
  stone 2</pre>HIDDEN</article>
<div id="comments" class="comments"><p>A reader says hello.</p></div>
<footer><a rel="license" href="https://example.org/licence">licence</a></footer>
<script>var x = "script text";</script></body></html>"""


def test_keeps_the_article_and_its_structure() -> None:
    text = extract(PAGE)
    assert text.startswith("Of mills\n\nThe mill grinds")
    assert "stone 1\n  stone 2" in text
    for outside in ("Home", "Shop", "reader", "licence", "script text"):
        assert outside not in text


def test_keeps_everything_that_is_shown() -> None:
    text = extract(PAGE, main_content=False)
    for shown in ("Home", "Of mills", "stone 2", "reader", "licence"):
        assert shown in text
    assert "script text" not in text


@pytest.mark.parametrize("main_content", [True, False])
@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        "aria-hidden=true",
        "style='display:none'",
        "style='color:red; display: none'",
        "style='visibility:hidden'",
        "style='font-size:0'",
        "style='font-size: 1px'",
    ],
)
def test_hidden_text_is_left_out(attributes: str, main_content: bool) -> None:
    page = PAGE.replace("HIDDEN", f"<p {attributes}>buy our secret flour</p>")
    text = extract(page, main_content=main_content)
    assert "secret" not in text
    assert "Of mills" in text


def test_alternative_texts_are_left_out() -> None:
    page = PAGE.replace("HIDDEN", "<img src=x alt='a picture of a mill'>")
    assert "picture" not in extract(page)


@pytest.mark.parametrize("html", ["", "<", "<svg><template>", "\0", "<!--", "</p>", "<title>"])
@pytest.mark.parametrize("main_content", [True, False])
def test_odd_pages_give_something(html: str, main_content: bool) -> None:
    assert isinstance(extract(html, main_content=main_content), str)


def test_failure_has_one_face(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExtractionError, match=r"^UnicodeEncodeError$"):
        extract("\ud800")

    def fail(error: type[BaseException]) -> None:
        def parse(_: str) -> None:
            raise error("text of the page")

        monkeypatch.setattr(html_extraction.HTMLTree, "parse", parse, raising=False)

    class _Fake:
        parse = staticmethod(lambda html: None)

    monkeypatch.setattr(html_extraction, "HTMLTree", _Fake)
    fail(type("PanicException", (BaseException,), {}))
    with pytest.raises(ExtractionError, match=r"^PanicException$"):
        extract("<p>")
    for untouched in (KeyboardInterrupt, MemoryError):
        fail(untouched)
        with pytest.raises(untouched):
            extract("<p>")


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.booleans())
def test_any_text_is_extracted(text: str, main_content: bool) -> None:
    found = extract("<p>" + text, main_content=main_content)
    found.encode("utf-8")
    assert len(found) <= 4 * len(text) + 10
    assert extract("<p>" + text, main_content=main_content) == found


def measure_f1(found: str, truth: str) -> float:
    """F1 of the bags of words."""
    left, right = Counter(found.lower().split()), Counter(truth.lower().split())
    common = (left & right).total()
    return 2 * common / max(1, left.total() + right.total())


def test_main_content_of_real_pages(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("extract-wcxb-dev")
    paths = sorted(folder.rglob("*.html"))[:200:4]
    scores = {True: 0.0, False: 0.0}
    for path in paths:
        truth = find_truth(path)
        html = path.read_text("utf-8", "replace")
        for main_content in scores:
            text = extract(html, main_content=main_content)
            scores[main_content] += measure_f1(text, truth) / len(paths)
    assert len(paths) == 50
    assert scores[True] > 0.75  # 0.79 on all pages
    assert scores[True] > scores[False]


def find_truth(path: Path) -> str:
    """Read the gold text of a page."""
    (gold,) = path.parents[1].glob(f"ground-truth/{path.stem}.json")
    return str(json.loads(gold.read_text("utf-8"))["ground_truth"]["main_content"])
