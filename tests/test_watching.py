"""The marker file and what earlier tries have learned: every row comes out once."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.watching import (
    IDLE,
    MARKER_BYTES,
    Refusals,
    Watch,
    read_marker,
    write_idle,
)
from gristmill.schemas.fates import QUARANTINE_REASONS

reasons = st.sampled_from(sorted(QUARANTINE_REASONS))
ranges = st.tuples(st.integers(0, 30), st.integers(0, 10)).map(lambda pair: (pair[0], sum(pair)))
refusals = st.builds(
    Refusals,
    st.dictionaries(st.integers(0, 40), reasons, max_size=4),
    st.lists(ranges, max_size=3),
    st.none() | st.tuples(st.integers(0, 40), reasons),
)


@given(refusals)
def test_refusals_survive_the_wire(value):
    assert Refusals.from_json(json.loads(json.dumps(value.to_json()))) == value


@given(st.integers(IDLE, 2**40), st.integers(0, 100))
def test_the_supervisor_reads_what_the_child_says(tmp_path_factory, first, more):
    path = tmp_path_factory.mktemp("marker") / "child-0"
    write_idle(path)
    assert read_marker(path) == (IDLE, IDLE, 0.0)
    watch = Watch.open(path, Refusals())
    watch.enter(first, first + more)
    assert read_marker(path)[:2] == (first, first + more)
    assert read_marker(path)[2] > 0
    watch.enter(first)
    assert read_marker(path)[:2] == (first, first)
    watch.leave()
    assert read_marker(path)[0] == IDLE
    assert path.stat().st_size == MARKER_BYTES


def test_a_watch_without_a_marker_is_silent():
    watch = Watch()
    watch.enter(3, 4)
    watch.leave()
    assert watch.refusal(3) is None


class Recorder(Watch):
    """Keeps what was said to be in flight."""

    def __init__(self, known: Refusals) -> None:
        super().__init__(refusals=known)
        self.entered: list[tuple[int, int]] = []

    def enter(self, first: int, last: int | None = None) -> None:
        self.entered.append((first, first if last is None else last))


@given(refusals, st.integers(0, 40), st.integers(1, 12))
def test_every_row_comes_out_once_and_the_risky_ones_alone(known, first, count):
    watch = Recorder(known)
    batch = pa.RecordBatch.from_pydict({"ordinal": list(range(first, first + count))})
    seen, handled = [], []
    for rows, reason in watch.slices(batch, first):
        ordinals = rows["ordinal"].to_pylist()
        seen += ordinals
        if reason is None:
            assert watch.entered[-1] == (ordinals[0], ordinals[-1])  # said before it is handled
            handled += ordinals
        else:
            assert [known.poisoned[ordinal] for ordinal in ordinals] == [reason]
    assert seen == batch["ordinal"].to_pylist()
    assert handled == [ordinal for ordinal in seen if ordinal not in known.poisoned]
    for low, high in known.careful:
        for start, end in watch.entered:
            assert start == end or end < low or start > high


def test_an_untouched_batch_stays_whole():
    watch = Recorder(Refusals({99: "cpu_limit"}, [(0, 9)]))
    batch = pa.RecordBatch.from_pydict({"ordinal": [10, 11, 12]})
    assert [(rows.num_rows, reason) for rows, reason in watch.slices(batch, 10)] == [(3, None)]
    assert watch.entered == [(10, 12)]


@pytest.mark.parametrize("size", [0, 23])
def test_a_torn_marker_is_not_read(tmp_path, size):
    path = tmp_path / "child-0"
    path.write_bytes(bytes(size))
    with pytest.raises(Exception, match="24 bytes"):
        read_marker(path)
