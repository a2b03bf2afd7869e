"""Finding inputs: globs, downloads from a loopback server, damage and retries."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
from crawl_server import serve_crawl
from object_servers import find_folder, serve_amazon

from gristmill.pipelines import http_requests, input_lists, inputs
from gristmill.pipelines.hub_files import HubAddress
from gristmill.pipelines.progress import Progress
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.recipe import load_recipe

QUIET = Progress(quiet=True)
RECIPE = """
name: r
sources:
  - {{name: web, kind: commoncrawl, paths: [{paths}]}}
publishing: {{dataset: r}}
output: out
"""


def make_recipe(folder: Path, *paths: str):
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(paths=", ".join(f'"{item}"' for item in paths)))
    return load_recipe(path)


@contextlib.contextmanager
def serve(answers: list[loopback.Answer]) -> Iterator[tuple[str, list[str]]]:
    """Serve a file whose URL carries a secret."""
    with loopback.serve(answers) as (base_url, asked):
        yield f"{base_url}/a/part.warc.gz?token=secret", asked


def test_globs_are_sorted_and_named_relative_to_the_recipe(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.warc.gz", "a.warc.gz"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    recipe = make_recipe(tmp_path, "in/*.gz", "in/a.warc.gz")
    found = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    assert [item.name for item in found] == ["in/a.warc.gz", "in/b.warc.gz"]
    assert found[0].bytes == 9 and len(found[0].sha256) == 64


def test_a_glob_that_matches_nothing_says_where_it_looked(tmp_path):
    recipe = make_recipe(tmp_path, "in/*.gz")
    with pytest.raises(UsageError, match=r"'web': 'in/\*\.gz' matches no file"):
        inputs.find_inputs(recipe, tmp_path / "cache", QUIET)


def test_changed_content_changes_the_digest(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(b"one")
    recipe = make_recipe(tmp_path, "a.gz")
    [first] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    path.write_bytes(b"other")
    [second] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    assert first.sha256 != second.sha256


def test_a_download_is_made_once(tmp_path):
    body = b"x" * 3000
    with serve([(200, {"content-length": "3000"}, body)]) as (url, asked):
        recipe = make_recipe(tmp_path, url)
        [first] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
        [again] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    assert Path(first.path).read_bytes() == body
    assert first == again and len(asked) == 1


def test_a_busy_server_is_asked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
    answers = [
        (503, {"retry-after": "0"}, b""),
        (429, {}, b""),
        (200, {"content-length": "4"}, b"data"),
    ]
    with serve(answers) as (url, asked):
        [found] = inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)
    assert len(asked) == 3 and Path(found.path).read_bytes() == b"data"


def test_a_short_body_is_never_taken_for_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
    answers = [(200, {"content-length": "10"}, b"half"), (200, {"content-length": "4"}, b"full")]
    with serve(answers) as (url, _):
        [found] = inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)
    assert Path(found.path).read_bytes() == b"full"


def test_a_missing_file_is_one_sentence_without_secrets(tmp_path):
    with (
        serve([(404, {}, b"")]) as (url, asked),
        pytest.raises(InputError, match=r"part\.warc\.gz: HTTP 404") as error,
    ):
        inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)
    assert "secret" not in str(error.value) and len(asked) == 1
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_a_dead_server_ends_in_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(http_requests, "pick_wait", lambda error, attempt: 0.0)
    with serve([(200, {}, b"")]) as (url, _):
        pass
    with pytest.raises(InputError, match="after 6 tries"):
        inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)


def make_source(folder: Path, source: str):
    path = folder / "recipe.yaml"
    path.write_text(f"name: r\nsources:\n  - {source}\npublishing: {{dataset: r}}\noutput: out\n")
    return load_recipe(path)


@pytest.mark.parametrize("hidden", ["false", "true"])
def test_a_folder_of_texts_stands_for_the_files_in_it(tmp_path, hidden):
    for name in ("texts/b.txt", "texts/c/a.txt", "texts/.git/x", "texts/.y", "d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    recipe = make_source(
        tmp_path, f"{{name: t, kind: text, hidden: {hidden}, paths: [texts, d.txt, texts/b.txt]}}"
    )
    found = [item.name for item in inputs.find_inputs(recipe, tmp_path / "cache", QUIET)]
    seen = ["d.txt", "texts/b.txt", "texts/c/a.txt"]
    assert found == (sorted([*seen, "texts/.git/x", "texts/.y"]) if hidden == "true" else seen)


DUMP = b"<mediawiki/>"
SUMS = f"{hashlib.sha1(DUMP).hexdigest()}  xwiki-20240501-pages-articles.xml\n".encode()
NAME = "xwiki-20240501-pages-articles.xml"
SUMS_NAME = "xwiki-20240501-sha1sums.txt"


@pytest.mark.parametrize("check", [True, False])
def test_a_dump_on_disk_is_compared_with_the_sums_beside_it(tmp_path, check):
    (tmp_path / NAME).write_bytes(DUMP)
    (tmp_path / SUMS_NAME).write_bytes(SUMS)
    listed = f"{{name: w, kind: wikipedia, check_sums: {str(check).lower()}, paths: [{NAME}]}}"
    recipe = make_source(tmp_path, listed)
    inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    (tmp_path / SUMS_NAME).write_bytes(SUMS.replace(SUMS[:4], b"0000"))
    inputs.find_inputs(recipe, tmp_path / "cache", QUIET)  # a file is compared once
    (tmp_path / NAME).write_bytes(DUMP + b"\n")
    if check:
        with pytest.raises(InputError, match="sha1"):
            inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    else:
        inputs.find_inputs(recipe, tmp_path / "cache", QUIET)


def test_a_downloaded_dump_is_compared_with_the_sums_at_its_address(tmp_path):
    with serve_crawl({f"d/{NAME}": DUMP, f"d/{SUMS_NAME}": SUMS}) as server:
        recipe = make_source(
            tmp_path, f"{{name: w, kind: wikipedia, paths: ['{server.base_url}/d/{NAME}']}}"
        )
        [found] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
        assert Path(found.path).read_bytes() == DUMP
        assert f"/d/{SUMS_NAME}" in [path for _, path, _ in server.asked]
        asked = len(server.asked)
        inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
        assert len(server.asked) == asked
    with serve_crawl({f"d/{NAME}": DUMP[:-1], f"d/{SUMS_NAME}": SUMS}) as server:
        recipe = make_source(
            tmp_path, f"{{name: w, kind: wikipedia, paths: ['{server.base_url}/d/{NAME}']}}"
        )
        with pytest.raises(InputError, match=f"{NAME} has sha1"):
            inputs.find_inputs(recipe, tmp_path / "other", QUIET)


def test_files_of_the_hub_are_fetched_to_a_disk_or_not_at_all(tmp_path, monkeypatch):
    address = HubAddress("owner/name", "0" * 40, "data/a.jsonl")
    (tmp_path / "copy").write_bytes(b"{}")
    monkeypatch.setattr(
        input_lists, "list_hub_files", lambda source, folder: [("owner/name/data/a.jsonl", address)]
    )
    monkeypatch.setattr(
        inputs, "fetch_hub_file", lambda asked, folder: {address: tmp_path / "copy"}[asked]
    )
    recipe = make_source(tmp_path, "{name: h, kind: huggingface, repo: owner/name}")
    [found] = inputs.find_inputs(recipe, tmp_path / "cache", QUIET)
    assert (found.name, found.path) == ("owner/name/data/a.jsonl", str(tmp_path / "copy"))
    assert list(inputs.list_paths(recipe, recipe.sources[0])) == [(found.name, str(address))]
    with serve_amazon() as server, pytest.raises(UsageError, match="an output on a local disk"):
        inputs.find_inputs(recipe, find_folder(server, "far"), QUIET)
