"""Runs fasttext-langdetect or lingua in the peers' environment over texts in a file.

    python peer_language.py lingua TEXTS.jsonl

Texts come as JSON lines, each a string. The answer is one line of JSON: the languages as
ISO 639-1 codes, or null, and the CPU seconds after the models were loaded. Nothing here
imports gristmill. fasttext-langdetect takes its model from the folder $FTLANG_CACHE.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Detect = Callable[[str], str | None]


def load_fasttext_langdetect() -> Detect:
    """With the compressed model, the one that gristmill embeds."""
    from ftlangdetect import detect

    def find(text: str) -> str | None:
        return str(detect(text, low_memory=True)["lang"]) if text.strip() else None

    return find


def load_lingua() -> Detect:
    """With all its languages and full models, loaded beforehand."""
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def find(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else str(found.iso_code_639_1.name).lower()

    return find


LOADERS = {"fasttext-langdetect": load_fasttext_langdetect, "lingua": load_lingua}


def main() -> int:
    """Detect the language of every text."""
    name, path = sys.argv[1:]
    texts = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    detect = LOADERS[name]()
    detect("This loads what is loaded late.")
    before = time.process_time()
    languages = [detect(text) for text in texts]
    seconds = time.process_time() - before
    sys.stdout.write(json.dumps({"languages": languages, "cpu_seconds": seconds}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
