"""Rates that processes share: by a clock that the test holds, and by real processes."""

import itertools
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import rate_limits
from gristmill.pipelines.rate_limits import RateLimit, find_limit
from gristmill.schemas.errors import UsageError


class Clock:
    """Time that passes only when someone sleeps or the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def open_limit(path: Path, per_second: float | None, clock: Clock) -> RateLimit:
    return RateLimit(path, per_second, clock=clock.read, sleep=clock.sleep)


@given(
    per_second=st.floats(0.01, 1000),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=30),
)
def test_turns_are_an_interval_apart_whoever_takes_them(tmp_path_factory, per_second, pauses):
    path = tmp_path_factory.mktemp("rate") / "limit"
    clock = Clock()
    turns = []
    for pause in pauses:
        clock.now += pause
        open_limit(path, per_second, clock).take()
        turns.append(clock.now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(turns)]
    assert all(gap >= 1 / per_second - 1e-6 for gap in gaps)
    # And no turn is later than it has to be.
    waited = clock.now - 1000 - sum(pauses)
    assert waited <= (len(pauses) - 1) / per_second + 1e-6


def test_a_pause_holds_for_all_even_without_a_rate(tmp_path):
    clock = Clock()
    open_limit(tmp_path / "limit", None, clock).take()
    assert clock.now == 1000
    open_limit(tmp_path / "limit", None, clock).pause(30)
    open_limit(tmp_path / "limit", 10, clock).take()
    assert clock.now == pytest.approx(1030)
    open_limit(tmp_path / "limit", None, clock).pause(-5)  # shortens nothing
    open_limit(tmp_path / "limit", 10, clock).take()
    assert clock.now == pytest.approx(1030.1)


@pytest.mark.parametrize("held", [b"", b"short", b"\xff" * 8, b"\x7f\xef" + b"\xff" * 6])
def test_a_file_that_is_none_of_ours_does_no_harm(tmp_path, held):
    (tmp_path / "limit").write_bytes(held)
    clock = Clock()
    limit = open_limit(tmp_path / "limit", 10, clock)
    limit.take()
    limit.take()
    assert clock.now == pytest.approx(1000.1)


def test_a_restart_of_the_machine_is_no_reason_to_wait(tmp_path):
    clock = Clock()
    clock.now = 1e7
    open_limit(tmp_path / "limit", 10, clock).take()
    clock.now = 5.0  # the clock counts from the start of the machine
    open_limit(tmp_path / "limit", 10, clock).take()
    assert clock.now == 5.0


def take_turns(path: Path, count: int) -> None:
    limit = RateLimit(path, 200)
    for _ in range(count):
        limit.take()


def test_processes_share_one_rate(tmp_path):
    context = multiprocessing.get_context("fork")
    start = time.monotonic()
    processes = [
        context.Process(target=take_turns, args=(tmp_path / "limit", 20)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert time.monotonic() - start >= 79 / 200


def test_each_server_has_its_own_file_in_a_folder_of_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr(rate_limits.tempfile, "gettempdir", lambda: str(tmp_path))
    for url in ("http://a.example/x", "http://A.example/y", "http://a.example:81/x"):
        find_limit(url, None).take()
    [folder] = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_someone_put_there_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(rate_limits.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "other").mkdir()
    (tmp_path / f"gristmill-{os.getuid()}").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="set TMPDIR"):
        find_limit("http://a.example/", 1)
