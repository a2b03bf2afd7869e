"""Language identification: real paragraphs, short texts, and a pinned model."""

import html
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_sets import NOT_IN_BASELINE, leave_out, load_declarations, load_tatoeba

from gristmill.cleaning import language
from gristmill.cleaning.fasttext_format import write_model
from gristmill.cleaning.fasttext_scoring import FastTextModel
from gristmill.cleaning.fasttext_training import TrainingSettings, train_classifier
from gristmill.cleaning.language import LANGUAGES, LanguageModel
from gristmill.schemas.atomic_files import sha256_file
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


@pytest.mark.parametrize("text", ["", " \n\t ", "\u00a0", "12 345 678.90", "🙂 🙂 -- !?"])
def test_a_text_without_anything_is_undetermined(model, text):
    (row,) = identify(model, [text])
    assert row == {
        "language": "und",
        "language_score": 0.0,
        "second_language": "und",
        "second_language_score": 0.0,
        "script": "Zyyy",
        "script_share": 0.0,
        "language_agrees": True,
        "language_mix": [],
    }


@given(st.lists(st.text(max_size=50), max_size=5))
def test_rows_have_the_columns_of_the_schema(texts):
    batch = LanguageModelOnce.get().identify(pa.array(texts, pa.string()))
    batch.validate(full=True)
    assert batch.num_rows == len(texts)
    assert batch.schema == LANGUAGES
    shared = set(batch.schema.names) & set(SIGNALS.names)
    assert all(batch.schema.field(name) == SIGNALS.field(name) for name in shared)
    for row in batch.to_pylist():
        assert 0 <= row["second_language_score"] <= row["language_score"] <= 1
        rounded = np.float32(round(row["language_score"], language.SCORE_DECIMALS))
        assert row["language_score"] == rounded
        assert 0 <= row["script_share"] <= 1 and len(row["script"]) == 4
        shares = [part["share"] for part in row["language_mix"]]
        assert shares == sorted(shares, reverse=True) and len(shares) <= 5


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
    heads = language.LANGUAGES.names[:4]
    assert [with_tail[name] for name in heads] == [without[name] for name in heads]
    assert [part["language"] for part in with_tail["language_mix"]] == ["de", "en"]
    assert [part["language"] for part in without["language_mix"]] == ["en"]
    lines, spaces = identify(
        model, ["one line of text\nand another", "one line of text and another"]
    )
    assert [lines[name] for name in heads] == [spaces[name] for name in heads]


def test_the_model_is_pinned(tmp_path, model):
    assert model.sha256 == language.MODEL_SHA256
    other = tmp_path / "lid.176.ftz"
    other.write_bytes(language.find_model().read_bytes()[:-1])
    with pytest.raises(InputError, match="sha256"):
        LanguageModel(other)
    with pytest.raises(InputError, match="missing"):
        LanguageModel(tmp_path / "absent.ftz")


def test_an_answer_in_other_letters_gives_way(model, shared_data):
    """lid.176 reads some Amharic as Ukrainian, Russian or Punjabi."""
    raw = FastTextModel(language.find_model())
    declarations = load_declarations(shared_data("langid-udhr"), {"am"})
    texts = pa.array(declarations.texts)
    labels, scores = raw.predict(texts, k=8)
    first = [raw.labels[label] for label in labels[:, 0]]
    rows = identify(model, declarations.texts)
    amharic = raw.labels.index("am")
    corrected = 0
    for row, found in enumerate(rows):
        assert found["script"] == "Ethi"
        assert found["language_agrees"] == (found["language"] == "am")
        if amharic in labels[row]:
            # It keeps its own score, which may be low.
            place = labels[row].tolist().index(amharic)
            assert found["language"] == "am"
            assert found["language_score"] == pytest.approx(scores[row, place], abs=1e-4)
            corrected += first[row] != "am"
            assert found["second_language"] != first[row]
        else:
            assert found["language"] == first[row]
    assert corrected > 2


def test_a_text_of_two_scripts_keeps_the_answer_that_it_has_letters_of(model):
    (row,) = identify(model, ["我在Microsoft Windows上使用Photoshop和Firefox浏览器"])
    assert (row["language"], row["script"], row["language_agrees"]) == ("zh", "Latn", False)


def test_a_script_that_no_answer_knows_leaves_the_answer_and_says_so(model):
    (row,) = identify(model, ["ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏗᏂᏔᎳᎩ ᎠᏂᏴᏫᏯ"])
    assert row["script"] == "Cher" and not row["language_agrees"]
    assert row["language"] != "und"


def test_lines_show_what_a_page_mixes(model):
    english = "This is the English half of a page that has two languages."
    russian = "А это русская половина страницы, которая написана на двух языках."
    (row,) = identify(model, ["\n".join([english, russian, "Menu", english, "12", ""])])
    sizes = {"en": 2 * len(english), "ru": len(russian.encode())}
    total = sum(sizes.values())
    found = {part["language"]: part["share"] for part in row["language_mix"]}
    assert found == {name: pytest.approx(size / total, abs=1e-4) for name, size in sizes.items()}


@pytest.fixture(scope="module")
def named_scripts(tmp_path_factory):
    """A model with labels as GlotLID has them."""
    texts = ["dobar dan svima", "добар дан свима", "good day to all"] * 10
    labels = ["srp_Latn", "srp_Cyrl", "eng_Latn"] * 10
    settings = TrainingSettings(dim=8, epoch=30, lr=0.5, min_n=1, max_n=3, bucket=200)
    path = tmp_path_factory.mktemp("models") / "scripts.bin"
    write_model(train_classifier(texts, labels, settings), path)
    return path


def test_a_model_whose_labels_name_scripts_keeps_its_codes(named_scripts):
    model = LanguageModel(named_scripts, sha256_file(named_scripts))
    rows = identify(model, ["dobar dan", "добар дан", "good day", "dobar", "λόγος"])
    assert [row["language"] for row in rows[:4]] == ["srp_Latn", "srp_Cyrl", "eng_Latn", "srp_Latn"]
    assert [row["script"] for row in rows] == ["Latn", "Cyrl", "Latn", "Latn", "Grek"]
    assert [row["language_agrees"] for row in rows] == [True] * 4 + [False]


def test_a_model_is_read_only_under_its_digest(named_scripts):
    with pytest.raises(InputError, match="sha256"):
        LanguageModel(named_scripts)
    with pytest.raises(InputError, match="sha256"):
        LanguageModel(named_scripts, language.MODEL_SHA256)


def test_accuracy_on_sentences(model, shared_data):
    """Tatoeba in the known baseline's 88 languages, among them two that lid.176 lacks."""
    sentences = load_tatoeba(shared_data("langid-tatoeba-laser"))
    texts, languages = leave_out(sentences, NOT_IN_BASELINE)
    wanted, column = np.array(languages), pa.array(texts)
    assert len(texts) == 75_721 and len(set(wanted)) == 88
    raw = FastTextModel(language.find_model())
    bare = np.array(raw.labels)[raw.predict(column)[0][:, 0]] == wanted
    assert round(bare.mean(), 4) == 0.7839
    correct = np.array(model.identify(column)["language"].to_pylist()) == wanted
    assert correct.mean() > 0.784
    # Nothing that the model had right was taken from it.
    assert not (bare & ~correct).any()


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
