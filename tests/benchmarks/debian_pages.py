"""Real HTML pages for benchmarks: WARC files made of Debian's documentation packages.

Nothing is installed and nothing lands in the repository: packages are fetched
with ``apt-get download`` into a cache folder, read without unpacking, and
written as gzipped WARC with the records Common Crawl has (request, response,
metadata; one gzip member each). Dates, ids and order are functions of the URL,
so two machines with the same packages build the same bytes.

Run it alone to build the whole set: ``python tests/benchmarks/debian_pages.py``.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

LAYOUT = 1  # counts up when the same packages would give other bytes
DOCUMENT_ROOT = "./usr/share/doc/"
LEAST_PAGE_BYTES = 1_000  # below: redirect stubs of the documentation tools
MOST_PAGE_BYTES = 1 << 20  # Common Crawl cuts payloads at 1 MiB
FIRST_FETCH = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Package:
    """A Debian package and which of its pages are used.

    Attributes:
        name: name in the package index of Debian 12 (bookworm).
        folders: only pages whose path below /usr/share/doc/PACKAGE/ starts so.
        limit: at most so many pages, chosen by the hash of their URL.
    """

    name: str
    folders: tuple[str, ...] = ("",)
    limit: int = 1 << 30


@dataclass(frozen=True)
class Page:
    """One page: its URL, the package it is from, and its bytes."""

    url: str
    package: str
    html: bytes

    def draw(self, what: str) -> bytes:
        """A lot that depends on the URL and `what` alone.

        Choice and order are drawn apart: were they one lot, the pages of a
        limited package would all stand at the front.
        """
        return hashlib.blake2b(f"{what} {self.url}".encode(), digest_size=16).digest()


@dataclass(frozen=True)
class PageSet:
    """A finished folder of WARC files.

    Attributes:
        folder: holds ``part-*.warc.gz`` and the marker ``pages.json``.
        pages: number of pages in all files.
        html_bytes: sum of the pages' sizes.
        packages: file names of the packages, which carry their versions.
        pages_of: pages by package.
    """

    folder: Path
    pages: int
    html_bytes: int
    packages: tuple[str, ...]
    pages_of: dict[str, int]

    @property
    def files(self) -> list[Path]:
        """The WARC files, in order."""
        return sorted(self.folder.glob("part-*.warc.gz"))


PACKAGES = (
    Package("linux-doc-6.1", limit=2_000),  # English, some Chinese and Italian
    Package("python3.11-doc"),  # English
    Package("postgresql-doc-15"),  # English
    Package(
        "debian-handbook",  # partly untranslated, hence duplicates across folders
        folders=tuple(
            f"html/{locale}/"
            for locale in ["en-US", "de-DE", "es-ES", "fr-FR", "ja-JP", "pl-PL", "ru-RU", "zh-CN"]
        ),
    ),
    Package("apache2-doc"),  # twelve languages, several legacy charsets
)


def cache_folder() -> Path:
    """Where benchmarks keep downloads: $GRISTMILL_BENCH_CACHE or ~/.cache/gristmill-bench."""
    named = os.environ.get("GRISTMILL_BENCH_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "gristmill-bench"


def download_package(name: str, folder: Path) -> Path:
    """Fetch a package file with apt-get, unless the folder has it.

    Raises:
        RuntimeError: apt-get is missing or knows no such package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f"{name}_*.deb"))
    if found:
        return found[-1]
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"{name}: needs apt-get, that is a Debian or Ubuntu machine")
    download = ["apt-get", "download", name]
    result = subprocess.run(download, cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        subprocess.run(["apt-get", "update"], capture_output=True)
        result = subprocess.run(download, cwd=folder, capture_output=True, text=True)
    found = sorted(folder.glob(f"{name}_*.deb"))
    if result.returncode != 0 or not found:
        raise RuntimeError(
            f"{name}: apt-get download failed (the list of packages is that of Debian 12; "
            f"put {name}_*.deb into {folder} by hand to go on): {result.stderr.strip()[-500:]}"
        )
    return found[-1]


def read_pages(package: Package, deb: Path) -> list[Page]:
    """Read the pages of a package file, chosen by lot if they are over the limit.

    Links are left out, and so are redirect stubs, tiny and oversized pages.

    Raises:
        RuntimeError: dpkg-deb cannot read the file.
    """
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        try:
            with tarfile.open(fileobj=archive.stdout, mode="r|") as members:
                pages = list(_select_pages(members, package))
        except tarfile.ReadError as error:
            raise RuntimeError(f"dpkg-deb could not read {deb}") from error
    return sorted(pages, key=lambda page: page.draw("choice"))[: package.limit]


def _select_pages(members: tarfile.TarFile, package: Package) -> Iterator[Page]:
    for member in members:
        path = _page_path(member, package)
        stream = members.extractfile(member) if path is not None else None
        if path is None or stream is None:
            continue
        html = stream.read()
        if b'http-equiv="refresh"' not in html[:4096].lower():
            yield Page(f"https://{package.name}.debian.example/{path}", package.name, html)


def _page_path(member: tarfile.TarInfo, package: Package) -> str | None:
    if not member.isfile() or not LEAST_PAGE_BYTES <= member.size <= MOST_PAGE_BYTES:
        return None
    if not member.name.startswith(DOCUMENT_ROOT) or ".html" not in Path(member.name).name:
        return None
    path = member.name.removeprefix(DOCUMENT_ROOT).partition("/")[2]
    return path if path.startswith(package.folders) else None


def write_page(writer: WARCWriter, page: Page, place: int) -> None:
    """Write request, response and metadata of a page fetched `place` seconds after the first."""
    date = (FIRST_FETCH + timedelta(seconds=place)).strftime("%Y-%m-%dT%H:%M:%SZ")
    host, _, path = page.url.removeprefix("https://").partition("/")
    ids = {
        kind: f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{page.url}#{kind}')}>"
        for kind in ("request", "response", "metadata")
    }

    def write(
        kind: str, payload: bytes, http: StatusAndHeaders | None, extra: dict[str, str]
    ) -> None:
        record = writer.create_warc_record(
            page.url,
            kind,
            payload=io.BytesIO(payload),
            length=len(payload),
            http_headers=http,
            warc_headers_dict={"WARC-Record-ID": ids[kind], "WARC-Date": date} | extra,
        )
        writer.write_record(record)

    asked = [("Host", host), ("User-Agent", "gristmill-benchmark"), ("Accept", "text/html")]
    write(
        "request", b"", StatusAndHeaders(f"GET /{path} HTTP/1.1", asked, is_http_request=True), {}
    )
    answered = [("Content-Type", "text/html"), ("Content-Length", str(len(page.html)))]
    write(
        "response",
        page.html,
        StatusAndHeaders("200 OK", answered, protocol="HTTP/1.1"),
        {"WARC-Concurrent-To": ids["request"], "WARC-Identified-Payload-Type": "text/html"},
    )
    facts = f"fetchTimeMs: {100 + place % 400}\r\n".encode()
    write("metadata", facts, None, {"WARC-Concurrent-To": ids["response"]})


def write_files(pages: Sequence[Page], folder: Path, files: int) -> None:
    """Write pages to `files` WARC files of contiguous, nearly equal shares."""
    for number in range(files):
        first, last = (len(pages) * k // files for k in (number, number + 1))
        with (folder / f"part-{number:04d}.warc.gz").open("wb") as stream:
            writer = WARCWriter(stream, gzip=True)
            for place in range(first, last):
                write_page(writer, pages[place], place)


def build_page_sets(sizes: Sequence[int | None], *, files: int) -> list[PageSet]:
    """Build sets of pages, or find them built.

    Args:
        sizes: pages of each set; None is all there are. Every set is the
            beginning of the same order.
        files: WARC files of a set, so that this many workers have work.

    Raises:
        RuntimeError: a package could not be fetched or read.
    """
    root = cache_folder()
    key = hashlib.blake2b(repr((LAYOUT, PACKAGES)).encode(), digest_size=4).hexdigest()
    folders = [root / f"pages-{key}-{'all' if size is None else size}-in-{files}" for size in sizes]
    if not all((folder / "pages.json").exists() for folder in folders):
        debs = [download_package(package.name, root / "debs") for package in PACKAGES]
        pages = [
            page for item, deb in zip(PACKAGES, debs, strict=True) for page in read_pages(item, deb)
        ]
        pages.sort(key=lambda page: page.draw("order"))  # any prefix is a fair sample
        for size, folder in zip(sizes, folders, strict=True):
            _build_set(pages[:size], folder, files, [deb.name for deb in debs])
    return [_load_set(folder) for folder in folders]


def _build_set(pages: Sequence[Page], folder: Path, files: int, debs: list[str]) -> None:
    if (folder / "pages.json").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    write_files(pages, partial, files)
    names = [page.package for page in pages]
    facts = {
        "pages": len(pages),
        "html_bytes": sum(len(page.html) for page in pages),
        "packages": debs,
        "pages_of": {name: names.count(name) for name in dict.fromkeys(sorted(names))},
    }
    (partial / "pages.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if folder.exists():  # left by a run that died before its marker
        shutil.rmtree(folder)
    partial.rename(folder)


def _load_set(folder: Path) -> PageSet:
    facts = json.loads((folder / "pages.json").read_text(encoding="utf-8"))
    return PageSet(folder, **(facts | {"packages": tuple(facts["packages"])}))


def _describe(sets: Sequence[PageSet]) -> Iterator[str]:
    for found in sets:
        yield json.dumps({name: str(value) for name, value in asdict(found).items()})


if __name__ == "__main__":
    for line in _describe(build_page_sets([None], files=os.cpu_count() or 1)):
        sys.stdout.write(line + "\n")
