"""`gristmill init`: a shipped recipe, filled in for the real thing."""

import re
from importlib import resources

from gristmill.pipelines.downloads import fetch_bytes
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.path_lists import MAX_LIST_BYTES, parse_names
from gristmill.schemas.errors import InputError, UsageError
from gristmill.schemas.transfers import Transfer

COMMON_CRAWL = "https://data.commoncrawl.org"
WIKIMEDIA = "https://dumps.wikimedia.org"
TRANSFER = Transfer(timeout_seconds=5.0, tries=3)  # without internet, nothing hangs
_CRAWL = re.compile(r"CC-MAIN-[0-9]{4}-[0-9]{2}")
_NEWS = re.compile(r"CC-NEWS-([0-9]{4})-(0[1-9]|1[0-2])")
_WIKI = re.compile(r"[a-z_]{2,20}wiki")


def list_recipes() -> list[str]:
    """Names of the shipped recipes."""
    folder = resources.files("gristmill.pipelines.recipes")
    names = [item.name for item in folder.iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read_recipe(name: str) -> str:
    """Text of a shipped recipe.

    Raises:
        UsageError: there is none of this name; lists those that exist.
    """
    if name not in list_recipes():
        raise UsageError(f"no shipped recipe {name!r}; there are {', '.join(list_recipes())}")
    return (resources.files("gristmill.pipelines.recipes") / f"{name}.yaml").read_text("utf-8")


def write_recipe(kind: str, release: str | None, *, base_url: str | None, files: int) -> str:
    """Fill a shipped recipe with the files of a release.

    Args:
        kind: name of a shipped recipe.
        release: a crawl such as ``CC-MAIN-2024-22``, a month of the news crawl such as
            ``CC-NEWS-2024-05`` or a wiki such as ``enwiki``; None keeps the recipe's own globs.
        base_url: where the releases lie; None: their publisher.
        files: how many of a crawl's WARC files to name.

    Raises:
        UsageError: the release cannot be of this kind.
        InputError: the list of files cannot be read.
    """
    text = read_recipe(kind)
    if release is None:
        return text
    if kind == "commoncrawl":
        return _fill_paths(text, _list_crawl(release, base_url or COMMON_CRAWL, files))
    if kind == "wikipedia":
        if not _WIKI.fullmatch(release):
            raise UsageError(f"{release!r} is not a wiki; try enwiki")
        base = base_url or WIKIMEDIA
        url = f"{base}/{release}/latest/{release}-latest-pages-articles.xml.bz2"
        return _fill_paths(text, [url])
    raise UsageError(f"recipe {kind!r} takes no release")


def _list_crawl(crawl: str, base_url: str, files: int) -> list[str]:
    folder = _find_folder(crawl)
    if files < 1:
        raise UsageError(f"--files must be at least 1, not {files}")
    url = f"{base_url}/crawl-data/{folder}/warc.paths.gz"
    try:
        payload = fetch_bytes(url, Fetching(TRANSFER), max_bytes=MAX_LIST_BYTES)
        names = parse_names(payload, url)
    except InputError as error:
        raise InputError(
            f"{error}; without internet, leave the crawl out and set `paths` in the recipe by hand"
        ) from error
    return [f"{base_url}/{name}" for name in names[:files]]


def _find_folder(crawl: str) -> str:
    """Folder of a crawl, or of a month of the news crawl, below ``crawl-data/``."""
    if _CRAWL.fullmatch(crawl):
        return crawl
    news = _NEWS.fullmatch(crawl)
    if news is None:
        raise UsageError(f"{crawl!r} is not a crawl; try CC-MAIN-2024-22 or CC-NEWS-2024-05")
    return f"CC-NEWS/{news[1]}/{news[2]}"


def _fill_paths(text: str, paths: list[str]) -> str:
    """Replace the one glob of a shipped recipe by a list of files."""
    lines = "\n".join(f'      - "{path}"' for path in paths)
    filled, count = re.subn(r'^      - "\*[^"\n]*"$', lambda _: lines, text, flags=re.MULTILINE)
    assert count == 1, "a shipped recipe has one glob"
    return filled
