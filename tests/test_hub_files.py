"""Dataset repositories, through the real client and a server on loopback."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import Repository, name_commit, serve_hub

from gristmill.pipelines.hub_files import (
    HubAddress,
    fetch_hub_file,
    is_hub_address,
    list_hub_files,
    parse_address,
)
from gristmill.pipelines.sources import huggingface
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.fates import Found
from gristmill.schemas.sources import HuggingFace

FIRST, SECOND = name_commit(1), name_commit(2)
CARD = b"""---
license: mit
configs:
- config_name: small
  data_files:
  - split: train
    path: data/small-*.parquet
- config_name: lines
  data_files: lines/*.jsonl.gz
---
# A dataset
"""


def make_parquet(folder: Path, texts: list[str]) -> bytes:
    path = folder / "made.parquet"
    table = pa.table({"text": texts, "meta": [{"url": f"https://a.example/{n}"} for n in texts]})
    pq.write_table(table, path)
    return path.read_bytes()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    files = {
        "README.md": CARD,
        ".gitattributes": b"x",
        "data/small-0.parquet": make_parquet(tmp_path, ["one", "two"]),
        "lines/a.jsonl": b'{"text": "three"}\n{"text": "four"}\n',
        "texts/b.txt": "fünf".encode(),
        "dataset_infos.json": b"{}",
    }
    later = files | {"lines/a.jsonl": b'{"text": "changed"}\n'}
    return Repository(
        {FIRST: files, SECOND: later},
        {"main": FIRST},
        large=frozenset({"data/small-0.parquet"}),
    )


@pytest.fixture
def hub(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repository]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serve_hub({"mill/corpus": repository}) as endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        yield repository


def make_source(**fields: object) -> HuggingFace:
    return HuggingFace.model_validate(
        {"kind": "huggingface", "name": "corpus", "repo": "mill/corpus", **fields}
    )


def names_of(source: HuggingFace, folder: Path | None = None) -> list[str]:
    return [name for name, _ in list_hub_files(source, folder)]


def test_which_files(hub: Repository) -> None:
    prefix = "mill/corpus/"
    assert names_of(make_source(config="small")) == [f"{prefix}data/small-0.parquet"]
    assert names_of(make_source(paths=["**/*.txt", "lines"])) == [
        f"{prefix}lines/a.jsonl",
        f"{prefix}texts/b.txt",
    ]
    # Without a card, a configuration is a folder, and none is all that can be read.
    for files in hub.commits.values():
        del files["README.md"]
    assert names_of(make_source(config="texts")) == [f"{prefix}texts/b.txt"]
    assert names_of(make_source()) == [
        f"{prefix}data/small-0.parquet",
        f"{prefix}lines/a.jsonl",
        f"{prefix}texts/b.txt",
    ]
    assert len(names_of(make_source(id="meta.url"))) == 2  # no text file has a field


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "several configurations"),
        ({"config": "none"}, "has no configuration 'none'; it has lines, small"),
        ({"paths": ["*.csv"]}, "no file of mill/corpus at"),
    ],
)
def test_choices_that_are_wrong(hub: Repository, fields: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        list_hub_files(make_source(**fields), None)


def test_a_branch_stays_what_it_was(hub: Repository, tmp_path: Path) -> None:
    source = make_source(paths=["lines/*"])
    ((name, address),) = list_hub_files(source, tmp_path)
    assert (name, address.commit) == ("mill/corpus/lines/a.jsonl", FIRST)
    hub.branches["main"] = SECOND
    assert list_hub_files(source, tmp_path)[0][1].commit == FIRST
    assert list_hub_files(source, tmp_path / "other")[0][1].commit == SECOND
    assert list_hub_files(make_source(paths=["lines/*"], revision=SECOND), tmp_path)[0][1] == (
        "mill/corpus", SECOND, "lines/a.jsonl",
    )  # fmt: skip
    (record,) = (tmp_path / "hub").glob("*.json")
    assert json.loads(record.read_bytes())["commit"] == FIRST


def test_documents(hub: Repository, tmp_path: Path) -> None:
    source = make_source(paths=["**"], url="meta.url")
    found = []
    for name, address in list_hub_files(source, tmp_path):
        if name.endswith((".parquet", ".jsonl", ".txt")):
            local = fetch_hub_file(address, tmp_path)
            assert local.read_bytes() == hub.commits[FIRST][address.path]
            for item in huggingface.iterate_file(local, source, 1 << 20):
                fate = huggingface.extract_item(item, source, 1 << 20)
                assert isinstance(fate, Found)
                found.append((fate.text, fate.url, fate.native_id))
    assert found == [
        ("one", "https://a.example/one", "line:0"),
        ("two", "https://a.example/two", "line:1"),
        ("three", None, "line:0"),
        ("four", None, "line:1"),
        ("fünf", None, ""),
    ]


def test_files_come_once(hub: Repository, tmp_path: Path) -> None:
    address = HubAddress("mill/corpus", FIRST, "data/small-0.parquet")
    fetch_hub_file(address, tmp_path)
    count = len(hub.asked)
    fetch_hub_file(address, tmp_path)
    assert len(hub.asked) == count


def test_a_transfer_goes_on_where_it_ended(hub: Repository, tmp_path: Path) -> None:
    body = bytes(range(256)) * (3 << 15)  # the client keeps whole pieces of 10 MiB
    hub.commits[FIRST]["data/big.parquet"] = body
    hub.cut_once["data/big.parquet"] = 15 << 20
    address = HubAddress("mill/corpus", FIRST, "data/big.parquet")
    try:
        local = fetch_hub_file(address, tmp_path)
    except InputError:
        local = fetch_hub_file(address, tmp_path)
    assert local.read_bytes() == body
    ranges = [line.split()[2] for line in hub.asked if line.startswith("GET") and "bytes=" in line]
    assert [part for part in ranges if not part.startswith("bytes=0-")], hub.asked
    assert ranges and all(int(part[6:].split("-")[0]) > 0 for part in ranges)


@pytest.mark.parametrize("path", ["data/small-0.parquet", "lines/a.jsonl"])
def test_other_bytes_than_promised(hub: Repository, tmp_path: Path, path: str) -> None:
    hub.lie = frozenset({path})
    address = HubAddress("mill/corpus", FIRST, path)
    with pytest.raises(InputError, match="were promised"):
        fetch_hub_file(address, tmp_path)
    hub.lie = frozenset()
    assert fetch_hub_file(address, tmp_path).read_bytes() == hub.commits[FIRST][path]


def test_tokens(hub: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hf_a_secret_of_the_test"
    hub.token = secret
    source = make_source(paths=["lines/*"])
    with pytest.raises(InputError, match="private and HF_TOKEN does not open it"):
        list_hub_files(source, tmp_path)
    # A token that lies in a file of the user's is not taken.
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "token").write_text(secret)
    with pytest.raises(InputError):
        list_hub_files(source, tmp_path)
    assert hub.tokens == {None}
    monkeypatch.setenv("HF_TOKEN", secret)
    ((_, address),) = list_hub_files(source, tmp_path)
    fetch_hub_file(address, tmp_path)
    hub.lie = frozenset({"texts/b.txt"})
    with pytest.raises(InputError) as caught:
        fetch_hub_file(HubAddress("mill/corpus", FIRST, "texts/b.txt"), tmp_path)
    assert secret not in str(caught.value)
    written = [path for path in (tmp_path / "hub").rglob("*") if path.is_file()]
    assert written and not any(secret.encode() in path.read_bytes() for path in written)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"repo": "mill/nothing"}, "not there, or private"),
        ({"revision": "nowhere"}, "no such revision"),
    ],
)
def test_refusals(hub: Repository, fields: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        list_hub_files(make_source(**fields), None)
    with pytest.raises(InputError, match="no such file"):
        fetch_hub_file(HubAddress("mill/corpus", FIRST, "none.txt"), Path("/nonexistent"))


def test_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"mill/corpus on the hub: \w+; run the same command"):
        list_hub_files(make_source(), tmp_path)


def test_names_that_leave_the_folder(hub: Repository) -> None:
    odd = [
        "../evil.txt",
        "/etc/evil.txt",
        "a/../../evil.txt",
        "a\\..\\evil.txt",
        "C:/evil.txt",
        "./a.txt",
    ]
    for name in odd:
        hub.commits[FIRST][name] = b"x"
    assert names_of(make_source(paths=["**/*.txt"])) == ["mill/corpus/texts/b.txt"]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"gristmill\[hub\]"):
        list_hub_files(make_source(), tmp_path)


def test_addresses() -> None:
    address = HubAddress("mill/corpus", FIRST, "a b/c@d.txt")
    assert parse_address(str(address)) == address
    assert is_hub_address(str(address)) and not is_hub_address("https://a.example/b")
    for text in ("hf://datasets/a/b/c.txt", "hf://datasets/a/b@main/c.txt"):
        with pytest.raises(UsageError, match="no file of a commit"):
            parse_address(text)


def test_unknown_formats_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in none of \.parquet"):
        next(huggingface.iterate_file(tmp_path / "a.csv", make_source(), 100))
