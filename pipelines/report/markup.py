"""HTML built so that text cannot become markup: every plain string is escaped.

Corpus text is hostile. Besides HTML's own characters,
anything invisible or reordering is shown as the escape that Python writes for it.
"""

import html
from collections.abc import Iterable
from typing import Final

_RANGES: Final = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),  # soft hyphen
    (0x61C, 0x61C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x180E, 0x180E),
    (0x200B, 0x200B),  # zero width; its neighbours, the joiners, spell Persian and emoji
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),  # no encoding of these
    (0xFEFF, 0xFEFF),
    (0xFFF0, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags
)


def _write_escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES: Final = {
    code: _write_escape(code) for first, last in _RANGES for code in range(first, last + 1)
}
_ESCAPES_IN_LINES: Final = {
    code: escape for code, escape in _ESCAPES.items() if chr(code) not in "\n\t"
}


def show_text(text: str, *, lines: bool = False) -> str:
    """Make invisible, control and reordering characters visible.

    Args:
        text: anything.
        lines: whether line ends and tabs stay as they are.
    """
    return text.translate(_ESCAPES_IN_LINES if lines else _ESCAPES)


class Markup(str):
    """Text that is HTML already. Only this module and literals make it."""

    __slots__ = ()


def escape_text(text: str, *, lines: bool = False) -> Markup:
    """Turn text into HTML that shows exactly it, with hidden characters as escapes."""
    return Markup(html.escape(show_text(text, lines=lines), quote=True))


def join_markup(parts: Iterable[str]) -> Markup:
    """Concatenate parts; those that are not `Markup` are escaped."""
    return Markup(
        "".join(part if isinstance(part, Markup) else escape_text(part) for part in parts)
    )


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """Build an element.

    Args:
        name: of the element, a literal.
        *children: `Markup` is taken as it is, any other string is escaped.
        **attributes: a trailing underscore is dropped (`class_`), others become
            hyphens (`aria_label`); values are escaped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape_text(str(value))}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{join_markup(children)}</{name}>")


def preformatted(text: str) -> Markup:
    """A <pre> with text; HTML drops a first line end, so one more is written."""
    return Markup(f"<pre>\n{escape_text(text, lines=True)}</pre>")
