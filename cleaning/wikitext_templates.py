"""Templates that carry running text; all others are dropped.

Each entry maps lower-case names to a rule that makes text of the arguments. Names follow
the templates' documentation on the Wikipedias.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gristmill.cleaning import wikitext_rules as rules
from gristmill.cleaning.wikitext_rules import Rule

#: Stands for an equals sign that is text, and no end of a parameter's name.
EQUALS_SIGN: Final = "\x02"

_BY_RULE: Final[tuple[tuple[Rule, str], ...]] = (
    (
        rules.first,
        "nowrap|nobr|no wrap|small|big|smaller|larger|smallcaps|sc|sc2|em|strong|abbr|tooltip|sic|"
        "ill|interlanguage link|lien|link-interwiki|visible anchor|vanchor|formatnum|nombre|fmtn|"
        "num|nts|math|mvar|mono|var|kbd|samp|code|tt|bold|italic|format price|formatprice|"
        "pron|unicode|polytonic|hebrew|he|ar|mvl|nq|nastaliq|urdu|"
        "uc|lc|ucfirst|lcfirst|not a typo|typo|proper name|keypress|keys|nihongo2|"
        "center|centre|citation|overline|underline|u|strikethrough|sub|sup|noitalic|noitalics|"
        "normal|resize|font|nobold|poem|poemquote|verse translation|block indent|hilite|highlight|"
        "kleinbuchstaben|kapitälchen|nowiki|flatlist|plainlist|plain list|pc|petites capitales|"
        "hlist/styles|aut|nombre romain|romain|maj|petit|grand|«|guil|flag|flagcountry|flagu|drapeau2|"
        "pays|quote inline|versalita|versalitas|esd|nome|ta|exp|ind|souverain|souverain-|souverain2|"
        "xt|!xt|tq|red|green|blue|comment|baseball year|mlby|nfly|nbay|nhly|cfb link|仮リンク|le|"
        "국기나라|국기|deu|eng|fra|lat|rus|spa|ita|pol|ces|slk|hun|grc|ell|jpn|zho|ara|heb|"
        "literal translation text|translation text|serif|sans-serif|big math|bigmath|tmath|angbr ipa text",
    ),
    (
        rules.second,
        "audio|sort|sortkey|tri|langue|lang-latn|color|font color|colour|fontcolor|fgcolor|legend|"
        "legend2|langi|vjazyce2|vjazyce|cizojazyčně|cj|llang|rtl-lang|rtl-para|범례|légende|lang2",
    ),
    (rules.language_text, "lang|lang+|langx|язык"),
    (
        rules.second_or_first,
        "nihongo krt|translitteration|wikt|wt|page needed text|нп5|нп4|нп3|нп2|нп|не переведено|"
        "не переведено 2|не переведено 3|не переведено 4|не переведено 5|iw|iw2|link|link text",
    ),
    (
        rules.last,
        "anchor text|zh-l|lang-zh-l|transl|transliteration|script|wikt-lang|tsl|script/hebrew|script/arabic",
    ),
    (
        rules.quotation,
        "quote|blockquote|cquote|quotation|bq|rquote|quote box|citation bloc|zitat|cita|"
        "цитата|début citation|citazione|cytat|citaat|pull quote|quote frame|centered pull quote|"
        "epigraph|citat|quote2|block quote|cite quote|帶來源引用|引文|引用",
    ),
    (
        rules.measure,
        "convert|cvt|convertir|unité|unit|unidad|umrechnen|conversie|conversion|tmp|température|"
        "convert/2|perunità|mérték",
    ),
    (rules.quantity, "val|m|misura|physconst"),
    (rules.power, "e|10^"),
    (rules.person, "sortname|sortkeyname|sort name"),
    (
        rules.spaced,
        "date|datum|date de naissance|date de décès|date de mort|j|jp|date-|дата|daton|jour",
    ),
    (
        rules.write_date,
        "birth date|birth date and age|death date|start date|end date|dts|birth-date|dob|bda|"
        "film date|release date|launch date|nacimiento|dni|date-smart",
    ),
    (rules.joined, "gaps|chem2|chem|su|linktext|ce"),
    (
        rules.listed,
        "ubl|ublist|unbulleted list|bulleted list|unbulleted|hlist|ordered list|ul|ol|flat list|blist",
    ),
    (rules.fraction, "frac|sfrac|fraction|mfrac"),
    (rules.japanese, "nihongo|nihongo3|japanese|vi-nom|nihongo foot"),
    (rules.reading, "ruby|ruby-ja|ruby-zh-p|読み仮名|読み仮名 ruby不使用|furigana|fg"),
    (rules.chinese, "zh|lang-zh|chinese|zh-cn|langz"),
    (rules.korean, "korean|ko-hhrm|korean name text"),
    (rules.lifetime, "bd|生卒年"),
    (rules.third_or_first, "link-en|link-de|link-fr|link-ja|link-es|link-ru"),
    (rules.since, "as of"),
    (rules.about, "circa|c.|ca.|vers"),
    (rules.prefixed("fl. "), "floruit|fl."),
    (rules.century, "s|s-|s mini|sp-|-s|siècle-"),
    (rules.prefixed("século "), "séc|século"),
    (rules.prefixed("siglo "), "siglo"),
    (rules.prefixed("p. "), "p."),
    (rules.prefixed("vol. "), "vol."),
    (rules.prefixed("no "), "numéro|n°"),
    (rules.prefixed("HMS "), "hms"),
    (rules.prefixed("USS "), "uss"),
    (rules.prefixed("SS "), "ss"),
    (rules.prefixed("RMS "), "rms"),
    (rules.prefixed("SMS "), "sms"),
    (rules.prefixed("HMAS "), "hmas"),
    (rules.prefixed("HMCS "), "hmcs"),
    (rules.prefixed("USCGC "), "uscgc"),
    (rules.spaced, "ship|navire"),
    (rules.prefixed("$"), "us$|usd"),
    (rules.prefixed("£"), "gbp|£|pound"),
    (rules.prefixed("€"), "eur|€"),
    (rules.prefixed("₹"), "inr|indian rupee|₹"),
    (rules.suffixed(" €"), "euro"),
    (rules.suffixed(" km"), "km"),
    (rules.stated("Yes"), "yes|yes2|active|ok|tick"),
    (rules.stated("No"), "no|no2|cross"),
    (rules.stated("Partial"), "partial|some"),
    (rules.stated("N/A"), "n/a|na"),
    (rules.stated("Won"), "won"),
    (rules.stated("Nominated"), "nom|nominated"),
    (rules.stated("TBA"), "tba|tbd"),
    (rules.stated("Unknown"), "dunno|unknown"),
    (rules.clock, "heure"),
    (rules.aside, "incise"),
    (rules.glossed, "lit|lit.|literally|literal translation"),
    (rules.phonemes, "ipac-en"),
    (rules.respelling, "respell"),
    (rules.pronunciation, "ipa|ipa all|afi|api|mfa|мфа"),
    (rules.bracketed, "ipablink|ipa-link-bracket"),
    (rules.slashed, "ipaslink"),
    (rules.first, "ipalink|ipa link"),
    (rules.angled, "angbr|angle bracket|vr|angbr ipa"),
    (
        rules.constant(" "),
        "nbsp|spaces|space|thinsp|thin space|sp|0|clear text|pad|nbsp2|hair space",
    ),
    (rules.constant("–"), "ndash|–|en dash|snd|spnd|spaced ndash|nsndns"),
    (rules.constant("—"), "mdash|—|em dash|spaced mdash|mdashb"),
    (rules.constant(" · "), "·|•|dot|middot|bull|bullet"),
    (rules.constant("|"), "!|pipe"),
    (rules.constant(EQUALS_SIGN), "=|equals"),
    (rules.constant("'"), "'|`"),
    (rules.constant("'s"), "'s"),
    (rules.constant("\n"), "break|-br|br|crlf|pb|paragraph|-|par"),
    (rules.constant("†"), "dagger|†"),
    (rules.constant("°"), "deg|degree"),
    (rules.constant("av. J.-C."), "av jc|av. j.-c.|avjc"),
    (rules.constant("apr. J.-C."), "ap jc|apr. j.-c.|ap. j.-c."),
)

#: What the name of a template that carries text makes of its arguments.
TEXT_TEMPLATES: Final[Mapping[str, Rule]] = MappingProxyType(
    {name: rule for rule, names in _BY_RULE for name in names.split("|")}
)

#: French ordinals and titles, and centuries: the name is the text.
_NAME_IS_TEXT: Final = re.compile(
    r"(?:[IVX]|[IVXL]{2,8})e|Ier|Ire|[0-9]{1,3}(?:er|re|e|ème|nde?)|M(?:me|lle|gr|\.|M\.)"
    r"|[0-9IVXLer -]{1,16} siècle"
)
#: German: {{EnS|word}}, {{JaS|word}}.
_GERMAN_LANGUAGE: Final = re.compile(r"[A-Z][a-z]{1,2}S")
_FUNCTIONS: Final = frozenset({"formatnum", "lc", "uc", "lcfirst", "ucfirst"})


def find_rule(name: str) -> tuple[Rule, list[str]] | None:
    """Find the rule of a template by the name as it is written.

    Args:
        name: text before the first pipe; may hold a first argument after a colon, as in
            ``formatnum:1000``.

    Returns:
        The rule and the arguments that the name itself holds; None to drop the template.
    """
    written = name.strip()
    plain = written.replace("_", " ").lower()
    rule = TEXT_TEMPLATES.get(plain)
    if rule is not None:
        return rule, []
    if plain.startswith(("lang-", "vol-", "به ")):
        return rules.foreign, []
    if plain.startswith("ipa-"):
        return rules.bracketed, []
    if plain.startswith("script/") or _GERMAN_LANGUAGE.fullmatch(written):
        return rules.first, []
    if _NAME_IS_TEXT.fullmatch(written):
        return rules.constant(written), []
    word, colon, argument = plain.partition(":")
    if colon and word in _FUNCTIONS:
        return rules.first, [written.partition(":")[2] if argument else ""]
    return None
