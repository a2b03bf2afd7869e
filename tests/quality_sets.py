"""Labelled texts of the real inputs: pages by kind to train on, people's votes to test with."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

#: Kinds of pages whose text is the page's purpose, and kinds where it is beside it; not
#: chosen by scores on people's votes.
WANTED_KINDS = ("article", "documentation")
OTHER_KINDS = ("collection", "forum", "listing", "product", "service")


def _iterate_members(archive: Path, ending: str) -> Iterator[tuple[str, bytes]]:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with (
        archive.open("rb") as packed,
        decoder.stream_reader(packed) as stream,
        tarfile.open(fileobj=stream, mode="r|") as members,
    ):
        for member in members:
            found = members.extractfile(member) if member.name.endswith(ending) else None
            if found is not None:
                yield member.name, found.read()


def load_pages(archive: Path) -> dict[str, list[str]]:
    """Main texts of the pages of extract-wcxb-dev by kind of page, in the order of their names."""
    pages = {}
    for name, payload in _iterate_members(archive, ".json"):
        if "/ground-truth/" in name:
            page = json.loads(payload)
            kind = page["_internal"]["page_type"]["primary"]
            pages[name] = (kind, page["ground_truth"].get("main_content") or "")
    by_kind: dict[str, list[str]] = {kind: [] for kind in (*WANTED_KINDS, *OTHER_KINDS)}
    for name in sorted(pages):
        kind, text = pages[name]
        if text.strip():
            by_kind[kind].append(text)
    return by_kind


def load_votes(archive: Path) -> list[tuple[str, bool, bool]]:
    """Documents of quality-dclm-human: text, voted good, voted without dissent."""
    ((_, payload),) = _iterate_members(archive, ".jsonl")
    rows = [json.loads(line) for line in payload.splitlines()]
    return [(row["text"], row["label"] == 1, row["unanimous"]) for row in rows]


def write_lines(path: Path, texts: list[str]) -> Path:
    """Texts as JSON lines."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    return path
