"""CPU seconds of Dolma's taggers for some texts; runs in Dolma's environment.

.venv-dolma/bin/python tests/benchmarks/signals_dolma.py TEXTS.jsonl OUT.json
"""

import json
import sys
import time
from pathlib import Path

import nltk

nltk.download = lambda *names, **options: False  # it would ask for a model that is not used

from dolma.core.data_types import InputSpec  # noqa: E402
from dolma.core.registry import TaggerRegistry  # noqa: E402

TAGGERS = ("gopher_v1", "c4_v2")


def main(source: str, target: str) -> None:
    """Time each tagger on all texts."""
    lines = Path(source).read_text(encoding="utf-8").split("\n")
    texts = [json.loads(line)["text"] for line in lines if line]
    documents = [InputSpec(id=str(index), text=text) for index, text in enumerate(texts)]
    seconds = {}
    for name in TAGGERS:
        tagger = TaggerRegistry.get(name)()
        tagger.tag(documents[0])
        started = time.process_time()
        for document in documents:
            tagger.tag(document)
        seconds[name] = time.process_time() - started
    Path(target).write_text(json.dumps(seconds) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
