"""Manifests: of a finished stage, and of a published version.

A version manifest has a core (logical content only; its canonical JSON is what
the digest covers) and an envelope (when, by which engine, at what cost).
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from gristmill.schemas.errors import CorruptFileError, UsageError
from gristmill.schemas.ledger_records import StageTotals
from gristmill.schemas.places import Place
from gristmill.schemas.yaml_files import Frozen

MANIFEST_FORMAT = "gristmill.manifest/1"
MAX_MANIFEST_BYTES = 256 << 20
_SAFE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class StagePart(Frozen):
    """One output file of a stage, relative to the stage's folder."""

    path: str
    table: str
    unit_key: str
    rows: int
    bytes: int
    sha256: str


class StageManifest(Frozen):
    """Written last: a stage with a manifest is complete; its key says from what."""

    stage: str
    key: str
    parts: tuple[StagePart, ...]
    totals: StageTotals
    facts: dict[str, Any] = Field(default_factory=dict)

    def of_table(self, table: str) -> list[StagePart]:
        """The parts of one table, in the order of the manifest."""
        return [part for part in self.parts if part.table == table]


class FileEntry(Frozen):
    """One file of a version: its logical path, and its bytes by digest."""

    path: str  # in an exported folder, such as data/train-00000-of-00004.parquet
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(default=0, ge=0)

    @field_validator("path")
    @classmethod
    def _refuse_escapes(cls, path: str) -> str:
        if not _SAFE_PATH.fullmatch(path) or ".." in path:
            raise ValueError(f"{path!r} is not a plain relative path")
        return path

    @property
    def object_path(self) -> str:
        """Where the bytes lie in the store, relative to the dataset's folder."""
        return f"objects/{self.sha256[:2]}/{self.sha256}{Path(self.path).suffix}"


class SplitFacts(Frozen):
    """Size and logical digest of one split."""

    documents: int
    utf8_bytes: int
    tokens: int
    rows_digest: str


class TokenizerFacts(Frozen):
    """The tokenizer of the published token shards."""

    path: str  # logical path of its tokenizer.json
    sha256: str
    vocab_size: int
    eos_id: int
    dtype: str  # uint16 | uint32


class StageFacts(Frozen):
    """One line of the funnel."""

    stage: str
    records_in: int
    kept: int
    dropped: dict[str, int]
    quarantined: dict[str, int]


class VersionCore(Frozen):
    """Logical content of a version. Same input and recipe give the same bytes of this."""

    format: str = MANIFEST_FORMAT
    dataset: str
    version: str
    dataset_id: str
    parents: tuple[str, ...] = ()
    recipe: dict[str, Any]
    recipe_digest: str
    splits: dict[str, SplitFacts]
    tokenizer: TokenizerFacts
    packing: dict[str, Any]
    files: tuple[FileEntry, ...]
    stages: tuple[StageFacts, ...]
    counts_by: dict[str, dict[str, int]] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)  # role: sha256


class VersionManifest(Frozen):
    """Core, its digest, and the envelope that the digest does not cover."""

    core: VersionCore
    core_digest: str
    envelope: dict[str, Any] = Field(default_factory=dict)

    def find(self, path: str) -> FileEntry:
        """The entry of a logical path.

        Raises:
            UsageError: the version has no such file.
        """
        for entry in self.core.files:
            if entry.path == path:
                return entry
        raise UsageError(f"version {self.core.version} has no file {path!r}")


def read_split(title: str) -> str:
    """Split of a shard by its name, such as ``train-00000-of-00004``."""
    return title.rsplit("-", 3)[0]


def canonical_json(value: Any) -> bytes:
    """Serialise with sorted keys, no spaces, UTF-8; NaN and infinity are refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def digest_core(core: VersionCore) -> str:
    """Digest of a version's logical content, as ``sha256:<hex>``."""
    return "sha256:" + hashlib.sha256(canonical_json(core.model_dump(mode="json"))).hexdigest()


def read_manifest(path: Place) -> VersionManifest:
    """Read a version manifest and check its own digest.

    Raises:
        CorruptFileError: the file is not a manifest or its core has another digest.
    """
    payload = path.read_bytes()
    if len(payload) > MAX_MANIFEST_BYTES:
        raise CorruptFileError(f"{path} has {len(payload)} bytes, over {MAX_MANIFEST_BYTES}")
    try:
        manifest = VersionManifest.model_validate_json(payload)
    except ValidationError as error:
        problem = error.errors()[0]
        raise CorruptFileError(
            f"{path} is not a version manifest: {problem['loc']}: {problem['msg']}"
        ) from error
    found = digest_core(manifest.core)
    if found != manifest.core_digest:
        raise CorruptFileError(f"{path}: core has digest {found}, says {manifest.core_digest}")
    return manifest
