"""Fetching files from web servers and object stores: whole, or a sentence that says why not."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import httpx

from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import (
    PassingError,
    RefusedError,
    check_stopped,
    is_url,
    open_answer,
    pick_wait,
    try_often,
)
from gristmill.pipelines.partial_files import PartialFile
from gristmill.pipelines.pins import Pins
from gristmill.pipelines.range_requests import describe_url
from gristmill.pipelines.rate_limits import find_limit
from gristmill.pipelines.slices import hold_slices
from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import InputError, StoreError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import StorePath, find_place, is_remote, show_place
from gristmill.schemas.stores import find_store
from gristmill.schemas.transfers import Transfer

STORE_TRIES = 3  # the libraries below make several for each of ours
FETCHED = "fetched"  # below a unit's folder; gone before its parts are listed
#: A connection that brought so much was worth it: the next failure is again the first.
PROGRESS_BYTES = 64 << 10
#: Least speed, over a timeout's time: slower is a stall, whatever trickles in.
LEAST_BYTES_PER_TIMEOUT = 4096


class HeldInput(NamedTuple):
    """An input file while it is read, and what is known of it for the ledger."""

    path: Path
    sha256: str


def name_copy(url: str) -> str:
    """What a file's copy on this disk is called: as at its address, but nothing unheard of.

    Readers tell some files by the ends of their names.
    """
    name = re.sub(r"[^A-Za-z0-9._=+-]", "_", urlsplit(url).path.rpartition("/")[2])
    return name[-120:].lstrip(".") or "index"


def identify_url(url: str, fetching: Fetching | None = None) -> tuple[int, str]:
    """Size and identity of a file on a web server, without fetching it.

    Raises:
        InputError: the server refuses, does not answer, or does not say what the file is.
    """
    found = describe_url(url, fetching or Fetching())
    if found.tag is None:
        raise InputError(
            f"{show_place(url)}: the server does not say which version of the file it has; "
            "run with an output on a local disk, where the file is downloaded first"
        )
    return found.bytes, _name_version(url, found.bytes, found.tag)


def _name_version(url: str, size: int, tag: str) -> str:
    return hash_parts("url", url, str(size), tag).hex()


def fetch_bytes(url: str, fetching: Fetching, *, max_bytes: int) -> bytes:
    """Fetch a small file into memory.

    Raises:
        InputError: the server refuses, does not answer, or the file is larger.
    """

    def fetch() -> bytes:
        body = bytearray()
        with open_answer(url, fetching) as response:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise RefusedError(f"over {max_bytes} bytes")
        return bytes(body)

    return try_often(url, fetching, fetch)


def download_url(url: str, local: Path, fetching: Fetching | None = None) -> str | None:
    """Download a file; it appears whole, with as many bytes as the server promised.

    What a try or an earlier process got of it is not asked for again.

    Returns:
        The server's strong tag of the file, if it gave one.

    Raises:
        InputError: the server refuses, or brings nothing after several tries.
    """
    fetching = fetching or Fetching()
    partial = PartialFile(url, local)
    partial.find_start()
    try_often(url, fetching, lambda: _fetch_rest(url, partial, fetching))
    partial.finish()
    return partial.tag


def _fetch_rest(url: str, partial: PartialFile, fetching: Fetching) -> None:
    asked = partial.condition
    accepted = (200, 206, 416) if asked else (200,)
    with open_answer(url, fetching, headers=asked, accepted=accepted) as response:
        partial.accept(response)
        start = partial.held
        try:
            with partial.open() as stream:
                try:
                    _receive(response, partial, fetching, stream)
                finally:
                    if not partial.is_whole:
                        partial.note_progress(stream)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise PassingError(reason, progressed=_has_progressed(partial, start)) from error
    if not partial.is_whole:
        raise PassingError(
            f"{partial.held} of {partial.promised} bytes came",
            progressed=_has_progressed(partial, start),
        )


def _has_progressed(partial: PartialFile, start: int) -> bool:
    return partial.held - start >= PROGRESS_BYTES and bool(partial.condition)


def _receive(
    response: httpx.Response, partial: PartialFile, fetching: Fetching, stream: BinaryIO
) -> None:
    timeout = fetching.transfer.timeout_seconds
    since, held = time.monotonic(), partial.held
    for chunk in response.iter_raw():  # as it was sent: no decoding behind our back
        check_stopped(fetching)
        partial.append(stream, chunk)
        if time.monotonic() - since > timeout:
            if partial.held - held < LEAST_BYTES_PER_TIMEOUT:
                raise httpx.ReadTimeout(f"under {LEAST_BYTES_PER_TIMEOUT} bytes in {timeout:g} s")
            since, held = time.monotonic(), partial.held


def _download_object(
    place: StorePath, local: Path, identity: str, per_second: float | None
) -> None:
    limit = find_limit(str(place), per_second)
    for attempt in range(STORE_TRIES):
        limit.take()
        found = place.stat()
        if found.identity != identity:
            raise _say_replaced(str(place))
        try:
            find_store(place.scheme).download(place.bucket, place.key, local)
            received = local.stat().st_size
            if received == found.st_size:
                return
            raise StoreError(f"{place}: {received} of {found.st_size} bytes came")
        except StoreError:
            if attempt == STORE_TRIES - 1:
                raise
            time.sleep(pick_wait(StoreError(), attempt))


def _say_replaced(text: str) -> InputError:
    return InputError(f"{show_place(text)} was replaced since the run began; run it again")


@contextlib.contextmanager
def hold_file(params: Mapping[str, Any], folder: Path) -> Iterator[HeldInput]:
    """Yield a unit's input file on this disk; one that lies elsewhere is there for the block.

    Args:
        params: of the unit: ``path``, its ``bytes`` and ``identity``; for a file that lies
            elsewhere also ``transfer``, a `Transfer` as JSON, and ``pins``, the folder of
            the output's pins, both of which may be missing. With ``picks``, as
            `slices.hold_slices` wants them, the file is one of slices.
        folder: of the unit.

    Raises:
        InputError: the file is gone, has been replaced, or cannot be fetched.
        StoreError: the store cannot be asked.
    """
    text = params["path"]
    if params.get("picks"):
        with hold_slices(params, folder) as slices:
            yield HeldInput(slices, str(params["identity"]))
        return
    if not is_url(text) and not is_remote(text):
        yield HeldInput(Path(text), str(params.get("identity", "")))
        return
    (folder / FETCHED).mkdir()
    try:
        local = _fetch_input(params, folder / FETCHED)
        digest = sha256_file(local)
        if params.get("pins"):
            # An object with another tag is another input, which its owner may store as he likes.
            address = text if is_url(text) else f"{text}#{params['identity']}"
            pins = Pins(find_place(params["pins"]))
            pins.keep_pin(address, local.stat().st_size, digest, params["identity"])
        yield HeldInput(local, digest)
    finally:
        shutil.rmtree(folder / FETCHED)


def _fetch_input(params: Mapping[str, Any], folder: Path) -> Path:
    """Fetch the version of a file that was there when the run began, and no other."""
    text, identity = params["path"], params["identity"]
    fetching = Fetching(Transfer.model_validate(params.get("transfer") or {}))
    if is_url(text):
        local = folder / name_copy(text)
        if identify_url(text, fetching) != (params["bytes"], identity):
            raise _say_replaced(text)
        tag = download_url(text, local, fetching)
        if tag is not None and _name_version(text, local.stat().st_size, tag) != identity:
            raise _say_replaced(text)
        return local
    place = find_place(text)
    assert isinstance(place, StorePath)
    local = folder / place.name
    try:
        _download_object(place, local, identity, fetching.transfer.requests_per_second)
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    return local
