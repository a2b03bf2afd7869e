"""The pool: whatever a document does, the unit ends and its neighbours are kept."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gristmill.pipelines.units import Unit
from gristmill.pipelines.workers import ChildLimits, WorkerPool
from gristmill.schemas.errors import UnitFailedError

LIMITS = ChildLimits(document_cpu_seconds=0.3, child_memory_bytes=600 << 20)


@pytest.fixture(scope="module")
def pool():
    pool = WorkerPool(2, LIMITS)
    yield pool
    pool.close()


def make_unit(folder: Path, work: str, key: str = "k", **params: Any) -> Unit:
    return Unit("test", key, "a unit", f"worker_cases:{work}", str(folder / key), params)


def kept(unit: Unit) -> list[int]:
    text = (Path(unit.folder) / "kept.txt").read_text()
    return [int(part) for part in text.split(",") if part]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("hang", "cpu_limit"),
        ("die", "worker_crash"),
        ("raise", "worker_crash"),
    ],
)
def test_a_bad_document_costs_only_itself(pool, tmp_path, how, reason):
    unit = make_unit(tmp_path, "count_up", documents=6, bad={"3": how})
    record = pool.submit(unit).result(timeout=60)
    assert record.quarantined == {reason: 1}
    assert kept(unit) == [0, 1, 2, 4, 5]
    assert record.records_in == 6


def test_a_document_that_grows_costs_only_itself(tmp_path):
    # A CPU limit of its own: on a busy machine, filling memory takes a while.
    pool = WorkerPool(1, ChildLimits(document_cpu_seconds=20, child_memory_bytes=600 << 20))
    try:
        unit = make_unit(tmp_path, "count_up", documents=3, bad={"1": "grow"})
        record = pool.submit(unit).result(timeout=60)
        assert record.quarantined == {"memory_limit": 1}
        assert kept(unit) == [0, 2]
    finally:
        pool.close()


def test_a_sleeper_is_killed_by_the_clock(tmp_path):
    pool = WorkerPool(1, ChildLimits(document_cpu_seconds=0.05))
    try:
        unit = make_unit(tmp_path, "count_up", documents=2, bad={"0": "sleep"})
        assert pool.submit(unit).result(timeout=60).quarantined == {"cpu_limit": 1}
    finally:
        pool.close()


def test_a_batch_is_bisected_to_its_offenders(pool, tmp_path):
    bad = {"5": "die", "9": "hang"}
    unit = make_unit(tmp_path, "count_batches", documents=12, batch=4, bad=bad)
    record = pool.submit(unit).result(timeout=60)
    assert record.quarantined == {"cpu_limit": 1, "worker_crash": 1}
    assert kept(unit) == [n for n in range(12) if n not in (5, 9)]


def test_no_document_text_in_the_record(pool, tmp_path):
    unit = make_unit(tmp_path, "count_up", documents=2, bad={"1": "raise"})
    record = pool.submit(unit).result(timeout=60)
    assert "secret" not in record.model_dump_json()


def test_disk_full_fails_the_unit_and_names_the_file(pool, tmp_path):
    unit = make_unit(tmp_path, "refuse")
    with pytest.raises(UnitFailedError, match=r"No space left on device.*part\.parquet"):
        pool.submit(unit).result(timeout=60)
    assert not list(tmp_path.iterdir())


def test_a_unit_that_does_not_balance_leaves_nothing(pool, tmp_path):
    with pytest.raises(UnitFailedError, match="2 in, but 1 kept"):
        pool.submit(make_unit(tmp_path, "lose_one")).result(timeout=60)
    assert not list(tmp_path.iterdir())


def test_record_lies_in_the_folder_and_names_its_parts(pool, tmp_path):
    unit = make_unit(tmp_path, "count_up", documents=3)
    record = pool.submit(unit).result(timeout=60)
    stored = json.loads(unit.record_path.read_text())
    assert stored["kept"] == 3
    assert [part.name for part in record.parts] == ["kept.txt"]
    assert len(record.parts[0].sha256) == 64


def test_a_folder_that_is_there_already_stays(pool, tmp_path):
    unit = make_unit(tmp_path, "count_up", documents=3)
    first = pool.submit(unit).result(timeout=60)
    again = pool.submit(unit).result(timeout=60)
    assert again == first


def test_many_units_run_side_by_side(pool, tmp_path):
    units = [make_unit(tmp_path, "count_up", key=f"k{n}", documents=n) for n in range(20)]
    futures = [pool.submit(unit) for unit in units]
    assert [future.result(timeout=60).kept for future in futures] == list(range(20))


def test_a_long_temporary_folder_is_no_obstacle(tmp_path):
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from test_workers import LIMITS, WorkerPool, make_unit\n"
        "pool = WorkerPool(1, LIMITS)\n"
        "print(pool.submit(make_unit(Path(sys.argv[2]), 'count_up', documents=3)).result().kept)\n"
        "pool.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "3", done.stderr
