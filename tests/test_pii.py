"""Personal data: golden cases, an independent slow finder, laws, real labelled sentences."""

import ipaddress
import json
import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.cleaning import pii
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import PII_SPANS

PIECES = st.sampled_from(
    [
        "foo@bar.com", "a", "Z", "8", "8.8.8.8", "8.8.4.4", ".8", "10.0.0.1", "@", ".", "..", ":", "::",
        ":1", "2001:4860:4860::8888", "2001:4860::", "2001:db8::1", "2600:", "x@y", ".co", "-", "_", " ",
        "\n", "ü", "漢", "[", "]", "[EMAIL]", "[IPV4]", "%", "1.2.3.4.5", "256.1.1.1", "é@è.fr", "2", "3",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=40))


def find(text):
    (spans,) = pii.find_spans(pa.array([text], pa.string())).to_pylist()
    return spans


def found_texts(text):
    return [(span["kind"], text[span["start"] : span["end"]]) for span in find(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Write to foo.bar+baz@mail.example-site.co.uk.", ["foo.bar+baz@mail.example-site.co.uk"]),
        ("<jörg@müller.de>", ["jörg@müller.de"]),
        ("联系foo@bar.com吧", ["foo@bar.com"]),
        ("@handle and user@localhost and a@b", []),
        ("foo@bar.com,baz@bar.com", ["foo@bar.com", "baz@bar.com"]),
        ("server 8.8.8.8.", ["8.8.8.8"]),
        ("http://8.8.8.8:80/ and 8.8.4.4/24", ["8.8.8.8", "8.8.4.4"]),
        ("private 10.0.0.1, 192.168.1.1, 127.0.0.1, 172.16.9.9, 169.254.0.1", []),  # V28
        ("documentation 192.0.2.1, 203.0.113.7", []),
        ("version v1.2.3.4, 1.2.3.4.5, 1.2.3, 256.1.1.1, 1234.5.6.7, 08.8.8.8", []),
        ("2001:4860:4860::8888 and [2606:4700::1111]:80", ["2001:4860:4860::8888", "2606:4700::1111"]),
        ("2a00:1450:4001:81b:0:0:0:200e.", ["2a00:1450:4001:81b:0:0:0:200e"]),
        ("2001:db8::1 fe80::1 ::1 12:30:45 std::abc abc::def 2023:10:05", []),
    ],
)  # fmt: skip
def test_golden_spans(text, expected):
    assert [part for _, part in found_texts(text)] == expected


def test_kinds_and_offsets_are_in_code_points():
    text = "漢字 foo@bar.com 8.8.8.8 2001:4860:4860::8888"
    assert find(text) == [
        {"kind": "email", "start": 3, "end": 14},
        {"kind": "ipv4", "start": 15, "end": 22},
        {"kind": "ipv6", "start": 23, "end": 43},
    ]


@given(TEXTS)
@example("foo@bar.com8.8.8.8")
@example("a@b.com@c.org")
@example("2001:4860:::8.8.8.8")
@example("2001:4860::8888.8.8.8.8")
@example("8.8.8.8.2001:4860::1")
@example("8.8.8.8:2001:4860::1")
@settings(max_examples=400)
def test_nothing_is_found_in_a_redacted_text(text):
    redacted = pii.redact(text, find(text))
    assert find(redacted) == []
    assert redacted.count("\n") == text.count("\n")


@given(TEXTS)
def test_spans_are_sorted_disjoint_and_inside(text):
    end = 0
    for span in find(text):
        assert end <= span["start"] < span["end"] <= len(text)
        assert span["kind"] in pii.PLACEHOLDERS
        end = span["end"]


@given(st.lists(TEXTS, max_size=5), st.integers(0, 5))
def test_a_document_has_the_same_spans_alone_in_a_batch_and_in_a_slice(texts, start):
    """V26: peers take replacements in rotation, so that one document changes the next."""
    array = pa.array(texts, pa.string())
    spans = pii.find_spans(array)
    spans.validate(full=True)
    assert spans.type == PII_SPANS
    assert spans.to_pylist() == [find(text) for text in texts]
    assert pii.find_spans(array.slice(start)).to_pylist() == spans.to_pylist()[start:]


@given(st.ip_addresses(v=4), st.sampled_from(["{}", "ip {}.", "({})", "http://{}:8080/"]))
def test_an_ipv4_address_is_found_if_it_is_public(address, frame):
    expected = [("ipv4", str(address))] if address.is_global else []
    assert found_texts(frame.format(address)) == expected


@given(st.ip_addresses(v=6, network="2000::/3"), st.sampled_from(["{}", "ip {}.", "[{}]:80"]))
def test_an_ipv6_address_is_found_if_it_is_public(address, frame):
    expected = [("ipv6", str(address))] if address.is_global else []
    assert found_texts(frame.format(address)) == expected


@given(st.text(st.sampled_from("0189. ax_"), max_size=30))
def test_ipv4_agrees_with_a_slow_finder(text):
    expected = []
    for match in re.finditer(r"(?<![\w.])[0-9.]*[0-9](?!\w)", text, re.A):
        # A run that ends before a dot and no digit; the run itself is maximal.
        token = match[0]
        try:
            if ipaddress.IPv4Address(token).is_global:
                expected.append(token)
        except ValueError:
            continue
    assert [part for _, part in found_texts(text)] == expected


@pytest.mark.parametrize(
    "unit",
    ["a-", "@", "a@", "1.", "1.1.1.1.", "2001:", "2001::", " ", "é@", "a.", "a@b.", ":", "%"],
)
def test_hostile_texts_take_linear_time(unit):
    """Peers' patterns take 7 to 18 s on 20 kB of these; 1 MB must not be felt."""
    assert find(unit * (1_000_000 // len(unit))) == []


def test_redaction_refuses_an_unknown_kind():
    with pytest.raises(SchemaError, match="email"):
        pii.redact("text", [{"kind": "emial", "start": 0, "end": 1}])


def test_labelled_sentences(shared_data):
    (path,) = shared_data("pii-presidio-research").rglob("synth_dataset_v2.json")
    sentences = json.loads(path.read_text(encoding="utf-8"))
    expected, found = set(), set()
    for number, sentence in enumerate(sentences):
        for span in sentence["spans"]:
            if span["entity_type"] == "EMAIL_ADDRESS":
                expected.add((number, span["start_position"], span["end_position"]))
    spans = pii.find_spans(pa.array([sentence["full_text"] for sentence in sentences]))
    for number, row in enumerate(spans.to_pylist()):
        found |= {(number, s["start"], s["end"]) for s in row if s["kind"] == "email"}
    assert len(expected) == 49
    assert found == expected
