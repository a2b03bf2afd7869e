"""Rules: what there is, what one says, and which documents of a sample change side."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stage_samples

from gristmill.cleaning.policy import judge
from gristmill.cleaning.rule_registry import list_tables
from gristmill.pipelines import cli
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.policy_files import load_rule
from gristmill.pipelines.rule_differences import compare_rules
from gristmill.pipelines.sample_texts import read_sample
from gristmill.pipelines.stages.instruments import Instruments, list_instruments
from gristmill.schemas.errors import InputError, RecipeError, UsageError
from gristmill.schemas.recipe import Cleaning, Measuring

FILLER = " ".join(f"river{number} mountain{number} valley" for number in range(30))
#: Traps of section 2's stop words: V1 to V3.
TEXTS = [f"{FILLER} the the", f"{FILLER} The To", f"{FILLER} the to", "short"]


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "sample.jsonl.gz"
    rows = [json.dumps({"text": text}) for text in TEXTS]
    path.write_bytes(gzip.compress("\n".join(rows).encode(), mtime=0))
    return path


def test_readings_differ_where_the_specification_says(sample):
    found = compare_rules("gopher_quality@datatrove", "gopher_quality@dolma", sample)
    assert found.documents == 4
    assert [change[1:] for change in found.changes] == [
        ("gopher_quality@datatrove: distinct_stop_words@datatrove=1 < 2", "kept")
    ]
    found = compare_rules("gopher_quality@dolma", "gopher_quality@dclm", sample)
    assert [change[2] for change in found.changes] == ["kept"]
    assert found.sides[True, True] == 2 and found.sides[False, False] == 1


@pytest.mark.parametrize("name", ["gopher_quality", "c4_structured", "gopher_quality@nemo"])
def test_a_rule_agrees_with_itself(sample, name):
    found = compare_rules(name, name, sample)
    assert found.changed == 0 and sum(found.sides.values()) == found.documents == 4


def test_differences_are_those_of_the_verdicts(sample):
    texts = pa.array([one.text for one in read_sample(sample)], pa.string())
    kept = []
    for name in ("gopher_quality@rpv2", "fineweb"):
        choice = load_rule(name)
        nothing = Cleaning(rule_tables=(), line_rule=None)
        dialects = tuple(build_policy(choice).list_dialects())
        tools = Instruments(list_instruments(Measuring(dialects=dialects), nothing, sample.parent))
        verdicts = judge(tools.measure_texts(texts), build_policy(choice))
        kept.append(verdicts["kept"].to_pylist())
    found = compare_rules("gopher_quality@rpv2", "fineweb", sample)
    assert found.changed == sum(a != b for a, b in zip(*kept, strict=True))


def test_a_sample_may_be_parquet_text_or_a_run(tmp_path):
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    for name in ("a.parquet", "a.txt"):
        assert [one.text for one in read_sample(tmp_path / name)] == TEXTS
    recipe = stage_samples.finish_run().run.recipe
    found = list(read_sample(recipe.folder / "recipe.yaml"))
    assert len(found) == len({one.name for one in found}) > 40


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("none.jsonl", InputError, "No such file"),
        ("pages.warc", UsageError, "give .jsonl"),
        ("bad.jsonl", InputError, "line 1"),
    ],
)
def test_a_bad_sample_is_named(tmp_path, name, error, message):
    (tmp_path / "bad.jsonl").write_text("{oops\n")
    with pytest.raises(error, match=message):
        list(read_sample(tmp_path / name))


def test_an_unknown_rule_is_refused(sample):
    with pytest.raises(RecipeError, match="no preset or file 'gopher_qualty'"):
        compare_rules("gopher_qualty", "fineweb", sample)


def test_rules_list_and_show(capsys):
    assert cli.main(["rules", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["tables"]) == set(list_tables())
    assert all(row["source"] for row in found["tables"].values())
    assert {"c4", "c4_structured"} <= set(found["line_rules"])
    assert "fineweb2" in found["presets"]
    assert cli.main(["rules", "list"]) == 0
    assert "gopher_repetition@nemo" in capsys.readouterr().out
    assert cli.main(["rules", "show", "gopher_quality@dolma"]) == 0
    assert "median_word_length@dolma" in capsys.readouterr().out
    assert cli.main(["rules", "show", "gopher_quality", "--json"]) == 0
    bounds = json.loads(capsys.readouterr().out)["bounds"]
    assert {"metric": "word_count", "min": 50, "max": 100_000} in bounds
    assert cli.main(["rules", "show", "fineweb"]) == 0
    capsys.readouterr()
    assert cli.main(["rules", "show", "nothing"]) == 2
    assert "fineweb2" in capsys.readouterr().err


def test_rules_diff_prints_who_changes_side(sample, capsys):
    run = ["rules", "diff", "gopher_quality@datatrove", "gopher_quality@dolma"]
    assert cli.main([*run, "--sample", str(sample)]) == 0
    assert "  1  gopher_quality@datatrove" in capsys.readouterr().out
    assert cli.main([*run, "--sample", str(sample), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["documents"] == 4 and len(found["changes"]) == 1
