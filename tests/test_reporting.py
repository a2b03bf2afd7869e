"""Reporting: what stands on disk, whether the run is finished, half done or not begun."""

import json
import shutil
from pathlib import Path

import pytest
import stage_samples

from gristmill.pipelines import reporting
from gristmill.pipelines.stages.publish import FUNNEL, dataset_folder
from gristmill.pipelines.steps import MANIFEST_FILE, Workspace
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Recipe, load_recipe
from gristmill.schemas.versions import open_version


@pytest.fixture(scope="module")
def sample() -> stage_samples.FinishedRun:
    return stage_samples.finish_run()


@pytest.fixture
def copied(sample, tmp_path) -> Recipe:
    folder = shutil.copytree(sample.folder, tmp_path / "copied")
    return load_recipe(folder / "recipe.yaml")


def test_manifests_are_found_by_step(sample):
    found = reporting.load_manifests(Workspace(sample.output / "work"))
    assert found == sample.run.manifests


def test_a_run_that_has_not_begun_says_so(tmp_path):
    stage_samples.write_inputs(tmp_path)
    recipe = load_recipe(tmp_path / "recipe.yaml")
    with pytest.raises(UsageError, match="holds no finished stage"):
        reporting.gather_figures(recipe)
    with pytest.raises(UsageError, match="holds no finished stage"):
        reporting.write_report(recipe)
    assert not recipe.output_path.exists()


def test_the_funnel_is_that_of_the_manifests(sample):
    figures = reporting.gather_figures(sample.run.recipe)
    assert [stage.stage for stage in figures.stages] == list(FUNNEL)
    for stage in figures.stages:
        totals = sample.run.manifests[FUNNEL[stage.stage]].totals
        assert (stage.records_in, stage.kept) == (totals.records_in, totals.kept)
        assert stage.dropped == sum(totals.dropped.values())
        assert stage.balanced
        steps = [
            manifest.totals
            for name, manifest in sample.run.manifests.items()
            if name.split(".")[0] == stage.stage
        ]
        assert stage.cpu_seconds == pytest.approx(sum(step.cpu_seconds for step in steps))
        assert stage.bytes_out == sum(step.bytes_out for step in steps)
        assert stage.peak_memory_bytes == max(step.peak_memory_bytes for step in steps)


def test_the_version_is_the_published_one(sample):
    figures = reporting.gather_figures(sample.run.recipe)
    core = open_version(dataset_folder(sample.run)).manifest.core
    assert (figures.version, figures.dataset_id) == (core.version, core.dataset_id)
    assert {split.split: split.tokens for split in figures.splits} == {
        split: facts.tokens for split, facts in core.splits.items()
    }
    assert figures.duplicates.removed == 2
    assert sum(count.records for count in figures.drops) == 4
    assert [(line.reason, line.records) for line in figures.quarantine] == [("bad_row", 2)]


def test_texts_are_shown_only_when_asked_for(sample):
    assert all(s.text is None for s in reporting.gather_figures(sample.run.recipe).samples)
    shown = reporting.gather_figures(sample.run.recipe, with_text=True).samples
    assert any(one.text for one in shown)


@pytest.mark.parametrize("last", ["collect", "measure", "deduplicate.sign", "decide.judge"])
def test_a_half_finished_run_shows_what_it_has(copied, last):
    steps = list(stage_samples.finish_run().run.manifests)
    for step in steps[steps.index(last) + 1 :]:
        (copied.output_path / "work" / step / MANIFEST_FILE).unlink()
    shutil.rmtree(copied.output_path / "work" / "publish")
    figures = reporting.gather_figures(copied)
    expected = [stage for stage, step in FUNNEL.items() if step in steps[: steps.index(last) + 1]]
    assert [stage.stage for stage in figures.stages] == expected
    assert figures.version is None and figures.splits == ()
    assert reporting.write_report(copied).exists()


def test_the_report_is_one_file_in_the_output_folder(copied):
    path = reporting.write_report(copied)
    page = path.read_text(encoding="utf-8")
    assert path == copied.output_path / "report.html"
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert "1.0.0" in page and "near_duplicate" in page
    for outside in ('src="http', "src='http", 'href="http://cdn', "<script src"):
        assert outside not in page
    first = path.read_bytes()
    assert reporting.write_report(copied).read_bytes() == first


def write_training(folder: Path, lines: int, torn: str = "", result: object = None) -> Path:
    folder.mkdir(parents=True)
    records = [json.dumps({"step": n, "loss": 9 - n / 100}) for n in range(1, lines + 1)]
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in records) + torn)
    if result is not None:
        (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_a_training_run_is_shown(sample, tmp_path):
    result = {
        "before": {"bits_per_byte": 8.0},
        "after": {"bits_per_byte": 2.5},
        "parameters": 1234,
    }
    folder = write_training(tmp_path / "training", 3, result=result)
    training = reporting.gather_figures(sample.run.recipe, folder).training
    assert training is not None
    assert (training.bits_per_byte_before, training.bits_per_byte_after) == (8.0, 2.5)
    assert training.parameters == 1234
    assert [(point.step, point.loss) for point in training.points] == [
        (1, 8.99),
        (2, 8.98),
        (3, 8.97),
    ]


@pytest.mark.parametrize("result", [None, {"before": None, "after": None}])
def test_a_training_run_in_flight_is_shown(sample, tmp_path, result):
    torn = '{"step": 3, "lo'
    folder = write_training(tmp_path / "training", 2, torn=torn, result=result)
    training = reporting.gather_figures(sample.run.recipe, folder).training
    assert training is not None and training.bits_per_byte_after is None
    assert [point.step for point in training.points] == [1, 2]


def test_a_long_curve_is_thinned(sample, tmp_path):
    folder = write_training(tmp_path / "training", 5000)
    training = reporting.gather_figures(sample.run.recipe, folder).training
    assert training is not None
    assert reporting.CURVE_POINTS <= len(training.points) <= 2 * reporting.CURVE_POINTS
    assert training.points[0].step == 1


def test_a_folder_without_training_says_so(sample, tmp_path):
    with pytest.raises(UsageError, match="holds no training run"):
        reporting.gather_figures(sample.run.recipe, tmp_path)
