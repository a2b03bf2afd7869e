"""What a page may be asked about itself, and the attribute values that answer it.

A closed table: the scan looks at no element and no value that is not in it. The names
are those of the HTML standard (canonical, author, license), Open Graph and its article
types, schema.org as microdata, Dublin Core, Parse.ly, Sailthru and Creative Commons.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_elements import hash_element, tabulate_names


class Fact(IntEnum):
    """What a value is about."""

    NONE = 0
    LANGUAGE = 1
    TITLE = 2  # text of <title>
    HEADING = 3  # text of <h1>
    GRAPH_TITLE = 4  # og:title
    OTHER_TITLE = 5
    AUTHOR = 6
    OTHER_AUTHOR = 7  # twitter:creator and the like, handles more often than names
    AUTHOR_ELEMENT = 8  # an element with rel=author or itemprop=author
    PUBLISHED = 9
    OTHER_PUBLISHED = 10  # a date without saying of what
    MODIFIED = 11
    TIME = 12  # <time datetime> that says no more
    CANONICAL = 13
    GRAPH_URL = 14  # og:url
    LICENCE = 15  # a link
    RIGHTS = 16  # dc.rights: a link or a sentence
    LINKED_DATA = 17  # a script of JSON-LD
    ROBOTS = 18  # directives for one crawler or all
    TDM_RESERVATION = 19
    TDM_POLICY = 20
    NAME = 21  # itemprop=name, the name inside an author element
    OTHER_LANGUAGE = 22  # http-equiv=content-language
    SITE = 23  # og:site_name


FACTS: Final = len(Fact)

# Elements that the scan opens; of the others it reads only rel, itemprop and property.
META, LINK, HTML, TITLE, TIME, SCRIPT, HEADING = 1, 2, 3, 4, 5, 6, 7
_ELEMENTS: Final = {
    META: "meta",
    LINK: "link",
    HTML: "html",
    TITLE: "title",
    TIME: "time",
    SCRIPT: "script",
    HEADING: "h1",
}

# Attributes that the scan reads.
NAMED, KEY, REL, CONTENT, HREF, LANG, DATETIME, TYPE = 1, 2, 3, 4, 5, 6, 7, 8
ATTRIBUTES: Final = 8
_ATTRIBUTES: Final = {
    NAMED: "name http-equiv",
    KEY: "property itemprop",
    REL: "rel",
    CONTENT: "content",
    HREF: "href",
    LANG: "lang xml:lang",
    DATETIME: "datetime",
    TYPE: "type",
}

#: Values of name, property, itemprop and http-equiv, in lower case. Directives for one
#: crawler have its name, which ends in "bot" or is here.
_KEYS: Final[Mapping[int, str]] = {
    Fact.GRAPH_TITLE: "og:title",
    Fact.OTHER_TITLE: "twitter:title dc.title dcterms.title parsely-title sailthru.title headline",
    Fact.AUTHOR: "author article:author dc.creator dcterms.creator parsely-author sailthru.author"
    " byl citation_author book:author dc:creator",
    Fact.OTHER_AUTHOR: "article:author_name og:author cxenseparse:author byline dc.contributor",
    Fact.PUBLISHED: "article:published_time og:article:published_time datepublished"
    " article:published publishdate publish-date publish_date published_date published-date"
    " pubdate parsely-pub-date sailthru.date dc.date.issued dcterms.issued dc.date.published"
    " citation_publication_date citation_online_date citation_date originalpublicationdate"
    " date_published datepublication cxenseparse:recs:publishtime og:published_time"
    " article.published displaydate ptime rnews:datepublished bt:pubdate published"
    " uploaddate publication_date article_date_original",
    Fact.OTHER_PUBLISHED: "date dc.date dcterms.date dc:date dcterms.created dc.date.created ms.date"
    " datecreated created og:pubdate article:created pub_date article.created",
    Fact.MODIFIED: "article:modified_time og:updated_time datemodified last-modified"
    " lastmod dcterms.modified dc.date.modified article:modified modified og:modified_time"
    " revised",
    Fact.GRAPH_URL: "og:url",
    Fact.LICENCE: "cc:license license licence cc:licence dcterms.license xhv:license",
    Fact.RIGHTS: "dc.rights dcterms.rights dc.rights.license copyright rights",
    Fact.ROBOTS: "robots x-robots-tag google-extended applebot-extended anthropic-ai claude-web bytespider",
    Fact.TDM_RESERVATION: "tdm-reservation",
    Fact.TDM_POLICY: "tdm-policy",
    Fact.NAME: "name",
    Fact.OTHER_LANGUAGE: "content-language",
    Fact.SITE: "og:site_name application-name",
}
#: Values of rel.
_RELATIONS: Final[Mapping[int, str]] = {
    Fact.CANONICAL: "canonical",
    Fact.LICENCE: "license licence cc:license dct:license dcterms:license",
    Fact.AUTHOR_ELEMENT: "author",
}

Hashes = npt.NDArray[np.uint64]
Kinds = npt.NDArray[np.uint8]


class FactTables(NamedTuple):
    """Hashes of names and their kinds, for lookup; see `tabulate_names`.

    Kernels take them as an argument: what they know as a constant stays in their cached
    machine code when this file changes and theirs does not.
    """

    elements: Hashes
    element_kinds: Kinds
    attributes: Hashes
    attribute_kinds: Kinds
    keys: Hashes
    key_kinds: Kinds
    relations: Hashes
    relation_kinds: Kinds


TABLES: Final = FactTables(
    *tabulate_names(_ELEMENTS),
    *tabulate_names(_ATTRIBUTES),
    *tabulate_names(_KEYS),
    *tabulate_names(_RELATIONS),
)
LINKED_DATA_TYPE: Final = hash_element("application/ld+json")
