"""How many members of a campaign do providers name that each see a part of it: alone, after a match, and in
a joint view?

Usage: python scripts/peer_recall.py FOLDER [--members 1000] [--honest 10000] [--providers 2]
[--scenario stealth-2] [--seed 3] [--each N]

A world is simulated and its accounts are divided between the providers. Each sketches its log under a joint
key and scans it. Of two providers, the one that named more members asks the other with what its members
share, the other answers with everything it has, and both scan again with the values in common
(`--with-peer`). Then a scan sees the whole log, and last the sketches are put together under pseudonyms and
scanned (`match joint`). The numbers are printed as JSON; each is kept in FOLDER/recall.json as soon as it is
known, and a second run goes on where the first one ended.
"""

import argparse
import csv
import json
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.results import MEMBERS
from stillwatch.flows.content_blind import sketch
from stillwatch.flows.peers import COLUMN
from stillwatch.flows.scan import Options, scan
from stillwatch.results.folder import read_table
from stillwatch.share import matching, sets
from stillwatch.share.joint import joint, together
from stillwatch.share.match_client import write_intersection
from stillwatch.simulate.worlds import SCENARIOS, simulate
from stillwatch.sketch.keys import of_secret

COMMON = of_secret(b"of measurements alone, no secret", "scripts")
EVERYBODY, TOGETHER = "everybody", "together"


def world(given: argparse.Namespace, labs: Sequence[str]) -> None:
    """Simulate the world with as many exchanges an account as the scenario has, and divide it."""
    folder, scenario, members, honest = given.folder, given.scenario, given.members, given.honest
    at_one = SCENARIOS[scenario]
    (plan,) = at_one.plans
    changes = {
        "accounts": honest,
        "exchanges": at_one.exchanges * honest // at_one.accounts,
        "campaign.accounts": members,
        "campaign.exchanges": members * (given.each or plan.exchanges // plan.accounts),
    }
    simulate(scenario, seed=given.seed, out=folder / EVERYBODY, changes=changes)
    names = pq.read_table(folder / EVERYBODY / "accounts.parquet").column("account_id").to_pylist()
    for number, lab in enumerate(labs):
        mine = pa.array([name for name in names if zlib.crc32(name.encode()) % len(labs) == number])
        for file in [
            *(folder / EVERYBODY).rglob("date=*/*.parquet"),
            folder / EVERYBODY / "accounts.parquet",
        ]:
            rows = pq.ParquetFile(file).read()
            out = folder / lab / file.relative_to(folder / EVERYBODY)
            out.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows.filter(pc.is_in(rows.column("account_id"), mine)), out)


def named(folder: Path, lab: str, common: Path | None = None) -> set[str]:
    """Accounts that a scan of a provider's sketches names."""
    sketches = folder / f"sketches-{lab}"
    if not (sketches / "sketch.json").exists():
        shutil.rmtree(sketches, ignore_errors=True)
        sketch([str(folder / lab)], sketches, COMMON, {})
    out = results(folder, lab, after=common is not None)
    scanned(folder, sketches, folder / lab / "accounts.parquet", out, common)
    return set(read_table(out, MEMBERS).column("account_id").to_pylist())


def scanned(
    folder: Path, sketches: Path, accounts: Path | None, out: Path, common: Path | None = None
) -> None:
    """Scan a folder of sketches, unless it was done in an earlier run."""
    if not (out / "manifest.json").exists():
        releases = folder / EVERYBODY / "releases.parquet"
        options = Options(names={}, replay=False, accounts=accounts, releases=releases, with_peer=common)
        scan([str(sketches)], out, options)


def results(folder: Path, lab: str, *, after: bool = False) -> Path:
    """The folder with the results of a provider before or after the match."""
    return folder / (f"results-{lab}-{COLUMN}" if after else f"results-{lab}")


def match(folder: Path, asker: str, server: str) -> tuple[Path, dict[str, int]]:
    """The file of values in common of the asker's findings with all that the server has, and sizes."""
    found = [
        *sets.values_of_results(results(folder, asker))[0],
        *sets.prompt_families(folder / f"sketches-{asker}", results(folder, asker))[0],
    ][: sets.MOST_ASKED]
    held = [
        *sets.values_of_results(results(folder, server))[0],
        *sets.values_of_accounts(folder / server / "accounts.parquet"),
        *sets.prompt_families(folder / f"sketches-{server}")[0],
    ]
    session, prepared = matching.ask(sorted(set(found))), matching.prepare(sorted(set(held)))
    seed = bytes(matching.SEED)
    places = matching.matched(session, matching.answer(prepared, session.elements(), seed), prepared.tags)
    opened = matching.openings(session, places, seed)
    assert all(matching.is_opening(one, prepared, session.tree.root, len(session.pairs)) for one in opened)
    path = folder / "common.json"
    write_intersection(path, server, "measured", [one.pair for one in opened])
    return path, {"asked": len(session.pairs), "served": len(prepared.pairs), "in_common": len(opened)}


def counted(accounts: set[str], members: set[str]) -> dict[str, Any]:
    """Members and others among the accounts that were named."""
    return {
        "members_named": len(accounts & members),
        "recall": round(len(accounts & members) / max(len(members), 1), 4),
        "others_named": len(accounts - members),
    }


def joint_view(folder: Path, labs: Sequence[str]) -> set[str]:
    """Accounts that a scan of all sketches under pseudonyms names."""
    back = {}
    for lab in labs:
        own = of_secret(f"own secret of {lab}, for measurements".encode(), "scripts")
        if not (folder / f"joint-{lab}" / "sketch.json").exists():
            joint(
                folder / f"sketches-{lab}", folder / lab / "accounts.parquet", folder / f"joint-{lab}", lab,
                own, COMMON,
            )  # fmt: skip
        with (folder / f"joint-{lab}.accounts.csv").open(encoding="utf-8") as file:
            back |= {row["pseudonym"]: row["account_id"] for row in csv.DictReader(file)}
    if not (folder / TOGETHER / "sketch.json").exists():
        together([folder / f"joint-{lab}" for lab in labs], folder / TOGETHER)
    out = results(folder, TOGETHER)
    scanned(folder, folder / TOGETHER, None, out)
    return {back[name] for name in read_table(out, MEMBERS).column("account_id").to_pylist()}


def measured(folder: Path, labs: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield, one after another, the recall of each provider alone, after the match, of one that sees all, and
    of the joint view.
    """
    truth = pq.read_table(folder / EVERYBODY / "truth.parquet")
    truth = truth.filter(pc.is_valid(truth.column("campaign_id")))
    members = set(truth.column("account_id").to_pylist())
    of_lab = {
        lab: members & set(pq.read_table(folder / lab / "accounts.parquet").column("account_id").to_pylist())
        for lab in labs
    }

    def rows(found: Mapping[str, set[str]]) -> dict[str, Any]:
        each = {lab: counted(found[lab], of_lab[lab]) for lab in labs}
        return each | {"all": counted(set().union(*found.values()), members)}

    yield {
        "members": len(members),
        "accounts": pq.read_metadata(folder / EVERYBODY / "accounts.parquet").num_rows,
        "exchanges_of_the_campaign": truth.num_rows,
    }
    alone = {lab: named(folder, lab) for lab in labs}
    yield {"alone": rows(alone)}
    if len(labs) == 2:
        server, asker = sorted(labs, key=lambda lab: len(alone[lab] & members))
        common, sizes = match(folder, asker, server)
        after = rows({lab: named(folder, lab, common) for lab in labs})
        yield {"match": sizes | {"asker": asker}, "after_the_match": after}
    yield {"one_that_sees_all": counted(named(folder, EVERYBODY), members)}
    yield {"joint_view": counted(joint_view(folder, labs), members)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--honest", type=int, default=10_000)
    parser.add_argument("--providers", type=int, default=2)
    parser.add_argument("--scenario", default="stealth-2")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--each", type=int, help="exchanges of each account of the campaign")
    given = parser.parse_args(arguments)
    labs = [f"lab-{number + 1}" for number in range(given.providers)]
    if not (given.folder / labs[-1] / "accounts.parquet").exists():
        shutil.rmtree(given.folder, ignore_errors=True)
        given.folder.mkdir(parents=True)
        world(given, labs)
    told: dict[str, Any] = {}
    for part in measured(given.folder, labs):
        told |= part
        (given.folder / "recall.json").write_text(json.dumps(told, indent=1))
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
