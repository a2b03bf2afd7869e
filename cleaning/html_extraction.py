"""HTML to the text that a reader came for, and what the page says about itself."""

from typing import Any, Final, NamedTuple

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

_MAX_VALUE_CHARS: Final = 2048
_LICENCE_LINK: Final = "a[rel~=license], link[rel~=license]"
#: Text too small to read; resiliparse does not look at sizes.
_TINY: Final = tuple(
    f'[style*="font-size:{space}{size}"]' for space in ("", " ") for size in ("0", "1px")
)
#: Text that is not shown; main-content extraction finds these by itself.
_HIDDEN: Final = (
    "[hidden]",
    "[aria-hidden=true]",
    *(f'[style*="display:{space}none"]' for space in ("", " ")),
    *(f'[style*="visibility:{space}hidden"]' for space in ("", " ")),
)


class ExtractionError(ValueError):
    """The extractor failed; the message is the name of its exception, never page text."""


class Extraction(NamedTuple):
    """Text of a page, lines and blocks kept apart, and its own statements."""

    text: str
    title: str | None
    language: str | None  # lang attribute of <html>
    canonical_url: str | None
    licence: str | None  # href of the first rel=license link


def extract(html: str, *, main_content: bool = True, find_licence: bool = True) -> Extraction:
    """Extract the text of a page with resiliparse.

    Comments sections and alternative texts are left out: with comments kept, precision
    on pages with known text falls from 0.995 to 0.80 (libraries.md 2). Elements that
    an attribute or inline style hides or makes too small to read give no text.

    Args:
        html: a page that `html_guard` lets pass: parsing others may take minutes.
        main_content: leave out navigation, headers, footers and the like.
        find_licence: look for a licence link, which takes a walk over the page.

    Raises:
        ExtractionError: the extractor failed on this page.
    """
    try:
        tree = HTMLTree.parse(html)
        text = extract_plain_text(
            tree,
            preserve_formatting=True,
            main_content=main_content,
            alt_texts=False,
            comments=False,
            skip_elements=[*_TINY] if main_content else [*_TINY, *_HIDDEN],
        )
        page: Any = tree.document
        return Extraction(
            text,
            _clean_value(tree.title),
            _read_attribute(page.document_element, "lang"),
            _read_attribute(_select(tree.head, "link[rel~=canonical]"), "href"),
            _read_attribute(_select(page, _LICENCE_LINK), "href") if find_licence else None,
        )
    except MemoryError:
        raise
    except BaseException as error:
        # A panic inside the extractor is a BaseException without a public class.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ExtractionError(type(error).__name__) from None
        raise


def _select(node: Any, selector: str) -> Any:
    return node.query_selector(selector) if node is not None else None


def _read_attribute(node: Any, name: str) -> str | None:
    return _clean_value(node.getattr(name)) if node is not None else None


def _clean_value(value: str | None) -> str | None:
    """Collapse white space and bound the length; None if nothing is left."""
    return " ".join((value or "")[:_MAX_VALUE_CHARS].split()) or None
