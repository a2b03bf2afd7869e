"""Training: it learns, it repeats itself, and fastText reads what it writes."""

import dataclasses

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.cleaning.fasttext_format import write_model
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.fasttext_vocabulary import count_vocabulary
from gristmill.schemas.errors import InputError, UsageError

WORDS = {
    "sea": ["ship", "wave", "harbour", "sail", "tide", "anchor", "fish", "salt", "deck", "storm"],
    "law": [
        "court",
        "judge",
        "appeal",
        "clause",
        "witness",
        "ruling",
        "statute",
        "claim",
        "defendant",
        "bench",
    ],
    "kitchen": [
        "onion",
        "pan",
        "simmer",
        "butter",
        "dough",
        "oven",
        "knife",
        "pepper",
        "stew",
        "bake",
    ],
}
COMMON = ["the", "a", "of", "and", "in", "is", "was", "with", "for", "on"]
QUICK = TrainingSettings(dim=10, epoch=8, lr=0.3, word_ngrams=2, bucket=500)


def make_examples(count, seed):
    """Sentences of a topic, sorted by topic: the order that teaches the last label alone."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for label, words in WORDS.items():
        for _ in range(count):
            chosen = [*random.choice(words, 3), *random.choice(COMMON, 6)]
            texts.append(" ".join(random.permutation(chosen)))
            labels.append(label)
    return texts, labels


def save(model, folder, name="model.bin"):
    path = folder / name
    write_model(model, path)
    return path


@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_topics_are_learned_from_sorted_examples(tmp_path, loss):
    model = train_classifier(*make_examples(100, 1), dataclasses.replace(QUICK, loss=loss))
    scorer = FastTextModel(save(model, tmp_path))
    texts, labels = make_examples(40, 2)
    found, scores = scorer.predict(pa.array(texts))
    accuracy = np.mean(
        [scorer.labels[index] == label for index, label in zip(found[:, 0], labels, strict=True)]
    )
    assert accuracy > 0.95 and scores[:, 0].mean() > 0.6


@pytest.mark.parametrize(
    "changes",
    [{}, {"word_ngrams": 1}, {"min_n": 2, "max_n": 4}, {"loss": "ova", "word_ngrams": 3}],
)
def test_fasttext_reads_and_scores_what_was_written(tmp_path, changes):
    model = train_classifier(*make_examples(60, 1), dataclasses.replace(QUICK, **changes))
    path = save(model, tmp_path)
    ours, theirs = FastTextModel(path), fasttext.load_model(str(path)).f
    texts, _ = make_examples(30, 3)
    texts += ["unseen words only", "ship unseen", "", "Schiff über Bord"]
    labels, scores = ours.predict(pa.array(texts), k=3)
    for row, text in enumerate(texts):
        wanted = theirs.predict(text + "\n", 3, 0.0, "strict")
        found = {
            ours.labels[label]: score for label, score in zip(labels[row], scores[row], strict=True)
        }
        for score, label in wanted:
            # Tabled sigmoids jump where a sum is rounded another way.
            tolerance = 1e-2 if "loss" in changes else 1e-5
            assert found[label.removeprefix("__label__")] == pytest.approx(score, abs=tolerance)


def test_one_seed_has_one_file(tmp_path):
    examples = make_examples(50, 1)
    first, second, other = (
        save(train_classifier(*examples, dataclasses.replace(QUICK, seed=seed)), tmp_path, name)
        for seed, name in ((7, "first"), (7, "second"), (8, "other"))
    )
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


def test_rare_words_and_labels_are_left_out_of_the_dictionary():
    texts = ["often often rare", "often __label__x </s> behind the end", "often\nand\tand"]
    model = train_classifier(texts, ["b", "a", "b"], dataclasses.replace(QUICK, min_count=2))
    entries = [model.dictionary.read_entry(i) for i in range(len(model.dictionary.counts))]
    assert entries == [b"often", b"</s>", b"and", b"__label__b", b"__label__a"]
    assert model.dictionary.counts.tolist() == [4, 3, 2, 2, 1]
    assert model.dictionary.token_count == 7 + 3 + 3


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
@settings(max_examples=25)
def test_words_are_counted_as_a_plain_loop_does(texts):
    data = pa.array(texts, pa.large_string())
    _, ends, payload = data.buffers()
    raw = np.frombuffer(payload or b"", np.uint8)
    offsets = np.frombuffer(ends, np.int64)[: len(texts) + 1]
    dictionary, targets = count_vocabulary(raw, offsets, ["x"] * len(texts), 1)
    counts = {b"</s>": len(texts)}
    for text in texts:
        for word in split_plainly(text.encode()):
            if word == b"</s>":
                break
            if not word.startswith(b"__label__"):
                counts[word] = counts.get(word, 0) + 1
    words = [dictionary.read_entry(i) for i in range(dictionary.word_count)]
    assert dict(zip(words, dictionary.counts.tolist(), strict=False)) == counts
    assert targets.tolist() == [0] * len(texts)


def split_plainly(raw):
    for separator in b"\0\t\n\v\f\r":
        raw = raw.replace(bytes([separator]), b" ")
    return [word for word in raw.split(b" ") if word]


def test_the_vocabulary_grows(tmp_path):
    texts = [f"word{number} word{number}" for number in range(9000)]
    model = train_classifier(texts, ["x"] * 9000, TrainingSettings(dim=2, epoch=1, bucket=10))
    assert model.dictionary.word_count == 9001
    assert set(model.dictionary.counts[1:-1].tolist()) == {2}


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "hs"},
        {"dim": 0},
        {"epoch": 0},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"word_ngrams": 0},
        {"max_n": 2, "min_n": 3},
        {"bucket": 0},
        {"min_count": 0},
        {"seed": -1},
    ],
)
def test_impossible_settings_are_named(changes):
    (name,) = list(changes)[:1]
    with pytest.raises(UsageError, match=name):
        dataclasses.replace(QUICK, **changes)


def test_wrong_examples_are_named():
    with pytest.raises(UsageError, match="0 texts"):
        train_classifier([], [])
    with pytest.raises(UsageError, match="2 texts have 1 labels"):
        train_classifier(["a", "b"], ["x"])
    with pytest.raises(UsageError, match="'two words'"):
        train_classifier(["a"], ["two words"])
    with pytest.raises(InputError, match="surrogates"):
        train_classifier(["\ud800"], ["x"])
