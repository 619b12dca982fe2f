"""What became of a hostile log."""

import time

from stillwatch.contract.results import quarantined_rows
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read
from stillwatch.sketch.keys import fresh
from stillwatch.sketch.observe import observe
from tests.adversary.senders import NAMED_BY_CLIENTS, log_of

SECONDS_A_MEGABYTE = 4.0  # chosen: fifty times what the slowest takes on an idle machine
LEAST_SECONDS = 5.0
GATEWAYS = ["account_id", "timestamp"]  # columns that no sender may change: all rows of a log have the same


def findings(rng, form, folder, rows, *, sketched=True, make=log_of):
    """What a hostile log in this format did that it should not; nothing where all is well."""
    log = make(rng, form, rows)
    path = folder / f"log{log.ending}"
    path.write_bytes(log.raw)
    began = time.process_time()
    sources = check(discover([str(path)]), {})
    good, lost, reasons = [], 0, set()
    for batch in read(sources, {}):
        good.append(batch.rows)
        lost += quarantined_rows(batch.quarantine)
        reasons |= set(batch.quarantine.column("reason").to_pylist())
    took = time.process_time() - began
    number = sum(table.num_rows for table in good)
    observed = sum(table.num_rows for table in observe(good, fresh(), 1)) if sketched else number
    found = []
    if (number, lost, observed) != (log.rows, 0, log.rows):
        found.append(
            f"{form}: {number} of {log.rows} rows read, {observed} sketched, {lost} quarantined: "
            f"{sorted(reasons)}"
        )
    owners = {
        (row["account_id"], row["timestamp"]) for table in good for row in table.select(GATEWAYS).to_pylist()
    }
    if len(owners) > 1 and form not in NAMED_BY_CLIENTS:
        found.append(f"{form}: rows of one account at one time are of {sorted(map(str, owners))[:4]}")
    if took > LEAST_SECONDS + SECONDS_A_MEGABYTE * len(log.raw) / 1e6:
        found.append(f"{form}: {took:.1f} s for {len(log.raw):,} bytes")
    return found
