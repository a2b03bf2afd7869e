"""What Wikimedia publishes beside a dump to check it by: dumpstatus.json, sha1sums, md5sums."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

#: The status of a run of English Wikipedia is about 400 KB.
MAX_SUMS_BYTES: Final = 64 << 20

_SUM_LINE: Final = re.compile(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{40})[ \t]+\*?(\S{1,300})[ \t]*\r?")
_DUMP_NAME: Final = re.compile(r"([a-z0-9_]{1,60}-(?:[0-9]{8}|latest))-.{1,200}")
_DATE: Final = re.compile(r"(?<=-)(?:[0-9]{8}|latest)(?=-)")
_HEX: Final = {"sha1": re.compile(r"[0-9a-f]{40}"), "md5": re.compile(r"[0-9a-f]{32}")}


class FileSums(NamedTuple):
    """What is said of one file; None for what is not."""

    size: int | None
    sha1: str | None
    md5: str | None


def name_sums(dump_name: str) -> tuple[str, ...]:
    """Name the files that may say what a dump file is, the best first."""
    match = _DUMP_NAME.fullmatch(dump_name)
    prefixed = (f"{match[1]}-sha1sums.txt", f"{match[1]}-md5sums.txt") if match else ()
    return ("dumpstatus.json", *prefixed, "sha1sums.txt", "md5sums.txt")


def parse_sums(payload: bytes) -> dict[str, FileSums]:
    """Read a status in JSON, or lines of digest and name.

    Args:
        payload: ``dumpstatus.json`` or one of the lists.

    Returns:
        Sums by name of the file; what cannot be read is left out.
    """
    text = payload[:MAX_SUMS_BYTES].decode("utf-8", "replace")
    if text.lstrip()[:1] == "{":
        return _parse_status(text)
    found: dict[str, FileSums] = {}
    for line in text.split("\n"):
        match = _SUM_LINE.fullmatch(line)
        if match:
            digest = match[1].lower()
            is_sha1 = len(digest) == 40
            sums = FileSums(None, digest if is_sha1 else None, None if is_sha1 else digest)
            found[match[2].rpartition("/")[2]] = sums
    return found


def _parse_status(text: str) -> dict[str, FileSums]:
    try:
        status = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    jobs = status.get("jobs") if isinstance(status, Mapping) else None
    found: dict[str, FileSums] = {}
    for job in jobs.values() if isinstance(jobs, Mapping) else ():
        files = job.get("files") if isinstance(job, Mapping) else None
        for name, entry in files.items() if isinstance(files, Mapping) else ():
            if isinstance(entry, Mapping):
                found[name] = FileSums(
                    _read_size(entry), _read_digest(entry, "sha1"), _read_digest(entry, "md5")
                )
    return found


def _read_size(entry: Mapping[str, Any]) -> int | None:
    size = entry.get("size")
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def _read_digest(entry: Mapping[str, Any], name: str) -> str | None:
    digest = entry.get(name)
    fits = isinstance(digest, str) and _HEX[name].fullmatch(digest.lower())
    return digest.lower() if isinstance(digest, str) and fits else None


def find_sums(sums: Mapping[str, FileSums], dump_name: str) -> FileSums | None:
    """Find what is said of a file.

    A file that is called ``latest`` goes by the only one of the same name with a date.
    """
    if dump_name in sums:
        return sums[dump_name]
    if "-latest-" not in dump_name:
        return None
    plain = _DATE.sub("*", dump_name)
    same = [found for name, found in sums.items() if _DATE.sub("*", name) == plain]
    return same[0] if len(same) == 1 else None
