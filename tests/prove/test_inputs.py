"""Is every input of `prove` and `lab` that cannot be read counted and named, and never a traceback?"""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli.main import cli
from stillwatch.errors import InputError, StillwatchError
from stillwatch.flows.answers import Unread, members_of, pairs_of, served_pairs
from stillwatch.prove import effects, keyring, plan, stamp
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.power import Assumed
from tests.package.authority import authority_in, openssl

pytestmark = pytest.mark.issue(25)
SAID = "For example, it does not fail. Furthermore, the whole team often helps."
ODD = {
    "malformed": b'{"account_id": "a", "answer": "For example, \n',
    "no object": b'["a", "b"]\n',
    "a number": b"17\n",
    "not UTF-8": b"\xff\xfe\x00 garbage \x80\n",
    "nothing": b"null\n",
}


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def marks(tmp_path):
    run("prove", "key", tmp_path / "marks.json", "--campaign", "C1", "--mark", "choices")
    (tmp_path / "members.jsonl").write_text('{"campaign_id": "C1", "account_id": "a"}\n')
    return tmp_path / "marks.json"


def mark(folder, marks, content, campaigns=None):
    (folder / "in.jsonl").write_bytes(content)
    told = run(
        "prove",
        "mark",
        marks,
        folder / "in.jsonl",
        "--campaigns",
        campaigns or folder / "members.jsonl",
        "--out",
        folder / "out.jsonl",
    )
    return told, (folder / "out.jsonl").read_bytes()


@pytest.mark.parametrize("name", ODD)
def test_a_line_that_is_no_answer_is_passed_on_as_it_came_and_named(tmp_path, marks, name):
    good = json.dumps({"account_id": "a", "answer": SAID}).encode() + b"\n"
    told, out = mark(tmp_path, marks, good + ODD[name] + good)
    assert ODD[name] in out
    assert out.count(b'"answer": "For') == 2 + (name == "malformed")
    assert "2 answers marked" in told
    assert "1 row not used: line is not a JSON object" in told
    assert "(rows 2)" in told
    assert "garbage" not in told


def test_half_a_surrogate_pair_costs_no_answer_and_no_ledger(tmp_path, marks):
    row = (
        b'{"account_id": "a", "answer": "'
        + SAID.encode()
        + b' \\ud800", "note": "\\udc00", "n": 123456789012345678901234567890}\n'
    )
    told, out = mark(tmp_path, marks, row)
    assert "of 1 answers marked" in told
    assert len(json.loads(out)["answer"]) > 50
    assert json.loads(out)["n"] == 123456789012345678901234567890


def test_answers_of_others_are_written_byte_for_byte(tmp_path, marks):
    lines = (
        b'{"account_id":"b" , "answer":"It does not.", "x":1.50}\n\n  {"account_id": '
        b'7}\n{"account_id":"a","answer":["it does not"]}'
    )
    _, out = mark(tmp_path, marks, lines)
    assert out == lines


@pytest.mark.parametrize(
    "content", [b"not a table", b"PAR1 broken PAR1", b"", b"[1, 2]\n", b'{"exchange_id": "x"}\n']
)
@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_campaigns_that_are_no_table_of_members_are_refused_with_what_is_expected(
    tmp_path, marks, content, ending
):
    path = tmp_path / f"c.{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"could not be read|does not say which accounts"):
        mark(tmp_path, marks, b"{}\n", path)
    assert not (tmp_path / "out.jsonl").exists()
    (tmp_path / "s.jsonl").write_text('{"prompt": "p", "answer": "a"}\n')
    (tmp_path / "log.jsonl").write_text(
        '{"exchange_id": "e", "timestamp": "2026-05-01T00:00:00Z", "account_id": "a", "model": "m", '
        '"prompt": "p", "response": "r"}\n'
    )
    with pytest.raises(InputError, match=r"could not be read|does not say who"):
        run(
            "prove",
            "--suspect",
            tmp_path / "s.jsonl",
            "--marks",
            marks,
            "--served",
            tmp_path / "log.jsonl",
            "--campaigns",
            path,
            "--out",
            tmp_path / "v",
        )


def test_members_without_a_name_are_named_and_numbers_are_names(tmp_path):
    path = tmp_path / "m.parquet"
    pq.write_table(
        pa.table({"campaign_id": ["C1", None, "C2"], "account_id": pa.array([1, 2, None], pa.int64())}), path
    )
    unread = Unread()
    assert members_of(path, unread) == {"1": "C1"}
    (one,) = unread.counts()
    assert (one["rows"], one["first"]) == (2, [2, 3])


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_of_any_kind_of_a_table_is_text(tmp_path, kind):
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"prompt": pa.array(["p", "q"]).cast(kind), "answer": pa.array(["a", None]).cast(kind)}),
        path,
    )
    unread = Unread()
    assert [one.answer for one in pairs_of(path, unread)] == ["a"]
    assert unread.of(path) == 1


def test_every_input_of_a_verdict_names_the_rows_that_it_lost(tmp_path, marks):
    good = json.dumps({"prompt": "p", "answer": "a"}) + "\n"
    for name in ("suspect", "served", "control"):
        (tmp_path / f"{name}.jsonl").write_bytes(
            good.encode()
            + ODD["malformed"]
            + b'{"prompt": "\\ud800", "answer": "a"}\n'
            + good.encode()
            + b'{"prompt": 3}\n'
        )
    common = (
        "prove",
        "--suspect",
        tmp_path / "suspect.jsonl",
        "--marks",
        marks,
        "--served",
        tmp_path / "served.jsonl",
        "--control",
        f"x={tmp_path / 'control.jsonl'}",
        "--quiet",
        "--out",
        tmp_path / "v",
    )
    told = run(*common)
    for name in ("suspect", "served", "control"):
        assert told.count(f"{name}.jsonl: 1 row not used") == 2
    whole = json.loads(run(*common, "--json"))
    assert whole["passed_over"] == 2
    assert whole["answers"] == 3
    assert sum(one["rows"] for one in whole["unread"]) == 6
    assert "Rows that are not used" in (tmp_path / "v" / "verdict.html").read_text()


def test_rows_of_a_served_log_that_cannot_be_read_are_named(tmp_path, marks):
    row = {
        "exchange_id": "e",
        "timestamp": "2026-05-01T00:00:00Z",
        "account_id": "a",
        "model": "m",
        "prompt": "p",
        "response": "r",
    }
    (tmp_path / "log.jsonl").write_text(
        json.dumps(row) + "\n{broken\n" + json.dumps(row | {"exchange_id": "f", "timestamp": "never"}) + "\n"
    )
    (tmp_path / "s.jsonl").write_text('{"prompt": "p", "answer": "a"}\n')
    told = run(
        "prove",
        "--suspect",
        tmp_path / "s.jsonl",
        "--marks",
        marks,
        "--served",
        tmp_path / "log.jsonl",
        "--quiet",
        "--out",
        tmp_path / "v",
    )
    assert told.count("log.jsonl: 1 row not used") == 2


@pytest.mark.parametrize(
    "content", ["", "[]", "3", '{"format": 1}', "[" * 5_000, '{"a":"\\ud800"}', "\udcff"]
)
def test_files_that_are_no_keyring_and_no_plan_are_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    for read in (keyring.read, plan.read):
        with pytest.raises(InputError, match=r"this is no (keyring|plan)"):
            read(path)


@pytest.mark.parametrize(
    "change",
    [{"epoch": "1"}, {"width": 0}, {"strength": None}, {"mark": 3}, {"campaign": "\ud800"}, {"new": 1}],
)
def test_a_keyring_with_a_key_that_cannot_be_is_refused(tmp_path, change):
    ring, _ = Keyring(master=bytes(32)).issue("gumbel", "c", since="x", width=2, strength=1.0)
    ring.write(tmp_path / "k.json")
    held = json.loads((tmp_path / "k.json").read_text())
    held["issued"][0] |= change
    (tmp_path / "k.json").write_text(json.dumps(held))
    with pytest.raises(InputError, match="this is no keyring"):
        keyring.read(tmp_path / "k.json")


def planned(folder, effect_source="measured in the lab on models of half a million parameters"):
    ring = keyring.read(folder / "marks.json")
    made = plan.make(
        ring,
        ["p"],
        alpha=1e-4,
        looks=2,
        assumed=Assumed(share=0.05, effect=0.0466, source=effect_source),
        power=0.95,
        each=20.0,
    )
    made.write(folder / "plan.json")
    return made


@pytest.mark.parametrize(
    "change", [{"alpha": "x"}, {"looks": 0}, {"tests": [1]}, {"share": True}, {"effect_source": 4}]
)
def test_a_plan_with_a_field_that_cannot_be_is_refused(tmp_path, marks, change):
    planned(tmp_path)
    held = json.loads((tmp_path / "plan.json").read_text()) | change
    (tmp_path / "plan.json").write_text(json.dumps(held))
    with pytest.raises(InputError, match=r"this is no plan|was changed"):
        plan.read(tmp_path / "plan.json")


def verdict_of(folder, *more):
    (folder / "s.jsonl").write_text('{"prompt": "p", "answer": "a"}\n')
    run("prove", "key", folder / "marks.json", "--campaign", "C1", "--mark", "gumbel")
    planned(folder, *more)
    out = run(
        "prove",
        "--suspect",
        folder / "s.jsonl",
        "--marks",
        folder / "marks.json",
        "--plan",
        folder / "plan.json",
        "--quiet",
        "--json",
        "--out",
        folder / "v",
    )
    return json.loads(out), (folder / "v" / "verdict.html").read_text()


def test_where_an_effect_is_from_is_said_as_it_is(tmp_path, marks):
    told, page = verdict_of(tmp_path)
    # the plan was made when the lab's students were thought to show more
    assert told["assumed"]["gumbel/C1/1"]["source"] == effects.SOURCE
    assert told["assumed"]["gumbel/C1/1"]["effect"] < 0.0466
    assert told["verdict"]["alpha"] == 5e-5
    assert "command line" not in page
    run("prove", "key", tmp_path / "marks.json", "--campaign", "C2", "--mark", "gumbel")
    told, _ = verdict_of(tmp_path, "given on the command line")
    assert told["assumed"]["gumbel/C2/1"]["source"] == "given on the command line, in the plan"


def test_without_a_time_stamp_the_page_says_that_nothing_protects_the_plan(tmp_path, marks):
    told, page = verdict_of(tmp_path)
    assert told["plan"]["timestamp"] is None
    assert "Only a time stamp" in page


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """An authority of the test's own, run by `openssl ts`: its folder, with `root.pem`."""
    if shutil.which("openssl") is None:
        pytest.skip("no `openssl` command to run a time-stamping authority with")
    pytest.importorskip(
        "rfc3161_client", reason="rfc3161-client is not installed: pip install 'stillwatch[package]'"
    )
    return authority_in(tmp_path_factory.mktemp("clocks") / "one")


def stamped(path, by, digest="-sha256"):
    openssl("ts", "-query", "-data", path, digest, "-cert", "-out", by / "q.tsq")
    openssl("ts", "-reply", "-config", by / "tsa.cnf", "-queryfile", by / "q.tsq", "-out", f"{path}.tsr")


def test_a_time_stamp_is_checked_against_the_plan_and_the_authority(tmp_path, marks, clock):
    path = tmp_path / "plan.json"
    planned(tmp_path)
    stamped(path, clock)
    assert not stamp.check(path, None, None).is_verified
    told = stamp.check(path, None, clock / "root.pem")
    assert told.is_verified
    assert told.at.endswith("Z")
    other = authority_in(tmp_path / "other")
    with pytest.raises(InputError, match="not signed by an authority"):
        stamp.check(path, None, other / "root.pem")
    # A plan that was edited, with its digest computed anew, is whole and passes as such: the stamp alone
    # shows it.
    planned(tmp_path, "other")
    assert plan.read(path)
    with pytest.raises(InputError, match="a time stamp of something else"):
        stamp.check(path, None, None)
    stamped(path, clock, "-sha512")
    with pytest.raises(InputError, match="a time stamp of something else"):
        stamp.check(path, None, None)
    (tmp_path / "plan.json.tsr").write_bytes(b"no stamp")
    with pytest.raises(InputError, match="it is no time stamp"):
        stamp.check(path, None, None)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (("2099-06-01T00:00:00Z", "2099-01-01T00:00:00Z"), ""),
        (
            ("2099-06-01T00:00:00Z", "2016-09-09T01:46:40Z"),
            "after the first question (2016-09-09T01:46:40Z): it is no commitment",
        ),
        (
            (4_070_908_800, 1_577_836_800),
            "after the first question (2020-01-01T00:00:00Z): it is no commitment",
        ),
        (("2099-06-01T00:00:00Z", None), "1 of 2 answers have no time"),
        (("never", None), "2 of 2 answers have no time"),
        (("9999-12-31T23:59:59.9Z", "0001-01-01"), "2 of 2 answers have no time"),
    ],
)
def test_a_plan_that_was_stamped_after_the_first_question_is_no_commitment(
    tmp_path, marks, clock, times, says
):
    planned(tmp_path)
    stamped(tmp_path / "plan.json", clock)
    rows = [{"prompt": "p", "answer": "a", "asked_at": at} for at in times]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = (
        "prove",
        "--suspect",
        tmp_path / "s.jsonl",
        "--marks",
        tmp_path / "marks.json",
        "--plan",
        tmp_path / "plan.json",
    )
    whole = json.loads(run(*words, "--out", tmp_path / "v", "--quiet", "--json"))
    page = (tmp_path / "v" / "verdict.html").read_text()
    assert "time-stamped over the plan's file" in page.lower()
    assert says in page
    assert any("no commitment" in one for one in whole["plan"]["departures"]) == ("no commitment" in says)


def test_a_lesson_names_the_rows_that_it_lost(tmp_path, monkeypatch):
    from stillwatch.lab import models, school

    monkeypatch.setattr(models, "load", lambda folder: None)
    seen = []

    class Student:
        def save(self, folder):
            pass

    def learn(way, pairs, **_):
        seen.extend(pairs)
        return Student()

    monkeypatch.setattr(school, "learn", learn)
    monkeypatch.setattr(school, "examine", lambda *_: {})
    (tmp_path / "teacher").mkdir()
    (tmp_path / "s.jsonl").write_bytes(
        b'{"prompt": "p", "answer": "a"}\n' + ODD["malformed"] + b'{"prompt": 1}\n'
    )
    told = run(
        "lab",
        "learn",
        "--served",
        tmp_path / "s.jsonl",
        "--teacher",
        tmp_path / "teacher",
        "--out",
        tmp_path / "o",
    )
    assert seen == [("p", "a")]
    assert told.count("1 row not used") == 2
    (tmp_path / "s.jsonl").write_bytes(b"[1]\n")
    with pytest.raises(StillwatchError, match="could not be read"):
        run(
            "lab",
            "learn",
            "--served",
            tmp_path / "s.jsonl",
            "--teacher",
            tmp_path / "teacher",
            "--out",
            tmp_path / "o",
        )


def test_campaigns_are_read_beside_a_plain_file_of_answers_too(tmp_path):
    rows = [{"exchange_id": f"e{at}", "prompt": f"p{at}", "answer": "a"} for at in range(3)]
    served = tmp_path / "served.jsonl"
    served.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whose = tmp_path / "whose.jsonl"
    whose.write_text('{"exchange_id": "e1", "campaign_id": "C1"}\n')
    some = served_pairs([str(served)], whose, {"C1"}, Unread())
    assert [pair.campaign for pair in some] == ["", "C1", ""]
    whose.write_text('{"exchange_id": "another", "campaign_id": "C1"}\n')
    assert {pair.campaign for pair in served_pairs([str(served)], whose, {"C1"}, Unread())} == {"C1"}
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no Parquet")
    with pytest.raises(InputError) as refused:
        served_pairs([str(served)], broken, {"C1"}, Unread())
    assert str(broken) in str(refused.value)
