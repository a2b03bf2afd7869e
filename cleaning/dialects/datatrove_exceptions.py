"""The runs that spaCy's English tokenizer knows by heart, and how it splits each.

A run is written with ``|`` where it is split. Most follow from a grammar: who may
stand before ``'ll``, ``'d``, ``'ve``, which verbs take ``n't``. The apostrophe may be
left out, and may be a typographic one.
"""

import functools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

_PRONOUNS: Final = ("i", "you", "he", "she", "it", "we", "they")
_QUESTIONS: Final = ("who", "what", "when", "where", "why", "how", "there", "that", "this")
_PLURALS: Final = ("these", "those")
#: Verbs with ``n't``, and with ``n't've`` and ``'ve`` behind that.
_LONG_VERBS: Final = "ca could do does did had may might must need ought sha should wo would"
_SHORT_VERBS: Final = "ai are is was were have has dare"
_HAVE_VERBS: Final = "could might must should would"
#: Whole words that the grammar would take for contractions.
_WORDS: Final = "ill its hell shell shed were well whore"

_STATES: Final = (
    "Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. "
    "Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. "
    "N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis."
)
_TITLES: Final = (
    "a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. "
    "Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s."
)
_SLANG: Final = (
    "'S 's \u2018S \u2018s and/or w/o 're 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout 'd "
    "ma'am Ma'am o'clock O'clock lovin' Lovin' lovin Lovin havin' Havin' havin Havin "
    "'em em 'll ll 'nuff nuff"
)
_DROPPED_G: Final = "doin goin nothin nuthin ol somethin"
_SPLIT: Final = (
    "y'|all y|all how|'d|'y How|'d|'y not|'ve not|ve Not|'ve Not|ve can|not Can|not gon|na Gon|na "
    "got|ta Got|ta let|'s Let|'s c'm|on C'm|on"
)
_FACES: Final = (
    r"' '' \") <space> C++ ä. ö. ü. — "
    r":) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 "
    r";) ;-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =! "
    r":! :-! ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X "
    r":x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- "
    r"v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 "
    r"</3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*> \t \n"
)
#: Units after a number, written next to it, each a token of its own.
UNITS: Final = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz "
    "m/s km/h kmh mph hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км км² км³ м м² м³ дм дм² "
    "дм³ см см² см³ мм мм² мм³ нм кг г мг м/с км/ч кПа Па мбар Кб КБ кб Мб МБ мб Гб ГБ гб Тб ТБ "
    # The last Russian and the first Arabic unit have run together in spaCy's list.
    "тбكم كم² كم³ م م² م³ سم سم² سم³ مم مم² مم³ كم غرام جرام جم كغ ملغ كوب اكواب"
)
#: Currency signs of more than one character; the others are a character class.
LONG_CURRENCIES: Final = ("US$", "C$", "A$")


def _contract(word: str, *endings: str) -> Iterator[str]:
    """Give a word, small and capital, with each ending, with and without apostrophes."""
    for start in (word, word.title()):
        for ending in endings:
            yield f"{start}|{ending}"
            if "'" in ending:
                yield f"{start}|{ending.replace(chr(39), '')}"


def _make_contractions() -> Iterator[str]:
    yield from _contract("i", "'m", "'m|a")
    for word in (*_PRONOUNS, *_QUESTIONS, *_PLURALS):
        yield from _contract(word, "'ll", "'ll|'ve", "'d", "'d|'ve")
    for word in ("i", "you", "we", "they", *_QUESTIONS[:-2], *_PLURALS):
        yield from _contract(word, "'ve")
    for word in ("you", "we", "they", *_QUESTIONS[:-2], *_PLURALS):
        yield from _contract(word, "'re")
    for word in ("he", "she", "it", *_QUESTIONS):
        yield from _contract(word, "'s")
    for word in _LONG_VERBS.split():
        yield from _contract(word, "n't", "n't|'ve")
    for word in _SHORT_VERBS.split():
        yield from _contract(word, "n't")
    for word in _HAVE_VERBS.split():
        yield from _contract(word, "'ve")


def _make_exceptions() -> Iterator[str]:
    words = set(_WORDS.split())
    yield from (run for run in _make_contractions() if run.replace("|", "").lower() not in words)
    for hour in range(1, 13):
        yield from (f"{hour}|{half}" for half in ("a.m.", "am", "p.m.", "pm"))
    for word in _DROPPED_G.split():
        yield from (word, word.title(), word + "'", word.title() + "'")
    yield from (f"{chr(code)}." for code in range(ord("a"), ord("z") + 1))
    yield from (f"\u00b0|{scale}|." for scale in "cfkCFK")
    for runs in (_STATES, _TITLES, _SLANG, _SPLIT):
        yield from runs.split()


@functools.cache
def list_exceptions() -> Mapping[str, tuple[str, ...]]:
    """List the runs and the tokens of each, which joined give the run."""
    found = {run.replace("|", ""): tuple(run.split("|")) for run in _make_exceptions()}
    # Faces have bars of their own: here "!" stands for one, in the three that do.
    faces = (face[:-1] + "|" if face in ("=!", ":!", ":-!") else face for face in _FACES.split())
    found.update({face: (face,) for face in faces})
    for run, tokens in list(found.items()):
        found[run.replace("'", "\u2019")] = tuple(t.replace("'", "\u2019") for t in tokens)
    return MappingProxyType(found)
