"""`gristmill whatif`: another policy on the signals of a run. No text is read, nothing written."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
_Z: Final = 1.959964  # two-sided 95 % of the normal distribution

Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass
class Tally:
    """Documents and UTF-8 bytes of text, kept now and by the other policy."""

    documents: int = 0
    kept_now: int = 0
    kept_then: int = 0
    bytes: int = 0
    bytes_now: int = 0
    bytes_then: int = 0

    def describe(self, tokens_per_byte: float | None) -> dict[str, Any]:
        """The counts, and what follows from them."""
        found: dict[str, Any] = dataclasses.asdict(self)
        if tokens_per_byte is not None:
            found["tokens_now"] = round(self.bytes_now * tokens_per_byte)
            found["tokens_then"] = round(self.bytes_then * tokens_per_byte)
        found["kept_share_now"] = bound_share(self.kept_now, self.documents)
        found["kept_share_then"] = bound_share(self.kept_then, self.documents)
        return found


@dataclasses.dataclass
class WhatIf:
    """What another policy would keep.

    Attributes:
        total: of all measured documents.
        dropped_now: documents that each rule drops, in the recipe's policy.
        dropped_then: the same in the other one.
        groups: by kind of group, then by group.
        unused_rules: rules of the other policy that drop nothing.
        tokens_per_byte: of the run's published text; None before it was tokenised.
    """

    total: Tally
    dropped_now: Counter[str]
    dropped_then: Counter[str]
    groups: dict[str, dict[str, Tally]]
    unused_rules: tuple[str, ...]
    tokens_per_byte: float | None

    def describe(self) -> dict[str, Any]:
        """All of it as JSON values; groups by size of change, the largest first."""
        rate = self.tokens_per_byte
        return {
            "total": self.total.describe(rate),
            "tokens_per_byte": rate,
            "dropped": {
                rule: {"now": self.dropped_now[rule], "then": self.dropped_then[rule]}
                for rule in sorted({*self.dropped_now, *self.dropped_then})
            },
            "unused_rules": list(self.unused_rules),
            "groups": {
                kind: {name: tally.describe(rate) for name, tally in rank_groups(groups)}
                for kind, groups in self.groups.items()
            },
        }


def bound_share(count: int, total: int) -> dict[str, float] | None:
    """A share with its 95 % interval (Wilson 1927); None of nothing."""
    if total == 0:
        return None
    share, spread = count / total, _Z * _Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * np.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    return {"share": round(share, 6), "low": round(float(low), 6), "high": round(float(high), 6)}


def rank_groups(groups: dict[str, Tally]) -> list[tuple[str, Tally]]:
    """Groups, those first that gain or lose most documents."""
    return sorted(
        groups.items(),
        key=lambda item: (-abs(item[1].kept_then - item[1].kept_now), -item[1].documents, item[0]),
    )


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
    found = WhatIf(Tally(), Counter(), Counter(), {name: {} for name in GROUPS}, (), rate)
    for signals, groups in _read_parts(recipe, workspace, now.list_columns() | then.list_columns()):
        verdicts = judge(signals, now), judge(signals, then)
        found.dropped_now.update(_count_rules(verdicts[0]))
        found.dropped_then.update(_count_rules(verdicts[1]))
        kept = [verdict["kept"].to_numpy(zero_copy_only=False) for verdict in verdicts]
        sizes = signals["text_bytes"].to_numpy()
        _add_rows(found.total, kept, sizes, np.arange(signals.num_rows))
        for kind, names in groups.items():
            _add_groups(found.groups[kind], names, kept, sizes)
    found.unused_rules = tuple(rule for rule in then.list_rules() if not found.dropped_then[rule])
    return found


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


def _count_rules(verdicts: pa.RecordBatch) -> dict[str, int]:
    counts = pc.value_counts(verdicts["rule"].drop_null()).to_pylist()
    return {row["values"]: row["counts"] for row in counts}


def _add_rows(
    tally: Tally, kept: list[Mask], sizes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> None:
    now, then, size = kept[0][rows], kept[1][rows], sizes[rows]
    tally.documents += len(rows)
    tally.kept_now += int(now.sum())
    tally.kept_then += int(then.sum())
    tally.bytes += int(size.sum())
    tally.bytes_now += int(size[now].sum())
    tally.bytes_then += int(size[then].sum())


def _add_groups(
    groups: dict[str, Tally], names: pa.Array, kept: list[Mask], sizes: npt.NDArray[np.int64]
) -> None:
    encoded = pc.fill_null(names, NOWHERE).dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    for rows in np.split(order, cuts):
        name = encoded.dictionary[int(codes[rows[0]])].as_py()
        _add_rows(groups.setdefault(name, Tally()), kept, sizes, rows)
