"""Lines of any length are followed at a cost that is linear in what is new."""

import bz2
import gzip
import json
import logging
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stillwatch
from stillwatch.readers import origin
from stillwatch.watch import sources
from stillwatch.watch.sources import open_source

LONGEST = 5000  # bytes of a line

pytestmark = pytest.mark.issue(21)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(sources, "MOST_TAKEN", 1000)
    monkeypatch.setattr(sources, "CHUNK", 100)


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes of files were read."""
    told = [0]
    own = sources.Path.open

    class Counting:
        def __init__(self, stream):
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            self.stream.close()

        def __getattr__(self, name):
            return getattr(self.stream, name)

        def read(self, size=-1):
            data = self.stream.read(size)
            told[0] += len(data)
            return data

    monkeypatch.setattr(sources.Path, "open", lambda path, mode: Counting(own(path, mode)))
    return told


def everything(source):
    position, lines, overlong = {}, [], []
    while (taken := source.take(position)) is not None:
        position = position | taken.position
        first = taken.first_line
        lines += [(first + place, line) for place, line in enumerate(taken.lines.split(b"\n")[:-1])]
        overlong += [first] if taken.overlong else []
    return lines, overlong


def test_a_line_that_is_too_long_is_passed_over_and_its_neighbours_are_taken(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n" + b"x" * 23_456 + b"\nthree\n" + b"y" * 5001 + b"\nfive\n")
    assert everything(open_source(str(path), longest=LONGEST)) == (
        [(1, b"one"), (3, b"three"), (5, b"five")],
        [2, 4],
    )


@pytest.mark.parametrize("seed", range(5))
def test_however_a_file_grows_every_line_is_taken_once_with_its_number(tmp_path, seed):
    rng = random.Random(seed)
    lengths = [rng.choice([0, 3, 50, 900, 1200, 4999, 5000, 7000, 20_000]) for _line in range(30)]
    whole = b"".join(bytes([97 + place % 26]) * length + b"\n" for place, length in enumerate(lengths))
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"")
    source, position, lines, overlong = open_source(str(path), longest=LONGEST), {}, {}, []
    cuts = sorted(rng.sample(range(len(whole)), 40))
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[begin:end])
        while (taken := source.take(position)) is not None:
            position = position | taken.position
            for place, line in enumerate(taken.lines.split(b"\n")[:-1]):
                assert lines.setdefault(taken.first_line + place, line) is line
            overlong += [taken.first_line] if taken.overlong else []
        if rng.random() < 0.2:
            source = open_source(str(path), longest=LONGEST)  # begun again, with the position alone
    long = [place for place, length in enumerate(lengths, 1) if length >= 5000]
    assert overlong == long
    assert lines == {
        place: bytes([96 + (place - 1) % 26 + 1]) * length
        for place, length in enumerate(lengths, 1)
        if place not in long
    }


def test_a_line_without_an_end_is_not_read_again_at_every_look(tmp_path, bytes_read):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n")
    source = open_source(str(path), longest=LONGEST)
    position = source.take({}).position
    for _look in range(200):
        with path.open("ab") as file:
            file.write(b"x" * 100)
        while (taken := source.take(position)) is not None:
            position = position | taken.position
    assert path.stat().st_size > 20_000
    heads = 200 * 5 * origin.HEAD
    assert bytes_read[0] < 3 * path.stat().st_size + heads


def test_a_file_that_is_written_anew_while_its_first_line_had_no_end_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 300)
    source = open_source(str(path), longest=LONGEST)
    assert source.take({}) is None
    path.write_bytes(b"short\n" + b"y" * 600)
    assert source.take({}).lines == b"short\n"


def test_files_of_the_state_are_none_of_the_log(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "events.jsonl").write_text("{}\n")
    assert open_source(str(tmp_path), tmp_path / "state", longest=LONGEST).take({}) is None
    assert open_source(str(tmp_path), longest=LONGEST).take({}) is not None


ROWS = [
    {
        "exchange_id": f"x{number}",
        "timestamp": f"2026-05-01T14:0{number}:00Z",
        "account_id": "a1",
        "model": "m",
        "prompt": "hello",
    }
    for number in range(4)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
TABLE = "exchange_id,timestamp,account_id,model\n" + "".join(
    f"{row['exchange_id']},{row['timestamp']},a1,m\n" for row in ROWS
)
FILES = {
    "app.log": LINES,
    "app.log.1": LINES,
    "app.log-20260503": LINES,
    "app.log.2026-05-03T10": LINES,
    "app.log.2.gz": gzip.compress(LINES.encode()),
    "app.jsonl.old": LINES,
    "access": LINES,
    "requests.txt": "started\n" + LINES,
    "lines.json": LINES,
    "array.json": json.dumps(ROWS),
    "pretty.json": json.dumps(ROWS, indent=2),
    "page.json": json.dumps({"data": ROWS}),
    "wide.log": LINES.encode("utf-16"),
    "docker-json.log": "".join(
        json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-05-01T14:00:00Z"}) + "\n"
        for line in LINES.splitlines()
    ),
    "table.csv": TABLE,
    "table": TABLE,
    "table.csv.gz": gzip.compress(TABLE.encode()),
    "packed": gzip.compress(LINES.encode()),
}


def taken_ids(source, folder, looks=6):
    """The ids of all rows that a source gives."""
    position, found = {}, []
    for _look in range(looks):
        while (taken := source.take(position)) is not None:
            position = position | taken.position
            path = taken.file
            if path is None:
                path = folder / taken.name
                path.write_bytes(taken.lines)
            found += stillwatch.read(path).column("exchange_id").to_pylist()
    return sorted(found)


@pytest.mark.issue(23)
@pytest.mark.parametrize("name", FILES)
def test_a_log_of_any_name_is_followed_as_it_is_scanned(tmp_path, name, monkeypatch):
    monkeypatch.undo()
    folder, aside = tmp_path / "logs", tmp_path / "aside"
    folder.mkdir()
    aside.mkdir()
    content = FILES[name]
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    ids = [row["exchange_id"] for row in ROWS]
    assert sorted(stillwatch.read(folder).column("exchange_id").to_pylist()) == ids
    assert taken_ids(open_source(str(folder)), aside) == ids


@pytest.mark.issue(23)
def test_lines_of_a_file_without_an_ending_are_taken_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.undo()
    folder, aside = tmp_path / "logs", tmp_path / "aside"
    folder.mkdir()
    aside.mkdir()
    source, position, found = open_source(str(folder)), {}, []
    for row in ROWS:
        with (folder / "access").open("a") as file:
            file.write(json.dumps(row) + "\n")
        taken = source.take(position)
        position |= taken.position
        (aside / taken.name).write_bytes(taken.lines)
        found += stillwatch.read(aside / taken.name).column("exchange_id").to_pylist()
        assert source.take(position) is None
    assert found == [row["exchange_id"] for row in ROWS]


@pytest.mark.issue(23)
def test_what_a_scan_leaves_out_is_not_followed_and_a_file_of_no_known_kind_is_named(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.undo()
    pq.write_table(pa.table({"account_id": ["a1"]}), tmp_path / "accounts.parquet")
    (tmp_path / ".hidden.jsonl").write_text(LINES)
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "picture").write_bytes(b"\x00\x01\x02" * 50)
    source = open_source(str(tmp_path))
    with caplog.at_level(logging.WARNING, "stillwatch.watch"):
        assert [source.take({}) for _look in range(4)] == [None] * 4
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'picture'} is passed over: neither text nor Parquet"
    ]


LOGGED = [json.dumps({"n": n, "text": "x" * 40}) + "\n" for n in range(200)]


def all_of(source, position):
    """The lines and whole files that are taken until there are no more, and the position then."""
    lines, files = [], []
    for _look in range(60):  # files other than lines are taken once they stop growing
        taken = source.take(position)
        if taken is not None:
            position = position | taken.position
            lines += taken.lines.split(b"\n")[:-1]
            files += [taken.file.name] if taken.file else []
    return lines, files, position


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "pack", [None, gzip.compress, bz2.compress, lambda raw: pa.compress(raw, "zstd", asbytes=True)]
)
@pytest.mark.parametrize("unread", [0, 30])
def test_a_log_that_is_rotated_and_compressed_is_known_by_its_content(tmp_path, pack, unread):
    log, old, packed = tmp_path / "gw.log", tmp_path / "gw.log.1", tmp_path / "gw.log.1.gz"
    read = len(LOGGED) - unread
    log.write_text("".join(LOGGED[:read]))
    source = open_source(str(tmp_path))
    lines, _files, position = all_of(source, {})
    assert len(lines) == read
    if pack is None:
        old.write_text("".join(LOGGED))  # a copy, after which the log is emptied
    else:
        packed.write_bytes(pack("".join(LOGGED).encode()))
    log.write_text('{"m": 1}\n')
    lines, files, position = all_of(open_source(str(tmp_path)), position)  # after a restart
    assert files == []
    assert sorted(lines) == sorted([b'{"m": 1}', *(line.strip().encode() for line in LOGGED[read:])])
    assert all_of(open_source(str(tmp_path)), position)[:2] == ([], [])


@pytest.mark.issue(23)
def test_a_whole_file_with_another_name_or_compression_is_taken_once(tmp_path):
    table = "".join(["a,b,c\n", *(f"{n},x,y\n" for n in range(200))])
    (tmp_path / "t.csv").write_text(table)
    source = open_source(str(tmp_path))
    assert all_of(source, {})[1] == ["t.csv"]
    position = all_of(source, {})[2]
    (tmp_path / "t.csv.1.gz").write_bytes(gzip.compress(table.encode()))
    (tmp_path / "t.csv").write_text(table + "200,x,y\n")
    assert all_of(source, position)[1] == ["t.csv"]
    (tmp_path / "other.csv").write_text(table.replace("x", "z"))
    assert sorted(all_of(source, position)[1]) == ["other.csv", "t.csv"]


@pytest.mark.issue(23)
@pytest.mark.parametrize("how", ["cri", "docker"])
def test_a_record_that_a_runtime_cut_into_lines_is_taken_once_it_is_whole(tmp_path, how):
    """However the writer's lines fall between two looks."""
    path = tmp_path / "0.log"
    text = json.dumps({"n": 1, "text": "x" * 300})
    pieces = [text[:100], text[100:200], text[200:]]
    if how == "cri":
        lines = [
            f"2026-05-04T09:00:00.1Z stdout {'F' if n == 2 else 'P'} {one}\n" for n, one in enumerate(pieces)
        ]
    else:
        lines = [
            json.dumps({"log": one + "\n" * (n == 2), "stream": "stdout", "time": "2026-05-04T09:00:00Z"})
            + "\n"
            for n, one in enumerate(pieces)
        ]
    source, position, taken = open_source(str(path.parent)), {}, []
    for line in ["start\n", *lines, *lines]:
        with path.open("a") as file:
            file.write(line)
        while (more := source.take(position)) is not None:
            position = position | more.position
            taken.append(more.lines.decode())
    assert taken == ["start\n", "".join(lines), "".join(lines)]


@pytest.mark.issue(23)
def test_text_without_a_line_end_in_an_envelope_is_taken_at_once(tmp_path):
    line = json.dumps({"log": "INFO 05-28 any text", "stream": "stdout", "time": "2026-05-04T09:00:00Z"})
    (tmp_path / "0.log").write_text(f"{line}\n{line}\n")
    assert open_source(str(tmp_path)).take({}).lines.count(b"\n") == 2
