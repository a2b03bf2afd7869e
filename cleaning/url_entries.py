"""Entries of lists of addresses, read from the layouts in which such lists are published."""

import re
from collections.abc import Iterator
from typing import Final

from gristmill.cleaning.pinned_lists import read_list, split_lines, strip_entries
from gristmill.cleaning.url_rules import settle_host
from gristmill.schemas.list_files import UrlList

#: What an entry stands for: a domain and its subdomains, one host, an address and all below.
DOMAIN, HOST, ADDRESS = range(3)

#: What an entry stands for, and its text.
Entry = tuple[int, str]

_SCHEME: Final = re.compile(r"(?i:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@]*@)?")
_HOST_AND_REST: Final = re.compile(r"(\[[^\]]*\]|[^/?#:]*)(?::[0-9]+)?([/?#].*)?", re.DOTALL)
_PLAIN_DOMAIN: Final = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,250}[a-z0-9_-]")
_LOCAL_HOSTS: Final = frozenset(
    {"0.0.0.0", "127.0.0.1", "255.255.255.255", "broadcasthost", "ip6-allhosts", "ip6-allnodes"}
    | {"ip6-allrouters", "ip6-localhost", "ip6-loopback", "local", "localhost"}
    | {"localhost.localdomain"}
)
#: Adblock rules that speak of whole pages: a domain, or the head of an address.
_ADBLOCK: Final = re.compile(r"\|\|([^\s^$*|/]+)(/[^\s^$*|]*)?\^?\|?(?:\$([^\s]*))?")


def read_url_list(spec: UrlList) -> tuple[list[Entry], int]:
    """Read a list whose bytes are those of its pin.

    Returns:
        (entries: what each stands for and its text, lines that could not be used). Of
        ``easylist`` the rules on parts of pages are such lines too.

    Raises:
        InputError: see `pinned_lists.read_list`.
    """
    lines, refused = strip_entries(split_lines(read_list(spec)))
    entries: list[Entry] = []
    for line in lines:
        found = list(_READERS[spec.kind](line))
        entries += [entry for entry in found if entry is not None]
        refused += sum(entry is None for entry in found)
    return entries, refused


def _read_domain(line: str) -> Iterator[Entry | None]:
    if not line.startswith("#"):
        host = _read_host(line.removeprefix("*.").removeprefix("."))
        yield None if host is None else (DOMAIN, host)


def _read_hosts(line: str) -> Iterator[Entry | None]:
    """Read an address of the network and the hosts that are sent there."""
    names = line.partition("#")[0].split()
    for name in names[1:]:
        if name not in _LOCAL_HOSTS:
            host = _read_host(name)
            yield None if host is None else (HOST, host)
    if len(names) == 1:
        yield None


def _read_address(line: str) -> Iterator[Entry | None]:
    if line.startswith("#"):
        return
    scheme = _SCHEME.match(line)
    parts = _HOST_AND_REST.fullmatch(line[scheme.end() :] if scheme else line)
    host = _read_host(parts[1]) if parts else None
    if parts is None or host is None:
        yield None
        return
    yield ADDRESS, _strip_address(host, parts[2] or "")


def _read_adblock(line: str) -> Iterator[Entry | None]:
    if line.startswith(("!", "[Adblock")):
        return
    rule = _ADBLOCK.fullmatch(line)
    host = _read_host(rule[1]) if rule else None
    # A rule for the pages of some domains says nothing of the address itself.
    if rule is None or host is None or "domain=" in (rule[3] or ""):
        yield None
    elif rule[2]:
        yield ADDRESS, _strip_address(host, rule[2])
    else:
        yield DOMAIN, host


_READERS: Final = {
    "domains": _read_domain,
    "urls": _read_address,
    "hosts": _read_hosts,
    "easylist": _read_adblock,
}


def _read_host(text: str) -> str | None:
    lowered = text.lower()
    return lowered if _PLAIN_DOMAIN.fullmatch(lowered) else settle_host(text)


def _strip_address(host: str, rest: str) -> str:
    return host.removeprefix("www.") + rest.rstrip("/")
