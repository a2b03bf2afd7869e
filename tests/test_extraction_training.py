"""Training of the model of main content: labels, the split, what is written."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import extraction_labels
import extraction_sets
import extraction_training

from gristmill.cleaning.page_feature_rows import FEATURES
from gristmill.cleaning.page_trees import MAX_LEAVES, lay_out_trees, sum_leaves

NODES = st.deferred(
    lambda: st.one_of(
        st.integers(-8, 8).map(lambda n: {"leaf_value": n / 4}),
        st.fixed_dictionaries(
            {
                "split_feature": st.integers(0, 2),
                "threshold": st.floats(-2, 2),
                "left_child": NODES,
                "right_child": NODES,
            }
        ),
    )
)


def descend(node, column):
    while "leaf_value" not in node:
        goes_left = float(column[node["split_feature"]]) <= node["threshold"]
        node = node["left_child" if goes_left else "right_child"]
    return node["leaf_value"]


def count_leaves(node):
    if "leaf_value" in node:
        return 1
    return count_leaves(node["left_child"]) + count_leaves(node["right_child"])


@given(
    st.lists(NODES.filter(lambda node: count_leaves(node) <= MAX_LEAVES), min_size=1, max_size=4),
    st.lists(st.tuples(*[st.floats(-2, 2, width=32)] * 3), max_size=20),
)
def test_flat_trees_give_what_the_nested_ones_give(structures, columns):
    trees = lay_out_trees(*extraction_training.flatten_trees(structures))
    features = np.array(columns, np.float32).reshape(-1, 3).T.copy()
    expected = [sum(descend(node, column) for node in structures) for column in columns]
    assert sum_leaves(trees, features).tolist() == expected


def test_equal_models_are_equal_files(tmp_path):
    trees = extraction_training.flatten_trees([{"leaf_value": 0.5}])
    extraction_training.write_trees(trees, tmp_path / "one.npz")
    extraction_training.write_trees(trees, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as stored:
        assert all(np.array_equal(stored[name], getattr(trees, name)) for name in trees._fields)
        assert tuple(stored["names"].tolist()) == FEATURES


def test_training_pins_what_it_writes(tmp_path):
    weights, module = tmp_path / "weights.npz", tmp_path / "module.py"
    weights.write_bytes(b"weights")
    module.write_text('A = 1\nWEIGHTS_SHA256: Final = "old"\nB = 2\n')
    line = extraction_training.pin_weights(weights, module)
    assert hashlib.sha256(b"weights").hexdigest() in line
    assert module.read_text() == f"A = 1\n{line}\nB = 2\n"
    module.write_text("A = 1\n")
    with pytest.raises(ValueError, match="0 lines"):
        extraction_training.pin_weights(weights, module)


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), max_size=30)


@given(st.lists(WORDS, max_size=5))
def test_a_page_that_is_all_gold_is_labelled_so(lists):
    texts = [" ".join(words) for words in lists]
    shares = extraction_labels.label_blocks(texts, " ".join(texts))
    assert shares.tolist() == [float(bool(words)) for words in lists]


@given(WORDS, WORDS)
def test_alignment_matches_equal_words_in_order(page, gold):
    ids = {word: number for number, word in enumerate("abcdefg")}
    left = np.array([ids[word] for word in page], np.int32)
    right = np.array([ids[word] for word in gold], np.int32)
    places = extraction_labels.align_words(left, right)
    matched = [(index, place) for index, place in enumerate(places.tolist()) if place >= 0]
    assert all(page[index] == gold[place] for index, place in matched)
    assert [place for _, place in matched] == sorted({place for _, place in matched})


@given(WORDS, WORDS)
def test_score_is_symmetric_and_one_for_equal_bags(left, right):
    ours, theirs = " ".join(left), " ".join(right)
    score = extraction_sets.score_text(ours, theirs)
    assert score.f1 == extraction_sets.score_text(theirs, ours).f1
    assert (score.f1 == 1) == (sorted(left) == sorted(right))


def test_pages_of_a_site_are_on_one_side():
    def page(url):
        return extraction_sets.LabelledPage("set", "name", "article", url, b"", "")

    pages = [page(f"https://{host}/x") for host in ("a.example.co.uk", "b.example.co.uk:80")]
    assert {page.domain for page in pages} == {"example.co.uk"}
    assert page("http://www.example.com/").domain == "example.com"
    assert len({page.held_out for page in pages}) == 1
