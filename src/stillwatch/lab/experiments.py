"""The lab's experiments: parallel, and resumed after an interruption.

An experiment is a list of jobs, each a function of a seed and some numbers, whose outcome is one JSON file;
a second run computes only what is missing. Outcomes become a table with intervals over seeds, and plots.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.engine.cores import CORES, end_with_parent
from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, StateError
from stillwatch.lab import defences, models, page, removal, school, tables, traces, tuning
from stillwatch.lab.tables import Job
from stillwatch.progress import Progress

# Title and description of the page, by kind of experiment.
TITLES = {
    "curve": (
        "What a part of a campaign is worth",
        (
            "A student's right answers against the number of the "
            "teacher's answers that it learnt from, by capability and way of learning."
        ),
    ),
    "removal": (
        "What removes a mark",
        (
            "Findings on students after somebody tried to remove what they kept of a mark, and what it cost "
            "them."
        ),
    ),
    "power": (
        "How often a fine-tuned student is recognised",
        (
            "Students that are fine-tuned from a larger model on answers of which a share bore a mark, as "
            "served "
            "and after rewording."
        ),
    ),
    "traces": (
        "What a student keeps of a mark",
        (
            "Evidence (z, in standard deviations of the null) against "
            "the share of the student's training that bore the mark."
        ),
    ),
    "defences": (
        "Defences and their price",
        "Each defence is applied to everything served; students learn from as many answers.",
    ),
}
# Strengths of each defence that are tried.
DOSES: dict[str, tuple[float, ...]] = {
    "none": (1.0,), "withhold": (1.0,), "summarise": (0.5,), "shorten": (32.0,), "perturb": (2.0,),
    "antidistillation": (0.05, 0.3), "throttle": (0.1,),
}  # fmt: skip


def curve_jobs(
    answers: int,
    shares: Sequence[float],
    ways: Sequence[str],
    seeds: int,
    each: int,
    steps: int,
    base: Path | None = None,
) -> list[Job]:
    """Jobs of students for every seed, way of learning and share of the campaign's answers."""
    return [
        {
            "kind": "curve",
            "way": way,
            "answers": max(round(share * answers), 1),
            "seed": seed,
            "each": each,
            "steps": steps,
            **_from(base),
        }
        for seed in range(seeds)
        for way in ways
        for share in shares
    ]


def trace_jobs(
    marks: Sequence[str],
    shares: Sequence[float],
    seeds: int,
    answers: int,
    asked: int,
    steps: int,
    width: int,
    strength: float | None = None,
    base: Path | None = None,
) -> list[Job]:
    """Jobs of students for every seed, mark and marked share."""
    return [
        {
            "kind": "traces",
            "mark": mark,
            "share": share,
            "seed": seed,
            "answers": answers,
            "asked": asked,
            "steps": steps,
            "width": width,
            "strength": strength,
            "base": str(base) if base else None,
        }
        for seed in range(seeds)
        for share in shares
        for mark in marks
    ]


def removal_jobs(
    mark: str, share: float, seeds: int, answers: int, asked: int, steps: int, each: int, base: Path
) -> list[Job]:
    """Jobs of students for every seed and attempt to remove the mark."""
    return [
        {
            "kind": "removal",
            "removal": name,
            "mark": mark,
            "share": share,
            "seed": seed,
            "answers": answers,
            "asked": asked,
            "steps": steps,
            "each": each,
            "base": str(base),
        }
        for seed in range(seeds)
        for name in removal.REMOVALS
    ]


def defence_jobs(answers: int, seeds: int, each: int, steps: int, base: Path | None = None) -> list[Job]:
    """Jobs of students for every seed, defence and dose."""
    return [
        {
            "kind": "defences",
            "defence": name,
            "dose": dose,
            "seed": seed,
            "answers": answers,
            "each": each,
            "steps": steps,
            **_from(base),
        }
        for seed in range(seeds)
        for name, doses in DOSES.items()
        for dose in doses
    ]


def power_jobs(
    one: tuning.Tuning, shares: Sequence[float], rewords: Sequence[float], seeds: int
) -> list[Job]:
    """Jobs of fine-tuned students by marked share, and by rewording at the largest share."""
    return [{"kind": "power", **asdict(some)} for some in tuning.students(one, shares, rewords, seeds)]


def _from(base: Path | None) -> Job:
    """The part of a job that names the base model."""
    return {"base": str(base)} if base else {}


def _base(job: Job) -> models.Model | None:
    """The base model of a job; None where students begin anew."""
    return models.load(Path(job["base"])) if job.get("base") else None


def run(teacher: Path, jobs: Sequence[Job], out: Path, workers: int, progress: Progress) -> list[Job]:
    """Every job with its outcome; jobs whose file exists are not run again.

    Raises `StateError` where `out` has outcomes of another teacher, or the teacher's folder has no weights.
    """
    out.mkdir(parents=True, exist_ok=True)
    mark = out / "teacher.sha256"
    name = _digest_of(teacher)
    if mark.exists() and mark.read_text().strip() != name:
        raise StateError(
            Problem(
                fact="these outcomes are another teacher's",
                where=str(out),
                fix="choose another --out, or the same --teacher",
            )
        )
    mark.write_text(name + "\n")
    waiting = [job for job in jobs if not _file(out, job).exists()]
    done = len(jobs) - len(waiting)
    progress("lab", done, len(jobs))
    # Several processes on one GPU slow each other down; CPU cores can be divided.
    width = 1 if models.device() == "cuda" else min(workers, max(len(waiting), 1))
    for _ in _all_done(str(teacher), waiting, out, width):
        done += 1
        progress("lab", done, len(jobs))
    return [{**job, **json.loads(_file(out, job).read_text())} for job in jobs]


def _all_done(teacher: str, waiting: Sequence[Job], out: Path, width: int) -> Iterator[None]:
    """Run jobs in this process or in several; yield once per finished job."""
    if width == 1:
        for job in waiting:
            _do(teacher, job, str(_file(out, job)))
            yield
        return
    with ProcessPoolExecutor(
        width, mp_context=get_context("spawn"), initializer=_alone, initargs=(width,)
    ) as pool:
        running = [pool.submit(_do, teacher, job, str(_file(out, job))) for job in waiting]
        for one in as_completed(running):
            one.result()
            yield


def report(kind: str, teacher: Path, done: Sequence[Job], out: Path) -> dict[str, Any]:
    """Write the table (JSON) and the page of an experiment beside its outcomes; returns the table."""
    rows = {
        "curve": tables.curve,
        "traces": tables.traces,
        "defences": tables.defences,
        "removal": tables.removal,
        "power": tables.power,
    }[kind](done)
    slopes = []
    if kind == "traces":
        for mark, access in sorted({(row["mark"], row["access"]) for row in rows}):
            one = tables.slope(rows, mark, access)
            slopes += [{"mark": mark, "access": access, **one}] if one else []
    whole = {
        "kind": kind,
        "title": TITLES[kind][0],
        "words": TITLES[kind][1],
        "version": __version__,
        "rows": rows,
        "slopes": slopes,
        "teacher": _digest_of(teacher),
    }
    for name, content in (
        (f"{kind}.json", json.dumps(whole, indent=1) + "\n"),
        (f"{kind}.html", page.render(whole)),
    ):
        with atomic(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return whole


def _alone(workers: int) -> None:
    """Limit this worker to its share of the cores, and end it with its parent, so that a killed run leaves
    no training process.
    """
    end_with_parent()
    torch = models.torch_or_say()
    torch.set_num_threads(max(1, CORES // workers))


def _do(teacher: str, job: Job, file: str) -> None:
    """Do a job and write its result to a file; runs in a process of its own."""
    done = KINDS[job["kind"]](models.load(Path(teacher)), job)
    with atomic(Path(file)) as temporary:
        temporary.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")


def _curve(teacher: models.Model, job: Job) -> Mapping[str, Any]:
    """Accuracy of a student of a number of answers."""
    asked = [task.prompt for task in school.prompts(job["seed"], job["answers"])]
    served = school.serve(teacher, asked, seed=job["seed"])
    student = school.learn(
        job["way"],
        served,
        teacher=teacher,
        seed=job["seed"],
        lesson=school.Lesson(steps=job["steps"]),
        start=_base(job),
    )
    return {
        "accuracy": school.examine(student, job["seed"], job["each"]),
        "teacher": school.examine(teacher, job["seed"], job["each"]),
    }


def _traces(teacher: models.Model, job: Job) -> Mapping[str, Any]:
    """Effect and p-values of a mark in a student."""
    trial = traces.StudentTrial(
        mark=job["mark"],
        share=job["share"],
        seed=job["seed"],
        answers=job["answers"],
        asked=job["asked"],
        width=job["width"],
        strength=job["strength"],
    )
    found = traces.measured(teacher, trial, school.Lesson(steps=job["steps"]), _base(job))
    return {access: asdict(one) for access, one in found.items()}


def _power(teacher: models.Model, job: Job) -> Mapping[str, Any]:
    """Effect of a mark in a tuned student, by access."""
    one = tuning.Tuning(**{name: value for name, value in job.items() if name != "kind"})
    return {access: asdict(found) for access, found in tuning.measured(teacher, one).items()}


def _removal(teacher: models.Model, job: Job) -> Mapping[str, Any]:
    """Effect of a mark in a student after an attempt to remove it."""
    trial = traces.StudentTrial(
        mark=job["mark"], share=job["share"], seed=job["seed"], answers=job["answers"], asked=job["asked"]
    )
    lesson = school.Lesson(steps=job["steps"])
    done = removal.measured(
        teacher, models.load(Path(job["base"])), trial, job["removal"], lesson, job["each"]
    )
    return {name: one if isinstance(one, float) else asdict(one) for name, one in done.items()}


def _defences(teacher: models.Model, job: Job) -> Mapping[str, Any]:
    """Accuracy of a student of answers under a defence, and the defence's cost."""
    lesson = school.Lesson(steps=job["steps"])
    proxy = None
    if job["defence"] == "antidistillation":
        # The provider's own student, of another seed, trained a little on its own answers.
        asked = [task.prompt for task in school.prompts(job["seed"] + 300, 2_000)]
        proxy = school.learn(
            "reasoning",
            school.serve(teacher, asked, seed=job["seed"] + 300),
            teacher=teacher,
            seed=job["seed"] + 300,
            lesson=school.Lesson(steps=job["steps"] // 2),
            start=_base(job),
        )
    done = defences.measure(
        teacher,
        job["defence"],
        job["dose"],
        seed=job["seed"],
        answers=job["answers"],
        lesson=lesson,
        each=job["each"],
        proxy=proxy,
        base=_base(job),
    )
    return {
        "honest": done.honest,
        "student": done.student,
        "trace_words": done.trace_words,
        "served": done.answers,
    }


# Function that does a job, by kind of experiment.
KINDS: dict[str, Callable[[models.Model, Job], Mapping[str, Any]]] = {
    "curve": _curve, "traces": _traces, "defences": _defences, "removal": _removal, "power": _power,
}  # fmt: skip


def _file(out: Path, job: Job) -> Path:
    """Path of a job's result, from a digest of the job."""
    name = hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()[:16]
    return out / f"{job['kind']}-{name}.json"


def _digest_of(folder: Path) -> str:
    """SHA-256 of the weights in a folder. Raises `StateError` where there are none."""
    some = sorted(folder.glob("*.safetensors"))
    if not some:
        raise StateError(
            Problem(
                fact="no weights in this folder", where=str(folder), fix="stillwatch lab teach --out TEACHER"
            )
        )
    whole = hashlib.sha256()
    for path in some:
        whole.update(path.read_bytes())
    return whole.hexdigest()
