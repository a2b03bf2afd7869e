"""Input files: named by a recipe, found on disk or downloaded, identified by content."""

import email.utils
import glob
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from gristmill.pipelines.progress import Progress
from gristmill.schemas.atomic_files import appear_whole, sha256_file, write_whole
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.recipe import Recipe, Source

TRIES = 6
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """One file of a source. `name` is what locators say; `path` is where it lies here."""

    source: str
    name: str
    path: str
    bytes: int
    sha256: str


class _DigestCache:
    """Remembers the sha256 of files by path, size and time of change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = json.loads(path.read_bytes()) if path.exists() else {}

    def digest(self, path: Path) -> str:
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(str(path))
        if known is None or known[:2] != stamp:
            self._known[str(path)] = known = [*stamp, sha256_file(path)]
        return str(known[2])

    def save(self) -> None:
        write_whole(self._path, json.dumps(self._known, indent=0, sort_keys=True).encode())


def list_paths(recipe: Recipe, source: Source) -> Iterator[tuple[str, str]]:
    """Expand a source's paths: yields (name, path or URL), sorted, each once.

    Raises:
        UsageError: a path or glob matches nothing.
    """
    found: dict[str, str] = {}
    for pattern in source.paths:
        if _is_url(pattern):
            found[pattern] = pattern
            continue
        absolute = os.path.join(recipe.folder, os.path.expanduser(pattern))
        matches = [path for path in glob.glob(absolute, recursive=True) if os.path.isfile(path)]
        if not matches:
            raise UsageError(
                f"source {source.name!r}: {pattern!r} matches no file (looked for {absolute})"
            )
        for path in matches:
            relative = not os.path.isabs(os.path.expanduser(pattern))
            found[os.path.relpath(path, recipe.folder) if relative else path] = path
    yield from sorted(found.items())


def find_inputs(recipe: Recipe, cache_folder: Path, progress: Progress) -> list[InputFile]:
    """Find, download where needed, and identify every input file of a recipe."""
    cache = _DigestCache(cache_folder / "digests.json")
    inputs = []
    for source in recipe.sources:
        for name, place in list_paths(recipe, source):
            local = _fetch(place, cache_folder, progress) if _is_url(place) else Path(place)
            digest = cache.digest(local)
            inputs.append(InputFile(source.name, name, str(local), local.stat().st_size, digest))
    cache.save()
    return inputs


def _is_url(pattern: str) -> bool:
    return pattern.startswith(("http://", "https://"))


def _fetch(url: str, folder: Path, progress: Progress) -> Path:
    """Download once; the file appears whole, with as many bytes as the server promised."""
    name = Path(urlsplit(url).path).name or "index"
    local = folder / "downloads" / hash_parts("url", url, size=8).hex() / name
    if local.exists():
        return local
    progress.say(f"downloading {_without_secrets(url)}")
    for attempt in range(TRIES):
        try:
            with appear_whole(local) as partial:
                _download(url, partial)
            return local
        except _Refused as error:
            raise InputError(f"{_without_secrets(url)}: {error}") from None
        except (httpx.HTTPError, _Transient) as error:
            if attempt == TRIES - 1:
                reason = str(error) or type(error).__name__
                raise InputError(
                    f"{_without_secrets(url)}: {reason} after {TRIES} tries; "
                    "run the same command again when the server answers"
                ) from error
            time.sleep(_pick_wait(error, attempt))
    raise AssertionError("unreachable")


class _Refused(Exception):
    """An answer that another try will not change."""


class _Transient(Exception):
    """An answer that may change; `wait_seconds` is what the server asked for."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


def _pick_wait(error: Exception, attempt: int) -> float:
    asked = error.wait_seconds if isinstance(error, _Transient) else None
    if asked is not None:
        return min(asked, LONGEST_WAIT_SECONDS)
    # Jitter keeps many workers from returning at once; it decides no byte of any output.
    return float(random.uniform(0.5, 1.0) * min(LONGEST_WAIT_SECONDS, 0.5 * 2**attempt))


def _download(url: str, path: Path) -> None:
    headers = {"accept-encoding": "identity", "user-agent": "gristmill/0.1"}
    with httpx.stream("GET", url, timeout=TIMEOUT, headers=headers) as response:
        if response.status_code in (429, 500, 502, 503, 504):
            raise _Transient(f"HTTP {response.status_code}", _read_retry_after(response))
        if response.status_code != 200:
            raise _Refused(f"HTTP {response.status_code}")
        received = 0
        with path.open("wb") as stream:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                stream.write(chunk)
                received += len(chunk)
        promised = response.headers.get("content-length")
        if promised is not None and int(promised) != received:
            raise _Transient(f"{received} of {promised} bytes came")


def _read_retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    if value.isdigit():
        return float(value)
    moment = email.utils.parsedate_to_datetime(value) if value.count(":") == 2 else None
    return max(0.0, moment.timestamp() - time.time()) if moment else None


def _without_secrets(url: str) -> str:
    """A URL as logs may show it: no user, password or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
