"""`gristmill quality train`: what it writes, that it is honest, and that it beats a coin."""

import argparse
import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from quality_sets import OTHER_KINDS, WANTED_KINDS, load_pages, load_votes, write_lines

from gristmill.cleaning.fasttext_training import TrainingSettings
from gristmill.cleaning.quality_models import load_scorer
from gristmill.cleaning.quality_report import check_threshold, measure_auc, tabulate_calibration
from gristmill.cleaning.quality_texts import digest_text, halve_sample, read_texts, split_texts
from gristmill.pipelines.cli_quality import (
    DIM,
    LEARNING_RATE,
    MIN_COUNT,
    NGRAM_BUCKETS,
    WORD_NGRAMS,
    add_quality_verb,
    run_quality,
)
from gristmill.schemas.errors import InputError, SchemaError, UsageError
from gristmill.schemas.score_models import ScoreModel

FAST = ["--dim", "16", "--ngram-buckets", "5000"]


def train(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--quiet", action="store_true")

    def add_verb(verbs, name, text, example):
        return verbs.add_parser(name, help=text, epilog=example)

    add_quality_verb(parser.add_subparsers(dest="verb"), add_verb)
    return run_quality(parser.parse_args(["--quiet", "quality", "train", *map(str, arguments)]))


@pytest.fixture(scope="module")
def pages(shared_file):
    return load_pages(shared_file("extract-wcxb-dev.tar.zst"))


@pytest.fixture(scope="module")
def sides(pages, tmp_path_factory):
    """Files of wanted and of other pages, as the command takes them; the ends of long ones cut."""
    folder = tmp_path_factory.mktemp("sides")
    wanted = [text[:2500] for kind in WANTED_KINDS for text in pages[kind]]
    others = [text[:2500] for kind in OTHER_KINDS for text in pages[kind]]
    return write_lines(folder / "wanted.jsonl", wanted), write_lines(
        folder / "others.jsonl", others
    )


@pytest.fixture(scope="module")
def paragraphs(pages):
    """About 30,000 short documents of every kind of page."""
    texts = (text for found in pages.values() for text in found)
    return sorted({line for text in texts for line in text.split("\n") if len(line) > 60})


@pytest.fixture(scope="module")
def trained(sides, paragraphs, tmp_path_factory):
    """A model with its threshold from half of the paragraphs; the other half is not shown."""
    folder = tmp_path_factory.mktemp("trained")
    unseen = [text for text in paragraphs if hashlib.sha256(text.encode()).digest()[0] % 2]
    shown = sorted(set(paragraphs) - set(unseen))
    sample = write_lines(folder / "sample.jsonl", shown)
    arguments = ["--positives", sides[0], "--negatives", sides[1], "--sample", sample]
    assert train(*arguments, "--output", folder / "model", "--dim", "16") == 0
    return folder / "model", json.loads((folder / "model" / "model.json").read_text()), unseen


def test_it_beats_a_coin_and_a_length_rule_on_peoples_votes(trained, shared_file):
    votes = load_votes(shared_file("quality-dclm-human.tar.zst"))
    texts = pa.array([text for text, _, _ in votes], pa.string())
    good = np.array([is_good for _, is_good, _ in votes])
    spec = ScoreModel(name="q", kind="fasttext", path=".")
    scores = load_scorer(spec, trained[0]).score(texts)["score@q"].to_numpy().astype(np.float64)
    auc = measure_auc(scores, good)
    length = measure_auc(np.array([len(text) for text, _, _ in votes], np.float64), good)
    assert auc.low > 0.7 > 0.5
    assert auc.value > length.value + 0.05
    assert auc.value > 0.8


def test_a_threshold_keeps_the_wanted_share_of_texts_it_has_not_seen(trained):
    folder, card, unseen = trained
    scorer = load_scorer(ScoreModel(name="q", kind="fasttext", path="."), folder)
    scores = scorer.score(pa.array(unseen, pa.string()))["score@q"].to_numpy()
    found = card["report"]["threshold"]
    assert len(unseen) > 10_000
    assert abs((scores >= found["threshold"]).mean() - 0.1) <= 0.005
    assert found["within_tolerance"]
    assert found["checked_on"]["documents"] > 5_000


def test_buckets_hold_like_shares_of_what_is_filtered(trained):
    folder, card, unseen = trained
    scored = load_scorer(ScoreModel(name="q", kind="fasttext", path="."), folder).score(
        pa.array(unseen, pa.string())
    )
    shares = np.bincount(scored["bucket@q"].to_numpy(), minlength=20) / len(unseen)
    assert len(card["edges"]) == 19
    assert np.abs(shares - 0.05).max() < 0.015


def test_the_card_says_what_was_done(trained, sides):
    folder, card, _ = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md",
        "model.bin",
        "model.json",
    ]
    digest = hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest()
    assert card["sha256"] == digest
    assert [row["role"] for row in card["inputs"]] == ["positives", "negatives", "sample"]
    assert card["inputs"][0]["sha256"] == hashlib.sha256(sides[0].read_bytes()).hexdigest()
    auc = card["report"]["auc"]
    assert 0.5 < auc["model"]["low"] < auc["model"]["value"] < auc["model"]["high"] <= 1
    assert auc["length"]["value"] < auc["model"]["value"]
    held_out = sum(card["report"]["held_out"].values())
    assert sum(row["documents"] for row in card["report"]["calibration"]) == held_out
    text = (folder / "MODEL_CARD.md").read_text()
    assert digest in text
    assert f"{card['report']['threshold']['threshold']}" in text


def make_files(folder, count=120):
    good = [f"the study of {n} shows that {n} is so because of {n % 7}" for n in range(count)]
    bad = [f"buy {n} now add {n} to cart sale {n % 7} click" for n in range(count)]
    return write_lines(folder / "good.jsonl", good), write_lines(folder / "bad.jsonl", bad)


@pytest.mark.parametrize("kind", ["fasttext", "importance"])
def test_the_same_files_give_the_same_bytes(tmp_path, kind, capsys):
    good, bad = make_files(tmp_path)
    for name in ("one", "two"):
        arguments = ["--positives", good, "--negatives", bad, "--output", tmp_path / name]
        assert train(*arguments, "--kind", kind, *FAST) == 0
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == 3
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert "AUC" in capsys.readouterr().out
    spec = ScoreModel(name="q", kind=kind, path=".")
    scorer = load_scorer(spec, tmp_path / "one")
    wanted, other = scorer.score(pa.array(["the study of x shows", "add to cart sale"]))["score@q"]
    assert wanted.as_py() > other.as_py()
    with pytest.raises(UsageError, match="not overwritten"):
        train("--positives", good, "--negatives", bad, "--output", tmp_path / "one")


def test_every_kind_of_file_is_read_alike(tmp_path):
    texts = ["one two", "three\nfour", "five"]
    lines = "".join(json.dumps({"body": {"text": text}}) + "\n" for text in texts).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(lines))
    rows = pa.array([{"text": text} for text in texts])
    pq.write_table(pa.table({"body": rows}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.jsonl.zst", "a.parquet"):
        assert read_texts(tmp_path / name, "body.text").texts == texts
    (tmp_path / "a.txt").write_text("one two\n\nfive\n")
    assert read_texts(tmp_path / "a.txt").texts == ["one two", "five"]
    (tmp_path / "e.jsonl").write_text('{"text": " "}\n{"text": "x"}\n')
    assert read_texts(tmp_path / "e.jsonl") == (["x"], 1)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"text": 1}\n', "a.jsonl, line 2: text is int"),
        ("a.jsonl", b'{"text": "x"}\n\n{"t": "x"}\n', "line 3: text is NoneType"),
        ("a.jsonl", b'{"text": "x"}\nnot json\n', "line 2: no JSON"),
        ("a.jsonl", b'{"text": "\xff"}\n', "line 1: not UTF-8"),
        ("a.jsonl", b'{"text": "\\ud800"}\n', "line 1: lone surrogate"),
        ("a.jsonl", b'{"text": ' + b"[" * 100_000, "line 1: JSON nests too deeply"),
        ("a.jsonl.zst", zstandard.compress(b'{"text": "x"}\n')[:-4], "line"),
        ("a.parquet", b"PAR1", "no Parquet file"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_texts(tmp_path / name)


def test_missing_files_and_unknown_kinds_are_errors(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_texts(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match=r"give \.jsonl, \.parquet or \.txt"):
        read_texts(tmp_path / "a.csv")
    pq.write_table(pa.table({"x": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="column 'text' is missing"):
        read_texts(tmp_path / "b.parquet")


@pytest.mark.parametrize("flag", ["--keep-rate", "--held-out"])
def test_shares_outside_of_0_and_1_are_refused(tmp_path, flag):
    good, bad = make_files(tmp_path)
    with pytest.raises(UsageError, match=flag):
        train("--positives", good, "--negatives", bad, "--output", tmp_path / "o", flag, "1.5")


def test_too_few_texts_are_refused(tmp_path):
    good, bad = make_files(tmp_path, 30)
    with pytest.raises(UsageError, match="a report needs 10 of each"):
        train("--positives", good, "--negatives", bad, "--output", tmp_path / "o")
    assert not (tmp_path / "o").exists()


words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3).map(" ".join)


@given(st.lists(words), st.lists(words), st.integers(0, 5))
def test_no_text_is_on_two_sides(positives, negatives, seed):
    split = split_texts(positives, negatives, 0.5, seed)
    parts = [*split.training, *split.held_out]
    digests = [digest_text(text) for part in parts for text in part]
    assert len(digests) == len(set(digests))
    assert len(digests) + split.duplicates + 2 * split.on_both_sides == len(positives + negatives)
    shuffled = split_texts(positives[::-1], negatives[::-1], 0.5, seed)
    for ours, theirs in zip(parts, [*shuffled.training, *shuffled.held_out], strict=True):
        assert sorted(ours) == sorted(theirs)


@given(st.lists(words), st.lists(words))
def test_a_sample_is_halved_without_training_texts(sample, training):
    halves = halve_sample(sample, (training, []), 3)
    found = [*halves[0], *halves[1]]
    assert sorted(found) == sorted(set(sample) - set(training))
    assert sorted(halves[0]) == sorted(halve_sample(sample[::-1], (training, []), 3)[0])


def test_white_space_makes_no_other_text():
    assert digest_text("a  b\n") == digest_text(" a\tb") != digest_text("ab")


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_counts_pairs(rows):
    scores = np.array([score for score, _ in rows], np.float64)
    positives = np.array([label for _, label in rows])
    if positives.all() or not positives.any():
        with pytest.raises(SchemaError, match="positives and negatives"):
            measure_auc(scores, positives)
        return
    ups, downs = scores[positives], scores[~positives]
    wins = (ups[:, None] > downs).mean() + 0.5 * (ups[:, None] == downs).mean()
    found = measure_auc(scores, positives)
    assert found.value == pytest.approx(wins)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9 or min(ups.size, downs.size) < 5
    assert measure_auc(scores, positives) == found
    assert measure_auc(-scores, positives).value == pytest.approx(1 - wins)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    labels = np.arange(120) < 60
    hits = 0
    for seed in range(40):
        scores = rng.normal(size=120) + labels  # AUC = Phi(1 / sqrt(2))
        found = measure_auc(scores, labels, seed)
        hits += found.low <= 0.7602 <= found.high
    assert hits >= 33


def test_a_threshold_that_does_not_hold_is_warned_of(tmp_path, capsys):
    good, bad = make_files(tmp_path)
    parser = argparse.ArgumentParser()
    add_quality_verb(parser.add_subparsers(), lambda verbs, name, *_: verbs.add_parser(name))
    flags = ["--positives", good, "--negatives", bad, "--output", tmp_path / "m", *FAST]
    options = parser.parse_args(["quality", "train", *map(str, flags)])
    options.quiet = False
    assert run_quality(options) == 0
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    assert not card["report"]["threshold"]["within_tolerance"]
    assert "warning: the threshold keeps" in capsys.readouterr().err


def test_a_threshold_that_does_not_hold_says_so():
    report = check_threshold(np.linspace(0, 1, 101), np.linspace(0, 0.5, 101), 0.1)
    assert not report["within_tolerance"]
    assert report["checked_on"]["kept"] == 0
    assert report["chosen_on"]["kept"] == pytest.approx(0.1, abs=0.01)


def test_calibration_counts_every_text_once():
    probabilities = np.array([0.0, 0.05, 0.5, 0.99, 1.0])
    rows = tabulate_calibration(probabilities, np.array([False, True, True, True, True]))
    assert [row["documents"] for row in rows] == [2, 1, 2]
    assert [row["positive_share"] for row in rows] == [0.5, 1.0, 1.0]


def test_the_flags_have_the_defaults_of_the_training():
    settings = TrainingSettings()
    assert (settings.dim, settings.lr, settings.word_ngrams) == (DIM, LEARNING_RATE, WORD_NGRAMS)
    assert (settings.bucket, settings.min_count) == (NGRAM_BUCKETS, MIN_COUNT)
