"""BPE training: same texts, same bytes; nothing a corpus can do about special tokens."""

import hashlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from gristmill.schemas.errors import InputError
from gristmill.tokenize import bpe_training
from gristmill.tokenize.bpe_training import END_OF_TEXT, SMALLEST_VOCABULARY, train_bpe

TEXTS = [
    "the cat sat on the mat, the cat's hat; they'll see that 100 cats sat",
    "Über naïve Straße — 日本語の文字 and 👍🏽 emoji\r\n\tindented    lines\n\n",
    "def f(x):\n    return {'a': [x ** 2 for _ in range(10)]}\n" * 3,
] * 4


def merge_slowly(texts: list[str], tokens: int) -> list[tuple[str, str]]:
    """Sennrich et al.'s algorithm on space-separated ASCII words; ties by smaller ids."""
    words = [[*word] for text in texts for word in text.replace(" ", " Ġ").split()]
    ids = {chr(c): c for c in range(33, 127)} | {"Ġ": 1000}
    found = []
    full = len(ids) + tokens
    while len(ids) < full:
        counts: dict[tuple[str, str], int] = {}
        for word in words:
            for pair in itertools.pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        if max(counts.values(), default=0) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        found.append(best)
        ids.setdefault("".join(best), 2000 + len(ids))
        for word in words:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == best:
                    word[i : i + 2] = ["".join(best)]
                i += 1
    return found


def read_merges(tokenizer_json: str) -> list[tuple[str, str]]:
    return [(left, right) for left, right in json.loads(tokenizer_json)["model"]["merges"]]


@given(st.lists(st.lists(st.text("abc", min_size=1, max_size=6), max_size=8), max_size=5))
def test_learns_the_textbook_merges(lines: list[list[str]]) -> None:
    texts = [" ".join(words) for words in lines]
    learned = read_merges(train_bpe(texts, vocab_size=SMALLEST_VOCABULARY + 6))
    assert learned == merge_slowly(texts, 6)


def test_golden_digest() -> None:
    """Changes only with a new version of `tokenizers` that would change published ids."""
    trained = train_bpe(TEXTS, vocab_size=300)
    assert read_merges(trained)[:4] == [("a", "t"), ("Ġ", "Ġ"), ("Ġ", "f"), ("Ġ", "r")]
    vocabulary = json.dumps(json.loads(trained)["model"]["vocab"], sort_keys=True)
    assert hashlib.sha256(vocabulary.encode()).hexdigest() == (
        "51bbc6b71599e004d232ab185414695fe377cd10dfe9570b7bbbc769c4d3f0cd"
    )


def test_layout() -> None:
    trained = Tokenizer.from_str(train_bpe(TEXTS, vocab_size=300))
    assert trained.get_vocab_size() == 300
    assert trained.token_to_id(END_OF_TEXT) == 0
    described = json.loads(train_bpe(TEXTS, vocab_size=300))
    assert [token["content"] for token in described["added_tokens"]] == [END_OF_TEXT]
    assert described["pre_tokenizer"]["type"] == "ByteLevel"
    assert described["normalizer"] is None
    assert described["post_processor"] is None


def test_no_texts_give_the_bytes() -> None:
    trained = Tokenizer.from_str(train_bpe([], vocab_size=5000))
    assert trained.get_vocab_size() == SMALLEST_VOCABULARY


@given(st.permutations([*TEXTS[:3], "one more text, one more"]))
def test_order_of_texts_does_not_matter(texts: list[str]) -> None:
    assert train_bpe(texts, vocab_size=290) == train_bpe(sorted(texts), vocab_size=290)


@given(st.text(), st.sampled_from([257, 280, 320]))
def test_any_text_survives(text: str, vocab_size: int) -> None:
    trained = Tokenizer.from_str(train_bpe([text, *TEXTS], vocab_size=vocab_size))
    trained.encode_special_tokens = True
    ids = trained.encode(text, add_special_tokens=False).ids
    assert trained.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_thread_count_does_not_matter(
    threads: str, shared_data: Callable[[str], Path], trained_here: str
) -> None:
    path = shared_data("bench-wikitext2") / "valid.txt"
    code = (
        "import sys, hashlib; from gristmill.tokenize.bpe_training import train_bpe;"
        "texts = open(sys.argv[1], encoding='utf-8').read().split('\\n');"
        "print(hashlib.sha256(train_bpe(texts, vocab_size=4096).encode()).hexdigest())"
    )
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == trained_here


@pytest.fixture(scope="module")
def trained_here(shared_data: Callable[[str], Path]) -> str:
    texts = (shared_data("bench-wikitext2") / "valid.txt").read_text(encoding="utf-8").split("\n")
    return hashlib.sha256(train_bpe(reversed(texts), vocab_size=4096).encode()).hexdigest()


@pytest.mark.parametrize("run", ["a", "ab", " ", "\n ", "日", "-="])
def test_long_runs_are_not_quadratic(run: str) -> None:
    """Uncut, 100 kB of one letter take 2.6 s and 1 MB took more than 290."""
    text = (run * 400_000)[:400_000]
    start = time.process_time()
    train_bpe([text, *TEXTS], vocab_size=400)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("eos", ["", "eos", " eos", "123", "!!!", "   "])
def test_learnable_eos_is_refused(eos: str) -> None:
    with pytest.raises(ValueError, match="one unit of the split rule"):
        train_bpe(TEXTS, vocab_size=300, eos=eos)


def test_corpus_cannot_learn_the_eos() -> None:
    hostile = [END_OF_TEXT * 50, f"x{END_OF_TEXT}y" * 50] * 50
    trained = train_bpe(hostile, vocab_size=600)
    tokenizer = Tokenizer.from_str(trained)
    tokenizer.encode_special_tokens = True
    for text in hostile:
        assert 0 not in tokenizer.encode(text, add_special_tokens=False).ids
    assert all(left + right != END_OF_TEXT for left, right in read_merges(trained))


@pytest.mark.parametrize("vocab_size", [-1, 0, 256, (1 << 24) + 1])
def test_vocabulary_bounds(vocab_size: int) -> None:
    with pytest.raises(ValueError, match=f"vocab_size={vocab_size}"):
        train_bpe(TEXTS, vocab_size=vocab_size)


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        train_bpe(["ok", "\ud800"], vocab_size=300)


def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe_training, "MAX_TRAINING_BYTES", 1000)
    train_bpe(["é" * 500], vocab_size=300)
    with pytest.raises(InputError, match="train on a sample"):
        train_bpe(["é" * 500, "x"], vocab_size=300)
