"""Selection by index as a run does it: units, what is kept, and what comes of a second try."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from crawl_server import CRAWL, CrawlServer, make_crawl, serve_crawl
from hypothesis import given
from hypothesis import strategies as st
from stage_samples import QUIET
from test_crawl_fetching import make_recipe

from gristmill.pipelines import index_picks
from gristmill.pipelines.index_picks import cut_rows
from gristmill.pipelines.inputs import find_inputs, list_paths
from gristmill.schemas.errors import InputError, UsageError

TABLES = f"crawl-data/{CRAWL}/cc-index-table.paths.gz"


@pytest.fixture(scope="module")
def crawl() -> dict[str, bytes]:
    return make_crawl(files=3, pages=8)


@pytest.fixture
def server(crawl: dict[str, bytes]) -> Iterator[CrawlServer]:
    with serve_crawl(crawl) as running:
        yield running


def select(server: CrawlServer, folder: Path, **selection: object):
    selection = {"index": [f"{server.base_url}/{TABLES}"], **selection}
    return make_recipe(folder, {"selection": selection})


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), min_size=1, max_size=60).map(sorted),
    st.integers(1, 10),
    st.integers(1, 200),
)
def test_units_are_of_one_file_and_not_too_large(picks, unit_rows, unit_bytes):
    files = np.array([file for file, _ in picks], np.int64)
    lengths = np.array([length for _, length in picks], np.int64)
    cuts = cut_rows(files, lengths, unit_rows=unit_rows, unit_bytes=unit_bytes)
    assert cuts[0] == 0 and cuts[-1] == len(picks) and cuts == sorted(set(cuts))
    for first, last in itertools.pairwise(cuts):
        held = picks[first:last]
        assert len({file for file, _ in held}) == 1 and len(held) <= unit_rows
        size = sum(length for _, length in held)
        assert size <= unit_bytes or len(held) == 1
        if last < len(picks) and picks[last][0] == held[0][0]:  # cut for no other reason
            assert len(held) == unit_rows or size + picks[last][1] > unit_bytes


def test_a_unit_is_picks_of_one_file(tmp_path, server, crawl):
    found = find_inputs(select(server, tmp_path, status=[]), tmp_path / "work", QUIET)
    names = sorted(name for name in crawl if "/warc/" in name and name.endswith(".warc.gz"))
    assert [item.name for item in found] == names
    assert [item.path for item in found] == [f"{server.base_url}/{name}" for name in names]
    assert [item.picks[1:] for item in found if item.picks] == [(0, 8), (8, 8), (16, 8)]
    assert len({item.sha256 for item in found}) == len({item.title for item in found}) == 3
    assert all(item.bytes < len(crawl[item.name]) for item in found)


def test_an_index_is_read_once(tmp_path, server):
    recipe = select(server, tmp_path)
    first = find_inputs(recipe, tmp_path / "work", QUIET)
    server.asked.clear()
    assert find_inputs(recipe, tmp_path / "work", QUIET) == first
    # The list, and which version of its two tables the server has.
    assert sorted(method for method, _, _ in server.asked) == ["GET", "HEAD", "HEAD"]


def test_a_run_that_was_killed_goes_on_with_the_next_index(tmp_path, server, monkeypatch):
    selection = {"index": [f"{server.base_url}/{TABLES}"]}
    recipe = make_recipe(tmp_path, {"selection": selection}, connections=1)
    real, calls = index_picks.select_index, []

    def fail_second(path, *rest):
        calls.append(path)
        if len(calls) == 2:
            raise InputError("cut off")
        return real(path, *rest)

    monkeypatch.setattr(index_picks, "select_index", fail_second)
    with pytest.raises(InputError, match="cut off"):
        find_inputs(recipe, tmp_path / "work", QUIET)
    find_inputs(recipe, tmp_path / "work", QUIET)
    assert len(calls) == 3 and len(set(calls)) == 2


def test_other_picks_are_other_units(tmp_path, server):
    def identify(**selection: object) -> set[str]:
        recipe = select(server, tmp_path, **selection)
        return {item.sha256 for item in find_inputs(recipe, tmp_path / "work", QUIET)}

    whole = identify()
    assert identify(limit=10_000) == whole  # the same picks are the same units
    some = identify(languages=["deu"])
    assert some and not some & whole


def test_a_limit_holds_for_all_indexes_together(tmp_path, server):
    found = find_inputs(select(server, tmp_path, limit=5), tmp_path / "work", QUIET)
    assert sum(item.picks[2] for item in found if item.picks) == 5


def test_a_plan_lists_the_tables_of_the_right_subset(tmp_path, server):
    recipe = select(server, tmp_path)
    names = [name for name, _ in list_paths(recipe, recipe.sources[0])]
    assert len(names) == 2 and all("/subset=warc/part-" in name for name in names)


@pytest.mark.parametrize("base", [None, "", "{mirror}"])
def test_an_index_on_disk_names_files_next_to_it_or_where_the_recipe_says(tmp_path, crawl, base):
    for name, content in crawl.items():
        path = tmp_path / "mirror" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    index = f"mirror/cc-index/table/cc-main/warc/crawl={CRAWL}/subset=warc/*.parquet"
    if base is not None:
        index = "tables/*.parquet"
        (tmp_path / "tables").symlink_to(
            next((tmp_path / "mirror").rglob("subset=warc")), target_is_directory=True
        )
        base = "mirror/" if not base else base.format(mirror=tmp_path / "mirror")
    recipe = make_recipe(tmp_path, {"selection": {"index": [index]}, "base": base})
    found = find_inputs(recipe, tmp_path / "work", QUIET)
    assert found and all(Path(item.path).is_file() for item in found)


def test_without_a_base_it_says_what_to_do(tmp_path, crawl):
    [text] = [name for name in crawl if name.endswith("cdx-00000.gz")]
    (tmp_path / "index.cdxj.gz").write_bytes(crawl[text])
    recipe = make_recipe(tmp_path, {"selection": {"index": ["index.cdxj.gz"]}})
    with pytest.raises(UsageError, match="`base`"):
        find_inputs(recipe, tmp_path / "work", QUIET)


def test_a_selection_of_nothing_is_said(tmp_path, server):
    recipe = select(server, tmp_path, hosts=["nobody.example"])
    with pytest.raises(InputError, match="matches no record"):
        find_inputs(recipe, tmp_path / "work", QUIET)
    recipe = make_recipe(tmp_path, {"selection": {"index": ["none/*.parquet"]}})
    with pytest.raises(UsageError, match="matches nothing"):
        find_inputs(recipe, tmp_path / "work", QUIET)
