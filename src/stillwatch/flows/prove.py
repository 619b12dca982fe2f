"""The flow `prove`: tests whether a suspect model was trained on served answers, from files to a verdict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from stillwatch import __version__
from stillwatch.engine.files import atomic, sha256
from stillwatch.errors import InputError, MissingExtra, Problem
from stillwatch.flows.answers import ANSWERS, Unread, members_of, pairs_of, served_pairs
from stillwatch.progress import Progress, silent
from stillwatch.prove import effects, ledger, page, plan, stamp, verdict
from stillwatch.prove import keyring as keyrings
from stillwatch.prove.case import PromptAnswer, SuspectCase, Tokenize, Tokens
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.power import Assumed
from stillwatch.prove.registry import marks, provenance_tests
from stillwatch.readers.tolerant import loads
from stillwatch.results.folder import whole_or_nothing, write_json, write_manifest

if TYPE_CHECKING:
    from stillwatch.prove.weights import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Inputs of `prove`.

    `suspect` is a file of answers, or a folder with a model's weights; `marks` is the keyring. Without
    `ledgers` nothing shows which answers were served. `share` is the assumed share of marked answers in the
    training data. `effect` is the assumed effect at that share in standard deviations for each window; None
    for the plan's or a measured value. `alpha` is the level; None for the plan's.
    """

    suspect: Path
    marks: Path
    served: Sequence[str] = ()
    campaigns: Path | None = None
    controls: Mapping[str, Path] = field(default_factory=dict)
    tokenizer: Path | None = None
    teacher: Path | None = None
    ledgers: Sequence[Path] = ()
    plan: Path | None = None
    timestamp: Path | None = None
    authority: Path | None = None
    alpha: float | None = None
    share: float = 0.1
    effect: float | None = None
    decoys: int = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Contents of the input files: the case, the whole keyring, the ledgers (None: none given), and rows that
    are not used.
    """

    case: SuspectCase
    ring: keyrings.Keyring
    ledger: ledger.Ledger | None
    files: Sequence[Path]
    unread: Unread


def prove(inputs: Inputs, out: Path, progress: Progress = silent) -> dict[str, Any]:
    """Run every test for which there is material, and write verdict.html, verdict.json and the manifest to
    the folder `out`; returns the contents of verdict.json.

    Raises `InputError` where a file cannot be used and `MissingExtra` where a package is missing.
    """
    held = plan.read(inputs.plan) if inputs.plan else None
    stamped = stamp.check(inputs.plan, inputs.timestamp, inputs.authority) if inputs.plan else None
    alpha = inputs.alpha or (held.alpha / held.looks if held else 1e-3)
    had = read_material(inputs)
    case = had.case
    findings, looked = _tested(case, progress)
    prompts = [pair.prompt for pair in case.answers]
    departures = plan.departures(held, had.ring, prompts, alpha) if held else []
    first = stamp.first_of([pair.asked_at for pair in case.answers])
    if stamped and (late := stamp.departure(stamped, first)):
        departures.append(late)
    assumed = assumptions(inputs, held, had)
    is_known = had.ledger is not None and not had.ledger.faults
    campaigns = {one.campaign for one in case.keyring.issued} if is_known else None
    decided = verdict.decide(
        findings, alpha=alpha, effects=assumed, answers=len(case.answers), served=campaigns,
        is_open=case.model is not None,
    )  # fmt: skip
    tested = {one.name for one in case.keyring.issued}
    whole = {
        "version": __version__,
        "suspect": inputs.suspect.name,
        "verdict": asdict(decided),
        "assumed": {name: asdict(one) for name, one in assumed.items()},
        "findings": [asdict(one) for one in findings],
        "tests": looked,
        "keys": [
            {"name": one.name, "since": one.since, "tested": one.name in tested} for one in had.ring.issued
        ],
        "keys_sha256": had.ring.commitment(),
        "ledger": _shown(had) if had.ledger else None,
        "plan": {
            "sha256": held.sha256,
            "departures": departures,
            "timestamp": asdict(stamped) if stamped else None,
            "first_question": first,
            "undated": sum(pair.asked_at is None for pair in case.answers),
        }
        if held
        else None,
        "answers": len(case.answers),
        "served": len(case.served),
        "passed_over": had.unread.of(inputs.suspect),
        "unread": had.unread.counts(),
    }
    with whole_or_nothing(out) as folder:
        write_json(folder, "verdict.json", whole)
        (folder / "verdict.html").write_text(page.render(whole), encoding="utf-8")
        files = [*had.files, *inputs.ledgers, *(Path(path) for path in inputs.served if Path(path).is_file())]
        write_manifest(
            folder, files, {"alpha": alpha, "decoys": inputs.decoys, "keys": sha256(inputs.marks)}, 0
        )
    return whole


def _tested(case: SuspectCase, progress: Progress) -> tuple[list[SuspectFinding], list[dict[str, Any]]]:
    """The findings of every test for which there is material, and a description of each test with what is
    missing for it ("" where it ran).
    """
    findings: list[SuspectFinding] = []
    looked: list[dict[str, Any]] = []
    tests = provenance_tests()
    for at, test in enumerate(tests):
        progress("prove", at, len(tests))
        missing = test.missing(case)
        if not missing:
            findings += test.test(case)
        looked.append(
            {
                "test": test.name,
                "asks": test.asks,
                "null": test.null,
                "assumes": list(test.assumes),
                "keyed": test.keyed,
                "removed_by": list(test.removed_by),
                "source": test.source,
                "missing": missing,
            }
        )
    progress("prove", len(tests), len(tests))
    return findings, looked


def assumptions(inputs: Inputs, held: plan.ProofPlan | None, had: Material) -> dict[str, Assumed]:
    """Assumed share and effect for each tested key, by its name: those of a model of whose training data a
    share was served under the key.

    Where a ledger shows that only a part of the answers was marked, the effect is reduced accordingly; that
    of the lab also where fewer marked answers were served than its students had. A key without a known
    effect is left out.
    """
    share, effect = inputs.share, inputs.effect
    source = effects.GIVEN
    if held is not None and effect is None:
        share = held.share
        # The lab's effect in a plan is for access to text and as it was known then; other access has its own.
        if held.effect_source == effects.GIVEN:
            effect, source = held.effect, f"{effects.GIVEN}, in the plan"
    access = ("open" if had.case.model else "text") + ("_beside_teacher" if had.case.teacher else "")
    out = {}
    for issued in had.case.keyring.issued:
        part = (
            had.ledger.served[issued.name].share(len(had.case.served_to(issued.campaign)))
            if had.ledger
            else 1.0
        )
        marked = len(had.ledger.served[issued.name].marked) if had.ledger else None
        one = (
            effects.measured(issued.mark, access, share * part, marked)
            if effect is None
            else Assumed(share=share, effect=effect * part, source=source)
            if issued.mark in marks()
            else None
        )
        if one is not None:
            out[issued.name] = replace(one, share=share)
    return out


def _shown(had: Material) -> dict[str, Any]:
    """Counts, times and shares of the ledgers for each key, without digests of text."""
    assert had.ledger is not None
    keys = []
    for issued in had.ring.issued:
        one = had.ledger.served.get(issued.name, ledger.Served())
        keys.append(
            {
                "name": issued.name,
                "marked": len(one.marked),
                "unmarked": len(one.unmarked),
                "accounts": len(one.accounts),
                "first": one.first,
                "last": one.last,
                "share": one.share(len(had.case.served_to(issued.campaign))),
            }
        )
    return {"entries": had.ledger.entries, "faults": had.ledger.faults, "keys": keys}


def read_material(inputs: Inputs) -> Material:
    """Read and check all inputs before the tests. With a ledger, only keys under which it shows a marked
    answer are tested.
    """
    ring = keyrings.read(inputs.marks)
    known = ledger.read(inputs.ledgers, ring) if inputs.ledgers else None
    issued = ring.issued if known is None else tuple(
        one for one in ring.issued if one.name in known.served and known.served[one.name].marked
    )  # fmt: skip
    unread = Unread()
    served = served_pairs(inputs.served, inputs.campaigns, {one.campaign for one in ring.issued}, unread)
    controls = {name: pairs_of(path, unread) for name, path in inputs.controls.items()}
    teacher = load_weights(inputs.teacher) if inputs.teacher else None
    is_open = inputs.suspect.is_dir()
    model = load_weights(inputs.suspect) if is_open else None
    tokenize = load_tokenizer(inputs.tokenizer) if inputs.tokenizer else None
    if tokenize is None and (teacher or model):
        tokenize = (teacher or model).tokenize  # type: ignore[union-attr]
    answers: list[PromptAnswer] = []
    files = [inputs.suspect]
    if is_open:
        files = sorted(path for path in inputs.suspect.iterdir() if path.is_file())
    else:
        answers = pairs_of(inputs.suspect, unread)
    case = SuspectCase(
        keyring=replace(ring, issued=issued),
        answers=answers,
        served=served,
        model=model,
        teacher=teacher,
        tokenize=tokenize,
        controls=controls,
        decoys=inputs.decoys,
    )
    return Material(case=case, ring=ring, ledger=known, files=files, unread=unread)


def load_weights(folder: Path) -> Weights:
    """A model from a folder of weights."""
    from stillwatch.prove.weights import load

    return load(folder)


def load_tokenizer(path: Path) -> Tokenize:
    """A tokeniser from `tokenizer.json` or the folder that holds it, as a function from text to tokens.

    Raises `MissingExtra` without the package `tokenizers`, and `InputError` for another file.
    """
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
        """Token numbers of a text, and the first and last place of each token in it."""
        encoded = one.encode(text, add_special_tokens=False)
        return Tokens(
            encoded.ids, [start for start, _ in encoded.offsets], [end for _, end in encoded.offsets]
        )

    return tokenize


def planned(
    keyring: Path, served: Sequence[str], campaigns: Path | None, tokenizer: Path | None, *,
    questions: int, alpha: float, looks: int, assumed: Assumed, power: float,
) -> tuple[plan.ProofPlan, list[str], Unread]:  # fmt: skip
    """A plan, its questions, and rows that are not used.

    The questions are served prompts (`questions` of them; 0 for as many as `power` requires, or all) and
    those of the canaries.
    """
    from stillwatch.prove.tests.radioactivity_text import radioactivity_text
    from stillwatch.prove.text import canaries

    ring = keyrings.read(keyring)
    unread = Unread()
    pairs = served_pairs(served, campaigns, {one.campaign for one in ring.issued}, unread)
    tokenize = load_tokenizer(tokenizer) if tokenizer else None
    each = 0.0
    if tokenize is not None and pairs:
        sample = pairs[: min(len(pairs), 2_000)]
        trial = SuspectCase(keyring=ring, answers=sample, tokenize=tokenize, decoys=0)
        if not radioactivity_text.missing(trial):
            each = min(one.units for one in radioactivity_text.test(trial)) / len(sample)
    some = list(dict.fromkeys(pair.prompt for pair in pairs if pair.campaign))
    needed = plan.answers_needed(assumed, alpha=alpha, looks=looks, power=power, each=each)
    wanted = questions or int(min(needed, len(some)))
    chosen = some[:wanted]
    if any(one.mark == canaries.NAME for one in ring.issued):
        chosen += [kind.asks for kind in canaries.KINDS]
    made = plan.make(ring, chosen, alpha=alpha, looks=looks, assumed=assumed, power=power, each=each)
    return made, chosen, unread


def marked_answers(
    ring: keyrings.Keyring,
    rows: Iterable[Mapping[str, Any]],
    accounts: Mapping[str, str],
    capacity: Counter[str] | None = None,
) -> Iterable[tuple[dict[str, Any], bool, list[ledger.LedgerEntry]]]:
    """Mark the answers of suspected accounts under the keys of their campaign.

    `rows` have `account_id` and an answer; `accounts` maps accounts to campaigns. Yields, for each row, the
    row with its new answer (unchanged for other accounts), whether it changed, and its ledger entries: one
    for each key that was applied, marked or not. `capacity` is increased by the number of places with a
    choice and of those left alone, by reason (`choices.capacity`).
    """
    from stillwatch.prove.text import canaries, choices

    turn = 0
    last = {(one.mark, one.campaign): one for one in sorted(ring.issued, key=lambda one: one.epoch)}
    for row in rows:
        account = str(row.get("account_id"))
        campaign = accounts.get(account, "")
        name = next((name for name in ANSWERS if isinstance(row.get(name), str)), None)
        if not campaign or name is None:
            yield dict(row), False, []
            continue
        said = row[name]
        borne: list[tuple[keyrings.Issued, bool]] = []
        if key := last.get((choices.NAME, campaign)):
            counts: Counter[str] = Counter()
            said = choices.apply(said, ring.key_of(key), counts)
            borne.append((key, counts[choices.USED] > 0))
            if capacity is not None:
                capacity.update(counts)
        if key := last.get((canaries.NAME, campaign)):
            before = said
            if turn % canaries.EVERY == 0:
                said = canaries.apply(said, ring.key_of(key), turn // canaries.EVERY)
            borne.append((key, said != before))
        turn += 1
        entries = [ledger.entry(ring, one, account, said, is_marked=is_marked) for one, is_marked in borne]
        yield {**row, name: said}, said != row[name], entries


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingCounts:
    """Counts of `prove mark`: answers read and changed, places with a choice and places left alone by reason,
    ledger entries, and lines that were copied without being read.
    """

    answers: int
    changed: int
    capacity: Counter[str]
    entries: int
    unread: Unread


def mark_file(keyring: Path, answers: Path, campaigns: Path, out: Path) -> MarkingCounts:
    """Mark the answers in a file of JSON lines, write the result to `out`, and add entries to the keyring's
    ledger.

    A line that is no JSON object, or whose answer is unchanged, is copied byte for byte.
    """
    ring, unread = keyrings.read(keyring), Unread()
    whose = members_of(campaigns, unread)
    raw = b""
    total = changed = 0
    entries: list[ledger.LedgerEntry] = []
    capacity: Counter[str] = Counter()
    with answers.open("rb") as lines, atomic(out) as temporary, temporary.open("wb") as written:

        def rows() -> Iterable[dict[str, Any]]:
            """Yield the lines that hold an object; other lines are written to `out` unchanged."""
            nonlocal raw
            for number, line in enumerate(lines, 1):
                try:
                    row = loads(line)
                except orjson.JSONDecodeError:
                    row = None
                if isinstance(row, dict):
                    raw = line
                    yield row
                else:
                    written.write(line)
                    if line.strip():
                        unread.add(str(answers), "line is not a JSON object; passed on as it came", number)

        for row, is_changed, some in marked_answers(ring, rows(), whose, capacity):
            total += 1
            changed += is_changed
            written.write(_rewritten(raw, row) if is_changed else raw)
            entries += some
        # Before `out` is renamed: an answer served without a ledger entry could not be tested.
        ledger.append(ledger.beside(keyring), ring, entries)
    return MarkingCounts(
        answers=total, changed=changed, capacity=capacity, entries=len(entries), unread=unread
    )


def _rewritten(raw: bytes, row: Mapping[str, Any]) -> bytes:
    """A line with its new answer; all other values are kept exactly, also integers of any size and unpaired
    surrogates.
    """
    try:
        whole = json.loads(raw)
    except ValueError:  # the tolerant reader repaired this line
        whole = dict(row)
    whole |= {name: row[name] for name in ANSWERS if isinstance(row.get(name), str)}
    return json.dumps(whole).encode() + b"\n"


def as_json_lines(questions: Sequence[str]) -> str:
    """Questions as JSON lines with the field `prompt`; the suspect's answers are added as `answer`."""
    return "".join(json.dumps({"prompt": one}, ensure_ascii=False) + "\n" for one in questions)
