"""Write docs/formats.md from what the formats say of themselves.

python scripts/format_page.py > docs/formats.md
"""

from stillwatch.readers.registry import all_formats

HEAD = """# Log formats

`stillwatch scan` reads these as they are. The format of a file is recognised by its first records and printed in the overview with the reason
(`inputs` of `--json`); `--format NAME` overrules it, and a [mapping file](mapping.md) describes a log that is not here. Files may be JSON Lines, a JSON
array or document, CSV or Parquet exports with the same fields, plain text (vLLM) or protobuf (OTLP, `pip install 'stillwatch[otlp]'`), compressed with gzip,
zstd or bzip2 or not. Of a folder, a file of no known format is named and left out; one that was named by itself ends the scan with exit code 1. This page is made by
`scripts/format_page.py` from the code.

What every format does alike:
- **Text.** The prompt is the text of the last user turn that has any; tool results are not what a user asks. System and developer turns and separate
  instructions are the system prompt. Images, files and sound leave `[image]`, `[file]`, `[audio]` in place; reasoning leaves nothing. Of an answer the
  first choice counts, tool calls as `[tool NAME]`; streamed answers are put together, whether logged as lists of events or as text of server-sent events. Of a body that a
  logger cut off, what stands before the cut is read.
- **Tokens.** Input tokens include those read from and written to a cache, whether the provider counts them in or beside.
- **Refusals.** A provider's own category stays with the reason: `refusal:reasoning_extraction`.
- **Who.** The account is whoever the gateway says is billed. Ids of end users come from the caller and stand in only where nothing else names an account. Where a log of calls
  names nobody at all, the account is `unattributed`: join it with another log, or name the field with `--map` or a mapping file.
- **Addresses.** A forwarded address is whatever the client wrote, unless a trusted proxy set it; the connection's own comes first. `::ffff:1.2.3.4` is 1.2.3.4, a port is left out, and `unix:`,
  `-`, `unknown` and names are no address.
- **Ids** stay as they are written: `7.10` and `7.1`, `0123` and `123` are different. An exchange without an id has one of file and row, `log.jsonl:17`, the same on every reading; a further one of the same row `log.jsonl:17.2`.
- **What is no exchange** (a health check, an audit record, a step of a trace that calls no model) is passed over and counted, and is no row and no quarantine. What may be a call is a row, also without text or model.
- **Exchanges that several records tell of** (a batch's requests and answers, Azure's log of models, OpenTelemetry's log records, Langfuse's traces) are joined by their id in a file and over the files of one scan that lie
  together: in one folder, or under one name in trees that differ in one folder's name. Up to 64 MiB of a file's records wait for each other, and up to 256 MiB of files that lie together are remembered.
- **What is missing** stays null; signals that need it say in the report that they could not look. `--map column=field` takes another field, or a path to one; of spans an attribute, also that of the HTTP span of the trace, and of a record of several entries each entry's own.
- **Much to read** (more than 64 MiB of vendors' logs in a scan) is read by a process a core: runs of 16 MiB of lines, or whole files below 8 MiB where lines cannot be told apart, as in compressed ones.
- **What is wrong** costs itself: a value that cannot be read is null and counted by column; only a record without a readable time or account stands in `quarantine.parquet`, with line, column, reason and digest. Top-level fields
  that a format does not know are counted in the overview by length and digest of their names.
"""


def main() -> None:
    """Print the page."""
    print(HEAD)
    for form in all_formats():
        print(f"## {form.name}\n\n{form.title}. Shape: {form.source}.\n\n| column | from |\n|---|---|")
        for column, theirs in form.fields.items():
            print(f"| `{column}` | {theirs} |")
        print("".join(f"\n- {note}" for note in form.notes) + "\n")


if __name__ == "__main__":
    main()
