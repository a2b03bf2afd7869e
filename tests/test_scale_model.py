"""The model's formulas, held against runs of growing size and against the code itself."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import banding, components
from gristmill.pipelines.engines.embedded import EmbeddedEngine
from gristmill.pipelines.engines.graph import Crew
from gristmill.pipelines.exchange import (
    count_partitions,
    encode_chunk,
    pick_partitions,
    read_chunks,
    write_exchange,
)
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.runs import run_stages
from gristmill.pipelines.scaling.constants import (
    Constants,
    fit_growth,
    read_constants,
    spread_costs,
)
from gristmill.pipelines.scaling.costs import PROFILES, Prices, price_steps
from gristmill.pipelines.scaling.limits import find_limits, round_down
from gristmill.pipelines.scaling.model import (
    Settings,
    StepLoad,
    Workload,
    count_occupied,
    fit_exponent,
    predict_steps,
)
from gristmill.pipelines.scaling.shapes import PARTITIONS, SHAPES
from gristmill.pipelines.workers import close_pools
from gristmill.schemas.ledger_records import UnitRecord
from gristmill.schemas.recipe import load_recipe

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import page_makers

RECIPE = """\
name: scale
sources: [{name: web, kind: commoncrawl, paths: ["in/*.warc.gz"]}]
cleaning: {languages: {en: 0.65}}
tokenizer: {vocab_size: 512, train_bytes: 200000}
publishing: {dataset: scale, shard_bytes: 4194304}
output: out
"""
SMALL, LARGE = (1_600, 4), (6_400, 16)  # pages, files
LIKE_A_CRAWL = Workload(documents=3_000_000_000, files=90_000)
#: Steps that take in every document, whatever they hold.
EXACT = ("collect", "measure", "deduplicate.sign", "decide.judge", "decide.apply")
#: Below this a table is mostly headers and chance.
LEAST_BYTES = 150_000


@dataclass(frozen=True)
class Runs:
    """Two finished runs, the constants of the smaller and what it says of the larger."""

    small: Run
    large: Run
    constants: Constants
    settings: Settings

    def predict(self, workload: Workload) -> dict[str, StepLoad]:
        return {load.step: load for load in predict_steps(self.constants, self.settings, workload)}


def run_pages(folder: Path, pages: int, files: int) -> Run:
    page_makers.make_pages(folder / "in", pages, files=files, processes=1)
    (folder / "scale.yaml").write_text(RECIPE)
    recipe = load_recipe(folder / "scale.yaml")
    return run_stages(recipe, EmbeddedEngine(Crew(1)).execute, Progress(quiet=True))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    small, large = (
        run_pages(tmp_path_factory.mktemp(f"pages-{pages}"), pages, files)
        for pages, files in (SMALL, LARGE)
    )
    close_pools()
    yield Runs(small, large, read_constants(small), Settings.of(small.recipe))


@pytest.fixture(scope="module")
def predicted(runs: Runs) -> dict[str, StepLoad]:
    return runs.predict(Workload(documents=LARGE[0], files=LARGE[1]))


def list_exchanges(run: Run, step: str) -> list[Path]:
    """Files of every exchange that a step takes in."""
    return [
        Path(path)
        for source, table in SHAPES[step].exchanges
        for _, _, path in run.pair_parts(source, table)
    ]


def test_units_and_files_of_a_larger_run_are_exact(runs, predicted):
    for step, manifest in runs.large.manifests.items():
        assert predicted[step].units == manifest.totals.units, step
        assert predicted[step].files == len(manifest.parts) + manifest.totals.units, step
    assert set(predicted) == {*runs.large.manifests, "publish"}


def test_records_of_a_larger_run(runs, predicted):
    for step, manifest in runs.large.manifests.items():
        found, meant = predicted[step].records, manifest.totals.records_in
        if step in EXACT:
            assert found == meant, step
        else:
            assert found == pytest.approx(meant, rel=0.15), step


def test_bytes_of_a_larger_run_are_within_15_percent(runs, predicted):
    looked_at = 0
    for step, manifest in runs.large.manifests.items():
        if manifest.totals.bytes_out > LEAST_BYTES:
            looked_at += 1
            written = predicted[step].bytes_written
            assert written == pytest.approx(manifest.totals.bytes_out, rel=0.15), step
    assert looked_at >= 8
    assert predicted["collect"].bytes_read == pytest.approx(
        runs.large.manifests["collect"].totals.bytes_in, rel=0.15
    )


def test_shuffle_bytes_of_a_larger_run_are_within_15_percent(runs, predicted):
    by_engine = runs.predict(Workload(documents=LARGE[0], files=LARGE[1], shuffles=True))
    looked_at = 0
    for step in SHAPES:
        paths = list_exchanges(runs.large, step)
        stored = sum(path.stat().st_size for path in paths)
        if stored < LEAST_BYTES:
            continue
        looked_at += 1
        assert predicted[step].shuffle_bytes == pytest.approx(stored, rel=0.15), step
        sent = sum(len(encode_chunk(rows)) for path in paths for _, rows in read_chunks(path))
        assert by_engine[step].shuffle_bytes == pytest.approx(sent, rel=0.15), step
    assert looked_at >= 3


def test_opened_files_are_those_that_the_code_opens(runs, predicted):
    documents, files = LARGE
    shards = predicted["decide.sort-curated"].units
    assert shards > 3  # else one partition would stand for many
    assert predicted["decide.sort-curated"].opens == shards * files
    partitions = count_partitions(documents, 200_000)
    assert predicted["deduplicate.link"].opens == partitions * 2 * files
    # Its own part, the components, and each partition's repeats.
    assert predicted["deduplicate.shingle"].opens == files + files * (1 + partitions)
    crawl = runs.predict(LIKE_A_CRAWL)
    assert crawl["deduplicate.verify"].opens == 1024 * 90_000
    assert runs.predict(LIKE_A_CRAWL.model_copy(update={"shuffles": True}))[
        "deduplicate.verify"
    ].opens == pytest.approx(90_000)


def test_edges_of_many_partitions_are_those_that_the_code_makes(runs):
    pieces = [
        rows
        for _, _, path in runs.large.pair_parts("deduplicate.sign", "exchange-keys")
        for _, rows in read_chunks(path)
    ]
    table = pa.concat_tables(pieces).combine_chunks()
    keys, ids = np.asarray(table["key"], np.uint64), table["doc_id"].combine_chunks()
    found = read_constants(runs.large).duplicates
    stars = found.stars_per_document * LARGE[0]
    for count in (1, 4, 64):
        partitions = pick_partitions(keys, count)
        edges = 0
        for partition in range(count):
            rows = np.flatnonzero(partitions == partition)
            left, right = banding.link_ids(keys[rows], ids.take(pa.array(rows)))
            edges += len(components.reduce_ids(left, right)[0])
        # Near copies meet under fewer keys than exact ones, so the mean is a little high.
        assert stars * count_occupied(found.keys_per_star, count) == pytest.approx(edges, rel=0.25)


def test_an_exchange_of_many_partitions_has_the_size_foretold(runs, tmp_path):
    rates = runs.constants.steps["deduplicate.sign"].tables["exchange-keys"]
    [path, *_] = [path for _, _, path in runs.large.pair_parts("deduplicate.sign", "exchange-keys")]
    [(_, rows)] = list(read_chunks(path))
    partitions = pick_partitions(np.asarray(rows["key"], np.uint64), 256)
    write_exchange(tmp_path / "cut.parquet", rows, partitions)
    chunks = count_occupied(rows.num_rows, 256)
    assert chunks == pytest.approx(len(np.unique(partitions)), rel=0.02)
    foretold = rates.file_bytes + rows.num_rows * rates.cut_row_bytes + chunks * rates.group_bytes
    assert foretold == pytest.approx((tmp_path / "cut.parquet").stat().st_size, rel=0.15)


@given(small=st.integers(1_000, 10**10), times=st.floats(1.0, 50.0), shuffles=st.booleans())
def test_more_documents_never_cost_less(runs, small, times, shuffles):
    few, many = (
        runs.predict(
            Workload(documents=count, files=max(1, count // 30_000), shuffles=shuffles)
        ).values()
        for count in (small, round(small * times))
    )
    for less, more in zip(few, many, strict=True):
        for name in ("records", "units", "files", "opens", "bytes_read", "bytes_written"):
            assert getattr(less, name) <= getattr(more, name) * (1 + 1e-9), (less.step, name)
        for end in ("low", "middle", "high"):
            assert getattr(less.cpu_seconds, end) <= getattr(more.cpu_seconds, end) * (1 + 1e-9)


@given(documents=st.integers(1_000, 10**10))
def test_no_document_is_lost_and_partitions_are_those_of_the_code(runs, documents):
    loads = runs.predict(Workload(documents=documents, files=max(1, documents // 30_000)))
    kept, lost = loads["decide.sort-curated"].records, loads["decide.sort-dropped"].records
    assert kept + lost == pytest.approx(loads["decide.apply"].records, abs=2)
    assert loads["tokenize.encode"].records == kept
    count = count_partitions(documents, 200_000)
    for step, shape in SHAPES.items():
        if shape.units == PARTITIONS:
            assert loads[step].units == count
    assert loads["decide.sort-dropped"].units == count_partitions(documents, 4_000_000)


def test_limits_say_what_breaks_and_where(runs):
    limits = find_limits(runs.constants, runs.settings, LIKE_A_CRAWL)
    assert [limit.breaks_at for limit in limits] == sorted(limit.breaks_at for limit in limits)
    broken = {(limit.step, limit.kind): limit for limit in limits}
    connect = broken["deduplicate.connect", "memory"]
    assert connect.breaks_at < LIKE_A_CRAWL.documents
    assert "one process holds all edges" in connect.reason
    below, above = (
        runs.predict(Workload(documents=round(connect.breaks_at * times), files=1_000))
        for times in (0.75, 1.1)
    )
    allowed = runs.settings.child_memory_bytes
    assert below["deduplicate.connect"].memory_bytes < allowed
    assert above["deduplicate.connect"].memory_bytes > allowed
    assert "square" in broken["deduplicate.shingle", "repeats"].reason
    assert "exchange file" in broken["deduplicate.verify", "repeats"].reason


def test_an_engine_with_a_shuffle_opens_no_exchange_file_twice(runs):
    size = LIKE_A_CRAWL.model_copy(update={"shuffles": True})
    limits = find_limits(runs.constants, runs.settings, size)
    assert not [limit for limit in limits if "exchange file" in limit.reason]
    assert [limit for limit in limits if "square" in limit.reason]


def test_the_most_copied_page_is_foretold_between_its_tail_and_its_share(runs):
    fitted, shared = (
        runs.predict(LIKE_A_CRAWL.model_copy(update={"hot_growth": growth}))["deduplicate.verify"]
        for growth in (None, 1.0)
    )
    largest = runs.constants.duplicates.largest_cluster
    times = LIKE_A_CRAWL.documents / runs.constants.documents
    assert fitted.largest_rows < shared.largest_rows
    fair = shared.records / shared.units
    assert shared.largest_rows == pytest.approx(fair + largest * times, rel=1e-6)


def test_prices_add_up_and_can_be_replaced(runs):
    steps = predict_steps(runs.constants, runs.settings, LIKE_A_CRAWL)
    local = price_steps(steps, PROFILES["local"], 100, Prices())
    assert local.shuffle_price == local.request_price == 0
    dearer = price_steps(steps, PROFILES["local"], 100, Prices(core_hour=0.08))
    assert dearer.compute_price == pytest.approx(2 * local.compute_price)
    assert dearer.price == pytest.approx(dearer.compute_price + dearer.storage_price)
    size = LIKE_A_CRAWL.model_copy(update={"shuffles": True})
    sent = predict_steps(runs.constants, runs.settings, size)
    cloud = price_steps(sent, PROFILES["dataflow"], 100, Prices(shuffled_gigabyte=1.0))
    assert cloud.shuffle_price == pytest.approx(sum(step.shuffle_bytes for step in sent) / 1e9)
    assert local.core_hours_low <= local.core_hours <= local.core_hours_high
    # Waiting for the one process of connect and publish, whatever the number of workers.
    many = price_steps(steps, PROFILES["local"], 10**9, Prices())
    assert many.wall_hours * 3600 > sum(step.sequential_seconds for step in steps)


def test_costs_are_spread_by_records_not_by_units():
    def record(number: int, records: int, seconds: float) -> UnitRecord:
        return UnitRecord(
            stage="s",
            unit_key=str(number),
            title=str(number),
            records_in=records,
            kept=records,
            cpu_seconds=seconds,
        )

    shards = [record(0, 1000, 1.0), record(1, 2, 1.0), record(2, 3, 1.0)]
    assert spread_costs(shards).middle == pytest.approx(0.001)
    assert spread_costs(shards[1:]).middle == pytest.approx(0.4)  # too few: the mean
    assert spread_costs([record(0, 0, 2.0)]).middle == 2.0


@pytest.mark.parametrize("tail", [1.5, 2.0, 4.0])
def test_a_tail_is_found_again(tail):
    sizes = np.random.default_rng(3).pareto(tail, 200_000) + 1
    assert fit_growth(np.round(sizes * 100).astype(np.int64)) == pytest.approx(1 / tail, rel=0.1)


def test_few_groups_tell_nothing_of_growth():
    assert fit_growth(np.array([5, 2, 2])) == 1.0
    assert fit_growth(np.full(50, 2)) == 0.0  # all alike: the largest stays as it is


@given(exponent=st.floats(0.0, 3.0), start=st.floats(0.1, 1e6))
def test_an_exponent_is_found_again(exponent, start):
    large = start * 4.0**exponent
    assert fit_exponent(start, large, (1_000, 4_000)) == pytest.approx(exponent, abs=1e-6)


def test_noise_has_no_exponent():
    assert fit_exponent(0.001, 0.004, (1_000, 4_000), least=0.05) == 0.0
    assert fit_exponent(0.0, 1.0, (1_000, 4_000)) == 0.0


@given(number=st.floats(10, 1e12))
def test_rounding_down_keeps_two_digits(number):
    rounded = round_down(number)
    assert rounded <= number < rounded * 1.1 + 1
    assert len(str(rounded).rstrip("0")) <= 2


@given(rows=st.integers(0, 10**7), exponent=st.integers(0, 10))
def test_occupied_partitions_are_no_more_than_there_are(rows, exponent):
    count = 1 << exponent
    occupied = count_occupied(rows, count)
    assert 0 <= occupied <= min(count, rows) * (1 + 1e-9)
