"""Publish: a version holds what the run made, once, whatever interrupts or repeats it."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stage_samples

from gristmill.pipelines.part_files import view_ids
from gristmill.pipelines.publishing.row_digests import digest_rows, identify_dataset
from gristmill.pipelines.publishing.store import CommitStatus
from gristmill.pipelines.publishing.verification import verify_folder
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.runs import lock_output, run_stages
from gristmill.pipelines.stages import publish
from gristmill.pipelines.stages.splitting import SPLITS
from gristmill.schemas.errors import PublishError, UsageError
from gristmill.schemas.recipe import load_recipe
from gristmill.schemas.tables import CURATED, QUARANTINE
from gristmill.schemas.versions import Version, list_versions, open_version


@pytest.fixture(scope="module")
def published() -> Version:
    return open_version(publish.dataset_folder(stage_samples.finish_run().run))


@pytest.fixture
def copied(tmp_path) -> Path:
    """A copy of the finished run's folder, to change."""
    return shutil.copytree(stage_samples.finish_run().folder, tmp_path / "copied")


def run_again(folder: Path, old: str = "", new: str = "") -> Run:
    """Change the recipe and bring its run to the end of tokenize."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace(old, new))
    return stage_samples.run_recipe(folder)


def read_table(version: Version, prefix: str) -> pa.Table:
    return pa.concat_tables(
        [pq.read_table(version.file(entry.path)) for entry in version.files(prefix)]
    )


def test_nothing_is_wrong_with_the_version(published):
    assert verify_folder(published.folder) == []
    assert published.manifest.core.version == "1.0.0"


def test_the_splits_are_what_the_files_hold(published):
    core = published.manifest.core
    assert set(core.splits) == set(SPLITS)
    for split, facts in core.splits.items():
        rows = read_table(published, f"data/{split}-")
        tokens = read_table(published, f"tokens/{split}-")
        assert rows.schema.equals(CURATED)
        assert set(rows["split"].to_pylist()) == {split}
        assert facts.documents == rows.num_rows == tokens.num_rows
        assert facts.utf8_bytes == sum(len(text.encode()) for text in rows["text"].to_pylist())
        assert facts.tokens == sum(tokens["n_tokens"].to_pylist())
        assert tokens["doc_id"].to_pylist() == rows["doc_id"].to_pylist()
        digest = digest_rows(view_ids(rows["doc_id"]), view_ids(rows["content_id"]))
        assert facts.rows_digest == digest


def test_the_dataset_id_is_of_rows_and_recipe(published):
    core = published.manifest.core
    digests = {split: facts.rows_digest for split, facts in core.splits.items()}
    recipe = stage_samples.finish_run().run.recipe
    assert core.dataset_id == identify_dataset(digests, recipe.digest())
    assert core.recipe == recipe.content() and core.recipe_digest == recipe.digest()


def test_every_file_is_stored_under_its_digest(published):
    for entry in published.manifest.core.files:
        payload = published.file(entry.path).read_bytes()
        assert hashlib.sha256(payload).hexdigest() == entry.sha256
        assert len(payload) == entry.bytes
        if entry.path.endswith(".parquet"):
            assert pq.read_metadata(published.file(entry.path)).num_rows == entry.rows


def test_the_funnel_adds_up_from_input_to_output(published):
    core = published.manifest.core
    assert [line.stage for line in core.stages] == list(publish.FUNNEL)
    for line in core.stages:
        lost = sum(line.dropped.values()) + sum(line.quarantined.values())
        assert line.records_in == line.kept + lost
    lines = {line.stage: line for line in core.stages}
    assert lines["collect"].records_in == 48
    for before, after in zip(core.stages, core.stages[1:], strict=False):
        if (before.stage, after.stage) != ("deduplicate", "decide"):
            assert before.kept == after.records_in
    documents = sum(facts.documents for facts in core.splits.values())
    assert lines["tokenize"].kept == documents
    assert sum(core.counts_by["language"].values()) == documents
    assert core.counts_by["source"] == {"notes": documents}


def test_side_tables_explain_what_is_not_published(published):
    lines = {line.stage: line for line in published.manifest.core.stages}
    assert read_table(published, "dropped/").num_rows == sum(lines["decide"].dropped.values())
    quarantine = read_table(published, "quarantine/")
    assert quarantine.schema.equals(QUARANTINE)
    assert quarantine["reason"].to_pylist() == ["bad_row"] * 2
    assert read_table(published, "signatures/").num_rows == lines["collect"].kept
    assert read_table(published, "evidence/").num_rows == 2
    assert read_table(published, "clusters/").num_rows == 4


def test_the_loader_finds_each_shard_of_each_split(published):
    index = read_table(published, "tokens/index.parquet")
    for kind, suffix in (("data", "parquet"), ("tokens", "parquet"), ("plans", "arrow")):
        for split in SPLITS:
            names = [entry.path for entry in published.files(f"{kind}/{split}-")]
            assert names == [f"{kind}/{split}-00000-of-00001.{suffix}"]
    assert set(index["path"].to_pylist()) <= {e.path for e in published.files("tokens/")}
    core = published.manifest.core
    assert set(core.packing["plan_id"]) == set(SPLITS)
    assert core.tokenizer.path in {entry.path for entry in core.files}


def test_splits_without_documents_have_their_files(tmp_path):
    stage_samples.write_inputs(tmp_path)
    run = run_again(tmp_path, "validation: 0.1, test: 0.1", "validation: 0, test: 0")
    assert publish.publish_run(run, "local") is not None
    version = publish.open_published(run)
    assert verify_folder(version.folder) == []
    for split in SPLITS:
        for kind in ("data", "tokens", "plans"):
            assert len(version.files(f"{kind}/{split}-")) == 1
    assert version.manifest.core.splits["test"].documents == 0


def test_another_place_gives_the_same_version(tmp_path, published):
    stage_samples.write_inputs(tmp_path)
    run = run_again(tmp_path, "output: run", "output: deeper/elsewhere")
    outcome = publish.publish_run(run, "another engine")
    assert outcome is not None
    assert outcome.core_digest == published.manifest.core_digest


def test_renamed_inputs_and_other_cuts_give_the_same_rows(tmp_path, published):
    stage_samples.write_inputs(tmp_path)
    lines = [
        line
        for path in sorted((tmp_path / "in").iterdir())
        for line in path.read_text().splitlines(keepends=True)
    ]
    for path in (tmp_path / "in").iterdir():
        path.unlink()
    for number in range(3):
        (tmp_path / "in" / f"{9 - number}.jsonl").write_text("".join(lines[number::3]))
    run = run_again(tmp_path)
    publish.publish_run(run, "local")
    assert publish.open_published(run).dataset_id == published.dataset_id


def test_a_published_run_stands(copied):
    run = run_again(copied)
    assert publish.publish_run(run, "local") is None
    assert publish.open_published(run).manifest.core.version == "1.0.0"


def test_a_finished_run_that_was_moved_runs_nothing(copied):
    def refuse(unit_list: Path) -> None:
        raise AssertionError(f"{unit_list} ran again")

    recipe = load_recipe(copied / "recipe.yaml")
    run = run_stages(recipe, refuse, stage_samples.QUIET)
    assert set(run.manifests) == set(stage_samples.finish_run().run.manifests)


def test_a_crash_between_commit_and_receipt_repeats_nothing(copied):
    (copied / "run" / "work" / "publish" / publish.RECEIPT_FILE).unlink()
    run = run_again(copied)
    outcome = publish.publish_run(run, "local")
    assert outcome is not None and outcome.status == CommitStatus.ALREADY_PUBLISHED
    assert list_versions(publish.dataset_folder(run)) == ["1.0.0"]
    assert publish.publish_run(run, "local") is None


def test_a_receipt_without_its_version_does_not_stand(copied):
    shutil.rmtree(copied / "run" / "store")
    run = run_again(copied)
    outcome = publish.publish_run(run, "local")
    assert outcome is not None and outcome.status == CommitStatus.COMMITTED


@pytest.mark.parametrize("step", ["put_object", "commit"])
def test_a_publish_that_dies_shows_nothing_and_goes_on(tmp_path, monkeypatch, step):
    stage_samples.write_inputs(tmp_path)
    run = run_again(tmp_path)
    calls = []

    def die(*arguments: object, **more: object) -> None:
        calls.append(arguments)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publish, step, die)
        with pytest.raises(OSError, match="No space"):
            publish.publish_run(run, "local")
    assert calls and list_versions(publish.dataset_folder(run)) == []
    with pytest.raises(UsageError):
        open_version(publish.dataset_folder(run))
    outcome = publish.publish_run(run, "local")
    assert outcome is not None and outcome.version == "1.0.0"
    assert verify_folder(publish.dataset_folder(run)) == []


@pytest.mark.parametrize(
    ("old", "new", "version"),
    [
        ("description: A sample.", "description: Another.", "1.0.1"),  # the same rows
        ("rule_tables: [gopher_quality]", "rule_tables: []", "1.1.0"),  # only more rows
        ("redact: [email]", "redact: []", "2.0.0"),  # a row has another text
    ],
)
def test_the_number_says_what_changed(copied, old, new, version):
    run = run_again(copied, old, new)
    outcome = publish.publish_run(run, "local")
    assert outcome is not None and outcome.version == version
    folder = publish.dataset_folder(run)
    first, second = (open_version(folder, name) for name in ("1.0.0", version))
    assert second.manifest.core.parents == (first.manifest.core_digest,)
    assert first.dataset_id != second.dataset_id
    assert verify_folder(folder, "1.0.0") == [] == verify_folder(folder, version)


def test_back_to_an_older_recipe_finds_its_version(copied):
    publish.publish_run(run_again(copied, "redact: [email]", "redact: []"), "local")
    run = run_again(copied, "redact: []", "redact: [email]")
    outcome = publish.publish_run(run, "local")
    assert outcome is not None
    assert (outcome.status, outcome.version) == (CommitStatus.ALREADY_PUBLISHED, "1.0.0")
    assert publish.open_published(run).manifest.core.version == "1.0.0"


def test_only_what_a_change_touches_runs_again(copied):
    ran: list[str] = []

    def execute(unit_list: Path) -> None:
        ran.append(unit_list.parent.name)
        stage_samples.carry_out_list(unit_list)

    recipe = copied / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("[gopher_quality]", "[]"))
    run_stages(load_recipe(recipe), execute, stage_samples.QUIET)
    assert {step.split(".")[0] for step in ran} == {"decide", "tokenize"}
    ran.clear()
    recipe.write_text(recipe.read_text().replace("sequence_length: 64", "sequence_length: 32"))
    run_stages(load_recipe(recipe), execute, stage_samples.QUIET)
    assert ran == ["tokenize.encode"]


def test_a_changed_file_reruns_its_units_alone(copied):
    units: dict[str, int] = {}

    def execute(unit_list: Path) -> None:
        units[unit_list.parent.name] = len(unit_list.read_bytes().splitlines())
        stage_samples.carry_out_list(unit_list)

    path = copied / "in" / "a.jsonl"
    path.write_text(path.read_text() + json.dumps({"key": "new", "text": "new"}) + "\n")
    run_stages(load_recipe(copied / "recipe.yaml"), execute, stage_samples.QUIET)
    assert units["collect"] == units["measure"] == units["deduplicate.sign"] == 1


def test_the_envelope_says_when_and_by_what(published):
    envelope = published.manifest.envelope
    assert envelope["engine"] == "local"
    assert set(envelope["packages"]) == set(publish.TOOLS)
    steps = [line["stage"] for line in envelope["stages"]]
    assert steps == list(stage_samples.finish_run().run.manifests)


def test_two_runs_do_not_share_an_output_folder(tmp_path):
    out = tmp_path / "out"
    with (
        lock_output(out),
        pytest.raises(UsageError, match="another gristmill run"),
        lock_output(out),
    ):
        raise AssertionError("both hold the lock")
    with lock_output(out):
        assert out.is_dir()


def test_a_shard_whose_rows_are_out_of_order_is_refused(copied, monkeypatch):
    run = run_again(copied, "description: A sample.", "description: Another.")
    real = publish.read_part
    monkeypatch.setattr(
        publish,
        "read_part",
        lambda path, columns=None: (
            real(path, columns).sort_by([("doc_id", "descending")])
            if columns == ["doc_id", "content_id"]
            else real(path, columns)
        ),
    )
    with pytest.raises(PublishError, match="not sorted"):
        publish.publish_run(run, "local")
