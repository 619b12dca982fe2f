"""What a caller tells of a request: checked columns of the contract, from JSON or from a gateway's
headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import LONGEST

MAX_BODY = 1 << 20
TEXTS = frozenset(
    {
        "exchange_id",
        "account_id",
        "organization_id",
        "api_key_id",
        "conversation_id",
        "model",
        "operation",
        "client_ip",
        "country",
        "user_agent",
        "tls_fingerprint",
    }
)
"""Columns of the contract that are names: at most `LONGEST` bytes each."""
OF_ACCOUNTS = frozenset({"plan", "program", "email_domain", "payment_fingerprint", "signup_ip"})
LONG = frozenset({"prompt", "system_prompt"})
NUMBERS = frozenset({"asn", "max_tokens"})
ALSO = frozenset({"route"})
KNOWN = TEXTS | OF_ACCOUNTS | LONG | NUMBERS | ALSO
assert {*EXCHANGES.names, *ACCOUNTS.names} >= KNOWN - ALSO

HEADERS = {
    "x-account-id": "account_id",
    "x-organization-id": "organization_id",
    "x-api-key-id": "api_key_id",
    "x-client-ip": "client_ip",
    "user-agent": "user_agent",
    "x-ja4": "tls_fingerprint",
    "x-model": "model",
    "x-country": "country",
    "x-route": "route",
    "x-original-uri": "route",
}
"""Headers by which a gateway names a request's columns. It must set them itself and drop those that a
client sends.
"""


class Malformed(ValueError):
    """What a caller sent cannot be a request; its text says why and is shown to the caller."""


def from_json(content: bytes) -> dict[str, Any]:
    """The columns that a JSON body names. Raises `Malformed`; names that are none of `KNOWN` are passed
    over.
    """
    if len(content) > MAX_BODY:
        raise Malformed(f"the body is longer than {MAX_BODY} bytes")
    try:
        given = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Malformed("the body is no JSON") from None
    if not isinstance(given, dict):
        raise Malformed("the body is no JSON object")
    return checked(given)


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The known columns of a request. Raises `Malformed` for a value of another type, and where there is
    no account.
    """
    told: dict[str, Any] = {}
    for name in KNOWN & given.keys():
        value = given[name]
        if value is None:
            continue
        if name in NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
                raise Malformed(f"`{name}` is no whole number from 0 to 4294967295")
        elif not isinstance(value, str):
            raise Malformed(f"`{name}` is no string")
        elif name not in LONG and len(value.encode("utf-8", "surrogatepass")) > LONGEST:
            raise Malformed(f"`{name}` is longer than {LONGEST} bytes")
        told[name] = value
    if not told.get("account_id"):
        raise Malformed("`account_id` is missing or empty")
    return told


def from_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    """The columns that a gateway's headers name. Raises `Malformed`; without an account there is nothing
    to decide.
    """
    told: dict[str, Any] = {}
    for name, value in headers:
        column = HEADERS.get(name.decode("latin-1").lower())
        if column is not None and value:
            told[column] = (
                value.decode("utf-8", "replace").partition("?")[0]
                if column == "route"
                else value.decode("utf-8", "replace")
            )
    return checked(told)
