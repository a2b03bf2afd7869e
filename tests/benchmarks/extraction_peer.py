"""Runs trafilatura in the peers' environment: pages come in by a pipe, text and time go out.

Each request is a line with the number of bytes, then the page in UTF-8; each answer is
one line of JSON. Nothing here imports gristmill.
"""

import functools
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import peer_environment

#: Of .venv-extraction: what the other peers need pins an older trafilatura.
find_python = functools.partial(peer_environment.find_python, "extraction")


class Trafilatura:
    """A process that extracts with trafilatura, without comments, with tables."""

    def __init__(self, python: Path) -> None:
        command = [str(python), __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.version = self._ask("")["text"]

    def extract(self, html: str) -> tuple[str, float]:
        """Text of a page and the CPU seconds it took."""
        answer = self._ask(html)
        return str(answer["text"]), float(answer["seconds"])

    def _ask(self, html: str) -> dict[str, object]:
        assert self._process.stdin is not None and self._process.stdout is not None
        raw = html.encode("utf-8", "replace")
        self._process.stdin.write(b"%d\n" % len(raw) + raw)
        self._process.stdin.flush()
        answer: dict[str, object] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def answer_requests() -> None:
    """Answer until the pipe is closed; the answer to an empty page is the version."""
    import trafilatura

    logging.disable(logging.CRITICAL)
    for size in iter(sys.stdin.buffer.readline, b""):
        html = sys.stdin.buffer.read(int(size)).decode("utf-8")
        before = time.process_time()
        if html:
            text = trafilatura.extract(html, include_comments=False, include_tables=True) or ""
        else:
            text = trafilatura.__version__
        seconds = time.process_time() - before
        sys.stdout.write(json.dumps({"text": text, "seconds": seconds}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    answer_requests()
