"""Common Crawl and other crawls: WARC, WET and ARC files, and records picked by an index."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from gristmill.cleaning import arc_records, record_checks, warc_records, web_pages
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.pipelines.sources import picked_records
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import CommonCrawl


def iterate_file(
    path: Path, source: CommonCrawl, document_bytes: int, *, start: int = 0, stop: int | None = None
) -> Iterator[WarcRecord | Damaged]:
    """Read the records of one file or of a range of it, damaged ones as such.

    What kind of file it is shows in its first bytes, whatever it is called.

    Raises:
        InputError: the file is a WAT file, which holds no text.
    """
    if path.suffix == picked_records.SLICES_SUFFIX:
        yield from picked_records.iterate_slices(path, document_bytes)
        return
    reader = _choose_reader(path)
    with path.open("rb") as stream:
        for record in reader.iterate(
            stream, max_record_bytes=document_bytes, start=start, stop=stop
        ):
            if isinstance(record, WarcRecord) and record_checks.is_wat(record):
                raise InputError(
                    f"{path}: a WAT file, which holds facts about pages and no text; "
                    "name the crawl's WARC or WET files"
                )
            yield record


def cut_file(path: Path, every_bytes: int, document_bytes: int) -> list[int]:
    """Find where a file may be cut."""
    reader = _choose_reader(path)
    with path.open("rb") as stream:
        found: list[int] = reader.index_records(
            stream, every_bytes=every_bytes, max_record_bytes=document_bytes
        )
    return found


def _choose_reader(path: Path) -> ModuleType:
    with path.open("rb") as stream:
        is_arc = arc_records.is_arc(stream.read(arc_records.HEAD_BYTES))
    return arc_records if is_arc else warc_records


def extract_item(
    record: WarcRecord, source: CommonCrawl, document_bytes: int
) -> Found | Refused | Damaged:
    """Turn a record into text; its digest is compared as the source wants it."""
    settings = web_pages.PageSettings(
        main_content=source.main_content,
        extractor=source.extractor,
        structure=source.structure,
        max_document_bytes=document_bytes,
    )
    found = web_pages.extract_page(record, settings)
    if source.digests == "ignore" or not isinstance(found, Found):
        return found
    check = record_checks.check_digest(record)
    if check == "mismatch" and source.digests == "quarantine":
        return record_checks.refuse_mismatch(record)
    return found._replace(digest_check=check)
