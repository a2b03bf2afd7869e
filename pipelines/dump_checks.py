"""Checks of a dump file against what Wikimedia publishes beside it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from gristmill.cleaning.dump_sums import (
    MAX_SUMS_BYTES,
    FileSums,
    find_sums,
    name_sums,
    parse_sums,
)
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import RefusedError, open_answer, try_often
from gristmill.schemas.errors import InputError

#: What `check_dump` says of a file of which nothing is said.
NO_SUMS: Final = "no sums beside it"

_CHUNK_BYTES: Final = 1 << 20

ReadBeside = Callable[[str], bytes | None]


def read_beside_file(path: Path) -> ReadBeside:
    """Read files in the folder of a dump."""

    def read(name: str) -> bytes | None:
        place = path.with_name(name)
        if not place.is_file():
            return None
        with place.open("rb") as stream:
            return stream.read(MAX_SUMS_BYTES)

    return read


def read_beside_url(url: str, fetching: Fetching) -> ReadBeside:
    """Read files at the address of a dump; one that is not there is None.

    Raises:
        InputError: when called: the server refuses or does not answer.
    """

    def read(name: str) -> bytes | None:
        address = urljoin(url, name)

        def ask() -> bytes | None:
            with open_answer(address, fetching, accepted=(200, 403, 404)) as answer:
                if answer.status_code != 200:  # mirrors on S3 say 403 of what is not there
                    return None
                payload = b""
                for chunk in answer.iter_bytes(_CHUNK_BYTES):
                    payload += chunk
                    if len(payload) > MAX_SUMS_BYTES:
                        raise RefusedError(f"over {MAX_SUMS_BYTES} bytes, which no list of sums is")
                return payload

        return try_often(address, fetching, ask)

    return read


def check_dump(local: Path, dump_name: str, read_beside: ReadBeside) -> str:
    """Compare a dump file with its published size and digest.

    Args:
        local: the file.
        dump_name: what it is called where the sums are; its name in its folder or address.
        read_beside: reads a file beside the dump by name; None if it is not there.

    Returns:
        What it was checked against, as ``sha1 of dumpstatus.json``, or `NO_SUMS`.

    Raises:
        InputError: size or digest differ.
    """
    for name in name_sums(dump_name):
        payload = read_beside(name)
        sums = find_sums(parse_sums(payload), dump_name) if payload is not None else None
        if sums is not None and (sums.sha1 or sums.md5):
            return _compare(local, dump_name, name, sums)
    return NO_SUMS


def _compare(local: Path, dump_name: str, sums_name: str, sums: FileSums) -> str:
    size = local.stat().st_size
    if sums.size is not None and sums.size != size:
        raise InputError(
            f"{dump_name} has {size} bytes, but {sums_name} beside it says {sums.size}; "
            "delete the file and fetch it again"
        )
    algorithm = "sha1" if sums.sha1 else "md5"
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with local.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    wanted = sums.sha1 or sums.md5
    if digest.hexdigest() != wanted:
        raise InputError(
            f"{dump_name} has {algorithm} {digest.hexdigest()}, but {sums_name} beside it says "
            f"{wanted}; delete the file and fetch both again"
        )
    return f"{algorithm} of {sums_name}"
