"""Extracts text, settings and token counts from requests and answers in any provider's form.

* `system_prompt`: the text of system and developer turns and of separate instructions, joined by blank lines.
* `prompt`: the text of the last user turn that has any. Tool results do not count as user text.
* `response`: the text of the first answer; tool calls appear as `[tool NAME]`.
* Parts that are not text are replaced by `[image]`, `[audio]` or `[file]`; reasoning is left out.
* Senders choose the content, so content of an unknown form gives `UNREADABLE` and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import orjson

from stillwatch.readers.registry import SHAPES, UNREADABLE, Row, at, first, mapping, refusal, total
from stillwatch.readers.tolerant import loads

TEXT = ("text", "input_text", "output_text")
"""Types of parts that hold plain text."""
TEXT_FIELDS = (
    "text",
    "content",
    "parts",
    "outputText",
    "generation",
    "output_text",
    "generated_text",
    "message",
    "kwargs",
    "refusal",
)
"""Fields that may hold a part's text, in the order in which they are tried."""
MARKS = {
    "image": "[image]",
    "image_url": "[image]",
    "input_image": "[image]",
    "inline_data": "[file]",
    "inlineData": "[file]",
    "file_data": "[file]",
    "fileData": "[file]",
    "document": "[file]",
    "file": "[file]",
    "input_file": "[file]",
    "input_audio": "[audio]",
    "audio": "[audio]",
    "video": "[file]",
    "blob": "[file]",
    "uri": "[file]",
}
"""Mark that replaces a part, by its type or a field of it."""
CALLS = (
    "tool_use",
    "tool_call",
    "function_call",
    "toolUse",
    "functionCall",
    "server_tool_call",
    "server_tool_use",
    "function",
)
"""Types or fields of parts that are tool calls."""
SILENT = (
    "tool_result",
    "tool_call_response",
    "toolResult",
    "functionResponse",
    "function_response",
    "function_call_output",
    "server_tool_call_response",
    "thinking",
    "redacted_thinking",
    "reasoning",
    "reasoningContent",
    "cachePoint",
)
"""Types or fields of parts that give no text: tool results and reasoning."""
MAX_PART_NESTING = 20  # nesting levels of parts that are read: chosen
SYSTEM = ("system", "developer")  # roles of turns that are a system prompt
USER = ("user", "human")  # roles of turns that are a prompt
CLASSES = (*SYSTEM, *USER, "ai", "assistant", "tool", "function", "chat")
"""Values of a LangChain turn's type that are roles."""
TURNS = ("messages", "input", "contents")
"""Fields of an object that hold a list of turns."""
SETTINGS = (
    "inferenceConfig",
    "textGenerationConfig",
    "generationConfig",
    "generation_config",
    "inference_config",
    "parameters",
    "options",
    "sampling_params",
)
"""Fields of a request that hold its settings."""
LIMITS = (
    "max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens", "max_gen_len",
    "maxTokenCount", "max_tokens_to_sample", "max_new_tokens", "maxNewTokens", "num_predict",
)  # fmt: skip
"""Names of the largest number of output tokens."""
PROMPT_FIELDS = (
    "messages",
    "input",
    "contents",
    "prompt",
    "inputText",
    "message",
    "inputs",
    "texts",
    "text",
    "query",
)
"""Fields of a request that hold its messages or prompt, in the order in which they are tried."""
INSTRUCTED = (
    "system",
    "instructions",
    "system_instruction",
    "systemInstruction",
    "preamble",
    "system_prompt",
)
"""Fields of a request that hold its instructions."""
ANSWERED = (
    "output",
    "content",
    "completion",
    "message",
    "text",
    "outputText",
    "generation",
    "output_text",
    "generated_text",
    "response",
    "data",
    "streamed_data",
    "parts",
)
"""Fields of an answer that hold its text, in the order in which they are tried."""
SEVERAL = ("outputs", "results", "generations", "completions")  # lists of answers; the first is used
ENDED = ("stop_reason", "stopReason", "finish_reason", "finishReason", "completionReason", "done_reason")
"""Names of the reason for which an answer ended."""
USAGE = ("usage", "usageMetadata", "usage_metadata", "meta", "tokens", "details")
"""Fields that hold token counts."""
EVENTS = frozenset(
    (
        "choices",
        "candidates",
        "contentBlockDelta",
        "messageStart",
        "messageStop",
        "outputText",
        "generation",
        "outputs",
        "event_type",
        "done",
        "delta",
        "completion",
    )
)
"""Fields of which an event of a streamed answer has at least one."""
# Fields by which a cut answer is recognised.
PARTS_OF_ANSWERS = frozenset((*ANSWERED, *SEVERAL, "choices", "candidates", "usage"))
BEGUN = re.compile(
    r'"(?:[^"\\]|\\.)*+("?)|[\[{]|[\]}]', re.DOTALL
)  # strings, of which the last may have no end, and brackets
CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?$")  # an escape that is cut at the end of a JSON string
# Columns that `of_request` fills.
REQUEST = ("system_prompt", "prompt", "tool_names", "temperature", "top_p", "max_tokens", "stream")
ANSWER = ("response", "input_tokens", "output_tokens", "finish_reason")  # columns that `of_answer` fills
PEEK = 64  # characters in which the first server-sent event must start
READ = (
    "prompt_tokens",
    "inputTokens",
    "promptTokenCount",
    "prompt_token_count",
    "inputTextTokenCount",
    "prompt_eval_count",
    "inputTokenCount",
)
"""Names of the number of input tokens."""
WRITTEN = (
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "generation_token_count",
    "totalOutputTextTokenCount",
    "eval_count",
    "tokenCount",
    "outputTokenCount",
    "generated_tokens",
)
"""Names of the number of output tokens."""


P = ParamSpec("P")  # arguments of a decorated function
R = TypeVar("R")  # any type


def sent(unreadable: Callable[[], R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator for functions that read content chosen by senders: where the content has an unexpected form,
    the function returns `unreadable()` instead of raising.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        """The function, guarded."""

        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            """The function's result; `unreadable()` where the content has an unexpected form."""
            try:
                return function(*args, **kwargs)
            except SHAPES:
                return unreadable()

        return guarded

    return wrap


def _no_request() -> Row:
    """Columns of a request that cannot be read."""
    return dict.fromkeys(REQUEST) | {"prompt": UNREADABLE}


def _no_answer() -> Row:
    """Columns of an answer that cannot be read."""
    return dict.fromkeys(ANSWER) | {"response": UNREADABLE}


def text_of(content: Any, *, calls: bool = False, deep: int = MAX_PART_NESTING) -> str:  # noqa: ANN401  any JSON value
    """The text of a turn's content: a string, a part, or a list of parts; empty where there is none.

    With `calls`, tool calls appear by name. Nested parts are read to `deep` levels.
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
        return "\n".join(filter(None, (text_of(part, calls=calls, deep=deep - 1) for part in content)))
    return ""


def _part(part: Mapping[str, Any], calls: bool, deep: int) -> str:
    """The text of one part."""
    kind = part.get("type")
    if part.get("thought") is True:  # Gemini's reasoning
        return ""
    if kind in TEXT:  # by far the most frequent
        said = part.get("text") or part.get("content")
        if isinstance(said, str):
            return said
    kind = kind if isinstance(kind, str) else None
    if kind in SILENT:
        return ""
    if kind in CALLS:
        return f"[tool {tool_name(part)}]" if calls else ""
    if kind in MARKS:
        return MARKS[str(kind)]
    for name in TEXT_FIELDS:  # before the fields of calls and of reasoning, which may stand beside a text
        value = part.get(name)
        said = value if isinstance(value, str) else text_of(value, calls=calls, deep=deep) if value else ""
        if said:
            return said
    if any(part.get(name) for name in SILENT):
        return ""
    if any(part.get(name) for name in CALLS):
        return f"[tool {tool_name(part)}]" if calls else ""
    return next((mark for name, mark in MARKS.items() if part.get(name)), "")


def tool_name(part: Mapping[str, Any]) -> str:
    """The name of the tool in a tool call or a tool definition; `?` where it has none."""
    for name in ("name", *CALLS, "toolSpec"):
        value = part.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return "?"


@sent(lambda: UNREADABLE)
def tool_names(tools: Any) -> list[str] | None:  # noqa: ANN401  any JSON value
    """Names of the offered tools in order; None where none is offered, `UNREADABLE` for another form."""
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


def _nothing_asked() -> tuple[str | None, str | None]:
    """System prompt and prompt of a conversation that cannot be read."""
    return None, UNREADABLE


@sent(_nothing_asked)
def prompts_of(messages: Any, instructions: Any = None) -> tuple[str | None, str | None]:  # noqa: ANN401  any JSON values
    """System prompt and prompt of a conversation; each is None where it is missing.

    `messages` are turns with roles, a single string, or JSON of either; `instructions` is a separate system
    prompt.
    """
    messages = decoded(messages)
    if isinstance(messages, str):
        return _or_none(text_of(instructions)), messages or None
    system = [text_of(decoded(instructions))] if instructions else []
    if isinstance(messages, list) and _are_texts(messages):  # of an embedding, or several prompts
        return "\n\n".join(filter(None, system)) or None, "\n".join(messages) or None
    prompt = ""
    for turn in reversed(_turns(messages)):
        role, content = _turn(turn)
        if role in USER:
            prompt = prompt or text_of(content)
        elif role in SYSTEM:
            system.insert(1 if instructions else 0, text_of(content))
    return "\n\n".join(filter(None, system)) or None, prompt or None


def _are_texts(messages: list[Any]) -> bool:
    """Whether a list holds several texts, none of which is an encoded turn."""
    return len(messages) > 1 and all(
        isinstance(one, str) and not isinstance(decoded(one), dict) for one in messages
    )


def _turns(messages: Any) -> list[Any]:  # noqa: ANN401  any JSON value
    """The turns of a conversation, given as a list, below one of the names in `TURNS`, or as the first of
    several conversations.
    """
    if isinstance(messages, dict):
        inner = next((messages[name] for name in TURNS if isinstance(messages.get(name), list)), None)
        return [messages] if inner is None else inner
    if isinstance(messages, list) and messages and isinstance(messages[0], list):
        return messages[0]
    return messages if isinstance(messages, list) else []


def _turn(turn: Any) -> tuple[str, Any]:  # noqa: ANN401  any JSON value
    """Role and content of a turn."""
    if isinstance(turn, str):
        inner = decoded(turn)
        if not isinstance(inner, dict) or "role" not in inner:
            return "user", turn
        turn = inner
    if not isinstance(turn, dict):
        return "", None
    if "message" in turn and isinstance(turn["message"], dict):
        turn = turn["message"]
    role = turn.get("role")
    if role is None:
        role, turn = _of_langchain(turn)
    content = turn.get("content")
    if content is None:
        content = turn.get("parts", turn.get("text", turn.get("message")))
    return str(role or "user").lower(), content


def _of_langchain(turn: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Role and fields of a turn in LangChain's form: the role is given by the class name or by `type`."""
    inner = turn.get("kwargs", turn.get("data"))
    kind, name = turn.get("type"), turn.get("id")
    if isinstance(name, list) and name and isinstance(inner, dict):
        kind = str(name[-1]).removesuffix("Chunk").removesuffix("Message").lower()
    said = inner if isinstance(inner, dict) else turn
    return (kind, said) if isinstance(kind, str) and kind.lower() in CLASSES else (None, turn)


@sent(lambda: UNREADABLE)
def answered(answer: Any, deep: int = MAX_PART_NESTING) -> str | None:  # noqa: ANN401  any JSON value
    """The text of an answer in any provider's form; None where it has none, `UNREADABLE` for an unexpected
    form.
    """
    answer = decoded(answer) if deep > 0 else None
    if isinstance(answer, str):
        return answer or None
    if isinstance(answer, list):
        turns = [
            turn.get("content", turn.get("parts")) if isinstance(turn, dict) and "role" in turn else turn
            for turn in map(_as_turn, answer)
        ]
        return _or_none(text_of(turns, calls=True))
    if not isinstance(answer, dict):
        return None
    first = choice_of(answer)
    if first:
        message = first.get("message") or first.get("content") or first.get("text")
        called = message.get("tool_calls") if isinstance(message, dict) else None
        parts = [text_of(message, calls=True), text_of(called, calls=True)]
        return _or_none("\n".join(part for part in parts if part))
    for name in ANSWERED:
        if name in answer:
            inner = answer[name]
            said = answered(inner, deep - 1) if isinstance(inner, list | dict) else text_of(inner)
            called = (
                text_of(answer["tool_calls"], calls=True)
                if isinstance(answer.get("tool_calls"), list)
                else ""
            )
            return _or_none("\n".join(part for part in (said, called) if part))
    for name in SEVERAL:
        if isinstance(answer.get(name), list) and answer[name]:
            inner = answer[name][0]
            inner = inner[0] if isinstance(inner, list) and inner else inner
            return answered(inner, deep - 1) if isinstance(inner, dict) else _or_none(text_of(inner))
    return None


def _as_turn(turn: Any) -> Any:  # noqa: ANN401  any JSON value
    """A turn that was encoded as a JSON string, decoded; any other value unchanged."""
    if not isinstance(turn, str):
        return turn
    inner = decoded(turn)
    return inner if isinstance(inner, dict) and "role" in inner else turn


def choice_of(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice or candidate of an answer; an empty object where there is none."""
    return _first(answer.get("choices")) or _first(answer.get("candidates")) or {}


@sent(_no_request)
def request_columns(body: Mapping[str, Any]) -> Row:
    """Columns of the contract from a request's body in a provider's form (`REQUEST`): prompts, tools and
    settings.
    """
    get = body.get
    system, prompt = prompts_of(
        first(*(get(name) for name in PROMPT_FIELDS)), first(*(get(name) for name in INSTRUCTED))
    )
    more: Mapping[str, Any] = next((body[name] for name in SETTINGS if isinstance(get(name), dict)), {})

    def setting(*names: str) -> Any:  # noqa: ANN401  any JSON value
        """The first of these settings that the request or its options hold."""
        return first(*(get(name) for name in names), *(more.get(name) for name in names))

    return {
        "system_prompt": system,
        "prompt": prompt,
        "tool_names": tool_names(first(get("tools"), get("toolConfig"), get("functions"))),
        "temperature": setting("temperature"),
        "top_p": setting("top_p", "topP", "p"),
        "max_tokens": setting(*LIMITS),
        "stream": get("stream"),
    }


@sent(_no_answer)
def answer_columns(answer: Any) -> Row:  # noqa: ANN401  any JSON value
    """Columns of the contract from an answer in a provider's form (`ANSWER`): text, token counts and finish
    reason.

    Input tokens include those read from and written to a cache, whether the provider counts them in or
    separately. A streamed answer, logged as text or as a list of events, is assembled first.
    """
    answer = whole_answer(answer)
    body = answer if isinstance(answer, dict) else {}
    held: Mapping[str, Any] = next((body[name] for name in USAGE if isinstance(body.get(name), dict)), {})
    usage = {**mapping(held.get("tokens")), **mapping(held.get("billed_units")), **held}
    choice = choice_of(body) or next((one for one in map(_first, map(body.get, SEVERAL)) if one), {})
    beside = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    reason = first(
        *(one.get(name) for one in (body, choice, held) for name in ENDED),
        at(body, "incomplete_details", "reason"), body.get("status"),
    )  # fmt: skip
    counts = (usage, body, choice)
    thoughts = first(usage.get("thoughtsTokenCount"), usage.get("thoughts_token_count"))
    candidates = first(usage.get("candidatesTokenCount"), usage.get("candidates_token_count"))
    return {
        "response": answered(answer),
        "input_tokens": first(
            *(one.get(name) for one in counts for name in READ), total(*(usage.get(name) for name in beside))
        ),
        "output_tokens": first(
            *(one.get(name) for one in counts for name in WRITTEN), total(candidates, thoughts)
        ),
        "finish_reason": refusal(at(reason, "reason") or reason, at(body, "stop_details", "category")),
    }


@sent(lambda: UNREADABLE)
def whole_answer(answer: Any) -> Any:  # noqa: ANN401  any JSON value
    """An answer as one value. A streamed answer, given as text of server-sent events or as a list of events,
    is assembled.
    """
    if isinstance(answer, list) and len(answer) == 1 and at(answer[0], "generated_text") is not None:
        answer = answer[0]  # of TGI
    if isinstance(answer, dict):
        inner = answer.get("streamed_data")
        return answer if inner is None else whole_answer(inner)
    if isinstance(answer, str):
        events = events_in(answer)
        if events is not None:
            return from_events(events)
        answer = decoded(answer)
        if isinstance(answer, str):
            cut = body_in(answer)
            answer = cut if not cut.keys().isdisjoint(PARTS_OF_ANSWERS) else answer
    return from_events(answer) if _are_events(answer) else answer


def _are_events(answer: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether a list holds events of a stream rather than turns or parts."""
    if not isinstance(answer, list) or not answer:
        return False
    one = next((event for event in answer if isinstance(event, dict)), None)
    return one is not None and (
        not EVENTS.isdisjoint(one)
        or str(one.get("type")).startswith(("message_", "content_block", "response."))
    )


def events_in(text: str) -> list[Any] | None:
    """The data of server-sent events, or the values of JSON Lines; a last value that was cut is left out.
    None where the text is neither.
    """
    begin = text[:PEEK].lstrip()
    if begin.startswith(("data:", "event:", "id:", ": ", "retry:")):
        lines = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    elif begin.startswith("{") and "\n{" in text:
        lines = text.splitlines()
    else:
        return None
    found = []
    for line in lines:
        if line.strip() not in ("", "[DONE]"):
            try:
                found.append(loads(line))
            except orjson.JSONDecodeError:
                continue
    return found if found or begin[:1] != "{" else None


def body_in(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  any JSON value
    """The body of a request or an answer, given as an object or as JSON that may be truncated; otherwise an
    empty object.
    """
    value = decoded(value)
    if isinstance(value, str) and value[:1] == "{":
        value = up_to_the_cut(value)
    return value if isinstance(value, dict) else {}


def up_to_the_cut(text: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a truncated JSON text, with everything before the cut; None where it is not JSON."""
    open_ones: list[str] = []
    end, cut = 0, None
    for found in BEGUN.finditer(text):
        sign = found[0][0]
        if sign == '"' and not found[1]:
            cut = found.start()
            break
        end = found.end()
        if sign in "[{":
            open_ones.append("]" if sign == "[" else "}")
        elif sign in "]}" and open_ones:
            open_ones.pop()
    within = text if cut is None else CUT_ESCAPE.sub("", text) + '"'
    comma = text.rfind(",", end) if cut is None else cut
    close = "".join(reversed(open_ones))
    for begin in (
        within,
        within + ":null",
        text[: max(comma, end)].rstrip(", :\n\t"),
        text[:end].rstrip(", :") + ":null",
    ):
        try:
            return loads(begin + close)
        except orjson.JSONDecodeError:
            continue
    return None


def decoded(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """The value of JSON that was encoded as a string, once or several times; anything else unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            inner = loads(value)
        except orjson.JSONDecodeError:
            return value
        if not isinstance(inner, str):
            return inner
        if inner[:1] in ("{", "["):
            return decoded(inner)
    return value


def _first(several: Any) -> Mapping[str, Any] | None:  # noqa: ANN401  any JSON value
    """The first item of a list if it is an object; otherwise None."""
    if isinstance(several, list) and several and isinstance(several[0], dict):
        return several[0]
    return None


def _or_none(text: str) -> str | None:
    """The text; None where it is empty."""
    return text or None


def from_events(events: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    """One answer, assembled from the events of a stream in any provider's form; text is in `content`, token
    counts in `usage`.
    """
    answer: dict[str, Any] = {}
    said: list[str] = []
    usage: dict[str, Any] = {}
    for event in events if isinstance(events, list) else ():
        if not isinstance(event, dict):
            continue
        ended = event.get("response")
        if isinstance(ended, dict) and "output" in ended:  # OpenAI Responses: the whole answer comes last
            answer |= {k: v for k, v in ended.items() if k not in ("output", "usage")}
            said, usage = [answered(ended) or "".join(said)], {**usage, **mapping(ended.get("usage"))}
            continue
        said.append(_piece(event))
        started = event.get("message")
        if isinstance(started, dict):
            answer |= {k: v for k, v in started.items() if k not in ("content", "usage")}
        for holder in (event, started, event.get("delta"), event.get("messageStop"), choice_of(event)):
            if isinstance(holder, dict):
                answer |= {
                    name: holder[name] for name in (*ENDED, "stop_details", "model") if holder.get(name)
                }
        metered = event.get("amazon-bedrock-invocationMetrics")
        usage |= {name: v for name, v in mapping(metered).items() if name.endswith("TokenCount")}
        usage |= {name: event[name] for name in (*READ, *WRITTEN) if event.get(name) is not None}
        for holder in (event, started, event.get("metadata")):
            for name in USAGE:
                if isinstance(holder, dict) and isinstance(holder.get(name), dict):
                    usage |= {k: v for k, v in holder[name].items() if v is not None}
            if isinstance(holder, dict) and isinstance(holder.get("metrics"), dict):
                answer["metrics"] = holder["metrics"]
    return answer | {"content": "".join(said), "usage": usage}


def _piece(event: Mapping[str, Any]) -> str:
    """The text that one event adds to the answer."""
    delta, inner, begun = event.get("delta"), event.get("contentBlockDelta"), event.get("content_block")
    if isinstance(inner, dict):
        delta = inner.get("delta")
    if isinstance(delta, dict):
        return text_of(delta.get("text", ""))
    if isinstance(delta, str):
        return delta if str(event.get("type")).endswith("output_text.delta") else ""
    if isinstance(begun, dict):
        return text_of(begun, calls=True)
    choice = choice_of(event)
    if choice:
        turn = mapping(first(choice.get("delta"), choice.get("message"), choice.get("content")))
        parts = [text_of(first(turn.get("content"), turn.get("parts"), choice.get("text"), ""))]
        if isinstance(turn.get("tool_calls"), list):
            parts += [
                f"[tool {name}]" for call in turn["tool_calls"] if (name := at(call, "function", "name"))
            ]
        return "".join(parts)
    if isinstance(event.get("message"), dict) and "done" in event:  # Ollama
        return text_of(event["message"].get("content") or "")
    several = event.get("outputs")
    for value in (event.get("outputText"), event.get("generation"), event.get("completion"), several):
        if isinstance(value, str | list):
            return text_of(value)
    text = event.get("text", event.get("response"))
    return text if isinstance(text, str) else ""
