"""The examples on pages of commands run: in one folder with a log, its results, a policy and keys."""

import json
import shlex
import shutil
import tomllib

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.contract import results as contract
from stillwatch.flows.scan import Options, scan
from stillwatch.results.folder import read_table
from tests.docs.test_blocks import ALL, GUIDES, ROOT, blocks, commands, named

pytestmark = pytest.mark.issue(22)
RUN = (
    "attribute",
    "dossier",
    "package",
    "seal",
    "verify",
    "label",
    "labels",
    "allow",
    "export",
    "taken",
    "policy",
)
"""Pages whose examples are run, in the order in which they need each other."""
ELSEWHERE = {
    "README.md": "tests/docs/test_blocks.py",
    "docs/exercise.md": "tests/guard/test_exercise.py",
    "docs/commands/console.md": "tests/console/test_console.py",
    "docs/commands/effect.md": "tests/successors/test_effect.py",
    "docs/commands/guard.md": "tests/guard/test_exercise.py",
    "docs/commands/match.md": "tests/share/test_match.py",
    "docs/commands/probe.md": "tests/probe/test_plan.py",
    "docs/commands/prove.md": "tests/prove/test_command.py",
    "docs/commands/taxii.md": "tests/share/test_taxii.py",
    "docs/methods/lab.md": "tests/lab/test_lab.py",
    "docs/methods/prove.md": "tests/lab/test_lab.py",
}
"""Pages whose examples need servers, peers or trained models, and the test that runs their commands."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory, small_world):
    """A folder with what the examples name."""
    folder = tmp_path_factory.mktemp("kit")
    small_world(folder / "world")
    (folder / "logs").mkdir()
    for file in (folder / "world").rglob("*.parquet"):
        if file.name != "truth.parquet":
            shutil.copy(file, folder / "logs" / "-".join(file.relative_to(folder / "world").parts))
    scan([str(folder / "logs")], folder / "results", Options(names={}, replay=False))
    key = Ed25519PrivateKey.generate()
    (folder / "provider.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "provider-public.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    (actors,) = [text for language, text in blocks(ROOT / "docs/commands/attribute.md") if language == "toml"]
    (folder / "actors.toml").write_text(actors)
    (folder / "actors.yaml").write_text(json.dumps(tomllib.loads(actors), default=str))  # JSON is YAML
    (policy,) = [text for language, text in blocks(ROOT / "docs/exercise.md") if language == "toml"]
    (folder / "policy.toml").write_text(policy.replace("approvals = 2\n", ""))
    for name in ("kept/summaries", "watch", "results.guard", "curve"):
        (folder / name).mkdir(parents=True)
    low_to_high = {"low": 0.5, "value": 0.6, "high": 0.7}
    point = {"capability": "all", "way": "answers", "answers": 1000}
    rows = [point | {"accuracy": low_to_high, "teacher": {"value": 0.9}}]
    (folder / "curve/curve.json").write_text(json.dumps({"rows": rows}))
    pq.write_table(read_table(folder / "results", contract.CAMPAIGNS), folder / "kept/summaries/day.parquet")
    return folder


def test_the_examples_of_pages_run_as_they_stand(kit, run, monkeypatch):
    monkeypatch.chdir(kit)
    member = read_table(kit / "results", contract.MEMBERS).column("account_id")[0].as_py()
    failed = []
    for page in RUN:
        for language, text in blocks(ROOT / f"docs/commands/{page}.md"):
            for line in commands(text) if language == "sh" else []:
                words = shlex.split(line.replace("acct_02d87b5ffad1b9", member), comments=True)
                words, _, target = " ".join(map(shlex.quote, words)).partition(" '>' ")
                code, out, err = run(*shlex.split(words)[1:])
                if target:
                    (kit / target).write_text(out)
                if code:
                    failed.append(f"{page}: {line}: {code}\n{err[:600]}")
    assert not failed, "\n\n".join(failed)


def test_the_examples_of_every_page_are_run_somewhere():
    guides = {named(page) for pages in GUIDES for page in pages}
    pages = {named(page) for page, language, text in ALL if language == "sh" and commands(text)}
    assert pages - guides == {f"docs/commands/{name}.md" for name in RUN} | set(ELSEWHERE)
    assert all((ROOT / test).exists() for test in ELSEWHERE.values())
