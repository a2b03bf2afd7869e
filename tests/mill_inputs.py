"""Small inputs for the whole mill, of every kind, each record with a fate that is known.

Nothing here is anyone's text: sentences are drawn from word lists by a seeded generator.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import brotli
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.stages.splitting import SPLITS, assign_splits
from gristmill.schemas.identity import doc_id
from gristmill.schemas.recipe import Splits

HELD_OUT = Splits(validation=0.2, test=0.1)
DOCUMENT_BYTES = 2 << 20

ENGLISH = {
    "noun": "mill river stone farmer baker village bridge wheel flour harvest winter market road "
    "window garden letter engine teacher story machine valley forest ladder kitchen basket "
    "sailor island painter castle wagon orchard barrel shepherd mountain lantern harbour",
    "adjective": "old quiet heavy bright narrow careful early distant wooden patient empty golden "
    "broken gentle northern famous crooked hollow humble restless sturdy muddy silver",
    "verb": "carried watched repaired followed remembered opened painted borrowed described "
    "crossed measured visited answered collected finished noticed polished delivered",
    "place": "near the market|behind the old church|across the valley|beside the river|under the "
    "bridge|outside the town|along the coast|above the harbour|between the hills|at the station",
    "time": "in the morning|after the storm|during the long winter|before the harvest|every "
    "evening|on the first day of spring|for many years|at the end of the week|since last autumn",
}
GERMAN = {
    "noun": "Mühle Fluss Bauer Brücke Stein Ernte Winter Straße Garten Brief Lehrer Geschichte "
    "Wald Leiter Küche Korb Insel Burg Wagen Berg Hafen Fenster Markt Dorf",
    "adjective": "alte ruhige schwere helle enge frühe ferne hölzerne geduldige leere goldene",
    "verb": "trug beobachtete reparierte verfolgte öffnete malte beschrieb besuchte sammelte",
    "place": "neben dem Markt|hinter der Kirche|im Tal|am Ufer|unter der Brücke|vor der Stadt",
    "time": "am Morgen|nach dem Sturm|im langen Winter|vor der Ernte|jeden Abend|seit Jahren",
}


def list_words(lexicon: dict[str, str], part: str) -> list[str]:
    return lexicon[part].split("|" if part in ("place", "time") else None)


def write_sentences(seed: int | str, count: int) -> list[str]:
    rng = random.Random(f"sentences {seed}")

    def pick(part: str) -> str:
        return rng.choice(list_words(ENGLISH, part))

    shapes = (
        lambda: (
            f"The {pick('adjective')} {pick('noun')} {pick('verb')} a {pick('adjective')} "
            f"{pick('noun')} {pick('place')} {pick('time')}."
        ),
        lambda: (
            f"{pick('time').capitalize()} we {pick('verb')} the {pick('noun')} and the "
            f"{pick('adjective')} {pick('noun')} with great care."
        ),
        lambda: (
            f"Nobody {pick('verb')} that {pick('noun')} {pick('time')}, because it was "
            f"{pick('adjective')} and {pick('adjective')}."
        ),
        lambda: (
            f"When the {pick('noun')} {pick('verb')} it, her {pick('noun')} stood "
            f"{pick('place')} and looked {pick('adjective')}."
        ),
        lambda: (
            f"A {pick('noun')} of the {pick('adjective')} {pick('noun')} {pick('verb')} "
            f"what they had {pick('verb')} {pick('place')}."
        ),
    )
    return [rng.choice(shapes)() for _ in range(count)]


def write_prose(seed: int | str, sentences: int = 16) -> str:
    """English of about 14 words a sentence, four sentences a paragraph."""
    drawn = write_sentences(seed, sentences)
    return "\n\n".join(" ".join(drawn[i : i + 4]) for i in range(0, len(drawn), 4))


def write_german(seed: int) -> str:
    rng = random.Random(f"german {seed}")

    def pick(part: str) -> str:
        return rng.choice(list_words(GERMAN, part))

    return " ".join(
        f"Die {pick('adjective')} {pick('noun')} {pick('verb')} die {pick('noun')} "
        f"{pick('place')}, und {pick('time')} {pick('verb')} sie eine {pick('adjective')} "
        f"{pick('noun')}."
        for _ in range(14)
    )


def change_words(text: str, seed: int, count: int) -> str:
    """Replace `count` words, spread evenly, by others of the word lists."""
    rng = random.Random(f"change {seed}")
    words = text.split(" ")
    for number in range(count):
        place = (number + 1) * len(words) // (count + 1)
        words[place] = rng.choice(list_words(ENGLISH, "noun")) + rng.choice(["side", "ward", "let"])
    return " ".join(words)


def make_page(text: str, *, head: str = "") -> str:
    paragraphs = "\n".join(f"<p>{part}</p>" for part in text.split("\n\n"))
    return (
        f"<!DOCTYPE html>\n<html lang='en'><head><title>A page</title>{head}</head>\n"
        f"<body><main><article>\n{paragraphs}\n</article></main></body></html>\n"
    )


def make_slow_page() -> bytes:
    """A page that the guard lets pass and that takes half a minute to parse.

    It is made of towers of elements, each just low enough for the guard.
    """
    return b"<html><body>" + (b"<div>" * 1900 + b"</div>" * 1900) * 350


@dataclass
class Capture:
    """A record of a WARC file and what must become of it."""

    name: str
    body: bytes
    fate: str = "kept"
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})
    kind: str = "response"
    date: str = "2024-05-06T07:08:09Z"
    record_id: str | None = None  # without < >; made from the name if None
    host: str = "mill.invalid"

    @property
    def native_id(self) -> str:
        return self.record_id or f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, self.name)}"

    def encode(self) -> bytes:
        block = self.body
        content_type = "text/plain"
        if self.kind in ("response", "request"):
            content_type = f"application/http; msgtype={self.kind}"
            first = f"HTTP/1.1 {self.status}" if self.kind == "response" else "GET / HTTP/1.1"
            lines = [first, *(f"{key}: {value}" for key, value in self.headers.items()), "", ""]
            block = "\r\n".join(lines).encode() + self.body
        fields = (
            f"WARC/1.1\r\nWARC-Type: {self.kind}\r\nWARC-Record-ID: <{self.native_id}>\r\n"
            f"WARC-Date: {self.date}\r\nWARC-Target-URI: http://{self.host}/{self.name}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
        )
        return fields.encode() + block + b"\r\n\r\n"


def pack_warc(captures: list[Capture]) -> bytes:
    return b"".join(gzip.compress(capture.encode(), mtime=0) for capture in captures)


def make_chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = [body[:half], body[half:], b""]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def find_id(name: str, split: str) -> str:
    """A record id of a document that falls into a split."""
    for number in range(1000):
        native_id = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{name} {number}')}"
        ids = np.frombuffer(doc_id("commoncrawl", native_id), np.uint8).reshape(1, 16)
        if SPLITS[assign_splits(ids, HELD_OUT)[0]] == split:
            return native_id
    raise AssertionError(f"no id for {split}")


def list_plain_captures() -> Iterator[Capture]:
    """Pages that are kept, in every coding; records that are no pages."""
    yield Capture("info", b"software: by hand\r\n", "collect/record_type", kind="warcinfo")
    for number in range(12):
        page = make_page(write_prose(number)).encode()
        yield Capture(f"page-{number}/request", b"", "collect/record_type", kind="request")
        yield Capture(f"page-{number}", page)
    html = {"Content-Type": "text/html; charset=utf-8"}
    for coding, encode in (("gzip", gzip.compress), ("br", brotli.compress)):
        body = encode(make_page(write_prose(coding)).encode())
        yield Capture(f"coded-{coding}", body, headers={**html, "Content-Encoding": coding})
    body = make_chunked(make_page(write_prose("chunked")).encode())
    yield Capture("chunked", body, headers={**html, "Transfer-Encoding": "chunked"})
    latin = make_page(write_prose("latin") + " Café, crème brûlée and a déjà vu in Besançon.")
    meta = latin.replace("<title>", '<meta charset="iso-8859-1"><title>')
    yield Capture("latin", meta.encode("cp1252"))
    yield Capture("plain", write_prose("plain").encode(), headers={"Content-Type": "text/plain"})
    private = " Write to jane.doe@mill-example.com or call the server at 8.8.4.4 for a reply."
    yield Capture("private", make_page(write_prose("private") + private).encode())


def list_refused_captures() -> Iterator[Capture]:
    """Pages that collect drops or quarantines."""
    page = make_page(write_prose("refused")).encode()
    yield Capture("gone", page, "collect/http_status", status="404 Not Found")
    yield Capture("moved", b"", "collect/http_status", status="301 Moved")
    pdf = b"%PDF-1.7\n" + bytes(range(256)) * 4
    yield Capture("pdf", pdf, "collect/mime_type", headers={"Content-Type": "application/pdf"})
    yield Capture("pdf-as-html", pdf, "collect/mime_type")
    yield Capture("image", b"\x89PNG", "collect/mime_type", headers={"Content-Type": "image/png"})
    yield Capture("empty", b"", "collect/empty_text")
    yield Capture("no-text", make_page("").encode(), "collect/empty_text")
    noise = random.Random("noise").randbytes(4000)
    yield Capture("noise", b"<html>" + noise, "quarantine/undecodable")
    coded = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    yield Capture("bad-gzip", b"\x1f\x8b\x08" + noise, "quarantine/bad_encoding", headers=coded)
    yield Capture("nested", b"<html>" + b"<div>" * 100_000, "quarantine/too_complex")
    attributes = b" ".join(b"a%d" % number for number in range(200_000))
    yield Capture("attributes", b"<html><p " + attributes + b">x", "quarantine/too_complex")
    bomb = gzip.compress(bytes(DOCUMENT_BYTES + 1))
    yield Capture("bomb", bomb, "quarantine/too_large", headers=coded)


def list_judged_captures() -> Iterator[Capture]:
    """Pages that decide drops, a rule each."""

    def judged(name: str, text: str, rule: str) -> Capture:
        return Capture(name, make_page(text).encode(), f"decide/{rule}")

    yield judged("german", write_german(1), "language")
    yield judged("short", write_prose("short", 2), "gopher_quality/word_count")
    yield judged(
        "hashes",
        write_prose("hashes").replace(" the ", " # the # "),
        "gopher_quality/hash_to_word_ratio",
    )
    line = write_prose("again", 4)
    yield judged(
        "again",
        "\n\n".join([line, write_prose("once", 8), line, line]),
        "gopher_repetition/duplicate_line_fraction",
    )
    lines = [sentence.rstrip(".") for sentence in write_sentences("unpunctuated", 16)]
    yield judged(
        "unpunctuated", "\n\n".join(lines).replace(",", ""), "fineweb/punctuated_line_fraction"
    )
    yield judged("lorem", write_prose("lorem") + " Lorem ipsum.", "c4_structured/lorem_ipsum")
    code = " Then {curly} brackets follow."
    yield judged("curly", write_prose("curly") + code, "c4_structured/curly_bracket")
    long = write_prose("long", 40).replace(". ", " and ").replace(".\n\n", " and ")
    yield judged("one-sentence", long, "c4_structured/sentence_count")


def list_duplicate_captures() -> Iterator[Capture]:
    """Exact and near duplicates, and a chain that reaches from training into validation."""
    copied = make_page(write_prose(3)).encode()
    yield Capture(
        "copy-of-3", copied, "decide/exact_duplicate", date="2020-01-01T00:00:00Z"
    )  # the newer one stays
    near = change_words(write_prose(5), 5, 2)
    yield Capture(
        "near-5", make_page(near).encode(), "decide/near_duplicate", date="2020-01-01T00:00:00Z"
    )
    first = write_prose("chain", 24)
    middle = change_words(first, 1, 5)
    last = change_words(middle, 2, 6)
    for name, text, fate, year, split in (
        ("chain-first", first, "kept", 2023, "validation"),
        ("chain-middle", middle, "decide/near_duplicate", 2022, "train"),
        ("chain-last", last, "decide/split_leak", 2021, "train"),
    ):
        date, record_id = f"{year}-01-01T00:00:00Z", find_id(name, split)
        yield Capture(name, make_page(text).encode(), fate, date=date, record_id=record_id)


def write_wiki(pages: list[tuple[str, int, str, str]], *, name: str = "millwiki") -> bytes:
    """A dump of (title, namespace, model, wikitext); page and revision ids count from 1."""
    rendered = []
    for number, (title, namespace, model, text) in enumerate(pages, 1):
        redirect = '<redirect title="Mill" />' if text.startswith("#REDIRECT") else ""
        rendered.append(
            f"  <page>\n    <title>{title}</title><ns>{namespace}</ns><id>{number}</id>{redirect}\n"
            f"    <revision><id>{number + 100}</id><timestamp>2024-01-0{number % 9 + 1}T00:00:00Z"
            f"</timestamp><model>{model}</model><format>text/x-wiki</format>"
            f'<text xml:space="preserve">{text}</text></revision>\n  </page>\n'
        )
    head = f"<siteinfo><sitename>Mill</sitename><dbname>{name}</dbname></siteinfo>\n"
    body = f'<mediawiki version="0.11" xml:lang="en">\n{head}{"".join(rendered)}</mediawiki>\n'
    return bz2.compress(body.encode())


def write_archive(*subsets: list[tuple[str, bytes]]) -> bytes:
    """An archive in OpenWebText's layout: each subset a tar in xz, all in a tar in xz."""

    def pack(files: list[tuple[str, bytes]]) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, payload in files:
                member = tarfile.TarInfo(name)
                member.size = len(payload)
                archive.addfile(member, io.BytesIO(payload))
        return lzma.compress(packed.getvalue())

    names = (f"openwebtext/urlsf_subset00-{number}_data.xz" for number in range(1, 1000))
    return pack([(name, pack(members)) for name, members in zip(names, subsets, strict=False)])


RECIPE = """\
name: golden
seed: 7
sources:
  - {{name: wiki, kind: wikipedia, paths: [wiki.xml.bz2], priority: 0}}
  - {{name: web, kind: commoncrawl, paths: [web-a.warc.gz, web-b.warc.gz], priority: 1}}
  - {{name: archive, kind: openwebtext, paths: [archive.tar.xz], priority: 2}}
  - {{name: lines, kind: jsonl, paths: [lines.jsonl.gz], priority: 3, id: key, date: when}}
  - {{name: table, kind: parquet, paths: [table.parquet], priority: 4, id: key}}
limits: {{document_bytes: {document_bytes}}}
cleaning:
  languages: {{en: 0.65}}
  rule_tables: [gopher_quality, gopher_repetition, fineweb]
  redact: [email, ipv4, ipv6]
deduplication: {{near: {{scope: recipe}}}}
splits: {{validation: {splits.validation}, test: {splits.test}}}
tokenizer: {{vocab_size: 512}}
packing: {{sequence_length: 64}}
publishing: {{dataset: golden, licence: CC0-1.0}}
output: out
"""


@dataclass
class Golden:
    """A folder of inputs with a recipe, and the fate of every record in it."""

    folder: Path
    fates: Counter[tuple[str | None, str]]  # (native id, fate); no id where a record has none
    doc_ids: dict[bytes, str]  # native id of each document that can be kept

    @property
    def recipe(self) -> Path:
        return self.folder / "golden.yaml"


class _Fates:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str | None, str]] = Counter()
        self.doc_ids: dict[bytes, str] = {}

    def add(self, kind: str, native_id: str | None, fate: str) -> None:
        # Records that are no pages leave no row, so that nothing but their number is known.
        self.counts[None if fate == "collect/record_type" else native_id, fate] += 1
        if native_id is not None:
            self.doc_ids[doc_id(kind, native_id)] = native_id


def make_golden(folder: Path) -> Golden:
    """Write every input and the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    fates = _Fates()
    _make_web(folder, fates)
    _make_wiki(folder, fates)
    _make_archive(folder, fates)
    _make_rows(folder, fates)
    recipe = RECIPE.format(document_bytes=DOCUMENT_BYTES, splits=HELD_OUT)
    (folder / "golden.yaml").write_text(recipe)
    return Golden(folder, fates.counts, fates.doc_ids)


def _make_web(folder: Path, fates: _Fates) -> None:
    captures = [*list_plain_captures(), *list_judged_captures(), *list_duplicate_captures()]
    others = list(list_refused_captures())
    for capture in (*captures, *others):
        fates.add("commoncrawl", capture.native_id, capture.fate)
    # The same capture in two files: one of them stays, whichever it is.
    twice = captures[4]
    assert twice.fate == "kept"
    fates.add("commoncrawl", twice.native_id, "decide/repeated_id")
    # A member whose bytes were damaged, between two whole ones.
    broken = bytearray(gzip.compress(Capture("broken", make_page("Gone.").encode()).encode()))
    middle = len(broken) // 2
    broken[middle : middle + 8] = bytes(8)
    fates.add("commoncrawl", None, "quarantine/damaged_record")
    (folder / "web-a.warc.gz").write_bytes(pack_warc(captures))
    payload = pack_warc(others[:6]) + bytes(broken) + pack_warc([*others[6:], twice])
    (folder / "web-b.warc.gz").write_bytes(payload)


def _make_wiki(folder: Path, fates: _Fates) -> None:
    article = "'''Mill''' is a [[house]] with a wheel.\n\n== History ==\n{}\n"
    pages = [
        ("Mill", 0, "wikitext", article.format(write_prose("wiki 1"))),
        ("Grist", 0, "wikitext", article.format(write_prose("wiki 2"))),
        ("Watermill", 0, "wikitext", "#REDIRECT [[Mill]]"),
        ("Talk:Mill", 1, "wikitext", "Is it one? " + write_prose("wiki 3")),
        ("Mill.css", 0, "css", "body"),
        ("Void", 0, "wikitext", ""),
        ("Stub", 0, "wikitext", "A '''stub''' is short."),
    ]
    expected = ["kept", "kept", "collect/redirect", "collect/namespace", "collect/content_model"]
    expected += ["collect/empty_text", "decide/gopher_quality/word_count"]
    for number, fate in enumerate(expected, 1):
        fates.add("wikipedia", f"millwiki:{number}:{number + 100}", fate)
    (folder / "wiki.xml.bz2").write_bytes(write_wiki(pages))


def _make_archive(folder: Path, fates: _Fates) -> None:
    members = [
        (f"{number:07d}-{number:032x}.txt", write_prose(f"archive {number}").encode())
        for number in range(3)
    ]
    members.append((f"0000003-{3:032x}.txt", write_prose(7).encode()))  # page-7 again
    members.append((f"0000004-{4:032x}.txt", b"caf\xe9"))
    expected = ["kept"] * 3 + ["decide/exact_duplicate", "quarantine/undecodable"]
    for (name, _), fate in zip(members, expected, strict=True):
        fates.add("openwebtext", f"urlsf_subset00-1/{name}", fate)
    fates.add("openwebtext", None, "collect/stray_member")
    (folder / "archive.tar.xz").write_bytes(write_archive([*members, ("0.xz.lock", b"")]))


def _make_rows(folder: Path, fates: _Fates) -> None:
    rows = [
        {"key": f"row-{number}", "text": write_prose(f"line {number}"), "when": "2024-02-03"}
        for number in range(3)
    ]
    lines = [json.dumps(row) for row in rows]
    lines.insert(1, '{"key": "broken", "text": "no end')
    lines.append(json.dumps({"key": "textless"}))
    (folder / "lines.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    for number in range(3):
        fates.add("jsonl", f"lines/row-{number}", "kept")
    fates.add("jsonl", "lines/line:1", "quarantine/bad_row")
    fates.add("jsonl", "lines/textless", "quarantine/bad_row")
    table = {
        "key": ["t0", "t1", "t2", "t3"],
        "text": [write_prose("table 0"), write_prose("table 1"), None, ""],
    }
    pq.write_table(pa.table(table), folder / "table.parquet")
    expected = ["kept", "kept", "quarantine/bad_row", "collect/empty_text"]
    for key, fate in zip(table["key"], expected, strict=True):
        fates.add("parquet", f"table/{key}", fate)


#: Everything that is found is kept, so that tests see what collect does.
OPEN_POLICY = "{rule_tables: [], line_rule: null, redact: []}"


def write_small_recipe(folder: Path, *sources: str, more: str = "") -> Path:
    listed = "\n".join(f"  - {source}" for source in sources)
    path = folder / "small.yaml"
    path.write_text(
        f"name: small\nsources:\n{listed}\ncleaning: {OPEN_POLICY}\n{more}"
        "splits: {validation: 0, test: 0}\ntokenizer: {vocab_size: 300}\n"
        "packing: {sequence_length: 16}\npublishing: {dataset: small}\noutput: out\n"
    )
    return path
