"""Recognises HTTP requests that are model calls, and the model called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from stillwatch.readers.content import answer_columns, request_columns, whole_answer
from stillwatch.readers.registry import Row, at, first, header

REQUEST_FIELDS = frozenset(
    (
        "model",
        "messages",
        "prompt",
        "contents",
        "inputText",
        "input",
        "inputs",
        "message",
        "texts",
        "instances",
        "modelInput",
    )
)
"""Fields of a request's body, at least one of which a model call has."""
ANSWERS = frozenset(
    ("choices", "candidates", "usage", "usageMetadata", "stop_reason", "stopReason", "generations")
)
"""Fields of a response's body, at least one of which a model's answer has."""
READS = (
    "GET",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
)  # methods that call no model, except to open a realtime session
NO_CALLS = re.compile(
    r"(?:/[\w-]+){0,3}/(?:health|healthz|health-check|healthcheck|health/\w+|live|livez|liveness|ready|readyz|readiness|ping|metrics"
    r"|status|stub_status|nginx_status|version|favicon\.ico|robots\.txt|v1/models|models|docs|openapi\.json)/?|/"
)
"""Paths that call no model, such as health checks."""
OF_MODELS = re.compile(
    r"/(?:completions?|messages|responses|embeddings|generate(?:_stream)?|infer|invoke(?:-with-response-stream)?|converse(?:-stream)?|rerank"
    r"|api/chat|realtime)(?![\w-])|:(?:stream)?(?:generateContent|rawPredict|predict)",
    re.IGNORECASE,
)
"""Paths of model calls."""
SCHEME = re.compile(r"[A-Za-z][\w+.-]{0,31}://")  # start of a URL
REALTIME = re.compile(r"/realtime\b|BidiGenerateContent")
"""Paths of realtime sessions."""
NAMED = re.compile(r"/(?:deployments|engines|models?)/([^/?#:]{1,256})(?=[/:?#]|$)")
"""Model or deployment in a path."""
CALLERS = (
    "x-account-id",
    "x-user-id",
    "x-consumer-id",
    "x-consumer-username",
    "x-customer-id",
    "x-forwarded-user",
    "x-auth-request-user",
)
"""Headers in which gateways name the caller, in the order in which they are tried."""
MAX_URL_LENGTH = 8192  # characters of a URL that are read: chosen


def path_of(address: Any) -> str:  # noqa: ANN401  any JSON value
    """The path of a URL, a request line (`POST /v1/x HTTP/1.1`) or a path with a query; empty for other
    values.
    """
    text = address[:MAX_URL_LENGTH] if isinstance(address, str) else ""
    parts = text.split(" ")
    if len(parts) > 1 and parts[0].isupper():
        text = parts[1]
    text = text.partition("?")[0].partition("#")[0]
    scheme = SCHEME.match(text)  # a client may write `://` anywhere in his path
    return "/" + text[scheme.end() :].partition("/")[2] if scheme else text


def method_of(method: Any, line: Any = None) -> str:  # noqa: ANN401  any JSON values
    """The method in upper case, from its own field or from the request line; empty where there is none."""
    if isinstance(method, str) and method:
        return method.upper()
    word = line.partition(" ")[0] if isinstance(line, str) else ""
    return word if word.isupper() and word.isalpha() else ""


def calls_model(method: str, path: str, body: Any, answer: Any = None) -> bool:  # noqa: ANN401  any JSON values
    """Whether a request may be a model call. Only clear exceptions are excluded, since senders choose the
    body and much of the path; an answer of a model also shows a call.
    """
    if _asks(body):
        return True
    if method in READS:
        return REALTIME.search(path) is not None
    return NO_CALLS.fullmatch(path) is None or _answers(answer)


def calls_model_of_site(method: str, path: str, body: Any, answer: Any = None) -> bool:  # noqa: ANN401  any JSON values
    """As `calls_model`, for a log of all requests of a site: path, body or answer must show a model call."""
    if not calls_model(method, path, body, answer):
        return False
    return OF_MODELS.search(path) is not None or _asks(body) or _answers(answer)


def _asks(body: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether a request's body is that of a model call."""
    return isinstance(body, Mapping) and not REQUEST_FIELDS.isdisjoint(body)


def _answers(answer: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether an answer is that of a model."""
    columns = whole_answer(answer)
    return isinstance(columns, Mapping) and not ANSWERS.isdisjoint(columns)


def model_in(*addresses: Any) -> str | None:  # noqa: ANN401  any JSON values
    """The model or deployment in the path of the first of these URLs that has one; None where none has."""
    for address in addresses:
        found = NAMED.search(path_of(address))
        if found:
            return unquote(found[1])
    return None


def call_columns(body: Mapping[str, Any], answer: Any, path: Any) -> Row:  # noqa: ANN401  any JSON values
    """Columns of the contract from the bodies of a request and its answer. The model is taken from the body,
    else the path, else the answer.
    """
    answer = whole_answer(answer)
    return {
        "model": first(
            body.get("model"),
            body.get("modelId"),
            model_in(path),
            at(answer, "model"),
            at(answer, "modelVersion"),
        ),
        "operation": path_of(path) or None,
        **request_columns(body),
        **answer_columns(answer),
    }


def account_in(headers: Any) -> Any:  # noqa: ANN401  any JSON values
    """The caller that a gateway names in a header; None where there is none."""
    return header(headers, *CALLERS)


def named_first(record: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401  any JSON value
    """The first of these fields with a value; None where there is none. A dash counts as no value, as in
    access logs.
    """
    return first(*(record[name] for name in names if record.get(name) not in (None, "-", "")))


def joined(*several: Mapping[str, Any]) -> Row:
    """The rows merged into one; the first value of a column that is not None is kept."""
    row: Row = {}
    for one in several:
        for name, value in one.items():
            if value is not None and row.get(name) is None:
                row[name] = value
    return row
