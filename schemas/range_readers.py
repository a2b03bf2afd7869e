"""Files over objects of a store that fetch what is asked for and no more."""

import io
import os

from gristmill.schemas.stores import Store


class RangeReader(io.RawIOBase):
    """A read-only file over an object; what is asked for is what is fetched."""

    def __init__(self, store: Store, bucket: str, key: str, size: int) -> None:
        self._store = store
        self._bucket = bucket
        self._key = key
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, without asking the store."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def size(self) -> int:
        """Bytes of the object."""
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """Fetch the next bytes, as many as are asked for where the object has them."""
        rest = max(0, self._size - self._position)
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted == 0:
            return b""
        end = self._position + wanted
        payload = self._store.read(self._bucket, self._key, self._position, end)
        self._position += len(payload)
        return payload

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer with the next bytes."""
        payload = self.read(len(buffer))
        buffer[: len(payload)] = payload
        return len(payload)
