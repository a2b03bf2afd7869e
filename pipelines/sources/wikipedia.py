"""Wikipedia and other MediaWiki dumps."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gristmill.cleaning import wikipedia_dump
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.recipe import Wikipedia


class SitePage(NamedTuple):
    """A page and the wiki that it is from."""

    page: wikipedia_dump.WikiPage
    site: wikipedia_dump.Site
    offset: int
    length: int

    @property
    def record_id(self) -> str:
        """What the document of this page is called."""
        return f"{self.site.name}:{self.page.page_id}:{self.page.revision_id}"


def iterate_file(
    path: Path, source: Wikipedia, document_bytes: int
) -> Iterator[SitePage | Damaged]:
    """Read the pages of one dump file."""
    with path.open("rb") as stream:
        site = wikipedia_dump.read_site(stream)
    if site is None or not site.name:
        # A dump that does not say what wiki it is goes by the name its source has here.
        known = site or wikipedia_dump.name_site(source.name)
        site = known._replace(name=source.name)
    with path.open("rb") as stream:
        for item in wikipedia_dump.iterate(stream):
            if isinstance(item, Damaged):
                yield item
            else:
                yield SitePage(item, site, item.offset, item.length)


def extract_item(
    item: SitePage, source: Wikipedia, document_bytes: int
) -> Found | Refused | Damaged:
    """Turn a page's wikitext into prose."""
    settings = wikipedia_dump.ArticleSettings(
        namespaces=source.namespaces, max_document_bytes=document_bytes
    )
    return wikipedia_dump.extract_article(item.page, settings, site=item.site)
