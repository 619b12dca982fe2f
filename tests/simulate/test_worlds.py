from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.truth import TRUTH
from stillwatch.errors import InputError, UsageError
from stillwatch.simulate.worlds import SCENARIOS, World, simulate

SCALE = dict.fromkeys(SCENARIOS, 0.03) | {"seed": 0.0005}


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def exchanges(folder: Path) -> pa.Table:
    parts = [pq.ParquetFile(path).read() for path in sorted((folder / "exchanges").rglob("*.parquet"))]
    return pa.concat_tables(parts)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[World, Path]]:
    base = tmp_path_factory.mktemp("worlds")
    return {
        name: (simulate(name, seed=3, out=base / name, scale=SCALE[name]), base / name) for name in SCENARIOS
    }


def test_one_seed_gives_the_same_bytes_and_another_seed_gives_others(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate("demo", seed=seed, out=tmp_path / name, scale=0.02)
    assert written(tmp_path / "a") == written(tmp_path / "b")
    assert not set(written(tmp_path / "a").values()) & set(written(tmp_path / "c").values()) - {
        written(tmp_path / "a")["releases.parquet"]
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_tables_have_the_contracts_columns_and_required_values(worlds, name):
    _, folder = worlds[name]
    tables = {
        EXCHANGES: exchanges(folder),
        ACCOUNTS: pq.read_table(folder / "accounts.parquet"),
        RELEASES: pq.read_table(folder / "releases.parquet"),
        TRUTH: pq.read_table(folder / "truth.parquet"),
    }
    for schema, table in tables.items():
        assert table.schema.equals(schema.arrow), schema.name
        assert all(table[column].null_count == 0 for column in schema.required)


@pytest.mark.parametrize("name", SCENARIOS)
def test_truth_names_every_exchange_once_and_agrees_with_the_world(worlds, name):
    world, folder = worlds[name]
    table, truth = exchanges(folder), pq.read_table(folder / "truth.parquet")
    assert pc.count_distinct(table["exchange_id"]).as_py() == len(table) == len(truth) == world.exchanges
    owner = dict(zip(table["exchange_id"].to_pylist(), table["account_id"].to_pylist(), strict=True))
    assert all(
        owner[i] == a
        for i, a in zip(truth["exchange_id"].to_pylist(), truth["account_id"].to_pylist(), strict=True)
    )
    counts = Counter(truth["campaign_id"].to_pylist())
    assert {c: n for c, n in counts.items() if c} == {c: row[2] for c, row in world.campaigns.items()}
    known = set(pq.read_table(folder / "accounts.parquet")["account_id"].to_pylist())
    assert set(owner.values()) <= known
    assert len(known) == world.accounts


@pytest.mark.parametrize("name", SCENARIOS)
def test_exchanges_lie_in_the_partition_of_their_day_and_in_order(worlds, name):
    _, folder = worlds[name]
    for path in (folder / "exchanges").rglob("*.parquet"):
        at = pq.ParquetFile(path).read(columns=["timestamp"])["timestamp"]
        days = pc.unique(pc.strftime(at, "%Y-%m-%d")).to_pylist()
        assert days == [path.parent.name.removeprefix("date=")]
        assert np.all(np.diff(at.cast(pa.int64()).to_numpy()) >= 0)


def test_honest_worlds_hold_no_campaign(worlds):
    world, folder = worlds["null"]
    assert world.campaigns == {}
    assert pq.read_table(folder / "truth.parquet")["campaign_id"].null_count == world.exchanges


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.plans])
def test_campaigns_send_what_their_plan_says(worlds, name):
    world, _ = worlds[name]
    for plan in SCENARIOS[name].scaled(SCALE[name]).plans:
        kind, accounts, sent = world.campaigns[plan.name]
        assert (kind, accounts) == (plan.kind, plan.accounts)
        assert 0.9 * plan.exchanges <= sent <= plan.exchanges


@pytest.mark.parametrize("name", ["stealth-1", "stealth-2", "stealth-3", "stealth-4"])
def test_a_harvest_hands_out_no_item_twice_where_independent_people_repeat(worlds, name):
    _, folder = worlds[name]
    table = exchanges(folder).append_column(
        "campaign_id", pq.read_table(folder / "truth.parquet")["campaign_id"]
    )
    planted = table.filter(pc.is_valid(table["campaign_id"]))["prompt"].to_pylist()
    honest = table.filter(pc.is_null(table["campaign_id"]))["prompt"].to_pylist()[: len(planted)]
    assert len(set(planted)) >= 0.999 * len(planted)
    assert len(set(honest)) <= 0.97 * len(honest)


def test_a_relay_continues_conversations_on_other_accounts(tmp_path):
    simulate("demo", seed=1, out=tmp_path, scale=0.1)
    table = exchanges(tmp_path)
    truth = pq.read_table(tmp_path / "truth.parquet")["campaign_id"].to_pylist()
    holders: dict[tuple[bool, str], set[str]] = {}
    for label, talk, account in zip(
        truth, table["conversation_id"].to_pylist(), table["account_id"].to_pylist(), strict=True
    ):
        if talk:
            holders.setdefault((label == "relay-1", talk), set()).add(account)
    moved = Counter(relayed for (relayed, _), accounts in holders.items() if len(accounts) > 1)
    assert moved[True] > 20
    assert moved[False] == 0


def test_volumes_of_honest_accounts_are_heavy_tailed(tmp_path):
    simulate("null", seed=1, out=tmp_path, scale=0.3)
    counts = np.sort(np.array(list(Counter(exchanges(tmp_path)["account_id"].to_pylist()).values())))[::-1]
    assert counts[: len(counts) // 20].sum() > 0.3 * counts.sum()
    assert np.median(counts) < 0.5 * counts.mean()


def test_real_text_replaces_the_grammars(tmp_path):
    rows = [{"text": f"honest words {i}", "class": "honest"} for i in range(500)]
    rows += [{"text": f"task number {i}", "class": "harvest"} for i in range(9000)]
    source = tmp_path / "prompts.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows))
    simulate("stealth-1", seed=1, out=tmp_path / "w", scale=0.03, prompts=source)
    table = exchanges(tmp_path / "w")
    truth = pq.read_table(tmp_path / "w" / "truth.parquet")["campaign_id"]
    planted = table.filter(pc.is_valid(truth))["prompt"].to_pylist()
    assert all("task number" in prompt for prompt in planted)
    assert len(set(planted)) == len(planted)
    honest = table.filter(pc.is_null(truth))["prompt"]
    assert pc.mean(pc.match_substring(honest, "honest words").cast(pa.int64())).as_py() > 0.4


def test_no_document_of_the_grammar_is_pasted_below_real_text(tmp_path):
    source = tmp_path / "prompts.jsonl"
    source.write_text(
        "\n".join(json.dumps({"text": f"honest words {i}", "class": "honest"}) for i in range(500))
    )
    for name, pasted in (("plain", 0.0), ("pasted", 0.5)):
        simulate("null", seed=1, out=tmp_path / name, scale=0.02, prompts=source, changes={"pasted": pasted})
    assert exchanges(tmp_path / "plain").equals(exchanges(tmp_path / "pasted"))


def test_progress_counts_days(tmp_path):
    seen: list[tuple[int, int]] = []
    simulate("null", seed=1, out=tmp_path, scale=0.02, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(day, 14) for day in range(1, 15)]


def test_a_second_run_replaces_the_first_and_leaves_nothing_else(tmp_path):
    simulate("seed", seed=1, out=tmp_path, scale=0.0001)
    simulate("null", seed=1, out=tmp_path, scale=0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "accounts.parquet",
        "exchanges",
        "releases.parquet",
        "truth.parquet",
    ]
    assert len(list((tmp_path / "exchanges").iterdir())) == 14


def test_an_unknown_scenario_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UsageError) as refused:
        simulate("stealh-2", seed=1, out=tmp_path)
    assert refused.value.problems[0].fix.endswith("stealth-2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("scale", "seed"), [(0.0, 1), (-1.0, 1), (float("nan"), 1), (1000.0, 1), (1.0, -1)])
def test_scales_and_seeds_out_of_range_are_refused(tmp_path, scale, seed):
    with pytest.raises(UsageError):
        simulate("null", seed=seed, out=tmp_path, scale=scale)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.jsonl", None),
        ("no-column.jsonl", b'{"words": "x"}\n'),
        ("not-json.jsonl", b"\x00\x01 hello"),
        ("not-parquet.parquet", b"PAR0"),
        ("only-harvest.jsonl", b'{"prompt": "x", "class": "harvest"}\n'),
        ("empty.jsonl", b""),
    ],
)
def test_prompts_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path, name, content):
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(InputError):
        simulate("null", seed=1, out=tmp_path / "w", prompts=source)
    assert not (tmp_path / "w").exists()


def test_a_world_with_pasted_documents_differs_in_honest_words_alone(tmp_path):
    for name, changes in (("plain", {}), ("pasted", {"pasted": 0.5})):
        simulate("stealth-3", seed=2, out=tmp_path / name, scale=0.03, changes=changes)
    plain, pasted = (exchanges(tmp_path / name) for name in ("plain", "pasted"))
    dull = [name for name in plain.column_names if name not in ("prompt", "input_tokens")]
    assert plain.select(dull).equals(pasted.select(dull))
    planted = pc.is_valid(pq.read_table(tmp_path / "plain" / "truth.parquet")["campaign_id"])
    prompts = pa.table({"a": plain["prompt"], "b": pasted["prompt"]})
    order = pq.read_table(tmp_path / "plain" / "truth.parquet")["exchange_id"]
    assert order.equals(plain["exchange_id"])
    longer = pc.greater(pc.utf8_length(prompts["b"]), pc.add(pc.utf8_length(prompts["a"]), 100))
    honest = pc.invert(planted)
    assert 0.2 < pc.mean(longer.filter(honest)).as_py() < 0.5
    # Cover traffic is asked as people ask, but in the truth it belongs to no campaign: what is planted stays
    # as it is.
    assert not pc.any(longer.filter(planted)).as_py()
    asked = prompts.append_column("account", plain["account_id"]).filter(longer)
    repeated = asked.group_by(["a", "account"]).aggregate([("b", "count"), ("b", "count_distinct")])
    repeated = repeated.filter(pc.greater(repeated["b_count"], 1))
    assert repeated.num_rows > 20
    # Two openings may come to the same words; nearly always it is one opening asked again.
    assert pc.mean(pc.equal(repeated["b_count_distinct"], 1)).as_py() > 0.8
    popular = asked.group_by("a").aggregate([("b", "count_distinct"), ("account", "count_distinct")])
    popular = popular.filter(pc.greater(popular["account_count_distinct"], 1))
    assert popular.num_rows > 20
    assert pc.all(pc.greater_equal(popular["b_count_distinct"], popular["account_count_distinct"])).as_py()
