"""Files of batch APIs: requests, answers and errors."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import answer_columns, decoded, request_columns
from stillwatch.readers.http import joined
from stillwatch.readers.joining import Fragment, JoinedPart, Placed, joined_format
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Malformed,
    Record,
    Row,
    at,
    first,
    mapping,
    moment,
    number,
)

KEYS = ("custom_id", "recordId", "key")
"""Names of the identifier of a request."""
REQUEST_FIELDS = ("body", "params", "modelInput", "request")
"""Fields that hold a request."""
RESULT_FIELDS = ("response", "result", "modelOutput", "error")
"""Fields that hold an answer or an error."""
WHO = ("account_id", "user_id", "customer_id", "account", "user")
"""Fields that name the account."""
WORDS = re.compile(r"[^\W_]+")  # a word of a file's name
ROLES = frozenset(
    (
        "input",
        "inputs",
        "output",
        "outputs",
        "error",
        "errors",
        "result",
        "results",
        "requests",
        "batch",
        "jsonl",
        "out",
        "in",
    )
)
"""Words of a file name that describe its role in a batch and are ignored in comparisons."""
FAMILIES = {
    "anthropic": ("params", "result"),
    "bedrock": ("recordId",),
    "gemini": ("key",),
    "openai": ("custom_id",),
}
"""Fields by which a provider's batches are recognised."""
STATUS = {"succeeded": 200, "errored": 400}
"""HTTP status by the type of a result."""


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    key = next((name for name in KEYS if isinstance(record.get(name), str | int)), None)
    if key is None:
        return ""
    asks = any(isinstance(decoded(record.get(name)), dict) for name in REQUEST_FIELDS)
    gives = [name for name in RESULT_FIELDS if isinstance(decoded(record.get(name)), dict)]
    if key == "custom_id" and asks and gives and not isinstance(record.get("result"), dict):
        return ""  # a log of both sides, not a batch's file
    if key == "key" and not (
        (asks or gives) and len(record) <= 5 and {"contents", "candidates"} & _sides(record)
    ):
        return ""
    if asks or gives:
        return f"`{key}` beside `{(gives or [n for n in REQUEST_FIELDS if n in record])[0]}` of a batch"
    return ""


def _sides(record: Record) -> set[str]:
    """The names of fields in a record's request and answer."""
    return {
        str(name) for side in (*REQUEST_FIELDS, *RESULT_FIELDS) for name in mapping(decoded(record.get(side)))
    }


def _assemble(several: Sequence[Placed], beside: Beside | None) -> Iterator[tuple[Placed, Row | Malformed]]:
    """The rows of one identifier: answers with their requests, and requests without an answer.

    Identifiers are unique only within a batch. Where several requests have the same one, an answer belongs to
    the request whose file name is most similar to its own, otherwise to the next in order.
    """
    ordered = sorted(several, key=lambda one: one.order)
    requests: dict[str, deque[Placed]] = {}
    for one in ordered:
        if one.fragment.rank == 1:
            requests.setdefault(one.file, deque()).append(one)
    for one in ordered:
        if one.fragment.rank == 0:
            request = _nearest(one, requests)
            yield one, _row(one.fragment, request.fragment if request else None, beside)
    for left in requests.values():
        yield from ((one, _row(None, one.fragment, beside)) for one in left)


def _nearest(answer: Placed, requests: Mapping[str, deque[Placed]]) -> Placed | None:
    """Remove and return the next request of the file whose name is most similar to the answer's; None where
    there is none.
    """
    words = _words(answer.file)
    file = max(
        (name for name, left in requests.items() if left),
        key=lambda name: len(words & _words(name)),
        default=None,
    )
    return requests[file].popleft() if file is not None else None


@lru_cache(4096)
def _words(file: str) -> frozenset[str]:
    """Words of a file's name in lower case, without `ROLES`."""
    return frozenset(WORDS.findall(file.rpartition("/")[2].lower())) - ROLES


def _whole(_several: Sequence[Placed]) -> bool:
    """Always False: further records may follow. A record with both request and answer is a row without
    joining.
    """
    return False


def _row(answer: Fragment | None, request: Fragment | None, beside: Beside | None) -> Row:
    """The row of an answer with its request; either may be None. Without a time, the file's modification time
    is used.
    """
    content = {**(request.content if request else {}), **(answer.content if answer else {})}
    row = joined(content.get("asked", {}), content.get("given", {}))
    row["exchange_id"] = content.get("id")
    row.setdefault("account_id", UNATTRIBUTED)
    if row.get("timestamp") is None:
        row["timestamp"] = int(beside.path.stat().st_mtime * 1e6) if beside else 0
    return row


@joined_format(
    title="Batches of OpenAI, Anthropic, Mistral, Gemini and Bedrock: requests, answers and errors",
    source="Batch API of OpenAI (custom_id, body; response, error), of Anthropic (params; result), Gemini "
    "(key), Bedrock (recordId)",
    fields={
        "exchange_id": "custom_id, recordId or key",
        "timestamp": "the answer's created or created_at, else the file's last change",
        "account_id": "account_id or user_id beside them; request.metadata.user_id, .safety_identifier, "
        ".user; else `unattributed`",
        "model": "the request's model, else the answer's",
        "operation": "url, else `batch`",
        "system_prompt": "body, params or modelInput",
        "prompt": "the same",
        "response": "response.body, result.message, modelOutput",
        "tool_names": "body.tools",
        "temperature": "body.temperature",
        "top_p": "body.top_p",
        "max_tokens": "body.max_tokens",
        "input_tokens": "usage of the answer",
        "output_tokens": "usage of the answer",
        "finish_reason": "of the answer; else the kind of the error",
        "status": "response.status_code; 200 or 400 by result.type; 400 for an error",
    },
    known=(
        *KEYS,
        *REQUEST_FIELDS,
        *RESULT_FIELDS,
        *WHO,
        "id",
        "method",
        "url",
        "status",
        "processed_time",
        "timestamp",
        "created_at",
        "batch_id",
    ),
    recognise=_recognise,
    assemble=_assemble,
    is_whole=_whole,
    notes=(
        (
            "Requests and answers are joined by their id, in a file and over the files of a folder; a "
            "request "
            "without an answer is a row too."
        ),
        (
            "A batch says nothing of who sent it but what the requests say; name the account with `--map "
            "account_id=FIELD` where the lines have it."
        ),
        (
            "Requests have no time; a row without one has that of its file's last change. The time of a "
            "batch is "
            "not that of a person."
        ),
    ),
)
def batch(record: Record) -> JoinedPart:
    """The fragment or row in a record; None where the record is no exchange."""
    key = first(*(record.get(name) for name in KEYS))
    if not isinstance(key, str | int):
        raise Malformed("exchange_id", "record has no id of a batch")
    asked_for = next(
        (body for name in REQUEST_FIELDS if isinstance(body := decoded(record.get(name)), dict)), None
    )
    given = next(
        (
            name
            for name in RESULT_FIELDS
            if isinstance(decoded(record.get(name)), dict | str) and record.get(name)
        ),
        None,
    )
    content: dict[str, Any] = {"id": str(key)}
    if asked_for is not None:
        content["asked"] = _asked(record, asked_for)
    if given is not None:
        content["given"] = _given(record, decoded(record[given]))
    if len(content) == 1:
        return None
    fragment = Fragment(f"{_family(record)} {key}", 1 if given is None else 0, content)
    if asked_for is not None and given is not None:
        row = _row(fragment, None, None)
        return row if row["timestamp"] else fragment
    return fragment


def _family(record: Record) -> str:
    """The provider of a batch; identifiers of different providers do not match."""
    for family, names in FAMILIES.items():
        if any(record.get(name) is not None for name in names):
            return family
    return ""


def _asked(record: Record, body: Mapping[str, Any]) -> Row:
    """The columns of a request."""
    row = {
        "model": body.get("model"),
        "operation": first(record.get("url"), "batch"),
        **request_columns(body),
    }
    who = first(
        *(record.get(name) for name in WHO),
        at(body, "metadata", "user_id"),
        body.get("safety_identifier"),
        body.get("user"),
    )
    return row if who is None else row | {"account_id": who}


def _given(record: Record, answer: Any) -> Row:  # noqa: ANN401  any JSON value
    """The columns of an answer, or of an error in its place."""
    result = mapping(answer)
    kind = result.get("type") if "message" in result or "error" in result or "type" in result else None
    body = first(
        decoded(result.get("body")),
        result.get("message") if isinstance(result.get("message"), dict) else None,
    )
    body = mapping(body) if body is not None else mapping(answer)
    failed = first(record.get("error"), body.get("error"), result.get("error"))
    reason = first(
        at(failed, "code"),
        at(failed, "type"),
        at(failed, "errorCode"),
        kind if kind in ("canceled", "expired") else None,
    )
    content = answer_columns(body)
    when = first(
        body.get("created"),
        body.get("created_at"),
        *(record.get(n) for n in ("processed_time", "timestamp", "created_at")),
    )
    row = {
        "timestamp": moment(when) if when is not None else None,
        "model": first(body.get("model"), body.get("modelVersion")),
        **content,
        "response": None if failed else content["response"],
        "finish_reason": first(content["finish_reason"], reason if isinstance(reason, str) else None),
        "status": first(number(result.get("status_code")), STATUS.get(str(kind)), 400 if failed else None),
    }
    who = first(*(record.get(name) for name in WHO))
    return row if who is None else row | {"account_id": who}
