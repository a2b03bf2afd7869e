"""Units of work: a slice of input that one child handles from start to end.

A unit is named by its key: hash of the stage, the recipe fragment that matters
to it, the code that runs it and the content of its inputs. Never a rank or a
position, so a finished unit is found again whatever the order or worker count.
"""

import ast
import functools
import hashlib
import importlib.util
import json
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from gristmill.schemas.atomic_files import PARTIAL_SUFFIX
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import Place, StorePath, find_place

KEY_BYTES = 12
RECORD_FILE = "record.json"


@dataclass(frozen=True)
class Unit:
    """A handle that travels through Beam as JSON bytes and is carried out by a child.

    `work` names a function ``module:function`` taking (`UnitContext`); `params`
    holds only what JSON can say.
    """

    stage: str
    key: str
    title: str
    work: str
    folder: str  # absolute or an address; whole when its record is there
    params: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Serialise as canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True).encode("utf-8")

    @staticmethod
    def decode(payload: bytes) -> "Unit":
        """Inverse of `encode`."""
        return Unit(**json.loads(payload))

    @property
    def record_path(self) -> Place:
        """The ledger record: no one sees it before every part is there."""
        return find_place(self.folder) / RECORD_FILE

    def partial_folder(self, pid: int) -> Path:
        """Where a child works on the unit, on its own disk, before its folder appears."""
        final = find_place(self.folder)
        if isinstance(final, StorePath):
            return Path(tempfile.gettempdir()) / f"gristmill-{self.key}.{pid}{PARTIAL_SUFFIX}"
        return final.with_name(f"{final.name}.{pid}{PARTIAL_SUFFIX}")


def make_key(stage: str, fragment: Any, code: str, inputs: Sequence[str]) -> str:
    """Name a unit by what decides its output.

    Args:
        stage: name of the stage or step.
        fragment: the part of the recipe that matters, as JSON values.
        code: version of the code that runs it, see `hash_code`.
        inputs: content digests of the inputs, in a meaningful order.

    Returns:
        24 hex digits.
    """
    rendered = json.dumps(fragment, sort_keys=True, default=sorted)
    return hash_parts("unit", stage, rendered, code, *inputs, size=KEY_BYTES).hex()


@functools.cache
def hash_code(*names: str) -> str:
    """Hash the source of packages, modules or installed distributions.

    A name that starts with ``dist:`` stands for the version of an installed
    distribution; any other is an importable package or module.

    Returns:
        32 hex digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    # Normalisation and word rules follow the interpreter's Unicode tables.
    digest.update(unicodedata.unidata_version.encode("ascii"))
    for name in sorted(names):
        digest.update(name.encode("utf-8") + b"\0")
        if name.startswith("dist:"):
            digest.update(metadata.version(name.removeprefix("dist:")).encode("utf-8"))
            continue
        module = import_module(name)
        if hasattr(module, "__path__"):
            files = sorted(path for root in module.__path__ for path in Path(root).glob("*.py"))
        else:
            files = [Path(str(module.__file__))]
        for path in files:
            digest.update(path.name.encode("utf-8") + b"\0" + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def trace_modules(package: str, *roots: str) -> tuple[str, ...]:
    """Find the modules of a package that some modules import, at any distance.

    Args:
        package: such as ``gristmill.cleaning``; imports from elsewhere are not followed.
        roots: modules of it.

    Returns:
        Their names and those of the roots, sorted.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ImportError(f"{name} has no source")
        tree = ast.parse(Path(spec.origin).read_bytes())
        waiting += [one for one in _list_imports(tree) if one.startswith(f"{package}.")]
    return tuple(sorted(found))


def _list_imports(tree: ast.AST) -> Iterator[str]:
    """Name every module that a source may import; of a package also its members."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            members = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in members if _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False
