"""The texts on which dialects are compared with their peers: real ones, and seeded nasty ones.

Many languages and kinds: web pages as visible text, with menus and listings, articles,
encyclopaedias as wikitext and as prose, documentation, dialogues, exercises, raw HTML,
code, and hundreds of texts that try a rule's edges. The order never changes, so that
the recorded values of a peer stay theirs. ``python tests/real_texts.py FILE`` writes
them as JSON lines, which is what the scripts that run a peer read.
"""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
import zstandard

SHARED: Final = Path(
    os.environ.get("GRISTMILL_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
)
#: Longer texts are cut here. In characters.
LONGEST: Final = 20_000

_UDHR: Final = "{http://efele.net/udhr}"
_ALPHABET: Final = (
    "abcdeTHE 0123456789  ..,,;:!?'\"\u2018\u2019\u201c\u201d()[]{}<>/\\-\u2013\u2014_*#@&%$\u20ac"
    "\u00b0\u2026\n\n\t\r\x0b\x1c\x85\u00a0\u2028\u3000\u200b\u00adé\u00df\u0130ıåÅ\u4e2d\u6587"
    "\u3002\u0e01\u0e32\u0627\u0644\u0947\u0915\U0001f600\U0001f1e6\u0301\ufeff\x00+=^~|`"
)
_PIECES: Final = (
    "the", "The", "to", "of", "can't", "Isn't", "you'll've", "U.S.A.", "e.g.", "Mr.", "etc.",
    "3.14", "1,000", "10km", "5'11\"", "8-)", ":-)", "http://a.bc/d?e=f#g", "www.example.com.",
    "me@example.org", "192.168.0.1", "C++", "and/or", "rock-n-roll", "well...", "wait\u2026",
    "[1]", "[edit]", "{", "}", "#tag", "##", "@you", "- item", "\u2022 item", "* item", "1.", "a)",
    "lorem ipsum", "Javascript", "privacy policy", "terms of use", "don\u2019t", "\u2018s", "'Cause",
    "x" * 40, "\u4f60\u597d", "\u3053\u3093\u306b\u3061\u306f\u3002", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\u0645\u0631\u062d\u0628\u0627\u061f", "\u041f\u0440\u0438\u0432\u0435\u0442!", "\u20ac5", "US$10", "20\u00b0C.",
    "km\u00b2", "a.m.", "9am", "gonna", "\n", "\n\n", "\r\n", "\t", "  ", "\u00a0", "\u2028", "\x1c",
)  # fmt: skip


def _read_members(name: str, ending: str, stop: str = "\0") -> Iterator[bytes]:
    """Read the files of a set whose names end so, up to a folder of that name."""
    path = SHARED / f"{name}.tar.zst"
    if not path.exists():
        pytest.skip(f"needs {path}, which is not on this machine (set GRISTMILL_TEST_DATA)")
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with (
        path.open("rb") as packed,
        decoder.stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        for member in members:
            if f"/{stop}/" in member.name:
                return
            if member.isfile() and member.name.endswith(ending):
                content = members.extractfile(member)
                assert content is not None
                yield content.read()


def _read_texts(name: str, ending: str) -> Iterator[str]:
    for content in _read_members(name, ending):
        yield content.decode("utf-8", "replace")


def _read_field(name: str, ending: str, field: str) -> Iterator[str]:
    for text in _read_texts(name, ending):
        for line in text.splitlines():
            yield json.loads(line)[field]


def _cut_lines(text: str, *sizes: int) -> Iterator[str]:
    r"""Cut a text into runs of so many lines, in turn; lines end with ``\n`` alone."""
    lines, start, turn = text.split("\n"), 0, 0
    while start < len(lines):
        size = sizes[turn % len(sizes)]
        yield "\n".join(lines[start : start + size])
        start, turn = start + size, turn + 1


def _web_texts() -> Iterator[str]:
    yield from _read_field("quality-dclm-human", ".jsonl", "text")
    for content in _read_members("warc-hplt-wide100", ".zst"):
        pages = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
        for line in io.TextIOWrapper(pages, "utf-8"):
            yield json.loads(line)["t"] or ""
    for content in _read_members("extract-wcxb-dev", ".json", stop="html"):
        yield json.loads(content)["ground_truth"].get("main_content") or ""
    for content in _read_members("extract-scrapinghub-aeb", "ground-truth.json"):
        for page in json.loads(content).values():
            yield page["articleBody"]
    for content in _read_members("warc-cc2017-wet-small", ".gz"):
        yield from gzip.decompress(content).decode("utf-8", "replace").split("WARC/1.0")
    yield from _read_texts("owt-owt-hf-dummy", ".txt")
    for index, text in enumerate(_read_texts("extract-readability", "source.html")):
        if index % 3 == 0:
            yield text


def _written_texts() -> Iterator[str]:
    """Encyclopaedias, books, documentation, news, laws."""
    for content in _read_members("langid-udhr", ".xml"):
        root = ElementTree.fromstring(content)
        paragraphs = [part.text or "" for part in root.iter() if part.tag in _UDHR_PARTS]
        if paragraphs:
            yield "\n\n".join(paragraphs)
    for index, line in enumerate(_packed_documents()):
        if index % 4 == 0:
            yield json.loads(line)["text"]
    for text in _read_texts("dedup-minhash-articles-1000", "articles_1000.train"):
        for line in text.splitlines()[::2]:
            yield line.partition(" ")[2]
    for text in _read_texts("bench-wikitext2", "test.txt"):
        yield from text.split("\n = ")[::3]
    yield from _read_texts("wiki-wtf-wikitext", ".txt")
    for text in _read_texts("tok-sentencepiece-data", ".txt"):
        yield from _cut_lines(text, 5, 40, 120)


_UDHR_PARTS: Final = frozenset(_UDHR + tag for tag in ("title", "para"))


def _packed_documents() -> Iterator[str]:
    for content in _read_members("dedup-rust-book-revisions", ".jsonl.xz"):
        yield from lzma.decompress(content).decode("utf-8").splitlines()


def _sentences() -> Iterator[str]:
    """Sentences in 112 languages; addresses, numbers and names; dialogue; insults."""
    for content in _read_members("langid-tatoeba-laser", ""):
        yield from list(_cut_lines(content.decode("utf-8", "replace"), 1, 7, 30, 60))[:8]
    for content in _read_members("pii-presidio-research", "synth_dataset_v2.json"):
        yield from (record["full_text"] for record in json.loads(content)[::3])
    for text in _read_texts("tox-hatecheck", "all_cases.csv"):
        rows = list(csv.DictReader(io.StringIO(text)))
        yield from (row["test_case"] for row in rows[::16])
    yield from list(_read_field("bench-lambada", ".jsonl", "text"))[::25]


def _odd_texts() -> Iterator[str]:
    """Exercises with formulas, choices, address patterns, broken characters."""
    yield from list(_read_field("bench-gsm8k", "test.jsonl", "answer"))[::10]
    for content in _read_members("bench-hellaswag-val", ".bz2"):
        yield from list(_cut_lines(bz2.decompress(content).decode("utf-8"), 6, 24))[::40]
    for content in _read_members("url-dolma-easylist", ".gz"):
        rules = gzip.decompress(content).decode("utf-8")
        yield from list(_cut_lines(rules, 3, 25, 100))[::30]
    for text in _read_texts("langid-ftfy-mojibake", ".json"):
        yield from _cut_lines(text, 8, 30)


def _nasty_texts() -> Iterator[str]:
    """Texts that try the edges of rules: made here, from a fixed seed."""
    yield from ("", " ", "\n", "\n\n\n", "...", "\u2026", "{", "#", "the", "the the", "a", "\x00")
    yield from (" ".join(f"word{n:03d}" for n in range(count)) for count in range(1, 40))
    yield from ("a line\nb line\na line", "ab c x a bc x", "x\n" * 100, "word " * 500, "." * 999)
    yield from ("x" * 1001 + " more words here.", "IS_ALPHA is here.", "- a\n" * 20, "a...\n" * 20)
    draw = random.Random(6)
    for _ in range(250):
        count = draw.randrange(1, 120)
        yield "".join(draw.choice(_ALPHABET) for _ in range(count))
    for _ in range(250):
        count = draw.randrange(1, 160)
        yield "".join(
            draw.choice(_PIECES) + draw.choice(("", " ", " ", "\n")) for _ in range(count)
        )
    for _ in range(60):
        sentence = " ".join(draw.choice(_PIECES[:48]) for _ in range(draw.randrange(3, 12))) + "."
        lines = [sentence, draw.choice(_PIECES), "", sentence[: draw.randrange(1, 30)]]
        yield "\n".join(draw.choice(lines) for _ in range(draw.randrange(2, 40)))


def load_texts() -> list[str]:
    """Load all texts, in their order, each cut at `LONGEST` characters.

    Skips the test, saying so, where the real inputs are not on this machine.
    """
    makers = (_web_texts, _written_texts, _sentences, _odd_texts, _nasty_texts)
    return [text[:LONGEST] for make in makers for text in make()]


def digest_texts(texts: list[str]) -> npt.NDArray[np.uint64]:
    """Give the 64-bit digest by which a text is known in recorded results; shape (n,)."""
    digests = (hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def main(path: str) -> None:
    """Write the texts as JSON lines: `text` and, as sixteen hexadecimal digits, `digest`."""
    texts = load_texts()
    with Path(path).open("w", encoding="utf-8") as file:
        for text, digest in zip(texts, digest_texts(texts), strict=True):
            file.write(json.dumps({"digest": f"{digest:016x}", "text": text}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
