"""Judging: verdicts by row, winners that verifiably match, and splits that never leak."""

import datetime
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import stage_samples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gristmill.cleaning.policy import CUSTOM_TABLE, judge
from gristmill.pipelines import part_files
from gristmill.pipelines.children import UnitResult
from gristmill.pipelines.exchange import leading_hash, pick_partitions, read_chunks
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.stages import judging
from gristmill.pipelines.stages.deduplicate import REPEATS
from gristmill.pipelines.stages.splitting import SPLITS, assign_splits
from gristmill.schemas.errors import AccountingError
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import Bound, Cleaning, Deduplication, NearDuplicates, Splits
from gristmill.schemas.tables import CLUSTERS, CONSENTS, EVIDENCE, ID, MATCHES, SIGNALS

HALVES = Splits(validation=0.25, test=0.25)


def make_id(number: int) -> bytes:
    """Ids whose order is not that of the numbers."""
    return (number * 7919 % 251).to_bytes(1, "big") + bytes([number]) * 15


# Splits.


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.data())
def test_a_documents_split_depends_on_its_id_alone(ids, data):
    stacked = np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)
    found = assign_splits(stacked, HALVES)
    for doc_id, split in zip(ids, found, strict=True):
        place = (int.from_bytes(doc_id[8:], "big") >> 11) / 2**53
        expected = "validation" if place < 0.25 else "test" if place < 0.5 else "train"
        assert SPLITS[split] == expected
    some = data.draw(st.permutations(range(len(ids))))[: len(ids) // 2]
    assert assign_splits(stacked[some], HALVES).tolist() == found[some].tolist()


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.0), (0.1, 0.02), (0.3, 0.6)])
def test_splits_have_their_shares(validation, test):
    ids = np.random.default_rng(3).integers(0, 256, (40_000, 16), dtype=np.uint8)
    found = assign_splits(ids, Splits(validation=validation, test=test))
    shares = np.bincount(found, minlength=3) / len(ids)
    assert shares == pytest.approx([1 - validation - test, validation, test], abs=0.01)


def test_a_split_says_nothing_about_the_published_order():
    ids = np.random.default_rng(3).integers(0, 256, (40_000, 16), dtype=np.uint8)
    found = assign_splits(ids, HALVES)
    early = pick_partitions(leading_hash(ids), 2) == 0
    assert np.mean(found[early] == 0) == pytest.approx(np.mean(found[~early] == 0), abs=0.03)


@given(st.floats(0, 0.4), st.floats(0, 0.4))
def test_a_larger_validation_share_keeps_what_it_had(one, other):
    ids = np.random.default_rng(5).integers(0, 256, (300, 16), dtype=np.uint8)
    small, large = (
        assign_splits(ids, Splits(validation=share, test=0.1)) == SPLITS.index("validation")
        for share in sorted((one, other))
    )
    assert (large | ~small).all()


# Who wins: the code against a slow walk.


@st.composite
def clusters(draw) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Members of up to three clusters, and matches between members of one."""
    size = draw(st.integers(0, 9))
    dates = st.none() | st.sampled_from([datetime.datetime(2020, 1, day) for day in (1, 2)])
    members = [
        {
            "cluster_id": make_id(200 + draw(st.integers(0, 2))),
            "doc_id": make_id(number),
            "eligible": draw(st.booleans() | st.just(True)),
            "priority": draw(st.integers(0, 1)),
            "date": draw(dates),
            "length": draw(st.integers(0, 2)),
            "split": draw(st.integers(0, 2)),
        }
        for number in range(size)
    ]
    matches = []
    for one, other in itertools.combinations(sorted(members, key=lambda m: m["doc_id"]), 2):
        kind = draw(st.sampled_from(["none", "none", "near", "exact"]))
        if one["cluster_id"] == other["cluster_id"] and kind != "none":
            near = draw(st.sampled_from([0.8125, 0.875, 0.9375]))
            matches.append(
                {
                    "cluster_id": one["cluster_id"],
                    "doc_id": one["doc_id"],
                    "other_id": other["doc_id"],
                    "similarity": 1.0 if kind == "exact" else near,
                    "match": kind,
                }
            )
    return members, matches


def rank_member(member: dict[str, Any]) -> tuple[Any, ...]:
    date = member["date"] or datetime.datetime.min
    age = -(date - datetime.datetime.min).total_seconds()
    return member["priority"], age, -member["length"], member["doc_id"]


def group_equal(members: list[dict[str, Any]], matches: list[dict[str, Any]]) -> dict[bytes, int]:
    group = {member["doc_id"]: number for number, member in enumerate(members)}
    for match in matches:
        if match["match"] == "exact":
            one, other = group[match["doc_id"]], group[match["other_id"]]
            group = {key: one if value == other else value for key, value in group.items()}
    return group


def resolve_slowly(
    members: list[dict[str, Any]], matches: list[dict[str, Any]], one_way: bool
) -> dict[bytes, tuple[bytes, float, bool]]:
    """Losers, each with its winner, their similarity and whether their texts are equal."""
    ordered = sorted(members, key=rank_member)
    places = {member["doc_id"]: place for place, member in enumerate(ordered)}
    group = group_equal(members, matches)
    kept: dict[int, bytes] = {}
    lost: dict[bytes, tuple[bytes, float, bool]] = {}
    for member in ordered:
        doc_id = member["doc_id"]
        if not member["eligible"]:
            continue
        if group[doc_id] in kept:
            lost[doc_id] = (kept[group[doc_id]], 1.0, True)
            continue
        offers = []
        for match in matches:
            pair = sorted((match["doc_id"], match["other_id"]), key=places.__getitem__)
            for earlier, later in (pair,) if one_way else (pair, pair[::-1]):
                if (
                    match["match"] == "near"
                    and group[later] == group[doc_id]
                    and group[earlier] in kept
                ):
                    winner = kept[group[earlier]]
                    offers.append((-match["similarity"], places[winner], winner))
        if offers:
            negative, _, winner = min(offers)
            lost[doc_id] = (winner, -negative, False)
        else:
            kept[group[doc_id]] = doc_id
    return lost


def resolve(
    members: list[dict[str, Any]], matches: list[dict[str, Any]], similarity: str = "jaccard"
) -> tuple[pa.Table, pa.Table]:
    near = NearDuplicates(similarity=similarity)  # type: ignore[arg-type]
    params = {
        "deduplication": Deduplication(near=near).model_dump(mode="json"),
        "rule_version": "v1",
    }
    return judging.resolve_members(
        pa.Table.from_pylist(members, schema=judging.MEMBERS),
        pa.Table.from_pylist(matches, schema=MATCHES),
        params,
    )


@given(clusters(), st.sampled_from(["jaccard", "containment"]))
@settings(max_examples=150)
def test_winners_are_those_of_a_slow_walk(drawn, similarity):
    members, matches = drawn
    losers, evidence = resolve(members, matches, similarity)
    assert losers.schema.equals(judging.LOSERS) and evidence.schema.equals(EVIDENCE)
    expected = resolve_slowly(members, matches, similarity == "containment")
    found = {
        row["doc_id"]: (row["winner_id"], row["similarity"], row["rule"] == "exact_duplicate v1")
        for row in evidence.to_pylist()
    }
    assert found == expected
    cluster = {member["doc_id"]: member["cluster_id"] for member in members}
    assert all(row["cluster_id"] == cluster[row["doc_id"]] for row in evidence.to_pylist())
    rules = {row["doc_id"]: row for row in losers.to_pylist()}
    for doc_id, (_, value, exact) in expected.items():
        row = rules.pop(doc_id)
        assert row["rule"] == ("exact_duplicate" if exact else "near_duplicate")
        assert (row["value"], row["threshold"]) == (value, 1.0 if exact else 0.8)
    assert {row["rule"] for row in rules.values()} <= {judging.SPLIT_LEAK}


@given(clusters())
def test_nothing_goes_without_a_kept_winner_that_it_matches(drawn):
    members, matches = drawn
    _, evidence = resolve(members, matches)
    eligible = {member["doc_id"] for member in members if member["eligible"]}
    lost = set(evidence["doc_id"].to_pylist())
    group = group_equal(members, matches)
    alike = {
        (group[a], group[b])
        for match in matches
        for a, b in itertools.permutations((match["doc_id"], match["other_id"]))
    }
    for row in evidence.to_pylist():
        assert row["doc_id"] in eligible
        assert row["winner_id"] in eligible - lost
        one, other = group[row["doc_id"]], group[row["winner_id"]]
        assert one == other or (one, other) in alike
    for one, other in itertools.combinations(eligible - lost, 2):
        assert group[one] != group[other] and (group[one], group[other]) not in alike


@given(clusters(), st.randoms())
def test_the_order_of_rows_decides_nothing(drawn, random):
    members, matches = drawn
    one = resolve(members, matches)
    other = resolve(random.sample(members, len(members)), random.sample(matches, len(matches)))
    assert [table.to_pylist() for table in one] == [table.to_pylist() for table in other]
    ids = one[0]["doc_id"].to_pylist()
    assert ids == sorted(ids) and len(ids) == len(set(ids))


@given(clusters(), clusters())
def test_clusters_do_not_see_each_other(drawn, others):
    members, matches = drawn
    there = {member["cluster_id"] for member in members}
    here = [m for m in others[0] if m["cluster_id"] not in there]
    assume(here)
    for row in here:  # ids of their own
        row["doc_id"] = row["doc_id"][::-1]
    assume(not {m["doc_id"] for m in here} & {m["doc_id"] for m in members})
    alone, _ = resolve(members, matches)
    together, _ = resolve(members + here, matches)
    wanted = {member["doc_id"] for member in members}
    assert [r for r in together.to_pylist() if r["doc_id"] in wanted] == alone.to_pylist()


@given(clusters())
def test_no_cluster_is_on_both_sides_of_a_split(drawn):
    members, matches = drawn
    losers, _ = resolve(members, matches)
    lost = {row["doc_id"]: row["rule"] for row in losers.to_pylist()}
    kept = [m for m in members if m["eligible"] and lost.get(m["doc_id"], "") in ("", "split_leak")]
    for cluster in {member["cluster_id"] for member in members}:
        here = [member for member in kept if member["cluster_id"] == cluster]
        held_out = any(SPLITS[member["split"]] != "train" for member in here)
        for member in here:
            leaks = held_out and SPLITS[member["split"]] == "train"
            assert (lost.get(member["doc_id"]) == "split_leak") == leaks
    for row in losers.to_pylist():
        if row["rule"] == "split_leak":
            assert row["value"] is None and row["threshold"] is None


def test_matches_of_absent_documents_are_ignored():
    members = [
        {
            "cluster_id": make_id(9),
            "doc_id": make_id(number),
            "eligible": True,
            "priority": 0,
            "date": None,
            "length": 1,
            "split": 0,
        }
        for number in (1, 3)
    ]
    matches = [
        {
            "cluster_id": make_id(9),
            "doc_id": min(make_id(number), make_id(2)),
            "other_id": max(make_id(number), make_id(2)),
            "similarity": 0.9,
            "match": "near",
        }
        for number in (1, 3)
    ]
    losers, evidence = resolve(members, matches)
    assert losers.num_rows == evidence.num_rows == 0


# Verdicts.

TEXTS = [
    stage_samples.write_prose(1),
    "Too short.",
    stage_samples.write_prose(2),
    "Le chat est assis sur la table de la cuisine. " * 12,
    stage_samples.write_prose(3),
]
CLEANING = Cleaning(
    languages={"en": 0.3}, rule_tables=("gopher_quality",), line_rule=None, redact=frozenset()
)


def judge_texts(
    folder: Path,
    texts: list[str],
    *,
    measured: list[int] | None = None,
    repeats: tuple[int, ...] = (),
    clustered: tuple[int, ...] = (),
    ids: list[str] | None = None,
    consents: dict[int, list[str]] | None = None,
    cleaning: Cleaning = CLEANING,
) -> tuple[UnitResult, pa.Table, pa.Table]:
    folder.mkdir(exist_ok=True)
    names = ids or [f"n{n}" for n in range(len(texts))]
    documents = stage_samples.make_documents(texts, ids=names)
    part_files.write_part(folder / "documents.parquet", documents, documents.schema)
    found = list(range(len(texts))) if measured is None else measured
    rows = part_files.as_batch(documents.take(pa.array(found, pa.int64())))
    signals = pa.Table.from_batches([stage_samples.measure_batch(rows)])
    part_files.write_part(folder / "signals.parquet", signals, SIGNALS)
    cluster = [
        {
            "doc_id": documents["doc_id"][row].as_py(),
            "cluster_id": make_id(9),
            "cluster_size": 2,
            "dedup_id": make_id(row),
        }
        for row in clustered
    ]
    listed = [{"unit_key": "mine", "row": row} for row in repeats]
    listed.append({"unit_key": "another", "row": 0})
    tables = {
        "clusters": pa.Table.from_pylist(cluster, schema=CLUSTERS),
        "repeats": pa.Table.from_pylist(listed, schema=REPEATS),
        "consents": pa.Table.from_pylist(
            [
                {"doc_id": documents["doc_id"][row].as_py(), "opt_outs": signals}
                for row, signals in (consents or {}).items()
            ],
            schema=CONSENTS,
        ),
    }
    lists = {}
    for name, table in tables.items():
        part_files.write_part(folder / f"{name}.parquet", table, table.schema)
        lists[name] = stage_samples.write_list(folder, name, [str(folder / f"{name}.parquet")])
    context = stage_samples.make_context(
        folder / "unit",
        documents=str(folder / "documents.parquet"),
        signals=str(folder / "signals.parquet"),
        unit_key="mine",
        cleaning=cleaning.model_dump(mode="json"),
        splits=HALVES.model_dump(mode="json"),
        priorities={"s": 4},
        count=2,
        **lists,
    )
    result = judging.judge_part(context)
    verdicts = part_files.read_part(folder / "unit" / "verdicts.parquet")
    sent = [rows for _, rows in read_chunks(folder / "unit" / "exchange-members.parquet")]
    members = pa.concat_tables([judging.MEMBERS.empty_table(), *sent])
    return result, verdicts, members.cast(judging.MEMBERS)


def test_what_robots_txt_keeps_from_an_agent_goes_only_if_the_recipe_heeds_it(tmp_path):
    said = {0: ["robots.txt:gptbot"], 4: ["robots.txt:ccbot"]}
    _, kept, _ = judge_texts(tmp_path / "a", TEXTS, consents=said)
    assert kept["kept"].to_pylist() == [True, False, True, False, True]
    assert kept["opt_outs"].to_pylist() == [said[0], None, None, None, said[4]]
    heeding = CLEANING.model_copy(update={"opt_outs": ("robots.txt:gpt*",)})
    _, heeded, _ = judge_texts(tmp_path / "b", TEXTS, consents=said, cleaning=heeding)
    assert heeded["kept"].to_pylist() == [False, False, True, False, True]
    assert heeded["rule"][0].as_py() == "opt_out"


def test_verdicts_are_those_of_the_policy(tmp_path):
    result, verdicts, members = judge_texts(tmp_path, TEXTS)
    signals = part_files.read_part(tmp_path / "signals.parquet")
    expected = judge(part_files.as_batch(signals), build_policy(CLEANING))
    assert verdicts["row"].to_pylist() == list(range(5))
    assert verdicts["kept"].to_pylist() == [True, False, True, False, True]
    for name in ("kept", "rule", "value", "threshold", "comparison"):
        assert verdicts[name].to_pylist() == expected[name].to_pylist()
    assert members.num_rows == 0
    assert result.records_in == result.kept == 5
    assert result.ids_in == result.ids_kept == sum_ids(part_files.view_ids(signals["doc_id"]))
    kept = sum(len(TEXTS[row].encode()) for row in (0, 2, 4))
    assert result.facts["kept_text_bytes"] == kept


def test_a_repeated_row_goes_and_joins_no_cluster(tmp_path):
    ids = ["a", "b", "a", "c", "d"]
    _, verdicts, members = judge_texts(tmp_path, TEXTS, repeats=(2,), clustered=(0, 1, 4), ids=ids)
    assert verdicts["kept"].to_pylist() == [True, False, False, False, True]
    assert verdicts["rule"].to_pylist()[2] == judging.REPEATED
    assert verdicts.to_pylist()[2]["value"] is None
    rows = sorted(members.to_pylist(), key=lambda row: row["length"])
    documents = part_files.read_part(tmp_path / "documents.parquet").to_pylist()
    assert {row["doc_id"] for row in rows} == {documents[n]["doc_id"] for n in (0, 1, 4)}
    assert members.num_rows == 3  # not the repeat, though its id is in a cluster
    assert {row["priority"] for row in rows} == {4}
    eligible = {row["doc_id"]: row["eligible"] for row in rows}
    assert eligible == {documents[n]["doc_id"]: n != 1 for n in (0, 1, 4)}
    lengths = {row["doc_id"]: row["length"] for row in rows}
    assert lengths == {documents[n]["doc_id"]: len(TEXTS[n]) for n in (0, 1, 4)}


def test_documents_that_measure_lost_shift_no_verdict(tmp_path):
    result, verdicts, _ = judge_texts(tmp_path, TEXTS, measured=[1, 2, 4], repeats=(4,))
    assert verdicts["row"].to_pylist() == [1, 2, 4]
    assert verdicts["kept"].to_pylist() == [False, True, False]
    assert verdicts["rule"].to_pylist()[2] == judging.REPEATED
    assert result.records_in == 3
    assert result.facts["kept_text_bytes"] == len(TEXTS[2].encode())


def test_signals_of_other_documents_are_refused(tmp_path):
    with pytest.raises(AccountingError):
        judge_texts(tmp_path, TEXTS, measured=[2, 1])


def test_a_part_without_documents_is_judged(tmp_path):
    result, verdicts, members = judge_texts(tmp_path, [])
    assert verdicts.num_rows == members.num_rows == result.records_in == 0


def test_a_policy_has_its_tables_then_its_own_bounds():
    cleaning = CLEANING.model_copy(
        update={
            "rule_tables": ("fineweb", "gopher_quality"),
            "bounds": (Bound(metric="word_count", min=7, max=9),),
        }
    )
    policy = build_policy(cleaning)
    names = [table for table, _ in policy.bounds]
    assert list(dict.fromkeys(names)) == ["fineweb", "gopher_quality", CUSTOM_TABLE]
    bound = policy.bounds[-1][1]
    assert (bound.metric, bound.min, bound.max) == ("word_count", 7, 9)
    assert policy.languages == {"en": 0.3} and policy.redact == frozenset()


def test_resolve_reads_its_partition_alone(tmp_path):
    sample = stage_samples.finish_run()
    records = sample.run.records("decide.resolve")
    assert sum(record.records_in for record in records) == 4
    evidence = part_files.read_parts(
        sample.run.workspace.part_paths(sample.run.manifests["decide.resolve"], "evidence"),
        EVIDENCE,
    )
    assert sorted(rule.split()[0] for rule in evidence["rule"].to_pylist()) == [
        "exact_duplicate",
        "near_duplicate",
    ]
    assert evidence["doc_id"].type == ID
