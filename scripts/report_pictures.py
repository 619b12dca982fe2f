"""Takes the pictures of the report that README and docs show, in Chromium: `report_pictures.py RESULTS
[docs/images]`.

Needs what `./dev check` installs. The results of `stillwatch demo` give the pictures in the repository.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from stillwatch.report import page

WIDTH, HEIGHT = 1280, 900


def main(results: Path, out: Path) -> None:
    """Write `report.png` and its variants into the folder `out`."""
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        written = Path(folder) / "report.html"
        written.write_text(page.render(results), encoding="utf-8")
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])

        def opened(**options: object) -> Page:
            tab = chromium.new_page(**({"viewport": {"width": WIDTH, "height": HEIGHT}} | options))
            tab.goto(written.as_uri())
            tab.wait_for_selector("html[data-ready]")
            return tab

        tab = opened()
        tab.screenshot(path=out / "report.png")
        tab.locator("#campaign-1").scroll_into_view_if_needed()
        tab.wait_for_selector("#campaign-1 .window")
        tab.locator("#campaign-1 table.values button").nth(7).click()  # a value that some members share
        tab.locator("#campaign-1 table.members td button").first.click()
        tab.evaluate("document.querySelector('#campaign-1 .desk').scrollIntoView()")
        tab.wait_for_timeout(500)
        tab.screenshot(path=out / "report-members.png")
        opened(color_scheme="dark").screenshot(path=out / "report-dark.png")
        opened(viewport={"width": 400, "height": HEIGHT}).screenshot(path=out / "report-narrow.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images"))
