"""Records of slices: the one that the index named, or a reason why not."""

import base64
import gzip
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mill_inputs import Capture, make_chunked, make_page, write_prose

from gristmill.cleaning import arc_records, warc_records
from gristmill.pipelines.sources.picked_records import Pick, read_slice
from gristmill.schemas.fates import Damaged

PAGE = make_page(write_prose("picked")).encode()


def digest(payload: bytes) -> str:
    return base64.b32encode(hashlib.sha1(payload).digest()).decode()


def make_record(body: bytes = PAGE, **fields: object) -> bytes:
    return gzip.compress(Capture("picked", body, **fields).encode(), mtime=0)


def read(payload: bytes | None, length: int, digest_of: str | None = None, cap: int = 1 << 20):
    return read_slice(payload, Pick("a.warc.gz", 7_000, length, digest_of), cap)


def test_a_record_is_what_the_whole_file_would_have_given():
    member = make_record()
    [whole] = warc_records.iterate(io.BytesIO(member))
    found = read(member, len(member), digest(PAGE))
    assert found == whole._replace(offset=7_000)


def test_a_digest_of_joined_chunks_will_do():
    body = make_chunked(PAGE)
    member = make_record(body, headers={"Transfer-Encoding": "chunked"})
    for payload in (body, PAGE):
        assert not isinstance(read(member, len(member), digest(payload)), Damaged)
    assert isinstance(read(member, len(member), digest(b"")), Damaged)


def test_another_payload_is_said_with_its_place():
    member = make_record()
    found = read(member, len(member), digest(b"another"))
    assert isinstance(found, Damaged) and found.reason == "damaged_record"
    assert (found.offset, found.length) == (7_000, len(member))
    assert found.url == "http://mill.invalid/picked" and found.native_id


@pytest.mark.parametrize("kind", ["revisit", "metadata", "conversion"])
def test_digests_of_what_is_no_response_are_of_something_else(kind):
    member = make_record(b"", kind=kind)
    assert not isinstance(read(member, len(member), digest(b"another")), Damaged)


MEMBER = make_record()
WRONG = {
    "two records": (MEMBER * 2, "damaged_record"),
    "half a record": (MEMBER[: len(MEMBER) // 2], "truncated_record"),
    "the end of one": (MEMBER[50:], "damaged_record"),
    "a record after another's end": (b"\0" * 5 + MEMBER, "damaged_record"),
    "no record": (b"<html>" * 50, "damaged_record"),
    "a damaged record": (MEMBER[:-20] + b"\0" * 4 + MEMBER[-16:], "damaged_record"),
}


@pytest.mark.parametrize(("payload", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_not_one_whole_record_is_said(payload, reason):
    found = read(payload, len(payload))
    assert isinstance(found, Damaged) and found.reason == reason
    assert (found.offset, found.length) == (7_000, len(payload))


def test_a_file_that_ends_before_is_said():
    for held in (b"", MEMBER[:10], MEMBER[:-1]):
        found = read(held, len(MEMBER))
        assert isinstance(found, Damaged) and found.reason == "truncated_record"
        assert f"{len(MEMBER) - len(held)} bytes before" in found.detail


def test_what_was_too_large_to_ask_for_is_said():
    found = read(None, 1 << 30)
    assert isinstance(found, Damaged) and found.reason == "too_large"
    assert isinstance(read(MEMBER, len(MEMBER), cap=1024), Damaged)


@given(st.binary(max_size=400))
def test_any_slice_gives_one_item(payload):
    found = read(payload, len(payload) or 1, digest(payload))
    assert isinstance(found, Damaged | warc_records.WarcRecord)


def test_what_a_record_says_of_itself_is_enough():
    member = gzip.compress(
        Capture("picked", PAGE)
        .encode()
        .replace(
            b"\r\nContent-Type: application/http",
            b"\r\nWARC-Payload-Digest: sha1:" + b"A" * 32 + b"\r\nContent-Type: application/http",
        )
    )
    assert not isinstance(read(member, len(member), "A" * 32), Damaged)
    assert isinstance(read(member, len(member), "B" * 32), Damaged)


REAL = {
    "warc-cc-whirlwind": ("whirlwind.warc.gz", warc_records, 1),
    "warc-aut": ("warc/example.warc.gz", warc_records, 299),
    "warc-aut of ARC": ("arc/example.arc.gz", arc_records, 299),
}


@pytest.mark.parametrize("name", REAL)
def test_every_real_record_is_read_from_its_slice(shared_data, name):
    """With the digest that an index would have: the one in its header, or of its payload."""
    inner, reader, responses = REAL[name]
    path = next(shared_data(name.split()[0]).rglob(inner))
    content = path.read_bytes()
    count = 0
    for record in reader.iterate(io.BytesIO(content)):
        if not isinstance(record, warc_records.WarcRecord):
            continue
        declared = record.fields.get("warc-payload-digest", "").removeprefix("sha1:")
        pick = Pick(path.name, record.offset, record.length, declared or digest(record.payload))
        payload = content[record.offset : record.offset + record.length]
        assert read_slice(payload, pick, 20 << 20) == record
        count += record.record_type == "response"
    assert count == responses
