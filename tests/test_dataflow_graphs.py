"""The graph of every job, by dry runs that may not ask the network."""

import dataclasses
import hashlib
import os
import subprocess
import sys

import apache_beam as beam
import pytest
from dataflow_cases import (
    OUTPUT,
    REPOSITORY,
    build_proto,
    job_of,
    make_engine,
    needs_gcp,
)
from dataflow_cases import (
    no_network as no_network,
)
from mill_runs import call_command

from gristmill.pipelines.engines import dataflow_graphs, graph
from gristmill.pipelines.engines.dataflow_settings import DataflowSettings
from gristmill.pipelines.engines.kernel_cache import fill_cache
from gristmill.pipelines.recipe_checks import load_checked
from gristmill.pipelines.units import Unit
from gristmill.schemas.errors import EngineError

pytestmark = pytest.mark.usefixtures("no_network")
RECIPES = sorted((REPOSITORY / "pipelines" / "recipes").glob("*.yaml"))


@needs_gcp
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_dry_run(path, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    recipe = load_checked(path, output=OUTPUT)
    engine = make_engine(DataflowSettings().stand_in())
    heard = []
    found = dataflow_graphs.dry_run(recipe, engine, OUTPUT, heard.append)
    assert list(tmp_path.iterdir()) == [], "Beam leaves what it would upload"
    assert len(heard) == len(found)
    assert [step.step for step in found] == list(dataflow_graphs.STEPS)
    assert len({step.job_name for step in found}) == len(found)
    for step in found:
        reads = bool(dataflow_graphs.STEPS[step.step])
        assert step.groupings == reads
        assert step.key_coders == (dataflow_graphs.BYTES_CODER,) * reads
        assert step.hints == {"beam:resources:min_ram_bytes:v1": str(20 << 30)}
        assert step.graph_bytes < 60_000


@needs_gcp
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_command_prints_a_line_for_every_job(path):
    done = call_command("run", path, "--engine", "dataflow", "--dry-run", "--output", OUTPUT)
    assert done.code == 0, done.err
    head, *lines = [line.split("\t") for line in done.out.splitlines()]
    assert [line[head.index("step")] for line in lines] == list(dataflow_graphs.STEPS)
    assert all(int(line[head.index("graph_bytes")]) < 60_000 for line in lines)


@needs_gcp
def test_a_local_output_is_dry_run_as_if_it_were_a_bucket():
    done = call_command("run", RECIPES[0], "--engine", "dataflow", "--dry-run")
    assert done.code == 0
    assert "is local: checked as if it were gs://" in done.err


def test_a_dry_run_is_for_dataflow():
    done = call_command("run", RECIPES[0], "--dry-run")
    assert done.code == 2
    assert "--dry-run is for --engine dataflow" in done.err


@needs_gcp
@pytest.mark.parametrize("step", ["collect", "deduplicate.link"])
def test_graphs_are_the_same_in_another_process(step):
    job = job_of(step)
    proto = build_proto(make_engine().build(job, "--dry_run=True"))
    here = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    program = f"""
import hashlib, sys
sys.path.insert(0, {str(REPOSITORY / "tests")!r})
import dataflow_cases as t
proto = t.build_proto(t.make_engine().build(t.job_of({step!r}), "--dry_run=True"))
print(hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == here
    assert dataflow_graphs.check_graph(step, "name", proto, frozenset()).transforms > 10


@needs_gcp
def test_a_graph_that_lists_its_input_is_refused():
    engine = make_engine()
    names = [f"crawl-{number:05d}.warc.gz" for number in range(50)]
    pipeline = engine.build(job_of("collect"), "--dry_run=True")
    _ = pipeline | "Files" >> beam.Create(names) | "Open" >> beam.Map(len)
    proto = build_proto(pipeline)
    assert names[7].encode() not in proto.SerializeToString(), "it travels compressed"
    with pytest.raises(EngineError, match=r"holds the input 'crawl-00007\.warc\.gz'"):
        dataflow_graphs.check_graph("collect", "name", proto, frozenset({names[7].encode()}))


@needs_gcp
def test_a_graph_that_holds_data_is_refused():
    pipeline = make_engine().build(job_of("collect"), "--dry_run=True")
    _ = pipeline | "Data" >> beam.Create([os.urandom(dataflow_graphs.GRAPH_BYTES)])
    with pytest.raises(EngineError, match="it holds data"):
        dataflow_graphs.check_graph("collect", "name", build_proto(pipeline), frozenset())


@needs_gcp
def test_keys_that_are_not_bytes_are_refused():
    pipeline = make_engine().build(job_of("collect"), "--dry_run=True")
    pairs = pipeline | "Pairs" >> beam.Create([(1, b"")]).with_output_types(tuple[int, bytes])
    _ = pairs | beam.GroupByKey()
    with pytest.raises(EngineError, match="keys of beam:coder:varint:v1, not bytes"):
        dataflow_graphs.check_graph("collect", "name", build_proto(pipeline), frozenset())


@needs_gcp
def test_hints_that_are_missing_or_part_a_stage_are_refused(monkeypatch):
    engine = make_engine()
    bare = dataclasses.replace(engine, crew=dataclasses.replace(engine.crew, hints={}))
    proto = build_proto(bare.build(job_of("deduplicate.link"), "--dry_run=True"))
    with pytest.raises(EngineError, match="no memory is asked for"):
        dataflow_graphs.check_graph("link", "name", proto, frozenset())

    give = graph._give_hints
    calls = iter([False, True])
    monkeypatch.setattr(
        graph, "_give_hints", lambda made, crew: give(made, crew) if next(calls) else made
    )
    proto = build_proto(engine.build(job_of("deduplicate.link"), "--dry_run=True"))
    with pytest.raises(EngineError, match="on different workers"):
        dataflow_graphs.check_graph("link", "name", proto, frozenset())


@needs_gcp
def test_children_are_as_many_as_cores():
    one = make_engine().options("name").get_all_options()
    assert one["number_of_worker_harness_threads"] == 1
    assert "no_use_multiple_sdk_containers" not in one["experiments"]
    four = make_engine(workers=4, beam_options=("number_of_worker_harness_threads=2",))
    more = four.options("name").get_all_options()
    assert "no_use_multiple_sdk_containers" in more["experiments"]
    assert more["number_of_worker_harness_threads"] == 2, "what a user says wins"


def test_the_table_of_steps_is_that_of_a_run(tmp_path):
    assert fill_cache(tmp_path) == 0
    lists = sorted(
        (tmp_path / "run" / "work").glob("*/units.jsonl"), key=lambda path: path.stat().st_mtime_ns
    )
    found = {}
    for path in lists:
        units = [Unit.decode(line) for line in path.read_bytes().splitlines()]
        exchanges = {tuple(sorted(unit.params.get("exchanges", {}))) for unit in units}
        [found[path.parent.name]] = exchanges
        assert {unit.stage for unit in units} == {path.parent.name}
    assert list(found.items()) == list(dataflow_graphs.STEPS.items())
