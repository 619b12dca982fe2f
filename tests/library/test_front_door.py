"""`import stillwatch` gives the calls of the command line, and results as tables and as pages."""

import html
import inspect
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stillwatch
from stillwatch.contract import results as contract
from stillwatch.errors import MissingExtra, StateError, UsageError
from stillwatch.library.calls import paths_of
from stillwatch.library.table import Table
from stillwatch.report import page
from stillwatch.report.cards import CampaignCard
from stillwatch.results.folder import read_table

pytestmark = pytest.mark.issue(22)

WORDS = {  # options of the command line that a call does not have, and why
    "scan": {
        "paths": "`logs`",
        "no_judge": "it returns no results",
        "fail_on_campaign": "an exit code",
        "as_json": "printing",
        "quiet": "printing",
        "limits": "`limit`",
        "pairs": "`map`",
        "log_format": "`format`",
    },
    "sketch": {
        "paths": "`logs`",
        "as_json": "printing",
        "quiet": "printing",
        "limits": "`limit`",
        "pairs": "`map`",
        "log_format": "`format`",
    },
    "simulate": {"as_json": "printing", "quiet": "printing"},
    "score": {"as_json": "printing"},
    "watch": {
        "as_json": "printing",
        "port": "a server",
        "limits": "`limit`",
        "pairs": "`map`",
        "log_format": "`format`",
    },
}


def test_every_public_name_is_there_and_is_the_same_thing_each_time():
    for name in stillwatch.__all__:
        assert getattr(stillwatch, name) is getattr(stillwatch, name)
        assert name in dir(stillwatch)
    with pytest.raises(AttributeError, match="no attribute `scam`"):
        _ = stillwatch.scam


def test_type_checkers_read_the_names_that_are_there():
    stub = Path(stillwatch.__file__).with_name("__init__.pyi").read_text()
    pairs = re.findall(r"^from stillwatch\.([\w.]+) import (\w+) as \w+$", stub, re.MULTILINE)
    assert {name: module for module, name in pairs} == stillwatch.LAZY


def test_a_call_stays_a_call_when_the_package_of_its_name_is_imported():
    code = """
import stillwatch.sketch.keys, stillwatch.simulate.worlds, stillwatch.watch.clock
import stillwatch
assert all(callable(getattr(stillwatch, name)) for name in ("sketch", "simulate", "watch"))
from stillwatch.sketch.keys import Key
assert Key(master=bytes(32)).name
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", WORDS)
def test_a_call_has_the_words_of_its_command(name):
    import importlib

    options = {
        option.name for option in getattr(importlib.import_module(f"stillwatch.cli.{name}"), name).params
    }
    arguments = set(inspect.signature(getattr(stillwatch, name)).parameters)
    own = {"map", "format", "limit", "progress"} | ({"logs"} if "paths" in WORDS[name] else set())
    assert arguments - own == options - set(WORDS[name])


def test_a_path_may_be_text_or_a_path_or_several():
    assert paths_of("logs/") == ["logs/"]
    assert paths_of(Path("logs")) == ["logs"]
    assert paths_of(["a", Path("b")]) == ["a", "b"]
    for wrong in ([], "", [3], [""]):
        with pytest.raises(UsageError):
            paths_of(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fdr": 0},
        {"fdr": 1.5},
        {"seed": -1},
        {"shards": 0},
        {"engine": "sqlite"},
        {"limit": {"lines": "1MB"}},
    ],
    ids=lambda w: next(iter(w)),
)
def test_an_argument_that_cannot_be_is_refused_before_any_work(wrong, tmp_path):
    with pytest.raises(UsageError):
        stillwatch.scan(tmp_path / "absent", **wrong)


def test_results_are_tables_in_arrow_pandas_and_polars(scanned):
    for name in ("campaigns", "members", "exchanges", "evidence", "leads"):
        table = getattr(scanned, name)
        assert isinstance(table, Table)
        written = pq.read_table(scanned.folder / f"{name}.parquet")
        assert table.to_arrow().num_rows == len(table) == written.num_rows
        assert table.to_pandas().shape == table.to_polars().shape == (len(table), len(table.columns))
        assert [*table] == table.to_arrow().to_pylist()
        assert pa.table(table).num_rows == len(table)
    assert len(scanned.campaigns) == 1
    assert scanned.overview["campaigns"][0]["campaign_id"] == "C1"


def test_a_notebook_shows_results_tables_and_a_campaign(scanned):
    shown = scanned._repr_html_()
    assert "1 campaign is reported" in shown
    assert "C1" in scanned.campaigns._repr_html_()
    assert "more</p>" in scanned.members._repr_html_()
    card = scanned.campaign("C1")._repr_html_()
    assert "srcdoc=" in card
    assert "C1" in repr(scanned)
    assert "C1" in repr(scanned.campaign("C1"))


def test_what_senders_choose_stays_text_in_a_notebook():
    told = Table(
        "members", pa.table({"account_id": ["<script>alert(1)</script>\u202e"], "<b>": [None]})
    )._repr_html_()
    assert "<script>" not in told
    assert "<b>" not in told
    assert "\u202e" not in told


DRAWN = {
    "anchor",
    "spark",
    "timeline",
    "desk",
    "evidence_more",
    "evidence_uncounted",
    "members_more",
    "prompts",
    "prompts_more",
    "rivals",
    "known_as",
    "labels",
}
"""Parts of a card that are drawings, counts of what is left out, or written on request alone."""


def test_a_campaign_answers_what_the_page_answers(scanned):
    campaign = scanned.campaign("C1")
    card = campaign._card
    answers = {
        "row": {k: campaign.facts[k] for k in card.row},
        "meaning": campaign.facts["meaning"],
        "days": campaign.facts["days"],
        "share_before": campaign.facts["share_before"],
        "members": [*campaign.members][: len(card.members)],
        "evidence": [*campaign.evidence][: len(card.evidence)],
    }
    for part, answer in answers.items():
        assert answer == getattr(card, part) or list(answer) == list(getattr(card, part)), part
    assert campaign.nearest_explanation["name"] == card.nearest.name == campaign.facts["explanation"]
    trial = [one.name for one in (*card.trial.nearest, *card.trial.more)]
    assert campaign.explanations.to_arrow()["explanation"].to_pylist() == trial
    assert {row["capability"] for row in campaign.capabilities} == {one[0] for one in card.capabilities}
    assert {row["hypothesis"] for row in campaign.hypotheses} == {one.name for one in card.hypotheses}
    assert len(campaign.claims) == sum(map(len, card.claims.values()))
    said = (*card.glance.for_one, *card.glance.against, *card.glance.neither)
    assert sorted(r["statement"] for r in campaign.glance) == sorted(r["statement"] for r in said)
    assert len(campaign.timeline) > 0
    assert len(campaign.links) > 0
    assert len(campaign.exchanges) == campaign.facts["exchanges"]
    tested = {*answers, "nearest", "trial", "capabilities", "hypotheses", "claims", "glance", *DRAWN}
    assert {field.name for field in fields(CampaignCard)} == tested


def test_a_name_that_does_not_exist_is_answered_with_those_that_do(scanned):
    with pytest.raises(UsageError, match="C1"):
        scanned.campaign("c1")
    with pytest.raises(UsageError, match="did you mean `timeline`"):
        scanned.table("timelines")
    with pytest.raises(UsageError, match="did you mean `glance`"):
        scanned.campaign("C1").table("glances")


def test_results_without_a_folder_own_one_until_they_are_closed(scanned, tmp_path):
    from tempfile import TemporaryDirectory

    owner = TemporaryDirectory()
    shutil.copytree(scanned.folder, Path(owner.name) / "results")
    with stillwatch.Results(Path(owner.name) / "results", owner) as result:
        kept = result.save(tmp_path / "kept")
        assert result.report.exists()
    assert not result.folder.exists()
    assert kept.campaigns.to_arrow().equals(scanned.campaigns.to_arrow())
    kept.close()
    assert kept.folder.exists()
    with pytest.raises(FileExistsError):
        scanned.save(tmp_path / "kept")


def test_a_folder_opened_again_gives_the_same_and_another_is_refused(scanned, tmp_path):
    again = stillwatch.open_results(str(scanned.folder))
    assert again.campaigns.to_arrow().equals(scanned.campaigns.to_arrow())
    assert read_table(scanned.folder, contract.CAMPAIGNS).num_rows == 1
    with pytest.raises(StateError, match="not a results folder"):
        stillwatch.open_results(tmp_path)
    with pytest.raises(StateError, match="did you mean"):
        stillwatch.open_results(scanned.folder.parent)


def test_scores_compare_with_the_truth(scanned, world):
    scored = stillwatch.score(scanned, world / "truth.parquet")
    assert scored["reported_campaigns"] == 1
    assert scored == stillwatch.score(scanned.folder, str(world / "truth.parquet"))


@pytest.mark.issue(28)
def test_a_scans_results_are_shared_with_the_values_that_no_crowd_shows(scanned, tmp_path):
    from stillwatch.export.content import read_content
    from stillwatch.export.terms import Terms

    (file,) = scanned.export("stix", tmp_path / "bundle.json", producer="Acme", tlp="green")
    told = json.loads(file.read_text())["objects"]
    assert sum(one["type"] == "user-account" for one in told) == len(scanned.members)
    assert not any(row["account_id"] in file.read_text() for row in scanned.members)
    assert any(one["type"] == "indicator" for one in told)
    content = read_content(scanned.folder, Terms())
    assert {one.kind for one in content.campaigns[0].indicators} >= {"client_prefix", "tls_fingerprint"}
    counted = {
        (row["kind"], row["value"]): row["others"] for row in scanned.evidence if row["others"] is not None
    }
    assert all(counted[one.kind, one.value] < 3 for one in content.campaigns[0].indicators)
    assert len(counted) == sum("share one" in row["statement"] for row in scanned.evidence)


def test_exported_tables_are_json_and_a_folder_that_exists_is_refused(scanned, tmp_path):
    files = scanned.export("json_lines", tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out/members.jsonl").read_text().splitlines()]
    assert len(rows) == len(scanned.members)
    assert all(file.suffix == ".jsonl" for file in files)
    with pytest.raises(UsageError, match="exists"):
        scanned.export("json_lines", tmp_path / "out")
    with pytest.raises(UsageError, match="did you mean `json_lines`"):
        scanned.export("json_line", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_package_that_is_not_installed_is_named_with_the_command_that_brings_it(scanned, monkeypatch):
    for package in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra, match=package):
            getattr(scanned.campaigns, f"to_{package}")()


def test_sketches_and_a_watch_by_call(tmp_path):
    rows = [f"x{n},2026-05-01T{n % 24:02}:{n % 60:02}:00Z,account-{n % 7},m,question {n}" for n in range(60)]
    (tmp_path / "world").mkdir()
    text = "\n".join(["exchange_id,timestamp,account_id,model,prompt", *rows])
    (tmp_path / "world/day.csv").write_text(text + "\n")
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    told = stillwatch.sketch(tmp_path / "world", tmp_path / "sketches", key_file=tmp_path / "key")
    assert told["rows"] == 60
    events = stillwatch.watch(tmp_path / "world", state=tmp_path / "state", once=True)
    assert isinstance([*events], list)
    assert (tmp_path / "state").is_dir()
    with pytest.raises(UsageError):
        stillwatch.watch(tmp_path / "world", state=tmp_path / "other", every="often")


def test_the_card_of_one_campaign_is_a_page_of_its_own_under_the_same_policy(scanned):
    text = html.unescape(page.render_campaign(scanned.page_data, scanned.campaign("C1")._card))
    assert "default-src 'none'" in text
    assert text.count('<article class="card"') == 1


def test_every_public_name_has_an_example_and_all_examples_run(scanned, world, tmp_path, monkeypatch):
    import doctest
    import importlib

    (tmp_path / "logs").mkdir()
    rows = [f"x{n},2026-05-01T{n % 24:02}:{n % 60:02}:00Z,a{n % 12},m,agent-{n % 12}" for n in range(240)]
    head = "exchange_id,timestamp,account_id,model,user_agent"
    (tmp_path / "logs/day.csv").write_text("\n".join([head, *rows]) + "\n")
    (tmp_path / "key").write_text("0123456789abcdef" * 2)
    shutil.copytree(scanned.folder, tmp_path / "results")
    shutil.copy(world / "truth.parquet", tmp_path)
    monkeypatch.chdir(tmp_path)
    for module in sorted(set(stillwatch.LAZY.values())):
        assert doctest.testmod(importlib.import_module(f"stillwatch.{module}")).failed == 0, module
    for name in stillwatch.LAZY:
        (example,) = doctest.DocTestFinder(recurse=False).find(getattr(stillwatch, name), name)
        assert example.examples, name
        assert not any(doctest.SKIP in one.options for one in example.examples), name
