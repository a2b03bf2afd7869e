"""What a robots.txt allows whom (RFC 9309), and captures of it in a crawl.

Read with the indulgence of the large crawlers: a mark at the start, line ends of any
kind, a missing colon, and common misspellings.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import re2

from gristmill.cleaning.http_payload import PayloadError, decode_body
from gristmill.cleaning.robots_patterns import Patterns, allow_path, build_patterns
from gristmill.cleaning.warc_records import WarcRecord

#: Parsers must read 500 KiB and may stop there (RFC 9309, 2.5).
MAX_BYTES: Final = 500 << 10
ANY_AGENT: Final = "*"

_AGENT, _ALLOW, _DISALLOW, _USAGE = "user-agent", "allow", "disallow", "content-usage"
_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("user-agent", "useragent", "user agent"), _AGENT),
        "allow": _ALLOW,
        **dict.fromkeys(
            ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), _DISALLOW
        ),
        **dict.fromkeys(("content-usage", "content-signal"), _USAGE),
    }
)
_LINE: Final = re2.compile(r"(?i)^\s*(user[- ]?agent|[a-z-]+)\s*[:\s]\s*(.*?)\s*$")
_TOKEN: Final = re2.compile(r"(?i)^[a-z0-9_-]+")
_NO_TRAINING: Final = re2.compile(
    r"(?i)(?:^|[\s,;])(?:ai-train|train-ai)\s*=\s*(?:no?|\?0)(?:$|[\s,;])"
)
_PATH: Final = "/robots.txt"
_TOO_MANY_REQUESTS: Final = 429
_USUAL_PORTS: Final[Mapping[str, int]] = MappingProxyType({"http": 80, "https": 443})


class Group(NamedTuple):
    """What one agent is told."""

    patterns: Patterns
    no_training: bool  # Content-Usage or Content-Signal refuses the training of models


@dataclasses.dataclass(frozen=True)
class RobotsRules:
    """A parsed robots.txt.

    Attributes:
        groups: agents, in lower case, and what they are told; who is not there, and
            where ``*`` is not either, may fetch all.
    """

    groups: Mapping[str, Group]

    def allows(self, agent: str, path: str) -> bool:
        """Say whether an agent may fetch a path.

        Args:
            agent: product token such as ``CCBot``, in any case.
            path: path and query of the address, from its first slash on.
        """
        group = self._find_group(agent)
        return group is None or allow_path(group.patterns, path)

    def refuses_training(self, agent: str = ANY_AGENT) -> bool:
        """Say whether an agent, or all of them, must not train models on the site."""
        group = self._find_group(agent)
        return group is not None and group.no_training

    def _find_group(self, agent: str) -> Group | None:
        return self.groups.get(agent.lower()) or self.groups.get(ANY_AGENT)


def parse_robots(body: bytes | str) -> RobotsRules:
    """Parse a robots.txt; total, and linear in its length.

    Groups for the same agent are one. What stands before the first agent is for none,
    but for signals on the use of the content, which are for all.

    Args:
        body: of the response; bytes are read as UTF-8, others become U+FFFD.
    """
    collected: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    in_rules = False
    for key, value in _read_lines(body):
        if key == _AGENT:
            agents = [] if in_rules else agents
            in_rules = False
            agents += [agent for agent in [_read_agent(value)] if agent and agent not in agents]
            for agent in agents[-1:]:
                collected.setdefault(agent, [])
            continue
        in_rules = in_rules or key != _USAGE
        told = agents or ([ANY_AGENT] if key == _USAGE and not collected else [])
        for agent in told:
            collected.setdefault(agent, []).append((key, value))
    return RobotsRules({agent: _build_group(rules) for agent, rules in collected.items()})


def _read_lines(body: bytes | str) -> Iterator[tuple[str, str]]:
    """Yield the lines that matter as the usual name of their key and their value."""
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
    if len(raw) > MAX_BYTES:
        raw = raw[:MAX_BYTES].rpartition(b"\n")[0]
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    for line in text.replace("\r", "\n").split("\n"):
        found = _LINE.match(line.partition("#")[0])
        key = _KEYS.get(found.group(1).lower()) if found else None
        if key:
            yield key, found.group(2)


def _read_agent(value: str) -> str | None:
    if value.startswith(ANY_AGENT):
        return ANY_AGENT
    found = _TOKEN.match(value)
    return found.group(0).lower() if found else None


def _build_group(lines: Iterable[tuple[str, str]]) -> Group:
    lines = list(lines)
    paths = [(value.split(None, 1), key == _ALLOW) for key, value in lines if key != _USAGE]
    return Group(
        build_patterns((path[0], allowed) for path, allowed in paths if path),
        any(key == _USAGE and _NO_TRAINING.search(value) for key, value in lines),
    )


class RobotsFile(NamedTuple):
    """What one host answered when asked for its robots.txt."""

    host: str  # as `read_host` writes it
    body: str | None  # for `parse_robots`; None unless `access` is rules
    access: Literal["rules", "allowed", "unknown"]


def read_robots_record(record: WarcRecord) -> RobotsFile | None:
    """Read a capture of a robots.txt; total.

    A host without the file (4xx) allows all; one that fails (5xx, 429), redirects, or
    whose answer cannot be decoded leaves the matter unknown (RFC 9309, 2.3.1).

    Returns:
        None for a record that is no response to a request for ``/robots.txt``.
    """
    host = read_host(record.url or "")
    if record.record_type != "response" or host is None:
        return None
    if urlsplit(record.url or "").path != _PATH:
        return None
    status = record.http_status or 0
    if 400 <= status < 500 and status != _TOO_MANY_REQUESTS:
        return RobotsFile(host, None, "allowed")
    if not 200 <= status < 300:
        return RobotsFile(host, None, "unknown")
    try:
        body = decode_body(record.payload, record.http_headers)
    except PayloadError:
        return RobotsFile(host, None, "unknown")
    # One byte too many tells the parser that the last line may be cut.
    return RobotsFile(host, body[: MAX_BYTES + 1].decode("utf-8", "replace"), "rules")


def read_host(url: str) -> str | None:
    """Read the host of an address, in lower case, with its port unless that is the usual one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return host if port in (None, _USUAL_PORTS.get(parts.scheme)) else f"{host}:{port}"
