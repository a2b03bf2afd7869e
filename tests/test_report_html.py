"""The page: whole, self-contained, and free of anything that a text could smuggle in."""

import html.parser
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.report import charts, figures, formats, markup
from gristmill.pipelines.report.html import CONTENT_POLICY, render_report

#: After the OWASP filter evasion cheat sheet, and what only matters inside our own page.
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script/src=//evil.example/x.js></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1);//<</script>",
    "<script\x20type='text/javascript'>javascript:alert(1);</script>",
    "<script\x0d\x0a>alert(1)</script>",
    "<script>/*</pre>*/alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' onerror='alert(1)'>",
    '<img """><script>alert("x")</script>">',
    "<IMG SRC=javascript:alert('XSS')>",
    "<IMG SRC=`javascript:alert(1)`>",
    "<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>",
    "<img src=\"jav\tascript:alert('x');\">",
    "<img dynsrc=\"javascript:alert('x')\">",
    "<img src=x:alert(alt) onerror=eval(src) alt=0>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)//",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mi//xlink:href='data:x,<script>alert(4)</script>'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)>",
    "<embed src=//evil.example/x.swf>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "</style><script>alert(1)</script>",
    "<style>body{background:url(//evil.example/x)}</style>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    '<meta http-equiv=Content-Security-Policy content="default-src *">',
    "<base href=//evil.example/>",
    "<form action=//evil.example><input type=submit></form>",
    "<input autofocus onfocus=alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    "` onmouseover=alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre><script>alert(1)</script><pre>",
    "</svg><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&amp;lt;b&amp;gt; &notanentity; &copy &#0; &#x1b;",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u00bcscript\u00bealert(1)\u00bc/script\u00be",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<img\x0bsrc=x\x0conerror=alert(1)>",
    "\u202e>tpircs/<)1(trela>tpircs<",
    "a\u2066b\u2069c\u200bd\u00ade\ufefff",
    "\U000e0041\U000e0042 tags",
    "\x1b]0;title\x07\x1b[31mred",
    "line\u2028separator\u2029paragraph",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)} #{alert(1)} <%= alert(1) %>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "=cmd|'/C calc'!A0",
    "\r\n\r\n<script>alert(1)</script>",
    "<p style=\"background:url('javascript:alert(1)')\">",
    "<div style=width:expression(alert(1))>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "<plaintext>",
    "<xmp><script>alert(1)</script>",
    "<frameset onload=alert(1)>",
    "<table background=javascript:alert(1)>",
    "\ud83d\ude00 broken \ud800 surrogate",
]

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "div"),
    *("h1", "h2", "h3", "p", "b", "span", "ul", "li", "table", "thead", "tbody", "tr", "th"),
    *("td", "details", "summary", "pre", "svg", "rect", "polyline"),
}
ATTRIBUTES = {
    *("class", "viewbox", "preserveaspectratio", "role", "aria-label", "x", "y", "width"),
    *("height", "points", "vector-effect", "open", "lang", "charset", "http-equiv", "content"),
    "name",
}


class Page(html.parser.HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.texts = [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"a processing instruction: {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")


def build(payload="plain", **changes):
    """A run in which every string that comes from outside is the payload."""
    stage = figures.StageFigures(
        stage=payload,
        units=2,
        records_in=100,
        kept=60,
        dropped=30,
        quarantined=10,
        balanced=True,
        bytes_in=10**9,
        bytes_out=2048,
        cpu_seconds=90.5,
        records_per_cpu_second=1.1,
        peak_memory_bytes=5 << 20,
    )
    group = (figures.GroupCount(name=payload, kept=60, dropped=30),)
    reason = (figures.ReasonCount(stage=payload, reason=payload, records=30),)
    bins = tuple(
        figures.Bin(lower=edge, upper=upper, measured=edge + 3, kept=edge)
        for edge, upper in ((0, 10), (10, 20), (20, None))
    )
    samples = tuple(
        figures.Sample(
            fate=fate,
            doc_id="ab" * 16,
            source=payload,
            url=payload,
            title=payload,
            language=payload,
            stage=payload,
            rule=payload,
            sentence=payload if fate == "dropped" else None,
            text=payload,
        )
        for fate in ("kept", "dropped")
    )
    values = {
        "recipe": payload,
        "recipe_digest": payload,
        "dataset": payload,
        "version": payload,
        "dataset_id": payload,
        "stages": (stage,),
        "drops": reason,
        "quarantine": reason,
        "languages": group,
        "sources": group,
        "histograms": (figures.Histogram(name=payload, bins=bins),),
        "duplicates": figures.DuplicateFigures(
            clusters=1,
            documents=2,
            removed=1,
            sizes=(figures.SizeCount(size=2, clusters=1),),
            largest=(figures.ClusterFigures(cluster_id=payload, size=2, doc_ids=(payload,)),),
            evidence=(
                figures.EvidenceFigures(
                    doc_id=payload, winner_id=payload, similarity=0.9, rule=payload
                ),
            ),
        ),
        "samples": samples,
        "splits": (
            figures.SplitFigures(split=payload, documents=60, utf8_bytes=6000, tokens=1500),
        ),
        "training": figures.TrainingFigures(
            bits_per_byte_before=2.5,
            bits_per_byte_after=1.5,
            parameters=10**7,
            tokens=10**8,
            device=payload,
            points=tuple(figures.LossPoint(step=k, loss=10 / (k + 1)) for k in range(50)),
        ),
    }
    return figures.RunFigures.model_construct(**{**values, **changes})


def check_page(source):
    page = Page(source)
    assert set(page.elements) <= ELEMENTS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert page.elements.count("meta") == 4
    assert page.elements.count("style") == 1
    return page


def count_shown(page, text):
    return sum(text in shown for shown in page.texts)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_are_shown_and_never_obeyed(payload):
    source = render_report(build(payload))
    source.encode("utf-8")
    page = check_page(source)
    plain = Page(render_report(build()))
    assert page.elements == plain.elements
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    shown = markup.show_text(payload)
    assert count_shown(page, shown) >= 20  # every place a string can come from
    in_lines = markup.show_text(payload, lines=True)
    assert sum(text.strip("\n") == in_lines.strip("\n") for text in page.texts) >= 2


def test_at_least_fifty_payloads():
    assert len(set(PAYLOADS)) >= 80


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_any_text_is_shown_and_never_obeyed(payload):
    page = check_page(render_report(build(payload or "x")))
    assert page.elements == Page(render_report(build())).elements
    assert count_shown(page, markup.show_text(payload)) >= 20


def test_the_policy_forbids_everything_but_style():
    source = render_report(build())
    assert f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">' in source
    assert CONTENT_POLICY.startswith("default-src 'none'")
    assert "script" not in CONTENT_POLICY
    assert source.index("Content-Security-Policy") < source.index("<style>")
    for word in ("<script", "<link", "<a ", "href", "src=", "url(", "@import", "onclick"):
        assert word not in source


def test_the_identity_stands_at_each_stage():
    page = check_page(render_report(build()))
    assert "100 in = 60 kept + 30 dropped + 10 quarantined" in page.texts
    broken = build().stages[0].model_copy(update={"kept": 59, "balanced": False})
    page = check_page(render_report(build(stages=(broken,))))
    line = "100 in ≠ 59 kept + 30 dropped + 10 quarantined - does not add up"
    assert line in page.texts


def test_an_empty_run_has_a_page():
    page = check_page(render_report(figures.RunFigures(recipe="empty")))
    assert "No stage has run." in page.texts
    nothing = figures.Histogram(
        name="n", bins=(figures.Bin(lower=0, upper=None, measured=0, kept=0),)
    )
    zero = figures.StageFigures(
        stage="collect",
        units=0,
        records_in=0,
        kept=0,
        dropped=0,
        quarantined=0,
        balanced=True,
        bytes_in=0,
        bytes_out=0,
        cpu_seconds=0.0,
        records_per_cpu_second=None,
        peak_memory_bytes=0,
    )
    source = render_report(
        figures.RunFigures(
            recipe="zero",
            stages=(zero,),
            histograms=(nothing,),
            splits=(figures.SplitFigures(split="train", documents=0, utf8_bytes=0, tokens=0),),
            training=figures.TrainingFigures(),
        )
    )
    assert "0 in = 0 kept + 0 dropped + 0 quarantined" in Page(source).texts


def test_the_page_is_small():
    assert len(render_report(build())) < 40_000


def test_the_same_figures_give_the_same_bytes():
    assert render_report(build()) == render_report(build())


def test_json_holds_the_same_figures():
    found = json.loads(build().to_json())
    assert found["stages"][0]["kept"] == 60
    assert found["stages"][0]["balanced"] is True
    nan = figures.RunFigures(
        recipe="x", training=figures.TrainingFigures(bits_per_byte_after=float("nan"))
    )
    assert json.loads(nan.to_json())["training"]["bits_per_byte_after"] is None


def widths(svg):
    page = Page(svg)
    return [float(value) for name, value in page.attributes if name == "width"]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=3))
def test_bars_are_as_long_as_their_counts(counts):
    whole = sum(counts)
    drawn = widths(charts.draw_bar([("kept", count) for count in counts], whole, "x"))
    expected = [max(1000 * count / whole, 2) for count in counts if count]
    assert drawn == pytest.approx(expected, abs=1e-3)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(0, 100) | st.just(float("nan"))), max_size=900
    )
)
def test_any_curve_is_drawn_inside_its_frame(pairs):
    points = [figures.LossPoint(step=step, loss=loss) for step, loss in sorted(pairs)]
    page = Page(charts.draw_curve(points))
    drawn = [value for name, value in page.attributes if name == "points"]
    for x, y in (pair.split(",") for pair in " ".join(drawn).split()):
        assert 0 <= float(x) <= 1000
        assert 0 <= float(y) <= 240


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.format_count(999_999), "999,999"),
        (formats.format_count(12_345_678), "12.35 M"),
        (formats.format_count(99 * 10**9), "99.00 G"),
        (formats.format_bytes(0), "0 B"),
        (formats.format_bytes(999), "999 B"),
        (formats.format_bytes(1_500), "1.5 kB"),
        (formats.format_bytes(2 * 10**15), "2,000.0 TB"),
        (formats.format_seconds(0.04), "0.0 s"),
        (formats.format_seconds(600), "10.0 min"),
        (formats.format_seconds(36_000), "10.0 h"),
        (formats.format_share(1, 0), "-"),
        (formats.format_share(1, 3), "33.3 %"),
        (charts.format_edge(20_000), "20k"),
        (charts.format_edge(0.85), "0.85"),
    ],
)
def test_numbers_are_written_for_people(written, expected):
    assert written == expected


@given(st.text())
def test_shown_text_is_visible_and_encodable(text):
    shown = markup.show_text(text, lines=True)
    shown.encode("utf-8")
    assert not set(shown) & set("\x00\x1b\u202e\u2066\u200b\ufeff\u2028\r")
    visible = [char for char in text if markup.show_text(char, lines=True) == char]
    assert len(visible) <= len(shown)


def test_persian_hindi_and_emoji_are_left_alone():
    for text in ("می\u200cخواهم", "क्\u200dष", "👩\u200d👩\u200d👧", "한국어", "naïve café"):
        assert markup.show_text(text) == text
