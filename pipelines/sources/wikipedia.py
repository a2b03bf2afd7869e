"""Wikipedia and other MediaWiki dumps: XML, multistream, and Wikimedia Enterprise HTML."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gristmill.cleaning import dump_ranges, enterprise_html, wikipedia_dump
from gristmill.cleaning.bounded_streams import StreamError, open_decoded
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import Wikipedia

_HEAD_BYTES = 512


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


Item = SitePage | enterprise_html.EnterpriseRow


def iterate_file(
    path: Path,
    source: Wikipedia,
    document_bytes: int,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Item | Damaged | Refused]:
    """Read the pages of one dump file, or those that begin in a range of it.

    Args:
        path: the file.
        source: which dump it is of.
        document_bytes: longest text of a page.
        start: one of the offsets that `cut_file` gave.
        stop: the offset after it; None for the end of the file.
    """
    if start == 0 and _is_enterprise(path):
        with path.open("rb") as stream:
            # JSON writes one sign in up to six bytes, and a line holds two forms of the text.
            limit = max(12 * document_bytes, enterprise_html.MAX_LINE_BYTES)
            yield from enterprise_html.iterate(stream, max_line_bytes=limit)
        return
    with path.open("rb") as stream:
        site = wikipedia_dump.read_site(stream)
    if site is None or not site.name:
        # A dump that does not say what wiki it is goes by the name its source has here.
        known = site or wikipedia_dump.name_site(source.name)
        site = known._replace(name=source.name)
    with path.open("rb") as stream:
        for item in wikipedia_dump.iterate(stream, start=start, stop=stop):
            if isinstance(item, Damaged):
                yield item
            else:
                yield SitePage(item, site, item.offset, item.length)


def cut_file(path: Path, every_bytes: int, document_bytes: int) -> list[int]:
    """Find where a multistream dump can be cut into pieces of at least `every_bytes`.

    The index beside the dump is used where there is one, else the dump itself is looked at;
    streams are found without their pages, so that `document_bytes` does not matter.

    Returns:
        Offsets at which a piece may begin, 0 first; 0 alone for any other file.

    Raises:
        InputError: the index beside the dump is none, or another dump's.
    """
    index = next(
        (
            place
            for name in dump_ranges.name_indexes(path.name)
            if (place := path.with_name(name)).is_file()
        ),
        None,
    )
    with path.open("rb") as stream:
        if index is None:
            return [start for start, _ in dump_ranges.plan_ranges(stream, every_bytes=every_bytes)]
        try:
            with index.open("rb") as lines:
                ranges = dump_ranges.plan_ranges(stream, every_bytes=every_bytes, index=lines)
        except InputError as error:
            raise InputError(f"{index}: {error}") from None
    return [start for start, _ in ranges]


def _is_enterprise(path: Path) -> bool:
    with path.open("rb") as stream:
        try:
            head = open_decoded(stream, max_bytes=1 << 20).read(_HEAD_BYTES)
        except StreamError:
            return False
    return enterprise_html.is_enterprise(head)


def extract_item(item: Item, source: Wikipedia, document_bytes: int) -> Found | Refused | Damaged:
    """Turn a page's wikitext or HTML into prose."""
    settings = wikipedia_dump.ArticleSettings(
        namespaces=source.namespaces, max_document_bytes=document_bytes, licence=source.licence
    )
    if isinstance(item, enterprise_html.EnterpriseRow):
        return enterprise_html.extract_article(item, settings)
    return wikipedia_dump.extract_article(item.page, settings, site=item.site)
