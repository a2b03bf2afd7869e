"""Files of lists for tests: written, pinned and named as a recipe does."""

import hashlib
from pathlib import Path

from gristmill.schemas.list_files import UrlList, UrlWordList, WordList


def pin_file(path: Path) -> str:
    """The hash that a recipe would hold."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def name_words(path: Path, language: str = "en", kind: str = "entries") -> WordList:
    """A file as a list of bad words."""
    return WordList.model_validate(
        {"language": language, "path": str(path), "sha256": pin_file(path), "kind": kind}
    )


def name_urls(path: Path, category: str, kind: str = "domains") -> UrlList:
    """A file as a list of addresses."""
    return UrlList.model_validate(
        {"category": category, "path": str(path), "sha256": pin_file(path), "kind": kind}
    )


def name_url_words(path: Path, kind: str) -> UrlWordList:
    """A file as a list of words in addresses."""
    return UrlWordList.model_validate({"path": str(path), "sha256": pin_file(path), "kind": kind})


def write_list(path: Path, *lines: str) -> Path:
    """Write a list, a line each."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
