"""Common Crawl and other crawls: WARC and WET files."""

from collections.abc import Iterator
from pathlib import Path

from gristmill.cleaning import warc_records, web_pages
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.recipe import CommonCrawl


def iterate_file(
    path: Path, source: CommonCrawl, document_bytes: int
) -> Iterator[warc_records.WarcRecord | Damaged]:
    """Read the records of one file, damaged ones as such."""
    with path.open("rb") as stream:
        yield from warc_records.iterate(stream, max_record_bytes=document_bytes)


def extract_item(
    record: warc_records.WarcRecord, source: CommonCrawl, document_bytes: int
) -> Found | Refused | Damaged:
    """Turn a record into text."""
    settings = web_pages.PageSettings(
        main_content=source.main_content, max_document_bytes=document_bytes
    )
    return web_pages.extract_page(record, settings)
