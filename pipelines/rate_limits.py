"""One rate for all requests of a machine to a server, whatever thread or process makes them.

The moment from which the next request may go lies in a small file that everyone locks
for a few microseconds. Whoever takes a turn moves it on by one interval, so turns are
handed out in order and nobody has to talk to anybody::

    file: 17.3        take() at 17.0: waits 0.3 s, leaves 17.4 behind (10 a second)
    file: 17.4        pause(30) after "503, Retry-After: 30": leaves 47.0 behind
"""

import fcntl
import os
import stat
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import hash_parts

_MOMENT = struct.Struct("<d")
#: Turns that may be ahead of the clock; what is further ahead is from before a restart.
_MOST_AHEAD = 10_000
_MOST_AHEAD_SECONDS = 3600.0

Clock = Callable[[], float]
Sleep = Callable[[float], object]


class RateLimit:
    """Hands out turns; all instances on one file share one rate."""

    def __init__(
        self,
        path: Path,
        per_second: float | None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        """Set up a limit.

        Args:
            path: the file that all who share the rate name; made when it is missing.
            per_second: turns a second; None: as many as are asked for, but for pauses.
            clock: seconds that all processes of the machine agree on.
            sleep: waits so many seconds.
        """
        self._path = path
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._sleep = sleep

    def take(self) -> None:
        """Wait for the next turn."""
        wait = self._move(lambda now, moment: max(now, moment) + self._interval)
        if wait > 0:
            self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Give no turn to anyone for so many seconds."""
        self._move(lambda now, moment: max(moment, now + seconds))

    def _move(self, choose: Callable[[float, float], float]) -> float:
        """Replace the moment; returns how many seconds ahead the old one was."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            held = os.pread(descriptor, _MOMENT.size, 0)
            now = self._clock()
            moment = _MOMENT.unpack(held)[0] if len(held) == _MOMENT.size else now
            if not moment - now <= _MOST_AHEAD_SECONDS + _MOST_AHEAD * self._interval:
                moment = now  # not a number, or of a clock that was set back
            os.pwrite(descriptor, _MOMENT.pack(choose(now, moment)), 0)
            return float(moment - now)
        finally:
            os.close(descriptor)


def find_limit(url: str, per_second: float | None, *, sleep: Sleep = time.sleep) -> RateLimit:
    """The limit that all processes of this user on this machine share for an URL's server.

    Args:
        url: whose host and port count.
        per_second: see `RateLimit`.
        sleep: see `RateLimit`.

    Raises:
        UsageError: another user has taken the folder that its file belongs in.
    """
    folder = Path(tempfile.gettempdir()) / f"gristmill-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to somebody else; set TMPDIR to a folder of your own")
    server = hash_parts("server", urlsplit(url).netloc.lower(), size=8).hex()
    return RateLimit(folder / f"rate-{server}", per_second, sleep=sleep)
