"""The walk reads pages as browsers do, and in linear time whatever is unclosed."""

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from resiliparse.parse.html import HTMLTree

from gristmill.cleaning import page_elements as elements
from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_board import MAX_BLOCKS, MAX_DEPTH

WORD = re.compile(r"\w+")


def cut(html: str) -> list[str]:
    return cut_blocks(html).texts()


def _read_cases(folder: Path) -> list[tuple[str, str]]:
    """Inputs of tokenizer cases in the data state, and the characters they give."""
    cases = []
    for path in sorted(folder.glob("**/tokenizer/*.test")):
        for case in json.loads(path.read_text("utf-8")).get("tests", []):
            if case.get("initialStates", ["Data state"]) != ["Data state"]:
                continue
            text = json.dumps([case["input"], case["output"]])
            if case.get("doubleEscaped"):
                text = text.replace("\\\\u", "\\u")
            given_input, output = json.loads(text)
            shown = "".join(token[1] for token in output if token[0] == "Character")
            cases.append((given_input, shown))
    return cases


def test_tokenizer_cases(shared_data: Callable[[str], Path]) -> None:
    cases = _read_cases(shared_data("html-html5lib-tests"))
    blank = "".join(map(chr, range(0x21)))
    wrong = []
    checked = 0
    for html, shown in cases:
        if not html.isascii() and html.encode("utf-8", "replace") != html.encode(
            "utf-8", "surrogatepass"
        ):
            continue  # a lone surrogate has no place in UTF-8
        checked += 1
        found = "".join(cut("<pre>x" + html))[1:].rstrip(blank)
        # The tree builder drops NUL, which the tokenizer lets pass.
        if found != shown.replace("\0", "").rstrip(blank):
            wrong.append((html, shown, found))
    assert wrong == []
    assert checked > 6000


HIDDEN = [
    "[hidden]",
    *(
        f'[style*="{name}:{space}{value}"]'
        for space in ("", " ")
        for name, value in (("display", "none"), ("visibility", "hidden"))
    ),
]


@pytest.fixture(scope="module")
def pages(shared_data: Callable[[str], Path]) -> list[str]:
    """Real pages of many sites."""
    paths = sorted(shared_data("extract-scrapinghub-aeb").glob("**/*.html.gz"))
    raw = [gzip.decompress(path.read_bytes()) for path in paths]
    assert len(raw) > 150
    return [bytes_to_str(page, detect_encoding(page)) for page in raw]


def test_finds_the_words_of_real_pages(pages: list[str]) -> None:
    """resiliparse's words are found but for numbers of lists and words it runs together."""
    found = []
    for html in pages:
        text = extract_plain_text(
            HTMLTree.parse(html), preserve_formatting=True, alt_texts=False, skip_elements=HIDDEN
        )
        expected = Counter(word for word in WORD.findall(text) if not word.isdigit())
        ours = Counter(WORD.findall("\n".join(cut(html))))
        found.append((expected & ours).total() / max(expected.total(), 1))
    assert np.mean(np.array(found) >= 0.98) >= 0.95


def _measure_elements(html: str, name: str) -> int:
    """Visible characters in the outermost elements of a name, by a parser with a tree."""
    document = HTMLTree.parse(html).document
    unseen = ["script,style,noscript,template,svg,math,textarea,iframe,video,audio,canvas", *HIDDEN]
    for element in document.query_selector_all(",".join(unseen)):
        if element.parent is not None:
            element.parent.remove_child(element)
    size = 0
    for element in document.query_selector_all(name):
        parent = element.parent
        while parent is not None and parent.tag != name:
            parent = parent.parent
        if parent is None:
            size += len("".join(element.text.split()))
    return size


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("nav", elements.IN_NAV),
        ("footer", elements.IN_FOOTER),
        ("article", elements.IN_ARTICLE),
        ("table", elements.IN_TABLE),
        ("li", elements.IN_ITEM),
        ("p", elements.IN_PARAGRAPH),
    ],
)
def test_elements_hold_the_same_text_as_in_a_tree(pages: list[str], name: str, flag: int) -> None:
    agreeing = []
    for html in pages[::3]:
        blocks = cut_blocks(html)
        flags = blocks.column("flags")
        inside = (flags & flag != 0) & (flags & elements.IN_NOSCRIPT == 0)
        texts = [text for text, kept in zip(blocks.texts(), inside, strict=True) if kept]
        ours = len("".join("".join(texts).split()))
        theirs = _measure_elements(html, name)
        agreeing.append(abs(ours - theirs) <= 20 + theirs // 50)
    assert np.mean(agreeing) >= 0.97


# Time and memory

HOSTILE = {
    "open elements": "<div>",
    "open inline elements": "<b>",
    "open links": "<a href=x>y",
    "open tables": "<table><tr><td>",
    "end tags without a partner": "</x></p></li></table>",
    "names of one slot": "<aaa></aab>",
    "attributes": "<p a=b c='d' e>",
    "unclosed quotes": "<p a='x\" b=\"y' ",
    "comments": "<!-- ",
    "references": "&&amp&#x110000;&notit;",
    "list items": "<li>x<ul>",
    "paragraphs": "x<p>",
    "breaks": "x<br>",
    "raw text": "<script></scrip",
    "foreign": "<svg><p></svg><math>",
    "headings": "<h1></h2><h3>",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear(piece: str) -> None:
    def measure(size: int) -> float:
        page = (piece * (size // len(piece))).encode()
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            cut_blocks(page)
            best = min(best, time.process_time() - started)
        return best

    cut_blocks(piece)
    small, large = measure(1 << 17), measure(1 << 20)
    assert large < 17 * max(small, 5e-3), (small, large)


def test_deep_and_wide_pages_keep_their_text() -> None:
    depth = 5 * MAX_DEPTH
    assert cut("<div>" * depth + "deep" + "</div>" * depth + "after") == ["deep", "after"]
    count = MAX_BLOCKS + 1000
    blocks = cut_blocks("<p>x" * count)
    assert len(blocks) == MAX_BLOCKS
    assert blocks.text.tobytes().count(b"x") == count
