"""Requests to web servers that may be busy, slow, broken or hostile.

One client a process keeps connections open. A failure that may pass is tried again
after a wait that doubles, with jitter, or that the server asked for; one that will not
pass ends in a sentence. Nothing here trusts a length, a range or a redirect unchecked.
"""

import atexit
import contextlib
import datetime
import email.utils
import functools
import http.cookiejar
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.rate_limits import find_limit
from gristmill.schemas.errors import InputError
from gristmill.schemas.places import show_place

LONGEST_WAIT_SECONDS = 60.0
LONGEST_ASKED_SECONDS = 300.0  # what a server may ask for
CONNECT_TRIES = 6  # a server that is not there; busy ones get all the tries of the recipe
MOST_REDIRECTS = 3
CONNECT_SECONDS = 10.0
#: 408 and 425 are of proxies; 429 and 503 say "slow down".
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
HEADERS = {"accept-encoding": "identity", "user-agent": "gristmill/0.1"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOCK = threading.Lock()
Result = TypeVar("Result")


class RefusedError(Exception):
    """An answer that another try will not change."""


class PassingError(Exception):
    """A failure that may pass.

    Attributes:
        wait_seconds: what the server asked for, if it did.
        progressed: whether bytes came that the next try need not ask for.
    """

    def __init__(
        self, message: str, wait_seconds: float | None = None, *, progressed: bool = False
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.progressed = progressed


def is_url(text: str) -> bool:
    """Whether a string names a file on a web server."""
    return text.lower().startswith(("http://", "https://"))


def check_stopped(fetching: Fetching) -> None:
    """End a transfer that nobody waits for any more."""
    if fetching.stopped.is_set():
        raise RefusedError("stopped")


@functools.cache
def _open_client(pid: int) -> httpx.Client:
    # Cookies would make one answer depend on another.
    policy = http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    client = httpx.Client(
        headers=HEADERS,
        cookies=http.cookiejar.CookieJar(policy),
        follow_redirects=False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
    )
    atexit.register(client.close)
    return client


def _find_client() -> httpx.Client:
    """The client of this process: connections that a fork inherited would be shared."""
    with _LOCK:
        return _open_client(os.getpid())


@contextlib.contextmanager
def open_answer(
    url: str,
    fetching: Fetching,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    accepted: Collection[int] = (200,),
) -> Iterator[httpx.Response]:
    """Ask a server when it is this machine's turn; yields the answer, its body unread.

    Args:
        url: what to ask for; redirects on the same server are followed.
        fetching: the settings.
        method: GET or HEAD.
        headers: besides the usual ones.
        accepted: status codes to yield.

    Raises:
        RefusedError: an answer of another kind that will not change.
        PassingError: one that may.
    """
    transfer = fetching.transfer
    timeout = httpx.Timeout(
        transfer.timeout_seconds, connect=min(CONNECT_SECONDS, transfer.timeout_seconds)
    )
    address = url
    for _ in range(MOST_REDIRECTS + 1):
        check_stopped(fetching)
        limit = find_limit(address, transfer.requests_per_second, sleep=fetching.stopped.wait)
        limit.take()
        with _find_client().stream(method, address, headers=headers, timeout=timeout) as response:
            if response.status_code not in _REDIRECTS:
                if response.status_code in (429, 503) and (wait := read_retry_after(response)):
                    limit.pause(min(wait, LONGEST_ASKED_SECONDS))
                _check_status(response, accepted)
                yield response
                return
            address = _follow(address, response)
    raise RefusedError(f"more than {MOST_REDIRECTS} redirects")


def _follow(url: str, response: httpx.Response) -> str:
    """Where a redirect leads, if that is on the same server and no less safe."""
    try:
        target = urljoin(url, response.headers.get("location", ""))
        here, there = urlsplit(url), urlsplit(target)
        same_port = here.port == there.port and here.scheme == there.scheme
    except ValueError:
        raise RefusedError(f"HTTP {response.status_code} leads to no address") from None
    upgraded = (here.scheme, there.scheme) == ("http", "https") and not here.port and not there.port
    if here.hostname != there.hostname or "@" in there.netloc or not (same_port or upgraded):
        where = show_place(target) if is_url(target) else "somewhere else"
        raise RefusedError(
            f"HTTP {response.status_code} leads to {where}; if that is right, name it in the recipe"
        )
    return str(target)


def _check_status(response: httpx.Response, accepted: Collection[int]) -> None:
    status = response.status_code
    if status in accepted:
        return
    if status in PASSING_STATUS:
        raise PassingError(f"HTTP {status}", read_retry_after(response))
    if status == 403:
        raise RefusedError(
            "HTTP 403; some servers say so to who asks too often: "
            "see transfer.requests_per_second in the recipe"
        )
    raise RefusedError(f"HTTP {status}")


def read_retry_after(response: httpx.Response) -> float | None:
    """Seconds that an answer asks to wait for, given as such or as a date; None if it does not."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = email.utils.parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def try_often(url: str, fetching: Fetching, act: Callable[[], Result]) -> Result:
    """Do something with a server until it works, refuses or has failed too often in a row.

    Raises:
        InputError: the server refuses, or brings nothing after several tries.
    """
    _check_address(url)
    failures = 0
    while True:
        try:
            return act()
        except RefusedError as error:
            raise InputError(f"{show_place(url)}: {error}") from None
        except (httpx.InvalidURL, UnicodeError):
            raise InputError(f"{show_place(url)} is no address of a web server") from None
        except (httpx.HTTPError, PassingError) as error:
            progressed = isinstance(error, PassingError) and error.progressed
            failures = 1 if progressed else failures + 1
            most = fetching.transfer.tries
            if isinstance(error, httpx.ConnectError):
                most = min(most, CONNECT_TRIES)
            if failures >= most and not progressed:
                reason = str(error) or type(error).__name__
                raise InputError(
                    f"{show_place(url)}: {reason} after {failures} tries; "
                    "run the same command again when the server answers"
                ) from error
            fetching.stopped.wait(pick_wait(error, failures - 1))


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        if parts.hostname and (parts.port is None or parts.port > 0):
            return
    except ValueError:  # half an IPv6 address, a port that is no number
        pass
    raise InputError(f"{url.partition('?')[0][:80]!r} is no address of a web server")


def pick_wait(error: Exception, attempt: int) -> float:
    """Seconds to wait before the next try; `attempt` counts from 0."""
    asked = error.wait_seconds if isinstance(error, PassingError) else None
    # Jitter keeps many workers from returning at once; it decides no byte of any output.
    wait = random.uniform(0.5, 1.0) * min(LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(attempt, 30))
    return float(max(wait, min(asked or 0.0, LONGEST_ASKED_SECONDS)))
