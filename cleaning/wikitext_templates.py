"""Templates that carry running text; all others are dropped.

Each entry maps the lower-case name to a rule that makes text of the arguments. Names and
argument orders follow the templates' documentation on the Wikipedias.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
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


def _first(arguments: Arguments) -> str:
    return arguments.at(0)


def _second(arguments: Arguments) -> str:
    return arguments.at(1)


def _second_or_first(arguments: Arguments) -> str:
    return arguments.at(1) or arguments.at(0)


def _last(arguments: Arguments) -> str:
    return arguments.positional[-1] if arguments.positional else ""


def _language_text(arguments: Arguments) -> str:
    return arguments.at(1) or arguments.named.get("text", "") or arguments.named.get("texte", "")


def _quotation(arguments: Arguments) -> str:
    named = arguments.named
    text = named.get("text") or named.get("quote") or named.get("texte") or arguments.at(0)
    return f"\n{text}\n" if text else ""


def _measure(arguments: Arguments) -> str:
    number, unit = arguments.at(0), arguments.at(1)
    if unit in ("-", "to", "and", "–", "x", "by", "or", "to(-)"):
        word = "–" if unit in ("-", "–") else f" {unit} "
        return f"{number}{word}{arguments.at(2)} {arguments.at(3)}".rstrip()
    return f"{number} {unit}".rstrip()


def _spaced(arguments: Arguments) -> str:
    return " ".join(arguments.positional)


def _joined(arguments: Arguments) -> str:
    return "".join(arguments.positional)


def _listed(arguments: Arguments) -> str:
    return "".join(f"\n- {item}" for item in arguments.positional if item)


def _fraction(arguments: Arguments) -> str:
    parts = arguments.positional[-3:]
    if len(parts) == 3:
        return f"{parts[0]} {parts[1]}/{parts[2]}"
    return "/".join(parts) if len(parts) == 2 else "".join(f"1/{part}" for part in parts)


def _japanese(arguments: Arguments) -> str:
    shown, script = arguments.at(0), ", ".join(filter(None, arguments.positional[1:3]))
    return f"{shown} ({script})" if script else shown


def _person(arguments: Arguments) -> str:
    return " ".join(filter(None, arguments.positional[:2]))


def _since(arguments: Arguments) -> str:
    return "As of " + " ".join(arguments.positional)


def _about(arguments: Arguments) -> str:
    return f"c. {arguments.at(0)}" if arguments.at(0) else "c."


def _century(arguments: Arguments) -> str:
    return f"{arguments.at(0)}{arguments.at(1)} siècle"


def _constant(text: str) -> Rule:
    return lambda _: text


_BY_RULE: Final[tuple[tuple[Rule, str], ...]] = (
    (
        _first,
        "nowrap|nobr|no wrap|small|big|smaller|larger|smallcaps|sc|sc2|em|strong|abbr|tooltip|sic|"
        "ill|interlanguage link|lien|link-interwiki|visible anchor|vanchor|formatnum|nombre|"
        "num|nts|val|math|mvar|mono|var|kbd|samp|code|tt|bold|italic|ipa|ipac-en|ipa-en|respell|"
        "pron|script|script/hebrew|script/arabic|unicode|polytonic|hebrew|he|ar|mvl|wikt-lang|linktext|"
        "uc|lc|ucfirst|lcfirst|not a typo|typo|proper name|keypress|keys|nihongo2|transl2|"
        "center|centre|citation|overline|underline|u|strikethrough|sub|sup|noitalic|noitalics|"
        "normal|resize|font|nobold|poem|poemquote|verse translation|block indent|hilite|"
        "kleinbuchstaben|kapitälchen|nowiki|dts|flatlist|plainlist|plain list|"
        "hlist/styles|aut|nombre romain|romain|maj|petit|grand|«|guil|flag|flagcountry|flagu|drapeau2|pays|quote inline",
    ),
    (
        _second,
        "audio|sort|sortkey|tri|transliteration|transl|langue|lang-latn|color|font color|colour|fontcolor|fgcolor",
    ),
    (_language_text, "lang|lang+|langx|язык"),
    (
        _second_or_first,
        "nihongo krt|translitteration|wikt|wt|ruby|ruby-ja|page needed text|comment",
    ),
    (_last, "anchor text|zh-l|lang-zh-l"),
    (
        _quotation,
        "quote|blockquote|cquote|quotation|bq|rquote|quote box|citation bloc|zitat|cita|"
        "цитата|début citation|citazione|cytat|citaat",
    ),
    (_measure, "convert|cvt|convertir|unité|unit|unidad|umrechnen"),
    (_person, "sortname|sortkeyname|sort name"),
    (
        _spaced,
        "date|datum|date de naissance|date de décès|date de mort|birth date text|start date text|j|jp|date-",
    ),
    (_joined, "gaps|chem2|chem|su|e"),
    (
        _listed,
        "ubl|ublist|unbulleted list|bulleted list|unbulleted|hlist|ordered list|ul|ol|flat list",
    ),
    (_fraction, "frac|sfrac|fraction|mfrac"),
    (_japanese, "nihongo|nihongo3|japanese|korean|vi-nom"),
    (_since, "as of"),
    (_about, "circa|c.|ca.|vers"),
    (_century, "s|s-|s mini|sp-|-s|siècle-"),
    (_constant(" "), "nbsp|spaces|space|thinsp|thin space|sp|0|clear text|pad|nbsp2|hair space"),
    (_constant("–"), "ndash|–|en dash|snd|spnd|spaced ndash|nsndns"),
    (_constant("—"), "mdash|—|em dash|spaced mdash"),
    (_constant(" · "), "·|•|dot|middot|bull|bullet"),
    (_constant("|"), "!|pipe"),
    (_constant("="), "="),
    (_constant("'"), "'|`"),
    (_constant("\n"), "break|-br|br|crlf|pb|paragraph|-|par"),
    (_constant("†"), "dagger|†"),
    (_constant("°"), "deg|degree"),
)

#: What the name of a template that carries text makes of its arguments.
TEXT_TEMPLATES: Final[Mapping[str, Rule]] = MappingProxyType(
    {name: rule for rule, names in _BY_RULE for name in names.split("|")}
)


def find_rule(name: str) -> tuple[Rule, list[str]] | None:
    """Find the rule of a template by the name as it is written.

    Args:
        name: text before the first pipe; may hold a first argument after a colon, as in
            ``formatnum:1000``.

    Returns:
        The rule and the arguments that the name itself holds; None to drop the template.
    """
    plain = name.strip().replace("_", " ").lower()
    rule = TEXT_TEMPLATES.get(plain)
    if rule is not None:
        return rule, []
    if plain.startswith(("lang-", "ipa-")):
        return _first, []
    if plain.endswith(" siècle"):
        return _constant(name.strip()), []
    word, colon, argument = plain.partition(":")
    if colon and word in ("formatnum", "lc", "uc", "lcfirst", "ucfirst"):
        return _first, [name.strip().partition(":")[2] if argument else ""]
    return None
