"""A campaign is found, labelled, previewed, watched in shadow, acted upon, followed to its successors,
and let go again; the log has every step.
"""

import re
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.guard.history import every
from stillwatch.guard.serve import state_beside
from stillwatch.results.folder import read_table, write_json

pytestmark = [pytest.mark.issue(26), pytest.mark.slow]
PAGE = (Path(__file__).parents[2] / "docs" / "exercise.md").read_text()


def commands(heading):
    """The command lines of a paragraph of the page, from its bold word on."""
    part = PAGE[PAGE.index(f"**{heading}") :]
    (text, *_others) = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    return [shlex.split(line)[1:] for line in text.splitlines()]


def test_the_exercise_of_the_page(tmp_path, run, serve, small_world, monkeypatch):
    import time

    def eventually(check):
        until = time.monotonic() + 20
        while not check():
            assert time.monotonic() < until
            time.sleep(0.05)

    def do(heading):
        told = []
        for words in commands(heading):
            if words[0] == "simulate":
                small_world(Path("world"))
                continue
            code, out, err = run(*words)
            assert code == 0, (words, err)
            told.append(out)
        return told

    monkeypatch.chdir(tmp_path)
    do("Find")
    results, state = tmp_path / "results", state_beside(tmp_path / "results")
    members = read_table(results, contract.MEMBERS).sort_by([("score", "descending")])
    first, last = members.column("account_id")[0].as_py(), members.column("account_id")[-1].as_py()
    do("Label")
    (policy,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    policy = policy.replace(
        "version = 1\n", "version = 1\ndeadline_ms = 10000\n"
    )  # the tests' machine is busy
    (tmp_path / "policy.toml").write_text(policy)
    assert f"{members.num_rows} accounts would be refused" in do("Preview")[1]

    shadow = serve(results, "--policy", "policy.toml", "--mode", "shadow")
    told = shadow.ask(first)
    assert (told["action"], told["would"]) == ("allow", "suspend")
    shadow.end()

    guard = serve(results, "--policy", "policy.toml", "--mode", "enforce")
    assert guard.ask(first)["action"] == "allow"  # nobody has approved it
    do("Enforce")
    eventually(lambda: guard.ask(first)["action"] == "suspend")
    assert guard.ask(last)["action"] == "suspend"
    assert guard.ask("our-own-tests")["action"] == "allow"
    assert guard.ask("somebody")["action"] == "allow"

    successor = {
        "campaign_id": members.column("campaign_id")[0].as_py(),
        "account_id": "successor",
        "score": 0.99,
        "exchanges": 5,
    }
    grown = pa.concat_tables([members, pa.Table.from_pylist([successor], contract.MEMBERS.arrow)])
    pq.write_table(grown, results / "members.parquet")
    assert guard.ask("successor")["action"] == "allow"  # not what the scan wrote
    write_json(results, "manifest.json", {"outputs": {}})
    eventually(lambda: guard.ask("successor")["action"] == "suspend")

    log = do("Undo")[-1]
    eventually(lambda: guard.ask(first)["action"] == "allow")
    assert guard.ask("successor")["action"] == "allow"
    guard.end()
    lines, faults = every(state, results)
    assert not faults
    kinds = [line.kind for line in lines]
    assert {"label", "approval", "roll-out", "undo", "decision"} <= set(kinds)
    assert [kind for kind in kinds if kind in ("approval", "roll-out", "undo")] == ["approval"] * 2 + [
        "roll-out"
    ] * 2 + ["undo"]
    assert "undo" in log
    acted = [line.body for line in lines if line.kind == "decision" and line.body["action"] == "suspend"]
    assert {"successor", first} <= {body["account_id"] for body in acted}
    assert "our-own-tests" not in {body["account_id"] for body in acted}
