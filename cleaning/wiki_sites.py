"""Wikimedia sites: database names, addresses, languages, licences."""

import datetime
import re
import urllib.parse
from typing import Final, NamedTuple

_PROJECTS: Final = {
    "wiktionary": "wiktionary",
    "wikibooks": "wikibooks",
    "wikinews": "wikinews",
    "wikiquote": "wikiquote",
    "wikisource": "wikisource",
    "wikiversity": "wikiversity",
    "wikivoyage": "wikivoyage",
    "wiki": "wikipedia",
}

#: Wikis whose database name ends in `wiki` but that are no language of Wikipedia.
_SPECIAL_WIKIS: Final = frozenset(
    {
        "commons",
        "species",
        "meta",
        "mediawiki",
        "wikidata",
        "incubator",
        "outreach",
        "test",
        "test2",
        "foundation",
        "sources",
        "wikimania",
        "strategy",
    }
)

#: Since then edits on Wikimedia projects are under CC BY-SA 4.0, by the Terms of Use in force
#: from this day; older revisions are under 3.0, also those from before June 2009, by the
#: licence update of that month.
_SHARE_ALIKE_4: Final = datetime.datetime(2023, 6, 7, tzinfo=datetime.UTC)

#: Wikinews was in the public domain, then under CC BY 2.5 in all languages until the first
#: changed to a licence of its own choice; later ones are to be named in the recipe.
_WIKINEWS_LICENSED: Final = datetime.datetime(2005, 9, 25, tzinfo=datetime.UTC)
_WIKINEWS_PARTED: Final = datetime.datetime(2024, 8, 1, tzinfo=datetime.UTC)

_DATABASE_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")


class Site(NamedTuple):
    """What a dump says about its wiki.

    `name` is the database name such as ``enwiki``; `article_url` ends in ``/wiki/`` and
    wants a title; `language` is a code or None; `namespaces` maps a lower-case name to its
    number.
    """

    name: str
    article_url: str | None
    language: str | None
    namespaces: dict[str, int]

    @property
    def link_prefixes(self) -> frozenset[str]:
        """Names of the namespaces whose links are no prose: media, files and categories."""
        return frozenset(name for name, key in self.namespaces.items() if key in (-2, 6, 14))


def name_site(name: str) -> Site:
    """Derive address and language of a Wikimedia wiki from its database name.

    ``zh_min_nanwiki`` is the Wikipedia at ``zh-min-nan.wikipedia.org``; a name that follows
    no such pattern has neither address nor language.
    """
    for suffix, project in _PROJECTS.items():
        code = name.removesuffix(suffix)
        if code == name:
            continue
        if not _DATABASE_NAME.fullmatch(code) or code in _SPECIAL_WIKIS:
            break
        host = code.replace("_", "-")
        language = "en" if host == "simple" else host
        return Site(name, f"https://{host}.{project}.org/wiki/", language, {})
    return Site(name, None, None, {})


def guess_database_name(base: str) -> str:
    """Rebuild a database name from the address of the main page, for dumps before 0.10.

    Returns:
        ``enwiki`` for ``https://en.wikipedia.org/wiki/Main_Page``; empty for addresses of
        other shapes.
    """
    host = base.partition("//")[2].partition("/")[0].lower() if base.isascii() else ""
    labels = host.split(".")
    if len(labels) != 3 or labels[2] != "org":
        return ""
    suffixes = [suffix for suffix, project in _PROJECTS.items() if project == labels[1]]
    return labels[0].replace("-", "_") + suffixes[0] if suffixes else ""


def find_licence(site: Site, revised: datetime.datetime | None) -> str | None:
    """Find the licence of a page's text by the date of its last revision.

    Returns:
        SPDX id; None for a wiki that is no Wikimedia project in a language, for a revision
        without a date, and for what the project's licence does not follow from the date.
    """
    if site.article_url is None or revised is None:
        return None
    if ".wikinews.org/" not in site.article_url:
        return "CC-BY-SA-4.0" if revised >= _SHARE_ALIKE_4 else "CC-BY-SA-3.0"
    return "CC-BY-2.5" if _WIKINEWS_LICENSED <= revised < _WIKINEWS_PARTED else None


def build_article_url(site: Site, title: str) -> str | None:
    """Build the address of a page; None if the site's is not known."""
    if site.article_url is None:
        return None
    # MediaWiki's wfUrlencode leaves these bare.
    return site.article_url + urllib.parse.quote(title.replace(" ", "_"), safe=";@$!*(),/~:")
