"""`gristmill rules` and `gristmill whatif`: what rules there are, and what they would do."""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gristmill.cleaning.bounds import Bound
    from gristmill.pipelines.cli_engines import AddVerb, Verbs
    from gristmill.pipelines.what_if import WhatIf

ANY_RULE = "*"  # as in `gristmill.cleaning.fairness`, which is imported when called
#: Groups of each kind that a table for people shows.
SHOWN_GROUPS = 10


def add_rule_verbs(verbs: "Verbs", add_verb: "AddVerb") -> None:
    """``gristmill rules`` and ``gristmill whatif``."""
    verb = add_verb(
        verbs, "rules", "every published rule: list, show, compare", "gristmill rules list"
    )
    actions = verb.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = add_verb(
        actions, "list", "tables, line rules and presets", "gristmill rules list --json"
    )
    action.add_argument("--json", action="store_true", help="print JSON")
    action = add_verb(
        actions,
        "show",
        "the bounds of a table or a preset, and their source",
        "gristmill rules show gopher_quality@dolma",
    )
    action.add_argument("name", help="table, preset or policy file")
    action.add_argument("--json", action="store_true", help="print JSON")
    action = add_verb(
        actions,
        "diff",
        "which documents of a sample change side between two rules",
        "gristmill rules diff gopher_quality gopher_quality@dolma --sample pages.jsonl.gz",
    )
    action.add_argument("first", help="table, line rule, preset or policy file")
    action.add_argument("second", help="table, line rule, preset or policy file")
    action.add_argument(
        "--sample", required=True, metavar="FILE", help="recipe of a run, JSON lines, Parquet, text"
    )
    action.add_argument("-n", "--rows", type=int, default=20, help="documents to list")
    action.add_argument("--json", action="store_true", help="print JSON")
    _add_what_if(verbs, add_verb)


def _add_what_if(verbs: "Verbs", add_verb: "AddVerb") -> None:
    verb = add_verb(
        verbs,
        "whatif",
        "what another policy would keep, from stored signals",
        "gristmill whatif demo.yaml --policy fineweb",
    )
    verb.add_argument("recipe", help="recipe of a run, YAML")
    verb.add_argument("--output", help="replaces the recipe's output folder")
    verb.add_argument(
        "--policy", required=True, help="preset, policy file, or another recipe's cleaning"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")


def rules(options: Namespace) -> int:
    """List, show or compare rules."""
    return {"list": _list_rules, "show": _show_rule, "diff": _diff_rules}[options.action](options)


def _list_rules(options: Namespace) -> int:
    from gristmill.cleaning.rule_registry import list_line_rules, list_sources, list_tables
    from gristmill.schemas.policies import list_presets

    sources = list_sources()
    tables = {name: len(bounds) for name, bounds in sorted(list_tables().items())}
    if options.json:
        found = {
            "tables": {
                name: {"bounds": count, "source": sources[name]} for name, count in tables.items()
            },
            "line_rules": sorted(list_line_rules()),
            "presets": list(list_presets()),
        }
        print(json.dumps(found, indent=2))
        return 0
    for name, count in tables.items():
        print(f"{name:<32} {count:>3} bounds  {sources[name]}")
    for name in sorted(list_line_rules()):
        print(f"{name:<32}   line rule")
    for name in list_presets():
        print(f"{name:<32}   preset")
    return 0


def _show_rule(options: Namespace) -> int:
    from gristmill.cleaning.rule_registry import find_table, list_sources, list_tables
    from gristmill.pipelines.policy_files import load_policy_notes

    if options.name not in list_tables():
        notes = load_policy_notes(options.name)
        print(json.dumps(notes, indent=None if options.json else 2))
        return 0
    bounds = find_table(options.name)
    if options.json:
        rows = [{"metric": bound.metric, **_list_limits(bound)} for bound in bounds]
        print(json.dumps({"source": list_sources()[options.name], "bounds": rows}, indent=2))
        return 0
    print(f"{options.name}: {list_sources()[options.name]}")
    for bound in bounds:
        limits = ", ".join(f"{side} {limit:g}" for side, limit in _list_limits(bound).items())
        print(f"  {bound.metric:<44} {limits}")
    return 0


def _list_limits(bound: "Bound") -> dict[str, float]:
    sides = {name: getattr(bound, name) for name in ("min", "max", "above", "below")}
    return {name: limit for name, limit in sides.items() if limit is not None}


def _diff_rules(options: Namespace) -> int:
    from gristmill.pipelines.rule_differences import compare_rules

    found = compare_rules(options.first, options.second, Path(options.sample))
    if options.json:
        print(json.dumps(found.describe(options.rows), indent=2))
        return 0
    print(f"{found.documents} documents, {found.changed} change side")
    for label, count in found.count_sides().items():
        print(f"  {label:<28} {count:>8}")
    for row in found.list_changes(options.rows):
        print(f"  {row['document']}  {row['first']}  |  {row['second']}")
    return 0


def what_if(options: Namespace) -> int:
    """Say what another policy would keep of a run."""
    from gristmill.pipelines.policy_files import load_policy
    from gristmill.pipelines.recipe_checks import load_checked
    from gristmill.pipelines.what_if import rank_groups, try_policy

    recipe = load_checked(Path(options.recipe), output=options.output)
    found = try_policy(recipe, load_policy(options.policy))
    if options.json:
        print(json.dumps(found.describe(), indent=2))
        return 0
    total = found.total.describe(found.tokens_per_byte)
    print(f"{'':<28} {'measured':>12} {'kept now':>12} {'kept then':>12}")
    print(_render_row("documents", total, ("documents", "kept_now", "kept_then")))
    print(_render_row("bytes", total, ("bytes", "bytes_now", "bytes_then")))
    if found.tokens_per_byte is not None:
        now, then = total["tokens_now"], total["tokens_then"]
        print(f"  {'tokens':<26} {'':>12} {now:>12,} {then:>12,}")
    print("dropped by rule")
    before, after = found.total.dropped(0), found.total.dropped(1)
    for rule in sorted({*before, *after}):
        print(f"  {rule:<52} {before[rule]:>12,} {after[rule]:>12,}")
    for kind, groups in found.groups.items():
        print(f"by {kind}, the largest changes first (share kept)")
        for name, tally in rank_groups(groups)[:SHOWN_GROUPS]:
            documents = tally.documents.total()
            shares = [tally.kept(policy) / documents for policy in (0, 1)]
            print(f"  {name:<40} {documents:>10,} {shares[0]:>10.1%} {shares[1]:>10.1%}")
        _print_losses(found, kind)
    if found.unused_rules:
        print(f"rules that drop nothing: {', '.join(found.unused_rules)}")
    return 0


def _print_losses(found: "WhatIf", kind: str) -> None:
    """Who loses more than others: shares whose interval lies above that of all documents."""
    rows = [
        row
        for row in found.list_losses(kind)
        if row["low"] > row["share"] / row["lift"] and row["rule"] != ANY_RULE
    ]
    if rows:
        print(f"  loses more than its share, by {kind} and rule")
    for row in rows[:SHOWN_GROUPS]:
        print(
            f"    {row['group']:<38} {row['rule']:<48} {row['share']:>8.1%} {row['lift']:>7.1f} x"
        )


def _render_row(name: str, total: dict[str, Any], columns: tuple[str, ...]) -> str:
    return f"  {name:<26} " + " ".join(f"{total[column]:>12,}" for column in columns)
