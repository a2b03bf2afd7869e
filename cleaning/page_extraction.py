"""HTML to the text that a reader came for: by one extractor, or by the other where it finds none.

``blocks`` cuts the page into blocks and keeps those that a learned model takes for main
content; ``resiliparse`` parses the page and goes by the names of its elements.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from gristmill.cleaning import html_extraction
from gristmill.cleaning.html_extraction import ExtractionError
from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_kinds import find_kinds
from gristmill.cleaning.page_model import choose_blocks
from gristmill.cleaning.page_text import Structure, choose_shown, render_text

Extractor = Literal["blocks", "resiliparse"]

_OTHERS: Final[Mapping[Extractor, Extractor]] = MappingProxyType(
    {"blocks": "resiliparse", "resiliparse": "blocks"}
)


class Page(NamedTuple):
    """A page as the two extractors want it; one that `html_guard` lets pass."""

    text: str
    html: bytes  # the same in UTF-8


class Extracted(NamedTuple):
    """A text and who gave it: ``blocks``, or ``blocks>resiliparse`` if blocks gave none."""

    text: str
    extractor: str


def extract_text(
    page: Page,
    *,
    main_content: bool = True,
    extractor: Extractor = "blocks",
    structure: Structure = "plain",
) -> Extracted:
    """Extract the text of a page.

    Args:
        page: what to extract from.
        main_content: leave out navigation, headers, footers and the like.
        extractor: asked first; the other one where it gives no text.
        structure: ``markdown`` marks headings, lists, tables and code; only blocks can.

    Returns:
        The text, empty if neither finds any.

    Raises:
        ExtractionError: the second one was asked and failed.
    """
    try:
        text = _extract_with(extractor, page, main_content, structure)
    except ExtractionError:
        text = ""
    if text and not text.isspace():
        return Extracted(text, extractor)
    other = _OTHERS[extractor]
    text = _extract_with(other, page, main_content, structure)
    return Extracted(text, f"{extractor}>{other}")


def _extract_with(
    extractor: Extractor, page: Page, main_content: bool, structure: Structure
) -> str:
    if extractor == "resiliparse":
        return html_extraction.extract(page.text, main_content=main_content)
    blocks = cut_blocks(page.html)
    kept = choose_blocks(blocks, find_kinds(page.html)) if main_content else choose_shown(blocks)
    return render_text(blocks, kept, structure=structure)
