"""fastText's own trainer, or KenLM, on the work of `quality.py`; prints one line of JSON.

Runs in the environment of requirements-quality.txt, one thread.

    .venv-quality/bin/python peer_quality.py fasttext JOB.json
    .venv-quality/bin/python peer_quality.py kenlm JOB.json
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def train_fasttext(job: dict[str, Any]) -> dict[str, Any]:
    """Train on a file of labelled lines; CPU seconds, and scores of some texts."""
    import fasttext

    started = time.process_time()
    model = fasttext.train_supervised(input=job["lines"], thread=1, verbose=0, **job["settings"])
    seconds = time.process_time() - started
    scores = []
    for text in job["texts"]:
        labels, found = model.predict(text.replace("\n", " "), k=2)
        scores.append(float(dict(zip(labels, found, strict=True))["__label__positive"]))
    return {"seconds": seconds, "scores": scores}


def score_kenlm(job: dict[str, Any]) -> dict[str, Any]:
    """Perplexities of texts, line by line as cc_net does it; CPU seconds."""
    import kenlm

    model = kenlm.Model(job["arpa"])
    started = time.process_time()
    scores = []
    for text in job["texts"]:
        total, length = 0.0, 0
        for line in text.split("\n"):
            if words := line.encode().split():  # as the bindings cut it: spaces of ASCII
                total += model.score(line)
                length += len(words) + 1
        scores.append(10.0 ** (-total / max(1, length)))
    return {"seconds": time.process_time() - started, "scores": scores}


def main() -> None:
    """Do the job that is named."""
    job = json.loads(Path(sys.argv[2]).read_bytes())
    print(json.dumps((train_fasttext if sys.argv[1] == "fasttext" else score_kenlm)(job)))


if __name__ == "__main__":
    main()
