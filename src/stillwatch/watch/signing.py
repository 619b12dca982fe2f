"""Signatures of events, and the envelope around them, as receivers know them from others.

The signature is that of Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`):
HMAC-SHA-256 of id, time and body. While a secret is replaced by another, each body is signed with both. The
envelope is that of CloudEvents 1.0 in its binary form: headers beside the event as it is.
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

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64  # of a secret, as Standard Webhooks asks
SCHEMA = "https://stillwatch.example/schemas/event-1.json"
"""Name of the schema of events; the schema itself is `event-1.schema.json` beside this file."""
TYPE = "example.stillwatch.watch.{}.v1"


def read_secrets(path: Path) -> list[bytes]:
    """The secrets of a file, one a line (`whsec_` and base64), the newest first.

    Raises `UsageError` where the file cannot be read, has none, or holds a line that is no secret.
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
    """The headers that sign a body; none without a secret."""
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
    """The headers of CloudEvents for an event."""
    told = {
        "ce-specversion": "1.0",
        "ce-id": str(event["id"]),
        "ce-type": TYPE.format(event.get("type", "event")),
        "ce-source": f"/stillwatch/watch/{event.get('watch', '')}",
        "ce-dataschema": SCHEMA,
    }
    if event.get("campaign"):
        told["ce-subject"] = str(event["campaign"])
    if event.get("at"):
        told["ce-time"] = str(event["at"])
    return told
