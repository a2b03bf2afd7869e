"""The steps of decide: judge, resolve, apply, sort."""

from typing import Any

from gristmill.pipelines.exchange import count_partitions
from gristmill.pipelines.policies import build_policy
from gristmill.pipelines.run_state import Run
from gristmill.pipelines.stages import collect, measure
from gristmill.pipelines.stages.collect_steps import CONSENTS
from gristmill.pipelines.stages.deduplicate import make_settings
from gristmill.pipelines.stages.planning import (
    ROWS_PER_PARTITION,
    Slot,
    Work,
    list_digests,
    list_parts,
    list_priorities,
    name_partitions,
    plan_reduce,
    plan_units,
)
from gristmill.pipelines.stages.splitting import SPLITS
from gristmill.pipelines.steps import Step
from gristmill.pipelines.units import trace_modules
from gristmill.schemas.errors import AccountingError
from gristmill.schemas.manifests import StageManifest
from gristmill.schemas.recipe import Cleaning

CODE = (
    "gristmill.dedup",
    "gristmill.pipelines.exchange",
    "gristmill.pipelines.lookups",
    "gristmill.pipelines.part_files",
    "gristmill.pipelines.policies",
    "gristmill.pipelines.set_aside",
    "gristmill.pipelines.stages.applying",
    "gristmill.pipelines.stages.deduplicate",
    "gristmill.pipelines.stages.judging",
    "gristmill.pipelines.stages.opt_outs",
    "gristmill.pipelines.stages.splitting",
    "gristmill.pipelines.stages.verifying",
    "gristmill.schemas.identity",
    "gristmill.schemas.tables",
    "dist:pyarrow",
)
DROPPED_PER_PARTITION = 20 * ROWS_PER_PARTITION


def run_decide(run: Run) -> None:
    """Bring every step of decide to its end.

    Raises:
        AccountingError: the dropped table has another number of rows than was dropped.
    """
    measured = run.manifests[measure.STAGE].totals
    judged = run.close(_plan_judge(run), measured)
    resolved = run.close(_plan_resolve(run, judged))
    applied = run.close(_plan_apply(run, judged, resolved), measured)
    _warn_of_idle_rules(run, applied)
    run.close(_plan_sort(run, applied, "curated", _name_shards(run)), applied.totals)
    slots = name_partitions(count_partitions(measured.kept, DROPPED_PER_PARTITION))
    dropped = run.close(_plan_sort(run, applied, "dropped", slots)).totals
    lost = sum(applied.totals.dropped.values())
    if dropped.records_in != lost:
        raise AccountingError(
            f"decide dropped {lost} documents, but its dropped table has {dropped.records_in}"
        )


def _warn_of_idle_rules(run: Run, applied: StageManifest) -> None:
    """A rule that drops nothing may be a mistake, such as a bound on the wrong scale."""
    rules = build_policy(run.recipe.cleaning).list_rules()
    idle = [rule for rule in rules if not applied.totals.dropped.get(rule)]
    if idle and applied.totals.records_in:
        run.progress.warn(
            f"{len(idle)} of {len(rules)} rules dropped none of "
            f"{applied.totals.records_in} documents: {', '.join(idle)}"
        )


def list_code(cleaning: Cleaning) -> tuple[str, ...]:
    """Modules that decide: policies, and the dialects whose rules the recipe's policy has."""
    names = build_policy(cleaning).list_dialects()
    roots = ["gristmill.cleaning.kept_texts", *(f"gristmill.cleaning.dialects.{n}" for n in names)]
    return (*CODE, *trace_modules("gristmill.cleaning", *roots))


def _describe_choices(run: Run) -> dict[str, Any]:
    return {
        "cleaning": run.recipe.cleaning.model_dump(mode="json"),
        "splits": run.recipe.splits.model_dump(mode="json"),
    }


def _list_measured(run: Run) -> list[Slot]:
    """One slot a documents part, with the signals that measure made of it."""
    documents = run.pair_parts(collect.STAGE, "documents")
    signals = run.pair_parts(measure.STAGE, "signals")
    return [
        Slot(
            record.title,
            [part.sha256, measured.sha256],
            {"documents": path, "signals": signals_path, "unit_key": part.unit_key},
        )
        for (record, part, path), (_, measured, signals_path) in zip(
            documents, signals, strict=True
        )
    ]


def _plan_judge(run: Run) -> Step:
    verified, linked = run.manifests["deduplicate.verify"], run.manifests["deduplicate.link"]
    choices = {
        **_describe_choices(run),
        "priorities": list_priorities(run),
        "count": len(run.steps["deduplicate.verify"].units),
    }
    work = Work("decide.judge", "judging:judge_part", choices, list_code(run.recipe.cleaning))
    lists = {
        "clusters": list_parts(run, work.step, verified, "clusters"),
        "repeats": list_parts(run, work.step, linked, "repeats"),
        "consents": run.workspace.write_list(work.step, "consents", []),
    }
    facts = [*list_digests(verified, "clusters"), *list_digests(linked, "repeats")]
    objected = run.manifests.get(CONSENTS)
    if objected is not None:
        lists["consents"] = list_parts(run, work.step, objected, "consents")
        facts += list_digests(objected, "consents")
    return plan_units(
        run, work, _list_measured(run), shared_inputs=facts, shared_params={**choices, **lists}
    )


def _plan_resolve(run: Run, judged: StageManifest) -> Step:
    settings = run.recipe.deduplication
    choices = {
        "deduplication": settings.model_dump(mode="json"),
        "rule_version": make_settings(settings.near).version,
    }
    slots = [
        Slot(record.title, [part.sha256], {**choices, "matches": path})
        for record, part, path in run.pair_parts("deduplicate.verify", "matches")
    ]
    work = Work(
        "decide.resolve", "judging:resolve_partition", choices, list_code(run.recipe.cleaning)
    )
    return plan_reduce(run, work, {"members": judged}, slots)


def count_shards(run: Run) -> dict[str, int]:
    """Shards of each split, from the text that the policy keeps: no setting, no worker count."""
    kept = sum(int(record.facts["kept_text_bytes"]) for record in run.records("decide.judge"))
    shares = run.recipe.splits
    held_out = {"validation": shares.validation, "test": shares.test}
    sizes = {"train": 1 - sum(held_out.values()), **held_out}
    return {
        name: count_partitions(int(kept * sizes[name]), run.recipe.publishing.shard_bytes)
        for name in SPLITS
    }


def _name_shards(run: Run) -> list[Slot]:
    counts = count_shards(run)
    return [
        Slot(f"{split}-{number:05d}-of-{counts[split]:05d}")
        for split in SPLITS
        for number in range(counts[split])
    ]


def _plan_apply(run: Run, judged: StageManifest, resolved: StageManifest) -> Step:
    verified = run.manifests["deduplicate.verify"]
    measured = run.manifests[measure.STAGE].totals.kept
    choices = {
        **_describe_choices(run),
        "counts": count_shards(run),
        "dropped_count": count_partitions(measured, DROPPED_PER_PARTITION),
    }
    work = Work("decide.apply", "applying:apply_part", choices, list_code(run.recipe.cleaning))
    lists = {
        "losers": list_parts(run, work.step, resolved, "losers"),
        "clusters": list_parts(run, work.step, verified, "clusters"),
    }
    facts = [*list_digests(resolved, "losers"), *list_digests(verified, "clusters")]
    slots = [
        Slot(slot.title, [*slot.inputs, part.sha256], {**slot.params, "verdicts": path})
        for slot, (_, part, path) in zip(
            _list_measured(run), run.pair_parts("decide.judge", "verdicts"), strict=True
        )
    ]
    return plan_units(run, work, slots, shared_inputs=facts, shared_params={**choices, **lists})


def _plan_sort(run: Run, applied: StageManifest, table: str, slots: list[Slot]) -> Step:
    work = Work(f"decide.sort-{table}", "applying:sort_partition", table, CODE)
    named = [Slot(slot.title, (), {"table": table}) for slot in slots]
    return plan_reduce(run, work, {table: applied}, named)
