"""Plain text files, alone or in folders."""

import os
from collections.abc import Iterator
from pathlib import Path

from gristmill.cleaning import text_files
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.sources import TextFiles


def list_folder(folder: Path, *, hidden: bool) -> list[Path]:
    """List the files below a folder, sorted by path; links to folders are not followed.

    Args:
        folder: where to look.
        hidden: list files and folders whose name begins with a dot, too.
    """
    found = []
    for place, folders, names in os.walk(folder):
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
            names = [name for name in names if not name.startswith(".")]
        found += [Path(place, name) for name in names]
    return sorted(path for path in found if path.is_file())


def iterate_file(
    path: Path, source: TextFiles, document_bytes: int
) -> Iterator[text_files.TextPiece | Damaged]:
    """Read the documents of one file."""
    with path.open("rb") as stream:
        yield from text_files.iterate(stream, split=source.split, max_document_bytes=document_bytes)


def extract_item(
    piece: text_files.TextPiece, source: TextFiles, document_bytes: int
) -> Found | Refused | Damaged:
    """Decode and normalise a document."""
    settings = text_files.TextSettings(max_document_bytes=document_bytes, licence=source.licence)
    return text_files.extract_piece(piece, settings)
