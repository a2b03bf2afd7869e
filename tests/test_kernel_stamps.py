"""Cached kernels are compiled anew when a module that is compiled into them changes.

Numba looks only at the file of a kernel to tell whether its cached machine code is of
today; constants, tables and functions of other modules are in that code too. So the file
ends in a digest of those modules: it changes when they do.
"""

import ast
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("schemas", "cleaning", "dedup", "tokenize", "training", "pipelines")
PACKAGE = "gristmill"
MARK = "# kernels of: "
COMPILERS = {"njit", "jit", "vectorize", "guvectorize"}


class Sources:
    """The modules of the package below a folder, parsed when they are asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._trees: dict[Path, ast.Module] = {}
        self._imports: dict[Path, list[tuple[Path, str, str]]] = {}

    def list_modules(self) -> list[Path]:
        return sorted(path for name in FOLDERS for path in (self.root / name).rglob("*.py"))

    def read_tree(self, path: Path) -> ast.Module:
        if path not in self._trees:
            self._trees[path] = ast.parse(path.read_text(encoding="utf-8"))
        return self._trees[path]

    def find_module(self, name: str) -> Path | None:
        """The file of a module of the package; None for other modules and plain names."""
        first, *parts = name.split(".")
        path = self.root.joinpath(*parts)
        choices = [path.with_suffix(".py"), path / "__init__.py"] if parts else []
        return next((file for file in choices if first == PACKAGE and file.exists()), None)

    def list_imports(self, path: Path) -> list[tuple[Path, str, str]]:
        """Modules of the package that a module imports: the name there, and the one here."""
        if path not in self._imports:
            self._imports[path] = list(self._find_imports(path))
        return self._imports[path]

    def _find_imports(self, path: Path) -> Iterator[tuple[Path, str, str]]:
        for node in ast.walk(self.read_tree(path)):
            for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                here = alias.asname or alias.name
                if isinstance(node, ast.Import):
                    found = self.find_module(alias.name)
                else:
                    found = self.find_module(f"{node.module}.{alias.name}")
                    found = found or self.find_module(str(node.module))
                if found is not None:
                    yield found, alias.name, here

    def list_needed(self, path: Path) -> set[Path]:
        """All modules of the package that a module imports, and that those import."""
        needed: set[Path] = set()
        waiting = [path]
        while waiting:
            found = {file for file, _, _ in self.list_imports(waiting.pop())} - needed
            needed |= found
            waiting += found
        return needed - {path}

    def makes_kernels(self, path: Path, name: str) -> bool:
        """Whether what a module calls so compiles what it decorates, and keeps the code."""
        for node in self.read_tree(path).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return caches_code(node)
            if isinstance(node, ast.Assign) and name in map(ast.unparse, node.targets):
                return caches_code(node.value)
        return any(
            file != path and self.makes_kernels(file, there)
            for file, there, here in self.list_imports(path)
            if here == name
        )

    def has_kernels(self, path: Path) -> bool:
        return any(
            caches_code(mark) or (isinstance(mark, ast.Name) and self.makes_kernels(path, mark.id))
            for node in ast.walk(self.read_tree(path))
            if isinstance(node, ast.FunctionDef)
            for mark in node.decorator_list
        )

    def find_stamp(self, path: Path) -> str | None:
        """The line that a module has to carry, if it has to."""
        needed = self.list_needed(path)
        if not needed or not self.has_kernels(path):
            return None
        digest = hashlib.sha256()
        for file in sorted(needed):
            lines, _ = read_lines(file)
            name = file.relative_to(self.root).as_posix()
            digest.update("\n".join([name, *lines, ""]).encode())
        return MARK + digest.hexdigest()[:16]


def caches_code(code: ast.AST) -> bool:
    """Whether there is a call of numba's compiler with ``cache=True`` in a piece of code."""
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in COMPILERS:
            for word in node.keywords:
                if word.arg == "cache" and ast.unparse(word.value) == "True":
                    return True
    return False


def read_lines(path: Path) -> tuple[list[str], list[str]]:
    """The lines of a module without stamps and blank lines at its end, and the stamps."""
    lines = path.read_text(encoding="utf-8").split("\n")
    kept = [line for line in lines if not line.startswith(MARK)]
    while kept and not kept[-1].strip():
        kept.pop()
    return kept, [line for line in lines if line.startswith(MARK)]


def list_stale(root: Path) -> list[Path]:
    """Modules that do not carry the stamp they have to carry."""
    sources = Sources(root)
    stale = []
    for path in sources.list_modules():
        stamp = sources.find_stamp(path)
        if read_lines(path)[1] != ([stamp] if stamp else []):
            stale.append(path)
    return stale


def write_stamps(root: Path) -> None:
    """Give modules the stamps they have to carry; no stamp depends on another."""
    stale = list_stale(root)
    sources = Sources(root)
    for path in stale:
        stamp = sources.find_stamp(path)
        ending = ["", "", stamp] if stamp else []
        path.write_text("\n".join([*read_lines(path)[0], *ending, ""]), encoding="utf-8")


def test_kernels_are_of_the_modules_that_they_import() -> None:
    if os.environ.get("GRISTMILL_UPDATE"):
        write_stamps(REPOSITORY)
    names = [path.relative_to(REPOSITORY).as_posix() for path in list_stale(REPOSITORY)]
    assert not names, (
        f"modules that are compiled into the kernels of {', '.join(names)} changed, and numba's "
        "cache would not see it: run `GRISTMILL_UPDATE=1 pytest tests/test_kernel_stamps.py`"
    )


MODULES = {
    "schemas/sizes.py": "SIZE = 3",
    "cleaning/tables.py": "from gristmill.schemas.sizes import SIZE\nTABLE = (SIZE,)",
    "cleaning/making.py": "import numba\n"
    "def compiled(kernel):\n    return numba.njit(cache=True)(kernel)\n"
    "inlined = numba.njit(inline='always')",
    "cleaning/imported_maker.py": "from gristmill.cleaning import tables\n"
    "from gristmill.cleaning.making import compiled as quick\n"
    "@quick\ndef add(x): return x + tables.TABLE[0]",
    "dedup/plain.py": "import numba\nimport gristmill.cleaning.tables\n"
    "@numba.njit(cache=True, nogil=True)\ndef add(x): return x",
    "dedup/own_maker.py": "from numba import njit\nfrom gristmill.dedup.plain import add\n"
    "kept = njit(cache=True)\n@kept\ndef more(x): return add(x)",
    "tokenize/no_imports.py": "import numba\n@numba.njit(cache=True)\ndef add(x): return x",
    "tokenize/no_kernels.py": "from gristmill.cleaning.making import compiled, inlined\n"
    "@inlined\ndef add(x): return x",
    "tokenize/no_cache.py": "import numba\nfrom gristmill.cleaning.tables import TABLE\n"
    "@numba.njit(cache=False)\ndef add(x): return x",
}
STAMPED = ["cleaning/imported_maker.py", "dedup/own_maker.py", "dedup/plain.py"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small package whose kernels all have their stamps."""
    for name, source in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source + "\n", encoding="utf-8")
    assert name_stale(tmp_path) == STAMPED
    write_stamps(tmp_path)
    assert name_stale(tmp_path) == []
    return tmp_path


def name_stale(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in list_stale(root)]


def test_stamps_are_written_once_and_keep_the_source(tree: Path) -> None:
    for name, source in MODULES.items():
        text = (tree / name).read_text(encoding="utf-8")
        assert text.startswith(source + "\n")
        assert text.count(MARK) == (name in STAMPED)
    before = [path.read_bytes() for path in sorted(tree.rglob("*.py"))]
    write_stamps(tree)
    assert [path.read_bytes() for path in sorted(tree.rglob("*.py"))] == before


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("schemas/sizes.py", STAMPED),
        ("cleaning/tables.py", STAMPED),
        ("cleaning/making.py", ["cleaning/imported_maker.py"]),
        ("dedup/plain.py", ["dedup/own_maker.py"]),
        ("dedup/own_maker.py", []),
        ("tokenize/no_imports.py", []),
    ],
)
def test_a_change_makes_the_kernels_stale(tree: Path, changed: str, stale: list[str]) -> None:
    path = tree / changed
    path.write_text("# changed\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert name_stale(tree) == stale


def test_a_stamp_without_need_is_found_and_removed(tree: Path) -> None:
    path = tree / "tokenize/no_imports.py"
    path.write_text(path.read_text(encoding="utf-8") + MARK + "0" * 16 + "\n", encoding="utf-8")
    assert name_stale(tree) == ["tokenize/no_imports.py"]
    write_stamps(tree)
    assert MARK not in path.read_text(encoding="utf-8")
