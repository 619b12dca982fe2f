"""Do readers survive ten thousand spoiled logs each: no crash, no hang over a second, no neighbour lost?

    python scripts/fuzz_readers.py [NUMBER] [SEED] [NAME]

Every log format's fixture, and JSON Lines, CSV and Parquet of the contract, are spoiled in bytes (flips,
cuts, insertions, repeats, other encodings, NUL) and in structure (any value replaced by anything, deep nests,
huge numbers and texts), between records that are whole. Where lines stay lines, every whole record must still
be read. Prints a line for each.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stillwatch.errors import StillwatchError
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read

NUMBER = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""
LONGEST_S = 1.0
HOSTILE = [
    None,
    True,
    -1,
    0,
    2**63,
    -(2**70),
    1e308,
    float("inf"),
    "",
    "\x00",
    "x" * 100_000,
    "\ud800",
    "٣",
    [],
    {},
    [[]],
    {"a": None},
    "2026-13-45T99:99:99Z",
    "'; drop table x",
    "NaN",
    [None] * 50,
    {"type": "text"},
    [{"role": "user"}],
    -0.0,
]


def fixtures() -> dict[str, tuple[str, Sequence[Any]]]:
    """Formats and their records, as the tests have them."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.readers import vendors

    return {name: (form, records) for name, (form, records, _) in vendors.FIXTURES.items()}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every value within."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*at, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same with another value at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def nest(depth: int) -> str:
    """A bomb of brackets."""
    return "[" * depth + "]" * depth


def spoiled(rng: random.Random, records: Sequence[Any]) -> tuple[bytes, str]:  # noqa: C901  one way to spoil after another
    """A log whose middle records have one or a few things wrong, and what was done to its bytes."""
    whole = [json.dumps(record).encode() for record in records]
    lines = list(whole)
    for record in records:
        one = record
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            some = list(places(one))[1:]
            if some:
                one = put(one, rng.choice(some), rng.choice(HOSTILE))
        lines.append(json.dumps(one).encode())
    if rng.random() < 0.02:
        lines.append(nest(rng.choice((100, 5_000))).encode())
    lines += whole
    text = bytearray(b"\n".join(lines) + b"\n")
    kind = rng.choice(("none", "flip", "cut", "insert", "repeat", "utf16", "nul", "crlf"))
    if kind == "flip":
        for _ in range(rng.randint(1, 20)):
            text[rng.randrange(len(text))] = rng.randrange(256)
    elif kind == "cut":
        del text[rng.randrange(len(text)) :]
    elif kind == "insert":
        at = rng.randrange(len(text))
        text[at:at] = rng.randbytes(rng.randint(1, 200))
    elif kind == "repeat":
        text *= 2
    elif kind == "utf16":
        text = bytearray(bytes(text).decode(errors="replace").encode("utf-16"))
    elif kind == "nul":
        at = rng.randrange(len(text))
        text[at:at] = b"\x00" * 50
    elif kind == "crlf":
        text = bytearray(bytes(text).replace(b"\n", b"\r\n"))
    return bytes(text), kind


def one_run(path: Path, form: str) -> tuple[int, int] | None:
    """Rows read and quarantined, or that the file was refused with a reason."""
    try:
        sources = discover([str(path)], log_format=form)
        check(sources, {})
        batches = list(read(sources, {}))
    except StillwatchError as refused:
        if not refused.problems:
            raise
        return None
    return sum(b.rows.num_rows for b in batches), sum(b.quarantine.num_rows for b in batches)


def main() -> None:
    """Every format in turn."""
    failed = 0
    for name, (form, records) in sorted(fixtures().items()):
        if ONLY not in name:
            continue
        rng = random.Random(f"{SEED}{name}")
        refused = rows = bad = silent = 0
        slowest = 0.0
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.jsonl"
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
            alone = one_run(path, form)
            least = (
                alone[0] if alone else 0
            )  # ids repeat in the second copy; reading keeps both, spans may join
            for turn in range(NUMBER):
                text, kind = spoiled(rng, records)
                path.write_bytes(text)
                start = time.perf_counter()
                try:
                    told = one_run(path, form)
                except Exception as error:  # noqa: BLE001  every escape is a finding
                    failed += 1
                    print(f"{name} #{turn}: {type(error).__name__}: {str(error)[:200]}")
                    continue
                slowest = max(slowest, time.perf_counter() - start)
                if told is None:
                    refused += 1
                    continue
                rows, bad = rows + told[0], bad + told[1]
                silent += kind in ("none", "crlf") and told[0] < least
        failed += silent > 0 or slowest > LONGEST_S
        rate = NUMBER / (time.perf_counter() - began)
        print(
            f"{name:<22} {NUMBER:>7,} logs  {rows:>9,} rows  {bad:>9,} set aside  {refused:>6,} refused  "
            f"{silent} silent  slowest {slowest:.2f} s  {rate:.0f}/s",
            flush=True,
        )
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
