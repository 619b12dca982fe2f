"""Write docs/envelopes.md from what the envelopes say of themselves.

python scripts/envelope_page.py > docs/envelopes.md
"""

from stillwatch.readers.envelope import MAX_NESTED_ENVELOPES, all_envelopes

HEAD = f"""# Envelopes

What agents, log stores and APIs put around a gateway's records is taken off before the format is recognised, in any order and up to {MAX_NESTED_ENVELOPES} levels: a
payload that Docker wrote, Fluent Bit shipped, CloudWatch stored and Firehose delivered is that payload. Nothing needs to be set;
`stillwatch inspect` names the envelopes of each file. This page is made by `scripts/envelope_page.py` from the code.

- A record that the file's format knows is never opened, so that text that a sender chose is not taken for a record. A prefix before a record ends at
  the first brace, and the record must go on to the end of its line. A program that ends its lines with its users' text lets them write records: keep such
  logs out of a scan.
- A record that a container runtime or the journal cut into pieces is put together, up to `--limit line`. One whose pieces are missing is quarantined,
  and its neighbours are read. What is packed (base64, gzip) is unpacked up to the same limit.
- Text that is no record is passed over and counted: start-up messages, access lines, empty lines. Text that begins as a record and is none is quarantined.
- A log in envelopes is read on one core, since one record may be in several lines.

| envelope | what it is | shape |
|---|---|---|"""


def main() -> None:
    """Print the page."""
    print(HEAD)
    for one in sorted(all_envelopes(), key=lambda one: one.name):
        print(f"| `{one.name}` | {one.title} | {one.source} |")


if __name__ == "__main__":
    main()
