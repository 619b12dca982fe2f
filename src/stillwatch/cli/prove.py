"""`stillwatch prove`: was a suspect model trained on answers that were served?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing, completing, mark_names
from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, UsageError

FILE = Existing()  # type of options that take an existing file
TEXT_MARKS = ("choices", "canaries")  # marks that are put into text without a model


@click.group(cls=CommandGroup, invoke_without_command=True)
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
    "--ledger",
    "ledgers",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What was served; several may be given. Else KEYRING.ledger.jsonl beside the keyring, if there.",
)
@click.option(
    "--no-ledger",
    is_flag=True,
    help="Test every key that was issued, whether the ledger shows that it was served or not; nothing can be "
    "refuted then.",
)
@click.option(
    "--plan",
    "plan_file",
    type=Existing(folder=False),
    help="What was committed to.",
)
@click.option(
    "--timestamp",
    type=Existing(folder=False),
    help="The plan's time stamp (RFC 3161). Else PLAN.tsr beside the plan, if there.",
)
@click.option(
    "--authority",
    type=Existing(folder=False),
    help="Certificates (PEM) of the authority that stamped; else its signature is not checked.",
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
    context: click.Context,
    suspect: Path | None,
    marks: Path | None,
    served: tuple[str, ...],
    campaigns: Path | None,
    controls: tuple[str, ...],
    tokenizer: Path | None,
    teacher: Path | None,
    ledgers: tuple[Path, ...],
    no_ledger: bool,
    plan_file: Path | None,
    timestamp: Path | None,
    authority: Path | None,
    alpha: float | None,
    share: float,
    effect: float | None,
    decoys: int,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Test a suspect against the keys that marked answers, and write a verdict page.

    \b
    Examples:
      stillwatch prove key marks.json --campaign c1 --mark gumbel
      stillwatch prove plan --marks marks.json --served served.jsonl --tokenizer tok/ --out plan.json \
          --questions ask.jsonl
      stillwatch prove --suspect answers.jsonl --marks marks.json --served served.jsonl --tokenizer tok/ \
          --plan plan.json
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
    from stillwatch.flows.answers import line
    from stillwatch.flows.prove import Inputs
    from stillwatch.flows.prove import prove as run
    from stillwatch.prove import ledger

    if ledgers and no_ledger:
        raise UsageError(Problem(fact="`--ledger` and `--no-ledger` exclude each other"))
    if not ledgers and not no_ledger and ledger.beside(marks).is_file():
        ledgers = (ledger.beside(marks),)
    inputs = Inputs(
        suspect=suspect,
        marks=marks,
        served=served,
        campaigns=campaigns,
        controls=_named(controls),
        tokenizer=tokenizer,
        teacher=teacher,
        ledgers=ledgers,
        plan=plan_file,
        timestamp=timestamp,
        authority=authority,
        alpha=alpha,
        share=share,
        effect=effect,
        decoys=decoys,
    )
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
            (
                one["test"],
                one["subject"],
                f"{one['units']:,}",
                f"{one['effect']:+.4f}",
                f"{one['log10_p']:.1f}",
                "-" if one["rank_p"] is None else f"{one['rank_p']:.4g}",
                f"{one['log_e'] / 2.302585:.1f}",
            )
            for one in sorted(whole["findings"], key=lambda one: float(one["log10_p"]))[:20]
        ],
    )
    for one in whole["tests"]:
        if one["missing"]:
            click.echo(f"not made: {one['test']} (needs {one['missing']})")
    for one in verdict["hypotheses"]:
        click.echo(
            f"not excluded by the test: {one['statement']}. Separated by: {one['separated_by']}. Here: "
            f"{one['here']}"
        )
    for one in whole["unread"]:
        click.echo(line(one))
    faults = whole["ledger"]["faults"] if whole["ledger"] else ()
    for text in (*verdict["warnings"], *faults, *(whole["plan"] or {"departures": ()})["departures"]):
        click.echo(f"warning: {text}", err=True)
    click.echo(f"\nverdict: {out / 'verdict.html'}")


@prove.command()
@click.argument("keyring", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--campaign", "campaigns", multiple=True, required=True, help="Whose answers it will mark.")
@click.option(
    "--mark",
    "names",
    multiple=True,
    shell_complete=completing(lambda: (*mark_names(), *TEXT_MARKS)),
    help="greenlist, gumbel, tournament, fingerprint, choices, canaries; default gumbel, choices and "
    "canaries.",
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
    r"""Set keyed choices and canaries in answers (JSON lines with account_id and answer) of suspected
    accounts alone.

    \b
    Example:
      stillwatch prove mark marks.json answers.jsonl --campaigns results/ --out marked.jsonl
    """
    from stillwatch.flows.prove import mark_file
    from stillwatch.prove import ledger
    from stillwatch.prove.text.choices import as_sentence

    done = mark_file(keyring, answers, campaigns, out)
    if as_json:
        print_json(
            {
                "answers": done.answers,
                "marked": done.changed,
                "places": dict(done.capacity),
                "out": str(out),
                "ledger": str(ledger.beside(keyring)) if done.entries else "",
                "unread": list(done.unread.lines()),
            }
        )
        return
    click.echo(
        f"{done.changed:,} of {done.answers:,} answers marked\n{as_sentence(done.capacity)}\nwritten: {out}"
    )
    if done.entries:
        click.echo(f"ledger: {ledger.beside(keyring)}")
    for text in done.unread.lines():
        click.echo(text)


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
    marks: Path,
    served: tuple[str, ...],
    campaigns: Path | None,
    tokenizer: Path | None,
    alpha: float,
    power: float,
    share: float,
    effect: float | None,
    looks: int,
    most: int,
    questions: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    r"""Say how many answers of a suspect are needed, and fix keys, questions, level and looks under one
    digest.

    \b
    Example:
      stillwatch prove plan --marks marks.json --served served.jsonl --tokenizer tok/ --share 0.05 \
          --questions ask.jsonl
    """
    from dataclasses import asdict

    from stillwatch.flows.prove import as_json_lines, planned
    from stillwatch.prove import effects
    from stillwatch.prove.keyring import read
    from stillwatch.prove.power import Assumed

    taken = (
        effects.measured(_first_mark(read(marks).issued), "text", share)
        if effect is None
        else Assumed(share=share, effect=effect, source=effects.GIVEN)
    )
    if taken is None:
        raise UsageError(
            Problem(
                fact=f"no effect was measured for this mark at a share of {share:g}",
                fix="--effect, from `stillwatch lab traces` on models of yours",
            )
        )
    made, chosen, unread = planned(
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
        f"to see {100 * share:g} % of marked training with {100 * power:g} % power at {alpha / looks:g} a "
        f"look:"
    )
    click.echo(
        f"  windows      {made.pieces_needed:,.0f}, at {made.effect:.4f} standard deviations each "
        f"({made.effect_source})"
    )
    click.echo(
        f"  answers      {made.answers_needed:,.0f}, at {made.pieces_each:.1f} new windows each"
        if made.pieces_each
        else "  answers      unknown: give --tokenizer"
    )
    few = made.questions < made.answers_needed
    hint = " (fewer than needed: ask them several times, or serve more)" if few else ""
    click.echo(f"  questions    {made.questions:,}{hint}")
    for text in unread.lines():
        click.echo(text)
    click.echo(f"commitment {made.sha256}\nplan: {out}")
    click.echo(
        f"have it time-stamped: openssl ts -query -data {out} -sha256 -cert -out {out}.tsq (the answer goes "
        f"into {out}.tsr)"
    )


def _named(controls: tuple[str, ...]) -> dict[str, Path]:
    """The files of `--control` by name. Raises `UsageError` where one does not exist."""
    out = {}
    for one in controls:
        name, _, file = one.partition("=")
        if not file or not Path(file).is_file():
            raise UsageError(Problem(fact="`--control` names no file", found=one, expected="NAME=FILE"))
        out[name] = Path(file)
    return out


def _first_mark(issued: object) -> str:
    """Name of the first mark of a keyring that needs a model; "" where there is none."""
    names = [one.mark for one in issued if one.mark not in TEXT_MARKS]  # type: ignore[attr-defined]
    return names[0] if names else ""
