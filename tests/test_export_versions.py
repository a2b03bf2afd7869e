"""Every version of MediaWiki's export schema that a dump may have."""

import io

import pytest

from gristmill.cleaning.wikipedia_dump import (
    ArticleSettings,
    WikiPage,
    extract_article,
    iterate,
    read_site,
)
from gristmill.schemas.fates import Found, Refused

VERSIONS = ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.10", "0.11"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_export_version(version: str) -> None:
    """What each schema has: ns and redirect since 0.6, model since 0.7, dbname 0.8, slots 0.11."""
    number = int(version.partition(".")[2])
    namespace = "<ns>0</ns>" if number >= 6 else ""
    redirect = '<redirect title="Mill" />' if number >= 6 else ""
    model = "<model>wikitext</model><format>text/x-wiki</format>" if number >= 7 else ""
    dbname = "<dbname>lvwiki</dbname>" if number >= 8 else ""
    slots = (
        "<origin>8</origin><content><role>aux</role><origin>8</origin><model>json</model>"
        '<text bytes="2" sha1="x" location="tt:1" id="1" xml:space="preserve">no</text></content>'
    )
    tail = "<sha1>abc</sha1>" if number >= 6 else ""
    pages = "".join(
        f"<page><title>{title}</title>{namespace}<id>{page_id}</id>{extra}<revision><id>8</id>"
        "<timestamp>2024-05-06T07:08:09Z</timestamp><contributor><ip>1.2.3.4</ip></contributor>"
        f'<minor/><comment>c</comment>{model}<text xml:space="preserve">{text}</text>{tail}'
        f"{slots if number >= 11 else ''}</revision></page>"
        for title, page_id, extra, text in (
            ("Mill", 7, "", "A &apos;&apos;mill&apos;&apos;."),
            ("Mills", 9, redirect, "#REDIRECT [[Mill]]"),
        )
    )
    dump = (
        f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-{version}/" version="{version}" '
        f'xml:lang="lv"><siteinfo><sitename>W</sitename>{dbname}'
        "<base>https://lv.wikipedia.org/wiki/X</base><case>first-letter</case></siteinfo>"
        f"{pages}</mediawiki>"
    ).encode()
    site = read_site(io.BytesIO(dump))
    assert site is not None and site.name == "lvwiki"
    first, second = [
        extract_article(page, ArticleSettings(), site=site)
        for page in iterate(io.BytesIO(dump))
        if isinstance(page, WikiPage)
    ]
    assert isinstance(first, Found) and first.text == "A mill."
    assert (first.native_id, first.licence) == ("lvwiki:7:8", "CC-BY-SA-4.0")
    assert isinstance(second, Refused) and second.rule == "redirect"
