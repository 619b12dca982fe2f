"""OpenTelemetry's GenAI spans and events, as OTLP writes them to files.

Four dialects of attributes are read: the current conventions, those up to 1.36, Traceloop's and OpenInference's. Who
called, and from where, is on the HTTP server span of the same trace: it is joined by `traceId` within a file, in
either order, as long as `WAITING` spans have not passed in between.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import answered, asked, decoded, tool_names
from stillwatch.readers.registry import (
    SHAPES,
    Format,
    Malformed,
    Numbered,
    Read,
    Record,
    Row,
    Told,
    Unjoined,
    address,
    another_shape,
    first,
    mapping,
    refusal,
)  # fmt: skip

WAITING = 40_000
EVENT = "gen_ai.client.inference.operation.details"
MODEL = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.request.model")
ACCOUNT = (
    "user.id",
    "enduser.id",
    "gen_ai.user",
    "litellm.user.id",
    "user.hash",
    "enduser.pseudo.id",
    "account.id",
)
ORGANIZATION = ("organization.id", "litellm.team.id", "tenant.id")
KEY = ("litellm.api_key.hash", "api_key.id")
CONVERSATION = ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id")
ADDRESS = ("client.address", "http.client_ip", "net.sock.peer.addr", "network.peer.address")
AGENT = ("user_agent.original", "http.user_agent", "http.request.header.user-agent")
TLS = ("tls.client.ja4", "ja4", "http.request.header.x-ja4", "tls.client.ja3")
READ = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt",
)  # fmt: skip
WRITTEN = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens", "llm.token_count.completion",
)  # fmt: skip
PICKED = {  # the first that says something
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
    ),
    "status": ("http.response.status_code", "http.status_code"),
}  # fmt: skip
COUNTED = {  # the first that is there, though it be nought
    "input_tokens": READ,
    "output_tokens": WRITTEN,
    "temperature": ("gen_ai.request.temperature",),
    "top_p": ("gen_ai.request.top_p",),
    "max_tokens": ("gen_ai.request.max_tokens",),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
}
SETTINGS = ("temperature", "top_p", "max_tokens")
NAMES, LAYOUTS = 64, 4096  # attributes of a span, and sets of their names, that are remembered
NO_CALLS = frozenset(("execute_tool", "invoke_agent", "create_agent", "embeddings"))
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
SEEN = frozenset(JOINED)


def _recognise(record: Record) -> str:
    if "resourceSpans" in record or "resource_spans" in record:
        return "`resourceSpans` of OTLP"
    if "resourceLogs" in record or "resource_logs" in record:
        return "`resourceLogs` of OTLP"
    return ""


def value_of(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The plain value of OTLP's `AnyValue`."""
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner)
    if kind == "arrayValue":
        return [value_of(one) for one in inner.get("values", ())]
    if kind == "kvlistValue":
        return {one["key"]: value_of(one.get("value")) for one in inner.get("values", ())}
    return inner


def attributes(several: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """Attributes as a dictionary."""
    return {
        one["key"]: value["stringValue"]
        if "stringValue" in value
        else int(value["intValue"])
        if "intValue" in value
        else value_of(value)
        for one in several or ()
        if (value := one.get("value"))
    }


def _numbered_turns(said: Mapping[str, Any], prefix: str) -> list[dict[str, Any]] | None:
    """Turns that were flattened to `prefix.N.role` and `prefix.N.content`, or the same below `.message`."""
    turns: dict[int, dict[str, Any]] = {}
    for name, value in said.items():
        if not name.startswith(prefix + "."):
            continue
        number, _, field = name[len(prefix) + 1 :].partition(".")
        field = field.removeprefix("message.")
        if number.isdigit() and field:
            turn = turns.setdefault(int(number), {})
            if field in ("role", "content"):
                turn[field] = value
            elif field.endswith((".text", ".message_content.text")):
                turn["content"] = "\n".join(part for part in (turn.get("content"), value) if part)
    return [turns[number] for number in sorted(turns)] or None


def _from_events(events: Any, said: dict[str, Any]) -> None:  # noqa: ANN401  any JSON value
    """Messages that older conventions put into the span's events, under the names of the current ones."""
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
    """Which attributes fill which columns, worked out once for every set of names that spans bring."""

    picked: tuple[tuple[str, tuple[str, ...]], ...]
    counted: tuple[tuple[str, str], ...]
    models: tuple[str, ...]


def layout(names: tuple[str, ...]) -> Layout:
    """The layout of spans that have attributes of these names; a few thousand are kept."""
    return _kept(names) if len(names) <= NAMES else _laid(names)


def _laid(names: tuple[str, ...]) -> Layout:
    there = frozenset(names)
    picked = ((column, tuple(n for n in several if n in there)) for column, several in PICKED.items())
    counted = ((column, tuple(n for n in several if n in there)) for column, several in COUNTED.items())
    return Layout(
        tuple((column, several) for column, several in picked if several),
        tuple((column, several[0]) for column, several in counted if several),
        tuple(name for name in MODEL if name in there),
    )


_kept = lru_cache(LAYOUTS)(_laid)


def _row(span: Record, said: dict[str, Any], where: Layout) -> Row:
    """The exchange that one GenAI span or event tells of."""
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
    row["timestamp"] = int(stamp) // 1000
    if begin and end:
        row["latency_ms"] = (int(end) - int(begin)) / 1e6
    if "exchange_id" not in row:
        row["exchange_id"] = tell("spanId")
    if "account_id" not in row and "api_key_id" in row:
        row["account_id"] = row["api_key_id"]
    if "client_ip" in row:
        row["client_ip"] = address(row["client_ip"])
    _say(row, said)
    _end(row, said, span.get("status"))
    return row


def _say(row: Row, said: Mapping[str, Any]) -> None:
    """What was asked, with which tools and settings, and what was answered."""
    get = said.get
    given = get("gen_ai.input.messages")
    if given is None:
        given = _numbered_turns(said, "gen_ai.prompt") or _numbered_turns(said, "llm.input_messages")
        given = given or get("gen_ai.prompt") or get("input.value")
    output = get("gen_ai.output.messages")
    if output is None:
        output = _numbered_turns(said, "gen_ai.completion") or _numbered_turns(said, "llm.output_messages")
        output = output or get("gen_ai.completion") or get("output.value")
    turns = decoded(given)
    row["system_prompt"], row["prompt"] = asked(
        turns.get("messages") if isinstance(turns, dict) else turns, get("gen_ai.system_instructions")
    )
    row["response"] = answered(output)
    if tools := get("gen_ai.tool.definitions"):
        row["tool_names"] = tool_names(tools)
    if flat := get("llm.invocation_parameters"):
        settings = mapping(decoded(flat))
        for name in SETTINGS:
            row.setdefault(name, settings.get(name))


def _end(row: Row, said: Mapping[str, Any], status: Any) -> None:  # noqa: ANN401  any JSON value
    """Why the answer ended, and with which status."""
    reasons, category = row.get("finish_reason"), said.get("gen_ai.response.refusal.category")
    if reasons or category:
        row["finish_reason"] = refusal(
            reasons[0] if isinstance(reasons, list) and reasons else reasons, category
        )
    if "status" not in row and (
        said.get("error.type") or (status or {}).get("code") in (2, "STATUS_CODE_ERROR")
    ):
        row["status"] = 500


def _pick(said: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401  any JSON value
    """The first of these attributes that says something."""
    for name in names:
        if said.get(name):
            return said[name]
    return None


def _genai(said: Mapping[str, Any], models: tuple[str, ...]) -> bool:
    """Whether attributes are of a call of a model, and not of a tool, an embedding's retrieval or an agent's step."""
    kind = said.get("openinference.span.kind")
    if said.get("gen_ai.operation.name") in NO_CALLS or (kind and kind != "LLM"):
        return False
    for name in models:  # noqa: SIM110  a generator costs more than all of this
        if said[name]:
            return True
    return False


def _entries(record: Record) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Spans and log records with the attributes of their resource."""
    for resource in _several(record, "resourceSpans", "resource_spans"):
        base = attributes((resource.get("resource") or {}).get("attributes"))
        for scope in _several(resource, "scopeSpans", "scope_spans"):
            for span in _several(scope, "spans", "spans"):
                yield span, base
    for resource in _several(record, "resourceLogs", "resource_logs"):
        base = attributes((resource.get("resource") or {}).get("attributes"))
        for scope in _several(resource, "scopeLogs", "scope_logs"):
            for entry in _several(scope, "logRecords", "log_records"):
                yield entry, base


def _several(record: Record, name: str, other: str) -> Sequence[Any]:
    """A list under either name; a text in its place is one thing wrong, not one for each letter."""
    some = record.get(name) or record.get(other) or ()
    if not isinstance(some, list | tuple):
        raise TypeError(name)
    return some


class Traces:
    """Rows that wait for the HTTP span of their trace, and HTTP spans that wait for rows."""

    def __init__(self) -> None:
        self.rows: OrderedDict[str, list[tuple[int, Row]]] = OrderedDict()
        self.calls: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def take(self, number: int, entry: Record, base: Mapping[str, Any]) -> list[tuple[int, Row]]:
        """A span or log record of the resource `base` came: the rows that are ready by it."""
        said = attributes(entry.get("attributes"))
        if base:
            said = {**base, **said}
        name = entry.get("eventName") or said.get("event.name")
        body = entry.get("body")
        if isinstance(body, dict) and "kvlistValue" in body:
            said |= value_of(body)
        trace = entry.get("traceId") or ""
        where = layout(tuple(said))
        if where.models and (name is None or name == EVENT) and _genai(said, where.models):
            events = entry.get("events")
            if events:
                _from_events(events, said)
                where = layout(tuple(said))
            return self.row(trace, number, _row(entry, said, where))
        if trace and not SEEN.isdisjoint(said):
            return self.call(trace, said)
        return []

    def call(self, trace: str, said: Mapping[str, Any]) -> list[tuple[int, Row]]:
        """An HTTP span came: the rows that waited for it."""
        self.calls[trace] = {name: said[name] for name in JOINED if name in said}
        while len(self.calls) > WAITING:
            self.calls.popitem(last=False)
        return [(number, complete(row, self.calls[trace])) for number, row in self.rows.pop(trace, ())]

    def row(self, trace: str, number: int, row: Row) -> list[tuple[int, Row]]:
        """A row came: it and others that need not wait any more."""
        if trace in self.calls:
            return [(number, complete(row, self.calls[trace]))]
        if trace and not (row.get("account_id") and row.get("client_ip")):
            self.rows.setdefault(trace, []).append((number, row))
            ready = []
            while len(self.rows) > WAITING:
                ready += self.rows.popitem(last=False)[1]
            return ready
        return [(number, row)]

    def rest(self) -> Unjoined:
        """What still waits at the end, and what was told."""
        waiting = [(number, trace, row) for trace, rows in self.rows.items() for number, row in rows]
        return Unjoined(waiting, self.calls, complete)


def complete(row: Row, call: Mapping[str, Any]) -> Row:
    """A row with what the HTTP span knows and it does not."""
    get = call.get
    told = {
        "account_id": _pick(call, ACCOUNT) or _pick(call, KEY), "organization_id": _pick(call, ORGANIZATION),
        "api_key_id": _pick(call, KEY), "conversation_id": get("session.id"),
        "client_ip": address(_pick(call, ADDRESS)), "user_agent": _pick(call, AGENT),
        "tls_fingerprint": _pick(call, TLS), "status": get("http.response.status_code") or get("http.status_code"),
    }  # fmt: skip
    for name, value in told.items():
        if value is not None and row.get(name) is None:
            row[name] = value
    return row


def _read(records: Iterator[Numbered], beside: Beside | None = None) -> Iterator[tuple[int, Told]]:
    for number, row in _part(records, beside):
        if isinstance(row, Unjoined):
            yield from row.joined()
        else:
            yield number, row


def _part(records: Iterator[Numbered], beside: Beside | None = None) -> Read:
    traces = Traces()
    for number, record in records:
        try:
            for entry, base in _entries(record):
                try:
                    ready = traces.take(number, entry, base)
                except Malformed as why:
                    yield number, why
                except SHAPES as error:
                    yield number, another_shape(error)
                else:
                    yield from ready
        except SHAPES as error:  # of the batch itself
            yield number, another_shape(error)
    yield 0, traces.rest()


otlp = Format(
    name="otlp",
    title="OpenTelemetry GenAI spans and events (OTLP, JSON and protobuf files)",
    source="semantic-conventions-genai and semantic conventions up to 1.36; Traceloop 0.5; OpenInference",
    fields={
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
    },
    notes=(
        "Content is off by default in instrumentations; then there is no text.",
        "Trace ids are hexadecimal in JSON, which protobuf's own JSON reader would corrupt: it is not used.",
        "Cache tokens are inside `gen_ai.usage.input_tokens` by the conventions, whatever the provider counts.",
    ),
    known=frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"}),
    recognise=_recognise,
    read=_read,
    part=_part,
)
