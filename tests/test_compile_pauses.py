"""Compiling a kernel costs no document any of its CPU time."""

import time

import numba
import numpy as np

from gristmill.pipelines.compile_pauses import exempt_compiling
from gristmill.pipelines.watching import IDLE, Refusals, Watch, read_marker, write_idle


def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_compiling_is_not_counted_and_working_is(tmp_path):
    marker = tmp_path / "marker"
    write_idle(marker)
    watch = Watch.open(marker, Refusals())
    seen = []

    @numba.njit
    def total(values):
        kept = values[values > 0]
        return np.sort(kept).sum() + np.unique(kept).size

    with exempt_compiling(watch):
        started = time.process_time()
        watch.enter(3, 5)
        spin(0.1)
        total(np.arange(9))
        spin(0.1)
        seen.append(read_marker(marker))
    first, last, entered = seen[0]
    spent = time.process_time() - started
    counted = time.process_time() - entered
    assert (first, last) == (3, 5)
    assert spent > 0.4, "compiling took too little to tell"
    assert 0.2 <= counted < spent - 0.1


def test_nothing_is_in_flight_while_a_kernel_compiles(tmp_path):
    marker = tmp_path / "marker"
    write_idle(marker)
    watch = Watch.open(marker, Refusals())
    watch.enter(7)
    watch.pause()
    assert read_marker(marker)[0] == IDLE
    watch.resume(2.5)
    first, last, entered = read_marker(marker)
    assert (first, last) == (7, 7)
    assert 2.4 < entered - time.process_time() <= 2.5


def test_the_pauses_end_with_the_block(tmp_path):
    marker = tmp_path / "marker"
    write_idle(marker)
    watch = Watch.open(marker, Refusals())
    with exempt_compiling(watch):
        pass
    watch.enter(1)
    before = read_marker(marker)

    @numba.njit
    def double(value):
        return 2 * value

    assert double(4) == 8
    assert read_marker(marker) == before
