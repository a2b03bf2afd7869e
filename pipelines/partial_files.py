"""A file on its way here: what has come of it stays, and the next try asks for the rest.

Next to ``part.gz`` lie ``part.gz.unfinished`` and a note that says which file it is the
start of and how much of it has reached the disk. A process that goes on trusts no byte
beyond that; within one process every byte that was written counts. Only the server's
word that it still has the same file (`If-Range` with a strong tag) joins two pieces.
"""

import json
import os
import re
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from gristmill.pipelines.http_requests import PassingError, RefusedError
from gristmill.schemas.atomic_files import sync_file, sync_folder, write_whole
from gristmill.schemas.identity import hash_parts

SYNC_BYTES = 16 << 20
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_GZIP_CODINGS = frozenset({"gzip", "x-gzip"})


class PartialFile:
    """The beginning of a file, on a local disk."""

    def __init__(self, url: str, local: Path) -> None:
        self._url = url
        self._local = local
        self._path = local.with_name(f"{local.name}.unfinished")
        self._note = local.with_name(f"{local.name}.unfinished.json")
        self._synced = 0
        self.held = 0  # bytes
        self.promised: int | None = None  # bytes of the whole file
        self.tag: str | None = None  # strong validator of the version that this is of

    def find_start(self) -> None:
        """Take up what an earlier process left of the same file, if it is of any use."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            note = json.loads(self._note.read_bytes())
            there = self._path.stat().st_size
            synced, promised, tag = int(note["synced"]), int(note["promised"]), str(note["tag"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return
        if note.get("address") == self._address and 0 < synced <= there and synced < promised:
            self.held = self._synced = synced
            self.promised, self.tag = promised, tag

    @property
    def _address(self) -> str:
        """Stands for the address in the note: that may carry a token."""
        return hash_parts("url", self._url).hex()

    @property
    def is_whole(self) -> bool:
        """Whether as many bytes are held as the server promised, if it did."""
        return self.promised is None or self.held == self.promised

    @property
    def condition(self) -> dict[str, str]:
        """Headers that ask for the rest; none where the file has to come from its start."""
        if not self.held or self.tag is None:
            return {}
        return {"range": f"bytes={self.held}-", "if-range": self.tag}

    def accept(self, response: httpx.Response) -> None:
        """Fit an answer to what is held: the rest of it, or the file from its start.

        Raises:
            RefusedError: it is no copy of the file as it lies on the server.
            PassingError: it does not fit; what was held is given up.
        """
        _check_coding(self._url, response)
        if response.status_code == 200:
            self._begin(response)
        elif not self.held:
            raise RefusedError(f"HTTP {response.status_code} to a request for the whole file")
        elif not self._continues(response):
            self.held, self.tag = 0, None
            raise PassingError("the server sent another part than the one asked for")

    def _begin(self, response: httpx.Response) -> None:
        length = response.headers.get("content-length", "")
        chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
        if not length.isdigit() and not chunked:
            raise RefusedError(
                "the server does not say how long the file is, so part of it would pass for all; "
                "fetch it by other means and name the local file in the recipe"
            )
        self.held = self._synced = 0
        self.promised = int(length) if length.isdigit() else None
        tag = response.headers.get("etag", "")
        self.tag = tag if tag.startswith('"') else None  # a weak one vouches for no bytes
        self._path.unlink(missing_ok=True)

    def _continues(self, response: httpx.Response) -> bool:
        match = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        if response.status_code != 206 or match is None or self.promised is None:
            return False
        whole_rest = (self.held, self.promised - 1, self.promised)
        same = response.headers.get("etag", self.tag) == self.tag
        return same and tuple(int(number) for number in match.groups()) == whole_rest

    def append(self, stream: BinaryIO, chunk: bytes) -> None:
        """Add bytes to the file that `open` gave."""
        if self.promised is not None and self.held + len(chunk) > self.promised:
            raise RefusedError(f"more than the {self.promised} bytes that the server promised")
        stream.write(chunk)
        self.held += len(chunk)
        if self.held - self._synced >= SYNC_BYTES:
            self.note_progress(stream)

    def open(self) -> BinaryIO:
        """Open the file where the bytes held end; what lies behind them is cut off."""
        stream = self._path.open("r+b" if self.held else "wb")
        stream.truncate(self.held)
        stream.seek(self.held)
        return stream

    def note_progress(self, stream: BinaryIO) -> None:
        """Bring to the disk what is held, then say so: in this order a power cut loses no truth."""
        stream.flush()
        self._synced = self.held
        if self.tag is None or self.promised is None:
            return
        os.fsync(stream.fileno())
        note: dict[str, Any] = {
            "address": self._address,
            "tag": self.tag,
            "promised": self.promised,
            "synced": self.held,
        }
        write_whole(self._note, json.dumps(note).encode("utf-8"))

    def finish(self) -> None:
        """Give the file its name; it is whole, as far as its length can say."""
        if not self._path.exists():
            self._path.touch()
        sync_file(self._path)
        os.replace(self._path, self._local)
        sync_folder(self._local.parent)
        self._note.unlink(missing_ok=True)


def _check_coding(url: str, response: httpx.Response) -> None:
    """Refuse a body that was packed on its way; servers may call a file in gzip so, though."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    path = httpx.URL(url).path.lower()
    if coding in ("", "identity") or (coding in _GZIP_CODINGS and path.endswith((".gz", ".tgz"))):
        return
    raise RefusedError(
        f"the server packs the file on its way ({coding[:20]!r}) though asked not to, so its length "
        "cannot be checked; fetch it by other means and name the local file in the recipe"
    )
