"""Explain: one document, found by id, its beginning or its URL, with all that was decided."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
import stage_samples

from gristmill.pipelines import explanations, part_files
from gristmill.pipelines.steps import MANIFEST_FILE
from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import doc_id
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.manifests import StageManifest, StagePart
from gristmill.schemas.recipe import Recipe, load_recipe
from gristmill.schemas.tables import DOCUMENTS, DROPPED, QUARANTINE

TABLES = {"documents": DOCUMENTS, "dropped": DROPPED, "quarantine": QUARANTINE}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return stage_samples.finish_run().run.recipe


def find_id(key: str) -> bytes:
    return doc_id("jsonl", f"notes/{key}")


def list_sections(last: str) -> list[str]:
    return ["collect: documents", "measure: signals", "policy: checks", last]


@pytest.mark.parametrize(("key", "last"), [("k0", "decide: curated"), ("short", "decide: dropped")])
def test_every_fact_of_a_document_is_found(recipe, key, last):
    found = explanations.explain_document(recipe, find_id(key).hex())
    assert found.pop("doc_id") == find_id(key).hex()
    assert list(found) == list_sections(last)
    checks = found.pop("policy: checks")
    assert [check["rule"] for check in checks if check["fails"]] == (
        ["gopher_quality/word_count", "gopher_quality/distinct_stop_words"]
        if key == "short"
        else []
    )
    assert {"gopher_quality/mean_word_length", "language"} <= {check["rule"] for check in checks}
    for rows in found.values():
        assert [row["doc_id"] for row in rows] == [find_id(key).hex()]
    json.dumps(found, default=str)


@pytest.mark.parametrize("length", [8, 16, 31, 32])
@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_the_beginning_of_an_id_is_enough(recipe, length, change):
    wanted = change(find_id("k7").hex()[:length])
    assert explanations.explain_document(recipe, wanted)["doc_id"] == find_id("k7").hex()


def test_a_url_is_enough(recipe):
    found = explanations.explain_document(recipe, "https://example.org/9")
    assert found["doc_id"] == find_id("k9").hex()
    assert list(found)[1:] == list_sections("decide: curated")


def test_the_reason_is_a_sentence(recipe):
    [row] = explanations.explain_document(recipe, find_id("short").hex())["decide: dropped"]
    assert row["reason"] == "word_count=2 < 50"


def test_a_duplicate_names_its_winner(recipe):
    pair = [find_id("near"), find_id("nearer")]
    loser = next(
        found
        for found in (explanations.explain_document(recipe, one.hex()) for one in pair)
        if "decide: evidence" in found
    )
    [evidence] = loser["decide: evidence"]
    assert {loser["doc_id"], evidence["winner_id"]} == {one.hex() for one in pair}
    assert evidence["similarity"] >= 0.8
    [row] = loser["decide: dropped"]
    assert row["reason"].startswith("near_duplicate=0.9") and ">= 0.8" in row["reason"]
    assert loser["deduplicate: clusters"][0]["cluster_size"] == 2


def test_long_columns_are_left_out(recipe):
    found = explanations.explain_document(recipe, find_id("k0").hex())
    tables = [rows for name, rows in found.items() if name != "doc_id"]
    columns = {name for rows in tables for row in rows for name in row}
    assert not columns & explanations.HIDDEN
    assert {"word_count", "language", "split", "file", "offset"} <= columns


@pytest.mark.parametrize(
    "wanted", ["https://example.org/none", "0" * 32, "abc", "", "zz", "0" * 40]
)
def test_what_is_not_there_is_said(recipe, wanted):
    with pytest.raises(UsageError, match="no document"):
        explanations.explain_document(recipe, wanted)


def write_run(folder: Path, rows: dict[str, list[dict[str, object]]]) -> Recipe:
    """A run whose collect alone has finished."""
    stage_samples.write_inputs(folder)
    recipe = load_recipe(folder / "recipe.yaml")
    step = recipe.output_path / "work" / "collect"
    (step / "units" / "k").mkdir(parents=True)
    parts = []
    for name, schema in TABLES.items():
        path = step / "units" / "k" / f"{name}.parquet"
        fixed = {"source": "s", "kind": "jsonl", "stage": "collect", "native_id": "n", "text": "t"}
        fixed |= {"content_id": bytes(16), "file": "f", "offset": 0, "length": 1, "detail": ""}
        table = pa.Table.from_pylist(
            [{**fixed, **row} for row in rows.get(name, [])], schema=schema
        )
        part_files.write_part(path, table, schema)
        place = {"path": f"units/k/{name}.parquet", "table": name, "unit_key": "k"}
        parts.append(StagePart(**place, rows=table.num_rows, bytes=0, sha256="0"))
    manifest = StageManifest(stage="collect", key="k", parts=tuple(parts), totals=StageTotals())
    (step / MANIFEST_FILE).write_text(manifest.model_dump_json())
    return recipe


TWINS = [bytes.fromhex("abcdef" + tail * 13) for tail in ("00", "11")]


def test_a_beginning_that_means_two_lists_both(tmp_path):
    rows = [{"doc_id": one, "url": f"u{n}"} for n, one in enumerate(TWINS)]
    recipe = write_run(tmp_path, {"documents": rows})
    with pytest.raises(UsageError, match="means 2 documents") as refusal:
        explanations.explain_document(recipe, "abcdef")
    assert all(one.hex() in str(refusal.value) for one in TWINS)
    assert explanations.explain_document(recipe, "abcdef1")["doc_id"] == TWINS[1].hex()
    assert explanations.explain_document(recipe, "u0")["doc_id"] == TWINS[0].hex()


def test_a_url_of_two_captures_lists_both(tmp_path):
    rows = [{"doc_id": one, "url": "https://example.org/"} for one in TWINS]
    recipe = write_run(tmp_path, {"documents": rows})
    with pytest.raises(UsageError, match="means 2 documents"):
        explanations.explain_document(recipe, "https://example.org/")


def test_a_record_that_never_became_a_document_is_found_by_its_url(tmp_path):
    recipe = write_run(
        tmp_path,
        {
            "dropped": [
                {"url": "https://example.org/gone", "rule": "http_status", "detail": "404"}
            ],
            "quarantine": [{"url": "https://example.org/bad", "reason": "undecodable"}],
        },
    )
    gone = explanations.explain_document(recipe, "https://example.org/gone")
    assert gone["doc_id"] is None
    [row] = gone["collect: dropped"]
    assert (row["rule"], row["detail"], row["reason"]) == ("http_status", "404", "http_status")
    bad = explanations.explain_document(recipe, "https://example.org/bad")
    assert bad["collect: quarantine"][0]["reason"] == "undecodable"


def test_an_id_that_occurs_twice_is_one_document(tmp_path):
    rows = [{"doc_id": TWINS[0], "url": f"u{n}"} for n in range(2)]
    recipe = write_run(tmp_path, {"documents": rows})
    found = explanations.explain_document(recipe, TWINS[0].hex())
    assert len(found["collect: documents"]) == 2
