"""Consent: what each site's robots.txt, as the crawl found it, keeps from whom.

robots.txt and pages meet by host: both are sent to the host's partition, where every
site's rules are parsed once. Nothing is asked of any site.
"""

import itertools
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning import warc_records
from gristmill.cleaning.robots_rules import (
    ANY_AGENT,
    RobotsRules,
    parse_robots,
    read_host,
    read_robots_record,
)
from gristmill.pipelines.children import UnitContext, UnitResult
from gristmill.pipelines.downloads import hold_file
from gristmill.pipelines.exchange import gather_partition, pick_partitions, write_exchange
from gristmill.pipelines.part_files import read_batches, write_part
from gristmill.pipelines.stages.collect import watch_items
from gristmill.pipelines.steps import read_list
from gristmill.schemas.fates import Damaged
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.tables import CONSENTS, ID, TIMESTAMP

#: robots.txt of one host, as one capture has it; a null body: the host has none.
RULES = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("date", TIMESTAMP),
        pa.field("body", pa.string()),
    ]
)
#: A document and its host.
PAGES = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("doc_id", ID, nullable=False),
        pa.field("url", pa.string(), nullable=False),
    ]
)
SITE = operator.itemgetter("source", "host")
RULE_ORDER = ("source", "host", "date", "body")
#: Crawlers and tokens that stand for the training of models, by what their owners publish.
TRAINING_AGENTS = (
    "ai2bot", "amazonbot", "anthropic-ai", "applebot-extended", "bytespider", "ccbot",
    "claudebot", "cohere-training-data-crawler", "diffbot", "facebookbot",
    "google-extended", "gptbot", "meta-externalagent", "omgili", "webzio-extended",
)  # fmt: skip


def read_robots(context: UnitContext) -> UnitResult:
    """Read the robots.txt captures of one file; each goes to its host's partition."""
    params = context.unit.params
    lost: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    with hold_file(params, context.folder) as held, held.path.open("rb") as stream:
        records = warc_records.iterate(stream)
        for record, reason in watch_items(records, held.path, context.watch):
            if isinstance(record, Damaged):
                lost[record.reason] += 1
                continue
            if reason is not None:
                lost[reason] += 1
                continue
            found = read_robots_record(record)
            if found is None or found.access == "unknown":
                refused["record_type"] += 1
                continue
            rows.append(
                {
                    "source": params["source"],
                    "host": found.host,
                    "date": record.date,
                    "body": found.body,
                }
            )
        bytes_in = held.path.stat().st_size
    table = pa.Table.from_pylist(rows, schema=RULES)
    write_exchange(
        context.folder / "exchange-rules.parquet", table, _place_hosts(table, params["count"])
    )
    return UnitResult(
        records_in=len(rows) + lost.total() + refused.total(),
        kept=len(rows),
        dropped=dict(refused),
        quarantined=dict(lost),
        bytes_in=bytes_in,
        facts={"rows:exchange-rules.parquet": len(rows)},
    )


def list_pages(context: UnitContext) -> UnitResult:
    """Send the ids and paths of a part's documents to their hosts' partitions."""
    params = context.unit.params
    tables = [PAGES.empty_table()]
    for batch in read_batches(params["documents"], ["doc_id", "url"]):
        hosts = pa.array([read_host(url or "") for url in batch["url"].to_pylist()], pa.string())
        known = batch.append_column("host", hosts).filter(pc.is_valid(hosts))
        sources = pa.array([params["source"]] * known.num_rows, pa.string())
        tables.append(
            pa.Table.from_batches([known.append_column("source", sources)])
            .select(PAGES.names)
            .cast(PAGES)
        )
    table = pa.concat_tables(tables).combine_chunks()
    write_exchange(
        context.folder / "exchange-pages.parquet", table, _place_hosts(table, params["count"])
    )
    return UnitResult(
        records_in=table.num_rows,
        kept=table.num_rows,
        facts={"rows:exchange-pages.parquet": table.num_rows},
    )


def _place_hosts(table: pa.Table, count: int) -> npt.NDArray[np.int64]:
    hosts = table["host"].combine_chunks().dictionary_encode()
    hashes = [
        int.from_bytes(hash_parts("host", host, size=8), "big")
        for host in hosts.dictionary.to_pylist()
    ]
    keys = np.array(hashes, np.uint64)[np.asarray(hosts.indices, np.int64)]
    return pick_partitions(keys.astype(np.uint64), count)


def find_objections(context: UnitContext) -> UnitResult:
    """Match the pages of a partition with the rules of their hosts."""
    params = context.unit.params
    lists = {name: read_list(path) for name, path in params["exchanges"].items()}
    rules = gather_partition(lists["rules"], params["partition"], RULES)
    pages = gather_partition(lists["pages"], params["partition"], PAGES)
    table = match_pages(rules, pages, params["agents"])
    write_part(context.folder / "consents.parquet", table, CONSENTS)
    return UnitResult(
        records_in=pages.num_rows,
        kept=pages.num_rows,
        facts={"rows:consents.parquet": table.num_rows},
    )


def match_pages(rules: pa.Table, pages: pa.Table, agents: Mapping[str, Sequence[str]]) -> pa.Table:
    """Find the pages that robots.txt keeps from some agent.

    Args:
        rules: rows of `RULES`. Of several captures of a host the last one counts.
        pages: rows of `PAGES`.
        agents: by source, whom to ask for.

    Returns:
        Rows of `CONSENTS`, sorted by doc_id, a document once.
    """
    bodies = _pick_rules(rules)
    objections: dict[bytes, set[str]] = {}
    ranked = pages.sort_by([("source", "ascending"), ("host", "ascending")]).to_pylist()
    for site, documents in itertools.groupby(ranked, key=SITE):
        body = bodies.get(site)
        if not body:
            continue
        parsed = parse_robots(body)
        for row in documents:
            signals = _list_signals(parsed, agents[row["source"]], row["url"])
            if signals:
                objections.setdefault(row["doc_id"], set()).update(signals)
    ids = sorted(objections)
    return pa.table([ids, [sorted(objections[key]) for key in ids]], schema=CONSENTS)


def _list_signals(rules: RobotsRules, agents: Sequence[str], url: str) -> set[str]:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    signals = {f"robots.txt:{agent.lower()}" for agent in agents if not rules.allows(agent, path)}
    if any(rules.refuses_training(agent) for agent in (ANY_AGENT, *agents)):
        signals.add("robots.txt:content-usage")
    return signals


def _pick_rules(rules: pa.Table) -> dict[tuple[str, str], str | None]:
    ranked = rules.sort_by([(name, "ascending") for name in RULE_ORDER])
    return {SITE(row): row["body"] for row in ranked.to_pylist()}
