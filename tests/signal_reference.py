"""Every signal once more, slowly: plain Python over whole strings, no shared state.

The oracle of the signal tests. Only the words come from the code under test: they have
their own oracle in `test_segments`.
"""

import math
import re
import unicodedata
from collections import Counter

from gristmill.cleaning.character_classes import (
    CLOSER,
    LINE_FINAL,
    LOWER,
    TERMINAL,
    WIDE_TERMINAL,
    class_table,
)
from gristmill.cleaning.word_boundaries import split_words
from gristmill.schemas import tables

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
POLICY = [
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
]
URL = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://\S*")
CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")


def has(character: str, bit: int) -> bool:
    return bool(class_table()[min(ord(character), 0x40000)] & bit)


def lower(text: str) -> str:
    """Fold ASCII letters only."""
    return re.sub("[A-Z]", lambda match: match[0].lower(), text)


def locate_words(line: str) -> list[tuple[int, int]]:
    """Find where each word stands."""
    places, place = [], 0
    for word in split_words(line):
        # What stands between words holds no letter or digit, and so no look-alike.
        start = line.index(word, place)
        places.append((start, start + len(word)))
        place = start + len(word)
    return places


def find_sentences(
    line: str, words: list[tuple[int, int]], cited: set[int]
) -> list[list[tuple[int, int]]]:
    """Group the words outside citations into sentences."""
    words = [(start, end) for start, end in words if start not in cited]
    sentences: list[list[tuple[int, int]]] = []
    before_end = None
    for start, end in words:
        opens = before_end is None
        if before_end is not None:
            gap = [place for place in range(*before_end[1:], start) if place not in cited]
            initial = before_end[1] - before_end[0] == 1 and is_letter(line[before_end[0]])
            opens = gap_ends_sentence(line, gap, initial, line[start], before_end[1])
        if opens:
            sentences.append([])
        sentences[-1].append((start, end))
        before_end = (start, end)
    return sentences


def gap_ends_sentence(
    line: str, gap: list[int], initial: bool, following: str, gap_start: int
) -> bool:
    """Read what stands between two words: mark, closers, space, in this order."""
    state = "inside"
    for place in gap:
        character = line[place]
        if has(character, WIDE_TERMINAL):
            return True
        if has(character, TERMINAL):
            state = "inside" if initial and place == gap_start else "mark"
        elif character.isspace():
            state = "space" if state in ("mark", "space") else "inside"
        elif not has(character, CLOSER) and state == "mark":
            state = "inside"
    return state == "space" and not has(following, LOWER)


def judge_sentences(line: str, sentences: list[list[tuple[int, int]]]) -> list[list[bool]]:
    """Say of each sentence: odd length, list case, technical characters."""
    verdicts = []
    starts = [words[0][0] for words in sentences]
    starts[:1] = [len(line) - len(line.lstrip())] * len(starts[:1])
    ends = [*starts, len(line)][1:]
    for start, end, words in zip(starts, ends, sentences, strict=True):
        text = line[start:end].rstrip()
        capitals = sum(unicodedata.category(line[place]) == "Lu" for place, _ in words)
        verdicts.append(
            [
                not 20 <= len(text) <= 500,
                len(words) >= 12 and capitals > len(words) / 2,
                5 * sum(character in "0123456789{}+/()>" for character in text) > len(text),
            ]
        )
    return verdicts


def describe_line(line: str) -> tuple[int, int, int, list[list[bool]]]:
    """Give flags, words and sentences of one line, and what each sentence is."""
    stripped = line.strip()
    if not stripped:
        return tables.LINE_BLANK, 0, 0, []
    cited = {place for match in CITATION.finditer(line) for place in range(*match.span())}
    sentences = find_sentences(line, locate_words(line), cited)
    bare = stripped
    while match := re.search(f"(?:{CITATION.pattern})$", bare):
        bare = bare[: match.start()].rstrip()
    folded = lower(line)
    flags = {
        tables.LINE_TERMINAL_MARK: bare.endswith((".", "?", "!", '"')) and not bare.endswith("..."),
        tables.LINE_ELLIPSIS: stripped.endswith(("...", "…")),
        tables.LINE_JAVASCRIPT: "javascript" in folded,
        tables.LINE_POLICY_PHRASE: any(phrase in folded for phrase in POLICY),
        tables.LINE_LOREM_IPSUM: "lorem ipsum" in folded,
        tables.LINE_CURLY_BRACKET: "{" in line,
        tables.LINE_LONG_WORD: any(len(token) > 1000 for token in line.split()),
    }
    found = sum(flag for flag, holds in flags.items() if holds)
    words = sum(map(len, sentences))
    return found, words, len(sentences), judge_sentences(line, sentences)


def copies(items: list[str]) -> tuple[float, int]:
    """Give the share of items that are copies of an earlier one, and their characters."""
    seen: set[str] = set()
    repeated = []
    for item in items:
        if item in seen:
            repeated.append(item)
        seen.add(item)
    chars = sum(len(item.replace("\n", "")) for item in repeated)
    return len(repeated) / max(len(items), 1), chars


def top_share(words: list[str], order: int) -> float:
    """Give the share of characters in the most frequent n-gram that repeats."""
    grams = [tuple(words[i : i + order]) for i in range(len(words) - order + 1)]
    counts = Counter(grams)
    repeated = [gram for gram in counts if counts[gram] > 1]
    if not repeated:
        return 0.0
    # Counter keeps first-seen order, and max gives the first of equals.
    top = max(repeated, key=lambda gram: (counts[gram], sum(map(len, gram))))
    covered = {i + k for i, gram in enumerate(grams) if gram == top for k in range(order)}
    return sum(len(words[i]) for i in covered) / sum(map(len, words))


def duplicate_share(words: list[str], order: int) -> float:
    """Give the share of characters that second and later occurrences cover."""
    seen: set[tuple[str, ...]] = set()
    covered: set[int] = set()
    for i in range(len(words) - order + 1):
        gram = tuple(words[i : i + order])
        if gram in seen:
            covered.update(range(i, i + order))
        seen.add(gram)
    return sum(len(words[i]) for i in covered) / max(sum(map(len, words)), 1)


def measure_text(text: str) -> dict[str, object]:
    """Measure one text: the row that `text_signals.measure` must give."""
    raw = text.split("\n")
    facts = [describe_line(line) for line in raw]
    lines = [line for line in raw if line.strip()]
    stripped = [line.strip() for line in lines]
    paragraphs = ["\n".join(group) for group in group_lines(raw)]
    words = split_words(text)
    line_share, line_chars = copies(stripped)
    paragraph_share, paragraph_chars = copies(paragraphs)
    all_chars = max(sum(map(len, stripped)), 1)
    per_word, per_line = max(len(words), 1), max(len(lines), 1)
    row: dict[str, object] = {
        "char_count": len(text),
        "word_count": len(words),
        "line_count": len(lines),
        "sentence_count": sum(fact[2] for fact in facts),
        "mean_word_length": sum(map(len, words)) / per_word,
        "hash_to_word_ratio": text.count("#") / per_word,
        "ellipsis_to_word_ratio": (text.count("...") + text.count("…")) / per_word,
        "bullet_line_fraction": sum(line[0] in "-*•●" for line in stripped) / per_line,
        "ellipsis_line_fraction": sum(line.endswith(("...", "…")) for line in stripped) / per_line,
        "alphabetic_word_fraction": sum(any(map(is_letter, word)) for word in words) / per_word,
        "distinct_stop_words": len(STOP_WORDS & set(words)),
        "duplicate_line_fraction": line_share,
        "duplicate_paragraph_fraction": paragraph_share,
        "duplicate_line_char_fraction": line_chars / all_chars,
        "duplicate_paragraph_char_fraction": paragraph_chars / all_chars,
        "punctuated_line_fraction": sum(has(line[-1], LINE_FINAL) for line in lines) / per_line,
        "short_line_fraction": sum(len(line) <= 30 for line in lines) / per_line,
        "newline_to_word_ratio": max(len(lines) - 1, 0) / per_word,
        "lorem_ipsum_count": lower(text).count("lorem ipsum"),
        "curly_bracket_count": text.count("{"),
        "line_flags": [fact[0] for fact in facts],
        "line_words": [fact[1] for fact in facts],
        "line_sentences": [fact[2] for fact in facts],
    }
    row |= measure_characters(text) | measure_words(words) | measure_lines(lines, facts)
    row |= measure_sentences([verdict for fact in facts for verdict in fact[3]])
    row["symbol_to_word_ratio"] = row["hash_to_word_ratio"] + row["ellipsis_to_word_ratio"]
    row["paragraph_count"] = len(paragraphs)
    row |= {f"top_{n}gram_char_fraction": top_share(words, n) for n in (2, 3, 4)}
    row |= {f"duplicate_{n}gram_char_fraction": duplicate_share(words, n) for n in range(5, 11)}
    return row


def measure_characters(text: str) -> dict[str, object]:
    """Measure what kinds of characters a text holds."""
    categories = [" " if character.isspace() else unicodedata.category(character)
                  for character in text]  # fmt: skip
    kinds = Counter(category[0] for category in categories)
    exact = Counter(categories)
    urls = [match[0] for match in URL.finditer(text)]
    every = max(len(text), 1)
    return {
        "uppercase_letter_fraction": exact["Lu"] / every,
        "digit_fraction": exact["Nd"] / every,
        "whitespace_fraction": exact[" "] / every,
        "punctuation_char_fraction": kinds["P"] / every,
        "symbol_char_fraction": kinds["S"] / every,
        "parenthesis_fraction": sum(text.count(bracket) for bracket in "()[]{}⟨⟩") / every,
        "non_alphanumeric_char_fraction": (kinds["P"] + kinds["S"] + kinds["C"]) / every,
        "url_char_fraction": sum(map(len, urls)) / every,
        "url_count": len(urls),
        "control_char_count": exact["Cc"],
        "replacement_char_count": text.count("\ufffd"),
        "emoji_count": sum(map(is_emoji, text)),
        "long_word_count": sum(len(token) > 1000 for token in text.split()),
    }


def is_emoji(character: str) -> bool:
    blocks = (("\u2600", "\u27bf"), ("\U0001f1e6", "\U0001f1ff"), ("\U0001f300", "\U0001faff"))
    symbol = unicodedata.category(character)[0] == "S"
    return symbol and any(first <= character <= last for first, last in blocks)


def measure_words(words: list[str]) -> dict[str, object]:
    """Measure what kinds of words a text holds, and how it spreads over them."""
    kinds = [{unicodedata.category(character) for character in word} for word in words]
    stop_words = sum(lower(word) in STOP_WORDS for word in words)
    shares = [count / len(words) for count in Counter(words).values()]
    every = max(len(words), 1)
    return {
        "all_caps_word_fraction": sum("Lu" in kind and "Ll" not in kind for kind in kinds) / every,
        "distinct_word_fraction": len(set(words)) / every,
        "unigram_entropy": -math.fsum(share * math.log(share) for share in shares),
        "stop_word_count": stop_words,
        "stop_word_fraction": stop_words / every,
    }


def measure_lines(
    lines: list[str], facts: list[tuple[int, int, int, list[list[bool]]]]
) -> dict[str, object]:
    """Measure what kinds of lines a text holds."""
    lengths = [len(line.strip()) for line in lines]
    flags = [fact[0] for fact in facts]
    numeric = [any(map(str.isdecimal, line)) and not any(map(is_letter, line)) for line in lines]
    return {
        "longest_line_chars": max(lengths, default=0),
        "mean_line_length": sum(lengths) / max(len(lines), 1),
        "numeric_line_fraction": sum(numeric) / max(len(lines), 1),
        "terminal_line_fraction": sum(flag & tables.LINE_TERMINAL_MARK != 0 for flag in flags)
        / max(len(lines), 1),
        "javascript_line_count": sum(flag & tables.LINE_JAVASCRIPT != 0 for flag in flags),
        "policy_line_count": sum(flag & tables.LINE_POLICY_PHRASE != 0 for flag in flags),
    }


def measure_sentences(verdicts: list[list[bool]]) -> dict[str, object]:
    """Give the share of sentences that each rule of MADLAD-400 questions."""
    names = ("short_or_long", "list_case", "technical_char")
    return {
        f"{name}_sentence_fraction": sum(verdict[place] for verdict in verdicts)
        / max(len(verdicts), 1)
        for place, name in enumerate(names)
    }


def is_letter(character: str) -> bool:
    # Letter numbers, such as runes, are letters too.
    return character.isalpha() or unicodedata.category(character) == "Nl"


def group_lines(lines: list[str]) -> list[list[str]]:
    """Group stripped lines into paragraphs, which blank lines part."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            groups[-1].append(line.strip())
        else:
            groups.append([])
    return [group for group in groups if group]
