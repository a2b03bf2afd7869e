"""The kernel cache: a small run from start to end, so that every kernel is compiled.

For an image of workers: ``python -m gristmill.pipelines.engines.kernel_cache`` fills
numba's cache, and shows that the mill runs there.
"""

import json
import sys
import tempfile
from pathlib import Path

from gristmill.cleaning.fact_scan import scan_page
from gristmill.cleaning.page_extraction import Page, extract_text
from gristmill.pipelines import cli

DOCUMENTS = 60
PAGE = f"<html><body>{'<p>The mill grinds what the farmer brings to it.</p>' * 9}</body></html>"
RECIPE = """\
name: kernels
sources:
  - {name: made, kind: jsonl, paths: [made.jsonl], id: id}
cleaning:
  rule_tables: [gopher_quality]
  line_rule: c4_structured
tokenizer: {vocab_size: 512}
publishing: {dataset: kernels, licence: CC0-1.0}
output: run
"""
_SENTENCE = (
    "The mill of village {0} grinds the corn that farmer {1} brings to it in the autumn, and "
    "with the flour that is left the baker makes {2} loaves of bread for the whole valley."
)


def make_documents(count: int) -> list[dict[str, str]]:
    """Documents that pass the rules; every third is nearly the one before it."""
    documents = []
    for number in range(count):
        topic = number - (number % 3 == 2)
        lines = [_SENTENCE.format(topic, topic * line, line + topic) for line in range(8)]
        text = "\n".join(lines) + f"\nNumber {number} ends the story of the mill and the baker."
        documents.append({"id": str(number), "text": text})
    return documents


def fill_cache(folder: Path) -> int:
    """Run the mill over made documents.

    Args:
        folder: an empty folder for recipe, input and output.

    Returns:
        The command line's exit code.
    """
    lines = [json.dumps(document) for document in make_documents(DOCUMENTS)]
    (folder / "made.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "kernels.yaml").write_text(RECIPE, encoding="utf-8")
    scan_page(PAGE.encode())
    for structure in ("plain", "markdown"):
        extract_text(Page(PAGE, PAGE.encode()), structure=structure)
    return cli.main(["--quiet", "run", str(folder / "kernels.yaml")])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gristmill-kernels-") as scratch:
        sys.exit(fill_cache(Path(scratch)))
