"""Wikimedia sites: database names, addresses, languages."""

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


def build_article_url(site: Site, title: str) -> str | None:
    """Build the address of a page; None if the site's is not known."""
    if site.article_url is None:
        return None
    # MediaWiki's wfUrlencode leaves these bare.
    return site.article_url + urllib.parse.quote(title.replace(" ", "_"), safe=";@$!*(),/~:")
