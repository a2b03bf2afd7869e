"""Names that wikitext uses: namespaces, language codes, extension tags, HTML tags.

Namespace names are those of MediaWiki's message files for the larger wikis; a dump's own
siteinfo gives the names of any other.
"""

from typing import Final


def _split_names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_FILE_NAMES: Final = """
file image media datei bild medium fichier média archivo imagen medio immagine bestand afbeelding
plik grafika ficheiro imagem arquivo multimédia multimídia файл изображение медиа зображення медіа
fișier fişier imagine soubor súbor obrázok obrázek média kép fájl tiedosto kuva pilt fail berkas
gambar imej tập_tin hình phương_tiện dosya resim dosiero fitxer imatge fitxategi irudi ficheru imaxe
imaxen delwedd restr skeudenn mynd slika datoteka датотека слика медија выява attēls fails vaizdas
αρχείο εικόνα μέσο ملف صورة وسائط پرونده تصویر رسانه מדיה קובץ תמונה चित्र मीडिया ছবি চিত্র படிமம் దస్త్రం
బొమ్మ ಚಿತ್ರ പ്രമാണം ചിത്രം ไฟล์ ภาพ ファイル 画像 メディア 文件 档案 檔案 图像 圖像 媒体文件 媒體檔案 파일 그림
미디어 պատկեր ფაილი სურათი fayl şəkil skedari skeda fil billede lêer beeld ôfbyld сурәт рәсем сүрәт
"""

_CATEGORY_NAMES: Final = """
category kategorie catégorie categorie categoría categoria kategoria kategori категория категорія
катэгорыя категорија kategorija kategória kategorio luokka kategooria thể_loại ulam kategoriya
kateqoriya flokkur kategoreja catigoria κατηγορία تصنيف رده קטגוריה श्रेणी वर्ग বিষয়শ্রেণী
பகுப்பு వర్గం ವರ್ಗ വർഗ്ഗം หมวดหมู่ カテゴリ 分类 分類 분류 կատեգորիա კატეგორია төркем санат bólkur rummad
"""

#: Lower-case namespace names and their numbers, for dumps that carry no siteinfo.
COMMON_NAMESPACES: Final[dict[str, int]] = {
    "media": -2,
    "special": -1,
    "talk": 1,
    "user": 2,
    "user talk": 3,
    "wikipedia": 4,
    "wikipedia talk": 5,
    "file": 6,
    "image": 6,
    "file talk": 7,
    "mediawiki": 8,
    "mediawiki talk": 9,
    "template": 10,
    "template talk": 11,
    "help": 12,
    "help talk": 13,
    "category": 14,
    "category talk": 15,
    "portal": 100,
    "module": 828,
}

#: Lower-case prefixes whose links show nothing in running text.
DROPPED_PREFIXES: Final = frozenset(
    name.replace("_", " ") for name in (_FILE_NAMES + _CATEGORY_NAMES).split()
)

#: Prefixes of links between the language versions of an article, which stand at its end.
LANGUAGE_CODES: Final = _split_names("""
aa ab ace ady af ak als alt am ami an ang anp ar arc ary arz as ast atj av avk awa ay az azb ba
ban bar bat-smg bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo bpy br bs btm bug
bxr ca cbk-zam cdo ce ceb ch cho chr chy ckb co cr crh cs csb cu cv cy da dag de dga din diq dsb
dtp dty dv dz ee el eml en eo es et eu ext fa fat ff fi fiu-vro fj fo fon fr frp frr fur fy ga gag
gan gcr gd gl glk gn gom gor got gpe gu guc gur guw gv ha hak haw he hi hif ho hr hsb ht hu hy hyw
hz ia iba id ie ig igl ii ik ilo inh io is it iu ja jam jbo jv ka kaa kab kbd kbp kcg kg kge ki kj
kk kl km kn ko koi kr krc ks ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lrc
lt ltg lv mad mai map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos mr mrj ms mt mus mwl my myv
mzn na nah nap nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nv ny oc olo om or os pa pag pam
pap pcd pcm pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara rsk ru rue rw
sa sah sat sc scn sco sd se sg sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su
sv sw szl szy ta tay tcy tdd te tet tg th ti tk tl tly tn to tpi tr trv ts tt tum tw ty tyv udm ug
uk ur uz ve vec vep vi vls vo wa war wo wuu xal xh xmf yi yo za zea zgh zh zh-cfr zh-classical
zh-min-nan zh-yue zu
""")

#: Extension tags whose content is no prose; it goes with them.
DROPPED_TAGS: Final = _split_names(
    "ref references gallery timeline score templatedata templatestyles imagemap mapframe maplink "
    "graph hiero inputbox categorytree section includeonly style script charinsert ce_quiz quiz "
    "indicator rss dynamicpagelist tabber"
)

#: Extension tags whose content is kept as it is written.
LITERAL_TAGS: Final = _split_names("nowiki pre math chem source syntaxhighlight")

#: HTML tags that end a line of text.
BREAKING_TAGS: Final = _split_names(
    "br p div table tr caption blockquote center ul ol dl dt dd hr poem h1 h2 h3 h4 h5 h6"
)

#: Tags that are taken out while their content stays.
INLINE_TAGS: Final = _split_names(
    "b i u s em strong small big sup sub span font code tt kbd samp var cite del ins strike abbr "
    "dfn q bdi bdo ruby rb rp rt rtc mark data time td th li noinclude onlyinclude nobr wbr "
    "thead tbody tfoot col colgroup img a translate tvar phonos langconvert"
)
