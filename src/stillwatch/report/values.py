"""Labels and counts of the values that members of a campaign share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stillwatch.contract.table import TableRow
from stillwatch.enrich.describe import describe
from stillwatch.enrich.networks import Networks, from_files
from stillwatch.report import wording
from stillwatch.report.reading import ResultTables

NAMES = {
    "prompt_template": "phrase",
    "system_prompt": "system prompt",
    "request_shape": "parameters",
    "prompt_near_duplicate": "nearly equal prompts",
    "user_agent": "client program",
    "tls_fingerprint": "TLS fingerprint",
    "client_prefix": "address range",
    "client_address": "address",
    "asn": "network",
    "email_domain": "mail domain",
    "email_local_shape": "form of the mail name",
    "payment_fingerprint": "payment card",
    "signup_address": "sign-up address",
    "signup_burst": "signed up within ten minutes",
}
"""Labels of kinds of shared values; another kind is labelled by its own name with spaces."""
OPAQUE = {
    "prompt_template": "four words in a row of a prompt",
    "system_prompt": "the instructions sent with every request",
    "request_shape": "sampling parameters and tools together",
    "prompt_near_duplicate": "prompts that are nearly equal",
}
"""Kinds whose values are digests without meaning to a reader, and what they stand for."""
OF_ACCOUNTS = ("email_domain", "email_local_shape", "payment_fingerprint", "signup_address", "signup_burst")
"""Kinds that come from the account table and not from exchanges."""
BURST_S = 600  # seconds of the blocks by which sign-ups are numbered
A_NUMBER_ALONE = re.compile(r"-?\d{8,}")  # of any other kind: longer than every number of a network
ELSEWHERE = "known by a number alone"  # what is said of a value that is a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One shared value: its label, the accounts that show it, and its kind and value in the tables.

    `accounts` counts members. `others` counts accounts beyond the members, and `share` is the part of the
    members' exchanges that show it; both are None where the scan did not write them.
    """

    kind: str
    value: str
    kind_words: str
    is_opaque: bool
    label: str
    about: str
    accounts: int
    others: int | None
    share: float | None
    log10: float
    network_class: str

    @property
    def note(self) -> str:
        """Notes on the value, as a phrase: what lists and the value itself state, and the share of
        exchanges that show it.
        """
        shown = f"in {wording.percent(self.share)} of members' exchanges" if self.share is not None else ""
        return "; ".join(part for part in (self.about, shown) if part)

    @property
    def aggregate(self) -> str:
        """Numbers of members and of other accounts, as a phrase: 40 members, 2 other accounts."""
        members = wording.counted(self.accounts, "member")
        if self.others is None:
            return members
        return f"{members}, {wording.counted(self.others, 'other account') if self.others else 'nobody else'}"


def kind_words(kind: str) -> str:
    """The page's label for a kind of value."""
    return NAMES.get(kind, wording.spaced(kind))


def shared_values(results: ResultTables, campaign: str, exchanges: int) -> list[Shared]:
    """The values that members share, those of the greatest weight first.

    `exchanges` is the number of all exchanges of the members.
    """
    held: dict[tuple[str, str], int] = {}
    links = results.of("links", campaign)
    if links is not None:
        pairs = links.group_by(["kind", "value"]).aggregate([("account_id", "count_distinct")])
        counts = pairs["account_id_count_distinct"].to_pylist()
        held = {
            (kind, value): number
            for kind, value, number in zip(
                pairs["kind"].to_pylist(), pairs["value"].to_pylist(), counts, strict=True
            )
        }
    evidence = {
        (row["kind"], row["value"]): row
        for row in results.rows("evidence", campaign) or ()
        if (row["kind"], row["value"]) in held
    }
    weights: dict[tuple[str, str], float] = {}
    if links is not None:
        mean = links.group_by(["kind", "value"]).aggregate([("weight", "mean")])
        weights = {
            (kind, value): weight
            for kind, value, weight in zip(
                *(mean[c].to_pylist() for c in ("kind", "value", "weight_mean")), strict=True
            )
        }
    known = from_files(())
    order = sorted(held, key=lambda key: (-weights[key], -held[key], key))
    numbers: dict[str, int] = {}
    rows = []
    for kind, value in order:
        numbers[kind] = numbers.get(kind, 0) + 1
        rows.append(
            _shared(
                kind,
                value,
                numbers[kind],
                held[kind, value],
                weights[kind, value],
                evidence.get((kind, value)),
                exchanges,
                known,
            )
        )
    return rows


def _shared(
    kind: str,
    value: str,
    number: int,
    accounts: int,
    log10: float,
    evidence: TableRow | None,
    exchanges: int,
    known: Networks,
) -> Shared:
    """One shared value as the page shows it."""
    words = kind_words(kind)
    is_opaque = kind in OPAQUE or (kind != "asn" and A_NUMBER_ALONE.fullmatch(value) is not None)
    if is_opaque:
        label, about = f"{words} {number}", OPAQUE.get(kind, ELSEWHERE)
    elif kind == "signup_burst" and value.isdigit():
        label, about = wording.moment(datetime.fromtimestamp(int(value) * BURST_S, UTC)), ""
    else:
        label, about = (f"AS{value}" if kind == "asn" else value), describe(kind, value, known)
    share = (
        None
        if evidence is None or not exchanges or kind in OF_ACCOUNTS
        else min(1.0, evidence["exchanges"] / exchanges)
    )
    return Shared(
        kind=kind,
        value=value,
        kind_words=words,
        is_opaque=is_opaque,
        label=label,
        about=about,
        accounts=accounts,
        others=None if evidence is None else evidence["others"],
        share=share,
        log10=log10,
        network_class=str((evidence or {}).get("network_class") or ""),
    )


def labels(shared: Sequence[Shared]) -> Mapping[tuple[str, str], str]:
    """Labels of shared values by kind and value."""
    return {(one.kind, one.value): one.label for one in shared}
