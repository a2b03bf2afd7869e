"""Files appear whole: temporary name, fsync, rename, fsync of the folder."""

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

PARTIAL_SUFFIX = ".partial"


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _partial_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(6)}{PARTIAL_SUFFIX}")


@contextlib.contextmanager
def appear_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on clean exit it becomes `path`, on error it is removed.

    The file is fsynced before the rename and its folder after, so that `path`
    either holds everything that was written or does not exist.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial_name(path)
    try:
        yield partial
        sync_file(partial)
        os.replace(partial, path)
        sync_folder(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_whole(path: Path, payload: bytes) -> None:
    """Write bytes so that the file appears whole or not at all."""
    with appear_whole(path) as partial:
        partial.write_bytes(payload)


def create_once(path: Path, payload: bytes) -> bool:
    """Create a file only if it does not exist, atomically and whole.

    Returns:
        True if this call created the file, False if it was there already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial_name(path)
    try:
        partial.write_bytes(payload)
        sync_file(partial)
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
        return True
    finally:
        partial.unlink(missing_ok=True)


def sha256_file(path: Path) -> str:
    """Compute the hex sha256 of a file, reading 1 MiB at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def remove_partials(folder: Path) -> int:
    """Remove what killed writers left in a folder tree, files and folders; returns how many."""
    leftovers = sorted(folder.rglob(f"*{PARTIAL_SUFFIX}"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)
