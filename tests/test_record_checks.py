"""`check_digest` and `is_wat` on records made by hand and on real ones."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.record_checks import check_digest, is_wat, refuse_mismatch
from gristmill.cleaning.record_digests import match_digest
from gristmill.cleaning.warc_records import WarcRecord, iterate
from gristmill.schemas.fates import QUARANTINE_REASONS

BODY = b"<p>the body, as it was sent"
HEAD = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def make(
    body: bytes = BODY,
    record_type: str = "response",
    http_headers: dict[str, str] | None = None,
    content_type: str = "application/http",
    **fields: str,
) -> WarcRecord:
    declared = {f"warc-{name}-digest": value for name, value in fields.items()}
    is_response = record_type in ("response", "revisit")
    return WarcRecord(
        record_type=record_type,
        record_id="id",
        url="http://example.org/",
        date=None,
        content_type=content_type,
        http_headers=(http_headers or {}) if is_response else None,
        http_status=200 if is_response else None,
        payload=body,
        offset=1,
        length=2,
        truncated=None,
        fields=declared,
        http_head=HEAD if is_response else b"",
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"payload": sha1(BODY)}, "match"),
        ({"payload": sha1(b"other")}, "mismatch"),
        ({"block": sha1(HEAD + BODY)}, "match"),
        ({"block": sha1(BODY)}, "mismatch"),
        ({"block": sha1(HEAD + BODY), "payload": sha1(b"other")}, "match"),
        ({"block": sha1(b"other"), "payload": sha1(BODY)}, "match"),
        ({"block": sha1(b"other"), "payload": sha1(b"other")}, "mismatch"),
        ({"payload": "crc32:00000000"}, None),
        ({"payload": "crc32:00000000", "block": sha1(b"other")}, "mismatch"),
    ],
)
def test_one_digest_that_matches_is_enough(fields: Mapping[str, str], expected: str | None) -> None:
    assert check_digest(make(**fields)) == expected


def test_payload_digest_may_be_of_the_joined_chunks() -> None:
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    chunked = {"transfer-encoding": "Chunked"}
    for digest in (sha1(BODY), sha1(sent)):
        assert check_digest(make(sent, http_headers=chunked, payload=digest)) == "match"
        assert check_digest(make(sent[:-9], http_headers=chunked, payload=digest)) == "mismatch"
    assert check_digest(make(sent, payload=sha1(BODY))) == "mismatch"


def test_payload_of_a_revisit_is_elsewhere_and_of_a_request_behind_its_head() -> None:
    assert check_digest(make(b"", "revisit", payload=sha1(BODY))) is None
    assert check_digest(make(b"", "revisit", payload=sha1(BODY), block=sha1(HEAD))) == "match"
    request = b"POST / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert check_digest(make(request + BODY, "request", payload=sha1(BODY))) == "match"
    assert check_digest(make(BODY, "metadata", content_type="a/b", payload=sha1(BODY))) == "match"


@given(st.binary(max_size=90), st.sampled_from(["md5", "sha1", "SHA-256", "sha512", "blake2b"]))
def test_digest_matches_only_its_bytes_in_every_spelling(block: bytes, kind: str) -> None:
    digest = hashlib.new(kind.lower().replace("-", ""), block).digest()
    spellings = [
        digest.hex(),
        digest.hex().upper(),
        base64.b32encode(digest).decode(),
        base64.b32encode(digest).decode().lower().rstrip("="),
        base64.b64encode(digest).decode(),
        base64.urlsafe_b64encode(digest).decode().rstrip("="),
    ]
    for spelling in spellings:
        assert match_digest(f" {kind}: {spelling} ", [block[:7], block[7:]]) is True
        assert match_digest(f"{kind}:{spelling}", [block, b"x"]) is False
        assert match_digest(f"{kind}:{spelling}A", [block]) is None


@pytest.mark.parametrize(
    "value", [None, "", "sha1", "sha1:", "crc32:abcd", "shake_128:ab", "sha1:é"]
)
def test_unknown_digest_says_nothing(value: str | None) -> None:
    assert match_digest(value, [b"x"]) is None


def test_refusal_locates_the_record() -> None:
    refusal = refuse_mismatch(make(payload=sha1(b"other")))
    assert refusal.reason in QUARANTINE_REASONS
    assert (refusal.offset, refusal.length, refusal.native_id) == (1, 2, "id")


def count_checks(path: Path) -> Counter[str | None]:
    with path.open("rb") as stream:
        return Counter(
            check_digest(item) for item in iterate(stream) if isinstance(item, WarcRecord)
        )


def test_digests_of_real_files(shared_data: Callable[[str], Path]) -> None:
    warcio = shared_data("warc-warcio")
    for name, expected in {
        "example-digest.warc": {"match": 4},  # hexadecimal, base 32, base 64; one half wrong
        "post-test.warc.gz": {"match": 6},
        "example-iana.org-chunked.warc": {"match": 2, None: 1},
    }.items():
        (path,) = warcio.rglob(name)
        assert count_checks(path) == expected, name
    (path,) = shared_data("warc-aut").rglob("warc/example.warc.gz")
    assert count_checks(path) == {"match": 261, None: 561}


def test_wat_is_recognised(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("warc-cc-whirlwind")
    for pattern, expected in {
        "whirlwind.warc.wat.gz": [False, True],
        "whirlwind.warc.wat": [False, True],
        "whirlwind.warc.wet.gz": [False, False],
        "whirlwind.warc.gz": [False] * 4,
    }.items():
        (path,) = folder.rglob(pattern)
        with path.open("rb") as stream:
            items = [item for item in iterate(stream) if isinstance(item, WarcRecord)]
        assert [is_wat(item) for item in items] == expected, pattern
