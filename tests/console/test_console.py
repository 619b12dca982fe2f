"""Does the console import scans and follow cases over them, hold a team's work, and label as
`stillwatch label` does: one at a time or many, whole or not at all?
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from stillwatch.console import schema
from stillwatch.console.console import Console
from stillwatch.console.database import Database, rows
from stillwatch.console.openapi import PREFIX
from stillwatch.console.scans import import_folder
from stillwatch.errors import StateError, UsageError
from stillwatch.memory import record
from stillwatch.memory.labels import in_force

pytestmark = pytest.mark.issue(29)
API = PREFIX
REASON = "confirmed by billing"


def test_a_folder_is_imported_once_and_cases_keep_their_names_over_scans(tmp_path, kit):
    database = Database(tmp_path / "state")
    first = kit.built(tmp_path / "first")
    assert import_folder(database, first).new == 4
    assert not import_folder(database, first).is_new
    second = kit.built(tmp_path / "second", accounts=200)  # C1 has 50 accounts more
    found = import_folder(database, second)
    with database.reading() as db:
        cases = rows(db, select(schema.CASES).order_by(schema.CASES.c.id))
        history = rows(db, select(schema.APPEARANCES).where(schema.APPEARANCES.c.case_id == 1))
    assert (found.is_new, found.groups) == (True, 4)
    assert {case["name"] for case in cases} >= {"K1", "K2", "K3", "K4"}
    assert next(row["accounts"] for row in history) == 150
    for row in history[1:]:
        assert row["joined"] + 150 - row["gone"] == row["accounts"]
    database.close()


def test_facts_on_the_pages_are_those_of_the_tables(shared, results):
    import pyarrow.parquet as pq

    client = shared.api("reader", "analyst")
    campaigns = {row["campaign_id"]: row for row in pq.read_table(results / "campaigns.parquet").to_pylist()}
    listed = client.get(f"{API}/cases", status="all", limit=200).json()
    assert listed["total"] == 4
    for row in listed["rows"]:
        if not row["is_lead"]:
            told = campaigns[row["group_id"]]
            assert (row["exchanges"], row["kind"]) == (told["exchanges"], told["kind"])
    names, after = [], ""
    while after is not None:
        page = client.get(f"{API}/cases/1/members", after=after, limit=40).json()
        names += [row["name"] for row in page["rows"]]
        after = page["next"]
    table = pq.read_table(results / "members.parquet").to_pylist()
    assert sorted(names) == sorted(row["account_id"] for row in table if row["campaign_id"] == "C1")


def test_from_a_value_to_its_accounts_to_their_values_and_on(shared, results):
    import pyarrow.parquet as pq

    client = shared.api("pivoter", "analyst")
    links = pq.read_table(results / "links.parquet").to_pylist()
    value = client.get(f"{API}/cases/1/indicators").json()["rows"][0]
    mine = {one["account_id"] for one in links if one["value"] == value["value"]}
    steps = client.get(f"{API}/pivot", start="indicator", id=value["id"], hops=2).json()["steps"]
    assert steps[0]["found"] == len(mine) == value["accounts"]
    others = {one["value"] for one in links if one["account_id"] in mine} - {value["value"]}
    assert steps[1]["found"] == len(others)
    account = client.get(f"{API}/indicators/{value['id']}").json()["rows"][0]
    told = client.get(f"{API}/accounts/{account['id']}").json()
    assert value["id"] in [one["id"] for one in told["values"]]
    assert {one["name"] for one in told["near"]} & (mine - {account["name"]})


def test_a_campaign_and_a_lead_stand_side_by_side_in_the_first_screen(shared):
    page = shared.page("judge", "analyst").get("/").text
    top = page[: page.index('id="list"')]
    assert "▲" in top
    assert "▽" in top
    assert "pill harvest" in top
    assert "pill lead" in top
    assert "nearest innocent explanation" in top
    assert "course" in top


def test_work_is_assigned_locked_due_and_counted(serve):
    served = serve()
    ana, bob = served.page("ana", "analyst"), served.page("bob", "analyst")
    assert ana.form("assign", case="1", assignee="ana").status_code == 303
    assert ana.form("assign", case="2", assignee="nobody-here").status_code == 422
    assert ana.form("due", case="1", due_at_day="2020-01-01").status_code == 303
    assert ana.form("lock", case="1", locked="true").status_code == 303
    assert bob.form("assign", case="1", assignee="bob").status_code == 409
    assert bob.form("lock", case="1", locked="true").status_code == 409
    load = served.api("eve", "viewer").get(f"{API}/load").json()
    assert {row["name"]: row["open"] for row in load["people"]}["ana"] == 1
    assert (load["overdue"], load["unassigned"]) == (1, 3)
    served.clock.moved = 3600.0  # the lock ends by itself
    assert bob.form("assign", case="1", assignee="bob").status_code in (303, 401)
    bob = served.page("bob", "analyst")
    assert bob.form("assign", case="1", assignee="bob").status_code == 303


def test_a_label_is_the_one_of_the_command_line_both_ways(serve, run):
    served = serve()
    lead = served.page("lea", "lead")
    assert lead.form("label", what="case", id="1", verdict="honest", reason=REASON, expires="2099-01-31")
    value = served.api("ana", "analyst").get(f"{API}/cases/1/indicators").json()["rows"][0]
    lead.form(
        "label", what="indicator", id=str(value["id"]), verdict="honest", reason="one office", expires=""
    )
    code, out, _err = run("labels", "list", served.console.state, "--json")
    told = {one["target"]: one for one in json.loads(out)}
    assert code == 0
    assert told["K1"]["verdict"] == "honest"
    assert len(told["K1"]["accounts"]) == 150
    assert told["K1"]["expires"].startswith("2099-02-01")
    assert told[f"{value['kind']}={value['value']}"]["author"] == "lea"
    account = lead.get(f"{API}/accounts/1").json()["name"]
    code, *_ = run(
        "label", served.console.state, f"account:{account}", "--verdict", "campaign", "--reason", "said so"
    )
    assert code == 0
    assert lead.get(f"{API}/accounts/1").json()["label"]["verdict"] == "campaign"
    assert lead.get(f"{API}/cases/1").json()["status"] == "settled"
    lead.form("label", what="case", id="1", verdict="withdrawn", reason="not after all", expires="")
    assert lead.get(f"{API}/cases/1").json()["label"] is None
    assert lead.get(f"{API}/cases/1").json()["status"] == "open"


def test_many_labels_need_the_number_and_a_second_person_and_can_be_undone(serve):
    served = serve()
    ana, lea, bob = (served.page(n, r) for n, r in (("ana", "analyst"), ("lea", "lead"), ("bob", "lead")))
    some = [("accounts", str(n)) for n in (1, 2, 3)]
    fields = {"case": 1, "verdict": "campaign", "reason": REASON}
    wrong = ana.post(f"{API}/bulk", fields | {"accounts": [1, 2, 3], "expected": 4}, headers=csrf(ana))
    assert wrong.status_code == 409
    assert in_force([served.console.state]).labels == ()
    done = ana.post(f"{API}/bulk", fields | {"accounts": [1, 2, 3], "expected": 3}, headers=csrf(ana)).json()
    assert done["status"] == "done"
    assert len(some) == done["size"]
    asked = lea.post(f"{API}/bulk", fields | {"expected": 150}, headers=csrf(lea)).json()
    assert asked["status"] == "asked"
    assert len(in_force([served.console.state]).labels) == 3
    decide = {"approve": True, "reason": "looked at it"}
    assert lea.post(f"{API}/approvals/{asked['approval']}", decide, headers=csrf(lea)).status_code == 409
    told = bob.post(f"{API}/approvals/{asked['approval']}", decide, headers=csrf(bob)).json()
    assert (told["status"], told["size"]) == ("done", 150)
    labels = in_force([served.console.state]).labels
    assert len(labels) == 150
    assert {one.author for one in labels} == {"lea"}
    kept = lea.get(f"{API}/accounts/7").json()["name"]
    lea.form("label", what="account", id="7", verdict="honest", reason="a colleague", expires="")
    undone = ana.post(f"{API}/bulk/{told['bulk']}/undo", {"reason": "wrong case"}, headers=csrf(ana)).json()
    assert undone["size"] == 149
    labels = {one.target: one for one in in_force([served.console.state]).labels}
    assert len(labels) == 4  # three of the first action again, and the one that was labelled since
    assert labels[kept].verdict == "honest"
    again = ana.post(f"{API}/bulk/{told['bulk']}/undo", {"reason": "twice"}, headers=csrf(ana))
    assert again.status_code == 409


def csrf(client):
    return {"X-CSRF-Token": client.csrf}


BULK = """
import os, signal, sys
from pathlib import Path
from stillwatch.console.console import Console
from stillwatch.console.operation import call, operations
from stillwatch.console.roles import Caller
from stillwatch.memory import labels as store

console = Console(Path(sys.argv[1]))
where = sys.argv[2]
whole = store.add_all

def killed(*given, **more):
    if where == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if where == "half":
        real = os.fsync
        from stillwatch.memory import record
        path = store.place_of(given[0])
        whole(*given, **more)
        path.write_bytes(path.read_bytes()[:-400])
    else:
        whole(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)

store.add_all = killed
who = Caller(person_id=1, name="ana", role="analyst", via="session")
given = operations()["bulk"].model(case=1, verdict="campaign", reason="confirmed", accounts=list(range(1, 61)), expected=60)
call(console, who, "bulk", given)
"""


@pytest.mark.parametrize(("where", "labels", "status"), [("before", 0, "not done"), ("half", 0, "not done"), ("after", 60, "done")])  # fmt: skip
def test_killed_in_the_middle_of_a_bulk_action_all_are_labelled_or_none_and_the_log_says_which(
    tmp_path, imported, where, labels, status, kit
):
    state = shutil.copytree(imported, tmp_path / "state")
    ended = subprocess.run([sys.executable, "-c", BULK, str(state), where], env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    assert len(in_force([state]).labels) == labels
    console = Console(state)
    try:
        with console.database.reading() as db:
            (bulk,) = rows(db, select(schema.BULKS))
        assert (bulk["status"], bulk["size"]) == (status, 60)
        kinds = [one.kind for one in kit.lines_of(console)]
        assert kinds.index("bulk begun") < kinds.index(f"bulk {status}")
    finally:
        console.close()


def test_an_appeal_is_sent_once_decided_by_another_person_and_reopens_its_batch(serve, kit):
    served = serve()
    ana, lea, cora = (
        served.page(n, r) for n, r in (("ana", "analyst"), ("lea", "lead"), ("cora", "counsel"))
    )
    body = {"case": 1, "verdict": "campaign", "reason": REASON, "accounts": [1, 2, 3, 4], "expected": 4}
    lea.post(f"{API}/bulk", body, headers=csrf(lea))
    invited = ana.post(f"{API}/appeals", {"account": 2, "case": 1}, headers=csrf(ana)).json()
    customer = kit.Client(served.url)
    page = customer.get(invited["path"])
    name = lea.get(f"{API}/accounts/2").json()["name"]
    assert page.status_code == 200
    assert name not in page.text
    assert "harvest" not in page.text
    send = {"files": ("proof.pdf", b"%PDF-1.4 proof", "application/pdf")}
    said = {"statement": "We are a class of forty students; the list is attached."}
    wrong = {"files": ("run.exe", b"MZ", "application/pdf")}
    to = served.url + invited["path"]
    assert customer.http.post(to, data=said, files=wrong, allow_redirects=False).status_code == 422
    assert customer.http.post(to, data=said, files=send, allow_redirects=False).status_code == 303
    assert customer.http.post(to, data=said, files=send, allow_redirects=False).status_code == 409
    number = invited["appeal"]
    held = cora.get(f"{API}/appeals/{number}").json()
    assert held["statement"] == said["statement"]
    assert held["files"][0]["name"] == "proof.pdf"
    file = cora.get(f"/appeals/{number}/files/{held['files'][0]['id']}")
    assert file.content == b"%PDF-1.4 proof"
    assert file.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in str(file.headers)
    decision = {"decision": "overturned", "reasons": "the list fits", "answer": "You were right."}
    assert lea.post(f"{API}/appeals/{number}/decide", decision, headers=csrf(lea)).status_code == 409
    assert ana.post(f"{API}/appeals/{number}/decide", decision, headers=csrf(ana)).status_code == 403
    told = cora.post(f"{API}/appeals/{number}/decide", decision, headers=csrf(cora)).json()
    assert told["batch"] == 3
    assert "You were right." in customer.get(invited["path"]).text
    assert in_force([served.console.state]).of("account", name).verdict == "honest"
    review = cora.get(f"{API}/reviews").json()["rows"][0]
    done = {"status": "overturned", "reason": "on the list too"}
    assert cora.post(f"{API}/reviews/{review['id']}", done, headers=csrf(cora)).status_code == 200
    limits = cora.get(f"{API}/limits").json()
    assert (limits["appeals"]["decided"], limits["appeals"]["overturned"]) == (1, 1)
    assert limits["audits"]["overturned"] == 1
    assert 0 < limits["appeals"]["low"] < 1
    assert "overturned" in cora.get("/limits").text


def test_a_story_shows_saved_views_as_its_reader_may_see_them(serve):
    served = serve()
    ana, eve = served.page("ana", "analyst"), served.page("eve", "viewer")
    ana.form("note", case="1", text="ask billing")
    query = {"list": "accounts", "name": "largest", "query": {"limit": 3}}
    view = ana.post(f"{API}/views", query, headers=csrf(ana)).json()["view"]
    bad = ana.post(f"{API}/views", query | {"query": {"nothing": 1}}, headers=csrf(ana))
    assert bad.status_code == 422
    text = f"First we saw these:\n[[view:{view}]]\nthen [[view:99]]."
    story = ana.post(f"{API}/stories", {"title": "Spring", "text": text}, headers=csrf(ana)).json()["story"]
    name = ana.get(f"{API}/accounts", limit=1).json()["rows"][0]["name"]
    assert name in ana.get(f"/stories/{story}").text
    seen = eve.get(f"/stories/{story}").text
    assert name not in seen
    assert "account 1" in seen
    assert "view 99 cannot be shown" in seen
    assert [note["text"] for note in ana.get(f"{API}/cases/1").json()["notes"]] == ["ask billing"]


def test_actions_of_the_guard_are_shown_on_the_case_and_the_account(serve, results):
    served = serve()
    client = served.page("ana", "analyst")
    name = client.get(f"{API}/accounts/1").json()["name"]
    body = {
        "account_id": name, "campaign": "C1", "action": "allow", "would": "suspend", "policy": "p", "rule": "r",
    }  # fmt: skip
    line = record.RecordEntry(at=record.now(), kind="decision", author="guard", body=body)
    served.console.audit.enter(line)
    served.console.audit.flush()
    served.console.refresh()
    assert client.get(f"{API}/cases/1").json()["actions"][0]["accounts"] == 1
    assert client.get(f"{API}/accounts/1").json()["actions"][0]["would"] == "suspend"


def test_a_webhook_gets_events_signed_and_once(serve):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Event, Thread

    from stillwatch.console.hooks import deliver

    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((dict(self.headers), json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_given):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    served = serve()
    root = served.page("root", "administrator")
    url = f"http://127.0.0.1:{server.server_port}/hook"
    made = root.post(f"{API}/webhooks", {"url": url}, headers=csrf(root)).json()
    assert root.post(f"{API}/webhooks", {"url": "file:///etc/passwd"}, headers=csrf(root)).status_code == 422
    served.page("ana", "analyst").form("assign", case="1", assignee="ana")
    assert deliver(served.console.database, Event()) == 1
    assert deliver(served.console.database, Event()) == 0
    headers, event = got[0]
    assert event["type"] == "console.case.assigned"
    assert event["case"] == 1
    assert any("signature" in name.lower() for name in headers)
    assert made["secret"] not in root.get(f"{API}/webhooks").text
    server.shutdown()


def test_a_later_database_and_a_folder_that_is_none_are_refused(tmp_path, kit):
    database = Database(tmp_path)
    with database.writing() as db:
        db.execute(update(schema.VERSION).values(version=99))
    database.close()
    with pytest.raises(StateError, match="later version"):
        Database(tmp_path)
    with pytest.raises(UsageError, match="no database"):
        Database(tmp_path, "mysql://root@host/name")
    console = Console(tmp_path / "state", [kit.built(tmp_path / "good"), tmp_path / "gone"])
    with pytest.raises(StateError, match="another console"):
        Console(tmp_path / "state")
    console.refresh()
    assert len(console.faults) == 1
    with console.database.reading() as db:
        assert len(rows(db, select(schema.CASES))) == 4
    held = list((tmp_path / "state").glob("console.sqlite*"))
    assert len(held) == 3  # the database and its journals
    assert all(one.stat().st_mode & 0o077 == 0 for one in held)
    console.close()


@pytest.fixture
def postgres(tmp_path):
    """The URL of a PostgreSQL server of its own; skipped where none is installed."""
    found = shutil.which("initdb")
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    where = tmp_path / "pg"
    where.mkdir()
    user = {}
    if os.getuid() == 0:  # the server refuses to run as root
        import pwd

        try:
            entry = pwd.getpwnam("nobody")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no other user")
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if str(parent).startswith("/tmp/") and parent.owner() == "root":
                parent.chmod(0o755)
        shutil.chown(where, entry.pw_uid, entry.pw_gid)
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    home = Path(found).resolve().parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **user}
    made = subprocess.run([home / "initdb", "-D", where / "data", "-U", "sw", "-A", "trust", "-N"], **quiet)
    if made.returncode:
        pytest.skip("PostgreSQL cannot make a database here")
    import socket

    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    options = ["-p", str(port), "-k", str(where), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen([home / "postgres", "-D", where / "data", *options], **quiet)
    try:
        import time

        for _try in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"postgresql://sw@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)


def test_the_same_on_postgresql(postgres, serve):
    import time

    for _try in range(50):
        try:
            served = serve(url=postgres)
            break
        except StateError:  # it is still starting
            time.sleep(0.1)
    ana = served.page("ana", "analyst")
    for path in ("/", "/cases/1", "/cases/1/members", "/cases/3", "/accounts", "/accounts/1", "/indicators"):
        assert ana.get(path).status_code == 200, path
    value = ana.get(f"{API}/cases/1/indicators").json()["rows"][0]["id"]
    assert ana.get(f"/indicators/{value}").status_code == 200
    assert ana.get(f"{API}/pivot", start="indicator", id=value, hops=3).json()["steps"][1]["found"] > 0
    body = {"case": 1, "verdict": "campaign", "reason": REASON, "accounts": [1, 2, 3], "expected": 3}
    done = ana.post(f"{API}/bulk", body, headers=csrf(ana)).json()
    assert (
        ana.post(f"{API}/bulk/{done['bulk']}/undo", {"reason": "wrong"}, headers=csrf(ana)).status_code == 200
    )
    invited = ana.post(f"{API}/appeals", {"account": 2}, headers=csrf(ana)).json()
    said = {"statement": "We are forty students of one class."}
    assert ana.http.post(served.url + invited["path"], data=said, files={"x": ("", b"")}).status_code == 200
    cora = served.page("cora", "counsel")
    decision = {"decision": "overturned", "reasons": "the list fits", "answer": "You were right."}
    told = cora.post(f"{API}/appeals/{invited['appeal']}/decide", decision, headers=csrf(cora)).json()
    assert told["batch"] == 149
    for path in ("/limits", "/reviews", "/appeals?status=all", "/labels", "/audit", "/stories"):
        assert cora.get(path).status_code == 200, path
    assert "stillwatch_console_cases" in cora.get("/metrics").text


def test_the_command_serves_until_it_is_stopped_and_says_where(imported, tmp_path):
    import requests

    state = shutil.copytree(imported, tmp_path / "state")
    command = [sys.executable, "-m", "stillwatch", "console", state, "--port", "0", "--json", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        told = json.loads(process.stdout.readline())
        assert told["groups"] == 4
        page = requests.get(told["url"], timeout=30)
        assert "Sign in" in page.text
        assert "server" not in page.headers
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 143


def test_the_demo_opens_with_a_tour_by_the_link_that_is_printed(tmp_path, kit):
    import requests

    results = kit.built(tmp_path / "state" / "demo" / "results")  # as the demo leaves them
    assert results.is_dir()
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "console",
        tmp_path / "state",
        "--demo",
        "--port",
        "0",
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        told = json.loads(process.stdout.readline())
        page = requests.get(told["tour"], timeout=30)
        assert "1 of 5: The queue" in page.text
        assert requests.get(told["url"] + "demo/" + "x" * 32, timeout=30).status_code == 404
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--host", "0.0.0.0"], "unencrypted"),
        (["--database", "mysql://x/y"], "names no database"),
        (["--oidc-issuer", "https://a.example"], "belong together"),
        (["--public-url", "console.example"], "no address"),
        (["--add-user", " "], "a person has a name"),
    ],
)
def test_options_that_cannot_be_are_refused_with_what_to_do(run, tmp_path, options, fact):
    code, _out, err = run("console", tmp_path / "state", "--port", "0", *options)
    assert (code, fact in err) == (2, True), err


def test_files_for_docker_call_the_command_with_options_that_it_has():
    import yaml

    from stillwatch.cli.console import console

    folder = Path(__file__).parents[2] / "deploy" / "docker"
    options = {name for option in console.params for name in option.opts}
    compose = yaml.safe_load((folder / "compose.yaml").read_text())
    line = " ".join(compose["services"]["console"]["entrypoint"])
    used = {word.strip('"\\') for word in line.split() if word.startswith("--")}
    assert used
    assert used <= options
    image = (folder / "Dockerfile").read_text()
    assert image.count("FROM python:3.11-slim-bookworm") == 2
    (user,) = re.findall(r"^USER (\d+)$", image, re.MULTILINE)  # a number, which a host can check
    assert f"--uid {user} " in image
