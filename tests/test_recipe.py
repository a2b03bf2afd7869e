"""Recipes: closed, frozen, every mistake at once, and YAML without its surprises."""

from importlib import resources
from pathlib import Path

import pytest

from gristmill.pipelines import cli
from gristmill.pipelines.policies import build_policy
from gristmill.schemas.errors import RecipeError
from gristmill.schemas.recipe import Recipe, load_recipe
from gristmill.schemas.yaml_files import read_yaml

SHIPPED = sorted(
    (item for item in resources.files("gristmill.pipelines.recipes").iterdir()),
    key=lambda item: item.name,
)
SHIPPED = [item for item in SHIPPED if item.name.endswith(".yaml")]

GOOD = """
name: small
sources:
  - {name: web, kind: commoncrawl, paths: [a.warc.gz]}
cleaning: {languages: {no: 0.5, en: 0.65}}
publishing: {dataset: small}
output: out
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("item", SHIPPED, ids=lambda item: item.name)
def test_every_shipped_recipe_loads_and_builds_its_policy(item):
    recipe = load_recipe(Path(str(item)))
    build_policy(recipe.cleaning)
    assert recipe.name == item.name.removesuffix(".yaml")


def test_there_are_shipped_recipes():
    assert len(SHIPPED) >= 3


def test_norwegian_stays_norwegian(tmp_path):
    recipe = load_recipe(write(tmp_path, GOOD))
    assert recipe.cleaning.languages == {"no": 0.5, "en": 0.65}


@pytest.mark.parametrize("word", ["no", "on", "y", "off", "12:30:45", "0x1f", "2024-01-01"])
def test_plain_words_stay_words(tmp_path, word):
    assert read_yaml(write(tmp_path, f"a: {word}"))["a"] == word


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("null", None), ("-3", -3), ("1e-3", 0.001), ("2.5", 2.5)]
)
def test_plain_values_are_values(tmp_path, text, value):
    assert read_yaml(write(tmp_path, f"a: {text}"))["a"] == value


def test_three_mistakes_give_one_message_and_exit_2(tmp_path, capsys):
    text = (
        GOOD.replace("paths: [a.warc.gz]", "paths: [a.warc.gz], main_contnt: true")
        .replace("en: 0.65", "en: 65")
        .replace("dataset: small", "dataset: Sm all")
    )
    assert cli.main(["run", str(write(tmp_path, text))]) == 2
    message = capsys.readouterr().err
    assert "3 mistakes" in message
    assert "sources.0.main_contnt: unknown key" in message
    assert "cleaning.languages: score 65 of 'en' is not between 0 and 1" in message
    assert "publishing.dataset: String should match pattern" in message


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("name: small", "name: small\nnmae: x"), "nmae", "unknown key"),
        (("name: small", "name: small\nfolder: /etc"), "folder", "unknown key"),
        (("kind: commoncrawl", "kind: carrier-pigeon"), "sources.0", "carrier-pigeon"),
        (("[a.warc.gz]", "[]"), "sources.0", "needs either paths or a selection"),
        (
            ("cleaning: {", "deduplication: {near: {bands: 0}}\ncleaning: {"),
            "deduplication.near.bands",
            "greater than or equal to 1",
        ),
        (
            ("cleaning: {", "cleaning: {bounds: [{metric: word_count}], "),
            "cleaning.bounds.0",
            "needs min, max, above or below",
        ),
        (
            ("cleaning: {", "splits: {validation: 0.6, test: 0.5}\ncleaning: {"),
            "splits",
            "leave nothing to train on",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path(tmp_path, change, path, message):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(RecipeError) as error:
        load_recipe(write(tmp_path, text))
    assert [(place, message in said) for place, said in error.value.mistakes] == [(path, True)]


def test_unknown_tables_and_metrics_fail_at_load(tmp_path, capsys):
    text = GOOD.replace("cleaning: {", "cleaning: {rule_tables: [gopher_qualty], line_rule: c5, ")
    assert cli.main(["plan", str(write(tmp_path, text))]) == 2
    message = capsys.readouterr().err
    assert "cleaning.rule_tables" in message and "gopher_qualty" in message
    assert "cleaning.line_rule" in message and "c5" in message


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "a: !!python/object/apply:os.system ['true']",
        "[" * 100_000,
        "\x00",
        "- a list",
    ],
)
def test_hostile_yaml_is_refused(tmp_path, text):
    with pytest.raises(RecipeError):
        load_recipe(write(tmp_path, text))


def test_where_things_lie_does_not_change_the_digest(tmp_path):
    here = load_recipe(write(tmp_path, GOOD))
    moved = load_recipe(write(tmp_path, GOOD.replace("a.warc.gz", "b/*.warc.gz")), output="x")
    changed = load_recipe(write(tmp_path, GOOD.replace("0.65", "0.7")))
    assert here.digest() == moved.digest() != changed.digest()


def test_order_of_sources_does_not_change_the_digest(tmp_path):
    more = "  - {name: wiki, kind: wikipedia, paths: [w.bz2]}\n"
    first = GOOD.replace("cleaning:", more + "cleaning:")
    second = GOOD.replace("sources:\n", "sources:\n" + more)
    digests = {load_recipe(write(tmp_path, text)).digest() for text in (first, second)}
    assert len(digests) == 1


def test_recipes_are_frozen(tmp_path):
    recipe = load_recipe(write(tmp_path, GOOD))
    with pytest.raises(Exception, match="frozen"):
        recipe.name = "other"  # type: ignore[misc]
    assert isinstance(recipe, Recipe)
