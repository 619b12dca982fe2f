"""The tables of a results folder."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

# Types of columns.
STRING, INT, REAL = pa.string(), pa.int64(), pa.float64()

# `CampaignKind` is the kind of a campaign; `Basis` is the ground on which a statement is made.
CampaignKind = Literal["harvest", "relay", "mixed", "fleet", "undetermined"]
Basis = Literal["measured", "inferred", "alleged", "not shown"]

RECORD = "record.jsonl"
"""Name of the file that records people's decisions (labels, approvals, roll-outs) in a results folder or a
state folder; a scan never writes it.
"""

# A row for each campaign.
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
            "first hour at which the evidence of the log so far reached the alert threshold; null where it "
            "did so at no hour that was examined",
        ),
        column("accounts", INT, "members", required=True),
        column("exchanges", INT, "attributed exchanges", required=True),
        column("exchanges_low", INT, "lower end of a nominal 90 % interval of its exchanges", required=True),
        column("exchanges_high", INT, "upper end of a nominal 90 % interval of its exchanges", required=True),
        column("q_value", REAL, "false-discovery rate at which it is reported", required=True),
        column(
            "fpr_empirical",
            REAL,
            "upper 95 % bound on the share of honest groups of the nearest explanation, in the bank that is "
            "installed, whose evidence is at least this; null where the bank has no such groups",
        ),
        column(
            "fpr_synthetic",
            REAL,
            "upper 95 % bound on the share of groups drawn at random from this log, stratified by the "
            "nearest explanation's mark, whose evidence is at least this; null where it was not measured",
        ),
        column(
            "explanation",
            STRING,
            "innocent explanation that leaves the least evidence; empty where none was tried",
            required=True,
        ),
        column(
            "capabilities",
            pa.list_(STRING),
            "capability classes of its exchanges, most frequent first",
            required=True,
        ),
    ),
)

# A row for each account of a campaign.
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

# A row for each exchange of a campaign.
ATTRIBUTED = TableSchema(
    name="exchanges",
    key=("campaign_id", "exchange_id", "account_id", "timestamp"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("exchange_id", STRING, "as in `exchanges`; several may have the same", required=True),
        column("account_id", STRING, "account that sent it"),
        column("timestamp", TIMESTAMP, "when the request arrived"),
    ),
)

# A row for each piece of evidence of a campaign.
EVIDENCE = TableSchema(
    name="evidence",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("kind", STRING, "name of the signal", required=True),
        column("value", STRING, "shared value, or the measured quantity as text", required=True),
        column("accounts", INT, "members with the value, or that were tested", required=True),
        column("exchanges", INT, "exchanges with the value, or of the tested members", required=True),
        column("log10_likelihood_ratio", REAL, "log10 of the likelihood ratio or e-value", required=True),
        column("statement", STRING, "the finding as a sentence", required=True),
        column("basis", STRING, "measured, inferred or alleged"),
        column(
            "others",
            INT,
            "accounts with the value that are not members; null where the evidence is no shared value",
        ),
        column(
            "network_class",
            STRING,
            "class of the network that the value names, such as `hosting`; null where unknown",
        ),
    ),
)

# A row for each group that an innocent explanation covers.
LEADS = TableSchema(
    name="leads",
    key=("lead_id",),
    columns=(
        column("lead_id", STRING, "name within this results folder", required=True),
        column("accounts", INT, "accounts of the group", required=True),
        column("exchanges", INT, "exchanges of these accounts", required=True),
        column("rank", INT, "position by the estimated number of harvested requests, from 1", required=True),
        column("explanation", STRING, "innocent explanation that remains possible", required=True),
        column("log10_e", REAL, "evidence beyond that explanation", required=True),
        column("settled_by", STRING, "check that decides whether the explanation is true", required=True),
        column("statement", STRING, "the evidence as a sentence"),
    ),
)

# A row for each account of a lead.
LEAD_MEMBERS = TableSchema(
    name="lead_members",
    key=("lead_id", "account_id"),
    columns=(
        column("lead_id", STRING, "as in `leads`", required=True),
        column("account_id", STRING, "as in `exchanges`", required=True),
    ),
)

# A row for each group and innocent explanation that was tried on it.
EXPLANATIONS = TableSchema(
    name="explanations",
    key=("group_id", "explanation"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("explanation", STRING, "innocent explanation that was tried", required=True),
        column("marked", INT, "accounts that carry its mark", required=True),
        column("log10_e", REAL, "evidence that it cannot produce", required=True),
        column(
            "statement",
            STRING,
            "evidence that it explains and evidence that remains, as a sentence",
            required=True,
        ),
    ),
)

# A row for each group and first fact about it.
GLANCE = TableSchema(
    name="glance",
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("trait", STRING, "property of the group", required=True),
        column(
            "speaks",
            STRING,
            "whether the property is evidence `for` or `against` one control, or `neither`",
            required=True,
        ),
        column("statement", STRING, "the property as a sentence", required=True),
    ),
)

# A row for each account of a group.
PROFILES = TableSchema(
    name="profiles",
    key=("group_id", "account_id"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("account_id", STRING, "as in `exchanges`", required=True),
        column(
            "owner",
            INT,
            "number of the declared owner, equal for all accounts of the log with that owner; null where no "
            "other account has that owner",
        ),
        column(
            "created_at",
            TIMESTAMP,
            "hour in which the account was created; null where unknown",
        ),
        column("first_seen", TIMESTAMP, "start of the hour of its first exchange, attributed or not"),
        column("last_seen", TIMESTAMP, "start of the hour of its last exchange, attributed or not"),
        column("exchanges", INT, "exchanges of the account, attributed or not", required=True),
        column("marks", pa.list_(STRING), "tried explanations whose mark it carries", required=True),
    ),
)

# A row for each group and trait that its accounts may have in common.
COMMON = TableSchema(
    name="common",
    key=("group_id", "trait"),
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("trait", STRING, "property of the accounts", required=True),
        column("known", INT, "accounts for which the property is known", required=True),
        column("different", INT, "number of different values; null where the property has no values"),
        column(
            "most",
            INT,
            "accounts with the most frequent value, or to which the property applies; null for a span",
        ),
        column("low_days", REAL, "lower end of a span in days; null elsewhere"),
        column("high_days", REAL, "upper end of a span in days; null elsewhere"),
    ),
)

# A row for each campaign and frequent text of it.
TEXTS = TableSchema(
    name="texts",
    key=("campaign_id", "rank"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("rank", INT, "position, from 1: texts by number of members, then shapes", required=True),
        column(
            "texts",
            INT,
            "1 for one text; for a shape, the number of different texts of that shape",
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
            "first exchange with it, by which the text can be looked up in the logs",
            required=True,
        ),
        column("account_id", STRING, "account of that exchange"),
    ),
)

# A row for each campaign and hour.
TIMELINE = TableSchema(
    name="timeline",
    key=("campaign_id", "hour"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("hour", TIMESTAMP, "start of the hour", required=True),
        column("exchanges", INT, "attributed exchanges in that hour", required=True),
        column("log10_e", REAL, "evidence at the end of that hour; null where it was not computed"),
        column("log10_alert", REAL, "evidence that raises an alert at that hour, if every hour is examined"),
        column("log10_confirm", REAL, "evidence that keeps the false-discovery rate at any stopping time"),
    ),
)

# A row for each account of a group and value that it shares.
LINKS = TableSchema(
    name="links",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("account_id", STRING, "a member", required=True),
        column("kind", STRING, "name of the indicator", required=True),
        column("value", STRING, "the shared value", required=True),
        column("weight", REAL, "log10 match weight", required=True),
    ),
)

# A row for each campaign and hypothesis about its kind.
HYPOTHESES = TableSchema(
    name="hypotheses",
    key=("campaign_id", "hypothesis"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("hypothesis", STRING, "H1 to H5", required=True),
        column("log10_likelihood", REAL, "relative to the likeliest hypothesis, which has 0", required=True),
        column("statement", STRING, "evidence for or against it, as a sentence", required=True),
    ),
)

# A row for each campaign and claim about it.
CLAIMS = TableSchema(
    name="claims",
    key=("campaign_id", "claim"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("claim", INT, "1 to 5", required=True),
        column("basis", STRING, "measured, inferred or not shown", required=True),
        column("statement", STRING, "the claim as a sentence", required=True),
    ),
)

# A row for each campaign and capability that it asks for.
SOUGHT = TableSchema(
    name="capabilities",
    key=("campaign_id", "capability"),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("capability", STRING, "capability class", required=True),
        column("exchanges", INT, "attributed exchanges of that class", required=True),
        column("input_tokens", INT, "input tokens of these exchanges; null where unknown"),
        column("output_tokens", INT, "output tokens of these exchanges; null where unknown"),
    ),
)

# A row for each campaign, with its names in earlier scans.
NAMES = TableSchema(
    name="names",
    key=("campaign_id",),
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("name", STRING, "name that the campaign keeps over scans into this folder", required=True),
        column("known_since", TIMESTAMP, "end of the log of the scan that first reported it", required=True),
        column("lineage", pa.list_(STRING), "splits and merges of the campaign, as sentences", required=True),
    ),
)

# A row for each label in force and the group, account or value to which it applies.
LABELLED = TableSchema(
    name="labels",
    columns=(
        column("group_id", STRING, "a `campaign_id` or a `lead_id`", required=True),
        column("account_id", STRING, "account to which the label applies; null for the whole group"),
        column("value", STRING, "value to which the label applies, as `KIND=VALUE`; null for none"),
        column("verdict", STRING, "honest, campaign or allow", required=True),
        column("author", STRING, "person who set the label", required=True),
        column("reason", STRING, "reason of the label", required=True),
        column("labelled_at", TIMESTAMP, "time of the label", required=True),
        column("expires", TIMESTAMP, "end of its validity; null where it has none"),
        column("statement", STRING, "the label as a sentence", required=True),
    ),
)

# A row for each prompt that is shown, where `--show-prompts` is given.
PROMPTS = TableSchema(
    name="prompts",
    columns=(
        column("campaign_id", STRING, "as in `campaigns`", required=True),
        column("prompt", STRING, "customer text, written only on request", required=True),
        column("rank", INT, "rank in `texts` of this text, or of the shape of which it is an example"),
        column("language", STRING, "ISO 639-1 code of its language; null where it has too few words"),
    ),
)

# A row for each reason and place for which rows were not read.
QUARANTINE = TableSchema(
    name="quarantine",
    columns=(
        column("file", STRING, "file of the row", required=True, text=True),
        column(
            "row",
            INT,
            "row or line number in that file, from 1; 0 for the whole file",
            required=True,
        ),
        column("column", STRING, "column with the invalid value; null where the whole line is invalid"),
        column("reason", STRING, "what is wrong", required=True),
        column("raw_sha256", STRING, "digest of the row's text, by which the row can be found again"),
        column(
            "rows",
            INT,
            "number of rows that this row represents: more than 1 where a file has too many to list; `row` "
            "is then the first of them",
            required=True,
        ),
    ),
)


def quarantined_rows(table: pa.Table) -> int:
    """Number of input rows that a `QUARANTINE` table stands for: the sum of its column `rows`."""
    return sum(table.column("rows").to_pylist())
