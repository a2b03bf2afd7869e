"""How a run fetches what lies elsewhere, and which records of a crawl it asks for."""

import re

from pydantic import Field, field_validator

from gristmill.schemas.yaml_files import Frozen

_LANGUAGE = re.compile(r"[a-z]{3}")


class Transfer(Frozen):
    """How files are fetched: decides no byte of any document, so no part of a recipe's digest.

    The rate is that of one machine over all its threads and processes, for each server.
    Ten a second is this project's own choice: a crawl's public servers answer a few
    thousand for all who ask, and slow down everyone when that is exceeded.
    """

    requests_per_second: float | None = Field(default=10.0, gt=0)  # null: as fast as it goes
    connections: int = Field(default=4, ge=1, le=64)  # requests at once of one process
    # Downloads stay below the output; false: each is fetched for as long as it is read.
    keep: bool = True
    timeout_seconds: float = Field(default=30.0, gt=0)  # without a byte
    tries: int = Field(default=12, ge=1, le=1000)  # in a row that bring nothing; about five minutes


class IndexSelection(Frozen):
    """Records chosen by a crawl's index; each is fetched by its range of bytes."""

    index: tuple[str, ...] = Field(min_length=1)  # columnar Parquet, CDXJ or CDX (.gz, .zst)
    status: tuple[int, ...] = (200,)  # empty: any
    languages: tuple[str, ...] = ()  # ISO 639-3, any of those found in the page; empty: any
    mime_types: tuple[str, ...] = ()  # as detected, or as declared where nothing was; empty: any
    hosts: tuple[str, ...] = ()  # exactly these
    domains: tuple[str, ...] = ()  # these and all below them
    truncated: bool = True  # false: not those whose payload was cut by the crawler
    limit: int | None = Field(default=None, ge=1)  # so many at most: a fair draw of what matches

    @field_validator("hosts", "domains", "mime_types")
    @classmethod
    def _lower(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({name.strip(". ").lower() for name in names}))

    @field_validator("languages")
    @classmethod
    def _check_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not _LANGUAGE.fullmatch(code):
                raise ValueError(f"{code!r} is no code of an index: three letters, such as eng")
        return codes

    @field_validator("hosts", "domains", "mime_types")
    @classmethod
    def _refuse_empty(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if "" in names:
            raise ValueError("an empty name matches nothing")
        return names
