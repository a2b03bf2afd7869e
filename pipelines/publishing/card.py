"""The dataset card: README.md with the Hub's front matter, filled from facts only.

The same core gives the same bytes: no clock, no host, no order of arrival. Costs
are not part of the core, because two runs of one recipe never cost the same; the
card has them only when an envelope is given.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from gristmill.pipelines.publishing.card_sections import (
    describe_cost,
    describe_drops,
    describe_duplicates,
    describe_funnel,
    describe_groups,
    describe_loading,
    describe_privacy,
    describe_splits,
    describe_verification,
    escape_markdown,
)
from gristmill.schemas.manifests import VersionCore

#: Licence ids of the Hub, by lower-case SPDX id; others become `other` with a `license_name`.
HUB_LICENCES: Final = {
    "apache-2.0": "apache-2.0",
    "cc-by-3.0": "cc-by-3.0",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0",
    "cc-by-sa-3.0": "cc-by-sa-3.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc0-1.0": "cc0-1.0",
    "gfdl-1.3": "gfdl",
    "gfdl-1.3-or-later": "gfdl",
    "mit": "mit",
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
    "unknown": "unknown",
}
#: Folders that get a config of their own, beside text and tokens.
SIDE_TABLES: Final = ("clusters", "evidence", "dropped", "quarantine", "signatures", "signals")
MIN_LANGUAGE_SHARE: Final = 0.01  # of the documents; below it a label is mostly noise
_LANGUAGE_CODE: Final = re.compile(r"^[a-z]{2,3}$")
_POWERS: Final = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def size_category(documents: int) -> str:
    """The Hub's name for a number of rows, such as ``1K<n<10K``."""
    for power, name in enumerate(_POWERS):
        if documents < 10 ** (power + 3):
            return f"n<{name}" if power == 0 else f"{_POWERS[power - 1]}<n<{name}"
    return f"n>{_POWERS[-1]}"


def _choose_languages(core: VersionCore) -> list[str]:
    counts = core.counts_by.get("language", {})
    least = MIN_LANGUAGE_SHARE * sum(counts.values())
    named = [
        (-count, code)
        for code, count in counts.items()
        if count >= least and count > 0 and _LANGUAGE_CODE.match(code)
    ]
    return [code for _, code in sorted(named)]


def _has_rows(core: VersionCore, prefix: str) -> bool:
    """Whether files below a prefix hold any row; `datasets` refuses a split without one."""
    return any(entry.rows for entry in core.files if entry.path.startswith(prefix))


def _list_splits(core: VersionCore, folder: str) -> list[dict[str, str]]:
    return [
        {"split": split, "path": f"{folder}/{split}-*.parquet"}
        for split in core.splits
        if _has_rows(core, f"{folder}/{split}-")
    ]


def list_configs(core: VersionCore) -> list[dict[str, Any]]:
    """What the `datasets` library can load by name: text (default), tokens, side tables."""
    configs: list[dict[str, Any]] = [
        {"config_name": "text", "default": True, "data_files": _list_splits(core, "data")}
    ]
    tokens = _list_splits(core, "tokens")
    if tokens:
        configs.append({"config_name": "tokens", "data_files": tokens})
    for folder in SIDE_TABLES:
        if _has_rows(core, f"{folder}/"):
            files = [{"split": "train", "path": f"{folder}/*.parquet"}]
            configs.append({"config_name": folder, "data_files": files})
    return configs


def render_front_matter(core: VersionCore) -> str:
    """The YAML block that the Hub reads."""
    licence = _licence(core)
    hub_licence = HUB_LICENCES.get(licence.lower(), "other")
    front: dict[str, Any] = {"pretty_name": core.dataset, "license": hub_licence}
    if hub_licence == "other":
        front["license_name"] = licence
    languages = _choose_languages(core)
    if languages:
        front["language"] = languages
    front["size_categories"] = [size_category(sum(s.documents for s in core.splits.values()))]
    front["task_categories"] = ["text-generation", "fill-mask"]
    front["tags"] = ["gristmill", "pretraining"]
    front["configs"] = list_configs(core)
    return f"---\n{yaml.safe_dump(front, sort_keys=False, width=1 << 16)}---"


def _describe_identity(core: VersionCore) -> str:
    sources = core.recipe.get("sources", [])
    names = ", ".join(
        f"{escape_markdown(source.get('name', '?'))} ({escape_markdown(source.get('kind', '?'))})"
        for source in sources
    )
    documents = sum(facts.documents for facts in core.splits.values())
    tokens = sum(facts.tokens for facts in core.splits.values())
    description = core.recipe.get("publishing", {}).get("description", "")
    lines = [
        f"# {escape_markdown(core.dataset)} {core.version}",
        "",
        *([escape_markdown(description), ""] if description else []),
        f"{documents:,} documents, {tokens:,} tokens, from {names or 'no named source'}. "
        "Cleaned, deduplicated and tokenised by gristmill. A version never changes; "
        "a correction is a new version.",
        "",
        f"- dataset id: `{core.dataset_id}`",
        f"- recipe digest: `{core.recipe_digest}`",
        f"- parents: {', '.join(f'`{parent}`' for parent in core.parents) or 'none'}",
        f"- licence of the collection: {escape_markdown(_licence(core))}. Documents keep the "
        "licence of their page; the column `licence` holds it where the source states one.",
    ]
    return "\n".join(lines)


def _licence(core: VersionCore) -> str:
    return str(core.recipe.get("publishing", {}).get("licence", "unknown"))


_LIMITATIONS: Final = """## Limitations

- Rules are heuristics measured on whole documents: they drop some good text and keep some bad
  text. Every drop is a row of `dropped` with the rule, the measured value and the threshold.
- Languages are labels of a model. It is weak on short and mixed texts and on rare languages.
- Near duplicates are found by MinHash: a pair just above the threshold can be missed, and
  duplicates across sources are searched only when the recipe says so.
- Personal data is found by patterns. What has no pattern, such as names, is not found.
- Facts, views and slurs of the sources are kept. Text of the web is not checked for truth."""


def render_card(core: VersionCore, envelope: Mapping[str, Any] | None = None) -> str:
    """Render README.md of a version.

    Args:
        core: the facts. Its files need not list the card itself.
        envelope: adds the cost table, from its key ``stages`` (see `describe_cost`).
            Leave it out where the bytes must be equal on every run.

    Returns:
        Front matter and Markdown body.
    """
    sections: Sequence[str] = (
        render_front_matter(core),
        _describe_identity(core),
        describe_loading(core),
        describe_splits(core),
        describe_funnel(core),
        describe_drops(core),
        describe_groups(core),
        describe_duplicates(core),
        describe_privacy(core),
        describe_cost(envelope or {}),
        _LIMITATIONS,
        describe_verification(core),
    )
    return "\n\n".join(section for section in sections if section) + "\n"
