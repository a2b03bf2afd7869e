"""Arrow schemas of every table that stages hand to each other.

All are keyed by `doc_id` (16 bytes). The locator (`file`, `offset`, `length`)
leads from any row back to the bytes that it came from.
"""

from typing import Final

import pyarrow as pa

from gristmill.schemas.errors import SchemaError

ID = pa.binary(16)
TIMESTAMP = pa.timestamp("ms", tz="UTC")  # Parquet knows no seconds


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


LOCATOR: Final = (
    _required("file", pa.string()),
    _required("offset", pa.int64()),
    _required("length", pa.int64()),
)

#: What a page, its headers or its site's robots.txt reserve against use in training;
#: null for nothing.
OPT_OUTS: Final = pa.list_(pa.string())

#: One row per document that collect kept.
DOCUMENTS: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("content_id", ID),
        _required("source", pa.string()),
        _required("kind", pa.string()),
        _required("native_id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("title", pa.string()),
        pa.field("author", pa.string()),
        pa.field("canonical_url", pa.string()),
        pa.field("date", TIMESTAMP),  # of the capture, the revision or the row
        pa.field("published", TIMESTAMP),  # as the page says
        pa.field("modified", TIMESTAMP),
        _required("text", pa.string()),
        pa.field("declared_language", pa.string()),
        pa.field("charset", pa.string()),
        pa.field("charset_method", pa.string()),
        pa.field("charset_confidence", pa.float32()),
        pa.field("extraction", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("opt_outs", OPT_OUTS),
        pa.field("truncated", pa.string()),  # why the crawler cut the payload: WARC-Truncated
        pa.field("digest_check", pa.string()),  # match | mismatch; null: none was made
        *LOCATOR,
    ]
)

#: One row per document that its site's robots.txt, as crawled, keeps from some agent.
CONSENTS: Final = pa.schema([_required("doc_id", ID), _required("opt_outs", OPT_OUTS)])

#: Spans of personal data in the original text: kind, start and end in code points.
PII_SPANS: Final = pa.list_(
    pa.struct(
        [
            _required("kind", pa.string()),
            _required("start", pa.int32()),
            _required("end", pa.int32()),
        ]
    )
)

#: Numbers that describe a whole document. Each is total: defined on any text.
DOCUMENT_METRICS: Final = (
    "char_count",
    "word_count",
    "line_count",
    "sentence_count",
    "mean_word_length",
    "hash_to_word_ratio",
    "ellipsis_to_word_ratio",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "alphabetic_word_fraction",
    "distinct_stop_words",
    "duplicate_line_fraction",
    "duplicate_paragraph_fraction",
    "duplicate_line_char_fraction",
    "duplicate_paragraph_char_fraction",
    "top_2gram_char_fraction",
    "top_3gram_char_fraction",
    "top_4gram_char_fraction",
    "duplicate_5gram_char_fraction",
    "duplicate_6gram_char_fraction",
    "duplicate_7gram_char_fraction",
    "duplicate_8gram_char_fraction",
    "duplicate_9gram_char_fraction",
    "duplicate_10gram_char_fraction",
    "punctuated_line_fraction",
    "short_line_fraction",
    "newline_to_word_ratio",
    "lorem_ipsum_count",
    "curly_bracket_count",
    "uppercase_letter_fraction",
    "digit_fraction",
    "whitespace_fraction",
    "punctuation_char_fraction",
    "symbol_char_fraction",
    "parenthesis_fraction",
    "non_alphanumeric_char_fraction",
    "url_char_fraction",
    "url_count",
    "control_char_count",
    "replacement_char_count",
    "emoji_count",
    "all_caps_word_fraction",
    "distinct_word_fraction",
    "unigram_entropy",
    "stop_word_count",
    "stop_word_fraction",
    "symbol_to_word_ratio",
    "long_word_count",
    "paragraph_count",
    "longest_line_chars",
    "mean_line_length",
    "numeric_line_fraction",
    "terminal_line_fraction",
    "javascript_line_count",
    "policy_line_count",
    "short_or_long_sentence_fraction",
    "list_case_sentence_fraction",
    "technical_char_sentence_fraction",
)

#: What one line of a text shows; bits of `line_flags`.
LINE_BLANK: Final = 1
LINE_TERMINAL_MARK: Final = 2  # ends in . ? ! or ", and not in ...
LINE_ELLIPSIS: Final = 4
LINE_JAVASCRIPT: Final = 8
LINE_POLICY_PHRASE: Final = 16
LINE_LOREM_IPSUM: Final = 32
LINE_CURLY_BRACKET: Final = 64
LINE_LONG_WORD: Final = 128  # a whitespace-separated word of more than 1,000 characters

#: Languages of the lines of a text by falling share of its bytes, equals by name.
LANGUAGE_MIX: Final = pa.list_(
    pa.struct([_required("language", pa.string()), _required("share", pa.float32())])
)

#: One row per measured document: facts only, no threshold. A recipe may add columns:
#: those of dialects (``<metric>@<dialect>``), of models and of lists.
SIGNALS: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("language", pa.string()),
        _required("language_score", pa.float32()),
        _required("second_language", pa.string()),
        _required("second_language_score", pa.float32()),
        _required("script", pa.string()),  # ISO 15924, of most letters
        _required("script_share", pa.float32()),
        _required("language_agrees", pa.bool_()),  # the language is written in that script
        _required("language_mix", LANGUAGE_MIX),
        pa.field("licence_id", pa.string()),  # SPDX; of what the page or its source states
        pa.field("licence_open", pa.float64()),  # 1, 0, or null where none is stated
        _required("text_bytes", pa.int64()),  # UTF-8
        *(_required(name, pa.float64()) for name in DOCUMENT_METRICS),
        _required("line_flags", pa.list_(pa.uint8())),
        _required("line_words", pa.list_(pa.uint16())),
        _required("line_sentences", pa.list_(pa.uint16())),
        _required("pii_spans", PII_SPANS),
    ]
)

#: One row per measured document: what near-duplicate search needs, and no text.
SIGNATURES: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("content_id", ID),
        _required("dedup_id", ID),
        _required("shingle_count", pa.int32()),
        _required("signature", pa.binary()),  # uint32 little-endian, one per hash function
        _required("band_hashes", pa.binary()),  # uint64 little-endian, one per band
    ]
)

#: One row per document that shares a component with another one.
CLUSTERS: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("cluster_id", ID),
        _required("cluster_size", pa.int32()),
        _required("dedup_id", ID),
    ]
)

#: One row per verified pair inside a cluster (doc_id < other_id).
MATCHES: Final = pa.schema(
    [
        _required("cluster_id", ID),
        _required("doc_id", ID),
        _required("other_id", ID),
        _required("similarity", pa.float32()),
        _required("match", pa.string()),  # exact | near
    ]
)

#: One row per document that a duplicate rule removed.
EVIDENCE: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("winner_id", ID),
        _required("cluster_id", ID),
        _required("similarity", pa.float32()),
        _required("rule", pa.string()),
        _required("winner_version", pa.string()),
    ]
)

#: One row per dropped record. `value` and `threshold` are null where a rule has no number.
DROPPED: Final = pa.schema(
    [
        pa.field("doc_id", ID),
        _required("stage", pa.string()),
        _required("source", pa.string()),
        pa.field("native_id", pa.string()),
        pa.field("url", pa.string()),
        pa.field("language", pa.string()),
        _required("rule", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("comparison", pa.string()),  # "<" or ">": the condition that dropped it
        pa.field("detail", pa.string()),
        *LOCATOR,
    ]
)

#: One row per record that could not be used. Holds no document text.
QUARANTINE: Final = pa.schema(
    [
        pa.field("doc_id", ID),
        _required("stage", pa.string()),
        _required("source", pa.string()),
        pa.field("native_id", pa.string()),
        pa.field("url", pa.string()),
        _required("reason", pa.string()),
        _required("detail", pa.string()),
        *LOCATOR,
    ]
)

#: One row per published document, sorted by `doc_id`.
CURATED: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("content_id", ID),
        _required("source", pa.string()),
        _required("split", pa.string()),  # train | validation | test
        pa.field("url", pa.string()),
        pa.field("title", pa.string()),
        pa.field("date", TIMESTAMP),
        pa.field("published", TIMESTAMP),
        _required("language", pa.string()),
        _required("language_score", pa.float32()),
        _required("word_count", pa.int64()),
        _required("cluster_size", pa.int32()),
        pa.field("author", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("opt_outs", OPT_OUTS),
        _required("text", pa.string()),
        *LOCATOR,
    ]
)

#: One row per tokenised document; see `gristmill.tokenize.token_shards` for the file format.
TOKENS: Final = pa.schema(
    [
        _required("doc_id", ID),
        _required("source", pa.int32()),
        _required("n_tokens", pa.int32()),
        _required("n_bytes", pa.int32()),
        _required("tokens", pa.binary()),
    ]
)


def require_schema(found: pa.Schema, expected: pa.Schema, origin: str) -> None:
    """Refuse a table whose columns differ from the declared ones.

    Raises:
        SchemaError: names the first column that is missing or has another type.
    """
    for field in expected:
        index = found.get_field_index(field.name)
        if index < 0:
            raise SchemaError(f"{origin}: column {field.name!r} is missing; found {found.names}")
        if found.field(index).type != field.type:
            raise SchemaError(
                f"{origin}: column {field.name!r} is {found.field(index).type}, not {field.type}"
            )
