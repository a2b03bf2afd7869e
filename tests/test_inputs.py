"""Finding inputs: globs, downloads from a loopback server, damage and retries."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest

from gristmill.pipelines import downloads, inputs
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
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)
    answers = [(503, {"retry-after": "0"}, b""), (429, {}, b""), (200, {}, b"data")]
    with serve(answers) as (url, asked):
        [found] = inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)
    assert len(asked) == 3 and Path(found.path).read_bytes() == b"data"


def test_a_short_body_is_never_taken_for_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)
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
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)
    with serve([(200, {}, b"")]) as (url, _):
        pass
    with pytest.raises(InputError, match="after 6 tries"):
        inputs.find_inputs(make_recipe(tmp_path, url), tmp_path / "cache", QUIET)
