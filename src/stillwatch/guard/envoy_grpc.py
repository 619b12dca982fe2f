"""Envoy's `ext_authz` over gRPC: the service `envoy.service.auth.v3.Authorization`, which agentgateway calls
too.

The fields that the guard reads and writes are described here, with Envoy's names and numbers, in a descriptor
pool of their own; protobuf skips all others. The package that has the whole API (`xds-protos`) is not used,
since it installs over files of `googleapis-common-protos` and `opentelemetry-proto`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from stillwatch.errors import MissingExtra, Problem
from stillwatch.guard import bodies
from stillwatch.guard.adapters import DIRECTIVE, Headers, passes
from stillwatch.guard.app import Guard
from stillwatch.guard.core import MATCHERS
from stillwatch.guard.decision import Decision
from stillwatch.guard.listening import CONNECTIONS, END_S, cannot_listen
from stillwatch.guard.requests import MAX_BODY, MalformedRequest, from_headers
from stillwatch.policy.rules import Policy

SERVICE = "envoy.service.auth.v3.Authorization"  # name of Envoy's service for external authorisation
PERMITTED, DENIED = 0, 7
"""Codes of `google.rpc.Status`: OK lets the request go on, PERMISSION_DENIED answers the client."""
PATH = b"x-original-uri"
"""Header by which `from_headers` knows the path of a request."""
THREADS = 2 * MATCHERS  # calls that are decided at a time, half of which may wait for the matcher; chosen

Fields = Mapping[str, tuple[int, str]]
PACKAGE = "envoy.service.auth.v3"  # package of the messages in Envoy's protocol
MAP = "map"  # marks a field that maps text to text
MESSAGES: Mapping[str, Fields] = {
    "HeaderValue": {"key": (1, "string"), "value": (2, "string"), "raw_value": (3, "bytes")},
    "HeaderMap": {"headers": (1, "*HeaderValue")},
    "HeaderValueOption": {"header": (1, "HeaderValue")},
    "HttpRequest": {
        "headers": (3, MAP),
        "path": (4, "string"),
        "header_map": (13, "HeaderMap"),
    },
    "Request": {"http": (2, "HttpRequest")},
    "AttributeContext": {"request": (4, "Request")},
    "CheckRequest": {"attributes": (1, "AttributeContext")},
    "Status": {"code": (1, "int32")},
    "HttpStatus": {"code": (1, "int32")},
    "DeniedHttpResponse": {
        "status": (1, "HttpStatus"),
        "headers": (2, "*HeaderValueOption"),
        "body": (3, "string"),
    },
    "OkHttpResponse": {"headers": (2, "*HeaderValueOption"), "headers_to_remove": (5, "*string")},
    "CheckResponse": {
        "status": (1, "Status"),
        "denied_response": (2, "DeniedHttpResponse"),
        "ok_response": (3, "OkHttpResponse"),
    },
}
"""Fields by message: number and type, `*` before a repeated one. Names of messages are without their package:
the bytes of a message have none. Source: `external_auth.proto`, `attribute_context.proto` and `base.proto` of
Envoy's API version 3. `CheckResponse` has the two answers in a `oneof`, of which the guard sets one."""


@cache
def messages() -> Mapping[str, Any]:
    """The classes of `MESSAGES` by name. Raises `MissingExtra` where protobuf is not installed."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise _missing() from error
    kinds = descriptor_pb2.FieldDescriptorProto
    scalar = {"string": kinds.TYPE_STRING, "bytes": kinds.TYPE_BYTES, "int32": kinds.TYPE_INT32}
    file = descriptor_pb2.FileDescriptorProto(name="guard.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, declared) in fields.items():
            kind = declared
            if declared == MAP:
                entry = message.nested_type.add(name=f"{field.title()}Entry")
                entry.options.map_entry = True
                for at, part in enumerate(("key", "value"), 1):
                    entry.field.add(name=part, number=at, type=scalar["string"], label=kinds.LABEL_OPTIONAL)
                kind = f"*{name}.{entry.name}"
            made = message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if kind.startswith("*") else kinds.LABEL_OPTIONAL,
                type=scalar.get(kind.lstrip("*"), kinds.TYPE_MESSAGE),
            )
            if made.type == kinds.TYPE_MESSAGE:
                made.type_name = f".{PACKAGE}.{kind.lstrip('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }


def _missing() -> MissingExtra:
    """The error of a missing extra."""
    return MissingExtra(Problem(fact="gRPC needs a package", fix="pip install 'stillwatch[grpc]'"))


def columns(message: Any) -> dict[str, Any]:  # noqa: ANN401  a message of protobuf
    """The columns in the headers of a `CheckRequest`; the path is the route where no header names one.

    Raises `MalformedRequest` where no header names a valid account.
    """
    headers = ((name, value) for name, value in _named(message).items() if name != PATH)
    return from_headers([(PATH, message.attributes.request.http.path.encode()), *headers])


def _named(message: Any) -> dict[bytes, bytes]:  # noqa: ANN401  a message of protobuf
    """The headers of a `CheckRequest`, with names in lower case. Envoy sends `header_map` in place of
    `headers` where `encode_raw_headers` is set.
    """
    http = message.attributes.request.http
    headers = {name.lower().encode(): value.encode() for name, value in http.headers.items()}
    return headers | {
        one.key.lower().encode(): one.raw_value or one.value.encode() for one in http.header_map.headers
    }


def answer(decision: Decision | None, policy: Policy) -> Any:  # noqa: ANN401  a message of protobuf
    """The `CheckResponse` to a decision; None lets the request go on.

    A directive that a client has sent itself is removed where the decision has none.
    """
    known = messages()
    if decision is None or not decision.refuses:
        headers = [] if decision is None else passes(decision)
        is_directed = any(name == DIRECTIVE for name, _value in headers)
        return known["CheckResponse"](
            status=known["Status"](code=PERMITTED),
            ok_response=known["OkHttpResponse"](
                headers=_headers(headers), headers_to_remove=[] if is_directed else [DIRECTIVE.decode()]
            ),
        )
    return known["CheckResponse"](
        status=known["Status"](code=DENIED),
        denied_response=known["DeniedHttpResponse"](
            status=known["HttpStatus"](code=decision.status),
            headers=_headers(bodies.headers(decision)),
            body=bodies.body(decision, policy).decode(),
        ),
    )


def _headers(headers: Headers) -> Sequence[Any]:
    """Headers as messages of Envoy's protocol."""
    known = messages()
    return [
        known["HeaderValueOption"](header=known["HeaderValue"](key=name.decode(), value=value.decode()))
        for name, value in headers
    ]


def check(guard: Guard, message: Any) -> Any:  # noqa: ANN401  messages of protobuf
    """The answer to one `CheckRequest`. A request without a valid account goes on and is counted."""
    spans = guard.core.spans
    try:
        request = columns(message)
        with nullcontext() if spans is None else spans.within(_named(message).items()):
            decision = guard.core.decide(request)
    except MalformedRequest:
        guard.unidentified += 1
        decision = None
    return answer(decision, guard.core.snapshot.policy)


@contextmanager
def authorization(guard: Guard, host: str, port: int) -> Iterator[int]:
    """Context manager: serves the service without TLS while the block runs; gives the port.

    Raises `MissingExtra` where gRPC is not installed, `StateError` where the address cannot be used.
    """
    try:
        import grpc
    except ImportError as error:
        raise _missing() from error
    known = messages()
    handler = grpc.unary_unary_rpc_method_handler(
        lambda message, context: check(guard, message),  # noqa: ARG005  gRPC gives two
        request_deserializer=known["CheckRequest"].FromString,
        response_serializer=known["CheckResponse"].SerializeToString,
    )
    server = grpc.server(
        ThreadPoolExecutor(THREADS, "guard-grpc"),
        [grpc.method_handlers_generic_handler(SERVICE, {"Check": handler})],
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_BODY)],
        maximum_concurrent_rpcs=CONNECTIONS,
    )
    address = f"[{host}]" if ":" in host else host
    try:
        taken = server.add_insecure_port(f"{address}:{port}")
    except RuntimeError as error:
        raise cannot_listen(host, port, "") from error
    server.start()
    try:
        yield int(taken)
    finally:
        server.stop(END_S).wait()
