"""The store of a dataset: objects by content, and one file that commits.

Order of a publish, and what a crash after each step leaves::

    put_object ×n    objects that no version names      readers see nothing new
    commit: verify   re-hash of every object            nothing
            manifest manifests/<digest>.json            nothing
            version  versions/<v>.json, created once    THE VERSION, whole; `latest` is older
            latest   refs/latest.json, under a lock     done

Every step may be repeated: the same publish, run again, ends in the same place.

In an object store the order is the same. Objects are copied there without passing
through this machine, "created once" is a conditional request, which the store decides,
and in place of the lock the committed versions are read again after `latest` is written.
"""

import contextlib
import enum
import fcntl
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.pipelines.publishing.objects import check_objects, make_folder
from gristmill.pipelines.publishing.versioning import find_dataset, newest_version, parse_version
from gristmill.schemas.atomic_files import create_once, write_whole
from gristmill.schemas.errors import (
    AccountingError,
    CorruptFileError,
    PublishError,
    VersionExistsError,
)
from gristmill.schemas.manifests import (
    StageFacts,
    VersionManifest,
    canonical_json,
    digest_core,
    read_manifest,
)
from gristmill.schemas.places import Place, StorePath
from gristmill.schemas.versions import Version, open_version


class CommitStatus(enum.StrEnum):
    """How a commit ended."""

    COMMITTED = "committed"
    ALREADY_PUBLISHED = "already_published"


@dataclass(frozen=True)
class CommitOutcome:
    """How a commit ended, and the version that now holds the content."""

    status: CommitStatus
    version: str
    core_digest: str


def check_balance(facts: StageFacts) -> None:
    """Require in = kept + dropped + quarantined of one stage.

    Raises:
        AccountingError: names the stage and the numbers.
    """
    dropped, quarantined = sum(facts.dropped.values()), sum(facts.quarantined.values())
    if facts.records_in != facts.kept + dropped + quarantined:
        raise AccountingError(
            f"stage {facts.stage}: {facts.records_in} in, but {facts.kept} kept + "
            f"{dropped} dropped + {quarantined} quarantined"
        )


def _check_manifest(manifest: VersionManifest) -> None:
    core = manifest.core
    parse_version(core.version)
    if digest_core(core) != manifest.core_digest:
        raise PublishError(f"core of {core.version} does not have digest {manifest.core_digest}")
    paths = [entry.path for entry in core.files]
    if len(set(paths)) != len(paths):
        raise PublishError(f"version {core.version} names a file twice")
    for facts in core.stages:
        check_balance(facts)


def manifest_path(folder: Place, core_digest: str) -> Place:
    """Where the manifest with this core digest lies."""
    return folder / "manifests" / f"{core_digest.removeprefix('sha256:')}.json"


def commit_path(folder: Place, version: str) -> Place:
    """Where the commit point of a version lies."""
    return folder / "versions" / f"{version}.json"


def encode_manifest(manifest: VersionManifest) -> bytes:
    """The bytes of a manifest file: canonical JSON of core and envelope, and a newline."""
    return canonical_json(manifest.model_dump(mode="json")) + b"\n"


def encode_commit(version: str, core_digest: str, manifest_bytes: bytes) -> bytes:
    """The bytes of a commit file: they bind the number to every byte of the manifest file.

    The core digest leaves the envelope out; the file's own sha256 covers it too.
    """
    record = {
        "version": version,
        "manifest": core_digest,
        "manifest_sha256": hashlib.sha256(manifest_bytes).hexdigest(),
    }
    return canonical_json(record) + b"\n"


def encode_latest(version: str, core_digest: str) -> bytes:
    """The bytes of `refs/latest.json`."""
    return canonical_json({"version": version, "manifest": core_digest}) + b"\n"


@contextlib.contextmanager
def _hold_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive flock; the kernel releases it however the process ends."""
    make_folder(path.parent)
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def advance_latest(folder: Place) -> None:
    """Point `refs/latest.json` at the highest committed version; it never moves back.

    Compare and swap: the committed versions are read and the pointer is replaced
    under one lock, so a slow publisher cannot undo a faster one. Does nothing
    when the pointer is right already. An object store has no such lock: there the
    versions are read once more after each change, until they say what was written.
    """
    if isinstance(folder, StorePath):
        while _point_at_newest(folder):
            pass
        return
    with _hold_lock(folder / "refs" / "latest.lock"):
        _point_at_newest(folder)


def _point_at_newest(folder: Place) -> bool:
    """Replace the pointer where it is wrong; False if it was right."""
    newest = newest_version(folder)
    if newest is None:
        return False
    pointer = folder / "refs" / "latest.json"
    payload = encode_latest(newest.manifest.core.version, newest.manifest.core_digest)
    if pointer.exists() and pointer.read_bytes() == payload:
        return False
    write_whole(pointer, payload)
    return True


def _write_manifest(folder: Place, manifest: VersionManifest) -> bytes:
    """Write a manifest if it is not there; returns the bytes that are there."""
    path = manifest_path(folder, manifest.core_digest)
    make_folder(path.parent)
    payload = encode_manifest(manifest)
    if create_once(path, payload):
        return payload
    # An earlier try got this far, with its own envelope. It may be committed: keep it.
    if read_manifest(path).core_digest != manifest.core_digest:
        raise CorruptFileError(f"{path} holds another core than its name says")
    return path.read_bytes()


def _report_existing(folder: Place, version: Version) -> CommitOutcome:
    advance_latest(folder)  # a publisher that died before its last step left it behind
    return CommitOutcome(
        CommitStatus.ALREADY_PUBLISHED, version.manifest.core.version, version.manifest.core_digest
    )


def find_published(folder: Place, dataset_id: str) -> CommitOutcome | None:
    """Finish what an earlier publish of the same content began, if it got to its commit point.

    Ask this before `next_version`: a publish that is run again must not count itself
    as its own parent.

    Returns:
        ALREADY_PUBLISHED with the version, or None if no version has this content.
    """
    existing = find_dataset(folder, dataset_id)
    return None if existing is None else _report_existing(folder, existing)


def commit(folder: Place, manifest: VersionManifest) -> CommitOutcome:
    """Publish a version whose objects are stored.

    Args:
        folder: ``<store>/<dataset>``.
        manifest: core, its digest and envelope.

    Returns:
        COMMITTED, or ALREADY_PUBLISHED with the version that holds the same content.

    Raises:
        PublishError: the manifest contradicts itself.
        AccountingError: a stage does not balance.
        CorruptFileError: an object is missing or differs from its entry.
        VersionExistsError: the number is taken by other content.
    """
    _check_manifest(manifest)
    core = manifest.core
    existing = find_published(folder, core.dataset_id)
    if existing is not None:
        return existing
    if commit_path(folder, core.version).exists():  # before hours of hashing
        raise VersionExistsError(f"{folder} has a version {core.version} with other content")
    check_objects(folder, core.files)
    manifest_bytes = _write_manifest(folder, manifest)
    payload = encode_commit(core.version, manifest.core_digest, manifest_bytes)
    make_folder(folder / "versions")
    if not create_once(commit_path(folder, core.version), payload):
        winner = open_version(folder, core.version)
        if winner.dataset_id == core.dataset_id:
            return _report_existing(folder, winner)
        raise VersionExistsError(f"another publisher committed {core.version} of {folder} first")
    advance_latest(folder)
    return CommitOutcome(CommitStatus.COMMITTED, core.version, manifest.core_digest)
