"""Parse one page or siteinfo element of a MediaWiki dump with expat."""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

#: Element depth of a page is 4 (page, revision, contributor, id).
_MAX_DEPTH: Final = 16


@dataclass
class PageFields:
    """The texts of a page element, of its last revision where there are several."""

    title: str = ""
    namespace: str = ""
    page_id: str = ""
    redirect: bool = False
    revision_id: str = ""
    timestamp: str = ""
    model: str = ""
    text: str = ""


@dataclass
class SiteFields:
    """The texts of a siteinfo element; namespace names are in lower case."""

    database_name: str = ""
    base: str = ""
    namespaces: dict[str, int] = field(default_factory=dict)


# Path below <page> or <siteinfo> of each field that is read.
_PAGE_PATHS: Final = {
    ("page", "title"): "title",
    ("page", "ns"): "namespace",
    ("page", "id"): "page_id",
    ("page", "revision", "id"): "revision_id",
    ("page", "revision", "timestamp"): "timestamp",
    ("page", "revision", "model"): "model",
    ("page", "revision", "text"): "text",
}
_REVISION_FIELDS: Final = ("revision_id", "timestamp", "model", "text")


class _Reader:
    """Collects the text of every element of interest; expat calls its methods."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.attributes: dict[str, str] = {}
        self.pieces: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.path) >= _MAX_DEPTH:
            raise ValueError("elements nested too deeply")
        self.path.append(name)
        self.attributes = attributes
        self.pieces.clear()
        self.open()

    def end(self, name: str) -> None:
        self.close("".join(self.pieces))
        self.path.pop()
        self.pieces.clear()

    def open(self) -> None:
        """Act on the start of the element at `path`."""

    def close(self, text: str) -> None:
        """Act on the end of the element at `path`."""

    def parse(self, payload: bytes) -> str | None:
        """Feed a whole element at once; returns what is wrong with it, or None.

        One call, because expat before 2.6 is quadratic on a token that arrives in
        pieces (CVE-2023-52425). A fragment cannot hold a document type declaration.
        """
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = min(max(len(payload), 1), 1 << 20)
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.pieces.append
        try:
            parser.Parse(payload, True)
        except expat.ExpatError as error:
            return f"XML: {expat.ErrorString(error.code)}"
        except ValueError as error:
            return f"XML: {error}"
        return None


class _PageReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.fields = PageFields()

    def open(self) -> None:
        if self.path == ["page", "revision"]:
            for name in _REVISION_FIELDS:
                setattr(self.fields, name, "")
        elif self.path == ["page", "redirect"]:
            self.fields.redirect = True

    def close(self, text: str) -> None:
        name = _PAGE_PATHS.get(tuple(self.path))
        if name is not None:
            setattr(self.fields, name, text)


class _SiteReader(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.fields = SiteFields()

    def close(self, text: str) -> None:
        if self.path == ["siteinfo", "dbname"]:
            self.fields.database_name = text.strip()
        elif self.path == ["siteinfo", "base"]:
            self.fields.base = text.strip()
        elif self.path == ["siteinfo", "namespaces", "namespace"] and text:
            key = self.attributes.get("key", "")
            if key.removeprefix("-").isdecimal() and key.isascii() and len(key) < 10:
                self.fields.namespaces[text.strip().lower()] = int(key)


def parse_page(payload: bytes) -> PageFields | str:
    """Parse a page element in UTF-8; a sentence instead if it is not well-formed."""
    reader = _PageReader()
    return reader.parse(payload) or reader.fields


def parse_site(payload: bytes) -> SiteFields | None:
    """Parse a siteinfo element in UTF-8; None if it is not well-formed."""
    reader = _SiteReader()
    return None if reader.parse(payload) else reader.fields
