"""The model of main content: features, trees, choice."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import extraction_training

from gristmill.cleaning import page_features, page_model
from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_feature_rows import FEATURES
from gristmill.cleaning.page_features import compute_features
from gristmill.cleaning.page_kinds import KIND_NAMES, find_kinds
from gristmill.cleaning.page_sums import number_groups
from gristmill.schemas.errors import CorruptFileError

SENTENCE = "The mill grinds what the river brings, and what it grinds is bread by noon. "
ARTICLE = (
    "<html><head><title>Bread</title></head><body><nav><ul>"
    + "<li><a href='/a'>Home</a></li><li><a href='/b'>News</a></li>" * 4
    + "</ul></nav><main><article><h1>Bread by noon</h1>"
    + f"<p>{SENTENCE * 4}</p>" * 6
    + "</article></main><footer><p><a href='/c'>Imprint</a> <a href='/d'>Terms</a></p>"
    + "</footer></body></html>"
)
TAGS = [
    "p",
    "div",
    "li",
    "ul",
    "article",
    "nav",
    "section",
    "h1",
    "h2",
    "a",
    "span",
    "table",
    "tr",
    "td",
    "footer",
    "aside",
    "main",
    "br",
]
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.sampled_from(['<div class="comment-body">', '<p class="post share">', "<a href=x>"]),
    st.sampled_from(["Words of a line. ", "more, ", "2026 ", "и ", "文章。", "&amp;", "\x00"]),
)
PAGES = st.lists(PIECES, max_size=60).map("".join)


def pick(page: str) -> list[str]:
    html = page.encode()
    blocks = cut_blocks(html)
    keep = page_model.choose_blocks(blocks, find_kinds(html))
    return [text for text, kept in zip(blocks.texts(), keep, strict=True) if kept]


def test_an_article_is_kept_and_its_surroundings_are_not():
    kept = pick(ARTICLE)
    assert sum(text.startswith("The mill grinds") for text in kept) == 6
    assert not {"Home", "News", "Imprint Terms"} & set(kept)


def time_choice(html: bytes) -> float:
    blocks = cut_blocks(html)

    def measure() -> float:
        before = time.process_time()
        page_model.choose_blocks(blocks)
        return time.process_time() - before

    return min(measure() for _ in range(3))


@pytest.mark.parametrize(
    "piece",
    [
        "<p>A line of text, and <a href=x>a link</a>.</p>",
        "<div><div><div><ul><li>one</ul></div><b>two</b></div></div>",
        "<div>deep ",
    ],
)
def test_choice_takes_linear_time(piece):
    small, large = (piece.encode() * count for count in (1_500, 12_000))
    time_choice(small)
    assert time_choice(large) < 17 * max(time_choice(small), 0.005)


def test_a_page_of_very_many_blocks_is_chosen_from_in_runs(monkeypatch):
    html = (ARTICLE * 3).encode()
    blocks, kinds = cut_blocks(html), find_kinds(html)
    monkeypatch.setattr(page_model, "_MOST_BLOCKS", 10)
    kept = page_model.choose_blocks(blocks, kinds)
    assert kept.shape == (len(blocks),)
    assert kept.any()


COMMENTS = "<div class='comments'><div class='comment-body'><p>" + SENTENCE * 3 + "</p></div></div>"


@pytest.mark.parametrize(
    ("kind", "has_text", "found"),
    [("article", True, True), ("article", False, False), ("website", True, False)],
)
def test_comments_are_those_under_an_article(kind, has_text, found):
    text = f"<p>{SENTENCE * 4}</p>" * 3 if has_text else ""
    page = f'<head><meta property="og:type" content="{kind}"></head><body>{text}{COMMENTS}</body>'
    html = page.encode()
    features = compute_features(cut_blocks(html), find_kinds(html))
    assert page_model.find_comments(features).tolist() == [False] * 3 * has_text + [found]


@given(PAGES)
@example("")
@example("<p>")
@example("<div>" * 3000 + "deep")
def test_any_page_has_one_finite_row_of_features_per_block(page):
    blocks = cut_blocks(page)
    features = compute_features(blocks, find_kinds(page.encode()))
    assert features.shape == (len(FEATURES), len(blocks))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@given(PAGES)
def test_shares_are_shares_and_the_same_every_time(page):
    blocks = cut_blocks(page)
    features = compute_features(blocks, 0)
    shares = page_model.predict_content(features)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert np.array_equal(shares, page_model.predict_content(compute_features(blocks, 0)))
    assert np.array_equal(page_model.choose_blocks(blocks), page_model.choose_blocks(blocks))


def test_every_row_of_features_is_filled(monkeypatch):
    blocks = cut_blocks(ARTICLE)
    monkeypatch.setattr(page_features.np, "empty", lambda shape, kind: np.full(shape, np.nan, kind))
    assert np.isfinite(compute_features(blocks, 0)).all()


def test_names_of_features_are_distinct():
    assert len(set(FEATURES)) == len(FEATURES)


@given(
    st.lists(
        st.tuples(st.integers(0, 64).map(lambda n: n / 64), st.integers(1, 40)),
        min_size=1,
        max_size=12,
    )
)
def test_no_other_number_of_the_best_blocks_has_a_higher_expected_f1(pairs):
    shares = np.array([share for share, _ in pairs], np.float32)
    words = np.array([count for _, count in pairs], np.int64)
    keep = page_model._keep_best(shares, words)

    def expect(chosen):
        kept = words[chosen].sum()
        return 2 * (shares * words)[chosen].sum() / max(1e-9, kept + (shares * words).sum())

    order = np.argsort(-shares, kind="stable")
    assert expect(keep) == pytest.approx(max(expect(order[:k]) for k in range(len(order) + 1)))


def test_a_model_of_other_features_is_refused(monkeypatch):
    monkeypatch.setattr(page_model, "FEATURES", ("another",))
    with pytest.raises(CorruptFileError, match="another version"):
        page_model.load_trees.__wrapped__()


def test_a_changed_file_of_weights_is_refused(monkeypatch):
    monkeypatch.setattr(page_model, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(CorruptFileError, match=r"main_content\.npz is not the file"):
        page_model.load_trees.__wrapped__()


def test_the_shipped_model_is_small():
    assert extraction_training.OUTPUT.stat().st_size <= 300_000


@given(st.lists(st.integers(0, 12).map(lambda n: n * 0x9E3779B97F4A7C15 % 2**64), max_size=50))
def test_groups_are_those_of_equal_keys_in_order_of_appearance(keys):
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    found = number_groups(np.array(keys, np.uint64))
    assert found.tolist() == [numbers[key] for key in keys]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ('<meta property="og:type" content="article">', {"og_article", "has_og"}),
        ("<meta content='product' property='og:type'/>", {"og_product", "has_og"}),
        ('<script>{"@type": "NewsArticle"}</script>', {"says_article", "says_news", "has_types"}),
        ('{"@type":["DiscussionForumPosting"]}', {"says_forum", "has_types"}),
        ("<p>og:type</p>", set()),
        ("", set()),
    ],
)
def test_kinds_are_what_the_page_says(page, names):
    bits = find_kinds(page.encode())
    assert {name for bit, name in enumerate(KIND_NAMES) if bits >> bit & 1} == names


@given(st.binary(max_size=200).map(lambda raw: raw.replace(b"|", b'og:type"@type":"')))
def test_kinds_of_any_bytes_are_bits_of_the_list(raw):
    assert 0 <= find_kinds(raw) < 1 << len(KIND_NAMES)
