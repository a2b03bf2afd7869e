"""`gristmill init`: a shipped recipe, filled in for the real thing."""

import gzip
import io
import re
import zlib
from importlib import resources

import httpx

from gristmill.schemas.errors import InputError, UsageError

COMMON_CRAWL = "https://data.commoncrawl.org"
WIKIMEDIA = "https://dumps.wikimedia.org"
TIMEOUT = httpx.Timeout(20.0, connect=5.0)  # without internet, nothing hangs
MAX_LIST_BYTES = 64 << 20
_CRAWL = re.compile(r"CC-MAIN-[0-9]{4}-[0-9]{2}")
_PATH = re.compile(r"[A-Za-z0-9_./=-]+")
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
        release: a crawl such as ``CC-MAIN-2024-22`` or a wiki such as ``enwiki``;
            None keeps the recipe's own globs.
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
    if not _CRAWL.fullmatch(crawl):
        raise UsageError(f"{crawl!r} is not a crawl; try CC-MAIN-2024-22")
    if files < 1:
        raise UsageError(f"--files must be at least 1, not {files}")
    url = f"{base_url}/crawl-data/{crawl}/warc.paths.gz"
    try:
        listing = _inflate(_read_body(url)).decode("ascii")
    except (httpx.HTTPError, OSError, ValueError, EOFError, zlib.error) as error:
        raise InputError(
            f"{url}: {str(error) or type(error).__name__}; without internet, leave the crawl out "
            "and set `paths` in the recipe by hand"
        ) from error
    paths = listing.split()[:files]
    odd = next((path for path in paths if not _PATH.fullmatch(path)), None)
    if odd is not None or not paths:
        raise InputError(f"{url} is not a list of files: {(odd or listing)[:80]!r}")
    return [f"{base_url}/{path}" for path in paths]


def _read_body(url: str) -> bytes:
    with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=False) as response:
        response.raise_for_status()
        body = bytearray()
        for chunk in response.iter_raw(1 << 16):
            body += chunk
            if len(body) > MAX_LIST_BYTES:
                raise ValueError(f"over {MAX_LIST_BYTES} bytes")
    return bytes(body)


def _inflate(payload: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(payload)) as stream:
        listing = stream.read(MAX_LIST_BYTES + 1)
    if len(listing) > MAX_LIST_BYTES:
        raise ValueError(f"over {MAX_LIST_BYTES} bytes unpacked")
    return listing


def _fill_paths(text: str, paths: list[str]) -> str:
    """Replace the one glob of a shipped recipe by a list of files."""
    lines = "\n".join(f'      - "{path}"' for path in paths)
    filled, count = re.subn(r'^      - "\*[^"\n]*"$', lambda _: lines, text, flags=re.MULTILINE)
    assert count == 1, "a shipped recipe has one glob"
    return filled
