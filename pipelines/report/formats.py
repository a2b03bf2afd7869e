"""Numbers as people read them."""


def format_count(count: int) -> str:
    """Write a count with separators, or shortly from a million on."""
    for power, unit in ((9, "G"), (6, "M")):
        if count >= 10**power:
            return f"{count / 10**power:,.2f} {unit}"
    return f"{count:,}"


def format_bytes(size: int) -> str:
    """Write a size in powers of 1,000."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} B" if unit == "B" else f"{value:,.1f} {unit}"


def format_seconds(seconds: float) -> str:
    """Write a duration in the unit that fits."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def format_share(part: int, whole: int) -> str:
    """Write a share in percent; ``-`` of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"
