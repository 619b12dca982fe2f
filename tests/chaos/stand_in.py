"""A judgement that takes no time: one campaign, of all accounts and exchanges that were given so far.

    python stand_in.py ARGUMENTS      is `stillwatch ARGUMENTS` with it

Reading, sketching, the ledger, delivery and signals are the program's own.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.cli.main import Lazy
from stillwatch.cli.main import main as entry
from stillwatch.contract import results as contract
from stillwatch.engine.files import atomic
from stillwatch.results.folder import whole_or_nothing, write_manifest, write_table

MOMENT = datetime(2026, 5, 1, tzinfo=UTC)
POISON = "poison"  # an account whose rows make a judgement fail


def judge(paths, out, options, progress=lambda *_told: None):
    """Stands in for `flows.scan.scan`, and remembers as a store does: by the path of a part."""
    told = options.store / "told.json" if options.store else None
    seen = json.loads(told.read_text()) if told and told.exists() else {}
    for path in paths:
        table = pq.read_table(path, columns=["account_id"])
        seen[path] = [table.num_rows, sorted(set(table.column("account_id").to_pylist()))]
    if told:
        with atomic(told) as path:
            path.write_text(json.dumps(seen))
    accounts = sorted({account for _rows, names in seen.values() for account in names})
    if POISON in accounts:
        raise ZeroDivisionError("what a row said")
    time.sleep(0.2)
    rows = sum(rows for rows, _names in seen.values())
    campaign = {
        "campaign_id": "C1",
        "kind": "harvest",
        "first_seen": MOMENT,
        "last_seen": MOMENT,
        "accounts": len(accounts),
        "exchanges": rows,
        "exchanges_low": rows,
        "exchanges_high": rows,
        "q_value": 1e-9,
        "explanation": "none",
        "capabilities": [],
    }
    members = {"campaign_id": ["C1"] * len(accounts), "account_id": accounts, "score": [1.0] * len(accounts),
               "exchanges": [1] * len(accounts)}  # fmt: skip
    with whole_or_nothing(out) as folder:
        write_table(
            folder,
            contract.CAMPAIGNS,
            pa.Table.from_pylist([campaign] if rows else [], contract.CAMPAIGNS.arrow),
        )
        write_table(folder, contract.MEMBERS, pa.table(members, schema=contract.MEMBERS.arrow))
        write_table(folder, contract.EVIDENCE, contract.EVIDENCE.empty())
        write_manifest(folder, [], {}, 0)
    return {}


def judged(state: Path) -> int:
    """Rows that were judged, of a watch's state."""
    told = state / "store" / "told.json"
    return sum(rows for rows, _names in json.loads(told.read_text()).values()) if told.exists() else 0


def main():
    """The program, with the judgement replaced once it is running: imports take seconds, and signals
    arrive during them.
    """
    own = Lazy.get_command

    def get_command(group, context, name):
        from stillwatch.flows import watch

        watch.scan = judge
        return own(group, context, name)

    Lazy.get_command = get_command
    entry()


if __name__ == "__main__":
    main()
