"""Time in which kernels compile or load is no document's: the watch pauses meanwhile.

Compiled on a fresh machine, the kernels of one stage cost seconds of CPU. Counted
against whatever document came first, they would put it into quarantine.
"""

import contextlib
import time
from collections.abc import Iterator

from numba.core import event

from gristmill.pipelines.watching import Watch

#: Held while numba compiles a function and while it loads one from its cache.
EVENT = "numba:compiler_lock"


class _Pauses(event.Listener):
    """Pauses a watch while the outermost lock is held."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._depth = 0
        self._started = 0.0

    def on_start(self, event: event.Event) -> None:
        self._depth += 1
        if self._depth == 1:
            self._started = time.process_time()
            self._watch.pause()

    def on_end(self, event: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._watch.resume(time.process_time() - self._started)


@contextlib.contextmanager
def exempt_compiling(watch: Watch) -> Iterator[None]:
    """Keep compiling off the CPU time of the documents that a watch has in flight."""
    pauses = _Pauses(watch)
    event.register(EVENT, pauses)
    try:
        yield
    finally:
        event.unregister(EVENT, pauses)
