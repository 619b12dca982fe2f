"""What several providers see together, and what a match with one peer adds to a scan."""

import csv
import json
import shutil
import zlib
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.results import MEMBERS
from stillwatch.engine.connect import open_engine
from stillwatch.errors import InputError
from stillwatch.flows.content_blind import sketch
from stillwatch.flows.peers import flagged, read_intersection
from stillwatch.flows.scan import Options, feed, scan
from stillwatch.share import sets
from stillwatch.share.joint import HIDDEN, NAMED, joint, together
from stillwatch.share.match_client import write_intersection
from stillwatch.share.sets import marks, prompt_families
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import of_secret
from stillwatch.store.store import Store

pytestmark = pytest.mark.issue(28)
COMMON = of_secret(b"the joint key of three providers", "test")
LABS = ("lab-a", "lab-b", "lab-c")


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    """Three providers that each see a third of the accounts of one world, 45 of a campaign among 375
    honest ones.
    """
    base = tmp_path_factory.mktemp("labs")
    changes = {"accounts": 450, "exchanges": 9000, "campaign.accounts": 45, "campaign.exchanges": 6000}
    simulate("stealth-2", seed=5, out=base / "world", changes=changes)
    accounts = pq.read_table(base / "world/accounts.parquet")
    for number, lab in enumerate(LABS):
        names = [
            name
            for name in accounts.column("account_id").to_pylist()
            if zlib.crc32(name.encode()) % 3 == number
        ]
        mine = pa.array(names)
        for file in [*(base / "world").rglob("date=*/*.parquet"), base / "world/accounts.parquet"]:
            rows = pq.ParquetFile(file).read()
            out = base / lab / file.relative_to(base / "world")
            out.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows.filter(pc.is_in(rows.column("account_id"), mine)), out)
        shutil.copy(base / "world/releases.parquet", base / lab)
    truth = pq.read_table(base / "world/truth.parquet")
    truth = truth.filter(pc.is_valid(truth.column("campaign_id")))
    return base, set(truth.column("account_id").to_pylist())


@pytest.fixture(scope="module")
def given(labs):
    """What each provider gives into the joint view."""
    base, _members = labs
    for lab in LABS:
        sketch([str(base / lab)], base / f"sketches-{lab}", COMMON, {})
        own = of_secret(f"own secret of {lab}, 16 bytes".encode(), "test")
        joint(
            base / f"sketches-{lab}", base / lab / "accounts.parquet", base / f"joint-{lab}", lab, own, COMMON
        )
    return base


@pytest.mark.parametrize("lab", LABS)
def test_none_of_three_providers_finds_the_campaign_alone(labs, tmp_path, lab):
    assert (
        scan([str(labs[0] / lab)], tmp_path / "results", Options(names={}, replay=False))["campaigns"] == []
    )


def test_three_providers_find_it_together_and_each_knows_its_own_accounts_alone(labs, given, tmp_path):
    members = labs[1]
    out = tmp_path / "results"
    together([given / f"joint-{lab}" for lab in LABS], tmp_path / "together")
    releases = labs[0] / "world/releases.parquet"
    found = scan([str(tmp_path / "together")], out, Options(names={}, replay=False, releases=releases))
    assert len(found["campaigns"]) == 1
    named = pq.read_table(out / "members.parquet").column("account_id").to_pylist()
    assert {name.rpartition("-")[0] for name in named} == set(LABS)
    names = {}
    for lab in LABS:
        with (given / f"joint-{lab}.accounts.csv").open() as file:
            names |= {row["pseudonym"]: row["account_id"] for row in csv.DictReader(file)}
    mine = {names[name] for name in named}
    assert len(mine & members) >= 0.75 * len(
        members
    )  # 37 of 45 here; whom it names depends on the pseudonyms
    assert len(mine - members) <= 1


def test_the_joint_view_has_every_row_time_and_value_of_each_providers_own(labs, given, tmp_path):
    whole = tmp_path / "whole"
    sketch([str(labs[0] / "world")], whole, COMMON, {})
    together([given / f"joint-{lab}" for lab in LABS], tmp_path / "together")
    back = {}
    for lab in LABS:
        with (given / f"joint-{lab}.accounts.csv").open() as file:
            back |= {row["pseudonym"]: row["account_id"] for row in csv.DictReader(file)}

    def rows(folder):
        parts = [pq.ParquetFile(part).read() for part in sorted(folder.glob("sketch-*.parquet"))]
        return pa.concat_tables(parts).sort_by("exchange_key")

    mine, joint = rows(whole), rows(tmp_path / "together")
    assert [back[name] for name in joint.column("account_id").to_pylist()] == mine.column(
        "account_id"
    ).to_pylist()
    for name in mine.column_names:
        if name not in (*NAMED, "account_key"):
            assert joint.column(name).to_pylist() == mine.column(name).to_pylist(), name
    accounts = {
        back[row["account_id"]]: row
        for row in pq.read_table(tmp_path / "together/accounts.parquet").to_pylist()
    }
    cards = {}
    for row in pq.read_table(labs[0] / "world/accounts.parquet").to_pylist():
        other = accounts.pop(row["account_id"])
        assert (
            cards.setdefault(row["payment_fingerprint"], other["payment_fingerprint"])
            == (other["payment_fingerprint"])
        )
        kept = set(row) - {"account_id", "payment_fingerprint", *HIDDEN}
        assert {name: other[name] for name in kept} == {name: row[name] for name in kept}
    assert not accounts
    assert len(set(cards.values())) == len(cards)


def test_two_folders_of_one_provider_and_one_that_nobody_gave_are_refused(given, tmp_path):
    for folders, why in (
        ([given / "joint-lab-a"] * 2, "one provider"),
        ([given / "joint-lab-a", given / "sketches-lab-b"], "not what a provider gives"),
    ):
        with pytest.raises(InputError, match=why):
            together(folders, tmp_path / "together")


def test_what_is_given_names_no_account_and_no_card_and_the_names_are_private(labs, given):
    accounts = pq.read_table(labs[0] / "lab-a/accounts.parquet")
    secret = {
        *accounts.column("account_id").to_pylist(),
        *accounts.column("payment_fingerprint").to_pylist(),
    } - {None}
    told = set()
    for path in (given / "joint-lab-a").glob("*.parquet"):
        for column in pq.read_table(path).columns:
            if pa.types.is_string(column.type):
                told |= set(column.to_pylist())
    assert told
    assert not told & secret
    assert (given / "joint-lab-a.accounts.csv").stat().st_mode & 0o077 == 0


def test_sketches_under_another_key_are_refused(given, tmp_path):
    own = of_secret(b"own secret of 16 bytes", "test")
    with pytest.raises(InputError, match="another key"):
        joint(given / "sketches-lab-a", None, tmp_path / "out", "lab-a", own, own)


def test_prompt_families_match_under_a_joint_key_and_hold_no_text_of_one_account(given):
    one, other = (set(prompt_families(given / f"sketches-{lab}")[0]) for lab in LABS[:2])
    assert one & other
    assert {value.split(":")[0] for _kind, value in one} == {COMMON.name}


def test_of_more_families_than_a_session_takes_those_that_most_members_show_are_asked_for(
    given, tmp_path, monkeypatch
):
    sketches = given / "sketches-lab-a"
    rows = pa.concat_tables([pq.ParquetFile(part).read() for part in sketches.glob("sketch-*.parquet")])
    named = sorted(set(rows.column("account_id").to_pylist()))
    (tmp_path / "results").mkdir()
    members = pa.table(
        {
            "campaign_id": ["C1"] * len(named),
            "account_id": named,
            "score": [1.0] * len(named),
            "exchanges": [1] * len(named),
        }
    )
    pq.write_table(MEMBERS.conform(members), tmp_path / "results/members.parquet")
    every, none = prompt_families(sketches, tmp_path / "results")
    assert none == 0
    shown = Counter(
        value for table in marks(rows, COMMON.name) for value in table.column("value").to_pylist()
    )
    monkeypatch.setattr(sets, "MOST_ASKED", len(every) // 2)
    asked, left_out = prompt_families(sketches, tmp_path / "results")
    assert (len(asked), left_out) == (len(every) // 2, len(every) - len(every) // 2)
    others = {value for _kind, value in every} - {value for _kind, value in asked}
    assert min(shown[value] for _kind, value in asked) >= max(shown[value] for value in others)


def flag(labs, tmp_path, pairs, source="lab-a"):
    """The account table of a log with the flag of a match."""
    path = tmp_path / "common.json"
    write_intersection(path, "lab-b", "s1", pairs)
    kept = tmp_path / "kept"
    feed([str(labs[0] / source)], Options(names={}, store=kept))
    head = json.loads((kept / "store.json").read_text())
    with (
        Store(kept, version=VERSION, key_id=head["key_id"]) as store,
        open_engine("duckdb", memory="500MB", scratch=store.scratch(), master="") as engine,
    ):
        accounts = pq.read_table(kept / "accounts.parquet")
        return accounts, flagged(engine, store, accounts, path)


def test_accounts_that_show_a_matched_value_carry_the_peers_name_and_one_of_a_card_does(labs, tmp_path):
    rows = pq.read_table(labs[0] / "lab-a/accounts.parquet")
    counted = rows.group_by("email_domain").aggregate([("account_id", "count")]).to_pylist()
    domain = max(counted, key=lambda one: one["account_id_count"])["email_domain"]
    logs = pq.read_table(next((labs[0] / "lab-a").rglob("date=*/*.parquet")))
    greeting = logs.column("tls_fingerprint")[0].as_py()
    accounts, found = flag(labs, tmp_path, [("email_domain", domain), ("tls_fingerprint", greeting)])
    named = {row["account_id"] for row in found.to_pylist() if row["peer_match"] == "lab-b"}
    shown = set()
    for path in (labs[0] / "lab-a").rglob("date=*/*.parquet"):
        table = pq.ParquetFile(path).read()
        shown |= set(
            table.filter(pc.equal(table.column("tls_fingerprint"), greeting)).column("account_id").to_pylist()
        )
    of_domain = {row["account_id"] for row in accounts.to_pylist() if row["email_domain"] == domain}
    assert len(of_domain) > 3
    assert shown <= named
    assert len(named - shown) <= 1
    assert {row["peer_match"] for row in found.to_pylist() if row["account_id"] not in named} == {None}
    assert found.num_rows >= accounts.num_rows


def test_prompt_families_of_another_key_and_files_of_another_kind_are_refused(labs, tmp_path):
    with pytest.raises(InputError, match="another key"):
        flag(labs, tmp_path, [("prompt_family", "0123456789abcdef:p:7")])
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="no file of values"):
        read_intersection(tmp_path / "x.json")
