"""Environments of what gristmill is compared with: made once, apart from gristmill's own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

NO_DEPENDENCIES = "Installed with --no-deps"
REPOSITORY = Path(__file__).resolve().parents[2]


def find_python(name: str = "peers") -> Path:
    """The interpreter of an environment of peers; makes one if there is none or its list changed.

    The environment is .venv-<name>, made from requirements-<name>.txt beside this file.
    $GRISTMILL_<NAME>_PYTHON names another interpreter, which is used as it is.

    Args:
        name: ``peers``, or ``extraction`` for what cannot be installed beside them.

    Raises:
        RuntimeError: pip could not install the peers; the message has its last lines.
    """
    named = os.environ.get(f"GRISTMILL_{name.upper()}_PYTHON")
    if named:
        return Path(named)
    requirements = Path(__file__).with_name(f"requirements-{name}.txt")
    folder = REPOSITORY / f".venv-{name}"
    python = folder / "bin" / "python"
    marker = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if marker.exists() and marker.read_text() == wanted:
        return python
    sys.stderr.write(f"installing {requirements.name} into {folder} (once)\n")
    _call_quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
    # A list that says so is complete, and its pins would not resolve.
    alone = ["--no-deps"] if NO_DEPENDENCIES in requirements.read_text() else []
    _call_quietly([str(python), "-m", "pip", "install", "-q", *alone, "-r", str(requirements)])
    marker.write_text(wanted)
    return python


def _call_quietly(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stdout[-2000:]}")
