"""Lines of any length are followed at a cost that is linear in what is new."""

import random

import pytest

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
    heads = 200 * 4 * sources.HEAD
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
