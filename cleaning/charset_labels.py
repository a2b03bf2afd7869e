"""Labels of encodings to the Python codecs that decode them: a closed table.

Labels mean what the WHATWG Encoding Standard says, so that "iso-8859-1" is windows-1252.
No Python codec can be reached from a page by its name.
"""

from typing import Final

from resiliparse.parse.encoding import map_encoding_to_html5

# Where Python's codec is narrower than the encoding of the standard.
_WIDER: Final = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
    "iso2022_jp": "iso2022_jp_ext",
}

# Labels that the standard leaves out and that pages and the detector still use.
_OTHER_LABELS: Final = {
    "x-mac-cyrillic": "mac_cyrillic",
    "mac-cyrillic": "mac_cyrillic",
    "maccyrillic": "mac_cyrillic",
    "ibm855": "cp855",
    "cp855": "cp855",
    "iso-2022-kr": "iso2022_kr",
    "hz-gb-2312": "hz",
    "johab": "johab",
    "cp949": "cp949",
    "uhc": "cp949",
    "utf-32": "utf-32-le",
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
}


def map_label(label: str) -> str | None:
    """Map a declared label to the Python codec that decodes it; None if it is unknown."""
    name = label.strip().strip("\"'").lower()
    if name in _OTHER_LABELS:
        return _OTHER_LABELS[name]
    mapped = map_encoding_to_html5(name, False)
    return _WIDER.get(mapped, mapped) if mapped else None
