"""The card says what the facts say, in Markdown that no name can break."""

import html.parser

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from published_samples import Draft

from gristmill.pipelines.publishing import card, card_sections
from gristmill.schemas.manifests import SplitFacts, VersionCore


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    base = tmp_path_factory.mktemp("card")
    return Draft(base / "demo", base / "work").build().core


def front_matter(text):
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_card_holds_the_facts(core):
    front, body = front_matter(card.render_card(core))
    assert front["license"] == "cc-by-sa-4.0"
    assert front["language"] == ["en", "de"]
    assert front["size_categories"] == ["n<1K"]
    names = [config["config_name"] for config in front["configs"]]
    assert names == ["text", "tokens", "dropped"]  # no cluster has a row
    assert front["configs"][0]["default"] is True
    assert front["configs"][0]["data_files"] == [
        {"split": split, "path": f"data/{split}-*.parquet"} for split in core.splits
    ]
    for fact in (
        core.dataset_id,
        core.recipe_digest,
        core.tokenizer.sha256,
        "| decide | 50 | 43 | 7 | 0 | 86.0 % |",
        "| decide | word\\_count | 7 | 14.0 % |",
        "| en | 40 | 93.0 % |",
        "14 bands of 8 rows",
        "email",
        "language: sha256",
    ):
        assert fact in body
    assert "## Cost" not in body
    assert "<b>" not in body


def test_the_card_is_a_function_of_its_facts(core):
    shuffled = core.model_copy(
        update={"counts_by": {k: dict(reversed(v.items())) for k, v in core.counts_by.items()}}
    )
    assert card.render_card(core) == card.render_card(shuffled)


def test_costs_come_from_the_envelope(core):
    cost = {"stage": "decide", "records_in": 50, "cpu_seconds": 0, "bytes_in": 1, "bytes_out": 2}
    assert "| decide | 0.0 | - | 1 | 2 |" in card.render_card(core, {"stages": [cost]})


def test_an_empty_version_has_a_card(core):
    nothing = SplitFacts(documents=0, utf8_bytes=0, tokens=0, rows_digest="sha256:0")
    empty = core.model_copy(
        update={
            "splits": {"train": nothing},
            "files": (),
            "stages": (),
            "counts_by": {},
            "models": {},
            "recipe": {},
            "packing": {},
        }
    )
    front, body = front_matter(card.render_card(empty))
    assert front["license"] == "unknown"
    assert "language" not in front
    assert "0 documents, 0 tokens, from no named source" in body


@pytest.mark.parametrize(
    ("documents", "name"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (10**6 - 1, "100K<n<1M"),
        (10**6, "1M<n<10M"),
        (10**11, "100B<n<1T"),
        (10**12, "n>1T"),
    ],
)
def test_size_categories(documents, name):
    assert card.size_category(documents) == name


@pytest.mark.parametrize(
    ("licence", "front"),
    [
        ("ODC-By-1.0", {"license": "odc-by"}),
        ("unknown", {"license": "unknown"}),
        ("My: Licence", {"license": "other", "license_name": "My: Licence"}),
    ],
)
def test_licences(core, licence, front):
    recipe = {**core.recipe, "publishing": {"licence": licence}}
    found, _ = front_matter(card.render_card(core.model_copy(update={"recipe": recipe})))
    assert {key: found[key] for key in front} == front


class TagFinder(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


@given(st.text(max_size=30) | st.sampled_from(["<script>x</script>", "a|b", "[x](y)", "\u202ex"]))
def test_names_stay_text(text):
    escaped = card_sections.escape_markdown(text)
    finder = TagFinder()
    finder.feed(escaped)
    finder.close()
    assert finder.tags == []
    assert "\n" not in escaped
    assert "|" not in escaped.replace("\\|", "")
    assert not set(escaped) & {"\u202e", "\u2066", "\x1b"}


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_front_matter_survives_any_text(text):
    recipe = {"publishing": {"licence": text or "x"}}
    core = VersionCore.model_construct(
        dataset=text, recipe=recipe, splits={}, files=(), counts_by={}
    )
    front = card.render_front_matter(core)
    assert front.startswith("---\n") and front.endswith("\n---")
    loaded = yaml.safe_load(front[4:-4])
    assert loaded["pretty_name"] == text
    assert loaded.get("license_name", text or "x") == (text or "x")


def test_long_tables_end_with_the_rest(core):
    counts = {f"source{number:03d}": 1 for number in range(80)}
    body = card.render_card(core.model_copy(update={"counts_by": {"source": counts}}))
    assert "| 30 more | 30 | 37.5 % |" in body
