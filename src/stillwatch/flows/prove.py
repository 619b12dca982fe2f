"""How does a suspect meet what was served, from files to a verdict page?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import __version__
from stillwatch.engine.files import sha256
from stillwatch.errors import InputError, MissingExtra, Problem
from stillwatch.flows.scan import Progress, silent
from stillwatch.prove import keyring as keyrings
from stillwatch.prove import page, plan, verdict
from stillwatch.prove.case import Case, Pair, Tokenize, Tokens
from stillwatch.prove.finding import Finding
from stillwatch.prove.power import Assumed
from stillwatch.prove.registry import provenance_tests
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.open import FAULTS
from stillwatch.readers.read import check, read
from stillwatch.readers.records import records
from stillwatch.results.folder import whole_or_nothing, write_json, write_manifest

if TYPE_CHECKING:
    from stillwatch.prove.weights import Weights

PROMPTS, ANSWERS = ("prompt", "question", "instruction"), ("answer", "response", "completion", "output")
Exchange = str | tuple[Any, ...]  # an id, or id, account and time
MOST = 2_000_000  # pairs that are held in memory; a case has thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What `prove` was given."""

    suspect: Path
    marks: Path
    served: Sequence[str] = ()
    campaigns: Path | None = None
    controls: Mapping[str, Path] = field(default_factory=dict)
    tokenizer: Path | None = None
    teacher: Path | None = None
    plan: Path | None = None
    alpha: float = 1e-3
    assumed: Assumed | None = None
    decoys: int = 9_999


def prove(inputs: Inputs, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Run every test that the material allows, write verdict.html, verdict.json and a manifest, and give what was written."""
    case, suspect_files, passed_over = gather(inputs)
    findings: list[Finding] = []
    looked: list[dict[str, Any]] = []
    tests = provenance_tests()
    for at, test in enumerate(tests):
        progress("prove", at, len(tests))
        missing = test.missing(case)
        if not missing:
            findings += test.test(case)
        looked.append({
            "test": test.name, "asks": test.asks, "null": test.null, "assumes": list(test.assumes), "keyed": test.keyed,
            "removed_by": list(test.removed_by), "source": test.source, "missing": missing,
        })  # fmt: skip
    progress("prove", len(tests), len(tests))
    held = plan.read(inputs.plan) if inputs.plan else None
    asked = [pair.prompt for pair in case.answers]
    departures = plan.departures(held, case.keyring, asked, inputs.alpha) if held else []
    decided = verdict.decide(findings, alpha=inputs.alpha, assumed=inputs.assumed, asked=len(case.answers))
    whole = {
        "version": __version__,
        "suspect": inputs.suspect.name,
        "verdict": asdict(decided),
        "assumed": asdict(inputs.assumed) if inputs.assumed else None,
        "findings": [asdict(one) for one in findings],
        "tests": looked,
        "keys": [{"name": one.name, "since": one.since} for one in case.keyring.issued],
        "keys_sha256": case.keyring.commitment(),
        "plan": {"sha256": held.sha256, "departures": departures} if held else None,
        "answers": len(case.answers),
        "served": len(case.served),
        "passed_over": passed_over,
    }
    with whole_or_nothing(out) as folder:
        write_json(folder, "verdict.json", whole)
        (folder / "verdict.html").write_text(page.render(whole), encoding="utf-8")
        files = [*suspect_files, *(Path(path) for path in inputs.served if Path(path).is_file())]
        write_manifest(
            folder, files, {"alpha": inputs.alpha, "decoys": inputs.decoys, "keys": sha256(inputs.marks)}, 0
        )
    return whole


def gather(inputs: Inputs) -> tuple[Case, list[Path], int]:
    """Everything the tests may look at, read and checked before any of them begins; the suspect's files; rows passed over."""
    ring = keyrings.read(inputs.marks)
    served = served_pairs(inputs.served, inputs.campaigns, {one.campaign for one in ring.issued})
    controls = {name: pairs_of(path) for name, path in inputs.controls.items()}
    teacher = load_weights(inputs.teacher) if inputs.teacher else None
    is_open = inputs.suspect.is_dir()
    model = load_weights(inputs.suspect) if is_open else None
    tokenize = load_tokenizer(inputs.tokenizer) if inputs.tokenizer else None
    if tokenize is None and (teacher or model):
        tokenize = (teacher or model).tokenize  # type: ignore[union-attr]
    answers: list[Pair] = []
    files, passed_over = [inputs.suspect], 0
    if is_open:
        files = sorted(path for path in inputs.suspect.iterdir() if path.is_file())
    else:
        table = _table(inputs.suspect)
        answers = _pairs_of(inputs.suspect, table)
        passed_over = int(table.num_rows) - len(answers)
    return Case(
        keyring=ring, answers=answers, served=served, model=model, teacher=teacher, tokenize=tokenize, controls=controls,
        decoys=inputs.decoys,
    ), files, passed_over  # fmt: skip


def load_weights(folder: Path) -> Weights:
    """A model from disk."""
    from stillwatch.prove.weights import load

    return load(folder)


def load_tokenizer(path: Path) -> Tokenize:
    """The tokeniser under which answers were marked, from `tokenizer.json` or the folder that holds it."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra(
            Problem(fact="reading a tokeniser needs `tokenizers`", fix="pip install 'stillwatch[lab]'")
        ) from None
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        one = Tokenizer.from_file(str(file))
    except Exception as error:  # noqa: BLE001  the library raises bare exceptions
        raise InputError(
            Problem(
                fact="this is no tokeniser",
                where=str(file),
                found=str(error)[:200],
                expected="a `tokenizer.json` in the Hugging Face format",
            )
        ) from None

    def tokenize(text: str) -> Tokens:
        told = one.encode(text, add_special_tokens=False)
        return Tokens(told.ids, [start for start, _ in told.offsets], [end for _, end in told.offsets])

    return tokenize


def pairs_of(path: Path) -> list[Pair]:
    """Prompts and answers from JSON lines or Parquet; rows without both are passed over, a file without any is refused."""
    return _pairs_of(path, _table(path))


def _pairs_of(path: Path, table: pa.Table) -> list[Pair]:
    prompt, answer = _column(table, PROMPTS), _column(table, ANSWERS)
    if prompt is None or answer is None:
        raise InputError(
            Problem(
                fact="no prompts and answers in this file",
                where=str(path),
                found=", ".join(table.column_names),
                expected=f"a column of {', '.join(PROMPTS)} and one of {', '.join(ANSWERS)}",
            )
        )
    names = table.column_names
    campaign = table["campaign_id"] if "campaign_id" in names else None
    twin = table["unserved"] if "unserved" in names else None
    return list(_pairs(table[prompt], table[answer], campaign, twin))


def served_pairs(paths: Sequence[str], campaigns: Path | None, known: set[str]) -> list[Pair]:
    """What was served, each exchange with the campaign whose key it bore.

    From a table that says so itself (`campaign_id`), or from logs as `scan` reads them with `campaigns`: a results folder
    or a table of `exchange_id` and `campaign_id`. With one campaign in the keyring and no word on who got what, all is its.
    """
    if not paths:
        return []
    if len(paths) == 1 and Path(paths[0]).is_file():
        table = _plain(Path(paths[0]))
        if table is not None:
            pairs = _pairs_of(Path(paths[0]), table)
            if "campaign_id" in table.column_names or len(known) != 1:
                return pairs
            only = next(iter(known))
            return [replace(one, campaign=only) for one in pairs]
    whose, twins = _labels(campaigns) if campaigns else ({}, {})
    only = next(iter(known)) if len(known) == 1 and campaigns is None else ""
    sources = check(discover(paths), {})
    out: list[Pair] = []
    for batch in read(sources, {}):
        rows = batch.rows
        if not {"exchange_id", "prompt", "response"} <= set(rows.column_names):
            continue
        columns = ("exchange_id", "account_id", "timestamp", "prompt", "response")
        for *exchange, prompt, answer in zip(*(rows[c].to_pylist() for c in columns), strict=True):
            name = next((name for name in (tuple(exchange), exchange[0]) if name in whose), None)
            if prompt and answer and (only or not whose or name is not None):
                out.append(
                    Pair(
                        prompt=prompt,
                        answer=answer,
                        campaign=only if name is None else whose[name],
                        unserved=twins.get(name if name is not None else exchange[0], ""),
                    )
                )
        if len(out) > MOST:
            raise InputError(
                Problem(
                    fact="too many served answers to hold",
                    found=f"over {MOST:,}",
                    fix="name the campaign's alone with --campaigns RESULTS",
                )
            )
    return out


def _labels(path: Path) -> tuple[dict[Exchange, str], dict[Exchange, str]]:
    """Exchange → its campaign, and → the answer that was not served. An exchange is its id, with account and time where the table has
    them, since senders may use one id for many.
    """
    file = path / "exchanges.parquet" if path.is_dir() else path
    table = _table(file)
    if not {"exchange_id", "campaign_id"} <= set(table.column_names):
        raise InputError(
            Problem(
                fact="this does not say who was served what",
                where=str(file),
                found=", ".join(table.column_names),
                expected="columns `exchange_id` and `campaign_id`",
            )
        )
    names, owners = table["exchange_id"].to_pylist(), table["campaign_id"].to_pylist()
    told = ("exchange_id", "account_id", "timestamp")
    if set(told) <= set(table.column_names):
        names = list(zip(*(table[name].to_pylist() for name in told), strict=True))
    whose = {name: owner for name, owner in zip(names, owners, strict=True) if owner}
    twins = (
        dict(zip(names, table["unserved"].to_pylist(), strict=True))
        if "unserved" in table.column_names
        else {}
    )
    return whose, {name: twin for name, twin in twins.items() if twin}


def _plain(path: Path) -> pa.Table | None:
    """A file of prompts and answers alone; a log with times is read as logs are."""
    if not path.name.endswith((".jsonl", ".parquet", ".json")):
        return None
    try:
        table = _table(path)
    except InputError:
        return None
    return (
        table
        if "timestamp" not in table.column_names and _column(table, PROMPTS) and _column(table, ANSWERS)
        else None
    )


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        losses = Losses(path)
        rows = [dict(record) for _, record in records(path, losses, LIMITS)]
    except FAULTS as error:
        raise InputError(_unreadable(path, type(error).__name__)) from None
    lost = losses.listed().column("reason").to_pylist() + losses.counted().column("reason").to_pylist()
    if not rows:
        raise InputError(_unreadable(path, lost[0] if lost else "no row"))
    names = dict.fromkeys(name for row in rows for name in row)
    texts = {name: [_text(row.get(name)) for row in rows] + [None] * len(lost) for name in names}
    kinds = {name: pa.string() if any(some) else pa.null() for name, some in texts.items()}
    return pa.table({name: pa.array(some, kinds[name]) for name, some in texts.items()})


def _text(value: object) -> str | None:
    """Text that can be written as such; half a surrogate pair cannot."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _unreadable(path: Path, found: str) -> Problem:
    return Problem(
        fact="the file could not be read",
        where=str(path),
        found=found,
        expected="JSON lines or Parquet with a prompt and an answer in each row",
    )


def _column(table: pa.Table, names: Iterable[str]) -> str | None:
    return next(
        (
            name
            for name in names
            if name in table.column_names and pa.types.is_string(table.schema.field(name).type)
        ),
        None,
    )


def _pairs(
    prompts: pa.Array, answers: pa.Array, campaigns: pa.Array | None, twins: pa.Array | None
) -> Iterable[Pair]:
    count = len(prompts)
    whose = campaigns.to_pylist() if campaigns is not None else [""] * count
    other = twins.to_pylist() if twins is not None else [""] * count
    for prompt, answer, campaign, twin in zip(
        prompts.to_pylist(), answers.to_pylist(), whose, other, strict=True
    ):
        if prompt is not None and answer:
            yield Pair(prompt=prompt, answer=answer, campaign=campaign or "", unserved=twin or "")


def planned(
    marks: Path, served: Sequence[str], campaigns: Path | None, tokenizer: Path | None, *,
    questions: int, alpha: float, looks: int, assumed: Assumed, power: float,
) -> tuple[plan.Plan, list[str]]:  # fmt: skip
    """A plan and its questions: prompts that were served, the canaries', as many as the power asks for or as there are."""
    from stillwatch.prove.tests.radioactivity_text import radioactivity_text
    from stillwatch.prove.text import canaries

    ring = keyrings.read(marks)
    pairs = served_pairs(served, campaigns, {one.campaign for one in ring.issued})
    tokenize = load_tokenizer(tokenizer) if tokenizer else None
    each = 0.0
    if tokenize is not None and pairs:
        sample = pairs[: min(len(pairs), 2_000)]
        trial = Case(keyring=ring, answers=sample, tokenize=tokenize, decoys=0)
        if not radioactivity_text.missing(trial):
            each = min(one.units for one in radioactivity_text.test(trial)) / len(sample)
    some = list(dict.fromkeys(pair.prompt for pair in pairs if pair.campaign))
    needed = plan.answers_needed(assumed, alpha=alpha, looks=looks, power=power, each=each)
    wanted = questions or int(min(needed, len(some)))
    chosen = some[:wanted]
    if any(one.mark == canaries.NAME for one in ring.issued):
        chosen += [kind.asks for kind in canaries.KINDS]
    return plan.make(ring, chosen, alpha=alpha, looks=looks, assumed=assumed, power=power, each=each), chosen


def marked_answers(
    ring: keyrings.Keyring, rows: Iterable[Mapping[str, Any]], accounts: Mapping[str, str]
) -> Iterable[tuple[dict[str, Any], bool]]:
    """Answers of suspected accounts with their campaign's keyed choices and canaries, all others as they came; and which changed.

    `rows` have `account_id` and an answer; `accounts` says which account belongs to which campaign.
    """
    from stillwatch.prove.text import canaries, choices

    turn = 0
    last = {(one.mark, one.campaign): one for one in sorted(ring.issued, key=lambda one: one.epoch)}
    keys = {name: ring.key_of(one) for name, one in last.items()}
    for row in rows:
        campaign = accounts.get(str(row.get("account_id")))
        name = next((name for name in ANSWERS if isinstance(row.get(name), str)), None)
        if campaign is None or name is None:
            yield dict(row), False
            continue
        said = row[name]
        if (choices.NAME, campaign) in keys:
            said = choices.apply(said, keys[choices.NAME, campaign])
        if (canaries.NAME, campaign) in keys and turn % canaries.EVERY == 0:
            said = canaries.apply(said, keys[canaries.NAME, campaign], turn // canaries.EVERY)
        turn += 1
        yield {**row, name: said}, said != row[name]


def as_json_lines(questions: Sequence[str]) -> str:
    """Questions as JSON lines, to be put to the suspect and answered in a column `answer`."""
    return "".join(json.dumps({"prompt": one}, ensure_ascii=False) + "\n" for one in questions)
