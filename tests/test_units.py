"""Unit keys: they change with everything that decides a unit's output, and with nothing else."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stage_samples
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import units
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages import (
    collect_steps,
    decide_steps,
    deduplicate_steps,
    instruments,
    measure,
    tokenize_steps,
)
from gristmill.pipelines.stages.planning import Slot, Work, plan_units
from gristmill.schemas.recipe import Cleaning, Measuring, load_recipe

REPOSITORY = Path(__file__).parents[1]
names = st.text(st.characters(codec="utf-8"), max_size=8)
fragments = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
handles = st.builds(
    units.Unit, names, names, names, names, names, st.dictionaries(names, fragments, max_size=3)
)


@given(handles)
def test_handles_survive_the_wire(unit):
    assert units.Unit.decode(unit.encode()) == unit
    assert b"\n" not in unit.encode()  # a list holds one a line


@given(names, fragments, names, st.lists(names, max_size=3))
def test_keys_depend_on_each_part(stage, fragment, code, inputs):
    key = units.make_key(stage, fragment, code, inputs)
    assert len(key) == 24 and int(key, 16) >= 0
    assert key == units.make_key(stage, fragment, code, list(inputs))
    others = [
        units.make_key(stage + "x", fragment, code, inputs),
        units.make_key(stage, [fragment], code, inputs),
        units.make_key(stage, fragment, code + "x", inputs),
        units.make_key(stage, fragment, code, [*inputs, ""]),
    ]
    assert len({key, *others}) == 5


def test_keys_do_not_depend_on_the_order_of_mappings():
    forward, backward = {"a": 1, "b": [2]}, {"b": [2], "a": 1}
    assert units.make_key("s", forward, "", []) == units.make_key("s", backward, "", [])


def test_keys_of_a_recipe_are_the_same_in_every_process(tmp_path):
    recipe = stage_samples.RECIPE.replace("[email]", "[email, ipv4, ipv6]")
    (tmp_path / "recipe.yaml").write_text(recipe)
    script = (
        "import pathlib, sys\n"
        "from gristmill.pipelines.units import make_key\n"
        "from gristmill.schemas.recipe import load_recipe\n"
        "recipe = load_recipe(pathlib.Path(sys.argv[1]))\n"
        "print(make_key('s', recipe.model_dump(mode='json'), '', []), recipe.digest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "recipe.yaml")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_code_is_hashed_by_content(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "hashed_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("x = 1\n")
    (tmp_path / "hashed_module.py").write_text("y = 1\n")
    asked = ("hashed_package", "hashed_module")

    def hash_now() -> str:
        units.hash_code.cache_clear()
        return units.hash_code(*asked)

    first = hash_now()
    assert len(first) == 32 and first == units.hash_code(*reversed(asked))
    (package / "one.py").write_text("x = 2\n")
    second = hash_now()
    (package / "two.py").write_text("")
    third = hash_now()
    (tmp_path / "hashed_module.py").write_text("y = 2\n")
    assert len({first, second, third, hash_now()}) == 4


def test_versions_of_distributions_count(monkeypatch):
    found = set()
    for version in ("1.0", "1.1"):
        monkeypatch.setattr(units.metadata, "version", lambda name, version=version: version)
        units.hash_code.cache_clear()
        found.add(units.hash_code("dist:pyarrow"))
    units.hash_code.cache_clear()
    assert len(found) == 2


def plan(folder: Path, slots: list[Slot], fragment: object = None) -> list[str]:
    (folder / "recipe.yaml").write_text(stage_samples.RECIPE)
    run = Run(
        load_recipe(folder / "recipe.yaml"), stage_samples.carry_out_list, stage_samples.QUIET
    )
    work = Work("measure", "measure:measure_part", fragment, ("gristmill.schemas.tables",))
    return [unit.key for unit in plan_units(run, work, slots, shared_params={"a": 1}).units]


def test_units_of_equal_bytes_are_two_units(tmp_path):
    keys = plan(
        tmp_path, [Slot("validation-00000-of-00001", ["0"]), Slot("test-00000-of-00001", ["0"])]
    )
    assert len(set(keys)) == 2


def test_where_things_lie_is_not_part_of_a_key(tmp_path):
    left = plan(tmp_path, [Slot("a.gz", ["0"], {"path": "/one/a.gz"})])
    right = plan(tmp_path, [Slot("a.gz", ["0"], {"path": "/two/a.gz"})])
    assert left == right != plan(tmp_path, [Slot("a.gz", ["1"], {"path": "/one/a.gz"})])


#: What turns bytes into bytes. The rest of pipelines/ plans and runs units, and decides none.
DATA_FOLDERS = ("cleaning", "dedup", "tokenize")
DATA_MODULES = {"exchange", "lookups", "part_files", "set_aside", "sources"}
STAGES = (collect_steps, measure, deduplicate_steps, decide_steps, tokenize_steps)


def find_module(name: str) -> Path | None:
    path = REPOSITORY.joinpath(*name.split(".")[1:]).with_suffix(".py")
    return path if path.exists() else None


def is_data_code(name: str) -> bool:
    _, folder, *rest = name.split(".")
    return folder in DATA_FOLDERS or (folder == "pipelines" and rest[0] in DATA_MODULES)


def list_imports(name: str) -> Iterator[str]:
    path = find_module(name)
    assert path is not None
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gristmill."):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if find_module(full) else str(node.module)


def expand(code: tuple[str, ...]) -> set[str]:
    found = set()
    for name in code:
        if find_module(name):
            found.add(name)
        elif not name.startswith("dist:"):
            files = REPOSITORY.joinpath(*name.split(".")[1:]).glob("*.py")
            found |= {f"{name}.{path.stem}" for path in files if path.stem != "__init__"}
    return found


def list_code(stage):
    """What goes into the keys of a stage whose policy has rules of one dialect."""
    cleaning = Cleaning(rule_tables=("gopher_quality@dclm",))
    if stage is measure:
        params = instruments.list_instruments(Measuring(), cleaning, Path())
        return (*stage.CODE, *instruments.list_code(params))
    if stage is decide_steps:
        return decide_steps.list_code(cleaning)
    return stage.CODE


@pytest.mark.parametrize("stage", STAGES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_keys_cover_all_code_that_decides_the_output(stage):
    covered = expand(list_code(stage))
    assert covered
    waiting, seen = list(covered), set(covered)
    while waiting:
        for name in list_imports(waiting.pop()):
            if is_data_code(name) and name not in seen:
                seen.add(name)
                waiting.append(name)
    assert seen - covered == set()


@pytest.mark.parametrize("stage", STAGES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_code_names_exist(stage):
    assert len(units.hash_code(*stage.CODE)) == 32
