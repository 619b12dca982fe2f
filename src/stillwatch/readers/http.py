"""Which requests over HTTP are calls of a model, and of which?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from stillwatch.readers.content import answer_columns, request_columns, whole_answer
from stillwatch.readers.registry import Row, at, first, header

ASKS = frozenset(
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
ANSWERS = frozenset(
    ("choices", "candidates", "usage", "usageMetadata", "stop_reason", "stopReason", "generations")
)
READS = (
    "GET",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
)  # methods that call no model, but of a realtime session
NO_CALLS = re.compile(
    r"(?:/[\w-]+){0,3}/(?:health|healthz|health-check|healthcheck|health/\w+|live|livez|liveness|ready|readyz|readiness|ping|metrics"
    r"|status|stub_status|nginx_status|version|favicon\.ico|robots\.txt|v1/models|models|docs|openapi\.json)/?|/"
)
OF_MODELS = re.compile(
    r"/(?:completions?|messages|responses|embeddings|generate(?:_stream)?|infer|invoke(?:-with-response-stream)?|converse(?:-stream)?|rerank"
    r"|api/chat|realtime)(?![\w-])|:(?:stream)?(?:generateContent|rawPredict|predict)",
    re.IGNORECASE,
)
SCHEME = re.compile(r"[A-Za-z][\w+.-]{0,31}://")
REALTIME = re.compile(r"/realtime\b|BidiGenerateContent")
NAMED = re.compile(r"/(?:deployments|engines|models?)/([^/?#:]{1,256})(?=[/:?#]|$)")
CALLERS = (
    "x-account-id",
    "x-user-id",
    "x-consumer-id",
    "x-consumer-username",
    "x-customer-id",
    "x-forwarded-user",
    "x-auth-request-user",
)
LONGEST = 8192  # letters of an address that are looked at: chosen


def path_of(address: Any) -> str:  # noqa: ANN401  any JSON value
    """The path of an address, of a request line (`POST /v1/x HTTP/1.1`), or of a path with a query."""
    text = address[:LONGEST] if isinstance(address, str) else ""
    parts = text.split(" ")
    if len(parts) > 1 and parts[0].isupper():
        text = parts[1]
    text = text.partition("?")[0].partition("#")[0]
    scheme = SCHEME.match(text)  # a client may write `://` anywhere in his path
    return "/" + text[scheme.end() :].partition("/")[2] if scheme else text


def method_of(method: Any, line: Any = None) -> str:  # noqa: ANN401  any JSON values
    """The method, which may stand at the head of a request line only."""
    if isinstance(method, str) and method:
        return method.upper()
    word = line.partition(" ")[0] if isinstance(line, str) else ""
    return word if word.isupper() and word.isalpha() else ""


def calls_model(method: str, path: str, body: Any, answer: Any = None) -> bool:  # noqa: ANN401  any JSON values
    """Whether a request may be a call of a model: all that can be one is, since senders choose bodies and
    much of the path. A model's answer shows one as well.
    """
    if _asks(body):
        return True
    if method in READS:
        return REALTIME.search(path) is not None
    return NO_CALLS.fullmatch(path) is None or _answers(answer)


def calls_model_of_site(method: str, path: str, body: Any, answer: Any = None) -> bool:  # noqa: ANN401  any JSON values
    """As `calls_model`, in a log of all requests of a site: only what shows that it is a call is one, by
    its path, its body or its answer.
    """
    if not calls_model(method, path, body, answer):
        return False
    return OF_MODELS.search(path) is not None or _asks(body) or _answers(answer)


def _asks(body: Any) -> bool:  # noqa: ANN401  any JSON value
    return isinstance(body, Mapping) and not ASKS.isdisjoint(body)


def _answers(answer: Any) -> bool:  # noqa: ANN401  any JSON value
    told = whole_answer(answer)
    return isinstance(told, Mapping) and not ANSWERS.isdisjoint(told)


def model_in(*addresses: Any) -> str | None:  # noqa: ANN401  any JSON values
    """The model or deployment that the first of these addresses names in its path."""
    for address in addresses:
        found = NAMED.search(path_of(address))
        if found:
            return unquote(found[1])
    return None


def call_columns(body: Mapping[str, Any], answer: Any, path: Any) -> Row:  # noqa: ANN401  any JSON values
    """What the bodies of a request and its answer say, and the model that is asked for: in the body, in
    the path, or in the answer.
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
    """Who a gateway says is calling, where it says so in a header."""
    return header(headers, *CALLERS)


def named_first(record: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of the first of these fields that says something; a dash is what access logs write for
    nothing.
    """
    return first(*(record[name] for name in names if record.get(name) not in (None, "-", "")))


def joined(*several: Mapping[str, Any]) -> Row:
    """The rows as one; what an earlier one says stands."""
    row: Row = {}
    for one in several:
        for name, value in one.items():
            if value is not None and row.get(name) is None:
                row[name] = value
    return row
