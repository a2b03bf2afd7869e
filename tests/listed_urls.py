"""Addresses on which the counting of words is compared with datatrove's: those that UT1 lists.

``python tests/listed_urls.py FOLDER FILE`` writes them, one a line, from an unpacked
``url-ut1-subset``, which is what the script that runs the peer reads.
"""

import sys
from pathlib import Path


def load_urls(folder: Path) -> list[str]:
    """Addresses of pages, and front pages of domains; some with capitals, as people write."""
    names = ("agressif", "dating", "hacking", "malware", "warez")
    urls = [f"http://{line}" for name in names for line in _read(folder / name / "urls")]
    domains = [*_read(folder / "dating" / "domains"), *_read(folder / "gambling" / "domains")[::5]]
    urls += [f"https://{domain}/" for domain in domains[::2]]
    urls += [f"https://www.{domain.title()}/Free-Sex?q=ADULT+sex" for domain in domains[1::8]]
    urls += [f"https://a.b.{domain}/Play/sexy+shit/shit" for domain in domains[3::8]]
    return urls


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text("\n".join(load_urls(source)) + "\n", encoding="utf-8")
