"""Which scripts a language is written in today, for the languages that models name.

A code may be of ISO 639 (``sr``) or name its script (``srp_Cyrl``), as GlotLID and
OpenLID do. Rare, historical and learners' scripts are left out, except where a
Wikipedia or a state uses one; so the table says which answers cannot be right.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.scripts import SCRIPTS, Counts

# ISO 15924 codes that stand for several scripts or for a style of one.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Hans": ("Hani", "Bopo"),
        "Hant": ("Hani", "Bopo"),
        "Hani": ("Hani", "Bopo"),
        "Jpan": ("Hani", "Hrkt"),
        "Hira": ("Hrkt",),
        "Kana": ("Hrkt",),
        "Kore": ("Hang", "Hani"),
        "Latf": ("Latn",),
        "Latg": ("Latn",),
        "Aran": ("Arab",),
        "Cyrs": ("Cyrl",),
        "Geok": ("Geor",),
        "Syre": ("Syrc",),
    }
)

_BY_SCRIPTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Latn": (
            "af als an ast bar bcl br ca cbk ceb co cs cy da de diq dsb eml en eo es et eu fi fr "
            "frr fy ga gd gl gn gv hr hsb ht hu ia id ie ilo io is it jbo kw la lb li lmo lt lv mg "
            "min mt mwl nah nap nds nl nn no nb oc pam pfl pl pms pt qu rm sc scn sco sk sl so sq "
            "sv sw tr vec vep vls vo wa war yo zu xh fo ig ha ln lg rw rn sn st tn ts ss nr ve ny "
            "sm to mi haw ty fj ay na om ee ff bi ho kl se an ace ban szl stq roa srd lld kab lfn "
            "nov tlh tok tpi pap gcf pdc swg ksh nov csb"
        ),
        "Latn Java": "jv",
        "Latn Sund": "su",
        "Latn Tglg": "tl fil",
        "Latn Arab": "ms",
        "Latn Hani": "vi",
        "Latn Deva": "hif gom",
        "Latn Cyrl": "bs sh sr ro mo",
        "Latn Cyrl Arab": "az uz tk ku ug",
        "Cyrl": "av ba be bg ce cv krc kv lez mhr mk mrj myv mdf os ru rue sah tyv uk xal bxr ab udm",
        "Cyrl Latn": "tt crh gag kaa",
        "Cyrl Latn Arab": "kk",
        "Cyrl Arab": "ky tg",
        "Cyrl Mong": "mn",
        "Arab": "ar arz azb ckb fa lrc mzn pnb ps ur glk ary apc",
        "Arab Deva": "sd ks",
        "Guru Arab": "pa",
        "Deva": "bh dty hi mai mr ne new sa awa bho mag",
        "Beng": "as bn bpy",
        "Mlym": "ml",
        "Knda": "kn tcy",
        "Taml": "ta",
        "Telu": "te",
        "Gujr": "gu",
        "Orya": "or",
        "Sinh": "si",
        "Tibt": "bo dz",
        "Thaa": "dv",
        "Grek": "el",
        "Hebr": "he yi lad",
        "Armn": "hy",
        "Geor": "ka xmf",
        "Khmr": "km",
        "Laoo": "lo",
        "Mymr": "my shn mnw",
        "Thai": "th",
        "Ethi": "am ti",
        "Jpan": "ja",
        "Kore": "ko",
        "Hani": "zh wuu yue gan",
        "Cans": "iu",
        "Cher": "chr",
    }
)


def _spread(scripts: Iterable[str]) -> frozenset[str]:
    return frozenset(part for script in scripts for part in _PARTS.get(script, (script,)))


_SCRIPTS_OF: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        language: _spread(scripts.split())
        for scripts, languages in _BY_SCRIPTS.items()
        for language in languages.split()
    }
)


def list_scripts(language: str) -> frozenset[str]:
    """List the scripts that a language is written in.

    Args:
        language: a code such as ``sr`` or ``srp_Cyrl``; the latter names its script.

    Returns:
        Codes of `gristmill.cleaning.scripts.SCRIPTS`, or others that no letter is counted
        for; empty for a language that this table does not know.
    """
    _, _, named = language.partition("_")
    named = named[:4]
    if len(named) == 4 and named.isalpha() and named.istitle():
        return _spread([named])
    return _SCRIPTS_OF.get(language, frozenset())


def match_scripts(languages: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell for each language and each script whether they go together.

    Returns:
        (languages, scripts) bool, in the order of `SCRIPTS`. Languages that the table
        does not know, and languages of scripts that are not counted, go with every
        script; every language goes with a text without letters.
    """
    fits = np.ones((len(languages), len(SCRIPTS)), np.bool_)
    for row, language in enumerate(languages):
        known = list_scripts(language) & set(SCRIPTS)
        if known:
            fits[row, 1:] = [script in known for script in SCRIPTS[1:]]
    return fits


@numba.njit(cache=True, nogil=True)
def _sum_letters(
    counts: Counts, languages: npt.NDArray[np.int32], fits: npt.NDArray[np.bool_], sums: Counts
) -> None:
    for row in range(languages.shape[0]):
        for place in range(languages.shape[1]):
            for script in range(1, counts.shape[1]):
                if fits[languages[row, place], script]:
                    sums[row, place] += counts[row, script]


def sum_letters(
    counts: Counts, languages: npt.NDArray[np.int32], fits: npt.NDArray[np.bool_]
) -> Counts:
    """Count the letters of a text that each of some languages is written in.

    Args:
        counts: (n, scripts), of `gristmill.cleaning.scripts.count_scripts`.
        languages: (n, k) rows of `fits`; -1 is the last one.
        fits: what `match_scripts` gave.

    Returns:
        (n, k) int32.
    """
    sums = np.zeros(languages.shape, np.int32)
    _sum_letters(counts, languages, fits, sums)
    return sums


# kernels of: dc81a722b18899e9
