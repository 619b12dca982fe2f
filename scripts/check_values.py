"""Do small files in the shape of what operators really have give the right values?

    python scripts/check_values.py FOLDER            (a folder of cases; see RIGHT)
    python scripts/check_values.py FILE COLUMN ...   (prints those columns of a file instead)

Prints each column that has other values than are right, and exits with 1 where there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.errors import StillwatchError
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read

# Path → column → its values in the order of the ids.
RIGHT: dict[str, dict[str, Sequence[Any]]] = {
    "01-litellm-old-payload/in.jsonl": {
        "account_id": ("u0", "u1", "u0", "u1"),
        "prompt": tuple(f"name a river {n}" for n in range(4)),
    },
    "02-litellm-payload-variants/in.jsonl": {
        "user_agent": ("openai-python/1.70",) * 12,
        "prompt": (
            "q 0",
            "write a haiku 1",
            "nested 10",
            "q 11",
            "list input 2",
            "anthropic 3",
            "q 4",
            "q 5",
            "q 6",
            "embed me",
            None,
            None,
        ),
    },
    "03-litellm-spend-csv/ids.csv": {
        "exchange_id": ("0123", "1.0", "3.1", "3.10", *(f"req-{c}" for c in "bfghijkl")),
        "account_id": (
            "1e5",
            "12345678901234567890",
            "12.0",
            "12",
            "0012",
            "-7",
            "7.10",
            "7.1",
            "true",
            "team-1",
            "team-1",
            "team-1",
        ),
    },
    "04-bedrock-bodies/in.jsonl": {
        "max_tokens": (300, None, None, 20, 70, 5, 2048, 2048, 99, 256, 40, None, 50, None),
        "finish_reason": (
            "end_turn",
            "end_turn",
            None,
            "end_turn",
            "stop",
            "length",
            "stop",
            "FINISH",
            "FINISH",
            "COMPLETE",
            "max_tokens",
            None,
            "stop",
            None,
        ),
    },
    "04-bedrock-bodies/offloaded.jsonl": {"prompt": (None,) * 3, "response": ("short",) * 3},
    "06-azure/apim.json": {
        "account_id": tuple(f"customer-{n % 3}" for n in range(6)),
        "model": ("gpt-chat",) * 6,
    },
    "08-otlp/in.jsonl": {
        "account_id": (
            "acct-1",
            "acct-1",
            "acct-1",
            "acct-1",
            "acct-tl",
            "acct-oi",
            "acct-1",
            "acct-11",
            "acct-1",
            "acct-1",
            "acct-lf",
            "acct-16",
            "acct-16",
            "acct-v",
        )
    },
    "10-langfuse/inf.jsonl": {"max_tokens": (None, None)},
    "12-batch/input.jsonl": {"prompt": ("batch 0", "batch 1", "batch 2")},
    "14-nginx/apisix.log": {"account_id": ("c0", "c1"), "prompt": ("apisix 0", "apisix 1")},
    "20-other/portkey.jsonl": {"account_id": ("pku0", "pku1"), "prompt": ("pk 0", "pk 1")},
    "20-other/langsmith.jsonl": {"account_id": ("u0", "u1"), "prompt": ("ls q", "ls q")},
}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, in the order of their ids."""
    sources = check(discover([str(path)]), {})
    rows = [row for batch in read(sources, {}) for row in batch.rows.to_pylist()]
    return sorted(rows, key=lambda row: row["exchange_id"])


def main() -> None:
    """Print what differs, or the columns that are asked for."""
    root = Path(sys.argv[1])
    if root.is_file():
        for row in rows_of(root):
            print(" | ".join(str(row[name]) for name in sys.argv[2:]))
        return
    wrong = 0
    for name, columns in RIGHT.items():
        try:
            rows = rows_of(root / name)
        except StillwatchError as error:
            rows = []
            print(f"{name}: {error.problems[0].fact}")
        for column, wanted in columns.items():
            found = tuple(row[column] for row in rows)
            if found != tuple(wanted):
                wrong += 1
                print(f"{name}, {column}:\n  found {found}\n  right {tuple(wanted)}")
    print(f"{wrong} columns of {sum(map(len, RIGHT.values()))} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
