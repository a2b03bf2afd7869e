"""robots.txt: groups, the longest match, quirks, hostile files, and captures in a crawl."""

import gzip
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.robots_patterns import match_pattern, normalize_path
from gristmill.cleaning.robots_rules import (
    MAX_BYTES,
    RobotsFile,
    parse_robots,
    read_host,
    read_robots_record,
)
from gristmill.cleaning.warc_records import WarcRecord

EXAMPLE = """\
# Of RFC 9309, 5.1, in other words
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("otherbot", "/", True),
        ("otherbot", "/a.gif", False),
        ("otherbot", "/a.gif?x", True),
        ("otherbot", "/example/", False),
        ("otherbot", "/publications/x", True),
        ("FooBot", "/x", False),
        ("foobot", "/example/page.html", True),
        ("foobot", "/robots.txt", True),
        ("barbot", "/example/page.html", False),
        ("bazbot", "/example/page.html", False),
        ("bazbot", "/a.gif", True),
        ("quxbot", "/example/", True),
    ],
)
def test_example_of_the_standard(agent: str, path: str, allowed: bool) -> None:
    for body in (EXAMPLE, EXAMPLE.replace("\n", "\r\n"), "\ufeff" + EXAMPLE.replace("\n", "\r")):
        assert parse_robots(body.encode()).allows(agent, path) is allowed


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("Disallow: /a\nAllow: /a", "/a", True),  # as long: allow
        ("Allow: /a\nDisallow: /ab", "/abc", False),
        ("Disallow: /a*\nAllow: /a", "/ab", False),  # /a* is longer
        ("Disallow: /*/secret", "/x/secret/y", False),
        ("Disallow: /*/secret", "/secret", True),
        ("Disallow: /a*b*c$", "/a-b-c-b-c", False),
        ("Disallow: /a*b*c$", "/a-b-c-d", True),
        ("Disallow: /$", "/", False),
        ("Disallow: /$", "/a", True),
        ("Disallow: /a$b", "/a$bc", False),
        ("Disallow: /%7Euser/%2f", "/~user/%2F", False),
        ("Disallow: /caf\u00e9", "/caf%C3%A9/1", False),
        ("Disallow: /caf%c3%a9", "/caf\u00e9", False),
        ("Disallow:", "/", True),
        ("Disallow", "/", True),
        ("disalow /x", "/x", False),
        ("Disallow: x", "/x", False),
        ("Disallow: /x # of all", "/x", False),
        ("Disallow: /x trailing words", "/x/y", False),
        ("Sitemap: http://x/\nDisallow: /x", "/x", False),
        ("Crawl-delay: 5\nDisallow: /x", "/x", False),
        ("<html>Disallow: /x", "/x", True),
    ],
)
def test_rules(rules: str, path: str, allowed: bool) -> None:
    assert parse_robots(f"User-agent: *\n{rules}").allows("bot", path) is allowed


def test_groups_of_one_agent_are_one() -> None:
    rules = parse_robots(
        "Disallow: /zero\nuseragent: CCBot/2.0 (x)\nDisallow: /a\n\nUser agent: gptbot\n"
        "Sitemap: x\nuser-agent : ccbot\nDisallow: /b\nuser-agent: *\nDisallow: /c"
    )
    assert [rules.allows("CCBot", path) for path in ("/a", "/b", "/c", "/zero")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert not rules.allows("gptbot", "/b")
    assert rules.allows("gptbot", "/a")
    assert not rules.allows("other", "/c")
    assert parse_robots("").allows("ccbot", "/")


def test_signals_on_training() -> None:
    rules = parse_robots(
        "User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n"
        "User-agent: ccbot\nContent-Usage: train-ai=y\nDisallow: /x"
    )
    assert rules.refuses_training("gptbot")
    assert not rules.refuses_training("ccbot")
    assert parse_robots("Content-Usage: train-ai=n\n").refuses_training()
    assert not parse_robots("User-agent: *\nDisallow: /").refuses_training()


def test_what_is_over_the_limit_is_not_read() -> None:
    body = b"User-agent: *\nDisallow: /first\n" + b"#" * MAX_BYTES + b"\nDisallow: /last"
    rules = parse_robots(body)
    assert not rules.allows("bot", "/first")
    assert rules.allows("bot", "/last")
    cut = b"User-agent: *\nDisallow: /a\nDisallow: /" + b"b" * MAX_BYTES
    assert parse_robots(cut).allows("bot", "/bb")


@given(
    st.text(st.sampled_from("ab*"), max_size=8),
    st.sampled_from(["", "$"]),
    st.text(st.sampled_from("ab"), max_size=12),
)
def test_patterns_match_as_written(middle: str, end: str, rest: str) -> None:
    pattern, path = f"/{middle}{end}", f"/{rest}"
    expression = re.escape(f"/{middle}").replace(r"\*", ".*") + ("$" if end else "")
    assert match_pattern(pattern, path) == bool(re.match(expression, path))


@given(st.text(max_size=40))
def test_normal_paths_stay(path: str) -> None:
    normal = normalize_path(path)
    assert normalize_path(normal) == normal
    assert normal.isascii()


lines = st.sampled_from(
    [
        "user-agent: a",
        "user-agent: *",
        "allow: /a",
        "disallow: /a",
        "disallow: /*b",
        "allow: *a$",
        "",
    ]
)


@given(st.lists(lines | st.text(max_size=20)), st.text(max_size=10))
def test_any_file_answers(body: list[str], path: str) -> None:
    rules = parse_robots("\n".join(body))
    assert rules.allows("A", path) == rules.allows("a", path)
    if not any("disallow" in line.lower() or "*" in line or "d" in line.lower() for line in body):
        assert rules.allows("a", path)


@given(st.binary(max_size=100))
def test_any_bytes_answer(body: bytes) -> None:
    assert parse_robots(b"user-agent: *\n" + body).allows("a", "/") in (True, False)


def test_hostile_files_take_their_size_in_time() -> None:
    rng = random.Random(1)
    stars = "/" + "a*" * 2000 + "b$"
    body = "User-agent: *\n" + "".join(
        f"Disallow: /{''.join(rng.choices('a*', k=30))}b{n}$\n" for n in range(9000)
    )
    started = time.process_time()
    rules = parse_robots(f"{body}Disallow: {stars}")
    for _ in range(5):
        assert rules.allows("bot", "/" + "a" * 4000)
    assert time.process_time() - started < 10  # 0.3 when written; backtracking takes years


def capture(
    status: int, payload: bytes = b"", url: str = "https://Example.org/robots.txt", **headers: str
) -> WarcRecord:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return WarcRecord(
        "response", None, url, None, None, fields, status, payload, 0, len(payload), None
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (capture(200, b"User-agent: *"), RobotsFile("example.org", "User-agent: *", "rules")),
        (capture(200, gzip.compress(b"x"), content_encoding="gzip"), RobotsFile("example.org", "x", "rules")),
        (capture(200, gzip.compress(b"x" * 99)[:-9], content_encoding="gzip"), RobotsFile("example.org", None, "unknown")),
        (capture(404), RobotsFile("example.org", None, "allowed")),
        (capture(410), RobotsFile("example.org", None, "allowed")),
        (capture(429), RobotsFile("example.org", None, "unknown")),
        (capture(301), RobotsFile("example.org", None, "unknown")),
        (capture(503), RobotsFile("example.org", None, "unknown")),
        (capture(200, b"", "http://example.org:8080/robots.txt?x"), RobotsFile("example.org:8080", "", "rules")),
        (capture(200, b"", "http://example.org/"), None),
        (capture(200, b"", "http://[bad/robots.txt"), None),
        (capture(200)._replace(record_type="request"), None),
        (capture(200)._replace(url=None), None),
    ],
)  # fmt: skip
def test_captures(record: WarcRecord, expected: RobotsFile | None) -> None:
    assert read_robots_record(record) == expected


def test_hosts() -> None:
    assert read_host("HTTP://Example.org:80/x") == "example.org"
    assert read_host("https://user@example.org:443") == "example.org"
    assert read_host("https://example.org:80/") == "example.org:80"
    assert read_host("mailto:x") is None
    assert read_host("http://h:99999999/") is None
