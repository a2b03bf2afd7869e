"""Lists that a recipe names: words by language, addresses by category, each pinned by its hash."""

from typing import Any, Literal

from pydantic import Field

from gristmill.schemas.yaml_files import Frozen

SHA256_PATTERN = r"^[0-9a-f]{64}$"
#: Of a category; it goes into rule ids and columns.
CATEGORY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
LANGUAGE_PATTERN = r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$"


class ListFile(Frozen):
    """A file that stays what it was when the recipe was written, or the run refuses it."""

    path: str = Field(min_length=1)  # plain or compressed; may be s3:// or gs://
    sha256: str = Field(pattern=SHA256_PATTERN)  # of the file as it lies, in lower-case hex

    def fragment(self) -> dict[str, Any]:
        """What of this list decides the bytes of a dataset: all but where it lies."""
        return self.model_dump(mode="json", exclude={"path"})


class WordList(ListFile):
    """Words and phrases of one language, as scores: they never drop a document by themselves.

    ``entries``: one a line, the layout of LDNOOBW. ``severity``: CSV with the columns text
    and severity_rating, the layout of Surge AI's profanity list.
    """

    language: str = Field(pattern=LANGUAGE_PATTERN)  # as the column `language` has it
    kind: Literal["entries", "severity"] = "entries"


class UrlList(ListFile):
    """Addresses of one category; two files of one category, as UT1 has them, are one list.

    ``domains``: a domain a line, its subdomains included. ``urls``: an address a line,
    without scheme, and all below it. ``hosts``: a hosts file, each host for itself.
    ``easylist``: of Adblock rules those that name a whole domain or the head of an address.
    """

    category: str = Field(pattern=CATEGORY_PATTERN)
    kind: Literal["domains", "urls", "hosts", "easylist"] = "domains"


class UrlWordList(ListFile):
    """Words to count in addresses, one a line.

    ``strict``: anywhere in an address, its punctuation taken out. ``hard``, ``soft``:
    as a whole word; the published rules drop at one hard or two soft words.
    """

    kind: Literal["strict", "hard", "soft"]
