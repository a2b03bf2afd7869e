"""Digests that a WARC record declares of itself: WARC-Block-Digest and WARC-Payload-Digest.

``sha1:`` and base 32 is the usual form; hexadecimal, base 64, other algorithms, other
cases and missing padding are met as well.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

_ALGORITHMS: Final = frozenset({"md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"})


def match_digest(
    declared: str | None, parts: Sequence[bytes | bytearray | memoryview]
) -> bool | None:
    """Compare bytes with a digest that was declared of them.

    Args:
        declared: such as ``sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ``.
        parts: the bytes, in one or several parts.

    Returns:
        Whether they match; None if nothing is declared, or nothing of a known algorithm
        and as long as its digests are.
    """
    name, _, expected = (declared or "").partition(":")
    name = name.strip().lower().replace("-", "")
    expected = expected.strip().rstrip("=")
    if name not in _ALGORITHMS or not expected:
        return None
    digest = hashlib.new(name, usedforsecurity=False)
    for part in parts:
        digest.update(part)
    found = digest.digest()
    forms = {
        2 * len(found): (found.hex(), expected.lower()),
        -(-8 * len(found) // 5): (base64.b32encode(found).decode().rstrip("="), expected.upper()),
        -(-4 * len(found) // 3): (
            base64.b64encode(found).decode().rstrip("="),
            expected.replace("-", "+").replace("_", "/"),
        ),
    }
    if len(expected) not in forms:
        return None
    ours, theirs = forms[len(expected)]
    return ours == theirs
