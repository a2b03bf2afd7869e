"""Ranges of files wherever they lie: on this disk, in a store or on a web server."""

import re
from typing import NamedTuple

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
from gristmill.pipelines.rate_limits import find_limit
from gristmill.schemas.errors import InputError, StoreError
from gristmill.schemas.places import StorePath, find_place, is_remote, show_place
from gristmill.schemas.range_readers import RangeReader
from gristmill.schemas.stores import find_store

STORE_TRIES = 3  # the libraries below make several for each of ours
_ADVICE = "run with an output on a local disk, where the file is downloaded first"
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")


class Description(NamedTuple):
    """What a server says of a file."""

    bytes: int
    tag: str | None  # its ETag, or else when it was last changed

    @property
    def is_strong(self) -> bool:
        """Whether the tag vouches for every byte."""
        return self.tag is not None and self.tag.startswith('"')


def describe_url(url: str, fetching: Fetching) -> Description:
    """Ask a web server how long a file is, and which one, without fetching it.

    Raises:
        InputError: the server refuses, does not answer or does not say how long it is.
    """

    def ask(method: str) -> Description | None:
        # Not all answer HEAD, and a signed address may be good for GET alone.
        headers = {} if method == "HEAD" else {"range": "bytes=0-0"}
        refusals = (403, 405, 501) if method == "HEAD" else ()
        with open_answer(
            url, fetching, method=method, headers=headers, accepted=(200, 206, *refusals)
        ) as response:
            if response.status_code in refusals:
                return None
            length = response.headers.get("content-length", "")
            if response.status_code == 206:
                match = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
                length = match[3] if match else ""
            tag = response.headers.get("etag") or response.headers.get("last-modified")
        if not length.isdigit():
            raise RefusedError(f"the server does not say how long the file is; {_ADVICE}")
        return Description(int(length), tag)

    found = try_often(url, fetching, lambda: ask("HEAD") or ask("GET"))
    assert found is not None
    return found


def read_range(path: str, start: int, end: int, fetching: Fetching) -> bytes:
    """Read bytes start … end - 1 of a file; fewer where it ends before.

    Args:
        path: of a file on this disk, or an address.
        start: first byte.
        end: byte after the last, over `start`.
        fetching: how to fetch.

    Raises:
        InputError: there is no such file, or it cannot be fetched.
        StoreError: the store cannot be asked.
    """
    if is_url(path):
        return try_often(path, fetching, lambda: _ask_range(path, start, end, fetching, None))
    try:
        if is_remote(path):
            place = find_place(path)
            assert isinstance(place, StorePath)
            return _read_object(place, start, end, fetching)
        with open(path, "rb") as stream:
            stream.seek(start)
            return stream.read(end - start)
    except FileNotFoundError:
        raise InputError(f"{show_place(path)} does not exist") from None


def _read_object(place: StorePath, start: int, end: int, fetching: Fetching) -> bytes:
    limit = find_limit(
        str(place), fetching.transfer.requests_per_second, sleep=fetching.stopped.wait
    )
    for attempt in range(STORE_TRIES):
        limit.take()
        try:
            return find_store(place.scheme).read(place.bucket, place.key, start, end)
        except StoreError:
            if place.stat().st_size <= start:
                return b""
            if attempt == STORE_TRIES - 1:
                raise
            fetching.stopped.wait(pick_wait(StoreError(), attempt))
    raise AssertionError("unreachable")


def _ask_range(url: str, start: int, end: int, fetching: Fetching, tag: str | None) -> bytes:
    headers = {"range": f"bytes={start}-{end - 1}"}
    if tag is not None:
        headers["if-range"] = tag
    with open_answer(url, fetching, headers=headers, accepted=(200, 206, 416)) as response:
        if response.status_code == 416:
            return b""
        wanted = _check_range(response, start, end)
        body = bytearray()
        for chunk in response.iter_raw():
            check_stopped(fetching)
            body += chunk
            if len(body) > wanted:
                raise RefusedError(f"more than the {wanted} bytes that were asked for")
    if len(body) < wanted:
        raise PassingError(f"{len(body)} of {wanted} bytes came")
    return bytes(body)


def _check_range(response: httpx.Response, start: int, end: int) -> int:
    """How many bytes an answer has to bring."""
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise RefusedError("the server packs ranges on their way though asked not to")
    if response.status_code == 200:
        # Right only from a server that was asked for all of a file that has not changed.
        if start == 0 and response.headers.get("content-length") == str(end):
            return end
        raise RefusedError("the server sends no ranges of this file, or the file was replaced")
    match = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
    if match is None:
        raise PassingError("the server does not say which range it sent")
    first, last, total = match.groups()
    most = end if total == "*" else min(end, int(total))
    if (int(first), int(last)) != (start, most - 1):
        raise PassingError(f"bytes {first}-{last} came for {start}-{most - 1}")
    return most - start


def open_ranges(url: str, fetching: Fetching) -> RangeReader:
    """Open a file on a web server for reading here and there; each read is one request.

    The server's tag is asked for first and goes with every range, so that no two of them
    come from different versions of the file.
    """
    found = describe_url(url, fetching)
    tag = found.tag if found.is_strong else None

    def fetch(start: int, end: int) -> bytes:
        return try_often(url, fetching, lambda: _ask_range(url, start, end, fetching, tag))

    return RangeReader(fetch, found.bytes)
