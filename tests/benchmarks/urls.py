"""Addresses: lists, words and normal forms per CPU second, and datatrove's filter on the same.

The addresses are those of ``tests/listed_urls.py`` (29,041 that UT1 lists), the words the
English list of LDNOOBW as strict, hard and soft words, the domains UT1's gambling list. All
of gristmill's figures are for one core; it matches against every list of UT1 and EasyList.

    make bench NAME=urls
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from bad_words import ask_peer, unpack_sets

ROUNDS = 3
REPEATS = 10
SETS = ("tox-ldnoobw", "url-ut1-subset", "url-dolma-easylist")


def count_rate(urls: pa.StringArray, work: Callable[[pa.StringArray], object]) -> float:
    """Addresses per CPU second of one round."""
    before = time.process_time()
    work(urls)
    return len(urls) / (time.process_time() - before)


def load_lists(folder: Path) -> Any:
    """Every list of UT1 and EasyList."""
    from listed_files import name_urls

    from gristmill.cleaning.url_lists import UrlLists

    specs = [
        name_urls(path, path.parent.name, path.name)
        for path in sorted((folder / "url-ut1-subset").glob("*/*"))
        if path.name in ("domains", "urls")
    ]
    easylist = folder / "url-dolma-easylist" / "easylist.txt.gz"
    return UrlLists([*specs, name_urls(easylist, "ads", "easylist")])


def measure(folder: Path) -> dict[str, float]:
    """Rates by what is done, medians of alternating rounds."""
    from listed_files import name_url_words, name_urls
    from listed_urls import load_urls

    from gristmill.cleaning.url_lists import UrlLists
    from gristmill.cleaning.url_rules import normalise_urls, registered_domains
    from gristmill.cleaning.url_words import UrlWords

    addresses = load_urls(folder / "url-ut1-subset")
    listed = folder / "urls.txt"
    listed.write_text("\n".join(addresses) + "\n", encoding="utf-8")
    english = folder / "tox-ldnoobw" / "en"
    gambling = folder / "url-ut1-subset" / "gambling" / "domains"
    words = UrlWords([name_url_words(english, kind) for kind in ("strict", "hard", "soft")])
    domains = UrlLists([name_urls(gambling, "gambling")])

    def filter_alike(urls: pa.StringArray) -> None:
        domains.match(urls)
        words.measure(urls)

    work: dict[str, Callable[[pa.StringArray], object]] = {
        "lists": load_lists(folder).match,
        "words": words.measure,
        "normal_forms": normalise_urls,
        "registered_domains": registered_domains,
        "datatroves_rules": filter_alike,
    }
    urls = pa.array(addresses * REPEATS, pa.string())
    rates: dict[str, list[float]] = {name: [] for name in [*work, "datatrove"]}
    for function in work.values():
        function(urls[:10])  # loads compiled code
    for _ in range(ROUNDS):
        for name, function in work.items():
            rates[name].append(count_rate(urls, function))
        seconds = ask_peer("time-urls", english, gambling, listed)["seconds"]
        rates["datatrove"].append(len(addresses) / seconds)
    return {name: round(statistics.median(rounds)) for name, rounds in rates.items()}


def main() -> int:
    """Run the benchmark; print a table, then one line of JSON."""
    import figures
    from contenders import describe_machine

    with tempfile.TemporaryDirectory() as folder:
        unpack_sets(Path(folder), SETS)
        rates = measure(Path(folder))
    sys.stdout.write(f"{describe_machine()}; addresses per second and core\n\n")
    sys.stdout.write(
        "\n".join(f"{name:<22}{rate:>12,.0f}" for name, rate in rates.items()) + "\n\n"
    )
    against = {"datatrove_speed": round(rates["datatroves_rules"] / rates["datatrove"], 1)}
    sys.stdout.write(figures.format_line({"urls_per_second": rates}, against) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
