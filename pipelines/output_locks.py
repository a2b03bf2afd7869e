"""Keeping two runs out of one output folder, on a disk or in an object store."""

import contextlib
import datetime
import json
import os
import platform
from collections.abc import Iterator

from gristmill.schemas.atomic_files import create_once, hold_lock
from gristmill.schemas.errors import UsageError
from gristmill.schemas.places import Place, StorePath

LOCK_FILE = ".lock"


@contextlib.contextmanager
def lock_output(folder: Place) -> Iterator[None]:
    """Hold an output folder for as long as the block runs.

    On a disk the kernel releases the lock however the process ends. In a store the lock
    is an object that says who holds it; one that a killed run left has to be deleted by
    hand, since no clock can tell a dead run from a slow one.

    Raises:
        UsageError: another run holds it.
        StoreError: there is no such bucket, or it may not be written.
    """
    if isinstance(folder, StorePath):
        with _hold_object(folder / LOCK_FILE):
            yield
        return
    with hold_lock(folder / LOCK_FILE, f"another gristmill run is working in {folder}"):
        yield


@contextlib.contextmanager
def _hold_object(lock: StorePath) -> Iterator[None]:
    owner = {
        "host": platform.node(),
        "pid": os.getpid(),
        "since": datetime.datetime.now(datetime.UTC).isoformat(),
    }
    if not create_once(lock, json.dumps(owner).encode("utf-8")):
        raise UsageError(
            f"another gristmill run is working in {lock.parent} ({_describe_owner(lock)}); "
            f"if that run is dead, delete {lock}"
        )
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _describe_owner(lock: StorePath) -> str:
    try:
        owner = json.loads(lock.read_bytes())
        return f"process {int(owner['pid'])} on {owner['host']!s:.100} since {owner['since']!s:.40}"
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return "its lock does not say which"
