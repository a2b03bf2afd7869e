"""Render the HTML of a wiki article as plain text, without what the wiki puts around it."""

import re
from typing import Final

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.cleaning.html_extraction import guard_parser
from gristmill.cleaning.wikitext import HEADING_SIGN, tidy_lines

#: Classes by which MediaWiki, Parsoid and the wikis' templates mark what is no running text.
_CLASSES: Final = """
mw-references-wrap references reference mw-ref mw-cite-backlink reflist refbegin navbox
navbox-styles navbox-container vertical-navbox sidebar NavFrame infobox infobox_v2 infobox_v3
taxobox toccolours hatnote dablink rellink bandeau-container bandeau-article hauptartikel
mw-editsection metadata ambox mbox-small tmbox ombox stub noprint navigation-not-searchable
shortdescription sistersitebox side-box portalbox portal-bar authority-control toc mw-toc catlinks
printfooter mw-empty-elt thumb gallery mw-gallery-traditional gallerybox coordinates
geo-nondefault error mw-kartographer-container succession-box
"""
_ELEMENTS: Final = (
    "figure", "style", "script", "link", "meta", "noscript", "#toc", "#coordinates",
    "[role=navigation]", "[role=note]", "semantics > *:not(annotation)",
)  # fmt: skip
_CHROME: Final = ", ".join((*(f".{name}" for name in _CLASSES.split()), *_ELEMENTS))

# Signs are put into the source: a walk over the parsed tree takes ten times as long, and
# one that lands in an attribute or a comment is not shown.
_CELL_SIGN: Final = "\x1e"
_SIGNS: Final = str.maketrans("", "", _CELL_SIGN + HEADING_SIGN)
_CELL_TAG: Final = re.compile(r"(<t[dh](?=[\s>])[^<>]*+>)", re.IGNORECASE)
_HEADING_TAG: Final = re.compile(r"(<h([1-6])(?=[\s>])[^<>]*+>)", re.IGNORECASE)
_TEX: Final = re.compile(r"(<annotation[^<>]*+>)\s*+\{\\(?:display|text)style ([^<]*)\}\s*(?=</)")
_FIRST_CELL: Final = re.compile(rf"^[ \t]*{_CELL_SIGN}[ \t]*", re.MULTILINE)
_CELL: Final = re.compile(rf"[ \t]*{_CELL_SIGN}[ \t]*")
_BULLET: Final = re.compile(r"^[ \t]*• ", re.MULTILINE)


def render_article(html: str) -> str:
    """Render an article.

    References, boxes, navigation, notes on top, edit links, pictures and their captions go;
    headings become ``## Title``, list items ``- item``, table rows ``a | b``, formulas their
    TeX, as in `wikitext.to_prose`.

    Args:
        html: the article's body, or a page with it; one that `html_guard` lets pass.

    Raises:
        ExtractionError: the parser failed on this page.
    """
    html = _CELL_TAG.sub(rf"\1{_CELL_SIGN}", html.translate(_SIGNS))
    html = _HEADING_TAG.sub(_mark_heading, html)
    html = _TEX.sub(r"\1\2", html)
    with guard_parser():
        text = extract_plain_text(
            HTMLTree.parse(html), preserve_formatting=True, alt_texts=False, skip_elements=[_CHROME]
        )
    text = _CELL.sub(" | ", _FIRST_CELL.sub("", text))
    text = tidy_lines(_BULLET.sub("- ", text)).translate(_SIGNS)
    return re.sub(r"\n{3,}+", "\n\n", text).strip()


def _mark_heading(match: re.Match[str]) -> str:
    return f"{match[1]}{HEADING_SIGN}{'#' * int(match[2])} "
