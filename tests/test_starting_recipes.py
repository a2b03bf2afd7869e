"""`gristmill init`: shipped recipes that load, filled from a server that may be anything."""

import gzip
import socket
import time

import loopback
import pytest
import yaml

from gristmill.pipelines import http_requests, path_lists, starting_recipes
from gristmill.pipelines.recipe_checks import load_checked
from gristmill.schemas.errors import InputError, UsageError

CRAWL = "CC-MAIN-2024-22"
PATHS = [f"crawl-data/{CRAWL}/segments/1/warc/CC-MAIN-{n:05d}.warc.gz" for n in range(4)]


def write(base_url: str, files: int = 1, crawl: str = CRAWL) -> str:
    return starting_recipes.write_recipe("commoncrawl", crawl, base_url=base_url, files=files)


@pytest.mark.parametrize("name", starting_recipes.list_recipes())
def test_every_shipped_recipe_loads_and_says_how_to_run_it(tmp_path, name):
    text = starting_recipes.write_recipe(name, None, base_url=None, files=1)
    assert text == starting_recipes.read_recipe(name)
    (tmp_path / f"{name}.yaml").write_text(text)
    recipe = load_checked(tmp_path / f"{name}.yaml")
    assert recipe.sources[0].kind == name
    assert f"gristmill run {name}.yaml" in text


def test_the_shipped_recipes_are_these():
    assert starting_recipes.list_recipes() == ["commoncrawl", "openwebtext", "wikipedia"]


@pytest.mark.parametrize("name", ["nothing", "", "../cli", "commoncrawl.yaml"])
def test_an_unknown_recipe_lists_those_that_exist(name):
    with pytest.raises(UsageError, match="commoncrawl, openwebtext, wikipedia"):
        starting_recipes.read_recipe(name)


@pytest.mark.parametrize("files", [1, 3, 99])
def test_a_crawl_is_filled_in(tmp_path, files):
    listing = gzip.compress("".join(f"{path}\n" for path in PATHS).encode())
    with loopback.serve([(200, {}, listing)]) as (url, asked):
        text = write(url, files)
    assert asked == [f"/crawl-data/{CRAWL}/warc.paths.gz"]
    (tmp_path / "recipe.yaml").write_text(text)
    [source] = load_checked(tmp_path / "recipe.yaml").sources
    assert list(source.paths) == [f"{url}/{path}" for path in PATHS[:files]]
    shipped = yaml.safe_load(starting_recipes.read_recipe("commoncrawl"))
    filled = yaml.safe_load(text)
    filled["sources"][0]["paths"] = shipped["sources"][0]["paths"]
    assert filled == shipped  # nothing else changes


def test_a_wiki_is_filled_in_without_asking_anyone(tmp_path):
    text = starting_recipes.write_recipe("wikipedia", "dewiki", base_url=None, files=1)
    (tmp_path / "recipe.yaml").write_text(text)
    [source] = load_checked(tmp_path / "recipe.yaml").sources
    [path] = source.paths
    assert path == (
        "https://dumps.wikimedia.org/dewiki/latest/dewiki-latest-pages-articles.xml.bz2"
    )


@pytest.mark.parametrize(
    ("kind", "release"),
    [
        ("commoncrawl", "enwiki"),
        ("commoncrawl", "CC-MAIN-2024-22/../.."),
        ("commoncrawl", "CC-MAIN-2024-22\n"),
        ("commoncrawl", "CC-NEWS-2024-13"),
        ("commoncrawl", "CC-NEWS-2024-05/.."),
        ("wikipedia", "CC-MAIN-2024-22"),
        ("wikipedia", "wiki"),
        ("wikipedia", "../enwiki"),
        ("openwebtext", "anything"),
        ("nothing", "enwiki"),
    ],
)
def test_a_release_of_another_kind_is_refused_without_asking(kind, release):
    with pytest.raises(UsageError):
        starting_recipes.write_recipe(kind, release, base_url="http://127.0.0.1:1", files=1)


@pytest.mark.parametrize("files", [0, -1])
def test_no_files_are_refused(files):
    with pytest.raises(UsageError, match="--files must be at least 1"):
        write("http://127.0.0.1:1", files)


LISTING = gzip.compress(b"a.warc.gz\n" * 5)
ODD = {
    "no gzip": b"<html>not found</html>",
    "empty": b"",
    "cut": LISTING[:-9],
    "damaged": LISTING[:12] + bytes([LISTING[12] ^ 255]) + LISTING[13:],
    "no ascii": gzip.compress("ü.warc.gz".encode()),
    "no paths": gzip.compress(b"\n\n"),
    "quotes": gzip.compress(b'a"\\n-x\n'),
    "markup": gzip.compress(b"<html><body>busy</body></html>"),
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_what_is_no_list_of_files_is_an_error(body):
    with (
        loopback.serve([(200, {}, body)]) as (url, _),
        pytest.raises(InputError, match=r"warc\.paths\.gz"),
    ):
        write(url)


def test_a_bomb_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(path_lists, "MAX_LIST_BYTES", 1 << 20)
    bomb = gzip.compress(b"a\n" * (8 << 20))
    with (
        loopback.serve([(200, {}, bomb)]) as (url, _),
        pytest.raises(InputError, match="over 1048576 decoded bytes"),
    ):
        write(url)


def test_an_endless_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(starting_recipes, "MAX_LIST_BYTES", 1 << 20)
    with (
        loopback.serve([(200, {}, bytes(3 << 20))]) as (url, _),
        pytest.raises(InputError, match="over 1048576 bytes"),
    ):
        write(url)


@pytest.mark.parametrize("status", [301, 403, 404, 500, 503])
def test_another_answer_is_an_error(status, monkeypatch):
    monkeypatch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
    with (
        loopback.serve([(status, {"Location": "http://127.0.0.1:1/"}, b"")]) as (url, asked),
        pytest.raises(InputError, match=str(status)),
    ):
        write(url)
    # Redirects to other servers lead nowhere; what may pass is tried again, a little.
    assert len(asked) == (starting_recipes.TRANSFER.tries if status >= 500 else 1)


def test_without_a_network_it_says_what_to_do_soon():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    start = time.monotonic()
    with pytest.raises(InputError, match="set `paths` in the recipe by hand"):
        write(f"http://127.0.0.1:{port}")
    assert time.monotonic() - start < 5


def test_a_silent_server_does_not_hang_it(monkeypatch):
    shipped = starting_recipes.TRANSFER
    assert shipped.timeout_seconds * shipped.tries <= 20
    quick = shipped.model_copy(update={"timeout_seconds": 0.1})
    monkeypatch.setattr(starting_recipes, "TRANSFER", quick)
    monkeypatch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(InputError, match=r"warc\.paths\.gz"):
            write(f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - start < 5


def test_a_month_of_the_news_crawl_is_filled_in(tmp_path):
    name = "crawl-data/CC-NEWS/2024/05/CC-NEWS-20240501003513-01567.warc.gz"
    with loopback.serve([(200, {}, gzip.compress(f"{name}\n".encode()))]) as (url, asked):
        text = write(url, 2, "CC-NEWS-2024-05")
    assert asked == ["/crawl-data/CC-NEWS/2024/05/warc.paths.gz"]
    (tmp_path / "recipe.yaml").write_text(text)
    [source] = load_checked(tmp_path / "recipe.yaml").sources
    assert list(source.paths) == [f"{url}/{name}"]
