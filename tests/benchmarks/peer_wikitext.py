"""mwparserfromhell or wikitextparser over texts; prints the CPU seconds it took.

Runs in the peers' environment.

    .venv-peers/bin/python peer_wikitext.py mwparserfromhell TEXTS.json
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def find_renderer(name: str) -> Callable[[str], str]:
    """What the peer's documentation offers for plain text."""
    if name == "mwparserfromhell":
        import mwparserfromhell

        return lambda text: str(mwparserfromhell.parse(text).strip_code())
    import wikitextparser

    return lambda text: str(wikitextparser.parse(text).plain_text())


def main() -> None:
    """Render every text of a JSON list."""
    render = find_renderer(sys.argv[1])
    texts = json.loads(Path(sys.argv[2]).read_bytes())
    started = time.process_time()
    for text in texts:
        render(text)
    print(time.process_time() - started)


if __name__ == "__main__":
    main()
