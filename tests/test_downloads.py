"""Inputs that lie elsewhere: identified from afar, fetched whole by the unit that reads them."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
import stage_samples
from hypothesis import given
from hypothesis import strategies as st
from object_servers import SECRET, SERVERS, Server, find_folder, make_recipe, serve_amazon

from gristmill.pipelines import downloads
from gristmill.pipelines.downloads import hold_file
from gristmill.pipelines.inputs import find_inputs
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.errors import InputError, StoreError, UsageError


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


def test_objects_are_identified_without_a_download(server, tmp_path):
    inputs = find_folder(server, "identified")
    for name in ("b.gz", "a.gz", "c.txt"):
        write_whole(inputs / name, name.encode() * 100)
    before = len(server.asked)
    recipe = make_recipe(tmp_path, f"{inputs}/*.gz")
    found = find_inputs(recipe, tmp_path / "work", stage_samples.QUIET)
    assert [item.name for item in found] == [f"{inputs}/a.gz", f"{inputs}/b.gz"]
    assert [item.path for item in found] == [item.name for item in found]
    assert [item.bytes for item in found] == [400, 400]
    assert server.count_bytes("a.gz") == 0 and len(server.asked) - before == 1
    write_whole(inputs / "a.gz", b"x" * 400)
    changed = find_inputs(recipe, tmp_path / "work", stage_samples.QUIET)
    assert changed[0].sha256 != found[0].sha256 and changed[1] == found[1]


def test_a_pattern_without_objects_is_a_usage_error(server, tmp_path):
    recipe = make_recipe(tmp_path, f"{server.root}/nothing/*.gz")
    with pytest.raises(UsageError, match=r"'web': '.*nothing/\*\.gz' matches no object"):
        find_inputs(recipe, tmp_path, stage_samples.QUIET)


def test_an_input_is_there_for_as_long_as_it_is_read(server, tmp_path):
    place = find_folder(server, "held") / "a b.gz"
    write_whole(place, b"crawl")
    params = {"path": str(place), "bytes": 5, "identity": place.stat().identity}
    with hold_file(params, tmp_path) as held:
        assert held.path.name == "a b.gz" and held.path.read_bytes() == b"crawl"
        assert held.sha256 == hashlib.sha256(b"crawl").hexdigest()
    assert not list(tmp_path.iterdir())
    write_whole(place, b"other")
    with (
        pytest.raises(InputError, match="was replaced since the run began"),
        hold_file(params, tmp_path),
    ):
        raise AssertionError("another file was read")
    place.unlink()
    with pytest.raises(InputError, match="does not exist"), hold_file(params, tmp_path):
        raise AssertionError("no file was read")
    assert not list(tmp_path.iterdir())


def test_a_short_copy_is_never_taken_for_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)
    with serve_amazon() as server:
        place = find_folder(server, "short") / "a"
        write_whole(place, b"0123456789")
        params = {"path": str(place), "bytes": 10, "identity": place.stat().identity}
        there = downloads.find_store("s3")
        real, tries = there.download, []

        def cut(bucket: str, key: str, local: Path) -> None:
            tries.append(key)
            real(bucket, key, local)
            if len(tries) < fails:
                local.write_bytes(b"0123")

        monkeypatch.setattr(there, "download", cut)
        fails = 3
        with hold_file(params, tmp_path) as held:
            assert held.path.read_bytes() == b"0123456789" and len(tries) == 3
        fails = 99
        with pytest.raises(StoreError, match="4 of 10 bytes"), hold_file(params, tmp_path):
            raise AssertionError("half a file was read")


@contextlib.contextmanager
def serve_web(*answers: dict[str, str]) -> Iterator[str]:
    """Serve five bytes under headers that change, at an URL that carries a secret."""
    prepared = [(200, {"content-length": "5", **headers}, b"crawl") for headers in answers]
    with loopback.serve(prepared) as (base_url, _):
        yield f"{base_url}/part.gz?token={SECRET}"


def test_web_files_stay_away_from_the_launcher_of_a_far_run(server, tmp_path):
    output = find_folder(server, "web")
    with serve_web({"etag": '"1"'}) as url:
        recipe = make_recipe(tmp_path, url, str(output))
        [found] = find_inputs(recipe, output / "work", stage_samples.QUIET)
        assert (found.path, found.bytes) == (url, 5)
        assert sorted(output.list_sizes()) == ["work/digests.json"]
        params = {"path": found.path, "bytes": found.bytes, "identity": found.sha256}
        (tmp_path / "unit").mkdir()
        with hold_file(params, tmp_path / "unit") as held:
            assert held.path.name == "part.gz" and held.path.read_bytes() == b"crawl"
        with (
            pytest.raises(InputError, match="was replaced since") as error,
            hold_file(params | {"identity": "0"}, tmp_path / "unit"),
        ):
            raise AssertionError("another file was read")
        assert SECRET not in str(error.value)
        assert not list((tmp_path / "unit").iterdir())


@pytest.mark.parametrize("change", [{"etag": '"2"'}, {"last-modified": "yesterday"}])
def test_a_web_file_that_changes_has_another_identity(change):
    with serve_web({"etag": '"1"'}, {"etag": '"1"'}, change) as url:
        first, same, changed = (downloads.identify_url(url) for _ in range(3))
    assert first == same and first[0] == changed[0] == 5 and first[1] != changed[1]


def test_a_web_file_without_identity_is_refused_with_advice():
    with serve_web({}) as url, pytest.raises(InputError, match="does not say which") as error:
        downloads.identify_url(url)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("status", [403, 405, 501])
def test_a_server_that_answers_only_get_is_asked_so(status):
    part = {"content-range": "bytes 0-0/5", "content-length": "1", "etag": '"1"'}
    answers = [(status, {"content-length": "0"}, b""), (206, part, b"c")]
    with loopback.serve(answers) as (url, asked), serve_web({"etag": '"1"'}) as other:
        assert downloads.identify_url(url)[0] == downloads.identify_url(other)[0] == 5
    assert len(asked) == 2
    with (
        loopback.serve([answers[0], answers[0]]) as (url, _),
        pytest.raises(InputError, match=f"HTTP {status}"),
    ):
        downloads.identify_url(url)


@given(st.text(max_size=300))
def test_a_copy_has_a_name_that_any_disk_takes(path):
    name = downloads.name_copy(f"http://a.example/{path.replace('?', '')}")
    assert 0 < len(name) <= 120 and "/" not in name and not name.startswith(".")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a.example/x/CC-MAIN-0.warc.gz?token=1", "CC-MAIN-0.warc.gz"),
        ("http://a.example/..", "index"),
        ("http://a.example", "index"),
        ("http://a.example/a%2Fb.gz", "a_2Fb.gz"),
    ],
)
def test_a_copy_keeps_its_name(url, name):
    assert downloads.name_copy(url) == name


def test_a_file_that_is_replaced_between_two_requests_is_noticed(tmp_path):
    tags = iter(['"1"', '"1"', '"2"'])
    answer = {"content-length": "5"}
    with loopback.serve([lambda _: (200, {**answer, "etag": next(tags)}, b"crawl")]) as (url, _):
        size, identity = downloads.identify_url(url)
        params = {"path": url, "bytes": size, "identity": identity}
        with pytest.raises(InputError, match="was replaced since"), hold_file(params, tmp_path):
            raise AssertionError("another file was read")
