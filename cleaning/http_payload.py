"""HTTP bodies as transferred to bytes as meant: chunks joined, content codings undone."""

import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from gristmill.cleaning.inflation import (
    BrotliInflater,
    InflateError,
    Inflater,
    ZlibInflater,
    ZstdInflater,
)

#: Limits against bombs; pages stay far below all of them.
MAX_BODY_BYTES: Final = 20 << 20
MAX_RATIO: Final = 1000
MAX_CODINGS: Final = 2
_RATIO_FREE_BYTES: Final = 1 << 20
_LONGEST_CHUNK_LINE: Final = 4096
_GZIP_MEMBER: Final = b"\x1f\x8b\x08"


class PayloadError(ValueError):
    """A body cannot be decoded; `reason` is that of the quarantine."""

    def __init__(self, reason: Literal["bad_encoding", "too_large"], detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


def decode_body(
    payload: bytes,
    headers: Mapping[str, str] | None,
    *,
    max_bytes: int = MAX_BODY_BYTES,
    max_ratio: int = MAX_RATIO,
) -> bytes:
    """Undo the transfer and content codings of a body.

    Crawlers often store a decoded body under the headers of the encoded one. So a
    coding is undone only if the body looks as if it had it, and a coding that is not
    known is taken as none; the charset and type checks behind find what is no text.

    Args:
        payload: body as stored.
        headers: of the response, names in lower case.
        max_bytes: most bytes to return.
        max_ratio: most bytes per byte of `payload`, once there are more than 1 MiB.

    Raises:
        PayloadError: `bad_encoding` for a damaged or cut body or more than
            `MAX_CODINGS` codings, `too_large` for one over a limit.
    """
    if headers:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            payload = join_chunks(payload)
        codings = [name.strip() for name in headers.get("content-encoding", "").lower().split(",")]
        known = [name for name in codings if name in _CODINGS]
        if len(known) > MAX_CODINGS:
            raise PayloadError("bad_encoding", f"{len(known)} content codings")
        limit = min(max_bytes, _RATIO_FREE_BYTES + max_ratio * len(payload))
        for name in reversed(known):
            payload = _inflate_all(payload, _CODINGS[name], limit)
    if len(payload) > max_bytes:
        raise PayloadError("too_large", f"body of {len(payload)} bytes, limit {max_bytes}")
    return payload


def join_chunks(payload: bytes) -> bytes:
    """Join the chunks of a chunked body (RFC 9112, 7.1); other bytes come back as they are.

    Raises:
        PayloadError: a later chunk is damaged or missing.
    """
    chunks: list[bytes] = []
    index = 0
    while True:
        line_end = payload.find(b"\n", index, index + _LONGEST_CHUNK_LINE)
        size = _parse_chunk_size(payload[index : max(line_end, index)])
        if size is None and not index:
            return payload
        if size is None:
            raise PayloadError("bad_encoding", f"no chunk size at byte {index}")
        if not size:
            return b"".join(chunks)
        start = line_end + 1
        if start + size > len(payload):
            raise PayloadError("bad_encoding", f"chunk of {size} bytes is cut at byte {start}")
        chunks.append(payload[start : start + size])
        index = start + size
        # Chunks end in CRLF; some servers write LF.
        index += 2 if payload[index : index + 2] == b"\r\n" else payload[index : index + 1] == b"\n"


def _parse_chunk_size(line: bytes) -> int | None:
    digits = line.partition(b";")[0].strip()
    if not 0 < len(digits) <= 8 or digits.strip(b"0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


def _start_gzip(payload: bytes) -> Inflater | None:
    return ZlibInflater(31) if payload.startswith(b"\x1f\x8b") else None


def _start_deflate(payload: bytes) -> Inflater | None:
    """Start a decoder of "deflate": zlib by RFC 9110, raw deflate by some servers."""
    if _is_markup(payload):
        return None
    has_header = (
        len(payload) > 1 and payload[0] & 15 == 8 and not (payload[0] << 8 | payload[1]) % 31
    )
    return ZlibInflater(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _start_brotli(payload: bytes) -> Inflater | None:
    return None if _is_markup(payload) else BrotliInflater()


def _start_zstd(payload: bytes) -> Inflater | None:
    return ZstdInflater() if payload.startswith(b"\x28\xb5\x2f\xfd") else None


def _is_markup(payload: bytes) -> bool:
    """Say whether a body is bare HTML, for the codings that have no magic number."""
    return payload[:64].lstrip(b"\xef\xbb\xbf\t\n\r ")[:2].lower() in (b"<!", b"<h", b"<?")


_Start = Callable[[bytes], Inflater | None]
_CODINGS: Final[Mapping[str, _Start]] = MappingProxyType(
    {
        "gzip": _start_gzip,
        "x-gzip": _start_gzip,
        "deflate": _start_deflate,
        "br": _start_brotli,
        "zstd": _start_zstd,
    }
)


def _inflate_all(payload: bytes, start: _Start, limit: int) -> bytes:
    """Decode a body; one that is empty or does not look encoded comes back as it is."""
    inflater = start(payload) if payload else None
    if inflater is None:
        return payload
    view = memoryview(payload)
    pieces = []
    index = size = 0
    while not inflater.finished:
        try:
            piece, used = inflater.inflate(view[index:])
        except InflateError as error:
            raise PayloadError("bad_encoding", f"content coding: {error}") from error
        if not piece and not used and not inflater.finished:
            raise PayloadError("bad_encoding", f"the body is cut after {index} bytes")
        pieces.append(piece)
        index += used
        size += len(piece)
        if size > limit:
            raise PayloadError("too_large", f"body of more than {limit} bytes")
        if inflater.finished and payload[index : index + 3] == _GZIP_MEMBER:
            inflater = ZlibInflater(31)  # gzip may come in several members (RFC 1952, 2.2)
    return b"".join(pieces)
