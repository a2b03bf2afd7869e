"""Sources through the whole mill: files cut into ranges, robots.txt of the crawl, other kinds."""

import bz2
import json
from pathlib import Path

import pytest
from mill_inputs import (
    Capture,
    Golden,
    make_golden,
    make_page,
    pack_warc,
    write_archive,
    write_prose,
    write_small_recipe,
    write_wiki,
)
from mill_runs import Finished, call_command, read_table

from gristmill.schemas.versions import open_version

pytestmark = pytest.mark.usefixtures("stop_children")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    return make_golden(tmp_path_factory.mktemp("golden"))


def run_recipe(recipe: Path, output: Path) -> Finished:
    done = call_command("run", recipe, "--output", output, "--workers", "2")
    assert done.code == 0, done.err
    return done


TABLES = ("data", "dropped", "quarantine", "evidence", "clusters")


def test_files_read_in_ranges_give_the_same_rows(golden, tmp_path):
    whole = run_recipe(golden.recipe, tmp_path / "whole")
    recipe = golden.folder / "cut.yaml"
    recipe.write_text(golden.recipe.read_text() + "units: {split_bytes: 4096}\n")
    cut = run_recipe(recipe, tmp_path / "cut")
    assert cut.out == whole.out  # the dataset id
    versions = [open_version(tmp_path / name / "store" / "golden") for name in ("whole", "cut")]
    for table in TABLES:
        rows = [sorted(map(repr, read_table(version, table))) for version in versions]
        assert rows[0] == rows[1], table
    units = [
        len(list((tmp_path / name / "work" / "collect" / "units").iterdir()))
        for name in ("whole", "cut")
    ]
    assert units[1] > units[0] + 2
    assert (tmp_path / "cut" / "work" / "collect.index" / "manifest.json").exists()


ROBOTS = {
    "a.invalid": "User-agent: GPTBot\nDisallow: /\n",
    "b.invalid": "User-agent: *\nAllow: /\n",
}


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages on three hosts, one of which says no in its head, and their robots.txt."""
    folder = tmp_path_factory.mktemp("crawl")
    pages = [
        Capture("page", make_page(write_prose(host), head=head).encode(), host=host, record_id=host)
        for host, head in (
            ("a.invalid", ""),
            ("b.invalid", '<meta name="robots" content="noai">'),
            ("c.invalid", ""),
        )
    ]
    captures = [
        Capture(
            "robots.txt",
            body.encode(),
            headers={"Content-Type": "text/plain"},
            host=host,
            record_id=host,
        )
        for host, body in ROBOTS.items()
    ]
    (folder / "pages.warc.gz").write_bytes(pack_warc(pages))
    (folder / "robots.warc.gz").write_bytes(pack_warc(captures))
    return folder


SOURCE = "{name: web, kind: commoncrawl, paths: [pages.warc.gz], robots: [robots.warc.gz]}"


def read_opt_outs(output: Path) -> dict[str, list[str] | None]:
    version = open_version(output / "store" / "small")
    return {row["url"].split("/")[2]: row["opt_outs"] for row in read_table(version, "data")}


def test_what_sites_and_pages_reserve_is_published_beside_the_text(crawl, tmp_path):
    recipe = write_small_recipe(crawl, SOURCE)
    run_recipe(recipe, tmp_path / "out")
    assert read_opt_outs(tmp_path / "out") == {
        "a.invalid": ["robots.txt:gptbot"],
        "b.invalid": ["meta:noai"],
        "c.invalid": None,
    }


def test_a_recipe_that_heeds_them_drops_the_documents(crawl, tmp_path):
    recipe = write_small_recipe(crawl, SOURCE)
    text = recipe.read_text().replace("redact: []", "redact: [], opt_outs: ['*']")
    heeding = crawl / "heeding.yaml"
    heeding.write_text(text)
    run_recipe(heeding, tmp_path / "out")
    assert read_opt_outs(tmp_path / "out") == {"c.invalid": None}
    dropped = read_table(open_version(tmp_path / "out" / "store" / "small"), "dropped")
    assert sorted((row["url"], row["rule"]) for row in dropped) == [
        ("http://a.invalid/page", "opt_out"),
        ("http://b.invalid/page", "opt_out"),
    ]
    done = call_command("explain", heeding, "http://a.invalid/page", "--output", tmp_path / "out")
    told = json.loads(done.out)
    assert told["collect: consents"][0]["opt_outs"] == ["robots.txt:gptbot"]


def test_kinds_of_text_and_a_shortfall(tmp_path):
    folder = tmp_path / "in"
    (folder / "notes" / "deep").mkdir(parents=True)
    for name in ("a.txt", "deep/b.txt", ".hidden.txt"):
        (folder / "notes" / name).write_text(write_prose(name), encoding="utf-8")
    (folder / "latin.txt").write_bytes("Überraschung: ".encode("latin-1") * 60)
    archive = write_archive([("0000001-aa.txt", write_prose("owt").encode())])
    (folder / "openwebtext.tar.xz").write_bytes(archive)
    recipe = write_small_recipe(
        folder,
        "{name: notes, kind: text, paths: [notes, latin.txt]}",
        "{name: owt, kind: openwebtext, paths: ['*.tar.xz'], expected_documents: 9}",
    )
    done = run_recipe(recipe, tmp_path / "out")
    assert "hold 1 documents, 8 fewer than expected_documents 9" in done.err
    rows = read_table(open_version(tmp_path / "out" / "store" / "small"), "data")
    assert sorted(row["file"] for row in rows if row["source"] == "notes") == [
        "latin.txt", "notes/a.txt", "notes/deep/b.txt",
    ]  # fmt: skip
    assert any("Überraschung" in row["text"] for row in rows)


def test_a_multistream_dump_is_read_in_ranges(tmp_path):
    pages = [(f"Page {n}", 0, "wikitext", write_prose(f"page {n}")) for n in range(60)]
    folder = tmp_path / "in"
    folder.mkdir()
    dump = write_wiki(pages)
    assert dump.startswith(b"BZh")
    recipe = write_small_recipe(folder, "{name: wiki, kind: wikipedia, paths: ['*.bz2']}")
    head, middle, tail = split_wiki(bz2.decompress(dump))
    streams = [head, *(b"".join(middle[n : n + 5]) for n in range(0, 60, 5)), tail]
    (folder / "w-multistream.xml.bz2").write_bytes(b"".join(map(bz2.compress, streams)))
    whole = run_recipe(recipe, tmp_path / "whole")
    recipe.write_text(recipe.read_text() + "units: {split_bytes: 4096}\n")
    cut = run_recipe(recipe, tmp_path / "cut")
    assert cut.out == whole.out
    assert len(list((tmp_path / "cut" / "work" / "collect" / "units").iterdir())) > 1


def split_wiki(xml: bytes) -> tuple[bytes, list[bytes], bytes]:
    """A dump's head, its pages and its end."""
    first, last = xml.index(b"<page>"), xml.rindex(b"</page>") + len(b"</page>")
    pages = [page + b"</page>" for page in xml[first:last].split(b"</page>") if page.strip()]
    return xml[:first], pages, xml[last:]
