"""Pins: the first file that came is the one that has to come again."""

import json
import os

import loopback
import pytest
from stage_samples import QUIET
from test_inputs import make_recipe

from gristmill.pipelines.inputs import find_inputs
from gristmill.pipelines.pins import Pins
from gristmill.schemas.errors import InputError

ADDRESS = "https://user:pass@crawl.example/a.warc.gz?token=s3cr3t"


def test_the_first_pin_stays(tmp_path):
    pins = Pins(tmp_path / "pins")
    assert pins.find_pin(ADDRESS) is None
    first = pins.keep_pin(ADDRESS, 5, "aa", '"1"')
    assert pins.keep_pin(ADDRESS, 5, "aa", '"2"') == first == pins.find_pin(ADDRESS)
    with pytest.raises(InputError, match=r"sha256 is bb \(6 bytes\), but was aa \(5") as error:
        pins.keep_pin(ADDRESS, 6, "bb", '"2"')
    [place] = (tmp_path / "pins").iterdir()
    assert f"delete {place}" in str(error.value)
    assert "s3cr3t" not in str(error.value) + place.read_text() + place.name
    place.unlink()
    assert pins.keep_pin(ADDRESS, 6, "bb", '"2"').sha256 == "bb"


def test_addresses_that_differ_in_their_query_are_two(tmp_path):
    pins = Pins(tmp_path)
    pins.keep_pin("https://a.example/get?file=1", 1, "aa", None)
    pins.keep_pin("https://a.example/get?file=2", 1, "bb", None)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_download_that_changed_is_noticed_and_said(tmp_path):
    def serve(body: bytes):
        return 200, {"content-length": str(len(body)), "etag": f'"{len(body)}"'}, body

    with loopback.serve([serve(b"first"), serve(b"second")]) as (url, _):
        recipe = make_recipe(tmp_path, f"{url}/a.warc.gz")
        [found] = find_inputs(recipe, tmp_path / "work", QUIET)
        [pin] = (tmp_path / "work" / "pins").iterdir()
        assert json.loads(pin.read_bytes())["identity"] == '"5"'
        local = tmp_path / found.path
        local.unlink()
        with pytest.raises(InputError, match="has changed: its sha256 is"):
            find_inputs(recipe, tmp_path / "work", QUIET)
        assert not local.exists()  # never there under its own name
        pin.unlink()
        [other] = find_inputs(recipe, tmp_path / "work", QUIET)
    assert local.read_bytes() == b"second" and other.sha256 != found.sha256


def test_a_copy_that_changed_on_this_disk_is_noticed(tmp_path):
    answer = (200, {"content-length": "5", "etag": '"1"'}, b"crawl")
    with loopback.serve([answer]) as (url, asked):
        recipe = make_recipe(tmp_path, f"{url}/a.warc.gz")
        [found] = find_inputs(recipe, tmp_path / "work", QUIET)
        local = tmp_path / found.path
        local.write_bytes(b"crowl")
        os.utime(local, ns=(0, 0))
        with pytest.raises(InputError, match="delete it, and it is downloaded again"):
            find_inputs(recipe, tmp_path / "work", QUIET)
        local.unlink()
        assert find_inputs(recipe, tmp_path / "work", QUIET) == [found]
    assert len(asked) == 2
