"""What is the text of a structured exchange? One answer for every format.

* `system_prompt`: the text of system and developer turns and of separate instructions, joined by blank lines.
* `prompt`: the text of the last user turn that has any. Tool results are not what a user asks.
* `response`: the text of the first answer; tool calls as `[tool NAME]`.
* Parts that are not text leave a mark in place, `[image]`, `[audio]`, `[file]`; reasoning leaves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from stillwatch.readers.registry import Row, at, first, mapping, refusal, total
from stillwatch.readers.tolerant import loads

TEXT = ("text", "input_text", "output_text")
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
DEEPEST = 20  # parts within parts whose text is read: chosen
SYSTEM = ("system", "developer")
USER = ("user", "human")


def text_of(content: Any, *, calls: bool = False, deep: int = DEEPEST) -> str:  # noqa: ANN401  any JSON value
    """The text of a turn's content: a string, parts, or one part; `calls` shows tool calls by name. Parts within parts are read to
    `deep` levels.
    """
    while isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, str):
        return content
    if deep <= 0:
        return ""
    if isinstance(content, dict):
        return _part(content, calls, deep - 1)
    if isinstance(content, list):
        parts = [text_of(part, calls=calls, deep=deep - 1) for part in content]
        return "\n".join(part for part in parts if part)
    return ""


def _part(part: Mapping[str, Any], calls: bool, deep: int) -> str:
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else None
    if kind in TEXT:  # by far the most frequent
        said = part.get("text") or part.get("content")
        if isinstance(said, str):
            return said
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
            return text_of(value, calls=calls, deep=deep)
    return next((mark for name, mark in MARKS.items() if name in part), "")


def tool_name(part: Mapping[str, Any]) -> str:
    """The name of the tool that a part calls or a definition offers."""
    for name in ("name", *CALLS, "function", "toolSpec"):
        value = part.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return "?"


def tool_names(tools: Any) -> list[str] | None:  # noqa: ANN401  any JSON value
    """Names of the tools offered, in order; None where the request offers none."""
    tools = decoded(tools)
    if isinstance(tools, dict):
        tools = tools.get("tools")
    if not isinstance(tools, list):
        return None
    names: list[str] = []
    for tool in tools:
        if isinstance(tool, dict):
            declared = tool.get("functionDeclarations") or tool.get("function_declarations")
            several = declared if isinstance(declared, list) else [tool]
            names += [tool_name(one) for one in several if isinstance(one, dict)]
    return names or None


def asked(messages: Any, instructions: Any = None) -> tuple[str | None, str | None]:  # noqa: ANN401  any JSON values
    """System prompt and prompt of a conversation, given as turns with roles, as one string, or as JSON of either."""
    messages = decoded(messages)
    if isinstance(messages, str):
        return _or_none(text_of(instructions)), messages or None
    system = [text_of(decoded(instructions))] if instructions else []
    prompt = ""
    turns: list[Any] = messages if isinstance(messages, list) else []
    for turn in reversed(turns):
        role, content = _turn(turn)
        if role in USER and not prompt:
            prompt = text_of(content)
        elif role in SYSTEM:
            system.insert(1 if instructions else 0, text_of(content))
    return _or_none("\n\n".join(part for part in system if part)), _or_none(prompt)


def _turn(turn: Any) -> tuple[str, Any]:  # noqa: ANN401  any JSON value
    """Who speaks, and what is said."""
    if isinstance(turn, str):
        return "user", turn
    if not isinstance(turn, dict):
        return "", None
    if isinstance(turn.get("message"), dict):
        turn = turn["message"]
    content = turn.get("content")
    if content is None:
        content = turn.get("parts", turn.get("text"))
    return str(turn.get("role", "user")).lower(), content


def answered(answer: Any, deep: int = DEEPEST) -> str | None:  # noqa: ANN401  any JSON value
    """The text of an answer in any of the shapes that providers return."""
    answer = decoded(answer) if deep > 0 else None
    if isinstance(answer, str):
        return answer or None
    if isinstance(answer, list):
        turns = [
            turn.get("content", turn.get("parts")) if isinstance(turn, dict) and "role" in turn else turn for turn in answer
        ]  # fmt: skip
        return _or_none(text_of(turns, calls=True))
    if not isinstance(answer, dict):
        return None
    first = _first(answer.get("choices")) or _first(answer.get("candidates"))
    if first is not None:
        message = first.get("message") or first.get("content") or first.get("text")
        called = message.get("tool_calls") if isinstance(message, dict) else None
        parts = [text_of(message, calls=True), text_of(called, calls=True)]
        return _or_none("\n".join(part for part in parts if part))
    for name in ("output", "content", "completion", "message", "text", "outputs"):
        if name in answer:
            inner = answer[name]
            return answered(inner, deep - 1) if isinstance(inner, list | dict) else _or_none(text_of(inner))
    return None


def request_columns(body: Mapping[str, Any]) -> Row:
    """What a request's body in a provider's own shape says: instructions, prompt, tools and settings."""
    system, prompt = asked(
        first(body.get("messages"), body.get("input"), body.get("contents"), body.get("prompt")),
        first(body.get("system"), body.get("instructions")),
    )
    limits = (body.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    return {
        "system_prompt": system,
        "prompt": prompt,
        "tool_names": tool_names(body.get("tools")),
        "temperature": body.get("temperature"),
        "top_p": body.get("top_p"),
        "max_tokens": first(*limits),
        "stream": body.get("stream"),
    }


def answer_columns(answer: Any) -> Row:  # noqa: ANN401  any JSON value
    """What an answer in a provider's own shape says: its text, its tokens, and why it ended.

    Input tokens read from and written to a cache are counted in, whether the provider has them inside or beside.
    """
    body = answer if isinstance(answer, dict) else {}
    usage = mapping(at(body, "usage"))
    beside = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    choice = _first(body.get("choices")) or {}
    reason = first(
        body.get("stop_reason"), choice.get("finish_reason"), body.get("finish_reason"),
        at(body, "incomplete_details", "reason"), body.get("status"),
    )  # fmt: skip
    return {
        "response": answered(answer),
        "input_tokens": first(at(usage, "prompt_tokens"), total(*(at(usage, name) for name in beside))),
        "output_tokens": first(at(usage, "completion_tokens"), at(usage, "output_tokens")),
        "finish_reason": refusal(reason, at(body, "stop_details", "category")),
    }


def decoded(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """JSON that was written as a string, as its value; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _first(several: Any) -> Mapping[str, Any] | None:  # noqa: ANN401  any JSON value
    if isinstance(several, list) and several and isinstance(several[0], dict):
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
        if not isinstance(event, dict):
            continue
        started = event.get("message")
        if isinstance(started, dict):
            answer |= {k: v for k, v in started.items() if k != "content"}
            usage |= mapping(started.get("usage"))
        delta = event.get("delta")
        inner = event.get("contentBlockDelta")
        if isinstance(inner, dict):
            delta = inner.get("delta")
        if isinstance(delta, dict):
            said.append(text_of(delta.get("text", "")))
            answer |= {k: delta[k] for k in ("stop_reason", "stop_details") if delta.get(k)}
        choice = _first(event.get("choices"))
        if choice is not None:
            said.append(text_of(mapping(choice.get("delta")).get("content") or ""))
            answer |= {"finish_reason": choice["finish_reason"]} if choice.get("finish_reason") else {}
        stopped = event.get("messageStop")
        if isinstance(stopped, dict):
            answer["stop_reason"] = stopped.get("stopReason")
        for holder in (event, event.get("metadata")):
            if isinstance(holder, dict) and isinstance(holder.get("usage"), dict):
                usage |= {k: v for k, v in holder["usage"].items() if v is not None}
    return answer | {"content": "".join(said), "usage": usage}
