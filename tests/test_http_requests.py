"""Requests: waits, refusals and redirects, against servers that answer as they like."""

import email.utils
import time

import httpx
import loopback
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import http_requests
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import (
    LONGEST_ASKED_SECONDS,
    LONGEST_WAIT_SECONDS,
    PassingError,
    open_answer,
    pick_wait,
    read_retry_after,
    try_often,
)
from gristmill.schemas.errors import InputError
from gristmill.schemas.transfers import Transfer

SECRET = "s3cr3t"


pytestmark = pytest.mark.usefixtures("wait_for_nothing")


def fetch(url: str, **transfer: object) -> bytes:
    fetching = Fetching(Transfer.model_validate({"requests_per_second": None, **transfer}))

    def ask() -> bytes:
        with open_answer(url, fetching) as response:
            return response.read()

    return try_often(url, fetching, ask)


@given(st.floats(0, 1e6) | st.none(), st.integers(0, 10_000))
def test_waits_are_long_enough_and_end(asked, attempt):
    wait = pick_wait(PassingError("busy", asked), attempt)
    assert wait >= min(asked or 0, LONGEST_ASKED_SECONDS)
    assert wait >= min(LONGEST_WAIT_SECONDS, 0.5 * 2 ** min(attempt, 20)) / 2
    assert wait <= max(LONGEST_WAIT_SECONDS, LONGEST_ASKED_SECONDS)


@given(st.text(max_size=40) | st.integers(0, 10**30).map(str))
def test_retry_after_may_say_anything(value):
    headers = [(b"retry-after", value.encode("utf-8", "replace"))]
    found = read_retry_after(httpx.Response(503, headers=headers))
    assert found is None or found >= 0


def test_retry_after_as_seconds_and_as_a_date():
    def read(value: str) -> float | None:
        return read_retry_after(httpx.Response(503, headers={"retry-after": value}))

    assert read("7") == 7
    later = read(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert later is not None and 90 < later <= 100
    assert read(email.utils.formatdate(time.time() - 100, usegmt=True)) == 0
    assert read("") is read("soon") is read("-1") is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status):
    with loopback.serve([(status, {}, b""), (status, {}, b""), (200, {}, b"x")]) as (url, asked):
        assert fetch(url) == b"x"
    assert len(asked) == 3


def test_as_often_as_the_recipe_says():
    with (
        loopback.serve([(503, {}, b"")]) as (url, asked),
        pytest.raises(InputError, match="HTTP 503 after 4 tries; run the same command again"),
    ):
        fetch(f"{url}/a?token={SECRET}", tries=4)
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("status", "message"), [(403, "requests_per_second"), (404, "HTTP 404"), (204, "HTTP 204")]
)
def test_what_will_not_pass_is_said_at_once(status, message):
    with (
        loopback.serve([(status, {}, b"")]) as (url, asked),
        pytest.raises(InputError, match=message) as error,
    ):
        fetch(f"{url}/a?token={SECRET}")
    assert len(asked) == 1 and SECRET not in str(error.value)


def test_a_pause_that_a_server_asks_for_is_kept_by_the_next_request():
    with loopback.serve([(503, {"retry-after": "1"}, b""), (200, {}, b"x")]) as (url, _):
        start = time.monotonic()
        assert fetch(url) == b"x"
        assert time.monotonic() - start >= 0.9


def test_redirects_on_the_same_server_are_followed():
    answers = [(302, {"location": "/b"}, b""), (308, {"location": "c"}, b""), (200, {}, b"x")]
    with loopback.serve(answers) as (url, asked):
        assert fetch(f"{url}/a") == b"x"
    assert asked == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "//user:s3cr3t@127.0.0.1/",
        "http://169.254.169.254/latest/?token=s3cr3t",
    ],
)
def test_redirects_elsewhere_are_refused(target):
    with (
        loopback.serve([(302, {"location": target}, b"")]) as (url, asked),
        pytest.raises(InputError, match="name it in the recipe") as error,
    ):
        fetch(f"{url}/a")
    assert len(asked) == 1 and SECRET not in str(error.value)


def test_redirects_end():
    with (
        loopback.serve([(302, {"location": "/again"}, b"")]) as (url, asked),
        pytest.raises(InputError, match="redirects"),
    ):
        fetch(f"{url}/a")
    assert len(asked) == http_requests.MOST_REDIRECTS + 1


def test_no_answer_depends_on_a_cookie():
    seen = []

    def note(headers):
        seen.append((headers.get("cookie"), headers.get("accept-encoding")))
        return 200, {"set-cookie": "a=b; Path=/", "content-length": "1"}, b"x"

    with loopback.serve([note]) as (url, _):
        assert fetch(url) == fetch(url) == b"x"
    assert seen == [(None, "identity")] * 2


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://a:x/", "http://a:0/", "http://a b/", "http://\ud800/"]
)
def test_what_is_no_address_is_said(url):
    with pytest.raises(InputError):
        fetch(url, tries=1)


def test_whoever_was_told_to_stop_asks_nobody():
    fetching = Fetching(Transfer(requests_per_second=None))
    fetching.stopped.set()
    with (
        loopback.serve([(200, {}, b"x")]) as (url, asked),
        pytest.raises(InputError, match="stopped"),
    ):
        try_often(url, fetching, lambda: open_answer(url, fetching).__enter__())
    assert asked == []


def test_requests_keep_to_the_rate():
    with loopback.serve([(200, {"content-length": "1"}, b"x")]) as (url, asked):
        start = time.monotonic()
        for _ in range(6):
            fetch(url, requests_per_second=20)
        assert time.monotonic() - start >= 5 / 20
    assert len(asked) == 6
