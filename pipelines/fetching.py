"""What all fetching of a run shares: its settings, its threads, and the word to stop."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar

from gristmill.schemas.transfers import Transfer

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Fetching:
    """How to fetch, and whether to go on: `stopped` ends all waits and transfers."""

    transfer: Transfer = field(default_factory=Transfer)
    stopped: threading.Event = field(default_factory=threading.Event)


def work_side_by_side(
    fetching: Fetching, act: Callable[[_Item], _Result], items: Sequence[_Item]
) -> list[_Result]:
    """Do something with every item, several at once; the first failure ends all others.

    Args:
        fetching: whose connections are used, and who is told to stop by a failure.
        act: what to do.
        items: with what.

    Returns:
        What came of the items, in their order.
    """
    if len(items) < 2:
        return [act(item) for item in items]
    threads = ThreadPoolExecutor(fetching.transfer.connections, "fetching")
    futures = [threads.submit(act, item) for item in items]
    finished = False
    try:
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            if future in done:
                future.result()  # raises what ended the wait, if anything did
        finished = True
        return [future.result() for future in futures]
    finally:
        # After an error or an interrupt nobody waits for the downloads in flight to end.
        if not finished:
            fetching.stopped.set()
        threads.shutdown(wait=True, cancel_futures=True)
