"""What the code of each step does, as the scale model sees it: units, and who reads what.

Read off the stages; a test runs them and holds units and files against this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FILES, PARTITIONS, SHARDS, DROPS, ONE = "files", "partitions", "shards", "drops", "one"
Table = tuple[str, str]
DOCUMENTS: Table = ("collect", "documents")
SIGNALS: Table = ("measure", "signals")
CLUSTERS: Table = ("deduplicate.verify", "clusters")
REPEATS: Table = ("deduplicate.link", "repeats")
EDGES: Table = ("deduplicate.link", "edges")


@dataclass(frozen=True)
class Shape:
    """What a step's code does.

    Attributes:
        units: what there is one unit for.
        once: tables of which each unit reads its own part.
        all_parts: tables of which every unit reads every part.
        exchanges: tables of which each unit reads its partition out of every file.
    """

    units: str
    once: tuple[Table, ...] = ()
    all_parts: tuple[Table, ...] = ()
    exchanges: tuple[Table, ...] = ()


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "collect": Shape(FILES),
        "measure": Shape(FILES, once=(DOCUMENTS,)),
        "deduplicate.sign": Shape(FILES, once=(DOCUMENTS,)),
        "deduplicate.link": Shape(
            PARTITIONS,
            exchanges=(
                ("deduplicate.sign", "exchange-keys"),
                ("deduplicate.sign", "exchange-places"),
            ),
        ),
        "deduplicate.connect": Shape(ONE, once=(EDGES,)),
        "deduplicate.shingle": Shape(
            FILES, once=(DOCUMENTS,), all_parts=(("deduplicate.connect", "components"), REPEATS)
        ),
        "deduplicate.verify": Shape(
            PARTITIONS, exchanges=(("deduplicate.shingle", "exchange-shingles"),)
        ),
        "decide.judge": Shape(FILES, once=(SIGNALS,), all_parts=(CLUSTERS, REPEATS)),
        "decide.resolve": Shape(
            PARTITIONS,
            once=(("deduplicate.verify", "matches"),),
            exchanges=(("decide.judge", "exchange-members"),),
        ),
        "decide.apply": Shape(
            FILES,
            once=(DOCUMENTS, SIGNALS, ("decide.judge", "verdicts")),
            all_parts=(("decide.resolve", "losers"), CLUSTERS),
        ),
        "decide.sort-curated": Shape(SHARDS, exchanges=(("decide.apply", "exchange-curated"),)),
        "decide.sort-dropped": Shape(DROPS, exchanges=(("decide.apply", "exchange-dropped"),)),
        "tokenize.tokenizer": Shape(ONE),
        "tokenize.encode": Shape(SHARDS, once=(("decide.sort-curated", "curated"),)),
    }
)
#: Partitions that an exchange is cut into.
CUT_BY: Mapping[str, str] = MappingProxyType(
    {"exchange-curated": SHARDS, "exchange-dropped": DROPS}
)
#: Tables that publish stores; the launcher reads each byte of them to hash it.
PUBLISHED: tuple[Table, ...] = (
    ("decide.sort-curated", "curated"),
    ("tokenize.encode", "tokens"),
    ("tokenize.encode", "plan"),
    CLUSTERS,
    ("decide.resolve", "evidence"),
    ("decide.sort-dropped", "dropped"),
    ("collect", "dropped"),
    ("deduplicate.sign", "signatures"),
)
