"""Streams against real servers, which the tests start themselves where they are installed (Debian: redis-server, nats-server)."""

import asyncio
import shutil
import socket
import subprocess
import time
from datetime import timedelta

import pytest

from stillwatch.flows.scan import Options
from stillwatch.flows.watch import Watch, Watching

ROW = '{{"exchange_id":"x{0}","timestamp":"2026-05-01T10:{1:02}:00Z","account_id":"a{2}","model":"m","prompt":"text number {0}"}}'


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def server(program, *arguments, port):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _try in range(100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"{program} did not start")


def line(number):
    return ROW.format(number, number % 60, number % 7)


def drained(source, state):
    watch = Watch(source, state, Watching(options=Options(names={}), every=timedelta(days=9)))
    while watch.step():
        pass
    return watch


def test_a_redis_stream_is_taken_once_over_restarts(tmp_path):
    redis = pytest.importorskip("redis")
    port = free_port()
    process = server("redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path), port=port)
    try:
        client = redis.Redis(port=port)
        source = f"redis://127.0.0.1:{port}/0?stream=exchanges"
        for begin, end in ((0, 300), (300, 700)):
            for number in range(begin, end):
                client.xadd("exchanges", {"line": line(number)})
            watch = drained(source, tmp_path / "state")
            assert watch.state.ledger.rows == end
        client.xadd("exchanges", {"line": "{broken"})
        watch = drained(source, tmp_path / "state")
        assert (watch.state.ledger.rows, watch.state.ledger.quarantined) == (700, 1)
    finally:
        process.kill()


def test_a_jetstream_stream_is_taken_once_over_restarts(tmp_path):
    nats = pytest.importorskip("nats")
    port = free_port()
    process = server(
        "nats-server", "-js", "-p", str(port), "-a", "127.0.0.1", "-sd", str(tmp_path / "nats"), port=port
    )

    async def publish(begin, end):
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        stream = client.jetstream()
        if begin == 0:
            await stream.add_stream(name="EXCHANGES", subjects=["exchanges"])
        for number in range(begin, end):
            await stream.publish("exchanges", line(number).encode())
        await client.close()

    try:
        source = f"nats://127.0.0.1:{port}?stream=EXCHANGES"
        for begin, end in ((0, 200), (200, 350)):
            asyncio.run(publish(begin, end))
            assert drained(source, tmp_path / "state").state.ledger.rows == end
    finally:
        process.kill()
