"""Language identification: real paragraphs, short texts, and a pinned model."""

import html
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import language
from gristmill.cleaning.language import LanguageModel
from gristmill.schemas.errors import InputError
from gristmill.schemas.tables import SIGNALS


@pytest.fixture(scope="module")
def model():
    return LanguageModel()


def identify(model, texts):
    return model.identify(pa.array(texts, pa.string())).to_pylist()


def test_plain_sentences_have_their_language(model):
    rows = identify(
        model,
        [
            "The quick brown fox jumps over the lazy dog and runs away.",
            "Der schnelle braune Fuchs springt über den faulen Hund und läuft weg.",
            "Le renard brun saute par-dessus le chien paresseux et s'en va.",
            "素早い茶色の狐がのろまな犬を飛び越える。",
        ],
    )
    assert [row["language"] for row in rows] == ["en", "de", "fr", "ja"]
    assert all(row["language_score"] > 0.65 for row in rows)


@pytest.mark.parametrize("text", ["", " \n\t ", "\u00a0"])
def test_a_text_without_anything_is_undetermined(model, text):
    (row,) = identify(model, [text])
    assert row == {
        "language": "und",
        "language_score": 0.0,
        "second_language": "und",
        "second_language_score": 0.0,
    }


@given(st.lists(st.text(max_size=50), max_size=5))
def test_rows_have_the_columns_of_the_signals_table(texts):
    batch = LanguageModelOnce.get().identify(pa.array(texts, pa.string()))
    batch.validate(full=True)
    assert batch.num_rows == len(texts)
    assert all(batch.schema.field(name) == SIGNALS.field(name) for name in batch.schema.names)
    for row in batch.to_pylist():
        assert 0 <= row["second_language_score"] <= row["language_score"] <= 1
        rounded = np.float32(round(row["language_score"], language.SCORE_DECIMALS))
        assert row["language_score"] == rounded


class LanguageModelOnce:
    """Hypothesis runs one function many times; the model loads once."""

    loaded: LanguageModel | None = None

    @classmethod
    def get(cls):
        cls.loaded = cls.loaded or LanguageModel()
        return cls.loaded


@given(st.lists(st.text(max_size=50), max_size=5), st.integers(0, 5))
def test_a_text_scores_the_same_alone_and_in_a_slice(texts, start):
    model = LanguageModelOnce.get()
    array = pa.array(texts, pa.string())
    assert model.identify(array.slice(start)).to_pylist() == identify(model, texts)[start:]


def test_newlines_are_spaces_and_only_the_head_is_read(model):
    english = "These are words of plain English, one after another. " * 40
    german = "\nUnd hier folgt ein langer deutscher Text, der nicht gelesen wird." * 400
    assert len(english) >= language.LONGEST_TEXT
    with_tail, without = identify(model, [english + german, english])
    assert with_tail == without
    lines, spaces = identify(
        model, ["one line of text\nand another", "one line of text and another"]
    )
    assert lines == spaces


def test_the_model_is_pinned(tmp_path, model):
    assert model.sha256 == language.MODEL_SHA256
    other = tmp_path / "lid.176.ftz"
    other.write_bytes(language.find_model().read_bytes()[:-1])
    with pytest.raises(InputError, match="sha256"):
        LanguageModel(other)
    with pytest.raises(InputError, match="missing"):
        LanguageModel(tmp_path / "absent.ftz")


def test_accuracy_on_declarations_of_human_rights(model, shared_data):
    """The known baseline: micro 0.80 over 103 languages."""
    folder = shared_data("langid-udhr")
    texts, codes = [], []
    for name in ("eng", "deu_1996", "fra", "spa", "rus", "jpn", "cmn_hans", "arb", "hin", "pes_1"):
        (path,) = folder.rglob(f"udhr_{name}.xml")
        source = path.read_text(encoding="utf-8")
        found = re.findall(r"<para>(.*?)</para>", source, re.S)
        paragraphs = [html.unescape(" ".join(paragraph.split())) for paragraph in found]
        paragraphs = [paragraph for paragraph in paragraphs if len(paragraph) >= 60]
        texts += paragraphs
        code = re.search(r"xml:lang='(\w+)", source)
        assert code is not None
        codes += [code[1]] * len(paragraphs)
    rows = identify(model, texts)
    correct = [row["language"] == code for row, code in zip(rows, codes, strict=True)]
    assert len(correct) > 400
    assert np.mean(correct) > 0.97
