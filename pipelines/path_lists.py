"""Path lists: files such as ``warc.paths.gz`` that name the files of a crawl, one a line.

A crawl's lists of WARC, WET, WAT and robots.txt captures and those of the news crawl
are all of this kind. The names are relative to where ``crawl-data/`` lies; a list that
somebody else could have written names nothing outside that place.
"""

import io
import os
import re
from pathlib import Path

from gristmill.cleaning.bounded_streams import decode_chunks
from gristmill.pipelines.downloads import fetch_bytes
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import is_url
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.places import find_place, is_remote, show_place

MAX_LIST_BYTES = 64 << 20  # a hundred thousand names are 13 MB
MAX_NAMES = 2_000_000
_NAME = re.compile(r"[A-Za-z0-9_.=+-]+(?:/[A-Za-z0-9_.=+-]+)*")
_MAX_NAME_BYTES = 1024
_ROOT = "crawl-data/"


def is_path_list(text: str) -> bool:
    """Whether a path or address names a path list."""
    path = text.partition("?")[0] if is_url(text) else text
    return path.endswith((".paths", ".paths.gz"))


def read_list(origin: str, folder: Path, fetching: Fetching) -> bytes:
    """Read a path list as it lies: on this disk, in a store or on a web server.

    Args:
        origin: path or address.
        folder: where a relative path starts.
        fetching: how to fetch.

    Raises:
        UsageError: there is no such file.
        InputError: it cannot be fetched, or is too large.
        StoreError: the store cannot be asked.
    """
    if is_url(origin):
        return fetch_bytes(origin, fetching, max_bytes=MAX_LIST_BYTES)
    try:
        place = find_place(origin) if is_remote(origin) else folder / os.path.expanduser(origin)
        if place.stat().st_size > MAX_LIST_BYTES:
            raise InputError(f"{show_place(place)}: over {MAX_LIST_BYTES} bytes; no list of files")
        return place.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{show_place(origin)}: there is no such list of files") from None


def parse_names(payload: bytes, origin: str) -> list[str]:
    """Names in a path list, in its order.

    Args:
        payload: the list, in gzip or plain.
        origin: what to call it.

    Raises:
        InputError: it is damaged, too large, or no list of plain relative names.
    """
    shown = show_place(origin)
    try:
        chunks = decode_chunks(io.BytesIO(payload), max_bytes=MAX_LIST_BYTES)
        lines = b"".join(chunks).decode("ascii").splitlines()
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{shown} is not a list of files: {error}") from None
    names = [line.strip() for line in lines if line.strip()]
    odd = next((name for name in names if not _is_plain(name)), None)
    if odd is not None or not names or len(names) > MAX_NAMES:
        what = repr(odd[:80]) if odd is not None else f"{len(names)} names"
        raise InputError(f"{shown} is not a list of files: {what}")
    return names


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= _MAX_NAME_BYTES
        and _NAME.fullmatch(name) is not None
        and "." not in parts
        and ".." not in parts
    )


def find_base(origin: str, base: str | None) -> str:
    """Where the names of a list or an index start, with a slash at its end.

    Args:
        origin: path or address of the list or index.
        base: what the recipe says, which goes first.

    Raises:
        UsageError: the recipe does not say and the origin does not show it.
    """
    if base is not None:
        return base if base.endswith("/") else f"{base}/"
    path = origin.partition("?")[0] if is_url(origin) else origin
    for root in (_ROOT, "cc-index/"):
        head, found, _ = path.rpartition(root)
        if found and (not head or head.endswith("/")):
            return head
    raise UsageError(
        f"{show_place(origin)} lies below no {_ROOT}: say in the recipe, as `base`, where the names "
        "in it start"
    )


def join_name(base: str, name: str) -> str:
    """Path or address of a name."""
    return f"{base}{name}" if base else name


def choose_names(names: list[str], most: int | None) -> list[str]:
    """So many names, spread evenly over a list; all of them where there are no more."""
    if most is None or most >= len(names):
        return names
    return [names[index * len(names) // most] for index in range(most)]


def expand_list(payload: bytes, origin: str, *, base: str | None, most: int | None) -> list[str]:
    """Paths or addresses of the files that a list names.

    Args:
        payload: the list, in gzip or plain.
        origin: its path or address.
        base: where its names start; None: what the origin shows.
        most: how many to take, evenly spread; None: all.

    Raises:
        InputError: it is no list of files.
        UsageError: nothing says where its names start.
    """
    start = find_base(origin, base)
    return [join_name(start, name) for name in choose_names(parse_names(payload, origin), most)]
