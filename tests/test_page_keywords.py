"""The automaton finds what a search for each pattern finds, in one pass."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_keywords import (
    GROUPS,
    NEGATIVE_GROUPS,
    NEGATIVE_MASK,
    POSITIVE_GROUPS,
    POSITIVE_MASK,
    build_automaton,
)


def find_groups(value: str) -> set[str]:
    """Groups by one regular expression per pattern, on the value with its boundaries."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value)
    spaced = "_" + re.sub(r"[^a-z]+", "_", spaced.lower()).strip("_") + "_"
    found = set()
    for group, alternatives in (POSITIVE_GROUPS | NEGATIVE_GROUPS).items():
        if re.search(alternatives.replace("~", "_?"), spaced):
            found.add(group)
    return found


def read_groups(bits: int) -> set[str]:
    return {group for bit, group in enumerate(GROUPS) if bits >> bit & 1}


def test_groups_fit_into_a_number_and_are_told_apart() -> None:
    assert len(GROUPS) < 64
    assert len(set(GROUPS)) == len(GROUPS)
    assert POSITIVE_MASK & NEGATIVE_MASK == 0
    assert (POSITIVE_MASK | NEGATIVE_MASK).bit_count() == len(GROUPS)


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ("left-ad", {"ad"}),
        ("adSlot", {"ad"}),
        ("shadow loading", set()),
        ("entry-content", {"entry", "content"}),
        ("readMore", {"related"}),
        ("read-more", {"related"}),
        ("football", set()),
        ("POST", {"post"}),
        ("sr-only", {"skip"}),
        ("articleBody", {"article", "body"}),
        ("é-post-語", {"post"}),
    ],
)
@pytest.mark.parametrize("attribute", ["class", "ID", "role", "itemprop"])
def test_known_names(value: str, groups: set[str], attribute: str) -> None:
    bits = int(cut_blocks(f"<div {attribute}='{value}'>x").column("bits")[0])
    assert read_groups(bits) == groups


NAMES = st.sampled_from(
    sorted(
        {part for text in (POSITIVE_GROUPS | NEGATIVE_GROUPS).values() for part in text.split("|")}
    )
)


@given(
    st.lists(
        st.one_of(NAMES, st.text("aAdDsS-_ 1é", max_size=4)).map(
            lambda name: name.replace("~", "")
        ),
        max_size=6,
    ).map("".join)
)
def test_values_of_any_kind(value: str) -> None:
    bits = int(cut_blocks(f'<div class="{value}">x').column("bits")[0])
    assert read_groups(bits) == find_groups(value)


@given(st.lists(st.text("ab", min_size=1, max_size=4), max_size=5), st.text("abc", max_size=30))
def test_any_automaton(patterns: list[str], text: str) -> None:
    automaton = build_automaton(
        ([ord(letter) - 96 for letter in pattern], 1 << bit) for bit, pattern in enumerate(patterns)
    )
    state = found = 0
    for letter in text:
        state = int(automaton.moves[state + ord(letter) - 96])
        found |= int(automaton.found[state // 32])
    assert found == sum(1 << bit for bit, pattern in enumerate(patterns) if pattern in text)


def test_styles_hide_in_any_spelling() -> None:
    for name, value, end in itertools.product(
        ("display", "DISPLAY"), ("none", " none", "None"), ("", ";", " ;color:red")
    ):
        assert len(cut_blocks(f'<p style="a:b;{name}:{value}{end}">x')) == 0
