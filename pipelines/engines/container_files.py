"""What an image of Dataflow workers is built from, written to a folder of the user's."""

from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path

from gristmill.schemas.atomic_files import create_once
from gristmill.schemas.errors import UsageError

FILES = ("Containerfile", "Containerfile.template", "build.sh", "launch.py", "template.json")
CONSTRAINTS = "constraints.txt"


def write_files(folder: Path) -> list[Path]:
    """Write the recipe of the images, the template and this installation's versions.

    Args:
        folder: made if it is not there.

    Returns:
        The files, in the order of their names.

    Raises:
        UsageError: one of them is there already and differs.
    """
    shipped = resources.files("gristmill.pipelines.engines") / "dataflow_files"
    payloads = {name: (shipped / name).read_bytes() for name in FILES}
    payloads[CONSTRAINTS] = "\n".join([*list_versions(), ""]).encode("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, payload in sorted(payloads.items()):
        path = folder / name
        if not create_once(path, payload) and path.read_bytes() != payload:
            raise UsageError(f"{path} exists and differs; it is not overwritten")
        written.append(path)
    return written


def list_versions() -> Iterator[str]:
    """``name==version`` of every distribution here, but for ours.

    Workers must have the launcher's versions, see `runtimes`; a lock file in a source
    checkout would say what it was tested with, not what runs here.
    """
    found = {
        distribution.name.lower(): distribution.version
        for distribution in metadata.distributions()
        if distribution.name.lower() != "gristmill"
    }
    for name, version in sorted(found.items()):
        # A version of one builder's own, such as torch's 2.15.0+cpu, is on no index.
        if "+" not in version:
            yield f"{name}=={version}"
