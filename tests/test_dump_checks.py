"""Dump files against dumpstatus.json, sha1sums and md5sums, in folders and on a server."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import serve

from gristmill.cleaning.dump_sums import FileSums, find_sums, name_sums, parse_sums
from gristmill.pipelines.dump_checks import (
    NO_SUMS,
    check_dump,
    read_beside_file,
    read_beside_url,
)
from gristmill.pipelines.fetching import Fetching
from gristmill.schemas.errors import InputError

NAME = "ltgwiki-20240601-pages-articles.xml.bz2"
BODY = b"a dump"
SHA1 = hashlib.sha1(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


def make_status(**changes: object) -> bytes:
    entry = {
        "size": len(BODY),
        "url": f"/ltgwiki/20240601/{NAME}",
        "md5": MD5,
        "sha1": SHA1,
        **changes,
    }
    jobs = {
        "articlesdump": {
            "status": "done",
            "updated": "2024-06-02 01:00:00",
            "files": {NAME: entry},
        },
        "metahistory7zdump": {"status": "waiting", "updated": ""},
    }
    return json.dumps({"version": "0.8", "jobs": jobs}).encode()


def make_list(digest: str, name: str = NAME) -> bytes:
    return f"{'0' * len(digest)}  other.xml.bz2\n{digest}  {name}\n".encode()


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(BODY)
    return path


@pytest.mark.parametrize(
    ("beside", "payload", "expected"),
    [
        ("dumpstatus.json", make_status(), "sha1 of dumpstatus.json"),
        ("dumpstatus.json", make_status(sha1=None), "md5 of dumpstatus.json"),
        ("ltgwiki-20240601-sha1sums.txt", make_list(SHA1), "sha1 of ltgwiki-20240601-sha1sums.txt"),
        ("sha1sums.txt", make_list(SHA1.upper()), "sha1 of sha1sums.txt"),
        ("md5sums.txt", make_list(MD5), "md5 of md5sums.txt"),
        ("dumpstatus.json", b"{", NO_SUMS),
        ("dumpstatus.json", b'{"jobs": [1, {"files": 3}]}', NO_SUMS),
        ("sha1sums.txt", make_list(SHA1, "another.xml.bz2"), NO_SUMS),
    ],
)
def test_files_that_fit(dump: Path, beside: str, payload: bytes, expected: str) -> None:
    dump.with_name(beside).write_bytes(payload)
    assert check_dump(dump, dump.name, read_beside_file(dump)) == expected


@pytest.mark.parametrize(
    ("beside", "payload", "said"),
    [
        (
            "dumpstatus.json",
            make_status(size=7),
            "has 6 bytes, but dumpstatus.json beside it says 7",
        ),
        ("dumpstatus.json", make_status(sha1="0" * 40), f"has sha1 {SHA1}, but dumpstatus.json"),
        ("md5sums.txt", make_list("1" * 32), f"has md5 {MD5}, but md5sums.txt beside it says 1111"),
    ],
)
def test_files_that_do_not(dump: Path, beside: str, payload: bytes, said: str) -> None:
    dump.with_name(beside).write_bytes(payload)
    with pytest.raises(InputError, match=f"{NAME} {said}"):
        check_dump(dump, dump.name, read_beside_file(dump))


def test_nothing_beside(dump: Path) -> None:
    assert check_dump(dump, dump.name, read_beside_file(dump)) == NO_SUMS


def test_the_best_is_taken(dump: Path) -> None:
    dump.with_name("md5sums.txt").write_bytes(make_list("0" * 32))
    dump.with_name("dumpstatus.json").write_bytes(make_status())
    assert check_dump(dump, dump.name, read_beside_file(dump)) == "sha1 of dumpstatus.json"


def test_on_a_server(dump: Path) -> None:
    answers = [(404, {}, b"none"), (200, {}, make_list(SHA1))]
    with serve(answers) as (base, asked):
        url = f"{base}/ltgwiki/20240601/{NAME}"
        said = check_dump(dump, NAME, read_beside_url(url, Fetching()))
    assert said == "sha1 of ltgwiki-20240601-sha1sums.txt"
    assert asked == [
        "/ltgwiki/20240601/dumpstatus.json",
        "/ltgwiki/20240601/ltgwiki-20240601-sha1sums.txt",
    ]


def test_server_that_refuses(dump: Path) -> None:
    with serve([(401, {}, b"")]) as (base, _), pytest.raises(InputError, match="401"):
        check_dump(dump, NAME, read_beside_url(f"{base}/{NAME}", Fetching()))


def test_latest_goes_by_its_date() -> None:
    sums = parse_sums(make_list(SHA1))
    assert find_sums(sums, NAME.replace("20240601", "latest")) == FileSums(None, SHA1, None)
    both = sums | {NAME.replace("20240601", "20240520"): FileSums(None, "0" * 40, None)}
    assert find_sums(both, NAME.replace("20240601", "latest")) is None
    assert find_sums(both, NAME) == FileSums(None, SHA1, None)


def test_names() -> None:
    assert name_sums(NAME)[1] == "ltgwiki-20240601-sha1sums.txt"
    assert name_sums("my.xml") == ("dumpstatus.json", "sha1sums.txt", "md5sums.txt")


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["jobs", "files", "size", "sha1", NAME]), inner, max_size=3),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_are_read(payload: bytes) -> None:
    for sums in parse_sums(payload).values():
        assert sums.sha1 is None or len(sums.sha1) == 40
        assert sums.md5 is None or len(sums.md5) == 32
