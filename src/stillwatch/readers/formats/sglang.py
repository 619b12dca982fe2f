"""SGLang's request log, in JSON or as text."""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stillwatch.readers.beside import Beside
from stillwatch.readers.content import answered, decoded, prompts_of
from stillwatch.readers.http import account_in, joined
from stillwatch.readers.joining import Fragment, JoinedPart, Placed, joined_format
from stillwatch.readers.registry import (
    UNATTRIBUTED,
    Malformed,
    Record,
    Row,
    at,
    first,
    header,
    mapping,
    milliseconds,
    moment,
)

# Events of a request's start and end.
RECEIVED, FINISHED = "request.received", "request.finished"
# Start of a line, with the part of the exchange that it holds.
BEGINS = {"Receive: obj=": RECEIVED, "Finish: obj=": FINISHED}
WHEN = re.compile(r"\[?(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)")  # the time of a line
STRING = r"('(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\")"  # pattern of a quoted string of Python
TEXT = re.compile(rf"\b(?:text|prompt)={STRING}", re.DOTALL)  # the prompt in a line
ANSWER_TEXT = re.compile(rf"'text': {STRING}", re.DOTALL)  # the answer's text in a line
ID = re.compile(r"\brid='([^']{0,512})'")  # the request's id in a line
SETTINGS = re.compile(r"\bsampling_params=(\{[^{}]{0,4096}\})")  # the sampling parameters in a line
OUT = re.compile(r"\), out=(?=\{)")  # start of the answer in a line
HEAD = 256  # characters that are searched for the time and the type of a message: chosen
# What `ast.literal_eval` raises for text that is no literal.
WRONG = (ValueError, SyntaxError, MemoryError, RecursionError, TypeError)

LoggedRequest = tuple[
    str, Any, Mapping[str, Any], Mapping[str, Any], Any
]  # event, id, request, answer and time


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    if record.get("event") in (RECEIVED, FINISHED) and "rid" in record:
        return "`event` and `rid` of a request log"
    line = record.get("line")
    if isinstance(line, str) and "ReqInput(" in line and any(begin in line for begin in BEGINS):
        return "lines that say `Receive: obj=...` or `Finish: obj=...`"
    return ""


def _assemble(several: Sequence[Placed], _beside: Beside | None) -> Iterator[tuple[Placed, Row | Malformed]]:
    """A row for each finished request, and for each received one without an end. Clients choose identifiers,
    so that several requests may share one.
    """
    ordered = sorted(several, key=lambda one: one.order)
    received = deque(one for one in ordered if one.fragment.rank == 1)
    for one in ordered:
        if one.fragment.rank == 0:
            begun = received.popleft().fragment.content if received else {}
            yield one, joined({"timestamp": begun.get("timestamp")}, one.fragment.content, begun)
    yield from ((one, dict(one.fragment.content)) for one in received)


def _finished(several: Sequence[Placed]) -> bool:
    """Whether a finished request is among the fragments."""
    return any(one.fragment.rank == 0 for one in several)


@joined_format(
    title="SGLang request log",
    source="sglang/srt/utils/request_logger.py (--log-requests, as JSON), tokenizer_manager.py (as text)",
    fields={
        "exchange_id": "rid",
        "timestamp": "timestamp of request.received, else of request.finished; the line's time",
        "account_id": "headers[x-user-id, ...], else `unattributed` until joined with a gateway's log",
        "model": "obj.model, obj.lora_path, else `sglang`",
        "user_agent": "headers[user-agent]",
        "system_prompt": "obj.messages",
        "prompt": "obj.text, obj.messages",
        "response": "out.text",
        "temperature": "obj.sampling_params.temperature",
        "top_p": "obj.sampling_params.top_p",
        "max_tokens": "obj.sampling_params.max_new_tokens",
        "stream": "obj.stream",
        "input_tokens": "out.meta_info.prompt_tokens",
        "output_tokens": "out.meta_info.completion_tokens",
        "finish_reason": "out.meta_info.finish_reason.type",
        "latency_ms": "out.meta_info.e2e_latency",
    },
    known=(
        "line",
        "modified",
        "timestamp",
        "event",
        "rid",
        "obj",
        "out",
        "headers",
        "level",
        "name",
        "model",
    ),
    recognise=_recognise,
    assemble=_assemble,
    is_whole=_finished,
    notes=(
        (
            "There is no account and no address at this layer, unless headers are logged: nothing can be "
            "grouped "
            "until rows are joined with a gateway."
        ),
        (
            "A request that was received and never finished is a row without an answer. Other lines of a "
            "server's log are passed over."
        ),
    ),
)
def sglang(record: Record) -> JoinedPart:
    """The fragment or row in a record; None where the record is no exchange."""
    read = _of_line(record) if "line" in record else _of_event(record)
    if read is None:
        return None
    event, rid, asked_for, out, when = read
    if event not in (RECEIVED, FINISHED):
        return None
    row = _row(record, asked_for, out) | {"exchange_id": rid, "timestamp": moment(when)}
    if not isinstance(rid, str) or not rid:
        return None if event == RECEIVED else row
    return Fragment(rid, 0 if event == FINISHED else 1, row)


def _row(record: Record, asked_for: Mapping[str, Any], out: Mapping[str, Any]) -> Row:
    """The row of a request and its answer."""
    said, meta = mapping(asked_for.get("sampling_params")), mapping(out.get("meta_info"))
    ended = meta.get("finish_reason")
    text = asked_for.get("text")
    system, prompt = (
        (None, text) if isinstance(text, str) else prompts_of(first(asked_for.get("messages"), text))
    )
    headers = record.get("headers")
    return {
        "account_id": first(account_in(headers), UNATTRIBUTED),
        "model": first(asked_for.get("model"), record.get("model"), asked_for.get("lora_path"), "sglang"),
        "user_agent": header(headers, "user-agent"),
        "system_prompt": system,
        "prompt": prompt,
        "response": answered(first(out.get("text"), out.get("choices") and out)),
        "temperature": said.get("temperature"),
        "top_p": said.get("top_p"),
        "max_tokens": said.get("max_new_tokens"),
        "stream": asked_for.get("stream"),
        "input_tokens": meta.get("prompt_tokens"),
        "output_tokens": meta.get("completion_tokens"),
        "finish_reason": first(at(ended, "type"), ended if isinstance(ended, str) else None),
        "latency_ms": milliseconds(meta.get("e2e_latency")),
    }


def _of_event(record: Record) -> LoggedRequest:
    """Event, identifier, request, answer and time of a JSON record."""
    obj, out = mapping(decoded(record.get("obj"))), mapping(decoded(record.get("out")))
    return str(record.get("event")), record.get("rid"), obj, out, record.get("timestamp")


def _of_line(record: Record) -> LoggedRequest | None:
    """Event, identifier, request, answer and time of a line; None for other lines. Text of senders is in
    quoted strings, which are skipped as a whole.
    """
    line = record["line"]
    begun = next(((at, begin) for begin in BEGINS if (at := line.find(begin)) >= 0), None)
    if begun is None or "ReqInput(" not in line[begun[0] : begun[0] + HEAD]:
        return None
    begin, word = begun
    text = TEXT.search(line, begin)
    rid = ID.search(line, begin, text.start() if text else len(line))
    end = text.end() if text else begin
    rid = rid or ID.search(line, end)
    settings, out = SETTINGS.search(line, end), OUT.search(line, end)
    when = WHEN.search(line, 0, min(begin, HEAD))
    asked_for = {
        "text": _literal(text[1]) if text else None,
        "sampling_params": _literal(settings[1]) if settings else None,
    }
    answer: dict[str, Any] = {}
    if out:
        whole = _literal(line[out.end() :].rstrip())
        said = ANSWER_TEXT.search(line, out.end())
        answer = whole if isinstance(whole, dict) else {"text": _literal(said[1])} if said else {}
    return (
        BEGINS[word],
        rid[1] if rid else None,
        asked_for,
        answer,
        when[1] if when else record.get("modified"),
    )


def _literal(text: str) -> Any:  # noqa: ANN401  any Python value
    """The value of a Python literal; None for invalid text."""
    try:
        return ast.literal_eval(text)
    except WRONG:
        return None
