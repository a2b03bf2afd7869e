"""The one tokenizer of every contender: byte-level BPE trained on a sample of the pages."""

from pathlib import Path

from debian_pages import PageSet, cache_folder
from fastwarc.warc import ArchiveIterator, WarcRecordType
from floor import decode_payload
from resiliparse.extract.html2text import extract_plain_text
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB_SIZE = 32_768
END_OF_TEXT = "<|endoftext|>"


def train_tokenizer(sample: PageSet) -> Path:
    """Train on the sample's main content, or find the file of an earlier run.

    Returns:
        Path of tokenizer.json in the cache folder.
    """
    path = cache_folder() / f"tokenizer-{sample.folder.name}-{VOCAB_SIZE}.json"
    if path.exists():
        return path
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_read_texts(sample), trainer)
    partial = path.with_suffix(".partial")
    partial.write_text(tokenizer.to_str(), encoding="utf-8")
    partial.rename(path)
    return path


def _read_texts(sample: PageSet) -> list[str]:
    texts = []
    for path in sample.files:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                html = decode_payload(record.reader.read())
                texts.append(
                    str(
                        extract_plain_text(html, main_content=True, comments=False, alt_texts=False)
                    )
                )
    return texts
