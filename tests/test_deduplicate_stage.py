"""Deduplicate: the steps together find what comparing everything with everything would."""

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import stage_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup import shingling, verification
from gristmill.dedup.fingerprints import unpack_bands
from gristmill.pipelines import part_files
from gristmill.pipelines.exchange import read_chunks
from gristmill.pipelines.stages import deduplicate, verifying
from gristmill.pipelines.watching import Refusals
from gristmill.schemas.identity import content_id
from gristmill.schemas.ledger_records import sum_ids
from gristmill.schemas.recipe import Deduplication, NearDuplicates
from gristmill.schemas.tables import CLUSTERS, DOCUMENTS, MATCHES, SIGNATURES

ACROSS = Deduplication(near=NearDuplicates(scope="recipe"))
#: Bands so short that most pairs meet: what is found is then up to verification.
LOOSE = Deduplication(
    near=NearDuplicates(scope="recipe", bands=24, rows_per_band=2, min_similarity=0.6)
)


def make_variants(seed: int, count: int) -> list[str]:
    """Texts around three originals: copies, other spellings, few or many words changed."""
    rng = random.Random(seed)
    originals = [stage_samples.write_prose(1000 * seed + n, 6) for n in range(3)]
    texts = []
    for _ in range(count):
        words = rng.choice(originals).split(" ")
        how = rng.randrange(5)
        if how == 1:
            words = [word.upper() for word in words]
        for _ in range({2: 1, 3: 4, 4: 20}.get(how, 0)):
            words[rng.randrange(len(words))] = rng.choice(stage_samples.WORDS)
        texts.append(" ".join(words))
    return texts


def write_parts(folder: Path, documents: pa.Table, parts: int, batch_rows: int) -> dict[str, Path]:
    """Documents parts by unit key."""
    cuts = np.linspace(0, documents.num_rows, parts + 1).astype(int)
    found = {}
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        path = folder / f"documents-{number}.parquet"
        with part_files.PartWriter(path, DOCUMENTS) as writer:
            for first in range(start, end, batch_rows):
                batch = documents.slice(first, min(batch_rows, end - first))
                writer.write(part_files.as_batch(batch))
        found[f"unit{number}"] = path
    return found


def run_chain(
    folder: Path,
    documents: pa.Table,
    settings: Deduplication,
    *,
    parts: int = 2,
    count: int = 2,
    batch_rows: int = 3,
) -> dict[str, pa.Table]:
    """Run every step with its work function; returns each step's table, sorted."""
    shared: dict[str, Any] = {"deduplication": settings.model_dump(mode="json"), "count": count}
    shared["priorities"] = {name: n for n, name in enumerate(("s", "t", "u"))}
    outputs: dict[str, list[str]] = {}

    def carry_out(step: str, work: Any, **params: Any) -> None:
        unit = folder / f"{step}-{len(list(folder.glob(f'{step}-*')))}"
        result = work(stage_samples.make_context(unit, **shared, **params))
        assert result.records_in == result.kept
        for path in unit.iterdir():
            outputs.setdefault(path.name, []).append(str(path))

    def list_outputs(name: str) -> str:
        return stage_samples.write_list(folder, f"list-{name}", outputs[name])

    units = write_parts(folder, documents, parts, batch_rows)
    for key, path in units.items():
        carry_out("sign", deduplicate.sign_part, documents=str(path), unit_key=key)
    exchanges = {name: list_outputs(f"exchange-{name}.parquet") for name in ("keys", "places")}
    for partition in range(count):
        carry_out("link", deduplicate.link_partition, exchanges=exchanges, partition=partition)
    carry_out("connect", deduplicate.connect_edges, edges=list_outputs("edges.parquet"))
    lists = {name: list_outputs(f"{name}.parquet") for name in ("components", "repeats")}
    for key, path in units.items():
        carry_out("shingle", verifying.shingle_part, documents=str(path), unit_key=key, **lists)
    exchanges = {"shingles": list_outputs("exchange-shingles.parquet")}
    for partition in range(count):
        carry_out("verify", verifying.verify_partition, exchanges=exchanges, partition=partition)
    schemas = {
        "signatures": SIGNATURES,
        "edges": deduplicate.EDGES,
        "repeats": deduplicate.REPEATS,
        "components": deduplicate.COMPONENTS,
        "clusters": CLUSTERS,
        "matches": MATCHES,
    }
    tables = {
        name: part_files.read_parts(outputs[f"{name}.parquet"], schema)
        for name, schema in schemas.items()
    }
    return {
        name: table.sort_by([(column, "ascending") for column in table.column_names[:2]])
        for name, table in tables.items()
    }


def label_slowly(edges: set[tuple[int, int]], nodes: int) -> list[set[int]]:
    groups = [{node} for node in range(nodes)]
    for left, right in edges:
        a = next(group for group in groups if left in group)
        b = next(group for group in groups if right in group)
        if a is not b:
            groups.remove(b)
            a |= b
    return groups


def share_key(signed: pa.Table, settings: Deduplication) -> set[tuple[int, int]]:
    """Pairs of rows that agree on a band or on their text."""
    bands = unpack_bands(
        signed["band_hashes"].combine_chunks(), deduplicate.make_settings(settings.near)
    )
    contents = signed["content_id"].to_pylist()
    return {
        (a, b)
        for a, b in itertools.combinations(range(signed.num_rows), 2)
        if ((bands[a] == bands[b]) & (bands[a] != 0)).any() or contents[a] == contents[b]
    }


def measure_slowly(texts: list[str], settings: Deduplication) -> dict[tuple[int, int], float]:
    """Jaccard similarity of every pair of texts, on sets of shingle hashes."""
    minhash = deduplicate.make_settings(settings.near)
    shingles = verification.shingle_texts(pa.array(texts), minhash)
    bounds = itertools.pairwise(shingles.offsets.tolist())
    sets = [set(shingles.hashes[start:end].tolist()) for start, end in bounds]
    return {
        (a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) if sets[a] | sets[b] else 0.0
        for a, b in itertools.combinations(range(len(texts)), 2)
    }


@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(1, 3), st.sampled_from([1, 2, 4]))
@settings(max_examples=20)
def test_the_chain_equals_brute_force(tmp_path_factory, seed, size, parts, count):
    texts = make_variants(seed, size)
    documents = stage_samples.make_documents(texts, ids=[f"n{n}" for n in range(size)])
    documents = documents.sort_by("doc_id")
    texts = documents["text"].to_pylist()
    found = run_chain(tmp_path_factory.mktemp("chain"), documents, LOOSE, parts=parts, count=count)
    ids = documents["doc_id"].to_pylist()
    assert found["signatures"]["doc_id"].to_pylist() == ids
    groups = label_slowly(share_key(found["signatures"], LOOSE), size)
    expected = {
        ids[row]: (ids[min(group)], len(group))
        for group in groups
        if len(group) > 1
        for row in group
    }
    clusters = {
        row["doc_id"]: (row["cluster_id"], row["cluster_size"])
        for row in found["clusters"].to_pylist()
    }
    assert clusters == expected
    check_matches(found, ids, texts, LOOSE)


def check_matches(
    found: dict[str, pa.Table], ids: list[bytes], texts: list[str], settings: Deduplication
) -> None:
    """Exact matches join equal texts, near ones their groups: all that are alike, no other."""
    size = len(ids)
    place = {doc_id: row for row, doc_id in enumerate(ids)}
    cluster = {row["doc_id"]: row["cluster_id"] for row in found["clusters"].to_pylist()}
    rows = found["matches"].to_pylist()
    assert len({(row["doc_id"], row["other_id"]) for row in rows}) == len(rows)
    pairs: dict[str, dict[tuple[int, int], float]] = {"exact": {}, "near": {}}
    for row in rows:
        assert row["doc_id"] < row["other_id"]
        assert cluster[row["doc_id"]] == cluster[row["other_id"]] == row["cluster_id"]
        pairs[row["match"]][place[row["doc_id"]], place[row["other_id"]]] = row["similarity"]
    names = shingling.dedup_ids(pa.array(texts)).to_pylist()
    alike = measure_slowly(texts, settings)
    together = {(a, b) for a, b in alike if cluster.get(ids[a], 0) == cluster.get(ids[b], 1)}
    equal = {(a, b) for a, b in together if names[a] == names[b] or texts[a] == texts[b]}
    exact = label_slowly(set(pairs["exact"]), size)
    assert sorted(map(sorted, exact)) == sorted(map(sorted, label_slowly(equal, size)))
    assert set(pairs["exact"].values()) <= {1.0}
    group = {row: number for number, members in enumerate(exact) for row in members}
    near = {frozenset((group[a], group[b])) for a, b in pairs["near"]}
    assert settings.near is not None
    wanted = {
        frozenset((group[a], group[b]))
        for a, b in together
        if group[a] != group[b] and alike[a, b] >= settings.near.min_similarity
    }
    assert near == wanted
    for pair, similarity in pairs["near"].items():
        assert similarity == pytest.approx(alike[pair], abs=1e-6)


@given(st.integers(0, 10**6), st.randoms())
@settings(max_examples=10)
def test_neither_order_nor_partitions_matter(tmp_path_factory, seed, random):
    texts = make_variants(seed, 10)
    documents = stage_samples.make_documents(texts, ids=[f"n{n}" for n in range(10)])
    shuffled = documents.take(random.sample(range(10), 10))
    one = run_chain(tmp_path_factory.mktemp("one"), documents, LOOSE, parts=1, count=1)
    other = run_chain(
        tmp_path_factory.mktemp("other"), shuffled, LOOSE, parts=3, count=4, batch_rows=2
    )
    for name in ("signatures", "components", "clusters", "matches"):
        assert one[name].sort_by("doc_id").equals(other[name].sort_by("doc_id")), name


@pytest.mark.parametrize(
    ("settings", "equal_found", "near_found"),
    [
        (ACROSS, True, True),
        (Deduplication(), True, False),
        (Deduplication(exact=False), False, False),
        (Deduplication(near=None), True, False),
        (Deduplication(exact=False, near=NearDuplicates(scope="recipe")), True, True),
        (Deduplication(exact=False, near=None), False, False),
    ],
    ids=["across", "by source", "near by source", "exact", "near across", "off"],
)
def test_scope_says_who_meets(tmp_path, settings, equal_found, near_found):
    text = stage_samples.write_prose(1, 40)
    other = stage_samples.write_prose(2, 40)
    pair = [text, other]
    documents = pa.concat_tables(
        [
            stage_samples.make_documents(pair, source="s", ids=["1", "2"]),
            stage_samples.make_documents(
                [text, other + " A bit more."], source="t", ids=["3", "4"]
            ),
        ]
    )
    ids = documents["doc_id"].to_pylist()
    found = run_chain(tmp_path, documents, settings)["matches"].to_pylist()
    matched = {(row["match"], frozenset((row["doc_id"], row["other_id"]))) for row in found}
    expected = set()
    if equal_found:
        expected.add(("exact", frozenset((ids[0], ids[2]))))
    if near_found:
        expected.add(("near", frozenset((ids[1], ids[3]))))
    assert matched == expected


def test_a_copy_elsewhere_does_not_widen_the_scope(tmp_path):
    text = stage_samples.write_prose(1, 40)
    left, right = text + " One more of these.", text + " Something else to say."
    documents = pa.concat_tables(
        [
            stage_samples.make_documents([text, left], source="s", ids=["1", "2"]),
            stage_samples.make_documents([text, right], source="t", ids=["3", "4"]),
        ]
    )
    ids = documents["doc_id"].to_pylist()
    found = run_chain(tmp_path, documents, Deduplication())
    assert set(found["clusters"]["cluster_size"].to_pylist()) == {4}
    matched = {
        (row["match"], frozenset((row["doc_id"], row["other_id"])))
        for row in found["matches"].to_pylist()
    }
    assert matched == {
        ("exact", frozenset((ids[0], ids[2]))),
        ("near", frozenset((ids[0], ids[1]))),
        ("near", frozenset((ids[2], ids[3]))),
    }


def test_off_sends_no_keys():
    settings = Deduplication(exact=False, near=None)
    batch = part_files.as_batch(stage_samples.make_documents(["a b c d e f g"] * 2, ids=["1", "2"]))
    signed = deduplicate.sign_batch(batch, settings, deduplicate.make_settings(None))
    assert deduplicate.list_keys(signed, settings).num_rows == 0
    assert deduplicate.list_keys(signed, Deduplication(near=None)).num_rows == 2
    assert deduplicate.list_keys(signed, Deduplication()).num_rows == 2 * (14 + 1)


def test_texts_never_leave_their_part(tmp_path):
    texts = [stage_samples.write_prose(1, 30)] * 2 + [stage_samples.write_prose(2, 30)]
    documents = stage_samples.make_documents(texts, ids=["1", "2", "3"])
    run_chain(tmp_path, documents, ACROSS)
    sent = list(tmp_path.glob("*/exchange-*.parquet"))
    assert sent
    for path in sent:
        for _, rows in read_chunks(path):
            assert "text" not in rows.column_names


def test_sign_sums_the_ids_it_took_in(tmp_path):
    documents = stage_samples.make_documents(make_variants(1, 7), ids=[f"n{n}" for n in range(7)])
    [(key, path)] = write_parts(tmp_path, documents, 1, 2).items()
    context = stage_samples.make_context(
        tmp_path / "unit",
        documents=str(path),
        unit_key=key,
        count=2,
        deduplication=ACROSS.model_dump(mode="json"),
    )
    result = deduplicate.sign_part(context)
    expected = sum_ids(part_files.view_ids(documents["doc_id"]))
    assert (result.ids_in, result.ids_kept) == (expected, expected)


places = st.lists(
    st.tuples(
        st.sampled_from([bytes([n]) * 16 for n in range(4)]),  # doc_id
        st.sampled_from([bytes([n]) * 16 for n in range(2)]),  # content_id
        st.sampled_from(["a.gz", "b.gz"]),
        st.integers(0, 3),  # offset
        st.sampled_from(["aa", "bb", "cc"]),  # unit key
        st.integers(0, 9),  # row
    ),
    unique_by=lambda row: row[4:],
    max_size=20,
)


def rank_place(row: tuple) -> tuple:
    """Content, file, offset and row come before the unit key, which code changes."""
    _, content_id, file, offset, unit_key, number = row
    return content_id, file, offset, number, unit_key


@given(places, st.randoms())
def test_of_a_repeated_id_the_first_content_and_place_stays(drawn, random):
    shuffled = random.sample(drawn, len(drawn))
    columns = list(zip(*shuffled, strict=True)) or [[]] * 6
    table = pa.table(
        [
            pa.array(column, field.type)
            for column, field in zip(columns, deduplicate.PLACES, strict=True)
        ],
        schema=deduplicate.PLACES,
    )
    found = deduplicate.find_repeats(table)
    assert found.schema.equals(deduplicate.REPEATS)
    first = {row[0]: min(rank_place(r) for r in drawn if r[0] == row[0]) for row in drawn}
    expected = sorted(row[4:] for row in drawn if first[row[0]] != rank_place(row))
    assert sorted((row["unit_key"], row["row"]) for row in found.to_pylist()) == expected


def test_what_matches_only_a_repeated_row_matches_nothing(tmp_path):
    pair = [stage_samples.write_prose(seed, 40) for seed in (1, 2)]
    kept, given_up = sorted(pair, key=content_id)  # of equal ids the smaller content stays
    texts = [kept, given_up, given_up + " A bit more."]
    documents = stage_samples.make_documents(texts, ids=["same", "same", "other"])
    found = run_chain(tmp_path, documents, ACROSS, parts=1)
    assert found["repeats"].to_pylist() == [{"unit_key": "unit0", "row": 1}]
    assert found["matches"].num_rows == 0
    ids = found["clusters"]["doc_id"].to_pylist()
    assert len(ids) == len(set(ids))


@given(st.integers(0, 10**6), st.lists(st.integers(0, 4), min_size=8, max_size=8))
@settings(max_examples=10)
def test_every_match_is_of_the_rows_that_stay(tmp_path_factory, seed, names):
    texts = make_variants(seed, 8)
    documents = stage_samples.make_documents(texts, ids=[f"n{n}" for n in names])
    found = run_chain(tmp_path_factory.mktemp("repeats"), documents, LOOSE, parts=1)
    first = [
        min((n for n in range(8) if names[n] == name), key=lambda n: (content_id(texts[n]), n))
        for name in dict.fromkeys(names)
    ]
    stays = documents.take(first).sort_by("doc_id")
    repeats = sorted(found["repeats"]["row"].to_pylist())
    assert repeats == [n for n in range(8) if n not in first]
    check_matches(found, stays["doc_id"].to_pylist(), stays["text"].to_pylist(), LOOSE)


def test_no_documents_are_no_trouble(tmp_path):
    found = run_chain(tmp_path, DOCUMENTS.empty_table(), ACROSS)
    assert all(table.num_rows == 0 for table in found.values())


def test_copies_of_one_text_are_all_matched_to_the_first_in_keep_order(tmp_path):
    text = stage_samples.write_prose(1, 20)
    documents = pa.concat_tables(
        stage_samples.make_documents([text], source=source, ids=[source]) for source in "uts"
    )
    found = run_chain(tmp_path, documents, ACROSS)["matches"].to_pylist()
    winner = documents["doc_id"].to_pylist()[2]  # source s has the best priority
    assert len(found) == 2
    assert all(winner in (row["doc_id"], row["other_id"]) for row in found)


def test_a_text_that_killed_a_child_is_signed_as_empty_and_its_neighbours_are_not(tmp_path):
    documents = stage_samples.make_documents([f"text number {n} of three" for n in range(3)])
    [path] = write_parts(tmp_path, documents, 1, 3).values()
    shared = {
        "deduplication": Deduplication().model_dump(mode="json"),
        "documents": str(path),
        "unit_key": "unit0",
        "count": 1,
    }
    counts = []
    for name, refusals in (("plain", None), ("poisoned", Refusals(poisoned={1: "cpu_limit"}))):
        context = stage_samples.make_context(tmp_path / name, refusals, **shared)
        assert deduplicate.sign_part(context).kept == 3
        signed = part_files.read_part(tmp_path / name / "signatures.parquet")
        counts.append(signed["shingle_count"].to_pylist())
        assert signed["content_id"].to_pylist() == documents["content_id"].to_pylist()
    assert counts == [[1, 1, 1], [1, 0, 1]]
