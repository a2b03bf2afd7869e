"""The sources of a recipe: what kind of files, how they are read, and where they lie."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gristmill.schemas.transfers import IndexSelection
from gristmill.schemas.yaml_files import Frozen

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
#: Fields that say where documents lie, or which of them, or what is checked on the way.
_PLACES = frozenset(
    [
        "base",
        "check_sums",
        "config",
        "expected_documents",
        "files_per_list",
        "hidden",
        "paths",
        "priority",
        "revision",
        "robots",
        "robots_agents",
        "selection",
    ]
)


class _Source(Frozen):
    name: str = Field(pattern=NAME_PATTERN)
    paths: tuple[str, ...] = Field(min_length=1)  # files, globs, http(s) URLs, s3:// or gs://
    priority: int = Field(default=0, ge=0)  # lower wins among duplicates

    def fragment(self) -> dict[str, Any]:
        """What of this source decides the bytes of its documents: all but where they lie."""
        return self.model_dump(mode="json", exclude=set(_PLACES))


class CommonCrawl(_Source):
    """WARC, WET or ARC files of Common Crawl or any other crawler, or records of them by index."""

    kind: Literal["commoncrawl"]
    paths: tuple[str, ...] = ()  # as elsewhere; entries in .paths or .paths.gz are lists of files
    main_content: bool = True  # false: all text of the page, navigation included
    extractor: Literal["blocks", "resiliparse"] = "blocks"  # the other one where it finds nothing
    structure: Literal["plain", "markdown"] = "plain"  # headings, lists, tables and code marked
    digests: Literal["ignore", "note", "quarantine"] = "note"  # of payloads: what a mismatch means
    base: str | None = None  # where names in lists and indexes start; null: where the list lies
    files_per_list: int | None = Field(default=None, ge=1)  # evenly spread; null: all of them
    selection: IndexSelection | None = None  # instead of paths
    robots: tuple[str, ...] = ()  # the crawl's robotstxt captures, as paths are named
    # Whom robots.txt may keep out; null: the known crawlers that gather training data.
    robots_agents: tuple[str, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _require_one_way(self) -> "CommonCrawl":
        if bool(self.paths) == (self.selection is not None):
            raise ValueError("needs either paths or a selection")
        return self


class Wikipedia(_Source):
    """Dumps of Wikipedia or any MediaWiki: pages-articles XML, multistream, or Enterprise HTML."""

    kind: Literal["wikipedia"]
    namespaces: tuple[int, ...] = (0,)
    licence: str | None = None  # SPDX id of every page; null: what the wiki itself declares
    check_sums: bool = True  # against dumpstatus.json or sha1sums.txt beside the dump, where it is


class OpenWebText(_Source):
    """The OpenWebText release: tar.xz of tar-in-xz, its plain tar mirror, or one subset."""

    kind: Literal["openwebtext"]
    licence: str | None = None  # of every document; the packaging is CC0, the pages are not
    # Documents that the source's files hold together; fewer is said. 8,013,769 in the release.
    expected_documents: int | None = Field(default=None, ge=1)


class _Rows(_Source):
    text: str = "text"  # field or column of each fact; a dot goes into an object: meta.url
    id: str | None = None  # null: the rows have none
    url: str | None = None
    date: str | None = None
    title: str | None = None
    language: str | None = None
    licence: str | None = None  # SPDX id of every row


class JsonLines(_Rows):
    """JSON Lines, plain or compressed."""

    kind: Literal["jsonl"]


class ParquetRows(_Rows):
    """Parquet files with one document a row."""

    kind: Literal["parquet"]


class TextFiles(_Source):
    """Plain text files of any encoding; a folder stands for all files below it."""

    kind: Literal["text"]
    split: Literal["file", "paragraph", "line"] = "file"  # what is one document
    hidden: bool = False  # read files and folders whose name begins with a dot, too
    licence: str | None = None  # SPDX id of every document


class HuggingFace(_Rows):
    """A dataset repository of the Hugging Face Hub: its Parquet, JSON Lines and text files."""

    kind: Literal["huggingface"]
    # Files in the repository, as globs; empty: those of `config`, or all that can be read.
    paths: tuple[str, ...] = ()
    repo: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})?$"
    )
    # Branch, tag or commit; resolved to a commit once per output folder, and recorded there.
    revision: str = Field(default="main", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,255}$")
    config: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_ .-]{0,127}$"
    )  # as its card says


Source = Annotated[
    CommonCrawl | Wikipedia | OpenWebText | JsonLines | ParquetRows | TextFiles | HuggingFace,
    Field(discriminator="kind"),
]
