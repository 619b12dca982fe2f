"""Translates between each kind of gateway and the guard: the gateway's request to columns, the decision to
its reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from stillwatch.guard import bodies
from stillwatch.guard.decision import Decision
from stillwatch.guard.requests import MalformedRequest, json_object
from stillwatch.policy.rules import ALLOW, Policy

Headers = list[tuple[bytes, bytes]]
DIRECTIVE = b"x-guard-directive"
"""Header that tells the model server what to do with a request that is passed on (`hide_reasoning`)."""
MARK = b"x-guard-mark"
"""Header that names campaign and account of a request with `hide_reasoning`, in the form of a URL's query:
the model server may mark the answer under the campaign's key.
"""
JSON: Headers = [(b"content-type", b"application/json")]  # headers of an answer with a JSON body


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP response to a gateway."""

    status: int
    body: bytes
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """The translation for one kind of gateway.

    `columns` maps a request body to columns of the contract; it is None where the gateway sends them in
    headers. `reply` builds the response for a decision. `unknown` builds the response for a request without a
    valid account, from the reason as text; the gateway then passes that request on.
    """

    reply: Callable[[Decision, Policy], Reply]
    unknown: Callable[[str], Reply]
    columns: Callable[[bytes], Mapping[str, Any]] | None = None


def passes(decision: Decision) -> Headers:
    """Headers to add to a request that is passed on to the model server: the decision's identifier, the
    action unless it is `allow`, and with `hide_reasoning` campaign and account.
    """
    headers = [(b"x-decision-id", decision.decision_id.encode())]
    if decision.action != ALLOW:
        headers.append((DIRECTIVE, decision.action.encode()))
    if decision.action == "hide_reasoning":
        headers.append(
            (MARK, urlencode({"campaign": decision.campaign, "account": decision.account}).encode())
        )
    return headers


def _envoy(decision: Decision, policy: Policy) -> Reply:
    """Response for Envoy's `ext_authz` over HTTP: status 200 passes the request on; any other response is
    returned to the client.
    """
    if not decision.refuses:
        return Reply(status=200, body=b"", headers=passes(decision))
    return Reply(status=decision.status, body=bodies.body(decision, policy), headers=bodies.headers(decision))


def _nginx(decision: Decision, policy: Policy) -> Reply:
    """Response for nginx's `auth_request`, which interprets only 2xx, 401 and 403. The nginx configuration
    builds the client's response from the `x-guard-*` headers.
    """
    if not decision.refuses:
        return Reply(status=200, body=b"", headers=passes(decision))
    headers = [
        (b"x-guard-status", str(decision.status).encode()),
        (b"x-guard-body", bodies.body(decision, policy)),
        (b"x-request-id", decision.decision_id.encode()),
        (b"retry-after", str(decision.retry_after_s).encode()),
    ]
    return Reply(status=403, body=b"", headers=headers)


def _litellm(decision: Decision, policy: Policy) -> Reply:
    """Response for LiteLLM's Generic Guardrail API. LiteLLM answers its client 400 for every block."""
    detail = (
        {"action": "BLOCKED", "blocked_reason": bodies.words(decision, policy)}
        if decision.refuses
        else {"action": "NONE"}
    )
    return Reply(status=200, body=orjson.dumps(detail), headers=JSON)


def _portkey(decision: Decision, policy: Policy) -> Reply:
    """Response for a webhook of Portkey's guardrails: `verdict` false refuses the request."""
    answer: dict[str, Any] = {"verdict": not decision.refuses}
    if decision.refuses:
        answer["data"] = {"reason": bodies.words(decision, policy), "explanation": decision.reason}
    return Reply(status=200, body=orjson.dumps(answer), headers=JSON)


def _of_litellm(content: bytes) -> Mapping[str, Any]:
    """Columns from a LiteLLM guardrail call: account, organization, key hash, model and user agent, as far as
    LiteLLM sends them.

    Raises `MalformedRequest` for a body of another form.
    """
    given = json_object(content)
    about = given.get("request_data") or {}
    headers = given.get("request_headers") or {}
    if not isinstance(about, dict) or not isinstance(headers, dict):
        raise MalformedRequest("`request_data` or `request_headers` is no JSON object")
    account = (
        about.get("user_api_key_user_id")
        or about.get("user_api_key_end_user_id")
        or about.get("user_api_key_hash")
    )
    columns = {
        "account_id": account,
        "organization_id": about.get("user_api_key_org_id") or about.get("user_api_key_team_id"),
        "api_key_id": about.get("user_api_key_hash"),
        "model": given.get("model"),
        "user_agent": headers.get("user-agent"),
    }
    return {name: value for name, value in columns.items() if value not in (None, "", "[present]")}


def _of_portkey(content: bytes) -> Mapping[str, Any]:
    """Columns from the metadata of a Portkey webhook call. Raises `MalformedRequest` for a body of another
    form.
    """
    given = json_object(content)
    about = given.get("metadata") or {}
    if not isinstance(about, dict):
        raise MalformedRequest("`metadata` is no JSON object")
    return {**about, "account_id": about.get("account_id") or about.get("_user")}


REPLIES: Mapping[str, Adapter] = {
    "envoy": Adapter(reply=_envoy, unknown=lambda _why: Reply(status=200, body=b"", headers=[])),
    "nginx": Adapter(reply=_nginx, unknown=lambda _why: Reply(status=200, body=b"", headers=[])),
    "litellm": Adapter(
        reply=_litellm,
        unknown=lambda _why: Reply(status=200, body=orjson.dumps({"action": "NONE"}), headers=JSON),
        columns=_of_litellm,
    ),
    "portkey": Adapter(
        reply=_portkey,
        unknown=lambda _why: Reply(status=200, body=orjson.dumps({"verdict": True}), headers=JSON),
        columns=_of_portkey,
    ),
}
"""Adapter by the name in the path `/adapters/NAME`."""
