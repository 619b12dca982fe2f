"""Does the console work in a real browser: every flow, by keyboard alone, without script, and is it accessible?"""

import time

import pytest

from stillwatch.console import people

pytestmark = pytest.mark.issue(29)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
MANY = 6_000  # more than one part of the graph
PASSWORD = "a long password of a test"


@pytest.fixture
def opened(browser):
    """Opens a window of a console, signed in as somebody; fails where a page complained of anything."""
    contexts, complaints = [], []

    def go(served, who=None, role="lead", **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        if who:
            token, _session = served.person(who, role)
            context.add_cookies([{"name": served.app.cookie, "value": token, "url": served.url}])
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        return tab

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def test_from_the_set_up_link_to_a_settled_case(serve, opened):
    served = serve()
    tab = opened(served)
    tab.goto(f"{served.url}/set-up/{served.console.people.invite('ada', 'lead')}")
    secret = tab.locator("p.once").inner_text()
    tab.get_by_label("password, at least").fill(PASSWORD)
    tab.get_by_label("the same again").fill(PASSWORD)
    step = int(time.time() // 30)
    tab.get_by_label("code").fill(people.code_at(secret, step))
    tab.get_by_role("button", name="Set up").click()
    tab.get_by_label("name").fill("ada")
    tab.get_by_label("password").fill(PASSWORD)
    tab.get_by_label("code of your").fill(people.code_at(secret, step + 1))
    tab.get_by_role("button", name="Sign in").click()
    assert tab.locator("h1").inner_text() == "Queue"
    tab.get_by_role("link", name="C1").first.click()
    tab.get_by_label("owner").select_option("ada")
    tab.get_by_role("button", name="Assign").click()
    assert "assigned" in tab.get_by_role("status").inner_text()
    tab.get_by_label("new note").fill("Cards are from one issuer.")
    tab.locator("form[action='/do/note'] button").click()
    assert tab.get_by_text("Cards are from one issuer.").is_visible()
    tab.get_by_label("This group is").select_option("campaign")
    tab.get_by_label("because").fill("confirmed by billing")
    tab.locator("form[action='/do/label'] button").click()
    assert tab.locator("h1 .tag.campaign").is_visible()
    tab.get_by_role("link", name="Queue").click()
    assert tab.locator("table.dense").first.get_by_role("link", name="K1").count() == 0  # settled
    tab.get_by_role("button", name="Sign out").click()
    assert tab.locator("h1").inner_text() == "Sign in"


def test_from_a_value_over_accounts_to_labels_for_many_approved_by_a_second_and_undone(serve, opened):
    served = serve()
    ana, lea = opened(served, "ana", "analyst"), opened(served, "lea", "lead")
    ana.goto(f"{served.url}/cases/1")
    ana.locator("a[href^='/indicators/']").first.click()
    ana.locator("h1").get_by_text("Payment").wait_for()
    ana.locator("a[href^='/accounts/']").first.click()
    ana.get_by_role("link", name="Go further").click()
    assert ana.get_by_role("heading", name="Step 3").is_visible()
    ana.goto(f"{served.url}/cases/1/members")
    ana.get_by_label("Select all accounts of this page").check()
    assert ana.get_by_label("number of accounts").get_attribute("placeholder") == "100 ticked"
    ana.get_by_label("Select all accounts of this page").uncheck()
    ana.get_by_label("because").fill("confirmed by billing")
    ana.get_by_label("number of accounts").fill("150")
    ana.get_by_role("button", name="Label them").click()
    assert "second person" in ana.get_by_role("status").inner_text()
    lea.goto(f"{served.url}/approvals")
    lea.get_by_label("why").fill("looked at the cards")
    lea.get_by_role("button", name="Approve").click()
    lea.goto(f"{served.url}/labels")
    assert "150 labels" in lea.locator("main").inner_text()
    lea.get_by_label("why bulk action 1").fill("the wrong case")
    lea.get_by_role("button", name="Undo").click()
    assert lea.locator("main").get_by_text("0 labels").is_visible()


def test_an_appeal_from_the_link_to_the_audit_of_its_batch(serve, opened, tmp_path):
    served = serve()
    lea, cora, customer = opened(served, "lea", "lead"), opened(served, "cora", "counsel"), opened(served)
    lea.goto(f"{served.url}/accounts/5")
    lea.get_by_role("button", name="Make a link").click()
    customer.goto(served.url + lea.locator("#secret").inner_text())
    customer.get_by_label("your statement").fill("We are a class of forty students.")
    (tmp_path / "list.csv").write_text("name\n")
    customer.get_by_label("files").set_input_files(tmp_path / "list.csv")
    customer.get_by_role("button", name="Send").click()
    assert customer.get_by_text("was received").is_visible()
    cora.goto(f"{served.url}/appeals")
    cora.locator("a[href='/appeals/1']").click()
    assert cora.get_by_text("We are a class of forty").is_visible()
    cora.get_by_label("the action", exact=True).select_option("overturned")
    cora.get_by_label("reasons").fill("the list fits")
    cora.get_by_label("answer").fill("You were right.")
    cora.get_by_role("button", name="Decide").click()
    assert cora.get_by_role("link", name="149 accounts of its batch").is_visible()
    customer.reload()
    assert customer.get_by_text("You were right.").is_visible()


def test_the_tour_has_five_steps_that_lead_over_the_pages(serve, opened):
    served = serve()
    tab = opened(served, "lea")
    tab.goto(f"{served.url}/?tour=1")
    titles = []
    for _step in range(5):
        titles.append(tab.locator(".tour b").inner_text())
        if tab.get_by_role("link", name="Next", exact=True).count():
            tab.get_by_role("link", name="Next", exact=True).click()
    assert [one[:6] for one in titles] == [f"{n} of 5" for n in range(1, 6)]
    assert "/members" in tab.url
    tab.get_by_role("link", name="End the tour").click()
    assert tab.locator(".tour").count() == 0


def test_by_keyboard_alone_a_case_is_found_and_labelled(serve, opened):
    served = serve()
    tab = opened(served, "lea")
    tab.goto(f"{served.url}/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "To the content"
    tab.keyboard.press("Enter")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "status"

    def reach(matches):
        for _n in range(140):
            tab.keyboard.press("Tab")
            if tab.evaluate(f"(({matches}))(document.activeElement)"):
                seen = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert seen != "none"
                return
        raise AssertionError(matches)

    reach("one => one.textContent === 'K1'")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/cases/1")
    reach("one => one.id === 'reason'")
    tab.keyboard.type("confirmed by billing")
    tab.keyboard.press("Enter")
    tab.locator("h1 .tag.campaign").wait_for()
    tab.goto(f"{served.url}/cases/1/graph")
    tab.wait_for_selector("canvas[data-loaded]")
    reach("one => one.id === 'graph'")
    tab.keyboard.press("+")
    reach("one => one.closest('#values')")
    tab.keyboard.press("Enter")
    assert tab.locator("#chosen a").count() == 2


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_axe_has_no_finding_and_no_page_is_wider_than_the_window(shared, opened, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = opened(shared, "lea", viewport={"width": width, "height": 900}, color_scheme=scheme)
    paths = ["/", "/cases/1", "/cases/1/graph", "/cases/1/members"]
    if (width, scheme) == (1280, "light"):
        paths += [
            "/cases/3",
            "/accounts/1",
            "/labels",
            "/sign-in",
            "/accounts",
            "/indicators",
            "/audit",
            "/me",
        ]
        paths += ["/limits", "/stories", "/appeals", "/reviews", "/approvals", "/pivot?start=account&id=1"]
        paths += ["/?tour=1"]
    for path in paths:
        tab.goto(shared.url + path)
        if path.endswith("graph"):
            tab.wait_for_selector("canvas[data-loaded]")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        options = {"runOnly": {"type": "tag", "values": TAGS}}
        found = axe.Axe().run(tab, options=options).response["violations"]
        told = [
            (one["id"], one["nodes"][0]["html"][:160], one["nodes"][0]["failureSummary"][:200])
            for one in found
        ]
        assert told == [], path


def test_without_script_the_pages_and_their_forms_work(serve, opened):
    served = serve()
    tab = opened(served, "lea", java_script_enabled=False)
    tab.goto(f"{served.url}/cases/1/graph")
    assert tab.get_by_text("needs JavaScript").is_visible()
    tab.goto(f"{served.url}/cases/2")
    tab.get_by_label("owner").select_option("lea")
    tab.get_by_role("button", name="Assign").click()
    assert "assigned" in tab.get_by_role("status").inner_text()


def test_a_large_graph_arrives_in_parts_and_is_whole(tmp_path, kit, opened):
    """The bar, 25,000 accounts within three seconds, is measured by benchmarks/console.py --graph."""
    results = kit.built(tmp_path / "results", accounts=MANY, campaigns=1, leads=0)
    served = kit.Served(tmp_path / "state", [results])
    try:
        tab = opened(served, "lea")
        parts = []
        tab.on("response", lambda one: parts.append(one.url) if "/graph?" in one.url else None)
        tab.goto(f"{served.url}/cases/1/graph")
        tab.wait_for_selector("canvas[data-loaded]", timeout=60_000)
        assert tab.locator("#state").inner_text().startswith("6\u202f000 of 6\u202f000")
        assert len(parts) == 2
        drawn = tab.evaluate(
            "document.getElementById('graph').getContext('2d').getImageData(0, 0, 700, 500).data.some((v) => v)"
        )
        assert drawn
    finally:
        served.close()
