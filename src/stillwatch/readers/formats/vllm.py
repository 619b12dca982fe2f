"""vLLM's request log, which is plain text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from stillwatch.readers.registry import UNATTRIBUTED, Malformed, Record, Row, log_format, moment

REQUEST_START = "Received request "  # start of the message about a request
# The time of a line, without a year.
WHEN = re.compile(r"(?P<month>\d\d)-(?P<day>\d\d) (?P<clock>\d\d:\d\d:\d\d)(?:[.,]\d{1,9})? ")
ENDS = re.compile(r": (?=prompt: ['\"N]|params: )")  # the request's id, which a client may choose
# The prompt in a line.
PROMPT = re.compile(r"prompt: (?P<prompt>'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\"|None), ", re.DOTALL)
# What stands before parts of a line.
PARAMS, TOKENS, LORA = "params: ", ", prompt_token_ids: ", ", lora_request: "
NAMED = re.compile(r"lora_name='([^']{0,512})'")  # the name of the adapter (LoRA) in a line
OPEN = re.compile(r"prompt: ['\"]")  # start of a prompt whose end is cut off
HEAD = 256  # characters of a line's start that are searched for the time: chosen
NUMBER = r"(?<![A-Za-z_])%s=([-+0-9.eE]+)"  # pattern of a sampling parameter; %s is its name


def _recognise(record: Record) -> str:
    """Why a record is of this format; empty where it is not."""
    line = record.get("line")
    if isinstance(line, str) and REQUEST_START in line and "params: " in line:
        return "lines that say `Received request ...: ... params: ...`"
    return ""


@log_format(
    title="vLLM request log",
    source="vllm/entrypoints/serve/utils/request_logger.py",
    fields={
        "exchange_id": "the request's id",
        "timestamp": "the line's month, day and time",
        "account_id": "none: every row is `unattributed` until joined with a gateway's log",
        "model": "the LoRA's name, else `vllm`",
        "prompt": "prompt, where the log level shows it",
        "temperature": "params",
        "top_p": "params",
        "max_tokens": "params",
        "input_tokens": "prompt_token_ids",
    },
    known=("line", "modified", "timed"),
    recognise=_recognise,
    notes=(
        (
            "There is no account and no address at this layer: nothing can be grouped until rows are joined "
            "with "
            "a gateway."
        ),
        (
            "Lines of vLLM carry no year; the year is that of the file's last change, as is the time of a "
            "line "
            "without one. Long prompts are cut by `--max-log-len`."
        ),
        "Other lines of a server's log are passed over and counted.",
        "A line that a logger cut off within the prompt gives its row, with the text up to the cut.",
    ),
)
def vllm(record: Record) -> Iterator[Row]:
    """Yield the row of the exchange in a record; none where the record is no exchange."""
    line = record.get("line")
    if not isinstance(line, str) or REQUEST_START not in line:
        return
    begin = line.index(REQUEST_START)
    at = WHEN.search(line, 0, min(begin, HEAD))
    ends = ENDS.search(line, begin)
    if ends is None:
        raise Malformed(None, "line is not a request")
    written = PROMPT.match(line, ends.end())
    cut = OPEN.match(line, ends.end()) if written is None else None
    rest = "" if cut else line[written.end() if written else ends.end() :]
    params, _sign, more = rest.partition(LORA)
    params, _sign, tokens = params.removeprefix(PARAMS).partition(TOKENS)
    tokens = tokens.partition("]")[0] + "]" if tokens.startswith("[") else ""
    modified = record.get("modified")
    when = modified if at is None else _with_year(at, modified)

    def number(name: str) -> str | None:
        """A number among the sampling parameters, as text; None where it is missing."""
        said = re.search(NUMBER % name, params)
        return said[1] if said else None

    model = NAMED.search(more)
    prompt = ast.literal_eval(written["prompt"]) if written and written["prompt"] != "None" else None
    if cut:  # a logger cuts long lines; the row is kept all the same
        prompt = line[cut.end() :]
    yield {
        "exchange_id": line[begin + len(REQUEST_START) : ends.start()],
        "timestamp": moment(when),
        "account_id": UNATTRIBUTED,
        "model": model[1] if model else "vllm",
        "prompt": prompt or None,
        "temperature": number("temperature"),
        "top_p": number("top_p"),
        "max_tokens": number("max_tokens"),
        "input_tokens": tokens.count(",") + 1 if tokens not in ("", "[]") else None,
    }


def _with_year(at: re.Match[str], modified: Any) -> str:  # noqa: ANN401  any JSON value
    """The time of a line without a year: in the year of the file's last change, or in the year before where
    it would be later than that change.
    """
    last = datetime.fromtimestamp(modified if isinstance(modified, int | float) else 0, UTC)
    when = f"{last.year}-{at['month']}-{at['day']}T{at['clock']}+00:00"
    return when if moment(when) <= (last.timestamp() + 86400) * 1e6 else f"{last.year - 1}{when[4:]}"
