"""datatrove's own decisions by lists of words: on texts (C4's bad words) and on addresses.

Runs in the peers' environment, not in gristmill's:

    .venv-peers/bin/python peer_rules_words.py texts LISTS_FOLDER TEXTS.jsonl RESULT.npz
    .venv-peers/bin/python peer_rules_words.py urls LIST DOMAINS URLS.txt RESULT.npz
    .venv-peers/bin/python peer_rules_words.py time-texts LISTS_FOLDER TEXTS.jsonl
    .venv-peers/bin/python peer_rules_words.py time-urls LIST DOMAINS URLS.txt

LISTS_FOLDER is an unpacked ``tox-ldnoobw``, LIST one of its files, DOMAINS a list of UT1;
TEXTS holds one JSON object a line with `digest` and `text` (see ``tests/real_texts.py``).
Nothing is downloaded and nothing is decided here: the filters' own code runs, one list at
a time, and the result is one bit a rule. The last two print the CPU seconds that the
English list, and all lists of addresses together, take.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tldextract
from datatrove.data import Document
from datatrove.pipeline.filters import C4BadWordsFilter, URLFilter, c4_filters


def open_words(lists: Path, language: str) -> C4BadWordsFilter:
    """Make the filter of a language, its list taken from a folder."""
    c4_filters.cached_asset_path_or_download = lambda url, **_: str(lists / url.rsplit("/", 1)[1])
    return C4BadWordsFilter(default_language=language)


def open_urls(**settings: object) -> URLFilter:
    """Make a filter of addresses that has no lists but those given, and asks no server."""
    judge = URLFilter(use_integrated_lists=False, **settings)
    judge.tldextractor = tldextract.TLDExtract(suffix_list_urls=())
    return judge


def time_texts(lists: Path, texts: Path) -> None:
    """Print the CPU seconds of the English list on all texts."""
    rows = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
    documents = [Document(row["text"], str(number)) for number, row in enumerate(rows)]
    print_time(open_words(lists, "en"), documents)


def time_urls(words: Path, domains: Path, urls: Path) -> None:
    """Print the CPU seconds of all lists on all addresses."""
    entries = words.read_text(encoding="utf-8").splitlines()
    judge = open_urls(
        extra_domains=domains.read_text(encoding="utf-8").splitlines(),
        banned_words=entries,
        soft_banned_words=entries,
        banned_subwords=entries,
    )
    addresses = urls.read_text(encoding="utf-8").splitlines()
    print_time(judge, [Document("", "", metadata={"url": url}) for url in addresses])


def print_time(judge: C4BadWordsFilter | URLFilter, documents: Sequence[Document]) -> None:
    """Run a filter over documents, once it has loaded its lists, and print the CPU seconds."""
    judge.filter(documents[0])
    before = time.process_time()
    dropped = sum(judge.filter(document) is not True for document in documents)
    seconds = time.process_time() - before
    sys.stdout.write(json.dumps({"seconds": seconds, "dropped": dropped}) + "\n")


def judge_texts(lists: Path, texts: Path, result: Path) -> None:
    """Write, for each text, whether the list of each language drops it; bits by language."""
    languages = sorted(c4_filters._BADWORDS_LANGS)
    rows = [json.loads(line) for line in texts.read_text(encoding="utf-8").splitlines()]
    dropped = np.zeros((len(languages), len(rows)), np.bool_)
    for place, language in enumerate(languages):
        judge = open_words(lists, language)
        for number, row in enumerate(rows):
            document = Document(row["text"], str(number))
            dropped[place, number] = judge.filter(document) is not True
    digests = np.array([int(row["digest"], 16) for row in rows], np.uint64)
    np.savez_compressed(
        result, digest=digests, dropped=np.packbits(dropped, axis=1), languages=np.array(languages)
    )


def judge_urls(words: Path, domains: Path, urls: Path, result: Path) -> None:
    """Write, for each address, what each rule alone says: 0 for kept."""
    entries = words.read_text(encoding="utf-8").splitlines()
    blocked = domains.read_text(encoding="utf-8").splitlines()
    filters = {
        "hard": {"banned_words": entries},
        "soft1": {"soft_banned_words": entries, "soft_word_threshold": 1},
        "soft2": {"soft_banned_words": entries, "soft_word_threshold": 2},
        "strict": {"banned_subwords": entries},
        "domain": {"extra_domains": blocked},
    }
    addresses = urls.read_text(encoding="utf-8").splitlines()
    found = {}
    for name, settings in filters.items():
        judge = open_urls(**settings)
        verdicts = (judge.filter(Document("", "", metadata={"url": url})) for url in addresses)
        found[name] = np.packbits([verdict is not True for verdict in verdicts])
    np.savez_compressed(result, count=np.int64(len(addresses)), **found)


if __name__ == "__main__":
    mode, *paths = sys.argv[1:]
    modes = {
        "texts": judge_texts,
        "urls": judge_urls,
        "time-texts": time_texts,
        "time-urls": time_urls,
    }
    modes[mode](*map(Path, paths))
