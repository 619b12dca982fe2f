"""A console over synthetic results, served to a real HTTP client."""

import shutil
import socket
import threading
import time

import pytest

from tests.report import results_folder

CANARY = "CANARY-what-a-customer-wrote-7431"
ROLES = ("viewer", "analyst", "lead", "counsel", "administrator")


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.moved = 0.0

    def __call__(self):
        return time.time() + self.moved


class Client:
    """An HTTP client of one console: with a token, or with the cookie of a session."""

    def __init__(self, url, token="", cookie=("", ""), csrf=""):
        import requests

        self.url, self.csrf = url, csrf
        self.http = requests.Session()
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"
        if cookie[0]:
            self.http.cookies.set(*cookie)

    def get(self, path, **query):
        return self.http.get(self.url + path, params=query, allow_redirects=False, timeout=30)

    def post(self, path, body=None, **more):
        return self.http.post(self.url + path, json=body or {}, allow_redirects=False, timeout=30, **more)

    def form(self, name, then="/", **fields):
        data = {"csrf": self.csrf, "then": then, **fields}
        return self.http.post(f"{self.url}/do/{name}", data=data, allow_redirects=False, timeout=30)


class Served:
    """A console that is served in a thread of this process."""

    def __init__(self, state, folders=(), url=None, **options):
        import uvicorn

        from stillwatch.console.app import Handlers, build
        from stillwatch.console.console import Console

        self.clock = Clock()
        self.console = Console(state, folders, url, clock=self.clock)
        self.console.refresh()
        options.setdefault("limits", (100_000, 1000, 1000))
        self.app = Handlers(self.console, **options)
        place = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{place.getsockname()[1]}"
        self.built = build(self.app)

        async def answered(scope, receive, send):
            await self.built(scope, receive, send)

        config = uvicorn.Config(answered, log_level="critical", lifespan="off", server_header=False)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [place]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def offer(self, provider):
        """Let people enter by an identity provider that needed the console's address."""
        from stillwatch.console.app import build

        self.app.provider = provider
        self.built = build(self.app)

    def person(self, name, role):
        """Add a person who signs in by a session that is made here; returns his session."""
        from sqlalchemy import select

        from stillwatch.console.schema import PEOPLE

        people = self.console.people
        people.invite(name, role)
        with self.console.database.writing() as db:
            row = db.execute(select(PEOPLE).where(PEOPLE.c.name == name)).mappings().one()
            return people.open(db, row)

    def page(self, name, role):
        """A client with the session of a person."""
        token, session = self.person(name, role)
        return Client(self.url, cookie=(self.app.cookie, token), csrf=session.csrf)

    def api(self, name, role):
        """A client with an API token of a person."""
        from stillwatch.console.operation import call, operations
        from stillwatch.console.roles import Caller

        _token, session = self.person(name, role)
        actor = Caller(person_id=session.actor.person_id, name=name, role=role, via="session")
        given = operations()["new_token"].model(name="test", role=role, days=2)
        return Client(self.url, token=call(self.console, actor, "new_token", given)["token"])

    def close(self):
        self.server.should_exit = True
        self.thread.join(10)
        self.console.close()


def built(folder, **options):
    """Synthetic results with a canary in the words of prompts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    options = {"campaigns": 2, "leads": 2, "accounts": 150, "prompts": True} | options
    results_folder.build(folder, **options)
    table = pq.read_table(folder / "prompts.parquet").to_pylist()
    for row in table:
        row["prompt"] = f"{CANARY} {row['prompt']}"
    pq.write_table(
        pa.Table.from_pylist(table, pq.read_schema(folder / "prompts.parquet")), folder / "prompts.parquet"
    )
    return folder


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Results that no test changes."""
    return built(tmp_path_factory.mktemp("console") / "results")


def lines_of(console):
    """Lines of the audit log, whose chain must be whole."""
    from stillwatch.guard.audit import FOLDER
    from stillwatch.memory import record

    console.audit.flush()
    found = []
    for path in sorted((console.state / FOLDER).glob("*.jsonl")):
        kept = record.read(path)
        assert kept.faults == []
        found += kept.entries
    return found


@pytest.fixture(scope="session")
def kit():
    """What tests make consoles of and read of them: `built`, `Client`, `Served`, `CANARY` and `lines_of`."""
    from types import SimpleNamespace

    return SimpleNamespace(
        built=built, Client=Client, Served=Served, CANARY=CANARY, results=results_folder, lines_of=lines_of
    )


@pytest.fixture(scope="session")
def imported(tmp_path_factory, results):
    """A state into which the results were imported; tests copy it."""
    from stillwatch.console.console import Console

    state = tmp_path_factory.mktemp("imported") / "state"
    console = Console(state, [results])
    console.refresh()
    console.close()
    return state


@pytest.fixture
def serve(tmp_path, results, imported):
    """Serves consoles, which end with the test."""
    open_ones = []

    def made(**options):
        state = tmp_path / f"state-{len(open_ones)}"
        if "url" not in options:
            shutil.copytree(imported, state)
        one = Served(state, [results], **options)
        open_ones.append(one)
        return one

    yield made
    for one in open_ones:
        one.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, results, imported):
    """A console that tests of a module share, for what changes nothing."""
    state = shutil.copytree(imported, tmp_path_factory.mktemp("shared") / "state")
    one = Served(state, [results])
    yield one
    one.close()
