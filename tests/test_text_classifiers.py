"""Sequence classifiers: the scores of transformers itself, through a process and two pipes."""

import io
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.classifier_children import TransformersScorer, hash_folder
from gristmill.pipelines.stages.scoring import load_scorers, open_scorers, score_batch
from gristmill.schemas.errors import InputError
from gristmill.schemas.score_models import ScoreModel

torch = pytest.importorskip("torch", reason="needs gristmill[train]")
transformers = pytest.importorskip("transformers", reason="needs gristmill[train]")

from gristmill.training.text_classifiers import (  # noqa: E402
    TextClassifier,
    cut_batches,
    serve,
)

WORDS = ["the", "a", "of", "theory", "explains", "buy", "now", "cart", "sale", "why", "it", "is"]
TEXTS = [
    "the theory explains why it is",
    "buy now",
    "",
    " ".join(WORDS * 40),  # over the longest input
    "unheard-of words \U0001f600 \u6f22\u5b57 now",
    *[" ".join(WORDS[start:]) for start in range(len(WORDS))],
]


def save_model(folder, outputs, **settings):
    """A small BERT with random weights and a tokenizer of a dozen words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    vocabulary = {name: number for number, name in enumerate(names)}
    raw = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    config = transformers.BertConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
        num_labels=outputs,
        **settings,
    )
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(config).eval()
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return model, tokenizer


def score_directly(model, tokenizer, texts, head):
    """One text after another, without padding, by transformers alone."""
    scores = []
    with torch.inference_mode():
        for text in texts:
            rows = tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
            scores.append(float(head(model(**rows).logits[0])))
    return np.array(scores)


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return folder, *save_model(folder, 2, id2label={0: "bad", 1: "good"})


@pytest.fixture(scope="module")
def scorer(two_outputs):
    spec = ScoreModel(
        name="bert", kind="transformers", path=str(two_outputs[0]), label="good", edges=(0.3, 0.6)
    )
    with open_scorers([spec]) as scorers:
        yield scorers[0]


def test_a_child_gives_the_scores_of_transformers(two_outputs, scorer):
    _, model, tokenizer = two_outputs
    columns = score_batch(pa.array(TEXTS, pa.string()), [scorer])
    expected = score_directly(model, tokenizer, TEXTS, lambda logits: logits.softmax(0)[1])
    scores = columns["score@bert"].to_numpy().astype(np.float64)
    assert np.abs(scores - expected).max() < 1e-4
    assert np.ptp(expected) > 0.1
    buckets = [int(score >= 0.3) + int(score >= 0.6) for score in scores]
    assert columns["bucket@bert"].to_pylist() == buckets
    assert list(columns) == scorer.columns.names


def test_slices_and_order_change_nothing(scorer):
    column = pa.array(TEXTS, pa.string())
    whole = scorer.score(column)
    assert scorer.score(column).equals(whole)
    assert scorer.score(column.slice(3, 5)).equals(whole.slice(3, 5))
    assert scorer.score(column.slice(0, 0)).num_rows == 0
    backwards = scorer.score(pa.array(TEXTS[::-1], pa.string()))
    assert backwards["score@bert"].to_pylist() == whole["score@bert"].to_pylist()[::-1]


def test_one_output_is_the_score_as_it_is(tmp_path):
    model, tokenizer = save_model(tmp_path, 1)
    scores = TextClassifier(tmp_path, device="cpu").score(TEXTS)
    expected = score_directly(model, tokenizer, TEXTS, lambda logits: logits[0])
    assert np.abs(scores - expected).max() < 1e-4


def test_outputs_that_do_not_exclude_each_other_are_sigmoids(tmp_path):
    model, tokenizer = save_model(tmp_path, 3, problem_type="multi_label_classification")
    scores = TextClassifier(tmp_path, label="LABEL_2", device="cpu").score(TEXTS)
    expected = score_directly(model, tokenizer, TEXTS, lambda logits: logits[2].sigmoid())
    assert np.abs(scores - expected).max() < 1e-4
    with pytest.raises(InputError, match="no label None; it has LABEL_0, LABEL_1, LABEL_2"):
        TextClassifier(tmp_path, device="cpu")


def test_serving_answers_each_batch_and_ends_with_its_input(two_outputs):
    classifier = TextClassifier(two_outputs[0], label="good", device="cpu")
    asked, answered = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(asked, pa.schema([("text", pa.string())])) as writer:
        for texts in (TEXTS[:2], TEXTS[2:3]):
            writer.write_batch(pa.record_batch({"text": texts}))
    asked.seek(0)
    serve(classifier, asked, answered)
    answered.seek(0)
    batches = list(pa.ipc.open_stream(answered))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert batches[0][0].to_pylist() == classifier.score(TEXTS[:2]).tolist()


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(1, 300))
def test_batches_hold_each_text_once_and_stay_within_their_tokens(lengths, batch_tokens):
    sizes = np.array(lengths, np.int64)
    batches = cut_batches(sizes, batch_tokens)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or sizes[batch].max() * len(batch) <= batch_tokens
    assert [int(sizes[batch[0]]) for batch in batches] == sorted(
        (int(sizes[batch].max()) for batch in batches), reverse=True
    )


def test_a_wrong_digest_names_both(two_outputs):
    folder = two_outputs[0]
    found = hash_folder(folder)
    spec = ScoreModel(name="m", kind="transformers", path=str(folder), sha256=found)
    assert TransformersScorer(spec).identity["sha256"] == found
    with pytest.raises(InputError, match=f"has sha256 {found}, not {'0' * 64}"):
        TransformersScorer(spec.model_copy(update={"sha256": "0" * 64}))


def test_weights_that_can_hold_code_are_refused(tmp_path):
    save_model(tmp_path, 2)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    spec = ScoreModel(name="m", kind="transformers", path=str(tmp_path))
    with pytest.raises(InputError, match=r"no \.safetensors file"):
        load_scorers([spec])
    with pytest.raises(InputError, match=r"no \.safetensors file"):
        TextClassifier(tmp_path)


def test_a_models_own_code_is_not_run(tmp_path):
    save_model(tmp_path, 2)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(InputError, match="is no sequence classifier"):
        TextClassifier(tmp_path)


def test_labels_are_checked_before_anything_starts(two_outputs, tmp_path):
    spec = ScoreModel(name="m", kind="transformers", path=str(two_outputs[0]), label="fine")
    with pytest.raises(InputError, match="no label 'fine'; it has bad, good"):
        load_scorers([spec])
    with pytest.raises(InputError, match="is no folder"):
        load_scorers([spec.model_copy(update={"path": str(tmp_path / "none")})])


def test_a_child_that_cannot_load_its_model_says_why(two_outputs, tmp_path):
    for path in two_outputs[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 64)
    spec = ScoreModel(name="m", kind="transformers", path=str(tmp_path))
    scorer = TransformersScorer(spec)
    with pytest.raises(InputError, match="is no sequence classifier"):
        scorer.score(pa.array(["a"], pa.string()))


def test_the_parent_imports_neither_torch_nor_training():
    code = (
        "import sys; import gristmill.pipelines.stages.scoring; "
        "print([name for name in ('torch', 'transformers', 'apache_beam', 'gristmill.training') "
        "if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]"
