"""The demo's inputs: real formats that the readers read, the same bytes each time they are made."""

import importlib.metadata
import io
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gristmill.cleaning import openwebtext_archive, warc_records
from gristmill.pipelines import demo
from gristmill.pipelines.recipe_checks import load_checked
from gristmill.schemas.errors import InputError
from gristmill.schemas.fates import Damaged, Found, Refused
from gristmill.schemas.train_config import load_train_config


class Package:
    """An installed distribution, as far as the demo and the entry points look at one."""

    name = _normalized_name = "sample"
    entry_points = ()

    def __init__(self, metadata: str | None) -> None:
        self._metadata = metadata

    def read_text(self, name: str) -> str | None:
        return self._metadata if name == "METADATA" else None


DESCRIPTIONS = ["# One\n\nA package that does one thing.\n", "# Grüße\n\nAnother one 🌾.\n"]


@pytest.fixture
def few_packages(monkeypatch):
    packages = [Package(f"Name: x\nVersion: 1\n\n{text}") for text in DESCRIPTIONS[::-1]]
    packages += [Package("Name: bare\n"), Package(None), Package("Name: blank\n\n  \n")]
    packages.append(Package(f"Name: same\n\n{DESCRIPTIONS[0]}"))
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: packages)


def read_archive(path: Path) -> list[Found | Refused | Damaged]:
    settings = openwebtext_archive.MemberSettings()
    with path.open("rb") as stream:
        return [
            openwebtext_archive.extract_member(item, settings)
            if isinstance(item, openwebtext_archive.ArchiveMember)
            else item
            for item in openwebtext_archive.iterate(stream)
        ]


def test_descriptions_become_an_archive_that_is_read(tmp_path, few_packages):
    path = tmp_path / "openwebtext.tar.xz"
    demo.archive_descriptions(path)
    fates = read_archive(path)
    assert all(isinstance(fate, Found) for fate in fates)
    assert sorted(fate.text for fate in fates) == sorted(text.strip() for text in DESCRIPTIONS)
    again = tmp_path / "again.tar.xz"
    demo.archive_descriptions(again)
    assert again.read_bytes() == path.read_bytes()


def test_the_archive_has_the_layout_of_the_release(tmp_path, few_packages):
    demo.archive_descriptions(tmp_path / "owt.tar.xz")
    with tarfile.open(tmp_path / "owt.tar.xz", "r:xz") as outer:
        [member] = outer.getmembers()
        assert member.name == "openwebtext/urlsf_subset00-1_data.xz"
        inner = outer.extractfile(member)
        assert inner is not None
        with tarfile.open(fileobj=io.BytesIO(inner.read()), mode="r:xz") as members:
            names = members.getnames()
    assert [name.partition("-")[0] for name in names] == ["0000000", "0000001"]


@pytest.fixture
def few_pages(monkeypatch):
    def list_pages(address: str) -> Any:
        yield f"{address}bisect.html"
        yield f"{address}no_such_module_anywhere.html"
        yield f"{address}topic?key=LOOPING"

    monkeypatch.setattr(demo, "_list_pages", list_pages)


def test_a_capture_is_a_crawl_of_requests_and_responses(tmp_path, few_pages):
    path = tmp_path / "pydoc.warc.gz"
    demo.capture_pydoc(path)
    with path.open("rb") as stream:
        records = list(warc_records.iterate(stream))
    assert not [record for record in records if isinstance(record, Damaged)]
    assert Counter(record.record_type for record in records) == {"request": 3, "response": 3}
    responses = [record for record in records if record.record_type == "response"]
    assert responses[0].url == "http://pydoc.invalid/bisect.html"
    assert b"bisect" in responses[0].payload and responses[0].http_status == 200
    assert all("127.0.0.1" not in str(record.url) for record in records)
    assert len({record.record_id for record in records}) == 6


def test_a_capture_of_the_same_pages_is_the_same_file(tmp_path, few_pages):
    for name in ("one", "other"):
        demo.capture_pydoc(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_pages_are_modules_and_topics_without_those_that_do_things():
    pages = list(demo._list_pages("http://127.0.0.1:1/"))
    assert "http://127.0.0.1:1/bisect.html" in pages
    assert "http://127.0.0.1:1/topic?key=LOOPING" in pages
    assert not any("antigravity" in page or "/_" in page for page in pages)
    assert len(pages) == len(set(pages)) > 200


def test_a_server_that_does_not_start_is_an_error():
    with pytest.raises(InputError, match="pydoc did not start"):
        demo._read_address(io.StringIO("Traceback\n"))


def test_the_excerpt_needs_gensim(tmp_path, monkeypatch):
    def miss(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", miss)
    with pytest.raises(InputError, match=r"pip install 'gristmill\[demo\]'"):
        demo.copy_excerpt(tmp_path / "enwiki.xml.bz2")


def test_the_excerpt_is_copied(tmp_path):
    try:
        importlib.metadata.distribution("gensim")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs gensim: pip install 'gristmill[demo]'")
    demo.copy_excerpt(tmp_path / "enwiki.xml.bz2")
    assert (tmp_path / "enwiki.xml.bz2").read_bytes().startswith(b"BZh")


def patch_makers(monkeypatch, made: list[str], failing: str = "") -> None:
    for name in ("capture_pydoc", "copy_excerpt", "archive_descriptions"):

        def make(path: Path, name: str = name) -> None:
            made.append(name)
            path.write_bytes(name.encode())
            if name == failing:
                raise InputError(name)

        monkeypatch.setattr(demo, name, make)


def test_inputs_that_are_there_stay(tmp_path, monkeypatch):
    made: list[str] = []
    patch_makers(monkeypatch, made)
    (tmp_path / "enwiki.xml.bz2").write_bytes(b"mine")
    demo.make_inputs(tmp_path)
    demo.make_inputs(tmp_path)
    assert made == ["capture_pydoc", "archive_descriptions"]
    assert (tmp_path / "enwiki.xml.bz2").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_an_input_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    patch_makers(monkeypatch, [], failing="copy_excerpt")
    with pytest.raises(InputError):
        demo.make_inputs(tmp_path / "input")
    assert [path.name for path in (tmp_path / "input").iterdir()] == ["pydoc.warc.gz"]


def run_main(folder: Path, monkeypatch, codes: dict[str, int]) -> tuple[int, list[list[str]]]:
    commands: list[list[str]] = []

    def main(command: list[str]) -> int:
        commands.append(command)
        return codes.get(command[0], 0)

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(demo.cli, "main", main)
    patch_makers(monkeypatch, [])
    return demo.main([str(folder), "--workers", "3"]), commands


def test_the_demo_writes_valid_configs_and_runs_them(tmp_path, monkeypatch):
    code, commands = run_main(tmp_path, monkeypatch, {})
    assert code == 0
    assert [command[0] for command in commands] == [
        "run",
        "verify",
        "train",
        "generate",
        "report",
    ]
    assert commands[0] == ["run", str(tmp_path / "demo.yaml"), "--workers", "3"]
    recipe = load_checked(tmp_path / "demo.yaml")
    inputs = {path for source in recipe.sources for path in source.paths}
    assert inputs == {f"input/{path.name}" for path in (tmp_path / "input").iterdir()}
    config = load_train_config(tmp_path / "train.yaml")
    dataset = recipe.output_path / "store" / recipe.publishing.dataset
    assert Path(config.dataset) == dataset
    assert commands[1][1] == str(dataset)
    assert commands[3][1] == config.output == commands[4][3]


def test_the_demo_stops_at_the_first_failure(tmp_path, monkeypatch):
    code, commands = run_main(tmp_path, monkeypatch, {"verify": 1})
    assert code == 1
    assert [command[0] for command in commands] == ["run", "verify"]
