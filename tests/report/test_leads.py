"""Are leads shown, ranked, and never called a campaign?"""

import re
from html import unescape

import pyarrow.parquet as pq
import pytest

from stillwatch.report import page
from stillwatch.report.leads import MAX_LEADS, leads, leads_found
from stillwatch.report.reading import read
from tests.report.results_folder import build


def section_of(text):
    """The HTML of the page's section on leads."""
    return text.split('<h2 id="leads">')[1].split("<h2>What this does not show")[0]


def words_of(text):
    return unescape(re.sub(r"<[^>]+>", "", text))


@pytest.mark.parametrize("empty", [False, True])
def test_leads_are_shown_with_or_without_campaigns(tmp_path, empty):
    text = page.render(build(tmp_path, empty=empty))
    section = section_of(text)
    assert (
        "cannot be told from an innocent explanation. It is not an accusation, and it is not a campaign."
        in section
    )
    assert len(re.findall(r'<details class="lead">', section)) == 4
    if not empty:
        assert text.rindex("</article>") < text.index('<h2 id="leads">')


def test_a_lead_is_never_called_a_campaign(tmp_path):
    section = words_of(section_of(page.render(build(tmp_path))))
    assert section.lower().count("campaign") == 1  # in "it is not a campaign"
    assert not any(name in section for name in ("harvest", "accused", "culprit"))


def test_a_row_has_the_explanation_the_evidence_beyond_it_and_what_would_settle_it(tmp_path):
    section = section_of(page.render(build(tmp_path)))
    rows = re.findall(r"<tr><td class=\"number\">.*?</tr>", section, re.DOTALL)
    assert [re.search(r">(L\d)</a>", row).group(1) for row in rows] == ["L1", "L2", "L3", "L4"]
    for part in (
        ">150<",
        ">48\u202f780<",
        ">scheduled app<",
        ">10<sup>0.3</sup><",
        "each at a minute of its own.",
        "the vendor of the program",
    ):
        assert part in rows[1]
    assert ">nothing<" in rows[0]
    assert "not written" in rows[3]


def test_each_lead_has_its_facts_its_trial_and_its_accounts(tmp_path):
    lead = section_of(page.render(build(tmp_path))).split('<details class="lead">')[1]
    assert 'id="lead-1"' in lead
    assert "Cards are 73 of 73 different." in lead
    assert "Speaks for neither: Accounts are 1 to 14 months old." in lead
    assert "too little remains against the nearest of them" in lead
    assert "the campaign" not in lead.lower()
    assert "acct_01000000" in lead
    assert "and 53 more in <code>lead_members.parquet</code>" in lead


@pytest.mark.parametrize(("number", "said"), [(1, "1 group is a lead."), (4, "4 groups are leads.")])
@pytest.mark.parametrize("empty", [False, True])
def test_the_finding_on_top_counts_the_leads(tmp_path, number, said, empty):
    text = page.render(build(tmp_path, leads=number, empty=empty))
    assert re.search(r'<p class="verdict">(.*?)</p>', text).group(1).endswith(f" {said}")
    assert "it is not an accusation" in re.search(r'<p class="meaning">(.*?)</p>', text, re.DOTALL).group(1)


def test_no_lead_is_said_once_and_not_on_top(tmp_path):
    text = page.render(build(tmp_path, leads=0))
    assert "This scan has no lead." in text
    assert "lead" not in re.search(r"<header class=\"top\">.*?</dl>", text, re.DOTALL).group(0)


def test_leads_beyond_the_limit_are_counted_with_their_file(tmp_path):
    folder = build(tmp_path, leads=MAX_LEADS + 3)
    shown = leads(read(folder))
    assert [lead.row["rank"] for lead in shown] == list(range(1, MAX_LEADS + 1))
    assert leads_found(read(folder)) == MAX_LEADS + 3
    text = page.render(folder)
    assert "3 more leads in <code>leads.parquet</code>" in text
    assert "23 groups are leads." in text


def test_the_overview_counts_leads_where_their_table_was_not_written(tmp_path):
    folder = build(tmp_path, old=True, overview={"leads": 2})
    assert leads_found(read(folder)) == 2
    text = page.render(folder)
    assert "2 groups are leads." in text
    assert "the folder has no <code>leads.parquet</code>" in text


def test_a_lead_without_a_statement_column_is_shown(tmp_path):
    path = build(tmp_path) / "leads.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["statement"]), path)
    assert section_of(page.render(tmp_path)).count("not written") == 4


def test_the_number_of_leads_is_in_the_title(tmp_path):
    assert "<title>Stillwatch: 4 campaigns, 4 leads</title>" in page.render(build(tmp_path))
