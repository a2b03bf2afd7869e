"""Addresses: normal forms, hosts, registered domains and caps by domain."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning.url_rules import (
    cap_domains,
    normalise_url,
    normalise_url_c4,
    normalise_urls,
    registered_domain,
    registered_domains,
    settle_host,
    split_urls,
)
from gristmill.schemas.errors import SchemaError

PIECES = (
    "http://", "https://", "//", "HTTP://", "ftp://", "www.", "WWW.", "example.org", "m\u00fcnchen.de",
    "user:pw@", "@", ":80", ":0443", ":8080", ":99999", ":", "[::1]", "[", "1.2.3.4", "/", "/./",
    "/..", "//", "%7e", "%2F", "%2f", "%", "%%34%31", "%zz", "?", "?a=1", "&b=2", "&", "utm_x=1",
    "ref=", "?feed", "#", "#f", "=", ".", "..", "com", "\u3002", "\uff0f", "\u00df", "\u0130", " ",
    "\n", "\t", "\x00", "\\", "|", "\U0001f600", "xn--", "-", "_", "\u200d", "a" * 70,
)  # fmt: skip
ADDRESSES = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=40)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://User@WWW.Example.ORG:80/a/./b/../c%7e%2f", "example.org/a/c~%2F"),
        ("https://example.org", "example.org"),
        ("example.org/", "example.org"),
        ("//example.org:443//a//", "example.org//a"),
        ("http://example.org:8080/", "example.org:8080"),
        ("http://example.org:08080/", "example.org:8080"),
        ("https://www.www.example.org/", "example.org"),
        ("http://www.com/", "www.com"),
        ("http://example.org./#part", "example.org"),
        ("http://example.org/?", "example.org"),
        ("http://example.org/?b=2&a=1&b=1&&", "example.org?a=1&b=2&b=1"),
        ("http://example.org/p?utm_source=x&UTM_medium=y&gclid=z&ref=q&id=1", "example.org/p?id=1"),
        ("http://example.org/p?reference=1&feeder=2", "example.org/p?feeder=2&reference=1"),
        (
            "https://M\u00dcNCHEN.de/Stra\u00dfe?q=\u00e4 b",
            "xn--mnchen-3ya.de/Stra%C3%9Fe?q=%C3%A4%20b",
        ),
        ("http://ex%61mple.org", "example.org"),
        ("http://[0:0::1]/", "[::1]"),
        ("http://example.org/../../a", "example.org/a"),
        ("http://example.org/100%/%41%ff", "example.org/100%25/A%FF"),
        (" http://example.org/a\n b ", "example.org/a%20b"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("ftp://example.org/", "ftp://example.org/"),
        ("http://exa mple.org/", "http://exa mple.org/"),
        ("http://example.org:99999/", "http://example.org:99999/"),
        ("javascript:void(0)", "javascript:void(0)"),
        ("", ""),
    ],
)
def test_normal_forms(url, normal):
    assert normalise_url(url) == normal


@given(ADDRESSES)
@example("http://a.b/%%34%31")
@example("http://a.b/%2541")
@example("//u@h")
@example("www.www.\uff0ecom")
def test_a_normal_form_is_its_own(url):
    normal = normalise_url(url)
    assert normalise_url(normal) == normal


@given(st.lists(ADDRESSES | st.none(), max_size=5))
def test_batches_agree_with_single_addresses(urls):
    found = normalise_urls(pa.array(urls, pa.string())).to_pylist()
    assert found == [None if url is None else normalise_url(url) for url in urls]


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://www.example.org/", "example.org"),
        ("http://example.org/a?utm_source=x", "example.org/a"),
        ("http://example.org/a?reference=1", "example.org/a"),
        ("http://example.org/a?b=1&utm_source=x", "example.org/a?b=1&utm_source=x"),
        ("HTTP://Example.org//", "HTTP://Example.org"),
    ],
)
def test_normal_forms_of_c4(url, normal):
    assert normalise_url_c4(url) == normal


@given(ADDRESSES)
def test_c4_normalises_any_text(url):
    assert not normalise_url_c4(url).endswith("/")
    assert len(normalise_url_c4(url)) <= len(url)


@given(ADDRESSES)
def test_a_host_is_settled_once(host):
    settled = settle_host(host)
    assert settled is None or (settled.isascii() and settle_host(settled) == settled)


@pytest.mark.parametrize(
    ("url", "host", "rest"),
    [
        ("https://u:p@WWW.Example.org:80/a?b#c", "www.example.org", "/a?b#c"),
        ("example.org", "example.org", None),
        ("http://m\u00fcnchen.de?x", "xn--mnchen-3ya.de", "?x"),
        ("http://[::1]:80/x", "[::1]", "/x"),
        ("", None, None),
        ("http:///x", None, None),
        (None, None, None),
    ],
)
def test_addresses_are_split(url, host, rest):
    hosts, rests = split_urls(pa.array([url], pa.string()))
    assert (hosts.to_pylist(), rests.to_pylist() or [None]) == ([host], [rest or (host and "")])


@given(st.lists(ADDRESSES | st.none(), max_size=5))
def test_hosts_of_a_batch_are_settled(urls):
    hosts, rests = split_urls(pa.array(urls, pa.string()))
    assert len(hosts) == len(rests) == len(urls)
    for host in hosts.drop_null().to_pylist():
        assert settle_host(host) == host
    assert pa.array(urls, pa.string()).is_null().to_pylist() <= hosts.is_null().to_pylist()


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.com.", "example.com"),
        ("a.b.github.io", "b.github.io"),
        ("M\u00dcNCHEN.de", "xn--mnchen-3ya.de"),
        ("co.uk", None),
        ("com", None),
        ("192.168.0.1", None),
        ("[::1]", None),
        ("city.kawasaki.jp", "city.kawasaki.jp"),
        ("", None),
    ],
)
def test_registered_domains(host, domain):
    assert registered_domain(host) == domain


@given(ADDRESSES)
def test_a_registered_domain_ends_its_host(host):
    domain = registered_domain(host)
    assert domain is None or f".{settle_host(host)}".endswith(f".{domain}")
    assert registered_domains(
        pa.array([f"http://{domain}/x"] if domain else [], pa.string())
    ).to_pylist() == ([domain] if domain else [])


@given(st.lists(st.sampled_from(["a", "b", None]), max_size=30), st.integers(1, 4), st.data())
def test_caps_by_domain(domains, cap, data):
    ids = [number.to_bytes(16, "little") for number in range(len(domains))]
    order = data.draw(st.permutations(range(len(domains))))
    kept = cap_domains(pa.array(domains, pa.string()), pa.array(ids, pa.binary(16)), cap)
    for domain in ("a", "b"):
        held = [keep for name, keep in zip(domains, kept, strict=True) if name == domain]
        assert sum(held) == min(cap, len(held))
    assert all(keep for name, keep in zip(domains, kept, strict=True) if name is None)
    turned = cap_domains(
        pa.array([domains[place] for place in order], pa.string()),
        pa.array([ids[place] for place in order], pa.binary(16)),
        cap,
    )
    assert np.array_equal(turned, kept[list(order)])
    looser = cap_domains(pa.array(domains, pa.string()), pa.array(ids, pa.binary(16)), cap + 1)
    assert (looser >= kept).all()


def test_caps_that_are_none():
    with pytest.raises(SchemaError):
        cap_domains(pa.array(["a"]), pa.array([b"1"]), 0)
    with pytest.raises(SchemaError):
        cap_domains(pa.array(["a"]), pa.array([b"1", b"2"]), 1)


def test_hostile_addresses_cost_no_more_than_their_length():
    for piece in ("/..", "&", "%", "@", "a.", "[", "?"):
        normalise_url("http://example.org" + piece * 300_000)
        split_urls(pa.array(["http://example.org" + piece * 300_000]))


def test_no_normal_form_says_who_came_or_how():
    normal = normalise_url("https://someone:secret@example.org/?utm_id=7&fbclid=8#here")
    assert not re.search("secret|someone|utm|fbclid|here", normal)
