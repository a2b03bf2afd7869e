"""The environment of what gristmill is compared with: made once, apart from gristmill's own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")


def find_python() -> Path:
    """The peers' interpreter; makes .venv-peers when there is none or its list has changed.

    $GRISTMILL_PEERS_PYTHON names another one, which is used as it is.

    Raises:
        RuntimeError: pip could not install the peers; the message has its last lines.
    """
    named = os.environ.get("GRISTMILL_PEERS_PYTHON")
    if named:
        return Path(named)
    folder = REPOSITORY / ".venv-peers"
    python = folder / "bin" / "python"
    marker = folder / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if marker.exists() and marker.read_text() == wanted:
        return python
    sys.stderr.write(f"installing {REQUIREMENTS.name} into {folder} (once)\n")
    _call_quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
    _call_quietly([str(python), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)])
    marker.write_text(wanted)
    return python


def _call_quietly(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stdout[-2000:]}")
