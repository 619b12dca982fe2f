"""What people say of accounts and groups is kept, shown, exported and scored, and changes no table of a
scan.
"""

import json
import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.flows.remembered import remember
from stillwatch.memory.labels import in_force, of_json, read
from stillwatch.memory.names import name_campaigns

pytestmark = pytest.mark.issue(26)
SEEN = datetime(2026, 5, 1, tzinfo=UTC)
TABLES = (contract.CAMPAIGNS, contract.MEMBERS, contract.EVIDENCE, contract.LEAD_MEMBERS, contract.LEADS)


def write(folder, groups, shift=0):
    folder.mkdir(parents=True, exist_ok=True)
    rows = {
        contract.CAMPAIGNS: [
            {
                "campaign_id": name,
                "kind": "harvest",
                "first_seen": SEEN,
                "last_seen": SEEN,
                "detected_at": SEEN,
                "accounts": len(some),
                "exchanges": 10 * len(some),
                "exchanges_low": 1,
                "exchanges_high": 9,
                "q_value": 1e-4,
                "fpr_empirical": None,
                "fpr_synthetic": None,
                "explanation": "course",
                "capabilities": [],
            }
            for name, some in groups.items()
        ],
        contract.MEMBERS: [
            {"campaign_id": name, "account_id": account, "score": 0.9, "exchanges": 10}
            for name, some in groups.items()
            for account in some
        ],
        contract.EVIDENCE: [
            {
                "campaign_id": name,
                "kind": "email_domain",
                "value": "uni.example",
                "accounts": 3,
                "exchanges": 9,
                "log10_likelihood_ratio": 2.0,
                "statement": "they share it",
            }
            for name in groups
        ],
        contract.LEAD_MEMBERS: [{"lead_id": "L1", "account_id": f"l{n}"} for n in range(4)],
        contract.LEADS: [],
    }
    for schema in TABLES:
        table = schema.conform(pa.Table.from_pylist(rows[schema], schema.arrow))
        pq.write_table(table, folder / f"{schema.name}.parquet")
    return folder


@pytest.fixture
def results(tmp_path):
    return write(
        tmp_path / "results", {"C1": [f"a{n}" for n in range(10)], "C2": [f"b{n}" for n in range(5)]}
    )


def rows(folder):
    return pq.read_table(folder / "labels.parquet").to_pylist()


def test_a_label_is_shown_with_who_said_so_and_why_and_no_table_changes(results, tmp_path, run):
    before = {schema.name: (results / f"{schema.name}.parquet").read_bytes() for schema in TABLES}
    code, out, _err = run(
        "label",
        results,
        "C1",
        "--verdict",
        "honest",
        "--reason",
        "a class",
        "--author",
        "ann",
        "--expires",
        "2099-01-31",
    )
    assert code == 0
    assert "10 accounts" in out
    told = remember(results, results, [], SEEN.isoformat())
    assert told == [
        {
            "campaign_id": "C1", "verdict": "honest",
            "statement": "labelled honest by ann because a class, until 2099-01-31",
        }
    ]  # fmt: skip
    assert before == {schema.name: (results / f"{schema.name}.parquet").read_bytes() for schema in TABLES}
    from stillwatch.report.page import render

    page = render(results)
    assert "Labelled honest by ann because a class" in page
    assert "W0001, known since" in page


def test_a_label_follows_its_accounts_into_a_later_scan_that_numbers_campaigns_otherwise(
    results, tmp_path, run
):
    run("label", results, "C1", "--verdict", "honest", "--reason", "a class")
    later = write(
        tmp_path / "later", {"C1": [f"b{n}" for n in range(5)], "C7": [f"a{n}" for n in range(2, 12)]}
    )
    assert [one["campaign_id"] for one in remember(later, results, [], SEEN.isoformat())] == ["C7"]


def test_labels_of_another_folder_are_shown_when_it_is_named(results, tmp_path, run):
    run("label", results, "account:a3", "--verdict", "campaign", "--reason", "he says so")
    later = write(tmp_path / "later", {"C1": [f"a{n}" for n in range(10)]})
    remember(later, tmp_path / "out", [], SEEN.isoformat())
    assert rows(later) == []
    remember(later, tmp_path / "out", [results], SEEN.isoformat())
    (row,) = rows(later)
    assert (row["group_id"], row["account_id"], row["verdict"]) == ("C1", "a3", "campaign")


@pytest.mark.parametrize(
    "target", ["indicator:email_domain=uni.example", "mark:course:email_domain=uni.example"]
)
def test_a_value_that_is_labelled_is_shown_at_the_campaigns_that_share_it(results, run, target):
    run("label", results, target, "--verdict", "honest", "--reason", "a university")
    remember(results, results, [], SEEN.isoformat())
    assert {(row["group_id"], row["value"]) for row in rows(results)} == {
        ("C1", "email_domain=uni.example"),
        ("C2", "email_domain=uni.example"),
    }


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("C1", "campaign"),
        ("L1", "lead"),
        ("a3", "account"),
        ("account:z", "account"),
        ("organization:o", "organization"),
        ("key:k", "key"),
        ("campaign:C2", "campaign"),
        ("lead:L1", "lead"),
    ],
)
def test_targets_are_names_of_groups_and_accounts_or_say_their_kind(results, run, target, kind):
    code, out, _err = run("label", results, target, "--verdict", "campaign", "--reason", "r", "--json")
    assert code == 0
    assert json.loads(out)["kind"] == kind


@pytest.mark.parametrize(
    "target", ["C9", "campaign:C9", "lead:L9", "indicator:email_domain", "account:", "nobody"]
)
def test_a_target_that_is_none_is_refused_with_what_there_is(results, run, target):
    code, _out, err = run("label", results, target, "--verdict", "honest", "--reason", "r")
    assert code == 2
    assert "expected" in err
    assert not (results / "record.jsonl").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--reason", " "],
        ["--reason", "r", "--expires", "soon"],
        ["--reason", "r", "--author", ""],
        ["--reason", "x" * 3000],
    ],
)
def test_what_cannot_be_a_label_is_refused(results, run, wrong):
    assert run("label", results, "C1", "--verdict", "honest", *wrong)[0] == 2


def test_labels_go_from_one_folder_to_another_whole_or_not_at_all(results, tmp_path, run):
    run("label", results, "C1", "--verdict", "honest", "--reason", "a class", "--expires", "2099-01-01")
    run("allow", results, "organization:acme", "--reason", "a contract")
    out = tmp_path / "labels.json"
    assert run("labels", "export", results, "--out", out)[0] == 0
    other = write(tmp_path / "other", {"C5": [f"a{n}" for n in range(10)]})
    assert run("labels", "import", other, out)[0] == 0
    assert in_force([other]) == in_force([results])
    assert run("labels", "list", other)[1].count("honest") == 1
    spoiled = json.loads(out.read_text())
    spoiled[1]["verdict"] = "guilty"
    out.write_text(json.dumps(spoiled))
    third = write(tmp_path / "third", {"C5": []})
    code, _out, err = run("labels", "import", third, out)
    assert code == 1
    assert "label 2" in err
    assert not read(third)


def test_a_record_that_was_changed_is_refused(results, run):
    run("label", results, "C1", "--verdict", "honest", "--reason", "a class")
    path = results / "record.jsonl"
    path.write_text(path.read_text().replace("a class", "a crime"))
    code, _out, err = run("labels", "list", results)
    assert code == 1
    assert "was changed" in err


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"kind": "account"},
        {"kind": "x", "target": "a", "verdict": "honest", "reason": "r", "author": "a", "at": "2026"},
    ],
)
def test_what_is_no_label_is_named(bad):
    from stillwatch.errors import StateError

    with pytest.raises(StateError, match="label"):
        of_json(bad, "here")


def test_campaigns_keep_their_names_over_scans():
    tracks = {}

    def named(**groups):
        campaigns = [
            {"campaign_id": name, "accounts": len(some), "exchanges": len(some)}
            for name, some in groups.items()
        ]
        members = {name: frozenset(some) for name, some in groups.items()}
        return {
            row["campaign_id"]: row["name"]
            for row in name_campaigns(tracks, campaigns, members, SEEN).to_pylist()
        }

    assert named(C1=range(10), C2=range(20, 25)) == {"C1": "W0001", "C2": "W0002"}
    assert named(C1=range(20, 26), C2=range(12)) == {"C1": "W0002", "C2": "W0001"}
    assert named(C1=range(50, 60)) == {"C1": "W0003"}
    assert named(C1=range(11)) == {"C1": "W0001"}
    assert tracks["W0001"].since == SEEN.isoformat()


def test_the_detector_is_scored_on_labels_and_what_they_would_change_is_said(results, run):
    assert run("evaluate", "--labels", results)[0] == 2
    run("label", results, "C2", "--verdict", "honest", "--reason", "a class")
    run("label", results, "account:a1", "--verdict", "honest", "--reason", "r")
    run("label", results, "account:a2", "--verdict", "campaign", "--reason", "r")
    run("label", results, "account:zz", "--verdict", "campaign", "--reason", "r")
    code, out, _err = run("evaluate", "--labels", results, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["honest"] == {"labelled": 6, "reported": 6, "share": 1.0}
    assert told["campaign"] == {"labelled": 2, "reported": 1, "share": 0.5}
    assert [one["campaign_id"] for one in told["would_change"]] == ["C1", "C2", ""]


def test_a_label_in_the_state_of_a_watch_may_use_the_names_that_it_gave(results, tmp_path, run):
    state = tmp_path / "state"
    shutil.copytree(results, state / "results")
    (state / "ledger.json").write_text(json.dumps({"tracks": {"W0007": {"accounts": ["a1", "a2"]}}}))
    assert run("label", state, "W0007", "--verdict", "honest", "--reason", "r")[0] == 0
    assert run("label", state, "C2", "--verdict", "honest", "--reason", "r")[0] == 0
    assert next(one.accounts for one in in_force([state]).labels) == {"a1", "a2"}
