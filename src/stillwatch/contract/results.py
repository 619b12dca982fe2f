"""The tables of a results folder."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

STRING, INT, REAL = pa.string(), pa.int64(), pa.float64()

# `CampaignKind` is the kind of a campaign; `Basis` is the ground on which a statement is made.
CampaignKind = Literal["harvest", "relay", "mixed", "fleet", "undetermined"]
Basis = Literal["measured", "inferred", "alleged", "not shown"]

RECORD = "record.jsonl"
"""Name of the file that records people's decisions (labels, approvals, roll-outs) in a results folder or a
state folder; a scan never writes it.
"""

CAMPAIGNS = TableSchema(
    name="campaigns",
    key=("campaign_id",),
    columns=(
        column("campaign_id", STRING, "name within this results folder", required=True),
        column("kind", STRING, "harvest, relay, mixed, fleet or undetermined", required=True),
        column("first_seen", TIMESTAMP, "first attributed exchange", required=True),
        column("last_seen", TIMESTAMP, "last attributed exchange", required=True),
        column(
            "detected_at",
            TIMESTAMP,
            "earliest point at which the evidence so far sufficed; null where at no look it did",
        ),
        column("accounts", INT, "members", required=True),
        column("exchanges", INT, "exchanges attributed", required=True),
        column("exchanges_low", INT, "lower end of the interval", required=True),
        column("exchanges_high", INT, "upper end of the interval", required=True),
        column("q_value", REAL, "false-discovery rate at which it is reported", required=True),
        column(
            "fpr_empirical",
            REAL,
            "how often honest groups of the nearest explanation in the shipped bank reach this evidence: "
            "upper 95 % bound",
        ),
        column(
            "fpr_synthetic",
            REAL,
            "how often groups drawn at random from this log, stratified by the nearest explanation's mark, "
            "reach this "
            "evidence: upper 95 % bound",
        ),
        column("explanation", STRING, "the innocent explanation that comes nearest", required=True),
        column("capabilities", pa.list_(STRING), "capabilities sought, most frequent first", required=True),
    ),
)

MEMBERS = TableSchema(
    name="members",
    key=("campaign_id", "account_id"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("account_id", STRING, "as in `exchanges`", required=True),
        column("score", REAL, "probability of membership, 0 to 1", required=True),
        column("exchanges", INT, "exchanges of this account attributed to the campaign", required=True),
    ),
)

ATTRIBUTED = TableSchema(
    name="exchanges",
    key=("campaign_id", "exchange_id", "account_id", "timestamp"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("exchange_id", STRING, "as in `exchanges`; a sender may use one for many", required=True),
        column("account_id", STRING, "whose exchange it is"),
        column("timestamp", TIMESTAMP, "when the request arrived"),
    ),
)

EVIDENCE = TableSchema(
    name="evidence",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("kind", STRING, "the signal that saw it", required=True),
        column("value", STRING, "what was shared or measured", required=True),
        column("accounts", INT, "members it concerns", required=True),
        column("exchanges", INT, "exchanges it concerns", required=True),
        column("log10_likelihood_ratio", REAL, "weight of the evidence", required=True),
        column("statement", STRING, "one plain sentence", required=True),
        column("basis", STRING, "measured, inferred or alleged"),
        column(
            "others",
            INT,
            "accounts beyond the members that show the value; null where it is not a shared value",
        ),
        column(
            "network_class",
            STRING,
            "class of the network that the value names, such as `hosting`; null where no list says it",
        ),
    ),
)

LEADS = TableSchema(
    name="leads",
    key=("lead_id",),
    columns=(
        column("lead_id", STRING, "name within this results folder", required=True),
        column("accounts", INT, "accounts of the group", required=True),
        column("exchanges", INT, "exchanges of these accounts", required=True),
        column("rank", INT, "1 is the lead with the most at stake", required=True),
        column("explanation", STRING, "the innocent explanation that remains possible", required=True),
        column("log10_e", REAL, "evidence beyond that explanation", required=True),
        column("settled_by", STRING, "what would settle whether the explanation holds", required=True),
        column("statement", STRING, "what was seen, in one plain sentence"),
    ),
)

LEAD_MEMBERS = TableSchema(
    name="lead_members",
    key=("lead_id", "account_id"),
    columns=(
        column("lead_id", STRING, "as in `leads`", required=True),
        column("account_id", STRING, "as in `exchanges`", required=True),
    ),
)

EXPLANATIONS = TableSchema(
    name="explanations",
    key=("group_id", "explanation"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("explanation", STRING, "the innocent explanation that was tried", required=True),
        column("marked", INT, "accounts that carry its mark", required=True),
        column("log10_e", REAL, "evidence that it cannot produce", required=True),
        column(
            "statement",
            STRING,
            "what it would explain and what remains, in one plain sentence",
            required=True,
        ),
    ),
)

GLANCE = TableSchema(
    name="glance",
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("trait", STRING, "what was counted", required=True),
        column("speaks", STRING, "`for` or `against` one control, or `neither`", required=True),
        column("statement", STRING, "one plain sentence", required=True),
    ),
)

PROFILES = TableSchema(
    name="profiles",
    key=("group_id", "account_id"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("account_id", STRING, "as in `exchanges`", required=True),
        column(
            "owner",
            INT,
            "number of the declared owner, the same for all accounts of the log with that owner; null where "
            "no other account has it",
        ),
        column(
            "created_at",
            TIMESTAMP,
            "hour in which the account was created; null where the log does not say it",
        ),
        column("first_seen", TIMESTAMP, "start of the hour of its first exchange, attributed or not"),
        column("last_seen", TIMESTAMP, "start of the hour of its last exchange, attributed or not"),
        column("exchanges", INT, "exchanges of the account, attributed or not", required=True),
        column(
            "marks", pa.list_(STRING), "explanations that were tried and whose mark it carries", required=True
        ),
    ),
)

COMMON = TableSchema(
    name="common",
    key=("group_id", "trait"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("trait", STRING, "what was counted", required=True),
        column("known", INT, "accounts of which it is known", required=True),
        column("different", INT, "different values; null where it is no value"),
        column(
            "most",
            INT,
            "accounts that have the most frequent value, or to which it applies; null where it is a span",
        ),
        column("low_days", REAL, "lower end of a span in days; null elsewhere"),
        column("high_days", REAL, "upper end of a span in days; null elsewhere"),
    ),
)

TEXTS = TableSchema(
    name="texts",
    key=("campaign_id", "rank"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("rank", INT, "1 is the text that most members sent; shapes follow texts", required=True),
        column(
            "texts",
            INT,
            "1 for one text, word for word; else the different texts that have this shape",
            required=True,
        ),
        column("accounts", INT, "members that sent it", required=True),
        column("exchanges", INT, "attributed exchanges with it", required=True),
        column("words_low", INT, "words of the shortest", required=True),
        column("words_high", INT, "words of the longest", required=True),
        column("capability", STRING, "capability class", required=True),
        column("first_seen", TIMESTAMP, "first attributed exchange with it", required=True),
        column("last_seen", TIMESTAMP, "last attributed exchange with it", required=True),
        column(
            "exchange_id",
            STRING,
            "that first exchange, by which the text is found again in the logs",
            required=True,
        ),
        column("account_id", STRING, "whose exchange that is"),
    ),
)

TIMELINE = TableSchema(
    name="timeline",
    key=("campaign_id", "hour"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("hour", TIMESTAMP, "start of the hour", required=True),
        column("exchanges", INT, "attributed exchanges in that hour", required=True),
        column("log10_e", REAL, "evidence known at the end of that hour; null where it was not looked at"),
        column("log10_alert", REAL, "evidence that calls a person at that hour, if one looks every hour"),
        column("log10_confirm", REAL, "evidence that holds the false-discovery rate at any stopping time"),
    ),
)

LINKS = TableSchema(
    name="links",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("account_id", STRING, "a member", required=True),
        column("kind", STRING, "indicator", required=True),
        column("value", STRING, "the shared value", required=True),
        column("weight", REAL, "log10 match weight", required=True),
    ),
)

HYPOTHESES = TableSchema(
    name="hypotheses",
    key=("campaign_id", "hypothesis"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("hypothesis", STRING, "H1 to H5", required=True),
        column("log10_likelihood", REAL, "relative to the best explanation, which has 0", required=True),
        column("statement", STRING, "what speaks for or against it", required=True),
    ),
)

CLAIMS = TableSchema(
    name="claims",
    key=("campaign_id", "claim"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("claim", INT, "1 to 5", required=True),
        column("basis", STRING, "measured, inferred or not shown", required=True),
        column("statement", STRING, "what is and is not claimed", required=True),
    ),
)

SOUGHT = TableSchema(
    name="capabilities",
    key=("campaign_id", "capability"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("capability", STRING, "capability class", required=True),
        column("exchanges", INT, "attributed exchanges of that class", required=True),
        column("input_tokens", INT, "tokens read in them; null where the log does not say"),
        column("output_tokens", INT, "tokens written in them; null where the log does not say"),
    ),
)

NAMES = TableSchema(
    name="names",
    key=("campaign_id",),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("name", STRING, "name that the campaign keeps over scans into this folder", required=True),
        column("known_since", TIMESTAMP, "end of the log of the scan that first reported it", required=True),
        column("lineage", pa.list_(STRING), "splits and merges", required=True),
    ),
)

LABELLED = TableSchema(
    name="labels",
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("account_id", STRING, "the account that is meant; null where it is the group"),
        column("value", STRING, "the value that is meant, as `KIND=VALUE`; null where it is none"),
        column("verdict", STRING, "honest, campaign or allow", required=True),
        column("author", STRING, "who said so", required=True),
        column("reason", STRING, "why", required=True),
        column("labelled_at", TIMESTAMP, "when", required=True),
        column("expires", TIMESTAMP, "until when it holds; null: until it is withdrawn"),
        column("statement", STRING, "the label in one plain sentence", required=True),
    ),
)

PROMPTS = TableSchema(
    name="prompts",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("prompt", STRING, "customer text, written only on request", required=True),
        column("rank", INT, "as in `texts`: the text, or an example of the shape, that it is"),
        column("language", STRING, "its language, ISO 639-1; null where it has too few words to tell"),
    ),
)

QUARANTINE = TableSchema(
    name="quarantine",
    columns=(
        column("file", STRING, "where the row stood", required=True, text=True),
        column(
            "row",
            INT,
            "row or line number in that file, from 1; 0 where the file as a whole is meant",
            required=True,
        ),
        column("column", STRING, "the column at fault; null when the whole line is"),
        column("reason", STRING, "what is wrong with it", required=True),
        column("raw_sha256", STRING, "digest of the row as it stood, to find it again without copying text"),
        column(
            "rows",
            INT,
            "rows that this one stands for: more than 1 where a file has too many to list each, and `row` is "
            "the first of them",
            required=True,
        ),
    ),
)


def quarantined_rows(table: pa.Table) -> int:
    """Number of input rows that a `QUARANTINE` table stands for: the sum of its column `rows`."""
    return sum(table.column("rows").to_pylist())
