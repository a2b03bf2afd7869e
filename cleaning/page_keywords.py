"""Words in class, id and role that say what a part of a page is, found in one pass.

An Aho-Corasick automaton over the letters of an attribute's value, case folded. All
other bytes are one symbol, a boundary; so is the place before a capital after a small
letter, so that ``_ad_`` matches in ``top-ad``, ``adBox`` and not in ``shadow``.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

#: Patterns of each group; ``_`` is a boundary and ``~`` may be one. A group is one bit, in this order.
POSITIVE_GROUPS: Final = {
    "article": "article|story|hentry|blog~post|news~item",
    "content": "content",
    "post": "_post_|_post_|_post_|_posts_",
    "entry": "entry",
    "body": "_body|body_",
    "main": "_main|primary",
    "text": "_text|text_|prose|rich~text|wysiwyg|markdown|_copy_|typography",
    "title": "title|headline|heading",
    "lead": "_lead|_intro|abstract|summary|excerpt|_dek_|standfirst|subtitle",
    "description": "description|_desc_|overview|_about",
    "details": "detail|specification|_spec|feature",
    "product": "_product",
    "answer": "answer|question|_faq",
    "message": "message|thread|_topic|_forum",
    "docs": "_doc_|_docs_|document|_manual|tutorial|_guide|_wiki|readme|_api_",
    "page": "_page_|_single_",
    "section": "section|chapter|paragraph",
    "recipe": "recipe|ingredient|instruction|_step",
}
NEGATIVE_GROUPS: Final = {
    "comment": "comment|disqus|respond|discussion",
    "navigation": "_nav|nav~bar|navigation|nav_",
    "menu": "menu|dropdown|hamburger",
    "footer": "footer|_foot_|bottom|colophon|contentinfo",
    "sidebar": "sidebar|_side_|_aside|_rail_|complementary|_secondary|side~nav",
    "widget": "widget|_module_",
    "share": "share|sharing|add~to~any|add~this",
    "social": "social|facebook|twitter|instagram|pinterest|linkedin|whatsapp|follow",
    "related": "related|similar|_also|read~next|_next|_prev|_more_|read~more",
    "recommend": "recommend|suggest|outbrain|taboola|_upsell|cross~sell",
    "ad": "_ad_|_ads_|advert|_adv_|_dfp|adsense|ad~slot|_gpt_|_ad~box",
    "promo": "promo|sponsor|partner|affiliate|marketing|campaign|_offer|_deal",
    "cookie": "cookie|consent|gdpr|_ccpa|onetrust|_privacy",
    "popup": "popup|modal|overlay|lightbox|dialog|_toast|tooltip|drawer|off~canvas",
    "breadcrumb": "crumb",
    "pagination": "paginat|_pager|_paging",
    "tags": "_tag_|_tags_|_tagged|categor|_label|keyword|_topics_|_chip",
    "byline": "byline|author|_bio_|contributor|writer|profile|avatar",
    "date": "_date|date~time|_time_|_timestamp|publish|updated",
    "meta": "_meta_|metadata|post~meta|_info_|_details_meta",
    "login": "login|_sign~in|register|account|_user_|_auth_|password",
    "subscribe": "subscri|newsletter|sign~up|mailchimp|_email|paywall|_donat",
    "caption": "caption|_credit|figure|photo~credit",
    "skip": "_skip|screen~reader|_sr~only|visually~hidden",
    "hidden": "hidden|_print|_hide_|invisible|collapsed|_d_none_",
    "header": "header|masthead|_head_|top~bar|_top_|_banner|_hero|logo|branding",
    "legal": "copyright|_legal|disclaimer|_terms|imprint",
    "search": "_search|_filter|_facet|_sort",
    "form": "_form|_input|_field|checkbox",
    "button": "button|_btn|_cta",
    "contents": "_toc|table~of~contents|_outline|on~this~page|_index_|_anchor",
    "slider": "slider|carousel|slick|swiper|gallery|slide~show|_slide|_thumb",
    "card": "_card|teaser|_tile|_grid|_box_",
    "list": "listing|_list_|_results|_items|_item_|list~item|archive|_loop_|_feed",
    "rating": "_rating|review|_stars|_score|_vote|_stat_|_stats_|_count|_views",
    "price": "price|_cart|_shop|checkout|basket|_buy|wishlist|_sku|shipping|quantity",
    "popular": "popular|trending|latest|recent|_hot_|most~read|top~stories|headlines",
    "alert": "alert|notice|notification|warning|_announcement|_banner",
    "language": "_lang|language|locale|translat|country|currency",
    "tools": "toolbar|_tool|_action|_control|_option|_setting|_edit",
    "contact": "contact|_phone|_address|location|_map_|_hours",
    "tabs": "_tab_|_tabs|accordion|collapse|expand|toggle",
    "media": "video|player|_audio|podcast|_embed|image|_img|_photo|picture|_icon|_media",
    "reply": "_reply|replies|_quote|_like|reaction|signature",
}
GROUPS: Final = (*POSITIVE_GROUPS, *NEGATIVE_GROUPS)
POSITIVE_MASK: Final = (1 << len(POSITIVE_GROUPS)) - 1
NEGATIVE_MASK: Final = ((1 << len(GROUPS)) - 1) & ~POSITIVE_MASK

#: Patterns, without spaces and in small letters, of inline styles that hide an element.
_HIDING_STYLES: Final = (
    "display:none",
    "visibility:hidden",
    "font-size:1px",
    *(f"font-size:0{end}" for end in (";", "p", "e", "r", "%", "!")),
)
SYMBOLS: Final = 32  # per state of an automaton, a power of two
_BOUNDARY: Final = 0
_STYLE_SIGNS: Final = ":;-01%!"


class Automaton(NamedTuple):
    """States of an Aho-Corasick automaton, made complete.

    Attributes:
        moves: next state times `SYMBOLS`, by state times `SYMBOLS` plus symbol; (n * SYMBOLS,).
        found: groups found on arriving at a state, as bits; (n,).
    """

    moves: npt.NDArray[np.uint16]
    found: npt.NDArray[np.int64]


def build_automaton(patterns: Iterable[tuple[Sequence[int], int]]) -> Automaton:
    """Build the automaton that finds patterns (symbols, bits) wherever they stand."""
    moves: list[list[int]] = [[0] * SYMBOLS]
    found = [0]
    for symbols, bits in patterns:
        state = 0
        for symbol in symbols:
            if not moves[state][symbol]:
                moves[state][symbol] = len(moves)
                moves.append([0] * SYMBOLS)
                found.append(0)
            state = moves[state][symbol]
        found[state] |= bits
    _complete_moves(moves, found)
    table = np.array(moves, np.uint16) * SYMBOLS
    return Automaton(table.ravel(), np.array(found, np.int64))


def _complete_moves(moves: list[list[int]], found: list[int]) -> None:
    """Give each state the moves and finds of its longest proper suffix, breadth first."""
    suffixes = [0] * len(moves)
    waiting = deque(state for state in moves[0] if state)
    while waiting:
        state = waiting.popleft()
        found[state] |= found[suffixes[state]]
        for symbol in range(SYMBOLS):
            following, fallback = moves[state][symbol], moves[suffixes[state]][symbol]
            if following:
                suffixes[following] = fallback
                waiting.append(following)
            else:
                moves[state][symbol] = fallback


def _number_letters() -> npt.NDArray[np.uint8]:
    """Symbols by byte: letters 1 to 26, case folded, all else a boundary; shape (256,)."""
    symbols = np.full(256, _BOUNDARY, np.uint8)
    for letter in range(26):
        symbols[[0x41 + letter, 0x61 + letter]] = 1 + letter
    return symbols


def _number_style_signs() -> npt.NDArray[np.uint8]:
    """Symbols by byte for styles; 255 for white space, which is passed over."""
    symbols = _number_letters()
    symbols[[ord(sign) for sign in _STYLE_SIGNS[:5]]] = np.arange(27, 32)
    # Letters that no pattern needs make room for the last signs.
    symbols[[ord("%"), ord("!")]] = 1 + ord("q") - ord("a"), 1 + ord("j") - ord("a")
    symbols[[0x09, 0x0A, 0x0C, 0x0D, 0x20]] = PASSED_OVER
    return symbols


def _build_keywords() -> Automaton:
    patterns = []
    for bit, alternatives in enumerate((POSITIVE_GROUPS | NEGATIVE_GROUPS).values()):
        for pattern in alternatives.split("|"):
            parts = pattern.split("~")
            for joints in itertools.product(("", "_"), repeat=len(parts) - 1):
                written = "".join(itertools.chain(*zip(parts, (*joints, ""), strict=True)))
                symbols = [int(LETTER_SYMBOLS[ord(sign)]) for sign in written]
                patterns.append((symbols, 1 << bit))
    return build_automaton(patterns)


def _build_styles() -> Automaton:
    return build_automaton(
        ([int(STYLE_SYMBOLS[ord(sign)]) for sign in pattern], 1) for pattern in _HIDING_STYLES
    )


PASSED_OVER: Final = 255
LETTER_SYMBOLS: Final = _number_letters()
STYLE_SYMBOLS: Final = _number_style_signs()
KEYWORDS: Final = _build_keywords()
STYLES: Final = _build_styles()
