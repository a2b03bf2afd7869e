"""The whole mill on real inputs: every record is accounted for at each stage."""

import bz2
import codecs
import io
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from mill_inputs import write_archive
from mill_runs import call_command, check_report, read_table
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from gristmill.schemas.versions import open_version

#: Every language is kept, so that rules of English do not empty the other ones.
RECIPE = """\
name: real
seed: 3
sources:
  - {{name: real, kind: {kind}, paths: ["{paths}"]}}
cleaning: {{languages: null, rule_tables: [gopher_repetition]}}
splits: {{validation: 0.05, test: 0.05}}
tokenizer: {{vocab_size: 1024}}
packing: {{sequence_length: 128}}
publishing: {{dataset: real}}
output: out
"""

SharedData = Callable[[str], Path]


pytestmark = pytest.mark.usefixtures("stop_children")


def mill(folder: Path, kind: str, paths: str = "*") -> dict[str, Any]:
    """Run the recipe; returns the stages of its report, and the rules and reasons of collect.

    What is published must be what the report says.
    """
    recipe = folder / "real.yaml"
    recipe.write_text(RECIPE.format(kind=kind, paths=f"input/{paths}"))
    done = call_command("run", recipe, "--workers", "2")
    assert done.code == 0, done.err
    reported = call_command("report", recipe, "--json")
    assert reported.code == 0
    stages = check_report(reported.out)
    figures = json.loads(reported.out)
    version = open_version(folder / "out" / "store" / "real")
    assert len(read_table(version, "data")) == stages["tokenize"]["kept"] > 0
    quarantined = sum(stage["quarantined"] for stage in stages.values())
    assert len(read_table(version, "quarantine")) == quarantined
    assert call_command("verify", folder / "out" / "store" / "real").code == 0
    print({name: (line["records_in"], line["kept"]) for name, line in stages.items()})
    collect = {
        group: {
            reason["reason"]: reason["records"]
            for reason in figures[group]
            if reason["stage"] == "collect"
        }
        for group in ("drops", "quarantine")
    }
    print(collect)
    return {**stages, **collect}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    return folder


def test_common_crawl_slices(shared_data: SharedData, inputs: Path) -> None:
    for path in shared_data("warc-cc2015-webis").rglob("*.warc.gz"):
        (inputs / path.name).write_bytes(path.read_bytes())
    found = mill(inputs.parent, "commoncrawl")
    assert found["collect"]["units"] == 2
    assert found["collect"]["records_in"] == 56 + 14
    assert found["drops"]["record_type"] == 56 + 14 - 22
    assert not found["quarantine"]


# warcio leaves the temporary files of its digests to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_wide_crawl(shared_data: SharedData, inputs: Path) -> None:
    (path,) = shared_data("warc-hplt-wide100").rglob("wide.zst")
    with path.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        rows = [json.loads(line) for line in io.TextIOWrapper(stream, "utf-8")]
    assert len(rows) == 100
    with (inputs / "wide.warc.gz").open("wb") as out:
        writer = WARCWriter(out, gzip=True)
        for row in rows:
            for kind, first, body in (
                ("request", "GET / HTTP/1.1", b""),
                ("response", "200 OK", row["h"].encode("utf-8", "replace")),
            ):
                fields = [("Content-Type", row["c"])] if kind == "response" else []
                named = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {row['u']}")  # not by chance
                record = writer.create_warc_record(
                    row["u"],
                    kind,
                    payload=io.BytesIO(body),
                    http_headers=StatusAndHeaders(first, fields, protocol="HTTP/1.1"),
                    warc_headers_dict={
                        "WARC-Record-ID": f"<{named.urn}>",
                        "WARC-Date": "2017-06-01T00:00:00Z",
                    },
                )
                writer.write_record(record)
    found = mill(inputs.parent, "commoncrawl")
    assert found["collect"]["records_in"] == 200
    assert found["drops"]["record_type"] == 100
    assert found["collect"]["kept"] >= 90 and not found["quarantine"]


def count_pages(dump: bytes) -> dict[str, int]:
    """Count pages by a look at their tags, which stand one a line in these dumps."""
    text = dump.decode("utf-16" if dump.startswith(codecs.BOM_UTF16_LE) else "utf-8")
    pages = text.split("<page>")[1:]
    plain = [page for page in pages if "<redirect " not in page]
    spaces = [re.search(r"<ns>(-?\d+)</ns>", page) for page in plain]
    return {
        "pages": len(pages),
        "redirect": len(pages) - len(plain),
        "namespace": sum(found is not None and found[1] != "0" for found in spaces),
    }


def test_whole_wikipedia(shared_data: SharedData, inputs: Path) -> None:
    (path,) = shared_data("wiki-ltgwiki-full").rglob("smallwiki*.xml")
    (inputs / "ltgwiki-pages-articles.xml.bz2").write_bytes(bz2.compress(path.read_bytes()))
    counts = count_pages(path.read_bytes())
    assert (counts["pages"], counts["redirect"]) == (2004, 195)
    found = mill(inputs.parent, "wikipedia")
    assert found["collect"]["records_in"] == 2004
    assert found["drops"]["redirect"] == 195
    assert found["drops"]["namespace"] == counts["namespace"]
    assert not found["quarantine"]


def test_wikipedia_excerpts(shared_data: SharedData, inputs: Path) -> None:
    totals: Counter[str] = Counter()
    for path in shared_data("wiki-gensim").rglob("*.bz2"):
        (inputs / path.name).write_bytes(path.read_bytes())
        totals.update(count_pages(bz2.decompress(path.read_bytes())))
    found = mill(inputs.parent, "wikipedia")
    assert found["collect"]["units"] == 3
    assert found["collect"]["records_in"] == totals["pages"] > 206 + 5
    assert found["drops"]["redirect"] == totals["redirect"] >= 100
    assert found["drops"].get("namespace", 0) == totals["namespace"]


def test_openwebtext(shared_data: SharedData, inputs: Path) -> None:
    folder = shared_data("owt-owt-hf-dummy") / "unz" / "dummy_data" / "openwebtext"
    subsets = [
        [(path.name, path.read_bytes()) for path in sorted(subset.glob("*.txt"))]
        for subset in sorted(folder.iterdir())
    ]
    assert sum(map(len, subsets)) == 4
    (inputs / "openwebtext.tar.xz").write_bytes(write_archive(*subsets))
    found = mill(inputs.parent, "openwebtext")
    assert found["collect"]["records_in"] == found["collect"]["kept"] == 4
    assert not found["drops"] and not found["quarantine"]
