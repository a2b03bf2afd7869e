"""Pages with known main content: two labelled sets, their split by domain, and the metric."""

import gzip
import hashlib
import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import zstandard

REPOSITORY = Path(__file__).resolve().parents[2]
SCRAPINGHUB = "extract-scrapinghub-aeb"
WCXB = "extract-wcxb-dev"
SETS = (SCRAPINGHUB, WCXB)
#: Pages with what Readability finds in them: no gold of people, so for training alone.
READABILITY = "extract-readability"
_PAGE_URL = re.compile(
    rb"""(?:rel="canonical"[^>]*href|property="og:url"[^>]*content)="(https?://[^"]+)\""""
)
_WORD = re.compile(r"\w+")
#: Second labels that registries sell names under, as in example.co.uk.
_SHARED_LABELS = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"})


@dataclass(frozen=True)
class LabelledPage:
    """A page, the text that people say is its content, and where it is from."""

    set_name: str
    name: str
    kind: str  # article, forum, product ...
    url: str
    html: bytes
    gold: str

    @property
    def domain(self) -> str:
        """The registered domain: pages of one site stay on one side of every split."""
        labels = (urlsplit(self.url).hostname or self.name).split(".")
        shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED_LABELS
        return ".".join(labels[-3:] if shared else labels[-2:])

    def draw(self, what: str) -> int:
        """A number that depends on the domain and `what` alone."""
        key = f"{what} {self.domain}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")

    @property
    def held_out(self) -> bool:
        """Whether the page is of the half that nothing was ever tuned to."""
        return self.draw("half") % 2 == 1


@dataclass(frozen=True)
class Score:
    """Bag-of-words agreement of a text with the gold."""

    f1: float
    precision: float
    recall: float


def split_words(text: str) -> list[str]:
    """Runs of word characters, lower-cased: the metric's words."""
    return _WORD.findall(text.lower())


def score_text(text: str, gold: str) -> Score:
    """F1, precision and recall over the bags of words.

    With an empty gold, an empty text scores 1 and any other 0.
    """
    found, wanted = split_words(text), split_words(gold)
    if not wanted or not found:
        equal = float(not wanted and not found)
        return Score(equal, equal, equal)
    common = (Counter(found) & Counter(wanted)).total()
    precision, recall = common / len(found), common / len(wanted)
    return Score(2 * common / (len(found) + len(wanted)), precision, recall)


def average_scores(scores: Sequence[Score]) -> Score:
    """The mean over pages."""
    count = max(1, len(scores))
    return Score(
        sum(score.f1 for score in scores) / count,
        sum(score.precision for score in scores) / count,
        sum(score.recall for score in scores) / count,
    )


def find_shared() -> Path:
    """The folder of the labelled sets: $GRISTMILL_TEST_DATA or shared/data beside the tree."""
    named = os.environ.get("GRISTMILL_TEST_DATA")
    return Path(named) if named else REPOSITORY.parent / "shared" / "data"


def load_pages(set_name: str, shared: Path | None = None) -> list[LabelledPage]:
    """Read a labelled set, in the order of its pages' names.

    Raises:
        FileNotFoundError: the set is not on this machine.
    """
    archive = (shared or find_shared()) / f"{set_name}.tar.zst"
    if not archive.exists():
        raise FileNotFoundError(f"{archive} is missing: set GRISTMILL_TEST_DATA to its folder")
    files = dict(_read_members(archive))
    read = _read_scrapinghub if set_name == SCRAPINGHUB else _read_wcxb
    return sorted(read(files), key=lambda page: page.name)


def load_readability(shared: Path | None = None) -> list[tuple[LabelledPage, bytes]]:
    """Read the pages of `READABILITY`, each with the HTML of what is taken for content.

    Their gold is empty here, and their URL what they name themselves, or empty.

    Raises:
        FileNotFoundError: the set is not on this machine.
    """
    files = dict(_read_members((shared or find_shared()) / f"{READABILITY}.tar.zst"))
    pages = []
    for path in sorted(files):
        if path.endswith("/source.html"):
            html = files[path]
            url = _PAGE_URL.search(html)
            name = Path(path).parent.name
            address = url.group(1).decode("utf-8", "replace") if url else ""
            page = LabelledPage(READABILITY, name, "article", address, html, "")
            pages.append((page, files[path.replace("source", "expected")]))
    return pages


def _read_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with (
        archive.open("rb") as packed,
        decoder.stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        for member in members:
            content = members.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name.removeprefix("./"), content.read()


def _read_scrapinghub(files: Mapping[str, bytes]) -> Iterator[LabelledPage]:
    for name, truth in json.loads(files["ground-truth.json"]).items():
        html = gzip.decompress(files[f"html/{name}.html.gz"])
        yield LabelledPage(SCRAPINGHUB, name, "article", truth["url"], html, truth["articleBody"])


def _read_wcxb(files: Mapping[str, bytes]) -> Iterator[LabelledPage]:
    for path, content in files.items():
        if path.startswith("dev/ground-truth/"):
            facts = json.loads(content)
            name = Path(path).stem
            gold = facts["ground_truth"].get("main_content") or ""
            html = files[f"dev/html/{name}.html"]
            yield LabelledPage(WCXB, name, _find_kind(facts), facts.get("url", ""), html, gold)


def _find_kind(facts: Mapping[str, Any]) -> str:
    kind = ((facts.get("_internal") or {}).get("page_type") or {}).get("primary", "article")
    return "collection" if kind == "category" else str(kind)
