"""Does absence refute only marks that were served, and does the ledger show what was?"""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from stillwatch.cli.main import cli
from stillwatch.engine.files import sha256
from stillwatch.errors import InputError
from stillwatch.flows.prove import Inputs, assumptions, prove, read_material
from stillwatch.prove import effects, ledger
from tests.prove.talking import issued, talk, tokenize, write

pytestmark = pytest.mark.issue(25)


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture(autouse=True)
def tokens(monkeypatch):
    monkeypatch.setattr("stillwatch.flows.prove.load_tokenizer", lambda path: tokenize)


@pytest.fixture
def case(tmp_path):
    """A keyring, what a campaign was served, an innocent's answers and a student's."""
    ring = issued("gumbel/c", "choices/c")
    ring.write(tmp_path / "marks.json")
    rng = np.random.default_rng(6)
    key = ring.key_of(ring.issued[0])
    served = talk(rng, 60, key, 1.0)
    write(
        tmp_path / "served.jsonl",
        [{"prompt": f"q{i}", "answer": one, "campaign_id": "c"} for i, one in enumerate(served)],
    )
    write(
        tmp_path / "innocent.jsonl",
        [{"prompt": f"q{i}", "answer": one} for i, one in enumerate(talk(rng, 300))],
    )
    write(
        tmp_path / "guilty.jsonl",
        [{"prompt": f"q{i}", "answer": one} for i, one in enumerate(talk(rng, 300, key, 0.5))],
    )
    return tmp_path, ring, served


def decided(folder, suspect, *, alpha=1e-5, ledgers=(), effect=0.6):
    inputs = Inputs(
        suspect=folder / f"{suspect}.jsonl",
        marks=folder / "marks.json",
        served=(str(folder / "served.jsonl"),),
        ledgers=ledgers,
        tokenizer=folder,
        alpha=alpha,
        effect=effect,
        decoys=99,
    )
    return prove(inputs, folder / f"verdict-{suspect}")


def serve(folder, ring, number, issued_at=0):
    """Lines for so many served answers under a key."""
    path = ledger.beside(folder / "marks.json")
    key = ring.issued[issued_at]
    ledger.append(
        path,
        ring,
        [ledger.entry(ring, key, f"a{i % 3}", f"answer {i}", is_marked=True) for i in range(number)],
    )
    return path


def test_a_mark_that_was_never_served_refutes_nobody(case):
    folder, ring, _ = case
    assert decided(folder, "innocent")["verdict"]["word"] == "not supported"
    path = serve(folder, ring, 60, 1)  # words were marked, tokens never
    told = decided(folder, "innocent", ledgers=(path,))
    assert told["verdict"]["word"] == "not supported"
    assert [one["tested"] for one in told["keys"]] == [False, True]
    assert {one["subject"] for one in told["findings"]} <= {"choices/c/1"}


def test_with_a_ledger_a_student_is_supported_and_an_innocent_refuted(case):
    folder, ring, _ = case
    path = serve(folder, ring, 60)
    guilty, innocent = (decided(folder, who, ledgers=(path,))["verdict"] for who in ("guilty", "innocent"))
    assert guilty["word"] == "supported"
    assert guilty["named"] == "c"
    assert innocent["word"] == "refuted at this power"
    assert innocent["power"] >= 0.95
    page = (folder / "verdict-innocent" / "verdict.html").read_text()
    assert "not served: not tested" in page
    assert ledger.entry(ring, ring.issued[0], "a", "answer 1", is_marked=True).answer not in page


def test_innocents_are_refuted_at_the_stated_power_and_students_at_the_level(case, tmp_path):
    """40 innocents and 40 students of an assumed effect; the effect is what the students have."""
    from stillwatch.prove import verdict
    from stillwatch.prove.case import PromptAnswer, SuspectCase
    from stillwatch.prove.power import Assumed
    from stillwatch.prove.tests.radioactivity_text import radioactivity_text

    ring = issued("gumbel/c")
    key = ring.key_of(ring.issued[0])
    found = {}
    for name, share in (("innocent", 0.0), ("student", 0.15)):
        rng = np.random.default_rng(7)
        found[name] = [
            radioactivity_text.test(
                SuspectCase(
                    keyring=ring,
                    answers=[PromptAnswer(prompt="", answer=one) for one in talk(rng, 25, key, share)],
                    tokenize=tokenize,
                    decoys=0,
                )
            )[0]
            for _ in range(40)
        ]
    effect = float(np.mean([one.effect for one in found["student"]]))
    assumed = {"gumbel/c/1": Assumed(share=0.1, effect=effect, source="a test")}
    words = {
        name: [verdict.decide([one], alpha=1e-9, effects=assumed, answers=50, served={"c"}) for one in some]
        for name, some in found.items()
    }
    powers = [one.power for one in words["innocent"]]
    assert min(powers) >= 0.95
    assert (
        sum(one.word == "refuted at this power" for one in words["innocent"]) >= 35
    )  # 38 are expected at 95 %
    assert sum(one.word == "refuted at this power" for one in words["student"]) <= 6  # 2 are expected at 5 %


def test_a_student_with_marks_that_were_never_served_is_never_refuted(case):
    """200 students that learnt from the campaign, marked by `prove mark` alone, whatever the silence of
    the sampling key.
    """
    from stillwatch.prove.finding import SuspectFinding
    from stillwatch.prove.verdict import decide

    folder, ring, _ = case
    path = serve(folder, ring, 60, 1)
    had = read_material(
        Inputs(
            suspect=folder / "innocent.jsonl", marks=folder / "marks.json", ledgers=(path,), tokenizer=folder
        )
    )
    effects_ = assumptions(Inputs(suspect=folder, marks=folder, effect=0.6), None, had)
    assert effects_ == {}
    rng = np.random.default_rng(8)
    for _ in range(200):
        quiet = SuspectFinding(
            test="radioactivity_text",
            subject="gumbel/c/1",
            keyed=True,
            units=50_000,
            effect=float(rng.normal() / 220),
            log10_p=-0.3,
            log_e=-1.0,
        )
        assert decide([quiet], alpha=1e-3, effects=effects_, answers=1, served={"c"}).word == "not supported"


def test_the_effect_is_that_of_the_share_that_the_ledger_shows(case):
    folder, ring, _ = case
    path = serve(folder, ring, 15)  # of 60 served answers
    inputs = Inputs(
        suspect=folder / "innocent.jsonl",
        marks=folder / "marks.json",
        served=(str(folder / "served.jsonl"),),
        ledgers=(path,),
        tokenizer=folder,
        share=0.1,
    )
    had = read_material(inputs)
    (one,) = assumptions(replace(inputs, effect=0.4), None, had).values()
    assert one.effect == pytest.approx(0.1)
    (one,) = assumptions(inputs, None, had).values()
    assert one.effect == pytest.approx(effects.measured("gumbel", "text", 0.025, 15).effect)
    assert one.share == 0.1


def test_fewer_marked_answers_than_the_labs_students_had_are_assumed_to_show_less():
    """A student of 300 marked answers in 3,000 was refuted at a stated power of 100 % (docs/methods/prove.md)."""
    many = effects.measured("gumbel", "text", 0.1)
    for marked, factor in ((2_000, 1.0), (100_000, 1.0), (1_000, 0.5), (400, 0.2)):
        one = effects.measured("gumbel", "text", 0.1, marked)
        assert one.effect == pytest.approx(many.effect * factor)
    few = effects.measured("gumbel", "text", 0.1, 300)
    assert few.effect * 6_073**0.5 < 1  # power against it at 5 % is far below 95 %
    assert "300 marked answers" in few.source
    assert "marked answers" not in many.source


@pytest.mark.issue(25)
@pytest.mark.parametrize(("mark", "access"), sorted(effects.MEASURED))
def test_no_effect_is_assumed_above_what_was_measured_on_either_side(mark, access):
    """Half of the answers marked showed less than a tenth of them, and a refutation needs the least."""
    some = effects.MEASURED[mark, access]
    shares = np.linspace(0.001, max(some), 200)
    for share in shares:
        one = effects.measured(mark, access, share)
        near = [max((s for s in some if s <= share), default=None), min(s for s in some if s >= share)]
        assert one.effect <= min(some[s] for s in near if s is not None) + 1e-12
    assert effects.measured(mark, access, 1.01 * max(some)) is None
    assert effects.measured("greenlist", access, 0.1) is None


def test_a_ledger_says_who_got_which_mark_when_and_no_text(tmp_path):
    ring = issued("gumbel/c")
    path = tmp_path / "marks.ledger.jsonl"
    ledger.append(path, ring, [ledger.entry(ring, ring.issued[0], "a1", "a secret answer", is_marked=True)])
    ledger.append(path, ring, [ledger.entry(ring, ring.issued[0], "a2", [5, 6, 7], is_marked=False)])
    told = path.read_text()
    assert "secret" not in told
    assert path.stat().st_mode & 0o077 == 0
    import hashlib

    assert hashlib.sha256(b"a secret answer").hexdigest() not in told
    known = ledger.read([path], ring)
    one = known.served["gumbel/c/1"]
    assert (len(one.marked), len(one.unmarked), one.accounts, known.faults) == (1, 1, {"a1", "a2"}, [])
    assert one.first[:2] == "20"
    assert one.share(0) == 0.5
    assert one.share(10) == 0.1


@pytest.mark.parametrize(
    "spoil", ["changed", "left out", "put in", "torn", "another keyring", "no object", "wrong field"]
)
def test_a_ledger_that_is_not_as_it_was_written_is_named_and_refutes_nothing(case, spoil):
    folder, ring, _ = case
    path = serve(folder, ring, 60)
    lines = path.read_text().splitlines(keepends=True)
    if spoil == "changed":
        lines[3] = lines[3].replace('"a0"', '"a9"')
    elif spoil == "left out":
        del lines[5]
    elif spoil == "put in":
        lines.insert(2, lines[9])
    elif spoil == "torn":
        lines[-1] = lines[-1][:40]
    elif spoil == "another keyring":
        lines = []
        other = replace(ring, master=bytes(32))
        path.unlink()
        ledger.append(path, other, [ledger.entry(other, ring.issued[0], "a", "x", is_marked=True)])
        lines = path.read_text().splitlines(keepends=True)
    elif spoil == "no object":
        lines.append("[1]\n")
    else:
        lines[4] = lines[4].replace('"epoch": 1', '"epoch": "1"')
    path.write_text("".join(lines))
    told = decided(folder, "innocent", ledgers=(path,))
    assert told["verdict"]["word"] == "not supported"
    assert told["ledger"]["faults"]
    assert path.name in told["ledger"]["faults"][0]
    assert "nothing can be refuted" in (folder / "verdict-innocent" / "verdict.html").read_text()


def test_lines_after_a_torn_one_are_read(tmp_path):
    ring = issued("gumbel/c")
    path = tmp_path / "l.jsonl"
    lines = [ledger.entry(ring, ring.issued[0], "a", str(i), is_marked=True) for i in range(4)]
    ledger.append(path, ring, lines[:2])
    path.write_text(path.read_text()[:-30])
    ledger.append(path, ring, lines[2:])
    known = ledger.read([path], ring)
    assert len(known.served["gumbel/c/1"].marked) == 3
    assert known.faults == ["l.jsonl: 1 line no line of a ledger: 2"]


def test_marking_writes_the_ledger_and_what_was_marked_twice_counts_once(tmp_path):
    run("prove", "key", tmp_path / "marks.json", "--campaign", "C1")
    said = "For example, it does not fail. Furthermore, the whole team often helps."
    write(
        tmp_path / "in.jsonl", [{"account_id": who, "answer": f"{said} {i}."} for i, who in enumerate("aba")]
    )
    write(tmp_path / "members.jsonl", [{"campaign_id": "C1", "account_id": "a"}])
    for _ in range(2):
        out = run(
            "prove",
            "mark",
            tmp_path / "marks.json",
            tmp_path / "in.jsonl",
            "--campaigns",
            tmp_path / "members.jsonl",
            "--out",
            tmp_path / "out.jsonl",
        )
    assert "marks.ledger.jsonl" in out
    from stillwatch.prove.keyring import read

    known = ledger.read([tmp_path / "marks.ledger.jsonl"], read(tmp_path / "marks.json"))
    assert set(known.served) == {"choices/C1/1", "canaries/C1/1"}
    assert known.served["choices/C1/1"].accounts == {"a"}
    assert len(known.served["choices/C1/1"].marked) == 2
    assert known.entries == 8
    assert known.faults == []


def test_the_ledger_beside_the_keyring_is_read_and_a_missing_one_is_told(case):
    folder, ring, _ = case
    common = (
        "prove",
        "--suspect",
        folder / "innocent.jsonl",
        "--marks",
        folder / "marks.json",
        "--decoys",
        99,
        "--quiet",
        "--tokenizer",
        folder,
    )
    out = run(*common, "--out", folder / "v1")
    assert "without a ledger" in out
    serve(folder, ring, 60, 1)
    whole = json.loads(run(*common, "--out", folder / "v2", "--json"))
    assert [one["name"] for one in whole["keys"] if one["tested"]] == ["choices/c/1"]
    assert sha256(folder / "marks.ledger.jsonl") in (folder / "v2" / "manifest.json").read_text()
    whole = json.loads(run(*common, "--out", folder / "v3", "--json", "--no-ledger"))
    assert [one["name"] for one in whole["keys"] if one["tested"]] == ["gumbel/c/1", "choices/c/1"]


def test_a_ledger_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(InputError, match="ledger could not be read"):
        ledger.read([tmp_path], issued("gumbel/c"))
