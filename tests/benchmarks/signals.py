"""Signals of real pages in nine languages: gristmill, datatrove's filters, Dolma's taggers.

Every contender measures the same texts on one core, in turn; a figure is the median of
its rounds' CPU times. datatrove's are its four filters of FineWeb, each asked about every
text, with the cache of words that its pipelines have; Dolma's are gopher_v1 and c4_v2.

    make bench NAME=signals          # every 25th page
    FULL=1 make bench NAME=signals   # all, about 23,000; the peers go one round
"""

import importlib
import json
import os
import pkgutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

HERE = Path(__file__).parent
ROUNDS = 3
EVERY = 25
BATCH = 512
#: How many times as fast as the peer doing the same rules, and megabytes a second.
WANTED = {"datatrove": 20, "dolma": 10, "published_signals": 10, "published_with_language": 4}
#: Dialects whose signals are published as signals: RedPajama-V2's, DCLM's lines, MADLAD's
#: sentences. The others are readings of Gopher's, C4's and FineWeb's rules.
PUBLISHED = ("rpv2", "dclm", "madlad")
Measure = Callable[[pa.StringArray], object]


def list_dialects() -> dict[str, Any]:
    """Every dialect by its name: the modules that measure."""
    from gristmill.cleaning import dialects

    names = [info.name for info in pkgutil.iter_modules(dialects.__path__)]
    modules = [importlib.import_module(f"{dialects.__name__}.{name}") for name in names]
    return {m.NAME: m for m in modules if hasattr(m, "measure") and hasattr(m, "NAME")}


def list_ours() -> dict[str, list[Measure]]:
    """What gristmill is timed on: by name, the measures that make it up."""
    from gristmill.cleaning import text_signals
    from gristmill.cleaning.language import LanguageModel

    found = list_dialects()
    everything = [text_signals.measure, *(module.measure for module in found.values())]
    published = [text_signals.measure, *(found[name].measure for name in PUBLISHED)]
    return {
        "reference": [text_signals.measure],
        "published_signals": published,
        "published_with_language": [*published, LanguageModel().identify],
        **{f"dialect {name}": [module.measure] for name, module in found.items()},
        "all_signals": everything,
        "with_language": [*everything, LanguageModel().identify],
    }


def time_measures(measures: Sequence[Measure], batches: Sequence[pa.StringArray]) -> float:
    """CPU seconds of this process for all batches."""
    started = time.process_time()
    for batch in batches:
        for measure in measures:
            measure(batch)
    return time.process_time() - started


def ask_datatrove(texts: Path) -> float:
    """CPU seconds of datatrove's four filters."""
    return _ask("peers", "peer_rules_datatrove.py", texts, "--time")


def ask_dolma(texts: Path) -> float:
    """CPU seconds of Dolma's two taggers."""
    return _ask("dolma", "signals_dolma.py", texts)


def _ask(environment: str, script: str, texts: Path, *options: str) -> float:
    from peer_environment import REPOSITORY, find_python

    # Dolma's is made by hand, without what its taggers do not need: see peer_rules_dolma.
    made = REPOSITORY / f".venv-{environment}" / "bin" / "python"
    python = made if made.exists() else find_python(environment)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "seconds.json"
        command = [str(python), str(HERE / script), str(texts), str(out)]
        subprocess.run([*command, *options], check=True, stderr=subprocess.DEVNULL)
        return sum(json.loads(out.read_text(encoding="utf-8")).values())


def time_all(texts: Path, batches: Sequence[pa.StringArray], full: bool) -> dict[str, list[float]]:
    """CPU seconds of every contender, round by round."""
    ours = list_ours()
    peers = {"datatrove": ask_datatrove, "dolma": ask_dolma}
    for measures in ours.values():
        time_measures(measures, batches[:1])  # loads compiled code
    spent: dict[str, list[float]] = {name: [] for name in (*ours, *peers)}
    for turn in range(ROUNDS):
        for name, measures in ours.items():
            spent[name].append(time_measures(measures, batches))
        for name, ask in peers.items() if turn == 0 or not full else ():
            spent[name].append(ask(texts))
    return spent


def format_table(rates: Mapping[str, float]) -> str:
    """A line per contender: megabytes of text a second and core."""
    lines = [f"{'one core':<24}{'MB/s':>10}"]
    lines += [f"{name.replace('_', ' '):<24}{rate:>10.2f}" for name, rate in rates.items()]
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    import figures
    from contenders import describe_machine
    from signals_texts import LANGUAGES, build_texts, load_texts

    full = os.environ.get("FULL", "0") == "1"
    path = build_texts(1 if full else EVERY)
    texts = load_texts(path)
    size = sum(len(text.encode("utf-8")) for text in texts)
    batches = [
        pa.array(texts[start : start + BATCH], pa.string()) for start in range(0, len(texts), BATCH)
    ]
    spent = time_all(path, batches, full)
    rates = {name: size / statistics.median(rounds) / 1e6 for name, rounds in spent.items()}
    sys.stdout.write(
        f"{describe_machine()}; {len(texts)} pages in {len(LANGUAGES)} languages, "
        f"{size / 1e6:.1f} MB of text\n\n{format_table(rates)}\n\n"
    )
    against = {
        name: round(rates[f"dialect {name}"] / rates[name], 1) for name in ("datatrove", "dolma")
    }
    found = {
        "pages": len(texts),
        "megabytes": round(size / 1e6, 1),
        "megabytes_per_second": {name: round(rate, 2) for name, rate in rates.items()},
        "wanted": WANTED,
    }
    sys.stdout.write(figures.format_line(found, against) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
