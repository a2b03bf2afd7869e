"""Words of unspaced scripts: golden sentences, and the laws that a dictionary must keep."""

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning.word_boundaries import find_word_ends, split_words

LETTERS = "漢字我们在学习日本語のひらがなカタカナー々ไทยภาษาລາວខ្មែរမြန်မာ\u3099\u200d𠀀ﾊﾟ"
TEXTS = st.one_of(
    st.text(st.sampled_from(LETTERS), max_size=20),
    st.text(st.sampled_from(LETTERS + "ab1_ .。、\n\u200b๑"), max_size=40),
    st.text(max_size=20),
)


def find_ends(texts):
    payloads = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(payloads) or b" ", np.uint8)
    offsets = np.cumsum([0, *map(len, payloads)]).astype(np.int32)
    return find_word_ends(data, offsets), offsets


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("今天我们去图书馆看书。", "今天 我们 去 图书 馆 看书"),
        ("没有人知道答案，他是我的朋友。", "没有 人 知道 答案 他是 我的 朋友"),
        ("老師在學校教數學。", "老師 在 學校 教 數學"),
        ("私は音楽が好きです。猫は魚を食べる。", "私 は 音楽 が 好き です 猫 は 魚 を 食べる"),
        ("コーヒーとパンをください。", "コーヒー と パン を くだ さい"),
        ("เมื่อวานฉันไปโรงเรียน", "เมื่อ วาน ฉัน ไป โรงเรียน"),
        ("แมวดำนอนบนโต๊ะ", "แมว ดำ นอน บน โต๊ะ"),
        ("ຂ້ອຍຮັກປະເທດລາວ", "ຂ້ອຍ ຮັກ ປະເທດ ລາວ"),
        ("ខ្ញុំស្រឡាញ់ភាសាខ្មែរ", "ខ្ញុំ ស្រឡាញ់ ភាសាខ្មែរ"),
        ("ကျွန်တော်ကျောင်းသွားမယ်", "ကျွန်တော် ကျောင်း သွား မယ်"),
        ("Linux是操作系统", "Linux 是 操作 系统"),
        ("第3章のtest", "第 3 章 の test"),
        ("ไทย\u200bแลนด์", "ไทย แลนด์"),
        ("𠀀𠀁", "𠀀 𠀁"),
    ],
)
def test_golden_words(text, words):
    assert split_words(text) == words.split()


@given(st.lists(TEXTS, max_size=6))
@example(["漢字", "", "漢字", "a漢字", "字漢"])
@example(["か\u3099", "\u3099か", "ก\u0e31"])
def test_words_do_not_depend_on_the_texts_around(texts):
    together, offsets = find_ends(texts)
    alone = [find_ends([text])[0] + start for text, start in zip(texts, offsets, strict=False)]
    assert together.tolist() == np.concatenate([*alone, np.empty(0, int)]).tolist()


@given(TEXTS, TEXTS)
def test_words_of_a_run_do_not_depend_on_what_stands_around_it(first, second):
    assert split_words(f"{first} x\n{second}") == [*split_words(first), "x", *split_words(second)]


@given(TEXTS)
def test_ends_are_those_of_characters_and_part_no_mark(text):
    ends, _ = find_ends([text])
    assert np.all(np.diff(ends) > 0)
    payload = text.encode()
    for end in ends:
        following = payload[end:].decode()[:1]
        assert not following or unicodedata.category(following)[0] != "M"


@given(TEXTS)
def test_no_letter_or_digit_is_lost(text):
    def keep(part):
        return [c for c in part if unicodedata.category(c)[0] in "LN"]

    assert keep("".join(split_words(text))) == keep(text)


@given(st.text(st.characters(max_codepoint=0xDFF)))
def test_texts_in_other_scripts_ask_no_dictionary(text):
    assert find_ends([text])[0].size == 0


def test_long_runs_are_cut():
    words = split_words("가" + "ก" * 100_000)
    assert "".join(words) == "가" + "ก" * 100_000
    assert max(map(len, words)) <= 65_536 // 3 + 1


def test_a_run_of_one_letter_and_many_marks_ends():
    assert split_words("か" + "\u3099" * 100_000)[0].startswith("か\u3099")


def test_chunks_join():
    text = "今天我们去图书馆看书。" * 50_000
    words = split_words("今天我们去图书馆看书。")
    assert split_words(text) == words * 50_000


@pytest.mark.parametrize("letter", ["一", "あ", "เก", "ក", "က", "ກ", "漢ก", "漢\n"])
def test_repeated_letters_take_linear_time(letter):
    def measure_time(count):
        text = letter * count
        start = time.process_time()
        split_words(text)
        return time.process_time() - start

    short = min(measure_time(10_000) for _ in range(2))
    assert measure_time(80_000) < 17 * max(short, 0.01)
