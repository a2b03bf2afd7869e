"""README's file map: every file of the six folders, each with what it is."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("schemas", "cleaning", "dedup", "tokenize", "training", "pipelines")
LINE = re.compile(r"^- `(?P<path>[^`]+\.py)` — (?P<text>.+)$")


def read_map() -> list[tuple[str, str]]:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    _, _, section = readme.partition("\n## Files\n")
    section = re.split(r"^## ", section, flags=re.MULTILINE)[0]
    matches = (LINE.match(line) for line in section.splitlines())
    return [(match["path"], match["text"].strip()) for match in matches if match]


def list_sources() -> set[str]:
    return {
        path.relative_to(REPOSITORY).as_posix()
        for folder in FOLDERS
        for path in (REPOSITORY / folder).rglob("*.py")
    }


def test_the_map_names_every_file_once():
    listed = [path for path, _ in read_map()]
    inside = [path for path in listed if path.partition("/")[0] in FOLDERS]
    assert sorted(list_sources() - set(inside)) == []
    assert sorted(set(inside) - list_sources()) == []
    assert len(listed) == len(set(listed))


def test_everything_that_the_map_names_exists():
    assert [path for path, _ in read_map() if not (REPOSITORY / path).is_file()] == []


def test_every_file_says_what_it_is():
    for path, text in read_map():
        assert len(text.split()) >= 2, path
