"""What becomes of an input record: kept, dropped by a rule, or quarantined with a reason.

Readers yield one of three values for every record that they meet; nothing else
can leave a reader, so nothing can be lost between the file and the ledger.
"""

import datetime
from typing import Final, NamedTuple

KEPT: Final = "kept"
DROPPED: Final = "dropped"
QUARANTINED: Final = "quarantined"

#: Why a record is in quarantine. Closed: a new reason is added here first.
QUARANTINE_REASONS: Final = frozenset(
    {
        "damaged_record",  # container or record framing is broken
        "truncated_record",  # the file ends inside the record
        "undecodable",  # no character set decodes the bytes
        "bad_encoding",  # content or transfer coding is broken
        "too_large",  # over a size cap or a decompression cap
        "too_complex",  # refused by the linear guard before parsing
        "extraction_failed",  # the extractor raised
        "bad_row",  # a row without the mapped fields or of another type
        "cpu_limit",  # over the CPU time allowed for one document
        "memory_limit",  # over the memory allowed for the child
        "worker_crash",  # the child died on this document
    }
)

#: Rules of the collect stage; the rules of decide are metrics with bounds.
COLLECT_RULES: Final = frozenset(
    {
        "record_type",  # not a response, resource or conversion record
        "http_status",  # other than 200
        "mime_type",  # neither HTML nor plain text
        "empty_text",  # nothing left after extraction and normalisation
        "namespace",  # wiki page outside the chosen namespaces
        "redirect",  # wiki page that only points elsewhere
        "content_model",  # wiki page that is not wikitext
        "stray_member",  # archive member that is no document
    }
)


class Found(NamedTuple):
    """A document that a reader found, with normalised text; see `tables.DOCUMENTS`."""

    native_id: str
    text: str
    offset: int
    length: int
    url: str | None = None
    title: str | None = None
    date: datetime.datetime | None = None
    published: datetime.datetime | None = None
    modified: datetime.datetime | None = None
    author: str | None = None
    canonical_url: str | None = None
    declared_language: str | None = None
    charset: str | None = None
    charset_method: str | None = None
    charset_confidence: float | None = None
    extraction: str | None = None
    licence: str | None = None
    opt_outs: tuple[str, ...] = ()
    truncated: str | None = None
    digest_check: str | None = None


class Refused(NamedTuple):
    """A record that a collect rule drops. `detail` is the measured value as text."""

    rule: str
    detail: str
    offset: int
    length: int
    native_id: str | None = None
    url: str | None = None


class Damaged(NamedTuple):
    """A record that cannot be used; `detail` never holds document text."""

    reason: str
    detail: str
    offset: int
    length: int
    native_id: str | None = None
    url: str | None = None
