"""The public names of every module: what the outside may rely on changes here first.

Run with ``GRISTMILL_UPDATE=1`` to write the file anew, and look at what git says.
"""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("schemas", "cleaning", "dedup", "tokenize", "training", "pipelines")
GOLDEN = Path(__file__).parent / "cases" / "public_names.txt"


def list_targets(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from list_targets(element)


def list_defined(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements define, also inside if, try, with and for; imports define none."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from list_targets(target)
        elif isinstance(node, ast.AnnAssign | ast.For):
            yield from list_targets(node.target)
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from list_defined(getattr(node, field, []))


def list_public(path: Path) -> list[str]:
    names = list_defined(ast.parse(path.read_text(encoding="utf-8")).body)
    return sorted({name for name in names if not name.startswith("_")})


def render_names() -> str:
    lines = [
        f"{path.relative_to(REPOSITORY).as_posix()}: {name}\n"
        for folder in FOLDERS
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for name in list_public(path)
    ]
    return "".join(lines)


def test_public_names_are_frozen():
    found = render_names()
    if os.environ.get("GRISTMILL_UPDATE"):
        GOLDEN.write_text(found, encoding="utf-8")
    frozen = GOLDEN.read_text(encoding="utf-8").splitlines()
    new = sorted(set(found.splitlines()) - set(frozen))
    gone = sorted(set(frozen) - set(found.splitlines()))
    assert (new, gone) == ([], []), "set GRISTMILL_UPDATE=1 if this change is meant"
    assert found.splitlines() == frozen


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a\nfrom b import c, d as e", []),
        ("def f(): x = 1\nclass C:\n    y = 2\n_z = 3", ["C", "f"]),
        ("a = b = 1\nc, (d, _e) = 1, (2, 3)\nf: int = 4\ng: int", list("abcdfg")),
        ("if 1:\n    a = 1\nelse:\n    b = 2\ntry:\n    c = 1\nfinally:\n    d = 2", list("abcd")),
        ("for _tag, name in x:\n    y = 1", ["name", "y"]),
        ("a.b = 1\na[0] = 2\nx += 1", []),
    ],
)
def test_names_are_those_that_a_module_defines(tmp_path, source, names):
    (tmp_path / "module.py").write_text(source)
    assert list_public(tmp_path / "module.py") == names
