import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.truth import TRUTH
from stillwatch.evaluate import honest
from stillwatch.evaluate.honest import MIN_GROUP, options_of, outcome_of, write_world
from stillwatch.evaluate.matrix import MOST_IN_GROUPS, Cell
from stillwatch.results.folder import write_table
from stillwatch.signals.registry import all_explanations

NAMES = tuple(one.card.name for one in all_explanations())
TWO = (NAMES[0], NAMES[-1])
CELL = Cell(world="w", seed=1, crowds=TWO, accounts=200, days=4)


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest") / "world"
    return folder, write_world(TWO, 1, folder, accounts=200, days=4)


def rows_of(folder):
    return pa.concat_tables(
        pq.read_table(path, partitioning=None) for path in sorted((folder / "exchanges").rglob("*.parquet"))
    )


def test_a_world_has_the_files_of_the_contract_and_the_groups(world):
    folder, made = world
    exchanges, truth = rows_of(folder), pq.read_table(folder / "truth.parquet")
    assert exchanges.schema == EXCHANGES.arrow
    assert pq.read_schema(folder / "accounts.parquet") == ACCOUNTS.arrow
    assert pq.read_schema(folder / "releases.parquet") == RELEASES.arrow
    assert truth.schema == TRUTH.arrow
    assert truth.column("campaign_id").null_count == truth.num_rows == exchanges.num_rows == made.exchanges
    assert set(truth.column("exchange_id").to_pylist()) == set(exchanges.column("exchange_id").to_pylist())
    assert len(set(exchanges.column("exchange_id").to_pylist())) == made.exchanges
    assert len({path.parent.name for path in (folder / "exchanges").rglob("*.parquet")}) == 4


def test_every_account_has_one_row_a_key_of_its_own_and_the_group_that_was_drawn(world):
    folder, made = world
    accounts = pq.read_table(folder / "accounts.parquet").column("account_id").to_pylist()
    groups = pq.read_table(folder / "groups.parquet")
    assert sorted(groups.column("account_id").to_pylist()) == sorted(accounts)
    assert len(set(accounts)) == made.accounts == 200
    sizes = {name: groups.column("group").to_pylist().count(name) for name in TWO}
    assert sizes == made.sizes
    assert groups.column("group").null_count == 200 - sum(sizes.values())
    exchanges = rows_of(folder)
    assert set(exchanges.column("account_id").to_pylist()) == set(accounts)
    keys = exchanges.select(["account_id", "api_key_id"]).to_pylist()
    assert len({row["api_key_id"] for row in keys}) == len({tuple(row.values()) for row in keys}) == 200


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(world, tmp_path):
    folder, _made = world
    write_world(TWO, 1, tmp_path / "again", accounts=200, days=4)
    write_world(TWO, 2, tmp_path / "other", accounts=200, days=4)
    assert digests(folder) == digests(tmp_path / "again")
    assert digests(folder)["groups.parquet"] != digests(tmp_path / "other").get("groups.parquet")


def test_an_ordinary_crowd_in_slices_is_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(honest, "SLICE", 70)
    made = write_world(TWO[:1], 3, tmp_path / "world", accounts=200, days=4)
    assert made.accounts == pq.read_table(tmp_path / "world" / "accounts.parquet").num_rows == 200
    assert len({path.name for path in (tmp_path / "world").rglob("part-*.parquet")}) >= 3


@pytest.mark.parametrize("accounts", [400, 2000, 100_000])
def test_five_groups_have_wide_sizes_and_leave_an_ordinary_crowd(accounts):
    sizes = [honest._sizes(np.random.default_rng(seed), 5, accounts) for seed in range(200)]
    assert all(len(one) == 5 and min(one) >= MIN_GROUP for one in sizes)
    assert max(sum(one) for one in sizes) <= MOST_IN_GROUPS * accounts
    largest = max(max(one) for one in sizes)
    assert largest <= min(accounts // 4, honest.MAX_GROUP)
    assert largest > min(accounts // 4, honest.MAX_GROUP) * 0.8


def test_openings_come_from_the_prompts_file(tmp_path):
    real = [f"realtext {number} about wobblegarden {number * 7}" for number in range(500)]
    bad = ["realtext of a harvest zorptastic"] * 50
    table = pa.table({"prompt": real + bad, "class": ["honest"] * 500 + ["harvest"] * 50})
    pq.write_table(table, tmp_path / "p.parquet")
    write_world((NAMES[0],), 1, tmp_path / "world", accounts=100, days=4, prompts=tmp_path / "p.parquet")
    said = rows_of(tmp_path / "world").column("prompt").to_pylist()
    assert sum("wobblegarden" in text for text in said) > 0.05 * len(said)
    assert not any("zorptastic" in text for text in said)


def test_leaving_out_names_the_explanations_to_the_scan_and_only_then():
    left = Cell(world="w", seed=1, crowds=TWO, accounts=200, leave_out=True, without=("work_queue",))
    assert options_of(left).without == {*TWO, "work_queue"}
    assert options_of(CELL).without == frozenset()


def blank(kind):
    if pa.types.is_list(kind):
        return []
    return "" if pa.types.is_string(kind) else 0


def scan_that_reports(folder, campaigns, leads):
    """A scan that reports campaigns and leads of the given numbers of accounts from each group."""

    def of(groups, numbers):
        return [
            account
            for group, number in numbers.items()
            for account in [a for a, g in groups if g == group][:number]
        ]

    def scan(_paths, out, options):
        groups = [tuple(row.values()) for row in pq.read_table(folder / "groups.parquet").to_pylist()]
        out.mkdir()
        scan.options = options
        for schema, members, named in (
            (contract.CAMPAIGNS, contract.MEMBERS, campaigns),
            (contract.LEADS, contract.LEAD_MEMBERS, leads),
        ):
            key = schema.key[0]
            some = [
                {key: name, "account_id": account}
                for name, numbers in named.items()
                for account in of(groups, numbers)
            ]
            for table, rows in ((schema, [{key: name, "kind": "fleet"} for name in named]), (members, some)):
                columns = [
                    pa.array([row.get(f.name, blank(f.type)) for row in rows], f.type) for f in table.arrow
                ]
                write_table(out, table, pa.table(columns, names=table.arrow.names))

    return scan


def test_a_report_is_of_the_group_with_most_members_and_a_fleet_is_a_report(monkeypatch, tmp_path):
    scan = scan_that_reports(
        tmp_path / "world", {"C1": {TWO[0]: 9, None: 4}, "C2": {None: 8, TWO[1]: 3}}, {"L1": {TWO[1]: 5}}
    )
    monkeypatch.setattr(honest, "scan", scan)
    told = outcome_of(CELL, tmp_path)
    assert [(r["name"], r["kind"], r["group"], r["members"], r["all_members"]) for r in told["reported"]] == [
        ("C1", "fleet", TWO[0], 9, 13),
        ("C2", "fleet", None, 8, 11),
    ]
    assert [(r["name"], r["group"]) for r in told["leads"]] == [("L1", TWO[1])]
    assert told["crowds"] == list(TWO)
    assert scan.options.without == frozenset()
