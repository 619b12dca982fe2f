"""Reads a model call from the attributes of a span or a log record.

The present OpenTelemetry conventions are supported, those up to 1.36, and the attributes of Traceloop,
OpenInference, Vercel, Sentry, Langfuse, LangSmith, LiteLLM and Google's ADK. Spans are joined in `traces.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stillwatch.readers.content import answered, decoded, prompts_of, request_columns, tool_names
from stillwatch.readers.registry import (
    SHAPES,
    UNREADABLE,
    Malformed,
    Record,
    Row,
    address,
    at,
    elapsed_ms,
    first,
    mapping,
    moment,
    refusal,
)

EVENT = "gen_ai.client.inference.operation.details"  # name of the event with an exchange's content
MODEL = (
    "gen_ai.request.model",
    "gen_ai.response.model",
    "llm.model_name",
    "llm.request.model",
    "ai.model.id",
)
"""Attributes of each column, in the order in which they are tried; here and below."""
# Attributes with the account, in the order tried.
ACCOUNT = (
    "user.id",
    "enduser.id",
    "gen_ai.user",
    "litellm.user.id",
    "user.hash",
    "enduser.pseudo.id",
    "account.id",
    "langfuse.user.id",
    "langfuse.trace.user_id",
    "traceloop.association.properties.user_id",
    "traceloop.association.properties.userId",
    "traceloop.association.properties.account_id",
    "ai.telemetry.metadata.userId",
    "ai.telemetry.metadata.user_id",
    "ai.telemetry.metadata.accountId",
    "langsmith.metadata.user_id",
    "metadata.user_api_key_user_id",
    "metadata.user_id",
    "metadata.userId",
    "mlflow.trace.user",
    "user_id",
    "userId",
    "account_id",
)
# Attributes with the organization, in the order tried.
ORGANIZATION = (
    "organization.id", "litellm.team.id", "tenant.id", "metadata.user_api_key_team_id",
    "traceloop.association.properties.organization_id",
)  # fmt: skip
# Attributes with the name or hash of the API key, in the order tried.
KEY = ("litellm.api_key.hash", "api_key.id", "metadata.user_api_key_hash")
# Attributes with the conversation, in the order tried.
CONVERSATION = (
    "gen_ai.conversation.id",
    "session.id",
    "traceloop.association.properties.session_id",
    "langfuse.session.id",
    "traceloop.association.properties.chat_id",
    "ai.telemetry.metadata.sessionId",
    "langsmith.trace.session_id",
    "langsmith.metadata.thread_id",
    "gcp.vertex.agent.session_id",
    "metadata.session_id",
    "mlflow.trace.session",
)
# Attributes with the client's address, in the order tried.
ADDRESS = (
    "client.address",
    "http.client_ip",
    "metadata.requester_ip_address",
    "net.sock.peer.addr",
    "network.peer.address",
)
# Attributes with the user agent, in the order tried.
AGENT = ("user_agent.original", "http.user_agent", "http.request.header.user-agent")
# Attributes with the TLS fingerprint, in the order tried.
TLS = ("tls.client.ja4", "ja4", "http.request.header.x-ja4", "tls.client.ja3")
# Attributes with the number of input tokens, in the order tried.
READ = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.promptTokens",
    "ai.usage.inputTokens",
    "gen_ai.response.prompt_tokens",
)
# Attributes with the number of output tokens, in the order tried.
WRITTEN = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.completionTokens",
    "ai.usage.outputTokens",
    "gen_ai.response.completion_tokens",
)
PICKED = {  # the first attribute whose value is neither empty nor 0
    "exchange_id": ("gen_ai.response.id", "litellm.call_id"),
    "account_id": ACCOUNT,
    "organization_id": ORGANIZATION,
    "api_key_id": KEY,
    "conversation_id": CONVERSATION,
    "model": MODEL,
    "operation": ("gen_ai.operation.name", "llm.request.type", "openinference.span.kind"),
    "client_ip": ADDRESS,
    "user_agent": AGENT,
    "tls_fingerprint": TLS,
    "finish_reason": (
        "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "gen_ai.response.stop_reason",
        "gen_ai.completion.0.finish_reason", "ai.response.finishReason", "llm.response.finish_reason",
    ),
    "status": ("http.response.status_code", "http.status_code"),
}  # fmt: skip
COUNTED = {  # the first attribute that is present; its value may be 0
    "input_tokens": READ,
    "output_tokens": WRITTEN,
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
}
SETTINGS = ("temperature", "top_p", "max_tokens")  # parameters of a request that are read
CONVERSATION_ATTRIBUTES = (  # attributes with a whole conversation, in the order in which they are tried
    "gen_ai.input.messages",
    "gen_ai.request.messages",
    "ai.prompt.messages",
    "gen_ai.prompt",
    "gcp.vertex.agent.llm_request",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "all_messages_events",
    "pydantic_ai.all_messages",
    "events",
    "input.value",
)
# Attributes with the answer, in the order tried.
ANSWERED = (
    "gen_ai.output.messages",
    "gen_ai.response.text",
    "ai.response.text",
    "gen_ai.completion",
    "gcp.vertex.agent.llm_response",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "output.value",
)
TOOLS = ("gen_ai.tool.definitions", "gen_ai.request.available_tools", "ai.prompt.tools")
"""Attributes with tool definitions."""
PLACE = re.compile(r"\d{1,9}", re.ASCII)  # index of a turn in a conversation
RARE = frozenset((*TOOLS, "llm.invocation_parameters"))
"""Attributes that few spans have."""
NAMES, LAYOUTS = 64, 4096  # most attributes of a span with a cached layout, and most cached layouts
STEPS = frozenset(
    ("gen_ai.operation.name", "openinference.span.kind", "ai.operationId", "traceloop.span.kind")
)
"""Attributes of spans that are steps of an application."""
NO_CALLS = ("execute_tool", "invoke_agent", "create_agent", "embeddings")
"""Operations that are no model calls."""
CALLS = (
    ".doGenerate",
    ".doStream",
)  # operations of Vercel's SDK that call a model; others are steps around these
JOINED = (
    *ACCOUNT,
    *ORGANIZATION,
    *KEY,
    *ADDRESS,
    *AGENT,
    *TLS,
    "session.id",
    "http.response.status_code",
    "http.status_code",
)
"""Attributes of an HTTP span that complete a call."""
SEEN = frozenset(JOINED)  # all attributes that are read
NAMED = "_named"  # key for the columns of an HTTP span that `--map` names


def value_of(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The plain value of OTLP's `AnyValue`; None for another form."""
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [value_of(one) for one in inner.get("values", ())]
    if kind == "kvlistValue":
        return attributes(inner.get("values"))
    return inner


def attributes(several: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """Attributes as a dictionary by dotted name; unreadable ones are left out."""
    if isinstance(several, dict):
        return flat(several)
    found: dict[str, Any] = {}
    try:
        for one in several or ():
            value = one["value"]
            if "stringValue" in value:
                found[one["key"]] = value["stringValue"]
            elif "intValue" in value:
                found[one["key"]] = int(value["intValue"])
            elif value:
                found[one["key"]] = value_of(value)
    except SHAPES:
        return _some_attributes(several)
    return found


def _some_attributes(several: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """As `attributes`, read one by one."""
    found: dict[str, Any] = {}
    for one in several if isinstance(several, list) else ():
        with suppress(*SHAPES):
            if one.get("value"):
                found[one["key"]] = value_of(one["value"])
    return found


def flat(nested: Mapping[str, Any], deep: int = 6) -> dict[str, Any]:
    """A nested object as one with dotted names, to `deep` levels; lists are not changed, nulls are
    left out.
    """
    found: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, dict) and deep:
            found |= {f"{name}.{inner}": one for inner, one in flat(value, deep - 1).items()}
        elif value is not None:
            found[name] = value
    return found


def _numbered_turns(said: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """Turns in flattened attributes `PREFIX.N.role` and `PREFIX.N.content`, also below `.message`; None where
    there are none.
    """
    turns: dict[int, dict[str, Any]] = {}
    for name, value in said.items():
        if not name.startswith(prefix + "."):
            continue
        number, _, field = name[len(prefix) + 1 :].partition(".")
        field = field.removeprefix("message.")
        if PLACE.fullmatch(number) and field:
            turn = turns.setdefault(int(number), {})
            if field == "role":
                turn[field] = value
            elif field == "content":
                turn[field] = _parts(value)
            elif field.endswith((".text", ".message_content.text")):
                turn["content"] = "\n".join(part for part in (turn.get("content"), value) if part)
    return [turns[number] for number in sorted(turns)] or None


def _parts(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A turn's content, decoded where it is a JSON list of parts."""
    inner = decoded(value)
    typed = (
        isinstance(inner, list) and inner and all(isinstance(one, dict) and "type" in one for one in inner)
    )
    return inner if typed else value


def _listed_turns(value: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401  any JSON value
    """Turns in OpenInference's tables, with `message`, or `message.role` and `message.content`, in each; None
    where there are none.
    """
    value = decoded(value)
    if not isinstance(value, list):
        return None
    turns = []
    for one in value:
        if isinstance(one, dict):
            inner = one.get("message")
            turns.append(
                inner if isinstance(inner, dict) else {k.removeprefix("message."): v for k, v in one.items()}
            )
    return turns or None


def add_events(events: Any, said: dict[str, Any]) -> None:  # noqa: ANN401  any JSON value
    """Add the messages that older conventions put into a span's events to `said`, under the present names."""
    turns, answers = [], []
    for event in events or ():
        name = event.get("name", "")
        if not isinstance(name, str) or not name.startswith("gen_ai."):
            continue
        more = attributes(event.get("attributes"))
        if name == EVENT:
            said.update(more)
        elif name == "gen_ai.content.prompt":
            turns += _as_turns(first(more.get("gen_ai.prompt"), more.get("gen_ai.input.messages")))
        elif name == "gen_ai.content.completion":
            answers.append(first(more.get("gen_ai.completion"), more.get("gen_ai.output.messages")))
        elif name == "gen_ai.choice":
            answers.append(first(decoded(more.get("message")), more.get("content")))
            said.setdefault("gen_ai.response.finish_reasons", [more.get("finish_reason")])
        elif name.endswith(".message"):
            turns.append(
                {"role": more.get("role", name.split(".")[1]), "content": decoded(more.get("content"))}
            )
    if turns:
        said.setdefault("gen_ai.input.messages", turns)
    if answers:
        said.setdefault("gen_ai.output.messages", decoded(answers[0]))


def _as_turns(messages: Any) -> list[Any]:  # noqa: ANN401  any JSON value
    """Messages as a list of turns; a single text becomes a user turn."""
    messages = decoded(messages)
    return (
        messages
        if isinstance(messages, list)
        else [{"role": "user", "content": messages}]
        if messages
        else []
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """The attributes that fill each column, for one set of attribute names. `rare` is whether one of `RARE`
    is present.
    """

    picked: tuple[tuple[str, tuple[str, ...]], ...]
    counted: tuple[tuple[str, str], ...]
    models: tuple[str, ...]
    rare: bool


def layout(names: tuple[str, ...]) -> Layout:
    """The layout for spans with these attribute names; layouts are cached."""
    return _kept(names) if len(names) <= NAMES else _laid(names)


def _laid(names: tuple[str, ...]) -> Layout:
    """As `layout`, without the cache."""
    there = frozenset(names)
    picked = ((column, tuple(n for n in several if n in there)) for column, several in PICKED.items())
    counted = ((column, tuple(n for n in several if n in there)) for column, several in COUNTED.items())
    return Layout(
        tuple((column, several) for column, several in picked if several),
        tuple((column, several[0]) for column, several in counted if several),
        tuple(name for name in MODEL if name in there),
        not RARE.isdisjoint(there),
    )


_kept = lru_cache(LAYOUTS)(_laid)


def row_of(span: Record, said: dict[str, Any], where: Layout) -> Row:
    """The row of the exchange in a GenAI span or event with the attributes `said`. Raises `Malformed` where
    it has no time.
    """
    tell = span.get
    row: Row = {}
    for column, names in where.picked:
        for name in names:
            if value := said[name]:
                row[column] = value
                break
    for column, name in where.counted:
        row[column] = said[name]
    begin, end = tell("startTimeUnixNano"), tell("endTimeUnixNano")
    stamp = begin or tell("timeUnixNano") or tell("observedTimeUnixNano")
    if not stamp:
        raise Malformed("timestamp", "required value is missing")
    try:
        row["timestamp"] = int(stamp) // 1000
        if begin and end:
            row["latency_ms"] = (int(end) - int(begin)) / 1e6
    except (TypeError, ValueError):  # times in another form
        row["timestamp"] = moment(stamp)
        row["latency_ms"] = elapsed_ms(begin, end)
    if "exchange_id" not in row:
        row["exchange_id"] = tell("spanId")
    if "account_id" not in row and "api_key_id" in row:
        row["account_id"] = row["api_key_id"]
    if "client_ip" in row:
        row["client_ip"] = address(row["client_ip"])
    try:
        _say(row, said, where)
    except SHAPES:
        row["prompt"] = UNREADABLE
    _end(row, said, tell("status"))
    return row


def _say(row: Row, said: Mapping[str, Any], where: Layout) -> None:
    """Add prompts, tools, settings and response to the row."""
    get = said.get
    given, output = get("gen_ai.input.messages"), get("gen_ai.output.messages")
    if given is None:
        given = _asked_elsewhere(said)
    if output is None:
        output = _answered_elsewhere(said)
    turns = decoded(given)
    if isinstance(turns, dict) and "role" not in turns:
        columns = request_columns(
            turns.get("config", {}) | turns if isinstance(turns.get("config"), dict) else turns
        )
        row |= {name: value for name, value in columns.items() if row.get(name) is None}
    else:
        row["system_prompt"], row["prompt"] = prompts_of(turns, get("gen_ai.system_instructions"))
    if output is not None:
        row["response"] = answered(output)
    if where.rare:
        _offer(row, said)


def _offer(row: Row, said: Mapping[str, Any]) -> None:
    """Add tools and settings from attributes that few spans have."""
    for name in TOOLS:
        if said.get(name):
            row["tool_names"] = tool_names(said[name])
            break
    if flat := said.get("llm.invocation_parameters"):
        settings = mapping(decoded(flat))
        for name in SETTINGS:
            row.setdefault(name, settings.get(name))


def _asked_elsewhere(said: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    """The messages in attributes other than the present convention's; None where there are none."""
    found = _numbered_turns(said, "gen_ai.prompt") or _numbered_turns(said, "llm.input_messages")
    found = found or _numbered_turns(said, "llm.prompts") or _listed_turns(said.get("llm.input_messages"))
    return found or next((said[name] for name in CONVERSATION_ATTRIBUTES if said.get(name)), None)


def _answered_elsewhere(said: Mapping[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    """The answer in attributes other than the present convention's; None where there is none."""
    found = _numbered_turns(said, "gen_ai.completion") or _numbered_turns(said, "llm.output_messages")
    found = found or _listed_turns(said.get("llm.output_messages"))
    found = found or next((said[name] for name in ANSWERED if said.get(name)), None)
    return _chosen(said.get("events")) if found is None else found


def _chosen(events: Any) -> Any:  # noqa: ANN401  any JSON value
    """The answer among the events in an attribute of Logfire; None where there is none."""
    several = decoded(events)
    return next(
        (
            one.get("message")
            for one in (several if isinstance(several, list) else ())
            if isinstance(one, dict) and one.get("event.name") == "gen_ai.choice"
        ),
        None,
    )


def _end(row: Row, said: Mapping[str, Any], status: Any) -> None:  # noqa: ANN401  any JSON value
    """Add finish reason and status to the row."""
    reasons, category = row.get("finish_reason"), said.get("gen_ai.response.refusal.category")
    if reasons or category:
        row["finish_reason"] = refusal(
            reasons[0] if isinstance(reasons, list) and reasons else reasons, category
        )
    if "status" not in row and (said.get("error.type") or at(status, "code") in (2, "STATUS_CODE_ERROR")):
        row["status"] = 500


def _pick(said: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
    """The first of these attributes whose value is not empty; None where there is none."""
    for name in names:
        if said.get(name):
            return said[name]
    return None


def is_call(said: Mapping[str, Any], models: tuple[str, ...]) -> bool:
    """Whether attributes belong to a model call, rather than to a tool, a retrieval or a step of an agent."""
    kind = said.get("openinference.span.kind")
    if said.get("gen_ai.operation.name") in NO_CALLS or (kind and kind != "LLM"):
        return False
    if "ai.operationId" in said and not str(said["ai.operationId"]).endswith(CALLS):
        return False
    for name in models:  # noqa: SIM110  a generator costs more than all of this
        if said[name]:
            return True
    return False


def complete(row: Row, call: Mapping[str, Any]) -> Row:
    """The row, with columns that are null filled from the attributes of an HTTP span."""
    get = call.get
    columns = {
        "account_id": _pick(call, ACCOUNT) or _pick(call, KEY),
        "organization_id": _pick(call, ORGANIZATION),
        "api_key_id": _pick(call, KEY),
        "conversation_id": get("session.id"),
        "client_ip": address(_pick(call, ADDRESS)),
        "user_agent": _pick(call, AGENT),
        "tls_fingerprint": _pick(call, TLS),
        "status": get("http.response.status_code") or get("http.status_code"),
    } | get(NAMED, {})
    for name, value in columns.items():
        if value is not None and row.get(name) is None:
            row[name] = value
    return row


# Where each column comes from, for the documentation.
FIELDS = {
    "exchange_id": "gen_ai.response.id, else spanId",
    "timestamp": "startTimeUnixNano, timeUnixNano",
    "account_id": "user.id, enduser.id, gen_ai.user, else the key's hash; on the span or its HTTP span",
    "organization_id": "organization.id, litellm.team.id, tenant.id",
    "api_key_id": "litellm.api_key.hash, api_key.id",
    "conversation_id": "gen_ai.conversation.id, session.id",
    "model": "gen_ai.request.model, llm.model_name",
    "operation": "gen_ai.operation.name, llm.request.type",
    "client_ip": "client.address, http.client_ip",
    "user_agent": "user_agent.original, http.user_agent",
    "tls_fingerprint": "tls.client.ja4, ja4, x-ja4, tls.client.ja3",
    "system_prompt": "gen_ai.system_instructions, system turns",
    "prompt": "gen_ai.input.messages, gen_ai.prompt.N, llm.input_messages.N, events",
    "response": "gen_ai.output.messages, gen_ai.completion.N, llm.output_messages.N, events",
    "tool_names": "gen_ai.tool.definitions",
    "temperature": "gen_ai.request.temperature, llm.invocation_parameters",
    "top_p": "gen_ai.request.top_p, llm.invocation_parameters",
    "max_tokens": "gen_ai.request.max_tokens",
    "stream": "gen_ai.request.stream, gen_ai.is_streaming",
    "input_tokens": "gen_ai.usage.input_tokens, gen_ai.usage.prompt_tokens, llm.token_count.prompt",
    "output_tokens": "gen_ai.usage.output_tokens, gen_ai.usage.completion_tokens, llm.token_count.completion",
    "finish_reason": "gen_ai.response.finish_reasons",
    "latency_ms": "endTimeUnixNano",
    "status": "http.response.status_code; 500 for an error",
}
