"""Describes a value that accounts share, from lists and from the value itself."""

from __future__ import annotations

from stillwatch.enrich import agents, domains, networks, tls
from stillwatch.enrich.networks import Networks

ADDRESSES = ("client_address", "client_prefix", "signup_address")
"""Kinds of indicator whose value is an address or an address range."""


def describe(kind: str, value: str, known: Networks) -> str:
    """A short description of an indicator's value for readers; empty where nothing is known. It has no weight
    in detection.

    `known` are the user's lists of networks; the bundled lists are used where these have no entry.
    """
    if kind in ADDRESSES:
        return _network(kind, value, known)
    if kind == "asn":
        system = networks.systems().get(int(value)) if value.isdigit() else None
        return ", ".join(part for part in (system[1], f"{system[0]} network") if part) if system else ""
    if kind == "email_domain":
        return "disposable addresses" if domains.is_disposable(value) else ""
    if kind == "user_agent":
        agent = agents.family(value)
        return (
            ""
            if agent is None
            else f"{agent.family} {agent.version}".strip() + (", a program" if agent.is_program else "")
        )
    if kind == "tls_fingerprint":
        return _greeting(value)
    return ""


def network_class(kind: str, value: str, known: Networks) -> str:
    """The class of the network of an address, range or autonomous system, such as `hosting`; empty where no
    list has it.
    """
    if kind == "asn":
        return networks.systems().get(int(value), ("", ""))[0] if value.isdigit() else ""
    if kind not in ADDRESSES:
        return ""
    one = known.of(value)
    if one and one.kind:
        return one.kind
    listed = networks.bundled().of(value)
    if listed and listed.kind:
        return listed.kind
    return networks.systems().get(one.asn, ("", ""))[0] if one and one.asn is not None else ""


def _network(kind: str, value: str, known: Networks) -> str:
    """Class, autonomous system and name of an address's network, as text."""
    one = known.of(value)
    asn = one.asn if one else None
    system = networks.systems().get(asn, ("", "")) if asn is not None else ("", "")
    kind = network_class(kind, value, known)
    name = (one.name if one else "") or system[1]
    parts = [f"{kind} network" if kind else "", f"AS{asn}" if asn is not None else "", name]
    return ", ".join(part for part in parts if part)


def _greeting(value: str) -> str:
    """Client, version and number of ciphers of a TLS fingerprint, as text."""
    one = tls.parse(value)
    if one is None or one.ciphers is None:
        return ""
    clients = [
        one.client,
        one.version,
        f"{one.ciphers} ciphers",
        "no server named" if one.names_server is False else "",
    ]
    return ", ".join(part for part in clients if part)
