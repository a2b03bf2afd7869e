"""Scorers: columns as promised, digests as pinned, and the same answer in any batch."""

import json
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from arpa_models import make_arpa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gristmill.cleaning.fasttext_format import write_model
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.importance_weights import (
    BUCKETS,
    count_ngrams,
    fit_weights,
    measure_importance,
    read_weights,
    write_weights,
)
from gristmill.cleaning.quality_models import list_columns, load_scorer
from gristmill.cleaning.word_boundaries import split_words
from gristmill.pipelines.stages.scoring import load_scorers, score_batch, score_schema
from gristmill.schemas.atomic_files import sha256_file
from gristmill.schemas.errors import InputError
from gristmill.schemas.score_models import ScoreModel

GOOD = [f"the theory of {word} explains why {word} matters" for word in "abcdefgh"]
BAD = [f"buy {word} now add to cart {word} sale" for word in "abcdefgh"]
texts_of = st.lists(st.text(max_size=40) | st.sampled_from(GOOD + BAD), max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of every kind of file."""
    root = tmp_path_factory.mktemp("models")
    settings = TrainingSettings(dim=8, epoch=60, lr=0.5, bucket=100)
    labels = ["good"] * len(GOOD) + ["bad"] * len(BAD)
    write_model(train_classifier(GOOD + BAD, labels, settings), root / "model.bin")
    weights = fit_weights(pa.array(GOOD), pa.array(BAD))
    write_weights(weights, root / "weights.npy")
    (root / "model.arpa").write_text(make_arpa(GOOD, 3))
    return root


def specs_of(root):
    return [
        ScoreModel(name="ft", kind="fasttext", path="model.bin", label="good", edges=(0.3, 0.7)),
        ScoreModel(name="words", kind="importance", path="weights.npy"),
        ScoreModel(name="lm", kind="kenlm", path="model.arpa", edges=(10.05, 100.05)),
    ]


def test_columns_are_those_promised_before_a_model_is_opened(folder):
    specs = specs_of(folder)
    scorers = load_scorers(specs, folder)
    schema = pa.schema(score_schema(specs))
    assert schema.names == [
        *("score@ft", "bucket@ft"),
        *("score@words", "importance@words", "bucket@words"),
        *("perplexity@lm", "bucket@lm"),
    ]
    for texts in (pa.array(GOOD + BAD), pa.array([], pa.string()), pa.array(["", "!?"])):
        columns = score_batch(texts, scorers)
        batch = pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)
        batch.validate(full=True)
        assert list(columns) == schema.names
        assert batch.num_rows == len(texts)


@given(texts_of)
def test_scoring_is_total_and_no_text_depends_on_its_neighbours(folder, texts):
    column = pa.array(texts, pa.string())
    for scorer in load_scorers(specs_of(folder), folder):
        whole = scorer.score(column)
        assert whole.equals(scorer.score(column)) or whole.num_rows
        for row in range(len(texts)):
            alone = scorer.score(column.slice(row, 1))
            assert str(alone.to_pylist()[0]) == str(whole.to_pylist()[row])


def test_scores_are_rounded_and_bucketed(folder):
    fasttext, _, lm = load_scorers(specs_of(folder), folder)
    scored = fasttext.score(pa.array(GOOD + BAD))
    scores = scored["score@ft"].to_numpy().astype(np.float64)
    assert np.abs(scores * 1e4 - np.rint(scores * 1e4)).max() < 1e-2
    assert scores[: len(GOOD)].min() > scores[len(GOOD) :].max()
    expected = [int(score >= 0.3) + int(score >= 0.7) for score in scores]
    assert scored["bucket@ft"].to_pylist() == expected
    assert min(expected) < max(expected)
    assert lm.score(pa.array(["..", ""]))["perplexity@lm"].to_pylist()[0] > 1
    assert math.isnan(lm.score(pa.array([" \n"]))["perplexity@lm"].to_pylist()[0])


def test_newlines_are_spaces_to_a_fasttext_model(folder):
    model = FastTextModel(folder / "model.bin")
    cut, spaced = model.score(pa.array(["add to\ncart", "add to cart"]), "good", None)
    assert cut == spaced


def test_edges_and_label_come_from_the_card_of_that_very_model(folder, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes((folder / "model.bin").read_bytes())
    spec = ScoreModel(name="q", kind="fasttext", path=".")
    card = {"label": "good", "edges": [0.25], "sha256": sha256_file(path)}
    (tmp_path / "model.json").write_text(json.dumps(card))
    scorer = load_scorer(spec, tmp_path)
    assert set(scorer.score(pa.array(GOOD + BAD))["bucket@q"].to_pylist()) == {0, 1}
    assert scorer.identity["edges"] == [0.25]
    assert scorer.identity["sha256"] == card["sha256"]
    (tmp_path / "model.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(InputError, match="no label None; it has"):
        load_scorer(spec, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"label": 1, "edges": null, "sha256": null}', '{"label": null}', "[" * 9999],
)
def test_a_damaged_card_is_an_error(folder, tmp_path, text):
    (tmp_path / "model.bin").write_bytes((folder / "model.bin").read_bytes())
    (tmp_path / "model.json").write_text(text)
    spec = ScoreModel(name="q", kind="fasttext", path="model.bin", label="good")
    with pytest.raises(InputError, match=r"model\.json"):
        load_scorer(spec, tmp_path)


def test_a_wrong_digest_names_both(folder):
    for spec in specs_of(folder):
        wrong = spec.model_copy(update={"sha256": "f" * 64})
        found = sha256_file(folder / spec.path)
        with pytest.raises(InputError, match=f"has sha256 {found}, not {'f' * 64}"):
            load_scorer(wrong, folder)
        assert load_scorer(spec.model_copy(update={"sha256": found}), folder).identity


def test_missing_files_and_labels_are_errors(folder, tmp_path):
    for spec in specs_of(folder):
        with pytest.raises(InputError, match="No such file"):
            load_scorer(spec, tmp_path)
    spec = specs_of(folder)[0].model_copy(update={"label": "great"})
    with pytest.raises(InputError, match="no label 'great'; it has"):
        load_scorer(spec, folder)
    spec = ScoreModel(name="x", kind="transformers", path=".")
    with pytest.raises(InputError, match="process of its own"):
        load_scorer(spec, folder)


@pytest.mark.parametrize(
    "change",
    [
        {"edges": (0.5, 0.5)},
        {"edges": ()},
        {"sentencepiece": "x.model"},
        {"name": "a b"},
        {"sha256": "abc"},
        {"kind": "kenlm", "label": "x"},
        {"kind": "bert"},
        {"unknown": 1},
    ],
)
def test_a_wrong_description_is_refused(change):
    values = {"name": "m", "kind": "fasttext", "path": "m.bin"} | change
    with pytest.raises(ValidationError):
        ScoreModel.model_validate(values)


def test_content_holds_what_decides_scores_and_not_where_files_lie():
    spec = ScoreModel(name="m", kind="fasttext", path="here/m.bin", edges=(0.5,))
    assert spec.content() == spec.model_copy(update={"path": "there", "threads": 4}).content()
    assert spec.content() != spec.model_copy(update={"edges": (0.6,)}).content()


@given(st.lists(st.sampled_from(["red", "green", "blue", "x1", "ü", ".", ","]), max_size=20))
def test_ngrams_are_words_and_pairs_of_words(words):
    text = " ".join(words)
    found = split_words(text)
    pairs = list(pairwise(found))
    counts = count_ngrams(pa.array([text], pa.string()))
    assert counts.shape == (BUCKETS,)
    assert counts.sum() == len(found) + len(pairs)
    # Few n-grams share a bucket: their counts, sorted, are those of the text.
    expected = sorted([*Counter(found).values(), *Counter(pairs).values()])
    assert sorted(counts[counts > 0].tolist()) == expected


def test_importance_is_the_log_ratio_of_the_bags():
    weights = fit_weights(pa.array(["a a b"]), pa.array(["b c"]))
    assert np.exp(weights).max() == pytest.approx(3 * (3 + BUCKETS) / (5 + BUCKETS))
    (whole,), (mean,) = measure_importance(pa.array(["a a"]), weights)
    buckets = count_ngrams(pa.array(["a a"]))
    assert whole == pytest.approx(float((weights * buckets).sum()))
    assert mean == pytest.approx(whole / 3)
    assert all(np.isnan(value) for value in np.ravel(measure_importance(pa.array(["!"]), weights)))


def test_weights_are_read_as_written_and_nothing_else_is(tmp_path):
    path = tmp_path / "w.npy"
    weights = fit_weights(pa.array(GOOD), pa.array(BAD))
    write_weights(weights, path)
    assert read_weights(path).tolist() == weights.tolist()
    np.save(path, np.zeros(3))
    with pytest.raises(InputError, match="no importance weights"):
        read_weights(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(InputError, match="no importance weights"):
        read_weights(path)
    write_weights(weights, path)
    path.write_bytes(path.read_bytes().replace(b"(10000,)", b"(9**99,)"))
    with pytest.raises(InputError, match="no importance weights"):
        read_weights(path)
    path.write_bytes(path.read_bytes().replace(b"(9**99,)", b"(10**9,)"))
    with pytest.raises(InputError, match="no importance weights"):
        read_weights(path)
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="no importance weights"):
        read_weights(path)


def test_every_kind_has_score_and_bucket():
    for kind in ("fasttext", "importance", "kenlm", "transformers"):
        spec = ScoreModel(name="m", kind=kind, path="x")
        names = [field.name for field in list_columns(spec)]
        assert names[0] == spec.score_column
        assert names[-1] == spec.bucket_column
