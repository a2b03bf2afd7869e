"""Sections of the dataset card: each a function from facts to Markdown, empty without facts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gristmill.schemas.manifests import StageFacts, VersionCore

MAX_ROWS: Final = 50  # of a table in the card; the rest is one line
_TEXT_COLUMNS: Final = frozenset({"stage", "rule", "reason", "split", "name"})
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|#&!~$])")
#: Line ends, other controls, and marks that reorder text.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def escape_markdown(text: object) -> str:
    """Make one line of Markdown that shows exactly this text, without markup or HTML."""
    return _MARKUP.sub(r"\\\1", _UNPRINTABLE.sub(" ", str(text))).replace("\\<", "&lt;")


def _format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def cells(row: Sequence[object]) -> str:
        return "| " + " | ".join(_format_cell(cell) for cell in row) + " |"

    aligned = "|" + "".join("---|" if name in _TEXT_COLUMNS else "---:|" for name in header)
    return "\n".join(["| " + " | ".join(header) + " |", aligned, *(cells(row) for row in rows)])


def _format_cell(cell: object) -> str:
    if isinstance(cell, int):
        return f"{cell:,}"
    return escape_markdown(cell)


def _format_share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _rank(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Largest first, ties by name, at most MAX_ROWS; the remainder as one row."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = ranked[MAX_ROWS:]
    more = [(f"{len(rest)} more", sum(count for _, count in rest))] if rest else []
    return ranked[:MAX_ROWS] + more


def describe_loading(core: VersionCore) -> str:
    """How to read the exported folder with pyarrow, datasets and gristmill."""
    split = next(iter(core.splits), "train")
    return f"""## Load

From the exported folder (`gristmill export` writes it), here called `DIR`:

```python
import pyarrow.dataset

table = pyarrow.dataset.dataset("DIR/data", format="parquet").to_table(columns=["url", "text"])
```

```python
import datasets

texts = datasets.load_dataset("DIR", "text", split="{split}")
```

From the store, with every digest known:

```python
from pathlib import Path

from gristmill.schemas.versions import open_version

version = open_version(Path("STORE/{core.dataset}"), "{core.version}")
files = [version.file(entry.path) for entry in version.files("data/{split}-")]
```

Rows of a split are sorted by `doc_id`, which is a hash: the order is a shuffle already."""


def describe_splits(core: VersionCore) -> str:
    """Sizes of the splits, how they were cut, and the tokenizer."""
    rows = [
        (split, facts.documents, facts.utf8_bytes, facts.tokens)
        for split, facts in core.splits.items()
    ]
    table = _format_table(("split", "documents", "UTF-8 bytes", "tokens"), rows)
    tokenizer = core.tokenizer
    packing = ", ".join(
        f"{key} {value}"
        for key, value in sorted(core.packing.items())
        if isinstance(value, str | int | float)
    )
    return f"""## Splits and tokens

{table}

Splits are cut by a hash of `doc_id`, so a document never moves to another split in a later
version with the same shares.

Tokens: `{tokenizer.path}`, {tokenizer.vocab_size:,} entries, end of document
{tokenizer.eos_id}, stored as {tokenizer.dtype}; sha256 `{tokenizer.sha256}`.
Packing plans: {escape_markdown(packing) or "none"}. Any other sequence length needs a new plan
only, no new tokens."""


def describe_funnel(core: VersionCore) -> str:
    """What went into each stage and what became of it."""
    rows = [
        (
            facts.stage,
            facts.records_in,
            facts.kept,
            sum(facts.dropped.values()),
            sum(facts.quarantined.values()),
            _format_share(facts.kept, facts.records_in),
        )
        for facts in core.stages
    ]
    if not rows:
        return ""
    table = _format_table(("stage", "in", "kept", "dropped", "quarantined", "kept share"), rows)
    return f"""## Funnel

Every record that went in is kept, dropped by a rule or quarantined; each line adds up.

{table}"""


def _list_reasons(stages: Sequence[StageFacts], counts_of: str) -> list[tuple[str, str, int, str]]:
    rows: list[tuple[str, str, int, str]] = []
    for facts in stages:
        counts: dict[str, int] = getattr(facts, counts_of)
        rows += [
            (facts.stage, reason, count, _format_share(count, facts.records_in))
            for reason, count in _rank(counts)
            if count
        ]
    return rows


def describe_drops(core: VersionCore) -> str:
    """Drops by rule and quarantine by reason."""
    parts: list[str] = []
    drops = _list_reasons(core.stages, "dropped")
    if drops:
        table = _format_table(("stage", "rule", "documents", "of the stage's input"), drops)
        parts.append(f"## Drops by rule\n\n{table}")
    quarantined = _list_reasons(core.stages, "quarantined")
    if quarantined:
        table = _format_table(("stage", "reason", "records", "of the stage's input"), quarantined)
        parts.append(f"## Quarantine by reason\n\n{table}")
    return "\n\n".join(parts)


def describe_groups(core: VersionCore) -> str:
    """Published documents by language, source and whatever else was counted."""
    parts: list[str] = []
    for group, counts in sorted(core.counts_by.items()):
        total = sum(counts.values())
        rows = [(name, count, _format_share(count, total)) for name, count in _rank(counts)]
        if rows:
            table = _format_table(("name", "documents", "share"), rows)
            parts.append(f"## Documents by {escape_markdown(group)}\n\n{table}")
    return "\n\n".join(parts)


def describe_duplicates(core: VersionCore) -> str:
    """Which duplicates were removed and how to see the proof."""
    settings: Any = core.recipe.get("deduplication")
    if not isinstance(settings, Mapping):
        return ""
    near = settings.get("near")
    if isinstance(near, Mapping):
        search = (
            f"Near duplicates: MinHash over {near.get('words_per_shingle')}-word shingles, "
            f"{near.get('bands')} bands of {near.get('rows_per_band')} rows, scope "
            f"{escape_markdown(near.get('scope'))}. A candidate pair is verified, and a document "
            f"goes only if its {escape_markdown(near.get('similarity'))} similarity to a kept "
            f"document is at least {near.get('min_similarity')}."
        )
    else:
        search = "Near duplicates were not searched."
    exact = "removed" if settings.get("exact") else "not searched"
    return f"""## Duplicates

Exact duplicates: {exact}. {search} `evidence` names the winner and the similarity of every
removal, `clusters` the component of every document that has a duplicate."""


def describe_privacy(core: VersionCore) -> str:
    """What was redacted and what the tables do not hold."""
    cleaning: Any = core.recipe.get("cleaning")
    kinds = cleaning.get("redact", ()) if isinstance(cleaning, Mapping) else ()
    redacted = ", ".join(escape_markdown(kind) for kind in sorted(kinds))
    return f"""## Personal data

Replaced by placeholders in the text: {redacted or "nothing"}. Duplicates are searched before the
replacement. `dropped` and `quarantine` hold no document text. URLs and titles are published as
the sources state them."""


def describe_cost(envelope: Mapping[str, Any]) -> str:
    """What each stage cost.

    Args:
        envelope: its key ``stages`` lists mappings with ``stage``, ``records_in``,
            ``cpu_seconds``, ``bytes_in`` and ``bytes_out``.
    """
    rows = [
        (
            cost["stage"],
            f"{cost['cpu_seconds']:,.1f}",
            f"{cost['records_in'] / cost['cpu_seconds']:,.0f}" if cost["cpu_seconds"] else "-",
            int(cost["bytes_in"]),
            int(cost["bytes_out"]),
        )
        for cost in envelope.get("stages", ())
    ]
    if not rows:
        return ""
    header = ("stage", "CPU seconds", "records per CPU second", "bytes in", "bytes out")
    return f"## Cost\n\n{_format_table(header, rows)}"


def describe_verification(core: VersionCore) -> str:
    """How to check the bytes and how to cite the version."""
    models = "".join(
        f"\n- {escape_markdown(role)}: sha256 `{sha256}`"
        for role, sha256 in sorted(core.models.items())
    )
    used = f"\n\nModels that decided about documents:\n{models}" if models else ""
    return f"""## Verify and cite

```sh
gristmill verify STORE/{core.dataset} {core.version}   # every byte, row, digest and count
sha256sum --check SHA256SUMS      # in the exported folder, without gristmill
```

Cite as: {escape_markdown(core.dataset)}, version {core.version}, `{core.dataset_id}`.{used}"""
