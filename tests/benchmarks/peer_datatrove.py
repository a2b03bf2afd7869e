"""datatrove doing the same work: FineWeb's published recipe, then tokens.

Runs in the peers' environment, not in gristmill's, and prints its blocks'
times and counts as one line of JSON:

    .venv-peers/bin/python peer_datatrove.py --pages FOLDER --output FOLDER \\
        --tokenizer tokenizer.json --language-model lid.176.ftz \\
        --extractor trafilatura --workers 2

The pipeline is that of datatrove's ``examples/fineweb.py``, with these changes:
local executors in place of Slurm; no URL filter and no token counter (the
others do neither); English only, as FineWeb itself; one MinHash configuration
for all four stages; an extractor timeout that drops no page on a busy machine;
and `DocumentTokenizer` at the end of the last stage, which spares datatrove a
further job and a further reading of the text.
"""

import argparse
import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.extractors.base import BaseExtractor
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.tokens import DocumentTokenizer
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.lid import FT176LID
from fsspec.core import strip_protocol
from huggingface_hub import cached_assets_path

EXTRACTOR_TIMEOUT_SECONDS = 120.0  # datatrove's default of 1 s loses pages under load
END_OF_TEXT = "<|endoftext|>"
PACKAGES = (
    "datatrove",
    "trafilatura",
    "resiliparse",
    "spacy",
    "fasttext-numpy2-wheel",
    "tokenizers",
)


class Resiliparse(BaseExtractor):
    """gristmill's second extractor as a block of datatrove."""

    name = "⛏ Resiliparse"

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)

    def extract(self, text: str) -> str:
        """Main content of a page."""
        from resiliparse.extract.html2text import extract_plain_text

        return str(extract_plain_text(text, main_content=True, comments=False, alt_texts=False))


def build_extractor(name: str) -> BaseExtractor:
    """The recipe's own extractor, or the one that gristmill has, too."""
    if name == "trafilatura":
        return Trafilatura(favour_precision=True, timeout=EXTRACTOR_TIMEOUT_SECONDS)
    return Resiliparse(timeout=EXTRACTOR_TIMEOUT_SECONDS)


def build_jobs(options: argparse.Namespace) -> dict[str, LocalPipelineExecutor]:
    """The recipe's five jobs, in the order in which they run."""
    work: Path = options.output
    config = MinhashConfig(num_buckets=14, hashes_per_bucket=8, n_grams=5)

    def make_job(name: str, pipeline: list[Any], tasks: int) -> LocalPipelineExecutor:
        workers = min(options.workers, tasks)
        return LocalPipelineExecutor(
            pipeline, tasks, workers, logging_dir=str(work / "logs" / name)
        )

    def removed(name: str) -> JsonlWriter:
        return JsonlWriter(str(work / "removed" / name))

    clean = [
        WarcReader(str(options.pages), glob_pattern="*.warc.gz"),
        build_extractor(options.extractor),
        LanguageFilter(languages=["en"], exclusion_writer=removed("language")),
        GopherRepetitionFilter(exclusion_writer=removed("gopher_repetition")),
        GopherQualityFilter(exclusion_writer=removed("gopher_quality")),
        C4QualityFilter(filter_no_terminal_punct=False, exclusion_writer=removed("c4")),
        FineWebQualityFilter(exclusion_writer=removed("fineweb")),
        JsonlWriter(str(work / "clean")),
    ]
    signatures = [
        JsonlReader(str(work / "clean")),
        MinhashDedupSignature(str(work / "signatures"), config=config),
    ]
    buckets = [MinhashDedupBuckets(str(work / "signatures"), str(work / "buckets"), config=config)]
    clusters = [MinhashDedupCluster(str(work / "buckets"), str(work / "remove_ids"), config=config)]
    finish = [
        JsonlReader(str(work / "clean")),
        MinhashDedupFilter(str(work / "remove_ids"), exclusion_writer=removed("duplicates")),
        JsonlWriter(str(work / "deduplicated")),
        DocumentTokenizer(
            str(work / "tokens"), str(options.tokenizer), eos_token=END_OF_TEXT, seed=1
        ),
    ]
    files = len(list(options.pages.glob("*.warc.gz")))
    return {
        "clean": make_job("clean", clean, files),
        "signatures": make_job("signatures", signatures, files),
        "buckets": make_job("buckets", buckets, config.num_buckets),
        "clusters": make_job("clusters", clusters, 1),
        "finish": make_job("finish", finish, files),
    }


def place_language_model(model: Path) -> None:
    """Put the model where datatrove caches its download, so that nothing is downloaded.

    The cache is below $HF_ASSETS_CACHE, which the caller points at a folder of its own.
    """
    folder = cached_assets_path("datatrove", namespace="lid", subfolder=FT176LID.MODEL_SUBFOLDER)
    path = folder / strip_protocol(FT176LID.MODEL_URL).replace("/", "_")
    if not path.exists():
        shutil.copyfile(model, path)
    path.with_name(path.name + ".completed").touch()


def read_blocks(name: str, logs: Path) -> list[dict[str, Any]]:
    """Each block's wall seconds, summed over its tasks, and documents in and out.

    The counts are null for blocks that keep none.
    """
    blocks = []
    for block in json.loads((logs / "stats.json").read_text(encoding="utf-8")):
        counts = {key: _total(value) for key, value in block["stats"].items()}
        sifts = not counts.keys().isdisjoint({"forwarded", "dropped"})
        title = block["name"].encode("ascii", "ignore").decode()  # without its pictures
        blocks.append(
            {
                "job": name,
                "block": " ".join(title.split()).removeprefix("- "),
                "seconds": round(_total(block["time_stats"]), 3),
                "documents_in": counts.get("total", counts.get("documents")),
                "documents_out": counts.get("forwarded", 0) if sifts else None,
                "tokens": counts.get("tokens", 0),
            }
        )
    return blocks


def _total(value: Any) -> float:
    return float(value["total"] if isinstance(value, dict) else value)


def main() -> int:
    """Run the jobs and print what each block did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--extractor", choices=("trafilatura", "resiliparse"), required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--language-model", type=Path, required=True)
    options = parser.parse_args()
    place_language_model(options.language_model)
    blocks: list[dict[str, Any]] = []
    for name, job in build_jobs(options).items():
        job.run()
        blocks += read_blocks(name, options.output / "logs" / name)
    result = {"blocks": blocks, "versions": {package: version(package) for package in PACKAGES}}
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
