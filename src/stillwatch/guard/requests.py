"""Reads a request's columns of the contract from JSON or from a gateway's headers, and checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import MAX_NAME_BYTES

MAX_BODY = 1 << 20  # most bytes of a request's body
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
"""Columns with short text: at most `MAX_NAME_BYTES` bytes each."""
OF_ACCOUNTS = frozenset({"plan", "program", "email_domain", "payment_fingerprint", "signup_ip"})
"""Columns of the account table, as text of at most `MAX_NAME_BYTES` bytes."""
TEXT_COLUMNS = frozenset({"prompt", "system_prompt"})
"""Columns with text of any length."""
NUMBERS = frozenset({"asn", "max_tokens"})
"""Columns with a whole number from 0 to 2^32 - 1."""
ALSO = frozenset({"route"})
"""Fields that are no columns of the contract."""
KNOWN = TEXTS | OF_ACCOUNTS | TEXT_COLUMNS | NUMBERS | ALSO
"""All names that a request may have; others are ignored."""
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
"""Column by the header in which a gateway sends it. The gateway must set these headers itself and remove
those that a client sends.
"""


class MalformedRequest(ValueError):
    """A request with missing or invalid columns. The message is shown to the caller."""


def from_json(content: bytes) -> dict[str, Any]:
    """The known columns of a JSON body; other names are ignored. Raises `MalformedRequest` for a body that is
    too long, no JSON object, or invalid (`checked`).
    """
    if len(content) > MAX_BODY:
        raise MalformedRequest(f"the body is longer than {MAX_BODY} bytes")
    return checked(json_object(content))


def json_object(content: bytes) -> dict[str, Any]:
    """A body as a JSON object. Raises `MalformedRequest` for anything else."""
    try:
        given = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise MalformedRequest("the body is no JSON") from None
    if not isinstance(given, dict):
        raise MalformedRequest("the body is no JSON object")
    return given


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of `KNOWN` with a value; nulls and other names are left out.

    Raises `MalformedRequest` for a value of the wrong type or size, and where `account_id` is missing or
    empty.
    """
    columns: dict[str, Any] = {}
    for name in KNOWN & given.keys():
        value = given[name]
        if value is None:
            continue
        if name in NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
                raise MalformedRequest(f"`{name}` is no whole number from 0 to 4294967295")
        elif not isinstance(value, str):
            raise MalformedRequest(f"`{name}` is no string")
        elif name not in TEXT_COLUMNS and len(value.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
            raise MalformedRequest(f"`{name}` is longer than {MAX_NAME_BYTES} bytes")
        columns[name] = value
    if not columns.get("account_id"):
        raise MalformedRequest("`account_id` is missing or empty")
    return columns


def from_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    """The columns in a gateway's headers (`HEADERS`); a `route` loses its query string. Raises
    `MalformedRequest` as `checked` does.
    """
    columns: dict[str, Any] = {}
    for name, value in headers:
        column = HEADERS.get(name.decode("latin-1").lower())
        if column is not None and value:
            columns[column] = (
                value.decode("utf-8", "replace").partition("?")[0]
                if column == "route"
                else value.decode("utf-8", "replace")
            )
    return checked(columns)
