"""Bombs and pathological documents through real children: the right fate, neighbours kept.

Every case runs in one supervised child, as ``gristmill run`` uses it. The most memory
that the child ever had resident is in each unit's record, so the last one speaks for all.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_cases import CASES, collect
from hostile_kit import NEIGHBOURS, Hostile
from mill_inputs import write_prose

from gristmill.pipelines.workers import ChildLimits, WorkerPool

MOST_BYTES = 512 << 20
MOST_CPU_SECONDS = 10.0


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    pool = WorkerPool(1, ChildLimits())
    # The first unit of a child pays for its imports and compiled kernels.
    folder = tmp_path_factory.mktemp("warm")
    for case in (CASES[0], CASES[-1]):
        collect(pool, folder / case.file, case)
    yield pool
    pool.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_input(pool: WorkerPool, tmp_path: Path, case: Hostile) -> None:
    record, texts = collect(pool, tmp_path / "case", case)
    found = {rule for rule in {**record.dropped, **record.quarantined}}
    if record.kept > case.kept:
        found.add("kept")
    assert found or "nothing" in case.fates
    assert found <= case.fates
    healthy = [write_prose(name) for name in NEIGHBOURS]
    assert [text for text in texts if text in healthy] == healthy[: case.kept]
    assert record.cpu_seconds <= MOST_CPU_SECONDS
    assert record.peak_memory_bytes <= MOST_BYTES
