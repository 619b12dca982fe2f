"""vLLM's request log, which is plain text, and SGLang's, which is JSON."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from stillwatch.readers.registry import Malformed, Record, Row, at, first, log_format, moment

RECEIVED = re.compile(
    r"(?P<month>\d\d)-(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d)(?:[.,]\d+)? .*?Received request (?P<id>\S+?): "
    r"(?:prompt: (?P<prompt>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|None), )?params: (?P<params>.*?), "
    r"(?:prompt_token_ids: (?P<tokens>\[[^\]]*\]|None).*?, )?(?:prompt_embeds.*?, )?lora_request: (?P<lora>[^,]*?)[.,]?(?: |$)",
    re.DOTALL,
)
NUMBER = r"(?<![A-Za-z_])%s=([-+0-9.eE]+)"
UNKNOWN = "unattributed"


def _recognise(record: Record) -> str:
    line = record.get("line")
    if isinstance(line, str) and "Received request " in line and "params: " in line:
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
    known=("line", "modified", "timestamp", "event", "rid", "obj", "out"),
    recognise=_recognise,
    notes=(
        "There is no account and no address at this layer: nothing can be grouped until rows are joined with a gateway.",
        "Lines of vLLM carry no year; the year is that of the file's last change. Long prompts are cut by `--max-log-len`.",
        "Other lines of a server's log are passed over, not counted as malformed.",
    ),
)  # fmt: skip
def vllm(record: Record) -> Iterator[Row]:
    if "line" not in record:
        yield from _sglang(record)
        return
    line = record["line"]
    if "Received request " not in line:
        return
    found = RECEIVED.search(line)
    if found is None:
        raise Malformed(None, "line is not a whole request")
    params, tokens = found["params"], found["tokens"]
    last = datetime.fromtimestamp(record.get("modified") or 0, UTC)
    when = f"{last.year}-{found['month']}-{found['day']}T{found['clock']}+00:00"
    if moment(when) > (last.timestamp() + 86400) * 1e6:
        when = f"{last.year - 1}{when[4:]}"

    def number(name: str) -> float | None:
        said = re.search(NUMBER % name, params)
        return float(said[1]) if said else None

    lora = re.search(r"lora_name='([^']*)'", found["lora"] or "")
    prompt = ast.literal_eval(found["prompt"]) if found["prompt"] not in (None, "None") else None
    most = number("max_tokens")
    yield {
        "exchange_id": found["id"],
        "timestamp": moment(when),
        "account_id": UNKNOWN,
        "model": lora[1] if lora else "vllm",
        "prompt": prompt or None,
        "temperature": number("temperature"),
        "top_p": number("top_p"),
        "max_tokens": int(most) if most is not None else None,
        "input_tokens": tokens.count(",") + 1 if tokens and tokens not in ("[]", "None") else None,
    }


def _sglang(record: Record) -> Iterator[Row]:
    if record.get("event") != "request.finished":
        return
    asked_for, out = record.get("obj") or {}, record.get("out") or {}
    said, meta = asked_for.get("sampling_params") or {}, out.get("meta_info") or {}
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
