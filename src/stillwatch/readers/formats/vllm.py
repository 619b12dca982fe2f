"""vLLM's request log, which is plain text, and SGLang's, which is JSON."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from stillwatch.readers.registry import Malformed, Record, Row, at, first, log_format, mapping, moment

SAID = "Received request "
WHEN = re.compile(r"(?P<month>\d\d)-(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d)(?:[.,]\d{1,9})? ")
ENDS = re.compile(r": (?=prompt: ['\"N]|params: )")  # the request's id, which a client may choose
PROMPT = re.compile(r"prompt: (?P<prompt>'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"|None), ", re.DOTALL)
PARAMS, TOKENS, LORA = "params: ", ", prompt_token_ids: ", ", lora_request: "
NAMED = re.compile(r"lora_name='([^']{0,512})'")
OPEN = re.compile(r"prompt: ['\"]")
HEAD = 256  # letters before the message in which its time stands: chosen
NUMBER = r"(?<![A-Za-z_])%s=([-+0-9.eE]+)"
UNKNOWN = "unattributed"


def _recognise(record: Record) -> str:
    line = record.get("line")
    if isinstance(line, str) and SAID in line and "params: " in line:
        return "lines that say `Received request ...: ... params: ...`"
    if record.get("event") in ("request.received", "request.finished") and "rid" in record:
        return "`event` and `rid` of a request log"
    return ""


@log_format(
    title="vLLM request log, SGLang request log",
    source="vllm/entrypoints/serve/utils/request_logger.py; sglang/srt/utils/request_logger.py",
    fields={
        "exchange_id": "the request's id; rid", "timestamp": "the line's month, day and time; timestamp",
        "account_id": "none: every row is `unattributed` until joined with a gateway's log",
        "model": "the LoRA's name, else `vllm`; obj.model", "prompt": "prompt, where the log level shows it; obj.text",
        "response": "out.text", "temperature": "params; obj.sampling_params.temperature",
        "top_p": "params; obj.sampling_params.top_p", "max_tokens": "params; obj.sampling_params.max_new_tokens",
        "input_tokens": "prompt_token_ids; out.meta_info.prompt_tokens", "output_tokens": "out.meta_info.completion_tokens",
        "finish_reason": "out.meta_info.finish_reason.type", "latency_ms": "out.meta_info.e2e_latency",
    },
    known=("line", "modified", "timed", "timestamp", "event", "rid", "obj", "out"),
    recognise=_recognise,
    notes=(
        "There is no account and no address at this layer: nothing can be grouped until rows are joined with a gateway.",
        "Lines of vLLM carry no year; the year is that of the file's last change. Long prompts are cut by `--max-log-len`.",
        "Other lines of a server's log are passed over, not counted as malformed.",
        "A line that a logger cut off within the prompt gives its row, with the text up to the cut.",
    ),
)  # fmt: skip
def vllm(record: Record) -> Iterator[Row]:
    if "line" not in record:
        yield from _sglang(record)
        return
    line = record["line"]
    if SAID not in line:
        return
    begin = line.index(SAID)
    at = WHEN.search(line, 0, min(begin, HEAD))
    ends = ENDS.search(line, begin)
    timed = record.get("timed")  # by what the line was in
    if (at is None and not timed) or ends is None:
        raise Malformed(None, "line is not a request")
    told = PROMPT.match(line, ends.end())
    cut = OPEN.match(line, ends.end()) if told is None else None
    rest = "" if cut else line[told.end() if told else ends.end() :]
    params, _sign, more = rest.partition(LORA)
    params, _sign, tokens = params.removeprefix(PARAMS).partition(TOKENS)
    tokens = tokens.partition("]")[0] + "]" if tokens.startswith("[") else ""
    last = datetime.fromtimestamp(record.get("modified") or 0, UTC)
    when = f"{last.year}-{at['month']}-{at['day']}T{at['clock']}+00:00" if at else last.isoformat()
    if moment(when) > (last.timestamp() + 86400) * 1e6:
        when = f"{last.year - 1}{when[4:]}"

    def number(name: str) -> str | None:
        said = re.search(NUMBER % name, params)
        return said[1] if said else None

    model = NAMED.search(more)
    prompt = ast.literal_eval(told["prompt"]) if told and told["prompt"] != "None" else None
    if cut:  # a logger cuts long lines; what a sender makes long does not cost his row
        prompt = line[cut.end() :]
    yield {
        "exchange_id": line[begin + len(SAID) : ends.start()],
        "timestamp": moment(when),
        "account_id": UNKNOWN,
        "model": model[1] if model else "vllm",
        "prompt": prompt or None,
        "temperature": number("temperature"),
        "top_p": number("top_p"),
        "max_tokens": number("max_tokens"),
        "input_tokens": tokens.count(",") + 1 if tokens not in ("", "[]") else None,
    }


def _sglang(record: Record) -> Iterator[Row]:
    if record.get("event") != "request.finished":
        return
    asked_for, out = mapping(record.get("obj")), mapping(record.get("out"))
    said, meta = mapping(asked_for.get("sampling_params")), mapping(out.get("meta_info"))
    ended = meta.get("finish_reason")
    seconds = meta.get("e2e_latency")
    yield {
        "exchange_id": record.get("rid"),
        "timestamp": moment(record.get("timestamp")),
        "account_id": UNKNOWN,
        "model": first(asked_for.get("model"), "sglang"),
        "prompt": asked_for.get("text") if isinstance(asked_for.get("text"), str) else None,
        "response": out.get("text"),
        "temperature": said.get("temperature"),
        "top_p": said.get("top_p"),
        "max_tokens": said.get("max_new_tokens"),
        "input_tokens": meta.get("prompt_tokens"),
        "output_tokens": meta.get("completion_tokens"),
        "finish_reason": first(at(ended, "type"), ended if isinstance(ended, str) else None),
        "latency_ms": seconds * 1000 if isinstance(seconds, int | float) else None,
    }
