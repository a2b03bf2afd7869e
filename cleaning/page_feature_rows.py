"""The features of blocks: their names, and the row at which each group of them begins."""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning import page_elements
from gristmill.cleaning.page_elements import TAGS
from gristmill.cleaning.page_keywords import GROUPS
from gristmill.cleaning.page_kinds import KIND_NAMES

Features = npt.NDArray[np.float32]

COUNTS: Final = (
    "words",
    "commas",
    "sentences",
    "common_words",
    "long_words",
    "digits",
    "uppers",
    "other_bytes",
    "links",
    "emphasis_bytes",
    "lines",
    "gap",
    "gap_tags",
    "gap_images",
    "gap_controls",
    "depth",
    "list_depth",
    "item",
    "heading",
    "quotes",
    "row",
    "cell",
    "good_level",
    "bad_level",
)
COUNT_COLUMNS: Final = np.array([at.COLUMNS[name] for name in COUNTS])
RATIOS: Final = (
    "linked_share",
    "commas_per_word",
    "sentences_per_word",
    "common_share",
    "digit_share",
    "upper_share",
    "other_share",
    "emphasis_share",
    "word_length",
    "ends_sentence",
    "tag",
    "parent_tag",
    "grandparent_tag",
    "place",
    "word_place",
    "source_place",
    "blocks_before",
    "blocks_after",
)
FLAG_VALUES: Final = tuple(
    (name.lower(), value)
    for name, value in vars(page_elements).items()
    if name.startswith(("IN_", "IS_")) and name not in ("IN_FOREIGN", "IS_HIDDEN")
)
FLAG_BITS: Final = np.array([value.bit_length() - 1 for _, value in FLAG_VALUES])
PLACES: Final = ("own", "parent", "third", "fourth", "fifth", "large_part", "small_part")
MEASURES: Final = (
    "words",
    "word_share",
    "linked",
    "blocks",
    "block_words",
    "paragraphs",
    "big",
    "sentences",
    "digits",
    "common",
    "images",
    "same",
    "ordinal",
)
OFFSETS: Final = (-3, -2, -1, 1, 2, 3)
NEIGHBOURS: Final = ("words", "linked", "tag", "sentences")
CONTEXT: Final = (
    "climbs_from_last",
    "falls_from_last",
    "climbs_to_next",
    "falls_to_next",
    "near_words",
    "near_linked",
    "wide_words",
    "wide_linked",
    "since_big",
    "until_big",
    "big_before",
    "big_after",
    "since_first_h1",
    "since_last_h1",
    "since_heading",
    "heading_words",
    "heading_level",
    "large_part_tag",
    "small_part_tag",
    "large_part_depth",
    "group_blocks",
    "group_words",
    "group_share",
    "group_linked",
    "same_texts",
    "comments_before",
    "big_before_comments",
    "big_uncommented",
)
PAGE: Final = (
    "words",
    "blocks",
    "containers",
    "bytes",
    "linked",
    "block_words",
    "paragraphs",
    "big",
    "big_share",
    "sentences",
    "digits",
    "common",
    "images",
    "headings",
    "h1s",
    "articles",
    "largest_group",
    "largest_group_share",
    "commented_share",
    "big_commented_share",
)
#: Shares of the page's words with a flag or keyword.
SHARED_FLAGS: Final = [
    "in_article",
    "in_main",
    "in_list",
    "in_table",
    "in_item",
    "in_link",
    "in_noscript",
    "in_section",
    "in_nav",
    "in_pre",
    "in_form",
    "in_paragraph",
    "in_cell",
    "in_aside",
]
SHARED_KEYWORDS: Final = [
    "comment",
    "reply",
    "price",
    "product",
    "rating",
    "message",
    "card",
    "list",
    "post",
    "content",
    "article",
    "entry",
    "tags",
    "related",
    "page",
    "title",
    "docs",
    "answer",
    "details",
    "recipe",
]
PAGE_KEYWORDS: Final = [
    "post",
    "product",
    "message",
    "page",
    "list",
    "article",
    "search",
    "price",
    "tags",
    "docs",
    "entry",
    "answer",
]
FLAG_PLACES: Final = np.array([[name for name, _ in FLAG_VALUES].index(n) for n in SHARED_FLAGS])
KEYWORD_PLACES: Final = np.array([GROUPS.index(name) for name in SHARED_KEYWORDS])
PAGE_BITS: Final = np.array([GROUPS.index(name) for name in PAGE_KEYWORDS])
COMMENT: Final = (1 << GROUPS.index("comment")) | (1 << GROUPS.index("reply"))

#: Names of the features, by row.
FEATURES: Final = (
    *COUNTS,
    *RATIOS,
    *(name for name, _ in FLAG_VALUES),
    *(f"class_{name}" for name in GROUPS),
    *(f"{place}_{measure}" for place in PLACES for measure in MEASURES),
    *(f"{measure}_at_{offset:+d}" for offset in OFFSETS for measure in NEIGHBOURS),
    *CONTEXT,
    *(f"page_{name}" for name in PAGE),
    *(f"page_{name}" for name in SHARED_FLAGS),
    *(f"page_class_{name}" for name in SHARED_KEYWORDS),
    *(f"body_class_{name}" for name in PAGE_KEYWORDS),
    *(f"page_{name}" for name in KIND_NAMES),
)
RATIO_ROW: Final = len(COUNTS)
FLAG_ROW: Final = RATIO_ROW + len(RATIOS)
CLASS_ROW: Final = FLAG_ROW + len(FLAG_VALUES)
PLACE_ROW: Final = CLASS_ROW + len(GROUPS)
NEIGHBOUR_ROW: Final = PLACE_ROW + len(PLACES) * len(MEASURES)
CONTEXT_ROW: Final = NEIGHBOUR_ROW + len(OFFSETS) * len(NEIGHBOURS)
PAGE_ROW: Final = CONTEXT_ROW + len(CONTEXT)
KIND_ROWS: Final = len(KIND_NAMES)

#: Elements from those that hold running text to those that do not; others come last.
_TAG_ORDER: Final = [
    "p",
    "blockquote",
    "pre",
    "listing",
    "dd",
    "figcaption",
    "td",
    "li",
    "dt",
    "div",
    "article",
    "main",
    "section",
    "th",
    "caption",
    "summary",
    "details",
    "dl",
    "ul",
    "ol",
    "menu",
    "table",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "center",
    "address",
    "figure",
    "fieldset",
    "legend",
    "form",
    "label",
    "header",
    "aside",
    "footer",
    "nav",
    "dialog",
    "option",
    "select",
]


def _rank_tags() -> npt.NDArray[np.float32]:
    ranks = np.full(256, len(_TAG_ORDER), np.float32)
    for rank, name in enumerate(_TAG_ORDER):
        ranks[TAGS[name]] = rank
    return ranks


RANKS: Final = _rank_tags()
