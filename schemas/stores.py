"""Object stores: Amazon S3 (and what speaks like it) and Google Cloud Storage.

The few requests that `places` needs, through s3fs and gcsfs, which are imported when
the first address of their kind is used. Credentials, endpoints and regions come from
the usual environment of each. Whatever fails ends in one sentence that names the
address and never repeats what a library said, which may quote a credential.
"""

import contextlib
import functools
import importlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gristmill.schemas.errors import StoreError, UsageError

_CONFLICTS = frozenset({"ConditionalRequestConflict", "409"})
CREATE_TRIES = 5
_LOCK = threading.Lock()


class Store:
    """One kind of store, over the connection that this process keeps to it."""

    scheme: str
    extra: str  # of our distribution
    library: str
    credentials: str  # where they are looked for, for messages
    public: str = ""  # how to do without them
    one_request: Mapping[str, Any] = MappingProxyType({})  # to read in one, without asking the size

    def __init__(self) -> None:
        try:
            self._files = self._connect()
        except ImportError:
            raise UsageError(
                f"{self.scheme}://… needs {self.library}: pip install 'gristmill[{self.extra}]'"
            ) from None

    def _connect(self) -> Any:
        raise NotImplementedError

    def _head(self, bucket: str, key: str) -> tuple[int, str]:
        raise NotImplementedError

    def _identify(self, info: Mapping[str, Any]) -> str:
        raise NotImplementedError

    def _list_failures(self) -> tuple[type[Exception], ...]:
        """What the libraries below raise, besides OSError."""
        raise NotImplementedError

    @contextlib.contextmanager
    def _say(self, bucket: str, key: str, *, needs_bucket: bool = False) -> Iterator[None]:
        """Turn what goes wrong into a sentence about an address."""
        place = f"{self.scheme}://{bucket}" + (f"/{key}" if key else "")
        try:
            yield
        except FileExistsError:
            raise FileExistsError(f"{place} exists") from None
        except FileNotFoundError as error:
            if needs_bucket or "bucket does not exist" in str(error):
                raise StoreError(f"{place}: there is no bucket {bucket!r}; create it") from None
            raise FileNotFoundError(f"{place} does not exist") from None
        except OSError as error:
            raise StoreError(f"{place}: {self._explain(error)}") from None
        except self._list_failures() as error:
            raise StoreError(f"{place}: {self._explain(error)}") from None

    def _explain(self, error: Exception) -> str:
        kind = type(error).__name__
        refused = isinstance(error, PermissionError) or str(error).startswith("Forbidden")
        if refused or getattr(error, "code", None) in (401, 403, "401", "403"):
            return f"access denied; check the rights of the credentials that {self.credentials}"
        if "Credential" in kind:
            return f"no credentials; gristmill uses those that {self.credentials}{self.public}"
        if "Connect" in kind or isinstance(error, TimeoutError):
            return f"the store does not answer ({kind}); run the same command again when it does"
        return f"the store failed ({kind}); run the same command again"

    def head(self, bucket: str, key: str) -> tuple[int, str]:
        """Size and identity of an object.

        Raises:
            FileNotFoundError: no such object.
            StoreError: the store cannot be asked.
        """
        with self._say(bucket, key):
            return self._head(bucket, key)

    def require_bucket(self, bucket: str) -> None:
        """Check that a bucket is there and may be listed.

        Raises:
            StoreError: it is not, or may not.
        """
        with self._say(bucket, "", needs_bucket=True):
            self._files.ls(bucket, detail=False)

    def read(
        self, bucket: str, key: str, start: int | None = None, end: int | None = None
    ) -> bytes:
        """Fetch an object or bytes start … end - 1 of it."""
        with self._say(bucket, key):
            found = self._files.cat_file(
                f"{bucket}/{key}", start=start, end=end, **self.one_request
            )
        return bytes(found)

    def read_many(self, bucket: str, keys: Sequence[str]) -> list[bytes]:
        """Fetch several objects side by side, in the order given."""
        none = [None] * len(keys)
        with self._say(bucket, ""):
            places = [f"{bucket}/{key}" for key in keys]
            found = self._files.cat_ranges(places, none, none, **self.one_request)
        for key, payload in zip(keys, found, strict=True):
            if isinstance(payload, Exception):
                with self._say(bucket, key):
                    raise payload
        return found  # type: ignore[no-any-return]

    def list_keys(self, bucket: str, folder: str) -> dict[str, tuple[int, str]]:
        """Size and identity of every object below a folder, by key; none if there is none."""
        with self._say(bucket, folder):
            try:
                found = self._files.find(f"{bucket}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
        return {
            name.removeprefix(f"{bucket}/"): (int(info["size"]), self._identify(info))
            for name, info in found.items()
            if info["type"] == "file"
        }

    def list_folders(self, bucket: str, folder: str) -> list[str]:
        """Keys that further keys begin with, one part below a folder; sorted."""
        with self._say(bucket, folder):
            try:
                found = self._files.ls(f"{bucket}/{folder}", detail=True)
            except FileNotFoundError:
                return []
        names = (info["name"].rstrip("/") for info in found if info["type"] == "directory")
        return sorted(name.removeprefix(f"{bucket}/") for name in names)

    def write(self, bucket: str, key: str, payload: bytes) -> None:
        """Store an object in one request, in place of what was there."""
        with self._say(bucket, key, needs_bucket=True):
            self._files.pipe_file(f"{bucket}/{key}", payload)

    def create(self, bucket: str, key: str, payload: bytes) -> bool:
        """Store an object only if there is none of this name; the store itself decides.

        Returns:
            False if another one stands there. One with these very bytes counts as ours:
            an answer may be lost after the object was stored, and the request repeated.
        """
        for attempt in range(CREATE_TRIES):
            try:
                with self._say(bucket, key, needs_bucket=True):
                    try:
                        self._files.pipe_file(f"{bucket}/{key}", payload, mode="create")
                        return True
                    except OSError as error:
                        # Two at once: the store lets one through and has the others ask again.
                        if not _is_conflict(error) or attempt == CREATE_TRIES - 1:
                            raise
                        time.sleep(0.1 * 2**attempt)
            except FileExistsError:
                with contextlib.suppress(FileNotFoundError):  # gone again meanwhile
                    return self.read(bucket, key) == payload
        return False

    def upload(self, local: Path, bucket: str, key: str) -> None:
        """Store a local file; the object appears whole."""
        with self._say(bucket, key, needs_bucket=True):
            self._files.put_file(str(local), f"{bucket}/{key}")

    def download(self, bucket: str, key: str, local: Path) -> None:
        """Fetch an object into a local file."""
        with self._say(bucket, key):
            self._files.get_file(f"{bucket}/{key}", str(local))

    def copy(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        """Copy an object to another key without moving its bytes through this machine."""
        with self._say(*target):
            self._files.cp_file("/".join(source), "/".join(target))

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._say(bucket, key), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{bucket}/{key}")


def _is_conflict(error: OSError) -> bool:
    response = getattr(error.__cause__, "response", None) or {}
    return response.get("Error", {}).get("Code") in _CONFLICTS


class S3Store(Store):
    """Amazon S3, or a server that speaks like it."""

    scheme = "s3"
    extra = "aws"
    library = "s3fs"
    public = "; for a public bucket set FSSPEC_S3_ANON=true"
    one_request = MappingProxyType({"max_concurrency": 1})
    credentials = "the AWS environment names (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role)"

    def _connect(self) -> Any:
        s3fs = importlib.import_module("s3fs")
        return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)

    def _head(self, bucket: str, key: str) -> tuple[int, str]:
        info = self._files.call_s3("head_object", Bucket=bucket, Key=key)
        return int(info["ContentLength"]), self._identify(info | {"size": info["ContentLength"]})

    def _identify(self, info: Mapping[str, Any]) -> str:
        return f"s3:{info['size']}:{str(info['ETag']).strip(chr(34))}"

    def _list_failures(self) -> tuple[type[Exception], ...]:
        found = importlib.import_module("botocore.exceptions")
        return (found.BotoCoreError, found.ClientError, *_list_web_failures())


class GoogleStore(Store):
    """Google Cloud Storage."""

    scheme = "gs"
    extra = "gcp"
    library = "gcsfs"
    credentials = "Google's environment names (GOOGLE_APPLICATION_CREDENTIALS, gcloud, a role)"

    def _connect(self) -> Any:
        # The plain client: the one that the package registers looks up every bucket's kind first.
        core = importlib.import_module("gcsfs.core")
        emulator = os.environ.get("STORAGE_EMULATOR_HOST")
        if emulator and "://" not in emulator:
            emulator = f"http://{emulator}"
        given = {"endpoint_url": emulator, "token": "anon"} if emulator else {}
        return core.GCSFileSystem(skip_instance_cache=True, use_listings_cache=False, **given)

    def _head(self, bucket: str, key: str) -> tuple[int, str]:
        info = self._files.call("GET", "b/{}/o/{}", bucket, key, json_out=True)
        return int(info["size"]), self._identify(info)

    def _identify(self, info: Mapping[str, Any]) -> str:
        # Composed objects have no MD5.
        content = info.get("md5Hash") or f"{info.get('crc32c')}:{info.get('generation')}"
        return f"gs:{info['size']}:{content}"

    def _list_failures(self) -> tuple[type[Exception], ...]:
        retry = importlib.import_module("gcsfs.retry")
        google = importlib.import_module("google.auth.exceptions")
        return (
            retry.HttpError,
            retry.ChecksumError,
            retry.NonRetryableError,
            google.GoogleAuthError,
            ValueError,  # gcsfs: a bad request
            *_list_web_failures(),
        )


def _list_web_failures() -> tuple[type[Exception], ...]:
    aiohttp: type[Exception] = importlib.import_module("aiohttp").ClientError
    return (aiohttp,)


STORES: Mapping[str, type[Store]] = MappingProxyType({"s3": S3Store, "gs": GoogleStore})


@functools.cache
def _open_store(scheme: str, pid: int) -> Store:
    return STORES[scheme]()


def find_store(scheme: str) -> Store:
    """The connection of this process: one that a fork inherited would hang.

    Raises:
        UsageError: the library for this kind of store is not installed.
    """
    with _LOCK:
        return _open_store(scheme, os.getpid())


def forget_stores() -> None:
    """Drop all connections; the next use reads the environment again."""
    with _LOCK:
        _open_store.cache_clear()
