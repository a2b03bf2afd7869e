"""Working side by side: order, one failure for all, and no thread left behind."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.fetching import Fetching, work_side_by_side
from gristmill.schemas.errors import InputError
from gristmill.schemas.transfers import Transfer


@given(st.lists(st.integers(), max_size=30), st.integers(1, 8))
def test_results_come_in_the_order_of_their_items(items, connections):
    fetching = Fetching(Transfer(connections=connections))
    assert work_side_by_side(fetching, lambda item: item + 1, items) == [n + 1 for n in items]
    assert not fetching.stopped.is_set()


def test_as_many_at_once_as_there_are_connections():
    barrier = threading.Barrier(4)
    work_side_by_side(Fetching(Transfer(connections=4)), lambda _: barrier.wait(30), range(8))


@pytest.mark.parametrize("place", [0, 2])
def test_a_failure_ends_the_others_and_is_what_is_said(place):
    fetching = Fetching(Transfer(connections=3))
    done = []

    def act(item: int) -> None:
        if item == 1:
            raise InputError("no such file")
        fetching.stopped.wait(60)
        done.append(item)

    start, before = time.monotonic(), threading.active_count()
    with pytest.raises(InputError, match="no such file"):
        work_side_by_side(fetching, act, [*range(10, 10 + place), 1, *range(20, 100)])
    assert time.monotonic() - start < 30
    assert len(done) <= 3 and threading.active_count() == before
