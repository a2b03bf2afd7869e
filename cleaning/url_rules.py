r"""Addresses: their normal form, their host, the domain that somebody registered, caps by domain.

An address is data here. Nothing is ever requested.

Two normal forms. C4's (`normalise_url_c4`) is TFDS's: no scheme, no ``www.``, nothing from
``?utm_``, ``?ref`` or ``?feed`` on, no slash at the end. Ours (`normalise_url`) does the
same to what it means and leaves other parameters alone, and beyond that writes host names
in lower case and punycode, drops default ports, fragments and tracking parameters,
resolves dot segments and needless escapes, and sorts parameters by name (as web archives
do): two addresses with one normal form are one page as a rule, though no rule knows.
"""

import functools
import ipaddress
import re
from typing import Final
from urllib.parse import unquote

import idna
import numba
import numpy as np
import numpy.typing as npt
import publicsuffixlist
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.segments import Bytes, extend_hash, mix_hash, start_hash
from gristmill.cleaning.text_signals import read_buffers
from gristmill.schemas.errors import SchemaError

#: Longest host name (RFC 1035, section 2.3.4).
MAX_HOST_CHARS: Final = 253
#: Parameters that say how somebody came to a page, and not which page it is.
TRACKING: Final = frozenset(
    {"dclid", "fbclid", "feed", "gbraid", "gclid", "gclsrc", "igshid", "mc_cid", "mc_eid"}
    | {"msclkid", "ref", "srsltid", "wbraid", "yclid", "_ga", "_gl"}
)
_TRACKING_HEAD: Final = "utm_"

_BLANKS: Final = "".join(map(chr, range(0x21)))
_LINE_BREAKS: Final = re.compile(r"[\t\r\n]")
# No pattern here goes back over what it read: what follows a repeat is never part of it.
_PARTS: Final = re.compile(
    r"((?i:https?://|//)(?:[^/?#@]*@)?)?(\[[0-9a-fA-F:.]*\]|[^/?#:@\[\]\\]+)(?::([0-9]*))?"
    r"(?:([/?][^#]*)?(?:#.*)?)",
    re.DOTALL,
)
_ASCII_HOST: Final = re.compile(r"[a-z0-9_.-]+")
_DEFAULT_PORTS: Final = frozenset({"", "80", "443"})
_MAX_PORT: Final = 65535
#: RFC 3986: what needs no escape, and what stands for itself in a path or query.
_UNRESERVED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
)
_ESCAPES: Final = re.compile(r"%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]")

# The same parts for a whole batch, by Arrow's RE2. What no host follows is no address.
_SPLIT: Final = (
    r"(?i)^\s*(?:[a-z][a-z0-9+.-]*://|//)?(?:[^/?#@\s]*@)?"
    r"(?P<host>\[[0-9a-f:.]*\]|[^/?#:@\[\]\\\s]+)(?::[0-9]+)?(?P<rest>[/?#][^\n]*)?$"
)

_PLAIN_HOST: Final = r"^[a-z0-9_][a-z0-9_.-]{0,250}[a-z0-9_-]$"

_C4_SCHEME: Final = re.compile(r"https?:\/\/(www\.)?")
_C4_TRACKING: Final = re.compile(r"\?(utm_|ref|feed).*")


def normalise_url_c4(url: str) -> str:
    """Bring an address into C4's normal form (TFDS `c4_utils.normalize_url`); total."""
    return _C4_TRACKING.sub("", _C4_SCHEME.sub("", url)).rstrip("/")


def normalise_url(url: str) -> str:
    """Bring an address into normal form: ``example.org/path?a=1&b=2``.

    Total and idempotent. What is no address of the web, such as ``mailto:`` or a host
    name that cannot be, stays as it is but for blanks around it.
    """
    url = url.strip(_BLANKS)
    cleaned = _LINE_BREAKS.sub("", url)
    parts = _PARTS.fullmatch(cleaned)
    host = settle_host(parts[2]) if parts else None
    # Without a scheme, a colon with no port behind it ends the scheme of something else.
    if parts is None or host is None or (parts[1] is None and parts[3] == ""):
        return url
    port = (parts[3] or "").lstrip("0")
    if port not in _DEFAULT_PORTS:
        if len(port) > 5 or int(port) > _MAX_PORT:
            return url
        host = f"{host}:{port}"
    path, _, query = (parts[4] or "").partition("?")
    path = _remove_dots(_settle_escapes(path)).rstrip("/")
    kept = _sort_parameters(_settle_escapes(query))
    return f"{_drop_www(host)}{path}" + (f"?{kept}" if kept else "")


def normalise_urls(urls: pa.StringArray) -> pa.StringArray:
    """Bring addresses into normal form; nulls stay."""
    return pa.array(
        [None if url is None else normalise_url(url) for url in urls.to_pylist()], pa.string()
    )


def settle_host(host: str) -> str | None:
    """Write a host name in lower case and ASCII, without dots around it.

    Returns:
        None if there can be no such host. ``www.`` stays.
    """
    if len(host) > 3 * MAX_HOST_CHARS:
        return None
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    # What is no UTF-8 becomes U+FFFD, which no host has.
    host = unquote(host) if "%" in host and host.isascii() else host
    if not host.isascii():
        try:
            host = idna.encode(host.strip("."), uts46=True).decode("ascii")
        except UnicodeError:  # what idna raises is one
            return None
    host = host.lower().strip(".")
    return host if len(host) <= MAX_HOST_CHARS and _ASCII_HOST.fullmatch(host) else None


def _drop_www(host: str) -> str:
    while host.startswith("www.") and host.count(".") >= 2:
        host = host.removeprefix("www.")
    return host


def _settle_escapes(text: str) -> str:
    """Escape what has to be, in capital hex; unescape what need not be."""
    return _ESCAPES.sub(_settle_escape, text)


def _settle_escape(found: re.Match[str]) -> str:
    if found[1] is None:
        return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
    byte = int(found[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"


def _remove_dots(path: str) -> str:
    """Resolve the segments ``.`` and ``..`` of a path."""
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept)


def _sort_parameters(query: str) -> str:
    """Sort parameters by name, without empty and tracking ones; one name's keep their order."""
    if not query:
        return query
    named = [(part.partition("=")[0], part) for part in query.split("&") if part]
    kept = [(name, part) for name, part in named if not _is_tracking(name.lower())]
    return "&".join(part for _, part in sorted(kept, key=lambda pair: pair[0]))


def _is_tracking(name: str) -> bool:
    return name in TRACKING or name.startswith(_TRACKING_HEAD)


def split_urls(urls: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray]:
    """Split addresses into host and what follows it; scheme, user and port are left out.

    Returns:
        (hosts as `settle_host` has them, rests from their first ``/``, ``?`` or ``#``),
        each of n values. Both are null where there is no address.
    """
    parts = pc.extract_regex(urls, _SPLIT)
    hosts = pc.ascii_lower(pc.struct_field(parts, "host"))
    rests = pc.struct_field(parts, "rest")
    plain = pc.match_substring_regex(hosts, _PLAIN_HOST)
    odd = pc.fill_null(pc.invert(plain), False)
    if pc.any(odd).as_py():
        coded = hosts.filter(odd).dictionary_encode()
        settled = pa.array(
            [settle_host(host) for host in coded.dictionary.to_pylist()], pa.string()
        )
        hosts = pc.replace_with_mask(hosts, odd, settled.take(coded.indices))
        rests = pc.if_else(pc.is_null(hosts), pa.scalar(None, pa.string()), rests)
    return hosts, rests


@functools.cache
def _load_suffixes() -> publicsuffixlist.PublicSuffixList:
    return publicsuffixlist.PublicSuffixList()


@functools.lru_cache(maxsize=1 << 16)
def registered_domain(host: str) -> str | None:
    """Find the domain that somebody registered: the public suffix and one label more.

    By the Public Suffix List that the package `publicsuffixlist` ships, its private part
    included: of ``a.b.github.io`` it is ``b.github.io``. None for an IP address, for a
    public suffix itself and for what is no host.
    """
    settled = settle_host(host)
    if settled is None or settled.startswith("[") or settled.rpartition(".")[2].isdigit():
        return None
    found = _load_suffixes().privatesuffix(settled)
    return found if isinstance(found, str) else None


def registered_domains(urls: pa.StringArray) -> pa.StringArray:
    """Find the registered domain of each address; null where there is none."""
    hosts, _ = split_urls(urls)
    coded = hosts.dictionary_encode()
    domains = [registered_domain(host) for host in coded.dictionary.to_pylist()]
    return pa.array(domains, pa.string()).take(coded.indices)


@numba.njit(cache=True, nogil=True)
def _hash_rows(data: Bytes, offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    hashes = np.empty(offsets.size - 1, np.uint64)
    for row in range(hashes.size):
        state = start_hash()
        for place in range(offsets[row], offsets[row + 1]):
            state = extend_hash(state, np.uint64(data[place]))
        hashes[row] = mix_hash(state)
    return hashes


def cap_domains(domains: pa.StringArray, doc_ids: pa.Array, cap: int) -> npt.NDArray[np.bool_]:
    """Choose at most `cap` documents of each domain: those whose ids have the smallest hashes.

    So the choice is neither by arrival nor by content, and a document that is chosen among
    many is chosen among few of them.

    Args:
        domains: n domains; a document without one is always kept.
        doc_ids: n ids, binary, of any width, each once.
        cap: 1 or more.

    Raises:
        SchemaError: the cap is below 1, or there are more or fewer ids than domains.
    """
    if cap < 1 or len(domains) != len(doc_ids):
        raise SchemaError(f"cap {cap} on {len(domains)} domains of {len(doc_ids)} documents")
    kept = np.ones(len(domains), np.bool_)
    coded = domains.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = doc_ids.cast(pa.binary())
    # The bytes of ids need not be text, so they go by their hex digits.
    written = pa.array([name.hex() for name in names.to_pylist()], pa.string())
    hashes = _hash_rows(*read_buffers(written))
    ranks = pc.rank(written, sort_keys="ascending").to_numpy(zero_copy_only=False)
    order = np.lexsort((ranks, hashes, codes))
    ordered = codes[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    kept[order] = (np.arange(order.size) - starts < cap) | (ordered < 0)
    return kept


# kernels of: 389e077c27d93652
