"""What Dolma itself says of some texts: its taggers' values and its mixer's decisions.

Runs in an environment of its own, with Dolma and not with gristmill:

    python -m venv .venv-dolma
    .venv-dolma/bin/pip install --no-deps -r tests/benchmarks/requirements-dolma.txt
    python tests/real_texts.py TEXTS.jsonl
    .venv-dolma/bin/python tests/benchmarks/peer_rules_dolma.py TEXTS.jsonl OUT.npz

OUT holds numbers only: `digests` (n,) uint64; `names` (m,) of attributes and of counts
made of line tags; `values` (n, m) float64, NaN where the tagger wrote no attribute;
`tables` (t,) and `kept` (n, t) bool: what the mixer left of the texts with each table's
filters. The filters are those of configs/dolma-v1_5/mixing/cc-head.yaml, "as meant" with
the attributes' real names and Gopher's limits.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import nltk
import numpy as np

nltk.download = lambda *names, **options: False  # it would ask for a model that is not used

from dolma import mixer  # noqa: E402
from dolma.core.data_types import InputSpec  # noqa: E402
from dolma.core.registry import TaggerRegistry  # noqa: E402

_QUALITY: Final = (
    ("word_count", "<", 50),
    ("word_count", ">", 100000),
    ("median_word_length", "<", 3),
    ("median_word_length", ">", 10),
    ("symbol_to_word_ratio", ">", 0.1),
    ("fraction_of_words_with_alpha_character", "<", 0.8),
    ("required_word_count", "<", 2),
    ("fraction_of_lines_starting_with_bullet_point", ">", 0.9),
    ("fraction_of_lines_ending_with_ellipsis", ">", 0.3),
)
_DUPLICATE_GRAMS: Final = tuple(
    (f"fraction_of_characters_in_duplicate_{order}grams", ">", limit)
    for order, limit in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
)


def _top_grams(ending: str) -> tuple[tuple[str, str, float], ...]:
    return tuple(
        (f"fraction_of_characters_in_most_common_{order}gram{ending}", ">", limit)
        for order, limit in zip(range(2, 5), (0.20, 0.18, 0.16), strict=True)
    )


FILTERS: Final = {
    "gopher_quality@dolma": ("gopher_v1", _QUALITY),
    "gopher_repetition@dolma": (
        "gopher_v1",
        (
            ("fraction_of_duplicate_lines", ">", 0.3),
            ("fraction_of_characters_in_duplicate_lines", ">", 0.2),
            *_top_grams("s"),
            *_DUPLICATE_GRAMS,
        ),
    ),
    "gopher_repetition@dolma_v1_5": (
        "gopher_v1",
        (
            ("fraction_of_duplicate_lines", ">", 0.3),
            ("fraction_of_characters_in_duplicate_lines", ">", 0.3),
            *_top_grams(""),  # as it stands there: no attribute has this name
            *_DUPLICATE_GRAMS,
        ),
    ),
    "c4@dolma": (
        "c4_v2",
        tuple(
            (name, ">", 0.5) for name in ("has_curly_brace", "has_lorem_ipsum", "has_javascript")
        ),
    ),
}
#: Attributes whose one value is kept, by tagger.
_GOPHER: Final = (
    *("character_count", "word_count", "median_word_length", "symbol_to_word_ratio"),
    *("fraction_of_words_with_alpha_character", "required_word_count"),
    *("fraction_of_lines_starting_with_bullet_point", "fraction_of_lines_ending_with_ellipsis"),
    *("fraction_of_duplicate_lines", "fraction_of_characters_in_duplicate_lines"),
    *(f"fraction_of_characters_in_most_common_{order}grams" for order in range(2, 5)),
    *(f"fraction_of_characters_in_duplicate_{order}grams" for order in range(5, 11)),
)
_C4: Final = ("has_curly_brace", "has_lorem_ipsum", "has_javascript", "line_count")
#: Tags of lines, of which the number and the characters are kept.
_LINE_TAGS: Final = ("lines_with_no_ending_punctuation", "lines_with_too_few_words")
TAGGERS: Final = {"gopher_v1": _GOPHER, "gopher_v2": _GOPHER, "c4_v1": _C4, "c4_v2": _C4}


def _read_values(tags: dict[str, dict[str, Any]]) -> dict[str, float]:
    """One number per attribute; of line tags, how many there are, and what they leave."""
    values = {}
    for tagger, names in TAGGERS.items():
        for name in names:
            spans = tags[tagger].get(name, [])
            missing = 0.0 if name.startswith("has_") else float("nan")
            values[f"{tagger}__{name}"] = spans[0][2] if spans else missing
    # c4_v2 measures its spans in the text in lower case, where they can be longer.
    tagged = [{tuple(span[:2]) for span in tags["c4_v1"].get(name, [])} for name in _LINE_TAGS]
    for name, spans in zip(_LINE_TAGS, tagged, strict=True):
        values[f"c4_v1__{name}"] = float(len(spans))
    values["lines_left"] = values["c4_v1__line_count"] - len(tagged[0] | tagged[1])
    values["characters_cut"] = float(sum(end - start for start, end in tagged[0] | tagged[1]))
    return values


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _run_mixer(documents: list[dict[str, Any]], tagged: list[dict[str, Any]], table: str) -> Any:
    """Which documents the mixer leaves: bool per document, in order."""
    tagger, rules = FILTERS[table]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_lines(root / "documents/part.jsonl.gz", documents)
        rows = [
            {
                "id": document["id"],
                "attributes": {
                    f"rules__{tagger}__{key}": value for key, value in tags[tagger].items()
                },
            }
            for document, tags in zip(documents, tagged, strict=True)
        ]
        _write_lines(root / "attributes/rules/part.jsonl.gz", rows)
        names = [(f"@.rules__{tagger}__{name}", sign, limit) for name, sign, limit in rules]
        stream = {
            "name": "mixed",
            "documents": [f"{root}/documents/*.jsonl.gz"],
            "attributes": ["rules"],
            "output": {"path": f"{root}/output", "max_size_in_bytes": 1 << 40},
            "filter": {
                "include": [],
                "exclude": [
                    f"$.attributes[?({name} && {name}[0] && {name}[0][2] {sign} {limit})]"
                    for name, sign, limit in names
                ],
            },
        }
        work = {"input": f"{root}/work/input", "output": f"{root}/work/output"}
        mixer({"streams": [stream], "work_dir": work, "processes": 1})
        (output,) = (root / "output").iterdir()
        with gzip.open(output, "rt") as file:
            left = {json.loads(line)["id"] for line in file}
    return np.array([document["id"] in left for document in documents])


def main(source: str, target: str) -> None:
    """Tag, mix and record."""
    with Path(source).open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    documents = [{"id": str(index), "text": row["text"]} for index, row in enumerate(records)]
    taggers = {name: TaggerRegistry.get(name)() for name in TAGGERS}
    started = time.perf_counter()
    tagged = [
        {name: tagger.tag(InputSpec(**document)) for name, tagger in taggers.items()}
        for document in documents
    ]
    seconds = time.perf_counter() - started
    values = [_read_values(tags) for tags in tagged]
    kept = [_run_mixer(documents, tagged, table) for table in FILTERS]
    np.savez_compressed(
        target,
        digests=np.array([int(row["digest"], 16) for row in records], np.uint64),
        names=np.array(list(values[0])),
        values=np.array([list(row.values()) for row in values]),
        tables=np.array(list(FILTERS)),
        kept=np.array(kept).T,
    )
    size = sum(len(document["text"].encode()) for document in documents)
    figures = {"documents": len(documents), "tagging_mb_per_second": size / seconds / 1e6}
    print(json.dumps({"figures": figures, "against": {}}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
