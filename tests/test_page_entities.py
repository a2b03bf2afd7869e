"""Character references decode by the HTML standard, into no more room than was made."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.page_blocks import cut_blocks

NAMES = st.sampled_from(sorted(html.entities.html5))
NUMBERS = st.integers(0x20, 0x10FFFF).filter(lambda code: code & 0xFFFE != 0xFFFE)
#: Code points that Python's `html.unescape` drops and the standard keeps.
DROPPED = re.compile("[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef]")
REFERENCES = st.one_of(
    NAMES.map(lambda name: f"&{name}"),
    NAMES.map(lambda name: f"&{name[:-1]}"),
    NUMBERS.map(lambda code: f"&#{code};"),
    NUMBERS.map(lambda code: f"&#x{code:x}"),
    NUMBERS.map(lambda code: f"&#X{code:05X};"),
    st.sampled_from(["&", "&;", "&#", "&#;", "&#x", "&#xg;", "&#99999999999999;", "&#xD800;"]),
)


def decode(text: str) -> str:
    """The text of a page that is only text, as it stands."""
    return "".join(cut_blocks("<pre>x" + text + "x</pre>").texts())[1:-1]


@given(st.lists(st.one_of(REFERENCES, st.text("a&#;x1 é", max_size=3)), max_size=20).map("".join))
def test_references_decode_as_python_decodes_them(text: str) -> None:
    # What ends the text must not go on with a name.
    expected = html.unescape(text + " ")
    if not DROPPED.search(expected) and "\r" not in expected:
        assert decode(text + " ") == expected


def test_every_name_decodes_alone_and_in_text() -> None:
    for name, characters in html.entities.html5.items():
        assert decode(f"&{name} ").removesuffix(" ") == characters, name
    everything = "".join(f"&{name}" for name in html.entities.html5 if name.endswith(";"))
    expected = "".join(html.entities.html5[name] for name in re.findall("[^&]+", everything))
    assert decode(everything) == expected


def test_decoding_stays_within_its_room() -> None:
    for name in ("nGt;", "nLt;", "bne;", "#0", "lt"):
        text = f"&{name}" * 20_000
        assert decode(text) == html.unescape(text)


def test_blanks_collapse_however_they_are_written() -> None:
    page = "<p>a&#32;&#x9;&nbsp;&NewLine;\u00a0 b&#10;</p><p>&#160;</p>"
    assert cut_blocks(page).texts() == ["a b"]
