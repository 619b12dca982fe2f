"""HTTP headers of events: signatures (Standard Webhooks) and metadata (CloudEvents 1.0).

The signature (`webhook-id`, `webhook-timestamp`, `webhook-signature`) is the HMAC-SHA-256 of id, time and
body. While a secret is being replaced, each body is signed with the old and the new one. CloudEvents is used
in binary mode: metadata in headers, the event unchanged in the body.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stillwatch.errors import Problem, UsageError

PREFIX = "whsec_"  # start of a secret (Standard Webhooks)
MIN_BYTES, MAX_BYTES = 24, 64  # length of a secret in bytes: from Standard Webhooks
SCHEMA = "https://stillwatch.example/schemas/event-1.json"
"""Identifier of the schema of events, which is the file `event-1.schema.json` in this folder."""
TYPE = "example.stillwatch.watch.{}.v1"  # `ce-type` of an event, with its type inserted


def read_secrets(path: Path) -> list[bytes]:
    """The secrets in a file, decoded, in its order (the newest first). A line is `whsec_` and base64.

    Raises `UsageError` where the file cannot be read, has no secret, or has a line that is no secret.
    """
    try:
        lines = [line.strip() for line in path.read_text("ascii").splitlines() if line.strip()]
        secrets = [_secret(line) for line in lines]
    except (OSError, ValueError) as error:
        raise UsageError(
            Problem(
                fact="the secrets of the webhook cannot be read",
                where=str(path),
                found=(error.strerror or "") if isinstance(error, OSError) else "a line that is no secret",
                expected=f"one a line: {PREFIX} and {MIN_BYTES} to {MAX_BYTES} bytes in base64",
                fix=f"echo {PREFIX}$(head -c 32 /dev/urandom | base64) > {path}",
            )
        ) from None
    if not secrets:
        raise UsageError(Problem(fact="the file of the webhook's secrets is empty", where=str(path)))
    return secrets


def _secret(line: str) -> bytes:
    """The bytes of a secret. Raises `ValueError` for another form or length."""
    if not line.startswith(PREFIX):
        raise ValueError("no prefix")
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        raise ValueError("too short or too long")
    return secret


def signed(secrets: Sequence[bytes], event_id: str, body: bytes, now: float | None = None) -> dict[str, str]:
    """The headers with the signatures of a body under each secret; empty without a secret.

    `now` is the time of the signature in seconds since 1970 (None: the machine's).
    """
    if not secrets:
        return {}
    at = str(int(time.time() if now is None else now))
    content = f"{event_id}.{at}.".encode() + body
    codes = [base64.b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{code}" for code in codes),
    }


def enveloped(event: Mapping[str, Any]) -> dict[str, str]:
    """The CloudEvents headers of an event."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": str(event["id"]),
        "ce-type": TYPE.format(event.get("type", "event")),
        "ce-source": f"/stillwatch/watch/{event.get('watch', '')}",
        "ce-dataschema": SCHEMA,
    }
    if event.get("campaign"):
        headers["ce-subject"] = str(event["campaign"])
    if event.get("at"):
        headers["ce-time"] = str(event["at"])
    return headers
