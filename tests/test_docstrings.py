"""Every public thing says what it is; no function or file is too long to read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("schemas", "cleaning", "dedup", "tokenize", "training", "pipelines")
FILES = sorted(path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))
MAX_BODY_LINES = 60
MAX_FILE_LINES = 420
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def name_file(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def list_public(
    node: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, Definition]]:
    """Public classes and functions, and those inside public classes."""
    for child in node.body:
        if isinstance(child, Definition) and not child.name.startswith("_"):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from list_public(child, f"{prefix}{child.name}.")


def measure_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return int(statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def find_undocumented(tree: ast.Module) -> list[str]:
    missing = [] if ast.get_docstring(tree) else ["module"]
    missing += [name for name, node in list_public(tree) if not ast.get_docstring(node)]
    return missing


def find_long(tree: ast.Module) -> list[str]:
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and measure_body(node) > MAX_BODY_LINES
    ]


@pytest.mark.parametrize("path", FILES, ids=name_file)
def test_a_file_can_be_read(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert find_undocumented(tree) == []
    assert find_long(tree) == []
    assert len(text.splitlines()) <= MAX_FILE_LINES


def test_the_folders_have_files():
    assert len(FILES) > 100
    assert {name_file(path).partition("/")[0] for path in FILES} == set(FOLDERS)


def test_what_is_missing_is_named():
    source = (
        "class C:\n    'x'\n    def m(self): ...\n    def _p(self): ...\n"
        "class D: ...\ndef f(): ...\ndef _g(): ...\nclass _E:\n    def m(self): ...\n"
    )
    assert find_undocumented(ast.parse(source)) == ["module", "C.m", "D", "f"]


@pytest.mark.parametrize(("lines", "long"), [(MAX_BODY_LINES, []), (MAX_BODY_LINES + 1, ["f"])])
def test_long_bodies_are_named(lines, long):
    source = 'def f():\n    """Say.\n\n    More.\n    """\n' + "    x = 1\n" * lines
    assert find_long(ast.parse(source)) == long
