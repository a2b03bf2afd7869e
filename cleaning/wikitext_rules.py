"""What templates make of their arguments: one small function for each kind of text.

Argument orders follow the templates' documentation on the Wikipedias.
"""

from collections.abc import Callable
from typing import Final, NamedTuple


class Arguments(NamedTuple):
    """Arguments of one template call: in order, and by name."""

    positional: list[str]
    named: dict[str, str]

    def at(self, index: int) -> str:
        """The positional argument `index` from 0, also where it is written ``1=``; or ``""``."""
        if index < len(self.positional):
            return self.positional[index]
        return self.named.get(str(index + 1), "")


Rule = Callable[[Arguments], str]

#: Longest name of a parameter; an `=` further on belongs to the text.
_MAX_KEY_CHARS: Final = 24


def parse_arguments(pieces: list[str]) -> Arguments:
    """Split the pieces between pipes into positional and named arguments."""
    positional: list[str] = []
    named: dict[str, str] = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        key = key.strip()
        if equals and len(key) <= _MAX_KEY_CHARS and "<" not in key and "\x00" not in key:
            named[key.lower()] = value.strip()
        else:
            positional.append(piece.strip())
    return Arguments(positional, named)


def first(arguments: Arguments) -> str:
    """Show the first argument."""
    return arguments.at(0)


def second(arguments: Arguments) -> str:
    """Show the second argument."""
    return arguments.at(1)


def second_or_first(arguments: Arguments) -> str:
    """Show the second argument, or the first alone."""
    return arguments.at(1) or arguments.at(0)


def last(arguments: Arguments) -> str:
    """Show the last argument."""
    return arguments.positional[-1] if arguments.positional else ""


def foreign(arguments: Arguments) -> str:
    """Show a word of another language, and its transliteration."""
    return ", ".join(filter(None, arguments.positional[:2]))


def language_text(arguments: Arguments) -> str:
    """Show what follows a language code."""
    return arguments.at(1) or arguments.named.get("text", "") or arguments.named.get("texte", "")


def quotation(arguments: Arguments) -> str:
    """Show a quotation in lines of its own."""
    named = arguments.named
    text = named.get("text") or named.get("quote") or named.get("texte") or arguments.at(0)
    return f"\n{text}\n" if text else ""


_UNITS: Final = {
    "C": "°C", "F": "°F", "km2": "km²", "m2": "m²", "cm2": "cm²", "ft2": "sq ft", "mi2": "sq mi",
    "sqmi": "sq mi", "sqft": "sq ft", "sqkm": "km²", "km3": "km³", "m3": "m³", "cuft": "cu ft",
    "cumi": "cu mi", "USgal": "US gal", "impgal": "imp gal", "long ton": "long tons",
    "short ton": "short tons", "nmi": "nautical miles",
}  # fmt: skip
_RANGES: Final = frozenset({"-", "to", "and", "–", "x", "by", "or", "to(-)", "+/-", "±", "×", "*"})


def show_unit(unit: str) -> str:
    """Write a unit as readers know it."""
    return _UNITS.get(unit, unit)


def measure(arguments: Arguments) -> str:
    """Show a number or a range with its first unit."""
    number, unit = arguments.at(0), arguments.at(1)
    if unit in _RANGES:
        word = "–" if unit in ("-", "–", "to(-)") else f" {unit.replace('*', '×')} "
        return f"{number}{word}{arguments.at(2)} {show_unit(arguments.at(3))}".rstrip()
    third = arguments.at(2)
    if third.isdecimal() and not arguments.at(3).isdecimal() and unit.isalpha():
        # Two units of one measure: 5 ft 10 in.
        return f"{number} {unit} {third} {show_unit(arguments.at(3))}".rstrip()
    return f"{number} {show_unit(unit)}".rstrip()


def quantity(arguments: Arguments) -> str:
    """Show a number with its error, power of ten and unit."""
    named = arguments.named
    if not arguments.at(0)[:1].strip("+-−–.").isdecimal() and len(arguments.positional) > 1:
        return last(arguments)  # a word, in the template that Wiktionary has by this name
    unit = named.get("u") or named.get("ul") or named.get("um") or named.get("unit") or ""
    error = f" ± {arguments.at(1)}" if arguments.at(1) else ""
    power = f"×10^{named['e']}" if named.get("e") else ""
    return f"{arguments.at(0)}{error}{power} {unit}".rstrip()


def power(arguments: Arguments) -> str:
    """Show a power of ten."""
    return f"×10^{arguments.at(0)}"


def spaced(arguments: Arguments) -> str:
    """Show all arguments, spaces between them."""
    return " ".join(arguments.positional)


def joined(arguments: Arguments) -> str:
    """Show all arguments without a space."""
    return "".join(arguments.positional)


def listed(arguments: Arguments) -> str:
    """Show each argument as an item of a list."""
    return "".join(f"\n- {item}" for item in arguments.positional if item)


def fraction(arguments: Arguments) -> str:
    """Show a fraction, or a whole number and a fraction."""
    parts = arguments.positional[-3:]
    if len(parts) == 3:
        return f"{parts[0]} {parts[1]}/{parts[2]}"
    return "/".join(parts) if len(parts) == 2 else "".join(f"1/{part}" for part in parts)


def japanese(arguments: Arguments) -> str:
    """Show a term with its script and reading in brackets."""
    shown, script = arguments.at(0), ", ".join(filter(None, arguments.positional[1:3]))
    return f"{shown} ({script})" if script else shown


def person(arguments: Arguments) -> str:
    """Show a first and a last name."""
    return " ".join(filter(None, arguments.positional[:2]))


def since(arguments: Arguments) -> str:
    """Show since when something holds."""
    opening = "as of" if arguments.named.get("lc") else "As of"
    return f"{opening} {write_date(arguments)}"


def about(arguments: Arguments) -> str:
    """Show that a date is a guess."""
    return f"c. {arguments.at(0)}" if arguments.at(0) else "c."


def century(arguments: Arguments) -> str:
    """Show a century in French."""
    # The Russian template of this name only keeps its text on one line.
    is_century = arguments.at(1) in ("e", "er", "re")
    if not is_century:
        return arguments.at(0)
    return f"{arguments.at(0)}{arguments.at(1)} siècle {arguments.at(2)}".rstrip()


_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def write_date(arguments: Arguments) -> str:
    """Write year, month and day in numbers as a date in English; other forms as they are."""
    parts = [part for part in arguments.positional[:3] if part]
    if len(parts) < 2 or not all(part.isdecimal() and len(part) < 5 for part in parts):
        return " ".join(parts)
    month = int(parts[1])
    if not 1 <= month <= 12:
        return " ".join(parts)
    day = f"{int(parts[2])} " if len(parts) == 3 else ""
    return f"{day}{_MONTHS[month - 1]} {parts[0]}"


def phonemes(arguments: Arguments) -> str:
    """Show the sounds of a word, one an argument."""
    sounds = [part for part in arguments.positional if part not in _PHONEME_FLAGS]
    return f"/{''.join(sounds).replace('_', ' ')}/" if sounds else ""


_PHONEME_FLAGS: Final = frozenset(
    [
        "lang",
        "pron",
        "local",
        "us",
        "uk",
        "usalso",
        "ukalso",
        "alsous",
        "alsouk",
        "also",
        "audio",
        "en",
        "eng-us",
    ]
)


def respelling(arguments: Arguments) -> str:
    """Show the syllables of a word."""
    return "-".join(arguments.positional).replace("-_-", " ")


def pronunciation(arguments: Arguments) -> str:
    """Show a pronunciation; in brackets, if its language is named."""
    text = arguments.at(0)
    code = text.partition("-")[0]
    if arguments.at(1) and code.isascii() and code.isalpha() and len(code) <= 3:
        return f"[{arguments.at(1)}]"
    return text


def bracketed(arguments: Arguments) -> str:
    """Show a sound in square brackets."""
    return f"[{arguments.at(0)}]" if arguments.at(0) else ""


def slashed(arguments: Arguments) -> str:
    """Show a phoneme in slashes."""
    return f"/{arguments.at(0)}/" if arguments.at(0) else ""


def angled(arguments: Arguments) -> str:
    """Show a letter in angle brackets."""
    return f"⟨{arguments.at(0)}⟩" if arguments.at(0) else ""


def glossed(arguments: Arguments) -> str:
    """Show a literal translation."""
    return f"lit. '{arguments.at(0)}'" if arguments.at(0) else ""


def reading(arguments: Arguments) -> str:
    """Show a word with its reading in brackets."""
    base, reading = arguments.at(0), arguments.at(1)
    return f"{base} ({reading})" if reading else base


def chinese(arguments: Arguments) -> str:
    """Show the forms of a Chinese word."""
    forms = [arguments.named.get(key, "") for key in ("c", "s", "t", "p", "w", "j", "poj")]
    gloss = arguments.named.get("l", "")
    forms += arguments.positional[:1] + ([f"'{gloss}'"] if gloss else [])
    return ", ".join(dict.fromkeys(filter(None, forms)))


def korean(arguments: Arguments) -> str:
    """Show the forms of a Korean word."""
    named = arguments.named
    forms = [named.get(key, "") for key in ("hangul", "hanja", "rr", "mr")]
    return ", ".join(filter(None, [*arguments.positional[:1], *forms]))


def lifetime(arguments: Arguments) -> str:
    """Show dates of birth and death."""
    dates = ["".join(arguments.positional[:2]), "".join(arguments.positional[2:4])]
    return "–".join(filter(None, dates))


def clock(arguments: Arguments) -> str:
    """Show a time of day in French."""
    return " h ".join(filter(None, arguments.positional[:2])) + ("" if arguments.at(1) else " h")


def aside(arguments: Arguments) -> str:
    """Show an aside between dashes."""
    return f"– {arguments.at(0)} –" if arguments.at(0) else ""


def third_or_first(arguments: Arguments) -> str:
    """Show the label of a link, or its target."""
    return arguments.at(2) or arguments.at(0)


def prefixed(prefix: str) -> Rule:
    """Make a rule that puts a text before the first argument; a sign also stands alone."""
    alone = "" if prefix[0].isalpha() else prefix
    return lambda arguments: f"{prefix}{arguments.at(0)}" if arguments.at(0) else alone


def stated(text: str) -> Rule:
    """Make a rule for a cell of a table that says the first argument, or else a text."""
    return lambda arguments: arguments.at(0) or text


def suffixed(suffix: str) -> Rule:
    """Make a rule that puts a text after the first argument."""
    return lambda arguments: f"{arguments.at(0)}{suffix}" if arguments.at(0) else ""


def constant(text: str) -> Rule:
    """Make a rule that shows a text whatever the arguments."""
    return lambda _: text
