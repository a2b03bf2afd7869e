"""Instruments: what a recipe asks for is measured, decides, and is part of the units' keys."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import stage_samples
import yaml

from gristmill.cleaning.fasttext_format import write_model
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.rule_registry import DIALECTS, OTHER_METRICS, list_tables
from gristmill.pipelines import cli, part_files
from gristmill.pipelines.stages.instruments import (
    Instruments,
    describe_instruments,
    list_code,
    list_instruments,
)
from gristmill.schemas.errors import InputError
from gristmill.schemas.recipe import Cleaning, Measuring, load_recipe

PLAIN = Cleaning(rule_tables=(), line_rule=None)
TEXTS = [
    stage_samples.write_prose(1),
    "Nasty words such as poodle and big poodle stand here.",
    "Les mots de la cuisine sont sur la table avec le chat de la maison.",
    "",
]


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model that likes French, a list of bad words, a list of domains."""
    folder = tmp_path_factory.mktemp("instruments")
    english = [stage_samples.write_prose(number) for number in range(20)]
    french = [f"le chat {n} est sur la table de la cuisine avec les {n} mots" for n in range(20)]
    labels = ["en"] * 20 + ["fr"] * 20
    settings = TrainingSettings(dim=4, epoch=8, bucket=1000, lr=0.5)
    model = train_classifier([*english, *french], labels, settings)
    write_model(model, folder / "french.bin")
    (folder / "en.txt").write_text("poodle\nbig poodle\n")
    (folder / "domains").write_text("bad.example.org\n")
    return folder


def describe(folder, **changes):
    models = [{"name": "french", "kind": "fasttext", "path": "french.bin", "label": "fr"}]
    value = {
        "models": models,
        "word_lists": [
            {"language": "en", "path": "en.txt", "sha256": hash_file(folder / "en.txt")}
        ],
        "url_lists": [
            {"category": "pets", "path": "domains", "sha256": hash_file(folder / "domains")}
        ],
        "dialects": ["dolma"],
    }
    return value | changes


def prepare(folder, cleaning=PLAIN, **changes):
    measuring = Measuring.model_validate(describe(folder, **changes))
    return list_instruments(measuring, cleaning, folder)


def make_batch(texts=TEXTS):
    table = stage_samples.make_documents(texts, ids=[f"n{n}" for n in range(len(texts))])
    urls = [
        f"https://{name}/page" for name in ("good.org", "www.bad.example.org", "x.net", "y.net")
    ]
    place = table.schema.get_field_index("url")
    return part_files.as_batch(table.set_column(place, table.field("url"), pa.array(urls)))


def test_everything_that_is_asked_for_is_a_column(files):
    with Instruments(prepare(files)) as tools:
        found = tools.measure_documents(make_batch())
    found.validate(full=True)
    assert found.schema.equals(tools.schema)
    assert found["url_categories"].to_pylist() == [[], ["pets"], [], []]
    scores = found["score@french"].to_pylist()
    assert scores[2] > 0.9 > scores[0]
    counts = found["bad_word_count"].to_pylist()
    assert counts[1] >= 2 and counts[0] == 0
    assert found["word_count@dolma"].to_pylist()[2] == len(TEXTS[2].split())


def test_rows_do_not_depend_on_their_neighbours(files):
    batch = make_batch()
    with Instruments(prepare(files)) as tools:
        together = tools.measure_documents(batch)
        for row in range(batch.num_rows):
            alone = tools.measure_documents(batch.slice(row, 1))
            assert repr(alone.to_pylist()) == repr(together.slice(row, 1).to_pylist())  # NaN, too


def test_rules_bring_their_dialects():
    cleaning = Cleaning(rule_tables=("gopher_quality@dclm",), line_rule="c4@datatrove")
    params = list_instruments(Measuring(), cleaning, Path())
    assert params["dialects"] == ["datatrove", "dclm"]
    code = list_code(params)
    assert {"gristmill.cleaning.dialects.dclm", "gristmill.cleaning.segments"} <= set(code)
    assert "gristmill.cleaning.dialects.dolma" not in code


def test_keys_follow_what_files_hold_and_not_where_they_lie(files, tmp_path):
    first = describe_instruments(prepare(files))
    other = tmp_path / "moved"
    shutil.copytree(files, other)
    assert describe_instruments(prepare(other)) == first
    settings = TrainingSettings(dim=4, epoch=1, bucket=10)
    write_model(train_classifier(["a b", "c d"], ["en", "fr"], settings), other / "french.bin")
    assert describe_instruments(prepare(other)) != first


@pytest.mark.parametrize("name", ["word_lists", "url_lists"])
def test_a_list_that_is_not_the_pinned_one_is_refused(files, name):
    [listed] = describe(files)[name]
    wrong = {name: [listed | {"sha256": "0" * 64}]}
    with pytest.raises(InputError, match="0" * 64):
        Instruments(prepare(files, **wrong))


def test_every_dialect_measures_what_its_tables_bound():
    params = list_instruments(Measuring(dialects=DIALECTS), PLAIN, Path())
    with Instruments(params) as tools:
        bounded = {bound.metric for bounds in list_tables().values() for bound in bounds}
        assert bounded - set(OTHER_METRICS) <= set(tools.schema.names)
        assert tools.measure_documents(make_batch()).num_rows == len(TEXTS)


def test_scores_lists_and_languages_decide_in_a_run(files, tmp_path, capsys):
    stage_samples.write_inputs(tmp_path)
    for name in ("french.bin", "en.txt"):
        shutil.copy(files / name, tmp_path / name)
    (tmp_path / "domains").write_text("example.org\n")
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    listed = {"category": "pets", "path": "domains", "sha256": hash_file(tmp_path / "domains")}
    recipe["measuring"] = describe(tmp_path, url_lists=[listed])
    recipe["cleaning"] = {
        "rule_tables": ["gopher_quality@dolma"],
        "bounds": [{"metric": "score@french", "max": 0.5}],
        "line_rule": None,
        "by_language": {"fr": {"rule_tables": [], "limits": {"word_count": {"min": 1000}}}},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert cli.main(["--quiet", "run", str(tmp_path / "recipe.yaml")]) == 0
    assert "sample 1.0.0" in capsys.readouterr().out
    kept = load_recipe(tmp_path / "recipe.yaml")
    dropped = read_rules(kept)
    assert dropped["custom/score@french"] == 1  # of a language with limits of its own, too
    assert dropped["gopher_quality@dolma/word_count@dolma"] == 1
    recipe["cleaning"]["url_categories"] = ["pets"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    whole = len(list((tmp_path / "run/work/measure/units").iterdir()))
    assert cli.main(["--quiet", "run", str(tmp_path / "recipe.yaml")]) == 0
    assert set(read_rules(kept)) == {"url_list"}
    assert len(list((tmp_path / "run/work/measure/units").iterdir())) == whole


def read_rules(recipe):
    manifest = json.loads((recipe.output_path / "work/decide.apply/manifest.json").read_bytes())
    return manifest["totals"]["dropped"]


def test_a_score_that_no_model_gives_fails_at_load(tmp_path, capsys):
    stage_samples.write_inputs(tmp_path)
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    recipe["cleaning"]["bounds"] = [{"metric": "score@french", "max": 0.5}]
    recipe["cleaning"]["url_categories"] = ["pets"]
    recipe["measuring"] = {"dialects": ["dolmo"]}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert cli.main(["plan", str(tmp_path / "recipe.yaml")]) == 2
    said = capsys.readouterr().err
    assert "score@french" in said and "pets" in said and "did you mean dolma" in said
