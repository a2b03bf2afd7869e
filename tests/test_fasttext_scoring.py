"""Scoring: the labels and scores of fastText itself, text by text."""

from concurrent.futures import ThreadPoolExecutor

import fasttext
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from real_texts import load_texts

from gristmill.cleaning import fasttext_scoring, language
from gristmill.cleaning.fasttext_format import LOSSES, write_model
from gristmill.cleaning.fasttext_reading import read_model
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.schemas.errors import InputError, SchemaError, UsageError

LABELS = ("animals", "plants", "stones")
SENTENCES = (
    "the cat and the dog run over the field",
    "a tree grows in the wet ground near the river",
    "granite and basalt are hard and old",
)


class Oracle:
    """fastText's own answers."""

    def __init__(self, path):
        self._model = fasttext.load_model(str(path)).f

    def predict(self, text, k):
        line = text.replace("\n", " ") + "\n"
        ranked = self._model.predict(line, k, 0.0, "strict")
        return [(label.removeprefix("__label__"), score) for score, label in ranked]


def name_labels(model, labels, scores):
    return [
        (model.labels[label], float(score))
        for label, score in zip(labels, scores, strict=True)
        if label >= 0
    ]


def assert_alike(ours, theirs, k, tolerance=1e-4):
    """The k best agree place by place; labels may only change places with their equals."""
    assert len(ours) == len(theirs[:k])
    scores = dict(theirs)
    for (label, score), (_, their_score) in zip(ours, theirs, strict=False):
        assert score == pytest.approx(their_score, abs=tolerance)
        assert score == pytest.approx(scores[label], abs=tolerance)


@pytest.fixture(scope="module")
def model():
    return FastTextModel(language.find_model())


@pytest.fixture(scope="module")
def oracle():
    return Oracle(language.find_model())


@pytest.fixture(scope="module", params=["hs", "ns", "softmax", "ova"])
def trained(request, tmp_path_factory):
    """A small model of each loss, with words, character n-grams and word n-grams."""
    settings = TrainingSettings(
        dim=9, epoch=20, lr=0.5, word_ngrams=3, min_n=1, max_n=3, bucket=301
    )
    made = train_classifier(SENTENCES * 4, LABELS * 4, settings)
    loss = 1 + LOSSES.index(request.param)
    path = tmp_path_factory.mktemp("models") / f"{request.param}.bin"
    write_model(made.__class__(made.settings._replace(loss=loss), *list_rest(made)), path)
    return FastTextModel(path), Oracle(path)


def list_rest(made):
    return made.dictionary, made.input, made.output


def test_real_texts_have_the_labels_and_scores_of_fasttext(model, oracle):
    texts = pa.array(load_texts()[::4], pa.string())
    heads = pc.utf8_slice_codeunits(texts, 0, fasttext_scoring.LONGEST_CHARS).to_pylist()
    labels, scores = model.predict(texts, k=2)
    first = 0
    for row, head in enumerate(heads):
        ours = name_labels(model, labels[row], scores[row])
        theirs = oracle.predict(head, 12)
        first += ours[0][0] == theirs[0][0]
        assert_alike(ours, theirs, 2)
    assert len(heads) > 1200 and first == len(heads)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
@example(["</s> a text that is over", "before </s> after", "x</s>", "</s"])
@example(["__label__en and others", "__label__", "__label__xx"])
@example(["", " ", "\x00", "\x0b\x0c\r\t", "a\x00b", "\u00a0", "\u2028"])
@example(["word" * 200, "語" * 100, "🙂 🙂"])
def test_any_text_scores_as_in_fasttext(texts):
    model, oracle = EMBEDDED
    labels, scores = model.predict(pa.array(texts, pa.string()), k=5)
    for row, text in enumerate(texts):
        theirs = oracle.predict(text, 15)
        assert_alike(name_labels(model, labels[row], scores[row]), theirs, 5)


EMBEDDED = (FastTextModel(language.find_model()), Oracle(language.find_model()))


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "the cat",
        "cat the river granite unknownword",
        "nothing of this",
        "</s>",
        "__label__animals cat",
        "the 語語 cat ölfarbe",
        "a" * 300,
    ],
)
def test_every_loss_scores_as_in_fasttext(trained, text):
    model, oracle = trained
    labels, scores = model.predict(pa.array([text]), k=3)
    # Tabled sigmoids jump by up to 0.008 where a sum is rounded another way.
    assert_alike(name_labels(model, labels[0], scores[0]), oracle.predict(text, 3), 3, 1e-3)
    assert model.score(pa.array([text]), "plants")[0] == pytest.approx(
        dict(name_labels(model, labels[0], scores[0]))["plants"], abs=1e-6
    )


@given(st.lists(st.text(max_size=40), max_size=6), st.integers(0, 6), st.randoms())
def test_neither_order_nor_slices_nor_history_change_a_score(texts, start, random):
    model, _ = EMBEDDED
    whole = model.predict(pa.array(texts, pa.string()), k=3)
    sliced = model.predict(pa.array(texts, pa.string()).slice(start), k=3)
    assert all(np.array_equal(a[start:], b) for a, b in zip(whole, sliced, strict=True))
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled = model.predict(pa.array([texts[i] for i in order], pa.string()), k=3)
    assert all(np.array_equal(a[order], b) for a, b in zip(whole, shuffled, strict=True))
    fresh = FastTextModel.predict(new_model(model), pa.array(texts, pa.string()), k=3)
    assert all(np.array_equal(a, b) for a, b in zip(whole, fresh, strict=True))


def new_model(model):
    """The same model without the words that it has seen."""
    copy = object.__new__(FastTextModel)
    copy.__dict__.update(model.__dict__, _spare=[])
    return copy


def test_only_so_many_characters_are_read(model):
    text = "ein Wort nach dem anderen, über und über. " * 60
    cut = pa.array([text[:100]])
    assert np.array_equal(
        model.predict(pa.array([text]), longest_chars=100)[1], model.predict(cut)[1]
    )
    whole = model.predict(
        pa.array([text + "and more of it, in English " * 400]), longest_chars=None
    )
    assert model.labels[whole[0][0, 0]] == "en"


def test_there_are_no_more_labels_than_there_are(trained):
    model, _ = trained
    labels, scores = model.predict(pa.array(["the cat", ""]), k=5)
    assert labels.shape == scores.shape == (2, 5)
    assert labels[:, 3:].tolist() == [[-1, -1]] * 2 and not scores[:, 3:].any()
    assert labels.dtype == np.int32 and scores.dtype == np.float32


def test_batches_may_be_empty(model):
    labels, scores = model.predict(pa.array([], pa.string()), k=2)
    assert labels.shape == scores.shape == (0, 2)
    assert model.score(pa.array([], pa.string()), "en").shape == (0,)


def test_one_label_has_the_score_that_it_has_among_all(model):
    texts = pa.array(load_texts()[::100], pa.string())
    labels, scores = model.predict(texts, k=3)
    for name in ("en", "de", "ja"):
        one = model.score(texts, name)
        where = labels == model.labels.index(name)
        assert where.any()
        assert np.allclose(one[where.any(axis=1)], scores[where], atol=1e-6)


def test_wrong_requests_are_named(model, tmp_path):
    texts = pa.array(["text"])
    with pytest.raises(UsageError, match="'xx'"):
        model.score(texts, "xx")
    with pytest.raises(UsageError, match="k is 0"):
        model.predict(texts, k=0)
    with pytest.raises(UsageError, match="longest_chars is 0"):
        model.predict(texts, longest_chars=0)
    with pytest.raises(SchemaError):
        model.predict(pa.array(["text", None]))


def test_a_model_is_what_its_digest_says(model, tmp_path):
    path = language.find_model()
    assert FastTextModel(path, model.sha256).labels == model.labels
    with pytest.raises(InputError, match="sha256"):
        FastTextModel(path, "0" * 64)
    with pytest.raises(InputError, match="missing"):
        FastTextModel(tmp_path / "absent.bin")


def test_models_without_labels_are_refused(tmp_path):
    made = train_classifier(SENTENCES, LABELS, TrainingSettings(dim=2, word_ngrams=1))
    words = made.dictionary.word_count
    vectors = made.__class__(
        made.settings._replace(model=2), made.dictionary, made.input, made.input[:words]
    )
    path = tmp_path / "vectors.bin"
    write_model(vectors, path)
    assert read_model(path).settings.model == 2
    with pytest.raises(InputError, match="no labels"):
        FastTextModel(path)


@pytest.mark.parametrize("loss", ["hs", "ova"])
def test_what_is_read_of_damaged_files_scores_without_harm(tmp_path, loss):
    """Numbers out of place lead to wrong scores, and never out of the arrays."""
    settings = TrainingSettings(dim=2, epoch=1, word_ngrams=2, min_n=1, max_n=2, bucket=5)
    made = train_classifier(SENTENCES, LABELS, settings)
    changed = made.settings._replace(loss=1 + LOSSES.index(loss))
    path = tmp_path / "damaged.bin"
    write_model(made.__class__(changed, *list_rest(made)), path)
    payload = path.read_bytes()
    texts = pa.array(["the cat granite 語 </s>", ""])
    scored = 0

    @given(st.integers(8, len(payload) - 1), st.binary(min_size=1, max_size=8))
    @hypothesis_settings(max_examples=150)
    def damage(position, garbage):
        nonlocal scored
        path.write_bytes(payload[:position] + garbage + payload[position + len(garbage) :])
        try:
            model = FastTextModel(path)
        except InputError:
            return
        labels, _ = model.predict(texts, k=3)
        assert labels.max() < len(model.labels)
        scored += 1

    damage()
    assert scored > 0


def test_threads_share_a_model():
    model, _ = EMBEDDED
    texts = pa.array(load_texts()[::20], pa.string())
    wanted = model.predict(texts, k=2)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: model.predict(texts, k=2), range(8)):
            assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
