"""Bad words: gristmill's scores and datatrove's decision on the same texts, and whom a list hits.

Speed is CPU seconds with the English list of LDNOOBW on every text of ``tests/real_texts.py``:
gristmill counts, weighs and reads as C4 does; datatrove decides. Then HateCheck: what a
blocklist would cut of functional tests that are hateful and of those that are not.

    make bench NAME=bad_words
"""

import csv
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

ROUNDS = 3
TESTS = Path(__file__).resolve().parents[1]
PEER = Path(__file__).with_name("peer_rules_words.py")
SETS = ("tox-ldnoobw", "tox-hatecheck", "tox-surge-profanity")
sys.path.insert(0, str(TESTS))


def unpack_sets(target: Path, names: tuple[str, ...]) -> None:
    """Unpack sets of the real inputs, each into a folder of its name."""
    import real_texts

    for name in names:
        with (
            (real_texts.SHARED / f"{name}.tar.zst").open("rb") as packed,
            zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed) as stream,
            tarfile.open(fileobj=stream, mode="r|") as members,
        ):
            members.extractall(target / name, filter="data")


def ask_peer(mode: str, *paths: Path) -> dict[str, Any]:
    """Run datatrove's filter in its own environment."""
    from peer_environment import find_python

    command = [str(find_python()), str(PEER), mode, *map(str, paths)]
    answered = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(answered.stdout.splitlines()[-1])
    return answer


def measure_speed(folder: Path) -> dict[str, Any]:
    """MB of text per CPU second, medians of alternating rounds."""
    import real_texts
    from listed_files import name_words

    from gristmill.cleaning.bad_words import BadWords

    texts = real_texts.load_texts()
    listed = folder / "texts.jsonl"
    real_texts.main(str(listed))
    lists = BadWords([name_words(folder / "tox-ldnoobw" / "en")])
    batch = pa.array(texts, pa.string())
    lists.measure(batch[:10])  # loads compiled code
    spent: dict[str, list[float]] = {"gristmill": [], "datatrove": []}
    dropped = {}
    for _ in range(ROUNDS):
        before = time.process_time()
        found = lists.measure(batch)
        spent["gristmill"].append(time.process_time() - before)
        dropped["gristmill"] = int((found.column("bad_word_count@c4").to_numpy() > 0).sum())
        answer = ask_peer("time-texts", folder / "tox-ldnoobw", listed)
        spent["datatrove"].append(answer["seconds"])
        dropped["datatrove"] = answer["dropped"]
    size = sum(len(text.encode()) for text in texts) / 1e6
    speeds = {name: round(size / statistics.median(rounds), 1) for name, rounds in spent.items()}
    return {"texts": len(texts), "megabytes": round(size, 1), "dropped": dropped, "mb_s": speeds}


def measure_fairness(folder: Path) -> dict[str, dict[str, Any]]:
    """What lists would cut of HateCheck, by whether it is hateful, with 95 % intervals."""
    from listed_files import name_words

    from gristmill.cleaning.bad_words import BadWords
    from gristmill.cleaning.fairness import find_interval

    path = folder / "tox-hatecheck" / "test_suite_cases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file))
    texts = pa.array([case["test_case"] for case in cases], pa.string())
    surge = folder / "tox-surge-profanity" / "profanity_en.csv"
    lists = {
        "ldnoobw": BadWords([name_words(folder / "tox-ldnoobw" / "en")]),
        "surge": BadWords([name_words(surge, kind="severity")]),
    }
    groups = {
        "hateful": lambda case: case["label_gold"] == "hateful",
        "not_hateful": lambda case: case["label_gold"] != "hateful",
        "reclaimed_slurs": lambda case: case["functionality"] == "slur_reclaimed_nh",
        "counter_speech": lambda case: case["functionality"].startswith("counter_"),
    }
    shares: dict[str, dict[str, Any]] = {}
    for name, words in lists.items():
        cut = words.measure(texts).column("bad_word_count").to_numpy() > 0
        shares[name] = {}
        for group, belongs in groups.items():
            members = [place for place, case in enumerate(cases) if belongs(case)]
            count = int(cut[members].sum())
            low, high = find_interval(count, len(members))
            shares[name][group] = {
                "cases": len(members),
                "cut": count,
                "share": round(count / len(members), 4),
                "interval": [round(low, 4), round(high, 4)],
            }
    return shares


def format_table(speed: Mapping[str, Any], shares: Mapping[str, Mapping[str, Any]]) -> str:
    """A line per contender, then one per list and group."""
    lines = [
        f"{name:<12}{speed['mb_s'][name]:>8.1f} MB/s{speed['dropped'][name]:>8} texts dropped"
        for name in speed["mb_s"]
    ]
    for name, groups in shares.items():
        lines += [
            f"{name:<12}{group:<18}{found['cut']:>6} of {found['cases']:<6}{found['share']:>7.1%}"
            for group, found in groups.items()
        ]
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    import figures
    from contenders import describe_machine

    with tempfile.TemporaryDirectory() as folder:
        unpack_sets(Path(folder), SETS)
        speed = measure_speed(Path(folder))
        shares = measure_fairness(Path(folder))
    sys.stdout.write(f"{describe_machine()}\n\n{format_table(speed, shares)}\n\n")
    against = {
        "datatrove_speed": round(speed["mb_s"]["gristmill"] / speed["mb_s"]["datatrove"], 2),
        "datatrove_dropped": round(
            speed["dropped"]["gristmill"] / speed["dropped"]["datatrove"], 4
        ),
    }
    sys.stdout.write(figures.format_line({**speed, "hatecheck": shares}, against) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
