"""One graph: the same units, the same bytes, by partition files or the engine's own shuffle."""

import hashlib
import threading
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.test_pipeline import TestPipeline as BeamPipeline
from apache_beam.testing.util import assert_that, equal_to
from step_cases import COUNT, UNITS, expect_both, plan_map, run_both

from gristmill.pipelines import steps
from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.pipelines.engines.graph import Crew, ReadChunks, RunUnits, read_handles
from gristmill.pipelines.exchange import encode_partition
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.steps import Step, Workspace, run_step
from gristmill.schemas.errors import AccountingError, UnitFailedError
from gristmill.schemas.ledger_records import StageTotals, UnitRecord

pytestmark = pytest.mark.usefixtures("stop_children")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("exchange", ["files", "group_by_key"])
def test_reducers_see_every_row_once(tmp_path, workers, exchange):
    engine = EmbeddedEngine(Crew(workers), shuffles=exchange == "group_by_key")
    assert run_both(tmp_path, engine.execute) == expect_both()


def test_a_finished_step_is_not_run_again(tmp_path):
    engine = EmbeddedEngine()
    run_both(tmp_path, engine.execute)

    def refuse(unit_list: Path) -> None:
        raise AssertionError("a finished step ran again")

    workspace = Workspace(tmp_path)
    step = plan_map(workspace)
    run_step(workspace, step, refuse, Progress(quiet=True))


def test_only_missing_units_run(tmp_path):
    workspace = Workspace(tmp_path)
    step = plan_map(workspace)
    engine = EmbeddedEngine()
    first = run_step(workspace, step, engine.execute, Progress(quiet=True))
    lost = Path(step.units[1].folder)
    (lost / "exchange-numbers.parquet").unlink()
    ran: list[int] = []

    def count(unit_list: Path) -> None:
        ran.append(len(read_handles(str(unit_list))))
        engine.execute(unit_list)

    again = run_step(workspace, step, count, Progress(quiet=True))
    assert ran == [1]
    assert [part.sha256 for part in again.parts] == [part.sha256 for part in first.parts]


def test_leftovers_of_a_killed_run_go(tmp_path):
    workspace = Workspace(tmp_path)
    step = plan_map(workspace)
    leftover = Path(step.units[0].folder + ".123.partial")
    leftover.mkdir(parents=True)
    (leftover / "half.parquet").write_bytes(b"PAR1")
    run_step(workspace, step, EmbeddedEngine().execute, Progress(quiet=True))
    assert not leftover.exists()


def test_a_step_that_lost_documents_does_not_close(tmp_path):
    workspace = Workspace(tmp_path)
    expected = StageTotals(records_in=99, kept=99)
    with pytest.raises(AccountingError, match="the stage before kept 99"):
        run_step(
            workspace,
            plan_map(workspace),
            EmbeddedEngine().execute,
            Progress(quiet=True),
            expected=expected,
        )
    assert not (tmp_path / "map" / steps.MANIFEST_FILE).exists()


def test_a_failed_unit_fails_the_step_in_one_sentence(tmp_path):
    workspace = Workspace(tmp_path)
    unit = workspace.make_unit(
        "bad", "a file", "worker_cases:refuse", fragment=None, code="", inputs=[], params={}
    )
    with pytest.raises(UnitFailedError, match="bad of a file: OSError") as failure:
        run_step(workspace, Step("bad", (unit,)), EmbeddedEngine().execute, Progress(quiet=True))
    assert "while running" not in str(failure.value)


def test_unit_keys_name_content_not_position(tmp_path):
    workspace = Workspace(tmp_path)
    forward = plan_map(workspace)
    backward = Step("map", tuple(reversed(forward.units)))
    assert forward.key == backward.key


def test_run_units_gives_a_record_for_every_handle(tmp_path):
    workspace = Workspace(tmp_path)
    units = plan_map(workspace).units
    with BeamPipeline(runner="FnApiRunner") as pipeline:
        records = (
            pipeline
            | beam.Create([unit.encode() for unit in units])
            | RunUnits(Crew(2))
            | beam.Map(lambda line: UnitRecord.model_validate_json(line).kept)
        )
        assert_that(records, equal_to([50, 3, 0, 17]))


def test_chunks_are_keyed_by_partition(tmp_path):
    workspace = Workspace(tmp_path)
    mapped = run_step(
        workspace, plan_map(workspace), EmbeddedEngine().execute, Progress(quiet=True)
    )
    listed = workspace.write_list(
        "reduce", "numbers", workspace.part_paths(mapped, "exchange-numbers")
    )
    with BeamPipeline(runner="FnApiRunner") as pipeline:
        keys = (
            pipeline
            | ReadChunks({"numbers": listed})
            | beam.MapTuple(lambda key, value: (key, value[0]))
        )
        wanted = [
            (encode_partition(partition), "numbers")
            for numbers in UNITS
            for partition in {n % COUNT for n in numbers}
        ]
        assert_that(keys, equal_to(wanted))


def test_two_runs_of_one_unit_leave_one_folder(tmp_path):
    workspace = Workspace(tmp_path)
    step = plan_map(workspace)
    engine = EmbeddedEngine(Crew(2))
    listed = tmp_path / "units.jsonl"
    listed.write_bytes(b"\n".join(unit.encode() for unit in step.units))
    threads = [threading.Thread(target=engine.execute, args=(listed,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {path.name for path in (tmp_path / "map" / "units").iterdir()}
    assert names == {unit.key for unit in step.units}
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / "map" / "units").glob("*/record.json")
    }
    assert len(digests) == len(step.units)
