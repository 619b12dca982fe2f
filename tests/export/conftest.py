"""One small results folder for all exporters, with texts and accounts in it that must not leave."""

import json
from datetime import timedelta

import pyarrow as pa
import pytest

from stillwatch.contract import results as contract
from stillwatch.results.folder import write_table
from tests.export.planted import CANARY, HONEST, RANGE, SEEN, START, evidence, members


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Two campaigns, of twelve accounts and of five, that share one address range."""
    out = tmp_path_factory.mktemp("results")
    tables = {
        contract.CAMPAIGNS: [
            {
                "campaign_id": name,
                "kind": kind,
                "first_seen": START,
                "last_seen": START + timedelta(days=9),
                "accounts": accounts,
                "exchanges": 900,
                "exchanges_low": 880,
                "exchanges_high": 920,
                "q_value": q,
                "explanation": CANARY,
                "capabilities": ["coding", "reasoning"],
            }
            for name, kind, accounts, q in (("C1", "harvest", 12, 1e-9), ("C2", "relay", 5, 0.02))
        ],
        contract.MEMBERS: [
            {"campaign_id": name, "account_id": who, "score": 1 - i / 100, "exchanges": 75}
            for name, number in (("C1", 12), ("C2", 5))
            for i, who in enumerate(members(name, number))
        ],
        contract.ATTRIBUTED: [
            {"campaign_id": "C1", "exchange_id": "x1", "account_id": members("C1", 12)[0], "timestamp": START}
        ],
        contract.LINKS: [
            {"campaign_id": "C1", "account_id": who, "kind": kind, "value": value, "weight": 2.0}
            for (kind, value), (inside, _others, _class) in SEEN.items()
            for who in [*members("C1", 12)[:inside], f"{HONEST}_linked"]
        ]
        + [
            {"campaign_id": "C2", "account_id": who, "kind": "client_prefix", "value": RANGE, "weight": 2.0}
            for who in members("C2", 5)
        ],
        contract.EVIDENCE: [evidence("C1", *place, *numbers) for place, numbers in SEEN.items()]
        + [
            evidence("C2", "client_prefix", RANGE, 5, 12, "hosting"),
            evidence("C1", "shared_payment", "12 cards over 12 members", 12, None, None),
            evidence("C1", "work_queue", CANARY, 12, None, None),
        ],
        contract.CLAIMS: [{"campaign_id": "C1", "claim": 5, "basis": "not shown", "statement": CANARY}],
        contract.HYPOTHESES: [
            {"campaign_id": "C1", "hypothesis": "H1", "log10_likelihood": 0.0, "statement": CANARY}
        ],
        contract.LEADS: [
            {
                "lead_id": "L1",
                "accounts": 2,
                "exchanges": 5,
                "rank": 1,
                "explanation": "course",
                "log10_e": 0.0,
                "settled_by": CANARY,
                "statement": CANARY,
            }
        ],
        contract.LEAD_MEMBERS: [{"lead_id": "L1", "account_id": f"{HONEST}_{i}"} for i in range(2)],
        contract.GLANCE: [{"group_id": "C1", "trait": "texts", "speaks": "for", "statement": CANARY}],
        contract.PROMPTS: [{"campaign_id": "C1", "prompt": CANARY}],
    }
    for schema, rows in tables.items():
        write_table(out, schema, pa.Table.from_pylist(rows, schema.arrow))
    (out / "overview.json").write_text(
        json.dumps(
            {"last_seen": (START + timedelta(days=13)).isoformat(), "inputs": [CANARY], "accounts": 500}
        )
    )
    return out


@pytest.fixture
def export(folder, tmp_path):
    """Exports the folder and gives the one file's text; arguments are those of `Terms`."""
    from stillwatch.export import registry
    from stillwatch.export.terms import Terms

    done = []

    def run(name, **terms):
        done.append(name)
        files = registry.export(folder, name, tmp_path / f"{len(done)}", Terms(**terms))
        assert len(files) == 1
        return files[0].read_text(encoding="utf-8")

    return run
