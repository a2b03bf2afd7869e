"""Proof that a version is what its manifest says: bytes, tables, digests, counts.

Readers of Parquet folders do not notice a missing shard, so
this reads everything that the manifest names, and nothing that it does not name.
Faults are collected, not raised: one run lists all of them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, ParamSpec

import pyarrow as pa

from gristmill.pipelines.part_files import open_part
from gristmill.pipelines.publishing import content_checks, objects, store
from gristmill.pipelines.publishing.row_digests import identify_dataset
from gristmill.pipelines.publishing.versioning import list_split_files
from gristmill.schemas import tables
from gristmill.schemas.errors import GristmillError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.manifests import (
    FileEntry,
    VersionCore,
    VersionManifest,
    digest_core,
    read_split,
)
from gristmill.schemas.places import Place
from gristmill.schemas.versions import Version, open_version

#: Schema of each folder of a version; files of other folders are checked by digest and rows.
FOLDER_SCHEMAS: Final = {
    "data": tables.CURATED,
    "clusters": tables.CLUSTERS,
    "matches": tables.MATCHES,
    "evidence": tables.EVIDENCE,
    "dropped": tables.DROPPED,
    "quarantine": tables.QUARANTINE,
    "signals": tables.SIGNALS,
    "signatures": tables.SIGNATURES,
    "tokens": tables.TOKENS,
}
TOKEN_INDEX: Final = "tokens/index.parquet"
P = ParamSpec("P")
_NUMBERED: Final = re.compile(r"^(?P<stem>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.[a-z]+$")


def _guard(faults: Iterator[str]) -> Iterator[str]:
    """Turn what a check raises on purpose into one more fault."""
    try:
        yield from faults
    except (GristmillError, OSError) as error:
        yield str(error)


def _run_check(check: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> list[str]:
    """What a check that raises at the first fault says; empty if it passes."""
    try:
        check(*args, **kwargs)
    except (GristmillError, OSError) as error:
        return [str(error)]
    return []


def _find_repeats(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    repeats: set[str] = set()
    for name in names:
        (repeats if name in seen else seen).add(name)
    return sorted(repeats)


def check_names(entries: Sequence[FileEntry]) -> Iterator[str]:
    """Yield faults of the file names: ``-00002-of-00004`` must have all of its siblings."""
    yield from (f"{path}: named twice" for path in _find_repeats(entry.path for entry in entries))
    series: dict[tuple[str, int], set[int]] = {}
    for entry in entries:
        match = _NUMBERED.match(entry.path)
        if match:
            key = (match["stem"], int(match["count"]))
            series.setdefault(key, set()).add(int(match["index"]))
    for (stem, count), numbers in sorted(series.items()):
        for number in sorted(set(range(count)) ^ numbers):
            state = "missing" if number < count else "too many"
            yield f"{stem}-{number:05d}-of-{count:05d}: {state}"
    repeats = _find_repeats(stem for stem, _ in series)
    yield from (f"{stem}: numbered by two counts" for stem in repeats)


def check_core(core: VersionCore) -> Iterator[str]:
    """Yield faults that the manifest shows without any file: ids, counts, names."""
    yield from check_names(core.files)
    digests = {split: facts.rows_digest for split, facts in core.splits.items()}
    dataset_id = identify_dataset(digests, core.recipe_digest)
    if dataset_id != core.dataset_id:
        yield f"dataset id is {dataset_id} by its splits, manifest says {core.dataset_id}"
    recipe = hash_parts("recipe", json.dumps(core.recipe, sort_keys=True)).hex()
    if recipe != core.recipe_digest:
        yield f"recipe has digest {recipe}, manifest says {core.recipe_digest}"
    stored = {entry.path: entry.sha256 for entry in core.files}
    if stored.get(core.tokenizer.path) != core.tokenizer.sha256:
        yield f"{core.tokenizer.path}: not the tokenizer of the manifest"
    for entry in core.files:
        folder, _, name = entry.path.partition("/")
        split = read_split(name)
        if folder == "data" and split not in core.splits:
            yield f"{entry.path}: {split!r} is not a split of the manifest"
    for facts in core.stages:
        yield from _run_check(store.check_balance, facts)


def _expected_schema(path: str) -> pa.Schema | None:
    schema = None if path == TOKEN_INDEX else FOLDER_SCHEMAS.get(path.partition("/")[0])
    if schema is None:
        return None
    # Parquet has no timestamps in seconds: Arrow stores them, and reads them back, in ms.
    seconds, stored = pa.timestamp("s", tz="UTC"), pa.timestamp("ms", tz="UTC")
    return pa.schema(
        field.with_type(stored) if field.type == seconds else field for field in schema
    )


def _check_table(path: Place, entry: FileEntry) -> Iterator[str]:
    try:
        with open_part(path, verify=False) as file:
            rows, schema = file.metadata.num_rows, file.schema_arrow
            groups = range(file.num_row_groups)
            empty = [number for number in groups if not file.metadata.row_group(number).num_rows]
    except (pa.ArrowException, OSError) as error:
        yield f"{entry.path}: not readable as Parquet: {error}"
        return
    if rows != entry.rows:
        yield f"{entry.path}: {rows} rows, manifest says {entry.rows}"
    if empty:
        yield f"{entry.path}: row group {empty[0]} has no rows, which `datasets` cannot read"
    expected = _expected_schema(entry.path)
    if expected is not None:
        tables.require_schema(schema, expected, entry.path)


def _check_rows(version: Version) -> Iterator[str]:
    core = version.manifest.core
    text_files = list_split_files(version)
    for split, facts in core.splits.items():
        texts = text_files[split]
        tokens = [version.file(entry.path) for entry in version.files(f"tokens/{split}-")]
        yield from _guard(content_checks.check_text(split, texts, facts))
        yield from _guard(content_checks.check_tokens(split, tokens, facts, core.tokenizer))
        yield from _guard(content_checks.compare_ids(split, texts, tokens))
    yield from _guard(content_checks.check_disjoint(text_files))


def check_content(version: Version) -> list[str]:
    """Check the files of a version against its manifest; it need not be committed yet.

    Tables are opened only after every digest has been found right.

    Returns:
        Faults, each a sentence that names the file or split; empty if there is none.
    """
    core = version.manifest.core
    faults = list(check_core(core))
    if digest_core(core) != version.manifest.core_digest:
        faults.append(f"core does not have digest {version.manifest.core_digest}")
    damaged = [
        fault
        for entry in core.files
        for fault in _run_check(objects.check_object, version.file(entry.path), entry)
    ]
    if damaged:
        return faults + damaged
    for entry in core.files:
        if entry.path.endswith(".parquet"):
            faults += _guard(_check_table(version.file(entry.path), entry))
    return faults + list(_check_rows(version))


def _check_commit(folder: Place, manifest: VersionManifest) -> Iterator[str]:
    """Yield faults of the three small files, byte by byte: their form is canonical."""
    core = manifest.core
    manifest_file = store.manifest_path(folder, manifest.core_digest)
    manifest_bytes = manifest_file.read_bytes()
    if manifest_bytes != store.encode_manifest(manifest):
        yield f"{manifest_file} differs from the manifest that was opened"
    commit_file = store.commit_path(folder, core.version)
    expected = store.encode_commit(core.version, manifest.core_digest, manifest_bytes)
    if commit_file.read_bytes() != expected:
        yield f"{commit_file} and {manifest_file} do not belong together"


def _check_latest(folder: Place) -> Iterator[str]:
    pointer = folder / "refs" / "latest.json"
    if not pointer.exists():
        return  # its publisher died before the last step; the version stands
    named = open_version(folder).manifest
    if pointer.read_bytes() != store.encode_latest(named.core.version, named.core_digest):
        yield f"{pointer} is damaged"


def verify_version(version: Version) -> list[str]:
    """Check everything of a published version: commit files, manifest, objects, rows.

    Returns:
        Faults, each a sentence that names the file or split; empty if there is none.
    """
    faults = list(_guard(_check_commit(version.folder, version.manifest)))
    faults += _guard(_check_latest(version.folder))
    return faults + check_content(version)


def verify_folder(folder: Place, version: str = "latest") -> list[str]:
    """Open a published version and check everything of it.

    Args:
        folder: ``<store>/<dataset>``.
        version: a number such as ``1.0.0``, or ``latest``.

    Returns:
        Faults, among them what kept the version from opening; empty if there is none.
    """
    try:
        opened = open_version(folder, version)
    except (GristmillError, OSError) as error:
        return [str(error)]
    return verify_version(opened)
