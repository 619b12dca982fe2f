import hashlib
import json
import re
from collections import defaultdict
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.detect import attribute
from stillwatch.detect.judge import PROPOSED_BY_IT
from stillwatch.errors import InputError, StateError
from stillwatch.flows import scan as scanning
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.score import score
from stillwatch.readers.discover import discover
from stillwatch.readers.read import read
from stillwatch.signals.registry import CONTROL, Finding, all_group_tests

SCHEMAS = (
    contract.CAMPAIGNS,
    contract.MEMBERS,
    contract.ATTRIBUTED,
    contract.EVIDENCE,
    contract.HYPOTHESES,
    contract.CLAIMS,
    contract.LEADS,
    contract.LEAD_MEMBERS,
    contract.EXPLANATIONS,
    contract.GLANCE,
)


@pytest.mark.issue(2)
def test_the_planted_campaigns_are_found_and_no_honest_group_is_reported(world, results):
    scored = score(results[0], world / "truth.parquet")
    assert scored["false_campaigns"] == 0
    assert scored["accounts"]["precision"] >= 0.95
    found = {c["campaign_id"]: c["accounts_found"] / c["accounts"] for c in scored["campaigns"]}
    assert found["harvest-1"] >= 0.98


@pytest.mark.issue(2)
def test_a_relay_of_real_end_users_is_never_called_a_harvest(world, results):
    scored = score(results[0], world / "truth.parquet")
    relay = next(c for c in scored["campaigns"] if c["campaign_id"].startswith("relay"))
    assert "harvest" not in relay["kinds"]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.name)
def test_every_table_has_the_columns_and_types_of_the_contract(results, schema):
    table = pq.read_table(results[0] / f"{schema.name}.parquet")
    assert table.column_names == list(schema.names)
    assert [str(t).replace("element", "item") for t in table.schema.types] == [
        str(f.type) for f in schema.arrow
    ]


def test_phrases_that_are_learned_from_a_quarter_of_the_exchanges_tell_the_same_of_all(
    world, results, tmp_path, monkeypatch
):
    whole, overview = results
    monkeypatch.setattr(attribute, "MOST_TEACHING_EXCHANGES", overview["exchanges"] // 3)
    scan([str(world)], tmp_path / "some", Options(names={}, replay=False))
    for name, column in (("members", "account_id"), ("exchanges", "exchange_id")):
        one, other = (
            set(pq.read_table(folder / f"{name}.parquet").column(column).to_pylist())
            for folder in (whole, tmp_path / "some")
        )
        # four of the world's accounts stand on the edge of the relay, and are in or out by what was learned
        assert len(one & other) > 0.97 * len(one | other)


def test_the_numbers_agree_with_each_other(results):
    campaigns = pq.read_table(results[0] / "campaigns.parquet").to_pylist()
    members = pq.read_table(results[0] / "members.parquet").to_pylist()
    exchanges = pq.read_table(results[0] / "exchanges.parquet")
    assert campaigns
    for row in campaigns:
        mine = [m for m in members if m["campaign_id"] == row["campaign_id"]]
        assert row["accounts"] == len(mine)
        assert row["exchanges"] == sum(m["exchanges"] for m in mine)
        assert row["exchanges_low"] <= row["exchanges"] <= row["exchanges_high"]
        assert row["first_seen"] <= row["detected_at"] <= row["last_seen"]
        assert 0 <= row["q_value"] <= 0.01
        assert all(0 <= m["score"] <= 1 for m in mine)
    assert exchanges.num_rows == sum(r["exchanges"] for r in campaigns)
    assert len(set(exchanges.column("exchange_id").to_pylist())) == exchanges.num_rows


def test_the_manifest_names_every_input_and_output_with_its_digest(results, world):
    manifest = json.loads((results[0] / "manifest.json").read_text())
    assert set(manifest["outputs"]) == {p.name for p in results[0].iterdir() if p.name != "manifest.json"}
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((results[0] / name).read_bytes()).hexdigest() == digest
    assert str(world / "accounts.parquet") in manifest["inputs"]


def test_no_prompt_text_is_in_any_file_of_the_results(results, world):
    part = next(iter(sorted((world / "exchanges").rglob("*.parquet"))))
    prompts = [p for p in pq.read_table(part).column("prompt").to_pylist()[:400] if p and len(p) > 40]
    for file in results[0].iterdir():
        data = file.read_bytes()
        text = (
            json.dumps(pq.read_table(file).to_pylist(), default=str)
            if file.suffix == ".parquet"
            else data.decode()
        )
        assert not any(prompt[:40] in text for prompt in prompts), file.name


@pytest.fixture(scope="module")
def little(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("little")
    small_world(folder)
    return folder


def test_the_same_logs_give_the_same_results_whatever_their_format(little, tmp_path):
    table = pa.concat_tables([b.rows for b in read(discover([str(little)]), {})])
    (tmp_path / "logs").mkdir()
    shuffled = table.sort_by([("account_id", "descending"), ("exchange_id", "ascending")])
    pq.write_table(shuffled, tmp_path / "logs" / "exchanges.parquet")
    for name in ("accounts.parquet", "releases.parquet"):
        (tmp_path / "logs" / name).write_bytes((little / name).read_bytes())
    tables = []
    for number, path in enumerate((little, tmp_path / "logs")):
        out = tmp_path / f"results-{number}"
        scan([str(path)], out, Options(names={}))
        tables.append(
            [
                pq.read_table(out / f"{n}.parquet").to_pylist()
                for n in ("campaigns", "members", "exchanges", "evidence")
            ]
        )
    assert tables[0][0], "nothing was found, so nothing was compared"
    assert json.loads(
        json.dumps(tables[0], default=str), parse_float=lambda x: f"{float(x):.6g}"
    ) == json.loads(json.dumps(tables[1], default=str), parse_float=lambda x: f"{float(x):.6g}")


def test_prompts_are_written_only_when_asked(little, tmp_path):
    scan([str(little)], tmp_path / "r", Options(names={}, replay=False, show_prompts=True))
    shown = pq.read_table(tmp_path / "r" / "prompts.parquet").to_pylist()
    assert shown
    assert all(row["prompt"] for row in shown)


def test_repeated_deliveries_count_once_and_bad_rows_are_kept_apart(tmp_path):
    rows = [
        f'{{"exchange_id": "x{i}", "timestamp": "2026-04-01T0{i % 10}:00:00Z", "account_id": "a{i % 3}", '
        f'"model": "m", "prompt": "secret words {i}"}}'
        for i in range(30)
    ]
    rows += [
        *rows[:4],
        '{"exchange_id": "bad", "timestamp": "yesterday", "account_id": "a", "model": "m", "prompt": "hush"}',
        "{broken",
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(rows) + "\n")
    overview = scan([str(tmp_path / "log.jsonl")], tmp_path / "r", Options(names={}))
    assert (overview["exchanges"], overview["duplicates"], overview["quarantined"]) == (30, 4, 2)
    lost = pq.read_table(tmp_path / "r" / "quarantine.parquet").to_pylist()
    assert sorted(row["row"] for row in lost) == [35, 36]
    assert "hush" not in str(lost)


def test_a_log_without_text_addresses_or_accounts_is_scanned_all_the_same(little, tmp_path):
    table = pa.concat_tables([b.rows for b in read(discover([str(little)]), {})])
    pq.write_table(
        table.select(["exchange_id", "timestamp", "account_id", "model"]), tmp_path / "bare.parquet"
    )
    overview = scan([str(tmp_path / "bare.parquet")], tmp_path / "r", Options(names={}))
    assert "prompt_template" in {s["name"] for s in overview["signals"] if not s["used"]}
    assert (tmp_path / "r" / "report.html").exists()


def recorded(monkeypatch):
    """Test → what it returned in scans from now on, reasons and findings apart."""
    reasons, found = defaultdict(list), defaultdict(list)

    def recording(test):
        def statistic(rows, member):
            outcome = test.statistic(rows, member)
            told = found[test.card.name] if isinstance(outcome, Finding) else reasons[test.card.name]
            told.append(outcome)
            return outcome

        return replace(test, statistic=statistic)

    tests = tuple(recording(test) for test in all_group_tests())
    monkeypatch.setattr(scanning, "all_group_tests", lambda: tests)
    return reasons, found


@pytest.mark.issue(21)
@pytest.mark.parametrize("columns", ["all", "bare"])
def test_the_reason_why_a_group_test_was_not_used_is_one_that_it_returned(
    little, tmp_path, monkeypatch, columns
):
    log = little
    if columns == "bare":
        table = pa.concat_tables([b.rows for b in read(discover([str(little)]), {})])
        log = tmp_path / "bare.parquet"
        pq.write_table(table.select(["exchange_id", "timestamp", "account_id", "model", "client_ip"]), log)
    reasons, found = recorded(monkeypatch)
    overview = scan([str(log)], tmp_path / "r", Options(names={}, replay=False))
    assert "profile" not in json.loads((tmp_path / "r" / "manifest.json").read_text())  # it was not asked for
    rows = {s["name"]: s for s in overview["signals"] if s["kind"] == "group test"}
    assert set(rows) == {test.card.name for test in all_group_tests()}
    unused = [row for row in rows.values() if not row["used"]]
    assert unused
    assert all(found[row["name"]] for row in rows.values() if row["used"])
    for row in unused:
        assert "too little of" not in row["why"]
        assert "`" not in row["why"]  # no column is named
        told = re.fullmatch(r"of (\d+) groups? (judged|described), (\d+) times?: (.+)", row["why"])
        if told is None:
            assert row["why"] == "no group was described"
            assert not reasons[row["name"]]
            continue
        groups, done, times, reason = told.groups()
        assert done == ("judged" if family(row["name"]) in CONTROL else "described")
        assert done == "described" or int(groups) == overview["candidates"]
        returned = [one.reason for one in reasons[row["name"]]]
        assert reason in returned or reason == PROPOSED_BY_IT.reason
        assert 1 <= int(times) <= int(groups)
        assert reason == PROPOSED_BY_IT.reason or int(times) <= returned.count(reason)


def family(name):
    return next(test.family for test in all_group_tests() if test.card.name == name)


@pytest.mark.issue(21)
def test_tests_of_likeness_that_campaigns_were_described_by_are_used(results):
    used = {s["name"] for s in results[1]["signals"] if s["used"]}
    named = {row["kind"] for row in pq.read_table(results[0] / "evidence.parquet").to_pylist()}
    tests = {test.card.name for test in all_group_tests()}
    assert any(family(name) not in CONTROL for name in named & tests)
    assert named & tests <= used


@pytest.mark.issue(21)
def test_where_no_group_was_judged_the_overview_says_so(tmp_path):
    (tmp_path / "log.jsonl").write_text(
        '{"exchange_id": "x", "timestamp": "2026-04-01T00:00:00Z", "account_id": "a", "model": "m"}\n'
    )
    overview = scan([str(tmp_path / "log.jsonl")], tmp_path / "r", Options(names={}))
    assert overview["candidates"] == 0
    why = {s["name"]: s["why"] for s in overview["signals"] if s["kind"] == "group test"}
    for test in all_group_tests():
        done = "judged" if test.family in CONTROL else "described"
        assert why[test.card.name] == f"no group was {done}"


def test_an_empty_log_gives_an_empty_report(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    overview = scan([str(tmp_path / "none.jsonl")], tmp_path / "r", Options(names={}))
    assert overview["campaigns"] == []
    assert "report.html" in {p.name for p in (tmp_path / "r").iterdir()}


def test_a_folder_that_holds_something_else_is_not_touched(little, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep me")
    with pytest.raises(StateError):
        scan([str(little)], tmp_path / "mine", Options(names={}))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "keep me"


def test_a_wrong_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "log.csv").write_text("id,when\n1,2\n")
    with pytest.raises(InputError) as refused:
        scan([str(tmp_path / "log.csv")], tmp_path / "r", Options(names={}))
    assert "account_id" in str(refused.value)
    assert not (tmp_path / "r").exists()


@pytest.mark.issue(24)
def test_a_profile_has_the_stages_in_order_and_their_seconds_add_up(world, results):
    profile = json.loads((results[0] / "manifest.json").read_text())["profile"]
    stages = [one["stage"] for one in profile["stages"]]
    assert stages == ["prepare", "read", "fold", "judge", "attribute", "replay", "describe", "write"]
    assert sum(one["seconds"] for one in profile["stages"]) == pytest.approx(profile["seconds"], abs=0.1)
    assert all(one["seconds"] >= 0 and one["peak_mb"] > 50 for one in profile["stages"])
    assert profile["rows"]["exchanges"] > profile["rows"]["accounts"] > profile["rows"]["campaigns"] > 0
    names = pq.read_table(world / "accounts.parquet").column("account_id").to_pylist()
    assert not any(name in json.dumps(profile) for name in names)
