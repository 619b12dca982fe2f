from datetime import UTC, datetime

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.cli.tables import campaigns_table, text_table
from stillwatch.contract.results import CAMPAIGNS

DAY = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)
OVERVIEW = {"exchanges": 9, "accounts": 5, "candidates": 3, "fdr": 0.01, "quarantined": 0, "duplicates": 0}


@pytest.mark.issue(20)
def test_a_campaign_that_sufficed_at_no_look_is_shown_without_a_moment(tmp_path, capsys):
    rows = [
        {
            "campaign_id": name,
            "kind": "harvest",
            "first_seen": DAY,
            "last_seen": DAY,
            "detected_at": moment,
            "accounts": 5,
            "exchanges": 9,
            "exchanges_low": 9,
            "exchanges_high": 9,
            "q_value": 0.001,
            "explanation": "",
            "capabilities": [],
        }
        for name, moment in (("C1", DAY), ("C2", None))
    ]
    pq.write_table(pa.Table.from_pylist(rows, CAMPAIGNS.arrow), tmp_path / "campaigns.parquet")
    campaigns_table(tmp_path, OVERVIEW)
    told = capsys.readouterr().out
    (known,) = [line for line in told.splitlines() if line.startswith("C1")]
    (unknown,) = [line for line in told.splitlines() if line.startswith("C2")]
    assert known.split()[-2:] == ["2026-04-01", "10:30"]
    assert unknown.endswith("at no look")


@pytest.mark.issue(22)
def test_a_table_is_drawn_to_the_width_of_a_terminal_and_has_one_line_a_row_elsewhere(capsys, monkeypatch):
    rows = [("C1", 12, "[red]a name[/red] " + "that is long " * 12), ("C2", 7, "\x1b[2Jshort")]
    text_table(("campaign", "accounts", "name"), rows)
    plain = capsys.readouterr().out.splitlines()
    assert len(plain) == 2 + len(rows)
    assert plain[2].startswith("C1              12  [red]a name[/red] that is long")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    text_table(("campaign", "accounts", "name"), rows)
    drawn = [click.unstyle(line) for line in capsys.readouterr().out.splitlines()]
    assert len(drawn) > 2 + len(rows)
    assert max(map(len, drawn)) <= 60
    words = " ".join(drawn)
    assert "[red]a name[/red]" in words  # no markup of a log is read
    assert "\x1b[2J" not in words
    assert "\\x1b[2Jshort" in words
