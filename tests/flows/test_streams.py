"""Streams against real servers, which the tests start themselves (Debian: redis-server, nats-server); Kafka
against librdkafka's emulation of brokers, which speaks Kafka's protocol over TCP.
"""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
import urllib.request
from datetime import timedelta

import pytest

from stillwatch.errors import Unreachable
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


@pytest.mark.issue(5)
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


@pytest.mark.issue(5)
def test_a_watch_goes_on_when_its_server_comes_back(tmp_path):
    redis = pytest.importorskip("redis")
    port, metrics = free_port(), free_port()
    begin = ["redis-server", "--port", str(port), "--appendonly", "yes", "--dir", str(tmp_path)]

    def told():
        with contextlib.suppress(OSError):
            text = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5).read().decode()
            return dict(line.split() for line in text.splitlines() if not line.startswith("#"))
        return {}

    def until(name, value):
        for _try in range(300):
            if float(told().get(name, -1)) == value:
                return
            time.sleep(0.1)
        raise AssertionError(f"{name} is {told().get(name)}, not {value}")

    stream = server(*begin, port=port)
    client = redis.Redis(port=port)
    for number in range(100):
        client.xadd("exchanges", {"line": line(number)})
    command = [
        "stillwatch",
        "watch",
        f"redis://127.0.0.1:{port}/0?stream=exchanges",
        "--state",
        str(tmp_path / "state"),
    ]
    watch = subprocess.Popen(
        [*command, "--port", str(metrics), "--poll", "0.1", "--every", "9d"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until("stillwatch_rows_total", 100)
        stream.terminate()
        stream.wait(10)
        until("stillwatch_source_up", 0)
        stream = server(*begin, port=port)
        for number in range(100, 150):
            client.xadd("exchanges", {"line": line(number)})
        until("stillwatch_rows_total", 150)
        until("stillwatch_source_up", 1)
    finally:
        watch.terminate()
        stream.kill()
    said = watch.communicate(timeout=20)[1]
    assert "the Redis stream `exchanges` does not answer" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("scheme", ["redis", "nats", "kafka"])
def test_an_address_where_nobody_answers_is_told_in_one_message(scheme, tmp_path):
    package = {"redis": "redis", "nats": "nats", "kafka": "confluent_kafka"}[scheme]
    pytest.importorskip(package)
    key = "topic" if scheme == "kafka" else "stream"
    source = f"{scheme}://127.0.0.1:{free_port()}{'/0' if scheme == 'redis' else ''}?{key}=exchanges"
    with pytest.raises(Unreachable, match="`exchanges` does not answer"):
        drained(source, tmp_path / "state")


@pytest.mark.issue(5)
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


@pytest.mark.issue(5)
def test_a_jetstream_stream_whose_oldest_messages_expired_is_taken_from_what_is_left(tmp_path):
    nats = pytest.importorskip("nats")
    port = free_port()
    process = server(
        "nats-server", "-js", "-p", str(port), "-a", "127.0.0.1", "-sd", str(tmp_path / "nats"), port=port
    )

    async def publish():
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        stream = client.jetstream()
        await stream.add_stream(name="EXCHANGES", subjects=["exchanges"], max_msgs=700)
        for number in range(1500):
            await client.publish("exchanges", line(number).encode())
        await client.flush()
        for _try in range(100):
            if (await stream.stream_info("EXCHANGES")).state.last_seq == 1500:
                break
            await asyncio.sleep(0.05)
        await stream.delete_msg("EXCHANGES", 1000)
        await client.close()

    try:
        asyncio.run(publish())
        source = f"nats://127.0.0.1:{port}?stream=EXCHANGES"
        assert drained(source, tmp_path / "state").state.ledger.rows == 699
    finally:
        process.kill()


@pytest.mark.issue(5)
def test_a_kafka_topic_is_taken_once_over_restarts(tmp_path):
    kafka = pytest.importorskip("confluent_kafka")
    quiet = {"log_level": 0}
    brokers = kafka.Producer({"bootstrap.servers": "emulated:1", "test.mock.num.brokers": 2} | quiet)
    told = brokers.list_topics(timeout=10).brokers.values()
    servers = ",".join(f"{one.host}:{one.port}" for one in told)
    producer = kafka.Producer({"bootstrap.servers": servers} | quiet)
    source = f"kafka://{servers}?topic=exchanges"
    for begin, end in ((0, 300), (300, 700)):
        for number in range(begin, end):
            producer.produce("exchanges", line(number).encode())
        assert producer.flush(10) == 0
        watch = drained(source, tmp_path / "state")
        assert watch.state.ledger.rows == end
    producer.produce("exchanges", b"{broken")
    assert producer.flush(10) == 0
    watch = drained(source, tmp_path / "state")
    assert (watch.state.ledger.rows, watch.state.ledger.quarantined) == (700, 1)
    assert watch.behind == 0
