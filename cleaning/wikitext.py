"""Turn wikitext into prose in linear time, whatever is left unclosed.

Comments and extension tags go first, as in MediaWiki's preprocessor. The rest is split
once by one pattern of literals and negated classes; `markup_machine` consumes the tokens
with a stack. Last, lines are tidied.
"""

import html.entities
import re
from collections.abc import Collection
from typing import Final

from gristmill.cleaning.markup_machine import HEADING_SIGN, MarkupMachine
from gristmill.cleaning.wikitext_names import (
    COMMON_NAMESPACES,
    DROPPED_PREFIXES,
    DROPPED_TAGS,
    LITERAL_TAGS,
)
from gristmill.cleaning.wikitext_templates import EQUALS_SIGN

__all__ = ["COMMON_NAMESPACES", "HEADING_SIGN", "tidy_lines", "to_prose"]

#: Stands, with an index, in the place of literal content until the end.
_LITERAL_SIGN: Final = "\x00"

_SIGNS: Final = str.maketrans("", "", _LITERAL_SIGN + HEADING_SIGN + EQUALS_SIGN)
_EXTENSION_TAG: Final = re.compile(
    r"<(/?)("
    + "|".join(sorted(DROPPED_TAGS | LITERAL_TAGS, reverse=True))
    + r")(?=[\s/>])([^<>]*+)>",
    re.IGNORECASE,
)
_LITERAL: Final = re.compile(r"\x00([0-9]{1,9})\x00")
_ENTITY: Final = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

# What is left when a template or a note inside goes: "( )", "(; ", "[]", ": ,", ", , ,", " .".
_EMPTY_BRACKETS: Final = re.compile(r" ?[(（][\s,;:，；、]*+[)）]| \[\]")
_OPEN_BRACKET: Final = re.compile(r"([(（]) ?[,;:，；：、] ?")
_CLOSE_BRACKET: Final = re.compile(r"[,;，；、]? ([)）])")
_REPEATED_MARK: Final = re.compile(r"(?<![,;:])(?<![,;:] )([,;:])(?: ?[,;])++(?=\s)")
_SPACED_MARK: Final = re.compile(r" ([.,])(?=\s|\Z)")
_BULLET_MARK: Final = re.compile(r"^- [,;:.] ", re.MULTILINE)
_SPACES: Final = re.compile(r"[ \t]{2,}+")
_HEADING: Final = re.compile(HEADING_SIGN + r"(#{1,6}) *")

#: A line of nothing but these signs says nothing.
_IDLE_CHARS: Final = " \t|-*#:;.,•·–—/()[]{}!'\""


def _strip_comments(text: str) -> str:
    if "<!--" not in text:
        return text
    pieces = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        pieces.append(text[position:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return "".join(pieces)
        position = end + 3
    pieces.append(text[position:])
    return "".join(pieces)


def _strip_extensions(text: str) -> tuple[str, list[str]]:
    """Take out extension tags; returns text with placeholders, and the literal contents."""
    tags = list(_EXTENSION_TAG.finditer(text))
    last_end = {tag[2].lower(): tag.start() for tag in tags if tag[1]}
    pieces: list[str] = []
    literals: list[str] = []
    position = 0
    inside = ""
    for tag in tags:
        name = tag[2].lower()
        if inside:
            if tag[1] and name == inside:
                if name in LITERAL_TAGS:
                    pieces.append(f"{_LITERAL_SIGN}{len(literals)}{_LITERAL_SIGN}")
                    literals.append(text[position : tag.start()])
                inside, position = "", tag.end()
            continue
        pieces.append(text[position : tag.start()])
        position = tag.end()
        # A tag that is never closed is taken out alone, so that the article goes on.
        if not tag[1] and not tag[3].endswith("/") and last_end.get(name, -1) > tag.start():
            inside = name
    pieces.append(text[position:])
    return "".join(pieces), literals


def _unescape_entity(match: re.Match[str]) -> str:
    body = match[1]
    if body[0] != "#":
        character = html.entities.html5.get(body + ";", match[0])
    else:
        code = int(body[2:], 16) if body[1] in "xX" else int(body[1:])
        is_character = 32 <= code < 0x110000 and not 0xD800 <= code < 0xE000
        character = chr(code) if is_character else " "
    # A non-breaking space in wikitext is a matter of layout.
    return " " if character == "\xa0" else character


def _unescape(text: str) -> str:
    return _ENTITY.sub(_unescape_entity, text) if "&" in text else text


def _tidy_marks(text: str) -> str:
    text = _REPEATED_MARK.sub(r"\1", _SPACES.sub(" ", text))
    text = _BULLET_MARK.sub("- ", text)
    if "(" in text or "（" in text or "[]" in text:
        text = _EMPTY_BRACKETS.sub("", text)
        text = _OPEN_BRACKET.sub(r"\1", text)
        text = _CLOSE_BRACKET.sub(r"\1", text)
    return _SPACED_MARK.sub(r"\1", text)


def tidy_lines(text: str) -> str:
    """Drop lines without a word, and headings with nothing below them.

    Args:
        text: lines; those that begin with `HEADING_SIGN` and a hash for each level are headings.

    Returns:
        Lines without space around them, headings as ``## Title`` between empty lines.
    """
    kept: list[str] = []
    deepest = 0  # level of what stands below: 7 for text, 0 for nothing
    for line in reversed(text.split("\n")):
        heading = _HEADING.match(line)
        if heading is None:
            stripped = line.strip(" \t")
            if stripped and not stripped.strip(_IDLE_CHARS):
                continue
            deepest = 7 if stripped else deepest
            kept.append(stripped)
            continue
        level = len(heading[1])
        title = line[heading.end() :].strip()
        if title and level < deepest:
            kept += ["", f"{heading[1]} {title}", ""]
            deepest = level
    return "\n".join(reversed(kept))


def _restore_literals(text: str, literals: list[str]) -> str:
    if not literals:
        return text
    return _LITERAL.sub(lambda match: _unescape(literals[int(match[1])]), text)


def to_prose(wikitext: str, *, file_prefixes: Collection[str] = ()) -> str:
    """Render wikitext as plain text.

    Templates go, except those that carry running text (`wikitext_templates`); notes,
    comments, files, galleries, categories and language links go. Links and external links
    leave their labels, tables their cells (``a | b``), headings ``## Title``, lists ``- ``.
    Content of nowiki, pre, math and source tags stays as it is written. A heading with
    nothing below it goes. What is not closed is read as text.

    Args:
        wikitext: source of a page.
        file_prefixes: lower-case names by which the wiki calls its file and category
            namespaces, besides the built-in names.

    Returns:
        Text with single empty lines between paragraphs.
    """
    text = _strip_comments(wikitext.translate(_SIGNS))
    text, literals = _strip_extensions(text)
    dropped_prefixes = DROPPED_PREFIXES.union(file_prefixes) if file_prefixes else DROPPED_PREFIXES
    text = MarkupMachine(dropped_prefixes).run("\n" + text)
    text = tidy_lines(_tidy_marks(_unescape(text))).replace(EQUALS_SIGN, "=")
    text = _restore_literals(text, literals)
    return re.sub(r"\n{3,}+", "\n\n", text).strip()
