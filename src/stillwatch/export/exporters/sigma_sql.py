"""The Sigma correlation rules as DuckDB queries over a table `exchanges`, for use without a Sigma backend.

There is one query for each rule. It returns the times at which at least `CROWD` accounts showed the value
within `sigma.TIMESPAN`, with the number of accounts and the exchange's identifier. As in Sigma, text
comparison ignores case.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from stillwatch.export.content import CROWD, ExportedCampaign, ExportedIndicator, read_content
from stillwatch.export.exporters.sigma import FIELDS
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import active, own_uuid, stamp, tlp_label

INTERVAL = "INTERVAL 1 DAY"
"""`sigma.TIMESPAN` in DuckDB's syntax."""
HEXTET = 16
"""Bits of one group of an IPv6 address."""


@exporter(title="Sigma correlations as DuckDB queries", names_accounts=False)
def sigma_sql(results: Path, out: Path, terms: Terms) -> None:
    """Write `rules.sql`."""
    content = read_content(results, terms)
    queries = [
        _query(what, one, terms)
        for one in active(content.campaigns)
        for what in one.shared
        if what.kind in FIELDS and _condition(what)
    ]
    head = f"-- {tlp_label(terms.tlp)}, {terms.producer}\n".replace("\r", " ")
    (out / "rules.sql").write_text(head + "\n".join(queries), encoding="utf-8")


def _query(what: ExportedIndicator, one: ExportedCampaign, terms: Terms) -> str:
    """The query of one indicator, with a comment."""
    base = own_uuid("sigma", terms.producer, one.key, what.kind, what.value)
    return (
        f"-- rule {own_uuid('sigma correlation', base)}: several accounts with the {what.kind} of "
        f"{one.title}; confidence {what.confidence}\n"
        f'SELECT {_text(base)} AS rule, exchange_id, account_id, "timestamp", accounts FROM (\n'
        f'  SELECT exchange_id, account_id, "timestamp", count(DISTINCT account_id) OVER (\n'
        f'    ORDER BY "timestamp" RANGE BETWEEN {INTERVAL} PRECEDING AND CURRENT ROW) AS accounts\n'
        f'  FROM exchanges WHERE {_condition(what)} AND "timestamp" <= TIMESTAMPTZ '
        f"{_text(stamp(one.expires))}\n"
        f") WHERE accounts >= {CROWD};\n"
    )


def _condition(what: ExportedIndicator) -> str:
    """The SQL condition on a row of `exchanges`; empty for an IPv6 range whose length is no multiple
    of 16.
    """
    if what.kind not in ("client_prefix", "signup_address"):
        return f"lower({FIELDS[what.kind]}) = lower({_text(what.value)})"
    network = ipaddress.ip_network(what.value, strict=False)
    if network.prefixlen == network.max_prefixlen:
        return f"client_ip = {_text(str(network.network_address))}"
    if network.version == 4:
        number = " + ".join(
            f"try_cast(split_part(client_ip, '.', {4 - at}) AS BIGINT) * {256**at}" for at in range(4)
        )
        return f"{number} BETWEEN {int(network[0])} AND {int(network[-1])}"
    if network.prefixlen % HEXTET:
        return ""
    parts = str(network.network_address.exploded).split(":")[: network.prefixlen // HEXTET]
    shown = ":".join(f"{int(part, 16):x}" for part in parts)
    return f"starts_with(lower(client_ip), {_text(shown + ':')})"


def _text(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
