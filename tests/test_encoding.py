"""Encoding: both backends agree everywhere, and no text becomes a special token."""

import dataclasses
import hashlib
import itertools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from gristmill.schemas.errors import InputError
from gristmill.schemas.tables import TOKENS
from gristmill.tokenize import encoding
from gristmill.tokenize.bpe_training import END_OF_TEXT, train_bpe
from gristmill.tokenize.encoding import PROBES, Encoder, TokenBatch, encode_documents

SAMPLE = [
    "The end of text is near: endoftext, end of text, <| and |> and <|endof text|> too. " * 3,
    "We'll see the cat's 100 hats; they've sat on the mat\n\n\tindented   code = x[1:2]\r\n" * 3,
    "日本語の文字とスペース。中文句子，한국어 문장 ภาษาไทย हिन्दी العربية 👍🏽👨‍👩‍👧 " * 3,
]
TRAINED = train_bpe([*SAMPLE, *PROBES], vocab_size=700)
FAST = Encoder.from_json(TRAINED)
SLOW = Encoder.from_json(TRAINED, fast=False)

# Pieces that stress the split rule and the merges, joined at random.
PIECES = st.sampled_from(
    [
        *"aA1 \n\t\r'\"<|>-\x00é日👍́\u200d\xa0\u3000\ufeff",
        "'s",
        "'LL",
        "<|endoftext|>",
        "  ",
        "endoftext",
        "aaaaaaaa",
        "        ",
        "\r\n\r\n",
        "<|im_end|>",
        "\U0010ffff",
        "ﬁ",
        "١٢",
    ]
)
TEXT = st.text() | st.lists(PIECES, max_size=40).map("".join)


def list_ids(batch: TokenBatch) -> list[list[int]]:
    bounds = itertools.pairwise(batch.offsets.tolist())
    return [batch.ids[start:stop].tolist() for start, stop in bounds]


def encode(encoder: Encoder, texts: list[str]) -> list[list[int]]:
    return list_ids(encoder.encode_batch(pa.array(texts, pa.string())))


def spell_special() -> list[str]:
    """Spellings of the end-of-text token, exact, embedded and disguised."""
    token = END_OF_TEXT
    exact = [token, token * 2, token * 100, f" {token}", f"{token} ", f"\n{token}\n", f"\t{token}"]
    exact += [f"{left}{token}{right}" for left in "aA1.<|'\x00日" for right in "aZ9,>|\u0301👍"]
    joined = [
        token[:i] + mark + token[i:] for i in (1, 2, 7, 11) for mark in " \u200b\u00ad\u2060\n\x00"
    ]
    other = [
        token.upper(),
        token.title(),
        token[::-1],
        "&lt;|endoftext|&gt;",
        "\\u003c|endoftext|>",
    ]
    other += ["＜｜endoftext｜＞", "<｜end▁of▁sentence｜>", "</s>", "<s>", "[EOS]", "<|im_start|>"]
    other += [token[:i] for i in range(1, len(token))] + [token[i:] for i in range(1, len(token))]
    return exact + joined + other


SPELLINGS = spell_special()


def test_there_are_enough_spellings() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("encoder", [FAST, SLOW], ids=["fast", "slow"])
def test_no_spelling_is_a_special_token(encoder: Encoder) -> None:
    for text, ids in zip(SPELLINGS, encode(encoder, SPELLINGS), strict=True):
        assert ids.count(encoder.eos_id) == 1, text
        assert ids[-1] == encoder.eos_id
        assert encoder.decode(ids) == text + END_OF_TEXT


def test_fast_backend_is_used_and_named() -> None:
    assert FAST.backend == "fastokens"
    assert SLOW.backend == "tokenizers"


@given(st.lists(TEXT, max_size=8))
@example([])
@example(["", ""])
@example(["\ufeff", "a\x00b", "\r\n \r\n", "'s's'S", "x" * 5000])
def test_backends_agree_and_texts_survive(texts: list[str]) -> None:
    batch = FAST.encode_batch(pa.array(texts, pa.string()))
    assert list_ids(batch) == encode(SLOW, texts)
    assert batch.offsets.dtype == np.int64
    assert batch.ids.dtype == FAST.dtype == np.uint16
    for text, ids in zip(texts, list_ids(batch), strict=True):
        assert ids[-1] == FAST.eos_id
        assert FAST.eos_id not in ids[:-1]
        assert FAST.decode(ids[:-1]) == text


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_documents_do_not_touch_each_other(texts: list[str]) -> None:
    together = encode(FAST, texts)
    assert together == [encode(FAST, [text])[0] for text in texts]
    large = FAST.encode_batch(pa.array(["before", *texts], pa.large_string()).slice(1))
    assert list_ids(large) == together


@pytest.mark.parametrize("probe", PROBES)
def test_probes_agree(probe: str) -> None:
    assert encode(FAST, [probe]) == encode(SLOW, [probe])


def make_class_revealing() -> str:
    """A tokenizer that merges a, 1, ! and newline with any lead byte: ids show the split."""
    described = json.loads(train_bpe([], vocab_size=257))
    vocabulary = described["model"]["vocab"]
    characters = {byte: character for character, byte in encoding_alphabet().items()}
    leads = [characters[byte] for byte in range(0xC2, 0xF5)]
    merges = [(left, lead) for left in ["a", "1", "!", characters[10]] for lead in leads]
    vocabulary |= {left + lead: 257 + i for i, (left, lead) in enumerate(merges)}
    described["model"]["merges"] = [list(pair) for pair in merges]
    return json.dumps(described)


def encoding_alphabet() -> dict[str, int]:
    """GPT-2's characters for bytes: printable ones stand for themselves, others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def test_backends_put_every_code_point_in_the_same_class() -> None:
    """Their tables may be of different Unicode versions."""
    revealing = make_class_revealing()
    fast, slow = Encoder.from_json(revealing), Encoder.from_json(revealing, fast=False)
    assert encode(fast, ["aé"]) != encode(fast, ["a!"])
    assert len(encode(fast, ["aé"])[0]) < len(encode(fast, ["a¿"])[0])
    assert fast.backend == "fastokens"
    assigned = [*range(0x80, 0xD800), *range(0xE000, 0x33800), *range(0xE0000, 0xE0200)]
    points = [*assigned, *range(0x33800, 0x110000, 997)]
    probes = [f"a{chr(c)}1{chr(c)}!{chr(c)}\n{chr(c)};" for c in points]
    texts = ["".join(probes[i : i + 500]) for i in range(0, len(probes), 500)]
    found, expected = encode(fast, texts), encode(slow, texts)
    differing = [hex(points[500 * i]) for i in range(len(texts)) if found[i] != expected[i]]
    assert differing == []


def gather_texts(folder: Path) -> list[str]:
    if (folder / "test.txt").exists():
        return (folder / "test.txt").read_text(encoding="utf-8").split("\n = ")
    pages = sorted(folder.glob("udhr_*.xml"))[::5]
    return [re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")) for page in pages]


@pytest.mark.parametrize("name", ["bench-wikitext2", "langid-udhr"])
def test_backends_agree_on_real_texts(name: str, shared_data: Callable[[str], Path]) -> None:
    """English Wikipedia, and one declaration in a hundred languages."""
    texts = gather_texts(shared_data(name))
    assert len(texts) > 50
    trained = train_bpe(texts, vocab_size=8000)
    fast, slow = Encoder.from_json(trained), Encoder.from_json(trained, fast=False)
    assert fast.backend == "fastokens"
    column = pa.array(texts)
    found, expected = fast.encode_batch(column), slow.encode_batch(column)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.offsets, expected.offsets)
    assert fast.decode(found.ids[found.ids != fast.eos_id]) == "".join(texts)


def test_gpt2_ids(shared_data: Callable[[str], Path]) -> None:
    """The published GPT-2 vocabulary gives the published ids."""
    folder = shared_data("tok-gpt2-bpe")
    vocabulary = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    lines = (folder / "vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
    merges = [tuple(line.split(" ")) for line in lines if line]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([END_OF_TEXT])
    encoder = Encoder.from_json(tokenizer.to_str())
    assert (encoder.vocab_size, encoder.eos_id, encoder.dtype) == (50_257, 50_256, np.uint16)
    assert encoder.backend == "fastokens"
    assert encode(encoder, ["Hello world", "hello world", " !"]) == [
        [15496, 995, 50256],
        [31373, 995, 50256],
        [5145, 50256],
    ]
    assert encode(encoder, [END_OF_TEXT]) == [[27, 91, 437, 1659, 5239, 91, 29, 50256]]


def test_foreign_tokenizer(shared_data: Callable[[str], Path]) -> None:
    """GPT-NeoX's: added tokens that are not special still match, special ones do not."""
    path = shared_data("tok-dolma-tokenizers") / "gpt-neo-test-tokenizer.json"
    text = path.read_text(encoding="utf-8")
    fast, slow = Encoder.from_json(text), Encoder.from_json(text, fast=False)
    texts = [*PROBES, *SPELLINGS, "a    b\n        c", "|||PHONE_NUMBER|||<|padding|>"]
    assert encode(fast, texts) == encode(slow, texts)
    assert fast.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("piece", ["a", "ab", "q7", " ", "\n", " \n", "日", "-", "👍", "0", "\x00"])
def test_long_texts_without_spaces_are_not_quadratic(piece: str) -> None:
    text = (piece * 500_000)[:500_000]
    start = time.process_time()
    batch = FAST.encode_batch(pa.array([text]))
    assert time.process_time() - start < 2.0  # 0.02-0.2 s measured for 1 MB
    assert FAST.decode(batch.ids[:-1]) == text


def make_wide(vocab_size: int) -> str:
    described = json.loads(TRAINED)
    described["added_tokens"].append(
        {**described["added_tokens"][0], "id": vocab_size - 1, "content": "<|last|>"}
    )
    described["model"]["vocab"] |= {f"unused{i}": i for i in range(FAST.vocab_size, vocab_size - 1)}
    return json.dumps(described)


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_dtype_follows_the_vocabulary(vocab_size: int, dtype: type) -> None:
    encoder = Encoder.from_json(make_wide(vocab_size))
    assert encoder.vocab_size == vocab_size
    assert encoder.encode_batch(pa.array(SAMPLE)).ids.dtype == dtype
    assert encode(encoder, SAMPLE) == encode(FAST, SAMPLE)


def test_declared_ids_of_special_tokens_are_not_trusted() -> None:
    """`tokenizers` puts an added token right above the vocabulary, whatever its declared id."""
    described = json.loads(TRAINED)
    described["added_tokens"].append(
        {**described["added_tokens"][0], "id": 5000, "content": "<|last|>"}
    )
    encoder = Encoder.from_json(json.dumps(described), eos="<|last|>")
    assert encoder.eos_id == FAST.vocab_size == encoder.vocab_size - 1
    assert encoder.decode([encoder.eos_id]) == "<|last|>"


def test_rows_of_the_tokens_table() -> None:
    texts = ["", "日本", "cat's hat"]
    rows = encode_documents(
        FAST,
        pa.array([bytes([i]) * 16 for i in range(3)], pa.binary(16)),
        pa.array([0, 1, 0], pa.int32()),
        pa.array(texts),
    )
    assert rows.schema.equals(TOKENS)
    assert rows["n_bytes"].to_pylist() == [0, 6, 9]
    assert rows["source"].to_pylist() == [0, 1, 0]
    stored = [np.frombuffer(value, "<u2").tolist() for value in rows["tokens"].to_pylist()]
    assert stored == encode(FAST, texts)
    assert rows["n_tokens"].to_pylist() == [len(ids) for ids in stored]


def test_too_large_for_arrow_is_refused() -> None:
    huge = TokenBatch(np.array([0, 2**30]), np.zeros(1, np.uint16))
    with pytest.raises(ValueError, match="encode fewer texts"):
        huge.to_arrow()


def test_nulls_and_broken_utf8_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 texts are null"):
        FAST.encode_batch(pa.array(["a", None]))
    offsets = pa.array([0, 2], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(UnicodeDecodeError):
        FAST.encode_batch(broken)


def change(**changes: object) -> str:
    return json.dumps(json.loads(TRAINED) | changes)


MODEL = json.loads(TRAINED)["model"]


@pytest.mark.parametrize(
    ("tokenizer_json", "message"),
    [
        ("", "not a tokenizer"),
        ("[]", "not a tokenizer"),
        ("{}", "not a tokenizer"),
        ("[" * 200_000, "not a tokenizer"),
        (change(added_tokens=[{"id": 1}]), "not a tokenizer"),
        (change(added_tokens=[{"id": 1, "content": 5, "special": True}]), "malformed"),
        (change(model={"type": "BPE"}), "not a tokenizer"),
        (change(added_tokens=[]), "no special token"),
        (change(model=MODEL | {"dropout": 0.1}), "random"),
    ],
)
def test_bad_tokenizers_are_refused(tokenizer_json: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Encoder.from_json(tokenizer_json)


def test_tokenizer_whose_merges_reach_a_special_token_is_refused() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    tokenizer.add_special_tokens(["ab"])
    with pytest.raises(InputError, match="special token id 2"):
        Encoder.from_json(tokenizer.to_str(), eos="ab")


def test_truncation_and_post_processing_are_not_applied() -> None:
    tokenizer = Tokenizer.from_str(TRAINED)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    for fast in (True, False):
        assert encode(Encoder.from_json(tokenizer.to_str(), fast=fast), SAMPLE) == encode(
            FAST, SAMPLE
        )


def test_a_backend_that_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = encoding._fast_backend

    def build(parsed):
        encode_flat = honest(parsed)

        def lie(texts):
            offsets, ids = encode_flat(texts)
            return offsets, np.where(np.arange(len(ids)) == len(ids) - 1, ids ^ 1, ids)

        return lie

    monkeypatch.setattr(encoding, "_fast_backend", build)
    encoder = Encoder.from_json(TRAINED)
    assert encoder.backend == "tokenizers"
    assert encode(encoder, SAMPLE) == encode(FAST, SAMPLE)


def test_missing_or_unfit_fast_library_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    words.add_special_tokens(["[END]"])
    assert Encoder.from_json(words.to_str(), eos="[END]").backend == "tokenizers"
    monkeypatch.setattr(encoding, "fastokens", None)
    assert Encoder.from_json(TRAINED).backend == "tokenizers"


def test_ids_of_a_faulty_backend_are_caught() -> None:
    for wrong, message in ((FAST.eos_id, "special token id 0"), (700, "not below vocab_size")):
        encoder = Encoder.from_json(TRAINED)
        encoder._encode_flat = lambda texts, wrong=wrong: (
            np.array([0, 1]),
            np.array([wrong], np.uint32),
        )
        with pytest.raises(InputError, match=message):
            encoder.encode_batch(pa.array(["x"]))


def test_token_batch_is_frozen() -> None:
    batch = FAST.encode_batch(pa.array(SAMPLE))
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.ids = batch.ids[:1]
