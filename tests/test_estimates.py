"""Estimates: which files are sampled, and what their cost says of all of them."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import serve

from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.pipelines.engines.graph import Crew
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.scaling import samples
from gristmill.pipelines.scaling.costs import Prices
from gristmill.pipelines.scaling.estimates import Estimate, Forecast, estimate_recipe
from gristmill.pipelines.scaling.samples import choose_files
from gristmill.pipelines.scaling.tables import render_estimate
from gristmill.pipelines.workers import close_pools
from gristmill.schemas.errors import UsageError
from gristmill.schemas.recipe import Recipe, load_recipe

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))


import page_makers

PAGES, FILES = 600, 6
RECIPE = """\
name: guessed
sources:
  - {{name: web, kind: commoncrawl, paths: [{paths}]}}
cleaning: {{languages: {{en: 0.65}}}}
tokenizer: {{vocab_size: 400}}
publishing: {{dataset: guessed}}
output: out
"""


def read_recipe(folder: Path, *paths: str) -> Recipe:
    path = folder / "guessed.yaml"
    path.write_text(RECIPE.format(paths=", ".join(f'"{path}"' for path in paths)))
    return load_recipe(path)


def guess(recipe: Recipe, units: int, forecast: Forecast | None = None) -> Estimate:
    return estimate_recipe(
        recipe,
        execute=EmbeddedEngine(Crew(1)).execute,
        progress=Progress(quiet=True),
        sample_units=units,
        forecast=forecast,
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("guessed")
    page_makers.make_pages(folder / "in", PAGES, files=FILES, processes=1)
    yield folder
    close_pools()


@pytest.fixture(scope="module")
def estimate(pages: Path) -> Estimate:
    return guess(read_recipe(pages, "in/*.warc.gz"), 2, Forecast(workers=4))


def test_a_sample_stands_for_all_files(pages, estimate):
    assert [file.name for file in estimate.sampled] == [
        str(pages / "in" / f"made-0000{number}.warc.gz") for number in (1, 4)
    ]
    assert estimate.files == FILES
    on_disk = sum(path.stat().st_size for path in (pages / "in").iterdir())
    assert estimate.input_bytes == on_disk
    assert estimate.documents == pytest.approx(PAGES, rel=0.1)
    assert estimate.documents_low <= estimate.documents <= estimate.documents_high
    assert {cost.engine for cost in estimate.costs} == {"local", "spark", "flink", "dataflow"}
    assert all(cost.price > 0 for cost in estimate.costs)
    assert any("not sampled" in note for note in estimate.notes)


def test_an_estimate_leaves_nothing_where_the_run_will_be(pages, estimate):
    assert estimate.sampled
    assert sorted(path.name for path in pages.iterdir()) == ["guessed.yaml", "in"]


def test_an_estimate_survives_json(estimate):
    assert Estimate.model_validate_json(estimate.model_dump_json()) == estimate


def test_a_person_reads_steps_engines_and_limits(estimate):
    lines = render_estimate(estimate).splitlines()
    first_words = [line.split()[0] for line in lines if line.strip()]
    assert {"collect", "deduplicate.connect", "publish", "local", "dataflow"} <= set(first_words)
    assert f"{estimate.documents:,} documents" in lines[0]
    assert not [line for line in lines if line.startswith("!")]  # 600 pages break nothing
    assert any("deduplicate.connect, memory" in line for line in lines)


def test_a_forecast_of_a_crawl_names_what_breaks(pages):
    forecast = Forecast(
        documents=3_000_000_000, engines=("local",), workers=100, prices=Prices(core_hour=1.0)
    )
    estimate = guess(read_recipe(pages, "in/*.warc.gz"), FILES, forecast)
    assert estimate.documents == 3_000_000_000
    assert estimate.files == 3_000_000_000 // (PAGES // FILES)  # as many to a file as there are
    assert not any("not sampled" in note for note in estimate.notes)
    assert next(step for step in estimate.steps if step.step == "collect").records == 3_000_000_000
    [cost] = estimate.costs
    assert cost.compute_price == pytest.approx(cost.wall_hours * 100)
    marked = [line for line in render_estimate(estimate).splitlines() if line.startswith("!")]
    assert any("deduplicate.connect, memory" in line for line in marked)


def test_only_sampled_files_are_downloaded(pages, tmp_path):
    body = (pages / "in" / "made-00000.warc.gz").read_bytes()
    with serve([(200, {"Content-Length": str(len(body))}, body)]) as (base, asked):
        names = [f"{base}/part-{number}.warc.gz" for number in range(5)]
        estimate = guess(read_recipe(tmp_path, *names), 1)
    assert asked == ["/part-2.warc.gz"]
    assert estimate.input_bytes == 5 * len(body)
    assert estimate.documents == 5 * PAGES // FILES


def test_of_a_large_file_only_ranges_are_run(pages, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "RANGE_BYTES", 1 << 14)
    whole = tmp_path / "whole.warc.gz"
    whole.write_bytes(b"".join(file.read_bytes() for file in sorted((pages / "in").iterdir())))
    size = whole.stat().st_size
    assert size > 8 << 14
    estimate = guess(read_recipe(tmp_path, str(whole)), 1)
    [sampled] = estimate.sampled
    assert 1 << 14 <= sampled.bytes < 2 << 14
    assert 0 < sampled.documents < PAGES / 3
    assert (estimate.files, estimate.input_bytes) == (1, size)
    assert estimate.documents == pytest.approx(PAGES, rel=0.3)


def test_every_stage_says_what_it_reads_writes_and_costs(estimate):
    assert [stage.stage for stage in estimate.stages] == [
        "collect", "measure", "deduplicate", "decide", "tokenize", "publish",
    ]  # fmt: skip
    for stage in estimate.stages:
        for band in (stage.bytes_in, stage.bytes_out, stage.core_hours):
            assert 0 <= band.low <= band.middle <= band.high
    middle = sum(stage.core_hours.middle for stage in estimate.stages)
    [local] = [cost for cost in estimate.costs if cost.engine == "local"]
    assert middle <= local.core_hours * 1.01


def test_a_sample_without_documents_is_refused(tmp_path):
    page_makers.make_pages(tmp_path / "in", 0, files=1, processes=1)
    with pytest.raises(UsageError, match="none of the sampled files holds a document"):
        guess(read_recipe(tmp_path, "in/*.warc.gz"), 1)


@pytest.mark.parametrize(
    ("units", "forecast", "flag"),
    [
        (0, Forecast(), "--sample"),
        (1, Forecast(documents=0), "--documents"),
        (1, Forecast(workers=0), "--workers"),
    ],
)
def test_requests_without_sense_are_refused(pages, units, forecast, flag):
    with pytest.raises(UsageError, match=flag):
        guess(read_recipe(pages, "in/*.warc.gz"), units, forecast)


@given(
    counts=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    units=st.integers(1, 300),
)
def test_files_are_chosen_evenly_from_every_source(counts, units):
    listed = {
        f"s{source}": [(f"{number:03d}", f"/{number}") for number in range(count)]
        for source, count in enumerate(counts)
    }
    chosen = choose_files(listed, units)
    assert list(chosen) == list(listed)
    for source, files in chosen.items():
        assert 1 <= len(files) <= len(listed[source])
        assert sorted(set(files)) == files
        places = [listed[source].index(file) for file in files]
        fair = len(listed[source]) / len(files)
        gaps = [after - before for before, after in itertools.pairwise(places)]
        assert all(abs(gap - fair) <= 1 for gap in gaps)
        assert places[0] >= fair / 2 - 1  # not the first ones, unless all are
