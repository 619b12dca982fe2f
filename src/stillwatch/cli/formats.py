"""`stillwatch formats`: which logs can be read as they are, and what of them is used?"""

from __future__ import annotations

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import completing, format_names


@click.command()
@click.argument("name", required=False, shell_complete=completing(format_names))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def formats(name: str | None, as_json: bool) -> None:
    r"""List the log formats that `scan` reads as they are, or show how the fields of one are mapped.

    \b
    Examples:
      stillwatch formats
      stillwatch formats otlp
    """
    from stillwatch.readers.recognise import named
    from stillwatch.readers.registry import all_formats

    every = all_formats()
    if name:
        one = named(name)
        every = (one.format,) if one and one.format else ()
    if as_json:
        described = [
            {"name": f.name, "title": f.title, "source": f.source, "fields": dict(f.fields), "notes": f.notes}
            for f in every
        ]
        print_json(described)
        return
    if not name:
        text_table(("format", "logs", "shape published in"), [(f.name, f.title, f.source) for f in every])
        return
    for form in every:
        click.echo(f"{form.title}\n{form.source}\n")
        text_table(("column", "from"), list(form.fields.items()))
        for note in form.notes:
            click.echo(f"\n- {note}")
