"""Texts of real pages in nine languages for the benchmark of signals, extracted by gristmill.

The pages are those of LibreOffice's help in nine translations, as Debian packs it: they
are fetched with ``apt-get download`` and read without unpacking. The texts are kept
beside the packages in the benchmarks' cache folder, as JSON lines.
"""

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from debian_pages import LEAST_PAGE_BYTES, MOST_PAGE_BYTES, cache_folder, download_package

LANGUAGES = ("en-us", "fr", "nl", "pt", "ca", "id", "zh-cn", "hi", "tr")
LAYOUT = 1  # counts up when the same packages would give other texts


def _read_pages(deb: Path) -> Iterator[tuple[str, bytes]]:
    """Read the pages of a package: path and HTML.

    Raises:
        RuntimeError: dpkg-deb cannot read the file.
    """
    command = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        try:
            with tarfile.open(fileobj=archive.stdout, mode="r|") as members:
                for member in members:
                    fits = LEAST_PAGE_BYTES <= member.size <= MOST_PAGE_BYTES
                    stream = members.extractfile(member) if member.isfile() and fits else None
                    if stream is not None and member.name.endswith(".html"):
                        yield member.name, stream.read()
        except tarfile.ReadError as error:
            raise RuntimeError(f"dpkg-deb could not read {deb}") from error


def _extract_all(debs: list[Path]) -> Iterator[str]:
    from gristmill.cleaning.page_extraction import Page, extract_text

    for deb in debs:
        for _, html in sorted(_read_pages(deb)):
            page = Page(html.decode("utf-8", "replace"), html)
            text = extract_text(page).text
            if text and not text.isspace():
                yield text


def build_texts(every: int) -> Path:
    """Give the file of the texts of every so-manieth page, building what is not there.

    Returns:
        JSON lines with `digest` (16 hexadecimal digits) and `text`.

    Raises:
        RuntimeError: a package could not be fetched or read.
    """
    root = cache_folder()
    debs = [download_package(f"libreoffice-help-{name}", root / "debs") for name in LANGUAGES]
    names = [LAYOUT, *(deb.name for deb in debs)]
    key = hashlib.blake2b(repr(names).encode(), digest_size=4).hexdigest()
    whole = root / f"signals-{key}.jsonl"
    if not whole.exists():
        partial = whole.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            for text in _extract_all(debs):
                digest = hashlib.blake2b(text.encode("utf-8"), digest_size=8).hexdigest()
                file.write(json.dumps({"digest": digest, "text": text}) + "\n")
        partial.rename(whole)
    if every == 1:
        return whole
    sample = root / f"signals-{key}-{every}.jsonl"
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    sample.write_text("".join(lines[::every]), encoding="utf-8")
    return sample


def load_texts(path: Path) -> list[str]:
    """Read the texts of such a file."""
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
