"""Star removal: nobody goes but for a kept member that it matches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import star_removal

MEMBERS = 9


@st.composite
def clusters(draw):
    """Texts by member, near pairs of the first member of each text, an order, a policy."""
    size = draw(st.integers(0, MEMBERS))
    order = draw(st.permutations(range(size)))
    texts = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    heads = {}
    for member in order:
        heads.setdefault(texts[member], member)
    pairs, similarity, exact = [], [], []
    for member in order:
        if heads[texts[member]] != member:
            pairs.append((heads[texts[member]], member))
            similarity.append(1.0)
            exact.append(True)
    for left in heads.values():
        for right in heads.values():
            if left < right and draw(st.booleans()):
                pairs.append((left, right))
                similarity.append(draw(st.sampled_from([0.8, 0.9, 1.0])))
                exact.append(False)
    eligible = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return list(order), eligible, texts, pairs, similarity, exact


def resolve(order, eligible, pairs, similarity, exact, one_way=False):
    return star_removal.resolve_cluster(
        np.array(order, dtype=np.int64),
        np.array(eligible, dtype=bool),
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.array(similarity, dtype=np.float64),
        np.array(exact, dtype=bool),
        one_way=one_way,
    )


def resolve_slowly(order, eligible, texts, pairs, similarity, exact, one_way):
    """Walk members in keep order, looking every pair of texts up in a dict."""
    place = {member: i for i, member in enumerate(order)}
    known = {}
    for (a, b), value, same in zip(pairs, similarity, exact, strict=True):
        if same:
            continue
        first, last = sorted((a, b), key=place.__getitem__)
        known[texts[last], texts[first]] = value
        if not one_way:
            known[texts[first], texts[last]] = value
    winners = {}
    kept = []
    for member in order:
        if not eligible[member]:
            continue
        options = [
            (1.0 if texts[w] == texts[member] else known.get((texts[member], texts[w]), 0), w)
            for w in kept
        ]
        options = [(-value, place[w], w) for value, w in options if value]
        if options:
            value, _, winner = min(options)
            winners[member] = (winner, -value)
        else:
            kept.append(member)
    return winners


@given(clusters(), st.booleans())
def test_losers_and_winners_equal_the_reference(cluster, one_way) -> None:
    order, eligible, _, pairs, similarity, exact = cluster
    found = resolve(order, eligible, pairs, similarity, exact, one_way)
    expected = resolve_slowly(*cluster, one_way)
    assert {
        member: (winner, value)
        for member, (winner, value) in enumerate(
            zip(found.winners.tolist(), found.similarity.tolist(), strict=True)
        )
        if winner != star_removal.NO_WINNER
    } == expected


@given(clusters())
def test_every_loser_matches_a_kept_winner(cluster) -> None:
    order, eligible, texts, pairs, similarity, exact = cluster
    found = resolve(order, eligible, pairs, similarity, exact)
    place = {member: i for i, member in enumerate(order)}
    matched = {frozenset((texts[a], texts[b])) for a, b in pairs}
    for loser, winner in enumerate(found.winners.tolist()):
        if winner == star_removal.NO_WINNER:
            assert found.similarity[loser] == 0 and not found.is_exact[loser]
            continue
        assert eligible[loser] and eligible[winner]
        assert found.winners[winner] == star_removal.NO_WINNER
        assert place[winner] < place[loser]
        assert found.is_exact[loser] == (texts[loser] == texts[winner])
        assert texts[loser] == texts[winner] or frozenset((texts[loser], texts[winner])) in matched


@given(clusters(), st.randoms(use_true_random=False))
def test_numbering_of_members_does_not_matter(cluster, random) -> None:
    order, eligible, _, pairs, similarity, exact = cluster
    renamed = list(range(len(order)))
    random.shuffle(renamed)
    rows = list(range(len(pairs)))
    random.shuffle(rows)
    found = resolve(order, eligible, pairs, similarity, exact)
    moved_eligible = [False] * len(order)
    for member, name in enumerate(renamed):
        moved_eligible[name] = eligible[member]
    again = resolve(
        [renamed[member] for member in order],
        moved_eligible,
        [[renamed[member] for member in pairs[row]][:: random.choice([1, -1])] for row in rows],
        [similarity[row] for row in rows],
        [exact[row] for row in rows],
    )
    for member, winner in enumerate(found.winners.tolist()):
        expected = winner if winner == star_removal.NO_WINNER else renamed[winner]
        assert again.winners[renamed[member]] == expected


def test_a_chain_keeps_both_ends() -> None:
    found = resolve([0, 1, 2], [True] * 3, [(0, 1), (1, 2)], [0.9, 0.9], [False, False])
    assert found.winners.tolist() == [-1, 0, -1]


@pytest.mark.parametrize("pairs", [[(0, 2), (1, 2)], [(1, 2), (0, 2)], [(2, 1), (2, 0)]])
@pytest.mark.parametrize(("similarity", "winner"), [([0.9, 0.9], None), ([0.8, 0.9], 1)])
def test_most_similar_then_first_winner(pairs, similarity, winner) -> None:
    for order in ([0, 1, 2], [1, 0, 2]):
        found = resolve(order, [True] * 3, pairs, similarity, [False, False])
        expected = order[0] if winner is None else sum(pairs[winner]) - 2
        assert found.winners[2] == expected and found.similarity[2] == max(similarity)


def test_copies_of_a_dropped_document_keep_its_matches() -> None:
    # 1 is equal to 2 and 3, and near to 0; policy drops 1.
    pairs, similarity = [(1, 2), (1, 3), (0, 1)], [1.0, 1.0, 0.85]
    exact = [True, True, False]
    found = resolve([0, 1, 2, 3], [True, False, True, True], pairs, similarity, exact)
    assert found.winners.tolist() == [-1, -1, 0, 0]
    assert found.similarity.tolist() == [0, 0, 0.85, 0.85] and not found.is_exact.any()
    found = resolve([0, 1, 2, 3], [False, False, True, True], pairs, similarity, exact)
    assert found.winners.tolist() == [-1, -1, -1, 2] and found.is_exact.tolist()[3]


def test_a_hundred_thousand_copies_leave_one() -> None:
    size = 100_000
    members = np.arange(size, dtype=np.int64)
    pairs = np.stack([np.zeros(size - 1, np.int64), members[1:]], axis=1)
    found = star_removal.resolve_cluster(
        members, np.ones(size, bool), pairs, np.ones(size - 1), np.ones(size - 1, bool)
    )
    assert (found.winners[1:] == 0).all() and found.winners[0] == star_removal.NO_WINNER


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 pairs, 2 similarities"):
        resolve([0, 1], [True, True], [(0, 1)], [1.0, 1.0], [True])
    with pytest.raises(ValueError, match="not a permutation"):
        resolve([1, 1], [True, True], [], [], [])
