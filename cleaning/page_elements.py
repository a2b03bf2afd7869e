"""What the page engine has to know about HTML elements, laid out for lookup by hash."""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_elements import SLOT_MASK, SLOTS, hash_element

# An element's entry in `INFOS`: its number in the low byte, then what it does.
TAG_MASK: Final = 0xFF
BLOCK: Final = 1 << 8  # begins and ends a block
VOID: Final = 1 << 9  # has no content
RAW_TEXT: Final = 1 << 10  # its text is no markup, and not shown
HIDING: Final = 1 << 11  # its content is not shown
SCOPE: Final = 1 << 12  # end tags inside do not reach across
ENDS_PARAGRAPH: Final = 1 << 13  # its start tag closes an open p
UNSTACKED: Final = 1 << 14  # its tags are not matched
TABLE_PART: Final = 1 << 15  # closes with the nearest table
LIST: Final = 1 << 16  # an li belongs to the nearest one
HEADING: Final = 1 << 17
FOREIGN: Final = 1 << 18  # a slash at the end of a tag inside closes an element

_GROUPS: Final = {
    BLOCK: "address article aside blockquote caption center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li"
    " listing main menu nav ol optgroup option p pre search section select summary table"
    " tbody td tfoot th thead tr ul",
    VOID: "area base br col embed frame hr img input keygen link meta param source track wbr",
    RAW_TEXT: "iframe noembed noframes script style textarea title xmp",
    HIDING: "audio canvas datalist math rp svg template video",
    SCOPE: "applet caption marquee noscript object table td template th",
    ENDS_PARAGRAPH: "address article aside blockquote center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li listing"
    " main menu nav ol p pre search section summary table ul",
    UNSTACKED: "body colgroup frameset head html",
    TABLE_PART: "caption tbody td tfoot th thead tr",
    LIST: "dir dl menu ol ul",
    HEADING: "h1 h2 h3 h4 h5 h6",
    FOREIGN: "math svg",
}
_INLINE: Final = (
    "a abbr b big button cite code em font i kbd label mark q s samp small span strong sub sup"
    " time tt u var foreignobject noscript"
)

#: Names of the elements by their numbers; number 0 is any other element.
TAG_NAMES: Final = ("", *sorted({*_INLINE.split(), *" ".join(_GROUPS.values()).split()}))
TAGS: Final = {name: number for number, name in enumerate(TAG_NAMES)}

# Ancestor flags: some open element is one of these, or does this.
IN_NAV: Final = 1 << 0
IN_HEADER: Final = 1 << 1
IN_FOOTER: Final = 1 << 2
IN_ASIDE: Final = 1 << 3
IN_FORM: Final = 1 << 4
IN_BUTTON: Final = 1 << 5
IN_FIGURE: Final = 1 << 6
IN_CAPTION: Final = 1 << 7  # figcaption, caption, legend
IN_TABLE: Final = 1 << 8
IN_CELL: Final = 1 << 9
IN_HEADER_CELL: Final = 1 << 10
IN_LIST: Final = 1 << 11  # ul, ol, menu, dir
IN_ARTICLE: Final = 1 << 12
IN_MAIN: Final = 1 << 13
IN_SECTION: Final = 1 << 14
IN_DEFINITIONS: Final = 1 << 15
IN_DETAILS: Final = 1 << 16
IN_CONTROL: Final = 1 << 17  # label, select, option, optgroup
IN_DIALOG: Final = 1 << 18
IN_ADDRESS: Final = 1 << 19
IN_SUMMARY: Final = 1 << 20
IN_QUOTE: Final = 1 << 21
IN_PRE: Final = 1 << 22
IN_CODE: Final = 1 << 23
IN_EMPHASIS: Final = 1 << 24
IN_LINK: Final = 1 << 25
IN_HEADING: Final = 1 << 26
IN_TIME: Final = 1 << 27
IN_FOREIGN: Final = 1 << 28
IS_HIDDEN: Final = 1 << 29
IN_PARAGRAPH: Final = 1 << 30
IN_NOSCRIPT: Final = 1 << 31
IS_ARIA_HIDDEN: Final = 1 << 32  # aria-hidden=true
IN_ITEM: Final = 1 << 33
IN_DEFINITION: Final = 1 << 34  # dt, dd

_FLAGGED: Final = {
    IN_NAV: "nav",
    IN_HEADER: "header",
    IN_FOOTER: "footer",
    IN_ASIDE: "aside",
    IN_FORM: "form fieldset",
    IN_BUTTON: "button",
    IN_FIGURE: "figure",
    IN_CAPTION: "figcaption caption legend",
    IN_TABLE: "table",
    IN_CELL: "td th",
    IN_HEADER_CELL: "th",
    IN_LIST: "ul ol menu dir",
    IN_ARTICLE: "article",
    IN_MAIN: "main",
    IN_SECTION: "section",
    IN_DEFINITIONS: "dl",
    IN_DETAILS: "details",
    IN_CONTROL: "label select option optgroup",
    IN_DIALOG: "dialog",
    IN_ADDRESS: "address",
    IN_SUMMARY: "summary",
    IN_QUOTE: "blockquote q",
    IN_PRE: "pre listing",
    IN_CODE: "code kbd samp tt var",
    IN_EMPHASIS: "b strong em i u mark",
    IN_LINK: "a",
    IN_HEADING: _GROUPS[HEADING],
    IN_TIME: "time",
    IN_FOREIGN: _GROUPS[FOREIGN],
    IS_HIDDEN: _GROUPS[HIDING],
    IN_PARAGRAPH: "p",
    IN_NOSCRIPT: "noscript",
    IN_ITEM: "li",
    IN_DEFINITION: "dd dt",
}


def _tabulate_infos() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lay names (as int64 by their bits) and entries out by the low bits of the hashes."""
    names = np.zeros(SLOTS, np.int64)
    infos = np.zeros(SLOTS, np.int64)
    for name, number in list(TAGS.items())[1:]:
        hashed = hash_element(name)
        slot = int(hashed & SLOT_MASK)
        while infos[slot]:
            slot = (slot + 1) % SLOTS
        names[slot] = hashed.view(np.int64)
        infos[slot] = number
        for group, members in _GROUPS.items():
            if name in members.split():
                infos[slot] |= group
    return names, infos


def _tabulate_flags() -> npt.NDArray[np.int64]:
    """Ancestor flags by number of the element, shape (256,)."""
    flags = np.zeros(256, np.int64)
    for flag, members in _FLAGGED.items():
        for name in members.split():
            flags[TAGS[name]] |= flag
    return flags


NAMES, INFOS = _tabulate_infos()
FLAGS: Final = _tabulate_flags()
