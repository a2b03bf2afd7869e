"""A crawl fetched from a server in trouble: the same bytes and records, at most twice the requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from crawl_server import CRAWL, CrawlServer, Trouble, make_crawl, serve_crawl
from mill_runs import call_command, digest_store
from object_servers import find_folder, serve_amazon
from stage_samples import QUIET

from gristmill.cleaning import warc_records
from gristmill.pipelines import http_requests
from gristmill.pipelines.downloads import hold_file
from gristmill.pipelines.inputs import InputFile, find_inputs
from gristmill.pipelines.sources.picked_records import iterate_slices
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.fates import Damaged
from gristmill.schemas.recipe import Recipe, load_recipe

TRANSFER = {"requests_per_second": None, "connections": 4, "timeout_seconds": 1.0}
SEEDS = (1, 2)
LISTS = {
    "warc": f"crawl-data/{CRAWL}/warc.paths.gz",
    "wet": f"crawl-data/{CRAWL}/wet.paths.gz",
    "wat": f"crawl-data/{CRAWL}/wat.paths.gz",
    "robotstxt": f"crawl-data/{CRAWL}/robotstxt.paths.gz",
    "news": "crawl-data/CC-NEWS/2024/05/warc.paths.gz",
}
TABLES = f"crawl-data/{CRAWL}/cc-index-table.paths.gz"
TEXTS = f"crawl-data/{CRAWL}/cc-index.paths.gz"


@pytest.fixture(scope="module")
def crawl() -> dict[str, bytes]:
    return make_crawl(files=24, pages=6)


@pytest.fixture(autouse=True)
def be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of milliseconds instead of seconds, in the order and number that they would have."""
    real = http_requests.pick_wait
    monkeypatch.setattr(http_requests, "pick_wait", lambda *given: real(*given) / 50)


def make_recipe(folder: Path, source: dict[str, object], **transfer: object) -> Recipe:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(
        yaml.safe_dump(
            {
                "name": "r",
                "sources": [{"name": "web", "kind": "commoncrawl", **source}],
                "transfer": {**TRANSFER, **transfer},
                "publishing": {"dataset": "r"},
                "output": "out",
            }
        )
    )
    return load_recipe(folder / "recipe.yaml")


def hold_params(recipe: Recipe, item: InputFile, folder: Path) -> dict[str, object]:
    return {
        "path": item.path,
        "bytes": item.bytes,
        "identity": item.sha256,
        "picks": item.picks,
        "transfer": recipe.transfer.model_dump(mode="json"),
        "pins": str(folder / "work" / "pins"),
        "document_bytes": 1 << 20,
    }


def read_files(recipe: Recipe, folder: Path) -> dict[str, bytes]:
    """Every input as its unit would have it, by the end of its name."""
    found = {}
    for item in find_inputs(recipe, folder / "work", QUIET):
        (folder / "unit").mkdir(exist_ok=True)
        with hold_file(hold_params(recipe, item, folder), folder / "unit") as held:
            found[item.name.partition("crawl-data/")[2]] = held.path.read_bytes()
    return found


Records = list[tuple[str, int, int, bytes]]


def read_picks(recipe: Recipe, folder: Path) -> Records:
    records = []
    for item in find_inputs(recipe, folder / "work", QUIET):
        (folder / "unit").mkdir(exist_ok=True)
        with hold_file(hold_params(recipe, item, folder), folder / "unit") as held:
            for record in iterate_slices(held.path, 1 << 20):
                assert not isinstance(record, Damaged), record
                records.append((item.name, record.offset, record.length, record.payload))
        assert not list((folder / "unit").iterdir())
    return records


def read_all(crawl: dict[str, bytes], tmp_path: Path) -> Iterator[tuple[str, int, int, bytes]]:
    for name in sorted(crawl):
        if "/warc/" in name and name.endswith(".warc.gz"):
            (tmp_path / "one").write_bytes(crawl[name])
            with (tmp_path / "one").open("rb") as stream:
                for record in warc_records.iterate(stream):
                    assert isinstance(record, warc_records.WarcRecord)
                    if record.record_type == "response":
                        yield name, record.offset, record.length, record.payload


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_files_from_a_server_in_trouble_are_the_same(tmp_path, crawl, seed, keep):
    def fetch(server: CrawlServer, folder: Path) -> dict[str, bytes]:
        paths = [f"{server.base_url}/{path}" for path in LISTS.values()]
        return read_files(make_recipe(folder, {"paths": paths}, keep=keep), folder)

    with serve_crawl(crawl) as calm:
        plain = fetch(calm, tmp_path / "calm")
    with serve_crawl(crawl, Trouble(seed)) as troubled:
        found = fetch(troubled, tmp_path / "troubled")
    assert (
        plain
        == found
        == {
            name.partition("crawl-data/")[2]: content
            for name, content in crawl.items()
            if "/segments/" in name or "/CC-NEWS-" in name
        }
    )
    assert sum(troubled.troubles.values()) >= 10
    assert len(troubled.asked) <= 2 * len(calm.asked)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("index", [TABLES, TEXTS])
def test_picks_from_a_server_in_trouble_are_the_same(tmp_path, crawl, seed, index):
    def fetch(server: CrawlServer, folder: Path) -> Records:
        selection = {"index": [f"{server.base_url}/{index}"], "status": []}
        return read_picks(make_recipe(folder, {"selection": selection}), folder)

    with serve_crawl(crawl) as calm:
        plain = fetch(calm, tmp_path / "calm")
    with serve_crawl(crawl, Trouble(seed)) as troubled:
        found = fetch(troubled, tmp_path / "troubled")
    assert plain == found == list(read_all(crawl, tmp_path))
    assert sum(troubled.troubles.values()) >= 10
    assert len(troubled.asked) <= 2 * len(calm.asked)


def test_a_crawl_in_a_store_is_read_by_lists_and_by_picks(tmp_path, crawl):
    with serve_amazon() as server:
        folder = find_folder(server, "mirror")
        for name, content in crawl.items():
            write_whole(folder / name, content)
        paths = {"paths": [f"{folder}/{LISTS['warc']}"], "files_per_list": 3}
        files = read_files(make_recipe(tmp_path / "files", paths), tmp_path / "files")
        selection = {"index": [f"{folder}/{TABLES}"], "status": []}
        recipe = make_recipe(tmp_path / "picks", {"selection": selection})
        picks = read_picks(recipe, tmp_path / "picks")
    assert len(files) == 3
    assert all(content == crawl[f"crawl-data/{name}"] for name, content in files.items())
    assert picks == list(read_all(crawl, tmp_path))


def write_run(folder: Path, server: CrawlServer) -> Path:
    """A recipe of both ways: whole files, fetched by their units, and picked records."""
    selection = {"index": [f"{server.base_url}/{TEXTS}"], "limit": 60}
    recipe = {
        "name": "r",
        "sources": [
            {
                "name": "whole",
                "kind": "commoncrawl",
                "paths": [f"{server.base_url}/{LISTS['warc']}"],
                "files_per_list": 6,
                "extractor": "resiliparse",
            },
            {
                "name": "picked",
                "kind": "commoncrawl",
                "selection": selection,
                "extractor": "resiliparse",
            },
        ],
        "transfer": {**TRANSFER, "keep": False},
        "cleaning": {"rule_tables": [], "line_rule": None, "redact": []},
        "splits": {"validation": 0, "test": 0},
        "tokenizer": {"vocab_size": 300},
        "packing": {"sequence_length": 16},
        "publishing": {"dataset": "r"},
        "output": "out",
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


def test_a_run_from_a_server_in_trouble_publishes_the_same(tmp_path, crawl):
    with serve_crawl(crawl) as server:
        recipe = write_run(tmp_path, server)
        calm = call_command("run", recipe, "--workers", "2", "--output", tmp_path / "calm")
        assert calm.code == 0, calm.err
        asked = len(server.asked)
        server.get_into_trouble(Trouble(5))
        found = call_command("run", recipe, "--workers", "2", "--output", tmp_path / "troubled")
        assert found.code == 0, found.err
    assert found.out == calm.out and found.out
    stores = [digest_store(tmp_path / name / "store") for name in ("calm", "troubled")]
    assert stores[0] == stores[1]
    assert sum(server.troubles.values()) >= 10
    assert len(server.asked) <= 2 * asked
