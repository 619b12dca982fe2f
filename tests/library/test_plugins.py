"""A package outside this repository adds an indicator, a group test, an explanation, a reader and an
exporter.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import PluginError
from stillwatch.plugins import units
from stillwatch.signals import indicators
from stillwatch.signals.registry import Indicator
from stillwatch.simulate.worlds import simulate

pytestmark = pytest.mark.issue(22)
ROOT = Path(__file__).parents[2]

MODULES = {
    "acme_status": '''
"""Which accounts get the same status again and again?"""
import ibis.expr.types as ir
from stillwatch.signals.registry import indicator


@indicator(
    measures="status and model together",
    innocent=("everyone whose requests succeed",),
    evaded_by="another model for each account",
    source="Acme's own incident of May 2026",
    reads=("observations.status", "observations.model"),
)
def acme_status(observations: ir.Table) -> ir.Value:
    return observations.model + ":" + observations.status.cast("string")
''',
    "acme_even_models": '''
"""Do the members use models more evenly than independent customers do?"""
import numpy as np
from ibis import _
from stillwatch.signals.registry import Finding, NoFinding, group_test


def models(summaries):
    return summaries.usage.group_by(["account_id", "model"]).agg(exchanges=_.exchanges.sum())


def customers(rng, accounts):
    account = np.arange(accounts * 2)
    return {"account": account, "exchanges": rng.poisson(5.0, len(account))}, account < accounts


@group_test(
    family="habit",
    rows=models,
    sample_null=customers,
    measures="how members spread their exchanges over models",
    null="members choose models as other accounts do",
    innocent=("one program",),
    evaded_by="a random choice",
    source="Acme's handbook, section 7",
    reads=("observations.model",),
)
def acme_even_models(rows, member):
    if member.sum() < 5:
        return NoFinding("fewer than 5 members have a known model")
    n = int(np.asarray(rows["exchanges"])[member].sum())
    accounts, said = int(member.sum()), "members use few models"
    return Finding(log_e=0.0, value="none", accounts=accounts, exchanges=n, statement=said)
''',
    "acme_customers": '''
"""Customers of Acme's own training."""
import numpy as np
from stillwatch.signals.marks import alike
from stillwatch.signals.registry import explanation
from stillwatch.simulate.crowds import crowd
from stillwatch.simulate.people import people
from stillwatch.simulate.visits import sittings, volumes, write


def draw(rng, accounts, setting):
    group = people(rng, accounts, setting, one_country=True)
    rows = write(rng, group, sittings(rng, group, volumes(rng, accounts, 3, 20), setting), setting)
    return crowd(rng, group, setting, [rows])


@explanation(
    what="customers that Acme trained itself",
    carries="one autonomous system",
    bends=("place",),
    produces="one place",
    cannot="any evidence of control",
    settled_by="Acme's list of courses",
    source="Acme's own courses",
    draw=draw,
)
def acme_customers(traits, members):
    return alike(traits, members, "asn")
''',
    "acme_gateway": '''
"""Logs of Acme's gateway."""
from stillwatch.readers.registry import log_format, moment


@log_format(
    title="Acme gateway",
    source="https://acme.example/logs",
    fields={"exchange_id": "acme_id", "account_id": "who", "timestamp": "at", "prompt": "text"},
    known=("acme_id", "who", "at", "text", "rest"),
    recognise=lambda record: "`acme_id` of Acme's gateway" if "acme_id" in record else "",
)
def acme_gateway(record):
    yield record["rest"] | {
        "exchange_id": record["acme_id"], "account_id": record["who"],
        "timestamp": moment(record["at"]), "prompt": record["text"],
    }
''',
    "acme_count": '''
"""The number of campaigns."""
import pyarrow.parquet as pq
from stillwatch.export.registry import exporter


@exporter(title="the number of campaigns, as text")
def acme_count(results, out, terms):
    (out / "campaigns.txt").write_text(str(pq.read_table(results / "campaigns.parquet").num_rows))
''',
}
GROUPS = {
    "indicators": "acme_status",
    "group_tests": "acme_even_models",
    "explanations": "acme_customers",
    "readers": "acme_gateway",
    "exporters": "acme_count",
}


def install(site: Path, modules: dict[str, str], entry_points: str) -> None:
    """A package as an installer leaves it: its modules, and the folder of its metadata."""
    site.mkdir(exist_ok=True)
    for name, code in modules.items():
        (site / f"{name}.py").write_text(code)
    info = site / "acme_stillwatch-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stillwatch\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


SCAN = """
import sys, stillwatch
with stillwatch.scan(sys.argv[1], out=sys.argv[2]) as result:
    result.export("acme_count", sys.argv[3])
"""


def test_each_in_one_file_of_an_installed_package_goes_through_a_whole_scan(tmp_path):
    """On a world so small that the planted group is a lead, which costs a fifth of the time of a campaign."""
    world = tmp_path / "world"
    simulate("stealth-1", seed=3, out=world, scale=0.14, rate=0.4)
    lines = []
    for row in pq.read_table(world / "exchanges").to_pylist():
        own = {"acme_id": row.pop("exchange_id"), "who": row.pop("account_id"), "text": row.pop("prompt")}
        own["at"] = row.pop("timestamp").timestamp()
        lines.append(json.dumps(own | {"rest": row}, default=str))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "day.jsonl").write_text("\n".join(lines))
    (logs / "accounts.parquet").write_bytes((world / "accounts.parquet").read_bytes())
    points = "\n".join(f"[stillwatch.{group}]\n{name} = {name}:{name}\n" for group, name in GROUPS.items())
    install(tmp_path / "site", MODULES, points)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT / 'src'}"}
    out = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "-c", SCAN, logs, out, tmp_path / "exported"],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    overview = json.loads((out / "overview.json").read_text())
    signals = {one["name"]: one for one in overview["signals"]}
    assert signals["acme_status"]["used"]
    assert signals["acme_even_models"]["used"], signals["acme_even_models"]["why"]
    assert overview["inputs"][0]["format"] == "acme_gateway"
    assert overview["quarantined"] == 0
    assert "acme_customers" in pq.read_table(out / "explanations.parquet")["explanation"].to_pylist()
    assert (tmp_path / "exported/campaigns.txt").read_text() == str(len(overview["campaigns"]))
    assert overview["campaigns"] or overview["leads"], "explanations were tried on a group"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise ImportError('no module named that')", "ImportError"),
        ("acme_status = 3", "object of type int"),
        (MODULES["acme_status"].replace("observations.status", "observations.api_key_id"), "does not exist"),
        (
            MODULES["acme_status"].replace("def acme_status", "def acme_other")
            + "\nacme_status = acme_other",
            "unit named",
        ),
    ],
    ids=["import", "type", "column", "name"],
)
def test_a_package_that_is_faulty_is_named_with_what_is_wrong(tmp_path, monkeypatch, code, found):
    install(
        tmp_path / "site", {"acme_status": code}, "[stillwatch.mine]\nacme_status = acme_status:acme_status\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "acme_status", raising=False)
    with pytest.raises(PluginError, match=found) as caught:
        units(indicators, Indicator, "stillwatch.mine")
    assert "acme-stillwatch" in str(caught.value)
    sys.modules.pop("acme_status", None)


def test_a_name_that_is_taken_is_refused(tmp_path, monkeypatch):
    install(tmp_path / "site", {}, "[stillwatch.mine]\nasn = acme_status:acme_status\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(PluginError, match="its name is taken"):
        units(indicators, Indicator, "stillwatch.mine")
