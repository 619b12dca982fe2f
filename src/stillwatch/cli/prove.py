"""`stillwatch prove`: was a suspect model trained on answers that were served?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stillwatch.cli.groups import Group
from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing, completing, mark_names
from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, UsageError

if TYPE_CHECKING:
    from stillwatch.prove.power import Assumed

FILE = Existing()
TEXT_MARKS = ("choices", "canaries")


def assumed(share: float, effect: float | None, mark: str, access: str) -> Assumed | None:
    """The effect that is taken for granted: the user's, or what the lab measured for the mark."""
    from stillwatch.prove.effects import measured
    from stillwatch.prove.power import Assumed as Held

    if effect is not None:
        return Held(share=share, effect=effect, source="given on the command line")
    return measured(mark, access, share)


@click.group(cls=Group, invoke_without_command=True)
@click.option(
    "--suspect",
    type=FILE,
    help="Folder of weights (Hugging Face format), or the suspect's answers as JSON lines.",
)
@click.option("--marks", type=Existing(folder=False), help="Keyring.")
@click.option(
    "--served",
    multiple=True,
    metavar="LOG",
    help="What was served: logs as for `scan`, or prompts and answers.",
)
@click.option(
    "--campaigns",
    type=FILE,
    help="Who was served what: a results folder, or a table of exchange_id and campaign_id.",
)
@click.option(
    "--control",
    "controls",
    multiple=True,
    metavar="NAME=FILE",
    help="Answers of an innocent model to the same prompts.",
)
@click.option("--tokenizer", type=FILE, help="tokenizer.json under which answers were marked.")
@click.option("--teacher", type=FILE, help="Weights that were served: makes tests several times stronger.")
@click.option(
    "--plan",
    "plan_file",
    type=Existing(folder=False),
    help="What was committed to.",
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Level; the plan's, or 0.001."
)
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=0.1, show_default=True,
              help="Share of marked training that silence is measured against.")  # fmt: skip
@click.option(
    "--effect", type=float, help="Standard deviations a window at that share; else what the lab measured."
)
@click.option(
    "--decoys",
    type=click.IntRange(min=0),
    default=9_999,
    show_default=True,
    help="Keys never used, for ranks.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("verdict"),
    show_default=True,
    help="Folder for the verdict.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def prove(
    context: click.Context, suspect: Path | None, marks: Path | None, served: tuple[str, ...], campaigns: Path | None,
    controls: tuple[str, ...], tokenizer: Path | None, teacher: Path | None, plan_file: Path | None, alpha: float | None, share: float,
    effect: float | None, decoys: int, out: Path, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    r"""Test a suspect against the keys that marked answers, and write a verdict page.

    \b
    Examples:
      stillwatch prove key marks.json --campaign c1 --mark gumbel
      stillwatch prove plan --marks marks.json --served served.jsonl --tokenizer tok/ --out plan.json --questions ask.jsonl
      stillwatch prove --suspect answers.jsonl --marks marks.json --served served.jsonl --tokenizer tok/ --plan plan.json
      stillwatch prove --suspect weights/ --marks marks.json --served logs/ --campaigns results/
    """
    if context.invoked_subcommand:
        return
    if suspect is None or marks is None:
        raise UsageError(
            Problem(
                fact="`prove` needs a suspect and a keyring",
                expected="--suspect and --marks",
                fix="stillwatch prove --suspect answers.jsonl --marks marks.json --served served.jsonl",
            )
        )
    from stillwatch.flows.prove import Inputs
    from stillwatch.flows.prove import prove as run
    from stillwatch.prove import plan
    from stillwatch.prove.keyring import read

    held = plan.read(plan_file) if plan_file else None
    if held is not None:
        share, effect = held.share, held.effect
    access = ("open" if suspect.is_dir() else "text") + ("_beside_teacher" if teacher else "")
    inputs = Inputs(
        suspect=suspect, marks=marks, served=served, campaigns=campaigns, controls=_named(controls), tokenizer=tokenizer, teacher=teacher,
        plan=plan_file, alpha=alpha or (held.alpha / held.looks if held else 1e-3),
        assumed=assumed(share, effect, _first_mark(read(marks).issued), access), decoys=decoys,
    )  # fmt: skip
    with bars(quiet=quiet or as_json) as progress:
        whole = run(inputs, out, progress)
    if as_json:
        print_json(whole)
        return
    verdict = whole["verdict"]
    click.echo(
        f"{verdict['word']}{': ' + verdict['named'] if verdict['named'] else ''}\n{verdict['reason']}\n"
    )
    text_table(
        ("test", "key or subject", "pieces", "effect", "log10 p", "rank p", "log10 e"),
        [
            (one["test"], one["subject"], f"{one['units']:,}", f"{one['effect']:+.4f}", f"{one['log10_p']:.1f}",
             "-" if one["rank_p"] is None else f"{one['rank_p']:.4g}", f"{one['log_e'] / 2.302585:.1f}")
            for one in sorted(whole["findings"], key=lambda one: float(one["log10_p"]))[:20]
        ],
    )  # fmt: skip
    for one in whole["tests"]:
        if one["missing"]:
            click.echo(f"not made: {one['test']} (needs {one['missing']})")
    for line in (*verdict["warnings"], *(whole["plan"] or {"departures": ()})["departures"]):
        click.echo(f"warning: {line}", err=True)
    click.echo(f"\nverdict: {out / 'verdict.html'}")


@prove.command()
@click.argument("keyring", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--campaign", "campaigns", multiple=True, required=True, help="Whose answers it will mark.")
@click.option(
    "--mark",
    "names",
    multiple=True,
    shell_complete=completing(lambda: (*mark_names(), *TEXT_MARKS)),
    help="greenlist, gumbel, tournament, fingerprint, choices, canaries; default gumbel, choices and canaries.",
)
@click.option("--strength", type=float, help="How strongly; the mark's own default.")
@click.option("--width", type=click.IntRange(1, 8), help="Tokens of context; the mark's own default.")
@click.option("--json", "as_json", is_flag=True, help="Print what was issued as JSON.")
def key(
    keyring: Path,
    campaigns: tuple[str, ...],
    names: tuple[str, ...],
    strength: float | None,
    width: int | None,
    as_json: bool,
) -> None:
    r"""Issue keys for campaigns, making the keyring if need be; again for the same campaign is a new epoch.

    \b
    Examples:
      stillwatch prove key marks.json --campaign c1
      stillwatch prove key marks.json --campaign c1 --mark greenlist --strength 2
    """
    from stillwatch.prove import keyring as keyrings
    from stillwatch.prove.registry import mark_named

    issued = []
    with keyrings.held(keyring) as before:
        ring = before
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for campaign in campaigns:
            if "/" in campaign or "\x00" in campaign:
                raise UsageError(Problem(fact="a campaign's name holds no `/`", found=repr(campaign)))
            for name in names or ("gumbel", *TEXT_MARKS):
                mark = None if name in TEXT_MARKS else mark_named(name)
                ring, one = ring.issue(
                    name, campaign, since=since, width=width or (mark.width if mark else 1),
                    strength=strength if strength is not None else (mark.strength if mark else 1.0),
                )  # fmt: skip
                issued.append(one.name)
        ring.write(keyring)
    if as_json:
        print_json({"issued": issued, "commitment": ring.commitment()})
        return
    for name in issued:
        click.echo(f"issued {name}")
    click.echo(f"commitment {ring.commitment()}")


@prove.command()
@click.argument("keyring", type=Existing(folder=False))
@click.argument("answers", type=Existing(folder=False))
@click.option(
    "--campaigns",
    type=FILE,
    required=True,
    help="Results folder, or a table of campaign_id and account_id: whom to mark.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Answers, marked."
)
@click.option("--json", "as_json", is_flag=True, help="Print how many answers were marked as JSON.")
def mark(keyring: Path, answers: Path, campaigns: Path, out: Path, as_json: bool) -> None:
    r"""Set keyed choices and canaries in answers (JSON lines with account_id and answer) of suspected accounts alone.

    \b
    Example:
      stillwatch prove mark marks.json answers.jsonl --campaigns results/ --out marked.jsonl
    """
    from collections import Counter

    import orjson
    import pyarrow.parquet as pq

    from stillwatch.flows.prove import marked_answers
    from stillwatch.prove.keyring import read
    from stillwatch.prove.text.choices import as_sentence

    members = pq.read_table(
        campaigns / "members.parquet" if campaigns.is_dir() else campaigns,
        columns=["campaign_id", "account_id"],
    )
    whose = dict(zip(members["account_id"].to_pylist(), members["campaign_id"].to_pylist(), strict=True))
    changed = total = 0
    capacity: Counter[str] = Counter()
    with answers.open("rb") as lines, atomic(out) as temporary, temporary.open("wb") as written:
        rows = (orjson.loads(line) for line in lines if line.strip())
        for row, is_marked in marked_answers(read(keyring), rows, whose, capacity):
            total += 1
            changed += is_marked
            written.write(orjson.dumps(row) + b"\n")
    if as_json:
        print_json({"answers": total, "marked": changed, "places": dict(capacity), "out": str(out)})
        return
    click.echo(f"{changed:,} of {total:,} answers marked\n{as_sentence(capacity)}\nwritten: {out}")


@prove.command()
@click.option("--marks", type=Existing(folder=False), required=True, help="Keyring.")
@click.option("--served", multiple=True, required=True, metavar="LOG", help="What was served.")
@click.option("--campaigns", type=FILE, help="As for `prove`.")
@click.option("--tokenizer", type=FILE, help="tokenizer.json under which answers were marked.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=1e-5,
    show_default=True,
    help="Level over all looks.",
)
@click.option(
    "--power",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Wanted chance to see what is there.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="Share of marked training to be seen.",
)
@click.option(
    "--effect", type=float, help="Standard deviations a window at that share; else what the lab measured."
)
@click.option(
    "--looks",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How often results will be looked at.",
)
@click.option(
    "--most", type=click.IntRange(min=0), default=0, help="At most so many questions; else as many as needed."
)
@click.option(
    "--questions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the questions here; they are customers' text.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("plan.json"),
    show_default=True,
    help="The plan.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    marks: Path, served: tuple[str, ...], campaigns: Path | None, tokenizer: Path | None, alpha: float, power: float, share: float,
    effect: float | None, looks: int, most: int, questions: Path | None, out: Path, as_json: bool,
) -> None:  # fmt: skip
    r"""Say how many answers of a suspect are needed, and fix keys, questions, level and looks under one digest.

    \b
    Example:
      stillwatch prove plan --marks marks.json --served served.jsonl --tokenizer tok/ --share 0.05 --questions ask.jsonl
    """
    from dataclasses import asdict

    from stillwatch.flows.prove import as_json_lines, planned
    from stillwatch.prove.keyring import read

    taken = assumed(share, effect, _first_mark(read(marks).issued), "text")
    if taken is None:
        raise UsageError(
            Problem(
                fact="no effect was measured for this mark",
                fix="--effect, from `stillwatch lab traces` on models of yours",
            )
        )
    made, chosen = planned(
        marks,
        served,
        campaigns,
        tokenizer,
        questions=most,
        alpha=alpha,
        looks=looks,
        assumed=taken,
        power=power,
    )
    made.write(out)
    if questions:
        with atomic(questions) as temporary:
            temporary.write_text(as_json_lines(chosen), encoding="utf-8")
    if as_json:
        print_json({"sha256": made.sha256, **asdict(made)})
        return
    click.echo(
        f"to see {100 * share:g} % of marked training with {100 * power:g} % power at {alpha / looks:g} a look:"
    )
    click.echo(
        f"  windows      {made.pieces_needed:,.0f}, at {made.effect:.4f} standard deviations each ({made.effect_source})"
    )
    click.echo(
        f"  answers      {made.answers_needed:,.0f}, at {made.pieces_each:.1f} new windows each"
        if made.pieces_each
        else "  answers      unknown: give --tokenizer"
    )
    click.echo(
        f"  questions    {made.questions:,}{'' if made.questions >= made.answers_needed else ' (fewer than needed: ask them several times, or serve more)'}"
    )
    click.echo(f"commitment {made.sha256}\nplan: {out}")


def _named(controls: tuple[str, ...]) -> dict[str, Path]:
    out = {}
    for one in controls:
        name, _, file = one.partition("=")
        if not file or not Path(file).is_file():
            raise UsageError(Problem(fact="`--control` names no file", found=one, expected="NAME=FILE"))
        out[name] = Path(file)
    return out


def _first_mark(issued: object) -> str:
    names = [one.mark for one in issued if one.mark not in TEXT_MARKS]  # type: ignore[attr-defined]
    return names[0] if names else ""
