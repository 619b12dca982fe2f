"""Small results folders, guards over them, and gateways in front of these."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.results.folder import write_manifest

SEEN = datetime(2026, 5, 1, tzinfo=UTC)


def campaign(name="C1", kind="harvest", accounts=10, **more):
    return {
        "campaign_id": name,
        "kind": kind,
        "first_seen": SEEN,
        "last_seen": SEEN,
        "detected_at": SEEN,
        "accounts": accounts,
        "exchanges": 100 * accounts,
        "exchanges_low": 1,
        "exchanges_high": 2000,
        "q_value": 1e-4,
        "fpr_empirical": 1e-3,
        "fpr_synthetic": None,
        "explanation": "course",
        "capabilities": [],
        **more,
    }


def written(folder, campaigns):
    """A results folder: campaign → account → probability."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"campaign_id": name, "account_id": account, "score": p, "exchanges": 100}
        for name, members in campaigns.items()
        for account, p in members.items()
    ]
    tables = {
        contract.CAMPAIGNS: [campaign(name, accounts=len(members)) for name, members in campaigns.items()],
        contract.MEMBERS: rows,
        contract.EVIDENCE: [
            {
                "campaign_id": "C1",
                "kind": "client_prefix",
                "value": "203.0.113.0/24",
                "accounts": 10,
                "exchanges": 100,
                "log10_likelihood_ratio": 3.0,
                "statement": "they share it",
                "others": 2,
            }
        ],
        contract.CLAIMS: [{"campaign_id": "C1", "claim": 1, "basis": "measured", "statement": "one control"}],
        contract.LEADS: [],
        contract.LEAD_MEMBERS: [],
    }
    for schema, content in tables.items():
        table = schema.conform(pa.Table.from_pylist(content, schema.arrow))
        temporary = folder / f".{schema.name}"
        pq.write_table(table, temporary)
        temporary.replace(folder / f"{schema.name}.parquet")
    write_manifest(folder, [], {}, 0)
    return folder


@pytest.fixture
def write_results():
    return written


@pytest.fixture
def results(tmp_path):
    return written(tmp_path / "results", {"C1": {f"a{n}": 0.95 for n in range(10)}})


POLICY = """
format = "stillwatch-policy-1"
name = "test"
version = 1
deadline_ms = 10000  # a machine that is busy with other tests may let a process wait
appeal = "https://provider.example/appeal"
[[rule]]
name = "one"
action = "{action}"
{more}
"""


@pytest.fixture
def policy(tmp_path):
    def write(action="suspend", more="", name="policy.toml"):
        path = tmp_path / name
        path.write_text(POLICY.format(action=action, more=more))
        return path

    return write


class Served:
    """A guard as a process of its own."""

    def __init__(self, results, *options):
        command = [
            sys.executable,
            "-m",
            "stillwatch",
            "guard",
            "serve",
            "--results",
            str(results),
            "--port",
            "0",
            "--grpc-port",
            "0",
            "--json",
        ]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
        self.process = subprocess.Popen(
            [*command, *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline()
        if '"port"' not in line:
            raise RuntimeError(line + self.process.stdout.read() + self.process.stderr.read())
        said = json.loads(line)
        self.port, self.grpc_port = said["port"], said["grpc_port"]

    def port_for(self, kind):
        """The port at which a kind of gateway asks."""
        return self.grpc_port if kind.endswith("_grpc") else self.port

    def ask(self, account, **more):
        status, _headers, content = self.post("/v1/decide", json.dumps({"account_id": account, **more}))
        assert status == 200, content
        return json.loads(content)

    def post(self, path, content, method="POST", headers=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, content, headers or {})
        answer = connection.getresponse()
        told = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
        connection.close()
        return told

    def end(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def serve(tmp_path):
    """Starts a guard; without a policy of its own it has the standard one, with more patience, since the
    tests' machine is busy.
    """
    from stillwatch.policy.read import standard

    patient = tmp_path / "patient.toml"
    patient.write_text(standard().text.replace("deadline_ms = 50", "deadline_ms = 10000"))
    made = []

    def start(results, *options):
        given = options if "--policy" in options else (*options, "--policy", patient)
        made.append(Served(results, *given))
        return made[-1]

    yield start
    for one in made:
        one.end()


def eventually(check, seconds=10.0):
    """What `check` returns once it is true; fails after some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came true")


class Model:
    """What lies behind a gateway: answers 200 with the headers that it was sent."""

    def __init__(self):
        seen = self.seen = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                seen.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST  # noqa: N815  the name is http.server's

            def log_message(self, *_given):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def model():
    one = Model()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]
