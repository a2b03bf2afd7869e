"""What a page says about itself: title, author, dates, address, language, licence.

One scan of the tags (`fact_scan`) finds the places; only the few values that stand there
are decoded. Who says what is decided here, for each fact from the most to the least
dependable statement.
"""

import datetime
import html as entities
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import re2

from gristmill.cleaning import linked_data, opt_outs
from gristmill.cleaning.byte_patterns import compile_bytes
from gristmill.cleaning.fact_names import Fact
from gristmill.cleaning.fact_tags import Places
from gristmill.cleaning.linked_data import Statements
from gristmill.cleaning.page_dates import find_date, parse_date

MAX_VALUE_CHARS: Final = 2048
#: How far behind a tag its text is looked for.
_REACH_BYTES: Final = 2048
_MAX_NAME_CHARS: Final = 200
_TAG: Final = compile_bytes(rb"<[^>]*>?")
_MAX_TAG_NAME_BYTES: Final = 32
#: How much of an element that is not closed is read.
_UNCLOSED_BYTES: Final = 256
_SEPARATORS: Final = " -–—|•·»«:/"
_BYLINE: Final = re2.compile(r"(?i)^(?:written |posted |published )?by:? +")
#: What stands where an author is expected and names none.
_NOBODY: Final = frozenset(
    {"admin", "administrator", "author", "editor", "guest", "none", "null", "undefined", "root"}
    | {"unknown", "user", "staff", "webmaster", "website", "anonymous"}
)
#: Where sites keep the pages of their authors.
_AUTHOR_PAGE: Final = b"/author"
_AUTHOR_PATHS: Final = (b"/author/", b"/authors/")
_MAX_AUTHOR_LINKS: Final = 5
_LONGEST_LINK_BYTES: Final = 300
_MAX_GUESS_CHARS: Final = 50
_MAX_GUESS_WORDS: Final = 5
_HTTP: Final = frozenset({"http", "https"})
_PUBLISHED: Final = (Fact.PUBLISHED, Fact.OTHER_PUBLISHED, Fact.TIME)
_MODIFIED: Final = (Fact.MODIFIED,)


class PageFacts(NamedTuple):
    """What a page says about itself; None where it says nothing that can be read."""

    title: str | None = None
    author: str | None = None  # several are joined by ", "
    published: datetime.datetime | None = None
    modified: datetime.datetime | None = None
    canonical_url: str | None = None
    language: str | None = None  # lang attribute of <html>, as written
    licence: str | None = None  # address of a licence
    opt_outs: tuple[str, ...] = ()  # of `opt_outs.SIGNALS`, those in <meta>


def read_facts(
    html: bytes,
    places: Places,
    url: str | None = None,
    fetched: datetime.datetime | None = None,
) -> PageFacts:
    """Read what a page says about itself; total.

    Args:
        html: the page in UTF-8.
        places: where it does, from `fact_scan.scan_page`.
        url: its address, for links that are relative.
        fetched: when; no date on the page is later by over a day.
    """
    facts = _Places(html, places.tolist())
    statements = _read_statements(facts)
    canonical = _choose_link(facts.read(Fact.CANONICAL), url)
    published = _choose_date(facts, statements.published, _PUBLISHED, fetched)
    return PageFacts(
        _choose_title(facts),
        _choose_author(facts, statements) or _find_author_link(html),
        published or find_date(canonical or url or "", fetched),
        _choose_date(facts, statements.modified, _MODIFIED, fetched),
        canonical,
        next(facts.read(Fact.LANGUAGE, Fact.OTHER_LANGUAGE), None),
        _choose_licence(facts, statements, url),
        _find_opt_outs(facts),
    )


class _Places:
    """The places of the facts of a page; what stands there is decoded when asked for."""

    def __init__(self, html: bytes, places: list[list[int]]) -> None:
        self.html = html
        self.by_fact: dict[int, list[list[int]]] = {}
        for place in places:
            self.by_fact.setdefault(place[0], []).append(place)

    def read(self, *facts: Fact) -> Iterator[str]:
        """Yield what is not empty: of the first fact all values, then of the next."""
        for fact in facts:
            for place in self.by_fact.get(fact, ()):
                value = self.read_place(place)
                if value:
                    yield value

    def read_place(self, place: Sequence[int]) -> str:
        """Decode the value at a place."""
        _, start, end, tag = place
        if tag < 0:
            return clean_value(self.html[start : min(end, start + _REACH_BYTES)])
        return self._read_text(start, tag)

    def _read_text(self, start: int, tag: int) -> str:
        """Read the text behind a tag, up to the next end tag of its name."""
        name = self.html[tag + 1 : start - 1][:_MAX_TAG_NAME_BYTES].split(None, 1)[0].rstrip(b"/")
        region = self.html[start : start + _REACH_BYTES]
        end = region.lower().find(b"</" + name.lower())
        region = region[: end if end >= 0 else _UNCLOSED_BYTES]
        return clean_value(_TAG.sub(b" ", region) if b"<" in region else region)


def clean_value(raw: bytes) -> str:
    """Decode a value, resolve its entities and collapse its white space."""
    text = raw.decode("utf-8", "ignore")
    if "&" in text:
        text = entities.unescape(text)
    return " ".join(text.split())[:MAX_VALUE_CHARS]


def _read_statements(facts: _Places) -> Statements:
    """Read the first script of JSON-LD that speaks of the page."""
    for _, start, end, _ in facts.by_fact.get(Fact.LINKED_DATA, ()):
        statements = linked_data.read_statements(facts.html[start:end])
        if statements.author or statements.published:
            return statements
    return Statements()


def _choose_title(facts: _Places) -> str | None:
    """Choose the title: Open Graph's, or the element's, less the name of the site.

    Pages append the name of their site after a dash, bar or colon; what stands before or
    after is the title if a heading says the same, or the other part is the site's name.
    """
    title = next(facts.read(Fact.GRAPH_TITLE, Fact.TITLE, Fact.OTHER_TITLE), None)
    heading = next(facts.read(Fact.HEADING), None)
    if title is None:
        return heading
    if heading and heading != title and _is_part(heading, title):
        return heading
    site = next(facts.read(Fact.SITE), None)
    if site and _is_part(site, title):
        rest = title[: -len(site)] if title.lower().endswith(site.lower()) else title[len(site) :]
        return rest.strip(_SEPARATORS) or title
    return title


def _is_part(part: str, title: str) -> bool:
    """Say whether a title begins or ends with a part, set off by a separator."""
    folded, part = title.lower(), part.lower()
    if folded.startswith(part):
        return folded[len(part) :].lstrip()[:1] in _SEPARATORS
    return folded.endswith(part) and folded[: -len(part)].rstrip()[-1:] in _SEPARATORS


def _choose_author(facts: _Places, statements: Statements) -> str | None:
    stated = _clean_name(entities.unescape(statements.author or "")[:MAX_VALUE_CHARS])
    if stated:
        return stated
    names = [name for name in map(_clean_name, facts.read(Fact.AUTHOR)) if name]
    if names:
        return ", ".join(dict.fromkeys(names))[:_MAX_NAME_CHARS]
    elements = map(_clean_name, [*_read_author_elements(facts), *facts.read(Fact.OTHER_AUTHOR)])
    return next((name for name in elements if name), None)


def _read_author_elements(facts: _Places) -> Iterator[str]:
    """Yield the names in author elements: what is marked as the name, or all text."""
    names = facts.by_fact.get(Fact.NAME, [])
    for place in facts.by_fact.get(Fact.AUTHOR_ELEMENT, ()):
        inside = (name for name in names if 0 <= name[1] - place[1] < _REACH_BYTES)
        yield facts.read_place(next(inside, place))


def _find_author_link(html: bytes) -> str | None:
    """Find the text of a link to the page of an author, by the address that most sites use.

    It is a guess, so a text that is long, or has a digit or no capital, is no name.
    """
    place = html.find(_AUTHOR_PAGE)
    for _ in range(_MAX_AUTHOR_LINKS):
        if place < 0:
            break
        start = html.rfind(b"<a", max(0, place - _LONGEST_LINK_BYTES), place)
        if start >= 0 and b">" not in html[start:place] and not _is_comment(html, start):
            path, _, behind = html[place : place + _REACH_BYTES].partition(b">")
            text = clean_value(_TAG.sub(b" ", behind.partition(b"</a")[0]))
            name = _clean_name(text) if path.startswith(_AUTHOR_PATHS) else None
            if name and _looks_named(name):
                return name
        place = html.find(_AUTHOR_PAGE, place + len(_AUTHOR_PAGE))
    return None


def _is_comment(html: bytes, place: int) -> bool:
    opening = html.rfind(b"<!--", max(0, place - _REACH_BYTES), place)
    return opening >= 0 and html.find(b"-->", opening, place) < 0


def _looks_named(name: str) -> bool:
    return (
        len(name) <= _MAX_GUESS_CHARS
        and len(name.split()) <= _MAX_GUESS_WORDS
        and not name[0].islower()
        and not any(char.isdigit() for char in name)
    )


def _clean_name(name: str) -> str | None:
    """Clean the name of an author; None for an address, a handle or a placeholder."""
    name = _BYLINE.sub("", " ".join(name.split())).strip(" ,;|·•-–—")
    if not name or len(name) > _MAX_NAME_CHARS or name.lower() in _NOBODY:
        return None
    if "://" in name or name.startswith(("@", "www.", "/")) or ("@" in name and " " not in name):
        return None
    return name if any(char.isalpha() for char in name) else None


def _choose_date(
    facts: _Places, stated: str | None, kinds: Sequence[Fact], fetched: datetime.datetime | None
) -> datetime.datetime | None:
    written = itertools.chain([stated] if stated else [], facts.read(*kinds))
    dates = (parse_date(value, fetched) for value in written)
    return next((date for date in dates if date is not None), None)


def _choose_link(links: Iterable[str], url: str | None) -> str | None:
    return next((link for link in (resolve_link(link, url) for link in links) if link), None)


def _choose_licence(facts: _Places, statements: Statements, url: str | None) -> str | None:
    stated = [statements.licence] if statements.licence else []
    rights = (value for value in facts.read(Fact.RIGHTS) if value.startswith("http"))
    return _choose_link(itertools.chain(facts.read(Fact.LICENCE), stated, rights), url)


def resolve_link(link: str, url: str | None) -> str | None:
    """Make a link absolute; None if it is no address on the web.

    Args:
        link: as written.
        url: of the page; None if unknown.
    """
    link = link.strip()
    if not link or len(link) > MAX_VALUE_CHARS or link.startswith("#"):
        return None
    try:
        if not link.lower().startswith(("http://", "https://")):
            link = urljoin(url or "", link)
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in _HTTP or not host or any(char <= " " for char in link):
        return None
    return link


def _find_opt_outs(facts: _Places) -> tuple[str, ...]:
    found: set[str] = set()
    for value in facts.read(Fact.ROBOTS):
        found |= opt_outs.read_directives(value, "meta")
    if any(map(opt_outs.is_reserved, facts.read(Fact.TDM_RESERVATION))):
        found.add("meta:tdm-reservation")
    if next(facts.read(Fact.TDM_POLICY), None):
        found.add("meta:tdm-policy")
    return opt_outs.sort_signals(found)
