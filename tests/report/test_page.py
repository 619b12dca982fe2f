import re
from html.parser import HTMLParser

import pytest

from stillwatch.errors import StateError
from stillwatch.report import page, patterns
from stillwatch.report.packed import unpack
from stillwatch.report.reading import read
from stillwatch.report.values import shared_values
from tests.report import results_folder
from tests.report.results_folder import build

EXTRAS = ["overview.json"] + [
    f"{name}.parquet"
    for name in [
        "timeline",
        "links",
        "hypotheses",
        "claims",
        "capabilities",
        "leads",
        "lead_members",
        "explanations",
        "glance",
        "texts",
    ]
]
PLACES = {
    "overview.json": 1,
    "leads.parquet": 1,
    "lead_members.parquet": 4,
    "explanations.parquet": 8,
    "glance.parquet": 8,
}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}\u202egnp.exe\n"


class Tags(HTMLParser):
    """Collects tags with attributes, and complains about what is closed in the wrong order."""

    VOID = ("meta", "img", "br", "link", "rect", "line", "circle", "path")

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def card_of(text, name):
    """The HTML of one campaign's card."""
    return next(part for part in text.split("<article")[1:] if f"<h2>{name}</h2>" in part).split(
        "</article>"
    )[0]


def test_the_page_says_what_was_found(tmp_path):
    words = "".join(Tags(page.render(build(tmp_path))).words)
    assert (
        "4 campaigns are reported at a false-discovery rate of 1\u202f%: C1 (harvest, 340 accounts" in words
    )
    assert "301\u202f442" in words
    for part in (
        "Capabilities sought",
        "Rival hypotheses on the purpose",
        "Strongest evidence",
        "What this does not show",
    ):
        assert part in words
    assert "This part is missing" not in words
    assert "Prompts, shown because" not in words


def test_the_page_names_no_address_outside_itself(tmp_path):
    text = page.render(build(tmp_path, prompts=True))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    for tag, attributes in Tags(text).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert attributes.get("href", "#").startswith("#")
        assert "src" not in attributes
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_what_strangers_choose_stays_text(tmp_path):
    text = page.render(build(tmp_path, hostile=HOSTILE, prompts=True))
    parsed = Tags(text)
    scripts = [attributes for tag, attributes in parsed.tags if tag == "script"]
    assert scripts == [{"type": "application/octet-stream", "id": "packed"}, {}]
    assert "img" not in {tag for tag, _ in parsed.tags}
    assert all(not name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    assert "49" not in re.findall(r"\d+\\u202e", text)
    assert "\u202e" not in text
    assert "\\u202e" in text


def test_the_policy_allows_exactly_the_style_and_script_of_the_page(tmp_path):
    text = page.render(build(tmp_path))
    policy = next(a["content"] for tag, a in Tags(text).tags if tag == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        body = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL).group(1)
        assert page._digest(body) in policy


def test_a_folder_without_the_extra_files_is_shown_and_says_so(tmp_path):
    words = "".join(Tags(page.render(build(tmp_path, extras=False))).words)
    for name in set(EXTRAS) - {"lead_members.parquet"}:  # which is named at a lead, and there is none
        assert f"the folder has no {name}" in words


@pytest.mark.parametrize("absent", EXTRAS)
def test_each_extra_file_may_be_absent_alone(tmp_path, absent):
    (build(tmp_path) / absent).unlink()
    assert "".join(Tags(page.render(tmp_path)).words).count("This part is missing") == (
        PLACES.get(absent, len(results_folder.CAMPAIGNS))
    )


@pytest.mark.parametrize("extras", [True, False])
def test_a_scan_without_campaigns_says_what_that_means(tmp_path, extras):
    words = "".join(Tags(page.render(build(tmp_path, empty=True, extras=extras))).words)
    assert "No campaign is reported." in words
    assert "does not show that no campaign is there" in words


def test_a_campaign_that_no_look_found_says_so_in_the_table_the_card_and_the_drawing(tmp_path):
    text = page.render(build(tmp_path))
    row = re.search(r"<tr><td data-sort=\"C4\">.*?</tr>", text, re.DOTALL).group(0)
    assert ">at no look</td>" in row
    assert ">not known</td>" in row
    card = card_of(text, "C4")
    assert "<dt>could be known from</dt><dd>at no look<small>" in card
    assert "enough was known at no look" in card
    assert "no look showed enough for an alert" in card
    assert 'class="detected"' not in card
    assert "bar early" not in card
    assert "at no look" not in card_of(text, "C1")


def test_a_fleet_has_its_own_pill_and_meaning(tmp_path):
    card = card_of(page.render(build(tmp_path)), "C4")
    assert '<span class="pill fleet">fleet</span>' in card
    assert "their work is no harvest" in card


def test_both_false_positive_rates_and_the_nearest_explanation_are_beside_q(tmp_path):
    text = page.render(build(tmp_path))
    facts = re.search(r"<dl.*?</dl>", card_of(text, "C1"), re.DOTALL).group(0)
    assert "<dt>reported at rate</dt><dd>3.0 × 10⁻¹⁴" in facts
    assert "<dt>empirical false-positive rate</dt><dd>at most 0.93\u202f%" in facts
    assert "<dt>synthetic false-positive rate</dt><dd>at most 3.2\u202f%" in facts
    assert "<dt>nearest explanation</dt><dd>scheduled app<small>10<sup>8.2</sup> remains against it" in facts
    assert "<dt>empirical false-positive rate</dt><dd>not measured" in card_of(text, "C3")


def test_a_folder_older_than_trials_is_shown_and_says_what_is_missing(tmp_path):
    text = page.render(build(tmp_path, old=True))
    words = "".join(Tags(text).words)
    assert "not measured" in words
    assert "<dt>nearest explanation</dt><dd>not known" in text
    for name in ("leads", "explanations", "glance"):
        assert f"the folder has no {name}.parquet" in words
    assert "Causes that nobody listed" not in words
    assert "are leads" not in words


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.021, "from 240 worlds: 2.1\u202f% of the honest groups whose cause was left out were reported"),
        (0, "from 240 worlds: no honest group whose cause was left out was reported"),
    ],
)
def test_the_limits_say_for_which_causes_the_rate_holds(tmp_path, share, said):
    overview = {"leave_one_out": {"share": share, "high": 0.043, "worlds": 240}}
    words = "".join(Tags(page.render(build(tmp_path, overview=overview))).words)
    assert (
        "whose cause is one of the 11 explanations that were tried, or leaves no evidence of control" in words
    )
    assert said in words
    assert "the upper end of the interval is 4.3\u202f%" in words


def test_what_was_not_estimated_is_not_printed(tmp_path):
    words = "".join(Tags(page.render(build(tmp_path))).words)
    assert "Causes that nobody listed" in words
    assert "Its estimate" not in words


def test_an_estimate_without_its_interval_is_refused(tmp_path):
    build(tmp_path, overview={"leave_one_out": {"share": 0.1}})
    with pytest.raises(StateError, match=r"overview\.json"):
        page.render(tmp_path)


@pytest.mark.parametrize("absent", ["campaigns", "members", "evidence"])
def test_a_folder_without_a_required_table_is_refused(tmp_path, absent):
    (build(tmp_path) / f"{absent}.parquet").unlink()
    with pytest.raises(StateError, match=absent):
        page.render(tmp_path)


def test_a_broken_overview_is_refused_with_its_name(tmp_path):
    (build(tmp_path) / "overview.json").write_text("{")
    with pytest.raises(StateError, match=r"overview\.json"):
        page.render(tmp_path)


def test_prompts_are_shown_only_where_they_were_written(tmp_path):
    assert "step by step why" in page.render(build(tmp_path, prompts=True))


def test_writing_leaves_the_page_and_nothing_else(tmp_path):
    before = {path.name for path in build(tmp_path).iterdir()}
    written = page.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - before == {"report.html"}
    assert written.read_text(encoding="utf-8") == page.render(tmp_path)


def test_the_drawing_has_a_column_for_each_combination_however_many_accounts_there_are(tmp_path):
    for accounts in (40, 400):
        folder = build(tmp_path / str(accounts), accounts=accounts)
        results = read(folder)
        shared = shared_values(results, "C1", 1)
        drawn = patterns.draw(results, "C1", shared, accounts)
        assert drawn.svg.count('class="pattern"') == len(drawn.patterns) <= patterns.MAX_PATTERNS
        assert drawn.values <= patterns.MAX_VALUES
        assert drawn.drawn == sum(one.accounts for one in drawn.patterns) <= accounts
        assert len(drawn.sentences) == len(drawn.patterns)


def test_every_member_is_on_the_page_with_what_it_shares_and_the_marks_it_carries(tmp_path):
    folder = build(tmp_path)
    head, _arrays = unpack(re.search(r'id="packed">(.*?)</script>', page.render(folder), re.DOTALL).group(1))
    groups = {group["name"]: group for group in head["groups"]}
    assert set(groups) == {"C1", "C2", "C3", "C4", "L1", "L2", "L3", "L4"}
    members = read(folder).of("members", "C1")["account_id"].to_pylist()
    assert sorted(groups["C1"]["names"]) == sorted(members)
    assert {"score", "exchanges", "owner", "created", "first", "last", "counts"} <= groups["C1"].keys()
    assert {mark["name"] for mark in groups["C1"]["marks"]} == set(results_folder.EXPLANATIONS)
    assert {value["kind"] for value in groups["C1"]["values"]} == {
        "payment_fingerprint",
        "template",
        "network_24",
        "tls_fingerprint",
    }
