"""The whole mill on small inputs: every fate, the same bytes whatever runs it, and resuming."""

import fcntl
import gzip
import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from mill_inputs import (
    Capture,
    Golden,
    list_plain_captures,
    make_golden,
    make_page,
    make_slow_page,
    pack_warc,
    write_prose,
    write_small_recipe,
)
from mill_runs import (
    Finished,
    call_command,
    check_report,
    digest_store,
    read_table,
    run_command,
)

from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.schemas.versions import Version, list_versions, open_version

DECIDE_AND_LATER = {
    "decide.judge",
    "decide.resolve",
    "decide.apply",
    "decide.sort-curated",
    "decide.sort-dropped",
    "tokenize.tokenizer",
    "tokenize.encode",
}


pytestmark = pytest.mark.usefixtures("stop_children")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return make_golden(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def straight(golden: Golden) -> Finished:
    """The run that the others are compared with."""
    done = run_command("run", golden.recipe, "--workers", "2", env={"PYTHONHASHSEED": "1"})
    assert done.code == 0, done.err
    return done


def open_store(folder: Path, dataset: str = "golden") -> Path:
    return folder / "store" / dataset


def open_output(folder: Path, dataset: str = "golden") -> Version:
    return open_version(open_store(folder, dataset))


def list_units(output: Path) -> dict[str, dict[str, int]]:
    """Unit folders of each step, with their time of change."""
    return {
        step.name: {unit.name: unit.stat().st_mtime_ns for unit in (step / "units").iterdir()}
        for step in (output / "work").iterdir()
        if (step / "units").is_dir()
    }


def list_changed(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> set[str]:
    """Steps that have a unit which was not there before, or was touched."""
    return {
        step for step, units in after.items() if not units.items() <= before.get(step, {}).items()
    }


def copy_output(golden: Golden, straight: Finished, target: Path) -> Path:
    return Path(shutil.copytree(golden.folder / "out", target))


def write_recipe(golden: Golden, name: str, *changes: tuple[str, str]) -> Path:
    """A changed copy of the golden recipe, beside it so that paths hold."""
    text = golden.recipe.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = golden.folder / f"{name}.yaml"
    path.write_text(text)
    return path


# Fates


def test_every_record_meets_its_fate(golden, straight):
    version = open_output(golden.folder / "out")
    found: Counter[tuple[str | None, str]] = Counter()
    for row in read_table(version, "data"):
        found[golden.doc_ids[row["doc_id"]], "kept"] += 1
    for row in read_table(version, "dropped"):
        found[row["native_id"], f"{row['stage']}/{row['rule']}"] += 1
    for row in read_table(version, "quarantine"):
        found[row["native_id"], f"quarantine/{row['reason']}"] += 1
    [collect] = [stage for stage in version.manifest.core.stages if stage.stage == "collect"]
    found[None, "collect/record_type"] += collect.dropped["record_type"]
    assert found == golden.fates


def test_no_record_is_lost_in_or_between_stages(golden, straight):
    done = call_command("report", golden.recipe, "--json")
    assert done.code == 0
    stages = check_report(done.out)
    fates = golden.fates
    lost = {
        kind: sum(count for (_, fate), count in fates.items() if fate.startswith(f"{kind}/"))
        for kind in ("collect", "decide", "quarantine")
    }
    assert stages["collect"]["records_in"] == fates.total()
    assert stages["collect"]["dropped"] == lost["collect"]
    assert stages["collect"]["quarantined"] == lost["quarantine"]
    assert stages["decide"]["dropped"] == lost["decide"]
    assert stages["tokenize"]["kept"] == sum(
        count for (_, fate), count in fates.items() if fate == "kept"
    )


def test_stdout_is_the_version_and_stderr_the_progress(golden, straight):
    core = open_output(golden.folder / "out").manifest.core
    assert straight.out == f"golden 1.0.0 {core.dataset_id}\n"
    lines = straight.err.splitlines()
    assert "warning: archive.tar.xz: quarantined 1 undecodable" in lines
    warnings = [line for line in lines if line.startswith("warning:")]
    assert sum("quarantined" in line for line in warnings) == 4  # files with damage
    [idle] = [line for line in warnings if "rules dropped none of" in line]
    assert len(warnings) == 5 and "gopher_quality/mean_word_length" in idle
    assert all("WARNING" not in line for line in lines)


def test_personal_data_does_not_leave_the_mill(golden, straight):
    version = open_output(golden.folder / "out")
    web = [row for row in read_table(version, "data") if row["source"] == "web"]
    [private] = [row for row in web if row["url"].endswith("/private")]
    assert "Write to [EMAIL] or call the server at [IPV4] for a reply." in private["text"]
    for name in ("data", "dropped", "quarantine", "evidence", "clusters"):
        rows = repr(read_table(version, name))
        assert "jane.doe" not in rows and "8.8.4.4" not in rows


def test_rows_lead_back_to_their_bytes(golden, straight):
    version = open_output(golden.folder / "out")
    rows = [row for row in read_table(version, "data") if row["source"] == "web"]
    assert len(rows) > 10
    for row in rows:
        raw = (golden.folder / row["file"]).read_bytes()
        record = gzip.decompress(raw[row["offset"] : row["offset"] + row["length"]])
        assert row["url"].encode() in record


# The same bytes


@pytest.mark.parametrize(
    "arguments",
    [("--workers", "1"), ("--workers", "2", "--exchange", "group_by_key")],
    ids=["one-worker", "group-by-key"],
)
def test_workers_and_exchange_change_no_byte(golden, straight, tmp_path, arguments, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    done = call_command("run", golden.recipe, "--output", tmp_path / "out", *arguments)
    assert done.out == straight.out
    expected = digest_store(open_store(golden.folder / "out"))
    assert digest_store(open_store(tmp_path / "out")) == expected
    assert not list(scratch.glob("gristmill-*"))


def test_order_of_sources_and_paths_changes_no_byte(golden, straight, tmp_path):
    lines = golden.recipe.read_text().splitlines()
    places = [place for place, line in enumerate(lines) if line.startswith("  - {name:")]
    sources = [lines[place] for place in places]
    for place, line in zip(places, reversed(sources), strict=True):
        lines[place] = line.replace(
            "[web-a.warc.gz, web-b.warc.gz]", "[web-b.warc.gz, 'web-[ab]*', web-a.warc.gz]"
        )
    recipe = golden.folder / "reversed.yaml"
    recipe.write_text("\n".join(lines))
    assert lines != golden.recipe.read_text().splitlines()
    done = call_command("run", recipe, "--output", tmp_path / "out", "--workers", "2")
    assert done.out == straight.out
    expected = digest_store(open_store(golden.folder / "out"))
    assert digest_store(open_store(tmp_path / "out")) == expected


def test_surroundings_change_no_byte(golden, straight, tmp_path):
    env = {
        "PYTHONHASHSEED": "12345",
        "TZ": "Asia/Kolkata",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "TMPDIR": str(tmp_path / "scratch"),
    }
    (tmp_path / "scratch").mkdir()
    output = tmp_path / "out"
    done = run_command("run", golden.recipe, "--output", output, cwd=tmp_path, env=env)
    assert (done.code, done.out) == (0, straight.out)
    expected = digest_store(open_store(golden.folder / "out"))
    assert digest_store(open_store(output)) == expected
    assert not list((tmp_path / "scratch").iterdir())


def test_bundles_that_run_twice_change_no_byte(golden, straight, tmp_path, monkeypatch):
    twice = PipelineOptions(["--direct_runner_bundle_repeat=2"], runner="FnApiRunner")
    monkeypatch.setattr(EmbeddedEngine, "options", lambda engine: twice)
    done = call_command("run", golden.recipe, "--output", tmp_path / "out", "--workers", "2")
    assert done.out == straight.out
    expected = digest_store(open_store(golden.folder / "out"))
    assert digest_store(open_store(tmp_path / "out")) == expected


# Running again


def test_a_second_run_does_nothing_again(golden, straight, tmp_path):
    output = copy_output(golden, straight, tmp_path / "moved")
    units, store = list_units(output), digest_store(open_store(output))
    done = run_command(
        "run", golden.recipe, "--output", output, env={"PYTHONHASHSEED": "3"}, cwd=tmp_path
    )
    assert (done.code, done.out) == (0, straight.out)
    assert list_units(output) == units
    assert digest_store(open_store(output)) == store
    steps = [line for line in done.err.splitlines() if "stands" in line]
    assert len(steps) == len(units) + 1  # and publish
    assert done.seconds < 30


def test_what_killed_runs_left_half_written_goes(golden, straight, tmp_path):
    output = copy_output(golden, straight, tmp_path / "out")
    begun = [
        output / "report.html.0a.partial",
        output / "work" / "digests.json.0a.partial",
        output / "work" / "publish" / "README.md.0a.partial",
        output / "work" / "collect" / "units" / "0a.1.partial" / "documents.parquet",
        open_store(output) / "objects" / "0a" / "0a.parquet.0a.partial",
    ]
    for path in begun:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")
    assert call_command("run", golden.recipe, "--output", output).code == 0
    assert not list(output.rglob("*.partial"))


def test_a_changed_threshold_reruns_decide_alone(golden, straight, tmp_path):
    output = copy_output(golden, straight, tmp_path / "out")
    before = list_units(output)
    stricter = ("  redact: [", "  bounds: [{metric: word_count, min: 230}]\n  redact: [")
    recipe = write_recipe(golden, "stricter", stricter)
    done = call_command("run", recipe, "--output", output, "--workers", "2")
    assert done.code == 0, done.err
    assert list_changed(before, list_units(output)) <= DECIDE_AND_LATER
    assert "decide.judge" in list_changed(before, list_units(output))
    version = open_output(output)
    assert len(list_versions(open_store(output))) == 2
    dropped = [row for row in read_table(version, "dropped") if row["rule"] == "custom/word_count"]
    assert dropped and all(row["value"] < row["threshold"] == 230 for row in dropped)
    assert all(row["word_count"] >= 230 for row in read_table(version, "data"))


def test_an_added_source_is_collected_alone(golden, straight, tmp_path):
    output = copy_output(golden, straight, tmp_path / "out")
    before = list_units(output)
    rows = [{"key": f"n{number}", "text": write_prose(f"new {number}")} for number in range(2)]
    (golden.folder / "new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = "sources:\n  - {name: new, kind: jsonl, paths: [new.jsonl], priority: 9, id: key}\n"
    recipe = write_recipe(golden, "wider", ("sources:\n", source))
    done = call_command("run", recipe, "--output", output, "--workers", "2")
    assert done.code == 0, done.err
    after = list_units(output)
    for step in ("collect", "measure", "deduplicate.sign"):
        assert before[step].items() <= after[step].items()
        assert len(after[step]) == len(before[step]) + 1
    old, new = (
        open_version(open_store(output), name) for name in list_versions(open_store(output))
    )
    old_ids, new_ids = ({row["doc_id"] for row in read_table(v, "data")} for v in (old, new))
    assert old_ids < new_ids and len(new_ids) == len(old_ids) + 2


def test_another_description_is_another_version(golden, straight, tmp_path):
    output = copy_output(golden, straight, tmp_path / "out")
    before = list_units(output)
    change = ("licence: CC0-1.0", "licence: CC0-1.0, description: Grain.")
    recipe = write_recipe(golden, "described", change)
    done = call_command("run", recipe, "--output", output)
    assert done.code == 0, done.err
    assert list_units(output) == before
    assert len(list_versions(open_store(output))) == 2
    card = open_output(output)
    assert "Grain." in card.file("README.md").read_text()


# Damage


def test_damaged_files_cost_only_what_is_damaged(tmp_path):
    pages = [Capture(f"cut-{n}", make_page(write_prose(f"cut {n}")).encode()) for n in range(6)]
    packed = pack_warc(pages)
    (tmp_path / "cut.warc.gz").write_bytes(packed[: -len(pack_warc(pages[-1:])) // 2])
    (tmp_path / "novel.warc.gz").write_bytes(write_prose("no crawl at all").encode())
    slow = [
        Capture("before", make_page(write_prose("before")).encode()),
        Capture("slow", make_slow_page()),
        Capture("after", make_page(write_prose("after")).encode()),
    ]
    (tmp_path / "slow.warc.gz").write_bytes(pack_warc(slow))
    recipe = write_small_recipe(
        tmp_path,
        "{name: web, kind: commoncrawl, paths: ['*.warc.gz']}",
        more="limits: {document_cpu_seconds: 2}\n",
    )
    done = run_command("run", recipe, "--workers", "2")
    assert done.code == 0, done.err
    version = open_output(tmp_path / "out", "small")
    quarantined = {row["file"]: row["reason"] for row in read_table(version, "quarantine")}
    assert quarantined == {
        "cut.warc.gz": "truncated_record",
        "novel.warc.gz": "damaged_record",
        "slow.warc.gz": "cpu_limit",
    }
    assert len(read_table(version, "quarantine")) == 3
    kept = sorted(row["url"].rpartition("/")[2] for row in read_table(version, "data"))
    assert kept == ["after", "before", *(f"cut-{n}" for n in range(5))]
    assert not list((tmp_path / "out").rglob("*.partial"))  # nor what the killed child had begun
    for name, reason in quarantined.items():
        assert f"warning: {name}: quarantined 1 {reason}" in done.err.splitlines()


def test_an_input_without_any_document_still_ends_in_a_version(tmp_path):
    (tmp_path / "none.jsonl").write_text('{"text": ""}\n')
    recipe = write_small_recipe(tmp_path, "{name: none, kind: jsonl, paths: [none.jsonl]}")
    done = call_command("run", recipe)
    assert done.code == 0, done.err
    assert read_table(open_output(tmp_path / "out", "small"), "data") == []


# Refusals


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A recipe with a few documents."""
    captures = [capture for capture in list_plain_captures() if capture.kind == "response"]
    (tmp_path / "few.warc.gz").write_bytes(pack_warc(captures))
    return write_small_recipe(tmp_path, "{name: few, kind: commoncrawl, paths: [few.warc.gz]}")


def test_a_disk_that_takes_no_more_is_one_sentence_and_the_run_goes_on_later(tiny, tmp_path):
    refused = run_command("run", tiny, limit_bytes=4096)
    assert refused.code == 1
    complaints = [line for line in refused.err.splitlines() if line.startswith("gristmill:")]
    assert len(complaints) == 1 and "File too large" in complaints[0]
    assert "Traceback" not in refused.err
    assert not list_versions(open_store(tmp_path / "out", "small"))
    done = run_command("run", tiny)
    assert done.code == 0, done.err
    whole = call_command("run", tiny, "--output", tmp_path / "other")
    assert whole.out == done.out
    assert digest_store(open_store(tmp_path / "out", "small")) == digest_store(
        open_store(tmp_path / "other", "small")
    )


def test_compiling_on_a_fresh_machine_costs_no_document(tiny, tmp_path):
    tiny.write_text(tiny.read_text() + "limits: {document_cpu_seconds: 1}\n")
    done = run_command("run", tiny, env={"NUMBA_CACHE_DIR": str(tmp_path / "cache")})
    assert done.code == 0, done.err
    assert list((tmp_path / "cache").rglob("*.nbc"))
    assert read_table(open_output(tmp_path / "out", "small"), "quarantine") == []


def test_an_output_that_cannot_be_made_is_one_sentence(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    done = run_command("run", tiny, "--output", tmp_path / "file" / "out")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1 and "Not a directory" in done.err


def test_two_runs_do_not_share_an_output(tiny, tmp_path):
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        done = call_command("run", tiny)
    assert (done.code, done.out) == (2, "")
    assert "another gristmill run is working in" in done.err
    assert not (tmp_path / "out" / "work").exists()


# What is published


def test_verify_notices_a_changed_byte(golden, straight, tmp_path):
    store = open_store(copy_output(golden, straight, tmp_path / "out"))
    sound = call_command("verify", store)
    assert (sound.code, sound.err) == (0, "")
    for prefix in ("data/", "tokens/", "plans/", "dropped/", "tokenizer/"):
        path = open_version(store).file(open_version(store).files(prefix)[0].path)
        payload = path.read_bytes()
        broken = bytearray(payload)
        broken[len(broken) // 2] ^= 1
        path.chmod(0o644)
        path.write_bytes(broken)
        done = call_command("verify", store)
        assert done.code == 1 and prefix in done.out
        path.write_bytes(payload)
    assert call_command("verify", store).code == 0


def test_an_export_loads_with_pyarrow(golden, straight, tmp_path):
    store = open_store(golden.folder / "out")
    done = call_command("export", store, tmp_path / "plain")
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "plain"))
    documents = pyarrow.dataset.dataset(tmp_path / "plain" / "data").to_table()
    published = read_table(open_version(store), "data")
    assert (
        documents.num_rows
        == len(published)
        == sum(count for (_, fate), count in golden.fates.items() if fate == "kept")
    )
    assert set(documents["text"].to_pylist()) == {row["text"] for row in published}
    shards = sorted((tmp_path / "plain" / "tokens").glob("*-of-*.parquet"))
    assert sum(pq.read_metadata(shard).num_rows for shard in shards) == documents.num_rows
