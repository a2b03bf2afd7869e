"""Patterns over bytes of any encoding."""

from typing import Any

import re2


def compile_bytes(pattern: bytes) -> Any:
    r"""Compile a pattern that takes each byte for a character.

    By default RE2 reads bytes as UTF-8: ``.`` and ``[^>]`` match no byte of another
    encoding, and ``\xff`` is a character of two bytes.

    >>> bool(compile_bytes(rb"<[^>]*>").match(b"<\xff>"))
    True
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)
