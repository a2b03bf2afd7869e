"""Broken pages through all that reads text: HTML to text to signals, and nothing crashes.

The pages are real ones, broken by seeded mutations. A run takes a few seconds, and
``GRISTMILL_FUZZ_SECONDS=60`` more; ``GRISTMILL_FUZZ_SEED`` starts from other mutations.
"""

import importlib
import lzma
import os
import pkgutil
import random
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest

from gristmill.cleaning import dialects, pii, text_signals
from gristmill.cleaning.language import LanguageModel
from gristmill.cleaning.warc_records import WarcRecord
from gristmill.cleaning.web_pages import PageSettings, extract_page
from gristmill.schemas.fates import Damaged, Found, Refused

SECONDS = float(os.environ.get("GRISTMILL_FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("GRISTMILL_FUZZ_SEED", "6"))
#: Texts that are measured in one batch.
BATCH = 32
#: Larger pages are cut, to try more of them.
LONGEST_PAGE = 60_000
SOUP = (
    b"<p>", b"</p>", b"<div", b"</div>", b"<b><i>", b"</b></i>", b"<!--", b"-->", b"<![CDATA[", b"]]>",
    b"<script>", b"</script>", b"<style>", b"<table><tr><td>", b"</table>", b"<pre>", b"<li>",
    b"<svg><template>", b"<a href='", b"<a b=\"", b">", b"<", b"&", b"&amp;", b"&#0;", b"&#xD800;",
    b"&#x1F600;", b"&NotEqualTilde;", b"\x00", b"<br>" * 50, b"<h1>", b"<title>", b"<textarea>",
    b"<meta charset=utf-16>", b"<?xml?>", b"<!DOCTYPE", b"<math>", b"<select><option>", b"<plaintext>",
)  # fmt: skip
CHARACTERS = (
    "\u0301"
    * 40
    + "\u200b\u200d\u202e\ufeff\ufffd\u2028\u0085\u3000\u00ad\ufffe\U0010ffff\U000e0001"
    "漢字ภาษาไทยພາສາភាសាမြန်မာひらがなカタカナ한국어עבריתالعربيةहिन्दी𠀀😀🇩🇪٣½Ⅷ"
)
WORDS = (
    "javascript", "lorem ipsum ", "terms of use", "[edit]", "{", "...", "… ", "#", "• ", "\n\n", "\n",
    "me@example.org ", "10.0.0.1 ", "+49 30 123456 ", "4111 1111 1111 1111 ", "http://", "://", "a-" * 200,
    "@" * 200, "x" * 2000, "the " * 100, "same line\n" * 30, "漢" * 300, "ก" * 300, ". ", "\u3002",
)  # fmt: skip


def flip_bits(rng: random.Random, page: bytes, other: bytes) -> bytes:
    damaged = bytearray(page)
    for _ in range(rng.randrange(1, 40)):
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def splice(rng: random.Random, page: bytes, other: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(other) + 1) for _ in range(2))
    place = rng.randrange(len(page) + 1)
    return page[:place] + other[start:end] + page[place:]


def truncate(rng: random.Random, page: bytes, other: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(page) + 1) for _ in range(2))
    return page[start:end] if rng.random() < 0.3 else page[:end]


def repeat(rng: random.Random, page: bytes, other: bytes) -> bytes:
    start = rng.randrange(len(page) + 1)
    return page[:start] + page[start : start + rng.randrange(1, 400)] * rng.randrange(2, 60)


def stir_soup(rng: random.Random, page: bytes, other: bytes) -> bytes:
    parts = [page]
    for _ in range(rng.randrange(1, 30)):
        whole = parts.pop(rng.randrange(len(parts)))
        place = rng.randrange(len(whole) + 1)
        parts += [whole[:place], rng.choice(SOUP), whole[place:]]
    return b"".join(parts)


def insert_text(rng: random.Random, page: bytes, other: bytes) -> bytes:
    """Insert characters that are odd and words that rules look for, in some encoding."""
    encoding = rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "gb18030", "shift-jis"])
    text = "".join(
        rng.choice(WORDS) if rng.random() < 0.5 else rng.choice(CHARACTERS)
        for _ in range(rng.randrange(1, 60))
    )
    place = rng.randrange(len(page) + 1)
    return page[:place] + text.encode(encoding, "replace") + page[place:]


def make_bytes(rng: random.Random, page: bytes, other: bytes) -> bytes:
    return rng.randbytes(rng.randrange(500))


MUTATIONS: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    flip_bits, splice, truncate, repeat, stir_soup, insert_text, make_bytes,
)  # fmt: skip


def mutate(rng: random.Random, pages: list[bytes]) -> bytes:
    page = rng.choice(pages)
    for _ in range(rng.randrange(1, 5)):
        page = rng.choice(MUTATIONS)(rng, page, rng.choice(pages))[:LONGEST_PAGE]
    return page


def read_texts(rng: random.Random, page: bytes) -> list[str]:
    """The text of a page with each extractor, or the page as text where it gives none."""
    content_type = rng.choice(["text/html", "text/html; charset=utf-8", "text/plain", None])
    record = WarcRecord(
        "resource", None, "http://a.example/", None, content_type, None, None, page, 0, 1, None
    )
    texts = []
    for settings in (
        PageSettings(extractor="blocks", structure=rng.choice(["plain", "markdown"])),
        PageSettings(extractor="resiliparse", main_content=rng.random() < 0.5),
    ):
        found = extract_page(record, settings)
        assert isinstance(found, Found | Refused | Damaged)
        if isinstance(found, Found):
            texts.append(found.text)
    return texts or [page.decode("utf-8", "replace")]


def list_readers() -> dict[str, Callable[[pa.StringArray], pa.RecordBatch]]:
    """All that measures text: the reference, the languages and every dialect."""
    model = LanguageModel()
    text_signals.warm_up()
    readers = {"reference": text_signals.measure, "language": model.identify}
    for module in pkgutil.iter_modules(dialects.__path__):
        dialect = importlib.import_module(f"{dialects.__name__}.{module.name}")
        if hasattr(dialect, "TABLES"):
            dialect.warm_up()
            readers[module.name] = dialect.measure
    return readers


def check_numbers(name: str, measured: pa.RecordBatch) -> None:
    """No nulls, and finite numbers in the reference; a dialect may say nothing, or infinity."""
    measured.validate(full=True)
    for field, column in zip(measured.schema, measured.columns, strict=True):
        assert column.null_count == 0 or field.nullable, (name, field.name)
        if name == "reference" and pa.types.is_floating(field.type):
            assert np.all(np.isfinite(column.to_numpy(zero_copy_only=False))), field.name


def check_redaction(texts: list[str]) -> None:
    found = pii.find_spans(pa.array(texts, pa.string()))
    assert len(found) == len(texts)
    for text, spans in zip(texts, found.to_pylist(), strict=True):
        place = 0
        for span in spans:
            assert place <= span["start"] < span["end"] <= len(text)
            place = span["end"]
        pii.redact(text, spans)


@pytest.fixture(scope="module")
def pages(shared_data: Callable[[str], object]) -> list[bytes]:
    """Real pages of newspapers, shops and documentation, and of archives in many languages."""
    folder = shared_data("extract-readability")
    found = sorted(folder.rglob("*.html")) + sorted(folder.rglob("*.html.xz"))
    return [read_page(path)[:LONGEST_PAGE] for path in found[:120]]


def read_page(path) -> bytes:
    payload: bytes = path.read_bytes()
    return lzma.decompress(payload) if path.suffix == ".xz" else payload


@pytest.fixture(scope="module")
def readers() -> dict[str, Callable[[pa.StringArray], pa.RecordBatch]]:
    return list_readers()


def batches(pages: list[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Texts of broken pages, for as long as the run takes; each page has its own seed."""
    end, number = time.monotonic() + SECONDS, 0
    texts: list[str] = []
    while time.monotonic() < end or number < BATCH:
        rng = random.Random(f"{SEED} {number}")
        texts += read_texts(rng, mutate(rng, pages))
        number += 1
        if len(texts) >= BATCH:
            yield number, texts
            texts = []


def test_broken_pages_crash_nothing(pages, readers, record_property):
    assert pages
    measured = 0
    for number, texts in batches(pages):
        array = pa.array(texts, pa.string())
        for name, read in readers.items():
            try:
                batch = read(array)
            except Exception as error:
                raise AssertionError(f"{name} on pages up to {number}, seed {SEED}") from error
            assert batch.num_rows == len(texts), name
            check_numbers(name, batch)
        check_redaction(texts)
        measured += len(texts)
    record_property("texts", measured)
    assert measured >= BATCH


def test_every_dialect_is_fuzzed(readers):
    from gristmill.cleaning.rule_registry import DIALECTS

    assert set(readers) == {"reference", "language", *DIALECTS}
