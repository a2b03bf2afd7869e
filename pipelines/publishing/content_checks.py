"""Checks of published rows: order, digests, counts, and that tokens belong to their texts.

Each check yields its faults as sentences; an unreadable or unsorted file raises.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines.publishing.row_digests import Buckets
from gristmill.pipelines.publishing.sorted_rows import (
    count_shared,
    read_batches,
    stream_doc_ids,
    streams_equal,
    view_ids,
)
from gristmill.schemas.identity import ID_BYTES
from gristmill.schemas.manifests import SplitFacts, TokenizerFacts
from gristmill.schemas.places import Place

TEXT_BATCH_ROWS: Final = 4096
Files = Sequence[Place]


def _hash_texts(texts: pa.StringArray) -> bytes:
    """`identity.content_id` of each text, 16 bytes each, without decoding the UTF-8."""
    encoded = texts.cast(pa.binary()).to_pylist()
    return b"".join(hashlib.blake2b(text, digest_size=ID_BYTES).digest() for text in encoded)


def check_text(split: str, files: Files, facts: SplitFacts) -> Iterator[str]:
    """Yield how the text shards of a split differ from its facts.

    Args:
        split: its name, which each row must carry.
        files: shards with the columns of CURATED, sorted by doc_id.
        facts: what the manifest says.

    Raises:
        PublishError: rows are not sorted.
        CorruptFileError: a shard cannot be read.
    """
    buckets = Buckets()
    utf8_bytes = strangers = edited = 0
    columns = ("doc_id", "content_id", "split", "text")
    for batch in read_batches(files, columns, TEXT_BATCH_ROWS):
        doc_ids, content_ids, splits, texts = batch.columns
        buckets.add(view_ids(doc_ids), view_ids(content_ids))
        utf8_bytes += pc.sum(pc.binary_length(texts)).as_py() or 0
        strangers += pc.sum(pc.not_equal(splits, split)).as_py() or 0
        hashed = np.frombuffer(_hash_texts(texts), dtype=np.uint8).reshape(-1, ID_BYTES)
        edited += int((hashed != view_ids(content_ids)).any(axis=1).sum())
    if strangers:
        yield f"split {split}: {strangers} rows belong to another split"
    if edited:
        yield f"split {split}: content_id of {edited} rows is not that of their text"
    if buckets.rows != facts.documents:
        yield f"split {split}: {buckets.rows} documents, manifest says {facts.documents}"
    if utf8_bytes != facts.utf8_bytes:
        yield f"split {split}: {utf8_bytes} bytes of text, manifest says {facts.utf8_bytes}"
    if buckets.digest() != facts.rows_digest:
        yield f"split {split}: rows digest {buckets.digest()}, manifest says {facts.rows_digest}"


def check_tokens(
    split: str, files: Files, facts: SplitFacts, tokenizer: TokenizerFacts
) -> Iterator[str]:
    """Yield how the token shards of a split differ from its facts and its tokenizer.

    Raises:
        CorruptFileError: a shard cannot be read.
    """
    dtype = np.dtype(tokenizer.dtype).newbyteorder("<")
    tokens = utf8_bytes = miscounted = largest = 0
    columns = ("n_tokens", "n_bytes", "tokens")
    for batch in read_batches(files, columns, TEXT_BATCH_ROWS):
        n_tokens, n_bytes, payloads = batch.columns
        tokens += pc.sum(n_tokens).as_py() or 0
        utf8_bytes += pc.sum(n_bytes).as_py() or 0
        sizes = pc.multiply(n_tokens.cast(pa.int64()), dtype.itemsize)
        wrong = pc.not_equal(pc.binary_length(payloads).cast(pa.int64()), sizes)
        miscounted += pc.sum(wrong).as_py() or 0
        if not miscounted:
            ids = np.frombuffer(b"".join(payloads.to_pylist()), dtype=dtype)
            largest = max(largest, int(ids.max(initial=0)))
    if miscounted:
        yield f"split {split}: {miscounted} rows have another number of tokens than they say"
    if largest >= tokenizer.vocab_size:
        yield f"split {split}: token id {largest}, vocabulary has {tokenizer.vocab_size}"
    if tokens != facts.tokens:
        yield f"split {split}: {tokens} tokens, manifest says {facts.tokens}"
    if utf8_bytes != facts.utf8_bytes:
        yield f"split {split}: tokens of {utf8_bytes} bytes, manifest says {facts.utf8_bytes}"


def compare_ids(split: str, text_files: Files, token_files: Files) -> Iterator[str]:
    """Yield a fault unless texts and tokens name the same documents, shard by shard.

    With another number of token shards than text shards the order over the whole
    split is compared.

    Raises:
        PublishError: doc_ids are not strictly ascending.
        CorruptFileError: a shard cannot be read.
    """
    pairs: list[tuple[Files, Files]] = [(text_files, token_files)]
    if len(text_files) == len(token_files):
        pairs = [([text], [tokens]) for text, tokens in zip(text_files, token_files, strict=True)]
    for number, (texts, tokens) in enumerate(pairs):
        if not streams_equal(stream_doc_ids(texts), stream_doc_ids(tokens)):
            yield f"split {split}: tokens and text name other documents (shard {number})"


def check_disjoint(files_by_split: Mapping[str, Files]) -> Iterator[str]:
    """Yield a fault for each pair of splits that share a document.

    Raises:
        PublishError: doc_ids are not strictly ascending.
        CorruptFileError: a shard cannot be read.
    """
    names = sorted(files_by_split)
    for position, left in enumerate(names):
        for right in names[position + 1 :]:
            shared = count_shared(
                stream_doc_ids(files_by_split[left]), stream_doc_ids(files_by_split[right])
            )
            if shared:
                yield f"splits {left} and {right} share {shared} documents"
