import re
from pathlib import Path

import pytest

from stillwatch.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    p for p in ROOT.rglob("*.md") if not {".venv", ".dev", ".git", "node_modules", "_build"} & set(p.parts)
)
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")


def anchors(page):
    """What GitHub makes of the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, anchor in LINK.findall(text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"{page.name} links to {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{page.name} links to {target}{anchor}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_that_the_readme_leads_to(command):
    page = ROOT / "docs" / "commands" / f"{command}.md"
    assert page.exists()
    assert f"docs/commands/{command}.md" in (ROOT / "README.md").read_text(encoding="utf-8")
