"""The demo: real text that any machine has once gristmill is installed, through the whole mill.

Run it: ``python -m gristmill.pipelines.demo out/demo`` (``make demo`` does). It

* captures a WARC file from Python's own documentation server on loopback,
* takes the excerpt of English Wikipedia that ships inside the gensim wheel,
* writes an archive in OpenWebText's layout from the descriptions of the installed packages,

then writes a recipe and a training config beside them and runs both.
"""

import argparse
import gzip
import hashlib
import importlib.metadata
import io
import lzma
import os
import pydoc
import re
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

import httpx

from gristmill.pipelines import cli
from gristmill.schemas.atomic_files import appear_whole, write_whole
from gristmill.schemas.errors import InputError

WIKIPEDIA_EXCERPT = (
    "test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
)
#: Importing these does more than define things.
UNWANTED_MODULES = frozenset({"antigravity", "this", "idlelib", "turtledemo", "lib2to3"})
_ADDRESS = re.compile(rb" at 0x[0-9a-f]+")
CAPTURE_DATE = "2024-01-01T00:00:00Z"  # fixed: a capture of the same pages is the same file

RECIPE = """\
# The demo's recipe: three real sources, one dataset.
# Run it:  gristmill run {folder}/demo.yaml
name: demo
seed: 20240601               # samples and splits derive from this

sources:
  - {{name: wikipedia, kind: wikipedia, paths: [input/enwiki.xml.bz2], priority: 0}}
  - {{name: pydoc, kind: commoncrawl, paths: [input/pydoc.warc.gz], priority: 1}}
  - {{name: packages, kind: openwebtext, paths: [input/openwebtext.tar.xz], priority: 2}}

cleaning:
  languages: {{en: 0.65}}      # least score of the language model
  rule_tables: [gopher_quality, gopher_repetition, fineweb]
  line_rule: c4_structured   # C4's line rules, headings and blank lines kept
  redact: [email, ipv4, ipv6]

deduplication:
  exact: true
  near: {{scope: recipe}}      # MinHash 14 x 8 of word 5-grams, verified at Jaccard 0.8

splits: {{validation: 0.06, test: 0.02}}
tokenizer: {{vocab_size: 8192}}
packing: {{sequence_length: 256}}

publishing:
  dataset: demo
  licence: other
  description: Python's documentation, Wikipedia articles and package descriptions.
output: run
"""

TRAINING = """\
# A GPT small enough for two CPU cores.
# Run it:  gristmill train pretrain {folder}/train.yaml
dataset: run/store/demo
output: training
seed: 1
model: {{layers: 4, heads: 4, width: 256}}
batch_sequences: 4
steps: 500
optimizer: {{learning_rate: 0.002}}
schedule: {{kind: wsd, warmup_steps: 20, decay_fraction: 0.3}}
evaluate_every: 250
checkpoint_every: 100
"""


def main(arguments: list[str] | None = None) -> int:
    """Make the inputs that are missing, then run the mill and train on what it publishes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where everything goes, such as out/demo")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    # Two threads on two busy cores wait for each other longer than they work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    make_inputs(folder / "input")
    write_whole(folder / "demo.yaml", RECIPE.format(folder=folder).encode())
    write_whole(folder / "train.yaml", TRAINING.format(folder=folder).encode())
    recipe, training = str(folder / "demo.yaml"), str(folder / "train.yaml")
    for command in (
        ["run", recipe, "--workers", str(options.workers)],
        ["verify", str(folder / "run" / "store" / "demo")],
        ["train", "pretrain", training],
        ["generate", str(folder / "training"), "--prompt", "The history of"],
        ["report", recipe, "--training", str(folder / "training")],
    ):
        print(f"$ gristmill {' '.join(command)}", file=sys.stderr)
        code = cli.main(command)
        if code != 0:
            return code
    return 0


def make_inputs(folder: Path) -> None:
    """Make the three input files; those that are there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {
        "pydoc.warc.gz": capture_pydoc,
        "enwiki.xml.bz2": copy_excerpt,
        "openwebtext.tar.xz": archive_descriptions,
    }
    for name, make in makers.items():
        path = folder / name
        if not path.exists():
            print(f"making {path}", file=sys.stderr)
            with appear_whole(path) as partial:
                make(partial)


def copy_excerpt(path: Path) -> None:
    """Copy the Wikipedia excerpt out of the installed gensim.

    Raises:
        InputError: gensim is not installed.
    """
    try:
        distribution = importlib.metadata.distribution("gensim")
    except importlib.metadata.PackageNotFoundError:
        raise InputError("the demo needs gensim: pip install 'gristmill[demo]'") from None
    shutil.copyfile(str(distribution.locate_file(f"gensim/{WIKIPEDIA_EXCERPT}")), path)


def archive_descriptions(path: Path) -> None:
    """Archive the long description of every installed package in OpenWebText's layout."""
    texts = sorted(
        {
            description
            for distribution in importlib.metadata.distributions()
            if (description := _read_description(distribution)).strip()
        }
    )
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as members:
        for number, text in enumerate(texts):
            payload = text.encode("utf-8", "replace")
            digest = hashlib.md5(payload, usedforsecurity=False).hexdigest()
            _add_member(members, f"{number:07d}-{digest}.txt", payload)
    with tarfile.open(path, mode="w:xz") as archive:
        payload = lzma.compress(inner.getvalue())
        _add_member(archive, "openwebtext/urlsf_subset00-1_data.xz", payload)


def _read_description(distribution: importlib.metadata.Distribution) -> str:
    """The body of a package's metadata, below its headers."""
    return (distribution.read_text("METADATA") or "").partition("\n\n")[2]


def _add_member(archive: tarfile.TarFile, name: str, payload: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(payload)
    archive.addfile(member, io.BytesIO(payload))


def capture_pydoc(path: Path) -> None:
    """Capture Python's documentation server as a crawler would: request and response records."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "pydoc", "-n", "127.0.0.1", "-p", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        try:
            address = _read_address(server.stdout)
            with path.open("wb") as stream, httpx.Client(timeout=30.0) as client:
                for url in _list_pages(address):
                    _write_capture(stream, client, url)
        finally:
            server.stdin.close()
            server.terminate()


def _read_address(lines: IO[str]) -> str:
    for line in lines:
        _, _, address = line.partition("Server ready at ")
        if address:
            return address.strip()
    raise InputError("pydoc did not start its server")


def _list_pages(address: str) -> Iterator[str]:
    """Pages of the standard library's modules, then of the language topics."""
    for name in sorted(sys.stdlib_module_names - UNWANTED_MODULES):
        if not name.startswith("_"):
            yield urljoin(address, f"{name}.html")
    for topic in sorted(pydoc.Helper.topics):
        yield urljoin(address, f"topic?key={topic}")


def _write_capture(stream: io.BufferedWriter, client: httpx.Client, url: str) -> None:
    try:
        response = client.get(url)
    except httpx.HTTPError:
        return  # a module whose page the server cannot make is no page
    # Addresses of objects are other ones on every run; a capture of the same pages is the same.
    body = _ADDRESS.sub(b" at 0x0", response.content)
    head = f"HTTP/1.1 {response.status_code} OK\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n"
    public = url.partition("127.0.0.1")[2].partition("/")[2]
    target = f"http://pydoc.invalid/{public}"  # the port is another one on every run
    request = f"GET /{public} HTTP/1.1\r\nHost: pydoc.invalid\r\n\r\n".encode()
    _write_record(stream, "request", target, "application/http; msgtype=request", request)
    _write_record(
        stream,
        "response",
        target,
        "application/http; msgtype=response",
        head.encode() + body,
    )


def _write_record(
    stream: io.BufferedWriter, kind: str, target: str, content_type: str, block: bytes
) -> None:
    """Write one WARC 1.1 record as a gzip member of its own."""
    record_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {target}")
    header = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{record_id}>\r\n"
        f"WARC-Date: {CAPTURE_DATE}\r\nWARC-Target-URI: {target}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    stream.write(gzip.compress(header.encode() + block + b"\r\n\r\n", mtime=0))


if __name__ == "__main__":
    sys.exit(main())
