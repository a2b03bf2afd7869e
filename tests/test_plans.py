"""Plans: what a run would read, how large it is, in how many units."""

import json
from pathlib import Path

import pytest
from loopback import serve
from mill_runs import call_command

RECIPE = """\
name: planned
sources:
  - {{name: web, kind: commoncrawl, paths: [{web}]}}
  - {{name: rows, kind: jsonl, paths: ["*.jsonl"]}}
units: {{split_bytes: 65536}}
publishing: {{dataset: planned}}
output: out
"""


def write_recipe(folder: Path, web: str) -> Path:
    path = folder / "planned.yaml"
    path.write_text(RECIPE.format(web=json.dumps(web)))
    (folder / "a.warc.gz").write_bytes(bytes(100))
    (folder / "b.warc.gz").write_bytes(bytes(65536 * 3 + 1))
    (folder / "rows.jsonl").write_bytes(bytes(65536 * 3 + 1))
    return path


def test_a_plan_says_how_large_each_file_is_and_into_what_it_is_cut(tmp_path):
    recipe = write_recipe(tmp_path, "*.warc.gz")
    done = call_command("plan", recipe, "--json")
    assert done.code == 0, done.err
    listed = json.loads(done.out)["inputs"]
    assert [(item["file"], item["bytes"], item["units"]) for item in listed] == [
        ("a.warc.gz", 100, 1),
        ("b.warc.gz", 196609, 3),
        ("rows.jsonl", 196609, 1),  # of a kind that is not cut
    ]
    shown = call_command("plan", recipe).out
    assert "3 files, 393,318 bytes; 5 units" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("length", [True, False])
def test_a_server_is_asked_for_sizes_and_may_be_silent(tmp_path, length):
    headers = {"Content-Length": "70000"} if length else {}
    with serve([(200 if length else 404, headers, b"")] * 9) as (base, _):
        done = call_command("plan", write_recipe(tmp_path, f"{base}/c.warc.gz"), "--json")
    [first, _] = json.loads(done.out)["inputs"]
    assert (first["bytes"], first["units"]) == ((70000, 1) if length else (None, None))
