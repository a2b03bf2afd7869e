"""Licences: from the address or the words in which one is stated to an identifier and its terms.

Identifiers are those of SPDX, and formed like them where SPDX has none: any port of a
Creative Commons licence (``CC-BY-3.0-FR``), and one whose version is not stated
(``CC-BY``). Nothing is concluded from silence: what is not recognised is None.
"""

from typing import Final

import pyarrow as pa
import re2

from gristmill.schemas.tables import SIGNALS

PUBLIC_DOMAIN: Final = "public-domain"
ATTRIBUTION: Final = "attribution"
SHARE_ALIKE: Final = "share-alike"
NON_COMMERCIAL: Final = "non-commercial"
NO_DERIVATIVES: Final = "no-derivatives"
#: What a licence may ask for, and what stands for one that asks for nothing.
TERMS: Final = (PUBLIC_DOMAIN, ATTRIBUTION, SHARE_ALIKE, NON_COMMERCIAL, NO_DERIVATIVES)

#: What `measure_licences` returns. `licence_open`: 1 for a licence that is open, 0 for one
#: that is known and is not, null where none is stated or recognised.
LICENCES: Final = pa.schema([SIGNALS.field(name) for name in ("licence_id", "licence_open")])

_MAX_CHARS: Final = 2048
_ELEMENTS: Final = {
    "BY": ATTRIBUTION,
    "NC": NON_COMMERCIAL,
    "ND": NO_DERIVATIVES,
    "SA": SHARE_ALIKE,
}

# Addresses. Ports are countries, igo and scotland; a translated deed is none.
_CC_ADDRESS: Final = re2.compile(
    r"(?i)creativecommons\.org/(?:licenses|licences)/((?:by|nc|nd|sa)(?:-(?:by|nc|nd|sa))*)"
    r"(?:/(\d\.\d)(?:/([a-z]{2}|igo|scotland)(?:[/?#]|$))?)?(?:[/?#]|$)"
)
_CC_ZERO: Final = re2.compile(r"(?i)creativecommons\.org/(?:publicdomain/zero|licenses/cc0)\b")
_CC_MARK: Final = re2.compile(r"(?i)creativecommons\.org/publicdomain/mark\b")
_CC_DEDICATION: Final = re2.compile(r"(?i)creativecommons\.org/licenses/publicdomain\b")
#: Addresses of other licences: which part of an address is which identifier.
_ADDRESSES: Final = tuple(
    (re2.compile(rf"(?i)^(?:https?://)?(?:www\.)?{pattern}"), identifier)
    for pattern, identifier in (
        (r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?fdl-1\.1", "GFDL-1.1"),
        (r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?fdl-1\.2", "GFDL-1.2"),
        (r"gnu\.org/(?:copyleft|licenses)/fdl-1\.3", "GFDL-1.3"),
        (r"gnu\.org/(?:copyleft|licenses)/fdl\b", "GFDL"),
        (r"gnu\.org/(?:copyleft|licenses)/(?:old-licenses/)?gpl-2\.0", "GPL-2.0"),
        (r"gnu\.org/(?:copyleft|licenses)/gpl-3\.0", "GPL-3.0"),
        (r"gnu\.org/(?:copyleft|licenses)/gpl\b", "GPL"),
        (r"gnu\.org/(?:copyleft|licenses)/agpl", "AGPL-3.0"),
        (r"apache\.org/licenses/license-2\.0", "Apache-2.0"),
        (r"opensource\.org/licen[cs]es?/mit\b", "MIT"),
        (r"opensource\.org/licen[cs]es?/apache-2\.0", "Apache-2.0"),
        (r"opensource\.org/licen[cs]es?/bsd-2-clause", "BSD-2-Clause"),
        (r"opensource\.org/licen[cs]es?/bsd-3-clause", "BSD-3-Clause"),
        (r"unlicense\.org", "Unlicense"),
        (r"opendatacommons\.org/licenses/odbl", "ODbL-1.0"),
        (r"opendatacommons\.org/licenses/by\b", "ODC-By-1.0"),
        (r"opendatacommons\.org/licenses/pddl", "PDDL-1.0"),
    )
)
_SPDX_ADDRESS: Final = re2.compile(r"(?i)spdx\.org/licenses/([a-z0-9.+-]+?)(?:\.html|\.json)?$")

# Words. "CC BY-SA 4.0", "cc-by-3.0-de", "Creative Commons Attribution-NonCommercial 2.5".
_CC_WORDS: Final = re2.compile(
    r"(?i)\bCC[ _-]((?:BY|NC|ND|SA)(?:[ _-](?:BY|NC|ND|SA))*)\b"
    r"(?:[ _-]?(?:v\.? ?)?(\d\.\d)(?:[ _-](AT|AU|DE|ES|FR|IGO|IT|JP|NL|PL|UK|US)\b)?)?"
)
_CC_NAME: Final = re2.compile(
    r"(?i)\bCreative Commons[ :-]+(Attribution(?:[ -]+(?:Non-?Commercial|Share-?Alike|No-?Deriv(?:ative)?(?:s|Works)?))*)"
    r"(?:[^\d]{0,40}?(\d\.\d))?"
)
_CC_ZERO_WORDS: Final = re2.compile(r"(?i)\bCC[ -]?(?:0|Zero)\b|Creative Commons (?:CC)?Zero")
_NAMES: Final = (("NC", "commercial"), ("ND", "deriv"), ("SA", "alike"))
#: Identifiers without a version or with one, and what follows from their first letters.
_OTHERS: Final = (
    ("CC0-", (PUBLIC_DOMAIN,)),
    ("CC-PD", (PUBLIC_DOMAIN,)),
    ("PDDL-", (PUBLIC_DOMAIN,)),
    ("Unlicense", (PUBLIC_DOMAIN,)),
    ("0BSD", (PUBLIC_DOMAIN,)),
    ("ODC-By-", (ATTRIBUTION,)),
    ("MIT", (ATTRIBUTION,)),
    ("BSD-", (ATTRIBUTION,)),
    ("ISC", (ATTRIBUTION,)),
    ("Apache-", (ATTRIBUTION,)),
    ("ODbL-", (ATTRIBUTION, SHARE_ALIKE)),
    ("MPL-", (ATTRIBUTION, SHARE_ALIKE)),
    ("GFDL", (ATTRIBUTION, SHARE_ALIKE)),
    ("GPL", (ATTRIBUTION, SHARE_ALIKE)),
    ("LGPL", (ATTRIBUTION, SHARE_ALIKE)),
    ("AGPL", (ATTRIBUTION, SHARE_ALIKE)),
)
_PLAIN: Final = re2.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,59}")


def read_licence(stated: str) -> str | None:
    """Recognise a licence by its address, its identifier or its name; total.

    Args:
        stated: as a page or a source has it, such as
            ``https://creativecommons.org/licenses/by/3.0/de/`` or ``CC BY-SA 4.0``.

    Returns:
        An identifier, such as ``CC-BY-3.0-DE``; None for what is not recognised.
    """
    stated = stated.strip()[:_MAX_CHARS]
    found = _CC_ADDRESS.search(stated)
    if found is not None:
        return _name_cc(found.group(1), found.group(2), found.group(3))
    for pattern, identifier in ((_CC_ZERO, "CC0-1.0"), (_CC_MARK, "CC-PDM-1.0")):
        if pattern.search(stated):
            return identifier
    if _CC_DEDICATION.search(stated):
        return "CC-PDDC"
    spdx = _SPDX_ADDRESS.search(stated)
    if spdx is not None:
        return _settle_identifier(spdx.group(1))
    for pattern, identifier in _ADDRESSES:
        if pattern.search(stated):
            return identifier
    return _settle_identifier(stated) or _read_words(stated)


def _name_cc(elements: str, version: str | None, port: str | None) -> str:
    """Form an identifier; elements come in SPDX's order, whatever order was used."""
    named = {element for element in _ELEMENTS if element in elements.upper()}
    parts = ["CC", *sorted(named), *filter(None, (version, port and port.upper()))]
    return "-".join(parts)


def _settle_identifier(stated: str) -> str | None:
    """Take an identifier that is one already, in SPDX's writing."""
    if not _PLAIN.fullmatch(stated):
        return None
    found = _CC_WORDS.fullmatch(stated)
    if found is not None:
        return _name_cc(found.group(1), found.group(2), found.group(3))
    lowered = stated.lower()
    if lowered in ("cc0", "cc0-1.0"):
        return "CC0-1.0"
    for start, _ in _OTHERS:
        if lowered == start.lower() or (
            lowered.startswith(start.lower()) and any(map(str.isdigit, lowered))
        ):
            return start + lowered[len(start) :].replace("clause", "Clause")
    return None


def _read_words(stated: str) -> str | None:
    """Recognise a Creative Commons licence by its name in running words."""
    found = _CC_WORDS.search(stated)
    if found is not None:
        return _name_cc(found.group(1), found.group(2), found.group(3))
    found = _CC_NAME.search(stated)
    if found is not None:
        name = found.group(1).lower()
        elements = "-".join(["BY", *(short for short, long in _NAMES if long in name)])
        return _name_cc(elements, found.group(2), None)
    return "CC0-1.0" if _CC_ZERO_WORDS.search(stated) else None


def list_terms(identifier: str) -> frozenset[str]:
    """Say what a licence asks for: some of `TERMS`, empty for one that is not known."""
    if identifier.startswith("CC-") and not identifier.startswith("CC-PD"):
        return frozenset(_ELEMENTS[part] for part in identifier.split("-") if part in _ELEMENTS)
    for start, terms in _OTHERS:
        if identifier.startswith(start):
            return frozenset(terms)
    return frozenset()


def is_open(identifier: str) -> bool:
    """Say whether a licence lets anyone use, change and share for any purpose.

    As the Open Definition 2.1 has it: credit and sharing alike may be asked for. A licence
    that is not known is not open.
    """
    terms = list_terms(identifier)
    return bool(terms) and not terms & {NON_COMMERCIAL, NO_DERIVATIVES}


def measure_licences(stated: pa.StringArray) -> pa.RecordBatch:
    """Recognise the licence of each document, and say whether it is open.

    Args:
        stated: n licences as documents have them, null for none.

    Returns:
        n rows of `LICENCES`. A bound of at least 1 on `licence_open` keeps what is open and
        what states nothing.
    """
    coded = stated.dictionary_encode()
    identifiers = [read_licence(value) for value in coded.dictionary.to_pylist()]
    opened = [None if name is None else float(is_open(name)) for name in identifiers]
    places = coded.indices.fill_null(len(identifiers))
    columns = [
        pa.array([*identifiers, None], pa.string()).take(places),
        pa.array([*opened, None], pa.float64()).take(places),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LICENCES)
