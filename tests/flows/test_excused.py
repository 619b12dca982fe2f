"""Values that people labelled honest are no evidence, and accounts that show a labelled mark carry it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from stillwatch.flows import newcomers
from stillwatch.flows.excused import Excused
from stillwatch.flows.newcomers import KnownCampaigns
from stillwatch.flows.scan import Options, scan
from stillwatch.memory import labels as memory_labels
from stillwatch.memory.labels import Label, LabelsInForce, add_all
from stillwatch.signals.marks import with_labels
from stillwatch.signals.traits import Traits
from stillwatch.successors.contact import of_results

pytestmark = pytest.mark.issue(26)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def label(kind, target, verdict="honest", **more):
    return Label(kind=kind, target=target, verdict=verdict, reason="known", author="ann", at=NOW, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("excused") / "world"
    small_world(folder)
    return folder


@pytest.fixture(scope="module")
def before(world):
    scan([str(world)], world.parent / "before", Options(names={}, replay=False))
    return world.parent / "before"


def rows(folder: Path, table: str):
    return pq.read_table(folder / f"{table}.parquet").to_pylist()


def shared(folder: Path, kind: str):
    """The values of a kind in the evidence, the one of most accounts first."""
    found = [row for row in rows(folder, "evidence") if row["kind"] == kind]
    return [row["value"] for row in sorted(found, key=lambda row: -row["accounts"])]


def test_a_labelled_value_is_no_evidence_and_a_labelled_mark_excuses_what_it_can_produce(
    world, before, tmp_path
):
    members = {row["account_id"] for row in rows(before, "members")}
    cards = {
        row["payment_fingerprint"] for row in rows(world, "accounts") if row["account_id"] in members
    } - {None}
    prefix = shared(before, "client_prefix")[0]
    assert len(members) > 100
    assert {"shared_payment", "payment_fingerprint"} <= {row["kind"] for row in rows(before, "evidence")}
    told = tmp_path / "labels"
    told.mkdir()
    said = [label("indicator", f"payment_fingerprint={card}") for card in cards]
    add_all(told, [*said, label("mark", f"course:client_prefix={prefix}")], "ana")
    after = tmp_path / "after"
    scan([str(world)], after, Options(names={}, replay=False, labels=(told,)))
    kinds = {row["kind"] for row in rows(after, "evidence")}
    assert not kinds & {"shared_payment", "payment_fingerprint"}
    assert prefix not in shared(after, "client_prefix")
    groups = {row["group_id"]: row for row in rows(after, "explanations") if row["explanation"] == "course"}
    was = {row["group_id"]: row for row in rows(before, "explanations") if row["explanation"] == "course"}
    assert max(row["marked"] for row in was.values()) < 0.5 * len(members)
    assert not rows(after, "campaigns")
    assert max((row["marked"] for row in groups.values()), default=len(members)) >= 0.9 * len(members)


def test_only_labels_in_favour_and_of_values_excuse_and_a_mark_names_its_explanation():
    found = Excused.of(
        LabelsInForce(
            (
                label("indicator", "email_domain=uni.example"),
                label("indicator", "asn=64500", "allow"),
                label("indicator", "asn=64501", "campaign"),
                label("mark", "course:client_prefix=2001:db8:1::"),
                label("mark", "user_agent=a=b"),
                label("account", "a17"),
            )
        )
    )
    assert found.values == {
        ("email_domain", "uni.example"),
        ("asn", "64500"),
        ("client_prefix", "2001:db8:1::"),
        ("user_agent", "a=b"),
    }
    assert found.marks == {("course", "client_prefix", "2001:db8:1::")}


def traits(**labelled):
    zero = np.zeros(5)
    names = "exchanges days first last created quiet hourly minute brisk follow full_days".split()
    values = {name: np.array(codes) for name, codes in labelled.items()}
    return Traits(**dict.fromkeys(names, zero), owner=np.arange(5), labelled=values)


@pytest.mark.parametrize(
    ("own", "marked"),
    [
        ([-1, -1, -1, -1, -1], [0, 0, 0, -1, 1]),
        ([-1, 2, 2, -1, 2], [2, 2, 2, -1, 2]),
        ([-1, -1, -1, 0, -1], [1, 1, 1, 0, 2]),
    ],
)
def test_accounts_with_one_labelled_value_count_as_one_with_those_that_carry_the_mark_already(own, marked):
    told = with_labels(traits(course=[7, 7, 7, -1, 8]), np.arange(5), "course", np.array(own))
    assert told.tolist() == marked
    assert with_labels(traits(course=[7] * 5), np.arange(5), "quota", np.array(own)).tolist() == own


def test_a_newcomer_that_shows_labelled_values_alone_is_not_known_until_the_labels_end(
    before, tmp_path, monkeypatch
):
    (campaign,) = of_results(before)
    columns = {"tls_fingerprint": "tls_fingerprint", "user_agent": "user_agent", "asn": "asn"}
    columns |= {"payment_fingerprint": "payment_fingerprint", "email_domain": "email_domain"}
    request = {columns[kind]: value for kind, value in campaign.values if kind in columns}
    known = KnownCampaigns(before, tmp_path)
    assert known.match({"account_id": "first", **request}) is not None
    ends = datetime.now(UTC) + timedelta(days=1)
    values = [f"{kind}={value}" for kind, value in campaign.values]
    add_all(tmp_path, [label("indicator", value, expires=ends) for value in values], "ana")
    known.look()
    assert known.match({"account_id": "second", **request}) is None

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return ends

    for module in (newcomers, memory_labels):
        monkeypatch.setattr(module, "datetime", Later)
    known.look()
    assert known.match({"account_id": "third", **request}) is not None
