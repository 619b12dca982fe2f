"""Does the first screen say why a class is a class, and why a campaign beside it is none? Through a real scan."""

import re
from itertools import pairwise

import pytest

from tests.console.mixed_world import build

pytestmark = pytest.mark.issue(29)
UNSEEN = re.compile(r"\s*\(speaks .*\)$")  # words for who hears the page
WINDOW = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def judged(tmp_path_factory, small_world):
    """Results of the world, the accounts of its class, and those of its campaign."""
    from stillwatch.flows.scan import Options, scan

    folder = tmp_path_factory.mktemp("mixed")
    students, campaign = build(folder / "world", small_world)
    scan([str(folder / "world")], folder / "results", Options(names={}, replay=False))
    return folder / "results", students, campaign


def members(results, table, column):
    """Accounts of each group."""
    import pyarrow.parquet as pq

    groups = {}
    for row in pq.read_table(results / f"{table}.parquet").to_pylist():
        groups.setdefault(row[column], set()).add(row["account_id"])
    return groups


def words_of(cell):
    """What a reader sees of a cell."""
    return UNSEEN.sub("", cell.inner_text().replace("\u202f", " "))


def on_first_screen(tab):
    """The rows of the comparison that stand whole inside the window: the cells of each by its title, each
    with what it speaks for.
    """
    table = tab.locator("table.compare")
    heads = [one.inner_text() for one in table.locator("thead th").all()]
    rows = {}
    for row in table.locator("tbody tr").all():
        box = row.bounding_box()
        if (
            box["y"] >= 0
            and box["y"] + box["height"] <= WINDOW["height"]
            and box["x"] + box["width"] <= WINDOW["width"]
        ):
            cells = row.locator("td").all()
            rows[row.locator("th").inner_text()] = [
                (words_of(cell), cell.get_attribute("class")) for cell in cells
            ]
    return heads, rows


def check(tab):
    """Whether the first screen shows what the class has in common, and what the campaign shows of control."""
    heads, rows = on_first_screen(tab)
    assert [head[:2] for head in heads] == ["gr", "C1", "L1"]
    assert "harvest" in heads[1]
    assert "lead" in heads[2]
    campaign, group = ({title: cells[place] for title, cells in rows.items()} for place in (0, 1))
    accounts = int(group["accounts"][0])

    def share(title):
        text = group[title][0].removeprefix("▽ ").removeprefix("▲ ")
        some, _of, whole, *words = text.replace("all ", f"{accounts} of ", 1).split()
        assert words[:2] == ["share", "one"], title
        assert int(whole) == accounts
        return int(some) / accounts

    assert share("address range") > 0.7  # the others of the class were on the road
    assert share("mail domain") > 0.9
    within = group["most of the activity"]
    assert within[1] == "against"
    assert int(within[0].split()[-2]) <= 7
    assert group["texts that they share"] == ("▽ 4 texts sent by half or more", "against")
    cards, _of, known, *words = group["payment cards"][0].removeprefix("▽ ").split()
    assert (cards, words[0]) == (known, "different")
    assert "one institution" in group["nearest innocent explanation"][0]
    assert group["what that leaves unexplained"][0].startswith("▽ nothing")
    assert campaign["payment cards"][0].startswith("▲ 12 cards for 90 accounts")
    assert campaign["who rests at night"][1] == "for"
    assert campaign["what that leaves unexplained"][1] == "for"
    assert campaign["texts that they share"][0] == "none"


def test_the_class_is_a_lead_beside_the_campaign_whose_range_it_shares(judged):
    results, students, campaign = judged
    assert members(results, "members", "campaign_id") == {"C1": campaign}
    (lead,) = members(results, "lead_members", "lead_id").values()
    assert len(lead & students) >= 0.9 * len(lead)
    assert len(lead & students) >= 100


def test_the_first_screen_of_the_report_tells_the_class_from_the_campaign(judged, browser):
    from stillwatch.report import page

    path = page.write(judged[0])
    tab = browser.new_page(viewport=WINDOW)
    tab.goto(path.as_uri())
    check(tab)
    tab.close()


def test_the_first_screen_of_the_console_tells_the_class_from_the_campaign(judged, browser, kit, tmp_path):
    served = kit.Served(tmp_path / "state", [judged[0]])
    try:
        token, _session = served.person("lea", "lead")
        context = browser.new_context(viewport=WINDOW)
        context.add_cookies([{"name": served.app.cookie, "value": token, "url": served.url}])
        tab = context.new_page()
        tab.goto(served.url)
        check(tab)
        tab.goto(f"{served.url}/cases/2")
        assert re.search(r"and \d+ others remain possible", tab.locator("header.case").inner_text())
        levels = [int(one.evaluate("(one) => one.tagName[1]")) for one in tab.locator("h1, h2, h3, h4").all()]
        assert all(below - above <= 1 for above, below in pairwise(levels)), levels
        context.close()
    finally:
        served.close()
