"""What is the text of a structured exchange? One answer for every format.

* `system_prompt`: the text of system and developer turns and of separate instructions, joined by blank lines.
* `prompt`: the text of the last user turn that has any. Tool results are not what a user asks.
* `response`: the text of the first answer; tool calls as `[tool NAME]`.
* Parts that are not text leave a mark in place, `[image]`, `[audio]`, `[file]`; reasoning leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

TEXT = ("text", "content", "input_text", "output_text")
MARKS = {
    "image": "[image]", "image_url": "[image]", "input_image": "[image]", "inline_data": "[file]", "inlineData": "[file]",
    "file_data": "[file]", "fileData": "[file]", "document": "[file]", "file": "[file]", "input_file": "[file]",
    "input_audio": "[audio]", "audio": "[audio]", "video": "[file]", "blob": "[file]", "uri": "[file]",
}  # fmt: skip
CALLS = (
    "tool_use",
    "tool_call",
    "function_call",
    "toolUse",
    "functionCall",
    "server_tool_call",
    "server_tool_use",
)
SILENT = (
    "tool_result", "tool_call_response", "toolResult", "functionResponse", "function_response", "function_call_output",
    "server_tool_call_response", "thinking", "redacted_thinking", "reasoning", "reasoningContent", "cachePoint",
)  # fmt: skip
SYSTEM = ("system", "developer")
USER = ("user", "human")


def text_of(content: Any, *, calls: bool = False) -> str:  # noqa: ANN401  any JSON value
    """The text of a turn's content: a string, parts, or one part; `calls` shows tool calls by name."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _part(content, calls)
    if isinstance(content, list):
        parts = [text_of(part, calls=calls) for part in content]
        return "\n".join(part for part in parts if part)
    return ""


def _part(part: Mapping[str, Any], calls: bool) -> str:
    kind = part.get("type")
    if kind in SILENT or any(name in part for name in SILENT):
        return ""
    if kind in CALLS or any(name in part for name in CALLS):
        return f"[tool {tool_name(part)}]" if calls else ""
    if kind in MARKS:
        return MARKS[str(kind)]
    for name in ("text", "content", "parts"):
        value = part.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return text_of(value, calls=calls)
    return next((mark for name, mark in MARKS.items() if name in part), "")


def tool_name(part: Mapping[str, Any]) -> str:
    """The name of the tool that a part calls or a definition offers."""
    for name in ("name", *CALLS, "function", "toolSpec"):
        value = part.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping) and isinstance(value.get("name"), str):
            return str(value["name"])
    return "?"


def tool_names(tools: Any) -> list[str] | None:  # noqa: ANN401  any JSON value
    """Names of the tools offered, in order; None where the request offers none."""
    tools = decoded(tools)
    if isinstance(tools, Mapping):
        tools = tools.get("tools")
    if not isinstance(tools, list):
        return None
    names: list[str] = []
    for tool in tools:
        if isinstance(tool, Mapping):
            declared = tool.get("functionDeclarations") or tool.get("function_declarations")
            several = declared if isinstance(declared, list) else [tool]
            names += [tool_name(one) for one in several if isinstance(one, Mapping)]
    return names or None


def asked(messages: Any, instructions: Any = None) -> tuple[str | None, str | None]:  # noqa: ANN401  any JSON values
    """System prompt and prompt of a conversation, given as turns with roles, as one string, or as JSON of either."""
    messages = decoded(messages)
    if isinstance(messages, str):
        return _or_none(text_of(instructions)), messages or None
    system, prompt = [text_of(decoded(instructions))], ""
    turns: Iterable[Any] = messages if isinstance(messages, list) else ()
    for given in turns:
        if isinstance(given, str):
            prompt = given or prompt
            continue
        if not isinstance(given, Mapping):
            continue
        turn = given
        content = turn.get("content", turn.get("parts", turn.get("text")))
        if content is None and isinstance(turn.get("message"), Mapping):
            turn = turn["message"]
            content = turn.get("content")
        role = str(turn.get("role", "user")).lower()
        if role in SYSTEM:
            system.append(text_of(content))
        elif role in USER:
            prompt = text_of(content) or prompt
    return _or_none("\n\n".join(part for part in system if part)), _or_none(prompt)


def answered(answer: Any) -> str | None:  # noqa: ANN401  any JSON value
    """The text of an answer in any of the shapes that providers return."""
    answer = decoded(answer)
    if isinstance(answer, str):
        return answer or None
    if isinstance(answer, list):
        turns = [
            turn.get("content", turn.get("parts")) if isinstance(turn, Mapping) and "role" in turn else turn for turn in answer
        ]  # fmt: skip
        return _or_none(text_of(turns, calls=True))
    if not isinstance(answer, Mapping):
        return None
    first = _first(answer.get("choices")) or _first(answer.get("candidates"))
    if first is not None:
        message = first.get("message") or first.get("content") or first.get("text")
        called = message.get("tool_calls") if isinstance(message, Mapping) else None
        parts = [text_of(message, calls=True), text_of(called, calls=True)]
        return _or_none("\n".join(part for part in parts if part))
    for name in ("output", "content", "completion", "message", "text", "outputs"):
        if name in answer:
            inner = answer[name]
            return answered(inner) if isinstance(inner, list | Mapping) else _or_none(text_of(inner))
    return None


def decoded(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """JSON that was written as a string, as its value; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _first(several: Any) -> Mapping[str, Any] | None:  # noqa: ANN401  any JSON value
    if isinstance(several, list) and several and isinstance(several[0], Mapping):
        return several[0]
    return None


def _or_none(text: str) -> str | None:
    return text or None


def from_events(events: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """One answer from the list of events that a streamed one was logged as (Anthropic, OpenAI, Bedrock Converse)."""
    answer: dict[str, Any] = {}
    said: list[str] = []
    usage: dict[str, Any] = {}
    for event in events if isinstance(events, list) else ():
        if not isinstance(event, Mapping):
            continue
        started = event.get("message")
        if isinstance(started, Mapping):
            answer |= {k: v for k, v in started.items() if k != "content"}
            usage |= started.get("usage") or {}
        delta = event.get("delta")
        inner = event.get("contentBlockDelta")
        if isinstance(inner, Mapping):
            delta = inner.get("delta")
        if isinstance(delta, Mapping):
            said.append(text_of(delta.get("text", "")))
            answer |= {k: delta[k] for k in ("stop_reason", "stop_details") if delta.get(k)}
        choice = _first(event.get("choices"))
        if choice is not None:
            said.append(text_of((choice.get("delta") or {}).get("content") or ""))
            answer |= {"finish_reason": choice["finish_reason"]} if choice.get("finish_reason") else {}
        stopped = event.get("messageStop")
        if isinstance(stopped, Mapping):
            answer["stop_reason"] = stopped.get("stopReason")
        for holder in (event, event.get("metadata")):
            if isinstance(holder, Mapping) and isinstance(holder.get("usage"), Mapping):
                usage |= {k: v for k, v in holder["usage"].items() if v is not None}
    return answer | {"content": "".join(said), "usage": usage}
