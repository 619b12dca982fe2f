"""A synthetic results folder, as a scan writes it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 4, 1, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
INT, TEXT, REAL = pa.int64(), pa.string(), pa.float64()
SCHEMAS = {
    "campaigns": {
        "campaign_id": TEXT,
        "kind": TEXT,
        "first_seen": TIME,
        "last_seen": TIME,
        "detected_at": TIME,
        "accounts": INT,
        "exchanges": INT,
        "exchanges_low": INT,
        "exchanges_high": INT,
        "q_value": REAL,
        "fpr_empirical": REAL,
        "fpr_synthetic": REAL,
        "explanation": TEXT,
        "capabilities": pa.list_(TEXT),
    },
    "members": {"campaign_id": TEXT, "account_id": TEXT, "score": REAL, "exchanges": INT},
    "evidence": {
        "campaign_id": TEXT,
        "kind": TEXT,
        "value": TEXT,
        "accounts": INT,
        "exchanges": INT,
        "log10_likelihood_ratio": REAL,
        "statement": TEXT,
        "basis": TEXT,
    },
    "timeline": {
        "campaign_id": TEXT,
        "hour": TIME,
        "exchanges": INT,
        "log10_e": REAL,
        "log10_alert": REAL,
        "log10_confirm": REAL,
    },
    "links": {"campaign_id": TEXT, "account_id": TEXT, "kind": TEXT, "value": TEXT, "weight": REAL},
    "hypotheses": {"campaign_id": TEXT, "hypothesis": TEXT, "log10_likelihood": REAL, "statement": TEXT},
    "claims": {"campaign_id": TEXT, "claim": INT, "basis": TEXT, "statement": TEXT},
    "capabilities": {"campaign_id": TEXT, "capability": TEXT, "exchanges": INT},
    "prompts": {"campaign_id": TEXT, "prompt": TEXT, "rank": INT, "language": TEXT},
    "exchanges": {"campaign_id": TEXT, "exchange_id": TEXT, "account_id": TEXT, "timestamp": TIME},
    "profiles": {
        "group_id": TEXT,
        "account_id": TEXT,
        "owner": INT,
        "created_at": TIME,
        "first_seen": TIME,
        "last_seen": TIME,
        "exchanges": INT,
        "marks": pa.list_(TEXT),
    },
    "common": {
        "group_id": TEXT,
        "trait": TEXT,
        "known": INT,
        "different": INT,
        "most": INT,
        "low_days": REAL,
        "high_days": REAL,
    },
    "texts": {
        "campaign_id": TEXT,
        "rank": INT,
        "texts": INT,
        "accounts": INT,
        "exchanges": INT,
        "words_low": INT,
        "words_high": INT,
        "capability": TEXT,
        "first_seen": TIME,
        "last_seen": TIME,
        "exchange_id": TEXT,
        "account_id": TEXT,
    },
    "leads": {
        "lead_id": TEXT,
        "accounts": INT,
        "exchanges": INT,
        "rank": INT,
        "explanation": TEXT,
        "log10_e": REAL,
        "settled_by": TEXT,
        "statement": TEXT,
    },
    "lead_members": {"lead_id": TEXT, "account_id": TEXT},
    "explanations": {
        "group_id": TEXT,
        "explanation": TEXT,
        "marked": INT,
        "log10_e": REAL,
        "statement": TEXT,
    },
    "glance": {"group_id": TEXT, "trait": TEXT, "speaks": TEXT, "statement": TEXT},
}
REQUIRED = ("campaigns", "members", "evidence")
OF_TRIALS = ("leads", "lead_members", "explanations", "glance", "profiles", "common", "texts")
CAMPAIGNS = (  # name, kind, accounts, days, hours until the evidence sufficed (None: at no look)
    ("C1", "harvest", 340, 28, 6),
    ("C2", "mixed", 85, 21, 30),
    ("C3", "relay", 46, 3, 20),
    ("C4", "fleet", 73, 9, None),
)
LEADS = (
    ("course", 73, 5_573, 0.0, "the course's list of participants, compared with the accounts",
     "73 accounts ask the same four texts within one week, from one campus."),
    ("scheduled_app", 150, 48_780, 0.3, "the vendor of the program, asked whether these are its customers",
     "150 accounts send the same three requests each morning, each at a minute of its own."),
    ("quota", 31, 9_920, 1.4, "the plan's limit, compared with the largest days of the accounts",
     "31 accounts reach exactly 20 exchanges on most days."),
    ("hackathon", 40, 2_210, 0.0, "the dates and the place of the event", None),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a folder holds: `leads` is their number, `old` a folder written before there were trials."""

    hostile: str = ""
    empty: bool = False
    extras: bool = True
    prompts: bool = False
    leads: int = 4
    old: bool = False
    campaigns: int = len(CAMPAIGNS)
    accounts: int = 0  # of the first campaign, in place of its own number
    overview: dict = field(default_factory=dict)


def build(folder: Path, **options) -> Path:
    """Writes the folder; `hostile` is put wherever a stranger may choose the text. Options are those of
    `Plan`.
    """
    plan = Plan(**options)
    hostile, empty = plan.hostile, plan.empty
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    rows: dict[str, list[tuple]] = {name: [] for name in SCHEMAS}
    for name, kind, accounts, days, late in () if empty else CAMPAIGNS[: plan.campaigns]:
        many = plan.accounts if name == "C1" and plan.accounts else accounts
        _campaign(rows, rng, (name, kind, many, days, late), hostile)
    for rank in range(1, plan.leads + 1):
        _lead(rows, rank, hostile)
    for name, schema in SCHEMAS.items():
        is_asked = name not in OF_TRIALS or not plan.old
        if (name in REQUIRED or plan.extras) and (name != "prompts" or plan.prompts) and is_asked:
            table = pa.table(
                [
                    pa.array(column, type_)
                    for column, type_ in zip(_columns(rows[name], schema), schema.values(), strict=True)
                ],
                names=list(schema),
            )
            if name == "campaigns" and plan.old:
                table = table.drop_columns(["fpr_empirical", "fpr_synthetic", "explanation"])
            pq.write_table(table, folder / f"{name}.parquet")
    if plan.extras:
        (folder / "overview.json").write_text(json.dumps(_overview(hostile, empty) | plan.overview))
    return folder


def _columns(rows, schema):
    return zip(*rows, strict=True) if rows else [[] for _ in schema]


def _campaign(rows, rng, plan, hostile):
    name, kind, accounts, days, late = plan
    hours = np.arange(24 * days)
    shape = (
        60
        * np.minimum(1, hours / 60)
        * (1 + 0.5 * np.sin(hours / 24 * 2 * np.pi))
        * (1 - (hours // 24 % 7 == 5) * 0.6)
    )
    exchanges = rng.poisson(shape * accounts / 300)
    evidence = np.maximum.accumulate(np.cumsum(rng.normal(0.35, 0.5, len(hours)) * (exchanges > 0)))
    if late is None:
        evidence = np.minimum(evidence, 4.2)  # below every bar of the timeline
    for hour, number, log10_e in zip(hours.tolist(), exchanges.tolist(), evidence.tolist(), strict=True):
        if number:
            rows["timeline"].append(
                (
                    name,
                    START + timedelta(hours=hour),
                    number,
                    *((log10_e, 5.1, 4.6 + np.log10((hour + 1) * (hour + 2))) if hour > 4 else (None,) * 3),
                )
            )
    total = int(exchanges.sum())
    detected = None if late is None else START + timedelta(hours=late, minutes=20)
    sought = {"agentic and tool use": 0.44, "coding": 0.27, "reasoning": 0.17, "grading": 0.08, "other": 0.04}
    rows["campaigns"].append(
        (
            name,
            kind,
            START,
            START + timedelta(hours=int(hours[-1])),
            detected,
            accounts,
            total,
            int(total * 0.96),
            int(total * 1.03),
            3e-14 if kind == "harvest" else 0.004,
            None if kind == "relay" else 0.0093,
            0.0312,
            "scheduled_app" + hostile,
            list(sought)[:3],
        )
    )
    names = [f"acct_{rng.integers(16**10):010x}" + (hostile if i == 0 else "") for i in range(accounts)]
    for i, account in enumerate(names):
        rows["members"].append((name, account, float(1 - rng.beta(1, 40) * (i > 0)), total // accounts))
    kinds = (
        ("payment_fingerprint", 12, 4.1),
        ("template", 6, 2.2),
        ("network_24", 9, 1.6),
        ("tls_fingerprint", 2, 0.7),
    )
    for indicator, values, weight in kinds:
        choice = (
            np.sort(rng.integers(values, size=accounts))
            if indicator != "template"
            else rng.integers(values, size=accounts)
        )
        for account, value in zip(names, choice.tolist(), strict=True):
            if rng.random() < 0.8:
                label = f"{indicator[:3]}_{name}_{value:02d}" + (hostile if value == 0 else "")
                rows["links"].append((name, account, indicator, label, weight + float(rng.normal(0, 0.2))))
    _statements(rows, name, kind, accounts, total, hostile)
    _trial(rows, name, accounts, 3.4 if kind == "fleet" else 8.2, "scheduled_app", hostile)
    _glance(rows, name, accounts, kind, hostile)
    rows["capabilities"] += [(name, capability, round(total * share)) for capability, share in sought.items()]
    rows["prompts"].append((name, "Explain step by step why the answer is 42." + hostile, 1, "en"))
    _profiles(rows, name, names, days, hostile)
    _texts(rows, name, accounts, total, days, hostile)


def _profiles(rows, name, names, days, hostile):
    """Every account is active on three of the days, at hours that follow from its place; each fifth has
    an owner in common.
    """
    for i, account in enumerate(names):
        moments = [
            START + timedelta(days=(i * 7 + 3 * k) % days, hours=(i + 5 * k) % 24, minutes=i % 60)
            for k in range(3)
        ]
        rows["exchanges"] += [(name, f"x_{name}_{i}_{k}", account, at) for k, at in enumerate(moments)]
        marks = [mark + hostile for number, mark in enumerate(EXPLANATIONS) if (i + number) % 3 == 0]
        rows["profiles"].append(
            (
                name,
                account,
                7 if i % 5 == 0 else None,
                START - timedelta(days=40 + i % 300),
                min(moments),
                max(moments),
                9,
                marks,
            )
        )
    n = len(names)
    rows["common"] += [
        (name, "client_prefix", n, n // 4, n // 8, None, None),
        (name, "email_domain", n, n, 1, None, None),
        (name, "payment_fingerprint", n, 9, n // 9, None, None),
        (name, "texts", n, 0, 2, None, None),
        (name, "span", n, None, None, 0.0, float(days)),
        (name, "age", n, None, None, 12.0, 80.0),
        (name, "nights", n, None, 0, None, None),
    ]


def _texts(rows, name, accounts, total, days, hostile):
    """Two texts that members sent word for word, and two shapes."""
    end = START + timedelta(days=days - 1)
    rows["texts"] += [
        (
            name,
            rank,
            texts,
            members,
            number,
            low,
            high,
            capability + hostile,
            START,
            end,
            f"x_{name}_0_0",
            "a",
        )
        for rank, (texts, members, number, low, high, capability) in enumerate(
            (
                (1, accounts // 2, accounts // 2, 42, 42, "coding"),
                (1, 3, 5, 7, 7, "reasoning"),
                (900, accounts, total // 2, 32, 63, "coding"),
                (100, 9, total // 9, 8, 15, "data_analysis"),
            ),
            1,
        )
    ]


def _statements(rows, name, kind, accounts, total, hostile):
    pieces = [
        (
            "work_queue",
            "",
            41.2,
            (
                "4\u202f812 prompts were divided over the accounts with 3 repeats where independent users "
                "would "
                "make 911."
            ),
            "measured",
        ),
        (
            "payment_fingerprint",
            "pay_00",
            17.8,
            f"{accounts // 9} accounts pay with one card that 0.002 % of other accounts use.",
            "measured",
        ),
        (
            "load_balance",
            "",
            12.1,
            (
                "Daily volumes differ by a factor of 1.3 between accounts; honest groups of this size by 9 "
                "or "
                "more."
            ),
            "measured",
        ),
        (
            "synchrony",
            "",
            9.3,
            "Joint pauses of 30 minutes begin within 90 seconds of each other on 17 days.",
            "measured",
        ),
        (
            "template",
            "tem_00",
            6.4,
            f"{accounts // 3} accounts use a prompt template seen nowhere else.",
            "measured",
        ),
        (
            "pivot",
            "",
            4.4,
            "Half of the traffic moved to a new model within 19 hours of its release.",
            "measured",
        ),
        (
            "harvest_shape",
            "",
            2.9,
            "98 % of conversations have a single turn; answers are 6 times as long as is usual.",
            "inferred",
        ),
        (
            "replacement",
            "",
            1.7,
            "For 23 of 25 accounts that stopped, another began within four hours.",
            "measured",
        ),
        ("network_24", "net_00", 1.1, "31 accounts come from one network of 256 addresses.", "measured"),
        ("country", "", -0.6, "The countries of addresses are as mixed as elsewhere.", "measured"),
    ]
    for signal, value, weight, statement, basis in pieces:
        rows["evidence"].append(
            (name, signal, value + hostile, accounts, total, weight, statement + hostile, basis)
        )
    fits = {
        "harvest": (0, -7.2, -0.4, -58, -22.5),
        "mixed": (-1.6, -2.3, 0, -31, -9),
        "relay": (-6, 0, -0.8, -14, -5),
        "fleet": (-3, -8, -4, 0, -6),
    }[kind]
    says = (
        "one prompt pool, no follow-up turns",
        "no conversation of end users is continued",
        "as H1, seen from outside",
        "divided work and shared cards are not an office's",
        "answers are long and read to the end",
    )
    rows["hypotheses"] += [
        (name, f"H{i}", float(fit), words + hostile)
        for i, (fit, words) in enumerate(zip(fits, says, strict=True), 1)
    ]
    claims = (
        ("measured", f"{total} exchanges are in the logs."),
        ("measured", "Independent accounts would do this once in 10¹⁴ scans."),
        ("inferred" if kind != "relay" else "not shown", "Content and shape favour H1 or H3 over H2 and H4."),
        ("not shown", "Needs a test on the suspected model."),
        ("not shown", "Logs name no organisation."),
    )
    rows["claims"] += [(name, i, basis, words + hostile) for i, (basis, words) in enumerate(claims, 1)]


EXPLANATIONS = {
    "scheduled_app": "The program explains the schedule and the even volumes; that no text is sent twice "
    "remains.",
    "course": "The course explains the texts and the week; that 9 cards pay for all accounts remains.",
    "quota": "The limit explains even volumes; the division of work remains.",
    "hackathon": "The event explains the place, the week and the starter kit; accounts that succeed each "
    "other remain.",
    "office": "The office explains the network and the payer; the division of work remains.",
    "shared_client": "The client explains templates and fingerprints; the joint pauses remain.",
    "contest": "The contest explains the texts; that they are divided without repeats remains.",
    "release_day": "The release explains the joint start; everything else remains.",
    "evaluation_vendor": "The vendor explains the pool of texts; hidden ownership remains.",
    "copied_prompt": "The copied prompt explains the template; all else remains.",
    "shared_proxy": "The proxy explains the network; all else remains.",
}


def _trial(rows, group, accounts, nearest, first, hostile):
    order = [first] + [name for name in EXPLANATIONS if name != first]
    shares = (1.0, 0.42, 0.3, 0.9, 0.0, 0.6, 0.12, 0.25, 0.02, 0.5, 0.0)
    remain = [nearest + step for step in (0, 0.9, 1.7, 2.2, 4.8, 7.5, 11.1, 14.9, 28.0, 41.0, 63.2)]
    for name, share, log10_e in reversed(list(zip(order, shares, remain, strict=True))):
        said = EXPLANATIONS[name] + hostile
        rows["explanations"].append((group, name + hostile, round(share * accounts), log10_e, said))


def _glance(rows, group, accounts, kind, hostile):
    counted = [
        ("texts", "for", f"{accounts} accounts send texts of one pool; 3 of 4\u202f812 were sent twice."),
        ("payment", "for", "9 cards pay for all accounts."),
        ("networks", "against", "Addresses lie in 61 networks of 14 countries."),
        ("sign-up_days", "against", "Accounts were opened on 58 different days."),
        ("age", "neither", "Accounts are 1 to 14 months old."),
    ]
    if kind == "relay":
        counted = [one for one in counted if one[1] != "against"]
    rows["glance"] += [(group, trait, speaks, words + hostile) for trait, speaks, words in counted]


def _lead(rows, rank, hostile):
    explanation, accounts, exchanges, log10_e, settled_by, statement = LEADS[(rank - 1) % len(LEADS)]
    name = f"L{rank}"
    said = None if statement is None else statement + hostile
    rows["leads"].append(
        (
            name + hostile,
            accounts,
            exchanges,
            rank,
            explanation + hostile,
            log10_e,
            settled_by + hostile,
            said,
        )
    )
    mine = [f"acct_{rank:02d}{i:06x}" + hostile for i in range(accounts)]
    rows["lead_members"] += [(name + hostile, account) for account in mine]
    rows["profiles"] += [
        (
            name + hostile,
            account,
            None,
            START - timedelta(days=30 + 5 * i),
            START,
            START + timedelta(days=6),
            76,
            [explanation + hostile],
        )
        for i, account in enumerate(mine)
    ]
    rows["common"] += [
        (name + hostile, "client_prefix", accounts, 1, accounts, None, None),
        (name + hostile, "email_domain", accounts, 1, accounts, None, None),
        (name + hostile, "payment_fingerprint", accounts, accounts, 1, None, None),
        (name + hostile, "texts", accounts, 4, accounts, None, None),
        (name + hostile, "span", accounts, None, None, 0.0, 7.0),
        (name + hostile, "age", accounts, None, None, 31.0, 425.0),
        (name + hostile, "nights", accounts, None, accounts, None, None),
    ]
    _trial(rows, name + hostile, accounts, log10_e, explanation, hostile)
    counted = [
        ("campus", "for", "Members share one campus."),
        ("mail_domain", "for", "Members share one mail domain."),
        ("week", "for", "Members began in one week."),
        ("texts", "for", "Members send four texts."),
        ("cards", "against", f"Cards are {accounts} of {accounts} different."),
        ("age", "neither", "Accounts are 1 to 14 months old."),
    ]
    rows["glance"] += [
        (name + hostile, trait + hostile, speaks, words + hostile) for trait, speaks, words in counted
    ]


def _overview(hostile, empty):
    return {
        "version": "0.1.0",
        "exchanges": 301_442,
        "accounts": 5_214,
        "first_seen": "2026-03-29T00:00:11Z",
        "last_seen": "2026-04-29T23:58:02+00:00",
        "duplicates": 212,
        "quarantined": 37,
        "quarantine_reasons": {"`timestamp` has no zone" + hostile: 30, "broken JSON": 7},
        "candidates": 41,
        "fdr": 0.01,
        "seed": 7,
        "elapsed_s": 38.4,
        "inputs": [{"path": "logs/2026-04" + hostile + ".parquet", "rows": 301_691}],
        "signals": [
            {
                "name": "payment_fingerprint",
                "kind": "indicator",
                "used": True,
                "why": "present in 88 % of accounts",
            },
            {"name": "template", "kind": "indicator", "used": True, "why": "prompts are kept"},
            {"name": "load_balance", "kind": "group_test", "used": True, "why": "needs timestamps only"},
            {
                "name": "phone_prefix",
                "kind": "indicator",
                "used": False,
                "why": "column absent from `accounts`" + hostile,
            },
            {"name": "synchrony", "kind": "group_test", "used": not empty, "why": ""},
        ],
        "missing_columns": ["phone_prefix", "latency_ms"],
    }
