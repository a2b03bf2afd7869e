"""Who may import whom. Crossing a line means editing this table in review."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("schemas", "cleaning", "dedup", "tokenize", "training", "pipelines")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "cleaning": {"schemas", "cleaning"},
    "dedup": {"schemas", "dedup"},
    "tokenize": {"schemas", "tokenize"},
    "training": {"schemas", "tokenize", "training"},
    "pipelines": {"schemas", "cleaning", "dedup", "tokenize", "pipelines"},
}
#: The one place where both halves meet: verbs that load training only when called.
MEETING_PLACE = REPOSITORY / "pipelines" / "commands.py"
ONLY_IN = {"apache_beam": "pipelines", "torch": "training", "transformers": "training"}
UNSAFE = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def list_files(folder: str) -> list[Path]:
    return sorted((REPOSITORY / folder).rglob("*.py"))


def list_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield str(node.module)


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_import_only_what_they_may(folder):
    files = list_files(folder)
    assert files
    for path in files:
        if path == MEETING_PLACE:
            continue
        for name in list_imports(path):
            if name.startswith("gristmill."):
                assert name.split(".")[1] in MAY_IMPORT[folder], f"{path} imports {name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_heavy_packages_stay_in_their_folder(folder):
    for path in list_files(folder):
        for name in list_imports(path):
            home = ONLY_IN.get(name.split(".")[0], folder)
            assert home == folder or path == MEETING_PLACE, f"{path} imports {name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_unpickles(folder):
    for path in list_files(folder):
        assert not UNSAFE & {name.split(".")[0] for name in list_imports(path)}, path


def test_training_is_loaded_only_when_called():
    tree = ast.parse(MEETING_PLACE.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
    assert not any("training" in name or "torch" in name or "beam" in name for name in names)


def test_tokenize_stays_without_init():
    assert not (REPOSITORY / "tokenize" / "__init__.py").exists()
    assert not (REPOSITORY / "tests" / "__init__.py").exists()


def test_the_standard_library_keeps_its_tokenize():
    import tokenize

    assert Path(str(tokenize.__file__)).parent == Path(sys.modules["os"].__file__).parent


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_catch_all_modules(folder):
    banned = {"utils", "util", "helpers", "base", "manager", "common", "misc"}
    assert not {path.stem for path in list_files(folder)} & banned


BROAD_ALLOWED = {REPOSITORY / "pipelines" / "children.py"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_broad_excepts_only_at_the_child_border(folder):
    for path in list_files(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = (
                {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
                if node.type
                else {"bare"}
            )
            broad = kinds & {"bare", "Exception", "BaseException"}
            raises = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
            assert not broad or raises or path in BROAD_ALLOWED, f"{path}:{node.lineno}"
