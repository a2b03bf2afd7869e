"""Places: where files lie, on a local disk or in an object store.

A place on a local disk is an ordinary `pathlib.Path`, so that nothing of what is done
there changes. One in an object store is a `StorePath`, which has those verbs of
`pathlib` that make sense there. `find_place` tells them apart.
"""

import dataclasses
import functools
import io
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gristmill.schemas import stores
from gristmill.schemas.errors import UsageError
from gristmill.schemas.patterns import is_pattern, match_names
from gristmill.schemas.range_readers import RangeReader

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: What a sequential reader asks for at once: a request costs as much as a MiB or two.
READ_AHEAD_BYTES = 8 << 20


@dataclasses.dataclass(frozen=True)
class StoreStat:
    """Size and identity of an object; `st_size` is named as on a disk."""

    st_size: int
    identity: str  # changes whenever the object's bytes do; differs from store to store


@dataclasses.dataclass(frozen=True, order=True)
class StorePath:
    """An object, or the beginning of the names of several, in a bucket of a store."""

    scheme: str
    bucket: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    def __truediv__(self, other: str) -> "StorePath":
        key = f"{self.key}/{other}" if self.key else other
        return dataclasses.replace(self, key=_check_key(key))

    @property
    def address(self) -> str:
        """Bucket and key, as file system libraries want them."""
        return f"{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key; of a bucket, nothing."""
        return posixpath.basename(self.key)

    @property
    def suffix(self) -> str:
        """The name's last ending, with its dot."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem

    @property
    def parent(self) -> "StorePath":
        """What the name stands in; a bucket is its own parent."""
        return dataclasses.replace(self, key=posixpath.dirname(self.key))

    def with_name(self, name: str) -> "StorePath":
        """A sibling."""
        return self.parent / name

    def absolute(self) -> "StorePath":
        """Itself: a store has no current folder."""
        return self

    def mkdir(self, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a store has no folders."""

    def require_bucket(self) -> None:
        """Check that the bucket is there; what lacks in one that is not is no news.

        Raises:
            StoreError: it is not there, or may not be listed.
        """
        stores.find_store(self.scheme).require_bucket(self.bucket)

    def stat(self) -> StoreStat:
        """Size and identity.

        Raises:
            FileNotFoundError: no such object.
            StoreError: the store cannot be asked.
        """
        size, identity = stores.find_store(self.scheme).head(self.bucket, self.key)
        return StoreStat(size, identity)

    def exists(self) -> bool:
        """Whether there is an object of exactly this name."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """As `exists`."""
        return self.exists()

    def is_symlink(self) -> bool:
        """Never: a store has no links."""
        return False

    def read_bytes(self) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: no such object.
            StoreError: the store cannot be asked.
        """
        return stores.find_store(self.scheme).read(self.bucket, self.key)

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole object, decoded."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """Open for reading from start to end; for ranges, `open_ranges` asks for less."""
        assert mode == "rb", f"{mode!r}: objects are written whole"
        return io.BufferedReader(self.open_ranges(), READ_AHEAD_BYTES)

    def open_ranges(self) -> RangeReader:
        """Open for reading here and there: each read is one request for just these bytes."""
        read = functools.partial(stores.find_store(self.scheme).read, self.bucket, self.key)
        return RangeReader(read, self.stat().st_size)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Remove the object; whether it was there, a store does not say."""
        stores.find_store(self.scheme).remove(self.bucket, self.key)

    def list_sizes(self) -> dict[str, int]:
        """Sizes of all objects below, by the rest of their key: one request a thousand."""
        return {name: stat.st_size for name, stat in self.list_below().items()}

    def list_below(self) -> dict[str, StoreStat]:
        """Size and identity of all objects below, by the rest of their key."""
        listed = stores.find_store(self.scheme).list_keys(self.bucket, self.key)
        start = f"{self.key}/" if self.key else ""
        return {
            key.removeprefix(start): StoreStat(size, identity)
            for key, (size, identity) in sorted(listed.items())
            if key.startswith(start) and not key.endswith("/")
        }

    def list_folders(self) -> list["StorePath"]:
        """What the next part of the keys below may be, where more parts follow; sorted."""
        store = stores.find_store(self.scheme)
        return [
            dataclasses.replace(self, key=key) for key in store.list_folders(self.bucket, self.key)
        ]

    def glob(self, pattern: str) -> Iterator["StorePath"]:
        """Objects below whose rest of the key matches; a ``*`` ends at a slash, ``**`` does not."""
        below = self.list_below()
        if not below:
            self.require_bucket()
        yield from (self / name for name in match_names(below, pattern))

    def expand(self) -> dict["StorePath", StoreStat]:
        """Objects that this place names as a pattern, with size and identity; may be none."""
        if not is_pattern(self.key):
            try:
                return {self: self.stat()}
            except FileNotFoundError:
                self.require_bucket()
                return {}
        parts = self.key.split("/")
        wild = next(index for index, part in enumerate(parts) if is_pattern(part))
        top = dataclasses.replace(self, key="/".join(parts[:wild]))
        below = top.list_below()
        if not below:
            self.require_bucket()
        return {top / name: below[name] for name in match_names(below, "/".join(parts[wild:]))}


Place = Path | StorePath


def _check_key(key: str) -> str:
    parts = key.strip("/").split("/")
    if key.strip("/") and not all(part not in ("", ".", "..") for part in parts):
        raise UsageError(
            f"{key!r} is no plain name of an object: it has an empty, '.' or '..' part"
        )
    if "?versionId=" in key:  # s3fs would read, or list, another object
        raise UsageError(f"{key!r} is no plain name of an object: it asks for a version of one")
    return "/".join(parts)


def find_scheme(text: str) -> str | None:
    """The scheme of a URI, in lower case; None of a path."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def is_remote(text: str) -> bool:
    """Whether a string names a place in an object store."""
    return find_scheme(text) in stores.STORES


def find_place(text: str | os.PathLike[str]) -> Place:
    """What a path or an address such as ``s3://bucket/folder`` means.

    Raises:
        UsageError: an address of a kind that is not known, or with user or password.
    """
    if not isinstance(text, str):
        return Path(text)
    scheme = find_scheme(text)
    if scheme is None:
        return Path(text)
    if scheme not in stores.STORES:
        raise UsageError(
            f"{show_place(text)}: no place is called so; it may be a path, s3://… or gs://…"
        )
    bucket, _, key = text[len(scheme) + 3 :].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{show_place(text)}: {scheme}:// is followed by a bucket's name alone; credentials "
            "and endpoints come from the environment"
        )
    return StorePath(scheme, bucket, _check_key(key))


def join_place(folder: Path, text: str) -> Place:
    """What a path means that stands in a file of a folder; an address means itself."""
    return find_place(text) if find_scheme(text) else folder / text


def show_place(place: str | Place) -> str:
    """A place as messages may show it: no user, password or query."""
    text = str(place)
    if find_scheme(text) is None:
        return text
    if is_remote(text):
        scheme, _, rest = text.partition("://")
        bucket, slash, key = rest.partition("/")
        return f"{scheme}://{bucket.rpartition('@')[2]}{slash}{key}"
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def read_many(places: Sequence[Place]) -> list[bytes]:
    """Read small files, in the order given; those of a store are asked for side by side.

    Raises:
        FileNotFoundError: one is missing.
        StoreError: the store cannot be asked.
    """
    remote = [place for place in places if isinstance(place, StorePath)]
    if len(remote) < len(places):
        return [place.read_bytes() for place in places]
    if not remote:
        return []
    first = remote[0]
    assert {(place.scheme, place.bucket) for place in remote} == {(first.scheme, first.bucket)}
    return stores.find_store(first.scheme).read_many(first.bucket, [place.key for place in remote])
