"""Objects of a dataset's store: files by content, put once, checked before they are named."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gristmill.schemas.atomic_files import (
    appear_whole,
    copy_file,
    sha256_file,
    sync_file,
    sync_folder,
)
from gristmill.schemas.errors import CorruptFileError
from gristmill.schemas.manifests import FileEntry
from gristmill.schemas.places import Place, StorePath

STORE_THREADS = 8  # reads of an object store at a time; each waits more than it works
READ_ONLY = 0o444  # objects and exports share inodes: an editor must not write through a link


def make_folder(folder: Place) -> None:
    """Create a folder so that it and its new parents survive a power cut."""
    if isinstance(folder, StorePath) or folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def link_or_copy(source: Place, target: Place) -> None:
    """Put a file's bytes at a path that does not exist yet: a hard link, else a synced copy."""
    make_folder(target.parent)
    if isinstance(source, StorePath) or isinstance(target, StorePath):
        copy_file(source, target)
        return
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # another file system, no links there, or too many links
        with appear_whole(target) as partial:
            shutil.copyfile(source, partial)
            partial.chmod(READ_ONLY)
    sync_folder(target.parent)


def put_object(
    folder: Place, source: Place, suffix: str, known: str | None = None
) -> tuple[str, int]:
    """Store a finished file under its own digest.

    The object is a hard link where the file system allows it, so the source becomes
    read-only; it may be replaced or removed later, but not written in place.

    Args:
        folder: ``<store>/<dataset>``.
        source: the file.
        suffix: of the logical path, such as ``.parquet``; part of the object's name.
        known: sha256 that the source's ledger record says; it spares a download of what
            lies in an object store, and the commit hashes the copy anyway.

    Returns:
        Hex sha256 and size in bytes.
    """
    far = isinstance(source, StorePath)
    sha256 = known if far and known is not None else sha256_file(source)
    file_bytes = source.stat().st_size
    entry = FileEntry(path=f"object{suffix}", bytes=file_bytes, sha256=sha256)
    target = folder / entry.object_path
    stored_bytes = _find_size(target)
    if stored_bytes is not None and stored_bytes != file_bytes:
        target.unlink()  # damaged; its name says what it must hold, and here it is
        stored_bytes = None
    if stored_bytes is None:
        if isinstance(source, Path):
            source.chmod(READ_ONLY)
            sync_file(source)
        link_or_copy(source, target)
    return sha256, file_bytes


def _find_size(path: Place) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def check_object(path: Place, entry: FileEntry) -> None:
    """Require that a stored object is a plain file of the size and digest of its entry.

    Raises:
        CorruptFileError: names the logical path and the difference.
    """
    found_bytes = _find_size(path)
    plain = isinstance(path, StorePath) or (path.is_file() and not path.is_symlink())
    if found_bytes is None or not plain:
        raise CorruptFileError(f"{entry.path}: {path} is missing or not a plain file")
    if found_bytes != entry.bytes:
        raise CorruptFileError(f"{entry.path}: {found_bytes} bytes, manifest says {entry.bytes}")
    found = sha256_file(path)
    if found != entry.sha256:
        raise CorruptFileError(f"{entry.path}: sha256 is {found}, manifest says {entry.sha256}")


def check_objects(folder: Place, entries: Sequence[FileEntry]) -> None:
    """Check every object; several at a time where each waits for a store.

    Raises:
        CorruptFileError: names the first that differs.
    """
    paths = [folder / entry.object_path for entry in entries]
    if isinstance(folder, Path):
        for path, entry in zip(paths, entries, strict=True):
            check_object(path, entry)
        return
    with ThreadPoolExecutor(STORE_THREADS) as pool:
        for _ in pool.map(check_object, paths, entries):
            pass
