"""What the cells of wikitext's tables show."""

import re
from typing import Final

#: Attributes that a template in the cell would have parted from what it shows.
_ATTRIBUTES: Final = re.compile(
    r"\A(?:(?:colspan|rowspan|style|bgcolor|align|valign|class|width|height|scope|nowrap|id|lang|dir"
    r"|data-sort-value|data-sort-type|border|cellpadding|cellspacing|abbr|title)\s?=\s?"
    r"(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'|]++)\s*+)++",
    re.IGNORECASE,
)


def show_cell(cell: str) -> str:
    """Show the text of a cell.

    Attributes go that a template parted from the text, as in ``colspan=2 {{n/a}}``, and the
    line breaks of a cell that is one paragraph; lists and tables in a cell keep their lines.
    """
    if "=" in cell:
        cell = _ATTRIBUTES.sub("", cell)
    if "\n" in cell and not any(mark in cell for mark in ("\n\n", "\n- ", " | ")):
        cell = cell.replace("\n", " ")
    return cell
