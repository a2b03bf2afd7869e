"""`gristmill whatif`: another policy on the signals of a run. No text is read, nothing written."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.fairness import REMOVAL_SHARES, find_interval, list_shares
from gristmill.cleaning.policy import judge
from gristmill.cleaning.url_rules import registered_domain
from gristmill.pipelines.lookups import align_rows
from gristmill.pipelines.part_files import as_batch, open_part, read_part, view_ids
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.reporting import load_manifests, read_core
from gristmill.pipelines.steps import Workspace
from gristmill.schemas.errors import UsageError
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.recipe import Cleaning, Recipe

#: By what gains and losses are grouped; documents without one stand under `NOWHERE`.
GROUPS: Final = ("language", "script", "source", "domain")
NOWHERE: Final = "-"
_HOST: Final = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?:[^/?#@]*@)?(?P<host>[^/?#:]+)"
ALL: Final = "all"

Rules = tuple[str | None, str | None]


@dataclasses.dataclass
class Tally:
    """Documents and UTF-8 bytes of text by the rules that drop them; None stands for kept.

    Keys are (rule of the recipe's policy, rule of the other one).
    """

    documents: Counter[Rules] = dataclasses.field(default_factory=Counter)
    bytes: Counter[Rules] = dataclasses.field(default_factory=Counter)

    def kept(self, policy: int, what: Counter[Rules] | None = None) -> int:
        """Documents (or bytes) that a policy keeps: 0 the recipe's, 1 the other one."""
        counts = self.documents if what is None else what
        return sum(count for rules, count in counts.items() if rules[policy] is None)

    def dropped(self, policy: int, what: Counter[Rules] | None = None) -> Counter[str]:
        """Documents (or bytes) that each rule of a policy drops."""
        found: Counter[str] = Counter()
        for rules, count in (self.documents if what is None else what).items():
            rule = rules[policy]
            if rule is not None:
                found[rule] += count
        return found

    def describe(self, tokens_per_byte: float | None) -> dict[str, Any]:
        """The counts as JSON values, and what follows from them."""
        found: dict[str, Any] = {"documents": self.documents.total(), "bytes": self.bytes.total()}
        for policy, when in enumerate(("now", "then")):
            kept, size = self.kept(policy), self.kept(policy, self.bytes)
            low, high = find_interval(kept, found["documents"])
            found[f"kept_{when}"] = kept
            found[f"bytes_{when}"] = size
            if tokens_per_byte is not None:
                found[f"tokens_{when}"] = round(size * tokens_per_byte)
            share = kept / max(found["documents"], 1)
            found[f"kept_share_{when}"] = {"share": share, "low": low, "high": high}
        return found


@dataclasses.dataclass
class WhatIf:
    """What another policy would keep.

    Attributes:
        total: of all measured documents.
        groups: by kind of group, then by group.
        unused_rules: rules of the other policy that drop nothing.
        tokens_per_byte: of the run's published text; None before it was tokenised.
    """

    total: Tally
    groups: dict[str, dict[str, Tally]]
    unused_rules: tuple[str, ...]
    tokens_per_byte: float | None

    def list_losses(self, kind: str) -> list[dict[str, Any]]:
        """What each group loses by each rule of the other policy; the largest lift first."""
        groups = self.groups[kind]
        rules = sorted(self.total.dropped(1))
        lost = [tally.dropped(1) for tally in groups.values()]
        counts = np.array(
            [
                [*(one[rule] for rule in rules), tally.kept(1)]
                for one, tally in zip(lost, groups.values(), strict=True)
            ]
        ).reshape(len(groups), len(rules) + 1)
        names = REMOVAL_SHARES.names[1:]
        rows = [dict(zip(names, row, strict=True)) for row in list_shares([*groups], rules, counts)]
        return sorted(
            (row for row in rows if row["dropped"]),
            key=lambda row: (-row["lift"], row["group"], row["rule"]),
        )

    def describe(self) -> dict[str, Any]:
        """All of it as JSON values; groups by size of change, the largest first."""
        rate = self.tokens_per_byte
        now, then = self.total.dropped(0), self.total.dropped(1)
        return {
            "total": self.total.describe(rate),
            "tokens_per_byte": rate,
            "dropped": {
                rule: {"now": now[rule], "then": then[rule]} for rule in sorted({*now, *then})
            },
            "unused_rules": list(self.unused_rules),
            "groups": {
                kind: {name: tally.describe(rate) for name, tally in rank_groups(groups)}
                for kind, groups in self.groups.items()
            },
            "losses": {kind: self.list_losses(kind) for kind in self.groups},
        }


def rank_groups(groups: dict[str, Tally]) -> list[tuple[str, Tally]]:
    """Groups, those first that gain or lose most documents."""
    return sorted(
        groups.items(),
        key=lambda item: (
            -abs(item[1].kept(1) - item[1].kept(0)), -item[1].documents.total(), item[0],
        ),
    )  # fmt: skip


def try_policy(recipe: Recipe, cleaning: Cleaning) -> WhatIf:
    """Judge every measured document by the recipe's policy and by another one.

    Duplicates are not resolved again: counts are those before deduplication, and opt-outs
    and lists of URLs, which are no signals, are left out of both.

    Args:
        recipe: of a run whose measure has finished.
        cleaning: the other policy.

    Raises:
        UsageError: nothing was measured yet, or a policy reads a signal that was not.
        SchemaError: the other policy names a rule that does not exist.
    """
    now, then = build_policy(recipe.cleaning), build_policy(cleaning)
    workspace = Workspace(recipe.output_path / "work")
    rate = _read_rate(recipe, workspace)
    found = WhatIf(Tally(), {name: {} for name in GROUPS}, (), rate)
    for signals, groups in _read_parts(recipe, workspace, now.list_columns() | then.list_columns()):
        verdicts = [judge(signals, policy)["rule"] for policy in (now, then)]
        for kind, names in {ALL: None, **groups}.items():
            for name, rules, documents, size in _count_rows(names, verdicts, signals["text_bytes"]):
                tally = found.total if kind == ALL else found.groups[kind].setdefault(name, Tally())
                tally.documents[rules] += documents
                tally.bytes[rules] += size
    dropped = found.total.dropped(1)
    found.unused_rules = tuple(rule for rule in then.list_rules() if not dropped[rule])
    return found


def _count_rows(
    names: pa.Array | None, verdicts: list[pa.Array], sizes: pa.Array
) -> Iterator[tuple[str, Rules, int, int]]:
    """Count documents and bytes by group and by what both policies say."""
    group = pa.array([ALL] * len(sizes)) if names is None else pc.fill_null(names, NOWHERE)
    table = pa.table([group, *verdicts, sizes], ["group", "now", "then", "bytes"])
    counted = table.group_by(["group", "now", "then"], use_threads=False)
    for row in counted.aggregate([("bytes", "sum"), ([], "count_all")]).to_pylist():
        yield row["group"], (row["now"], row["then"]), row["count_all"], row["bytes_sum"]


def _read_rate(recipe: Recipe, workspace: Workspace) -> float | None:
    core = read_core(recipe, workspace)
    if core is None:
        return None
    size = sum(split.utf8_bytes for split in core.splits.values())
    return sum(split.tokens for split in core.splits.values()) / size if size else None


def _read_parts(
    recipe: Recipe, workspace: Workspace, wanted: frozenset[str]
) -> Iterator[tuple[pa.RecordBatch, dict[str, pa.Array]]]:
    """Yield signals of some documents, and the groups that these belong to."""
    manifests = load_manifests(workspace)
    if "measure" not in manifests or "collect" not in manifests:
        raise UsageError(f"{recipe.output_path} holds no signals; run the recipe first")
    documents = _name_parts(workspace, manifests["collect"], "documents")
    for title, path in _name_parts(workspace, manifests["measure"], "signals").items():
        with open_part(path) as part:
            measured = set(part.schema_arrow.names)
        missing = sorted(wanted - measured)
        if missing:
            raise UsageError(
                f"the run did not measure {', '.join(missing)}: add the dialect or the model to "
                "the recipe's measuring and run it again"
            )
        columns = {"doc_id", "language", "text_bytes", *wanted} | (measured & {"script"})
        signals = as_batch(read_part(path, sorted(columns)))
        if signals.num_rows:
            origins = as_batch(read_part(documents[title], ["doc_id", "source", "url"]))
            rows = align_rows(view_ids(origins["doc_id"]), view_ids(signals["doc_id"]))
            yield signals, _list_groups(signals, origins.take(pa.array(rows)))


def _name_parts(workspace: Workspace, manifest: StageManifest, table: str) -> dict[str, str]:
    """Paths of a table's parts by the titles of their units."""
    folder = workspace.step_folder(manifest.stage)
    named = {}
    for part in manifest.of_table(table):
        record = json.loads((folder / "units" / part.unit_key / "record.json").read_bytes())
        named[record["title"]] = str(folder / part.path)
    return named


def _list_groups(signals: pa.RecordBatch, origins: pa.RecordBatch) -> dict[str, pa.Array]:
    groups = {"language": signals["language"], "source": origins["source"]}
    if "script" in signals.schema.names:
        groups["script"] = signals["script"]
    hosts = pc.struct_field(pc.extract_regex(origins["url"], _HOST), "host").dictionary_encode()
    domains = [registered_domain(host) or host for host in hosts.dictionary.to_pylist()]
    groups["domain"] = pa.array(domains, pa.string()).take(hosts.indices)
    return groups
