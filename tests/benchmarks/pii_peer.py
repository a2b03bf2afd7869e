"""Run a peer's own detector of personal data: in the peer's environment, by `pii.py`.

    python pii_peer.py datatrove|dolma TEXTS SPANS

TEXTS is a JSON list of strings. SPANS gets, for each text, a list of [kind, start, end]
in code points. The last line of the output is CPU seconds, imports left out.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Spans = list[list[object]]


def load_datatrove() -> Callable[[str], Spans]:
    """The two replacers of datatrove's formatter, asked where they would replace."""
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()
    replacers = (("email", formatter.emails_replacer), ("ipv4", formatter.ip_replacer))

    def find(text: str) -> Spans:
        return [
            [kind, *match.span()]
            for kind, replacer in replacers
            for match in replacer.regex.finditer(text)
            if not replacer.validator or replacer.validator(match.group(0))
        ]

    return find


def load_dolma() -> Callable[[str], Spans]:
    """Dolma's tagger of versions 1.6 and 1.7, without the spans about the whole document."""
    from dolma.core.data_types import Document
    from dolma.taggers.pii import FastPiiRegex

    tagger = FastPiiRegex()
    kinds = {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ipv4"}

    def find(text: str) -> Spans:
        spans = tagger.predict(Document(source="", id="", text=text)).spans
        return [[kinds[span.type], span.start, span.end] for span in spans if span.type in kinds]

    return find


def main(peer: str, texts_path: str, spans_path: str) -> None:
    """Find, write the spans, print the seconds."""
    find = {"datatrove": load_datatrove, "dolma": load_dolma}[peer]()
    texts = json.loads(Path(texts_path).read_text(encoding="utf-8"))
    started = time.process_time()
    spans = [find(text) for text in texts]
    seconds = time.process_time() - started
    Path(spans_path).write_text(json.dumps(spans), encoding="utf-8")
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
