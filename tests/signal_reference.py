"""Every signal once more, slowly: plain Python over whole strings, no shared state.

The oracle of the signal tests. Only the words come from the code under test: they have
their own oracle in `test_segments`.
"""

import re
from collections import Counter

from gristmill.cleaning.character_classes import (
    CLOSER,
    LINE_FINAL,
    LOWER,
    TERMINAL,
    WIDE_TERMINAL,
    class_table,
)
from gristmill.cleaning.segments import split_words
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
        start = line.index(word, place)
        # A shorter look-alike may stand earlier, inside a run of joiners.
        while split_words(line[start:])[:1] != [word] or split_words(line[place:start]):
            start = line.index(word, start + 1)
        places.append((start, start + len(word)))
        place = start + len(word)
    return places


def count_sentences(line: str, words: list[tuple[int, int]], cited: set[int]) -> tuple[int, int]:
    """Count words outside citations, and the sentences that they open."""
    words = [(start, end) for start, end in words if start not in cited]
    sentences, before_end = 0, None
    for start, end in words:
        if before_end is None:
            sentences += 1
        else:
            gap = [place for place in range(*before_end[1:], start) if place not in cited]
            initial = before_end[1] - before_end[0] == 1 and line[before_end[0]].isalpha()
            sentences += gap_ends_sentence(line, gap, initial, line[start], before_end[1])
        before_end = (start, end)
    return len(words), sentences


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


def describe_line(line: str) -> tuple[int, int, int]:
    """Give flags, words and sentences of one line."""
    stripped = line.strip()
    if not stripped:
        return tables.LINE_BLANK, 0, 0
    cited = {place for match in CITATION.finditer(line) for place in range(*match.span())}
    words, sentences = count_sentences(line, locate_words(line), cited)
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
    return sum(flag for flag, holds in flags.items() if holds), words, sentences


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
    row |= {f"top_{n}gram_char_fraction": top_share(words, n) for n in (2, 3, 4)}
    row |= {f"duplicate_{n}gram_char_fraction": duplicate_share(words, n) for n in range(5, 11)}
    return row


def is_letter(character: str) -> bool:
    return character.isalpha()


def group_lines(lines: list[str]) -> list[list[str]]:
    """Group stripped lines into paragraphs, which blank lines part."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            groups[-1].append(line.strip())
        else:
            groups.append([])
    return [group for group in groups if group]
