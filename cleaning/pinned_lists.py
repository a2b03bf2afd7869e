"""Lists of words and addresses as files: their bytes checked by hash, their lines counted.

A list is untrusted input: it is decoded with caps, and a line that cannot be used costs
itself alone and is counted.
"""

import hashlib
import io
from collections.abc import Iterable
from typing import Final

from gristmill.cleaning.bounded_streams import StreamError, decode_chunks
from gristmill.schemas.errors import InputError
from gristmill.schemas.list_files import ListFile
from gristmill.schemas.places import find_place, show_place

#: Caps on a file as it lies and decoded; the largest category of UT1 has 100 MB.
MAX_FILE_BYTES: Final = 256 << 20
MAX_LIST_BYTES: Final = 1 << 30
#: A longer line is no entry.
MAX_LINE_CHARS: Final = 2048

_BYTE_ORDER_MARK: Final = "\ufeff"


def read_list(spec: ListFile) -> str:
    """Read a list whose bytes are those of its pin.

    Args:
        spec: where it lies and its sha256. Compressed files are decoded.

    Returns:
        Its text. Bytes that are no UTF-8 become U+FFFD, which no entry may hold.

    Raises:
        InputError: the file is missing, too large, damaged or not the one that was pinned.
    """
    place = find_place(spec.path)
    shown = show_place(spec.path)
    if not place.is_file():
        raise InputError(f"list {shown} is missing")
    size = place.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputError(f"list {shown} has {size} bytes, over the cap of {MAX_FILE_BYTES}")
    raw = place.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != spec.sha256:
        raise InputError(
            f"list {shown} has sha256 {found}, but the recipe pins {spec.sha256}; "
            "restore the file, or pin the new one and run again"
        )
    try:
        decoded = b"".join(decode_chunks(io.BytesIO(raw), max_bytes=MAX_LIST_BYTES))
    except StreamError as error:
        raise InputError(f"list {shown} cannot be decoded: {error}") from error
    return decoded.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)


def split_lines(text: str) -> list[str]:
    """Split a list at its line ends, of whatever system, and nowhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def strip_entries(lines: Iterable[str]) -> tuple[list[str], int]:
    """Strip the entries of a list; blank ones are none.

    Returns:
        (lines that hold something usable, how many hold something else). A line is
        unusable if it is too long or holds U+FFFD or a NUL.
    """
    entries, refused = [], 0
    for line in lines:
        entry = line.strip()
        if len(entry) > MAX_LINE_CHARS or "\ufffd" in entry or "\0" in entry:
            refused += 1
        elif entry:
            entries.append(entry)
    return entries, refused
