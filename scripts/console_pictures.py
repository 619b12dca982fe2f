"""Takes the pictures of the console that docs show, in Chromium: `console_pictures.py RESULTS [docs/images]`.

Needs what `./dev check` installs. The results of `stillwatch demo` give the pictures in the repository.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from stillwatch.console.app import Handlers, build
from stillwatch.console.console import Console
from stillwatch.console.operation import call, operations
from stillwatch.console.schema import PEOPLE

WIDTH, HEIGHT = 1280, 900
PICTURES = {"console": "/?tour=1", "console-case": "/cases/1", "console-graph": "/cases/1/graph"}


def main(results: Path, out: Path) -> None:
    """Write `console.png` and its variants into the folder `out`."""
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        console = Console(Path(folder) / "state", [results])
        console.refresh()
        console.people.invite("ana", "analyst")
        console.people.invite("lea", "lead")
        with console.database.writing() as db:
            row = db.execute(select(PEOPLE).where(PEOPLE.c.name == "lea")).mappings().one()
            token, session = console.people.open(db, row)
        for name, given in (
            ("assign", {"case": 1, "assignee": "ana"}),
            ("due", {"case": 1, "due_at": time.time() + 5 * 86_400}),
            ("note", {"case": 1, "text": "Asked billing who issued the cards."}),
        ):
            call(console, session.actor, name, operations()[name].model.model_validate(given))
        app = Handlers(console)
        place = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(app), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, path in PICTURES.items():
            for suffix, width, scheme in (("", WIDTH, "light"), ("-narrow", 400, "dark")):
                if suffix and name != "console-case":
                    continue
                context = chromium.new_context(
                    viewport={"width": width, "height": HEIGHT}, color_scheme=scheme
                )
                context.add_cookies([{"name": app.cookie, "value": token, "url": url}])
                tab = context.new_page()
                tab.goto(url + path)
                if name.endswith("graph"):
                    tab.wait_for_selector("canvas[data-loaded]")
                    tab.wait_for_timeout(300)
                tab.screenshot(path=out / f"{name}{suffix}.png")
                context.close()
        chromium.close()
        server.should_exit = True
        thread.join()
        console.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images"))
