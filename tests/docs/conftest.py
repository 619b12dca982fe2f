"""A small log to run the pages' commands on."""

import pytest

ROWS = 240


@pytest.fixture(scope="session")
def small_log():
    """Writes a log of a few accounts in CSV, whose columns may have other names."""

    def write(folder, **names):
        folder.mkdir(parents=True)
        columns = ["exchange_id", "timestamp", "account_id", "model", "user_agent", "country"]
        lines = [",".join(names.get(name, name) for name in columns)]
        lines += [
            f"x{n},2026-05-{1 + n % 3:02}T{n % 24:02}:{n % 60:02}:00Z,a{n % 12},m,agent-{n % 5},DE"
            for n in range(ROWS)
        ]
        (folder / "day.csv").write_text("\n".join(lines) + "\n")

    return write
