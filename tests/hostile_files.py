"""Hostile wiki dumps, archives of texts and files of rows."""

import bz2
import functools
import io
import json
import lzma
import random
import tarfile

from hostile_kit import (
    ARCHIVE,
    BOMB_BYTES,
    NEIGHBOURS,
    PACKERS,
    ROWS,
    SUFFIXES,
    WIKI,
    Hostile,
    compress_zeros,
)
from mill_inputs import write_prose


def write_wiki_file(hostile: str, *, declaration: str = "", compress: bool = False) -> bytes:
    """A dump of two healthy articles with one page, or none, between them."""
    pages = [write_wiki_page(1, write_prose("first")), hostile]
    pages.append(write_wiki_page(3, write_prose("last")))
    head = "<siteinfo><sitename>Mill</sitename><dbname>millwiki</dbname></siteinfo>\n"
    body = (
        f'{declaration}<mediawiki version="0.11" xml:lang="en">\n{head}'
        f"{''.join(pages)}</mediawiki>\n"
    ).encode()
    return bz2.compress(body) if compress else body


def write_wiki_page(number: int, text: str, attribute: str = "") -> str:
    return (
        f"  <page>\n    <title>Page {number}</title><ns>0</ns><id>{number}</id>\n"
        f"    <revision><id>{number + 100}</id><timestamp>2024-01-01T00:00:00Z</timestamp>"
        f'<model>wikitext</model><format>text/x-wiki</format><text xml:space="preserve"{attribute}>'
        f"{text}</text></revision>\n  </page>\n"
    )


def declare_laughs() -> str:
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return f"<!DOCTYPE mediawiki [{''.join(lines)}]>\n"


def declare_blow_up() -> str:
    return f'<!DOCTYPE mediawiki [<!ENTITY a "{"x" * 100_000}">]>\n'


def declare_file() -> str:
    return '<!DOCTYPE mediawiki [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n'


def write_tar(members: list[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, payload in members:
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            archive.addfile(member, io.BytesIO(payload))
    return packed.getvalue()


def write_text_archive(*between: tuple[str, bytes]) -> bytes:
    """An archive of texts in OpenWebText's layout, two healthy and others between."""
    texts = [
        (f"000000{number}-{number:032x}.txt", write_prose(name).encode())
        for number, name in enumerate(NEIGHBOURS)
    ]
    inner = lzma.compress(write_tar([texts[0], *between, texts[1]]), preset=1)
    return lzma.compress(write_tar([("openwebtext/urlsf_subset00-1_data.xz", inner)]), preset=1)


def write_rows(hostile: str) -> bytes:
    rows = [json.dumps({"id": name, "text": write_prose(name)}) for name in NEIGHBOURS]
    return f"{rows[0]}\n{hostile}\n{rows[1]}\n".encode()


def write_empty_rows(codec: str) -> bytes:
    """A row file of three parts, the middle one 100,000 times nothing."""
    pack = PACKERS[codec]
    first, _, last = write_rows("").partition(b"\n\n")
    return pack(first + b"\n") + pack(b"") * 100_000 + pack(last)


def write_row_bomb(codec: str) -> bytes:
    first, _, last = write_rows("").partition(b"\n\n")
    pack = PACKERS[codec]
    return pack(first + b"\n") + compress_zeros(codec) + pack(last)


def list_containers() -> list[Hostile]:
    """Hostile dumps, archives and row files."""
    mention = write_wiki_page(2, "&a9; " * 10 + write_prose("hostile"))
    repeat = write_wiki_page(2, "&a;" * 100_000)
    page = frozenset({"kept", "empty_text", "too_large", "too_complex", "damaged_record"})
    cases = [
        Hostile(
            name,
            WIKI,
            "h.xml",
            lambda hostile=hostile, declare=declare: write_wiki_file(  # type: ignore[misc]
                hostile, declaration=declare()
            ),
            frozenset({"damaged_record"}),
            kept=0,  # a dump has no document type: a file with one is none
        )
        for name, hostile, declare in (
            ("billion laughs", mention, declare_laughs),
            ("quadratic blow-up", repeat, declare_blow_up),
            ("external entity", write_wiki_page(2, "&a; " * 50), declare_file),
        )
    ]
    cases += [
        Hostile(
            "wiki attribute of 64 MB",
            WIKI,
            "h.xml",
            lambda: write_wiki_file(write_wiki_page(2, "short", f' a="{"x" * (64 << 20)}"')),
            page,
        ),
        Hostile(
            "wiki page of 64 MB",
            WIKI,
            "h.xml",
            lambda: write_wiki_file(write_wiki_page(2, "word " * (13 << 20))),
            frozenset({"too_large"}),
        ),
        Hostile(
            "wiki page of 64 MB of one letter in bzip2",
            WIKI,
            "h.xml.bz2",
            lambda: write_wiki_file(write_wiki_page(2, "x" * (64 << 20)), compress=True),
            frozenset({"too_large"}),
            kept=1,  # a stream that expands 1,000 times is not read on
        ),
        Hostile(
            "100,000 open templates",
            WIKI,
            "h.xml.bz2",
            lambda: write_wiki_file(write_wiki_page(2, "{{{a|" * 100_000), compress=True),
            page,
        ),
        Hostile(
            "tar member of 24 MiB",
            ARCHIVE,
            "h.tar.xz",
            lambda: write_text_archive(
                (f"0000009-{9:032x}.txt", random.Random(9).randbytes(1 << 16) * 384)
            ),
            frozenset({"too_large"}),
        ),
        Hostile(
            "tar member of 256 MiB of zeros",
            ARCHIVE,
            "h.tar.xz",
            lambda: write_text_archive((f"0000009-{9:032x}.txt", bytes(BOMB_BYTES))),
            frozenset({"too_large"}),
            kept=1,
        ),
        Hostile(
            "20,000 empty tar members",
            ARCHIVE,
            "h.tar.xz",
            lambda: write_text_archive(
                *((f"{number:07d}-{number:032x}.txt", b"") for number in range(10, 20_010))
            ),
            frozenset({"empty_text"}),
        ),
        Hostile(
            "row of 20 MB",
            ROWS,
            "h.jsonl",
            lambda: write_rows(json.dumps({"id": "x", "text": "word and stone " * 1_333_333})),
            frozenset({"kept", "too_large"}),
        ),
        Hostile(
            "row of 100,000 brackets",
            ROWS,
            "h.jsonl",
            lambda: write_rows('{"id": "x", "text": ' + "[" * 100_000 + "]" * 100_000 + "}"),
            frozenset({"bad_row", "too_complex"}),
        ),
    ]
    for codec, suffix in SUFFIXES.items():
        cases.append(
            Hostile(
                f"{codec} bomb of a row file",
                ROWS,
                f"h.jsonl.{suffix}",
                functools.partial(write_row_bomb, codec),
                frozenset({"too_large", "bad_row"}),
                kept=1,  # a stream that expands 1,000 times is not read on
            )
        )
        cases.append(
            Hostile(
                f"100,000 empty {codec} streams of a row file",
                ROWS,
                f"h.jsonl.{suffix}",
                functools.partial(write_empty_rows, codec),
                frozenset({"nothing"}),
            )
        )
    return cases
