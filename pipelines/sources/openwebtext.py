"""OpenWebText archives: the release, its mirror, or one subset."""

from collections.abc import Iterator
from pathlib import Path

from gristmill.cleaning import openwebtext_archive
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import OpenWebText


def iterate_file(
    path: Path, source: OpenWebText, document_bytes: int
) -> Iterator[openwebtext_archive.ArchiveMember | Damaged | Refused]:
    """Read the members of one archive as a stream; nothing is extracted to disk."""
    subset = openwebtext_archive.find_subset(path.name)
    with path.open("rb") as stream:
        yield from openwebtext_archive.iterate(
            stream, max_member_bytes=document_bytes, subset=subset
        )


def extract_item(
    member: openwebtext_archive.ArchiveMember, source: OpenWebText, document_bytes: int
) -> Found | Refused | Damaged:
    """Decode and normalise a member's text."""
    settings = openwebtext_archive.MemberSettings(
        max_document_bytes=document_bytes, licence=source.licence
    )
    return openwebtext_archive.extract_member(member, settings)
