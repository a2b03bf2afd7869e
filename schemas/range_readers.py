"""Files over what lies elsewhere, which fetch what is asked for and no more."""

import io
import os
from collections.abc import Callable

Fetch = Callable[[int, int], bytes]


class RangeReader(io.RawIOBase):
    """A read-only file over one that lies elsewhere; what is asked for is what is fetched."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        """Open at the start.

        Args:
            fetch: gives the bytes between two offsets.
            size: bytes of the whole.
        """
        self._fetch = fetch
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
        """Move, without fetching."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def size(self) -> int:
        """Bytes of the whole."""
        return self._size

    def read(self, size: int | None = -1, /) -> bytes:
        """Fetch the next bytes, as many as are asked for where there are so many."""
        rest = max(0, self._size - self._position)
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted == 0:
            return b""
        payload = self._fetch(self._position, self._position + wanted)
        self._position += len(payload)
        return payload

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill a buffer with the next bytes."""
        payload = self.read(len(buffer))
        buffer[: len(payload)] = payload
        return len(payload)
