"""Files appear whole: temporary name, fsync, rename, fsync of the folder.

In an object store there is nothing to do for that: an object appears when the last
byte of it has come, and the store itself refuses to create one twice.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gristmill.schemas.errors import UsageError
from gristmill.schemas.places import Place, StorePath
from gristmill.schemas.stores import find_store

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
def appear_whole(path: Place) -> Iterator[Path]:
    """Yield a temporary path; on clean exit it becomes `path`, on error it is removed.

    The file is fsynced before the rename and its folder after, so that `path`
    either holds everything that was written or does not exist. The temporary path is
    on the local disk also where `path` is in an object store.
    """
    if isinstance(path, StorePath):
        with tempfile.TemporaryDirectory(prefix="gristmill-") as scratch:
            local = Path(scratch) / path.name
            yield local
            put_file(local, path)
        return
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


def put_file(source: Path, target: Place) -> None:
    """Copy a local file to a place, where it appears whole or not at all."""
    if isinstance(target, StorePath):
        find_store(target.scheme).upload(source, target.bucket, target.key)
        return
    with appear_whole(target) as partial:
        shutil.copyfile(source, partial)


def copy_file(source: Place, target: Place) -> None:
    """Copy a file between places; inside one kind of store, its bytes stay there."""
    if isinstance(source, Path):
        put_file(source, target)
    elif isinstance(target, StorePath) and target.scheme == source.scheme:
        there = find_store(source.scheme)
        there.copy((source.bucket, source.key), (target.bucket, target.key))
    else:
        with appear_whole(target) as partial:
            find_store(source.scheme).download(source.bucket, source.key, partial)


def write_whole(path: Place, payload: bytes) -> None:
    """Write bytes so that the file appears whole or not at all."""
    if isinstance(path, StorePath):
        find_store(path.scheme).write(path.bucket, path.key, payload)
        return
    with appear_whole(path) as partial:
        partial.write_bytes(payload)


def create_once(path: Place, payload: bytes) -> bool:
    """Create a file only if it does not exist, atomically and whole.

    Returns:
        True if this call created the file, False if it was there already. In an object
        store, one that holds these very bytes counts as created by this call.
    """
    if isinstance(path, StorePath):
        return find_store(path.scheme).create(path.bucket, path.key, payload)
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


@contextlib.contextmanager
def hold_lock(path: Path, refusal: str) -> Iterator[None]:
    """Hold a file's lock for the block; the kernel lets go however this process ends.

    Args:
        path: the file; made, with its folder, if it is missing.
        refusal: what to say when another process holds it.

    Raises:
        UsageError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(refusal) from None
        yield


def sha256_file(path: Place) -> str:
    """Compute the hex sha256 of a file, reading 1 MiB at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def remove_partials(folder: Place) -> int:
    """Remove what killed writers left in a folder tree, files and folders; returns how many."""
    if isinstance(folder, StorePath):
        return 0  # nothing appears there before it is whole
    leftovers = sorted(folder.rglob(f"*{PARTIAL_SUFFIX}"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)
