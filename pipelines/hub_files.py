"""Dataset repositories of the Hugging Face Hub: the files of one commit, each fetched once.

A branch is resolved to a commit the first time, and the commit is recorded, so that a run
that is resumed a week later reads what it began with. Files come through
`huggingface_hub`, which resumes partial transfers, and are checked against the digest that
the hub gives: sha256 of large files, git's blob id of others. A token is taken from
``HF_TOKEN`` and the server from ``HF_ENDPOINT``; neither is written anywhere.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, cast

from gristmill.cleaning.dataset_cards import is_readable, match_files, read_configs
from gristmill.schemas.atomic_files import write_whole
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.sources import HuggingFace

HUB_SCHEME: Final = "hf://datasets/"
HUB_FOLDER: Final = "hub"  # below the folder of work files: commits and downloads
_ADDRESS: Final = re.compile(r"hf://datasets/([^@]{1,200})@([0-9a-f]{40})/(.{1,1000})", re.DOTALL)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHOWN_NAMES: Final = 10
_CARD: Final = "README.md"


class HubAddress(NamedTuple):
    """A file of a commit: ``hf://datasets/owner/name@commit/path``."""

    repo: str
    commit: str
    path: str

    def __str__(self) -> str:
        return f"{HUB_SCHEME}{self.repo}@{self.commit}/{self.path}"


def is_hub_address(text: str) -> bool:
    """Tell whether a string names a file of a dataset repository."""
    return text.startswith(HUB_SCHEME)


def parse_address(text: str) -> HubAddress:
    """Take an address apart.

    Raises:
        UsageError: it is none, or names no commit.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no file of a commit, as hf://datasets/owner/name@commit/path"
        )
    return HubAddress(*match.groups())


def list_hub_files(source: HuggingFace, folder: Path | None) -> list[tuple[str, HubAddress]]:
    """List the files that a source reads, by name for locators and address.

    Args:
        source: repository, revision, and which files.
        folder: of work files, where the commit of a branch is recorded and looked up;
            None asks the hub.

    Returns:
        Pairs in the order of names. A name holds no commit, so that a document keeps its
        id when a later commit leaves its file as it is.

    Raises:
        UsageError: `huggingface_hub` is not installed, no file matches, or the repository
            has several configurations and the source names none.
        InputError: the hub refuses or does not answer.
    """
    commit, names = _open_repository(source, folder)
    chosen = _choose_files(source, commit, names)
    if source.id is not None:
        # Text files have no field that could hold the id of a row.
        chosen = [name for name in chosen if ".txt" not in Path(name).suffixes]
    if not chosen:
        raise UsageError(
            f"source {source.name!r}: no file of {source.repo} at {commit[:12]} matches; it has "
            + _show_names(sorted(names))
        )
    return [(f"{source.repo}/{name}", HubAddress(source.repo, commit, name)) for name in chosen]


def fetch_hub_file(address: HubAddress, folder: Path) -> Path:
    """Download a file once, or go on where an earlier download ended.

    Args:
        address: from `list_hub_files`.
        folder: of work files.

    Returns:
        Where it lies, whole and checked.

    Raises:
        UsageError: `huggingface_hub` is not installed.
        InputError: the hub refuses or does not answer, or other bytes came than it promised.
    """
    local_folder = (
        folder / HUB_FOLDER / hash_parts("hub", address.repo, address.commit, size=8).hex()
    )
    local = local_folder / address.path
    checked = local_folder / "checked" / hash_parts("file", address.path, size=8).hex()
    if checked.exists() and local.exists():
        return local
    hub = _load_hub()
    hub.utils.disable_progress_bars()
    with _explain(address.repo, address.path):
        url = hub.hf_hub_url(
            address.repo,
            address.path,
            repo_type="dataset",
            revision=address.commit,
            endpoint=_find_endpoint(),
        )
        promised = hub.get_hf_file_metadata(url, token=_find_token())
        hub.hf_hub_download(
            address.repo,
            address.path,
            repo_type="dataset",
            revision=address.commit,
            local_dir=local_folder,
            endpoint=_find_endpoint(),
            token=_find_token(),
        )
    _check_digest(local, address, promised.size, promised.etag)
    write_whole(checked, b"")
    return local


def _load_hub() -> ModuleType:
    try:
        import huggingface_hub
    except ImportError:
        raise UsageError(
            "sources of kind huggingface need huggingface_hub; "
            "install it with: pip install 'gristmill[hub]'"
        ) from None
    return huggingface_hub


def _find_token() -> str | bool:
    # Never one that lies in a file of the user's: it would not be there on another machine.
    return os.environ.get("HF_TOKEN") or False


def _find_endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextlib.contextmanager
def _explain(repo: str, path: str | None = None) -> Iterator[None]:
    """Turn what the library raises into one sentence without addresses or headers."""
    from huggingface_hub import errors

    where = f"dataset {repo} on the hub" + (f", {path}" if path else "")
    # The bases are the errors of the HTTP library that the installed release builds on.
    transport = cast(tuple[type[Exception], ...], (*errors.HfHubHTTPError.__bases__, OSError))
    try:
        yield
    except errors.GatedRepoError:
        raise InputError(
            f"{where}: it wants its terms accepted; do so on its page and set HF_TOKEN"
        ) from None
    except errors.RepositoryNotFoundError:
        raise InputError(f"{where}: not there, or private and HF_TOKEN does not open it") from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{where}: it has no such revision") from None
    except errors.LocalEntryNotFoundError:
        raise InputError(
            f"{where}: the hub does not answer; run the same command again when it does"
        ) from None
    except errors.EntryNotFoundError:
        raise InputError(f"{where}: no such file in this commit") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        raise InputError(f"{where}: HTTP {status}; run the same command again later") from None
    except transport as error:
        raise InputError(
            f"{where}: {type(error).__name__}; run the same command again when the hub answers"
        ) from None


def _open_repository(source: HuggingFace, folder: Path | None) -> tuple[str, list[str]]:
    """Return the commit of a source, and the files in it."""
    key = hash_parts("revision", source.repo, source.revision, size=8).hex()
    record = folder / HUB_FOLDER / f"{key}.json" if folder is not None else None
    is_commit = _COMMIT.fullmatch(source.revision) is not None
    revision = source.revision
    if record is not None and record.exists() and not is_commit:
        revision = str(json.loads(record.read_bytes())["commit"])
    api = _load_hub().HfApi(
        endpoint=_find_endpoint(), token=_find_token(), library_name="gristmill"
    )
    with _explain(source.repo):
        info = api.dataset_info(source.repo, revision=revision)
    commit = str(info.sha)
    if _COMMIT.fullmatch(commit) is None:
        raise InputError(f"dataset {source.repo} on the hub: it does not say of which commit it is")
    if record is not None and not record.exists() and not is_commit:
        known = {"repo": source.repo, "revision": source.revision, "commit": commit}
        write_whole(record, json.dumps(known, indent=0).encode())
    return commit, [name for name in map(_read_name, info.siblings or ()) if name]


def _read_name(sibling: Any) -> str:
    """A path in a repository; empty for one that would leave the folder of downloads."""
    name = str(sibling.rfilename)
    parts = name.split("/")
    odd = "\\" in name or "\0" in name or ":" in parts[0] or len(name) > 1000
    return "" if odd or any(part in ("", ".", "..") for part in parts) else name


def _choose_files(source: HuggingFace, commit: str, names: list[str]) -> list[str]:
    if source.paths:
        return match_files(names, source.paths)
    configs = read_configs(_read_card(source, commit)) if _CARD in names else {}
    if source.config is not None:
        patterns = configs.get(source.config) or (f"{source.config}/**",)
        found = [name for name in match_files(names, patterns) if is_readable(name)]
        if not found:
            raise UsageError(
                f"source {source.name!r}: {source.repo} has no configuration {source.config!r}; "
                + (f"it has {_show_names(sorted(configs))}" if configs else "its card names none")
            )
        return found
    if len(configs) > 1:
        raise UsageError(
            f"source {source.name!r}: {source.repo} has several configurations, which may hold "
            f"the same documents: name one by `config` ({_show_names(sorted(configs))}) or "
            "files by `paths`"
        )
    patterns = next(iter(configs.values()), ("**",))
    return [name for name in match_files(names, patterns) if is_readable(name)]


def _read_card(source: HuggingFace, commit: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return fetch_hub_file(HubAddress(source.repo, commit, _CARD), Path(folder)).read_bytes()


def _show_names(names: list[str]) -> str:
    shown = ", ".join(name[:100] for name in names[:_SHOWN_NAMES])
    rest = len(names) - _SHOWN_NAMES
    return (shown or "no file") + (f" and {rest} more" if rest > 0 else "")


def _check_digest(local: Path, address: HubAddress, size: int | None, tag: str | None) -> None:
    """Compare a download with the digest that the hub gave; delete it if it differs."""
    got = local.stat().st_size
    wanted = (tag or "").lower()
    digest = hashlib.sha256() if len(wanted) == 64 else hashlib.sha1(b"blob %d\0" % got)
    with local.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    known = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", wanted) is not None
    if (size is not None and size != got) or (known and digest.hexdigest() != wanted):
        local.unlink()
        raise InputError(
            f"{address}: {got} bytes with digest {digest.hexdigest()[:16]} came, {size} with "
            f"{wanted[:16]} were promised; run the same command again to fetch it anew"
        )
