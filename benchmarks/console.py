"""How quickly does the console answer a team?

    python benchmarks/console.py [--campaigns 500] [--accounts 2000] [--analysts 50] [--seconds 60]
    python benchmarks/console.py --keep DIR --alone 20
    python benchmarks/console.py --fuzz 10000
    python benchmarks/console.py --graph 25000

Writes results of `campaigns` campaigns of `accounts` accounts each, imports them into SQLite, serves them in
a process of its own, and lets `analysts` HTTP clients walk over the pages with pauses of one to three
seconds. Prints the 95th percentile by page. `--fuzz` sends so many calls that schemathesis makes from the
API's document to a small console. `--graph` opens the graph of one campaign in Chromium and prints when it
was whole.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PAGES = {
    "queue": lambda _pick: "/",
    "queue, filtered": lambda pick: f"/?sort=accounts&page={pick.randint(1, 10)}",
    "case": lambda pick: f"/cases/{pick.randint(1, pick.cases)}",
    "members": lambda pick: f"/cases/{pick.randint(1, pick.cases)}/members",
    "accounts": lambda pick: f"/accounts?begins=acct_{pick.randint(0, 99):02}",
    "account": lambda pick: f"/accounts/{pick.randint(1, pick.accounts)}",
    "shared values": lambda _pick: "/indicators",
    "shared value": lambda pick: f"/indicators/{pick.randint(1, pick.values)}",
    "pivot": lambda pick: f"/pivot?start=account&id={pick.randint(1, pick.accounts)}&hops=3",
    "graph data": lambda pick: f"/api/v1/cases/{pick.randint(1, pick.cases)}/graph",
    "labels": lambda _pick: "/labels",
    "audit": lambda _pick: "/audit",
    "limits": lambda _pick: "/limits",
}
WRITES = {
    "assign": lambda pick: ("assign", {"case": pick.randint(1, pick.cases), "assignee": "analyst 1"}),
    "note": lambda pick: ("note", {"case": pick.randint(1, pick.cases), "text": "asked billing"}),
    "label": lambda pick: (
        "label",
        {"what": "account", "id": pick.randint(1, pick.accounts), "verdict": "honest", "reason": "a class"},
    ),
}
PER_CAMPAIGN = 60  # shared values of a campaign


def results(folder: Path, campaigns: int, accounts: int) -> None:
    """Results of many campaigns: members with three links each, evidence, glance, explanations, profiles."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True)
    at, n = datetime(2026, 4, 1, tzinfo=UTC), campaigns * accounts
    ids = np.array([f"C{i + 1}" for i in range(campaigns)])
    of = np.repeat(ids, accounts)
    names = np.array([f"acct_{i % 100:02}_{i:07}" for i in range(n)])
    moment = pa.timestamp("us", "UTC")

    def put(name: str, **columns: object) -> None:
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")

    put(
        "campaigns",
        campaign_id=ids,
        kind=rng.choice(["harvest", "relay", "mixed", "fleet"], campaigns),
        first_seen=pa.array([at] * campaigns, moment),
        last_seen=pa.array([at + timedelta(days=28)] * campaigns, moment),
        detected_at=pa.array([at + timedelta(hours=9)] * campaigns, moment),
        accounts=np.full(campaigns, accounts),
        exchanges=rng.integers(10_000, 900_000, campaigns),
        exchanges_low=np.full(campaigns, 9_000),
        exchanges_high=np.full(campaigns, 990_000),
        q_value=rng.uniform(1e-12, 0.01, campaigns),
        fpr_empirical=rng.uniform(0, 0.01, campaigns),
        fpr_synthetic=rng.uniform(0, 0.01, campaigns),
        explanation=rng.choice(["course", "office", "scheduled_app"], campaigns),
        capabilities=pa.array([["coding"]] * campaigns),
    )
    score, exchanges = rng.beta(20, 1, n), rng.integers(5, 900, n)
    put("members", campaign_id=of, account_id=names, score=score, exchanges=exchanges)
    put(
        "profiles",
        group_id=of,
        account_id=names,
        owner=pa.nulls(n, pa.int64()),
        created_at=pa.array([at] * n, moment),
        first_seen=pa.array([at] * n, moment),
        last_seen=pa.array([at + timedelta(days=20)] * n, moment),
        exchanges=exchanges,
        marks=pa.array([["course"] if i % 5 == 0 else [] for i in range(n)], pa.list_(pa.string())),
    )
    kinds = np.array(["payment_fingerprint", "client_prefix", "prompt_template"])
    links = {"campaign_id": [], "account_id": [], "kind": [], "value": [], "weight": []}
    for k in range(3):
        value = rng.integers(0, PER_CAMPAIGN // 3, n)
        links["campaign_id"].append(of)
        links["account_id"].append(names)
        links["kind"].append(np.full(n, kinds[k]))
        shared = np.where(rng.random(n) < 0.02, "all", of)  # a few values are those of several campaigns
        links["value"].append(np.char.add(np.char.add(shared, f"-{kinds[k][:3]}-"), value.astype(str)))
        links["weight"].append(rng.uniform(0.5, 4, n))
    put("links", **{name: np.concatenate(parts) for name, parts in links.items()})
    pieces = 30
    put(
        "evidence",
        campaign_id=np.repeat(ids, pieces),
        kind=np.tile(kinds, campaigns * pieces // 3),
        value=[f"{c}-pay-{i}" for c in ids for i in range(pieces)],
        accounts=np.full(campaigns * pieces, accounts // 20),
        exchanges=np.full(campaigns * pieces, 900),
        log10_likelihood_ratio=rng.uniform(0.1, 12, campaigns * pieces),
        statement=["9 cards pay for all accounts"] * (campaigns * pieces),
    )
    put(
        "glance",
        group_id=np.repeat(ids, 4),
        trait=np.tile(["payment", "texts", "networks", "age"], campaigns),
        speaks=np.tile(["for", "for", "against", "neither"], campaigns),
        statement=["accounts share it"] * (4 * campaigns),
    )
    put(
        "explanations",
        group_id=np.repeat(ids, 11),
        explanation=np.tile([f"cause_{i}" for i in range(11)], campaigns),
        marked=np.tile(np.arange(11), campaigns),
        log10_e=rng.uniform(0.0, 12, 11 * campaigns),
        statement=["the cause explains the texts"] * (11 * campaigns),
    )
    hours = 24 * 28
    put(
        "timeline",
        campaign_id=np.repeat(ids, hours),
        hour=pa.array([at + timedelta(hours=h) for h in range(hours)] * campaigns, moment),
        exchanges=rng.poisson(40, campaigns * hours),
        log10_e=np.tile(np.linspace(0, 30, hours), campaigns),
        log10_alert=np.full(campaigns * hours, 5.0),
        log10_confirm=np.full(campaigns * hours, 6.0),
    )
    put("exchanges", campaign_id=of[:1], exchange_id=["x"], account_id=names[:1])


class Pick(random.Random):
    cases = accounts = values = 1


def sessions(state: Path, number: int):
    """Cookie and form token of `number` analysts."""
    from sqlalchemy import func, select

    from stillwatch.console.database import Database, rows
    from stillwatch.console.people import PeopleStore
    from stillwatch.console.schema import ACCOUNTS, CASES, INDICATORS, PEOPLE

    database = Database(state)
    people, found = PeopleStore(database), []
    for i in range(number):
        people.invite(f"analyst {i}", "lead")
    with database.writing() as db:
        for row in rows(db, select(PEOPLE)):
            token, session = people.open(db, row)
            found.append((token, session.csrf))
        for table, name in ((CASES, "cases"), (ACCOUNTS, "accounts"), (INDICATORS, "values")):
            setattr(Pick, name, db.scalar(select(func.count()).select_from(table)))
    database.close()
    return found


class Server:
    """The console in a process of its own."""

    def __init__(self, state: Path, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "stillwatch",
            "console",
            str(state),
            "--port",
            "0",
            "--json",
            *options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"].rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_given):
        self.process.terminate()
        self.process.wait()


def walk(url, session, ends, took, faults, seed, pauses):
    import requests

    pick, http = Pick(seed), requests.Session()
    http.cookies.set("stillwatch", session[0])
    time.sleep(pick.uniform(0, 2))
    while time.monotonic() < ends:
        name = pick.choice([*PAGES, *PAGES, *WRITES])
        began = time.perf_counter()
        if name in PAGES:
            answer = http.get(url + PAGES[name](pick), allow_redirects=False)
        else:
            form, fields = WRITES[name](pick)
            data = {"csrf": session[1], "then": "/", **fields}
            answer = http.post(f"{url}/do/{form}", data=data, allow_redirects=False)
        took[name].append(time.perf_counter() - began)
        if answer.status_code not in (200, 303):
            faults.append((name, answer.status_code))
        time.sleep(pick.uniform(*pauses))


def load(args) -> None:
    keep = Path(args.keep) if args.keep else None
    with tempfile.TemporaryDirectory() as folder:
        place = keep or Path(folder)
        if not (place / "results").exists():
            results(place / "results", args.campaigns, args.accounts)
        began = time.perf_counter()
        from stillwatch.console.console import Console

        console = Console(place / "state", [place / "results"])
        console.refresh()
        console.close()
        print(f"import of {args.campaigns * args.accounts:,} accounts: {time.perf_counter() - began:.0f} s")
        size = (place / "state" / "console.sqlite").stat().st_size
        print(f"database: {size / 1e6:,.0f} MB")
        people = sessions(place / "state", args.analysts)
        with Server(place / "state", "--results", str(place / "results")) as server:
            took, faults = defaultdict(list), []
            ends = time.monotonic() + args.seconds
            threads = [
                threading.Thread(
                    target=walk, args=(server.url, one, ends, took, faults, i, (args.pause, 3 * args.pause))
                )
                for i, one in enumerate(people)
            ]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
            spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        every = np.concatenate([np.array(some) for some in took.values()])
        print(
            f"{len(every):,} requests of {args.analysts} analysts in {args.seconds} s, {len(faults)} faults"
        )
        if faults:
            print(faults[:5])
        print(f"{'page':<18}{'requests':>9}{'median ms':>11}{'p95 ms':>9}{'most ms':>9}")
        for name, some in sorted(took.items(), key=lambda pair: -np.quantile(pair[1], 0.95)):
            median, high, most = (1000 * np.quantile(some, q) for q in (0.5, 0.95, 1))
            print(f"{name:<18}{len(some):>9}{median:>11.0f}{high:>9.0f}{most:>9.0f}")
        print(f"processor time of the server: {spent:.1f} s; load average {os.getloadavg()[0]:.0f}")
        print(f"all: p95 {1000 * np.quantile(every, 0.95):.0f} ms")


def alone(args) -> None:
    """Processor time of each page, one at a time in this process: what a busy machine does not change."""
    from stillwatch.console import pages
    from stillwatch.console.app import Handlers, build
    from stillwatch.console.console import Console
    from stillwatch.console.operation import call, operations

    state = Path(args.keep) / "state"
    people = sessions(state, 1)
    console = Console(state)
    build(Handlers(console))
    session = console.people.session(people[0][0])
    pick = Pick(1)
    print(f"{'page':<18}{'median ms':>11}{'p95 ms':>9}{'most ms':>9}")
    for name, path in PAGES.items():
        took = []
        for _try in range(args.alone + 1):
            place, _mark, query = path(pick).partition("?")
            began = time.process_time()
            if place.startswith("/api"):
                one = operations()["graph"].model(case=int(place.split("/")[4]))
                json.dumps(call(console, session.actor, "graph", one))
            else:
                parts = place.split("/")
                form = place
                given = {}
                if len(parts) > 2:
                    key = parts[1][:-1]
                    given, parts[2] = {key: parts[2]}, f"{{{key}}}"
                    form = "/".join(parts)
                fields = dict(part.split("=") for part in query.split("&") if part)
                asked = pages.PageRequest(console=console, session=session, path=given, query=fields)
                shown = pages.PAGES[form]
                pages.html(shown.template, asked, {**shown.made(asked), "here": place, "oidc": False})
            took.append(1000 * (time.process_time() - began))
        median, high, most = (np.quantile(took[1:], q) for q in (0.5, 0.95, 1))
        print(f"{name:<18}{median:>11.0f}{high:>9.0f}{most:>9.0f}")
    console.close()


def fuzz(calls: int) -> None:
    """Send `calls` calls, made from the API's document, to a console in this process, and check each answer.

    Three of four calls are as the document allows, one is not. Numbers in paths and arguments are those of
    rows that exist in half of the calls, so that more than "no such case" is reached.
    """
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
    from schemathesis.core.failures import FailureGroup

    from stillwatch.console.openapi import document
    from stillwatch.console.operation import operations

    checks = schemathesis.checks
    from schemathesis.specs.openapi import checks as of_answers

    asked = [
        checks.not_a_server_error,
        of_answers.status_code_conformance,
        of_answers.content_type_conformance,
        of_answers.response_headers_conformance,
        of_answers.response_schema_conformance,
        of_answers.negative_data_rejection,
    ]
    modes = schemathesis.GenerationMode
    codes: dict[int, int] = defaultdict(int)
    faults: dict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, fuzzed(Path(folder)) as served:
        schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document())))
        each = -(-calls // len(operations()))
        quick = settings(
            max_examples=each, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip

        def send(operation, name: str, headers: dict[str, str]) -> None:
            made = operation.as_strategy(generation_mode=modes.POSITIVE)
            wrong = operation.as_strategy(generation_mode=modes.NEGATIVE)
            has_arguments = operation.query or operation.body or operation.path_parameters
            drawn = st.integers(0, 3).flatmap(lambda n: wrong if n == 0 else made) if has_arguments else made

            @quick
            @given(case=drawn, known=st.booleans(), number=st.integers(1, 12))
            def call(case, known, number):
                if known and case.meta.generation.mode is modes.POSITIVE:
                    served.known(case, number)
                answer = case.call(base_url=served.url, headers=headers)
                codes[answer.status_code] += 1
                try:
                    case.validate_response(answer, checks=asked if was_sent(case, answer) else asked[:-1])
                except FailureGroup as group:
                    for one in group.exceptions:
                        sent = f"{answer.request.method} {answer.request.url} {answer.request.body}"
                        kind = f"{name}: {type(one).__name__} {answer.status_code}"
                        faults[kind].append(f"{str(one)[:600]}\n{sent[:600]}")

            call()

        for found in schema.get_all_operations():
            operation = found.ok()
            name, began = operation.definition.raw["operationId"], time.perf_counter()
            send(operation, name, served.headers(operations()[name]))
            print(f"{name:<20}{each:>6} calls{time.perf_counter() - began:>8.1f} s", flush=True)
    print(f"{sum(codes.values()):,} calls: {dict(sorted(codes.items()))}")
    print(f"faults: {sum(map(len, faults.values()))}")
    for kind, some in sorted(faults.items()):
        print(f"--- {kind}, {len(some)} times\n{some[0]}")


def was_sent(case, answer) -> bool:
    """Whether every argument of the query stands in the request: the client leaves out empty ones
    and unpacks lists, and what was not sent cannot be refused.
    """
    sent = parse_qs(urlsplit(answer.request.url).query, keep_blank_values=True)
    values = (case.query or {}).items()
    return all(name in sent and not isinstance(value, (dict, list)) for name, value in values)


class fuzzed:  # noqa: N801  used as a function
    """A console over small results in a thread of this process, with people of two roles."""

    def __init__(self, folder: Path) -> None:
        results(folder / "results", 3, 50)
        self.state, self.folder = folder / "state", folder / "results"

    def __enter__(self):
        import socket

        import uvicorn

        from stillwatch.console.app import Handlers, build
        from stillwatch.console.console import Console

        self.console = Console(self.state, [self.folder])
        self.console.refresh()
        place = socket.create_server(("127.0.0.1", 0))
        app = build(Handlers(self.console, limits=(10**9, 10**9, 10**9)))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [place]})
        self.thread.start()
        self.url = f"http://127.0.0.1:{place.getsockname()[1]}"
        return self

    def __exit__(self, *_given):
        self.server.should_exit = True
        self.thread.join()
        self.console.close()

    def headers(self, one) -> dict[str, str]:
        """The header with a new token of somebody who may call the operation."""
        from sqlalchemy import select

        from stillwatch.console.operation import call, operations
        from stillwatch.console.roles import Caller
        from stillwatch.console.schema import PEOPLE

        role = "administrator" if one.needs == "manage" else "lead"
        self.console.people.invite(f"fuzz {role}", role)
        with self.console.database.reading() as db:
            number = db.scalar(select(PEOPLE.c.id).where(PEOPLE.c.name == f"fuzz {role}"))
        caller = Caller(person_id=number, name=f"fuzz {role}", role=role, via="session")
        given = operations()["new_token"].model(name="fuzz", role=role, days=2)
        return {"Authorization": f"Bearer {call(self.console, caller, 'new_token', given)['token']}"}

    def known(self, case, number: int) -> None:
        """Replace the numbers of a call that are drawn from all numbers by one that a row may have, and an
        appeal's secret by that of a new appeal.
        """
        from stillwatch.console.operation import call, operations
        from stillwatch.console.roles import Caller

        for held in (case.path_parameters, case.query, case.body):
            for name, value in list(held.items()) if isinstance(held, dict) else ():
                if name == "token" and isinstance(value, str):
                    lead = Caller(person_id=0, name="fuzz lead", role="lead", via="session")
                    given = operations()["invite"].model(account=number)
                    held[name] = call(self.console, lead, "invite", given)["path"].rpartition("/")[2]
                elif isinstance(value, int) and not isinstance(value, bool) and value > 1000:
                    held[name] = number


def graph(accounts: int) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        results(place / "results", 1, accounts)
        from stillwatch.console.console import Console

        console = Console(place / "state", [place / "results"])
        console.refresh()
        console.close()
        ((token, _csrf),) = sessions(place / "state", 1)
        browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))))
        with (
            Server(place / "state", "--results", str(place / "results")) as server,
            sync_playwright() as driver,
        ):
            window = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            context = window.new_context()
            context.add_cookies([{"name": "stillwatch", "value": token, "url": server.url}])
            for _try in range(3):
                tab = context.new_page()
                began = time.perf_counter()
                tab.goto(f"{server.url}/cases/1/graph")
                tab.get_by_text(" accounts, ").wait_for()
                first = time.perf_counter() - began
                tab.wait_for_selector("canvas[data-loaded]", timeout=60_000)
                whole = time.perf_counter() - began
                drawn = tab.locator("#state").inner_text().replace("\u202f", " ")
                began = time.perf_counter()
                tab.locator("#values button").first.click()
                tab.evaluate(
                    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
                )
                chosen = time.perf_counter() - began
                told = f"first part after {first:.1f} s, whole after {whole:.1f} s"
                print(f"{told}, a value chosen in {1000 * chosen:.0f} ms: {drawn}")
                tab.close()
            window.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--campaigns", type=int, default=500)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--analysts", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument(
        "--pause",
        type=float,
        default=1.0,
        help="least pause of an analyst in seconds; the most is three times that",
    )
    parser.add_argument("--keep", help="folder in which results and state are kept for a second run")
    parser.add_argument("--alone", type=int, help="with --keep: so many times each page, by processor time")
    parser.add_argument("--fuzz", type=int)
    parser.add_argument("--graph", type=int)
    given_args = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", os.pathsep.join(sys.path[1:2]))
    if given_args.alone:
        alone(given_args)
    elif given_args.fuzz:
        fuzz(given_args.fuzz)
    elif given_args.graph:
        graph(given_args.graph)
    else:
        load(given_args)
