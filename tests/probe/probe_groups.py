"""Groups of accounts whose requests are refused by a coin, for tests of the probe."""

import numpy as np
import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.trials import TRIALS
from stillwatch.flows.probe import gathered, slots_of
from stillwatch.probe.judge import judge
from stillwatch.simulate.refusals import refuse

SECOND, HOUR = 1_000_000, 3_600_000_000
START = 1_775_001_600 * SECOND  # 1 April 2026
HOLD_S, WITHIN_S = 2700, 900


def exchanges(rng, at, account, prompts, members, organizations=None):
    """Rows of the contract, in the order of time."""
    order = np.argsort(at, kind="stable")
    names = [members[a] for a in account[order]]
    table = {
        "exchange_id": [f"x{i}" for i in range(len(at))],
        "timestamp": pa.array(at[order], pa.int64()),
        "account_id": names,
        "model": ["m-1"] * len(at),
        "prompt": [prompts[i] for i in order],
        "status": pa.array([200] * len(at), pa.int64()),
    }
    if organizations:
        table["organization_id"] = [organizations.get(name) for name in names]
    return EXCHANGES.conform(pa.table(table))


def group(rng, accounts=40, days=3, per_day=40, *, sheet=0, hourly=False, organizations=None):
    """Independent accounts. `sheet`: all ask the same so many questions. `hourly`: each sends at one
    minute of every hour.
    """
    members = sorted(f"a{i:03d}" for i in range(accounts))
    if hourly:
        minute = rng.integers(0, 3, accounts)
        account = np.repeat(np.arange(accounts), 24 * days)
        at = START + np.tile(np.arange(24 * days), accounts) * HOUR + minute[account] * 60 * SECOND
        at = at + (rng.random(len(at)) * 20 * SECOND).astype(np.int64)
    else:
        account = np.repeat(np.arange(accounts), rng.poisson(per_day * days, accounts))
        at = START + (rng.random(len(account)) * days * 24 * HOUR).astype(np.int64)
    asked = rng.integers(0, sheet, len(at)) if sheet else np.arange(len(at))
    prompts = [f"question {q}" for q in asked]
    return (
        exchanges(rng, at, account, prompts, members, organizations),
        members,
        (START, START + days * 24 * HOUR),
    )


def coins(rng, members, span, moments=60, slots=16, refused=4, sham=0.0, on_the_hour=False):
    """Trials at random moments, or at full hours."""
    rows = []
    part = (span[1] - span[0]) // moments
    for number in range(moments):
        at = span[0] + number * part + int(rng.random() * max(1, part - (HOLD_S + WITHIN_S) * SECOND))
        at = at // HOUR * HOUR if on_the_hour else at
        some = 0 if rng.random() < sham else refused
        drawn = rng.choice(members, min(slots, len(members)), replace=False)
        rows += [(f"m{number}", at, str(name), place < some) for place, name in enumerate(drawn)]
    trial, at, account, failed = zip(*rows, strict=True)
    return TRIALS.conform(
        pa.table({"trial": trial, "at": pa.array(at, pa.int64()), "account_id": account, "failed": failed})
    )


def judged(rng, made, habit, trials=None, **more):
    """One group under one coin."""
    log, members, span = made
    trials = coins(rng, members, span) if trials is None else trials
    after = refuse(rng, log, trials, habit, hold_s=HOLD_S)
    return judge(
        slots_of(trials, members),
        gathered([after], members),
        **{"within_s": WITHIN_S, "hold_s": HOLD_S} | more,
    )
