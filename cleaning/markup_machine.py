"""The stack machine that reads the tokens of wikitext, each once.

All output goes to one list of pieces. An open construct is a frame that remembers where
its pieces begin: closing it cuts the list there and adds what the construct shows, and
giving it up leaves the pieces as text. Constructs whose text is joined again when they
close nest at most `MAX_DEPTH` deep, so time is linear.
"""

import re
from collections.abc import Callable
from typing import Final

from gristmill.cleaning.wikitext_links import is_hidden, show_link, show_variant
from gristmill.cleaning.wikitext_names import BREAKING_TAGS, INLINE_TAGS
from gristmill.cleaning.wikitext_rules import parse_arguments
from gristmill.cleaning.wikitext_tables import show_cell
from gristmill.cleaning.wikitext_templates import find_rule

#: Marks a heading line until the lines are tidied.
HEADING_SIGN: Final = "\x01"

#: MediaWiki's own limit on nested templates is 40; links and tables nest far less.
MAX_DEPTH: Final = 40
_MAX_TABLES: Final = 8

#: Pieces that a template's name or a link's target may have, before it is text.
_MAX_NAME_PIECES: Final = 12

_TOKEN: Final = re.compile(
    r"(\{\{++|\}\}++|\[\[|\]++|\|\||!!|\|"
    r"|\n[ \t:]*+\{\||\n[ \t]*+(?:\|\}(?!\})|\|-++|\|\+|[|!])"
    r"|\n={1,6}+|\n-{4,}+|\n[*#:;]++[ \t]*+|\n"
    r"|={1,6}+[ \t]*+(?=\n|\Z)|''++"
    r"|\[(?:(?:https?|ftps?|ircs?|gopher|news|telnet|nntp|worldwind|svn|git|mms):)?//[^\s\[\]<>\"|{}]*+[ \t]*+"
    r"|\[(?:mailto|news|tel|sip|xmpp):[^\s\[\]<>\"|{}]++[ \t]*+"
    r"|</?[A-Za-z][^<>]*+>|__[A-Z]{3,30}+__|-\{(?!\{)|\}-)"
)
_TAG_NAME: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]*+)")

_TEMPLATE, _LINK, _URL, _TABLE, _VARIANT = range(5)


class _Frame:
    """An open construct: its first piece, the places of its pipes or cells."""

    __slots__ = (
        "attributes",
        "braces",
        "caption",
        "cells",
        "kind",
        "pipes",
        "row",
        "shielded",
        "start",
    )

    def __init__(self, kind: int, start: int, braces: int = 0) -> None:
        self.kind = kind
        self.start = start
        self.braces = braces
        self.pipes: list[int] = []
        self.cells: list[int] = []  # first piece of each cell of the row
        self.row = -1  # first piece of the row, -1 between rows
        self.attributes = -1  # first piece of what is dropped up to the line's end
        self.caption = False  # the row is the table's caption
        self.shielded = False  # the cell's next pipe is text, not the end of attributes


class MarkupMachine:
    """Reads wikitext without comments and extension tags; made for one page."""

    def __init__(self, dropped_prefixes: frozenset[str]) -> None:
        self._dropped_prefixes = dropped_prefixes
        self._out: list[str] = []
        self._stack: list[_Frame] = []
        self._open = [0, 0, 0, 0, 0]  # frames on the stack, by kind
        self._heading = -1
        self._heading_level = 0
        self._header_cells = False
        self._actions: dict[str, Callable[[str], None]] = {
            "[[": self._open_link,
            "|": self._read_pipe,
            "||": self._read_double_pipe,
            "!!": self._read_double_bang,
            "\n": self._break_line,
            "-{": self._open_variant,
            "}-": self._close_variant,
            "''": self._skip,
            "'''": self._skip,
        }
        self._prefix_actions: dict[str, Callable[[str], None]] = {
            "{": self._open_braces,
            "}": self._close_braces,
            "\n": self._start_line,
            "=": self._close_heading,
            "'": self._read_quotes,
            "[": self._open_url,
            "]": self._close_brackets,
            "<": self._read_tag,
            "_": self._skip,
        }

    def run(self, text: str) -> str:
        """Read a page that begins with a newline; returns its text, headings still marked."""
        parts = _TOKEN.split(text)
        out, actions, prefix_actions = self._out, self._actions, self._prefix_actions
        if parts[0]:
            out.append(parts[0])
        for index in range(1, len(parts), 2):
            token = parts[index]
            action = actions.get(token) or prefix_actions[token[0]]
            action(token)
            following = parts[index + 1]
            if following:
                out.append(following)
        while self._stack:
            if self._stack[-1].kind == _TABLE:
                self._finish_row(self._stack[-1])
            self._pop()
        return "".join(out)

    # Frames

    def _push(self, kind: int, braces: int = 0) -> _Frame:
        frame = _Frame(kind, len(self._out), braces)
        self._stack.append(frame)
        self._open[kind] += 1
        return frame

    def _pop(self) -> None:
        self._open[self._stack.pop().kind] -= 1

    def _top(self) -> int:
        return self._stack[-1].kind if self._stack else -1

    def _unwind(self, kind: int) -> _Frame | None:
        """Give up frames above the nearest one of a kind; None if there is none."""
        if not self._open[kind]:
            return None
        while self._stack[-1].kind != kind:
            self._pop()
        return self._stack[-1]

    def _give_up_links(self, with_labels: bool) -> None:
        """A link's target, and the text of an external link, end with the line."""
        stack = self._stack
        while stack and stack[-1].kind in (_LINK, _URL, _VARIANT):
            if stack[-1].kind == _LINK and stack[-1].pipes and not with_labels:
                return
            self._pop()

    def _skip(self, token: str) -> None:
        pass

    # Templates

    def _open_braces(self, token: str) -> None:
        self._push(_TEMPLATE, len(token))

    def _close_braces(self, token: str) -> None:
        braces = len(token)
        while braces >= 2:
            frame = self._unwind(_TEMPLATE)
            if frame is None:
                return
            taken = 3 if braces >= 3 and frame.braces >= 3 else 2
            shown = self._render_template(frame) if taken == 2 else ""
            del self._out[frame.start :]
            if shown:
                self._out.append(shown)
            braces -= taken
            frame.braces -= taken
            frame.pipes.clear()
            if frame.braces < 2:
                self._pop()

    def _render_template(self, frame: _Frame) -> str:
        out, pipes = self._out, frame.pipes
        name_end = pipes[0] if pipes else len(out)
        if name_end - frame.start > _MAX_NAME_PIECES or len(self._stack) > MAX_DEPTH:
            return ""
        found = find_rule("".join(out[frame.start : name_end]))
        if found is None:
            return ""
        rule, arguments = found
        ends = [*pipes[1:], len(out)]
        arguments = arguments + [
            "".join(out[start + 1 : end]) for start, end in zip(pipes, ends, strict=False)
        ]
        return rule(parse_arguments(arguments))

    # Links

    def _open_link(self, token: str) -> None:
        if self._top() == _TABLE:
            self._stack[-1].shielded = True
        if len(self._stack) < MAX_DEPTH:
            self._push(_LINK)

    def _close_brackets(self, token: str) -> None:
        """Close external links by one bracket, links by two; three close one in the other."""
        brackets = len(token)
        while brackets and self._top() in (_LINK, _URL, _VARIANT):
            closes_link = brackets == 2 and self._open[_LINK] > 0
            if self._top() == _LINK and brackets >= 2:
                self._close_link()
                brackets -= 2
            elif self._top() == _URL and not closes_link:
                self._pop()
                brackets -= 1
            elif closes_link or self._top() == _VARIANT:
                self._pop()
            else:
                break
        # Pairs without a partner are stray marks, a single one is text.
        if brackets % 2:
            self._out.append("]")

    def _close_link(self) -> None:
        frame = self._stack[-1]
        self._pop()
        out = self._out
        target_end = frame.pipes[0] if frame.pipes else len(out)
        if target_end - frame.start > _MAX_NAME_PIECES:
            return
        target = "".join(out[frame.start : target_end]).strip()
        label = None
        if is_hidden(target, self._dropped_prefixes):
            del out[frame.start :]
            return
        if frame.pipes:
            label = "".join(out[target_end + 1 :])
        del out[frame.start :]
        shown = show_link(target, label)
        if shown:
            out.append(shown)

    def _open_url(self, token: str) -> None:
        if len(self._stack) < MAX_DEPTH:
            self._push(_URL)

    # Language variants, as in Chinese: -{zh-hans:text; zh-hant:text}-

    def _open_variant(self, token: str) -> None:
        if len(self._stack) < MAX_DEPTH:
            self._push(_VARIANT)

    def _close_variant(self, token: str) -> None:
        if self._top() != _VARIANT:
            return
        frame = self._stack[-1]
        self._pop()
        body = "".join(self._out[frame.start :])
        del self._out[frame.start :]
        self._out.append(show_variant(body))

    # Lines

    def _break_line(self, token: str) -> None:
        self._heading = -1
        if self._stack:
            self._give_up_links(with_labels=False)
            self._end_attributes()
        self._out.append("\n")

    def _start_line(self, token: str) -> None:
        body = token[1:].lstrip(" \t")
        first = body[0]
        if first in "|!":
            self._start_table_line(body)
            return
        if body.endswith("{|"):
            self._open_table()
            return
        self._break_line(token)
        if first == "=":
            self._give_up_links(with_labels=True)
            self._heading, self._heading_level = len(self._out), len(body)
            self._out.append(body)
        elif first in "*#:;" and ("*" in body or "#" in body):
            self._out.append("- ")

    def _close_heading(self, token: str) -> None:
        index = self._heading
        self._heading = -1
        is_open = 0 <= index < len(self._out) and self._out[index].startswith("=")
        if not is_open:
            self._out.append(token)
            return
        level = min(self._heading_level, len(token.rstrip(" \t")))
        self._out[index] = f"{HEADING_SIGN}{'#' * level} "

    # Tables

    def _end_attributes(self) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.kind == _TABLE and frame.attributes >= 0:
            del self._out[frame.attributes :]
            frame.attributes = -1

    def _open_table(self) -> None:
        self._break_line("\n")
        if self._open[_TABLE] < _MAX_TABLES:
            frame = self._push(_TABLE)
            frame.attributes = len(self._out)

    def _start_table_line(self, body: str) -> None:
        """Read a line that begins with ``|``, ``!``, ``|-``, ``|+`` or ``|}``."""
        self._heading = -1
        self._give_up_links(with_labels=body.startswith(("|-", "|}")))
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.kind != _TABLE:
            self._out.append("\n")
            if frame is None or body[0] == "!":
                self._out.append(body)
            else:
                self._read_pipe("|")
                if len(body) > 1:
                    self._out.append(body[1:])
            return
        self._end_attributes()
        if frame.caption or body.startswith(("|-", "|}", "|+")):
            self._finish_row(frame)
        if body.startswith("|}"):
            self._pop()
            self._out.append("\n")
        elif body.startswith("|-"):
            frame.attributes = len(self._out)
        else:
            self._header_cells = body[0] == "!"
            self._open_cell(frame)
            frame.caption = body == "|+"

    def _open_cell(self, frame: _Frame) -> None:
        if frame.row < 0:
            frame.row = len(self._out)
        frame.cells.append(len(self._out))
        frame.shielded = False

    def _finish_row(self, frame: _Frame) -> None:
        """Write the cells of a row as one line: ``a | b``."""
        if frame.row < 0:
            return
        out = self._out
        ends = [*frame.cells[1:], len(out)]
        cells = [
            "".join(out[start:end]).strip() for start, end in zip(frame.cells, ends, strict=True)
        ]
        del out[frame.row :]
        shown = [show_cell(cell) for cell in cells]
        out.append("\n" + " | ".join(filter(None, shown)))
        frame.cells.clear()
        frame.row = -1

    def _read_pipe(self, token: str) -> None:
        if not self._stack:
            self._out.append(token)
            return
        frame = self._stack[-1]
        if frame.kind in (_TEMPLATE, _LINK):
            frame.pipes.append(len(self._out))
            self._out.append(token)
        elif frame.kind == _TABLE and frame.cells and not frame.shielded:
            # What stands before a cell's first pipe are its attributes.
            del self._out[frame.cells[-1] :]
            frame.shielded = True
        else:
            self._out.append(token)

    def _read_double_pipe(self, token: str) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.kind == _TABLE and frame.cells:
            self._open_cell(frame)
        else:
            self._read_pipe("|")
            self._read_pipe("|")

    def _read_double_bang(self, token: str) -> None:
        if self._top() == _TABLE and self._header_cells and self._stack[-1].cells:
            self._open_cell(self._stack[-1])
        else:
            self._out.append(token)

    # Marks and tags

    def _read_quotes(self, token: str) -> None:
        # Runs of 2, 3 and 5 are marks; an apostrophe more belongs to the text.
        extra = 1 if len(token) == 4 else max(len(token) - 5, 0)
        if extra:
            self._out.append("'" * extra)

    def _read_tag(self, token: str) -> None:
        match = _TAG_NAME.match(token)
        name = match[1].lower() if match else ""
        if name in BREAKING_TAGS:
            # The row after it breaks the line, or the table's end.
            self._out.append("" if token[:4].lower() == "</tr" else "\n")
        elif name == "li":
            self._out.append("\n- " if token[1] != "/" else "")
        elif name in ("td", "th"):
            self._out.append(" ")
        elif name not in INLINE_TAGS:
            self._out.append(token)
