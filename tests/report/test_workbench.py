"""Does the page work in a real browser: search, filters, selection, export, time, links, keys, paper, and
is it accessible?
"""

import csv
import json
import re
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.foreign import visible
from stillwatch.report import page, wording
from stillwatch.report.reading import read
from tests.report import results_folder

HOSTILE = '"\'><img src=x onerror="window.broken=1"><script>window.broken=2</script>\u202egnp'
MANY = 25_000
pytestmark = pytest.mark.issue(29)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of the synthetic results, with words of prompts."""
    return page.write(
        results_folder.build(
            tmp_path_factory.mktemp("report") / "results", campaigns=2, leads=1, prompts=True
        )
    )


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A page of one campaign and one lead, which is checked quickly."""
    folder = results_folder.build(
        tmp_path_factory.mktemp("short") / "results", campaigns=1, leads=1, accounts=60
    )
    return page.write(folder)


@pytest.fixture
def opened(browser):
    """Opens a page at a hash, in a window of its own; fails where the page complained of anything."""
    contexts, complaints = [], []

    def go(path, hash_="", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "request",
            lambda request: complaints.append(request.url) if request.url.startswith("http") else None,
        )
        tab.goto(path.as_uri() + hash_)
        tab.wait_for_selector("html[data-ready]")
        return tab

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def desk(tab, anchor="campaign-1"):
    """The live part of a card, which is made when it comes near."""
    tab.locator(f"#{anchor}").scroll_into_view_if_needed()
    tab.wait_for_selector(f"#{anchor} .window")
    return tab.locator(f"#{anchor}")


def grouped(rows, key):
    """Rows by the value of a column."""
    found = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def says(card):
    return card.locator(".says").inner_text().replace("\u202f", " ")


def saved(tab, card, label):
    with tab.expect_download() as download:
        card.get_by_role("button", name=f"Export {label}").click()
    return Path(download.value.path()).read_bytes().decode(), download.value.suggested_filename


# ------------------------------------------------------------------------------------------------ working


def test_the_first_screen_says_why_one_group_is_a_class_and_the_other_a_campaign(opened, report):
    tab = opened(report)
    table = tab.locator("table.compare")
    rows = {
        row.locator("th").inner_text(): [
            cell.replace("\u202f", " ") for cell in row.locator("td").all_inner_texts()
        ]
        for row in table.locator("tbody tr").all()
    }
    names = table.locator("thead th a").all_inner_texts()
    course, harvest = names.index("L1"), names.index("C1")
    assert "all 73 share one" in rows["address range"][course]
    assert "all 73 share one" in rows["mail domain"][course]
    assert "within 7 days" in rows["most of the activity"][course]
    assert "4 texts sent by half or more" in rows["texts that they share"][course]
    assert "73 of 73 different" in rows["payment cards"][course]
    assert "1 to 14 months" in rows["age of the accounts"][course]
    assert "nothing" in rows["what that leaves unexplained"][course]
    assert "9 cards for 340 accounts" in rows["payment cards"][harvest]
    assert "▲" in rows["what that leaves unexplained"][harvest]
    box = table.bounding_box()
    assert box["y"] + box["height"] <= 900, "the comparison ends below the first screen"


def test_all_members_are_listed_and_only_those_in_sight_are_in_the_document(opened, report):
    tab = opened(report)
    card = desk(tab)
    assert says(card).startswith("All 340 accounts, ")
    assert card.locator("table.members").get_attribute("aria-rowcount") == "341"
    assert card.locator("table.members tbody tr[data-row]").count() < 60
    window = card.locator(".window")
    window.evaluate("e => { e.scrollTop = e.scrollHeight; }")
    tab.wait_for_selector('#campaign-1 tr[aria-rowindex="341"]')
    head = " ".join(card.locator("table.members thead th").all_inner_texts())
    for words in (
        "probability",
        "first exchange",
        "last exchange",
        "declared owner",
        "shares with members",
        "marks of innocent explanations",
    ):
        assert words in head


def test_search_sort_and_clear(opened, report):
    tab = opened(report)
    card = desk(tab)
    names = card.locator("table.members td button.value")
    wanted = names.nth(3).inner_text()
    card.get_by_label("Search accounts").fill(wanted[-6:].upper())
    assert says(card).startswith("1 of 340 accounts")
    assert names.all_inner_texts() == [wanted]
    card.get_by_role("button", name="Clear filters and selection").click()
    assert says(card).startswith("All 340 accounts")
    card.locator("table.members thead").get_by_role("button", name="account", exact=True).click()
    shown = names.all_inner_texts()
    assert shown == sorted(shown)
    assert card.locator('th[data-column="account"]').get_attribute("aria-sort") == "ascending"
    card.get_by_label("Search accounts").fill("no such account")
    assert "No account fits" in card.locator("table.members tbody").inner_text()


def test_an_indicator_leads_to_its_accounts_and_an_account_to_its_evidence_and_timeline(opened, report):
    tab = opened(report)
    card = desk(tab)
    row = card.locator("table.values tbody tr").first
    members = int(row.get_attribute("data-members"))
    row.get_by_role("button").click()
    assert says(card).startswith(f"{members} of 340 accounts")
    assert row.get_by_role("button").get_attribute("aria-pressed") == "true"
    assert row.locator(".now").inner_text() == f"{members} of {members}"
    label = row.get_by_role("button").inner_text()
    card.locator("table.members td button.value").first.click()
    account = card.locator(".account")
    assert label in account.locator(".for-one").inner_text()
    assert account.locator(".against-one li").count() >= 1
    assert account.locator("svg rect.bar").count() == 3
    account.locator(".against-one button").first.click()
    assert "carry" not in says(card)
    assert card.locator(".chips li").count() == 2


def test_evidence_explanations_and_the_drawing_lead_to_accounts(opened, report):
    tab = opened(report)
    card = desk(tab)
    card.locator(".trial td[data-explanation] button").first.click()
    assert card.locator(".chips li").count() == 1
    assert not says(card).startswith("All")
    card.get_by_role("button", name="Clear filters and selection").click()
    column = card.locator("svg.patterns g.pattern").first
    column.click()
    assert card.locator(".chips li").count() == len(column.get_attribute("data-values").split())


def test_the_span_of_time_is_brushed_or_set_by_keys_and_everything_follows(opened, report):
    tab = opened(report)
    card = desk(tab)
    plot = card.locator("svg.timeline")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 80, steps=4)
    tab.mouse.up()
    tab.wait_for_function("() => document.querySelector('#campaign-1 .says').textContent.includes('between')")
    brushed = says(card)
    assert re.match(r"\d+ of 340 accounts, \d+ exchanges between", brushed)
    assert float(plot.locator(".shade").get_attribute("width")) > 10
    assert " of " in card.locator("table.values .now").first.inner_text()
    start = card.get_by_label("From", exact=True)
    start.focus()
    for _press in range(3):
        tab.keyboard.press("ArrowRight")
    assert says(card) != brushed
    card.get_by_role("button", name="whole time").click()
    assert says(card).startswith("All 340 accounts")


def test_what_is_selected_is_exported_as_csv_and_json(opened, report):
    tab = opened(report)
    card = desk(tab)
    boxes = card.locator("table.members tbody input")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    assert "4 selected" in says(card)
    text, name = saved(tab, card, "JSON")
    records = json.loads(text)
    assert (name, len(records)) == ("C1-accounts.json", 4)
    assert records[0].keys() >= {
        "account_id",
        "probability",
        "exchanges",
        "first_seen",
        "last_seen",
        "owner",
        "explanations",
        "shared",
    }
    text, name = saved(tab, card, "CSV")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["account_id"] for row in rows] == [record["account_id"] for record in records]
    card.get_by_role("button", name="Clear filters and selection").click()
    text, _name = saved(tab, card, "JSON")
    assert len(json.loads(text)) == 340


def test_names_are_copied(opened, report):
    tab = opened(report, permissions=["clipboard-read", "clipboard-write"])
    card = desk(tab)
    card.locator("table.members tbody input").first.click()
    card.get_by_role("button", name="Copy names").click()
    tab.wait_for_function("() => document.querySelector('#campaign-1 .says').textContent.includes('Copied')")
    assert (
        tab.evaluate("navigator.clipboard.readText()")
        == card.locator("table.members td button.value").first.inner_text()
    )


def test_a_link_opens_the_page_as_it_was_left(opened, report):
    tab = opened(report)
    card = desk(tab)
    card.locator("table.values tbody tr").nth(1).get_by_role("button").click()
    card.locator("table.members td button.value").nth(1).click()
    link, left = tab.evaluate("location.hash"), says(card)
    assert link.startswith("#campaign-1&value=")
    again = opened(report, link)
    card = desk(again)
    assert says(card) == left
    assert again.evaluate("location.hash") == link
    assert card.locator(".account").is_visible()
    other = opened(report, "#lead-1&q=000003")
    assert says(desk(other, "lead-1")).startswith("1 of 73 accounts")


def test_a_lead_has_the_same_list_with_the_marks_its_accounts_carry(opened, report):
    tab = opened(report, "#lead-1")
    card = desk(tab, "lead-1")
    assert says(card).startswith("All 73 accounts")
    assert "course" in card.locator("table.members tbody tr").first.inner_text()


def test_everything_is_done_by_keys(opened, report):
    tab = opened(report)
    card = desk(tab)
    card.locator(".live").scroll_into_view_if_needed()
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.type") == "search"
    tab.keyboard.type("acct")
    card.locator(".window").focus()
    for key in ("ArrowDown", "ArrowDown", " ", "Enter"):
        tab.keyboard.press(key)
    assert "1 selected" in says(card)
    assert card.locator(".account").is_visible()
    tab.keyboard.press("Escape")
    assert not card.locator(".account").is_visible()
    tab.keyboard.press("End")
    tab.wait_for_selector('#campaign-1 tr[aria-rowindex="341"]')
    tab.keyboard.press("Escape")
    assert says(card).startswith("All 340 accounts")


def test_what_strangers_chose_stays_text_and_no_cell_of_the_csv_is_a_formula(opened, tmp_path):
    folder = results_folder.build(tmp_path, hostile=HOSTILE, prompts=True)
    path = folder / "members.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[1]["account_id"] = "=cmd|' /C calc'!A0"
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(path)), path)
    tab = opened(page.write(folder))
    card = desk(tab)
    card.locator("table.members td button.value").filter(has_text="img").first.click()
    assert "\\u202e" in card.locator(".account h4").inner_text()
    assert tab.evaluate("window.broken") is None
    assert tab.locator("img").count() == 0
    text, _name = saved(tab, card, "CSV")
    assert "'=cmd|" in text
    assert not re.search(r"(?m)(^|,)\"?=cmd", text)


def test_the_script_writes_numbers_times_and_names_as_the_rest_of_the_page(opened, tmp_path):
    folder = results_folder.build(tmp_path, campaigns=1, leads=0, accounts=30, hostile="\u202e\u200b\t é 名")
    results = read(folder)
    first = {
        account: min(row["timestamp"] for row in rows)
        for account, rows in grouped(results.of("exchanges", "C1").to_pylist(), "account_id").items()
    }
    expected = {
        (
            visible(row["account_id"]),
            wording.percent(row["score"]),
            wording.count(row["exchanges"]),
            wording.moment(first[row["account_id"]]),
        )
        for row in results.of("members", "C1").to_pylist()
    }
    card = desk(opened(page.write(folder)))
    card.locator(".window").evaluate("e => { e.style.maxHeight = 'none'; }")
    card.locator('tr[aria-rowindex="31"]').wait_for()
    shown = {
        tuple(row.locator("td").nth(k).inner_text() for k in (1, 2, 3, 4))
        for row in card.locator("tr[data-row]").all()
    }
    assert shown == expected


# ------------------------------------------------------------------------------------- size, paper, access


def test_a_campaign_of_25_000_members_opens_within_3_s_from_less_than_8_mb(opened, tmp_path):
    path = page.write(results_folder.build(tmp_path, accounts=MANY))
    assert path.stat().st_size < 8_000_000
    opening, filtering = [], []
    for _try in range(3):  # the best of three: what else the machine does is not the page's
        began = time.monotonic()
        tab = opened(path, "#campaign-1&q=a1")
        card = desk(tab)
        assert "of 25 000 accounts" in says(card)
        opening.append(time.monotonic() - began)
        began = time.monotonic()
        card.locator("table.values tbody tr").first.get_by_role("button").click()
        assert card.locator(".chips li").count() == 1
        filtering.append(time.monotonic() - began)
        if opening[-1] < 3 and filtering[-1] < 1:
            break
    assert (min(opening) < 3, min(filtering) < 1) == (True, True), (opening, filtering)


def test_a_campaign_prints_on_at_most_four_pages(opened, report):
    tab = opened(report)
    for anchor in ("campaign-1", "campaign-2"):
        tab.evaluate(
            "id => { for (const one of document.querySelectorAll('header.top, footer, main > *')) "
            "one.style.display = one.id === id ? '' : 'none'; }",
            anchor,
        )
        assert 1 <= tab.pdf(format="A4").count(b"/Type /Page\n") <= 4


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_axe_has_no_finding_and_nothing_is_wider_than_the_window(opened, short, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = opened(short, viewport={"width": width, "height": 900}, color_scheme=scheme)
    card = desk(tab)
    card.locator("table.members td button.value").first.click()
    card.locator("table.values button").first.click()
    tab.evaluate("document.querySelectorAll('details').forEach((one, i) => { one.open = i % 2 === 0; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.Axe().run(tab, options={"runOnly": {"type": "tag", "values": tags}}).response["violations"]
    assert [
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"][:300]) for one in found
    ] == []


def test_without_its_script_the_page_still_shows_the_finding_and_members(browser, report):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(report.as_uri())
    assert tab.locator("#campaign-1 .paper tbody tr").count() == 20
    assert tab.locator("#campaign-1 .paper").is_visible()
    assert not tab.locator("#campaign-1 .live").is_visible()
    context.close()
