"""Does every path that marks answers write the same ledger: after sampling, Hugging Face's `generate`,
the engine, the guard before the engine, the lab?
"""

import asyncio
import importlib
import json
import sys
import types
from datetime import UTC, datetime
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli.main import cli
from stillwatch.contract import results
from stillwatch.flows.prove import Inputs, read_material
from stillwatch.prove import ledger
from stillwatch.prove.keyring import read
from stillwatch.results.folder import write_manifest


def run(*words):
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.fixture
def folder(tmp_path):
    run("prove", "key", tmp_path / "marks.json", "--campaign", "c", "--mark", "gumbel", "--mark", "choices")
    return tmp_path


def after_sampling(folder):
    said = "For example, it does not fail. Furthermore, the whole team often helps."
    (folder / "in.jsonl").write_text(
        json.dumps({"account_id": "a1", "answer": said})
        + "\n"
        + '{"account_id": "b1", "answer": "For example."}\n'
    )
    (folder / "members.jsonl").write_text('{"campaign_id": "c", "account_id": "a1"}\n')
    run(
        "prove",
        "mark",
        folder / "marks.json",
        folder / "in.jsonl",
        "--campaigns",
        folder / "members.jsonl",
        "--out",
        folder / "out.jsonl",
    )
    return "choices/c/1", "a1"


def hugging_face(folder):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'stillwatch[lab]'")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'stillwatch[lab]'")
    from stillwatch.lab import models
    from stillwatch.prove.serving import MarkingRequest, generate

    ring = read(folder / "marks.json")
    model = models.fresh(0, models.Size(width=16, layers=1, heads=2))
    model.tokenizer.padding_side = "left"
    batch = model.tokenizer(
        ["<start> sort 3 1", "<start> sum 1 and 2"],
        return_tensors="pt",
        padding=True,
        return_token_type_ids=False,
    )
    model.net.generation_config.pad_token_id = model.tokenizer.pad_token_id
    asked = [MarkingRequest(account="a1", issued=ring.current("gumbel", "c")), None]
    said = generate(
        model.net,
        batch,
        asked,
        ring,
        ledger.beside(folder / "marks.json"),
        temperature=1.3,
        min_new_tokens=6,
        max_new_tokens=12,
    )
    assert len(said) == 2
    assert all(6 <= len(one) <= 12 for one in said)
    return "gumbel/c/1", "a1"


EXTRA = {"stillwatch_mark": "gumbel", "stillwatch_campaign": "c", "stillwatch_account": "a1"}


def engine(folder, monkeypatch, extra=EXTRA):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'stillwatch[lab]'")
    names = ["vllm", "vllm.v1", "vllm.v1.sample", "vllm.v1.sample.logits_processor"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[names[-1]].LogitsProcessor = object
    sys.modules[names[-1]].MoveDirectionality = SimpleNamespace(SWAP=1)
    monkeypatch.delitem(sys.modules, "stillwatch.prove.vllm", raising=False)
    monkeypatch.setenv("STILLWATCH_KEYRING", str(folder / "marks.json"))
    monkeypatch.delenv("STILLWATCH_LEDGER", raising=False)
    marks = importlib.import_module("stillwatch.prove.vllm").Marks(None, "cpu", False)
    sys.modules.pop("stillwatch.prove.vllm")
    requests = [
        SimpleNamespace(extra_args=extra, temperature=1.0),
        SimpleNamespace(extra_args=None, temperature=1.0),
    ]
    marks.update_state(
        SimpleNamespace(
            removed=(), added=[(at, one, [1], [3, 4, 9]) for at, one in enumerate(requests)], moved=()
        )
    )
    marks.update_state(SimpleNamespace(removed=[0, 1], added=(), moved=()))
    return "gumbel/c/1", "a1"


def found(folder, campaign, account):
    """A results folder with one campaign of one member."""
    folder.mkdir()
    seen = datetime(2026, 5, 1, tzinfo=UTC)
    times = dict.fromkeys(("first_seen", "last_seen", "detected_at"), seen)
    counts = {"accounts": 1, "exchanges": 9, "exchanges_low": 1, "exchanges_high": 9}
    rows = {
        results.CAMPAIGNS: [
            {"campaign_id": campaign, "kind": "harvest", "q_value": 1e-4, "capabilities": []}
            | {"explanation": "course"} | times | counts
        ],
        results.MEMBERS: [
            {"campaign_id": campaign, "account_id": account, "score": 0.95, "exchanges": 9}
        ],
        results.EVIDENCE: [],
        results.CLAIMS: [],
        results.LEADS: [],
        results.LEAD_MEMBERS: [],
    }  # fmt: skip
    for schema, content in rows.items():
        table = schema.conform(pa.Table.from_pylist(content, schema.arrow))
        pq.write_table(table, folder / f"{schema.name}.parquet")
    write_manifest(folder, [], {}, 0)
    return folder


def guard(folder, monkeypatch):
    """From the guard's decision by the engine's middleware to the engine."""
    from stillwatch.guard.core import Core
    from stillwatch.guard.middleware import GuardMiddleware
    from stillwatch.guard.snapshot import make
    from stillwatch.policy.read import read_policy
    from stillwatch.prove.doses import Doses

    policy = (
        'format = "stillwatch-policy-1"\nname = "p"\nversion = 1\ndeadline_ms = 10000\n'
        '[[rule]]\nname = "r"\naction = "hide_reasoning"\n'
    )
    (folder / "policy.toml").write_text(policy)
    found(folder / "results", "c", "a1")
    monkeypatch.setenv("STILLWATCH_KEYRING", str(folder / "marks.json"))
    bodies = []

    async def model(_scope, receive, _send):
        bodies.append(json.loads((await receive())["body"]))

    core = Core(make(folder / "results", read_policy(folder / "policy.toml")), "enforce")
    front = GuardMiddleware(Doses(model), core, lambda scope: {"account_id": scope["user"]})

    async def receive():
        return {"type": "http.request", "body": b'{"model": "m"}'}

    for user in ("a1", "somebody"):
        scope = {"type": "http", "method": "POST", "path": "/v1", "headers": [], "user": user}
        asyncio.run(front(scope, receive, None))
    assert bodies == [{"model": "m", "vllm_xargs": EXTRA}, {"model": "m"}]
    return engine(folder, monkeypatch, bodies[0]["vllm_xargs"])


def lab(folder):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'stillwatch[lab]'")
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'stillwatch[lab]'")
    from stillwatch.lab import models

    models.fresh(0, models.Size(width=16, layers=1, heads=2)).save(folder / "teacher")
    run(
        "lab",
        "serve",
        "--teacher",
        folder / "teacher",
        "--answers",
        2,
        "--marks",
        folder / "marks.json",
        "--campaign",
        "c",
        "--share",
        0.5,
        "--out",
        folder / "served.jsonl",
        "--quiet",
    )
    return "gumbel/c/1", "lab"


@pytest.mark.issue(25)
@pytest.mark.parametrize("path", [after_sampling, hugging_face, engine, guard, lab])
def test_every_path_that_marks_writes_the_same_ledger(folder, monkeypatch, path):
    key, account = path(folder, monkeypatch) if path in (engine, guard) else path(folder)
    file = ledger.beside(folder / "marks.json")
    known = ledger.read([file], read(folder / "marks.json"))
    assert known.faults == []
    assert set(known.served) == {key}
    assert known.served[key].accounts == {account}
    assert len(known.served[key].marked) == 1
    assert file.stat().st_mode & 0o077 == 0
    assert {frozenset(json.loads(line)) for line in file.read_text().splitlines()} == {
        frozenset(ledger.FIELDS)
    }
    (folder / "s.jsonl").write_text('{"prompt": "p", "answer": "a"}\n')
    had = read_material(Inputs(suspect=folder / "s.jsonl", marks=folder / "marks.json", ledgers=(file,)))
    assert [one.name for one in had.case.keyring.issued] == [key]


def test_an_answer_as_short_as_the_context_passed_the_marking_and_bears_no_mark(folder):
    from stillwatch.prove.serving import MarkingRequest, line

    ring = read(folder / "marks.json")
    asked = MarkingRequest(account="a", issued=ring.current("gumbel", "c"))
    width = asked.issued.width
    assert [line(ring, asked, list(range(length))).is_marked for length in (width, width + 1)] == [
        False,
        True,
    ]
