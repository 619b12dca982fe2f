"""`stillwatch lab`: what is a campaign worth, and what do marks and defences do, on models of one's own?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli.groups import Command, CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing, completing, mark_names, way_names
from stillwatch.engine.cores import CORES
from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, UsageError

if TYPE_CHECKING:
    from stillwatch.lab.tables import Job

# Option `--base` of the experiments.
BASE = click.option(
    "--base", type=Existing(file=False), help="Model that students start from; else from nothing."
)  # fmt: skip
# Option `--teacher` of the experiments.
TEACHER = click.option(
    "--teacher", type=Existing(file=False), required=True,
    help="The teacher's folder, in the Hugging Face format.",
)  # fmt: skip
# Option `--seeds` of the experiments.
SEEDS = click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Students of every kind."
)
# Option `--batch` of the experiments.
BATCH = click.option(
    "--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Answers of a step."
)
# Option `--each` of the experiments.
EACH = click.option(
    "--each",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Questions of each capability in the examination.",
)
# Option `--workers` of the experiments.
WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=CORES,
    show_default="all cores",
    help="Students at a time.",
)
# Option `--json` of the experiments.
JSON = click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
QUIET = click.option("--quiet", is_flag=True, help="No progress bar.")  # option `--quiet` of the experiments


# Option `--width` of commands that put marks into answers.
WIDTH = click.option(
    "--width", type=click.IntRange(1, 8), default=2, show_default=True, help="Tokens of context."
)
# Option `--strength` of commands that put marks into answers.
STRENGTH = click.option("--strength", type=float, help="How strongly; the mark's own default.")
# Option `--mark` of commands that put marks into answers.
MARK = click.option(
    "--mark", default="gumbel", shell_complete=completing(mark_names), show_default=True, help="The mark."
)


def _steps(default: int) -> Callable[[Command], Command]:
    """Number of steps that a student learns."""
    return click.option(
        "--steps",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        help="Steps that a student learns.",
    )


def _rate(default: float) -> Callable[[Command], Command]:
    """Largest rate of learning."""
    return click.option(
        "--rate",
        type=click.FloatRange(0, min_open=True),
        default=default,
        show_default=True,
        help="Largest rate of learning.",
    )


def _answers(default: int, meaning: str) -> Callable[[Command], Command]:
    """Number of answers that an experiment serves."""
    return click.option(
        "--answers", type=click.IntRange(min=1), default=default, show_default=True, help=meaning
    )


def _asked(default: int) -> Callable[[Command], Command]:
    """Number of answers that a student is asked for."""
    return click.option(
        "--asked", type=click.IntRange(min=1), default=default, show_default=True, help="Answers asked of it."
    )


def _shares(*default: float) -> Callable[[Command], Command]:
    """Marked shares of training."""
    return click.option(
        "--share",
        "shares",
        type=click.FloatRange(0, 1),
        multiple=True,
        default=default,
        show_default=True,
        help="Marked shares of training; 0 is the control.",
    )


def _outcomes(folder: str) -> Callable[[Command], Command]:
    """Where an experiment's outcomes and page go."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(folder),
        show_default=True,
        help="Folder for outcomes and page.",
    )


@click.group(cls=CommandGroup)
def lab() -> None:
    r"""Train teachers and students of your own, and measure what answers, marks and defences are worth.

    Needs PyTorch: pip install 'stillwatch[lab]'. Uses a GPU where there is one. It has no client for anyone's
    interface.

    \b
    Examples:
      stillwatch lab teach --out teacher/
      stillwatch lab curve --teacher teacher/ --out curve/
      stillwatch lab traces --teacher teacher/ --out traces/
      stillwatch lab power --teacher teacher/ --base base-110m/ --out power/
      stillwatch lab defences --teacher teacher/ --out defences/
      stillwatch lab serve --teacher teacher/ --answers 2000 --out served.jsonl
    """


@lab.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the model."
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=3_000, show_default=True, help="Batches of tasks."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of weights and tasks.")
@click.option(
    "--width", type=click.IntRange(min=8), default=96, show_default=True, help="Width of the model."
)
@click.option("--layers", type=click.IntRange(min=1), default=3, show_default=True, help="Its layers.")
@click.option(
    "--heads",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Heads of a layer; they divide the width.",
)
@BATCH
@_rate(2e-3)
@JSON
@QUIET
@click.option(
    "--form-only",
    is_flag=True,
    help="Teach the language and how answers look, and no skill: a base for students.",
)
def teach(
    out: Path,
    steps: int,
    seed: int,
    width: int,
    layers: int,
    heads: int,
    batch: int,
    rate: float,
    as_json: bool,
    quiet: bool,
    form_only: bool,
) -> None:
    r"""Teach a model five capabilities with exact scoring.

    \b
    Example:
      stillwatch lab teach --out teacher/
      stillwatch lab teach --seed 9 --steps 700 --form-only --out base/
      stillwatch lab teach --form-only --width 768 --layers 14 --heads 12 --rate 5e-4 --out base-110m/
    """
    from stillwatch.lab import models, school

    if width % heads:
        raise UsageError(
            Problem(fact="the heads do not divide the width", found=f"{width} / {heads}", fix="--heads 4")
        )

    with bars(quiet=quiet or as_json) as progress:
        model = school.teach(
            seed,
            steps=steps,
            size=models.Size(width=width, layers=layers, heads=heads),
            form_only=form_only,
            batch=batch,
            rate=rate,
            progress=lambda done, total: progress("teach", done, total),
        )
    model.save(out)
    _examined("teacher", out, school.examine(model, seed, 100), as_json=as_json)


@lab.command()
@TEACHER
@_answers(2_000, "How many prompts to answer.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of prompts and sampling.")
@click.option(
    "--marks",
    type=Existing(folder=False),
    help="Keyring: mark every answer.",
)
@click.option("--campaign", default="", help="Whose key of the keyring, with --marks.")
@click.option(
    "--mark",
    "mark_name",
    default="gumbel",
    show_default=True,
    shell_complete=completing(mark_names),
    help="Which mark, with --marks.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of answers that are marked.",
)
@click.option(
    "--proxy",
    type=Existing(file=False),
    help="Proxy student, for marks that need one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Prompts and answers as JSON lines.",
)
@JSON
@QUIET
def serve(
    teacher: Path,
    answers: int,
    seed: int,
    marks: Path | None,
    campaign: str,
    mark_name: str,
    share: float,
    proxy: Path | None,
    out: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Answer a campaign's prompts, each answer marked under the campaign's key or not at all.

    \b
    Example:
      stillwatch lab serve --teacher teacher/ --answers 5000 --marks marks.json --campaign c1 --share 0.1 \
          --out served.jsonl
    """
    import numpy as np

    from stillwatch.lab import models, school
    from stillwatch.prove import ledger
    from stillwatch.prove.keyring import read
    from stillwatch.prove.serving import row

    model = models.load(teacher)

    asked = [task.prompt for task in school.prompts(seed, answers)]
    is_marked = (
        np.random.default_rng(seed).permutation(answers) < round(share * answers)
        if marks
        else np.zeros(answers, bool)
    )
    rows = None
    if marks:
        _can_be_set((mark_name,), proxy, "--proxy")
        ring = read(marks)
        issued = ring.current(mark_name, campaign)
        rows = [row(ring, issued) if some else None for some in is_marked]
    with bars(quiet=quiet or as_json) as progress:
        said = school.serve(
            model,
            asked,
            seed=seed,
            rows=rows,
            proxy=models.load(proxy) if proxy else None,
            progress=lambda done, total: progress("serve", done, total),
        )
    with atomic(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        for (prompt, one), some in zip(said, is_marked, strict=True):
            file.write(
                json.dumps({"prompt": prompt, "answer": one, "campaign_id": campaign if some else ""}) + "\n"
            )
        if marks:
            entries = [
                ledger.entry(ring, issued, "lab", one, is_marked=len(model.encode(one)) > issued.width)
                for (_, one), some in zip(said, is_marked, strict=True)
                if some
            ]
            ledger.append(ledger.beside(marks), ring, entries)
    if as_json:
        print_json({"served": str(out), "answers": len(said), "marked": int(is_marked.sum())})
    else:
        click.echo(f"served: {out}")


@lab.command()
@click.option(
    "--served",
    type=Existing(folder=False),
    required=True,
    help="Prompts and answers.",
)
@TEACHER
@click.option(
    "--way",
    default="reasoning",
    show_default=True,
    type=click.Choice(["answers", "reasoning", "logprobs", "reward"]),
    help="What is learnt from.",
)
@click.option(
    "--base",
    type=Existing(file=False),
    help="Model to start from; else from nothing.",
)
@_steps(600)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the student.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the student."
)
@JSON
def learn(
    served: Path, teacher: Path, way: str, base: Path | None, steps: int, seed: int, out: Path, as_json: bool
) -> None:
    r"""Train a student on served answers, as a campaign would.

    \b
    Example:
      stillwatch lab learn --served served.jsonl --teacher teacher/ --out student/
    """
    from stillwatch.flows.answers import Unread, pairs_of
    from stillwatch.lab import models, school

    unread = Unread()
    pairs = [(pair.prompt, pair.answer) for pair in pairs_of(served, unread)]
    for text in unread.lines():
        click.echo(text)
    student = school.learn(
        way,
        pairs,
        teacher=models.load(teacher),
        seed=seed,
        lesson=school.Lesson(steps=steps),
        start=models.load(base) if base else None,
    )
    student.save(out)
    _examined("student", out, school.examine(student, seed, 100), as_json=as_json)


@lab.command()
@TEACHER
@_answers(20_000, "A whole campaign.")
@click.option(
    "--share",
    "shares",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    default=(0.01, 0.1, 1.0),
    show_default=True,
    help="Shares of it.",
)
@click.option(
    "--way",
    "ways",
    multiple=True,
    shell_complete=completing(way_names),
    default=("answers", "reasoning", "logprobs", "reward"),
    show_default=True,
    help="Ways of learning.",
)
@BASE
@SEEDS
@_steps(600)
@EACH
@_outcomes("curve")
@WORKERS
@JSON
@QUIET
def curve(
    teacher: Path,
    base: Path | None,
    answers: int,
    shares: tuple[float, ...],
    ways: tuple[str, ...],
    seeds: int,
    steps: int,
    each: int,
    out: Path,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""The extraction curve: what 1 %, 10 % and 100 % of a campaign are worth, by capability and way of
    learning.

    \b
    Example:
      stillwatch lab curve --teacher teacher/ --answers 20000 --seeds 3 --out curve/
    """
    from stillwatch.lab.experiments import curve_jobs
    from stillwatch.lab.school import WAYS

    for way in ways:
        if way not in WAYS:
            raise UsageError(Problem(fact="no such way of learning", found=way, expected=", ".join(WAYS)))
    jobs = curve_jobs(answers, shares, ways, seeds, each, steps, base)
    rows = _run("curve", teacher, jobs, out, workers, quiet or as_json)["rows"]
    if as_json:
        print_json(rows)
        return
    text_table(
        ("capability", "way", "answers", "student right", "teacher right"),
        [
            (r["capability"], r["way"], f"{r['answers']:,}", _share(r["accuracy"]), _share(r["teacher"]))
            for r in rows
        ],
    )
    click.echo(f"\npage: {out / 'curve.html'}")


@lab.command()
@TEACHER
@click.option(
    "--mark",
    "marks",
    multiple=True,
    default=("gumbel", "greenlist"),
    shell_complete=completing(mark_names),
    show_default=True,
    help="Marks to measure.",
)
@_shares(0.0, 0.05, 0.1, 0.2, 0.5)
@_answers(20_000, "Answers a student learns from.")
@_asked(10_000)
@WIDTH
@STRENGTH
@BASE
@SEEDS
@_steps(1_500)
@_outcomes("traces")
@WORKERS
@JSON
@QUIET
def traces(
    teacher: Path,
    marks: tuple[str, ...],
    shares: tuple[float, ...],
    answers: int,
    asked: int,
    width: int,
    strength: float | None,
    base: Path | None,
    seeds: int,
    steps: int,
    out: Path,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""How much of a mark a student keeps, by the share of its training that bore it.

    \b
    Example:
      stillwatch lab traces --teacher teacher/ --mark gumbel --share 0.1 --share 0.5 --seeds 1 --out traces/
    """
    from stillwatch.lab.experiments import trace_jobs

    _can_be_set(marks, base, "--base")
    jobs = trace_jobs(marks, shares, seeds, answers, asked, steps, width, strength, base)
    rows = _run("traces", teacher, jobs, out, workers, quiet or as_json)["rows"]
    if as_json:
        print_json(rows)
        return
    text_table(
        ("mark", "access", "marked", "windows", "effect", "log10 p, worst"),
        [
            (r["mark"], r["access"].replace("_", " "), f"{100 * r['share']:g} %", f"{r['units']:,.0f}",
             f"{r['effect']['value']:+.4f}", f"{r['log10_p'][-1]:.1f}")
            for r in rows
        ],
    )  # fmt: skip
    click.echo(f"\npage: {out / 'traces.html'}")


@lab.command()
@TEACHER
@click.option(
    "--base", type=Existing(file=False), required=True, help="Model that students are fine-tuned from."
)
@click.option(
    "--prompts",
    type=Existing(folder=False),
    help="Questions of your own (a column `prompt`); else tasks of the lab.",
)
@MARK
@_shares(0.0, 0.02, 0.05, 0.1, 0.5)
@click.option(
    "--reword",
    "rewords",
    type=click.FloatRange(0, 1),
    multiple=True,
    default=(0.25, 0.5, 0.75, 1.0),
    show_default=True,
    help="Shares reworded before training, at the largest marked share: of free words, or of answers with "
    "--prompts.",
)
@click.option(
    "--way",
    default="reasoning",
    show_default=True,
    shell_complete=completing(way_names),
    help="Way of learning.",
)
@click.option(
    "--rank",
    type=click.IntRange(min=0),
    default=16,
    show_default=True,
    help="Rank of the adapters (LoRA); 0 trains all weights.",
)
@_answers(20_000, "Answers a student learns from.")
@_asked(10_000)
@click.option(
    "--longest",
    type=click.IntRange(min=1),
    default=72,
    show_default=True,
    help="Largest number of tokens of an answer.",
)
@WIDTH
@STRENGTH
@SEEDS
@_steps(1_500)
@BATCH
@_rate(1e-3)
@_outcomes("power")
@WORKERS
@JSON
@QUIET
def power(
    teacher: Path,
    base: Path,
    prompts: Path | None,
    mark: str,
    shares: tuple[float, ...],
    rewords: tuple[float, ...],
    way: str,
    rank: int,
    answers: int,
    asked: int,
    longest: int,
    width: int,
    strength: float | None,
    seeds: int,
    steps: int,
    batch: int,
    rate: float,
    out: Path,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""How often a student that was fine-tuned from a larger model is recognised, by marked share and by
    rewording.

    \b
    Examples:
      stillwatch lab power --teacher teacher/ --base base-110m/ --out power/
      stillwatch lab power --teacher large/ --base small/ --prompts questions.jsonl --longest 400 \
          --share 0.1 --out power/
    """
    from stillwatch.flows.answers import PROMPTS, Unread, rows_of
    from stillwatch.lab import tuning
    from stillwatch.lab.experiments import power_jobs
    from stillwatch.lab.school import WAYS

    _can_be_set((mark,), base, "--base")
    if way not in WAYS:
        raise UsageError(Problem(fact="no such way of learning", found=way, expected=", ".join(WAYS)))
    one = tuning.Tuning(
        base=str(base),
        mark=mark,
        way=way,
        rank=rank,
        answers=answers,
        asked=asked,
        longest=longest,
        width=width,
        strength=strength,
        steps=steps,
        batch=batch,
        rate=rate,
    )
    if prompts is not None:
        unread = Unread()
        some = [row.get(name) for _, row in rows_of(prompts, unread) for name in PROMPTS]
        one = tuning.keep(out, [text for text in some if isinstance(text, str) and text.strip()], one)
        for text in unread.lines():
            click.echo(text, err=True)
    rows = _run("power", teacher, power_jobs(one, shares, rewords, seeds), out, workers, quiet or as_json)[
        "rows"
    ]
    if as_json:
        print_json(rows)
        return
    text_table(
        (
            "marked",
            "reworded",
            "access",
            "windows",
            "effect",
            "log10 p, worst",
            "rejected at 1e-5",
            "power there",
        ),
        [
            (
                f"{100 * r['share']:g} %",
                f"{100 * r['reword']:g} %",
                r["access"].replace("_", " "),
                f"{r['units']:,.0f}",
                f"{r['effect']['value']:+.4f}",
                f"{r['log10_p'][-1]:.1f}",
                f"{r['rejected']['1e-05']} of {r['seeds']}",
                f"{100 * r['power']['1e-05']:.0f} %",
            )
            for r in rows
        ],
    )
    click.echo(f"\npage: {out / 'power.html'}")


@lab.command()
@TEACHER
@_answers(5_000, "Answers that a student gets.")
@BASE
@SEEDS
@_steps(600)
@EACH
@_outcomes("defences")
@WORKERS
@JSON
@QUIET
def defences(
    teacher: Path,
    base: Path | None,
    answers: int,
    seeds: int,
    steps: int,
    each: int,
    out: Path,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""What each defence costs a student, and what it costs honest users, as one plot.

    \b
    Example:
      stillwatch lab defences --teacher teacher/ --out defences/
    """
    from stillwatch.lab.experiments import defence_jobs

    rows = _run(
        "defences", teacher, defence_jobs(answers, seeds, each, steps, base), out, workers, quiet or as_json
    )["rows"]
    if as_json:
        print_json(rows)
        return
    text_table(
        ("defence", "dose", "honest users right", "words of reasoning", "student right"),
        [
            (
                r["defence"],
                f"{r['dose']:g}",
                _share(r["honest"]),
                f"{r['trace_words']['value']:.0f}",
                _share(r["student"]),
            )
            for r in rows
        ],
    )
    click.echo(f"\npage: {out / 'defences.html'}")


@lab.command()
@TEACHER
@click.option("--base", type=Existing(file=False), required=True,
              help="Another model: what students start from, and the other teacher.")  # fmt: skip
@MARK
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Marked share of training.",
)
@_answers(8_000, "Answers a student learns from.")
@_asked(4_000)
@SEEDS
@_steps(600)
@EACH
@_outcomes("removal")
@WORKERS
@JSON
@QUIET
def removal(
    teacher: Path,
    base: Path,
    mark: str,
    share: float,
    answers: int,
    asked: int,
    seeds: int,
    steps: int,
    each: int,
    out: Path,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""What removes a mark from a student: rewording, a second teacher, more training, neutralisation.

    \b
    Example:
      stillwatch lab removal --teacher teacher/ --base base/ --seeds 1 --out removal/
    """
    from stillwatch.lab.experiments import removal_jobs

    _can_be_set((mark,), base, "--base")
    jobs = removal_jobs(mark, share, seeds, answers, asked, steps, each, base)
    rows = _run("removal", teacher, jobs, out, workers, quiet or as_json)["rows"]
    if as_json:
        print_json(rows)
        return
    text_table(
        ("what was tried", "log10 p with weights, worst", "with text, worst", "student right"),
        [
            (
                r["removal"],
                f"{r['open_beside_teacher'][-1]:.1f}",
                f"{r['text_beside_teacher'][-1]:.1f}",
                _share(r["right"]),
            )
            for r in rows
        ],
    )
    click.echo(f"\npage: {out / 'removal.html'}")


def _examined(name: str, folder: Path, right: Mapping[str, float], *, as_json: bool) -> None:
    """Shares of questions that a model answers rightly, by capability, and where the model lies."""
    if as_json:
        print_json({name: str(folder), "right": right})
        return
    text_table(("capability", "right"), [(one, f"{100 * share:.1f} %") for one, share in right.items()])
    click.echo(f"\n{name}: {folder}")


def _can_be_set(marks: Sequence[str], proxy: Path | None, option: str) -> None:
    """Refuse, before any work, marks that are none or that need a proxy student where there is none."""
    from stillwatch.prove.registry import mark_named

    for name in marks:
        if mark_named(name).needs_proxy and proxy is None:
            raise UsageError(
                Problem(
                    fact=f"`{name}` needs a proxy student, a model like those that a campaign would train",
                    fix=f"{option} FOLDER",
                )
            )


def _run(
    kind: str, teacher: Path, jobs: Sequence[Job], out: Path, workers: int, quiet: bool
) -> dict[str, Any]:
    """Run the jobs of an experiment with a progress bar; returns its report."""
    from stillwatch.lab.experiments import report, run

    with bars(quiet=quiet) as progress:
        done = run(teacher, jobs, out, workers, progress)
    return report(kind, teacher, done, out)


def _share(one: dict[str, float]) -> str:
    """A share with its interval in percent."""
    return f"{100 * one['value']:.1f} % [{100 * one['low']:.0f}, {100 * one['high']:.0f}]"
