"""Access logs of Envoy AI Gateway, with the keys of its documentation."""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.readers.http import calls_model, method_of, path_of
from stillwatch.readers.registry import Record, Row, address, first, log_format, moment


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if "gen_ai.request.model" in record and ("x-envoy-origin-path" in record or "response_flags" in record):
        return "`gen_ai.request.model` beside an access log's `response_flags`"
    return ""


@log_format(
    title="Envoy AI Gateway access log",
    source="v1.1, docs/capabilities/observability/accesslogs",
    fields={
        "exchange_id": "x-request-id",
        "timestamp": "start_time",
        "account_id": "x-user-id, x-account-id or user.id, else api_key_id, else the client's address",
        "organization_id": "x-organization-id, x-tenant-id",
        "api_key_id": "api_key_id, x-api-key-id",
        "conversation_id": "session.id, agent-session-id",
        "model": "gen_ai.request.model",
        "operation": "x-envoy-origin-path",
        "client_ip": "downstream_remote_address, else x-forwarded-for",
        "user_agent": "user-agent",
        "tls_fingerprint": "tls_ja4_fingerprint, tls_ja3_fingerprint",
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "latency_ms": "duration",
        "status": "response_code",
    },
    known=(
        "start_time",
        "method",
        "x-envoy-origin-path",
        "response_code",
        "response_flags",
        "duration",
        "bytes_received",
        "bytes_sent",
        "user-agent",
        "x-forwarded-for",
        "downstream_remote_address",
        "x-request-id",
        "requested_server_name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.provider.name",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.total_tokens",
        "model_name_override",
        "backend_name",
        "x-user-id",
        "x-account-id",
        "user.id",
        "api_key_id",
        "x-api-key-id",
        "x-organization-id",
        "x-tenant-id",
        "session.id",
        "agent-session-id",
        "tls_ja4_fingerprint",
        "tls_ja3_fingerprint",
        "upstream_host",
        "protocol",
        "x-envoy-upstream-service-time",
        "upstream_cluster",
    ),
    recognise=_recognise,
    notes=(
        "The log has no text. Its keys are the operator's: rename others with `--map`.",
        "Requests for no model (probes, tools by MCP) are passed over.",
        (
            "`x-forwarded-for` is written by the client; it is used only where the connection's own address "
            "is "
            "missing."
        ),
    ),
)
def envoy_ai_gateway(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""

    def said(*names: str) -> object:
        """The first of these fields that is not empty or `-`."""
        return first(*(record[n] for n in names if record.get(n) not in (None, "-", "")))

    model, path = said("gen_ai.request.model", "gen_ai.response.model"), said("x-envoy-origin-path")
    if model is None and (
        any(name.startswith("mcp.") for name in record)
        or not calls_model(method_of(said("method")), path_of(path), {})
    ):
        return
    client = first(address(said("downstream_remote_address")), address(said("x-forwarded-for")))
    yield {
        "exchange_id": said("x-request-id"),
        "timestamp": moment(record.get("start_time")),
        "account_id": first(
            said("x-user-id", "x-account-id", "user.id", "api_key_id", "x-api-key-id"), client
        ),
        "organization_id": said("x-organization-id", "x-tenant-id"),
        "api_key_id": said("api_key_id", "x-api-key-id"),
        "conversation_id": said("session.id", "agent-session-id"),
        "model": model,
        "operation": path,
        "client_ip": client,
        "user_agent": said("user-agent"),
        "tls_fingerprint": said("tls_ja4_fingerprint", "tls_ja3_fingerprint"),
        "input_tokens": said("gen_ai.usage.input_tokens"),
        "output_tokens": said("gen_ai.usage.output_tokens"),
        "latency_ms": said("duration"),
        "status": said("response_code"),
    }
