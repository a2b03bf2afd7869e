"""Ranges from this disk, from a store and from servers that get them right or wrong."""

import io
import random
from collections.abc import Iterator

import loopback
import pytest
from crawl_server import serve_crawl
from hypothesis import given
from hypothesis import strategies as st
from object_servers import find_folder, serve_amazon

from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.range_requests import open_ranges, read_range
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.errors import InputError
from gristmill.schemas.transfers import Transfer

BODY = random.Random("ranges").randbytes(10_000)
FETCHING = Fetching(Transfer(requests_per_second=None, tries=3, timeout_seconds=2))
RANGES = st.tuples(st.integers(0, 12_000), st.integers(1, 12_000))


pytestmark = pytest.mark.usefixtures("wait_for_nothing")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    local = tmp_path_factory.mktemp("ranges") / "file"
    local.write_bytes(BODY)
    with serve_crawl({"file": BODY}) as server, serve_amazon() as store:
        far = find_folder(store, "ranges") / "file"
        write_whole(far, BODY)
        yield [str(local), f"{server.base_url}/file", str(far)]


@given(RANGES)
def test_a_range_is_what_the_file_has_of_it(places, bounds):
    start, length = bounds
    for place in places[:2]:
        assert read_range(place, start, start + length, FETCHING) == BODY[start : start + length]


@pytest.mark.parametrize(("start", "end"), [(0, 5), (9_990, 10_000), (9_990, 10_010), (0, 20_000)])
def test_a_range_of_an_object_is_what_it_has_of_it(places, start, end):
    assert read_range(places[2], start, end, FETCHING) == BODY[start:end]


def test_behind_the_end_of_an_object_there_is_nothing(places):
    assert read_range(places[2], 10_000, 10_001, FETCHING) == b""


def test_a_file_that_is_not_there_is_said(places):
    for place in places:
        with pytest.raises(InputError):
            read_range(place + "-missing", 0, 5, FETCHING)


@given(st.lists(st.tuples(st.integers(-50, 12_000), st.integers(-1, 3_000)), max_size=8))
def test_a_web_file_reads_as_one_on_disk(places, moves):
    with open_ranges(places[1], FETCHING) as file:
        local = io.BytesIO(BODY)
        assert file.size() == len(BODY)
        for place, size in moves:
            whence = 0 if place >= 0 else 2
            assert file.seek(place, whence) == local.seek(place, whence)
            assert file.read(size) == local.read(size)
            assert file.tell() == local.tell()


WRONG = {
    "another start": (206, {"content-range": "bytes 0-9/100", "content-length": "10"}),
    "another end": (206, {"content-range": "bytes 10-20/100", "content-length": "11"}),
    "no range": (206, {"content-length": "10"}),
    "nonsense": (206, {"content-range": "bytes 10-19", "content-length": "10"}),
    "short": (206, {"content-range": "bytes 10-19/100", "content-length": "9"}),
    "long": (206, {"content-range": "bytes 10-19/100", "content-length": "20"}),
    "whole": (200, {"content-length": "100"}),
    "packed": (
        206,
        {"content-range": "bytes 10-19/100", "content-length": "10", "content-encoding": "gzip"},
    ),
    "missing": (404, {"content-length": "0"}),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_a_wrong_range_is_never_taken_for_the_right_one(answer):
    status, headers = answer
    body = b"x" * int(headers["content-length"])
    with (
        loopback.serve([(status, headers, body)]) as (url, _),
        pytest.raises(InputError, match=r"127\.0\.0\.1"),
    ):
        read_range(url, 10, 20, FETCHING)


def test_all_of_a_file_may_come_without_ranges():
    with loopback.serve([(200, {"content-length": "5"}, b"whole")]) as (url, _):
        assert read_range(url, 0, 5, FETCHING) == b"whole"


def test_a_file_that_is_replaced_while_it_is_read_is_noticed():
    tags = iter(['"1"', '"1"', '"2"'])

    def answer(asked):
        tag = next(tags)
        if asked.get("if-range") == tag:
            return 206, {"content-range": "bytes 0-4/10", "content-length": "5"}, b"first"
        return 200, {"etag": tag, "content-length": "10"}, b"0123456789"

    with loopback.serve([answer]) as (url, _):
        file = open_ranges(url, FETCHING)
        assert file.read(5) == b"first"
        with pytest.raises(InputError, match="was replaced"):
            file.read(5)
