"""Fetching files from web servers and object stores: whole, or a sentence that says why not."""

import contextlib
import email.utils
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from gristmill.schemas.atomic_files import appear_whole
from gristmill.schemas.errors import InputError, StoreError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import StorePath, find_place, is_remote, show_place
from gristmill.schemas.stores import find_store

TRIES = 6
STORE_TRIES = 3  # the libraries below make several for each of ours
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
CHUNK_BYTES = 1 << 20
FETCHED = "fetched"  # below a unit's folder; gone before its parts are listed
Answer = TypeVar("Answer")
HEADERS = {"accept-encoding": "identity", "user-agent": "gristmill/0.1"}


class _Refused(Exception):
    """An answer that another try will not change."""


class _Transient(Exception):
    """An answer that may change; `wait_seconds` is what the server asked for."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def is_url(text: str) -> bool:
    """Whether a string names a file on a web server."""
    return text.startswith(("http://", "https://"))


def identify_url(url: str) -> tuple[int, str]:
    """Size and identity of a file on a web server, without fetching it.

    Raises:
        InputError: the server refuses, does not answer, or does not say what the file is.
    """

    def ask() -> tuple[int, str]:
        response = httpx.head(url, timeout=TIMEOUT, headers=HEADERS, follow_redirects=False)
        _check_status(response)
        length = response.headers.get("content-length", "")
        tag = response.headers.get("etag") or response.headers.get("last-modified")
        if not length.isdigit() or tag is None:
            raise _Refused(
                "the server does not say how long the file is and which one; "
                "run with an output on a local disk, where the file is downloaded first"
            )
        return int(length), hash_parts("url", url, length, tag).hex()

    return _try_often(url, ask)


def download_url(url: str, local: Path) -> None:
    """Download a file; it appears whole, with as many bytes as the server promised.

    Raises:
        InputError: the server refuses, or does not answer after several tries.
    """

    def fetch() -> None:
        with appear_whole(local) as partial:
            _download(url, partial)

    _try_often(url, fetch)


def _try_often(url: str, act: Callable[[], Answer]) -> Answer:
    for attempt in range(TRIES):
        try:
            return act()
        except _Refused as error:
            raise InputError(f"{show_place(url)}: {error}") from None
        except (httpx.HTTPError, _Transient) as error:
            if attempt == TRIES - 1:
                reason = str(error) or type(error).__name__
                raise InputError(
                    f"{show_place(url)}: {reason} after {TRIES} tries; "
                    "run the same command again when the server answers"
                ) from error
            time.sleep(_pick_wait(error, attempt))
    raise AssertionError("unreachable")


def _pick_wait(error: Exception, attempt: int) -> float:
    asked = error.wait_seconds if isinstance(error, _Transient) else None
    if asked is not None:
        return min(asked, LONGEST_WAIT_SECONDS)
    # Jitter keeps many workers from returning at once; it decides no byte of any output.
    return float(random.uniform(0.5, 1.0) * min(LONGEST_WAIT_SECONDS, 0.5 * 2**attempt))


def _download(url: str, path: Path) -> None:
    with httpx.stream("GET", url, timeout=TIMEOUT, headers=HEADERS) as response:
        _check_status(response)
        received = 0
        with path.open("wb") as stream:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                stream.write(chunk)
                received += len(chunk)
        promised = response.headers.get("content-length")
        if promised is not None and int(promised) != received:
            raise _Transient(f"{received} of {promised} bytes came")


def _check_status(response: httpx.Response) -> None:
    if response.status_code in (429, 500, 502, 503, 504):
        raise _Transient(f"HTTP {response.status_code}", _read_retry_after(response))
    if response.status_code != 200:
        raise _Refused(f"HTTP {response.status_code}")


def _read_retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    if value.isdigit():
        return float(value)
    moment = email.utils.parsedate_to_datetime(value) if value.count(":") == 2 else None
    return max(0.0, moment.timestamp() - time.time()) if moment else None


def _download_object(place: StorePath, local: Path, identity: str) -> None:
    for attempt in range(STORE_TRIES):
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
            time.sleep(_pick_wait(StoreError(), attempt))


def _say_replaced(text: str) -> InputError:
    return InputError(f"{show_place(text)} was replaced since the run began; run it again")


@contextlib.contextmanager
def hold_input(params: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Yield a local path of a unit's input file; one that lies elsewhere is there for the block.

    Args:
        params: of the unit: ``path``, and of a file that lies elsewhere its ``bytes`` and
            ``identity``.
        folder: of the unit.

    Raises:
        InputError: the file is gone, has been replaced, or cannot be fetched.
        StoreError: the store cannot be asked.
    """
    text = params["path"]
    if not is_url(text) and not is_remote(text):
        yield Path(text)
        return
    local = folder / FETCHED / (Path(urlsplit(text).path).name or "index")
    local.parent.mkdir()
    try:
        if is_url(text):
            if identify_url(text) != (params["bytes"], params["identity"]):
                raise _say_replaced(text)
            download_url(text, local)
        else:
            place = find_place(text)
            assert isinstance(place, StorePath)
            local = local.with_name(place.name)
            try:
                _download_object(place, local, params["identity"])
            except FileNotFoundError as error:
                raise InputError(str(error)) from None
        yield local
    finally:
        shutil.rmtree(local.parent)
