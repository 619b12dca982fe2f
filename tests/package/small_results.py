"""A small results folder, as a scan writes it, whose numbers follow from its tables."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.results.folder import TABLES, write_json, write_manifest, write_table
from stillwatch.stats.evalues import LN10
from stillwatch.stats.fdr import e_bh_q_values
from stillwatch.stats.sequential import alert_log_e, confirm_log_e

START = datetime(2026, 4, 1, tzinfo=UTC)
CANDIDATES, FDR = 50, 0.01
HONEST = "acct_honest_canary"  # an account of a lead, which an innocent explanation may account for
MEMBER = "acct_member_canary"
TEXT = "canary text of a prompt"
VALUE = "canary-card-4711"
PATH = "canary-path"
LEFT = {"C1": (8.2, 14.0), "C2": (6.5, 9.0)}  # log10 evidence that each explanation leaves
MEMBERS = {"C1": 5, "C2": 3}


def hour(number):
    return START + timedelta(hours=number)


def rows_of(name, rank):
    accounts = [MEMBER if (name, n) == ("C1", 0) else f"acct_{name}_{n}" for n in range(MEMBERS[name])]
    # Account n of the campaign sends two exchanges in each of the hours 2 to 5.
    attributed = [
        {
            "campaign_id": name,
            "exchange_id": f"x_{name}_{n}_{h}_{k}",
            "account_id": account,
            "timestamp": hour(h) + timedelta(minutes=7 * n + k),
        }
        for n, account in enumerate(accounts)
        for h in range(2, 6)
        for k in range(2)
    ]
    total = len(attributed)
    q_values = e_bh_q_values(
        np.array([min(e) * LN10 for e in LEFT.values()] + [-np.inf] * (CANDIDATES - len(LEFT)))
    )
    looks = {
        h: (3.0 * h, alert_log_e(CANDIDATES, 12.0) / LN10, confirm_log_e(CANDIDATES, FDR, h + 1) / LN10)
        for h in (0, 2, 4)
    }
    timeline = [
        {
            "campaign_id": name,
            "hour": hour(h),
            "exchanges": 0 if h == 0 else 2 * len(accounts),
            "log10_e": looks.get(h, (None,) * 3)[0],
            "log10_alert": looks.get(h, (None,) * 3)[1],
            "log10_confirm": looks.get(h, (None,) * 3)[2],
        }
        for h in (0, 2, 3, 4, 5)
    ]
    campaign = {
        "campaign_id": name,
        "kind": "harvest",
        "first_seen": min(a["timestamp"] for a in attributed),
        "last_seen": max(a["timestamp"] for a in attributed),
        "detected_at": hour(3),
        "accounts": len(accounts),
        "exchanges": total,
        "exchanges_low": total - 1,
        "exchanges_high": total + 1,
        "q_value": float(q_values[rank]),
        "fpr_empirical": 0.01,
        "fpr_synthetic": None,
        "explanation": "shared_vouchers",
        "capabilities": ["coding", "reasoning"],
    }
    sentence = f"{VALUE} pays for all"
    return {
        "campaigns": [campaign],
        "members": [{"campaign_id": name, "account_id": a, "score": 0.99, "exchanges": 8} for a in accounts],
        "exchanges": attributed,
        "timeline": timeline,
        "evidence": [
            {
                "campaign_id": name,
                "kind": kind,
                "value": value,
                "accounts": len(accounts),
                "exchanges": total,
                "log10_likelihood_ratio": ratio,
                "statement": sentence,
                "basis": "measured",
            }
            for kind, value, ratio in (("shared_payment", "1 card", 9.1), ("payment_fingerprint", VALUE, 2.5))
        ],
        "links": [
            {
                "campaign_id": name,
                "account_id": a,
                "kind": "payment_fingerprint",
                "value": VALUE,
                "weight": 2.5,
            }
            for a in accounts
        ],
        "hypotheses": [
            {"campaign_id": name, "hypothesis": f"H{n}", "log10_likelihood": like, "statement": sentence}
            for n, like in enumerate((0.0, -7.0, -2.0, -3.0, -20.0), 1)
        ],
        "claims": [{"campaign_id": name, "claim": 1, "basis": "measured", "statement": sentence}],
        "capabilities": [
            {
                "campaign_id": name,
                "capability": "coding",
                "exchanges": total - 5,
                "input_tokens": 2**60,
                "output_tokens": None,
            },
            {
                "campaign_id": name,
                "capability": "reasoning",
                "exchanges": 5,
                "input_tokens": 1,
                "output_tokens": 2,
            },
        ],
        "explanations": [
            {
                "group_id": name,
                "explanation": f"explanation_{n}",
                "marked": 2,
                "log10_e": left,
                "statement": sentence,
            }
            for n, left in enumerate(LEFT[name])
        ],
        "glance": [{"group_id": name, "trait": "cards", "speaks": "for", "statement": sentence}],
        "prompts": [{"campaign_id": name, "prompt": f"{TEXT} of {name}"}],
    }


def tables():
    """Name of each table → its rows."""
    rows = {schema.name: [] for schema in (*TABLES, contract.PROMPTS, contract.QUARANTINE)}
    for rank, name in enumerate(MEMBERS):
        for table, more in rows_of(name, rank).items():
            rows[table] += more
    rows["leads"] = [
        {
            "lead_id": "L1",
            "accounts": 2,
            "exchanges": 30,
            "rank": 1,
            "explanation": "course",
            "log10_e": 0.5,
            "settled_by": "the list of participants",
            "statement": f"two accounts, {HONEST} among them",
        }
    ]
    rows["lead_members"] = [{"lead_id": "L1", "account_id": a} for a in (HONEST, "acct_other")]
    rows["explanations"].append(
        {
            "group_id": "L1",
            "explanation": "course",
            "marked": 2,
            "log10_e": 0.5,
            "statement": f"{HONEST} takes the course",
        }
    )
    rows["quarantine"] = [
        {"file": PATH, "row": 3, "column": None, "reason": "broken", "raw_sha256": "ab" * 32, "rows": 1}
    ]
    return rows


def write_results(folder, rows):
    """A results folder of these tables."""
    folder.mkdir(parents=True)
    for schema in (*TABLES, contract.PROMPTS, contract.QUARANTINE):
        write_table(folder, schema, pa.Table.from_pylist(rows[schema.name], schema.arrow))
    overview = {
        "accounts": 90,
        "candidates": CANDIDATES,
        "exchanges": 900,
        "fdr": FDR,
        "first_seen": hour(0).isoformat(),
        "last_seen": hour(9).isoformat(),
        "inputs": [{"path": PATH}],
        "leads": 1,
        "seed": 7,
        "quarantined": 1,
        "duplicates": 0,
        "compared": 1.0,
    }
    write_json(folder, "overview.json", overview)
    (folder / "report.html").write_text(f"<p>{HONEST} {TEXT}</p>")
    log = folder.parent / PATH
    log.write_text("a log")
    write_manifest(
        folder, [log], {"fdr": FDR, "show_prompts": True, "accounts": str(log), "map": {"prompt": PATH}}, 7
    )
    return folder
