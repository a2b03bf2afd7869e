"""Plain folders of a version, for any reader of Parquet: the layout that people download."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gristmill.pipelines.publishing.card import render_card
from gristmill.pipelines.publishing.objects import check_object, link_or_copy
from gristmill.pipelines.publishing.store import encode_manifest
from gristmill.pipelines.publishing.verification import check_content
from gristmill.schemas.atomic_files import (
    PARTIAL_SUFFIX,
    copy_file,
    sha256_file,
    sync_folder,
    write_whole,
)
from gristmill.schemas.errors import CorruptFileError, UsageError
from gristmill.schemas.manifests import read_manifest
from gristmill.schemas.versions import Version

MANIFEST_NAME: Final = "manifest.json"
SUMS_NAME: Final = "SHA256SUMS"
CARD_NAME: Final = "README.md"
#: Written as copies, since people open these in editors; shards are hard links.
_COPIED: Final = frozenset({CARD_NAME})


@dataclass(frozen=True)
class ExportedVersion(Version):
    """A version laid out as plain folders: each file lies at its logical path."""

    folder: Path

    def file(self, path: str) -> Path:
        """Where the bytes of a logical path lie."""
        return self.folder / self.manifest.find(path).path


def _encode_sums(folder: Path) -> bytes:
    """Digest every file of a folder in the format of ``sha256sum --check``, sorted by path."""
    lines = [f"{sha256_file(folder / path)}  {path}\n" for path in _list_files(folder)]
    return "".join(lines).encode("utf-8")


def _list_files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if name != SUMS_NAME)


def export_version(version: Version, folder: Path) -> ExportedVersion:
    """Lay out a version as plain folders: hard links where possible, else copies.

    Every file is re-hashed on the way. The folder appears whole, by one rename.

    Args:
        version: a published version.
        folder: must not exist, or be empty.

    Returns:
        The exported version.

    Raises:
        UsageError: the folder holds something.
        CorruptFileError: an object differs from its entry.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty")
    folder = folder.absolute()
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    shutil.rmtree(partial, ignore_errors=True)  # what a killed export left
    partial.mkdir(parents=True)
    for entry in version.manifest.core.files:
        source, target = version.file(entry.path), partial / entry.path
        check_object(source, entry)
        if entry.path in _COPIED:
            copy_file(source, target)
        else:
            link_or_copy(source, target)
    if not (partial / CARD_NAME).exists():
        card = render_card(version.manifest.core, version.manifest.envelope)
        write_whole(partial / CARD_NAME, card.encode("utf-8"))
    write_whole(partial / MANIFEST_NAME, encode_manifest(version.manifest))
    write_whole(partial / SUMS_NAME, _encode_sums(partial))
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    sync_folder(folder.parent)
    return ExportedVersion(folder, version.manifest)


def open_export(folder: Path) -> ExportedVersion:
    """Open an exported folder.

    Raises:
        UsageError: the folder has no manifest.
        CorruptFileError: its manifest is damaged.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise UsageError(f"{folder} has no {MANIFEST_NAME}; it is not an exported version")
    return ExportedVersion(folder, read_manifest(path))


def _check_layout(exported: ExportedVersion) -> Iterator[str]:
    folder = exported.folder
    named = {entry.path for entry in exported.manifest.core.files} | {MANIFEST_NAME, CARD_NAME}
    found = set(_list_files(folder))
    yield from (f"{path}: missing" for path in sorted(named - found))
    yield from (f"{path}: not a file of this version" for path in sorted(found - named))
    links = sorted(path for path in found if (folder / path).is_symlink())
    yield from (f"{path}: is a symbolic link" for path in links)
    sums = folder / SUMS_NAME
    if sums.is_symlink() or not sums.is_file():
        yield f"{SUMS_NAME}: missing or not a plain file"
    elif found == named and not links and sums.read_bytes() != _encode_sums(folder):
        yield f"{SUMS_NAME}: does not agree with the files"


def verify_export(folder: Path) -> list[str]:
    """Check an exported folder: nothing missing, nothing extra, every byte and row right.

    Returns:
        Faults, each a sentence that names the file or split; empty if there is none.

    Raises:
        UsageError: the folder is not an exported version.
    """
    try:
        exported = open_export(folder)
    except CorruptFileError as error:
        return [str(error)]
    return [*_check_layout(exported), *check_content(exported)]
