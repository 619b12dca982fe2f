"""Logs are read wherever they lie as they are on disk."""

import contextlib
import gzip
import io
import json
import os
import socket
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.registry import _registry

from stillwatch.errors import InputError, Unreachable
from stillwatch.flows import ingest
from stillwatch.flows.scan import Options, feed, scan
from stillwatch.readers.discover import discover
from stillwatch.readers.places import remote_files
from tests.readers.blobs import Blobs
from tests.readers.logs import row, rows_of


def lines(*rows):
    return "".join(json.dumps(one) + "\n" for one in rows).encode()


ROWS = [row(number) for number in range(30)]
TABLE = pa.Table.from_pylist(ROWS).set_column(
    1, "timestamp", pa.array([1777644120000000] * 30, pa.timestamp("us", "UTC"))
)


def parquet(table):
    made = io.BytesIO()
    pq.write_table(table, made, row_group_size=10)
    return made.getvalue()


@pytest.fixture(scope="module")
def s3():
    """A local store with the bucket `logs`, and the driver that puts files there."""
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    told = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    fsspec.filesystem("s3").mkdir("logs")
    yield fsspec.filesystem("s3")
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    server.stop()


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.jsonl", lines(*ROWS)),
        ("a.jsonl.1.gz", gzip.compress(lines(*ROWS))),
        ("a.parquet", parquet(TABLE)),
        ("noending", json.dumps(ROWS).encode()),
        ("model=m/a.parquet", parquet(TABLE.drop(["model"]))),
    ],
)
def test_an_object_of_a_store_is_read_as_a_file_is(s3, tmp_path, name, raw):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(raw)
    s3.pipe(f"logs/each/{name}", raw)
    here, there = rows_of(tmp_path / name), rows_of(f"s3://logs/each/{name}")
    assert here[0].num_rows == 30
    assert there[0].equals(here[0])
    assert there[1] == here[1] == []


def put_in_google(monkeypatch, stack):
    """What puts a file into a local store with Google's interface."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # the emulator has no gRPC
    import fsspec
    from gcp_storage_emulator.server import create_server
    from gcsfs.core import GCSFileSystem

    fsspec.register_implementation("gs", GCSFileSystem, clobber=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="logs")
    server.start()
    stack.callback(server.stop)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    store = fsspec.filesystem("gs", skip_instance_cache=True)
    return lambda name, raw: store.pipe(f"logs/{name}", raw)


def put_in_azure(monkeypatch, stack):
    """What puts a file into a local store with Azure's interface."""
    blobs = Blobs()
    stack.callback(blobs.stop)
    blobs.held["logs"] = {}
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", blobs.connection)
    return blobs.held["logs"].__setitem__


STORES = {
    "gs://logs": put_in_google,
    "abfs://logs@devstoreaccount1.dfs.core.windows.net": put_in_azure,
    "abfs://logs": put_in_azure,
}


@pytest.mark.issue(23)
@pytest.mark.parametrize("address", STORES)
def test_stores_of_google_and_azure_are_read_as_the_disk_is(tmp_path, monkeypatch, address):
    import fsspec

    with contextlib.ExitStack() as stack:
        put = STORES[address](monkeypatch, stack)
        for kind in ("gs", "abfs"):
            fsspec.get_filesystem_class(kind).clear_instance_cache()
        for name, raw in (
            ("day/2026-05-01.jsonl", lines(*ROWS)),
            ("day/2026-05-02.log.1.gz", gzip.compress(lines(*ROWS))),
            ("day/model=m/a.parquet", parquet(TABLE.drop(["model"]))),
        ):
            put(name, raw)
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(raw)
            here, there = rows_of(tmp_path / name), rows_of(f"{address}/{name}")
            assert here[0].num_rows == 30
            assert there[0].equals(here[0])
        assert rows_of(f"{address}/day")[0].num_rows == 90
        assert [file.name for file in remote_files(f"{address}/day/*.jsonl")] == ["2026-05-01.jsonl"]
        first, again = (
            remote_files(f"{address}/day/2026-05-01.jsonl"),
            remote_files(f"{address}/day/2026-05-01.jsonl"),
        )
        assert first == again
        put("day/2026-05-01.jsonl", lines(*ROWS, row(31)))
        (grown,) = remote_files(f"{address}/day/2026-05-01.jsonl")
        assert grown.stat().st_size > first[0].stat().st_size
        assert rows_of(f"{address}/day")[0].num_rows == 91
        with pytest.raises(InputError, match="means no file"):
            discover([f"{address}/nothing"])


@pytest.mark.issue(23)
def test_the_columns_that_folders_of_a_bigquery_export_name_are_read(tmp_path):
    for day in ("2026-05-01", "2026-05-02"):
        for customer in ("a 1", "b"):
            folder = tmp_path / f"day={day}" / f"account_id={customer.replace(' ', '%20')}"
            folder.mkdir(parents=True)
            rows = [row(number, exchange_id=f"{day}{customer}{number}") for number in range(3)]
            for one in rows:
                del one["account_id"]
            (folder / "000000000000.json").write_bytes(lines(*rows))
            table = pa.Table.from_pylist(rows)
            pq.write_table(table, folder / "000000000001.parquet")
    rows, lost = rows_of(tmp_path)
    assert lost == []
    assert sorted(rows.column("account_id").to_pylist()) == ["a 1"] * 12 + ["b"] * 12


@pytest.mark.issue(23)
def test_a_folder_of_a_store_is_scanned_day_by_day_and_what_was_read_is_not_read_again(
    s3, tmp_path, monkeypatch
):
    days = [
        [
            row(number, timestamp=f"2026-05-0{day}T10:00:00Z", exchange_id=f"{day}-{number}")
            for number in range(20)
        ]
        for day in (1, 2)
    ]
    (tmp_path / "disk").mkdir()
    store, fed = tmp_path / "store", []
    opened, real = [], ingest._read_piece

    def watched(one, **more):
        opened.append(str(one.path))
        return real(one, **more)

    monkeypatch.setattr(ingest, "_read_piece", watched)
    for day, rows in enumerate(days, 1):
        s3.pipe(f"logs/days/2026-05-0{day}.jsonl", lines(*rows))
        (tmp_path / "disk" / f"2026-05-0{day}.jsonl").write_bytes(lines(*rows))
        fed.append(feed(["s3://logs/days/"], Options(names={}, store=store)))
    assert [one["new_exchanges"] for one in fed] == [20, 20]
    assert opened == ["s3://logs/days/2026-05-01.jsonl", "s3://logs/days/2026-05-02.jsonl"]
    there = scan(["s3://logs/days/"], tmp_path / "r1", Options(names={}, store=store))
    here = scan([str(tmp_path / "disk")], tmp_path / "r2", Options(names={}))
    for name in ("exchanges", "accounts", "first", "last", "campaigns"):
        assert there.get(name) == here.get(name)
    assert len(opened) == 4
    s3.pipe("logs/days/2026-05-02.jsonl", lines(*days[1], *ROWS))  # a file that grew is read anew
    assert feed(["s3://logs/days/"], Options(names={}, store=store))["exchanges"] == 70


@pytest.mark.issue(23)
def test_companions_of_a_store_s_folder_are_found_and_patterns_are_followed(s3):
    s3.pipe("logs/beside/accounts.csv", b"account_id,email_domain\na1,example.org\n")
    s3.pipe("logs/beside/a.jsonl", lines(*ROWS))
    s3.pipe("logs/beside/b.txt.gz", b"no log at all")
    sources = discover(["s3://logs/beside"])
    assert str(sources.accounts) == "s3://logs/beside/accounts.csv"
    assert [file.name for file in sources.exchanges] == ["a.jsonl"]
    assert [file.name for file in sources.unread] == ["b.txt.gz"]
    assert [file.name for file in discover(["s3://logs/beside/*.jsonl"]).exchanges] == ["a.jsonl"]


@pytest.mark.issue(23)
def test_a_body_that_lies_beside_its_log_in_a_store_is_read_and_one_elsewhere_is_not(s3):
    def record(number, address):
        return {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": "2026-05-04T09:00:00Z",
            "accountId": "1111",
            "identity": {"arn": f"arn:aws:sts::1111:assumed-role/app/{number}"},
            "region": "us-east-1",
            "requestId": f"r{number}",
            "operation": "InvokeModel",
            "modelId": "anthropic.claude-x",
            "input": {"inputBodyS3Path": address, "inputTokenCount": 1},
            "output": {"outputTokenCount": 4},
        }

    body = gzip.compress(
        json.dumps({"messages": [{"role": "user", "content": [{"text": "asked"}]}]}).encode()
    )
    for name in ("bed/09/data/r0_input.json.gz", "elsewhere/r1_input.json.gz"):
        s3.pipe(f"logs/{name}", body)
    addresses = [
        "s3://logs/bed/09/data/r0_input.json.gz",
        "s3://logs/elsewhere/r1_input.json.gz",
        "s3://logs/bed/09/none.json.gz",
    ]
    s3.pipe("logs/bed/09/a.json.gz", gzip.compress(lines(*(record(*pair) for pair in enumerate(addresses)))))
    rows, bad = rows_of("s3://logs/bed/")
    assert rows.column("prompt").to_pylist() == ["asked", None, None]
    assert bad == []


@pytest.mark.issue(23)
def test_what_a_store_refuses_is_an_error_with_its_address_and_no_traceback(s3, run, tmp_path):
    for address, word in (
        ("s3://nosuchbucket/a", "does not exist"),
        ("s3://logs/none/", "means no file"),
        ("ftp://h/a", "is not read"),
    ):
        code, out, err = run("inspect", address)
        assert (code, out) == (1, "")
        assert word in err
        assert address in err


@pytest.mark.issue(23)
def test_a_store_that_stops_answering_ends_the_scan_and_quarantines_nothing(s3, tmp_path, monkeypatch):
    s3.pipe("logs/lost/a.jsonl", lines(*ROWS))
    sources = discover(["s3://logs/lost/a.jsonl"])
    monkeypatch.setattr(
        "s3fs.core.S3File._fetch_range", lambda *_all, **_more: (_ for _ in ()).throw(TimeoutError("late"))
    )
    with pytest.raises(Unreachable, match="same command again"):
        sources.exchanges[0].open().read()
    with pytest.raises(Unreachable):
        scan(["s3://logs/lost/a.jsonl"], tmp_path / "r", Options(names={}))


def test_a_scheme_without_its_driver_says_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    for scheme in ("gs", "gcs"):  # a driver that another test has used is remembered
        monkeypatch.delitem(_registry, scheme, raising=False)
    with pytest.raises(Exception, match=r"stillwatch\[cloud\]"):
        remote_files("gs://bucket/a.jsonl")


class Whole(SimpleHTTPRequestHandler):
    """A server that cannot give a part of a file."""

    def log_message(self, *_all):
        pass


class Streaming(BaseHTTPRequestHandler):
    """A server that does not say how long a file is."""

    raw = lines(*ROWS)

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(self.raw)

    def log_message(self, *_all):
        pass


@pytest.fixture
def served(tmp_path):
    servers = []

    def serve(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["whole", "streaming"])
def test_a_file_of_a_web_server_is_read_and_the_key_in_its_address_is_shown_nowhere(
    served, run, tmp_path, how
):
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "a.jsonl").write_bytes(lines(*ROWS))
    base = served(partial(Whole, directory=str(tmp_path / "www")) if how == "whole" else Streaming)
    address = f"{base}/a.jsonl?signature=topsecret"
    assert rows_of(address)[0].num_rows == 30
    code, out, err = run("scan", address, "--out", tmp_path / "r", "--quiet")
    assert code == 0
    written = b"".join(path.read_bytes() for path in (tmp_path / "r").rglob("*") if path.is_file())
    for text in (out.encode(), err.encode(), written):
        assert b"topsecret" not in text
    assert f"{base}/a.jsonl".encode() in (tmp_path / "r" / "overview.json").read_bytes()


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "raw", [lines(*ROWS), gzip.compress(lines(*ROWS)), parquet(TABLE), json.dumps(ROWS).encode()]
)
@pytest.mark.parametrize("given", ["-", "/dev/stdin"])
def test_standard_input_is_read_whatever_it_holds(run, monkeypatch, given, raw):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    code, out, err = run("inspect", given, "--json")
    assert (code, err) == (0, "")
    (told,) = json.loads(out)["files"]
    assert (told["path"], told["rows"], told["format"] is not None) == ("standard input", 30, True)


@pytest.mark.issue(23)
def test_a_pipe_is_read_and_a_store_knows_it_again(tmp_path):
    store = tmp_path / "store"
    for number in (1, 2):
        pipe = tmp_path / f"pipe{number}"
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_bytes, args=(lines(*ROWS),), daemon=True).start()
        fed = feed([str(pipe)], Options(names={}, store=store))
        assert fed["exchanges"] == 30


@pytest.mark.issue(23)
@pytest.mark.parametrize("where", ["disk", "s3"])
def test_of_a_delta_table_the_present_rows_are_read_with_the_columns_of_its_folders(s3, tmp_path, where):
    from deltalake import DeltaTable, write_deltalake

    root = str(tmp_path / "table") if where == "disk" else "s3://logs/delta"
    more = {} if where == "disk" else {"storage_options": {"AWS_S3_ALLOW_UNSAFE_RENAME": "true"}}
    table = TABLE.set_column(TABLE.column_names.index("model"), "model", pa.array(["m 1", "n"] * 15))
    write_deltalake(root, table, partition_by=["model"], **more)
    write_deltalake(
        root, TABLE.slice(0, 1).set_column(0, "exchange_id", pa.array(["new"])), mode="append", **more
    )
    DeltaTable(root, **more).delete("account_id = 'a1'")
    rows, bad = rows_of(root)
    assert bad == []
    assert rows.num_rows == 31 - sum(one["account_id"] == "a1" for one in ROWS)
    assert set(rows.column("model").to_pylist()) == {"m 1", "n", "m"}


@pytest.mark.issue(23)
def test_a_delta_table_whose_files_do_not_say_all_is_refused(tmp_path):
    from deltalake import write_deltalake

    write_deltalake(tmp_path / "t", TABLE)
    log = tmp_path / "t" / "_delta_log" / "00000000000000000001.json"
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors"],
    }
    log.write_text(json.dumps({"protocol": protocol}) + "\n")
    with pytest.raises(InputError, match="deletionVectors"):
        discover([str(tmp_path / "t")])


@pytest.mark.issue(23)
def test_of_an_iceberg_table_the_present_rows_are_read_and_one_with_renamed_columns_is_refused(tmp_path):
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("x", warehouse=f"file://{tmp_path}/w")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", schema=TABLE.schema)
    table.append(TABLE)
    table.append(TABLE.slice(0, 1).set_column(0, "exchange_id", pa.array(["new"])))
    table.delete("account_id = 'a1'")
    left = 31 - sum(one["account_id"] == "a1" for one in ROWS)
    assert rows_of(tmp_path / "w")[0].num_rows == left
    with catalog.load_table("n.t").update_schema() as change:
        change.rename_column("prompt", "asked")
    with pytest.raises(InputError, match="renamed columns"):
        discover([str(tmp_path / "w")])
