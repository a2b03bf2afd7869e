"""Rounding, thresholds and buckets: the wanted share, and no decision on a knife's edge."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning.score_buckets import (
    BUCKETS,
    PERPLEXITY_DECIMALS,
    SCORE_DECIMALS,
    assign_buckets,
    choose_threshold,
    percentile_edges,
    round_scores,
)
from gristmill.schemas.errors import SchemaError

probabilities = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60).map(
    lambda values: np.array(values, np.float32)
)
rates = st.floats(0.01, 0.99)


def nudge(scores, steps):
    for _ in range(abs(steps)):
        scores = np.nextafter(scores, np.float32(np.inf if steps > 0 else -np.inf))
    return scores


@given(probabilities, rates)
@example(np.array([0.7, 0.7, 0.1], np.float32), 0.66)
def test_noise_in_the_last_bits_flips_no_decision(scores, rate):
    stored = round_scores(scores)
    threshold = choose_threshold(scores, rate).value
    edges = percentile_edges(scores)
    for noisy in (nudge(stored, 1), nudge(stored, -1), stored.astype(np.float64)):
        assert ((noisy >= threshold) == (stored >= threshold)).all()
        assert assign_buckets(noisy, edges).tolist() == assign_buckets(stored, edges).tolist()
        assert round_scores(noisy).tolist() == stored.tolist()


@given(probabilities, rates)
def test_no_other_threshold_is_nearer_to_the_wanted_share(scores, rate):
    stored = round_scores(scores).astype(np.float64)
    threshold = choose_threshold(scores, rate)
    assert threshold.keep_rate == pytest.approx((stored >= threshold.value).mean())
    shares = [(stored >= limit).mean() for limit in stored]
    assert abs(threshold.keep_rate - rate) <= min(abs(share - rate) for share in shares) + 1e-9


def test_a_threshold_keeps_the_wanted_share_of_a_sample_it_has_not_seen():
    drawn = np.random.default_rng(5).beta(0.4, 3.0, size=(2, 200_000))
    for rate in (0.02, 0.1, 0.5):
        threshold = choose_threshold(drawn[0], rate)
        assert abs((round_scores(drawn[1]) >= threshold.value).mean() - rate) < 0.005


@given(probabilities, st.permutations(range(5)))
def test_order_of_the_scores_changes_nothing(scores, order):
    mixed = np.concatenate([scores[place::5] for place in order])
    assert percentile_edges(mixed) == percentile_edges(scores)
    assert choose_threshold(mixed, 0.3) == choose_threshold(scores, 0.3)


def test_buckets_hold_equal_shares_of_distinct_scores():
    scores = np.random.default_rng(1).permutation(10_000) / 10_000
    edges = percentile_edges(scores)
    counts = np.bincount(assign_buckets(round_scores(scores), edges))
    assert len(edges) == BUCKETS - 1
    assert counts.tolist() == [500] * BUCKETS


@given(probabilities)
def test_edges_rise_and_lie_between_grid_points(scores):
    edges = percentile_edges(scores)
    assert list(edges) == sorted(set(edges))
    for edge in edges:
        assert round(edge * 10 ** (SCORE_DECIMALS + 1)) % 10 == 5
    assert assign_buckets(round_scores(scores), edges).max() <= len(edges)


def test_equal_scores_have_one_bucket():
    assert percentile_edges(np.full(9, 0.5)) == ()
    assert assign_buckets(np.full(3, 0.5), ()).tolist() == [0, 0, 0]


def test_head_middle_and_tail_of_perplexities():
    perplexities = np.array([50.0, 341.35, 341.26, 999.0, 1e30, np.nan])
    rounded = round_scores(perplexities, PERPLEXITY_DECIMALS)
    assert assign_buckets(rounded, (341.25, 900.05)).tolist() == [0, 1, 1, 2, 2, 0]


def test_what_cannot_be_cut_is_an_error():
    with pytest.raises(SchemaError, match="keep rate 1"):
        choose_threshold(np.ones(3), 1.0)
    with pytest.raises(SchemaError, match="at least one score"):
        choose_threshold(np.array([np.nan]), 0.5)
    with pytest.raises(SchemaError, match="at least one score"):
        percentile_edges(np.array([]))
