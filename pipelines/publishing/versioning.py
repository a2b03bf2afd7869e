"""Which number a new version gets. The rule is Croissant's, because it can be checked.

PATCH: the same rows, other bytes. MINOR: every old (doc_id, content_id) is still
there. MAJOR: anything was removed, edited or moved to another split.
"""

from collections.abc import Mapping, Sequence

from gristmill.pipelines.publishing.sorted_rows import contains_all, stream_rows
from gristmill.schemas.errors import PublishError
from gristmill.schemas.places import Place
from gristmill.schemas.versions import Version, list_versions, open_version

FIRST_VERSION = "1.0.0"
SplitFiles = Mapping[str, Sequence[Place]]


def parse_version(version: str) -> tuple[int, int, int]:
    """Split ``major.minor.patch`` into numbers.

    Raises:
        PublishError: the name has another form.
    """
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise PublishError(f"{version!r} is not a version number such as 1.0.0")
    major, minor, patch = (int(part) for part in parts)
    return major, minor, patch


def newest_version(folder: Place) -> Version | None:
    """The committed version with the highest number, or None; `refs/latest.json` is not read."""
    names = list_versions(folder)
    return open_version(folder, names[-1]) if names else None


def find_dataset(folder: Place, dataset_id: str) -> Version | None:
    """The oldest committed version with this logical content, or None."""
    for name in list_versions(folder):
        version = open_version(folder, name)
        if version.dataset_id == dataset_id:
            return version
    return None


def list_split_files(version: Version) -> dict[str, list[Place]]:
    """Text shards of each split of a version, in shard order."""
    return {
        split: [version.file(entry.path) for entry in version.files(f"data/{split}-")]
        for split in version.manifest.core.splits
    }


def keeps_rows(old: SplitFiles, new: SplitFiles) -> bool:
    """Whether every old (doc_id, content_id) is in the same split of the new rows.

    Args:
        old: sorted shards by split, with the columns `doc_id` and `content_id`.
        new: the same of the new version.

    Raises:
        PublishError: shards of a split are not sorted by doc_id.
        CorruptFileError: a shard cannot be read.
    """
    return all(
        contains_all(stream_rows(files), stream_rows(new.get(split, ())))
        for split, files in old.items()
    )


def next_version(
    folder: Place, new_files: SplitFiles, split_digests: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """Choose the number of a new version from what it changes in the newest one.

    Args:
        folder: ``<store>/<dataset>``.
        new_files: sorted text shards of the new version, by split.
        split_digests: rows digest of each split of the new version.

    Returns:
        The number, and the parents: the core digest of the newest version, or none.

    Raises:
        PublishError: shards of a split are not sorted by doc_id.
        CorruptFileError: the newest version or a shard cannot be read.
    """
    newest = newest_version(folder)
    if newest is None:
        return FIRST_VERSION, ()
    core = newest.manifest.core
    major, minor, patch = parse_version(core.version)
    old_digests = {split: facts.rows_digest for split, facts in core.splits.items()}
    if old_digests == dict(split_digests):
        number = f"{major}.{minor}.{patch + 1}"
    elif keeps_rows(list_split_files(newest), new_files):
        number = f"{major}.{minor + 1}.0"
    else:
        number = f"{major + 1}.0.0"
    return number, (newest.manifest.core_digest,)
