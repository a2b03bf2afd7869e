"""Runs whose inputs, work files and published store lie in S3 and in Google Cloud Storage."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import stage_samples
from mill_inputs import Golden, make_golden
from mill_runs import Finished, call_command, check_report, run_command
from object_servers import SECRET, SERVERS, Server, find_folder, make_recipe, move_inputs

from gristmill.pipelines.exchange import read_chunks, write_exchange
from gristmill.pipelines.explanations import explain_document
from gristmill.pipelines.output_locks import lock_output
from gristmill.pipelines.part_files import read_batches, read_part, stream_part, write_part
from gristmill.pipelines.publishing import store
from gristmill.pipelines.publishing.export import export_version, verify_export
from gristmill.pipelines.publishing.verification import verify_folder
from gristmill.pipelines.reporting import gather_figures
from gristmill.pipelines.stages.publish import publish_run
from gristmill.pipelines.units import Unit
from gristmill.pipelines.workers import close_pools
from gristmill.schemas.atomic_files import create_once, put_file, write_whole
from gristmill.schemas.errors import (
    CorruptFileError,
    RecipeError,
    StoreError,
    UsageError,
    VersionExistsError,
)
from gristmill.schemas.manifests import VersionManifest, digest_core
from gristmill.schemas.places import StorePath, find_place
from gristmill.schemas.recipe import load_recipe
from gristmill.schemas.versions import list_versions, open_version


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


# The whole mill, as a user runs it.


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return make_golden(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def straight(golden: Golden) -> Iterator[Finished]:
    """The local run that the others are compared with."""
    done = call_command("run", golden.recipe, "--workers", "2")
    assert done.code == 0, done.err
    yield done
    close_pools()


def test_a_run_in_a_store_makes_the_same_dataset(server, golden, straight, tmp_path):
    recipe = move_inputs(golden.recipe, f"{server.root}/crawl", tmp_path / "far.yaml")
    output = f"{server.root}/run"
    done = run_command("run", recipe, "--workers", "2", "--output", output, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out == straight.out
    assert not list(tmp_path.glob("*/")), "work files lie on the local disk"
    assert SECRET not in done.out + done.err
    again = run_command("run", recipe, "--workers", "2", "--output", output)
    assert again.code == 0 and again.out == done.out
    assert again.err.count("stands") == 15, again.err
    report = call_command("report", recipe, "--output", output, "--json")
    check_report(report.out)
    assert not (find_place(output) / ".lock").exists()


# The same in this process, where requests are counted and faults are made.


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    stage_samples.write_inputs(folder)
    return folder


def run_sample(folder: Path, output: StorePath) -> str:
    """Run and publish; returns the dataset's id."""
    run = stage_samples.run_recipe(folder, str(output))
    publish_run(run, "local")
    return open_version(output / "store" / "sample").dataset_id


@pytest.fixture(scope="module")
def published(server: Server, sample: Path) -> StorePath:
    """The output folder of a finished run."""
    output = find_folder(server, "sample")
    expected = open_version(stage_samples.finish_run().output / "store" / "sample")
    assert run_sample(sample, output) == expected.dataset_id
    return output


def test_a_published_version_reads_and_verifies_where_it_lies(published, tmp_path):
    folder = published / "store" / "sample"
    assert list_versions(folder) == ["1.0.0"]
    assert verify_folder(folder) == []
    version = open_version(folder)
    with pytest.raises(UsageError, match="copy it to a local disk first"):
        version.local_file("tokens/index.parquet")
    exported = export_version(version, tmp_path / "export")
    assert verify_export(exported.folder) == []
    assert exported.local_file("tokens/index.parquet").is_file()
    recipe = load_recipe(stage_samples.finish_run().folder / "recipe.yaml", output=str(published))
    assert gather_figures(recipe).version == "1.0.0"
    explained = explain_document(recipe, "https://example.org/3")
    assert "collect: documents" in explained


def test_a_finished_run_asks_for_little(server, published, sample):
    before = len(server.asked)
    run_sample(sample, published)
    asked = server.asked[before:]
    assert len([verb for verb, *_ in asked if verb in ("PUT", "POST")]) <= 2  # digests, receipt
    assert len(asked) < 500


def test_a_killed_run_goes_on_where_it_was(server, published, sample):
    records = {
        name for name in published.list_sizes() if name.startswith("work/") and "record" in name
    }
    lost = [name for name in sorted(records) if name.split("/")[1] in ("measure", "decide.judge")]
    assert 2 <= len(lost) < len(records)
    dataset = open_version(published / "store" / "sample").dataset_id
    for name in lost:
        (published / name).unlink()
        (published / "work" / name.split("/")[1] / "manifest.json").unlink(missing_ok=True)
    before = server.count("PUT", "record.json")
    assert run_sample(sample, published) == dataset
    if server.scheme == "s3":  # the other's uploads name their object in the body
        assert server.count("PUT", "record.json") - before == len(lost)
    assert records <= set(published.list_sizes())
    assert list_versions(published / "store" / "sample") == ["1.0.0"]


def test_a_part_of_another_size_is_made_again(published, sample):
    parts = [name for name in published.list_sizes() if "/measure/units/" in name]
    part = next(name for name in parts if name.endswith("signals.parquet"))
    size = (published / part).stat().st_size
    write_whole(published / part, b"torn")
    run_sample(sample, published)
    assert (published / part).stat().st_size == size


def test_one_of_two_publishers_wins(server, published):
    """Both see version 1.0.0 free; the store lets one have it."""
    finished = open_version(published / "store" / "sample").manifest
    folder = find_folder(server, "contest")
    core = finished.core.model_copy(update={"files": (), "parents": ()})
    manifests = []
    for name in ("one", "other"):
        own = core.model_copy(update={"dataset_id": name})
        manifests.append(
            VersionManifest(core=own, core_digest=digest_core(own), envelope={"by": name})
        )
    assert store.commit(folder, manifests[0]).status == "committed"
    with pytest.raises(VersionExistsError, match=r"1\.0\.0"):
        store.commit(folder, manifests[1])
    assert open_version(folder).dataset_id == "one"
    # The loser of a race: it looked before the winner's commit was there.
    late = find_folder(server, "race")
    encoded = store.encode_manifest(manifests[0])
    commit = store.encode_commit("1.0.0", manifests[0].core_digest, encoded)
    with pytest.MonkeyPatch.context() as patch:

        def commit_first(place: StorePath, payload: bytes) -> bool:
            if "versions" in str(place):
                write_whole(store.manifest_path(late, manifests[0].core_digest), encoded)
                assert create_once(place, commit)
            return create_once(place, payload)

        patch.setattr(store, "create_once", commit_first)
        with pytest.raises(VersionExistsError, match="another publisher committed"):
            store.commit(late, manifests[1])
    assert open_version(late, "1.0.0").dataset_id == "one"


def test_a_damaged_object_is_not_committed(server, published):
    finished = open_version(published / "store" / "sample").manifest
    folder = find_folder(server, "damaged")
    for entry in finished.core.files:
        write_whole(folder / entry.object_path, b"x" * entry.bytes)
    with pytest.raises(CorruptFileError, match="manifest says"):
        store.commit(folder, finished)
    assert list_versions(folder) == []


def test_two_runs_do_not_share_an_output(server):
    output = find_folder(server, "locked")
    with (
        lock_output(output),
        pytest.raises(UsageError, match=r"process \d+ on .*; if that run is dead, delete") as error,
        lock_output(output),
    ):
        raise AssertionError("both hold the lock")
    assert str(error.value).endswith(str(output / ".lock"))
    with lock_output(output):
        assert (output / ".lock").exists()
    assert not (output / ".lock").exists()
    write_whole(output / ".lock", b"[]")
    with pytest.raises(UsageError, match="does not say which"), lock_output(output):
        raise AssertionError("a lock that cannot be read is no lock")


def test_a_missing_bucket_stops_a_run_at_once(server, sample):
    place = f"{server.scheme}://no-such-bucket/run"
    done = call_command("run", sample / "recipe.yaml", "--output", place)
    assert done.code == 1 and "Traceback" not in done.err
    assert f"{place}/.lock: there is no bucket 'no-such-bucket'" in done.err


# Reading parts.


def test_one_partition_is_read_without_the_others(server, tmp_path):
    rows = 40_000
    table = pa.table({"value": np.random.default_rng(1).integers(0, 1 << 62, rows)})
    write_exchange(tmp_path / "local", table, np.arange(rows) % 8)
    place = find_folder(server, "exchange") / "one-of-many"
    put_file(tmp_path / "local", place)
    size = (tmp_path / "local").stat().st_size
    before, sent = len(server.asked), server.count_bytes("one-of-many")
    [(partition, found)] = read_chunks(str(place), 3)
    assert partition == 3 and found.num_rows == rows // 8
    assert len(server.asked) - before <= 3  # size, footer, one row group
    assert server.count_bytes("one-of-many") - sent < size // 8 + (70 << 10)
    [(_, local)] = read_chunks(tmp_path / "local", 3)
    assert found.equals(local)


def test_parts_read_as_on_a_disk(server, tmp_path):
    rng = np.random.default_rng(2)
    schema = pa.schema([("id", pa.int64()), ("ballast", pa.binary())])
    table = pa.table(
        {"id": np.arange(5000), "ballast": [rng.bytes(100) for _ in range(5000)]}, schema=schema
    )
    write_part(tmp_path / "part.parquet", table, schema)
    place = find_folder(server, "parts") / "part.parquet"
    put_file(tmp_path / "part.parquet", place)
    assert read_part(place).equals(table)
    assert list(read_batches(place)) == list(read_batches(tmp_path / "part.parquet"))
    before, sent = len(server.asked), server.count_bytes("part.parquet")
    ids = [value for batch in stream_part(place, ["id"], 1000) for value in batch["id"].tolist()]
    assert ids == list(range(5000))
    assert len(server.asked) - before <= 7  # size, footer, five row groups
    assert server.count_bytes("part.parquet") - sent < 150_000


@pytest.mark.parametrize("read", [read_part, lambda path: list(read_batches(path))])
def test_a_part_that_vanishes_is_no_fault_of_a_document(server, tmp_path, read, monkeypatch):
    """A failing store must end a unit with a sentence, not count against what is being read."""
    table = pa.table({"value": np.arange(100_000)})
    write_part(tmp_path / "part", table, table.schema)
    place = find_folder(server, "vanishing") / "part"
    put_file(tmp_path / "part", place)
    stores = type(find_folder(server, "x"))
    opened = stores.open_ranges

    def open_and_remove(self: StorePath):
        stream = opened(self)
        self.unlink()
        return stream

    monkeypatch.setattr(stores, "open_ranges", open_and_remove)
    with pytest.raises((FileNotFoundError, StoreError), match="vanishing/part does not exist"):
        read(place)


# Recipes.


def test_a_recipe_may_name_a_store(tmp_path):
    recipe = make_recipe(tmp_path, "in/*.gz", "s3://bucket/run/")
    assert str(recipe.output_path) == "s3://bucket/run"
    again = load_recipe(tmp_path / "recipe.yaml", output="gs://other/run")
    assert str(again.output_path) == "gs://other/run"
    assert recipe.digest() == again.digest()


@pytest.mark.parametrize("output", ["s3://me:hunter2@bucket/run", "ftp://me:hunter2@host/run"])
def test_an_output_that_is_no_place_is_a_mistake(tmp_path, output):
    with pytest.raises(RecipeError, match="output: ") as error:
        make_recipe(tmp_path, "in/*.gz", output)
    assert "hunter2" not in str(error.value)


def test_units_work_on_the_local_disk():
    unit = Unit("collect", "0" * 24, "a", "a:b", "s3://bucket/work/collect/units/" + "0" * 24)
    partial = unit.partial_folder(7)
    assert isinstance(partial, Path) and partial.name.endswith(".7.partial")
    assert str(unit.record_path) == f"{unit.folder}/record.json"
    assert json.loads(unit.encode())["folder"] == unit.folder
