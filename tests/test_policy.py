"""Verdicts: golden cases anyone can add without Python, and laws over random signals.

A case is `tests/cases/<table or line rule>/<name>.txt`: a text, a marker line, and
"kept" or the reason; then, if the text changes, another marker line and the new text.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import kept_texts, pii, policy, text_signals
from gristmill.cleaning.bounds import Bound
from gristmill.cleaning.line_rules import LINE_RULES
from gristmill.cleaning.policy import Policy, Rules
from gristmill.cleaning.rule_registry import name_bounds
from gristmill.cleaning.rule_tables import TABLES
from gristmill.schemas.errors import GristmillError, SchemaError
from gristmill.schemas.tables import DOCUMENT_METRICS

FOLDERS = [Path(__file__).parent / "cases" / name for name in (*TABLES, *LINE_RULES)]
CASES = [path for folder in FOLDERS for path in sorted(folder.glob("*.txt"))]
TEXTS = st.lists(
    st.sampled_from(
        [
            "Title", "Menu", "Five words are in here.", "Six more words are in here",
            "We use cookies on this site.", "Enable javascript in your browser now.", "",
            "A line with { in the middle.", "Lorem ipsum dolor sit amet now.", " ", "end...",
            "Mail foo@bar.com about this thing [1].", "From 8.8.8.8 with very much love.",
        ]
    ),
    max_size=12,
).map("\n".join)  # fmt: skip
POLICIES = st.builds(
    Policy,
    languages=st.sampled_from([None, {}, {"en": 0.65}, {"en": 0.65, "de": 0.5}]),
    bounds=st.lists(st.sampled_from(name_bounds(*TABLES)), max_size=5).map(tuple),
    line_rule=st.sampled_from([None, *LINE_RULES]),
    redact=st.frozensets(st.sampled_from(sorted(pii.PLACEHOLDERS))),
)


def build_signals(texts, language="en", score=0.9):
    """Measure texts as the stage does, with one language for all."""
    array = pa.array(texts, pa.string())
    count = len(texts)
    batch = text_signals.measure(array)
    columns = {
        "language": pa.array([language] * count, pa.string()),
        "language_score": pa.array([score] * count, pa.float32()),
        "pii_spans": pii.find_spans(array),
    }
    for name, column in columns.items():
        batch = batch.append_column(name, column)
    return array, batch


def policy_for(table):
    if table in LINE_RULES:
        return Policy(line_rule=table)
    return Policy(bounds=name_bounds(table))


def read_reason(row):
    if row["kept"]:
        return "kept"
    return policy.render_reason(row["rule"], row["value"], row["threshold"], row["comparison"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_verdict(path):
    text, _, expected = path.read_text(encoding="utf-8").partition("\n--- expect ---\n")
    reason, _, becomes = expected.partition("--- becomes ---\n")
    rules = policy_for(path.parent.name)
    texts, signals = build_signals([text])
    (row,) = policy.judge(signals, rules).to_pylist()
    assert read_reason(row) == reason.strip()
    if row["kept"]:
        assert kept_texts.apply_policy(texts, signals, rules).to_pylist() == [becomes[:-1] or text]


def test_every_rule_has_cases():
    assert {path.parent for path in CASES} == set(FOLDERS)


@pytest.mark.parametrize("count", range(1, 40))
def test_v06_unique_words_are_no_repetition(count):
    text = " ".join(f"{number:07d}" for number in range(count))
    _, signals = build_signals([text])
    verdict = policy.judge(signals, Policy(bounds=name_bounds("gopher_repetition")))
    assert verdict["kept"].to_pylist() == [True]


def test_v05_ellipsis_alone_without_a_word_minimum():
    bounds = tuple(item for item in name_bounds("gopher_quality") if item[1].metric != "word_count")
    _, signals = build_signals(["..."])
    (row,) = policy.judge(signals, Policy(bounds=bounds[1:])).to_pylist()
    assert read_reason(row) == "ellipsis_to_word_ratio=1 > 0.1"


@pytest.mark.parametrize(
    ("language", "score", "reason"),
    [
        ("en", 0.65, "kept"),  # V24: the limit is kept, float32 or not
        ("en", 0.6499, "language=0.6499 < 0.65"),
        ("de", 0.99, "language"),
        ("und", 0.0, "language"),
    ],
)
def test_language_rule(language, score, reason):
    _, signals = build_signals(["text"], language, score)
    (row,) = policy.judge(signals, Policy(languages={"en": 0.65})).to_pylist()
    assert read_reason(row) == reason
    assert row["rule"] == (None if reason == "kept" else "language")


def test_each_language_has_its_own_threshold():
    _, signals = build_signals(["text"], "fr", 0.7)
    kept = [
        policy.judge(signals, Policy(languages=languages))["kept"][0].as_py()
        for languages in ({"en": 0.9, "fr": 0.7}, {"fr": 0.71, "en": 0.1}, {"en": 0.1})
    ]
    assert kept == [True, False, False]


RULES = st.builds(
    Rules,
    bounds=st.lists(st.sampled_from(name_bounds(*TABLES)), max_size=5).map(tuple),
    line_rule=st.sampled_from([None, *LINE_RULES]),
)


@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(["en", "de", "fr"])), max_size=6),
    st.dictionaries(st.sampled_from(["de", "fr", "ja"]), RULES),
    RULES,
)
def test_each_language_is_held_to_its_own_rules(rows, by_language, others):
    _, signals = build_signals([text for text, _ in rows])
    languages = pa.array([language for _, language in rows], pa.string())
    place = signals.schema.get_field_index("language")
    signals = signals.set_column(place, "language", languages)
    texts = pa.array([text for text, _ in rows], pa.string())
    rules = Policy(bounds=others.bounds, line_rule=others.line_rule, by_language=by_language)
    verdicts = policy.judge(signals, rules).to_pylist()
    left = kept_texts.apply_policy(texts, signals, rules).to_pylist()
    assert pickle.loads(pickle.dumps(rules)) == rules
    for row, (_, language) in enumerate(rows):
        own = by_language.get(language, others)
        alone = Policy(bounds=own.bounds, line_rule=own.line_rule)
        one = signals.slice(row, 1)
        assert policy.judge(one, alone).to_pylist() == [verdicts[row]]
        assert kept_texts.apply_policy(texts.slice(row, 1), one, alone).to_pylist() == [left[row]]


@pytest.mark.parametrize(
    ("limits", "value", "reason"),
    [
        ({"above": 3}, 3, "word_count=3 <= 3"),
        ({"above": 3}, 4, "kept"),
        ({"below": 3}, 3, "word_count=3 >= 3"),
        ({"below": 3}, 2, "kept"),
        ({"min": 3, "below": 4}, 3, "kept"),
        ({"max": 3}, float("nan"), "kept"),  # says nothing, bounds nothing
        ({"min": 3}, None, "kept"),
    ],
)
def test_limits_may_be_left_out_or_taken_in(limits, value, reason):
    signals = pa.record_batch({"word_count": pa.array([value], pa.float64())})
    rules = Policy(bounds=((policy.CUSTOM_TABLE, Bound("word_count", **limits)),))
    assert read_reason(policy.judge(signals, rules).to_pylist()[0]) == reason


@given(st.lists(TEXTS, max_size=5), POLICIES)
def test_every_document_is_kept_or_has_a_reason(texts, rules):
    _, signals = build_signals(texts)
    verdict = policy.judge(signals, rules)
    verdict.validate(full=True)
    assert verdict.num_rows == len(texts)
    for row in verdict.to_pylist():
        assert row["kept"] == (row["rule"] is None)
        if row["value"] is not None:
            below = row["comparison"] == "<"
            assert (row["value"] < row["threshold"]) == below
            assert (row["value"] > row["threshold"]) != below
        elif not row["kept"]:
            assert row["rule"] == "language"


@given(st.lists(TEXTS, min_size=1, max_size=5), POLICIES)
def test_the_first_failing_rule_wins(texts, rules):
    _, signals = build_signals(texts)
    verdict = policy.judge(signals, rules).to_pylist()
    for count in range(len(rules.bounds) + 1):
        shorter = Policy(languages=rules.languages, bounds=rules.bounds[:count])
        for row, before in zip(verdict, policy.judge(signals, shorter).to_pylist(), strict=True):
            assert before["kept"] or before == row


@given(st.lists(TEXTS, max_size=5), POLICIES, st.sampled_from(DOCUMENT_METRICS), st.floats(0, 100))
def test_a_looser_bound_never_drops_more(texts, rules, metric, limit):
    _, signals = build_signals(texts)
    tight = Policy(bounds=(*rules.bounds, ("custom", Bound(metric, max=limit))))
    loose = Policy(bounds=(*rules.bounds, ("custom", Bound(metric, max=limit + 1))))
    kept_tight = policy.judge(signals, tight)["kept"].to_numpy(zero_copy_only=False)
    kept_loose = policy.judge(signals, loose)["kept"].to_numpy(zero_copy_only=False)
    assert np.all(kept_loose | ~kept_tight)


@given(st.lists(TEXTS, max_size=5), POLICIES, st.integers(0, 5))
def test_verdicts_and_texts_do_not_depend_on_the_batch(texts, rules, start):
    array, signals = build_signals(texts)
    judged, applied = policy.judge(signals, rules), kept_texts.apply_policy(array, signals, rules)
    cut, part = array.slice(start), signals.slice(start)
    assert policy.judge(part, rules).to_pylist() == judged.slice(start).to_pylist()
    assert kept_texts.apply_policy(cut, part, rules).to_pylist() == applied.slice(start).to_pylist()


@given(st.lists(TEXTS, max_size=5))
def test_structured_cleaning_twice_equals_once(texts):
    rules = Policy(line_rule="c4_structured", redact=frozenset(pii.PLACEHOLDERS))
    once = kept_texts.apply_policy(*build_signals(texts), rules)
    assert kept_texts.apply_policy(*build_signals(once.to_pylist()), rules).equals(once)


@given(st.lists(TEXTS, max_size=5))
def test_an_empty_policy_keeps_everything_as_it_is(texts):
    array, signals = build_signals(texts)
    assert policy.judge(signals, Policy())["kept"].to_pylist() == [True] * len(texts)
    assert kept_texts.apply_policy(array, signals, Policy()) is array


def test_apply_redacts_only_the_kinds_asked_for():
    array, signals = build_signals(["ü foo@bar.com 8.8.8.8", "nothing"])
    applied = kept_texts.apply_policy(array, signals, Policy(redact=frozenset({"ipv4"})))
    assert applied.to_pylist() == ["ü foo@bar.com [IPV4]", "nothing"]


def test_apply_redacts_and_drops_lines_together():
    array, signals = build_signals(
        ["We use cookies on this page.\nPlease write to foo@bar.com if you like.\nShort line"]
    )
    rules = Policy(line_rule="c4_structured", redact=frozenset({"email"}))
    assert kept_texts.apply_policy(array, signals, rules).to_pylist() == [
        "Please write to [EMAIL] if you like."
    ]


def test_apply_refuses_texts_of_other_signals():
    _, signals = build_signals(["We use cookies on this page.\nmore"])
    rules = Policy(line_rule="c4")
    with pytest.raises(SchemaError, match="lines"):
        kept_texts.apply_policy(pa.array(["one line"]), signals, rules)
    with pytest.raises(SchemaError, match="rows"):
        kept_texts.apply_policy(pa.array(["a", "b"]), signals, rules)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"line_rule": "c4_structurd"}, "c4_structured"),
        ({"redact": frozenset({"e-mail"})}, "email"),
        ({"bounds": (("gopher_qualty", Bound("word_count", min=1)),)}, "gopher_quality"),
        ({"languages": {"en": 65}}, "en"),
    ],
)
def test_unknown_names_are_refused_with_the_closest(arguments, hint):
    with pytest.raises(GristmillError, match=hint):
        Policy(**arguments)


def test_missing_columns_are_refused():
    _, signals = build_signals(["text"])
    with pytest.raises(SchemaError, match="word_count"):
        policy.judge(signals.drop_columns(["word_count"]), policy_for("gopher_quality"))
    with pytest.raises(SchemaError, match="line_words"):
        policy.judge(signals.drop_columns(["line_words"]), policy_for("c4"))


@given(POLICIES)
def test_a_policy_survives_the_way_to_a_worker(rules):
    assert pickle.loads(pickle.dumps(rules)) == rules


def test_people_like_more_of_what_is_kept(shared_data):
    """246 Common Crawl documents with human votes."""
    (path,) = shared_data("quality-dclm-human").rglob("majority_split.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    _, signals = build_signals([row["text"] for row in rows])
    tables = name_bounds("gopher_quality", "gopher_repetition", "fineweb")
    verdict = policy.judge(signals, Policy(bounds=tables, line_rule="c4_structured"))
    kept = verdict["kept"].to_numpy(zero_copy_only=False)
    good = np.array([row["label"] == 1 for row in rows])
    assert kept[good].mean() > 0.9
    assert kept[good].mean() - kept[~good].mean() > 0.15


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (("gopher_quality/word_count", 2.0, 50.0, "<"), "word_count=2 < 50"),
        (("gopher_quality/word_count", 123456789.0, 1e5, ">"), "word_count=123456789 > 100000"),
        (("a/hash_to_word_ratio", 10 / 43, 0.1, ">"), "hash_to_word_ratio=0.232558 > 0.1"),
        (("language", None, None, None), "language"),
    ],
)
def test_reasons_read_as_sentences(reason, expected):
    assert policy.render_reason(*reason) == expected
