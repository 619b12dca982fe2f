"""What tests of chaos share: a log whose every text is a needle, and a search for needles in every file."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

NEEDLE = "NEEDLE-of-text"
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def line(number, at=None, account=None, **more):
    at = at or BEGIN + timedelta(minutes=number)
    row = {
        "exchange_id": f"x{number}",
        "timestamp": at.isoformat(),
        "account_id": account or f"a{number % 23}",
        "model": "m",
        "prompt": f"{NEEDLE} {number} asks for words that are its own",
        "system_prompt": f"{NEEDLE} of the system",
    }
    return json.dumps(row | more) + "\n"


@pytest.fixture
def lines():
    return line


@pytest.fixture
def no_text_in():
    def look(*folders):
        files = [path for folder in folders for path in Path(folder).rglob("*") if path.is_file()]
        found = [str(path) for path in files if NEEDLE.encode() in path.read_bytes()]
        assert found == []

    return look
