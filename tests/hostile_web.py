"""Hostile pages, HTTP messages and WARC members."""

import functools
import gzip
import zlib
from collections.abc import Callable

import brotli
import zstandard
from hostile_kit import (
    BOMB_BYTES,
    NEIGHBOURS,
    REFUSED,
    WEB,
    Hostile,
    compress_zeros_once,
)
from mill_inputs import Capture, make_page, write_prose


def pack_healthy(name: str) -> bytes:
    return gzip.compress(Capture(name, make_page(write_prose(name)).encode()).encode(), mtime=0)


def pack_between(*members: bytes) -> bytes:
    """Members of a WARC file between two healthy ones."""
    return b"".join([pack_healthy("first"), *members, pack_healthy("last")])


def make_page_file(body: Callable[[], bytes], **headers: str) -> Callable[[], bytes]:
    """A WARC file with one more page, as `gzip` level 1."""

    def make() -> bytes:
        capture = Capture(
            "hostile", body(), headers={"Content-Type": "text/html", **headers}
        ).encode()
        return pack_between(gzip.compress(capture, 1, mtime=0))

    return make


def wrap_page(markup: bytes) -> bytes:
    text = write_prose("hostile").encode()
    return b"<html><body><p>%s</p>%s<p>%s</p></body></html>" % (text, markup, text)


def nest_lists() -> bytes:
    items = b"<li>item of a list</li>" * 300
    return wrap_page((b"<ul>" + items + b"<li>") * 300 + b"</li></ul>" * 300)


def make_giant_header() -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Fill: " + b"a" * (8 << 20)
    return pack_between(gzip.compress(make_record(block + b"\r\n\r\n<p>body</p>"), 1))


def make_many_headers() -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + b"X-A: b\r\n" * 100_000
    return pack_between(gzip.compress(make_record(block + b"\r\n<p>body</p>"), 1))


def make_record(block: bytes) -> bytes:
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:hostile>\r\n"
        "WARC-Date: 2024-05-06T07:08:09Z\r\nWARC-Target-URI: http://example.org/hostile\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def make_member_bomb(codec: str) -> bytes:
    """A record whose member expands to 256 MiB, in a WARC of that packing."""
    head = make_record(b"")[:-4].replace(b"Content-Length: 0", b"Content-Length: %d" % BOMB_BYTES)
    if codec == "gzip":
        packer = zlib.compressobj(9, wbits=31)
        healthy = [pack_healthy("first"), pack_healthy("last")]
    else:
        packer = zstandard.ZstdCompressor().compressobj()
        pack = zstandard.ZstdCompressor().compress
        healthy = [pack(gzip.decompress(pack_healthy(name))) for name in NEIGHBOURS]
    pieces = [packer.compress(head)]
    pieces += [packer.compress(bytes(16 << 20)) for _ in range(BOMB_BYTES >> 24)]
    return b"".join([healthy[0], *pieces, packer.flush(), healthy[1]])


def make_empty_members() -> bytes:
    return pack_between(gzip.compress(b"", mtime=0) * 100_000)


def make_coded(*codecs: str, inner: bytes | None = None) -> Callable[[], bytes]:
    """A page whose body is a bomb under content codings, outermost last."""

    def make() -> bytes:
        body = compress_zeros_once(codecs[0])
        for codec in codecs[1:]:
            body = {"gzip": functools.partial(gzip.compress, mtime=0), "br": brotli.compress}[
                codec
            ](body)
        return make_page_file(lambda: body, **{"Content-Encoding": ", ".join(codecs)})()

    return make


def list_pages() -> list[Hostile]:
    """Pages on which parsers take quadratic time, run out of memory or crash."""
    shapes: list[tuple[str, Callable[[], bytes], frozenset[str]]] = [
        (
            "100,000 attributes on one tag",
            lambda: wrap_page(b"<p" + b"".join(b" a%d=b" % n for n in range(100_000)) + b">x</p>"),
            frozenset({"too_complex", "kept"}),
        ),
        (
            "100,000 nested div",
            lambda: wrap_page(b"<div>" * 100_000 + b"deep" + b"</div>" * 100_000),
            frozenset({"too_complex", "kept"}),
        ),
        ("1,000,000 br", lambda: wrap_page(b"<br>\n" * 1_000_000), frozenset({"kept"})),
        (
            "200,000 p in 14 MB",
            lambda: wrap_page(b"<p>%s</p>" % (b"stone and water " * 4) * 200_000),
            frozenset({"too_complex", "kept"}),
        ),
        ("300 x 300 nested lists", nest_lists, frozenset({"kept", "too_complex"})),
        (
            "svg template, 17 bytes",
            lambda: b"<svg><template>",
            frozenset({"empty_text", "mime_type"}),
        ),
        (
            "svg template in a page",
            lambda: wrap_page(b"<svg><template>"),
            frozenset({"kept", "empty_text"}),
        ),
        (
            "one attribute of 64 MB",
            lambda: wrap_page(b'<p title="' + b"x" * (64 << 20) + b'">x</p>'),
            frozenset({"too_large"}),
        ),
        (
            "one attribute of 7 MB",
            lambda: wrap_page(b'<p title="' + b"x" * 7_000_000 + b'">x</p>'),
            frozenset({"kept"}),
        ),
        (
            "one comment of 7 MB, not closed",
            lambda: wrap_page(b"<!-- " + b"- <p> " * 1_150_000),
            frozenset({"kept", "too_complex"}),
        ),
        (
            "a table of 400,000 rows",
            lambda: wrap_page(b"<table>" + b"<tr><td>x</td>\n" * 400_000),
            frozenset({"kept", "too_complex"}),
        ),
        (
            "1,000,000 character references",
            lambda: wrap_page(b"<p>" + b"&amp; " * 1_000_000),
            frozenset({"kept", "too_complex"}),
        ),
        (
            "100,000 unclosed quotes",
            lambda: wrap_page(b"<a href='" * 100_000),
            frozenset({"kept", "too_complex"}),
        ),
        (
            "100,000 formatting elements",
            lambda: wrap_page(b"<b><i>x<p>" * 100_000),
            frozenset({"kept", "too_complex"}),
        ),
    ]
    return [
        Hostile(name, WEB, "hostile.warc.gz", make_page_file(body), fates)
        for name, body, fates in shapes
    ]


def list_records() -> list[Hostile]:
    """Bombs and oddities of WARC files and HTTP messages."""
    coded = [("gzip", "gzip"), ("br",), ("zstd",), ("gzip",), ("deflate",), ("br", "gzip")]
    cases = [
        Hostile(f"{' in '.join(codecs)} bomb", WEB, "h.warc.gz", make_coded(*codecs), REFUSED)
        for codecs in coded
    ]
    cases += [
        Hostile(
            f"{codec} body of an unknown coding",
            WEB,
            "h.warc.gz",
            make_coded(codec),
            frozenset({"mime_type", "undecodable"}),
        )
        for codec in ("xz", "bz2")
    ]
    cases += [
        Hostile(
            "three content codings",
            WEB,
            "h.warc.gz",
            make_coded("gzip", "gzip", "gzip"),
            frozenset({"bad_encoding"}),
        ),
        Hostile(
            "gzip member bomb",
            WEB,
            "h.warc.gz",
            lambda: make_member_bomb("gzip"),
            frozenset({"too_large"}),
        ),
        Hostile(
            "zstd member bomb",
            WEB,
            "h.warc.zst",
            lambda: make_member_bomb("zstd"),
            frozenset({"too_large"}),
        ),
        Hostile(
            "100,000 empty members",
            WEB,
            "h.warc.gz",
            make_empty_members,
            frozenset({"nothing", "damaged_record"}),
        ),
        Hostile(
            "100,000 empty members in a body",
            WEB,
            "h.warc.gz",
            make_page_file(
                lambda: gzip.compress(b"", mtime=0) * 100_000, **{"Content-Encoding": "gzip"}
            ),
            frozenset({"empty_text", "mime_type"}),
        ),
        Hostile(
            "HTTP header of 8 MiB",
            WEB,
            "h.warc.gz",
            make_giant_header,
            frozenset({"empty_text", "mime_type", "too_large", "damaged_record"}),
        ),
        Hostile(
            "100,000 HTTP headers",
            WEB,
            "h.warc.gz",
            make_many_headers,
            frozenset({"kept", "empty_text", "mime_type", "too_large"}),
        ),
        Hostile(
            "one text line of 20 MB",
            WEB,
            "h.warc.gz",
            make_page_file(
                lambda: b"word and stone " * 1_333_333, **{"Content-Type": "text/plain"}
            ),
            frozenset({"kept", "too_large"}),
        ),
    ]
    return cases
