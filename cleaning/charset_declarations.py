"""The encoding that an HTML or XML document declares in its first bytes."""

from collections.abc import Iterator
from typing import Final

from gristmill.cleaning.byte_patterns import compile_bytes
from gristmill.cleaning.charset_labels import map_label

#: HTML asks authors for 1,024 bytes; heads full of scripts need more.
PRESCAN_BYTES: Final = 16 << 10

# Comments, tags with their quoted values, and other markup; what is not closed ends the scan.
_TAGS: Final = compile_bytes(
    rb"(?is)<!--.*?(?:-->|\z)"
    rb"|<(meta)[\s/]((?:[^>\"']|\"[^\"]*(?:\"|\z)|'[^']*(?:'|\z))*)(?:>|\z)"
    rb"|</?[a-z](?:[^>\"'=]|=\s*(?:\"[^\"]*(?:\"|\z)|'[^']*(?:'|\z))?|[\"'])*(?:>|\z)"
    rb"|<[!/?][^>]*"
)
_ATTRIBUTE: Final = compile_bytes(
    rb"(?s)[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)(\"|\z)|'([^']*)('|\z)|([^\s>\"'][^\s>]*)))?"
)
_CHARSET: Final = compile_bytes(
    rb"(?is)charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"'][^\s;]*))"
)
_XML: Final = compile_bytes(
    rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([a-zA-Z0-9_:.+-]{1,40})"
)
_LOOSE: Final = compile_bytes(rb"(?i)<meta[^>]{0,512}?charset\s*=\s*[\"']?\s*([a-z0-9_:.+-]{1,40})")
_COMMENT: Final = compile_bytes(rb"(?s)<!--.*?(?:-->|\z)")
_LONGEST_LABEL: Final = 40


def find_declared(payload: bytes) -> str | None:
    """Find the label that a document declares.

    First what the HTML standard counts, then the declaration of XML, then what stands in
    a meta element in any other way: it says more than the bytes alone.
    """
    head = payload[:PRESCAN_BYTES]
    label = prescan(head)
    if label is None:
        found = _XML.search(head) or _LOOSE.search(_COMMENT.sub(b"", head))
        label = str(found.group(1), "ascii") if found else None
    if label is None:
        return None
    # Who can read an ASCII declaration does not read UTF-16 (HTML standard, 13.2.3.2).
    return "utf-8" if label.lower().startswith(("utf-16", "utf-32")) else label


def prescan(head: bytes) -> str | None:
    """Find the first known label in a meta element, as browsers do (HTML standard, 13.2.3.2)."""
    for found in _TAGS.finditer(head):
        if found.group(1) is None or not found.group(0).endswith(b">"):
            continue
        label = _read_meta(found.group(2))
        if label is not None and map_label(label) is not None:
            return label
    return None


def _read_meta(raw: bytes) -> str | None:
    """Read the label of a meta element: its charset, or that of its content type."""
    values: dict[bytes, bytes] = {}
    for name, value in _read_attributes(raw):
        values.setdefault(name, value)
    label = values.get(b"charset")
    if label is None and values.get(b"http-equiv", b"").lower() == b"content-type":
        found = _CHARSET.search(values.get(b"content", b""))
        label = next((part for part in found.groups() if part is not None), None) if found else None
    return str(label[:_LONGEST_LABEL], "ascii", "replace").strip() if label is not None else None


def _read_attributes(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    for found in _ATTRIBUTE.finditer(raw):
        name, double, _, single, _, bare = found.groups()
        yield name.lower(), double or single or bare or b""
