"""Opening a published version: from a dataset's folder in a store to its files.

Store layout, below ``<store>/<dataset>/``::

    versions/1.0.0.json        commit point: names the manifest; created once, never changed
    refs/latest.json           the only file that is ever replaced
    manifests/<digest>.json    core + envelope
    objects/<aa>/<sha256>.…    every file, by content, shared by all versions
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from gristmill.schemas.errors import CorruptFileError, UsageError
from gristmill.schemas.manifests import FileEntry, VersionManifest, read_manifest
from gristmill.schemas.places import Place, StorePath

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True)
class Version:
    """A published version, on a local disk or in an object store."""

    folder: Place  # <store>/<dataset>
    manifest: VersionManifest

    @property
    def dataset_id(self) -> str:
        """Identity of the logical content."""
        return self.manifest.core.dataset_id

    def file(self, path: str) -> Place:
        """Where the bytes of a logical path lie."""
        return self.folder / self.manifest.find(path).object_path

    def local_file(self, path: str) -> Path:
        """As `file`, for readers that map files into memory.

        Raises:
            UsageError: the version lies in an object store.
        """
        place = self.file(path)
        if isinstance(place, StorePath):
            raise UsageError(f"{self.folder} is read in place: copy it to a local disk first")
        return place

    def files(self, prefix: str) -> list[FileEntry]:
        """Entries whose logical path starts with a prefix, sorted by path."""
        found = [entry for entry in self.manifest.core.files if entry.path.startswith(prefix)]
        return sorted(found, key=lambda entry: entry.path)


def list_versions(folder: Place) -> list[str]:
    """Names of the committed versions of a dataset folder, oldest number first."""
    found = (path.stem for path in (folder / "versions").glob("*.json"))
    names = [name for name in found if _NUMBER.fullmatch(name)]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def _read_pointer(path: Place, key: str) -> str:
    try:
        value = json.loads(path.read_bytes())[key]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptFileError(f"{path} does not name its {key}") from error
    return str(value)


def open_version(folder: Place, version: str = "latest") -> Version:
    """Open a version of a dataset.

    Args:
        folder: ``<store>/<dataset>``.
        version: a number such as ``1.0.0``, or ``latest``.

    Raises:
        UsageError: no such version; lists those that exist.
        CorruptFileError: its manifest is damaged.
    """
    if version == "latest":
        pointer = folder / "refs" / "latest.json"
        if not pointer.exists():
            if isinstance(folder, StorePath):
                folder.require_bucket()
            raise UsageError(f"{folder} holds no published version")
        version = _read_pointer(pointer, "version")
    commit = folder / "versions" / f"{version}.json"
    if not _NUMBER.fullmatch(version) or not commit.exists():
        raise UsageError(f"{folder} has no version {version!r}; it has {list_versions(folder)}")
    digest = _read_pointer(commit, "manifest")
    if not _DIGEST.fullmatch(digest):
        raise CorruptFileError(f"{commit} names no manifest digest: {digest[:80]!r}")
    path = folder / "manifests" / f"{digest.removeprefix('sha256:')}.json"
    if not path.exists():
        raise CorruptFileError(f"{commit} names {digest}, but {path} is missing")
    manifest = read_manifest(path)
    if manifest.core_digest != digest:
        raise CorruptFileError(f"{commit} names {digest}, its file holds {manifest.core_digest}")
    return Version(folder, manifest)
