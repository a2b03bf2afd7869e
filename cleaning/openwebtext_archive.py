"""Read OpenWebText archives: the release, its mirror as plain tar, or one subset alone.

::

    openwebtext.tar.xz                          the release; the mirror is a plain tar
    └── openwebtext/urlsf_subsetNN-M_data.xz    a tar under xz, though named .xz
        └── NNNNNNN-<md5>.txt                   UTF-8, one document

All is streamed; nothing is written, and no name is used as a path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple, cast

from gristmill.cleaning.bounded_streams import StreamError, open_decoded
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.tar_members import TarMember, TarReader
from gristmill.schemas.fates import Damaged, Found, Refused

#: Cap on one document (threat S1). The longest of OpenWebText are about 100 KB.
MAX_MEMBER_BYTES: Final = 20 << 20

#: Cap on a decoded archive. The whole release is 38 GB of text.
MAX_ARCHIVE_BYTES: Final = 1 << 40

#: Documents in the whole release; of archives that came short, readers told nothing
#: (datasets issue 2839).
RELEASE_DOCUMENTS: Final = 8_013_769

_SUBSET: Final = re.compile(r"(urlsf_subset[0-9]{1,4}-[0-9]{1,6})_data\.xz")
_DOCUMENT: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}\.txt")
_MAX_SHOWN_CHARS: Final = 120


class ArchiveMember(NamedTuple):
    """A document as it lies in the archive.

    Attributes:
        name: ``NNNNNNN-<md5>.txt``; the digest is not that of the content.
        payload: the member's bytes.
        subset: ``urlsf_subsetNN-M``, or what the caller gave for a subset alone.
        offset: where the payload begins in the decoded tar that holds it.
        length: bytes of the payload.
    """

    name: str
    payload: bytes
    subset: str
    offset: int
    length: int


@dataclass(frozen=True, kw_only=True)
class MemberSettings:
    """Limits on a document.

    Attributes:
        max_document_bytes: cap on its UTF-8 bytes.
        licence: SPDX id written to each document. The packaging is CC0, but the rights of
            each page remain with its author, so there is no default.
    """

    max_document_bytes: int = MAX_MEMBER_BYTES
    licence: str | None = None


def find_subset(file_name: str) -> str:
    """Name the subset that a file ``urlsf_subsetNN-M_data.xz`` holds; empty for others."""
    match = _SUBSET.fullmatch(file_name.rpartition("/")[2])
    return match[1] if match else ""


def _show_name(name: str) -> str:
    return ascii(name[:_MAX_SHOWN_CHARS])[1:-1]


def _find_stray(member: TarMember) -> str | None:
    """Say why a member is neither document nor subset, or None if it may be one."""
    if member.kind != "file":
        return member.kind
    if not member.name:
        return "name too long"
    parts = member.name.split("/")
    if member.name.startswith("/") or ".." in parts:
        return "name leaves the archive"
    if not _DOCUMENT.fullmatch(parts[-1]) and not _SUBSET.fullmatch(parts[-1]):
        return "name of no document"
    return None


def _walk_tar(
    tar: TarReader, subset: str, max_member_bytes: int, depth: int
) -> Iterator[ArchiveMember | Damaged | Refused]:
    """Yield what a tar holds; raises `StreamError` where the tar itself breaks off."""
    for member in tar:
        stray = _find_stray(member)
        name = member.name.rpartition("/")[2]
        place = (member.offset, member.size)
        if stray is not None:
            if member.kind != "folder":
                yield Refused("stray_member", f"{stray}: {_show_name(member.name)}", *place)
            continue
        inner = find_subset(name)
        if inner and depth == 0:
            yield from _walk_subset(tar, member, inner, max_member_bytes)
        elif inner:
            yield Refused("stray_member", f"archive in a subset: {_show_name(name)}", *place)
        elif member.size > max_member_bytes:
            yield Damaged("too_large", f"{member.size} > {max_member_bytes}", *place, name)
        else:
            yield ArchiveMember(name, tar.read_all(), subset, *place)


def _walk_subset(
    tar: TarReader, member: TarMember, subset: str, max_member_bytes: int
) -> Iterator[ArchiveMember | Damaged | Refused]:
    """Yield what a subset holds; its damage ends it, but not the archive around it."""
    stream = open_decoded(cast(BinaryIO, tar), max_bytes=MAX_ARCHIVE_BYTES)
    try:
        yield from _walk_tar(TarReader(stream), subset, max_member_bytes, depth=1)
    except StreamError as fault:
        if fault is tar.fault:
            raise
        yield Damaged(fault.reason, str(fault), member.offset, member.size, subset)


def iterate(
    stream: BinaryIO,
    *,
    max_member_bytes: int = MAX_MEMBER_BYTES,
    max_bytes: int = MAX_ARCHIVE_BYTES,
    subset: str = "",
) -> Iterator[ArchiveMember | Damaged | Refused]:
    """Yield the documents of an archive in file order.

    Args:
        stream: ``openwebtext.tar.xz``, a plain tar of subsets, or one subset; any
            compression.
        max_member_bytes: cap on one document.
        max_bytes: cap on the decoded stream.
        subset: name of the subset, if the stream is one alone (`find_subset`).

    Yields:
        Documents; `Refused` by the rule ``stray_member`` for lock files, links, devices and
        names that no document has; `Damaged` for a document over the cap, for a subset that
        breaks off (the next follows) and for an archive that does (nothing follows).
    """
    tar = TarReader(open_decoded(stream, max_bytes=max_bytes))
    try:
        yield from _walk_tar(tar, subset, max_member_bytes, depth=1 if subset else 0)
    except StreamError as fault:
        yield Damaged(fault.reason, str(fault), fault.offset, 0, subset or None)


def explain_shortfall(name: str, num_documents: int, expected: int) -> str | None:
    """Say that the files of a source hold fewer documents than they should.

    Args:
        name: of the source.
        num_documents: all that were met: kept, empty and damaged ones, not stray members.
        expected: how many there should be; `RELEASE_DOCUMENTS` for the whole release.

    Returns:
        None if there are enough.
    """
    missing = expected - num_documents
    if missing <= 0:
        return None
    return (
        f"source {name!r}: its files hold {num_documents:,} documents, {missing:,} fewer than "
        f"expected_documents {expected:,}; archives are missing or cut short: compare their sizes "
        "with the publisher's and fetch what differs again"
    )


def extract_member(member: ArchiveMember, settings: MemberSettings) -> Found | Refused | Damaged:
    """Turn a member into a document with the id ``subset/name``.

    Args:
        member: from `iterate`.
        settings: limits.

    Returns:
        `Damaged` if the bytes are not UTF-8 or too many, `Refused` by the rule
        ``empty_text`` if no text is left.
    """
    native_id = f"{member.subset}/{member.name}" if member.subset else member.name
    if member.length > settings.max_document_bytes:
        detail = f"{member.length} > {settings.max_document_bytes}"
        return Damaged("too_large", detail, member.offset, member.length, native_id)
    try:
        text = normalize_text(member.payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start}"
        return Damaged("undecodable", detail, member.offset, member.length, native_id)
    if not text:
        return Refused("empty_text", "no text", member.offset, member.length, native_id)
    return Found(
        native_id,
        text,
        member.offset,
        member.length,
        charset="utf-8",
        charset_method="format",
        extraction="plain",
        licence=settings.licence,
    )
